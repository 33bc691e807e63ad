"""The panels below the returns: episode length, cost, Q values and exploration."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from zerone.base.language import translatable, translated
from zerone.charts.measured import Columns, colors, curve, limit, shade

COSTS = ("cost", "value_loss", "critic_loss", "critic_cost", "td_error")
"""Columns for the cost panel in order of preference, before any other column with cost, loss or error in its name."""
VALUES, EXPLORING, LENGTH = ("q",), ("epsilon", "noise"), "length"
LABELS = {
    "q": translatable("Q of the\nchosen action"),
    "epsilon": translatable("exploration\nrate ε"),
    "noise": translatable("noise σ of\nactions"),
    LENGTH: translatable("episode\nlength"),
    "td_error": translatable("size of TD error"),
    "cost": translatable("cost"),
    "value_loss": translatable("value loss"),
    "critic_loss": translatable("critic loss"),
    "critic_cost": translatable("critic cost"),
}
"""Axis labels of metrics whose label is not simply their name."""
FLAT = 0.01
"""Returns count as equal if their relative difference from the median is at most this."""


@dataclasses.dataclass(frozen=True)
class Panel:
    """One panel: the metric of each run that is drawn in it (None: the run has none), and the height in inches."""

    names: tuple[str | None, ...]
    height: float

    @property
    def label(self) -> str:
        """The label of the y axis."""
        named = [translated(LABELS.get(name, name.replace("_", " "))) for name in self.names if name is not None]
        return ",\n".join(dict.fromkeys(named))


def panels(tables: Sequence[Columns]) -> list[Panel]:
    """The panels to draw below the returns of these runs: cost, Q values and exploration, if they were recorded.

    Episode length comes first, for runs whose returns are flat or that recorded no cost.
    """
    costs = [_first(columns, _costs(columns)) for columns in tables]
    lengths = [LENGTH if curve(columns, LENGTH) is not None and (cost is None or _is_flat(columns)) else None
               for columns, cost in zip(tables, costs, strict=True)]  # fmt: skip
    values = [_first(columns, VALUES) for columns in tables]
    exploring = [_first(columns, EXPLORING, changing=True) for columns in tables]
    found = [Panel(tuple(names), height)
             for names, height in ((lengths, 1.8), (costs, 1.8), (values, 1.8), (exploring, 1.2))]  # fmt: skip
    return [panel for panel in found if any(panel.names)]


def draw_panel(axes: Any, tables: Sequence[Columns], panel: Panel, bound: float | None) -> None:
    """Draw one panel, with a line at the `bound` of all possible true values if the Q values come near it."""
    highest, lowest = -np.inf, np.inf
    shown: list[np.ndarray] = []
    for color, columns, name in zip(colors(tables), tables, panel.names, strict=True):
        drawn = None if name is None else curve(columns, name)
        if drawn is None:
            continue
        mean = drawn.mean
        judged = curve(columns, f"evaluation_{LENGTH}") if name == LENGTH else None
        faint = judged is not None
        axes.plot(drawn.steps, mean, color=color, linewidth=1.4 if faint else 1.6, alpha=0.38 if faint else 1.0)
        if judged is not None:  # as in the upper panel: evaluation strong, training light
            axes.plot(judged.steps, judged.mean, color=color, linewidth=2.0)
        shade(axes, drawn if judged is None else judged, color)
        shown += [drawn.values] if judged is None else [mean, judged.values]
        highest, lowest = max(highest, float(mean.max())), min(lowest, float(mean.min()))
    if bound is not None and {*panel.names} & {*VALUES} and highest >= bound - abs(bound) / 2:
        shown.append(np.array([bound]))
        axes.axhline(bound, color="#23262B", linestyle=(0, (5, 4)), linewidth=1.3)
        below = highest > bound
        axes.annotate(
            translated("no policy is worth more than {bound:g}", bound=bound),
            (0.995, bound),
            xycoords=axes.get_yaxis_transform(),
            xytext=(0, -3 if below else 3),
            textcoords="offset points",
            ha="right",
            va="top" if below else "bottom",
            fontsize=9.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.75},
        )
    if lowest > 0 and highest > 100 * lowest:
        axes.set_yscale("log")
    else:
        limit(axes, shown)
    axes.set_ylabel(panel.label)


def _costs(columns: Columns) -> list[str]:
    found = [name for name in columns if any(word in name for word in ("cost", "loss", "error"))]
    return [name for name in COSTS if name in found] + found


def _first(columns: Columns, names: Sequence[str], changing: bool = False) -> str | None:
    """The first of these columns that has values and, if `changing`, whose mean is not constant; None without one."""
    for name in names:
        found = curve(columns, name)
        if found is not None and (not changing or np.ptp(found.mean) > 1e-6):
            return name
    return None


def _is_flat(columns: Columns) -> bool:
    """Whether at least 90% of the returns are nearly equal, so that they do not show any learning."""
    drawn = curve(columns, "return")
    if drawn is None:
        return False
    mean = drawn.mean
    same = np.abs(mean - np.median(mean)) <= FLAT * max(abs(float(np.median(mean))), 1e-9)
    return bool(same.mean() >= 0.9)
