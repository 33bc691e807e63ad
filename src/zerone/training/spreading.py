"""Training seeds in processes of a Ray cluster."""

from __future__ import annotations

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.engines.protocol import Engine
from zerone.training.validation import require_count

MOST_PROCESSES = 1_024
"""Maximum number of processes over which the seeds of a training are spread."""


def spread_over(engine: Engine, processes: int | None, environment: str, seeds: int, apart: bool) -> Engine:
    """An engine that trains seeds in several processes; the given engine if `processes` is None.

    Args:
        engine: Trains one seed as it would locally.
        processes: How many, of the Ray cluster that `start_workers` joins or starts.
        environment: Its name.
        seeds: The number of seeds, which is the maximum number of processes.
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
