"""Whether an environment is sound, how it is seen, and who can learn in it: what `zerone check ID` says."""

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
"""What an environment gave after so many steps: an observation, and after a step also the reward and the two ends."""
LONGEST_FINDING = 300
"""Characters of what Gymnasium's checker says of one thing."""
STEPS = 400
"""How many random steps decide whether an environment is sound, unless another number is asked for."""
REPEATED = 50
"""So many of them are taken again, with the same seed and actions, to see whether the same comes of it."""


@dataclasses.dataclass
class Report:
    """What came of a check. It is sound if there are no problems; what is noted may still be worth a thought."""

    facts: EnvironmentFacts
    """As from `environment_facts.describe`."""
    algorithms: dict[str, str | None]
    """Why an algorithm cannot take it; None where it can."""
    problems: list[str] = dataclasses.field(default_factory=list[str])
    notes: list[str] = dataclasses.field(default_factory=list[str])
    steps: int = 0
    returns: list[float] = dataclasses.field(default_factory=list[float])
    """Those of the episodes that ended."""
    observed: list[Observed] = dataclasses.field(default_factory=list[Observed])
    """Of each part that is numbers: its name, its lowest and highest number, their mean and their deviation."""
    gymnasium: list[str] | None = None
    """What Gymnasium's own checker finds, which looks at style, too; None where it was not asked."""
    steps_per_second: float | None = None
    """In Python, with nothing beside it; None where it is compiled."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
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
    """Play some random steps, and see what becomes of them.

    Raises:
        InputError: there is no such environment, it cannot be made, or nothing in it can be seen.
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
        report.gymnasium = gymnasium_finds(opened(identity, options, observations, Notices(_nobody), around))
    else:
        report.steps_per_second = None  # of its twin in Python, which nobody trains in
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
    """Random steps, in as many episodes as it takes; the first actions, and what was shown after them."""
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
    """What Gymnasium's own checker says of an environment, each thing once and in a line; it is closed then."""
    found: list[str] = []
    with contextlib.closing(env), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            check_env(env.unwrapped, skip_render_check=True, skip_close_check=True)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # of the checker, or of whatever it calls
            found.append(str(error) or type(error).__name__)
    said = [_plain(str(each.message)) for each in warned if issubclass(each.category, UserWarning)]
    return list(dict.fromkeys([*map(_plain, found), *said]))


def _plain(text: str) -> str:
    """A warning of Gymnasium's in one line, without colours and its first word."""
    line = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split()).removeprefix("WARN: ")
    return line if len(line) <= LONGEST_FINDING else line[:LONGEST_FINDING] + "…"


def _nobody(line: str) -> None:
    del line


def _replay(env: Guard, actions: list[object], seed: int) -> Shown:
    """What the same seed and actions come to."""
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
    """Whether two observations, or tuples of one with a reward and ends, are equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    try:
        return bool(np.array_equal(one, other))
    except Exception:  # an object of somebody else's, which is not seen
        return True


def _scale(env: Guard, leaf: BoxLeaf) -> float:
    """What the numbers of a part are divided by before a network sees them."""
    space = env.encoding.space
    if len(env.encoding.leaves) == 1 and isinstance(space, spaces.Box):
        return view_of(space).scale
    return leaf.scale
