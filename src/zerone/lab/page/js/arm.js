// The view Arm: the goal follows the mouse or touch; keys turn the joints.

import { make, say } from "./dom.js";
import { Held } from "./held.js";
import { Stage } from "./stage.js";
import { serverText } from "./sentences.js";
import { t } from "./words.js";

const HIGH = 620, MOST_DELAYS = 60;

export class ArmView {
  constructor(page) {
    this.page = page;
    this.canvas = make("canvas", { role: "img", tabindex: "0", class: "touch" });
    this.veil = make("div", { class: "veil", role: "status" }, make("div", { class: "spinner" }), make("p", { class: "title" }, t("compiling")));
    this.box = make("div", { class: "picture" }, this.canvas, this.veil);
    this.facts = make("dl", { class: "facts" }, ["distance", "held", "who", "delay"].map((word) => make("div", {}, make("dt", {}, t(word)), make("dd", {}, "–"))));
    this.hint = make("p", { class: "hintline" }, t("armHint"));
    this.pad = make("div", { class: "pad" });
    this.wrong = make("div", {});
    this.element = make("div", { class: "armview" }, this.wrong,
      make("section", { class: "card stage", "aria-label": t("arm") }, this.facts, this.box, this.hint, this.pad),
      make("section", { class: "card" }, make("h2", {}, t("armTitle")), make("div", { class: "inside prose" }, make("p", {}, t("armText")), make("p", {}, t("armPolicy")), make("p", { class: "quiet" }, t("armTry")))));
    this.delays = [];
    this.held = new Held((keys) => page.send({ do: "hold", keys }));
    this.canvas.addEventListener("pointerdown", (event) => { this.canvas.setPointerCapture?.(event.pointerId); this.point(event); });
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.box);
  }

  close() {
    this.watch.disconnect();
    this.held.close();
  }

  tell(session) {
    const bad = session.state === "refused" || session.state === "failed";
    this.wrong.replaceChildren(...(bad ? [make("p", { class: "line", role: "alert" }, serverText(session.text))] : []));
    this.veil.hidden = session.state !== "compiling";
    if (session.state !== "ready" || this.stage) return;
    this.stage = new Stage(this.canvas, session.about[0], HIGH);
    this.held.setKeys(session.about[0].keys, this.pad);
    this.resize();
  }

  resize() {
    const room = this.box.clientWidth - 32;
    if (!this.stage || room <= 0) return;
    this.stage.resize(room);
    if (this.now) this.draw();
  }

  // At most once per frame of the screen, as a mouse may report its position a thousand times per second.
  point(event) {
    if (!this.stage?.unit) return;
    this.next = this.stage.placeOf(event.offsetX, event.offsetY);
    this.since ??= performance.now();
    if (this.sending) return;
    this.sending = requestAnimationFrame(() => {
      this.sending = null;
      this.asked = { at: this.next, since: this.since };
      this.since = undefined;
      this.page.send({ do: "point", at: this.next.map((each) => +each.toFixed(1)) });
    });
  }

  points() {}

  show(frame) {
    this.now = frame.arm;
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
      this.measure();
    });
  }

  draw() {
    if (!this.stage?.unit) return;
    const { arm: _, ...now } = { ...this.now, table: null, trace: null, state: null };
    this.stage.draw(now);
    const values = [`${this.now.distance} px`, String(this.now.held), t(this.now.by === "person" ? "you" : "policy"), this.delays.length ? `${Math.round(this.delay)} ms` : "–"];
    values.forEach((value, place) => say(this.facts.children[place].lastChild, value));
    this.canvas.setAttribute("aria-label", t("armSeen", this.now));
  }

  // The delay between a mouse movement and the frame that shows its goal.
  measure() {
    const { asked } = this, [x, y] = this.now.goal;
    if (!asked) return;
    const clipped = asked.at.map((each) => Math.min(400, Math.max(0, each)));
    if (Math.abs(clipped[0] - x) > 0.2 || Math.abs(clipped[1] - y) > 0.2) return;
    this.asked = null;
    this.delays = [...this.delays, performance.now() - asked.since].slice(-MOST_DELAYS);
    this.element.dataset.delay = String(this.delay);
  }

  get delay() {
    const sorted = [...this.delays].sort((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)];
  }

  refuse(text) {
    this.wrong.replaceChildren(make("p", { class: "line", role: "alert" }, serverText(text)));
  }
}
