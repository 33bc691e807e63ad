"""The training reward: the task's own, one of Zerone's shaped rewards (`shaping`), or a user's function.

A user's function is passed directly, registered, named as `module:function`, or declared as an entry point of an
installed package (group `zerone.rewards`). This module does not import JAX.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.modules import source_of
from zerone.base.outside import Outside, takes_these
from zerone.environments.entries import ENTRIES

TASK_REWARD = "task"
_TAKES = ("observation", "action", "reward", "terminated", "next_observation")


def require_reward(function: Any, name: str) -> None:
    """Raise `InputError` unless `function` can be a shaped reward (see `shaping` for its arguments)."""
    words = f"({', '.join(_TAKES)})"
    if not callable(function) or isinstance(function, type):
        raise InputError(
            translated("{name} is not a valid reward: it must be a function of {words}", name=name, words=words)
        )
    try:
        hash(function)
    except TypeError:
        raise InputError(
            translated(
                "{name} is not a valid reward: it must be hashable, because it takes part in compiling", name=name
            )
        ) from None
    module = str(getattr(function, "__module__", None) or "").partition(".")[0]
    if module in sys.stdlib_module_names and module != "__main__":
        raise InputError(translated("{name} is not a valid reward, but a function of Python itself", name=name))
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    try:
        several = [each for each in inspect.signature(function).parameters.values() if each.kind in kinds]
    except (TypeError, ValueError):
        several = []
    if several or not takes_these(function, _TAKES):
        raise InputError(translated("{name} is not a valid reward: it must take {words}", name=name, words=words))


REWARDS = Outside(translatable("reward"), "zerone.rewards", require_reward)


def register(name: str, function: Any) -> None:
    """Register a shaped reward in this process, for `--option reward=NAME` and `options={"reward": name}`.

    Raises:
        InputError: the function does not take a shaped reward's arguments, or another reward has the name.
    """
    REWARDS.remember(name, function, ":" in name or _is_ours(name))


def require(reward: Any, named: Iterable[str], refused: Callable[[str], InputError]) -> None:
    """Raise `InputError` unless `reward` is valid as the option `reward` of an environment.

    Args:
        reward: A name or a function.
        named: The names of the environment's own shaped rewards.
        refused: Makes the error from a description of the allowed values.
    """
    own = [TASK_REWARD, *named]
    if callable(reward):
        require_reward(reward, getattr(reward, "__qualname__", type(reward).__name__))
        return
    if not isinstance(reward, str):
        raise refused(translated("one of {words}, or a function", words=", ".join(own)))
    if reward in own or REWARDS.find(reward) is not None:
        return
    place = REWARDS.place(reward)
    if place is not None:
        raise REWARDS.missing(place)
    words = ", ".join([*own, *REWARDS.registered])
    raise refused(translated("one of {words}, or module:function", words=words))


def shape_of(reward: Any, named: Mapping[str, str]) -> Any:
    """The function of a shaped reward; None for the task's own reward.

    `named` are the environment's own shaped rewards, each with its name in `shaping`.
    """
    if callable(reward):
        return reward
    if reward == TASK_REWARD:
        return None
    if reward not in named:
        return REWARDS.find(reward)
    from zerone.environments import shaping

    return getattr(shaping, named[reward])


def described_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an environment as stored in JSON: a user's reward is stored as the `module:function` to import."""
    reward = options.get("reward")
    if callable(reward):
        called = getattr(reward, "__name__", type(reward).__name__)
        named = next((name for name, each in REWARDS.registered.items() if each is reward), f"<{called}>")
        return {**options, "reward": source_of(reward) or named}
    if not isinstance(reward, str) or _is_ours(reward):
        return dict(options)
    place = source_of(REWARDS.registered[reward]) if reward in REWARDS.registered else REWARDS.place(reward)
    return {**options, "reward": place or reward}


def _is_ours(name: str) -> bool:
    """Whether this is the name of the task's own reward, or of a shaped reward of one of Zerone's environments."""
    return name == TASK_REWARD or any(name in entry.rewards for entry in ENTRIES)
