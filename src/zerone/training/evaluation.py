"""When and on how many episodes a training evaluates its policies, and when an environment counts as solved.

By default evaluation takes at most a fifth of a training's time. Wall-clock time cannot decide this, or equal seeds
would end with different policies. So both are counted in steps: episodes played side by side cost the number of rows
times the longest of them (`Evaluation.work`), and all evaluations together may use up to

    SHARE · worth · (steps of training so far) + what the start-up is worth

where `worth` is a lower bound for the number of evaluation steps that take as long as one training step. A Gymnasium
step may take any time, so there `worth` is 0.8. A compiled environment costs less than a network, and learning from
sampled minibatches takes at least as long as acting in a few episodes: 1 + samples. Updating a table costs more than
looking it up: 2.

The cost of an evaluation is predicted from the lengths of earlier episodes: those of the training and of the previous
evaluation. An evaluation that takes more than twice as long ends early, and the next ones wait until the budget allows.

All evaluations of a seed use the same episodes, so that policies are compared on equal terms. *Solved* must be shown on
other episodes, new each time: a policy chosen for its luck must not count as solved.
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
"""The default maximum number of episodes of an evaluation."""
SHARE = 0.2
FOR_SOLVED = 0.3
"""The share of the budget reserved for testing whether the environment is solved, until that has been shown."""
IN_PYTHON = 0.8
"""The `worth` of a training step in Gymnasium: an evaluation step takes as long, and there is compiling besides."""
STARTUP_STEPS = 10_000
"""How many training steps take as long as compiling, at most (of a table, many more do)."""
TABLE_STARTUP = 2_000_000
"""Evaluation steps that a table may always take: a tenth of a second, where starting takes a second."""

FEW = 5
"""The fewest episodes of an evaluation, except for the last one."""
OVERRUN = 2
"""An evaluation ends early once it has taken this many times the planned work."""
ASSUMED, ENDLESS = 1_000, 20
"""The assumed length of an episode if none has ended yet and the environment has no time limit; and how many times the
length of earlier episodes (but at least the assumed length) an episode may reach before an evaluation cuts it off."""

ALL_EVALUATIONS = 1
FIRST_FRESH = 2
"""Episode indices: that of all evaluations, and the first of those that test whether a seed has solved it."""
LEAST_FRESH, MOST_FRESH = 20, 2_500
ERRORS_ABOVE = 4.5
"""How many standard errors a policy should be above the threshold in a test: then it passes in 99% of cases."""


@dataclasses.dataclass(frozen=True)
class EvaluationPlan:
    """How a training evaluates: what the user chose, and what may be chosen automatically to save time."""

    episodes: int
    choose_times: bool = False
    choose_episodes: bool = False
    choose_limit: bool = False
    how: EvaluationSettings = dataclasses.field(default_factory=EvaluationSettings)
    solved_at: float | None = None

    def describe(self) -> EvaluationConfig:
        """As stored in `config.json`; the number of episodes and the threshold have fields of their own there."""
        return {
            "choose_times": self.choose_times, "choose_episodes": self.choose_episodes,
            "choose_limit": self.choose_limit, "limit": self.how.limit, "stochastic": self.how.stochastic,
        }  # fmt: skip

    @staticmethod
    def read(config: Config) -> EvaluationPlan:
        """The evaluation settings of a run. Runs older than the automatic choice evaluate exactly as configured."""
        kept, episodes, solved_at = config.get("evaluation"), config["evaluation_episodes"], config["solved_at"]
        if kept is None:
            return EvaluationPlan(episodes, solved_at=solved_at)
        how = EvaluationSettings(kept["limit"], kept["stochastic"])
        choices = kept["choose_times"], kept["choose_episodes"], kept["choose_limit"]
        return EvaluationPlan(episodes, *choices, how, solved_at)


@dataclasses.dataclass
class Account:
    """The cost of a seed's evaluations so far, and the lengths of its episodes."""

    evaluations: int = 0
    evaluation_work: int = 0
    """Work of evaluations, in steps."""
    test_work: int = 0
    """Work of tests whether the environment is solved, in steps."""
    steps: int = 0
    trained_length: float | None = None
    judged_length: float | None = None

    def describe(self) -> AccountState:
        """As stored in a checkpoint."""
        return {
            "looks": self.evaluations, "looking": self.evaluation_work, "testing": self.test_work, "steps": self.steps,
            "trained_length": self.trained_length, "judged_length": self.judged_length,
        }  # fmt: skip

    @staticmethod
    def read(state: AccountState) -> Account:
        """The inverse of `describe`."""
        lengths = state["trained_length"], state["judged_length"]
        return Account(state["looks"], state["looking"], state["testing"], state["steps"], *lengths)


class _Length(NamedTuple):
    """The likely and the maximum number of steps of an episode, and how it is played."""

    likely: float
    longest: int
    how: EvaluationSettings


def worth(engine: Engine, known: bool) -> tuple[float, float]:
    """How many evaluation steps a training step, and the start-up, are worth; `known`: the environment is ours."""
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
    """Evaluates the policies of a training within its budget.

    Args:
        engine: Plays the episodes.
        plan: How to evaluate.
        known: Whether the environment is one of ours, and so is cheap.
        total: Steps of the whole training.
        stops: Whether a seed ends once solved: then the budget of its remaining steps may be spent on showing it.
    """

    def __init__(self, engine: Engine, plan: EvaluationPlan, known: bool, total: int, stops: bool) -> None:
        self.engine, self.plan, self._total, self._stops = engine, plan, total, stops
        self._worth, self._startup = worth(engine, known)

    def evaluate(
        self, account: Account, policy: object, seed: int, step: int, solved: bool, last: bool
    ) -> Evaluation | None:
        """Evaluate a policy after `step` steps; None if the evaluation is put off because it would take too long."""
        length = self._length(account)
        free = self._share_for_evaluations(solved, length) * self._allowed(step) - account.evaluation_work
        episodes = self._episodes(free, length, last)
        if last and not episodes:  # no test follows, so use what was reserved for it
            episodes = self._episodes(self._allowed(step) - account.test_work - account.evaluation_work, length, last)
        if not episodes:
            return None
        found = self._play(policy, seed, ALL_EVALUATIONS, episodes, length)
        account.evaluations += 1
        account.evaluation_work += found.work
        account.steps += found.steps
        # An episode that loops until it is cut off says nothing about the length of the next ones.
        account.judged_length = None if found.cut.any() else float(found.lengths.mean(dtype=np.float64))
        return found

    def solves(self, account: Account, policy: object, seed: int, step: int, found: Evaluation) -> bool:
        """Whether a policy solves the environment: shown twice, on other episodes than those it was selected by.

        The evaluation itself counts as the first time if it had enough episodes. Each test has so many episodes that a
        policy as good as its evaluation passes it.
        """
        level = self.plan.solved_at
        number = len(found.returns)
        error = found.deviation / math.sqrt(number)
        if level is None or found.mean + 2 * error < level:
            return False
        shown = found.surely_at_least >= level and (number >= LEAST_FRESH or not self.plan.choose_episodes)
        tests = 1 if shown else 2
        episodes = self._episodes_per_test(account, step, needed(found, level), tests)
        if not episodes:
            return False
        for place in range(tests):
            index = FIRST_FRESH + 2 * account.evaluations + place
            test = self.engine.evaluate(policy, seed, index, episodes, self._length(account).how)
            account.test_work += test.work
            account.steps += test.steps
            if test.surely_at_least < level:
                return False
        return True

    def _share_for_evaluations(self, solved: bool, length: _Length) -> float:
        """The share of the budget for evaluations: all of it if there is nothing to test, or no test is affordable."""
        if solved or self.plan.solved_at is None:
            return 1.0
        test = self._work(-(-LEAST_FRESH // self.engine.widths[0]) * self.engine.widths[0], length.likely)
        return 1.0 - FOR_SOLVED if test <= FOR_SOLVED * self._allowed(self._total) else 1.0

    def _allowed(self, step: int) -> float:
        return SHARE * self._worth * step + self._startup

    def _length(self, account: Account) -> _Length:
        """The likely length of an episode, from earlier ones, and its maximum."""
        known = [each for each in (account.trained_length, account.judged_length) if each is not None]
        how, clock = self.plan.how, self.engine.time_limit
        if clock is None and self.plan.choose_limit:
            how = dataclasses.replace(how, limit=min(how.limit, max(ASSUMED, round(ENDLESS * max(known, default=0.0)))))
        longest = how.limit if clock is None else min(how.limit, clock)
        likely = max(known, default=float(ASSUMED if clock is None else clock))
        return _Length(max(1.0, min(longest, likely)), longest, how)

    def _episodes(self, free: float, length: _Length, last: bool) -> int:
        """The number of episodes of an evaluation; 0 for none."""
        most, few = self.plan.episodes, min(FEW, self.plan.episodes)
        if not self.plan.choose_episodes:
            # If the user chose the number of episodes, there is at least one evaluation with that many.
            affordable = not self.plan.choose_times or self._work(most, length.likely) <= free
            return most if affordable or last else 0
        fewest = min(each for each in self._numbers if each >= few)
        if not last and self.plan.choose_times:
            free -= self._work(fewest, length.likely)  # reserve the evaluation of the last policy
        numbers = [each for each in self._numbers if self._work(each, length.likely) <= free]
        found = most if self._work(most, length.longest) <= free else max(numbers, default=0)
        if found >= few or (last and found):
            return found
        return 0 if self.plan.choose_times else fewest

    @property
    def _numbers(self) -> list[int]:
        """The possible numbers of episodes of an evaluation, with as few different batch widths as possible."""
        widest, *others = self.engine.widths
        numbers = {*range(widest, self.plan.episodes + 1, widest), min(self.plan.episodes, widest)}
        above = widest
        for width in others:
            numbers |= set(range(width, min(FEW if width == 1 else above, self.plan.episodes + 1), width))
            above = width
        return sorted(numbers)

    def _rounds(self, episodes: int) -> list[int]:
        """How many episodes are played side by side in each round."""
        found: list[int] = []
        for width in self.engine.widths:
            while sum(found) + width <= episodes:
                found.append(width)
        return [*found, episodes - sum(found)] if sum(found) < episodes else found

    def _work(self, episodes: int, length: float) -> float:
        """The work of this many episodes of this length, in steps."""
        return length * sum(self.engine.step_cost(each) for each in self._rounds(episodes))

    def _play(self, policy: object, seed: int, index: int, episodes: int, length: _Length) -> Evaluation:
        """Play round by round, until the work exceeds the plan too far."""
        if not (self.plan.choose_times or self.plan.choose_episodes):
            return self.engine.evaluate(policy, seed, index, episodes, length.how)
        allowed = OVERRUN * self._work(episodes, length.likely)
        found: list[Evaluation] = []
        played = 0
        for width in self._rounds(episodes):
            if sum(each.work for each in found) > allowed:
                break
            # Play fewer side by side if so many of maximum length would take far too long.
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

    def _episodes_per_test(self, account: Account, step: int, wanted: int, tests: int) -> int:
        """The number of episodes of each test; 0 if too few are affordable to show anything."""
        until = self._total if self._stops else step
        free = min(FOR_SOLVED * self._allowed(until), self._allowed(step) - account.evaluation_work) - account.test_work
        widest = self.engine.widths[0]
        affordable = int(max(0.0, free) / tests / self._work(widest, self._length(account).likely)) * widest
        least = 0 if self.plan.choose_episodes else self.plan.episodes
        episodes = max(least, min(-(-wanted // widest) * widest, affordable))
        return episodes if episodes >= LEAST_FRESH or least else 0


def shows(returns: Sequence[float], level: float | None) -> bool:
    """Whether the returns of enough new episodes show that a policy reaches the threshold."""
    values = np.array(returns, np.float64)
    if level is None or len(values) < LEAST_FRESH:
        return False
    return bool(values.mean() - 2 * values.std() / math.sqrt(len(values)) >= level)


def needed(found: Evaluation, level: float) -> int:
    """Episodes that would show that a policy reaches the threshold, if it is as good as measured, minus one error."""
    number = len(found.returns)
    if found.deviation == 0:
        return 100
    margin = found.mean - level - found.deviation / math.sqrt(number)
    if margin <= 0:
        return MOST_FRESH
    return max(100, min(MOST_FRESH, math.ceil((ERRORS_ABOVE * found.deviation / margin) ** 2)))
