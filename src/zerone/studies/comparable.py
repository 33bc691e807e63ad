"""Whether runs can be compared: whether they are finished, and have the same task."""

from __future__ import annotations

from collections.abc import Sequence

from zerone.base.errors import InputError
from zerone.base.intervals import FEWEST_FOR_INTERVAL
from zerone.base.language import translated
from zerone.base.saved_types import JSON, EnvironmentConfig, Result
from zerone.environments import catalogue as environments
from zerone.environments.suites import is_of_suite
from zerone.training.folder import RunFolder


def require_comparable(folders: Sequence[RunFolder]) -> list[Result]:
    """The results of runs that can be compared. Raises `InputError` if they cannot."""
    if len(folders) < 2:
        raise InputError(translated("{count} run is too few to compare: name at least two", count=len(folders)))
    places = [folder.path.resolve() for folder in folders]
    results: list[Result] = []
    for number, folder in enumerate(folders):
        if places[number] in places[:number]:
            raise InputError(translated("{path}: named twice: a run is not compared with itself", path=folder.path))
        scores = folder.read_scores()
        if len(scores) < FEWEST_FOR_INTERVAL:
            raise InputError(
                translated(
                    "{path}: seeds = {count} is not allowed: an interval over seeds needs at least "
                    "{fewest} (zerone plot draws runs of fewer)",
                    path=folder.path,
                    count=len(scores),
                    fewest=FEWEST_FOR_INTERVAL,
                )
            )
        results.append(folder.read_ended())
    tasks = [_task(folder.config["environment"]) for folder in folders]
    for folder, task in zip(folders, tasks, strict=True):
        if task != tasks[0]:
            raise InputError(
                translated(
                    "{path}: is of {task}, {other} of {other_task}: only runs in one environment can be compared",
                    path=folder.path,
                    task=_described(task),
                    other=folders[0].path,
                    other_task=_described(tasks[0]),
                )
            )
    return results


def _task(environment: EnvironmentConfig) -> tuple[str, JSON]:
    """The evaluation task: options that only affect training, such as a shaped reward, may differ."""
    entry, options = environments.ours(environment["id"]), dict(environment["options"])
    if entry is not None:
        return environment["id"], environments.as_judged(entry.id, options)
    if is_compiled(environment):
        options.pop("reward", None)
    return environment.get("source") or environment["id"], options  # a class may be registered under several names


def is_compiled(environment: EnvironmentConfig) -> bool:
    """Whether an environment is written in JAX, judged without importing anything."""
    known = environments.ours(environment["id"]) is not None or is_of_suite(environment["id"])
    return known or environment.get("source") is not None


def _described(task: tuple[str, JSON]) -> str:
    return " ".join([task[0], *(f"{name}={value}" for name, value in task[1].items())])
