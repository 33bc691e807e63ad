"""From the user's environment object, class or function to a function that makes it, with validated results."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from typing import Any

import gymnasium

from zerone.base.bits import as_outside, look_outside, outside
from zerone.base.errors import InputError, ZeroneError, said
from zerone.base.language import translated
from zerone.base.meanings import option_meant
from zerone.environments.gym.conversion import attribute_of, raised, shown
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.kinds import Env, Maker, Wrapper
from zerone.environments.gym.vectors import EXAMPLE as EXAMPLE_OF_VECTORS
from zerone.environments.gym.vectors import NUMBER, Given, Vectors, takes_number

EXAMPLE = "lambda: gymnasium.make('CartPole-v1')"


class Lent(Wrapper):
    """An environment object of the user, who closes it."""

    def close(self) -> None:
        """Do nothing: the user closes the environment."""


class Single:
    """An environment object used as a maker: it works only while no second environment is needed."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.__qualname__ = name_of(env)

    def __call__(self) -> Env:
        return Lent(self.env)


def name_of(env: Env) -> str:
    """The name of an environment object: its id, or its class's name."""
    spec = env.spec
    return type(env.unwrapped).__name__ if spec is None else spec.id


def source(environment: object) -> Any:
    """The user's environment; a Gymnasium object is converted to a maker, anything else is returned unchanged.

    Raises:
        InputError: it cannot be an environment.
    """
    if isinstance(environment, gymnasium.Env):
        require_readable(environment, translated("environment {name}", name=type(environment).__name__))
        return Single(environment)
    if isinstance(environment, gymnasium.vector.VectorEnv):
        return Given(environment)
    if not isinstance(environment, (str, type, Vectors)) and callable(environment) and takes_number(environment):
        return Vectors(environment, getattr(environment, "__qualname__", type(environment).__name__))
    ours = hasattr(environment, "step") and hasattr(environment, "observation_space")
    if not (isinstance(environment, str) or callable(environment) or ours):
        raise InputError(
            translated(
                "environment {environment} is not allowed: must be an id, a function that makes a Gymnasium "
                "environment, such as {example}, or one of ours",
                environment=shown(environment),
                example=EXAMPLE,
            )
        )
    return environment


def checked(make: Callable[[], Any], name: str) -> Maker:
    """Add a check of the result to a function that makes environments.

    The returned function raises `InputError` if the result is no Gymnasium environment, or if it fails.
    """
    return functools.partial(_make_checked, make, name)  # not a nested function, so that it can be pickled


def _make_checked(make: Callable[[], Any], name: str) -> Env:
    _require_no_arguments(make, name)
    try:
        env = make()
    except (ZeroneError, KeyboardInterrupt):
        raise
    except BaseException as error:  # any exception of foreign code, also sys.exit
        if isinstance(make, functools.partial):
            refuse_unknown_option(error, name, make.keywords, parameters_of(make.func))
        raise InputError(
            translated(
                "environment {name} cannot be made: {make} {error}", name=name, make=_kind(make), error=raised(error)
            )
        ) from error
    return _required(env, translated("environment {name}", name=name), _kind(make))


def made_with_its_bits(make: Maker) -> Env:
    """An environment, made with the caller's choice of 32 or 64 bits in JAX.

    If making it has enabled 64-bit mode, it is made once more: the first one may hold arrays of 32 bits.
    """
    with as_outside():
        made = make()
    if outside.wide:
        return made
    look_outside()
    if not outside.wide:
        return made
    with as_outside():
        again = make()
    if again is not made:
        try:
            made.close()
        except Exception as error:  # of foreign code; as at the end of a training, it is only a warning
            gymnasium.logger.warn(f"environment: close {raised(error)}")
    return again


def parameters_of(creator: object) -> list[str]:
    """The names of the parameters of a class or function that makes environments; empty if they are unknown."""
    try:
        found = inspect.signature(creator, follow_wrapped=False).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):  # not callable, or without a signature
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in found if each.kind in named and each.name not in ("self", "render_mode")]


def refuse_unknown_option(error: BaseException, name: str, options: Iterable[str], known: Collection[str]) -> None:
    """Raise `InputError` if making an environment has failed because of an option that is none of those `known`."""
    for option in options:
        wrong = isinstance(error, TypeError) and f"unexpected keyword argument {option!r}" in str(error)
        if wrong and known and option not in (*known, "render_mode"):
            raise InputError(
                translated("{environment}: option {name!r} is unknown: {meant}", environment=name, name=option,
                           meant=option_meant(option, known))
            ) from error  # fmt: skip


def require_separate(guards: Iterable[Guard]) -> None:
    """Raise `InputError` if two guards wrap the same object: steps in one would change the other."""
    seen: set[int] = set()
    for guard in guards:
        if id(guard.turn) in seen:
            raise InputError(_shared(guard))
        seen.add(id(guard.turn))


def _shared(guard: Guard) -> str:
    inner: Any = guard
    while isinstance(inner, gymnasium.Wrapper) and not isinstance(inner, Lent):
        inner = inner.env
    name = guard.identity
    if not isinstance(inner, Lent):
        return translated(
            "environment {name}: the function that makes it returns one and the same object again, and several are "
            "needed side by side: it must make one at each call, as {example} does",
            name=name,
            example=EXAMPLE,
        )
    spec = inner.spec
    example = EXAMPLE if spec is None else f"lambda: gymnasium.make({spec.id!r})"
    return translated(
        "environment {name} is one object, and several are needed, to learn in and to be judged in: pass a function "
        "that makes one, such as {example}",
        name=name,
        example=example,
    )


def _kind(make: object) -> str:
    made_by = make.func if isinstance(make, functools.partial) else make
    return translated("the class") if isinstance(made_by, type) else translated("the function")


def _require_no_arguments(make: Callable[[], Any], name: str) -> None:
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):  # some callables have no signature
        return
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [each.name for each in parameters if each.default is each.empty and each.kind not in several]
    if needed:
        own = name.rpartition(":")[2].rpartition(".")[2].replace("<lambda>", "f")
        raise InputError(
            translated(
                "environment {name}: {make} needs arguments ({listed}): {advice}",
                name=name,
                make=_kind(make),
                listed=", ".join(needed),
                advice=said(
                    " ".join(f"--option {each}=VALUE" for each in needed),
                    translated("pass a function that needs none, such as lambda: {own}(…)", own=own),
                ),
            )
        )


def require_readable(env: Env, name: str) -> None:
    """Raise `InputError` if an attribute that is read of every environment is a property that raises an exception."""
    try:
        for word in ("spec", "unwrapped", "metadata", "render_mode", "observation_space", "action_space"):
            attribute_of(env, word)
    except InputError as error:
        raise InputError(translated("{name}: {error}", name=name, error=error)) from error


def _required(env: object, name: str, kind: str) -> Env:
    """The result, if it is a Gymnasium environment. Raises `InputError` that says what else it is."""
    if isinstance(env, gymnasium.Env):
        require_readable(env, name)
        for space in ("observation_space", "action_space"):
            found = getattr(env, space, None)
            if not isinstance(found, gymnasium.Space):
                raise InputError(
                    translated(
                        "{name}: its {space} is {found}, not a space of Gymnasium's",
                        name=name,
                        space=space,
                        found=shown(found),
                    )
                )
        return env
    if env is None:
        raise InputError(
            translated("{name}: {kind} returned None, not an environment: is its return missing?", name=name, kind=kind)
        )
    if isinstance(env, gymnasium.vector.VectorEnv):
        raise InputError(
            translated(
                "{name}: {kind} returned a vector of environments ({made}) and cannot be asked for so many: it "
                "must take {argument}, as {example_of_vectors} does",
                name=name,
                kind=kind,
                made=type(env).__name__,
                argument=NUMBER,
                example_of_vectors=EXAMPLE_OF_VECTORS,
            )
        )
    if isinstance(env, str):
        raise InputError(
            translated(
                "{name}: {kind} returned the text {env!r}, not an environment: pass an id itself",
                name=name,
                kind=kind,
                env=env,
            )
        )
    if isinstance(env, type):
        raise InputError(
            translated(
                "{name}: {kind} returned the class {made}, not an environment made of it",
                name=name,
                kind=kind,
                made=env.__name__,
            )
        )
    if any(each.__module__.split(".")[0] == "gym" for each in type(env).__mro__):
        raise InputError(
            translated(
                "{name}: {kind} returned an environment of the old gym, not of gymnasium, its successor",
                name=name,
                kind=kind,
            )
        )
    if hasattr(env, "step") and hasattr(env, "observation_space") and not hasattr(env, "metadata"):
        raise InputError(
            translated(
                "{name}: {kind} returned an environment written in JAX: pass that itself, not a function",
                name=name,
                kind=kind,
            )
        )
    raise InputError(
        translated("{name}: {kind} returned {env}, which is no gymnasium.Env", name=name, kind=kind, env=shown(env))
    )
