// The meanings of algorithms, environments and settings in the page's language. English texts come from the server.

import { SETTING_NAMES } from "./refusals.js";
import { isChinese } from "./words.js";
import { CATALOGUE } from "./catalogue.js";
import { NOTES, QUANTITIES } from "./chinese.js";

// A sentence with a capital first letter; Greek letters are symbols and stay. Settings have the names of their labels.
const first = (text) => text.replace(/^[a-z]/, (letter) => letter.toUpperCase()).replace(/`(\w+)`/g, (_, name) => name.replaceAll("_", " "));

export const settingLabel = (name) => (isChinese() && SETTING_NAMES[name]) || name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
const said = (text) => (isChinese() && CATALOGUE[text] ? `${CATALOGUE[text]}。` : `${first(text)}.`);
export const algorithmText = (entry) => said(entry.text);
export const environmentText = (entry) => said(entry.text);

// The name of an action, and of a table entry by its state and action, such as Q((1, 2), left).
export const actionText = (name) => (isChinese() && CATALOGUE[name]) || name;
export const entryText = (name) => name.replace(/, ([^,()]+)\)$/, (_, action) => `, ${actionText(action)})`);

export const quantityText = (text) => (isChinese() && QUANTITIES[text]) || first(text);

// Sentences with numbers: patterns and their Chinese, in which the numbers are inserted.
function sentence(text, patterns) {
  for (const [pattern, chinese] of isChinese() ? patterns : []) {
    const found = text.match(pattern);
    if (found) return text.replace(pattern, chinese);
  }
  return first(text);
}

export const noteText = (text) => sentence(text, NOTES);
export const titleText = noteText;

export function meaning(setting) {
  return (isChinese() && CATALOGUE[setting.text]) || first(setting.text ?? "");
}

// The allowed range after the meaning, for numbers only: choices are in the list.
export function rangeText(setting) {
  if (setting.kind === "switch" || setting.choices) return "";
  const found = range(setting), zh = isChinese();
  return found ? `${zh ? "。" : ". "}${found}` : zh ? "。" : ".";
}

// What is allowed, as a sentence of its own, for a value that is not.
export function allowedText(setting) {
  return range(setting) || (isChinese() ? "这个值不能用。" : "This value is not allowed.");
}

function range(setting) {
  const { min, max, above, below } = setting, zh = isChinese(), show = (number) => number.toLocaleString("en", { maximumFractionDigits: 6 });
  const parts = [];
  if (above !== undefined) parts.push(zh ? `大于 ${show(above)}` : `above ${show(above)}`);
  if (min !== undefined) parts.push(zh ? `不小于 ${show(min)}` : `at least ${show(min)}`);
  if (below !== undefined) parts.push(zh ? `小于 ${show(below)}` : `below ${show(below)}`);
  if (max !== undefined) parts.push(zh ? `不大于 ${show(max)}` : `at most ${show(max)}`);
  if (!parts.length) return "";
  return zh ? `${parts.join("，")}。` : `${first(parts.join(", "))}.`;
}
