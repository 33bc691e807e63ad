"""How a run is displayed: as one line of text, and as HTML in a notebook."""

from __future__ import annotations

import html as markup
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zerone.base.errors import ZeroneError
from zerone.base.language import readable
from zerone.base.saved_types import Config, Result
from zerone.charts import html
from zerone.charts.curves import About
from zerone.environments import catalogue

if TYPE_CHECKING:
    from zerone.training.folder import RunFolder


page_of: Callable[[Path], str] | None = None
"""Makes a page with the films of a run folder. A higher room implements it; `zerone/__init__.py` sets it."""
HEIGHT = 820


def described(config: Config, result: Result | None) -> str:
    """The training and its result on one line."""
    seeds = config["seeds"]
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    about = f"{config['algorithm']['name']} on {config['environment']['id']}, {which}"
    if result is None:
        return f"{about}, not ended"
    return f"{about}, {result['steps']:,} steps, mean return {_number(result['return_mean'])}{_cut(result)}"


def _cut(result: Result) -> str:
    """How many of the evaluated episodes were cut, if any were."""
    cut = sum(each.get("cut", 0) for each in result["seeds"])
    of = sum(len(each["returns"] or ()) for each in result["seeds"])
    return f" ({cut:,} of {of:,} episodes cut)" if cut else ""


def as_html(folder: RunFolder) -> str:
    """A run as HTML: one row per seed, films of its checkpoints if they can be drawn, and learning curves."""
    result = folder.read_result()
    rows = [
        [str(one["seed"]), _number(one["return_mean"]),
         f"after {one['solved_at_step']:,} steps" if one["solved"] else "no", f"{one['steps']:,}"]
        for one in ([] if result is None else result["seeds"])
    ]  # fmt: skip
    seeds = html.table(["seed", "mean return", "solved", "steps"], rows) if rows else ""
    films, figure = _films(folder), html.picture(folder.figure_path)
    if films and figure:  # the films include the curves; a notebook displayed without scripts shows the figure instead
        figure = f"<details><summary>{folder.figure_path.name}</summary>{figure}</details>"
    return html.text(f"{folder.path}: {described(folder.config, result)}") + seeds + films + figure


def _films(folder: RunFolder) -> str:
    """The films as a page embedded in the notebook; empty if the run cannot be drawn."""
    if page_of is not None:
        with suppress(ZeroneError):
            page = markup.escape(page_of(folder.path), quote=True)
            return f'<iframe srcdoc="{page}" style="width:100%;height:{HEIGHT}px;border:0"></iframe>'
    return ""


def about_of(config: Config) -> About:
    """The facts about a run that the figure of its learning curves shows."""
    identity, options = config["environment"]["id"], config["environment"]["options"]
    entry = catalogue.find_trusted(identity) if config["environment"]["known"] else None
    shaped = False
    bound = None
    if entry is not None:
        reward = options.get("reward", entry.preset.get("reward", catalogue.TASK_REWARD))
        shaped = reward != catalogue.TASK_REWARD
        changed = shaped or any("reward" in name and name != "reward" for name in options)
        discount = config["algorithm"]["settings"].get("discount", 1.0)
        sound = isinstance(discount, int | float) and 0 <= discount <= 1  # it comes from a file, and was not validated
        bound = None if changed or not sound else entry.highest_value(float(discount))
    evaluation = config.get("evaluation")
    stochastic = evaluation is not None and evaluation["stochastic"]
    return About(config["algorithm"]["name"], identity, shaped, bound, stochastic)


def _number(value: float | None) -> str:
    return "unknown" if value is None else readable(value)
