"""Measure what is not measured yet, seeds spread over the cores; then judge, draw and write."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zerone.base.bits import in_32_bits
from zerone.base.errors import RunError, ZeroneError
from zerone.base.language import translated
from zerone.experiments import figure
from zerone.experiments.protocol import Results
from zerone.experiments.store import Store, held
from zerone.experiments.verdict import Verdict, judge
from zerone.training.interrupt import Interrupted, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zerone.experiments.protocol import Experiment, Measured

SECONDS_BETWEEN_LOOKS = 0.2

_stopped = threading.Event()


class StoppedError(Exception):
    """A measurement was ended before its end; nothing of it is kept."""


def stop_if_asked() -> None:
    """For a `measure` that takes long: to be called every second or so, so that Ctrl-C is answered soon."""
    if _stopped.is_set():
        raise StoppedError


@dataclasses.dataclass(frozen=True)
class Sight:
    """How far an experiment is: arms times seeds."""

    name: str
    done: int
    total: int
    latest: str


def run(
    experiment: Experiment, out: Path, seeds: int, quick: bool, look: Callable[[Sight], None]
) -> tuple[Verdict, dict[str, Any]]:
    """Measure with seeds 0 to `seeds` - 1 and write everything into the folder `out`; what is there already is kept.

    Raises:
        InputError: the folder cannot be written to, or another process does so.
        RunError: a measurement or a file failed; what was measured before is kept.
        Interrupted: Ctrl-C; what was measured before is kept.
    """
    with held(out, experiment, quick) as store:
        results = measure(experiment, store, range(seeds), quick, look)
        verdict = judge(experiment, results, quick)
        told = verdict.as_json(str(store.figure))
        figure.write(verdict, results, store.figure)
        store.write_table(results)
        store.write_verdict({**told, "figure": store.figure.name})
    return verdict, told


def measure(
    experiment: Experiment, store: Store, seeds: Sequence[int], quick: bool, look: Callable[[Sight], None]
) -> Results:
    """All arms with all of `seeds`: what is kept, and the rest measured now, a thread for each core."""
    kept = {arm: store.read(arm) for arm in experiment.arms}
    # Seed by seed, not arm by arm: while one arm's program is compiled, another core compiles another arm's.
    missing = [(seed, arm) for seed in seeds for arm in experiment.arms if seed not in kept[arm]]
    total = len(seeds) * len(experiment.arms)
    look(Sight(experiment.name, total - len(missing), total, ""))
    waiting = iter(missing)
    running: dict[Future[Measured], tuple[int, str]] = {}
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with _threads(workers) as threads, listening() as request:

        def begin_next() -> None:
            if not _stopped.is_set() and (following := next(waiting, None)) is not None:
                seed, arm = following
                running[threads.submit(_measured, experiment, experiment.settings(arm, quick), seed)] = following

        for _ in range(workers):
            begin_next()
        failure: Exception | None = None
        while running:
            done, _ = wait(running, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
            if request.made:
                _stopped.set()
            for each in done:
                seed, arm = running.pop(each)
                try:
                    _keep(experiment, store, kept, arm, seed, each)
                except ZeroneError as error:
                    failure = failure or error
                    _stopped.set()  # what runs beside it ends or is given up, and what has ended is kept
                begin_next()
                left = sum(seed not in kept[arm] for seed, arm in missing)
                look(Sight(experiment.name, total - left, total, f"{arm}, seed {seed}"))
        if failure:
            raise failure
    if request.made and any(seed not in kept[arm] for seed, arm in missing):
        raise Interrupted(
            f"interrupted; what was measured is kept in {store.path}, the same command goes on from there"
        )
    return Results({arm: [kept[arm][seed] for seed in seeds] for arm in experiment.arms})


def _measured(experiment: Experiment, settings: Any, seed: int) -> Measured:
    """What one thread measures, in 32 bits."""
    with in_32_bits():
        return experiment.measure(settings, seed)


@contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads to measure in; whatever ends the block, none of them goes on."""
    try:
        with ThreadPoolExecutor(workers) as threads:
            try:
                yield threads
            finally:
                _stopped.set()
    finally:
        _stopped.clear()


def _keep(
    experiment: Experiment, store: Store, kept: dict[str, dict[int, Measured]], arm: str, seed: int,
    measured: Future[Measured],
) -> None:  # fmt: skip
    """Save what a thread has measured; nothing, where it was stopped."""
    try:
        found = measured.result()
    except StoppedError:
        return
    except ZeroneError:
        raise
    except Exception as error:
        said = (str(error).strip().splitlines() or ["no message"])[0]
        raise RunError(
            translated(
                "experiment {experiment}, arm {arm}, seed {seed}: {kind}: {said}; what was measured before is kept "
                "in {path}",
                experiment=experiment.name,
                arm=arm,
                seed=seed,
                kind=type(error).__name__,
                said=said,
                path=store.path,
            )
        ) from error
    store.add(arm, seed, found)
    kept[arm][seed] = found
