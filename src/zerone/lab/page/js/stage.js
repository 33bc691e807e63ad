// The picture: the environment's shapes in its own units, with the agent's values drawn over them.

import { color, isDeep, mixed, ofHeight, ofValue } from "./palette.js";
import { minus } from "./numbers.js";

const MOST_HIGH = 430, LEAST_CELL_FOR_NUMBERS = 84, LEAST_CELL_FOR_VALUE = 40;
const FACE = '"Segoe UI", Roboto, system-ui, sans-serif';

export class Stage {
  constructor(canvas, about, mostHigh = MOST_HIGH) {
    this.canvas = canvas;
    this.about = about;
    this.mostHigh = mostHigh;
    this.layers = { values: true, arrows: true, numbers: true, footprints: true };
    this.context = canvas.getContext("2d");
  }

  // Use all available space, with the resolution of the screen.
  resize(width) {
    const [left, top, right, bottom] = this.about.scene?.box ?? [0, 0, 4, 1];
    const across = Math.abs(right - left), high = Math.abs(bottom - top);
    const unit = Math.min(width / across, this.mostHigh / high, this.about.grid ? 110 : Infinity);
    const ratio = window.devicePixelRatio || 1;
    this.unit = unit;
    this.size = [across * unit, high * unit];
    for (const [name, length] of [["width", this.size[0]], ["height", this.size[1]]]) {
      this.canvas[name] = Math.round(length * ratio);
      this.canvas.style[name] = `${length}px`;
    }
    this.ratio = ratio;
  }

  // From a point of the environment to the canvas.
  at([x, y]) {
    const [left, top, , bottom] = this.about.scene.box;
    return [(x - left) * this.unit, (top > bottom ? top - y : y - top) * this.unit];
  }

  // From a point of the canvas to the environment.
  placeOf(x, y) {
    const [left, top, , bottom] = this.about.scene.box;
    return [left + x / this.unit, top > bottom ? top - y / this.unit : top + y / this.unit];
  }

  draw(now) {
    const context = this.context;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, ...this.size);
    if (!this.about.scene) return;
    for (const shape of this.about.scene.still) this.shape(shape);
    const shown = now.table && this.about.grid && this.layers.values;
    if (shown) this.table(now);
    if (now.table && this.about.grid && this.layers.arrows) this.arrows(now);
    if (now.trace && this.layers.footprints) this.trace(now);
    if (now.reached !== undefined && now.reached !== null && now.ended) this.reached(now.reached);
    for (const shape of this.changed ?? []) this.shape(shape);
    const cell = shown && now.state !== null ? this.cell(now.state) : null;
    for (const shape of now.shapes) this.shape(cell && shape.kind !== "square" ? smaller(shape, cell, 0.55) : shape);
  }

  cell(state) {
    return [state % this.about.grid.columns, Math.floor(state / this.about.grid.columns)];
  }

  shape(shape) {
    const context = this.context, unit = this.unit;
    context.fillStyle = context.strokeStyle = color(shape.color);
    context.beginPath();
    if (shape.kind === "square") {
      const [x, y] = this.at(shape.at), side = shape.side * unit, line = (shape.line ?? 0) * unit;
      context.roundRect(x - side / 2 + line / 2, y - side / 2 + line / 2, side - line, side - line, 0.1 * unit);
      context.lineWidth = line;
    } else if (shape.kind === "disc") {
      context.arc(...this.at(shape.at), shape.radius * unit, 0, 2 * Math.PI);
      context.lineWidth = (shape.line ?? 0) * unit;
    } else if (shape.kind === "text") {
      context.font = `600 ${1.3 * shape.size * unit}px ${FACE}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(shape.text, ...this.at(shape.at));
      return;
    } else {
      for (const [place, point] of shape.points.entries()) context[place ? "lineTo" : "moveTo"](...this.at(point));
      if (shape.kind === "line") {
        context.lineWidth = Math.max(1, shape.width * unit);
        context.lineCap = context.lineJoin = "round";
        context.setLineDash(shape.dashed ? [6, 6] : []);
        context.stroke();
        context.setLineDash([]);
        return;
      }
      context.closePath();
    }
    if (shape.line) context.stroke();
    else context.fill();
  }

  // The corners of the part of a cell that shows an action: a triangle in its direction, or half of the cell.
  part(state, action) {
    const [x, y] = this.cell(state), half = 0.425, [right, down] = this.about.grid.directions[action];
    const along = this.about.grid.directions.every((each) => each[1] === 0);
    const corners = along
      ? [[0, -half], [right * half, -half], [right * half, half], [0, half]]
      : [[0, 0], right ? [right * half, -half] : [-half, down * half], right ? [right * half, half] : [half, down * half]];
    const middle = along ? [right * half * 0.5, 0.3] : [right * half * 0.66, down * half * 0.68];
    return { corners: corners.map(([a, b]) => this.at([x + a, y + b])), middle: this.at([x + middle[0], y + middle[1]]) };
  }

  table(now) {
    const { grid } = this.about, context = this.context;
    let largest = 0;
    now.table.forEach((row, state) => { if (grid.acts[state]) for (const value of row) largest = Math.max(largest, Math.abs(value)); });
    const lit = new Set((now.learnt?.lit ?? []).map(([state, action]) => `${state},${action}`));
    const numbers = this.layers.numbers && this.unit >= LEAST_CELL_FOR_NUMBERS;
    const bright = [];
    now.table.forEach((row, state) => {
      if (!grid.acts[state] || row.every((value) => value === 0)) return;
      row.forEach((value, action) => {
        const { corners, middle } = this.part(state, action);
        outline(context, corners);
        context.fillStyle = ofValue(value, largest);
        context.fill();
        if (numbers) this.number(short(value), middle, isDeep(value, largest) ? "#ffffff" : color("letters"), 11);
        if (lit.has(`${state},${action}`)) bright.push(corners);
      });
    });
    context.strokeStyle = color("lit");
    context.lineWidth = 3;
    context.lineJoin = "round";
    for (const corners of bright) {
      outline(context, corners);
      context.stroke();
    }
  }

  number(text, [x, y], fill, size, weight = 500) {
    const context = this.context;
    context.font = `${weight} ${size}px ${FACE}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = fill;
    context.fillText(text, x, y);
  }

  // The best actions of each state in which not all actions are equal.
  arrows(now) {
    const { grid } = this.about, context = this.context;
    now.table.forEach((row, state) => {
      if (!grid.acts[state]) return;
      const best = Math.max(...row);
      if (row.every((value) => best - value <= 1e-5 * Math.abs(best)) || (now.state === state && this.layers.values)) return;
      const [x, y] = this.at(this.cell(state));
      const greedy = row.map((value, action) => (best - value <= 1e-5 * Math.abs(best) ? action : -1)).filter((action) => action >= 0);
      const size = (greedy.length > 1 ? 0.085 : 0.12) * this.unit, away = (greedy.length > 1 ? 0.055 : 0) * this.unit;
      greedy.forEach((action) => {
        const [right, down] = grid.directions[action];
        const tip = [x + right * (size + away), y + down * (size + away)];
        const base = [x + right * (away - size * 0.35), y + down * (away - size * 0.35)];
        outline(context, [tip, [base[0] - down * size * 0.7, base[1] + right * size * 0.7], [base[0] + down * size * 0.7, base[1] - right * size * 0.7]]);
        context.fillStyle = color("letters");
        context.strokeStyle = color("floor");
        context.lineWidth = 2.5;
        context.stroke();
        context.fill();
      });
      if (this.unit >= LEAST_CELL_FOR_VALUE && this.unit < LEAST_CELL_FOR_NUMBERS && this.layers.numbers && !this.layers.values) {
        this.number(short(best), [x, y + 0.3 * this.unit], color("letters"), 11);
      }
    });
  }

  // The trace as footprints in the direction of the actions; older ones are fainter.
  trace(now) {
    const largest = Math.max(1, ...now.trace.map(([, , size]) => size));
    for (const [state, action, size] of now.trace) {
      const [x, y] = this.cell(state), [right, down] = this.about.grid.directions[action];
      for (const side of [-1, 1]) {
        const ahead = 0.26 + 0.05 * side, aside = 0.07 * side;
        const [left, top] = this.at([x + right * ahead - down * aside, y + down * ahead + right * aside]);
        const context = this.context, length = 0.075 * this.unit;
        context.save();
        context.globalAlpha = 0.15 + 0.85 * Math.min(1, size / largest);
        context.translate(left, top);
        context.rotate(Math.atan2(down, right));
        context.beginPath();
        context.ellipse(0, 0, length, 0.5 * length, 0, 0, 2 * Math.PI);
        context.fillStyle = color("vermilion");
        context.strokeStyle = color("paper");
        context.lineWidth = 1;
        context.fill();
        context.stroke();
        context.restore();
      }
    }
  }

  // Mark where the last episode ended if the next one has already begun.
  reached(state) {
    const context = this.context;
    context.beginPath();
    context.arc(...this.at(this.cell(state)), 0.4 * this.unit, 0, 2 * Math.PI);
    context.strokeStyle = color("lit");
    context.lineWidth = 4;
    context.stroke();
  }

  // The cell at a point of the canvas; null if there is none.
  cellAt(x, y) {
    const { grid } = this.about, column = Math.floor(x / this.unit), row = Math.floor(y / this.unit);
    return grid && column >= 0 && column < grid.columns && row >= 0 && row < grid.rows ? [column, row] : null;
  }

  // The state of that cell; null if no actions are chosen there.
  stateAt(x, y) {
    const cell = this.cellAt(x, y);
    if (!cell) return null;
    const state = cell[1] * this.about.grid.columns + cell[0];
    return this.about.grid.acts[state] ? state : null;
  }
}

export const short = (value) => {
  if (value === 0) return "0";
  const size = Math.abs(value), text = size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : size >= 0.0095 ? value.toFixed(2) : "~0";
  return minus(text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""));
};

function outline(context, corners) {
  context.beginPath();
  corners.forEach(([x, y], place) => context[place ? "lineTo" : "moveTo"](x, y));
  context.closePath();
}

// Shrink a shape towards the middle of its cell, so that values around it stay readable.
function smaller(shape, [x, y], share) {
  const near = ([a, b]) => [x + (a - x) * share, y + (b - y) * share];
  const found = { ...shape };
  if (shape.at) found.at = near(shape.at);
  if (shape.points) found.points = shape.points.map(near);
  if (shape.radius) found.radius = shape.radius * share;
  return found;
}

// The value of each point of a plane, and a dot at the agent's position.
export function drawSurface(canvas, about, now) {
  const { across, up, values } = now.surface, [x, y] = now.place, { low, high } = about.plane;
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 280, height = Math.round(width * 0.68);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  for (let row = 0; row < up; row++) {
    for (let column = 0; column < across; column++) {
      context.fillStyle = ofHeight(values[row * across + column]);
      const left = Math.floor((column * width) / across), top = Math.floor(((up - 1 - row) * height) / up);
      context.fillRect(left, top, Math.ceil(width / across) + 1, Math.ceil(height / up) + 1);
    }
  }
  const dot = [((x - low[0]) / (high[0] - low[0])) * width, (1 - (y - low[1]) / (high[1] - low[1])) * height];
  context.beginPath();
  context.arc(...dot, 6, 0, 2 * Math.PI);
  context.fillStyle = color("vermilion");
  context.strokeStyle = "#ffffff";
  context.lineWidth = 2;
  context.fill();
  context.stroke();
}

export { mixed };
