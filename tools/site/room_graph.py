"""Draw the import graph of the packages as an SVG, which needs no script: packages in a column, an arc per arrow."""

from __future__ import annotations

import re

HIGH, LEFT, TOP = 34, 130, 24


def arcs(mermaid: str) -> str:
    """An SVG of a Mermaid flowchart without cycles: each name stands below all names that have an arrow to it."""
    arrows = re.findall(r"(\w+) -->\s*(\w+)", mermaid)
    above = {each: {a for a, b in arrows if b == each} for each in {name for arrow in arrows for name in arrow}}
    order: list[str] = []
    while above:
        ready = [each for each in above if above[each] <= {*order}]
        order.append(min(ready, key=lambda each: (sum(a == each for a, _ in arrows) == 0, each)))
        del above[order[-1]]
    place = {each: TOP + HIGH * number for number, each in enumerate(order)}
    parts = []
    for a, b in arrows:
        begin, end = place[a] + 4, place[b] - 4
        out = LEFT + 30 + 0.45 * (place[b] - place[a])
        way = f"M{LEFT} {begin}C{out:g} {begin} {out:g} {end} {LEFT} {end}"
        parts.append(f'<path d="{way}" fill="none" stroke="currentColor" stroke-opacity=".35"/>')
    for each, y in place.items():
        parts.append(f'<circle cx="{LEFT}" cy="{y}" r="4" fill="currentColor"/>')
        at = f'x="{LEFT - 12}" y="{y + 5}"'
        parts.append(f'<text {at} text-anchor="end" font-size="14" fill="currentColor">{each}</text>')
    height = TOP + HIGH * len(order)
    begin = f'<svg viewBox="0 0 420 {height}" style="max-width:26rem" role="img" aria-label="imports">'
    return f"{begin}{''.join(parts)}</svg>"
