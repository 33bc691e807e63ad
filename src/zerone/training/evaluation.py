"""When a training judges its policies, on how many episodes, and when they have solved the environment.

By default evaluation takes at most a fifth of a training's time. The clock cannot rule that, or equal seeds would end
with other policies. So both are counted in steps: episodes that are played side by side count as many steps as there
are rows, times the longest of them (`Evaluation.work`), and all evaluations together may use up

    SHARE · worth · (steps of training so far) + what the start-up is worth

where `worth` is how many steps of evaluation take as long as one of training, at the least. A step in Gymnasium may
take any time, so there it is 0.8. A compiled environment of ours is cheaper than a network, and learning from a sample,
in minibatches, takes at least as long as acting in a few episodes: 1 + samples. Learning a table costs more than
looking it up: 2.

What a look at a policy will take is known from the lengths of episodes before: those of the training and of the look
before. If it takes more than twice as long it ends early, and the next looks wait until what was spent is earned.

The episodes of all looks of a seed are the same, so that two policies are compared on equal terms. *Solved* is shown on
others, fresh each time: a claim must not be chosen by its luck.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zerone.algorithms.protocol import CountsSamples
from zerone.base.saved_types import AccountState, Config, EvaluationConfig
from zerone.engines.protocol import Engine, Evaluation, EvaluationSettings

EVALUATION_EPISODES = 100
"""How many episodes an evaluation has at most, unless another number is given."""
SHARE = 0.2
FOR_SOLVED = 0.3
"""The part of it that is kept for showing that the environment is solved, as long as that has not been shown."""
IN_PYTHON = 0.8
"""What a step of training in Gymnasium is worth: a step of evaluation takes as long, and compiling, too."""
STARTUP_STEPS = 10_000
"""How many steps of training take as long as compiling, at the most: those of a table many more."""
TABLE_STARTUP = 2_000_000
"""Steps of evaluation that a table may take at any time: a tenth of a second, where starting takes a second."""

FEW = 5
"""Fewer episodes than these are no look at a policy, but for the last."""
OVERRUN = 2
"""How many times as long as planned a look may take before it ends early."""
ASSUMED, ENDLESS = 1_000, 20
"""Steps of an episode where none has ended yet and the environment has no time limit; and how many times as long as
those before an episode may be there, and longer than that many steps, before a look cuts it."""

LOOK = 1
FIRST_FRESH = 2
"""The indices of episodes: those of all looks, and the first of those by which a seed's claims are tested."""
LEAST_FRESH, MOST_FRESH = 20, 2_500
ERRORS_ABOVE = 4.5
"""Standard errors that a policy should be above the level in a test: then it passes in 99% of cases."""


@dataclasses.dataclass(frozen=True)
class Ways:
    """How a training evaluates: what was asked for, and what may be chosen so that it takes little time."""

    episodes: int
    choose_times: bool = False
    choose_episodes: bool = False
    choose_limit: bool = False
    how: EvaluationSettings = dataclasses.field(default_factory=EvaluationSettings)
    solved_at: float | None = None

    def describe(self) -> EvaluationConfig:
        """As `config.json` has it; the number of episodes and the level have fields of their own there."""
        return {
            "choose_times": self.choose_times, "choose_episodes": self.choose_episodes,
            "choose_limit": self.choose_limit, "limit": self.how.limit, "stochastic": self.how.stochastic,
        }  # fmt: skip

    @staticmethod
    def read(config: Config) -> Ways:
        """The ways of a run. One from before there was a choice evaluates as it was asked to."""
        kept, episodes, solved_at = config.get("evaluation"), config["evaluation_episodes"], config["solved_at"]
        if kept is None:
            return Ways(episodes, solved_at=solved_at)
        how = EvaluationSettings(kept["limit"], kept["stochastic"])
        choices = kept["choose_times"], kept["choose_episodes"], kept["choose_limit"]
        return Ways(episodes, *choices, how, solved_at)


@dataclasses.dataclass
class Account:
    """What the evaluations of a seed have taken, and how long its episodes are."""

    looks: int = 0
    looking: int = 0
    """Work of looks."""
    testing: int = 0
    """Work of tests whether the environment is solved."""
    steps: int = 0
    trained_length: float | None = None
    judged_length: float | None = None

    def describe(self) -> AccountState:
        """As a checkpoint has it."""
        return {
            "looks": self.looks, "looking": self.looking, "testing": self.testing, "steps": self.steps,
            "trained_length": self.trained_length, "judged_length": self.judged_length,
        }  # fmt: skip


class _Length(NamedTuple):
    """Steps that an episode is likely to have, those that it may have at the most, and how it is played."""

    likely: float
    longest: int
    how: EvaluationSettings


def worth(engine: Engine, known: bool) -> tuple[float, float]:
    """How many steps of evaluation a step of training is worth, and its start-up; `known`: the environment is ours."""
    if engine.steps_one_by_one:
        return IN_PYTHON, 0.0
    algorithm = engine.algorithm
    samples = algorithm.samples_per_step if isinstance(algorithm, CountsSamples) else None
    if not known or samples is None:
        return 1.0, SHARE * STARTUP_STEPS
    if samples == 0:
        return 2.0, float(TABLE_STARTUP)
    return 1.0 + samples, SHARE * STARTUP_STEPS * (1.0 + samples)


class Evaluator:
    """Judges the policies of a training, and keeps account of it.

    Args:
        engine: Plays.
        ways: How.
        known: Whether the environment is one of ours, and so is cheap.
        total: Steps of the whole training.
        stops: Whether a seed ends once solved: then what the rest of it may take is spent to show it.
    """

    def __init__(self, engine: Engine, ways: Ways, known: bool, total: int, stops: bool) -> None:
        self.engine, self.ways, self._total, self._stops = engine, ways, total, stops
        self._worth, self._startup = worth(engine, known)

    def look(
        self, account: Account, policy: object, seed: int, step: int, solved: bool, last: bool
    ) -> Evaluation | None:
        """Judge a policy after `step` steps; None where that is put off because it would take too long."""
        length = self._length(account)
        free = self._part(solved, length) * self._allowed(step) - account.looking
        episodes = self._episodes(free, length, last)
        if last and not episodes:  # what was kept for a test may as well be used now
            episodes = self._episodes(self._allowed(step) - account.testing - account.looking, length, last)
        if not episodes:
            return None
        found = self._play(policy, seed, LOOK, episodes, length)
        account.looks += 1
        account.looking += found.work
        account.steps += found.steps
        # How long one that walks in a circle would go on says nothing about the next.
        account.judged_length = None if found.cut.any() else float(found.lengths.mean(dtype=np.float64))
        return found

    def solves(self, account: Account, policy: object, seed: int, step: int, found: Evaluation) -> bool:
        """Whether a policy is worth the level: shown twice, on other episodes than those that it was chosen by.

        The look itself counts as once if it was of enough episodes. Each test is of so many that a policy that is as
        good as it seems passes it.
        """
        level = self.ways.solved_at
        number = len(found.returns)
        error = found.deviation / math.sqrt(number)
        if level is None or found.mean + 2 * error < level:
            return False
        shown = found.surely_at_least >= level and (number >= LEAST_FRESH or not self.ways.choose_episodes)
        tests = 1 if shown else 2
        episodes = self._fresh(account, step, needed(found, level), tests)
        if not episodes:
            return False
        for place in range(tests):
            index = FIRST_FRESH + 2 * account.looks + place
            test = self.engine.evaluate(policy, seed, index, episodes, self._length(account).how)
            account.testing += test.work
            account.steps += test.steps
            if test.surely_at_least < level:
                return False
        return True

    def _part(self, solved: bool, length: _Length) -> float:
        """What looks may use: all where nothing is to be tested, or no test could ever be afforded."""
        if solved or self.ways.solved_at is None:
            return 1.0
        test = self._work(-(-LEAST_FRESH // self.engine.widths[0]) * self.engine.widths[0], length.likely)
        return 1.0 - FOR_SOLVED if test <= FOR_SOLVED * self._allowed(self._total) else 1.0

    def _allowed(self, step: int) -> float:
        return SHARE * self._worth * step + self._startup

    def _length(self, account: Account) -> _Length:
        """How long an episode will be, by those before, and how long it may be."""
        known = [each for each in (account.trained_length, account.judged_length) if each is not None]
        how, clock = self.ways.how, self.engine.time_limit
        if clock is None and self.ways.choose_limit:
            how = dataclasses.replace(how, limit=min(how.limit, max(ASSUMED, round(ENDLESS * max(known, default=0.0)))))
        longest = how.limit if clock is None else min(how.limit, clock)
        likely = max(known, default=float(ASSUMED if clock is None else clock))
        return _Length(max(1.0, min(longest, likely)), longest, how)

    def _episodes(self, free: float, length: _Length, last: bool) -> int:
        """How many episodes a look has; 0 for none."""
        most, few = self.ways.episodes, min(FEW, self.ways.episodes)
        if not self.ways.choose_episodes:
            # A person who asks for so many gets them at least once.
            affordable = not self.ways.choose_times or self._work(most, length.likely) <= free
            return most if affordable or last else 0
        fewest = min(each for each in self._numbers if each >= few)
        if not last and self.ways.choose_times:
            free -= self._work(fewest, length.likely)  # what is left is for the last policy
        numbers = [each for each in self._numbers if self._work(each, length.likely) <= free]
        found = most if self._work(most, length.longest) <= free else max(numbers, default=0)
        if found >= few or (last and found):
            return found
        return 0 if self.ways.choose_times else fewest

    @property
    def _numbers(self) -> list[int]:
        """The numbers of episodes that a look may have: as few different rounds as can be."""
        widest, *others = self.engine.widths
        numbers = {*range(widest, self.ways.episodes + 1, widest), min(self.ways.episodes, widest)}
        above = widest
        for width in others:
            numbers |= set(range(width, min(FEW if width == 1 else above, self.ways.episodes + 1), width))
            above = width
        return sorted(numbers)

    def _rounds(self, episodes: int) -> list[int]:
        """How many are played side by side, one round after the other."""
        found: list[int] = []
        for width in self.engine.widths:
            while sum(found) + width <= episodes:
                found.append(width)
        return [*found, episodes - sum(found)] if sum(found) < episodes else found

    def _work(self, episodes: int, length: float) -> float:
        """What so many episodes of this length count as."""
        return length * sum(self.engine.step_cost(each) for each in self._rounds(episodes))

    def _play(self, policy: object, seed: int, index: int, episodes: int, length: _Length) -> Evaluation:
        """Round by round, until it has taken too long."""
        if not (self.ways.choose_times or self.ways.choose_episodes):
            return self.engine.evaluate(policy, seed, index, episodes, length.how)
        allowed = OVERRUN * self._work(episodes, length.likely)
        found: list[Evaluation] = []
        played = 0
        for width in self._rounds(episodes):
            if sum(each.work for each in found) > allowed:
                break
            # Fewer side by side, where so many of the longest would take far too long.
            narrow = [each for each in self.engine.widths if each <= width]
            fit = [each for each in narrow if self.engine.step_cost(each) * length.longest <= 2 * allowed]
            quickest = min((self.engine.step_cost(each) for each in narrow), default=0)
            part = max(fit or [each for each in narrow if self.engine.step_cost(each) == quickest], default=width)
            for at in range(0, width, part):
                if at and sum(each.work for each in found) > allowed:
                    break
                number = min(part, width - at)
                found.append(self.engine.evaluate(policy, seed, index, number, length.how, first=played))
                played += number
        if len(found) == 1:
            return found[0]
        returns = np.concatenate([each.returns for each in found])
        lengths = np.concatenate([each.lengths for each in found])
        cut = np.concatenate([each.cut for each in found])
        return Evaluation(returns, lengths, cut, sum(each.work for each in found))

    def _fresh(self, account: Account, step: int, wanted: int, tests: int) -> int:
        """How many episodes each test has; 0 where so few could be afforded that they would show nothing."""
        until = self._total if self._stops else step
        free = min(FOR_SOLVED * self._allowed(until), self._allowed(step) - account.looking) - account.testing
        widest = self.engine.widths[0]
        affordable = int(max(0.0, free) / tests / self._work(widest, self._length(account).likely)) * widest
        least = 0 if self.ways.choose_episodes else self.ways.episodes
        episodes = max(least, min(-(-wanted // widest) * widest, affordable))
        return episodes if episodes >= LEAST_FRESH or least else 0


def shows(returns: Sequence[float], level: float | None) -> bool:
    """Whether returns of enough fresh episodes show that a policy is worth the level."""
    values = np.array(returns, np.float64)
    if level is None or len(values) < LEAST_FRESH:
        return False
    return bool(values.mean() - 2 * values.std() / math.sqrt(len(values)) >= level)


def needed(found: Evaluation, level: float) -> int:
    """How many episodes would show that a policy is worth the level, if it is as good as it seems, less one error."""
    number = len(found.returns)
    if found.deviation == 0:
        return 100
    margin = found.mean - level - found.deviation / math.sqrt(number)
    if margin <= 0:
        return MOST_FRESH
    return max(100, min(MOST_FRESH, math.ceil((ERRORS_ABOVE * found.deviation / margin) ** 2)))
