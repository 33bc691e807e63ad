// Creates elements. All contents are set as text, so markup in a name has no effect.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat());
  return element;
}

export function math(tag, ...children) {
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  element.append(...children.flat());
  return element;
}

// Set a text only if it differs, so that unchanged text is neither laid out nor read by screen readers again.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Hide an element or show it. The same value set again would make the browser look for what changed.
export function hide(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

const ICONS = {
  play: "M6 4l12 7-12 7z", pause: "M5 4h4v14H5zM13 4h4v14h-4z", step: "M5 4l9 7-9 7zM15 4h3v14h-3z",
  back: "M17 4l-9 7 9 7zM4 4h3v14H4z", start: "M18 4l-7 7 7 7zM11 4l-7 7 7 7zM3 4h2v14H3z",
  moon: "M16 13.5A7 7 0 0 1 8.5 4 7.5 7.5 0 1 0 18 13.2a7 7 0 0 1-2 .3z",
  sun: "M11 7a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM10 1h2v4h-2zM10 17h2v4h-2zM1 10h4v2H1zM17 10h4v2h-4zM3.2 4.6l1.4-1.4 2.9 2.9-1.4 1.4zM14.5 15.9l1.4-1.4 2.9 2.9-1.4 1.4zM3.2 17.4l2.9-2.9 1.4 1.4-2.9 2.9zM14.5 6.1l2.9-2.9 1.4 1.4-2.9 2.9z",
};

export function icon(name) {
  return svg("svg", { viewBox: "0 0 22 22", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}
