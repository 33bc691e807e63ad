"""A training's environment: its name, its configuration, its solved threshold, and notices about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import gymnasium

from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.notices import notices
from zerone.base.saved_types import EnvironmentConfig
from zerone.environments import catalogue as environments
from zerone.environments import names
from zerone.environments.base import NO_MASK, Environment, TimedEnvironment
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.kinds import Env, Maker, Vector, VectorMaker
from zerone.environments.gym.sources import source
from zerone.environments.gym.vectors import EXAMPLE
from zerone.environments.objects import name_of
from zerone.environments.rewards import described_options
from zerone.training import presets

EnvironmentLike = (
    str | type[Any] | Environment | TimedEnvironment | Maker | Env
    | VectorMaker | Vector
)  # fmt: skip
"""An id, an environment written in JAX or its class, or a function that makes a Gymnasium environment.

A Gymnasium environment object is accepted if only one is needed; so is a vector environment, or a function of
`num_envs` that makes one, which is then used as it is.
"""


def environment_name(environment: EnvironmentLike) -> str:
    """The name used for runs: the id (in our spelling for our environments), or the name of the object or function."""
    environment = source(environment)
    named = environment if isinstance(environment, str) else name_of(environment)
    entry = environments.ours(named) if isinstance(environment, str) else None
    return named if entry is None else entry.id


def say_other_version(algorithm: Algorithm, environment: EnvironmentLike, engine: str) -> None:
    """Tell the user if an environment is another version of one of ours: it has no presets, and is slower."""
    ours = names.other_version(environment) if isinstance(environment, str) else None
    if ours is None:
        return
    lacks = [translated("runs compiled")] if engine == "host" else []
    if presets.preset(algorithm.name, ours.id):
        lacks.insert(0, translated("has tuned settings for {algorithm}", algorithm=algorithm.name))
    if lacks:
        notices()(
            translated(
                "{environment} is another version of {ours}, which {lacks}: this one does not",
                environment=environment,
                ours=ours.id,
                lacks=translated(" and ").join(lacks),
            )
        )


def say_cut_off(environment: EnvironmentLike, options: Mapping[str, Any]) -> None:
    """Tell the user if one of our mazes or lakes has no path to its goal: nothing can be learned in it."""
    if isinstance(environment, str):
        entry = environments.ours(environment)
        if entry is None:
            return
        known = {option.name for option in environments.options(entry)}
        task: Any = environments.make(entry.id, **{name: value for name, value in options.items() if name in known})
    else:
        task = environment
    for line in environments.cut_off(task):
        notices()(line)


def options_of(environment: EnvironmentLike, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a run keeps them: a layout file's name is replaced by the layout."""
    entry = environments.find(environment) if isinstance(environment, str) else None
    if entry is None or not options:
        return dict(options)
    known = {option.name for option in environments.options(entry)}  # the host engine's twin may have more
    return {**options, **environments.resolved(entry.id, {n: v for n, v in options.items() if n in known})}


def describe_environment(
    environment: EnvironmentLike, options: Mapping[str, Any], observations: str, around: Around = NOTHING,
    action_mask: str = NO_MASK,
) -> EnvironmentConfig:  # fmt: skip
    """An environment as a run's configuration stores it: id and options, and the module that defines its class."""
    reward = described_options(options).get("reward")
    known = isinstance(environment, str) and not str(reward or "").startswith("<")
    found: EnvironmentConfig = {
        "id": environment_name(environment), "options": described_options(options), "known": known,
        "observations": observations,
    }  # fmt: skip
    if around:
        found["around"] = around.describe()
    if action_mask != NO_MASK:
        found["action_mask"] = action_mask
    place = environments.source_of_id(environment) if isinstance(environment, str) else None
    if place is not None:
        found["source"] = place
    return found


def solved_at(environment: EnvironmentLike, options: Mapping[str, Any] = MappingProxyType({})) -> float | None:
    """The mean return at which an environment counts as solved; None if no threshold is defined.

    Options that change the task (see `catalogue.same_task`) remove the threshold.
    """
    if not isinstance(environment, str):
        return None
    entry = environments.find(environment)
    if entry is not None:
        return environments.level_of(entry, options)
    from zerone.environments.gym.makers import solved_at as gymnasium_solved_at

    return None if options else gymnasium_solved_at(environment)


def require_enough(environment: EnvironmentLike, seeds: Sequence[int]) -> None:
    """Raise `InputError` if several seeds would have to share one vector environment object."""
    if isinstance(environment, gymnasium.vector.VectorEnv) and len(seeds) > 1:
        raise InputError(
            translated(
                "environment {environment} is one vector, and {count} seeds need one each: pass a function that "
                "makes them, such as {example}",
                environment=environment_name(environment),
                count=len(seeds),
                example=EXAMPLE,
            )
        )


def level(given: EnvironmentLike, environment: EnvironmentLike, options: Mapping[str, Any]) -> float | None:
    """The threshold for the user's `given` environment; one of ours given as an object has no threshold or preset."""
    ours = isinstance(environment, str) and environments.ours(environment) is not None
    return None if ours and not isinstance(given, str) else solved_at(environment, options)
