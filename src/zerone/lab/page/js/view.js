// One training on the page: picture, position, what was learnt, and curves. Learn has one, Compare several.

import { Chart } from "./chart.js";
import { hide, make, say } from "./dom.js";
import { bars, decision, happened, learnt } from "./learnt.js";
import { futures } from "./futures.js";
import { actionText } from "./meanings.js";
import { minus, whole } from "./numbers.js";
import { Stage, drawSurface, short } from "./stage.js";
import { metricName } from "./sentences.js";
import { t } from "./words.js";

const LAYERS = [["values", "layerValues"], ["arrows", "layerArrows"], ["numbers", "layerNumbers"], ["footprints", "layerFootprints"]];
// Milliseconds between two drawings at high speed: curves change slowly, and nobody reads more numbers a second. The
// browser lays out and paints text on the same cores that train.
const CURVES_EVERY = 500, FACTS_EVERY = 100;

export class View {
  constructor(about, mostHigh) {
    this.about = about;
    this.points = [];
    this.drawn = {};
    this.facts = make("dl", { class: "facts" });
    this.canvas = make("canvas", { role: "img", "aria-label": t("picture") });
    this.tip = make("div", { class: "tip", hidden: true });
    this.veil = make("div", { class: "veil", hidden: true });
    this.picture = make("div", { class: "picture" }, this.canvas, this.tip, this.veil);
    this.stage = new Stage(this.canvas, about, mostHigh);
    this.layers = make("div", { class: "layers" });
    this.happened = make("div", { class: "inside" });
    this.learnt = make("div", { class: "inside" });
    this.more = make("div", { class: "inside" });
    this.moreTitle = make("h2", {});
    this.moreBox = make("section", { class: "card", hidden: true }, this.moreTitle, this.more);
    this.futures = make("div", { class: "inside" });
    this.futuresBox = make("section", { class: "card", hidden: !about.canLookAhead }, make("h2", {}, t("lookAhead")), this.futures);
    this.surface = make("canvas", { class: "surface", role: "img", "aria-label": t("surface") });
    this.ends = make("p", { class: "quiet number" });
    this.surfaceBox = make("section", { class: "card", hidden: true }, make("h2", {}, t("surface")), make("div", { class: "inside" }, this.surface, this.ends));
    this.charts = [new Chart(t("chartReturn"), t("overEpisodes")), new Chart(t("chartLength"), t("overEpisodes"))];
    this.metric = Object.keys(about.metrics)[0];
    if (this.metric) this.charts.push(new Chart(metricTitle(this.metric), t("overSteps")));
    this.drawLayers();
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.picture);
  }

  close() {
    this.watch.disconnect();
  }

  resize() {
    const room = this.picture.clientWidth - 32;
    if (room <= 0) return;
    this.stage.resize(room);
    if (this.now) this.stage.draw(this.now);
  }

  drawLayers() {
    if (!this.about.grid) return;
    const shown = LAYERS.filter(([name]) => name !== "footprints" || this.about.setup.algorithm === "sarsa-lambda");
    this.layers.replaceChildren(...shown.map(([name, word]) => make("label", {},
      make("input", { type: "checkbox", checked: this.stage.layers[name], on: { change: (event) => {
        this.stage.layers[name] = event.target.checked;
        if (this.now) this.stage.draw(this.now);
      } } }), t(word))));
  }

  // Set the environment; returns whether it is another one.
  adopt(now) {
    if (!now.picture || now.part === this.part) return false;
    this.part = now.part;
    Object.assign(this.about, now.picture);
    return true;
  }

  // Show a new moment. Everything on the canvas is drawn together, in the next frame of the screen.
  show(now) {
    this.now = now;
    if (!this.waiting) {
      this.waiting = requestAnimationFrame(() => {
        this.waiting = null;
        this.draw();
      });
    }
  }

  draw() {
    const now = this.now, about = this.about;
    if (!this.stage.unit) this.resize();
    if (this.stage.unit) this.stage.draw(now);
    if (this.due("facts", FACTS_EVERY)) this.drawFacts();
    if (!(now.quick && this.wasQuick)) {
      this.happened.replaceChildren(happened(now));
      this.learnt.replaceChildren(...learnt(now, about));
      this.drawMore();
    }
    this.wasQuick = now.quick;
    this.drawValues();
    if (this.due("curves", CURVES_EVERY)) this.drawCurves();
  }

  // Whether a part of the page is to be drawn again: always, except at high speed if it was just drawn.
  due(part, every) {
    const time = performance.now();
    if (this.now.quick && time - (this.drawn[part] ?? -Infinity) < every) return false;
    this.drawn[part] = time;
    return true;
  }

  drawFacts() {
    const now = this.now, about = this.about;
    const wanted = [["steps", whole(now.at)], ["episodeNumber", `${whole(now.episode)}`, `${t("stepOf")} ${whole(now.length)} ${t("stepOfEnd")}`.trim()], ["return", minus(now.total)]];
    if (now.epsilon !== null) wanted.push(["epsilon", String(now.epsilon)]);
    if (about.block > 1) wanted.push(["updates", whole(now.updates)]);
    if (this.facts.children.length !== wanted.length) {
      this.facts.replaceChildren(...wanted.map(([name, , beside]) => make("div", {}, make("dt", {}, t(name)),
        make("dd", {}, make("span", {}), beside === undefined ? null : make("span", { class: "quiet" })))));
    }
    wanted.forEach(([, value, beside], place) => {
      const [main, quiet] = this.facts.children[place].lastChild.children;
      say(main, value);
      if (quiet) say(quiet, `  ${beside}`);
    });
  }

  // Beside the picture: the values of all states of a plane.
  drawValues() {
    const now = this.now, about = this.about;
    hide(this.surfaceBox, !(now.surface && about.plane));
    if (!this.surfaceBox.hidden) {
      drawSurface(this.surface, about, now);
      say(this.ends, `→ ${t(about.plane.names[0])}  ↑ ${t(about.plane.names[1])}   V ${tidy(now.surface.low)} … ${tidy(now.surface.high)}`);
    }
  }

  // Beside the picture: the numbers that chose the action, and the futures.
  drawMore() {
    const now = this.now, about = this.about, notNow = () => make("p", { class: "quiet" }, t("notNow"));
    if (now.quick) {
      this.more.replaceChildren(notNow());
      if (this.futures.lastElementChild?.children.length) this.futures.lastElementChild.replaceChildren(notNow());
      return;
    }
    if (about.canLookAhead) this.futures.lastElementChild?.replaceChildren(...(now.futures ? futures(now.futures) : []));
    const found = now.decision ?? now.bars;
    this.moreBox.hidden = !found;
    if (!found) return;
    say(this.moreTitle, now.decision ? `${t("decision")}${found.numbers.length ? `: ${found.kind}` : ""}` : t(about.grid ? "barsS" : "barsQ"));
    this.more.replaceChildren(...(now.decision ? decision(found, about.actions, now.step?.action) : [bars(found, about.actions, about.grid ? now.step?.action : null)]));
  }

  addPoints(part) {
    if (part.new) this.points = [];
    this.points.push(...part.points);
  }

  drawCurves() {
    const { byEpisode, byStep, episodesNow } = curves(this.points, this.now.at);
    this.charts[0].draw([byEpisode.map(([x, count, total]) => [x, total, count])], episodesNow, t("noEpisode"));
    this.charts[1].draw([byEpisode.map(([x, count, , length]) => [x, length, count])], episodesNow, t("noEpisode"));
    if (this.metric) this.charts[2].draw([byStep], this.now.at, t("noUpdate"));
  }

  // The Q value of each action in the cell under the pointer.
  point(event) {
    const now = this.now, state = now?.table ? this.stage.stateAt(event.offsetX, event.offsetY) : null;
    this.tip.hidden = state === null;
    if (state === null) return;
    const row = now.table[state], best = Math.max(...row);
    say(this.tip, this.about.actions.map((name, place) => `${row[place] === best ? "★" : "  "} ${actionText(name)}  ${row[place] === 0 ? "0" : minus(row[place])}`).join("\n"));
    this.tip.style.left = `${Math.min(event.offsetX + this.canvas.offsetLeft + 14, this.picture.clientWidth - 130)}px`;
    this.tip.style.top = `${event.offsetY + this.canvas.offsetTop + 14}px`;
  }

  cover(title, text = "", bad = false) {
    hide(this.veil, title === null);
    this.veil.classList.toggle("bad", bad);
    if (title === null) return;
    this.veil.replaceChildren(...[bad ? null : make("div", { class: "spinner" }), make("p", { class: "title" }, title), text ? make("p", { class: bad ? "" : "quiet" }, text) : null].filter(Boolean));
  }
}

const metricTitle = (name) => metricName(name) ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
const tidy = (number) => minus(+number.toPrecision(3));

// The server's points as points of curves, over episodes or over steps.
export function curves(points, at) {
  const byEpisode = [], byStep = [];
  let episodes = 0, episodesNow = 0;
  for (const [step, count, total, length, metrics] of points) {
    episodes += count;
    if (step <= at) episodesNow = episodes;
    if (count) byEpisode.push([episodes, count, total, length, step]);
    if (metrics.length && metrics[0] !== null) byStep.push([step, metrics[0]]);
  }
  return { byEpisode, byStep, episodesNow };
}

export { short };
