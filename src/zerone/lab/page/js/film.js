// The film of a checkpoint: an episode frame by frame, with a slider over the checkpoints and the table or surface.

import { icon, make, say } from "./dom.js";
import { minus, tick, whole } from "./numbers.js";
import { Stage, drawSurface } from "./stage.js";
import { t } from "./words.js";

const FRAMES_PER_SECOND = 30, CELLS_PER_SECOND = 4, HIGH = 360;
const REST = 900;  // milliseconds on the last frame before the film restarts

export class Films {
  // `fetch` returns the film of a checkpoint's name, or a promise of it; `onChange` gets the name of the shown one.
  constructor(picture, names, fetch, onChange) {
    this.picture = picture;
    this.fetch = fetch;
    this.onChange = onChange;
    this.canvas = make("canvas", { role: "img", "aria-label": t("picture") });
    this.surface = make("canvas", { class: "surface", role: "img", "aria-label": t("surface") });
    this.surfaceBox = make("div", { class: "beside", hidden: true }, make("h3", {}, t("surface")), this.surface);
    this.box = make("div", { class: "picture" }, this.canvas);
    this.stage = new Stage(this.canvas, picture, HIGH);
    this.line = make("p", { class: "note", role: "status" });
    this.facts = make("dl", { class: "facts" }, ["checkpoint", "steps", "return"].map((word) => make("div", {}, make("dt", {}, t(word)), make("dd", {}))));
    this.slider = make("input", { type: "range", min: "0", step: "1", id: "checkpoint", on: { input: () => this.choose(Number(this.slider.value)) } });
    this.shown = make("output", { for: "checkpoint" });
    this.button = make("button", { type: "button", class: "main icon play", on: { click: () => this.toggle() } });
    this.frame = make("input", { type: "range", min: "0", step: "1", "aria-label": t("frame"), on: { input: () => { this.pause(); this.place = Number(this.frame.value); this.draw(); } } });
    this.element = make("section", { class: "card stage film", "aria-label": t("film") }, this.facts, make("div", { class: "screen" }, this.box, this.surfaceBox), this.line,
      make("div", { class: "transport" }, this.button, this.frame),
      make("div", { class: "transport checkpoints" }, make("label", { for: "checkpoint" }, t("checkpoint")), this.slider, this.shown));
    this.place = 0;
    this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.box);
    this.setNames(names);
    this.tell();
    this.ticking = requestAnimationFrame((now) => this.tick(now));
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.ticking);
    this.watch.disconnect();
  }

  // Set the existing checkpoints; a training adds more. If the newest one is shown, the film follows the newest.
  setNames(names) {
    const atEnd = !this.names || this.index === this.names.length - 1, before = this.names?.[this.index];
    this.names = names;
    this.slider.max = String(names.length - 1);
    const place = atEnd || !names.includes(before) ? names.length - 1 : names.indexOf(before);
    this.slider.value = String(place);
    this.choose(place);
  }

  async choose(index) {
    this.index = index;
    const name = this.names[index];
    say(this.shown, checkpointName(name));
    this.slider.setAttribute("aria-valuetext", checkpointName(name));
    this.onChange?.(name);
    try {
      const film = await this.fetch(name);
      if (this.closed || this.names[this.index] !== name) return;
      say(this.line, "");
      if (this.film !== film) this.place = 0;
      this.film = film;
      this.begun = null;
      this.frame.max = String(film.frames.length - 1);
      this.resize();
    } catch (error) {
      if (this.names[this.index] !== name) return;
      this.film = null;
      say(this.line, error.message);
      this.stage.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    }
  }

  toggle() {
    if (this.playing) this.pause();
    else {
      this.playing = true;
      this.begun = null;
      if (this.film && this.place >= this.film.frames.length - 1) this.place = 0;
      this.tell();
    }
  }

  pause() {
    this.playing = false;
    this.tell();
  }

  tell() {
    this.button.replaceChildren(icon(this.playing ? "pause" : "play"), t(this.playing ? "pause" : "play"));
  }

  tick(now) {
    if (this.closed) return;
    this.ticking = requestAnimationFrame((next) => this.tick(next));
    const film = this.film;
    if (!film || !this.playing) return;
    this.begun ??= { at: now, place: this.place };
    const each = 1000 / (this.picture.grid ? CELLS_PER_SECOND : FRAMES_PER_SECOND / film.every), last = film.frames.length - 1;
    const place = this.begun.place + Math.floor((now - this.begun.at) / each);
    if (place > last && now - this.begun.at > (last - this.begun.place) * each + REST) {
      this.begun = { at: now, place: 0 };
      this.place = 0;
    } else if (Math.min(place, last) === this.place) return;
    else this.place = Math.min(place, last);
    this.draw();
  }

  resize() {
    const room = this.box.clientWidth - 32;
    if (room <= 0) return;
    this.stage.resize(room);
    this.draw();
  }

  draw() {
    const film = this.film, frame = film?.frames[Math.min(this.place, film.frames.length - 1)];
    if (!frame || !this.stage.unit) return;
    this.stage.draw({ shapes: frame.shapes, table: film.table, state: frame.state, trace: null, learnt: null });
    this.frame.value = String(this.place);
    const end = frame === film.frames.at(-1) ? film.ended || "cut" : "";
    const values = [checkpointName(this.names[this.index]), `${whole(frame.at)} ${t("of")} ${whole(film.steps)}`, minus(frame.total)];
    values.forEach((value, place) => say(this.facts.children[place].lastChild, value));
    this.canvas.setAttribute("aria-label", `${t("picture")}: ${values.join(", ")}`);
    this.facts.classList.toggle("over", Boolean(end));
    this.surfaceBox.hidden = !film.surface;
    if (film.surface) drawSurface(this.surface, film, { surface: film.surface, place: frame.place });
  }
}

export const checkpointName = (name) => (name === "0" ? t("untrained") : name === "best" ? t("best") : t("afterSteps", { n: tick(Number(name)) }));
