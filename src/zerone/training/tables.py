"""Pictures of the tables that runs have learned, if their states are the cells of a grid."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import Config
from zerone.charts.fonts import figure_language
from zerone.training import checkpoint, schema
from zerone.training.fields import checked
from zerone.training.policy_files import find_policies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zerone.charts.table_figure import Picture
    from zerone.engines.protocol import Engine
    from zerone.environments.base import Environment, TimedEnvironment
    from zerone.player.tables import Table, Trace
    from zerone.training.folder import RunFolder

LONGEST_TRACE = 1_000
"""Maximum steps of an episode whose trace is drawn: a policy may loop forever."""


class NoTableError(InputError):
    """A run has no table that can be drawn."""


class NothingToDrawError(NoTableError):
    """The algorithm learns no table, or has not saved one: a picture is not expected."""


def read_tables(
    folders: Sequence[RunFolder], *, seed: int | None = None, which: str = "best", engine: Engine | None = None
) -> list[Picture]:
    """The tables of runs, ready to be drawn: of one seed each, by default the first.

    Runs without a table are skipped. `engine` is that of a run whose environment has no id.

    Raises:
        NoTableError: none of the runs has one.
        InputError: there is no such seed or checkpoint, or it is damaged.
    """
    found: list[Picture] = []
    reasons: list[NoTableError] = []
    for folder in folders:
        try:
            with figure_language():
                found.append(_picture(folder, seed, which, engine, alone=len(folders) == 1))
        except NoTableError as reason:
            reasons.append(reason)
    if not found:
        raise next((each for each in reasons if not isinstance(each, NothingToDrawError)), reasons[0])
    return found


@runtime_checkable
class PlaysOne(Protocol):
    """An engine that plays one environment, written in JAX."""

    environment: TimedEnvironment


def judged_environment(config: Config, engine: Engine | None = None) -> Any:
    """The environment in which a run's agents are evaluated, written in JAX; None if there is no JAX version of it.

    Gymnasium ids give our twins of them. An environment that has no id is taken from `engine`.
    """
    from zerone.environments import catalogue
    from zerone.environments.wrappers import evaluation_environment

    identity = config["environment"]
    if not identity["known"]:
        return evaluation_environment(engine.environment) if isinstance(engine, PlaysOne) else None
    entry = catalogue.find(identity["id"])
    if entry is None:
        return None
    known = {option.name for option in catalogue.options(entry)} - {"reward"}  # the host engine's may have more
    options = {name: value for name, value in identity["options"].items() if name in known}
    try:
        return evaluation_environment(catalogue.make_from(entry, options))
    except InputError:  # such as Gymnasium's option for a random lake
        return None


def _picture(folder: RunFolder, seed: int | None, which: str, engine: Engine | None, alone: bool) -> Picture:
    from zerone.charts.table_figure import Picture
    from zerone.environments.drawing.geometry import grid_of
    from zerone.player.tables import Trace, table_of

    config = folder.config
    algorithm, identity = config["algorithm"]["name"], config["environment"]["id"]
    chosen = config["seeds"][0] if seed is None else seed
    if chosen not in config["seeds"]:
        listed = ", ".join(str(each) for each in config["seeds"])
        raise InputError(
            translated(
                "{path}: seed {chosen} was not trained; there are: {listed}",
                path=folder.path,
                chosen=chosen,
                listed=listed,
            )
        )
    if which == "best" and not folder.best_path.exists() and folder.latest() is None:
        raise NothingToDrawError(translated("{path}: no table to draw: no checkpoint was saved yet", path=folder.path))
    path, inside = find_policies(folder, which)
    where = f"seed-{chosen}/{inside}policy"
    arrays, about = checkpoint.load(path, where)
    checked(about, schema.CHECKPOINT, path) if inside else checked(about, schema.BEST, path)
    checkpoint.expect(about, path, algorithm=algorithm, environment=identity)
    names = where, f"{where}/", f"{where}/table"  # a table, a file of best policies, or a schedule
    values = next((arrays[name] for name in names if name in arrays), None)
    if values is None or values.ndim != 2:
        raise NothingToDrawError(
            translated("{path}: no table to draw: {algorithm} learns none", path=folder.path, algorithm=algorithm)
        )
    environment = judged_environment(config, engine)
    table = table_of(values, grid_of(environment))
    if table is None:
        raise NoTableError(
            f"{folder.path}: no picture of the table: the states of {identity} are not the cells of a grid"
        )
    facts = about["learners"].get(str(chosen))  # best policies have a step, others an iteration
    if facts is None:
        raise InputError(translated("{path}: 'learners.{chosen}' is missing", path=path, chosen=chosen))
    step = facts["step"] if "step" in facts else facts["iteration"] * about["step"] // max(1, about["iteration"])
    best = translated("best policy, found after {step:,} steps", step=step)
    policy = best if "step" in facts else translated("policy after {step:,} steps", step=step)
    number = len(config["seeds"])
    what = translated("{algorithm} on {environment}", algorithm=algorithm, environment=identity)
    said = translated("seed {seed}, {policy}", seed=chosen, policy=policy)
    if number > 1:
        said = translated("seed {seed} of {number} seeds, {policy}", seed=chosen, number=number, policy=policy)
    from zerone.training.algorithm_setup import make_algorithm_from, settings_of  # they import JAX

    with schema.naming(folder.config_path):
        made = make_algorithm_from(config["algorithm"]) if engine is None else engine.algorithm
    settings = settings_of(made)
    trace = Trace.of(settings, table.grid)
    about_trace = "" if trace is None else _walk(environment, table, trace, settings)
    if alone:
        return Picture(what, said, identity, table, trace, about_trace)
    return Picture(folder.path.resolve().name, f"{what}, {said}", identity, table, trace, about_trace)


def _walk(environment: Environment | TimedEnvironment, table: Table, trace: Trace, settings: Mapping[str, Any]) -> str:
    """Play a greedy episode and record its trace; returns a caption."""
    from zerone.environments.gym.bridge import GymnasiumEnvironment
    from zerone.player.episode import episodes

    def act(observation: int) -> int:
        return int(np.argmax(table.values[observation]))

    moments = episodes(GymnasiumEnvironment(environment), act, number=1, seed=0)
    last = 0
    for moment in trace.follow(itertools.islice(moments, LONGEST_TRACE + 1)):
        last = moment.step
    return translated(
        "{trace}, λ {decay:g}, γ {discount:g}, after {steps:,} steps",
        trace=settings["trace"],
        decay=settings["trace_decay"],
        discount=settings["discount"],
        steps=last,
    )
