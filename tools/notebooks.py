"""The notebooks, made of the pages in docs/notebooks: a block of Python is a cell, all else is text.

python tools/notebooks.py            writes notebooks/*.ipynb
python tools/notebooks.py --run      runs every cell of each, with short trainings, in a folder of its own
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHORT: dict[str, Any] = {"steps": 600, "evaluation_episodes": 5, "progress": False}
"""What a training is asked in the place of what the notebook asks: the seeds stay."""


def cells(page: str) -> list[tuple[str, str]]:
    """The kinds and the texts of the cells of a page."""
    parts = re.split(r"^```python\n(.*?)^```\n", page, flags=re.DOTALL | re.MULTILINE)
    found = [("code" if number % 2 else "markdown", part.strip()) for number, part in enumerate(parts)]
    return [(kind, text) for kind, text in found if text]


def notebook(page: str) -> str:
    """The page as a notebook, without outputs. Links between pages lead to notebooks."""
    made = []
    for number, (kind, text) in enumerate(cells(page)):
        if kind == "markdown":
            text = re.sub(r"\]\(([\w.-]+)\.md\)", r"](\1.ipynb)", text)
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append({**cell, "source": text.splitlines(keepends=True)})
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    whole = {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def pages() -> list[Path]:
    """The pages of which notebooks are made, in both languages."""
    return sorted((ROOT / "docs" / "notebooks").glob("*.md"))


def place(page: Path) -> Path:
    """Where the notebook of a page is."""
    return ROOT / "notebooks" / f"{page.name.removesuffix('.md')}.ipynb"


def run(page: Path) -> None:
    """Every cell, in order; the last expression of each is shown as a notebook would."""
    import zerone as zo

    whole, shown = zo.train, 0

    def short(algorithm: Any, environment: Any, **asked: Any) -> Any:
        return whole(algorithm, environment, **{**asked, **SHORT})

    space: dict[str, Any] = {"__name__": "__main__"}
    zo.train = short  # type: ignore[assignment]  # for as long as this page takes
    try:
        for kind, text in cells(page.read_text("utf-8")):
            if kind == "markdown":
                continue
            tree = ast.parse(text)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, page.name, "exec"), space)  # noqa: S102 - our own page
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), page.name, "eval"), space)  # noqa: S307 - the same
                shown += value is not None and bool(getattr(value, "_repr_html_", value.__repr__)())
    finally:
        zo.train = whole
    if not shown:
        raise SystemExit(f"{page.name}: nothing is shown")


def main() -> int:
    """Write them, or run those in English; the code of the others is the same."""
    if "--run" not in sys.argv:
        (ROOT / "notebooks").mkdir(exist_ok=True)
        for page in pages():
            place(page).write_text(notebook(page.read_text("utf-8")), "utf-8")
        return 0
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    for page in pages():
        if page.name.endswith(".zh.md"):
            continue
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            run(page)
            os.chdir(ROOT)
        print(f"{page.name}: ran in {time.perf_counter() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
