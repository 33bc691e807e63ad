// The form of a set-up: algorithm, environment, seed, and each setting as a labelled control with meaning and range.

import { make, say } from "./dom.js";
import { refuses, seedField, settingField } from "./fields.js";
import { algorithmText, environmentText, meaning, rangeText, settingLabel } from "./meanings.js";
import { t } from "./words.js";

// The settings that are shown at once if an algorithm has them; a click shows the others.
const FIRST = ["learning_rate", "critic_learning_rate", "discount", "epsilon", "epsilon_start", "epsilon_end", "trace_decay", "trace",
  "planning_steps", "exploration_bonus", "double", "dueling", "prioritized", "clip", "objective", "steps_per_update", "baseline", "workers", "temperature"];

const USUAL_STEPS = 20000, MOST_STEPS = 100000000, MOST_SEEDS = 10;

export class Setup {
  // `onBegin` is called with a set-up to show on the page, `onTrain` with one to train into a folder.
  constructor(offers, onBegin, chosen, onTrain) {
    this.offers = offers;
    this.onBegin = onBegin;
    this.onTrain = onTrain;
    this.element = make("section", { class: "card setup", "aria-label": t("setup") });
    this.adopt(chosen);
  }

  // Show the set-up that is running.
  adopt({ algorithm, environment, seed, settings, options }) {
    Object.assign(this, { algorithm, environment, seed, values: { ...settings }, options: { ...options } });
    this.running = this.key();
    this.draw();
  }

  get entry() {
    return this.offers.algorithms.find((each) => each.name === this.algorithm);
  }

  // The default of a setting: the preset's value, if there is a preset.
  usual(setting) {
    return this.entry.presets[this.environment]?.[setting.name] ?? setting.default;
  }

  value(setting) {
    return this.values[setting.name] ?? this.usual(setting);
  }

  setup() {
    return { algorithm: this.algorithm, environment: this.environment, seed: this.seed, settings: this.values, options: this.options };
  }

  key() {
    return JSON.stringify([this.algorithm, this.environment, this.seed, this.values, this.options]);
  }

  // What was chosen and not begun yet; null if nothing was.
  get chosen() {
    return this.key() === this.running ? null : this.setup();
  }

  // Choose this, while what runs keeps running.
  choose(chosen) {
    const { running } = this;
    this.adopt(chosen);
    this.running = running;
    this.tellBegin();
  }

  draw() {
    const { settings } = this.entry, rest = settings.filter((each) => !FIRST.includes(each.name));
    const first = FIRST.map((name) => settings.find((each) => each.name === name)).filter(Boolean);
    const open = this.element.querySelector("details")?.open ?? false;
    this.begin = make("button", { type: "button", on: { click: () => this.start() } });
    this.element.replaceChildren(...[
      make("h2", {}, t("setup")),
      make("div", { class: "inside" },
        this.choice("algorithm", this.algorithms(), algorithmText(this.entry), (name) => { this.algorithm = name; this.values = {}; }),
        this.choice("environment", this.environments(), environmentText(this.offers.environments.find((each) => each.id === this.environment)),
          (id) => { this.environment = id; this.values = {}; this.options = {}; }),
        this.seedField(),
        first.map((each) => this.field(each)),
        rest.length ? make("details", { open }, make("summary", {}, `${t("more")} (${rest.length})`), rest.map((each) => this.field(each))) : null),
      make("div", { class: "begin" }, this.begin,
        make("button", { type: "button", class: "plain", on: { click: () => { this.values = {}; this.options = {}; this.draw(); } } }, t("defaults"))),
      this.onTrain ? this.trainForm() : null].filter(Boolean));
    this.tellBegin();
  }

  // The form that trains the same set-up in a separate process, which does not need the page.
  trainForm() {
    const usual = this.entry.steps[this.environment] ?? USUAL_STEPS;
    const number = (id, word, value, max) => make("div", { class: "field" }, make("label", { for: id }, t(word)), make("input", { id, type: "number", min: "1", max: String(max), step: "1", value: String(value) }));
    const wrong = make("p", { class: "line", role: "alert", hidden: true });
    const begin = async () => {
      if (refuses(this.element)) return;
      const [steps, seeds] = ["train-steps", "train-seeds"].map((id) => Number(document.getElementById(id).value));
      try {
        await this.onTrain(structuredClone(this.setup()), steps, seeds);
      } catch (error) {
        wrong.hidden = false;
        say(wrong, error.message);
      }
    };
    return make("details", { class: "train" }, make("summary", {}, t("trainRun")), make("p", { class: "quiet" }, t("trainText")),
      number("train-steps", "trainSteps", usual, MOST_STEPS), number("train-seeds", "trainSeeds", 1, MOST_SEEDS), wrong,
      make("button", { type: "button", on: { click: begin } }, t("trainBegin")));
  }

  algorithms() {
    return [[null, this.offers.algorithms.map((each) => each.name)]];
  }

  environments() {
    const able = (each) => each.able.includes(this.algorithm), all = this.offers.environments;
    return [[t("fits"), all.filter(able).map((each) => each.id)], [t("unfit"), all.filter((each) => !able(each)).map((each) => each.id)]];
  }

  choice(name, groups, text, choose) {
    const id = `setup-${name}`;
    const options = groups.flatMap(([label, names]) => {
      const each = names.map((value) => make("option", { value, selected: value === this[name] }, value));
      return label === null ? each : names.length ? [make("optgroup", { label }, each)] : [];
    });
    const select = make("select", { id, on: { change: (event) => { choose(event.target.value); this.draw(); document.getElementById(id)?.focus(); } } }, options);
    return make("div", { class: "field tall" }, make("label", { for: id }, t(name)), select, make("p", { class: "quiet" }, text));
  }

  seedField() {
    const [label, input, wrong] = seedField("setup-seed", this.offers.largestSeed, this.seed, (seed) => { this.seed = seed; }, () => this.tellBegin());
    return make("div", { class: "field" }, label, input, make("p", { class: "quiet" }, t("seedText")), wrong);
  }

  field(setting) {
    const id = `setting-${setting.name}`, value = this.value(setting);
    const needed = !this.takesEffect(setting);
    const changed = () => JSON.stringify(this.value(setting)) !== JSON.stringify(this.usual(setting));
    const row = make("div", { class: "field" });
    const set = (chosen) => {
      this.values[setting.name] = chosen;
      if (!changed()) delete this.values[setting.name];
      row.classList.toggle("changed", changed());
      this.tellBegin();
      if (setting.kind === "switch" || setting.choices) { this.draw(); document.getElementById(id)?.focus(); }
    };
    const [control, ...wrong] = this.control(setting, id, value, needed, set);
    row.className = `field${needed ? " off" : ""}${changed() ? " changed" : ""}`;
    row.append(make("label", { for: id }, settingLabel(setting.name)), control,
      make("p", { class: "quiet", id: `${id}-text` }, `${meaning(setting)}${rangeText(setting)}`), ...wrong);
    return row;
  }

  // Whether this setting has an effect with the values of the others.
  takesEffect(setting) {
    if (!setting.needs) return true;
    return setting.needs.split(" or ").some((each) => {
      const [name, wanted] = each.split("="), other = this.entry.settings.find((one) => one.name === name);
      const value = other && this.value(other);
      return wanted === undefined ? Boolean(value) : String(value) === wanted;
    });
  }

  // The control of a setting, and the line below it if there may be values that are not allowed.
  control(setting, id, value, disabled, set) {
    const common = { id, disabled, "aria-describedby": `${id}-text` };
    if (setting.kind === "switch") return [make("input", { ...common, type: "checkbox", checked: value, on: { change: (event) => set(event.target.checked) } })];
    if (setting.choices) {
      return [make("select", { ...common, on: { change: (event) => set(event.target.value) } },
        setting.choices.map((each) => make("option", { value: each, selected: each === value }, each)))];
    }
    return settingField(setting, common, value, set);
  }

  tellBegin() {
    const other = this.key() !== this.running;
    say(this.begin, t(other ? "beginWith" : "begin"));
    this.begin.classList.toggle("main", other);
  }

  start() {
    if (refuses(this.element)) return;
    this.running = this.key();
    this.tellBegin();
    scrollTo({ top: 0 });  // the top shows that it compiles
    this.onBegin(structuredClone(this.setup()));
  }
}
