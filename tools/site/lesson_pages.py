"""The lessons page: each chapter of `zerone lesson` as text, with an embedded HTML file that plays a recorded run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zerone.lessons.catalogue import Lesson

WORDS = {
    ".md": {
        "language": "en", "title": "Lessons", "see": "See it", "question": "A question", "answer": "Answer",
        "next": "Try next", "measured": "The claim, measured with many seeds",
        "alone": "The chapter on a page of its own", "code": "The code of the update",
        "about": "Fourteen chapters, in the order of the tutorial. `zerone lesson NAME` plays one in the terminal, "
        "`zerone lab` in a browser; there a training continues as long as you like. Here each has a recorded run: "
        "press Play, or step through it with the arrow keys.",
    },
    ".zh.md": {
        "language": "zh", "title": "课程", "see": "看一看", "question": "一个问题", "answer": "回答",
        "next": "接着试试", "measured": "用许多种子检验这条主张", "alone": "单独打开这一章", "code": "更新的代码",
        "about": "一共十四章，按教程的顺序排列。`zerone lesson NAME` 在终端里播放一章，`zerone lab` 在网页上播放；"
        "在那里，训练想进行多久就进行多久。这里每一章都附有一段训练记录：按“播放”，或用方向键一步一步地看。",
    },
}  # fmt: skip


def page(ending: str, out: Path) -> str:
    """The Markdown of the page with all chapters; records their runs below `out` / lessons."""
    from zerone.lessons.catalogue import lessons
    from zerone.lessons.text import command

    words = WORDS[ending]
    language = words["language"]
    parts = [f"# {words['title']}\n\n{words['about']}\n"]
    for lesson in lessons():
        record(lesson, out / "lessons")
        place = f"{'' if language == 'en' else '../'}lessons/{lesson.name}.html#{language}"
        commands = "\n".join([f"zerone lesson {lesson.name}", *map(command, lesson.setups)])
        parts += [
            f"## {lesson.title[language]}\n\n{lesson.idea[language]}\n\n{lesson.more[language]}\n",
            f"**{words['question']}.** {lesson.question[language]}\n",
            f'<iframe class="film" src="{place}" title="{lesson.title[language]}" loading="lazy"></iframe>\n',
            f'<a href="{place}" target="_blank">{words["alone"]}</a>\n',
            f'??? note "{words["answer"]}"\n    {lesson.answer[language]}\n',
            *code_of(lesson, words["code"]),
            f"**{words['next']}.** {lesson.next[language]}\n",
            "```sh\n" + "\n".join(lesson.tries) + "\n```\n",
            *measured(lesson, words["measured"], language),
            f"**{words['see']}.**\n\n```sh\n{commands}\n```\n",
        ]
    return "\n".join(parts)


def code_of(lesson: Lesson, title: str) -> list[str]:
    """A folded block with the functions that compute the equation."""
    lines: list[str] = []
    for each in lesson.code:
        lines += [f"`{each.place}`", "", "```python", *each.text.splitlines(), "```", ""]
    return [f'??? note "{title}"\n' + "\n".join(f"    {line}".rstrip() for line in lines) + "\n"]


def measured(lesson: Lesson, title: str, language: str) -> list[str]:
    """A folded block with the results of the chapter's experiment and its figure; empty if there is no experiment."""
    found = lesson.measured
    if found is None:
        return []
    lines = [found.claim[language], "", *(f"- {each[language]}" for each in found.found), "", found.teaches[language],
             "", f"![{found.experiment}](pictures/results/{found.experiment}.png)"]  # fmt: skip
    indented = "\n".join(f"    {line}".rstrip() for line in lines)
    return [f'??? note "{title}: {found.verdict[language]}"\n{indented}\n']


def record(lesson: Lesson, folder: Path) -> None:
    """Record the chapter's run in one HTML file, which both languages share. An existing file is kept."""
    file = folder / f"{lesson.name}.html"
    if file.exists():
        return
    from zerone.lab.lesson_file import page_of

    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(page_of(lesson), "utf-8")
    print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB", file=sys.stderr)
