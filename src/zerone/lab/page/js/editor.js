// Editing the maze by clicks: wall, hell, paradise, start or floor. Then a training begins in it.

import { make } from "./dom.js";
import { t } from "./words.js";

const TOOLS = [["#", "toolWall"], ["H", "toolHell"], ["G", "toolGoal"], ["S", "toolStart"], [".", "toolFloor"]];
const ONCE = "SG";  // exactly one of each
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

// How a changed cell is drawn until the server sends the new picture.
const PAINT = {
  ".": (at) => [{ kind: "square", at, side: 0.94, color: "floor" }],
  "#": (at) => [{ kind: "square", at, side: 0.94, color: "wall" }],
  H: (at) => [{ kind: "square", at, side: 0.94, color: "ink" }, { kind: "disc", at, radius: 0.2, color: "vermilion" }],
  G: (at) => [{ kind: "square", at, side: 0.94, color: "yellow" }, { kind: "disc", at, radius: 0.25, color: "green" }],
  S: (at) => [{ kind: "square", at, side: 0.94, color: "floor" }, { kind: "square", at, side: 0.94, line: 0.04, color: "sky" }],
};

export class Editor {
  // `begin` is called with the rows of the new maze, and `change` with those of a change during learning.
  constructor(view, begin, change) {
    this.view = view;
    this.rows = view.about.layout.map((row) => [...row]);
    this.tool = "#";
    this.cursor = [0, 0];
    this.tools = make("fieldset", { class: "toolbox", hidden: true }, make("legend", { class: "unseen" }, t("editMaze")),
      TOOLS.map(([character, word]) => make("label", {}, make("input", { type: "radio", name: "tool", checked: character === this.tool,
        on: { change: () => { this.tool = character; } } }), t(word))),
      make("button", { type: "button", class: "change", on: { click: () => change(this.rows.map((row) => row.join(""))) } }, t("changeMaze")),
      make("button", { type: "button", class: "main", on: { click: () => begin(this.rows.map((row) => row.join(""))) } }, t("beginMaze")));
    this.button = make("button", { type: "button", class: "plain", "aria-expanded": "false", on: { click: () => this.toggle() } }, t("editMaze"));
    this.element = make("div", { class: "editor" }, this.button, this.tools, make("p", { class: "quiet hint", hidden: true }, t("editHint")));
    view.canvas.addEventListener("pointerdown", (event) => this.open && this.put(view.stage.cellAt(event.offsetX, event.offsetY)));
    view.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  // Set another maze.
  adopt() {
    this.rows = this.view.about.layout.map((row) => [...row]);
    this.show();
  }

  toggle() {
    this.open = !this.open;
    this.tools.hidden = this.element.querySelector(".hint").hidden = !this.open;
    this.button.setAttribute("aria-expanded", String(this.open));
    if (this.open) this.view.canvas.tabIndex = 0;
    else this.view.canvas.removeAttribute("tabindex");
    this.show();
  }

  key(event) {
    if (!this.open) return;
    const move = ARROWS[event.key];
    if (move) this.cursor = this.cursor.map((place, axis) => Math.min(Math.max(0, place + move[axis]), (axis ? this.rows.length : this.rows[0].length) - 1));
    else if (event.key === "Enter") this.put(this.cursor);
    else return;
    event.preventDefault();
    event.stopPropagation();  // otherwise the arrow keys would step through the training
    this.show();
  }

  put(cell) {
    if (!cell) return;
    const [column, row] = cell, old = this.rows[row][column];
    if (ONCE.includes(old)) return;  // it can only be moved, never removed
    if (ONCE.includes(this.tool)) this.rows.forEach((line) => line.forEach((character, place) => { if (character === this.tool) line[place] = "."; }));
    this.rows[row][column] = this.tool;
    this.cursor = cell;
    this.show();
  }

  show() {
    const before = this.view.about.layout, changed = [];
    this.rows.forEach((line, row) => line.forEach((character, column) => { if (character !== before[row][column]) changed.push(...PAINT[character]([column, row])); }));
    if (this.open) changed.push({ kind: "square", at: this.cursor, side: 0.98, line: 0.03, color: "vermilion" });
    this.view.stage.changed = changed;
    if (this.view.now) this.view.stage.draw(this.view.now);
  }
}
