// Formats numbers for people, in both languages.

const SHORT = [[1e9, "G"], [1e6, "M"], [1e4, "k", 1e3]];

export const whole = (number) => Math.round(number).toLocaleString("en");

// The label of an axis tick: 12, 0.5, 20k.
export function tick(number) {
  const size = Math.abs(number);
  for (const [from, letter, unit = from] of SHORT) if (size >= from) return `${+(number / unit).toPrecision(3)}${letter}`;
  return `${+number.toPrecision(3)}`.replace("-", "−");
}

// A true minus sign, as wide as a plus, for a number or each number of a list.
export const minus = (text) => String(text).replace(/(^|[\s(,])-/g, "$1−");

// At most four ticks at round numbers between the ends.
export function ticks(low, high, most = 4, least = 0) {
  const span = high - low || 1;
  const rough = span / most, power = 10 ** Math.floor(Math.log10(rough));
  const unit = Math.max(least, [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => span / each <= most) ?? power * 10);
  const found = [];
  for (let at = Math.ceil(low / unit - 1e-9) * unit; at <= high + 1e-9 * span; at += unit) found.push(Math.abs(at) < 1e-9 * unit ? 0 : +at.toPrecision(12));
  return found;
}
