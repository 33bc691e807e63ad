// The tree of the futures that a lookahead compares: a column for each step, all actions of it, and on from the best.

import { make, svg } from "./dom.js";
import { actionText } from "./meanings.js";
import { minus } from "./numbers.js";
import { t } from "./words.js";

const WIDE = 288, ROW = 36, ROOT = 14;

export function futures(found) {
  const columns = [];
  for (let nodes = found.tree; nodes?.length; nodes = nodes.find((each) => each.best)?.next) columns.push(nodes);
  const rows = Math.max(...columns.map((each) => each.length)), high = rows * ROW, across = (WIDE - ROOT) / found.depth;
  const middle = (nodes, place) => (high - nodes.length * ROW) / 2 + (place + 0.5) * ROW;
  const edges = [], labels = [];
  let from = [ROOT - 5, high / 2];
  columns.forEach((nodes, depth) => {
    const begin = ROOT + depth * across + (depth ? across * 0.16 : 12);
    let best = from;
    nodes.forEach((node, place) => {
      const y = middle(nodes, place), kind = node.best ? "best" : "";
      edges.push(svg("path", { class: `edge ${kind}`, d: `M${from[0]} ${from[1]}C${(from[0] + begin) / 2} ${from[1]} ${(from[0] + begin) / 2} ${y} ${begin} ${y}` }));
      labels.push(svg("g", { class: kind }, svg("title", {}, sumOf(node, found.discount)),
        svg("text", { x: begin + 4, y: y - 2 }, actionText(node.action)), svg("text", { class: "worth", x: begin + 4, y: y + 12 }, `${minus(node.value)}${node.terminated === 1 && node.outcomes === 1 ? " ■" : ""}`)));
      if (node.best) best = [ROOT + (depth + 1) * across - 4, y];
    });
    from = best;
  });
  const chosen = found.tree.find((each) => each.best);
  const drawing = svg("svg", { class: "futures", viewBox: `0 0 ${WIDE} ${high}`, role: "img", "aria-label": t("futuresSeen", { action: actionText(chosen.action), value: minus(chosen.value) }) },
    svg("circle", { cx: ROOT - 7, cy: high / 2, r: 4 }), edges, labels);
  return [drawing, make("p", { class: "quiet number" }, `${actionText(chosen.action)}: ${sumOf(chosen, found.discount)}`)];
}

// What a value is the sum of: the reward, and the discounted value of what follows.
function sumOf(node, discount) {
  const value = minus(node.value);
  if (node.outcomes > 1) return t("futuresMean", { value, n: node.outcomes });
  const end = node.terminated === 1;
  return end ? t("futuresEnd", { value }) : `${value} = ${minus(node.reward)} + ${discount} × ${minus(node.following)}`;
}
