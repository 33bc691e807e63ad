"""Run an experiment: measure missing seeds on cores or a cluster, then decide, draw and write the results."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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

    from zerone.cluster.tasks import Cluster
    from zerone.experiments.protocol import Experiment, Measured
    from zerone.training.interrupt import Request

POLL_SECONDS = 0.2

_stopped = threading.Event()


class StoppedError(Exception):
    """A measurement was stopped before its end; nothing of it is kept."""


def stop_if_asked() -> None:
    """Raise `StoppedError` after Ctrl-C or a failure. A long `measure` must call it about every second."""
    if _stopped.is_set():
        raise StoppedError


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of measuring one arm with one seed: a measurement, an error, or neither if it was stopped."""

    arm: str
    seed: int
    found: Measured | None = None
    error: ZeroneError | None = None


@dataclasses.dataclass(frozen=True)
class Status:
    """The progress of an experiment: how many of its measurements (arms times seeds) are done."""

    name: str
    done: int
    total: int
    latest: str


def run(
    experiment: Experiment, out: Path, seeds: int, quick: bool, look: Callable[[Status], None],
    cluster: Cluster | None = None,
) -> tuple[Verdict, dict[str, Any]]:  # fmt: skip
    """Measure seeds 0 to `seeds` - 1 and write everything into the folder `out`; existing measurements are reused.

    Args:
        experiment: The experiment.
        out: Its folder.
        seeds: The number of seeds.
        quick: Whether to use the settings of `--quick`.
        look: Called with the progress after each measurement.
        cluster: A cluster to measure in; without one, threads of this process are used, one per core.

    Returns:
        The verdict, and its JSON object.

    Raises:
        InputError: the folder cannot be written to, another process is writing to it, or there is no such cluster.
        RunError: a measurement failed or a file cannot be written; earlier measurements are kept.
        Interrupted: Ctrl-C; earlier measurements are kept.
    """
    with held(out, experiment, quick) as store:
        results = measure(experiment, store, range(seeds), quick, look, cluster)
        verdict = judge(experiment, results, quick)
        described = verdict.as_json(str(store.figure))
        figure.write(verdict, results, store.figure)
        store.write_table(results)
        store.write_verdict({**described, "figure": store.figure.name})
    return verdict, described


def measure(
    experiment: Experiment, store: Store, seeds: Sequence[int], quick: bool, look: Callable[[Status], None],
    cluster: Cluster | None = None,
) -> Results:  # fmt: skip
    """The results of all arms and `seeds`: stored ones, and the missing ones measured now."""
    kept = {arm: store.read(arm) for arm in experiment.arms}
    # Seed by seed, not arm by arm, so that different cores compile the programs of different arms at the same time.
    missing = [(seed, arm) for seed in seeds for arm in experiment.arms if seed not in kept[arm]]
    left, total, failure = len(missing), len(seeds) * len(experiment.arms), None
    look(Status(experiment.name, total - left, total, ""))
    try:
        with listening() as request, _outcomes(experiment, store, quick, missing, request, cluster) as outcomes:
            for each in outcomes:
                if each.error is not None:
                    failure = failure or each.error
                    _stopped.set()  # other measurements stop or finish, and finished ones are kept
                elif each.found is not None:
                    store.add(each.arm, each.seed, each.found)
                    kept[each.arm][each.seed], left = each.found, left - 1
                look(Status(experiment.name, total - left, total, f"{each.arm}, seed {each.seed}"))
    finally:
        _stopped.clear()
    if failure:
        raise failure
    if request.made and left:
        raise Interrupted(
            f"interrupted; what was measured is kept in {store.path}, the same command goes on from there"
        )
    return Results({arm: [kept[arm][seed] for seed in seeds] for arm in experiment.arms})


def _outcomes(
    experiment: Experiment, store: Store, quick: bool, missing: Sequence[tuple[int, str]], request: Request,
    cluster: Cluster | None,
) -> contextlib.closing[Generator[Outcome]]:  # fmt: skip
    """The outcomes of the missing measurements, each (seed, arm), in the order in which they finish."""
    if cluster is None or not missing:
        return contextlib.closing(_in_threads(experiment, store, quick, missing, request))
    return contextlib.closing(_in_cluster(experiment, store, quick, missing, request, cluster))


def _in_threads(
    experiment: Experiment, store: Store, quick: bool, missing: Sequence[tuple[int, str]], request: Request
) -> Generator[Outcome]:
    """Measure in threads, one per core."""
    waiting = iter(missing)
    running: set[Future[Outcome]] = set()
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as threads:

        def begin_next() -> None:
            if not _stopped.is_set() and (following := next(waiting, None)) is not None:
                seed, arm = following
                running.add(threads.submit(measured, experiment, arm, quick, seed, str(store.path)))

        try:
            for _ in range(workers):
                begin_next()
            while running:
                done, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
                if request.made:
                    _stopped.set()
                for each in done:
                    running.remove(each)
                    yield each.result()
                    begin_next()
        finally:
            _stopped.set()  # no thread continues after the end of this generator


def _in_cluster(
    experiment: Experiment, store: Store, quick: bool, missing: Sequence[tuple[int, str]], request: Request,
    cluster: Cluster,
) -> Generator[Outcome]:  # fmt: skip
    """Measure in processes of a cluster. Measurements that are unfinished when this stops are lost."""
    from zerone.cluster.tasks import processes

    def stop() -> None:
        if request.made:
            raise StoppedError
        stop_if_asked()

    jobs = ((experiment.name, arm, quick, seed, str(store.path)) for seed, arm in missing)
    with processes(cluster, len(missing), experiment.name) as there, contextlib.suppress(StoppedError):
        for done in there.each(measured_by_name, jobs, stop):
            _, arm, _, seed, _ = done.arguments
            yield done.value if done.error is None else Outcome(arm, seed, error=done.error)


def measured_by_name(name: str, arm: str, quick: bool, seed: int, path: str) -> Outcome:
    """`measured` for the name of an experiment in the catalogue."""
    from zerone.experiments import catalogue

    return measured(catalogue.look_up(name), arm, quick, seed, path)


def measured(experiment: Experiment, arm: str, quick: bool, seed: int, path: str) -> Outcome:
    """The outcome of one arm and one seed, with JAX in 32 bits. `path` is the folder that an error names."""
    try:
        with in_32_bits():
            return Outcome(arm, seed, experiment.measure(experiment.settings(arm, quick), seed))
    except StoppedError:
        return Outcome(arm, seed)
    except ZeroneError as error:
        return Outcome(arm, seed, error=error)
    except Exception as error:
        said = (str(error).strip().splitlines() or ["no message"])[0]
        failed = RunError(
            translated(
                "experiment {experiment}, arm {arm}, seed {seed}: {kind}: {said}; what was measured before is kept "
                "in {path}",
                experiment=experiment.name,
                arm=arm,
                seed=seed,
                kind=type(error).__name__,
                said=said,
                path=path,
            )
        )
        failed.__cause__ = error
        return Outcome(arm, seed, error=failed)
