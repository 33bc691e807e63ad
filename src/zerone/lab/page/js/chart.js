// Curves over episodes or steps: all points, and a running mean as a thicker line, with its last value above.

import { make, svg, say } from "./dom.js";
import { tick, ticks } from "./numbers.js";
import { SERIES } from "./palette.js";
import { t } from "./words.js";

let number = 0;
const WIDTH = 420, HEIGHT = 204, LEFT = 46, RIGHT = 10, TOP = 10, BOTTOM = 42;

export class Chart {
  // `axis` is the label of the x axis.
  constructor(title, axis) {
    this.clip = `clip-${(number += 1)}`;
    this.latest = make("output", {});
    this.what = make("span", { class: "quiet", hidden: true }, t("recentMean"));
    this.drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this.label = title;
    this.axis = axis;
    this.element = make("section", { class: "card chart" }, make("header", {}, make("h2", {}, title), make("p", { class: "quiet" }, this.what, " ", this.latest)),
      make("div", { class: "inside" }, this.drawing));
    new ResizeObserver(() => this.last && this.draw(...this.last)).observe(this.drawing);
  }

  // `lines` has a list of [x, y, weight] per series; `now` is the current position on the x axis; `dotted` is a series
  // that is drawn as separate points.
  draw(lines, now, empty, dotted = -1) {
    this.last = [lines, now, empty, dotted];
    const width = Math.max(220, this.drawing.clientWidth || WIDTH);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const points = lines.flat();
    this.what.hidden = !points.length;
    if (!points.length) {
      this.drawing.replaceChildren(svg("text", { x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, empty));
      this.drawing.setAttribute("aria-label", `${this.label}: ${empty}`);
      say(this.latest, "");
      return;
    }
    let [low, high] = bounds(points.map((each) => each[1]));
    if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.5, high + (Math.abs(high) || 1) * 0.5];
    const pad = (high - low) * 0.06;
    [low, high] = [low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad];
    const last = Math.max(...points.map((each) => each[0]), 1);
    const x = (value) => LEFT + (value / last) * (width - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const parts = [];
    for (const value of ticks(low, high)) {
      parts.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
      parts.push(svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, tick(value)));
    }
    for (const value of ticks(0, last, Math.max(2, Math.floor(width / 90)), 1)) {
      const anchor = x(value) > width - RIGHT - 18 ? "end" : value === 0 ? "start" : "middle";
      parts.push(svg("text", { x: x(value), y: HEIGHT - 24, "text-anchor": anchor }, tick(value)));
    }
    parts.push(svg("text", { x: width - RIGHT, y: HEIGHT - 7, "text-anchor": "end" }, this.axis));
    lines.forEach((line, place) => {
      const color = `var(${SERIES[place]})`, smooth = mean(line);
      const clip = `url(#${this.clip})`;
      if (place === dotted) {
        for (const [a, b] of line) parts.push(svg("circle", { cx: x(a), cy: y(b), r: 4, fill: color, "clip-path": clip }));
        return;
      }
      parts.push(svg("path", { class: "raw", d: path(line, x, y), stroke: color, "clip-path": clip }));
      parts.push(svg("path", { class: "mean", d: path(smooth, x, y), stroke: color, "clip-path": clip }));
      if (line.length === 1) parts.push(svg("circle", { cx: x(line[0][0]), cy: y(line[0][1]), r: 3, fill: color }));
    });
    if (now < last) parts.push(svg("line", { class: "now", x1: x(now), x2: x(now), y1: TOP, y2: HEIGHT - BOTTOM }));
    this.drawing.replaceChildren(svg("clipPath", { id: this.clip }, svg("rect", { x: LEFT, y: TOP - 4, width: width - LEFT - RIGHT + 4, height: HEIGHT - TOP - BOTTOM + 8 })), ...parts);
    const ends = lines.map((line) => (line.length ? tick(mean(line).at(-1)[1]) : "–")), end = ends.join(" · ");
    if (this.latest.textContent !== end) this.latest.replaceChildren(...(ends.length > 1 ? inColors(ends) : [end]));
    this.drawing.setAttribute("aria-label", `${this.label}: ${end}`);
  }
}

// Several numbers in the colours of their lines.
function inColors(texts) {
  return texts.flatMap((text, place) => {
    const shown = make("span", {}, text);
    shown.style.color = `var(${SERIES[place]})`;
    return place ? [" · ", shown] : [shown];
  });
}

// The range of the values. A few outliers are left out, or everything else would look flat.
function bounds(values) {
  const sorted = [...values].sort((one, other) => one - other), at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high, inner, outer] = [at(0), at(1), at(0.05), at(0.95)];
  return sorted.length > 20 && high - low > 3 * (outer - inner) && outer > inner ? [inner - (outer - inner) / 2, outer + (outer - inner) / 2].map((edge) => Math.min(high, Math.max(low, edge))) : [low, high];
}

const path = (line, x, y) => line.map(([a, b], place) => `${place ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");

// The weighted mean of the last tenth of the points, but of at least five.
function mean(line) {
  const wide = Math.max(5, Math.round(line.length / 10)), found = [];
  let sum = 0, weight = 0;
  line.forEach(([x, y, share = 1], place) => {
    sum += y * share;
    weight += share;
    if (place >= wide) {
      const [, old, gone = 1] = line[place - wide];
      sum -= old * gone;
      weight -= gone;
    }
    found.push([x, sum / weight]);
  });
  return found;
}
