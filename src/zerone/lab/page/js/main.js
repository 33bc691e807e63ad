// Where the page begins: one connection, one session, and the view that the address names.

import { Connection } from "./connection.js";
import { icon, make, say } from "./dom.js";
import { Learn } from "./learn.js";
import { isDark } from "./palette.js";
import { isChinese, setLanguage, t } from "./words.js";

const FIRST = { algorithm: "q-learning", environment: "zerone/Maze-v0", seed: 0, settings: {}, options: {} };
const VIEWS = { learn: Learn };
const KEPT = "zerone-session";

class Page {
  constructor() {
    this.first = FIRST;
    this.offers = null;
    this.session = null;
    this.view = null;
    this.main = document.getElementById("main");
    this.banner = document.getElementById("banner");
    // The token has done its work: the cookie is there. It should not stay in the address, nor in the history.
    if (location.search) history.replaceState(null, "", location.pathname + location.hash);
    this.applyTheme(localStorage.getItem("zerone-theme"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.applyTheme(localStorage.getItem("zerone-theme")));
    setLanguage(isChinese() ? "zh" : "en");
    this.drawFrame();
    addEventListener("hashchange", () => this.drawView());
    this.connection = new Connection((message) => this.receive(message), (state) => this.tellConnection(state));
  }

  get place() {
    const [name, ...rest] = location.hash.slice(1).split("/");
    return { name: VIEWS[name] ? name : "learn", rest: rest.join("/") };
  }

  applyTheme(chosen) {
    document.documentElement.dataset.theme = chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    this.drawView();
  }

  drawFrame() {
    document.querySelectorAll("[data-word]").forEach((each) => say(each, t(each.dataset.word)));
    const { name } = this.place;
    document.getElementById("nav").replaceChildren(...Object.keys(VIEWS).map((each) => make("a", { href: `#${each}`, "aria-current": each === name ? "page" : null }, t(each))));
    const theme = isDark() ? "light" : "dark";
    document.getElementById("tools").replaceChildren(
      make("button", { type: "button", lang: isChinese() ? "en" : "zh", id: "language", on: { click: () => { setLanguage(isChinese() ? "en" : "zh"); this.drawView(); document.getElementById("language").focus(); } } }, t("language")),
      make("button", { type: "button", class: "icon", id: "theme", title: t(theme), "aria-label": t(theme), on: { click: () => {
        localStorage.setItem("zerone-theme", theme);
        this.applyTheme(theme);
        document.getElementById("theme").focus();
      } } }, icon(isDark() ? "sun" : "moon")));
    document.title = `${t(name)} – Zerone lab`;
  }

  // Draws everything again: another view, language or theme.
  drawView() {
    if (!this.banner) return;
    this.drawFrame();
    if (!this.offers) return;
    this.view?.close();
    const { name, rest } = this.place;
    this.view = new VIEWS[name](this, rest || null);
    this.main.replaceChildren(this.view.element);
    if (this.session) {
      this.view.tell(this.session);
      if (this.points) this.view.points(this.points);
      if (this.frame) this.view.show(this.frame);
    }
  }

  send(message) {
    this.connection.send(message);
  }

  live(text) {
    say(document.getElementById("live"), text);
  }

  begin(setups, play) {
    this.playFirst = play;
    this.send({ do: "begin", setups });
  }

  tellConnection(state) {
    const text = state === "lost" ? t("lost") : state === "refused" ? t("refusedServer") : "";
    this.banner.hidden = !text;
    say(this.banner, text);
    this.main.classList.toggle("dim", Boolean(text) && Boolean(this.offers));
  }

  receive(message) {
    const act = {
      hello: () => {
        const other = this.boot && this.boot !== message.boot;
        this.boot = message.boot;
        if (other) location.reload();
      },
      offers: () => {
        const again = this.offers !== null;
        this.offers = message;
        if (!again) this.drawView();
        const kept = sessionStorage.getItem(KEPT);
        if (kept) this.send({ do: "attach", session: kept });
        else this.begin([FIRST], true);
      },
      gone: () => this.begin(this.session?.setups ?? [FIRST], !this.session),
      session: () => this.tellSession(message),
      points: () => this.addPoints(message.curves),
      frame: () => {
        if (message.session !== this.session?.session || this.session.state !== "ready") return;
        this.frame = message;
        this.session.playing = message.playing;
        this.view?.show(message);
      },
      refused: () => this.view?.refuse(message.text),
      failed: () => { this.main.replaceChildren(make("p", { class: "line", role: "alert" }, message.text)); },
    }[message.is];
    act?.();
  }

  tellSession(session) {
    if (this.session?.session !== session.session) this.points = this.frame = null;
    this.session = session;
    sessionStorage.setItem(KEPT, session.session);
    this.view?.tell(session);
    if (session.state === "ready" && this.playFirst) {
      this.playFirst = false;
      this.send({ do: "pace", pace: 5 });
      this.send({ do: "play" });
    }
  }

  addPoints(curves) {
    this.points ??= curves.map(() => null);
    curves.forEach((part, place) => {
      if (!part) return;
      const before = part.new || !this.points[place] ? [] : this.points[place].points;
      this.points[place] = { new: true, points: [...before, ...part.points] };
    });
    this.view?.points(curves);
  }
}

new Page();
