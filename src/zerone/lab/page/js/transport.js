// Buttons and keys for playing, stepping and going back.

import { hide, icon, make, say } from "./dom.js";
import { t } from "./words.js";

const KEYS = { ArrowRight: "step", ArrowLeft: "back", u: "update", e: "episode", c: "change", Home: "start", n: "step", b: "back" };

export class Transport {
  // `send` sends a message; `paces` are the available speeds, where 0 is the fastest.
  constructor(send, paces) {
    this.send = send;
    this.paces = [...paces.filter((pace) => pace > 0), 0];
    this.playing = false;
    this.play = make("button", { class: "main icon play", type: "button", on: { click: () => this.toggle() } });
    this.slider = make("input", { type: "range", min: "0", max: String(this.paces.length - 1), step: "1", id: "speed",
      on: { input: () => this.choose(Number(this.slider.value)) } });
    this.shown = make("output", { for: "speed" });
    this.updates = this.button("update");
    this.element = make("div", { class: "transport", role: "group", "aria-label": t("play") },
      this.button("start", "start"), this.button("back", "back"), this.play, this.button("step", "step", true),
      this.updates, this.button("episode"), this.button("change"),
      make("label", { class: "speed", for: "speed" }, t("speed"), this.slider, this.shown));
    this.tell({ playing: false, pace: 2 });
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
  }

  button(name, picture = null, both = false) {
    const hint = { update: "updateHint", episode: "episodeHint", change: "changeHint", step: "stepHint", back: "backHint" }[name] ?? name;
    const key = { update: "u", episode: "e", change: "c", step: "→", back: "←", start: "Home" }[name];
    return make("button", { class: "icon", type: "button", title: `${t(hint)} (${key})`, "aria-label": t(hint), "data-move": name,
      on: { click: () => this.send({ do: name }) } }, picture ? icon(picture) : null, !picture || both ? t(name) : null);
  }

  toggle() {
    this.send({ do: this.playing ? "pause" : "play" });
  }

  choose(place) {
    const pace = this.paces[Math.min(this.paces.length - 1, Math.max(0, place))];
    this.pace = pace;
    this.tellPace(pace);
    this.send({ do: "pace", pace });
  }

  key(event) {
    const on = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || on.closest("input, select, textarea, [contenteditable]")) return;
    if (event.key === " ") {
      if (on.closest("button, summary, a")) return;
      this.toggle();
    } else if (event.key === "+" || event.key === "-" || event.key === "=") {
      this.slider.value = String(Number(this.slider.value) + (event.key === "-" ? -1 : 1));
      this.choose(Number(this.slider.value));
    } else if (KEYS[event.key]) this.send({ do: KEYS[event.key] });
    else return;
    event.preventDefault();
  }

  tell({ playing, pace, block }) {
    if (this.playing !== playing || !this.play.firstChild) {
      this.playing = playing;
      this.play.replaceChildren(icon(playing ? "pause" : "play"), t(playing ? "pause" : "play"));
    }
    if (block !== undefined) hide(this.updates, block === 1);
    if (pace !== this.pace && document.activeElement !== this.slider) {
      this.pace = pace;
      this.slider.value = String(this.paces.indexOf(pace));
    }
    this.tellPace(this.pace ?? pace);
  }

  tellPace(pace) {
    const text = pace === 0 ? t("full") : pace < 1 ? t("onePer") : `${pace} ${t("perSecond")}`;
    if (this.shown.textContent === text) return;
    say(this.shown, text);
    this.slider.setAttribute("aria-valuetext", text);
  }
}
