// The entry point of the page: the connection, the session, and the view that the address names.

import { ArmView } from "./arm.js";
import { Chapters, lessonPanel } from "./chapters.js";
import { Compare } from "./compare.js";
import { Connection } from "./connection.js";
import { icon, make, say } from "./dom.js";
import { Learn } from "./learn.js";
import { isDark } from "./palette.js";
import { Play } from "./play.js";
import { Runs } from "./runs.js";
import { serverText } from "./sentences.js";
import { isChinese, setLanguage, t } from "./words.js";

const FIRST = { algorithm: "q-learning", environment: "zerone/Maze-v0", seed: 0, settings: {}, options: {} };
const VIEWS = { chapters: Chapters, learn: Learn, compare: Compare, runs: Runs, play: Play, arm: ArmView };
const ALONE = ["chapters", "runs"];  // these show no session
const PLAYED_FIRST = "zerone/Maze-v0";
const WORDS = { play: "play_" };  // "Play" is also the text of a button
const KEPT = "zerone-session-";

class Page {
  constructor() {
    this.first = FIRST;
    this.offers = null;
    this.asked = 0;
    this.waiting = new Map();
    this.session = null;
    this.view = null;
    this.main = document.getElementById("main");
    this.banner = document.getElementById("banner");
    // The page has the cookie now. The token should stay neither in the address nor in the history.
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
    document.getElementById("nav").replaceChildren(...Object.keys(VIEWS).map((each) => make("a", { href: `#${each}`, "aria-current": each === name ? "page" : null }, t(WORDS[each] ?? each))));
    const theme = isDark() ? "light" : "dark";
    document.getElementById("tools").replaceChildren(
      make("button", { type: "button", lang: isChinese() ? "en" : "zh", id: "language", on: { click: () => { setLanguage(isChinese() ? "en" : "zh"); this.live(""); this.drawView(); document.getElementById("language").focus(); } } }, t("language")),
      make("button", { type: "button", class: "icon", id: "theme", title: t(theme), "aria-label": t(theme), on: { click: () => {
        localStorage.setItem("zerone-theme", theme);
        this.applyTheme(theme);
        document.getElementById("theme").focus();
      } } }, icon(isDark() ? "sun" : "moon")));
    document.title = `${t(WORDS[name] ?? name)} – Zerone lab`;
  }

  // Draw everything again, after a change of view, language or theme.
  drawView() {
    if (!this.banner) return;
    this.drawFrame();
    if (!this.offers) return;
    const { name, rest } = this.place;
    const chosen = name === this.kind && rest === this.lesson ? this.view?.setup?.chosen : null;
    if (name !== this.kind || rest !== this.lesson) this.turnTo(name, rest);
    this.view?.close();
    const lesson = this.offers.lessons.find((each) => each.name === rest);
    this.view = new VIEWS[name](this, lesson ? lessonPanel(lesson) : null, rest);
    this.main.replaceChildren(this.view.element);
    if (this.session) {
      this.view.tell(this.session);
      if (this.points) this.view.points(this.points);
      if (this.frame) this.view.show(this.frame);
      if (["refused", "failed"].includes(this.session.state)) this.view.tell(this.session);  // the frame took the message away
    }
    if (chosen) this.view.setup.choose(chosen);
  }

  // Learn and Compare have one session each. A lesson begins with its own set-up.
  turnTo(kind, rest) {
    const lesson = rest !== this.lesson && this.offers.lessons.find((each) => each.name === rest);
    if (kind !== this.kind) this.session = this.frame = this.points = null;
    [this.kind, this.lesson] = [kind, rest];
    if (ALONE.includes(kind)) {
      this.send({ do: "leave" });
      return;
    }
    const kept = sessionStorage.getItem(KEPT + kind);
    if (lesson && sessionStorage.getItem(`${KEPT}${kind}-lesson`) !== rest) {
      this.first = lesson.setups[0];
      this.session = this.frame = this.points = null;
      this.begin(lesson.setups, false, lesson.pace);
    } else if (kept && !this.session) this.send({ do: "attach", session: kept });
    else if (!this.session) this.beginFirst();
    sessionStorage.setItem(`${KEPT}${kind}-lesson`, rest);
  }

  // The first set-up of a view if the user has chosen nothing.
  beginFirst() {
    if (this.kind === "learn") this.begin([this.first], true);
    if (this.kind === "arm") this.take("arm");
    if (this.kind === "play") this.take(PLAYED_FIRST);
  }

  send(message) {
    return this.connection.send(message);
  }

  // A request about runs: resolves with the answer, or fails with a one-line error.
  ask(question) {
    const number = (this.asked += 1);
    return new Promise((done, fail) => {
      if (this.send({ do: "ask", number, ...question })) this.waiting.set(number, { done, fail });
      else fail(Object.assign(new Error(t("lost")), { lost: true }));
    });
  }

  answer({ number, refused, ...answer }) {
    const waiting = this.waiting.get(number);
    this.waiting.delete(number);
    if (refused !== undefined) waiting?.fail(new Error(refused));
    else waiting?.done(answer);
  }

  // Begin an environment that the user plays.
  take(environment) {
    this.playFirst = undefined;
    this.send({ do: "take", environment });
  }

  // Begin a session that steps through the training of a run.
  learnWith(setup) {
    this.first = setup;
    sessionStorage.removeItem(`${KEPT}learn`);
    location.hash = "#learn";
  }

  live(text) {
    say(document.getElementById("live"), text);
  }

  // Begin a session; with `play` it plays at once, at the speed `pace`.
  begin(setups, play, pace = 5) {
    this.playFirst = play;
    this.paceFirst = pace;
    this.send({ do: "begin", setups });
  }

  get lost() {
    return !this.banner.hidden;
  }

  tellConnection(state) {
    // Reconnected only when the session is back: until then buttons would have no effect.
    if (state === "open" && this.session && !this.banner.hidden) return;
    if (state !== "open" && state !== "heard") {
      for (const { fail } of this.waiting.values()) fail(Object.assign(new Error(t("lost")), { lost: true }));
      this.waiting.clear();
    }
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
        this.connection.remember(message.again);
        if (other) location.reload();
      },
      offers: () => {
        this.offers = message;
        if (this.kind === undefined) this.drawView();
        else if (!ALONE.includes(this.kind)) this.again();
      },
      gone: () => {
        this.tellConnection("heard");
        sessionStorage.removeItem(KEPT + this.kind);
        if (this.session?.setups.length) this.begin(this.session.setups, false);
        else this.beginFirst();
      },
      session: () => this.tellSession(message),
      points: () => {  // of the session that was left there may be some on the way
        if (message.session === this.session?.session) this.addPoints(message.curves);
      },
      frame: () => {
        if (message.session !== this.session?.session || this.session.state !== "ready") return;
        this.frame = message;
        this.session.playing = message.playing;
        this.view?.show(message);
      },
      answer: () => this.answer(message),
      refused: () => this.view?.refuse(serverText(message.text)),
      failed: () => { this.main.replaceChildren(make("p", { class: "line", role: "alert" }, message.text)); },
    }[message.is];
    act?.();
  }

  // After reconnecting, request what was shown.
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
