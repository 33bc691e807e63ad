// Equations: each symbol in MathML with its number below. They wrap like text.

import { make, math } from "./dom.js";
import { minus } from "./numbers.js";

// The MathML of a symbol given as text, such as max_a Q(S', a).
export function symbol(text) {
  const row = math("mrow");
  let named = false;  // whether the last token was a name such as max, which needs a space after it
  const tokens = text.match(/[A-Za-zΑ-ωϵ∂∇]+|\d+(?:\.\d+)?|'|_\{[^}]*\}|_[A-Za-z0-9]+|\^\{[^}]*\}|\^[A-Za-z0-9]+|\S/gu) ?? [];
  for (const token of tokens) {
    if (token === "'") {
      const last = row.lastChild;
      if (last) last.replaceWith(math("mrow", last.cloneNode(true), upright("′")));
    } else if (/^[_^]./.test(token)) {
      const inner = token.slice(1).replace(/[{}]/g, "");
      const last = row.lastChild;  // a subscript, also of max: then all symbols have the same height
      if (last) last.replaceWith(math(token[0] === "_" ? "msub" : "msup", last.cloneNode(true), math(/^\d/.test(inner) ? "mn" : "mi", inner)));
    } else if (/^\d/.test(token)) {
      row.append(math("mn", token));
    } else if (/^\p{L}/u.test(token)) {
      if (named) row.append(thinSpace());
      row.append(token.length > 1 ? upright(token) : math("mi", token));
      named = token.length > 1;
    } else if (token === "⁻" && row.lastChild?.localName === "mi") {  // part of the name: the target network
      row.lastChild.textContent += token;
    } else {
      named = false;
      const operator = math("mo", minus(token));
      if ("()[]".includes(token)) operator.setAttribute("stretchy", "false");
      row.append(operator);
    }
  }
  return math("math", row);
}

function thinSpace() {
  const space = math("mspace");
  space.setAttribute("width", "0.17em");
  return space;
}

function upright(text) {
  const name = math("mi", text);
  name.setAttribute("mathvariant", "normal");
  return name;
}

// A column of an equation: a symbol, and its number below.
function term(kind, above, below) {
  return make("span", { class: `term ${kind}` }, above, make("span", { class: "below" }, below));
}

// An equation of the server with its numbers; `name` is the name of the left side here.
export function equation(found, name = "") {
  const relation = found.relation ?? "←";
  const terms = [term("left", symbol(found.left), name), term("sign", symbol(relation), relation)];
  let plain = `${found.left} ${relation} `, numbers = "", first = true;
  for (const part of found.right) {
    const bare = part.symbol.trim();
    if (part.value) {
      const inBrackets = part.number.startsWith("-") && !first;
      const number = inBrackets ? `(${minus(part.number)})` : minus(part.number);
      terms.push(term("value", symbol(bare), number));
      numbers += number;
      first = false;
    } else {
      const shown = part.number.trim();
      terms.push(term("sign", bare ? symbol(bare) : make("span", {}, "\u2009"), shown ? `\u2009${minus(shown)}\u2009` : ""));
      numbers += part.number;
      first = shown.endsWith("[") || shown.endsWith("(");
    }
    plain += part.symbol;
  }
  terms.push(term("sign", make("span", {}, "\u2002"), " = "), term("result", make("span", {}, "\u2002"), minus(found.result)));
  const spoken = `${plain}. ${name} ${relation} ${numbers} = ${found.result}`;
  return make("div", { class: "equation", role: "math", "aria-label": spoken }, terms);
}
