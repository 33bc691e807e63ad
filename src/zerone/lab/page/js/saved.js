// The entry point of a run in one file, which contains everything that it shows.

import { make } from "./dom.js";
import { Films } from "./film.js";
import { settingLabel } from "./meanings.js";
import { RunCurves } from "./runcurves.js";
import { isChinese, setLanguage, t } from "./words.js";

const data = JSON.parse(document.getElementById("data").textContent);
let films = null;

function draw() {
  films?.close();
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const curves = new RunCurves(), { setup } = data;
  films = new Films(data.picture, data.checkpoints, (name) => data.films[name], (name) => curves.at(Number.isFinite(Number(name)) ? Number(name) : Infinity));
  const language = make("button", { type: "button", lang: isChinese() ? "en" : "zh", on: { click: () => { setLanguage(isChinese() ? "en" : "zh"); draw(); } } }, t("language"));
  const settings = Object.entries(setup.settings).map(([name, value]) => make("div", {}, make("dt", {}, settingLabel(name)), make("dd", {}, String(value))));
  document.getElementById("main").replaceChildren(
    make("header", { class: "savedhead" }, make("h1", {}, data.name), make("p", { class: "quiet" }, `${setup.algorithm} · ${setup.environment} · ${t("seed")} ${data.seed}`), language),
    make("div", { class: "stack" }, films.element, data.wrong ? make("p", { class: "line" }, data.wrong) : [], curves.element,
      make("section", { class: "card" }, make("details", { class: "inside" }, make("summary", {}, t("settings")), make("dl", { class: "settings" }, settings)))));
  curves.draw([data]);
}

setLanguage(isChinese() ? "zh" : "en");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
