"""The parts of the documentation that the code decides.

python tests/docs/generated.py    writes them into the pages; `test_generated.py` holds that they are up to date
"""

from __future__ import annotations

import functools
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def graph() -> str:
    """The import graph of the rooms as the checker draws it, without its counts, which any new import changes."""
    command = [sys.executable, str(ROOT / "tools" / "check_imports.py"), "--graph"]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.search(r"```mermaid\n.*?```", drawn, re.DOTALL)
    assert found is not None, drawn
    return re.sub(r"\|\d+\|", "", found[0])


HEADS = {"en": "| Setting | Default | Allowed | What it is |", "zh": "| 设置 | 默认值 | 允许的值 | 说明 |"}


def settings(algorithm: str, language: str) -> str:
    """The table of an algorithm's settings, from its fields: what they mean is in English, as the command says it."""
    from zerone.algorithms import catalogue
    from zerone.cli.settings import settings_of

    lines = [HEADS[language], "|---|---|---|---|"]
    for each in settings_of(catalogue.look_up(algorithm).make):
        default: Any = ("on" if each.default else "off") if each.is_flag else each.typed_default()
        allowed = "on, off" if each.is_flag else each.describe()
        lines.append(f"| `{each.name}` | {default} | {allowed} | {each.allowed.text} |")
    return "\n".join(lines)


@functools.cache
def step(words: str) -> str:
    """What `zerone step` prints of a step: the algorithm, the environment, and after how many steps."""
    from zerone.cli.algorithm_command import ParsedArguments
    from zerone.cli.step import stepped
    from zerone.player.step_terminal import printed

    algorithm, environment, at = words.split()
    walk = stepped(ParsedArguments(algorithm, environment, ()), None, ())
    walk.go_to(int(at))
    out = io.StringIO()
    printed(walk, 1, out, legend=False)
    return f"```console\n$ zerone step {algorithm} {environment} --at {at} --steps 1\n{out.getvalue().strip()}\n```"


def filled(page: Path, text: str) -> str:
    """The text of a page with everything between its markers made again."""
    language = "zh" if page.name.endswith(".zh.md") else "en"

    def between(found: re.Match[str]) -> str:
        kind, _, name = found["what"].partition(" ")
        made = graph() if kind == "graph" else step(name) if kind == "step" else settings(name, language)
        return f"<!-- {found['what']} -->\n{made}\n<!-- /{kind} -->"

    return re.sub(
        r"<!-- (?P<what>graph|settings [\w-]+|step [\w/ -]+?) -->\n.*?<!-- /\w+ -->", between, text, flags=re.DOTALL
    )


def pages() -> list[Path]:
    """Every page that has such a part."""
    marked = re.compile(r"<!-- (graph|settings|step) ?")
    return [page for page in sorted((ROOT / "docs").glob("*.md")) if marked.search(page.read_text("utf-8"))]


if __name__ == "__main__":
    for page in pages():
        page.write_text(filled(page, page.read_text("utf-8")), "utf-8")
