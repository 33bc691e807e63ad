// The named colours of scenes, light and dark, and the colour scale of values: orange below 0, blue above.

const LIGHT = {
  paper: "#ffffff", floor: "#f0f1f3", wall: "#5b616b", ink: "#23262b", pine: "#00694d", orange: "#e69f00", sky: "#56b4e9",
  green: "#009e73", yellow: "#f0e442", blue: "#0072b2", vermilion: "#d55e00", ice: "#ddeff9", water: "#0b3c5d",
  low: "#d55e00", high: "#0072b2", lit: "#e69f00", letters: "#1c2026", "high-letters": "#ffffff",
};
const DARK = {
  ...LIGHT, paper: "#e9ecf0", floor: "#272d35", wall: "#6b7480", ink: "#0b0d10", ice: "#2b3a46", water: "#061a29", yellow: "#c9bd2c",
  blue: "#3a9bd9", low: "#ff7a29", high: "#2f94d6", lit: "#ffc53d", letters: "#e9ecf0",
};

export const isDark = () => document.documentElement.dataset.theme === "dark";
export const color = (name) => (isDark() ? DARK : LIGHT)[name] ?? (isDark() ? DARK : LIGHT).letters;

const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

export function mixed(from, to, share) {
  const [one, two] = [parts(from), parts(to)];
  return `rgb(${one.map((value, place) => Math.round(value + (two[place] - value) * share)).join(" ")})`;
}

// The colour of a value if `largest` is the largest one. The scale is a power of 0.6, so that small values are visible.
export function ofValue(value, largest) {
  const share = largest > 0 ? Math.min(1, Math.abs(value) / largest) ** 0.6 : 0;
  return mixed(color("floor"), color(value < 0 ? "low" : "high"), 0.92 * share);
}

// Whether text on that colour should be white.
export const isDeep = (value, largest) => largest > 0 && (Math.abs(value) / largest) ** 0.6 > 0.62;

// The colour of a surface's value, from the lowest (0) to the highest (255).
export function ofHeight(height) {
  const share = height / 255, dark = isDark();
  const low = dark ? "#1d2530" : "#f3f6f9", middle = dark ? "#1f6ea3" : "#8cc5e8", high = dark ? "#9be0ff" : "#003a5f";
  return share < 0.5 ? mixed(low, middle, 2 * share) : mixed(middle, high, 2 * share - 1);
}

export const SERIES = ["--blue", "--vermilion", "--green", "--purple"];
