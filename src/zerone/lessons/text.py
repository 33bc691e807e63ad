"""A chapter as text for a terminal: the part before its running example, and the part after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from zerone.base.language import language, translatable, translated
from zerone.base.wide import padded, width, wrapped
from zerone.lessons.catalogue import Lesson, Text, lessons

LOOP = {
    "environment": translatable("environment"),
    "memory": translatable("memory"),
    "model": translatable("model"),
    "update": translatable("update"),
    "values": translatable("values"),
    "policy": translatable("choice of the action"),
}
"""The boxes of the agent-environment loop; the model is shown only in chapters about it."""
BUTTONS = {
    "“Change”": "“Change” (c)", "“Episode”": "“Episode” (e)", "“下次变化”": "“下次变化”（c 键）",
    "“一个回合”": "“一个回合”（e 键）",
}  # fmt: skip
"""Names of the page's buttons, with the keys that replace them in a terminal."""
INDENT = "  "


def here(text: Text) -> str:
    """A text in the current language."""
    return text[language()]


def listed(columns: int) -> list[str]:
    """A list of all chapters for a terminal of `columns` columns: number, name and title."""
    names = max(len(each.name) for each in lessons())
    found = []
    for number, lesson in enumerate(lessons(), 1):
        begin = f"{number:>2}  {padded(lesson.name, names)}  "
        title, *rest = wrapped(here(lesson.title), max(30, columns - len(begin)))
        found += [begin + title, *(" " * len(begin) + line for line in rest)]
    return found


def before(lesson: Lesson, columns: int) -> list[str]:
    """The lines before the running example: title, idea, loop and question."""
    number = 1 + lessons().index(lesson)
    title = translated("Chapter {number}: {title}", number=number, title=here(lesson.title))
    question = [translated("Before you step through it:"), _for_keys(here(lesson.question))]
    parts = [here(lesson.idea), _for_keys(here(lesson.more)), loop(lesson, "→")]
    return [
        title, "=" * width(title), "", *_paragraphs(parts, columns), *_paragraphs([question[0]], columns)[:-1],
        *_paragraphs([question[1]], columns, INDENT),
    ]  # fmt: skip


def after(lesson: Lesson, columns: int) -> list[str]:
    """The lines after the running example: answer, code, suggested changes, measured claim and next chapter."""
    found = [translated("The answer:"), *_paragraphs([_for_keys(here(lesson.answer))], columns, INDENT)]
    for code in lesson.code:
        found += [translated("The code of it ({place}):", place=code.place)]
        found += [f"{INDENT}{line}".rstrip() for line in code.text.splitlines()] + [""]
    found += [translated("What to change next:"), *_paragraphs([here(lesson.next)], columns, INDENT)[:-1]]
    found += [f"{INDENT}{INDENT}{each}" for each in lesson.tries] + [""]
    told = lesson.measured
    if told is not None:
        found += [translated("The claim, measured with many seeds (zerone experiment {name}):", name=told.experiment)]
        found += _paragraphs([here(told.claim)], columns, INDENT)[:-1]
        for each in told.found:
            first, *rest = wrapped(here(each), columns - 4)
            found += [f"{INDENT}- {first}", *(f"{INDENT}  {line}" for line in rest)]
        found += _paragraphs([here(told.teaches)], columns, INDENT)
    later = lessons()[1 + lessons().index(lesson) :]
    if later:
        found += [translated("The next chapter: zerone lesson {name}", name=later[0].name)]
    return found


def command(setup: Mapping[str, Any]) -> str:
    """The command that steps through a training."""
    options = []
    for name, value in setup.get("settings", {}).items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            options.append(option if value else option.replace("--", "--no-"))
        else:
            options.append(f"{option} {','.join(map(str, value)) if isinstance(value, list) else value}")
    return " ".join(["zerone step", setup["algorithm"], setup["environment"], *options])


def loop(lesson: Lesson, arrow: str) -> str:
    """The loop as `environment → [memory] → update → …`, with the boxes that a chapter is about in brackets."""
    shown = [name for name in LOOP if name != "model" or name in lesson.boxes]
    marked = [f"[{translated(LOOP[each])}]" if each in lesson.boxes else translated(LOOP[each]) for each in shown]
    return f" {arrow} ".join([*marked, translated("and again")])


def _for_keys(text: str) -> str:
    return re.sub("|".join(BUTTONS), lambda found: BUTTONS[found[0]], text)


def _paragraphs(texts: list[str], columns: int, indent: str = "") -> list[str]:
    """Break texts into lines of at most `columns` columns, with an empty line after each text."""
    found: list[str] = []
    for text in texts:
        found += [*(indent + line for line in wrapped(text, columns - len(indent))), ""]
    return found
