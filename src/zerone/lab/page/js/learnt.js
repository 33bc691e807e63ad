// The last step and the update from it: the equation with its numbers, samples, and changes.

import { equation, symbol } from "./equation.js";
import { make } from "./dom.js";
import { actionText, entryText, noteText, quantityText, titleText } from "./meanings.js";
import { minus } from "./numbers.js";
import { metricName } from "./sentences.js";
import { t } from "./words.js";

const SOURCES = { step: "sourceStep", waiting: "sourceWaiting", model: "sourceModel", episode: "sourceEpisode" };

// S, A, R, S' of the last step, as a list of names and values.
export function happened(now) {
  if (now.quick) return make("p", { class: "quiet" }, t("tooFast"));
  const step = now.step;
  if (!step) return make("p", { class: "quiet" }, t("nothingYet"));
  const how = step.how ? make("span", { class: `tag ${step.how}` }, t(step.how)) : null;
  const end = now.ended ? make("span", { class: "tag end" }, t(now.ended)) : null;
  const rows = [["state", minus(step.state)], ["action", minus(actionText(step.action)), how], ["reward", minus(step.reward)], ["next", minus(step.next), end]];
  return make("dl", { class: "happened" }, rows.flatMap(([name, value, tag]) => [make("dt", {}, t(name)), make("dd", {}, value, tag)]));
}

// The explanation of the update. Each kind has its own function; add new kinds to `PARTS`.
export function learnt(now, about) {
  const found = now.learnt;
  if (now.quick) return [make("p", { class: "quiet" }, t("tooFast"))];
  if (!now.step) return [make("p", { class: "quiet" }, t("nothingYet"))];
  if (!found) {
    const rest = about.block - (now.at % about.block);
    return [make("p", { class: "quiet" }, t("inBlock", { n: rest }))];
  }
  const shown = PARTS.flatMap(([name, draw]) => (has(found[name]) ? draw(found[name], found) : []));
  return shown.length ? shown : [make("p", { class: "quiet" }, t("learntNothing"))];
}

const has = (part) => part !== undefined && part !== null && (!Array.isArray(part) || part.length > 0);

const PARTS = [["entries", entries], ["updates", (each, found) => each.map((one, place) => gradient(one, place, { length: each.length, more: found.moreUpdates }))], ["quantities", quantities], ["notes", notes], ["measured", measured]];

function entries(list, found) {
  if (!list.length) return [];
  const shown = list.map((each) => {
    const step = each.step;
    const played = step ? `R = ${minus(step.reward)}, S′ = ${minus(step.next)}${step.nextAction ? `, A′ = ${actionText(step.nextAction)}` : ""}` : null;
    return make("div", { class: "entry" },
      make("div", { class: "source" }, make("b", {}, t(SOURCES[each.source])), played && make("span", {}, played),
        make("span", {}, `${t("target")} ${minus(each.target)}`), make("span", {}, `${t("error")} ${minus(each.error)}`)),
      equation(each.equation, entryText(each.name)));
  });
  if (found.moreEntries) shown.push(make("p", { class: "quiet" }, t("andMore", { n: found.moreEntries })));
  return [...shown, changes(found)];
}

function changes(found) {
  if (!found.changes.length) return make("p", { class: "quiet" }, t("unchanged"));
  const each = found.changes.map((change) => make("li", {}, `${entryText(change.name)}  ${minus(change.before)} → `, make("b", {}, minus(change.after)),
    change.trace === null ? "" : `  (${t("trace")} ${change.trace})`));
  const more = found.moreChanges ? [make("li", {}, t("andMore", { n: found.moreChanges }))] : [];
  return make("ul", { class: "changes", "aria-label": t("changed") }, each, more);
}

// A gradient step: its equations, samples and metrics.
function gradient(update, place, all) {
  const rows = update.rows.map((row) => make("tr", {}, row.map((cell) => make("td", {}, cellText(cell)))));
  const heads = update.columns.map((column) => make("th", { scope: "col", title: quantityText(column.meaning) }, symbol(column.symbol)));
  const between = place === all.length - 2 && all.more ? make("p", { class: "quiet" }, t("andMore", { n: all.more })) : null;
  return make("div", { class: "entry" },
    make("div", { class: "source" }, make("b", {}, titleText(update.title))),
    make("div", { class: "equations" }, update.equations.map((each) => equation(each))),
    rows.length ? make("div", { class: "scroll", tabindex: "0" }, make("table", { class: "samples" },
      make("caption", { class: "quiet" }, update.number > rows.length ? t("samples", { n: rows.length, all: update.number }) : t("allSamples")),
      make("thead", {}, make("tr", {}, heads)), make("tbody", {}, rows))) : null,
    update.descents.map(descent), quantities(update.quantities), notes(update.notes), between);
}

// The path down a sum tree from the root to the drawn slot; the chosen child of each node is marked.
function descent(way) {
  const nodes = way.nodes.map((node) => make("li", {}, node.sums.map((sum, place) => make("span", { class: place === node.chosen ? "chosen" : "" }, sum))));
  return make("div", {}, make("p", { class: "quiet" }, t("descent", { aim: way.aim, total: way.total, slot: way.slot, priority: way.priority })),
    make("ol", { class: "descent" }, nodes));
}

function cellText(cell) {
  if (cell === null) return "–";
  if (cell === true || cell === false) return cell ? "✓" : "–";
  return Array.isArray(cell) ? minus(`(${cell.join(", ")})`) : /^[a-z]/.test(cell) ? actionText(cell) : minus(cell);
}

function quantities(list) {
  if (!list.length) return [];
  return [make("dl", { class: "quantities" }, list.map((each) => make("div", {},
    make("dt", {}, quantityText(each.meaning)), make("dd", {}, symbol(each.symbol), ` = ${minus(each.number)}`))))];
}

function notes(list) {
  return list.map((each) => make("p", { class: "quiet" }, noteText(each)));
}

function measured(values) {
  const each = Object.entries(values);
  if (!each.length) return [];
  return [make("p", { class: "quiet" }, t("measured")),
    make("dl", { class: "quantities" }, each.map(([name, value]) => make("div", {}, make("dt", {}, metricName(name) ?? name.replaceAll("_", " ")), make("dd", {}, minus(value)))))];
}

// The value or probability of each action as bars; `taken` is the action that was taken.
export function bars(found, names, taken = null) {
  const { numbers, kind } = found, best = Math.max(...numbers), likely = kind.startsWith("π");
  const low = Math.min(0, ...numbers), high = likely ? 1 : Math.max(0, ...numbers), span = high - low || 1;
  return make("div", { class: "bars" }, numbers.flatMap((value, place) => {
    const fill = make("span", { class: `fill${value < 0 ? " below" : ""}` });
    fill.style.left = `${((Math.min(0, value) - low) / span) * 100}%`;
    fill.style.width = `${(Math.abs(value) / span) * 100}%`;
    const mark = value === best ? "best" : "", name = names[place] ?? String(place);
    return [make("span", { class: mark }, actionText(name), name === taken ? make("span", { class: "tag" }, "A") : null), make("span", { class: "track" }, fill),
      make("span", { class: `value ${mark}` }, minus(likely ? value.toFixed(3) : +value.toPrecision(4)))];
  }));
}

// The numbers that chose the last action: a bar per action, or the action itself if it is continuous.
export function decision(found, names, taken) {
  const discrete = found.numbers.length > 0 && !found.kind.startsWith("μ");
  const shown = discrete ? [bars(found, names, taken)] : [];
  const own = !discrete && found.numbers.length ? [{ symbol: found.kind, number: found.numbers.map((each) => +each.toPrecision(4)).join(", "), meaning: t("meanAction") }] : [];
  return [...shown, ...quantities([...own, ...found.quantities.filter((each) => each.symbol !== "ε")])];
}
