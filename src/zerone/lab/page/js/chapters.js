// The chapters: a card each, and the text beside a training that is one's running example.

import { loop } from "./loop.js";
import { make } from "./dom.js";
import { either, t } from "./words.js";

export class Chapters {
  constructor(page) {
    this.element = make("div", { class: "chapters" }, page.offers.lessons.map((lesson, place) => make("article", { class: "card chapter" },
      make("p", { class: "number" }, t("chapterNumber", { n: place + 1 })), make("h2", {}, either(lesson.title)),
      loop(lesson.boxes), make("p", {}, either(lesson.idea)),
      make("a", { class: "go", href: address(lesson), "aria-label": `${t("open")}: ${either(lesson.title)}` }, `${t("open")} →`))));
  }

  close() {}

  tell() {}

  points() {}

  show() {}

  refuse() {}
}

const address = (lesson) => `#${lesson.setups.length > 1 ? "compare" : "learn"}/${lesson.name}`;

// What stands above the running example: the idea, a question, and what to change next. The answer comes after.
export function lessonPanel(lesson) {
  return make("section", { class: "card lesson", "aria-label": either(lesson.title) },
    make("h2", {}, either(lesson.title), make("a", { class: "quiet all", href: "#chapters" }, t("allChapters"))),
    make("div", { class: "stack" }, make("p", {}, either(lesson.idea)), make("p", {}, either(lesson.more)), loop(lesson.boxes)),
    make("div", { class: "stack" },
      make("div", { class: "ask" }, make("h3", {}, t("question")), make("p", {}, either(lesson.question)),
        make("details", {}, make("summary", {}, t("answer")), make("p", {}, either(lesson.answer)))),
      make("div", {}, make("h3", {}, t("nextTry")), make("p", {}, either(lesson.next)))));
}
