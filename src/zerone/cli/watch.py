"""`zerone watch`: shows a trained agent playing, or one that is still learning."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.cli import output
from zerone.cli.foresight import foreseeing, given_searches, planned, search_options
from zerone.cli.options import (
    LARGEST_SEED,
    Finite,
    Place,
    Whole,
    debug_option,
    import_trusted,
    read_config,
    require_file_place,
    step_timeout_option,
    trust_option,
)
from zerone.cli.watched import FixedPolicy, FollowedPolicy, Watched, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from zerone.environments.gym.guard import Guard
    from zerone.environments.gym.kinds import Env
    from zerone.player.view import View


@click.command()
@click.argument("run", type=Place("RUN"), metavar="RUN")
@click.option("--window", is_flag=True, help="In a window. The default where there is a display.")
@click.option("--video", type=Place("FILE"), help="To a video: .mp4 or .gif.")
@click.option("--text", is_flag=True, help="In the terminal. The default where there is no display.")
@click.option("--html", type=Place("FILE"), help="To one HTML file that needs no server: videos of all "
              "checkpoints on a slider, with the learning curves.")  # fmt: skip
@click.option("--episodes", type=Whole(1, 1_000_000), help="How many. Default: 1 in a video, else 3; "
              "no end in a window where the goal follows the mouse.")  # fmt: skip
@click.option("--seed", type=Whole(0, LARGEST_SEED), default=0, help="Of the episodes. Default: 0.")
@click.option("--agent", type=Whole(0, LARGEST_SEED), metavar="SEED", help="Which of the run's seeds. Default: first.")
@click.option("--checkpoint", metavar="best|last|STEP|FILE", help="Which policy. Default: best.")
@click.option("--stochastic", is_flag=True, help="With the policy's own chance, as it learns, not greedily.")
@click.option("--plain", is_flag=True, help="Without values, and without the arrows and footprints of a table.")
@click.option("--learning", is_flag=True, help="Its training again, from the first step on: each step as it was.")
@click.option("--speed", type=Finite(0.01, 1e6), metavar="STEPS", help="With --learning: steps in a second. Default: "
              "what looks natural.")  # fmt: skip
@click.option("--follow", is_flag=True, help="Take up what a training learns, while it goes on.")
@search_options
@step_timeout_option
@click.option("--leash", is_flag=True, hidden=True, help="End when standard input ends.")
@trust_option
@debug_option
def watch(
    run: Path, window: bool, video: Path | None, text: bool, html: Path | None, episodes: int | None, seed: int,
    agent: int | None, checkpoint: str | None, stochastic: bool, plain: bool, learning: bool, speed: float | None,
    follow: bool, leash: bool, trust: bool, step_timeout: float | None, **search: object,
) -> None:  # fmt: skip
    """See the agent of RUN play; of a table over a grid also its values, greedy arrows and trace.

    As text, tables and DQN also say the value Q of each action at every step; a star is at the highest.
    With --lookahead or --simulations, text also has the tree of futures by which each action is chosen.
    """
    searches = given_searches(search)
    if html is not None:
        _write_page(run, html, agent, {
            "--window": window, "--video": video is not None, "--text": text, "--episodes": episodes is not None,
            "--seed": seed != 0, "--checkpoint": checkpoint is not None, "--stochastic": stochastic, "--plain": plain,
            "--learning": learning, "--speed": speed is not None, "--follow": follow, "--trust": trust,
            "--step-timeout": step_timeout is not None, **searches,
        })  # fmt: skip
        return
    mode = _mode(window, video, text)
    if follow and checkpoint is not None:
        raise InputError(translated("--follow and --checkpoint exclude each other: to follow is to take the newest"))
    if follow and video is not None:
        raise InputError(translated("--follow and --video exclude each other: a video needs an end"))
    if speed is not None and not learning:
        raise InputError(translated("--speed {speed:g} is not allowed without --learning", speed=speed))
    others = {"--follow": follow, "--stochastic": stochastic}
    if learning:
        _exclude("--learning", {**others, "--checkpoint": checkpoint, **searches}, "a training is shown as it was")
    for each in searches:
        _exclude(each, others, "what is foreseen is the best of one policy")
    stop = _parent_ended() if leash else None
    import_trusted(read_config(run), trust)
    from zerone.training.run import load

    loaded = load(run)
    if learning:
        from zerone.cli.learning import show_learning

        show_learning(loaded, mode, video, episodes, agent, speed, plain, stop)
        return
    identity = loaded.config["environment"]
    source: Watched
    if follow and (leash or loaded.result is None):
        source = FollowedPolicy(loaded, agent, leash, stochastic)
    else:
        chosen = loaded.agent(agent, checkpoint or ("last" if follow else "best"))
        source = FixedPolicy(chosen, chosen.exploring(seed) if stochastic else None)
    plan = planned(loaded, source.policy(), agent, checkpoint or "best", search)
    from zerone.environments.endings import ending
    from zerone.environments.gym.around import Around
    from zerone.player.episode import open_environment
    from zerone.training.action_masks import mask_source_of_run

    environment = open_environment(
        identity["id"],
        identity["options"],
        loaded.config["engine"],
        mode,
        seed,
        around=Around.read(identity["around"]),
        mask_source=(asks := mask_source_of_run(loaded.config)),
    )
    number = (
        None if isinstance(source, FollowedPolicy) and episodes is None else episodes or (1 if video is not None else 3)
    )
    if mode == "rgb_array" and video is None and episodes is None:
        from zerone.player.interaction import goal_bridge

        number = number if goal_bridge(environment) is None else None
    title = translated(
        "{algorithm} on {environment}", algorithm=loaded.config["algorithm"]["name"], environment=identity["id"]
    )
    from zerone.environments.gym.global_random import GlobalChance
    from zerone.environments.gym.step_timeout import limited
    from zerone.training.interrupt import Program

    program = Program(output.tell)
    with contextlib.closing(environment), limited(step_timeout, lambda line: program.end(1, line)), GlobalChance(seed):
        view = view_of(loaded, source, plain)
        own = source.act if asks is None else functools.partial(_allowed_here, source, environment)
        act, view = foreseeing(loaded, plan, environment, own, view, seed)
        why = ending(identity["id"], identity["options"])
        _show(environment, identity["id"], source, act, view, mode, video, title, number, seed, stop, why)


def _exclude(option: str, others: Mapping[str, object], why: str) -> None:
    """Raise `InputError` if any of the other options was given, too."""
    for other, given in others.items():
        if given:
            raise InputError(
                translated("{other} and {option} exclude each other: {why}", other=other, option=option, why=why)
            )


def _write_page(run: Path, place: Path, agent: int | None, others: Mapping[str, bool]) -> None:
    """Write one page with films of all checkpoints; the reader selects one."""
    if others["--trust"]:
        raise InputError(
            translated(
                "--html and --trust exclude each other: the page imports no code of yours; --video FILE.gif is a file "
                "that works with --trust"
            )
        )
    for option, given in others.items():
        if given:
            raise InputError(
                translated(
                    "--html and {option} exclude each other: the file holds all checkpoints, as the page shows them",
                    option=option,
                )
            )
    require_file_place("--html", place, (".html", ".htm"))
    from zerone.base.files import replacing
    from zerone.lab.one_file import page_of

    text = page_of(run, agent).encode()
    with replacing(place) as file:
        file.write(text)
    click.echo(translated("{file}: {size:.1f} MB, opens in any browser", file=place, size=len(text) / 1e6))


def _show(
    environment: Env, identity: str, source: Watched, act: Callable[[Any], object], view: View, mode: str,
    video: Path | None, title: str, number: int | None, seed: int, stop: threading.Event | None,
    why: Callable[[Any, float, Mapping[str, Any]], str],
) -> None:  # fmt: skip
    from zerone.player import episode, viewer

    def over() -> bool:
        return source.over or (stop is not None and stop.is_set())

    hands = None
    if mode == "rgb_array" and video is None:
        from zerone.player.interaction import ManualControl

        hands = ManualControl(environment, identity, act, remembers=source.remembers)
        act = hands.act
    moments = episode.episodes(environment, act, number=number, seed=seed, why=why, begin=source.begin)
    if video is not None:
        pictures = viewer.on_film(environment, moments, video, view)
        seconds = pictures / viewer.speed_on_film(environment, video)[0]
        click.echo(translated("{file}: {seconds:.1f} s of {what}", file=video, seconds=seconds, what=title))
    elif mode == "rgb_array":
        viewer.in_window(environment, moments, title, source.note, over, view, hands)
    else:
        viewer.in_terminal(environment, moments, sys.stdout, source.note, over, paced=number is None, view=view)


def _mode(window: bool, video: Path | None, text: bool) -> str:
    """Gymnasium's render mode for the options. Raises `InputError` if it is impossible here."""
    if window + text + (video is not None) > 1:
        raise InputError(translated("--window, --video and --text exclude each other"))
    if video is not None:
        from zerone.charts.formats import FILM_SUFFIXES

        require_file_place("--video", video, FILM_SUFFIXES)
        if not has_display():  # some environments open a window even for a film, and SDL prints errors
            os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        return "rgb_array"
    if text:
        return "ansi"
    if window:
        from zerone.environments.window import require_display

        require_display("--text, --video FILE")
    return "rgb_array" if window or has_display() else "ansi"


def has_display() -> bool:
    """Whether a window can be shown."""
    from zerone.environments.window import require_display

    try:
        require_display()
    except InputError:
        return False
    return True


def require_picture(identity: str, options: Mapping[str, Any], engine: str) -> None:
    """Raise `InputError` unless the environment can be shown in a window."""
    from zerone.player.episode import open_environment

    open_environment(identity, options, engine, "rgb_array", 0).close()


def _allowed_here(source: Watched, environment: Guard, observation: object) -> object:
    """The policy's action for an observation, among those that the environment allows."""
    return source.act(observation, environment.allowed)


def _parent_ended() -> threading.Event:
    """An event that is set when the parent process ends, which closes its end of the pipe."""
    gone = threading.Event()

    def listen() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdin.buffer.read()
        gone.set()

    threading.Thread(target=listen, daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)  # learning has priority
    return gone
