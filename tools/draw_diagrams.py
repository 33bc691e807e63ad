"""Draw the diagrams of the documentation as SVG: the data flow of each algorithm, and the map of all algorithms.

python tools/draw_diagrams.py      writes docs/pictures/map.svg and docs/pictures/diagrams/NAME.svg

The labels are in English and Chinese, so the pages of both languages show the same pictures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
FONT = 'font-family="system-ui, -apple-system, Segoe UI, Noto Sans, Noto Sans CJK SC, sans-serif"'
BLUE, GREEN, ORANGE, GREY, INK = "#dbeafe", "#dcfce7", "#ffedd5", "#f1f5f9", "#0f172a"


FLOWS = tomllib.loads(Path(__file__).with_name("diagrams.toml").read_text("utf-8"))


def text(x: float, y: float, words: str, size: int = 13, weight: int = 400) -> str:
    """A text centred at x, with its baseline at y."""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="{size}" font-weight="{weight}" fill="{INK}">'
        f"{escape(words)}</text>"
    )


def box(x: float, y: float, width: float, lines: Sequence[str], colour: str) -> str:
    """A box, 48 units high, with one or two lines of text."""
    rows = list(lines)
    shape = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="48" rx="8" fill="{colour}" stroke="#94a3b8"/>'
    middle = y + 29 - 9 * (len(rows) - 1)
    return shape + "".join(text(x + width / 2, middle + 18 * row, each, 13) for row, each in enumerate(rows))


def arrow(path: str) -> str:
    """A line with an arrowhead along an SVG path."""
    return f'<path d="{path}" fill="none" stroke="#475569" stroke-width="1.5" marker-end="url(#head)"/>'


def picture(width: int, height: int, title: str, parts: list[str]) -> str:
    """A whole SVG document that contains the parts."""
    head = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#475569"/></marker></defs>'
    )
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" {FONT}>'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([begin, f"<title>{escape(title)}</title>", head, ground, *parts, "</svg>"]) + "\n"


def flow(name: str, about: dict[str, Any]) -> str:
    """The data flow of one algorithm: environment → stored data → target → learner, and the action back."""
    parts = [
        box(10, 60, 110, ("environment", "环境"), GREY),
        box(160, 60, 160, about["kept"], BLUE),
        box(360, 60, 240, (about["target"],), ORANGE),
        box(640, 60, 190, about["learner"], GREEN),
        arrow("M120 84H158"), arrow("M320 84H358"), arrow("M600 84H638"),
        arrow("M735 60C735 14 65 14 65 58"), text(400, 20, "action a · 动作 a"), text(139, 78, "s, r", 11),
    ]  # fmt: skip
    if "beside" in about:
        parts += [box(400, 136, 300, about["beside"], GREY), arrow("M550 136V110")]
    return picture(840, 194 if "beside" in about else 120, name, parts)


def field() -> str:
    """The map of the algorithms: columns by what they learn (value, policy), rows on-policy and off-policy."""
    from zerone.algorithms import catalogue

    names = {"value": "value · 价值", "value and policy": "both · 两者", "policy": "policy · 策略"}
    columns = {each: (words, 150 + 270 * number) for number, (each, words) in enumerate(names.items())}
    rows = {"off-policy": ("off-policy", "离策略", 50), "on-policy": ("on-policy", "同策略", 180)}
    parts = [text(x + 120, 32, words, 15, 600) for words, x in columns.values()]
    for english, chinese, y in rows.values():
        parts += [text(70, y + 50, english, 15, 600), text(70, y + 72, chinese, 15)]
        parts += [
            f'<rect x="{x}" y="{y}" width="250" height="115" rx="10" fill="#f8fafc" stroke="#cbd5e1"/>'
            for _, x in columns.values()
        ]
    places: dict[tuple[str, str], int] = {}
    for each in catalogue.entries():
        _, x = columns[each.learns]
        y = rows[each.policy][2]
        number = places.get((each.learns, each.policy), 0)
        places[each.learns, each.policy] = number + 1
        colour = BLUE if each.make.samples_per_step == 0 else GREEN
        note = {"per episode": "○", "per step": ""}.get(each.updates, "") + ("◆" if each.model == "model-based" else "")
        wide, left, top = 112, x + 10 + 118 * (number % 2), y + 12 + 46 * (number // 2)
        parts.append(f'<rect x="{left}" y="{top}" width="{wide}" height="36" rx="8" fill="{colour}" stroke="#94a3b8"/>')
        parts.append(text(left + wide / 2, top + 23, f"{each.name} {note}".strip(), 13))
    legend = "blue: a table · green: networks · ○ learns after whole episodes · ◆ learns a model"
    chinese = "蓝：表格 · 绿：网络 · ○ 整个回合之后才学 · ◆ 学习环境模型"
    return picture(950, 350, "map", [*parts, text(475, 322, legend), text(475, 342, chinese)])


def main() -> None:
    """Write all pictures."""
    folder = PICTURES / "diagrams"
    folder.mkdir(exist_ok=True)
    for name, about in FLOWS.items():
        (folder / f"{name}.svg").write_text(flow(name, about), "utf-8")
    (PICTURES / "map.svg").write_text(field(), "utf-8")


if __name__ == "__main__":
    main()
