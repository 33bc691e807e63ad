// The server's messages in the page's language: refusals, failures, and how an episode ended.

import { isChinese } from "./words.js";
import { ENDINGS, METRICS, REFUSALS } from "./refusals.js";

export function serverText(text) {
  if (!isChinese() || !text) return text;
  for (const [pattern, chinese] of REFUSALS) if (pattern.test(text)) return text.replace(pattern, chinese);
  return text;
}

export const endingText = (text) => (isChinese() && ENDINGS[text]) || text;
export const metricName = (name) => (isChinese() && METRICS[name]) || null;
