// The tree of futures that a search compares: a column per step with all its actions, continued from the best one. For a
// tree search, N is the number of simulations through a node; a thicker line means more of them.

import { make, svg } from "./dom.js";
import { actionText } from "./meanings.js";
import { minus } from "./numbers.js";
import { t } from "./words.js";

const WIDE = 288, ROW = 36, ROW_WITH_VISITS = 48, ROOT = 14, MOST_OF_WAY = 12;

export function futures(found) {
  const columns = [];
  for (let nodes = found.tree; nodes?.length; nodes = nodes.find((each) => each.best)?.next) columns.push(nodes);
  const row = found.simulations ? ROW_WITH_VISITS : ROW;
  const lift = found.simulations ? 8 : 0;  // centres three lines of text
  const rows = Math.max(...columns.map((each) => each.length)), high = rows * row, across = (WIDE - ROOT) / found.depth;
  const middle = (nodes, place) => (high - nodes.length * row) / 2 + (place + 0.5) * row;
  const edges = [], labels = [];
  let from = [ROOT - 5, high / 2];
  columns.forEach((nodes, depth) => {
    const begin = ROOT + depth * across + (depth ? across * 0.16 : 12);
    let best = from;
    nodes.forEach((node, place) => {
      const y = middle(nodes, place), kind = node.best ? "best" : "", thick = found.simulations ? { "stroke-width": 1 + 5 * node.visits / found.simulations } : {};
      edges.push(svg("path", { class: `edge ${kind}`, ...thick, d: `M${from[0]} ${from[1]}C${(from[0] + begin) / 2} ${from[1]} ${(from[0] + begin) / 2} ${y} ${begin} ${y}` }));
      labels.push(svg("g", { class: kind }, svg("title", {}, sumOf(node, found.discount)),
        svg("text", { x: begin + 4, y: y - 2 - lift }, actionText(node.action)), svg("text", { class: "worth", x: begin + 4, y: y + 12 - lift }, `${minus(node.value)}${node.terminated === 1 && node.outcomes === 1 ? " ■" : ""}`),
        ...(found.simulations ? [svg("text", { class: "visits", x: begin + 4, y: y + 26 - lift }, `N ${node.visits}`)] : [])));
      if (node.best) best = [ROOT + (depth + 1) * across - 4, y];
    });
    from = best;
  });
  const chosen = found.tree.find((each) => each.best);
  const drawing = svg("svg", { class: "futures", viewBox: `0 0 ${WIDE} ${high}`, role: "img", "aria-label": t("futuresSeen", { action: actionText(chosen.action), value: minus(chosen.value) }) },
    svg("circle", { cx: ROOT - 7, cy: high / 2, r: 4 }), edges, labels);
  const lines = [make("p", { class: "quiet number" }, `${actionText(chosen.action)}: ${sumOf(chosen, found.discount)}`)];
  if (found.way.length > found.depth) lines.push(make("p", { class: "quiet" }, t("futuresWay", { n: found.way.length, way: wayOf(found.way) })));
  return [drawing, ...lines];
}

// The best action of each step; equal ones in a row are counted: right × 3, down.
function wayOf(names) {
  const parts = [];
  for (const name of names) {
    if (parts.at(-1)?.name === name) parts.at(-1).count += 1;
    else parts.push({ name, count: 1 });
  }
  const shown = parts.slice(0, MOST_OF_WAY).map(({ name, count }) => actionText(name) + (count > 1 ? ` × ${count}` : ""));
  return shown.join(t("comma")) + (parts.length > MOST_OF_WAY ? " …" : "");
}

// The sum that gives a value: the reward, and the discounted value of the next state.
function sumOf(node, discount) {
  const value = minus(node.value), share = node.terminated ? `${+(1 - node.terminated).toPrecision(4)} × ` : "";
  if (!node.outcomes) return t("futuresUntried", { value });
  if (node.outcomes > 1) return t("futuresMean", { value, n: node.outcomes });
  const end = node.terminated === 1;
  return end ? t("futuresEnd", { value }) : `${value} = ${minus(node.reward)} + ${discount} × ${share}${minus(node.following)}`;
}
