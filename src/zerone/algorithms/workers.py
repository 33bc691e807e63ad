"""The settings and functions that algorithms of several workers share.

Each worker has environments of its own, and the same settings. `environments` counts those of all workers; 0 means one
for each worker.
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
"""The largest number of workers."""


@configured
class WorkerSettings:
    """The settings of an algorithm of several workers."""

    environments: int = setting(
        0, "environments of all workers together, a multiple of `workers`; 0 is one each", at_least=0
    )
    workers: int = setting(8, "workers, each in environments of its own", at_least=1, at_most=MOST)


def one_each(algorithm: Distributed) -> None:
    """Replace `environments` = 0 by one for each worker. To be called first in `__post_init__`."""
    if algorithm.environments == 0:
        object.__setattr__(algorithm, "environments", algorithm.workers)


def check_workers(algorithm: Distributed) -> None:
    """Raise `InputError` unless the environments can be divided equally between the workers."""
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
    """The algorithm of one worker: a `kind` with the same settings and a worker's part of the environments."""
    settings: Any = {field.name: getattr(algorithm, field.name) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a configured class is a dataclass
    return kind(**settings | {"environments": algorithm.environments // algorithm.workers})


def shared_out(tree: Any, workers: int, axis: int) -> Any:
    """Leaves whose axis `axis` is environments, divided between the workers: [workers, ...]."""

    def share(leaf: Array) -> Array:
        parts = leaf.reshape(*leaf.shape[:axis], workers, -1, *leaf.shape[axis + 1 :])
        return jnp.moveaxis(parts, axis, 0)

    return jax.tree.map(share, tree)
