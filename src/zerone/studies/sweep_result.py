"""The result of a sweep: its trials, the best one, and a settings file to train with it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zerone.algorithms.protocol import Algorithm
from zerone.base.intervals import CONFIDENCE, Bounds, interval
from zerone.base.language import translatable
from zerone.base.place import as_seen
from zerone.base.saved_types import SweepConfig
from zerone.charts import html
from zerone.charts.image import Figure
from zerone.studies.advice import notes
from zerone.training.algorithm_setup import make_algorithm, settings_of

MEASURES = {
    "mean": translatable("the mean of all evaluations, which rewards learning that is both fast and lasting"),
    "last": translatable("the last evaluation"),
    "best": translatable("the best policy, judged on other episodes"),
}


@dataclasses.dataclass(frozen=True)
class Trial:
    """One setting, and its result on each seed: -∞ on all of them if learning diverged on one."""

    settings: Mapping[str, Any]
    path: Path
    seeds: tuple[int, ...]
    values: np.ndarray

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @property
    def interval(self) -> Bounds | None:
        """Its 95% interval; None if learning diverged, or if all seeds have the same result."""
        return None if self.diverged else interval(self.values)

    @property
    def diverged(self) -> bool:
        """Whether learning diverged."""
        return not np.isfinite(self.values).all()


@dataclasses.dataclass(frozen=True, repr=False)
class Sweep:
    """The result of a sweep. All of it is stored in the folder `path`."""

    path: Path
    config: SweepConfig
    trials: tuple[Trial, ...]
    confirmed: Trial
    """The best setting on seeds that were not used to select it."""

    def __repr__(self) -> str:
        best = ", ".join(f"{name} = {value}" for name, value in self.best.settings.items())
        about = f"{self.config['algorithm']} on {self.config['environment']}, {len(self.trials)} settings"
        return (
            f"Sweep({str(as_seen(self.path))!r}: {about}; best {best}, worth {self.confirmed.mean:.4g} on other seeds)"
        )

    def _repr_html_(self) -> str:
        rows = [
            [*(_cell(trial.settings[name]) for name in self.names),
             "diverged" if trial.diverged else f"{trial.mean:.4g}", "best" if trial is self.best else ""]
            for trial in self.trials
        ]  # fmt: skip
        table = html.table([*self.names, "mean", ""], rows)
        notes = "".join(html.text(f"note: {note}") for note in self.notes)
        return html.text(repr(self)) + table + notes + html.picture(self.path / "response.png")

    @property
    def names(self) -> list[str]:
        """The names of the swept settings."""
        return list(self.config["space"])

    @property
    def best(self) -> Trial:
        """The trial with the highest mean; the first one of several."""
        return max(self.trials, key=lambda trial: trial.mean)

    def facts(self) -> dict[str, Any]:
        """The object of `zerone sweep --json`."""
        config = self.config
        return {
            "sweep": str(as_seen(self.path)),
            "algorithm": config["algorithm"],
            "environment": config["environment"],
            "driver": config["driver"],
            "steps": config["steps"],
            "seeds": config["seeds"],
            "measure": config["measure"],
            "confidence": CONFIDENCE,
            "trials": [_facts(each) for each in self.trials],
            "best": _facts(self.best),
            "confirmed": _facts(self.confirmed),
            "notes": self.notes,
        }

    def table(self) -> str:
        """CSV with one row per setting and seed."""
        lines = [",".join([*self.names, "seed", self.config["measure"]])]
        for trial in self.trials:
            cells = [_cell(trial.settings[name]) for name in self.names]
            lines += [",".join([*cells, str(seed), repr(float(value))])
                      for seed, value in zip(trial.seeds, trial.values, strict=True)]  # fmt: skip
        return "\n".join(lines) + "\n"

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm with the best setting."""
        return made_with(self.config, self.best.settings)

    @property
    def notes(self) -> list[str]:
        """Advice on the best setting: whether it is at an edge, and which others are equally good."""
        steps, made = self.config["steps"], settings_of(self.algorithm)
        return notes(self.config["algorithm"], self.config["space"], self.trials, self.best, made, steps)

    def preset(self) -> str:
        """The best setting as TOML, for `zerone train --settings`, or as a table of a preset file."""
        made, algorithm = self.algorithm, self.config["algorithm"]
        default = settings_of(type(made)())
        chosen = {*self.names, *self.config["settings"]}
        kept = {name: value for name, value in settings_of(made).items()
                if value != default[name] or name in chosen}  # fmt: skip
        bounds = self.confirmed.interval
        sure = "on each of them" if bounds is None else f"(95% interval {bounds[0]:.4g} to {bounds[1]:.4g})"
        seeds, other = self.config["seeds"], self.confirmed.seeds
        about = [
            f"Best of {len(self.trials)} settings of {', '.join(self.names)} on seeds {seeds[0]} to {seeds[-1]}.",
            f"On seeds {other[0]} to {other[-1]}, which had no part in the choice, it was worth",
            f"{self.confirmed.mean:.4g} {sure}. That is",
            f"{MEASURES[self.config['measure']]}.",
            *self.notes,
        ]
        table = {"steps": self.config["steps"], "stop_when_solved": False, **kept}
        return (
            "".join(f"# {line}\n" for line in about)
            + f"\nalgorithm = {json.dumps(algorithm)}\n\n[{json.dumps(self.config['environment'])}]\n"
            + "".join(f"{name} = {_toml(value)}\n" for name, value in table.items())
        )

    def plot(self, out: str | Path) -> Figure:
        """Draw the results to a file: PNG, SVG or PDF by its suffix."""
        from zerone.charts.response import draw

        title = f"{self.config['algorithm']} on {self.config['environment']}"
        draw(self.names, self.trials, self.best, out, title=title, measure=MEASURES[self.config["measure"]])
        return Figure(out)


def made_with(config: SweepConfig, settings: Mapping[str, Any]) -> Algorithm:
    """The algorithm of a trial. Raises `InputError` for settings that are not allowed."""
    changed = {**config["settings"], **settings}
    found = make_algorithm(config["algorithm"], config["environment"], changed, preset=config["preset"])
    return found[0]


def _facts(trial: Trial) -> dict[str, Any]:
    return {
        "settings": dict(trial.settings),
        "run": str(as_seen(trial.path)),
        "seeds": list(trial.seeds),
        "values": None if trial.diverged else trial.values.tolist(),
        "mean": None if trial.diverged else trial.mean,
        "interval": trial.interval,
    }


def _cell(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _toml(value: object) -> str:
    """A number, text, boolean or list of them: their TOML is the same as JSON."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)
