// Play and teach: the user plays with keys, mouse or touch, the chart compares their returns, and an agent learns from it.

import { Chart } from "./chart.js";
import { make, say } from "./dom.js";
import { Held } from "./held.js";
import { environmentText } from "./meanings.js";
import { minus, whole } from "./numbers.js";
import { SERIES } from "./palette.js";
import { Stage } from "./stage.js";
import { endingText, serverText } from "./sentences.js";
import { curves } from "./view.js";
import { t } from "./words.js";

const HIGH = 400, HIGH_BESIDE = 260, PACES = [5, 10, 30];

export class Play {
  constructor(page) {
    this.page = page;
    this.agent = [];
    this.select = make("select", { id: "play-environment", on: { change: () => { page.take(this.select.value); this.select.blur(); } } }, page.offers.playable.map(({ id }) => make("option", { value: id }, id)));
    this.text = make("p", { class: "quiet" });
    this.canvas = make("canvas", { role: "img", tabindex: "0", class: "touch" });
    this.veil = make("div", { class: "veil", role: "status" }, make("div", { class: "spinner" }), make("p", { class: "title" }, t("compiling")));
    this.box = make("div", { class: "picture" }, this.canvas, this.veil);
    this.facts = make("dl", { class: "facts" }, ["episodeNumber", "steps", "return"].map((word) => make("div", {}, make("dt", {}, t(word)), make("dd", {}, "–"))));
    this.line = make("p", { class: "hintline", role: "status" });
    this.pad = make("div", { class: "pad" });
    this.pace = make("select", { id: "play-pace", on: { change: () => { page.send({ do: "pace", pace: Number(this.pace.value) }); this.pace.blur(); } } }, PACES.map((each) => make("option", { value: String(each) }, `${each} ${t("perSecond")}`)));
    this.paceBox = make("label", { class: "speed", for: "play-pace" }, t("speed"), this.pace);
    this.again = make("button", { type: "button", on: { click: () => { page.send({ do: "start" }); this.again.blur(); } } }, t("playAgain"));
    this.chart = new Chart(t("chartReturn"), t("overEpisodes"));
    this.legend = make("p", { class: "legend" }, ["agentAlone", "you"].map((word, place) => { const mark = make("span", {}, t(word)); mark.style.setProperty("--of", `var(${SERIES[place]})`); return mark; }));
    this.teach = make("button", { type: "button", class: "main", on: { click: () => { page.send({ do: "teach" }); this.teach.blur(); } } }, t("teach"));
    this.recorded = make("p", {});
    this.learnt = make("p", { role: "status" });
    this.beside = make("canvas", { role: "img" });
    this.besideBox = make("div", { class: "picture", hidden: true }, this.beside);
    this.runLink = make("a", { class: "quiet", hidden: true }, t("seeRun"));
    this.wrong = make("div", {});
    this.element = make("div", { class: "stack" }, this.wrong, make("div", { class: "playview" },
      make("section", { class: "card stage", "aria-label": t("play") },
        make("header", { class: "playhead" }, make("div", { class: "field tall" }, make("label", { for: "play-environment" }, t("environment")), this.select, this.text)),
        this.facts, this.box, this.line, this.pad, make("div", { class: "transport" }, this.again, make("span", { class: "gap" }), this.paceBox)),
      make("div", { class: "stack" }, make("div", {}, this.chart.element, this.legend),
        make("section", { class: "card" }, make("h2", {}, t("teachTitle")), make("div", { class: "inside prose" }, make("p", {}, t("teachText")), this.recorded, this.teach, this.learnt, this.besideBox, this.runLink)))));
    this.held = new Held((keys, pressed) => this.hold(keys, pressed));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event, true));
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons) this.point(event, false); });
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => { if (!this.about?.waits) this.page.send({ do: "point", at: null }); });
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.box);
    this.watch.observe(this.besideBox);
  }

  close() {
    this.watch.disconnect();
    this.held.close();
  }

  tell(session) {
    const bad = session.state === "refused" || session.state === "failed";
    this.wrong.replaceChildren(...(bad ? [make("p", { class: "line", role: "alert" }, serverText(session.text))] : []));
    this.veil.hidden = session.state !== "compiling";
    if (session.state !== "ready" || this.name === session.session) return;
    this.name = session.session;
    [this.about] = session.about;
    this.agent = [];
    this.now = null;
    this.select.value = this.about.environment;
    say(this.text, environmentText(this.page.offers.environments.find((each) => each.id === this.about.environment)));
    this.stage = new Stage(this.canvas, this.about, HIGH);
    this.second = new Stage(this.beside, this.about, HIGH_BESIDE);
    this.held.setKeys(this.about.keys, this.pad);
    this.held.repeats = false;
    this.paceBox.hidden = this.about.waits;
    this.resize();
    this.chart.draw([[], []], Infinity, t("noEpisode"), 1);
  }

  resize() {
    if (!this.stage) return;
    const room = this.box.clientWidth - 32, beside = this.besideBox.clientWidth - 32;
    if (room > 0) this.stage.resize(room);
    if (beside > 0) this.second.resize(beside);
    if (this.now) this.draw();
  }

  hold(keys, pressed) {
    if (!this.about) return;
    if (!this.about.waits) this.page.send({ do: "hold", keys });
    else if (pressed) this.page.send({ do: "hold", keys: [pressed], pressed: true });
  }

  // On a grid, a click takes a step towards the cell; elsewhere a pressed mouse button holds an action.
  point(event, pressed) {
    if (!this.stage?.unit) return;
    const { grid, waits } = this.about;
    if (!waits) {
      this.page.send({ do: "point", at: this.stage.placeOf(event.offsetX, event.offsetY).map((each) => +each.toFixed(3)) });
      return;
    }
    const cell = this.stage.cellAt(event.offsetX, event.offsetY);
    if (!pressed || !cell || this.now?.mine.state === undefined) return;
    const [x, y] = [this.now.mine.state % grid.columns, Math.floor(this.now.mine.state / grid.columns)], [right, down] = [cell[0] - x, cell[1] - y];
    const key = Math.abs(right) >= Math.abs(down) ? (right > 0 ? "right" : "left") : down > 0 ? "down" : "up";
    if ((right || down || this.now.mine.ended) && this.about.keys.includes(key)) this.hold([key], key);
  }

  points(parts) {
    if (!parts[0]) return;
    if (parts[0].new) this.agent = [];
    this.agent.push(...parts[0].points);
    this.drawChart();
  }

  show(frame) {
    this.now = frame;
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      if (this.stage) this.draw();
    });
  }

  draw() {
    const { now } = this, { mine } = now, plain = { table: null, trace: null };
    if (!this.stage.unit) this.resize();
    if (!this.stage.unit) return;
    this.stage.draw({ ...mine, ...plain });
    const values = [whole(mine.episode), whole(mine.length), minus(mine.total)];
    values.forEach((value, place) => say(this.facts.children[place].lastChild, value));
    this.canvas.setAttribute("aria-label", `${t("picture")}: ${t("live", { at: mine.length, episode: mine.episode, total: mine.total })}`);
    say(this.line, mine.ended ? `${endingText(mine.ended)} · ${t("return")} ${minus(mine.total)} · ${t("anyKey")}` : mine.length ? "" : t(this.about.waits ? "playWaits" : "playBegins"));
    this.line.classList.toggle("over", Boolean(mine.ended));
    if (document.activeElement !== this.pace) this.pace.value = String(now.pace);
    say(this.recorded, now.recorded ? t("recorded", { episodes: whole(now.episodes), steps: whole(now.recorded) }) : t("nothingPlayed"));
    this.teach.disabled = now.teaching === "learning" || !now.recorded;
    say(this.learnt, now.teaching === "learning" ? t("learning") : now.teaching === "failed" ? serverText(now.line) : now.learnt ? t("hasLearnt", { ...now.learnt, mean: minus(now.learnt.mean) }) : "");
    this.learnt.className = now.teaching === "failed" ? "line" : "";
    this.runLink.hidden = !now.learnt;
    if (now.learnt) this.runLink.href = `#runs/${encodeURIComponent(now.learnt.run)}`;
    this.besideBox.hidden = !now.beside;
    if (now.beside) {
      if (!this.second.unit) this.resize();
      if (this.second.unit) this.second.draw({ ...now.beside, ...plain });
      this.beside.setAttribute("aria-label", t("besideSeen", now.beside));
    }
    if (this.drawn !== now.returns.length) this.drawChart();
  }

  drawChart() {
    if (!this.now) return;
    this.drawn = this.now.returns.length;
    const { byEpisode } = curves(this.agent, Infinity);
    this.chart.draw([byEpisode.map(([x, count, total]) => [x, total, count]), this.now.returns.map((each, place) => [place + 1, each])], Infinity, t("noEpisode"), 1);
  }

  refuse(text) {
    this.wrong.replaceChildren(make("p", { class: "line", role: "alert" }, serverText(text)));
  }
}
