"""Algorithms from outside: registered in Python, named as `module:Name`, or brought by an installed package.

An installed package brings them as entry points of the group `zerone.algorithms`, by their names.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from gymnasium.spaces import Discrete

from zerone.algorithms.protocol import Algorithm, CountsSamples, Steps, Valued, act_masked, initial_memory
from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import translatable, translated
from zerone.base.outside import Outside, require_functions
from zerone.environments.gym.conversion import raised
from zerone.environments.gym.views import describe
from zerone.environments.spaces import Spaces, choices_in, example, numbers

T = TypeVar("T")

_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "refuse": ("spaces",),
    "check": (),
    "init": ("key", "spaces"),
    "noise": ("policy", "key", "shape"),
    "act": ("policy", "memory", "observation", "noise"),
    "update": ("state", "steps", "key"),
}
"""The functions of an algorithm (see `protocol`), and their arguments besides the algorithm itself."""
LONGEST_REASON = 200
"""The most characters of an exception's message that are shown."""
_NUMBERS = ("environments", "steps_per_update", "warmup_updates")


def require_sound(algorithm: Algorithm, spaces: Spaces) -> None:
    """Raise `InputError` unless each function of an algorithm returns what `protocol` says, for these spaces.

    They are traced as a training calls them: this takes no computation, and finds what would end it later.
    """
    block = algorithm.steps_per_update, algorithm.environments
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = _traced(algorithm, "init", lambda own, key: own.init(key, spaces), key)
    if not hasattr(state, "policy"):
        raise _no_algorithm(algorithm, translated("its init must return a state with a `policy`"))
    noise = _traced(algorithm, "noise", lambda own, policy, key: own.noise(policy, key, block), state.policy, key)
    _require_leading(algorithm, "noise", noise, block)
    memory = _traced(algorithm, "initial_memory", lambda own, policy: initial_memory(own, policy, block[1]),
                     state.policy)  # fmt: skip
    _require_leading(algorithm, "initial_memory", memory, block[1:])
    observation = jax.eval_shape(lambda: jnp.broadcast_to(example(spaces.observation),
                                                          (block[1], *example(spaces.observation).shape)))  # fmt: skip
    mask: Any = jax.ShapeDtypeStruct((block[1], numbers(spaces.action)), "bool") if spaces.masked else ()
    one_noise = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), noise)
    for drawn in (None, one_noise):
        acted = _traced(algorithm, "act", act_masked, state.policy, memory, observation, drawn, mask)
        _require_acted(algorithm, acted, memory, (block[1], *(spaces.action.shape or ())), spaces)
    if isinstance(algorithm, Valued) and isinstance(spaces.action, Discrete):
        values = _traced(algorithm, "values", lambda own, *seen: own.values(*seen), state.policy, memory, observation)
        wanted = block[1], int(spaces.action.n)
        if getattr(values, "shape", None) != wanted:
            found = _form(values) if hasattr(values, "shape") else type(values).__name__
            raise _no_algorithm(algorithm, translated("its `values` returns {found}, but there are {wanted} values",
                                                      found=found, wanted=list(wanted)))  # fmt: skip
    action, _, extras = acted
    flag: Any
    reward: Any
    flag, reward = jax.ShapeDtypeStruct(block[1:], "bool"), jax.ShapeDtypeStruct(block[1:], "float32")
    step = Steps(observation, action, reward, observation, flag, flag, extras, memory, mask, mask)
    steps = jax.tree.map(lambda x: jax.ShapeDtypeStruct((block[0], *x.shape), x.dtype), step)
    _require_updated(
        algorithm, state, _traced(algorithm, "update", lambda own, *given: own.update(*given), state, steps, key)
    )


def refusal(algorithm: Algorithm, spaces: Spaces) -> str | None:
    """What an algorithm's `refuse` says. Raises `InputError` if it raises something, or says no text."""
    reason: object = _asked(algorithm, "refuse", algorithm.refuse, spaces)
    if reason is not None and not isinstance(reason, str):
        raise _no_algorithm(algorithm, translated("its refuse must return a text or None, not {found!r}",
                                                  found=reason))  # fmt: skip
    return reason


def require_settings(algorithm: Algorithm) -> None:
    """Call an algorithm's `check`. Raises `InputError` if its settings or numbers are not allowed, or if it fails."""
    _asked(algorithm, "check", algorithm.check)
    _require_numbers(algorithm)


def _asked(algorithm: Algorithm, function: str, call: Callable[..., T], *values: Any) -> T:
    """The result of a function of a person's own; each of its exceptions becomes an `InputError`."""
    try:
        return call(*values)
    except ZeroneError:
        raise
    except Exception as error:
        reason = raised(error)
        reason = reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + "…"
        raise InputError(
            translated("{algorithm}: its {function} {reason}", algorithm=algorithm.name, function=function,
                       reason=reason)
        ) from error  # fmt: skip


def _traced(algorithm: Algorithm, function: str, call: Callable[..., Any], *values: Any) -> Any:
    """The shapes of `call(algorithm, *values)`. As in a training, the algorithm's own numbers are abstract, too."""
    return _asked(algorithm, function, functools.partial(jax.eval_shape, call), algorithm, *values)


def _no_algorithm(algorithm: Algorithm, why: str) -> InputError:
    return InputError(translated("{algorithm} is not a valid algorithm: {why}", algorithm=algorithm.name, why=why))


def _require_numbers(algorithm: Algorithm) -> None:
    for attribute, least in (("environments", 1), ("steps_per_update", 1), ("warmup_updates", 0)):
        found: object = _asked(algorithm, attribute, getattr, algorithm, attribute)
        if type(found) is not int or found < least:
            raise _no_algorithm(
                algorithm,
                translated("its {attribute} must be a whole number of at least {least}, not {found!r}",
                           attribute=attribute, least=least, found=found),
            )  # fmt: skip
    if isinstance(algorithm, CountsSamples):
        work: object = _asked(algorithm, "samples_per_step", getattr, algorithm, "samples_per_step")
        if isinstance(work, bool) or not isinstance(work, (int, float)) or not 0 <= work < math.inf:
            raise _no_algorithm(
                algorithm, translated("its samples_per_step must be a number of at least 0, not {found!r}", found=work)
            )


def _require_leading(algorithm: Algorithm, function: str, tree: Any, leading: tuple[int, ...]) -> None:
    for each in jax.tree.leaves(tree):
        if each.shape[: len(leading)] != leading:
            raise _no_algorithm(
                algorithm,
                translated("its {function} returns {found}, but must return arrays of {leading} and what follows",
                           function=function, found=_form(each), leading=list(leading)),
            )  # fmt: skip


def _require_acted(
    algorithm: Algorithm, acted: Any, memory: Any, wanted: tuple[int, ...], spaces: Spaces
) -> None:  # fmt: skip
    """Raise `InputError` unless `act` has returned actions for `spaces`, a memory like `memory`, and extras."""
    if not isinstance(acted, tuple) or len(acted) != 3:
        raise _no_algorithm(algorithm, translated("its act must return (action, memory, extras)"))
    action, after, _ = acted
    kinds, word = ("iub", "int32") if choices_in(spaces.action) else ("f", "float32")
    if not hasattr(action, "shape") or action.shape != wanted or action.dtype.kind not in kinds:
        found = _form(action) if hasattr(action, "shape") else type(action).__name__
        raise _no_algorithm(
            algorithm,
            translated("its act returns the action {found}, but {space} needs {wanted}", found=found,
                       space=describe(spaces.action), wanted=f"{word}{list(wanted)}"),
        )  # fmt: skip
    shapes, given = ([_form(x) for x in jax.tree.leaves(each)] for each in (memory, after))
    if shapes != given or str(jax.tree.structure(memory)) != str(jax.tree.structure(after)):
        begins = f"{', '.join(shapes) or '()'}, as it begins" if shapes else "(), as there is no initial_memory"
        raise _no_algorithm(
            algorithm,
            translated("its act returns the memory {listed}, but must return one like {begins}",
                       listed=", ".join(given) or "()", begins=begins),
        )  # fmt: skip


def _require_updated(algorithm: Algorithm, state: Any, updated: Any) -> None:
    """Raise `InputError` unless `update` has returned a state like the one before, and the metrics of its class."""
    if not isinstance(updated, tuple) or len(updated) != 2 or not isinstance(updated[1], Mapping):
        raise _no_algorithm(algorithm, translated("its update must return (state, metrics)"))
    before, after = (jax.tree_util.tree_flatten_with_path(each) for each in (state, updated[0]))
    if str(before[1]) != str(after[1]):
        raise _no_algorithm(
            algorithm, translated("its update returns a state that is made of other parts than that of init")
        )
    for (place, one), (_, other) in zip(before[0], after[0], strict=True):
        if _form(one) != _form(other):
            part = jax.tree_util.keystr(place).lstrip(".") or translated("numbers")
            raise _no_algorithm(
                algorithm,
                translated("its update returns a state whose {part} is {after}; that of init is {before}",
                           part=part, after=_form(other), before=_form(one)),
            )  # fmt: skip
    if set(updated[1]) != set(algorithm.metrics):
        named = [", ".join(map(str, each)) or "none" for each in (updated[1], algorithm.metrics)]
        raise _no_algorithm(
            algorithm,
            translated("its update returns the metrics {found}, but `metrics` names {wanted}",
                       found=named[0], wanted=named[1]),
        )  # fmt: skip
    for name, value in updated[1].items():
        if getattr(value, "shape", None) != () or value.dtype.kind not in "fiub":
            found = _form(value) if hasattr(value, "shape") else type(value).__name__
            raise _no_algorithm(
                algorithm,
                translated("its update returns the metric {name!r} as {found}, not as one number", name=name,
                           found=found),
            )  # fmt: skip


def _form(x: Any) -> str:
    return f"{x.dtype}{list(x.shape)}"


def require_algorithm(kind: Any, name: str) -> None:
    """Raise `InputError` if a class is not an algorithm (`protocol.Algorithm`); the message names what is missing."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise InputError(
            translated(
                "{name} is not a valid algorithm: it must be a class made with zerone.base.pytree's `configured`",
                name=name,
            )
        )
    texts = (("name", str), ("metrics", Mapping))
    lacks = [f"`{each}`" for each, wanted in texts if not isinstance(getattr(kind, each, None), wanted)]
    lacks += [translated("the number `{attribute}`", attribute=each) for each in _NUMBERS if not hasattr(kind, each)]
    require_functions(kind, name, "algorithm", _FUNCTIONS, lacks)
    named: Any = kind
    for metric, meaning in named.metrics.items():
        fits = isinstance(metric, str) and metric.isprintable() and metric and not set(metric) & set(',"')
        if not (fits and isinstance(meaning, str)):
            raise InputError(
                translated(
                    "{name} is not a valid algorithm: its metrics must be a mapping from names, without commas, quotes "
                    "and line ends, to what they mean",
                    name=name,
                )
            )


NAMES = Outside(translatable("algorithm"), "zerone.algorithms", require_algorithm)


def remember(kind: type[Any], taken: frozenset[str]) -> None:
    """Register the class `kind` by its `name`. Registering a class again, as in a notebook, replaces it.

    Raises:
        InputError: it does not fit the protocol, or its name is one of those `taken`, or of another one.
    """
    require_algorithm(kind, getattr(kind, "__qualname__", repr(kind)))
    NAMES.remember(kind.name, kind, kind.name in taken)


def find(name: str) -> type[Any] | None:
    """The class of a name that is registered or `module:Name`, or that an installed package brings; else None.

    Raises:
        InputError: the module of `module:Name` cannot be imported, or has no such algorithm; or the name stands in a
            file and nobody trusts it.
    """
    found: type[Any] | None = NAMES.find(name)
    place = None if found is not None else NAMES.place(name)
    if place is not None:
        raise NAMES.missing(place)
    return found


def is_registered(name: str) -> bool:
    """Whether a class of this name was registered in this process."""
    return name in NAMES.registered
