// The view Runs: all run folders below the root, updated while other processes train. Shows one run, or two side by side.
// Names of runs, algorithms and environments have translate="no": users typed them.

import { make, say } from "./dom.js";
import { Films, checkpointName } from "./film.js";
import { settingLabel } from "./meanings.js";
import { minus, tick, whole } from "./numbers.js";
import { SERIES } from "./palette.js";
import { RunCurves } from "./runcurves.js";
import { serverText } from "./sentences.js";
import { t } from "./words.js";

const LIST_EVERY = 2000, RUN_EVERY = 1000;  // milliseconds between two requests
const STEPS = 1e9;

export class Runs {
  constructor(page, _, rest) {
    this.page = page;
    this.names = rest ? rest.split("|").map(decodeURIComponent).slice(0, 2) : [];
    this.rows = null;
    this.opened = this.names.map(() => null);
    this.filter = make("input", { type: "search", "aria-label": t("filter"), placeholder: t("filter"), on: { input: () => this.drawList() } });
    this.body = make("tbody", {});
    this.empty = make("div", { class: "inside empty" });
    this.count = make("span", { class: "quiet" });
    this.both = make("a", { class: "go", hidden: true }, t("difference"));
    this.list = make("section", { class: "card list", "aria-label": t("runs") },
      make("header", {}, make("h2", {}, t("runs"), " ", this.count), this.filter, this.both),
      make("table", { class: "runs" }, make("thead", {}, make("tr", {}, ["", "run", "runState", "lastReturn", "changedAt"].map((word) => make("th", { scope: "col" }, word ? t(word) : make("span", { class: "unseen" }, t("choose")))))), this.body), this.empty);
    this.detail = make("div", { class: "stack" });
    this.element = make("div", { class: `runsview${this.names.length ? " open" : ""}` }, this.list, this.detail);
    this.chosen = new Set(this.names);
    if (this.names.length) this.detail.replaceChildren(this.waiting());
    this.look();
    this.lookAgain = setInterval(() => this.look(), LIST_EVERY);
    this.openAll();
    this.openAgain = setInterval(() => this.openAll(), RUN_EVERY);
  }

  close() {
    this.closed = true;
    clearInterval(this.lookAgain);
    clearInterval(this.openAgain);
    this.films?.close();
  }

  tell() {}

  points() {}

  show() {}

  refuse(text) {
    this.say(text);
  }

  waiting() {
    return make("section", { class: "card" }, make("div", { class: "waiting", role: "status" }, make("div", { class: "spinner" }), t("reading")));
  }

  async look() {
    if (this.looking) return;
    this.looking = true;
    try {
      const answer = await this.page.ask({ what: "runs" });
      if (this.closed) return;
      Object.assign(this, { rows: answer.runs, failed: answer.failed, root: answer.root });
      this.drawList();
    } catch (error) {
      if (!this.closed && !error.lost) say(this.empty, error.message);
    } finally {
      this.looking = false;
    }
  }

  drawList() {
    if (!this.rows) return;
    const wanted = this.filter.value.trim().toLowerCase();
    const rows = this.rows.filter((row) => `${row.name} ${row.algorithm ?? ""} ${row.environment ?? ""}`.toLowerCase().includes(wanted));
    const drawn = JSON.stringify([rows, [...this.chosen], this.names]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    say(this.count, String(this.rows.length));
    const focused = document.activeElement?.id;
    this.body.replaceChildren(...rows.map((row) => this.row(row)));
    if (focused) document.getElementById(focused)?.focus();
    this.body.parentElement.hidden = !rows.length;
    this.empty.hidden = rows.length > 0;
    this.empty.replaceChildren(...(this.rows.length ? [make("p", {}, t("noneFits"))] : [make("p", { class: "title" }, t("noRuns")), make("p", { class: "quiet" }, t("noRunsText", { root: this.root })), make("a", { href: "#learn", class: "go" }, t("toLearn"))]));
    this.both.hidden = this.chosen.size !== 2;
    this.both.href = `#runs/${[...this.chosen].map(encodeURIComponent).join("|")}`;
  }

  row(row) {
    const open = this.names.includes(row.name);
    const choose = make("input", { type: "checkbox", id: `choose-${row.name}`, "aria-label": `${t("choose")}: ${row.name}`, translate: "no", checked: this.chosen.has(row.name), on: { change: (event) => {
      if (event.target.checked) this.chosen.add(row.name);
      else this.chosen.delete(row.name);
      if (this.chosen.size > 2) this.chosen.delete([...this.chosen][0]);
      this.drawList();
    } } });
    const state = row.wrong ? "damaged" : this.failed[row.name] ? "failedRun" : row.state;
    return make("tr", { class: open ? "open" : "" }, make("td", {}, choose),
      make("td", {}, make("a", { id: `run-${row.name}`, href: `#runs/${encodeURIComponent(row.name)}`, "aria-current": open ? "true" : null, translate: "no" }, row.name),
        make("div", { class: "quiet" }, row.wrong ? row.wrong : row.beginning ? t("beginning") : [make("span", { translate: "no" }, `${row.algorithm} · ${row.environment}`), row.seeds > 1 ? ` · ${row.seeds} ${t("seeds")}` : ""])),
      make("td", {}, make("span", { class: `badge ${state}` }, t(state)), row.steps && row.state !== "finished" ? make("div", { class: "bar", "aria-hidden": "true" }, bar(row.at / row.steps)) : null,
        row.steps ? make("div", { class: "quiet number" }, `${tick(row.at)} / ${tick(row.steps)}`) : null),
      make("td", { class: "number" }, row.return === undefined || row.return === null ? "–" : minus(+row.return.toPrecision(4))),
      make("td", { class: "quiet number" }, row.changed ? ago(row.changed) : ""));
  }

  openAll() {
    this.names.forEach((name, place) => this.open(name, place));
  }

  async open(name, place) {
    if (this.opening?.[place]) return;
    (this.opening ??= [])[place] = true;
    try {
      const before = this.opened[place], answer = await this.page.ask({ what: "run", run: name, mark: before?.mark });
      if (this.closed) return;
      const mended = this.wrong?.[place];
      this.opened[place] = answer.same ? { ...before, state: answer.state, mine: answer.mine, failed: answer.failed } : answer;
      (this.wrong ??= [])[place] = null;
      if (!answer.same || mended || answer.failed !== before.failed || answer.mine !== before.mine) this.drawOpen();
    } catch (error) {
      if (this.closed || error.lost) return;
      if ((this.wrong ??= [])[place] !== error.message) {
        this.wrong[place] = error.message;
        this.drawOpen();
      }
    } finally {
      this.opening[place] = false;
    }
  }

  say(text) {
    this.said = text;
    this.drawOpen();
  }

  drawOpen() {
    const wrong = this.names.map((_, place) => this.wrong?.[place]).filter(Boolean);
    const there = this.opened.filter(Boolean);
    const lines = [...wrong, ...(this.said ? [this.said] : []), ...there.map((run) => run.failed).filter(Boolean)].map((text) => make("p", { class: "line", role: "alert" }, serverText(text)));
    if (there.length < this.names.length) {
      this.detail.replaceChildren(...lines, ...(wrong.length ? [make("a", { href: "#runs", class: "go" }, t("toList"))] : [this.waiting()]));
      return;
    }
    if (this.names.length === 2) this.drawTwo(there, lines);
    else this.drawOne(there[0], lines);
  }

  drawOne(run, lines) {
    if (!this.curves) {
      this.curves = new RunCurves();
      this.head = make("section", { class: "card runhead" });
      this.lines = make("div", { class: "stack" });
      this.filmBox = make("div", {});
      this.settings = make("section", { class: "card" });
      this.seed = run.config.seeds[0];
      this.cache = new Map();
    }
    if (!this.detail.contains(this.head)) this.detail.replaceChildren(this.lines, this.head, this.filmBox, this.curves.element, this.settings);
    this.lines.replaceChildren(...lines);
    this.lines.hidden = !lines.length;
    this.head.inert = Boolean(this.wrong?.[0]);  // no actions for a run that is gone
    this.head.classList.toggle("dim", this.head.inert);
    this.drawHead(run);
    this.drawFilms(run);
    this.curves.draw([run], this.now ?? Infinity);
    this.drawSettings(run);
  }

  drawHead(run) {
    const act = async (what) => {
      try {
        await this.page.ask({ what, run: run.name });
        this.said = "";
      } catch (error) {
        this.said = error.message;
      }
      this.opened[0] = { ...this.opened[0], mark: undefined };
      this.openAll();
      this.drawOpen();
    };
    const { config, result } = run, state = run.failed ? "failedRun" : run.state;
    const file = (kind, word) => make("a", { class: "file", href: `/export?run=${encodeURIComponent(run.name)}&kind=${kind}`, download: "" }, t(word));
    const facts = [["algorithm", config.algorithm], ["environment", config.environment], ["trainSteps", `${whole(run.at)} / ${whole(config.steps)}`], ["seedsOf", config.seeds.join(", ")]];
    if (result?.return_mean !== undefined) facts.push(["lastReturn", minus(+result.return_mean.toPrecision(4))]);
    this.head.replaceChildren(make("header", {}, make("h2", {}, make("span", { translate: "no" }, run.name), make("span", { class: `badge ${state}` }, t(state))), make("a", { class: "quiet", href: "#runs" }, t("toList"))),
      make("div", { class: "bar", hidden: run.state === "finished" }, bar(run.at / config.steps)),
      make("dl", { class: "facts" }, facts.map(([word, value]) => make("div", {}, make("dt", {}, t(word)), make("dd", { translate: "no" }, value)))),
      make("div", { class: "actions" },
        run.state === "stopped" && !run.mine ? make("button", { type: "button", class: "main", on: { click: () => act("resume") } }, t("resume")) : null,
        run.mine && run.state === "running" ? make("button", { type: "button", on: { click: () => act("stop") } }, t("stop")) : null,
        run.setup ? make("button", { type: "button", on: { click: () => this.page.learnWith(run.setup) } }, t("stepThrough")) : null,
        make("span", { class: "gap" }), make("span", { class: "quiet" }, t("save")), run.picture ? file("html", "saveHtml") : null,
        run.picture && run.checkpoints.length > 1 ? file("npz", "savePolicy") : null, file("csv", "saveCsv")));
  }

  drawFilms(run) {
    if (!run.picture) {
      this.filmBox.replaceChildren(make("p", { class: "line plain" }, serverText(run.noFilm)));
      return;
    }
    if (this.films) {
      if (this.films.names.join() !== run.checkpoints.join()) this.films.setNames(run.checkpoints);
      return;
    }
    const fetch = async (name) => {
      const key = `${name} ${this.seed}`;
      if (name === "best" || !this.cache.has(key)) this.cache.set(key, (await this.page.ask({ what: "film", run: run.name, checkpoint: name, seed: this.seed })).film);
      return this.cache.get(key);
    };
    this.films = new Films(run.picture, run.checkpoints, (name) => fetch(name).catch((error) => { throw new Error(serverText(error.message)); }), (name) => {
      this.now = Number.isFinite(Number(name)) && name !== "0" ? Number(name) : Infinity;
      this.curves.at(this.now);
    });
    const seeds = run.config.seeds;
    if (seeds.length > 1) {
      this.films.element.querySelector(".checkpoints").append(make("label", { class: "seedchoice" }, t("seed"), make("select", { on: { change: (event) => { this.seed = Number(event.target.value); this.films.choose(this.films.index); } } },
        seeds.map((seed) => make("option", { value: String(seed) }, String(seed))))));
    }
    this.filmBox.replaceChildren(this.films.element);
  }

  drawSettings(run) {
    const { config } = run, entry = this.page.offers.algorithms.find((each) => each.name === config.algorithm);
    const usual = (name) => entry?.settings.find((each) => each.name === name)?.default;
    const rows = Object.entries({ ...config.settings, ...config.options });
    const changed = rows.filter(([name, value]) => usual(name) === undefined || JSON.stringify(usual(name)) !== JSON.stringify(value));
    const listed = (some) => make("dl", { class: "settings" }, some.map(([name, value]) => make("div", {}, make("dt", {}, settingLabel(name)), make("dd", {}, valueText(value)))));
    const key = JSON.stringify(rows);
    if (this.settingsOf === key) return;
    this.settingsOf = key;
    this.settings.replaceChildren(make("h2", {}, t("settings")), make("div", { class: "inside" },
      changed.length ? listed(changed) : make("p", { class: "quiet" }, t("allDefault")),
      make("details", {}, make("summary", {}, `${t("allSettings")} (${rows.length})`), listed(rows))));
  }

  drawTwo(runs, lines) {
    this.curves ??= new RunCurves();
    const flat = runs.map(({ config }) => ({ [t("algorithm")]: config.algorithm, [t("environment")]: config.environment, [t("trainSteps")]: config.steps, [t("seedsOf")]: config.seeds, ...Object.fromEntries(Object.entries({ ...config.settings, ...config.options }).map(([name, value]) => [settingLabel(name), value])) }));
    const names = [...new Set(flat.flatMap(Object.keys))].filter((name) => JSON.stringify(flat[0][name]) !== JSON.stringify(flat[1][name]));
    const title = (run, place) => {
      const mark = make("a", { href: `#runs/${encodeURIComponent(run.name)}`, translate: "no" }, run.name);
      mark.style.setProperty("--of", `var(${SERIES[place]})`);
      return mark;
    };
    this.detail.replaceChildren(...lines, make("section", { class: "card" }, make("header", { class: "twohead" }, make("h2", {}, t("differenceOf")), make("a", { class: "quiet", href: "#runs" }, t("toList"))),
      make("div", { class: "inside scroll" }, make("table", { class: "difference" },
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("settings")), runs.map((run, place) => make("th", { scope: "col", class: "of" }, title(run, place))))),
        make("tbody", {}, names.length ? names.map((name) => make("tr", {}, make("th", { scope: "row" }, name), flat.map((each) => make("td", {}, each[name] === undefined ? "–" : valueText(each[name])))))
          : make("tr", {}, make("td", { colspan: "3", class: "quiet" }, t("noDifference"))))))),
    make("p", { class: "legend" }, runs.map((run, place) => { const mark = make("span", { translate: "no" }, run.name); mark.style.setProperty("--of", `var(${SERIES[place]})`); return mark; })), this.curves.element);
    this.curves.draw(runs);
  }
}

const valueText = (value) => (value === true ? t("on") : value === false ? t("off") : value === null ? "–" : Array.isArray(value) ? value.join(", ") : typeof value === "number" ? minus(value < STEPS && Number.isInteger(value) ? whole(value) : value) : String(value));

function bar(share) {
  const fill = make("span", {});
  fill.style.width = `${Math.round(100 * Math.min(1, Math.max(0, share || 0)))}%`;
  return fill;
}

// A time in the past, in the largest unit that fits.
function ago(seconds) {
  const passed = Math.max(0, Date.now() / 1000 - seconds);
  const [unit, size] = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]].find(([, each]) => passed >= each) ?? ["seconds", 1];
  return t(`${unit}Ago`, { n: Math.max(1, Math.floor(passed / size)) });
}

export { checkpointName };
