"""Imports run downwards only: a room may import itself and the rooms below it. Also draws the graph for the docs.

python tools/check_imports.py           exits 1 and names every import that goes up, and every circle
python tools/check_imports.py --graph   prints the import graph of the rooms (Mermaid)
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

ROOMS = (
    "cli", "benchmarks", "lab", "lessons", "experiments", "studies", "recording", "training", "export", "charts",
    "player", "offline", "cluster", "engines", "algorithms", "parts", "environments", "base",
)  # fmt: skip
"""From the top of the house to the ground."""

SOURCE = Path(__file__).resolve().parent.parent / "src" / "zerone"


def room(module: str) -> str | None:
    """The room of a module such as `zerone.parts.replay`; None for the front door (`zerone` itself)."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "zerone" and parts[1] in ROOMS else None


def imports(file: Path) -> list[tuple[int, str]]:
    """Line and module of every import in a file, those inside of functions too."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The modules that import each other around a circle, inside of a room too: each set of them once.

    Imports inside of functions and for types alone count: a reader has to follow those as well.
    """
    found: list[list[str]] = []
    left = dict(arrows)
    while left:
        module = min(left)
        behind, before = reached(arrows, module), {each for each in left if module in reached(arrows, each)}
        circle = sorted((behind & before) | {module})
        if len(circle) > 1:
            found.append(circle)
        for each in circle:
            left.pop(each, None)
    return found


def reached(arrows: dict[str, set[str]], module: str) -> set[str]:
    """All that a module imports, and what that imports, and so on."""
    seen: set[str] = set()
    ahead = [module]
    while ahead:
        new = arrows.get(ahead.pop(), set()) - seen
        seen |= new
        ahead += new
    return seen


def modules() -> dict[str, set[str]]:
    """Each module, and those that it imports itself."""
    files = {
        ".".join(("zerone", *file.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): file
        for file in SOURCE.rglob("*.py")
    }
    return {
        name: {
            there if there in files else there.rpartition(".")[0]
            for _, there in imports(file)
            if there in files or there.rpartition(".")[0] in files
        } - {name, "zerone"}
        for name, file in files.items()
    }  # fmt: skip


def main() -> int:
    """Check, or draw."""
    arrows: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for file in sorted(SOURCE.rglob("*.py")):
        here = room("zerone." + ".".join(file.relative_to(SOURCE).with_suffix("").parts))
        if here is None or "drivers" in file.parts:
            continue  # the front door may import everything; programs that benchmarks start use it as people do
        for line, module in imports(file):
            there = room(module)
            if module == "zerone" or (module.startswith("zerone.") and there is None and "zerone." in module):
                if module not in ("zerone.__version__",):
                    wrong.append(f"{file.relative_to(SOURCE.parent)}:{line}: imports the front door ({module})")
            elif there is not None and there != here:
                arrows[here, there] += 1
                if ROOMS.index(there) < ROOMS.index(here):
                    wrong.append(f"{file.relative_to(SOURCE.parent)}:{line}: {here} may not import {there}, above it")
    wrong += [f"a circle of imports: {', '.join(each)}" for each in circles(modules())]
    if "--graph" in sys.argv:
        print("```mermaid\nflowchart TD")
        for (above, below), count in sorted(arrows.items(), key=lambda each: [ROOMS.index(name) for name in each[0]]):
            print(f"    {above} -->|{count}| {below}")
        print("```")
    print("\n".join(wrong) if wrong else "imports run downwards", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
