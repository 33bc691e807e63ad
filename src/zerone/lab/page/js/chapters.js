// The chapters as cards, and the text of a chapter beside its running example.

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

// The text above the running example: the idea, a question, and what to change next. The answer is below.
// With `alone` the chapter is a file of its own, without other chapters, and the next change is a command.
export function lessonPanel(lesson, alone = false) {
  const fold = (title, ...inside) => make("details", {}, make("summary", {}, title), inside.flat(2));
  return make("section", { class: "card lesson", "aria-label": either(lesson.title) },
    make("h2", {}, either(lesson.title), alone ? null : make("a", { class: "quiet all", href: "#chapters" }, t("allChapters"))),
    make("div", { class: "stack" }, make("p", {}, either(lesson.idea)), make("p", {}, either(lesson.more)), loop(lesson.boxes)),
    make("div", { class: "stack" },
      make("div", { class: "ask" }, make("h3", {}, t("question")), make("p", {}, either(lesson.question)),
        fold(t("answer"), make("p", {}, either(lesson.answer)))),
      make("div", {}, make("h3", {}, t("nextTry")), make("p", {}, either(lesson.next)), alone ? make("pre", { class: "code" }, lesson.tries.join("\n")) : null),
      make("div", {}, fold(t("codeOf"), lesson.code.map((each) => [make("p", { class: "quiet" }, make("code", {}, each.place)), make("pre", { class: "code" }, each.text)]).flat()),
        lesson.measured ? fold(t("measuredClaim", { verdict: either(lesson.measured.verdict) }), measured(lesson.measured)) : null)));
}

// The result of an experiment with many seeds.
function measured(found) {
  return [make("p", {}, either(found.claim)), make("ul", {}, found.found.map((each) => make("li", {}, either(each)))), make("p", {}, either(found.teaches)),
    make("p", { class: "quiet" }, make("code", {}, `zerone experiment ${found.experiment}`))];
}
