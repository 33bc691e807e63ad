// Where the page begins: one connection, one session, and the view that the address names.

import { Chapters, lessonPanel } from "./chapters.js";
import { Compare } from "./compare.js";
import { Connection } from "./connection.js";
import { icon, make, say } from "./dom.js";
import { Learn } from "./learn.js";
import { isDark } from "./palette.js";
import { isChinese, setLanguage, t } from "./words.js";

const FIRST = { algorithm: "q-learning", environment: "zerone/Maze-v0", seed: 0, settings: {}, options: {} };
const VIEWS = { chapters: Chapters, learn: Learn, compare: Compare };
const KEPT = "zerone-session-";

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
    return { name: Object.hasOwn(VIEWS, name) ? name : "learn", rest: rest.join("/") };
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
    const { name, rest } = this.place;
    if (name !== this.kind || rest !== this.lesson) this.turnTo(name, rest);
    this.view?.close();
    const lesson = this.offers.lessons.find((each) => each.name === rest);
    this.view = new VIEWS[name](this, lesson ? lessonPanel(lesson) : null);
    this.main.replaceChildren(this.view.element);
    if (this.session) {
      this.view.tell(this.session);
      if (this.points) this.view.points(this.points);
      if (this.frame) this.view.show(this.frame);
    }
  }

  // Learn and Compare have a session each. A lesson begins with its own set-up.
  turnTo(kind, rest) {
    const lesson = rest !== this.lesson && this.offers.lessons.find((each) => each.name === rest);
    if (kind !== this.kind) this.session = this.frame = this.points = null;
    [this.kind, this.lesson] = [kind, rest];
    if (kind === "chapters") return;
    const kept = sessionStorage.getItem(KEPT + kind);
    if (lesson && sessionStorage.getItem(`${KEPT}${kind}-lesson`) !== rest) {
      this.first = lesson.setups[0];
      this.session = this.frame = this.points = null;
      this.begin(lesson.setups, false, lesson.pace);
    } else if (kept && !this.session) this.send({ do: "attach", session: kept });
    else if (!this.session && kind === "learn") this.begin([FIRST], true);
    sessionStorage.setItem(`${KEPT}${kind}-lesson`, rest);
  }

  send(message) {
    this.connection.send(message);
  }

  live(text) {
    say(document.getElementById("live"), text);
  }

  // Begins a session; `play` says whether it plays at once, and `pace` how fast.
  begin(setups, play, pace = 5) {
    this.playFirst = play;
    this.paceFirst = pace;
    this.send({ do: "begin", setups });
  }

  tellConnection(state) {
    // It is back when the session is: until then nothing that is pressed would be heard.
    if (state === "open" && this.session && !this.banner.hidden) return;
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
        this.offers = message;
        if (this.kind === undefined) this.drawView();
        else if (this.kind !== "chapters") this.again();
      },
      gone: () => {
        this.tellConnection("heard");
        sessionStorage.removeItem(KEPT + this.kind);
        if (this.session) this.begin(this.session.setups, false);
        else if (this.kind === "learn") this.begin([this.first], true);
      },
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

  // The connection has come back: ask for what was looked at.
  again() {
    const kept = sessionStorage.getItem(KEPT + this.kind);
    if (kept) this.send({ do: "attach", session: kept });
  }

  tellSession(session) {
    this.tellConnection("heard");
    if (this.session?.session !== session.session) this.points = this.frame = null;
    this.session = session;
    sessionStorage.setItem(KEPT + this.kind, session.session);
    this.view?.tell(session);
    if (session.state !== "ready" || this.playFirst === undefined) return;
    this.send({ do: "pace", pace: this.paceFirst });
    if (this.playFirst) this.send({ do: "play" });
    this.playFirst = undefined;
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
