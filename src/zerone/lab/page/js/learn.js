// The view Learn: one training, from its set-up to its curves.

import { make, say } from "./dom.js";
import { Editor } from "./editor.js";
import { serverText } from "./sentences.js";
import { Setup } from "./setup.js";
import { Transport } from "./transport.js";
import { View } from "./view.js";
import { t } from "./words.js";

const SEARCHING = { episode: "searchingEpisode", change: "searchingChange", disturb: "changing" };

export class Learn {
  // `page` has the connection and the available choices.
  constructor(page, lesson = null) {
    this.page = page;
    this.setup = new Setup(page.offers, (setup) => page.begin([setup], page.session?.playing ?? false), page.session?.setups?.[0] ?? page.first, async (setup, steps, seeds) => {
      const { run } = await page.ask({ what: "train", setup, steps, seeds }).catch((error) => { throw new Error(serverText(error.message)); });
      location.hash = `#runs/${encodeURIComponent(run)}`;
    });
    this.transport = new Transport((message) => page.send(message), page.offers.paces);
    this.work = make("div", { class: "work" });
    this.element = make("div", { class: "stack" }, lesson, make("div", { class: "learn" }, make("div", { class: "stack choices" }, this.setup.element, keyboard()), this.work));
    this.cover();
  }

  close() {
    this.transport.close();
    this.view?.close();
  }

  // Show a session, or another state of it.
  tell(session) {
    if (this.adopted !== session.session) {
      this.adopted = session.session;
      const [setup] = session.setups, mine = this.setup.setup();
      if (Object.keys(mine).some((name) => JSON.stringify(mine[name]) !== JSON.stringify(setup[name]))) this.setup.adopt(setup);
    }
    if (session.about.length && this.name !== session.session) {
      this.name = session.session;
      this.view?.close();
      this.view = new View(session.about[0]);
      this.lay();
    }
    this.cover(session);
  }

  lay() {
    const view = this.view;
    const card = (title, inside, extra = "") => make("section", { class: `card ${extra}` }, make("h2", {}, title), inside);
    this.missed = make("p", { class: "note", role: "status" });
    this.editor = view.about.layout ? new Editor(view, (rows) => this.page.begin([{ ...this.setup.setup(), options: { ...this.setup.options, layout: rows } }], true), (rows) => this.page.send({ do: "disturb", kind: "layout", value: rows })) : null;
    const stage = make("section", { class: "card stage", "aria-label": t("learn") }, view.facts, view.picture, this.missed, view.layers, this.editor?.element ?? [], view.about.canBePushed ? this.weather() : [], this.transport.element);
    if (view.about.canLookAhead) view.futures.replaceChildren(this.looking(), make("div", {}));
    const side = make("div", { class: "side" }, card(t("happened"), view.happened), view.surfaceBox, view.moreBox, view.futuresBox);
    this.work.replaceChildren(stage, side, card(t("learnt"), view.learnt, "wide"),
      make("div", { class: "wide charts" }, view.charts.map((each) => each.element)));
  }

  // The choice of how far to look ahead; the tree is drawn below.
  looking() {
    const { steps, simulations } = this.page.offers.lookAhead, option = (kind, value, name) => make("option", { value: `${kind} ${value}` }, name);
    const all = Array.from({ length: steps }, (_, place) => option("steps", place + 1, place ? t("lookSteps", { n: place + 1 }) : t("lookStep")));
    const some = simulations.map((each) => option("simulations", each, t("lookSimulations", { n: each })));
    this.look = make("select", { id: "look", "aria-label": t("lookAhead"), on: { change: () => this.lookAhead(true) } }, option("steps", 0, t("lookNone")),
      make("optgroup", { label: t("lookAll") }, all), make("optgroup", { label: t("lookTree") }, some));
    this.lookText = make("p", { class: "quiet" }, t("lookText"));
    return make("div", { class: "looking" }, this.look, this.lookText);
  }

  // Use the chosen search; `ask` is true if the user has just chosen it.
  lookAhead(ask = false) {
    const [kind, number] = this.look.value.split(" ");
    say(this.lookText, t(kind === "steps" ? "lookText" : "lookTreeText"));
    if (ask) this.page.send({ do: "look-ahead", [kind]: Number(number) });
  }

  // How the user can disturb a cart, a car or a pendulum while it learns.
  weather() {
    const disturb = (kind, value) => this.page.send({ do: "disturb", kind, value });
    this.wind = make("input", { type: "range", id: "wind", min: "-1", max: "1", step: "0.25", value: "0", on: { change: () => disturb("wind", Number(this.wind.value)) } });
    return make("div", { class: "weather", role: "group", "aria-label": t("disturb") }, make("button", { type: "button", "data-push": "-1", on: { click: () => disturb("push", -1) } }, `← ${t("pushLeft")}`),
      make("button", { type: "button", "data-push": "1", on: { click: () => disturb("push", 1) } }, `${t("pushRight")} →`), make("label", { class: "speed", for: "wind" }, `${t("wind")}  ←`, this.wind, "→"));
  }

  show(frame) {
    const now = frame.trainings[0];
    if (this.view.adopt(now)) this.editor?.adopt();
    if (this.wind && document.activeElement !== this.wind) this.wind.value = String(now.wind ?? 0);
    // The session keeps the choice of how far to look ahead, also when the page is drawn again.
    if (this.look && !now.quick && document.activeElement !== this.look) {
      this.look.value = now.futures?.simulations ? `simulations ${now.futures.simulations}` : `steps ${now.futures?.depth ?? 0}`;
      this.lookAhead();
    }
    this.view.show(now);
    this.transport.tell({ playing: frame.playing, pace: frame.pace, block: this.view.about.block });
    if (frame.searching) this.view.cover(t(SEARCHING[frame.searching]));
    else this.view.cover(null);
    say(this.missed, frame.refused ? serverText(frame.refused) : frame.missed ? t(frame.missed === "episode" ? "missedEpisode" : "missedChange") : "");
    if (!frame.playing) this.page.live(t("live", now));
  }

  points(parts) {
    if (parts[0]) this.view.addPoints(parts[0]);
  }

  // The message over the picture while there is none.
  cover(session = null) {
    const state = session?.state ?? "compiling", bad = state === "refused" || state === "failed";
    this.transport.element.inert = bad;  // nothing is left to play
    this.transport.element.classList.toggle("dim", bad);
    if (state === "ready") return this.view.cover(null);
    if (this.view && this.name === session?.session) return this.view.cover(t(state), serverText(session.text), bad);
    const inside = bad ? [make("p", { class: "title" }, t(state)), make("p", {}, serverText(session.text))]
      : this.page.lost ? [make("p", { class: "title" }, t("connecting"))]
      : [make("div", { class: "spinner" }), make("p", { class: "title" }, t("compiling")), make("p", { class: "quiet" }, t("compilingWhy"))];
    this.name = null;
    this.work.replaceChildren(make("section", { class: "card stage wide" },
      make("div", { class: "picture" }, make("div", { class: `veil${bad ? " bad" : ""}`, role: bad ? "alert" : "status" }, inside))));
    return null;
  }

  refuse(text) {
    this.cover({ state: "refused", text, session: null });
  }
}

// The list of keys and their effects.
function keyboard() {
  const keys = [[t("space"), "keyPlay"], ["→ ←", "keyStep"], ["u e c", "keyMore"], ["+ −", "keySpeed"], ["Home", "keyStart"]];
  const help = make("div", { class: "keys" }, keys.flatMap(([key, word]) => [
    make("span", {}, key.split(" ").map((each) => make("kbd", {}, each))), make("span", {}, t(word))]));
  return make("section", { class: "card keyboard" }, make("h2", {}, t("keys")), make("div", { class: "inside" }, help));
}
