"""Checks of an environment for `zerone check ID`: its soundness, its encoding, and the algorithms that support it."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import re
import time
import warnings
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from zerone.algorithms import catalogue as algorithms
from zerone.base.errors import RunError
from zerone.base.language import translated
from zerone.base.notices import Notices
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.leaves import BoxLeaf
from zerone.environments.gym.views import AUTO, view_of
from zerone.environments.spaces import Spaces
from zerone.training.allowed_by_chance import Chance
from zerone.training.environment_facts import EnvironmentFacts, facts_of, opened
from zerone.training.extent import Extent, Observed

Shown: TypeAlias = list[tuple[int, tuple[object, ...]]]
"""Per step number, what the environment returned: an observation; after a step also reward, terminated, truncated."""
LONGEST_FINDING = 300
"""Length limit, in characters, of one finding of Gymnasium's checker."""
STEPS = 400
"""Default number of random steps of a check."""
REPEATED = 50
"""How many of these steps are repeated with the same seed and actions, to check that the results are the same."""


@dataclasses.dataclass
class Report:
    """The result of a check. The environment is sound if there are no problems; notes are only worth considering."""

    facts: EnvironmentFacts
    """The facts from `environment_facts.describe`."""
    algorithms: dict[str, str | None]
    """Per algorithm, why it does not support the environment; None if it does."""
    problems: list[str] = dataclasses.field(default_factory=list[str])
    notes: list[str] = dataclasses.field(default_factory=list[str])
    steps: int = 0
    returns: list[float] = dataclasses.field(default_factory=list[float])
    """Returns of the episodes that ended."""
    observed: list[Observed] = dataclasses.field(default_factory=list[Observed])
    """Of each numeric part of the observation: its name, minimum, maximum, mean and standard deviation."""
    gymnasium: list[str] | None = None
    """Findings of Gymnasium's own checker, which also checks style; None if it was not run."""
    steps_per_second: float | None = None
    """Of the environment alone, in Python; None if it is compiled."""

    @property
    def sound(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The object of `zerone check --json`."""
        return {
            "environment": self.facts["name"], "sound": self.sound, "problems": self.problems, "notes": self.notes,
            "steps": self.steps, "episodes": len(self.returns), "returns": self.returns, "observed": self.observed,
            "gymnasium": self.gymnasium, "steps_per_second": self.steps_per_second,
            "algorithms": self.algorithms, "facts": self.facts,
        }  # fmt: skip


def check(
    identity: str, options: Mapping[str, Any] = {}, observations: str = AUTO, steps: int = STEPS, seed: int = 0,
    around: Around = NOTHING,
) -> Report:  # fmt: skip
    """Play random steps in an environment and report the problems found.

    Raises:
        InputError: the environment is unknown, cannot be made, or has no observation that Zerone can use.
    """
    noticed: list[str] = []
    notices = Notices(noticed.append)
    with contextlib.closing(opened(identity, options, observations, notices, around)) as env:
        found = Spaces(env.encoding.space, env.action_space, env.encoding)
        report = Report(
            facts_of(identity, options, env, around),
            {each.name: each.make().refuse(found) for each in algorithms.entries()},
        )
        try:
            extent, actions, shown = _play(env, report, steps, seed)
            again = {translated("the same copy, reset again,"): _replay(env, actions, seed)}
        except RunError as error:
            report.problems.append(str(error))
            return report
    for place, leaf in enumerate(env.encoding.leaves):
        if isinstance(leaf, BoxLeaf):
            report.observed.append(extent.described(leaf, place))
            report.problems += extent.beyond(leaf, place)
            report.notes += [*extent.converted(leaf, place), *extent.far_from_one(leaf, place, _scale(env, leaf))]
    if report.facts["engine"] == "host":
        report.gymnasium = gymnasium_finds(opened(identity, options, observations, Notices(_ignore), around))
    else:
        report.steps_per_second = None  # these were steps of its Python twin, which is not used for training
    with contextlib.closing(opened(identity, options, observations, notices, around)) as other:
        try:
            again[translated("another copy of it")] = _replay(other, actions, seed)
        except RunError as error:
            report.problems.append(str(error))
    report.problems += _differences(shown, again)
    report.notes += [line.removeprefix(translated("environment {identity}: ", identity=identity)) for line in noticed]
    if not report.returns and not report.facts["limit"]:
        report.notes.append(
            translated(
                "no episode ended in {steps} random steps, and there is no time limit (gymnasium.register "
                "takes max_episode_steps)",
                steps=steps,
            )
        )
    return report


def _play(env: Guard, report: Report, steps: int, seed: int) -> tuple[Extent, list[object], Shown]:
    """Play random steps over several episodes; returns the first actions, and what was returned after them."""
    chance, extent = Chance(env, seed, report.notes), Extent()
    actions: list[object] = []
    observation, info = env.reset(seed=seed)
    shown: Shown = [(0, (copy.deepcopy(observation),))]
    extent.add(env, observation)
    total, rewarded, seconds = 0.0, False, 0.0
    for step in range(1, steps + 1):
        action = chance.draw(observation, info, step - 1)
        given, began = copy.deepcopy(action), time.perf_counter()
        observation, reward, terminated, truncated, info = env.step(given)
        seconds += time.perf_counter() - began
        total, rewarded, report.steps = total + reward, rewarded or reward != 0, step
        extent.add(env, observation)
        if step <= REPEATED:
            actions.append(action)
            shown.append((step, (copy.deepcopy(observation), reward, terminated, truncated)))
        if terminated or truncated:
            report.returns.append(total)
            total = 0.0
            began = time.perf_counter()
            observation, info = env.reset()
            seconds += time.perf_counter() - began
            extent.add(env, observation)
            if step <= REPEATED:
                shown.append((step, (copy.deepcopy(observation),)))
    report.steps_per_second = steps / max(seconds, 1e-9)
    if not rewarded:
        report.notes.append(
            translated("no reward but 0 in {steps} random steps: to learn here takes a lot of exploring", steps=steps)
        )
    return extent, actions, shown


def gymnasium_finds(env: Guard) -> list[str]:
    """Findings of Gymnasium's own checker, deduplicated, one line each. The environment is closed afterwards."""
    found: list[str] = []
    with contextlib.closing(env), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            check_env(env.unwrapped, skip_render_check=True, skip_close_check=True)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # raised by the checker, or by anything it calls
            found.append(str(error) or type(error).__name__)
    said = [_plain(str(each.message)) for each in warned if issubclass(each.category, UserWarning)]
    return list(dict.fromkeys([*map(_plain, found), *said]))


def _plain(text: str) -> str:
    """A Gymnasium warning on one line, without colours and the prefix."""
    line = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split()).removeprefix("WARN: ")
    return line if len(line) <= LONGEST_FINDING else line[:LONGEST_FINDING] + "…"


def _ignore(line: str) -> None:
    del line


def _replay(env: Guard, actions: list[object], seed: int) -> Shown:
    """Replay actions with the same seed; returns what the environment returned."""
    observation, _ = env.reset(seed=seed)
    shown: Shown = [(0, (copy.deepcopy(observation),))]
    for step, action in enumerate(actions, 1):
        observation, reward, terminated, truncated, _ = env.step(copy.deepcopy(action))
        shown.append((step, (copy.deepcopy(observation), reward, terminated, truncated)))
        if terminated or truncated:
            observation, _ = env.reset()
            shown.append((step, (copy.deepcopy(observation),)))
    return shown


def _differences(first: Shown, again: Mapping[str, Shown]) -> list[str]:
    for which, other in again.items():
        for (step, one), (_, two) in zip(first, other, strict=False):
            if not _same(one, two):
                return [
                    translated(
                        "with the same seed and actions {which} gives something else after step {step}: all chance "
                        "has to come from self.np_random, which super().reset(seed=seed) restarts",
                        which=which,
                        step=step,
                    )
                ]
    return []


def _same(one: Any, other: Any) -> bool:
    """Whether two observations, or tuples of an observation, a reward and flags, are equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    try:
        return bool(np.array_equal(one, other))
    except Exception:  # raised by a comparison of foreign objects
        return True


def _scale(env: Guard, leaf: BoxLeaf) -> float:
    """The number by which a part's values are divided before they are passed to a network."""
    space = env.encoding.space
    if len(env.encoding.leaves) == 1 and isinstance(space, spaces.Box):
        return view_of(space).scale
    return leaf.scale
