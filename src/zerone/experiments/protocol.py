"""The parts of an experiment: a claim, the arms that are compared, and the rule that decides. Read this file first.

    settings = experiment.arms["sarsa"]
    measured = experiment.measure(settings, seed)          # one arm and one seed
    estimate = question.effect(results)                    # a number and its interval over seeds
    question.decide(estimate)                              # confirmed, refuted or undecided

The rule is a range with a lower and an upper bound, written in the experiment's file before the first run. If the whole
interval of the effect lies inside of the range, the claim is confirmed; if all of it lies outside, refuted; otherwise
the result is undecided.
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
"""The settings of an arm: numbers, texts and lists of them. They are the only input of `measure` besides the seed."""

Measured: TypeAlias = Mapping[str, Any]
"""The measurements of one seed of one arm: names with numbers or arrays."""


@dataclasses.dataclass(frozen=True)
class Text:
    """A text in both languages of the documentation. It may insert facts: `{return_of_sarsa:.1f}`."""

    en: str
    zh: str

    @property
    def here(self) -> str:
        """The text in the current language."""
        return self.en if language() == ENGLISH else self.zh


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number and its 95% interval over seeds.

    The interval is infinite if there are too few seeds, and a single point if all seeds agree.
    """

    value: float
    low: float
    high: float


class Results:
    """All measurements of an experiment: `results("sarsa", "return")` is a float64 array [seeds, ...]."""

    def __init__(self, measured: Mapping[str, Sequence[Measured]]) -> None:
        self._measured = measured
        self.arms = list(measured)
        self.seeds = len(next(iter(measured.values())))

    def __call__(self, arm: str, measure: str) -> np.ndarray:
        return np.stack([np.asarray(one[measure], np.float64) for one in self._measured[arm]])

    def measures(self, arm: str) -> list[str]:
        """The names of an arm's measurements."""
        return list(self._measured[arm][0])


def estimate(*samples: np.ndarray, statistic: Statistic = mean, paired: bool = False) -> Estimate:
    """A statistic of one or more samples [seeds], with its interval; see `intervals.interval`."""
    arrays = [np.asarray(each, np.float64) for each in samples]
    value = float(np.asarray(statistic(*arrays)))
    bounds = interval(*arrays, statistic=statistic, paired=paired)
    if bounds is None:  # too few seeds, or seeds that all agree
        few = min(each.size for each in arrays) < fewest(statistic)
        bounds = (-math.inf, math.inf) if few else (value, value)
    return Estimate(value, *bounds)


def difference(left: np.ndarray, right: np.ndarray) -> Estimate:
    """The mean of `left` minus the mean of `right`, of independent samples [seeds]."""
    return estimate(left, right, statistic=difference_of_means)


def ratio(left: np.ndarray, right: np.ndarray) -> Estimate:
    """The mean of `left` divided by the mean of `right`, of independent samples [seeds]."""
    return estimate(left, right, statistic=ratio_of_means)


@dataclasses.dataclass(frozen=True)
class Question:
    """A number that decides the claim, or a part of it, and the range in which it must lie."""

    asks: Text
    """The meaning of the number, as the subject of a sentence: `Sarsa's return minus Q-learning's`."""
    effect: Callable[[Results], Estimate]
    above: float = -math.inf
    below: float = math.inf
    unit: Text = Text("", "")
    added: bool = False
    """Whether the question was added after a first run. It is then answered, but does not count in the verdict."""

    def decide(self, found: Estimate) -> str:
        """Confirmed if the whole interval lies in the range, refuted if all of it lies outside, else undecided."""
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
    """The verdict of a claim with several parts: confirmed if all are confirmed, refuted if any is refuted."""
    if REFUTED in verdicts:
        return REFUTED
    return CONFIRMED if all(each == CONFIRMED for each in verdicts) else UNDECIDED


def no_facts(results: Results) -> dict[str, float]:
    """No facts, for an experiment whose texts insert none."""
    del results
    return {}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A claim and everything needed to test it. Each file of `claims/` makes one."""

    name: str
    """The name on the command line."""
    title: Text
    """A few words: the heading of its section and of its figure."""
    claim: Text
    """The claim, as one sentence."""
    source: Text
    """The origin of the claim: a chapter of the tutorial (`tutorial.chapter`), or a paper and its section."""
    setup: Text
    """A description of the arms, the environment and the measurements."""
    environment: str
    arms: Mapping[str, Settings]
    """The name and the settings of each arm that is compared."""
    measure: Callable[[Settings, int], Measured]
    """Measure one arm with one seed. It runs in a thread, and must depend on its arguments only."""
    questions: tuple[Question, ...]
    """The questions that decide. The first one is reported as the effect."""
    draw: Callable[[Any, Results], None]
    """Draw on a `figure.Sheet`."""
    look: Text
    """What to look at in the figure: one sentence for each panel."""
    teaches: Text
    """What a learner can take from the result."""
    minutes: float
    """The time of all seeds on two cores."""
    quick: Settings = dataclasses.field(default_factory=dict[str, Any])
    """Changes to the settings of every arm for `--quick`, which should take a minute or two."""
    seeds: int = 20
    quick_seeds: int = 4
    panels: int = 1
    facts: Callable[[Results], Mapping[str, float]] = no_facts
    """The numbers that the texts insert, by name."""
    version: int = 1
    """To be increased when the meaning of the measurements changes: stored ones of other versions are not used."""

    def settings(self, arm: str, quick: bool) -> dict[str, Any]:
        """The settings of an arm, as they are hashed and passed to `measure`."""
        return {**self.arms[arm], **(self.quick if quick else {})}
