"""From a Gymnasium id to a function that makes the environment."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium

from zerone.base.errors import InputError, closest
from zerone.base.language import translated
from zerone.base.modules import import_named, require_trusted
from zerone.environments import catalogue, names
from zerone.environments.gym import atari, envpool, packages
from zerone.environments.gym.conversion import raised
from zerone.environments.gym.describing import arguments_of
from zerone.environments.gym.envpool import is_of_envpool
from zerone.environments.gym.kinds import Env, Maker
from zerone.environments.gym.named import classes_of, maker_at
from zerone.environments.gym.sources import checked, refuse_unknown_option
from zerone.environments.gym.vectors import Vectors, of_vectors, takes_number
from zerone.environments.outside import ENVIRONMENTS


def maker(id: str, options: dict[str, Any], render_mode: str | None = None) -> Maker:  # noqa: A002 - Gymnasium's word
    """A function that makes one environment with this id.

    `module:Id` imports the module first; Id is registered by it, or a class or function in it (`gym/named.py`).

    Raises:
        InputError: no such id or module, or the environment cannot be made; the message is one line.
    """
    if catalogue.ours(id) is None and catalogue.find(id) is not None:
        return functools.partial(_written_in_jax, id, options, render_mode)
    if is_of_envpool(id):
        return envpool.vectors(str(id), options)
    require_trusted(id, options)
    import_named(id)
    packages.register(id)
    module = id.partition(":")[0] if ":" in id else None
    id = id.partition(":")[2] if ":" in id else str(id)  # noqa: A001
    if id.startswith(atari.NAMESPACE):
        atari.register(id)
    try:
        spec = gymnasium.spec(id)
    except gymnasium.error.Error as error:
        place = f"{module}:{id}"
        make = None if module is None else maker_at(place, options, render_mode)
        if make is None:
            raise InputError(_unknown(id, module)) from error
        return Vectors(make, place) if takes_number(make) else checked(make, place)
    if spec.entry_point is None:
        return of_vectors(spec, options)

    # Not every environment has a parameter `render_mode`, so it is passed only if needed.
    words = options if render_mode is None else {**options, "render_mode": render_mode}

    return functools.partial(_registered, spec, words)  # not a nested function, so that it can be pickled


def _written_in_jax(id: str, options: Mapping[str, Any], render_mode: str | None) -> Env:  # noqa: A002
    """An environment of a suite or a package, written in JAX, with Gymnasium's interface."""
    from zerone.environments.gym.bridge import GymnasiumEnvironment
    from zerone.environments.objects import made_soundly

    return GymnasiumEnvironment(made_soundly(catalogue.look_up(id), options), render_mode)


def _registered(spec: gymnasium.envs.registration.EnvSpec, words: dict[str, Any]) -> Env:
    """An environment made by Gymnasium. Raises `InputError` if that fails."""
    try:
        return atari.make(spec, words) if spec.id.startswith(atari.NAMESPACE) else gymnasium.make(spec, **words)
    except InputError as error:
        raise InputError(translated("environment {id!r}: {error}", id=spec.id, error=error)) from error
    except SystemExit as error:
        raise InputError(
            translated("environment {id!r} cannot be made: it {error}", id=spec.id, error=raised(error))
        ) from error
    except Exception as error:
        if line := packages.missing(spec, error):
            raise InputError(line) from error
        refuse_unknown_option(error, spec.id, words, dict(arguments_of(spec)))
        text = " ".join(str(error).split())
        raise InputError(
            translated(
                "environment {id!r} cannot be made: {kind}: {text}", id=spec.id, kind=type(error).__name__, text=text
            )
        ) from error


def _unknown(id: str, module: str | None) -> str:  # noqa: A002
    """The error text for an id that is not registered."""
    if module is not None:
        there, written = names.of_module(module), [*ENVIRONMENTS.in_module(module), *classes_of(module)]
        near = closest(id, [*there, *written]) if there or written else names.meant(id)
        hint = translated("did you mean {name!r}?", name=near) + " " if near is not None else ""
        if written:
            has = [*written, *there]
            return translated(
                "environment {module}:{id}: {module} has no {name!r}: {hint}it has {listed}",
                module=module,
                id=id,
                name=id,
                hint=hint,
                listed=names.listed(has),
            )
        none = translated("it registers none (gymnasium.register is the way)")
        what = translated("it registers {listed}", listed=names.listed(there)) if there else none
        return translated(
            "environment {module}:{id}: {module} registers no {name!r}: {hint}{what}",
            module=module,
            id=id,
            name=id,
            hint=hint,
            what=what,
        )
    stem = id.removesuffix(".py")
    if stem.isidentifier() and Path(f"{stem}.py").is_file():
        meant = translated("{file} is a module: name what it has as {module}:Id", file=f"{stem}.py", module=stem)
        return translated("environment {name!r} is unknown: {meant}", name=id, meant=meant)
    near = names.meant(id)
    allowed = translated("zerone environments lists ours; any Gymnasium id or module:Id is allowed")
    question = translated("did you mean {name!r}?", name=near)
    found = translated("{question} ({listed})", question=question, listed=allowed)
    about = allowed if near is None else found
    return translated("environment {name!r} is unknown: {meant}", name=id, meant=about)


def solved_at(id: str) -> float | None:  # noqa: A002
    """The mean return at which Gymnasium considers the environment solved; None if it defines none."""
    spec = gymnasium.registry.get(id.split(":", 1)[-1])
    return None if spec is None else spec.reward_threshold
