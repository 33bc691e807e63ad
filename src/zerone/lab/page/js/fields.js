// Fields of numbers and texts: each says below itself what is allowed, and nothing begins while one has another value.

import { make, say } from "./dom.js";
import { allowedText } from "./meanings.js";
import { t } from "./words.js";

// A field's input, and the line below it. `set` gets each value that is allowed, `told` is called after every change.
export function settingField(setting, attributes, value, set, told = () => {}) {
  const wrong = make("p", { class: "wrong", id: `${attributes.id}-wrong`, hidden: true });
  const text = setting.kind === "str", list = setting.kind === "list";
  const read = (given) => (text ? given : list ? given.split(",").map((each) => Number(each.trim())) : Number(given));
  const change = ({ target }) => {
    const good = target.checkValidity() && target.value.trim() !== "" && holds(setting, read(target.value));
    wrong.hidden = good;
    say(wrong, good ? "" : allowedText(setting));
    target.setAttribute("aria-invalid", String(!good));
    if (good) set(read(target.value));
    told();
  };
  const input = make("input", { ...attributes, type: list || text ? "text" : "number", step: setting.kind === "int" ? "1" : "any", value: String(value),
    min: setting.min !== undefined ? String(setting.min) : undefined, max: setting.max !== undefined ? String(setting.max) : undefined,
    "aria-describedby": [attributes["aria-describedby"], wrong.id].filter(Boolean).join(" "), on: { input: change } });
  return [input, wrong];
}

export function seedField(id, largest, seed, set, told) {
  return [make("label", { for: id }, t("seed")), ...settingField({ kind: "int", min: 0, max: largest }, { id }, seed, set, told)];
}

// Whether a value is in range. The server checks it again.
function holds(setting, value) {
  const each = (number) => Number.isFinite(number)
    && !(setting.min !== undefined && number < setting.min) && !(setting.max !== undefined && number > setting.max)
    && !(setting.above !== undefined && number <= setting.above) && !(setting.below !== undefined && number >= setting.below);
  return setting.kind === "str" || (Array.isArray(value) ? value.length > 0 && value.every(each) : each(value));
}

// Whether a field of a form has a value that is not allowed: it gets the focus, as nothing begins with another value instead.
export function refuses(form) {
  const input = form.querySelector("[aria-invalid='true']"), folded = input?.closest("details");
  if (folded) folded.open = true;
  input?.focus();
  return Boolean(input);
}
