"""How a run looks where it is the value of a line that was typed: in words, and in a notebook."""

from __future__ import annotations

import html as markup
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zerone.base.errors import ZeroneError
from zerone.base.saved_types import Config, Result
from zerone.charts import html
from zerone.charts.curves import About
from zerone.environments import catalogue

if TYPE_CHECKING:
    from zerone.training.folder import RunFolder


page_of: Callable[[Path], str] | None = None
"""What makes of a run folder a page with its films. It lies in a room above, and is put in here by the front door."""
HEIGHT = 820


def described(config: Config, result: Result | None) -> str:
    """What was trained, and how it ended, in a line."""
    seeds = config["seeds"]
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    about = f"{config['algorithm']['name']} on {config['environment']['id']}, {which}"
    if result is None:
        return f"{about}, not ended"
    return f"{about}, {result['steps']:,} steps, mean return {_number(result['return_mean'])}"


def as_html(folder: RunFolder) -> str:
    """The same, a row for each seed, the films of its checkpoints where they can be drawn, and the learning curves."""
    result = folder.read_result()
    rows = [
        [str(one["seed"]), _number(one["return_mean"]),
         f"after {one['solved_at_step']:,} steps" if one["solved"] else "no", f"{one['steps']:,}"]
        for one in ([] if result is None else result["seeds"])
    ]  # fmt: skip
    seeds = html.table(["seed", "mean return", "solved", "steps"], rows) if rows else ""
    films, figure = _films(folder), html.picture(folder.figure_path)
    if (
        films and figure
    ):  # the curves are among the films; where a notebook is shown without scripts, the figure is left
        figure = f"<details><summary>{folder.figure_path.name}</summary>{figure}</details>"
    return html.text(f"{folder.path}: {described(folder.config, result)}") + seeds + films + figure


def _films(folder: RunFolder) -> str:
    """A page of its own within the notebook's; nothing where the run cannot be drawn."""
    if page_of is not None:
        with suppress(ZeroneError):
            page = markup.escape(page_of(folder.path), quote=True)
            return f'<iframe srcdoc="{page}" style="width:100%;height:{HEIGHT}px;border:0"></iframe>'
    return ""


def about_of(config: Config) -> About:
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
    evaluation = config.get("evaluation")
    stochastic = evaluation is not None and evaluation["stochastic"]
    return About(config["algorithm"]["name"], identity, shaped, bound, stochastic)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
