"""Validation of counts and seeds."""

from __future__ import annotations

from collections.abc import Sequence

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.scalars import python_numbers
from zerone.base.values import is_finite

LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 10_000
MOST_TRIALS = 10_000
"""Maximum number of settings of a sweep."""
MOST_STEPS = 2**31 - 1
"""Maximum steps of a seed: counters on the device have 32 bits."""
MOST_EPISODES = 1_000_000
"""Maximum episodes of one evaluation."""


def chosen_seeds(seed: int | None, seeds: int | Sequence[int] | None) -> list[int]:
    """The requested seeds, without duplicates.

    Raises:
        InputError: a seed is below 0 or above 2³²-1 or given twice, or there is none.
    """
    first = 0 if seed is None else seed
    require_seed(first)
    if seeds is None:
        return [first]
    if isinstance(seeds, int):
        require_count("seeds", seeds)
        chosen = list(range(first, first + min(seeds, MOST_SEEDS + 1)))
    elif seed is not None:
        raise InputError(translated("seed and a list of seeds exclude each other"))
    else:
        chosen = python_numbers(list(seeds))
    if len(chosen) > MOST_SEEDS:
        raise InputError(
            translated(
                "{count:,} seeds or more are not allowed: must be at most {most_seeds:,}",
                count=len(chosen),
                most_seeds=MOST_SEEDS,
            )
        )
    for each in chosen:
        require_seed(each)
    if not chosen or len(set(chosen)) != len(chosen):
        raise InputError(
            translated("seeds = {chosen} is not allowed: must be at least one, and each only once", chosen=chosen)
        )
    return chosen


def require_seed(seed: int) -> None:
    """Raise `InputError` unless `seed` is from 0 to 2³²-1."""
    if type(seed) is not int or not 0 <= seed <= LARGEST_SEED:
        raise InputError(
            translated(
                "seed = {seed!r} is not allowed: must be a whole number from 0 to {largest_seed}{advice}",
                seed=seed,
                largest_seed=LARGEST_SEED,
                advice=translated("; several seeds are `seeds`") if isinstance(seed, list | tuple | range) else "",
            )
        )


def require_count(name: str, value: int, most: int | None = None) -> None:
    """Raise `InputError` unless `value` is an integer from 1 to `most` (unlimited if None)."""
    if type(value) is not int or value < 1 or (most is not None and value > most):
        bounds = translated("at least 1") if most is None else translated("from 1 to {most}", most=most)
        raise InputError(
            translated(
                "{name} = {value!r} is not allowed: must be a whole number, {bounds}",
                name=name,
                value=value,
                bounds=bounds,
            )
        )


def require_finite(name: str, value: object) -> None:
    """Raise `InputError` unless `value` is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_finite(value):
        raise InputError(
            translated("{name} = {value!r} is not allowed: must be a finite number", name=name, value=value)
        )
