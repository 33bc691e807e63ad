"""Make the notebooks from the pages in docs/notebooks: each Python block becomes a code cell, the rest is text.

python tools/notebooks.py            writes notebooks/*.ipynb
python tools/notebooks.py --run      runs all cells of the English notebooks, with short trainings, in temporary folders
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
"""Arguments of `zo.train` that replace the notebook's own for a short run. The seeds stay."""


def cells(page: str) -> list[tuple[str, str]]:
    """The cells of a page: (kind, text), where kind is "code" or "markdown". Empty cells are left out."""
    parts = re.split(r"^```python\n(.*?)^```\n", page, flags=re.DOTALL | re.MULTILINE)
    found = [("code" if number % 2 else "markdown", part.strip()) for number, part in enumerate(parts)]
    return [(kind, text) for kind, text in found if text]


def notebook(page: str) -> str:
    """The page as the JSON text of a notebook without outputs. Links between pages become links between notebooks."""
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
    """The pages that notebooks are made from, in both languages."""
    return sorted((ROOT / "docs" / "notebooks").glob("*.md"))


def place(page: Path) -> Path:
    """The path of the notebook of a page."""
    return ROOT / "notebooks" / f"{page.name.removesuffix('.md')}.ipynb"


def run(page: Path) -> None:
    """Run the code cells of a page in order, and compute what a notebook would show for the last expression of each.

    Raises:
        SystemExit: no cell has anything to show.
    """
    import zerone as zo

    whole, shown = zo.train, 0

    def short(algorithm: Any, environment: Any, **asked: Any) -> Any:
        return whole(algorithm, environment, **{**asked, **SHORT})

    space: dict[str, Any] = {"__name__": "__main__"}
    zo.train = short  # type: ignore[assignment]  # until this page is done
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
    """Write all notebooks; with `--run`, run the English ones instead (the Chinese ones have the same code)."""
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
