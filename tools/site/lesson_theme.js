// Lessons are shown in frames of their own, which cannot see the theme of this page: it is said to them, and again when
// it changes. It is a message because a page that was opened from a folder may not look into its frames.
const FRAMES = "iframe.film";
const themeOf = (page) => (page.dataset.mdColorScheme === "slate" ? "dark" : "light");
const sayTheme = (frame) => frame.contentWindow?.postMessage({ zeroneTheme: themeOf(document.body) }, "*");

addEventListener("message", (event) => {
  if (event.data !== "zerone-theme?") return;
  for (const frame of document.querySelectorAll(FRAMES)) if (frame.contentWindow === event.source) sayTheme(frame);
});
for (const frame of document.querySelectorAll(FRAMES)) sayTheme(frame);  // those that have asked before this ran
new MutationObserver(() => document.querySelectorAll(FRAMES).forEach(sayTheme))
  .observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
