"""Check the imports between the packages of `zerone` ("rooms"): a room may import only itself and the rooms below it.

python tools/check_imports.py           exits with 1 and lists every import of a higher room and every import cycle
python tools/check_imports.py --graph   also prints the import graph of the rooms (Mermaid), for the documentation
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
"""The packages of `zerone`, from the highest to the lowest."""

SOURCE = Path(__file__).resolve().parent.parent / "src" / "zerone"


def room(module: str) -> str | None:
    """The room of a module such as `zerone.parts.replay`; None for modules in no room, such as `zerone` itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "zerone" and parts[1] in ROOMS else None


def imports(file: Path) -> list[tuple[int, str]]:
    """Line number and module of every import in a file, including imports inside functions."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def cycles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The import cycles among modules, also within one room: each group of modules that import one another, sorted.

    Imports inside functions and under TYPE_CHECKING count, because a reader has to follow them too.
    """
    found: list[list[str]] = []
    imported = {module: reached(arrows, module) for module in arrows}
    left = set(arrows)
    while left:
        module = min(left)
        cycle = {each for each in left if each in imported[module] and module in imported[each]} | {module}
        if len(cycle) > 1:
            found.append(sorted(cycle))
        left -= cycle
    return found


def reached(arrows: dict[str, set[str]], module: str) -> set[str]:
    """All modules that a module imports, directly or indirectly."""
    seen: set[str] = set()
    ahead = [module]
    while ahead:
        new = arrows.get(ahead.pop(), set()) - seen
        seen |= new
        ahead += new
    return seen


def modules() -> dict[str, set[str]]:
    """Each module of `zerone` with the modules that it imports directly, except `zerone` itself."""
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
    """Check all imports, and print the graph with `--graph`; 1 if an import is wrong."""
    arrows: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for file in sorted(SOURCE.rglob("*.py")):
        here = room("zerone." + ".".join(file.relative_to(SOURCE).with_suffix("").parts))
        if here is None or "drivers" in file.parts:
            continue  # `zerone` itself may import everything; the benchmarks' drivers import it like user programs
        for line, module in imports(file):
            there = room(module)
            if module == "zerone" or (module.startswith("zerone.") and there is None and "zerone." in module):
                if module not in ("zerone.__version__",):
                    wrong.append(f"{file.relative_to(SOURCE.parent)}:{line}: imports the top-level package ({module})")
            elif there is not None and there != here:
                arrows[here, there] += 1
                if ROOMS.index(there) < ROOMS.index(here):
                    wrong.append(f"{file.relative_to(SOURCE.parent)}:{line}: {here} may not import {there}, above it")
    wrong += [f"import cycle: {', '.join(each)}" for each in cycles(modules())]
    if "--graph" in sys.argv:
        print("```mermaid\nflowchart TD")
        for (above, below), count in sorted(arrows.items(), key=lambda each: [ROOMS.index(name) for name in each[0]]):
            print(f"    {above} -->|{count}| {below}")
        print("```")
    print("\n".join(wrong) if wrong else "imports run downwards", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
