"""What an experiment is: a claim, who is compared on what, and the rule that decides. Read this file first.

    settings = experiment.arms["sarsa"]
    measured = experiment.measure(settings, seed)          # of one arm and one seed, nothing else
    estimate = question.effect(results)                    # a number and its interval over seeds
    question.decide(estimate)                              # confirmed, refuted or undecided

The rule is data of the experiment's file, written before it was run: a range, above and below. An effect whose whole
interval lies in the range confirms, one whose whole interval lies outside of it refutes, and one that lies on its edge
decides nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from zerone.base.intervals import fewest, interval
from zerone.base.language import ENGLISH, language
from zerone.base.statistics import Statistic, difference_of_means, mean, ratio_of_means

CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"

Settings: TypeAlias = Mapping[str, Any]
"""What tells one arm from another: numbers, texts, lists of them. All that `measure` knows of an arm."""

Measured: TypeAlias = Mapping[str, Any]
"""Names and numbers, or arrays of numbers: what one seed of one arm came to."""


@dataclasses.dataclass(frozen=True)
class Text:
    """The same in both languages of the documentation. May name facts: `{return_of_sarsa:.1f}`."""

    en: str
    zh: str

    @property
    def here(self) -> str:
        """The one in the language that is spoken."""
        return self.en if language() == ENGLISH else self.zh


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number, and its 95% interval over seeds: without end where so few seeds have none, a point where all agree."""

    value: float
    low: float
    high: float


class Results:
    """What was measured: `results("sarsa", "return")` is an array [seeds, ...]."""

    def __init__(self, measured: Mapping[str, Sequence[Measured]]) -> None:
        self._measured = measured
        self.arms = list(measured)
        self.seeds = len(next(iter(measured.values())))

    def __call__(self, arm: str, measure: str) -> np.ndarray:
        return np.stack([np.asarray(one[measure], np.float64) for one in self._measured[arm]])

    def measures(self, arm: str) -> list[str]:
        """The names of what was measured of an arm."""
        return list(self._measured[arm][0])


def estimate(*samples: np.ndarray, statistic: Statistic = mean, paired: bool = False) -> Estimate:
    """A statistic of one or several samples [seeds], with its interval; see `intervals.interval`."""
    arrays = [np.asarray(each, np.float64) for each in samples]
    value = float(np.asarray(statistic(*arrays)))
    bounds = interval(*arrays, statistic=statistic, paired=paired)
    if bounds is None:  # too few seeds, or seeds that all agree
        few = min(each.size for each in arrays) < fewest(statistic)
        bounds = (-math.inf, math.inf) if few else (value, value)
    return Estimate(value, *bounds)


def difference(left: np.ndarray, right: np.ndarray) -> Estimate:
    """Mean of `left` minus mean of `right`; each is [seeds], and has seeds of its own."""
    return estimate(left, right, statistic=difference_of_means)


def ratio(left: np.ndarray, right: np.ndarray) -> Estimate:
    """Mean of `left` over mean of `right`; each is [seeds], and has seeds of its own."""
    return estimate(left, right, statistic=ratio_of_means)


@dataclasses.dataclass(frozen=True)
class Question:
    """One number that decides (a part of) the claim, and the range in which it must lie."""

    asks: Text
    """What the number is, as the subject of a sentence: `Sarsa's return minus Q-learning's`."""
    effect: Callable[[Results], Estimate]
    above: float = -math.inf
    below: float = math.inf
    unit: Text = Text("", "")
    added: bool = False
    """Whether it was asked only after a first run. Then it is answered too, but has no part in the verdict."""

    def decide(self, found: Estimate) -> str:
        """Confirmed where the whole interval lies in the range, refuted where all of it lies outside."""
        if found.low > self.above and (found.high < self.below or math.isinf(self.below)):
            return CONFIRMED
        if found.high <= self.above or found.low >= self.below:
            return REFUTED
        return UNDECIDED

    def rule(self) -> Text:
        """The range in words."""
        low, high = (f"{bound:g}" for bound in (self.above, self.below))
        if math.isinf(self.below):
            return Text(f"above {low}", f"大于 {low}")
        if math.isinf(self.above):
            return Text(f"below {high}", f"小于 {high}")
        return Text(f"between {low} and {high}", f"在 {low} 与 {high} 之间")


def together(verdicts: Sequence[str]) -> str:
    """The verdict of a claim with several parts: confirmed if all are, refuted if any is."""
    if REFUTED in verdicts:
        return REFUTED
    return CONFIRMED if all(each == CONFIRMED for each in verdicts) else UNDECIDED


def no_facts(results: Results) -> dict[str, float]:
    """Nothing that the texts name."""
    del results
    return {}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A claim, and all that is needed to see whether it holds. One file of `claims/` makes one of these."""

    name: str
    """On the command line."""
    title: Text
    """A few words: the heading of its section and of its figure."""
    claim: Text
    """What is claimed, as one sentence."""
    source: Text
    """Who claims it: a chapter of the tutorial (`tutorial.chapter`), or a paper and its section."""
    setup: Text
    """Who is compared, on which environment, and what is measured."""
    environment: str
    arms: Mapping[str, Settings]
    """What is compared: each arm's name and settings."""
    measure: Callable[[Settings, int], Measured]
    """Measure one arm with one seed. Called in a thread; must depend on nothing else than its arguments."""
    questions: tuple[Question, ...]
    """What decides. The first one is the effect that is reported as such."""
    draw: Callable[[Any, Results], None]
    """Draw on a `figure.Sheet`."""
    look: Text
    """What to look at in the figure: one sentence, or two where it has two panels."""
    teaches: Text
    """What a learner takes along, in the light of the result."""
    minutes: float
    """How long all seeds take on two cores."""
    quick: Settings = dataclasses.field(default_factory=dict[str, Any])
    """What `--quick` changes in the settings of every arm, so that it takes a minute or two."""
    seeds: int = 20
    quick_seeds: int = 4
    panels: int = 1
    facts: Callable[[Results], Mapping[str, float]] = no_facts
    """Numbers that the texts name."""
    version: int = 1
    """To be raised when `measure` changes what it measures: what was kept of an earlier one is not used then."""

    def settings(self, arm: str, quick: bool) -> dict[str, Any]:
        """The settings of an arm, as they are hashed and given to `measure`."""
        return {**self.arms[arm], **(self.quick if quick else {})}
