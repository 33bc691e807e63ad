"""Seeds of a training in processes of a cluster, where that is asked for."""

from __future__ import annotations

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.engines.protocol import Engine
from zerone.training.validation import require_count

MOST_PROCESSES = 1_024
"""Processes that the seeds of a training are spread over, at the most."""


def spread_over(engine: Engine, processes: int | None, environment: str, seeds: int, apart: bool) -> Engine:
    """The engine, its seeds in so many processes; itself where `processes` is None.

    Args:
        engine: Which trains one seed as it would here.
        processes: How many, of the Ray cluster that `start_workers` joins or starts.
        environment: What it is called.
        seeds: How many there are; there are no more processes than these.
        apart: Whether environments are in processes of their own already.

    Raises:
        InputError: the number is not allowed, or there are processes already.
    """
    if processes is None:
        return engine
    require_count("spread", processes, MOST_PROCESSES)
    if engine.name == "cluster":
        raise InputError(
            translated(
                "spread = {processes} is not allowed with engine='cluster': its workers are processes already",
                processes=processes,
            )
        )
    if apart:
        raise InputError(
            translated(
                "spread = {processes} is not allowed with processes: a seed's environments are with it",
                processes=processes,
            )
        )
    from zerone.cluster.spread import Spread

    return Spread(engine, environment, min(processes, seeds))
