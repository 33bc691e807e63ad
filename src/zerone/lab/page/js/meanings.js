// What algorithms, environments and settings mean, in the page's language. The English words are the server's.

import { isChinese } from "./words.js";
import { ALGORITHMS, ENVIRONMENTS, SETTINGS } from "./chinese.js";

const first = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const algorithmText = (entry) => (isChinese() && ALGORITHMS[entry.name]) || `${first(entry.text)}.`;
export const environmentText = (entry) => (isChinese() && ENVIRONMENTS[entry.id]) || `${first(entry.text)}.`;

export function meaning(setting) {
  return (isChinese() && SETTINGS[setting.text]) || first(setting.text ?? "");
}

// What may be given, behind the meaning: numbers only, as words are in the list of choices.
export function rangeText(setting) {
  if (setting.kind === "switch" || setting.choices) return "";
  const { min, max, above, below } = setting, zh = isChinese(), show = (number) => number.toLocaleString("en", { maximumFractionDigits: 6 });
  const parts = [];
  if (above !== undefined) parts.push(zh ? `大于 ${show(above)}` : `above ${show(above)}`);
  if (min !== undefined) parts.push(zh ? `至少 ${show(min)}` : `at least ${show(min)}`);
  if (below !== undefined) parts.push(zh ? `小于 ${show(below)}` : `below ${show(below)}`);
  if (max !== undefined) parts.push(zh ? `至多 ${show(max)}` : `at most ${show(max)}`);
  if (!parts.length) return zh ? "。" : ".";
  return zh ? `。${parts.join("，")}。` : `. ${first(parts.join(", "))}.`;
}
