// The diagram of the loop between agent and environment. The boxes that a chapter is about are coloured.

import { svg } from "./dom.js";
import { t } from "./words.js";

const BOXES = { environment: [8, 62], policy: [152, 8], values: [296, 8], memory: [152, 116], update: [296, 116], model: [8, 116] };
const WIDE = 120, HIGH = 38;

export function loop(marked) {
  const boxes = Object.entries(BOXES).filter(([name]) => name !== "model" || marked.includes("model")).map(([name, [x, y]]) => svg("g", { class: marked.includes(name) ? "box marked" : "box" },
    svg("rect", { x, y, width: WIDE, height: HIGH, rx: 8 }),
    svg("text", { x: x + WIDE / 2, y: y + HIGH / 2 + 5, "text-anchor": "middle" }, t(`box${name[0].toUpperCase()}${name.slice(1)}`))));
  const arrows = [["M68 62V27H150"], ["M212 46V76H130"], ["M130 90H212V114"], ["M272 135H294"], ["M356 116V48"], ["M296 27H274"]].map(([d]) => svg("path", { class: "arrow", d, "marker-end": "url(#head)" }));
  const label = marked.map((name) => t(`box${name[0].toUpperCase()}${name.slice(1)}`)).join(", ");
  return svg("svg", { class: "loop", viewBox: "0 0 424 168", role: "img", "aria-label": t("loopLabel", { names: label }) },
    svg("defs", {}, svg("marker", { id: "head", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { d: "M0 0 8 4 0 8z" }))),
    arrows, marked.includes("model") ? [svg("path", { class: "arrow", d: "M152 135H130", "marker-end": "url(#head)" }), svg("path", { class: "arrow", d: "M68 154V164H356V156", "marker-end": "url(#head)" })] : [], boxes);
}
