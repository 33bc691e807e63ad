"""The environment of a training: what it is called, kept as and solved at, and what a person should know of it."""

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
from zerone.environments.rewards import options_as_kept
from zerone.training import presets

EnvironmentLike = (
    str | type[Any] | Environment | TimedEnvironment | Maker | Env
    | VectorMaker | Vector
)  # fmt: skip
"""An id, an environment written in JAX or its class, or a function that makes a Gymnasium environment.

One environment object of Gymnasium's is taken where no more than one is needed; a vector, or a function of `num_envs`
that makes vectors, to be learnt in as it is.
"""


def environment_name(environment: EnvironmentLike) -> str:
    """What a run is called by: the id, our own spelling of it for our own, or the name of what was given."""
    environment = source(environment)
    named = environment if isinstance(environment, str) else name_of(environment)
    entry = environments.ours(named) if isinstance(environment, str) else None
    return named if entry is None else entry.id


def say_other_version(algorithm: Algorithm, environment: EnvironmentLike, engine: str) -> None:
    """Say if an environment is another version of one of ours: it begins without tuned settings, and is slower."""
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
    """Say if no way leads to the goal of one of our mazes or lakes: there is nothing to be found in it then."""
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
    """The options as a run keeps them: a layout itself in the place of its file's name."""
    entry = environments.find(environment) if isinstance(environment, str) else None
    if entry is None or not options:
        return dict(options)
    known = {option.name for option in environments.options(entry)}  # the host engine's twin may take others, too
    return {**options, **environments.resolved(entry.id, {n: v for n, v in options.items() if n in known})}


def describe_environment(
    environment: EnvironmentLike, options: Mapping[str, Any], observations: str, around: Around = NOTHING,
    action_mask: str = NO_MASK,
) -> EnvironmentConfig:  # fmt: skip
    """An environment as a run's configuration has it; its id and options, and from where its class can be had again."""
    reward = options_as_kept(options).get("reward")
    known = isinstance(environment, str) and not str(reward or "").startswith("<")
    found: EnvironmentConfig = {
        "id": environment_name(environment), "options": options_as_kept(options), "known": known,
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
    """The mean return from which an environment counts as solved, where somebody has said so.

    Options that make another task of it (see `catalogue.same_task`) leave it without a level.
    """
    if not isinstance(environment, str):
        return None
    entry = environments.find(environment)
    if entry is not None:
        return environments.level_of(entry, options)
    from zerone.environments.gym.makers import solved_at as gymnasium_solved_at

    return None if options else gymnasium_solved_at(environment)


def require_enough(environment: EnvironmentLike, seeds: Sequence[int]) -> None:
    """Raise `InputError` if several seeds should learn in one vector, that was given itself."""
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
    """The same for what was `given` for an environment: one of ours that is no id has no level, and no preset."""
    ours = isinstance(environment, str) and environments.ours(environment) is not None
    return None if ours and not isinstance(given, str) else solved_at(environment, options)
