"""Action masks: the ones an algorithm trains with, and the ones passed to `Agent.act`."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from zerone.algorithms.protocol import Algorithm, Array, KeepsToMasks, Key
from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import translatable, translated
from zerone.base.modules import ForeignId, named_object, source_of
from zerone.base.saved_types import Config
from zerone.engines.compiled import Compiled
from zerone.engines.protocol import Engine, TrainsInProcesses
from zerone.environments.base import NO_MASK, TimedEnvironment, says_allowed
from zerone.environments.gym.allowed import IN_INFO, MaskError, MaskSource, read_mask
from zerone.environments.wrappers import Masked, MaskFunction

ENVIRONMENT = "environment"
"""The value of `action_mask` for environments that report their masks themselves."""
CHECKED_OBSERVATIONS = 64
"""Initial observations whose masks are validated before a training begins."""


def mask_function(action_mask: object) -> MaskFunction | None:
    """The mask function that `action_mask` names; None if the environment reports its masks, or no mask is wanted.

    Raises:
        InputError: `action_mask` is neither a known word, nor a function, nor the name of one.
    """
    if callable(action_mask) and not isinstance(action_mask, type):
        return action_mask
    if action_mask in (NO_MASK, ENVIRONMENT):
        return None
    if not isinstance(action_mask, str) or ":" not in action_mask:
        raise InputError(
            translated(
                "action_mask = {action_mask!r} is not allowed: must be {no_mask}, {environment}, module:function "
                "or a function of an observation",
                action_mask=action_mask,
                no_mask=NO_MASK,
                environment=ENVIRONMENT,
            )
        )
    found = named_object(action_mask, translatable("action mask"))
    if not callable(found) or isinstance(found, type):
        raise InputError(
            translated("action mask {action_mask} is no function of an observation", action_mask=action_mask)
        )
    function: MaskFunction = found
    return function


def mask_source_named(action_mask: object) -> MaskSource | None:
    """The source of masks that `action_mask` names; None if no mask is wanted.

    Raises:
        InputError: as `mask_function`.
    """
    if isinstance(action_mask, str) and action_mask == NO_MASK:
        return None
    return MaskSource(mask_function(action_mask))


def describe(action_mask: object) -> str:
    """The value of `action_mask` for `config.json`: a function is stored as `module:function`."""
    if isinstance(action_mask, str):
        return str(action_mask)
    return source_of(action_mask) or f"<{getattr(action_mask, '__name__', type(action_mask).__name__)}>"


def read(kept: str) -> str:
    """The inverse of `describe`. A function's module is imported only if it is trusted.

    Raises:
        InputError: the function cannot be found again.
    """
    if kept.startswith("<"):
        raise InputError(
            translated(
                "action mask {kept} was given as a function that nobody can find again by name: put it into a module",
                kept=kept,
            )
        )
    return ForeignId(kept)


def mask_source_of_run(config: Config) -> MaskSource | None:
    """The source of masks according to a run's configuration; None if its agents use no masks.

    Raises:
        InputError: the mask function cannot be found again.
    """
    kept = str(config["environment"]["action_mask"])
    return None if kept == NO_MASK else mask_source_named(read(kept))


def masked(environment: TimedEnvironment, action_mask: object, name: str) -> TimedEnvironment:
    """A compiled environment whose states carry the mask of allowed actions; unchanged if no mask is wanted.

    Raises:
        InputError: the environment reports no masks, or a mask has the wrong length or allows no action at the start.
    """
    function = mask_function(action_mask)
    if function is None and action_mask == NO_MASK:
        return environment
    made, key = Masked(environment, function), jax.random.key(0)
    if not isinstance(environment.action_space, spaces.Discrete):
        raise InputError(translated("action masks are for Discrete actions; those of {name} are not", name=name))
    wanted = (int(environment.action_space.n),)
    with in_32_bits():
        try:
            _, state = jax.eval_shape(made.reset, key)
        except (ZeroneError, KeyboardInterrupt):
            raise
        except Exception as error:  # of the function of a person's own
            if function is None and not says_allowed(environment):
                raise InputError(
                    translated(
                        "{name} has no action mask: no function action_mask(state) (docs/environments.md)", name=name
                    )
                ) from error
            reason = " ".join(str(error).split())[:160]
            raise InputError(
                translated("the action mask cannot be compiled: {error}", error=f"{type(error).__name__}: {reason}")
            ) from error
        if state.mask.shape != wanted:
            shape = tuple(state.mask.shape)
            raise InputError(
                translated(
                    "the action mask of {name} has the shape {shape}, not {wanted}: one for each action",
                    name=name,
                    shape=shape,
                    wanted=wanted,
                )
            )
        kind = _kind_of(made, key)
        if kind.kind not in "biu":
            raise InputError(
                translated(
                    "the action mask of {name} is of {kind}: must be of true and false, or of 1 and 0",
                    name=name,
                    kind=kind.name,
                )
            )
        first = jax.jit(jax.vmap(lambda key: made.reset(key)[1].mask.any()))(
            jax.random.split(key, CHECKED_OBSERVATIONS)
        )
    if not np.asarray(first).all():
        raise InputError(
            translated("the action mask of {name} allows nothing in a first state of an episode", name=name)
        )
    return made


def _kind_of(made: Masked, key: Key) -> np.dtype:
    """The dtype of the masks before they are converted to booleans."""

    def raw(key: Key) -> Array:
        observation, inner = made.environment.reset(key)
        return jnp.asarray(made.raw_mask(observation, inner))

    kind: np.dtype = np.dtype(jax.eval_shape(raw, key).dtype)
    return kind


def require_able(algorithm: Algorithm) -> None:
    """Raise `InputError` if the algorithm does not support action masks."""
    if not isinstance(algorithm, KeepsToMasks):
        raise InputError(
            translated(
                "{algorithm} keeps to no action mask: tables, dqn, reinforce, actor-critic, ppo, a3c and dppo do",
                algorithm=algorithm.name,
            )
        )


def require_own_play(action_mask: object, dataset: object) -> None:
    """Raise `InputError` if a mask is combined with a dataset: recorded steps contain no masks."""
    if dataset is not None and not (isinstance(action_mask, str) and action_mask == NO_MASK):
        raise InputError(
            translated(
                "action_mask = {action_mask} is not allowed with a dataset, which says nothing of it",
                action_mask=describe(action_mask),
            )
        )


def masks_for(
    engine: Engine, batch: np.ndarray, mask: object, *, single: bool, shown: object
) -> np.ndarray | tuple[()]:
    """The masks for choosing the actions of a batch of observations, bool [N, actions]; `()` if no mask applies.

    `shown` are the observations as the caller passed them.

    Raises:
        InputError: see `Agent.act`.
    """
    if mask is None:
        if not engine.spaces.masked:
            return ()
        mask, single = _by_function(engine, batch, shown, single), False
    else:
        require_able(engine.algorithm)
        if isinstance(mask, Mapping):
            mask = _in_info(mask)
    actions = int(engine.spaces.action.n) if isinstance(engine.spaces.action, spaces.Discrete) else 0
    try:
        found = read_mask(mask, (actions,) if single else (len(batch), actions))
    except MaskError as error:
        raise InputError(translated("mask is not allowed: {error}", error=error)) from error
    return found[None] if single else found


def _by_function(engine: Engine, batch: np.ndarray, shown: object, single: bool) -> object:
    """The masks computed by the function of an observation that the policy was trained with."""
    from zerone.engines.host import Host

    engine = engine.evaluator if isinstance(engine, TrainsInProcesses) else engine
    inside = engine.environment if isinstance(engine, Compiled) else None
    if isinstance(inside, Masked) and inside.function is not None:
        return np.asarray(jax.vmap(inside.function)(jnp.asarray(batch)))
    asks = engine.mask_source if isinstance(engine, Host) else None
    rows = [shown] if single else shown if isinstance(shown, (list, np.ndarray)) else None
    if asks is None or asks.function is None or rows is None:
        raise InputError(
            translated("this policy has learnt with an action mask: act needs mask=, such as mask=info['action_mask']")
        )
    return [asks.function(each) for each in rows]


def _in_info(info: Mapping[object, object]) -> object:
    """The mask in an info returned by `reset` or `step`. Raises `InputError` if there is none."""
    if IN_INFO not in info:
        raise InputError(translated("mask is not allowed: the info has no {in_info}", in_info=IN_INFO))
    return info[IN_INFO]
