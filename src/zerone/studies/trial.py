"""One trial of a sweep: an algorithm with one setting, trained on several seeds in its own run folder."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import SweepConfig
from zerone.cluster.tasks import Cluster, processes
from zerone.studies.sweep_result import Trial, made_with
from zerone.training import resume, train
from zerone.training.algorithm_setup import make_algorithm_from, settings_of
from zerone.training.events import Progress
from zerone.training.folder import RunFolder
from zerone.training.interrupt import listening
from zerone.training.job import DivergedError
from zerone.training.metrics_table import evaluations_of

PART = ".part"
"""The suffix of a folder that is incomplete."""


def files_of_trial(name: str, config: SweepConfig, settings: Mapping[str, Any]) -> dict[str, bytes]:
    """Train one trial of a sweep in a temporary folder `name`, and return its files by path.

    If learning diverges, they are the files written until then.
    """
    with tempfile.TemporaryDirectory(prefix="zerone-") as folder:
        path = Path(folder) / name
        with contextlib.suppress(DivergedError):
            train_one(path, config, settings, config["seeds"], lambda _: None)
        return {each.relative_to(path).as_posix(): each.read_bytes() for each in path.rglob("*") if each.is_file()}


def write_trial(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a trial that was trained elsewhere, atomically."""
    part = path.with_name(path.name + PART)
    shutil.rmtree(part, ignore_errors=True)  # left by a killed process
    for name, content in files.items():
        place = part / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    part.rename(path)


def train_in_cluster(
    cluster: Cluster, path: Path, config: SweepConfig, trials: Sequence[Mapping[str, Any]],
    on_trial: Callable[[int], None],
) -> None:  # fmt: skip
    """Train the trials of a grid that have no folder yet, each in a process of a cluster, with bit-identical results.

    `on_trial` is called with the number of ended trials. If this is interrupted, unfinished trials start from the
    beginning the next time.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        InputError, RunError: as for `zerone.sweep`.
    """
    places = [(f"{number:03d}", settings) for number, settings in enumerate(trials)]
    missing = [(name, config, settings) for name, settings in places if not (path / name).exists()]
    if not missing:
        return
    with listening() as request, processes(cluster, len(missing), config["environment"]) as there:

        def stop() -> None:
            if request.made:
                raise KeyboardInterrupt

        for ended, done in enumerate(there.each(files_of_trial, missing, stop), len(trials) - len(missing) + 1):
            if done.error is not None:
                raise done.error
            write_trial(path / done.arguments[0], done.value)
            on_trial(ended)


def tried(
    path: Path, config: SweepConfig, settings: Mapping[str, Any], seeds: Sequence[int],
    on_progress: Callable[[Progress], None], cluster: Cluster | None = None,
) -> Trial:  # fmt: skip
    """A finished trial: read from its folder, resumed, or trained."""
    try:
        train_one(path, config, settings, seeds, on_progress, cluster)
    except DivergedError:  # also a result: the worst possible
        return Trial(dict(settings), path, tuple(seeds), np.full(len(seeds), -np.inf))
    return Trial(dict(settings), path, tuple(seeds), values_of(path, seeds, config["measure"]))


def train_one(
    path: Path, config: SweepConfig, settings: Mapping[str, Any], seeds: Sequence[int],
    on_progress: Callable[[Progress], None], cluster: Cluster | None = None,
) -> None:  # fmt: skip
    """Train one trial to its end; with a cluster, its seeds in processes of it.

    Raises:
        DivergedError: learning diverged.
        InputError, RunError, KeyboardInterrupt: as for `zerone.train`.
    """
    spread, address = (None, None) if cluster is None else cluster
    made = made_with(config, settings)
    if (path / "config.json").exists():
        folder = RunFolder.open(path)
        kept = settings_of(make_algorithm_from(folder.config["algorithm"])), folder.config["seeds"]
        if kept != (settings_of(made), list(seeds)):
            raise InputError(
                translated(
                    "{path}: was trained with other settings than this sweep asks for: choose another folder", path=path
                )
            )
        if folder.read_result() is None:
            resume.resume(
                path, on_progress=lambda now, _: on_progress(now), progress=False, spread=spread, address=address
            )
    else:
        train.train(
            made,
            config["environment"],
            steps=config["steps"],
            seeds=seeds,
            out=path,
            engine=config["engine"],
            options=config["options"],
            observations=config["observations"],
            action_mask=config["action_mask"],
            **_outer(config),
            spread=spread,
            address=address,
            stop_when_solved=False,
            figure=False,
            keep_last=1,
            save_every=max(1, config["steps"] // 4),  # each checkpoint waits for the disk
            on_progress=lambda now, _: on_progress(now),
            progress=False,
        )


def _outer(config: SweepConfig) -> dict[str, Any]:
    """The wrappers and processes of a sweep's environments, as arguments of `train`."""
    outer, apart = config.get("around"), config.get("processes")
    found = {} if apart is None else {"processes": apart["number"]}
    if outer is None:
        return found
    wrappers = [(each["name"], each["options"]) for each in outer["wrappers"]]
    return {**found, "wrappers": wrappers, "frame_stack": outer["frame_stack"], "frame_skip": outer["frame_skip"]}


def values_of(path: Path, seeds: Sequence[int], measure: str) -> np.ndarray:
    """The result of each seed, float64 [seeds]."""
    folder = RunFolder.open(path)
    scores = folder.read_scores()
    if list(scores) != list(seeds):
        raise InputError(
            translated("{result_path}: is not of the seeds that were trained", result_path=folder.result_path)
        )
    if measure == "best":
        return np.array(list(scores.values()), np.float64)
    evaluations = evaluations_of(folder.metrics_path, seeds)
    values: list[float] = []
    for seed, (steps, returns) in zip(seeds, evaluations, strict=True):
        if not len(returns):  # there was no time for an evaluation: the final one is of the last policy then
            values.append(scores[seed])
        elif measure == "last":
            values.append(float(returns[-1]))
        else:  # weight each evaluation by the steps since the previous one: they are closer together at the beginning
            values.append(float(np.average(returns, weights=np.diff(steps, prepend=0))))
    return np.array(values)
