// The keys that the user holds down, on the keyboard or as buttons of the page.

import { make } from "./dom.js";
import { t } from "./words.js";

const NAMES = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" };
const SIGNS = { up: "↑", down: "↓", left: "←", right: "→" };

export class Held {
  // `tell` is called with the keys that are down (the newest last) and the key that was just pressed.
  constructor(tell) {
    this.tell = tell;
    this.keys = [];
    this.down = [];
    this.onDown = (event) => this.press(event, true);
    this.onUp = (event) => this.press(event, false);
    this.onBlur = () => this.letGo();
    document.addEventListener("keydown", this.onDown);
    document.addEventListener("keyup", this.onUp);
    addEventListener("blur", this.onBlur);
  }

  close() {
    document.removeEventListener("keydown", this.onDown);
    document.removeEventListener("keyup", this.onUp);
    removeEventListener("blur", this.onBlur);
  }

  // Set the available keys; `pad` gets a button for each, for devices without a keyboard.
  setKeys(keys, pad) {
    this.keys = keys;
    pad.replaceChildren(...keys.map((key) => {
      const button = make("button", { type: "button", class: `key ${key}`, "aria-label": t(`key_${key}`) }, SIGNS[key] ?? key);
      button.addEventListener("pointerdown", (event) => { event.preventDefault(); button.setPointerCapture(event.pointerId); this.change(key, true); });
      for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => this.change(key, false));
      button.addEventListener("click", (event) => { if (event.detail === 0) { this.change(key, true); setTimeout(() => this.change(key, false), 120); } });
      return button;
    }));
  }

  press(event, down) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea")) return;
    const key = NAMES[event.key] ?? event.key;
    if (!this.keys.includes(key)) return;
    event.preventDefault();
    if (down && this.repeats ? false : event.repeat) return;
    this.change(key, down);
  }

  change(key, down) {
    if (down === this.down.includes(key) && !down) return;
    this.down = this.down.filter((each) => each !== key);
    if (down) this.down.push(key);
    this.tell(this.down, down ? key : null);
  }

  letGo() {
    if (!this.down.length) return;
    this.down = [];
    this.tell(this.down, null);
  }
}
