// The entry point of a chapter in one file, in which one can step through a recorded run as on the page.

import { lessonPanel } from "./chapters.js";
import { Chart } from "./chart.js";
import { make, say } from "./dom.js";
import { Films } from "./film.js";
import { settingLabel } from "./meanings.js";
import { whole } from "./numbers.js";
import { SERIES } from "./palette.js";
import { Recording } from "./recording.js";
import { Transport } from "./transport.js";
import { View, curves } from "./view.js";
import { either, isChinese, setLanguage, t } from "./words.js";

const data = JSON.parse(document.getElementById("data").textContent), LOW_STAGE = 230;
const INSIDE = window.parent !== window;  // inside another page, which has the text
const LIGHT = "light", DARK = "dark";
let shown = null, theme = null;  // the theme of the page around this one, if it sends it

class Chapter {
  constructor() {
    this.views = data.trainings.map(({ about, points, moments }) => {
      const view = new View(about, data.trainings.length > 1 ? LOW_STAGE : undefined);
      view.points = points;
      view.futuresBox.hidden = !moments.some((each) => each.futures);
      view.futures.append(make("div", {}));
      return view;
    });
    this.recording = new Recording(data, () => this.show());
    this.transport = new Transport((message) => this.recording.do(message), data.paces);
    this.slider = make("input", { type: "range", min: "0", max: String(this.recording.last), step: "1", id: "place", on: { input: () => this.recording.go(Number(this.slider.value)) } });
    this.where = make("output", { for: "place" });
    const through = make("div", { class: "through" }, make("label", { for: "place" }, t("recordedRun")), this.slider, this.where);
    this.films = data.trainings.map(({ about, films }) => new Films(about, Object.keys(films), (name) => films[name]));
    const commands = data.lesson.setups.map(commandOf);
    this.element = make("div", { class: "stack" }, INSIDE ? null : lessonPanel(data.lesson, true),
      ...(this.views.length > 1 ? this.several(through) : this.one(through)),
      make("h2", { class: "part" }, t("filmsOf")), make("div", { class: this.films.length > 1 ? "compare" : "stack" }, this.films.map((each, place) => this.titled(place, each.element))),
      make("section", { class: "card" }, make("h2", {}, t("commands")), make("div", { class: "inside" }, make("pre", { class: "code" }, commands.join("\n")))));
    this.show();
  }

  // One training, as in the view Learn, but without the form.
  one(through) {
    const [view] = this.views, card = (title, inside, extra = "") => make("section", { class: `card ${extra}` }, make("h2", {}, title), inside);
    return [make("div", { class: "work" },
      make("section", { class: "card stage", "aria-label": t("learn") }, view.facts, view.picture, view.layers, through, this.transport.element),
      make("div", { class: "side" }, card(t("happened"), view.happened), view.surfaceBox, view.moreBox, view.futuresBox),
      card(t("learnt"), view.learnt, "wide"), make("div", { class: "wide charts" }, view.charts.map((each) => each.element)))];
  }

  // Several trainings side by side with a common time, as in the view Compare.
  several(through) {
    this.charts = [new Chart(t("chartReturn"), t("overSteps")), new Chart(t("chartLength"), t("overSteps"))];
    return [make("section", { class: "card" }, through, this.transport.element),
      make("div", { class: "compare" }, this.views.map((view, place) => this.titled(place, make("section", { class: "card stage" }, view.facts, view.picture, view.happened, view.futuresBox.hidden ? [] : view.futures)))),
      make("div", { class: "compare" }, this.views.map((view, place) => this.titled(place, make("section", { class: "card" }, view.learnt)))),
      make("div", { class: "charts" }, this.charts.map((each) => each.element))];
  }

  // A card whose heading has the colour of its training's curve.
  titled(place, card) {
    if (data.trainings.length < 2) return card;
    const title = make("h2", { class: "of" }, nameOf(place));
    title.style.setProperty("--of", `var(${SERIES[place]})`);
    card.prepend(title);
    return card;
  }

  show() {
    const { now, playing, pace, place } = this.recording;
    now.forEach((each, which) => this.views[which].show(each));
    this.transport.tell({ playing, pace, block: Math.max(...this.views.map((view) => view.about.block)) });
    this.slider.value = String(place);
    say(this.where, t("atStep", { at: whole(data.places[place]) }));
    this.slider.setAttribute("aria-valuetext", this.where.textContent);
    if (!this.charts) return;
    const found = this.views.map((view) => curves(view.points, now[0].at).byEpisode);
    this.charts[0].draw(found.map((line) => line.map(([, count, total, , step]) => [step, total, count])), now[0].at, t("noEpisode"));
    this.charts[1].draw(found.map((line) => line.map(([, count, , length, step]) => [step, length, count])), now[0].at, t("noEpisode"));
  }

  close() {
    this.recording.close();
    this.transport.close();
    this.views.forEach((each) => each.close());
    this.films.forEach((each) => each.close());
  }
}

// The difference between the set-ups, as a name.
function nameOf(place) {
  const { setups } = data.lesson, own = setups[place];
  if (setups.some((each) => each.algorithm !== own.algorithm)) return own.algorithm;
  const name = Object.keys(own.settings).find((each) => setups.some((other) => other.settings[each] !== own.settings[each]));
  const value = own.settings[name];
  return `${settingLabel(name)}: ${value === true ? t("on") : value === false ? t("off") : value}`;
}

function commandOf({ algorithm, environment, settings }) {
  const options = Object.entries(settings).map(([name, value]) => {
    const option = name.replaceAll("_", "-");
    return value === true ? `--${option}` : value === false ? `--no-${option}` : `--${option} ${value}`;
  });
  return ["zerone step", algorithm, environment, ...options].join(" ");
}

function draw(place = 0) {
  shown?.close();
  document.documentElement.dataset.theme = theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT);
  document.title = `${either(data.lesson.title)} - Zerone`;
  const other = isChinese() ? "en" : "zh";
  const switcher = make("button", { type: "button", lang: other, on: { click: () => { setLanguage(other); drawHere(); } } }, t("language"));
  shown = new Chapter();
  document.getElementById("main").replaceChildren(INSIDE ? "" : make("header", { class: "savedhead" }, make("h1", {}, `Zerone · ${t("chapterNumber", { n: data.number })}`), make("p", {}), switcher), shown.element);
  if (place) shown.recording.go(place);
}

// Draw again in another language or theme, at the same position.
const drawHere = () => draw(shown.recording.place);

// The address may name the first language: lesson.html#zh.
const begin = () => { setLanguage({ "#en": "en", "#zh": "zh" }[location.hash] ?? data.language); draw(); };
addEventListener("hashchange", begin);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawHere);
addEventListener("message", (event) => {
  const said = event.data?.zeroneTheme;
  if (!INSIDE || event.source !== window.parent || said === theme || ![LIGHT, DARK].includes(said)) return;
  theme = said;
  drawHere();
});
begin();
if (INSIDE) window.parent.postMessage("zerone-theme?", "*");  // the site's pages answer this
