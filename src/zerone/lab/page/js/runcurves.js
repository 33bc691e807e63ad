// The curves of runs: a chart per column, with a line per seed, or a line per run if two are compared.

import { Chart } from "./chart.js";
import { make } from "./dom.js";
import { SERIES } from "./palette.js";
import { metricName } from "./sentences.js";
import { t } from "./words.js";

const TITLES = { evaluation_return: "chartEvaluation", return: "chartReturn", length: "chartLength" };
const titleOf = (name) => (TITLES[name] ? t(TITLES[name]) : metricName(name) ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " "));

export class RunCurves {
  constructor() {
    this.element = make("div", { class: "charts" });
    this.charts = new Map();
  }

  // `runs` has the columns of each run. A single run has a line per seed; of several, each has the mean over its seeds.
  draw(runs, now = Infinity) {
    this.last = [runs, now];
    const names = [...new Set(runs.flatMap((run) => run.curves.map((each) => each.name)))].slice(0, 6);
    if (names.join() !== [...this.charts.keys()].join()) {
      this.charts = new Map(names.map((name) => [name, new Chart(titleOf(name), t("overSteps"))]));
      this.element.replaceChildren(...[...this.charts.values()].map((each) => each.element));
    }
    for (const [name, chart] of this.charts) {
      const found = runs.map((run) => run.curves.find((each) => each.name === name)?.seeds ?? []);
      const lines = runs.length > 1 ? found.map(meanOf) : found[0].length > SERIES.length ? [meanOf(found[0])] : found[0];
      chart.draw(lines, now, t("noUpdate"));
    }
  }

  at(now) {
    if (this.last) this.draw(this.last[0], now);
  }
}

// The mean over seeds, at the steps of the seed with the most points.
function meanOf(seeds) {
  const lines = seeds.filter((each) => each.length);
  if (lines.length < 2) return lines[0] ?? [];
  const longest = lines.reduce((one, other) => (other.length > one.length ? other : one));
  const places = lines.map(() => 0);
  return longest.map(([step]) => {
    let sum = 0, count = 0;
    lines.forEach((line, which) => {
      while (places[which] < line.length - 1 && line[places[which]][0] < step) places[which] += 1;
      if (line[places[which]][0] >= step || places[which] === line.length - 1) { sum += line[places[which]][1]; count += 1; }
    });
    return [step, sum / count];
  });
}
