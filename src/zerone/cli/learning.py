"""`zerone watch --learning`: replays the training of a run step by step."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import Config
from zerone.cli.watched import view_of

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from zerone.engines.compiled import Compiled
    from zerone.player.learning import Learning
    from zerone.training.run import Run

EPISODES_ON_FILM = 10


def show_learning(
    run: Run, mode: str, video: Path | None, episodes: int | None, seed: int | None, speed: float | None, plain: bool,
    stop: threading.Event | None,
) -> None:  # fmt: skip
    """Show the training of one seed of a run from its first step.

    Raises:
        InputError: the training cannot be replayed, or not be shown in this way.
    """
    from zerone.engines.stepping import Stepper
    from zerone.environments.endings import ending
    from zerone.player import viewer
    from zerone.player.learning import MOST_PICTURES, Learning

    engine, chosen = stepped_engine(run), run.seeds[0] if seed is None else seed
    if chosen not in run.seeds:
        raise InputError(
            translated(
                "--agent {chosen} is not allowed: {path} has {listed}",
                chosen=chosen,
                path=run.path,
                listed=", ".join(map(str, run.seeds)),
            )
        )
    identity = run.config["environment"]["id"]
    why = ending(identity, run.config["environment"]["options"])
    stepper = Stepper(engine.algorithm, engine.environment, chosen)
    pictures_only = mode == "rgb_array" or sys.stdout.isatty()
    learning = Learning(
        stepper, identity, mode, speed, lambda: _steps(run, chosen), why, MOST_PICTURES if pictures_only else None
    )
    title = f"{engine.algorithm.name} learning {identity}"
    view = view_of(run, _Source(run, learning, chosen), plain)
    with contextlib.closing(learning.environment):
        environment = learning.environment
        moments = learning.moments(EPISODES_ON_FILM if episodes is None and video is not None else episodes)

        def over() -> bool:
            return stop is not None and stop.is_set()

        if video is not None:
            pictures = viewer.on_film(environment, moments, video, view, learning.hold)
            seconds = pictures / viewer.speed_on_film(environment, video)[0]
            click.echo(translated("{file}: {seconds:.1f} s of {what}", file=video, seconds=seconds, what=title))
        elif mode == "rgb_array":
            viewer.in_window(environment, moments, title, learning.note, over, view, hold=learning.hold)
        else:
            viewer.in_terminal(environment, moments, sys.stdout, learning.note, over, view=view, hold=learning.hold)


def stepped_engine(run: Run) -> Compiled:
    """The engine of a run whose training can be replayed.

    Raises:
        InputError: it cannot, because its steps are not determined by its seed alone.
    """
    from zerone.engines.compiled import Compiled

    why = not_shown_again(run.config)
    if why is not None:
        raise InputError(
            translated(
                "--learning is not allowed with {path}: its steps cannot be shown one by one, because {why}",
                path=run.path,
                why=why,
            )
        )
    engine = run.engine()
    assert isinstance(engine, Compiled)  # noqa: S101 - the configuration says so
    return engine


def not_shown_again(config: Config) -> str | None:
    """Why the steps of a training cannot be replayed one by one; None if they can."""
    if config.get("dataset") is not None:
        return translated("it learns from recorded steps")
    if config["engine"] != "compiled":
        return translated("its engine is {engine}, not compiled", engine=config["engine"])
    return None


def _steps(run: Run, seed: int) -> int:
    """The number of steps to show: those that the seed was trained, or the maximum of a run that is going on."""
    result = run.result
    if result is None:
        return int(run.config["steps"])
    return int(next(each["steps"] for each in result["seeds"] if each["seed"] == seed))


class _Source:
    """The current policy of the replayed training, as `watched.Shown`."""

    def __init__(self, run: Run, learning: Learning, seed: int) -> None:
        self._run, self._learning, self._seed = run, learning, seed

    def values(self, observation: object, /) -> Any:
        from zerone.training.agent import Agent

        return Agent(self._run.engine(), self._learning.policy, self._seed).values(observation)

    def policy(self) -> object:
        return self._learning.policy
