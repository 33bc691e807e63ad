"""What algorithms of several workers share: each worker has environments of its own, and the same settings.

`environments` are those of all workers together, and 0 stands for one for each worker.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from zerone.algorithms.protocol import Array, Distributed
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import configured, setting

T = TypeVar("T")

MOST = 256
"""Workers at the most."""


@configured
class WorkerSettings:
    """The settings of an algorithm of several workers."""

    environments: int = setting(
        0, "environments of all workers together, a multiple of `workers`; 0 is one each", at_least=0
    )
    workers: int = setting(8, "workers, each in environments of its own", at_least=1, at_most=MOST)


def one_each(algorithm: Distributed) -> None:
    """Put a number of environments in the place of 0: one for each worker. For `__post_init__`, before all else."""
    if algorithm.environments == 0:
        object.__setattr__(algorithm, "environments", algorithm.workers)


def check_workers(algorithm: Distributed) -> None:
    """Raise `InputError` unless each worker gets as many environments as any other."""
    if algorithm.environments % algorithm.workers:
        raise InputError(
            translated(
                "{algorithm}: workers = {workers} is not allowed: must divide environments = {environments}",
                algorithm=algorithm.name,
                workers=algorithm.workers,
                environments=algorithm.environments,
            )
        )


def one_of(algorithm: Distributed, kind: type[T]) -> T:
    """What one worker is: an algorithm of the `kind` without workers, of the same settings, in its own environments."""
    settings: Any = {field.name: getattr(algorithm, field.name) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a configured class is a dataclass
    return kind(**settings | {"environments": algorithm.environments // algorithm.workers})


def shared_out(tree: Any, workers: int, axis: int) -> Any:
    """Each worker its part of the environments, which are the axis `axis` of all leaves: [workers, ...]."""

    def share(leaf: Array) -> Array:
        parts = leaf.reshape(*leaf.shape[:axis], workers, -1, *leaf.shape[axis + 1 :])
        return jnp.moveaxis(parts, axis, 0)

    return jax.tree.map(share, tree)
