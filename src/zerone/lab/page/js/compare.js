// The view Compare: two to four set-ups that differ in one thing, with the same seed and a common time, side by side.

import { Chart } from "./chart.js";
import { make, say } from "./dom.js";
import { refuses, seedField, settingField } from "./fields.js";
import { meaning, settingLabel } from "./meanings.js";
import { SERIES } from "./palette.js";
import { serverText } from "./sentences.js";
import { Transport } from "./transport.js";
import { View, curves } from "./view.js";
import { t } from "./words.js";

const MOST = 4, LOW_STAGE = 230;
const FIRST = { algorithm: "q-learning", environment: "zerone/Cliff-v0", seed: 0, differs: "algorithm", values: ["q-learning", "sarsa"] };

export class Compare {
  constructor(page, lesson = null) {
    this.page = page;
    this.chosen = chosenOf(page.session?.setups) ?? structuredClone(FIRST);
    this.form = make("section", { class: "card form", "aria-label": t("compareTitle") });
    this.transport = new Transport((message) => page.send(message), page.offers.paces);
    this.views = [];
    this.grid = make("div", { class: "compare" });
    this.legend = make("p", { class: "legend" });
    this.charts = [new Chart(t("chartReturn"), t("overSteps")), new Chart(t("chartLength"), t("overSteps"))];
    this.play = make("section", { class: "card" }, this.transport.element);
    this.missed = make("p", { class: "note", role: "status" });
    this.results = make("div", { class: "stack", hidden: true }, this.play, this.missed, this.grid, this.legend,
      make("div", { class: "charts" }, this.charts.map((each) => each.element)));
    this.state = make("div", { class: "stack" }, make("section", { class: "card empty" }, make("p", { class: "title" }, t("compareEmpty")), make("p", { class: "quiet" }, t("compareEmptyText"))));
    this.element = make("div", { class: "stack" }, lesson, this.form, this.state, this.results);
    this.drawForm();
  }

  close() {
    this.transport.close();
    this.views.forEach((each) => each.close());
  }

  get entry() {
    return this.page.offers.algorithms.find((each) => each.name === this.chosen.algorithm);
  }

  get setting() {
    return this.entry.settings.find((each) => each.name === this.chosen.differs);
  }

  drawForm() {
    const { offers } = this.page, chosen = this.chosen;
    const redraw = (id) => { this.drawForm(); document.getElementById(id)?.focus(); };
    const select = (id, name, values, label, change) => make("div", { class: "field tall" }, make("label", { for: id }, name),
      make("select", { id, on: { change: (event) => { change(event.target.value); redraw(id); } } },
        values.map((value) => make("option", { value, selected: value === chosen[label] }, label === "differs" ? (value === "algorithm" ? t("algorithm") : settingLabel(value)) : value))));
    const settings = this.entry.settings.filter((each) => each.kind !== "list").map((each) => each.name);
    const fields = chosen.values.map((value, place) => this.valueField(value, place));
    this.form.replaceChildren(make("header", {}, make("h2", {}, t("compareTitle")), make("p", { class: "quiet" }, t("compareText"))),
      make("div", { class: "inside fields" },
        select("compare-environment", t("environment"), offers.environments.map((each) => each.id), "environment", (value) => { chosen.environment = value; }),
        chosen.differs === "algorithm" ? null : select("compare-algorithm", t("algorithm"), offers.algorithms.map((each) => each.name), "algorithm", (value) => this.pickAlgorithm(value)),
        select("compare-differs", t("differ"), ["algorithm", ...settings], "differs", (value) => this.pickDifference(value)),
        make("div", { class: "field tall values" }, make("span", { class: "name" }, t("value")),
          make("div", { class: "row" }, fields.map(([control]) => control),
            chosen.values.length < MOST ? make("button", { type: "button", class: "plain", on: { click: () => { chosen.values.push(chosen.values.at(-1)); this.drawForm(); } } }, `+ ${t("add")}`) : null,
            chosen.values.length > 2 ? make("button", { type: "button", class: "plain", on: { click: () => { chosen.values.pop(); this.drawForm(); } } }, `− ${t("remove")}`) : null),
          fields.flatMap(([, ...wrong]) => wrong)),
        make("div", { class: "field tall" }, seedField("compare-seed", offers.largestSeed, chosen.seed, (seed) => { chosen.seed = seed; })),
        make("button", { type: "button", class: "main begin-compare", on: { click: () => this.begin() } }, t("beginCompare"))),
      ...(this.setting ? [make("p", { class: "quiet meaning" }, meaning(this.setting))] : []));
  }

  pickAlgorithm(name) {
    this.chosen.algorithm = name;
    this.pickDifference(this.setting ? this.chosen.differs : "algorithm");
  }

  pickDifference(name) {
    this.chosen.differs = name;
    const usual = this.setting?.default, { kind, choices } = this.setting ?? {};
    this.chosen.values = name === "algorithm" ? ["q-learning", "sarsa"] : kind === "switch" ? [false, true] : choices ? choices.slice(0, 2)
      : kind === "str" ? [usual, usual] : [usual, kind === "int" ? Math.max(1, 2 * usual) : +(usual / 2).toPrecision(3)];
  }

  // The control of one value, and the line below it if there may be values that are not allowed.
  valueField(value, place) {
    const { setting } = this, { offers } = this.page, set = (found) => { this.chosen.values[place] = found; };
    const common = { "aria-label": `${t("value")} ${place + 1}`, id: `compare-value-${place}` };
    const choices = this.chosen.differs === "algorithm" ? offers.algorithms.map((each) => each.name) : setting.kind === "switch" ? [false, true] : setting.choices;
    if (choices) {
      return [make("select", { ...common, on: { change: (event) => set(choices[event.target.selectedIndex]) } },
        choices.map((each) => make("option", { value: String(each), selected: each === value }, valueText(each))))];
    }
    return settingField(setting, common, value, set);
  }

  begin() {
    if (refuses(this.form)) return;
    const { algorithm, environment, seed, differs, values, settings = {} } = this.chosen;
    const setups = values.map((value) => (differs === "algorithm" ? { algorithm: value, environment, seed, settings, options: {} }
      : { algorithm, environment, seed, settings: { ...settings, [differs]: value }, options: {} }));
    this.page.begin(setups, true);
  }

  tell(session) {
    const bad = session.state === "refused" || session.state === "failed";
    this.state.replaceChildren(...(bad ? [make("p", { class: "line", role: "alert" }, serverText(session.text))]
      : session.state === "compiling" ? [make("section", { class: "card" }, make("div", { class: "waiting", role: "status" }, make("div", { class: "spinner" }), t("compiling")))] : []));
    this.results.hidden = session.state !== "ready";
    if (session.state !== "ready" || this.name === session.session) return;
    this.name = session.session;
    this.chosen = chosenOf(session.setups) ?? this.chosen;
    this.drawForm();
    this.views.forEach((each) => each.close());
    this.views = session.about.map((about) => new View(about, LOW_STAGE));
    const names = session.setups.map((each) => nameOf(each, this.chosen.differs));
    this.grid.replaceChildren(...this.views.map((view, place) => {
      const title = make("h2", { class: "of" }, names[place]);
      title.style.setProperty("--of", `var(${SERIES[place]})`);
      return make("section", { class: "card stage" }, title, view.facts, view.picture);
    }));
    this.legend.replaceChildren(...names.map((name, place) => {
      const mark = make("span", {}, name);
      mark.style.setProperty("--of", `var(${SERIES[place]})`);
      return mark;
    }));
  }

  show(frame) {
    if (!this.views.length) return;
    frame.trainings.forEach((now, place) => this.views[place]?.show(now));
    this.transport.tell({ playing: frame.playing, pace: frame.pace, block: Math.max(...this.views.map((each) => each.about.block)) });
    say(this.missed, frame.missed ? t(frame.missed === "episode" ? "missedEpisode" : "missedChange") : "");
    if (performance.now() - (this.drawnAt ?? 0) < 200 && frame.playing) return;
    this.drawnAt = performance.now();
    const found = this.views.map((view) => curves(view.points, frame.trainings[0].at).byEpisode), at = frame.trainings[0].at;
    this.charts[0].draw(found.map((line) => line.map(([, count, total, , step]) => [step, total, count])), at, t("noEpisode"));
    this.charts[1].draw(found.map((line) => line.map(([, count, , length, step]) => [step, length, count])), at, t("noEpisode"));
  }

  points(parts) {
    parts.forEach((part, place) => { if (part) this.views[place]?.addPoints(part); });
  }

  refuse(text) {
    this.state.replaceChildren(make("p", { class: "line", role: "alert" }, text));
  }
}

const valueText = (value) => (value === true ? t("on") : value === false ? t("off") : String(value));

function nameOf(setup, differs) {
  return differs === "algorithm" ? setup.algorithm : `${settingLabel(differs)}: ${valueText(setup.settings[differs] ?? "")}`;
}

// The choice of the form that gives these set-ups.
function chosenOf(setups) {
  if (!setups || setups.length < 2) return null;
  const [first] = setups, { algorithm, environment, seed } = first;
  if (setups.some((each) => each.algorithm !== algorithm)) return { algorithm, environment, seed, settings: first.settings, differs: "algorithm", values: setups.map((each) => each.algorithm) };
  const names = [...new Set(setups.flatMap((each) => Object.keys(each.settings)))];
  const differs = names.find((name) => new Set(setups.map((each) => JSON.stringify(each.settings[name]))).size > 1);
  if (!differs) return null;
  const settings = { ...first.settings };
  delete settings[differs];
  return { algorithm, environment, seed, settings, differs, values: setups.map((each) => each.settings[differs]) };
}
