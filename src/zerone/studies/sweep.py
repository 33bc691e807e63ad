"""Hyperparameter sweeps: one algorithm with many settings, each trained on several seeds, to find the best one.

Each trial is a training with its own run folder. An algorithm's numbers are leaves of its pytree, so on the compiled
engine all trials of a grid use the program compiled for the first one. The best result is partly luck, because it was
selected: so the best setting is trained again on seeds that were not used for the selection.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from zerone.algorithms import catalogue as algorithms
from zerone.base.claim import Claim
from zerone.base.errors import InputError, RunError, nearest
from zerone.base.files import replacing
from zerone.base.intervals import FEWEST_FOR_INTERVAL
from zerone.base.language import translated
from zerone.base.notices import said_once
from zerone.base.saved_types import Sources, SweepConfig
from zerone.base.scalars import python_numbers
from zerone.cluster.tasks import Cluster
from zerone.environments import catalogue as environments
from zerone.environments.base import NO_MASK
from zerone.environments.gym.around import WrapperLike, around
from zerone.environments.gym.processes import asked_for
from zerone.environments.gym.views import AUTO, require_view
from zerone.environments.objects import by_id
from zerone.environments.rewards import described_options
from zerone.studies import sweep_plan
from zerone.studies.search import Choices, Grid, Search, require_space
from zerone.studies.sweep_result import MEASURES, Sweep, Trial, made_with
from zerone.studies.trial import train_in_cluster, tried
from zerone.training import action_masks, presets, validation
from zerone.training.algorithm_setup import presets_for
from zerone.training.engine_setup import make_engine
from zerone.training.entry import entry
from zerone.training.environment_setup import EnvironmentLike, environment_name
from zerone.training.events import Progress
from zerone.training.folder import new_folder
from zerone.training.folder_kind import SWEEP
from zerone.training.progress import Display, of_several, progress_in_python
from zerone.training.run import plain_name
from zerone.training.schedule import DEFAULT_STEPS
from zerone.training.spreading import MOST_PROCESSES
from zerone.training.timetable import make_timetable
from zerone.training.unknown_arguments import answering

_OTHER_SEEDS = "other-seeds"

OnTrial = Callable[[int, int, Progress], None]


def _nothing(number: int, of: int, now: Progress) -> None:
    del number, of, now


def together(display: Display, number: int, of: int, now: Progress) -> None:
    """Show the progress of all trainings of a sweep as one; the last one is that of the best setting."""
    if now.steps or not number:  # it is compiled only once
        which = translated("setting {number}/{of}", number=number + 1, of=of - 1)
        note = which if number < of - 1 else translated("the best on other seeds")
        display.update(of_several(number, of, now, note))


@answering
@entry
def sweep(
    algorithm: str,
    environment: EnvironmentLike,
    space: Mapping[str, Choices],
    *,
    steps: int | None = None,
    seed: int | None = None,
    seeds: int = 4,
    points: int = 5,
    driver: str = "grid",
    trials: int = 20,
    measure: str = "mean",
    settings: Mapping[str, Any] = {},
    preset: str = presets.TUNED,
    options: Mapping[str, Any] = {},
    observations: str = AUTO,
    action_mask: object = NO_MASK,
    wrappers: Sequence[WrapperLike] = (),
    frame_stack: int = 1,
    frame_skip: int = 1,
    processes: int | None = None,
    spread: int | None = None,
    address: str | None = None,
    engine: str = "auto",
    out: str | Path | Claim | None = None,
    progress: bool | None = None,
    on_progress: OnTrial = _nothing,
) -> Sweep:
    """Train an algorithm with many settings, and find the best.

    Args:
        algorithm: Its name; settings that are not varied come from its preset for this environment.
        environment: An id, or an environment written in JAX (an object or class) that can be made again by an id.
        space: The settings to vary, each with a `Range` or a list of values.
        steps: Environment steps of each seed of each setting; default: the preset's. Seeds do not stop when solved.
        seed: The first seed. Default: 0.
        seeds: The number of seeds, at least three; the best setting is trained on as many further seeds.
        points: Number of values of each range in a grid.
        driver: `grid` tries all combinations, and compiles once; `optuna` proposes `trials` settings, and can also vary
            settings that change shapes or branches.
        trials: Number of settings that Optuna proposes.
        measure: How to rank settings: a key of `MEASURES`.
        settings: Hyperparameters that override the preset in all trials.
        preset: The preset: `tuned`, `tutorial` or `none`, as for `zerone.train`.
        options: Options of the environment.
        observations: The encoding of observations: as for `zerone.train`.
        action_mask: The source of action masks: as for `zerone.train`.
        wrappers: Wrappers of the environment: this, and the next three, as for `zerone.train`.
        frame_stack: Number of observations that the agent gets together.
        frame_skip: Number of steps for which each action is repeated.
        processes: Number of processes that play environments.
        spread: Train the settings of a grid in this many processes of a Ray cluster, with bit-identical results.
        address: With `spread`: the cluster to join, HOST:PORT; default: start one here.
        engine: As for `zerone.train`.
        out: The folder; by default a new one under `runs`.
        progress: Whether to show the progress: as for `zerone.train`.
        on_progress: Called after each chunk with the number of the trial, the number of trials, and the progress.

    Returns:
        The result: all trials, and the best one confirmed on further seeds.

    Raises:
        InputError: the arguments are invalid; nothing was created.
        RunError, KeyboardInterrupt: as for `zerone.train`; `resume_sweep` continues the sweep.
    """
    environment, options = _named(environment, options)
    outer, apart = around(wrappers, frame_stack, frame_skip), asked_for(processes, replace_lost=False)
    space = {name: python_numbers(list(each)) if isinstance(each, np.ndarray) else each for name, each in space.items()}
    require_space(algorithm, space, driver)
    mask = action_masks.describe(action_mask)
    action_masks.read(mask)  # each trial must find it by its name
    cluster = _cluster(spread, address, driver, apart is not None)
    chosen = validation.chosen_seeds(seed, seeds)
    for what, value, least, most in (
        ("seeds", seeds, FEWEST_FOR_INTERVAL, validation.MOST_SEEDS),
        ("points", points, 2, validation.MOST_TRIALS),
        ("trials", trials, 1, validation.MOST_TRIALS),
    ):
        validation.require_count(what, value, most)
        if value < least:
            why = translated(" (an interval over seeds needs them)") if what == "seeds" else ""
            raise InputError(
                translated(
                    "{what} = {value} is not allowed: must be at least {least}{why}",
                    what=what,
                    value=value,
                    least=least,
                    why=why,
                )
            )
    if measure not in MEASURES:
        raise InputError(
            translated("measure {measure!r} is unknown: {hint}", measure=measure, hint=nearest(measure, MEASURES))
        )
    sweep_plan.require_different(space, settings)
    sweep_plan.require_other_seeds(chosen)
    if steps is None:
        steps = presets_for(algorithm, environment, preset).get("steps", DEFAULT_STEPS)
    validation.require_count("steps", steps, validation.MOST_STEPS)
    name = environment_name(environment)
    varied = {each: sweep_plan.described(choices) for each, choices in space.items()}
    config: SweepConfig = {
        "algorithm": algorithm, "environment": name, "sources": _sources(algorithm, environment),
        "options": options, "observations": observations,
        "preset": preset, "action_mask": mask,
        "settings": dict(settings), "space": varied, "driver": driver, "points": points, "trials": trials,
        "measure": measure, "steps": steps, "seeds": chosen, "engine": engine,
        "around": outer.describe(), "processes": None if apart is None else apart.describe(),
    }  # fmt: skip
    made = [made_with(config, each) for each in sweep_plan.corners(space, driver, points)]
    for each in made:
        make_timetable(each, steps)  # before anything is created
    require_view(observations)
    make_engine(engine, made[0], environment, options, observations, outer, apart, action_mask).close()
    search = sweep_plan.search_of(config)  # before anything is created: Optuna may not be installed
    place: AbstractContextManager[Claim]
    if out is None:
        place = new_folder(plain_name(f"sweep-{algorithm}", name))
    else:
        place = out if isinstance(out, Claim) else Claim.take(out, sweep_plan.require_free)
    with place as claim:
        with replacing(claim.path / SWEEP) as file:
            file.write(json.dumps({"format": 1, **config}, indent=2).encode() + b"\n")
        return _drive(claim.path, config, search, on_progress, progress, cluster)


def _cluster(spread: int | None, address: str | None, driver: str, apart: bool) -> Cluster | None:
    """Where the settings are trained, if not here. Raises `InputError` if that is not possible."""
    if spread is None:
        if address is not None:
            raise InputError(
                translated("address = {address} is not allowed without spread, or it would be ignored", address=address)
            )
        return None
    validation.require_count("spread", spread, MOST_PROCESSES)
    if driver == "optuna":
        raise InputError(
            translated(
                "spread = {spread} is not allowed with driver = optuna: each setting follows from those before it",
                spread=spread,
            )
        )
    if apart:
        raise InputError(
            translated(
                "spread = {processes} is not allowed with processes: a seed's environments are with it",
                processes=spread,
            )
        )
    return Cluster(spread, address)


def _named(environment: EnvironmentLike, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The id of an environment, and its options as a folder stores them."""
    found, chosen = by_id(environment, options)
    kept = described_options(chosen)
    if not isinstance(found, str) or str(kept.get("reward", "")).startswith("<"):
        what = translated("environment") if not isinstance(found, str) else translated("reward")
        raise InputError(
            translated(
                "a sweep needs an {what} by name, which its runs can make again: put its code into a module, or "
                "register it (zo.register)",
                what=what,
            )
        )
    return found, kept


def _sources(algorithm: str, environment: str) -> Sources:
    """The places of foreign classes by name, as in the `config.json` of a run."""
    kind = algorithms.look_up(algorithm).make
    return {"algorithm": algorithms.source_of_class(kind), "environment": environments.source_of_id(environment)}


@entry
def resume_sweep(
    path: str | Path, on_progress: OnTrial = _nothing, progress: bool | None = None, spread: int | None = None,
    address: str | None = None,
) -> Sweep:  # fmt: skip
    """Resume a sweep, or read a finished one. `spread` and `address` are as for `sweep`; raises the same errors."""
    with Claim.take(path, sweep_plan.require_sweep) as claim:
        config = sweep_plan.read_config(claim.path)
        cluster = _cluster(spread, address, config["driver"], config.get("processes") is not None)
        return _drive(claim.path, config, sweep_plan.search_of(config), on_progress, progress, cluster)


def _drive(
    path: Path, config: SweepConfig, search: Search, on_progress: OnTrial, progress: bool | None,
    cluster: Cluster | None,
) -> Sweep:  # fmt: skip
    """Run all remaining trials, and return the result."""
    shown = progress_in_python(progress)

    def both(number: int, of: int, now: Progress) -> None:
        together(shown, number, of, now)
        on_progress(number, of, now)

    try:
        with said_once():
            return _tried(path, config, search, both, cluster)
    finally:
        shown.stop()


def _tried(path: Path, config: SweepConfig, search: Search, on_progress: OnTrial, cluster: Cluster | None) -> Sweep:
    number = search.number
    if cluster is not None and isinstance(search, Grid):
        _train_grid(cluster, path, config, search, on_progress)
    trials: list[Trial] = []
    for place, settings in enumerate(search.ask()):
        seen = functools.partial(on_progress, place, number + 1)
        trial = tried(path / f"{place:03d}", config, settings, config["seeds"], seen)
        trials.append(trial)
        search.tell(trial.mean)
    best = max(trials, key=lambda trial: trial.mean)
    if best.diverged:
        raise RunError(
            translated("{path}: learning diverged with every one of the {count} settings", path=path, count=len(trials))
        )
    others = [seed + len(config["seeds"]) for seed in config["seeds"]]
    seen = functools.partial(on_progress, number, number + 1)
    confirmed = tried(path / _OTHER_SEEDS, config, best.settings, others, seen, cluster)
    found = Sweep(path, config, tuple(trials), confirmed)
    for name, text in (("table.csv", found.table()), ("best.toml", found.preset())):
        with replacing(path / name) as file:
            file.write(text.encode())
    for suffix in ("png", "svg"):
        found.plot(path / f"response.{suffix}")
    return found


def _train_grid(cluster: Cluster, path: Path, config: SweepConfig, search: Grid, on_progress: OnTrial) -> None:
    """Train the missing trials of a grid in processes of a cluster, and report how many have ended."""
    steps, seeds, began = config["steps"], len(config["seeds"]), time.perf_counter()
    on_progress(0, search.number + 1, Progress(0, steps, seeds=seeds))

    def show(ended: int) -> None:
        seconds = time.perf_counter() - began
        now = Progress(steps, steps, seconds, ended * steps * seeds / seconds, seeds=seeds)
        on_progress(ended - 1, search.number + 1, now)

    train_in_cluster(cluster, path, config, search.trials, show)
