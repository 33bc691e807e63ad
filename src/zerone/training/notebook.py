"""How a run looks where it is the value of a line that was typed: in words, and in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zerone.charts import html
from zerone.charts.curves import About
from zerone.environments import catalogue

if TYPE_CHECKING:
    from zerone.training.folder import RunFolder


def described(config: Mapping[str, Any], result: Mapping[str, Any] | None) -> str:
    """What was trained, and how it ended, in a line."""
    seeds = config["seeds"]
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    about = f"{config['algorithm']['name']} on {config['environment']['id']}, {which}"
    if result is None:
        return f"{about}, not ended"
    return f"{about}, {result['steps']:,} steps, mean return {_number(result['return_mean'])}"


def as_html(folder: RunFolder) -> str:
    """The same, a row for each seed, and the learning curves."""
    result = folder.read_result()
    rows = [
        [str(one["seed"]), _number(one["return_mean"]),
         f"after {one['solved_at_step']:,} steps" if one["solved"] else "no", f"{one['steps']:,}"]
        for one in (result or {}).get("seeds", [])
    ]  # fmt: skip
    seeds = html.table(["seed", "mean return", "solved", "steps"], rows) if rows else ""
    return html.text(f"{folder.path}: {described(folder.config, result)}") + seeds + html.picture(folder.figure_path)


def about_of(config: Mapping[str, Any]) -> About:
    """What a run is of, for the figure of its learning."""
    identity, options = config["environment"]["id"], config["environment"]["options"]
    entry = catalogue.find_trusted(identity) if config["environment"]["known"] else None
    shaped = False
    bound = None
    if entry is not None:
        reward = options.get("reward", entry.preset.get("reward", catalogue.TASK_REWARD))
        shaped = reward != catalogue.TASK_REWARD
        changed = shaped or any("reward" in name and name != "reward" for name in options)
        discount = config["algorithm"]["settings"].get("discount", 1.0)
        sound = isinstance(discount, int | float) and 0 <= discount <= 1  # a file's, that nobody has checked yet
        bound = None if changed or not sound else entry.highest_value(float(discount))
    stochastic = bool((config.get("evaluation") or {}).get("stochastic"))
    return About(config["algorithm"]["name"], identity, shaped, bound, stochastic)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
