"""Environments given as a class or an object: their id and options, and validation of those written in JAX.

`config.json` stores an environment as an id and options. A class that can be imported has an id (`module:Name`, or the
one under which it was registered), and the fields of an object in JAX are its options. So a run started with
`World(size=7)` can be loaded like any other.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, Protocol, cast, runtime_checkable

import gymnasium
import jax

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import translated
from zerone.base.modules import source_of
from zerone.environments import catalogue
from zerone.environments.base import HasGoal, JudgedElsewhere, Persistent, TimedEnvironment
from zerone.environments.entries import ENTRIES, Entry
from zerone.environments.gym.conversion import raised
from zerone.environments.gym.named import place_of_maker
from zerone.environments.gym.views import describe
from zerone.environments.outside import (
    ENVIRONMENTS,
    LIMIT,
    looks_like_one,
    require_environment,
    require_functions_and_spaces,
)
from zerone.environments.rewards import described_options, shape_of
from zerone.environments.wrappers import DiscretizedActions, ShapedReward, TimeLimit, own_shaped_rewards
from zerone.environments.wrapping import Wrapping


@runtime_checkable
class DescribesItself(Protocol):
    """An environment of a suite."""

    def described(self) -> tuple[str, dict[str, Any]]:
        """The id and the options from which it can be made again."""
        ...


PLAIN = (bool, int, float, str, type(None))
FIVE = "observation, state, reward, terminated, info"
LONGEST_REASON = 160
"""The most characters of another library's error message that are shown."""


def by_id(environment: Any, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Convert an environment to an id and options, if it can be made again from them; else return it unchanged.

    Args:
        environment: An id, a function that makes an environment, or an environment's class or object.
        options: The options that were given with it.

    Raises:
        InputError: it is a class that is meant as an environment written in JAX, but is incomplete.
    """
    if isinstance(environment, str):
        return environment, dict(options)
    if not looks_like_one(environment):
        place = place_of_maker(environment)
        return environment if place is None else place, dict(options)
    if isinstance(environment, type):
        require_environment(environment, environment.__qualname__)
        name = _id_of(environment)
        return environment if name is None else name, dict(options)
    found = None if options else _described(environment)
    return (environment, dict(options)) if found is None else found


def made(environment: Any, options: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Like `by_id`, but a class without an id is replaced by an object made with the options."""
    environment, options = by_id(environment, options)
    if isinstance(environment, type) and looks_like_one(environment):
        return catalogue.make_from(catalogue.entry_of(environment, environment.__qualname__), options), {}
    return environment, options


def name_of(environment: Any) -> str:
    """The name of an environment for messages: its id, or else the name of its class, without wrappers."""
    found = by_id(environment, {})[0]
    if isinstance(found, str):
        return found
    bare = bare_of(environment)
    return getattr(bare, "__qualname__", type(bare).__name__)


def _id_of(kind: type[Any]) -> str | None:
    """The id of a user's environment class; None if no id leads to this class."""
    for name, each in ENVIRONMENTS.registered.items():
        if each is kind:
            return name
    place = source_of(kind)
    try:
        return place if place is not None and ENVIRONMENTS.at(place) is kind else None
    except InputError:
        return None


def _described(environment: Any) -> tuple[str, dict[str, Any]] | None:
    """The id and options from which an equal object can be made; None if there are none."""
    around: dict[str, Any] = {}
    bare = environment
    for kind, name, word in ((TimeLimit, "limit", "limit"), (ShapedReward, "reward", "shape"),
                             (DiscretizedActions, "torques", "count")):  # fmt: skip
        if isinstance(bare, kind):
            around[name] = getattr(bare, word)
            bare = cast("Any", bare).environment
    if isinstance(bare, DescribesItself):
        name, options = bare.described()
        entry = catalogue.look_up(name)
    else:
        named = _entry_of(type(bare))
        if named is None or ("torques" in around and not named.continuous):
            return None
        entry, name = named, named.id
        fields = {field.name: getattr(bare, field.name) for field in dataclasses.fields(bare) if field.init}
        options = {each: value for each, value in fields.items() if _is_plain(value)}
        if len(options) < len(fields):
            return None
    shape = around.get("reward")
    around["reward"] = next((each for each in entry.rewards if shape_of(each, entry.rewards) == shape), shape)
    around = {name: value for name, value in around.items() if value is not None}
    around = described_options({"limit": getattr(bare, LIMIT, None) or 0, "reward": catalogue.TASK_REWARD, **around})
    if str(around["reward"]).startswith("<"):
        return None
    known = {each.name: each.default for each in catalogue.options(entry)}
    options = {**around, **options}
    return name, {each: value for each, value in options.items() if each not in known or value != known[each]}


def _entry_of(kind: type[Any]) -> Entry | None:
    ours = next((each for each in ENTRIES if each.source == f"{kind.__module__}:{kind.__qualname__}"), None)
    name = None if ours is not None else _id_of(kind)
    return ours if name is None else catalogue.find(name)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return type(value) in PLAIN and not (isinstance(value, float) and not math.isfinite(value))  # JSON has no NaN


def timed(environment: Any, name: str) -> TimedEnvironment:
    """Validate an environment, and add the time limit of its class unless it is wrapped in one already.

    Raises:
        InputError: `reset`, `step` or a space is not as `base.Environment` requires.
    """
    bare = bare_of(environment)
    values = _require_sound(bare, name)
    _require_more(bare, name)
    _require_shaped_rewards(environment, name)
    if environment is not bare:
        if values == 6:
            raise InputError(
                translated(
                    "{name}: step returns 6 values, not five: {five} ({field} says where it is cut)",
                    name=name,
                    five=FIVE,
                    field=LIMIT,
                )
            )
        values = _require_sound(environment, name)
    return (
        cast("TimedEnvironment", environment)
        if values == 6
        else TimeLimit(environment, getattr(bare, LIMIT, None) or 0)
    )


def made_soundly(entry: Entry, options: Mapping[str, Any]) -> TimedEnvironment:
    """Make an environment by its entry, and validate all of it that a person has written: its class, its reward.

    Raises:
        InputError: an option's value is not allowed, or the class or the shaped reward is not as it must be.
    """
    environment = catalogue.make_from(entry, options)
    if catalogue.is_class(entry):
        return timed(environment, entry.id)
    _require_shaped_rewards(environment, entry.id)
    return environment


def bare_of(environment: Any) -> Any:
    """The environment inside of all wrappers."""
    while isinstance(environment, Wrapping):
        environment = environment.environment
    return environment


def _require_sound(environment: Any, name: str) -> int:
    """Trace `reset` and `step`, and raise `InputError` unless they return what they must.

    Returns:
        The number of values that `step` returns: 5, or 6 with a time limit.
    """
    require_functions_and_spaces(type(environment), name)
    if any(each is environment for each in jax.tree.leaves(environment)):
        raise InputError(
            translated(
                "{name} is not a valid environment: it must be a class made with zerone.base.pytree's `configured`",
                name=name,
            )
        )
    for word in ("observation_space", "action_space"):
        if not isinstance(space := getattr(environment, word, None), gymnasium.Space):
            raise InputError(
                translated(
                    "{name}: its {word} is {kind}, not a space of Gymnasium's",
                    name=name,
                    word=word,
                    kind=type(space).__name__,
                )
            )
    with in_32_bits():
        key = jax.eval_shape(lambda: jax.random.key(0))
        first = _traced(f"{name}: reset", environment.reset, key)
        if not (isinstance(first, tuple) and len(first) == 2):
            raise InputError(
                translated(
                    "{name}: reset returns {first}, not two: observation, state", name=name, first=_count_text(first)
                )
            )
        following = _traced(f"{name}: step", environment.step, key, first[1], _action(environment.action_space))
    if not (isinstance(following, tuple) and len(following) in (5, 6)):
        raise InputError(
            translated(
                "{name}: step returns {following}, not five: {five}",
                name=name,
                following=_count_text(following),
                five=FIVE,
            )
        )
    _require_same(name, translated("an observation"), first[0], following[0])
    _require_same(name, translated("a state"), first[1], following[1])
    _require_space(name, environment.observation_space, first[0])
    for word, value in zip(("reward", "terminated", "truncated"), following[2:-1], strict=False):
        wanted = translated("a number") if word == "reward" else translated("true or false")
        if not _is_scalar(value, "fiu" if word == "reward" else "b"):
            raise InputError(
                translated(
                    "{name}: step returns {value} as {word}, not {wanted}",
                    name=name,
                    value=_type_text(value),
                    word=word,
                    wanted=wanted,
                )
            )
    return len(following)


def _is_scalar(value: Any, kinds: str) -> bool:
    return getattr(value, "shape", None) == () and value.dtype.kind in kinds


def _require_shaped_rewards(environment: Any, name: str) -> None:
    """Raise `InputError` unless each shaped reward that a person has written, the innermost first, is a number.

    It is traced alone, and its name is in the error: as a part of `step`, the environment would be blamed for it.
    """
    for wrapper in reversed(own_shaped_rewards(environment)):
        inner = wrapper.environment
        what = translated("{name}: the shaped reward {function}", name=name, function=wrapper.shape_name)
        with in_32_bits():
            key = jax.eval_shape(lambda: jax.random.key(0))
            action = _action(inner.action_space)
            before, *after = _traced(f"{name}: step", functools.partial(_first_step, inner), key, action)
            shaped = _traced(what, wrapper.shape, before, action, *after)
        if not _is_scalar(shaped, "fiu"):
            raise InputError(
                translated("{what} returns {value}, not {wanted}", what=what, value=_type_text(shaped),
                           wanted=translated("a number"))
            )  # fmt: skip


def _first_step(environment: Any, key: Any, action: Any) -> tuple[Any, Any, Any, Any]:
    """What is observed at a reset, and the reward, `terminated` and observation of a step from there."""
    before, state = environment.reset(key)
    after, _, reward, terminated, *_ = environment.step(key, state, action)
    return before, reward, terminated, after


def _require_more(environment: Any, name: str) -> None:
    """Raise `InputError` unless the functions that an environment may have, too, return what they must."""
    with in_32_bits():
        key = jax.eval_shape(lambda: jax.random.key(0))
        state = jax.eval_shape(environment.reset, key)[1]
        number = jax.ShapeDtypeStruct((), "float32")
        for function, protocol, values in (
            ("carry_over", Persistent, (state, state)),
            ("move_goal", HasGoal, (state, number, number)),
        ):
            if isinstance(environment, protocol):
                found = _traced(f"{name}: {function}", getattr(environment, function), *values)
                _require_same(name, translated("a state"), state, found, function)
    if not isinstance(environment, JudgedElsewhere):
        return
    try:
        judged = environment.evaluation_environment()
    except (ZeroneError, KeyboardInterrupt):
        raise
    except Exception as error:
        line = translated("{name}: evaluation_environment {raised}", name=name, raised=raised(error))
        raise InputError(line) from error
    _require_sound(judged, f"{name}: evaluation_environment")
    for word in ("observation_space", "action_space"):
        if getattr(judged, word) != getattr(environment, word):
            raise InputError(
                translated(
                    "{name}: the {word} of its evaluation_environment is {found}, not {own}",
                    name=name,
                    word=word,
                    found=getattr(judged, word),
                    own=getattr(environment, word),
                )
            )


def _traced(what: str, function: Any, *values: Any) -> Any:
    try:
        return jax.eval_shape(function, *values)
    except (ZeroneError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        reason = reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + "…"
        raise InputError(
            translated(
                "{what} cannot be compiled: {kind}: {reason}", what=what, kind=type(error).__name__, reason=reason
            )
        ) from error


def _action(space: Any) -> Any:
    """The shape and dtype of an action as `step` gets it."""
    whole = not isinstance(space, gymnasium.spaces.Box)
    return jax.ShapeDtypeStruct(space.shape or (), "int32" if whole else jax.dtypes.canonicalize_dtype(space.dtype))


def _count_text(value: Any) -> str:
    several = isinstance(value, tuple)
    return translated("{count} values", count=len(value)) if several else translated("one value")


def _type_text(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"{value.dtype}{list(shape)}"


def _require_same(name: str, what: str, first: Any, following: Any, function: str = "step") -> None:
    """Raise `InputError` if a `function` returns another structure, shape or dtype than `reset`."""
    one, other = (jax.tree_util.tree_flatten_with_path(each) for each in (first, following))
    if str(one[1]) != str(other[1]):
        raise InputError(
            translated(
                "{name}: {function} returns {what} that is made of other parts than that of reset",
                name=name,
                function=function,
                what=what,
            )
        )
    for (place, before), (_, after) in zip(one[0], other[0], strict=True):
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            part = jax.tree_util.keystr(place).lstrip(".")
            forms = translated(
                "{part} is {after}; that of reset is {before}",
                part=part or translated("numbers"),
                after=_type_text(after),
                before=_type_text(before),
            )
            raise InputError(
                translated(
                    "{name}: {function} returns {what} whose {forms}",
                    name=name,
                    function=function,
                    what=what,
                    forms=forms,
                )
            )


def _require_space(name: str, space: Any, observation: Any) -> None:
    """Raise `InputError` if an observation is not one array, as a compiled environment needs, of its space's shape."""
    if not isinstance(space, gymnasium.spaces.Box | gymnasium.spaces.Discrete | gymnasium.spaces.MultiDiscrete):
        raise InputError(
            translated(
                "{name}: its observation_space is {space}; in JAX it must be one array, a Box, Discrete or "
                "MultiDiscrete: join the parts, as by jax.numpy.concatenate",
                name=name,
                space=describe(space),
            )
        )
    if getattr(observation, "shape", None) != (space.shape or ()):
        raise InputError(
            translated(
                "{name}: reset returns an observation of the form {observation}, its observation_space says {shape}",
                name=name,
                observation=_type_text(observation),
                shape=list(space.shape or ()),
            )
        )
