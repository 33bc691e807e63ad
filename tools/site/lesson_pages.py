"""The lessons: the chapters of `zerone lab` as text, and a film of learning in one file inside of the page."""

from __future__ import annotations

import contextlib
import io
import tempfile
import tomllib
from pathlib import Path
from typing import Any

SHOWN = {"treasure", "maze", "cliff"}
"""Chapters whose training is short enough to be made while the site is built."""
WORDS = {
    ".md": {
        "language": "en", "title": "Lessons", "see": "See it", "question": "A question", "answer": "Answer",
        "next": "Try next",
        "about": "The chapters of `zerone lab`, in their order. There each can be run, step by step and back; here is "
        "what they say, and of some the training as a film: move the slider.",
    },
    ".zh.md": {
        "language": "zh", "title": "课程", "see": "看一看", "question": "一个问题", "answer": "回答",
        "next": "接着试试",
        "about": "这是 `zerone lab` 里的各章，按顺序排列。"
        "在那里每一章都可以运行，一步一步地前进和后退；"
        "这里是它们的文字，其中几章还附上训练过程的影片：拖动滑块就能看。",
    },
}  # fmt: skip


def page(root: Path, ending: str, out: Path) -> str:
    """All chapters on one page."""
    words = WORDS[ending]
    language = words["language"]
    parts = [f"# {words['title']}\n\n{words['about']}\n"]
    for file in sorted((root / "src/zerone/lessons/chapters").glob("*.toml")):
        chapter: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))

        def said(key: str, chapter: dict[str, Any] = chapter) -> str:
            return str(chapter.get(key, {}).get(language, ""))

        parts.append(f"## {said('title')}\n\n{said('idea')}\n\n{said('more')}\n")
        commands = "\n".join(command(each) for each in chapter["setups"])
        parts.append(f"**{words['see']}.**\n\n```text\n{commands}\n```\n")
        if chapter["name"] in SHOWN:
            film(chapter, out / "lessons")
            place = f"{'' if language == 'en' else '../'}lessons/{chapter['name']}.html"
            parts.append(f'<iframe class="film" src="{place}" title="{said("title")}" loading="lazy"></iframe>\n')
        parts += [
            f"**{words['question']}.** {said('question')}\n",
            f'??? note "{words["answer"]}"\n    {said("answer")}\n',
            f"**{words['next']}.** {said('next')}\n",
        ]
    return "\n".join(parts)


def command(setup: dict[str, Any]) -> str:
    """What is typed to see it step by step."""
    options = []
    for name, value in setup.get("settings", {}).items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            options.append(option if value else option.replace("--", "--no-"))
        else:
            options.append(f"{option} {','.join(map(str, value)) if isinstance(value, list) else value}")
    return " ".join(["zerone step", setup["algorithm"], setup["environment"], *options])


def film(chapter: dict[str, Any], folder: Path) -> None:
    """Train as the chapter does, and write the one file; once for both languages."""
    file = folder / f"{chapter['name']}.html"
    if file.exists():
        return
    import zerone as zo
    from zerone.lab.one_file import page_of

    folder.mkdir(parents=True, exist_ok=True)
    setup = chapter["setups"][0]
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
        run = zo.train(
            setup["algorithm"], setup["environment"], settings=setup.get("settings", {}), steps=2_000, save_every=100,
            keep_last=20, out=Path(place) / chapter["name"], progress=False,
        )  # fmt: skip
        file.write_text(page_of(run.path), "utf-8")
