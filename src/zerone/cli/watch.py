"""`zerone watch`: a trained agent at play, or one that is still learning."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

import click

from zerone.base.errors import InputError, ZeroneError
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from zerone.environments.gym.guard import Guard
    from zerone.player.episode import Env
    from zerone.player.view import View
    from zerone.training.agent import Agent, Exploring
    from zerone.training.run import Run

SECONDS_BETWEEN_LOOKS, SECONDS_TO_WAIT = 1.0, 30.0
LIVE = "live.safetensors"
"""The newest policy of a training that somebody watches."""


@click.command()
@click.argument("run", type=Place("RUN"), metavar="RUN")
@click.option("--window", is_flag=True, help="In a window. The default where there is a display.")
@click.option("--video", type=Place("FILE"), help="To a film: .mp4 or .gif.")
@click.option("--text", is_flag=True, help="In the terminal. The default where there is no display.")
@click.option("--html", type=Place("FILE"), help="To one HTML file that needs no server: films of all "
              "checkpoints on a slider, with the learning curves.")  # fmt: skip
@click.option("--episodes", type=Whole(1, 1_000_000), help="How many. Default: 1 in a film, else 3; "
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
    follow: bool, leash: bool, trust: bool, step_timeout: float | None, **search: Any,
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
        raise InputError(translated("--follow and --video exclude each other: a film needs an end"))
    if speed is not None and not learning:
        raise InputError(translated("--speed {speed:g} is not allowed without --learning", speed=speed))
    others = {"--follow": follow, "--stochastic": stochastic}
    if learning:
        _exclude("--learning", {**others, "--checkpoint": checkpoint, **searches}, "a training is shown as it was")
    for each in searches:
        _exclude(each, others, "what is foreseen is the best of one policy")
    stop = _leash() if leash else None
    import_trusted(read_config(run), trust)
    from zerone.training.run import load

    loaded = load(run)
    if learning:
        from zerone.cli.learning import show_learning

        show_learning(loaded, mode, video, episodes, agent, speed, plain, stop, view_of)
        return
    identity = loaded.config["environment"]
    source: _Fixed | _Followed
    if follow and (leash or loaded.result is None):
        source = _Followed(loaded, agent, leash, stochastic)
    else:
        chosen = loaded.agent(agent, checkpoint or ("last" if follow else "best"))
        source = _Fixed(chosen, chosen.exploring(seed) if stochastic else None)
    plan = planned(loaded, source.policy(), agent, checkpoint or "best", search)
    from zerone.environments.endings import ending
    from zerone.environments.gym.around import Around
    from zerone.player.episode import open_environment
    from zerone.training.action_masks import asked_of

    environment = open_environment(
        identity["id"],
        identity["options"],
        loaded.config["engine"],
        mode,
        seed,
        around=Around.read(identity["around"]),
        allowing=(asks := asked_of(loaded.config)),
    )
    number = None if isinstance(source, _Followed) and episodes is None else episodes or (1 if video is not None else 3)
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
    """One file with all checkpoints: which one is seen, the person who opens it chooses."""
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


class Shown(Protocol):
    """Whose policy is shown, and the values of its actions for an observation."""

    @property
    def values(self) -> Callable[[Any], Any]: ...
    def policy(self) -> Any: ...


def view_of(run: Run, source: Shown, plain: bool) -> View:
    """What is shown of each moment: the table too, where there is one, unless `plain` leaves it out.

    Raises:
        InputError: there is none to be left out.
    """
    from gymnasium.spaces import Discrete

    from zerone.algorithms.protocol import Valued
    from zerone.environments.catalogue import action_names
    from zerone.player.tables import Trace, table_of
    from zerone.player.view import TableView, ValueView, View
    from zerone.training.tables import judged_environment

    policy, grid = source.policy(), None
    actions = run.engine().spaces.action
    names = action_names(run.config["environment"]["id"], int(actions.n)) if isinstance(actions, Discrete) else []
    if getattr(policy, "ndim", 0) == 2:  # nothing else is a table; and what follows takes a moment
        from zerone.environments.drawing.geometry import grid_of

        grid = grid_of(judged_environment(run.config))
    if grid is None or table_of(policy, grid) is None:
        if isinstance(run.engine().algorithm, Valued):
            return View() if plain else ValueView(source.values, names)
        if plain:
            raise InputError(
                translated(
                    "--plain is not allowed here: {path} has no table over a grid that it would leave out",
                    path=run.path,
                )
            )
        return View()
    trace = Trace.of(run.config["algorithm"]["settings"], grid)
    return View() if plain else TableView(source.policy, grid, trace, names)


def _show(
    environment: Env, identity: str, source: _Fixed | _Followed, act: Callable[[Any], Any], view: View, mode: str,
    video: Path | None, title: str, number: int | None, seed: int, stop: threading.Event | None,
    why: Callable[[Any, float, Mapping[str, Any]], str],
) -> None:  # fmt: skip
    from zerone.player import episode, viewer

    def over() -> bool:
        return source.over or (stop is not None and stop.is_set())

    hands = None
    if mode == "rgb_array" and video is None:
        from zerone.player.interaction import Hands

        hands = Hands(environment, identity, act, remembers=source.remembers)
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
    """Gymnasium's render mode for what was asked, refused at once where it cannot be."""
    if window + text + (video is not None) > 1:
        raise InputError(translated("--window, --video and --text exclude each other"))
    if video is not None:
        from zerone.charts.formats import FILM_SUFFIXES

        require_file_place("--video", video, FILM_SUFFIXES)
        if not has_display():  # some environments open one even for a film, and SDL complains
            os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        return "rgb_array"
    if text:
        return "ansi"
    if window:
        from zerone.environments.window import require_display

        require_display()
    return "rgb_array" if window or has_display() else "ansi"


def has_display() -> bool:
    """Whether a window would be seen."""
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


class _Fixed:
    """An agent as it was saved."""

    over = False

    def __init__(self, agent: Agent, exploring: Exploring | None) -> None:
        self.act: Callable[..., Any] = agent.act if exploring is None else exploring
        self.values, self._policy, self.remembers = agent.values, agent.policy, agent.remembers
        self.begin: Callable[[], None] = agent.reset if exploring is None else exploring.reset

    def policy(self) -> Any:
        return self._policy

    def note(self) -> str:
        return ""


class _Followed:
    """The newest agent of a training that goes on: its live policy, else its newest checkpoint."""

    def __init__(self, run: Run, seed: int | None, fed: bool, stochastic: bool) -> None:
        self._run, self._seed, self._fed, self._stochastic = run, seed, fed, stochastic
        self._agent: Agent | None = None
        self._exploring: Exploring | None = None
        self.remembers = False
        self._seen: tuple[Any, ...] = ()
        self._looked, self._step = 0.0, 0
        self.over = False
        run.engine()  # what is refused is said, and not taken for a policy that is not there yet
        deadline = time.monotonic() + (SECONDS_TO_WAIT if fed else 0.0)
        while self._agent is None:
            self._look()
            if self._agent is None:
                if time.monotonic() > deadline:
                    raise InputError(
                        translated("{path}: nothing to follow yet: no checkpoint was saved", path=run.path)
                    )
                time.sleep(0.2)

    def begin(self) -> None:
        if self.remembers:
            self._look()
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        self._agent.reset()
        if self._exploring is not None:
            self._exploring.reset()

    def act(self, observation: Any, mask: Any = None) -> Any:
        # What a policy remembers of an episode is its own: the next policy comes with the next episode.
        if not self.remembers and time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self._look()
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        chosen = self._agent.act if self._exploring is None else self._exploring
        return chosen(observation, mask)

    def values(self, observation: Any) -> Any:
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        return self._agent.values(observation)

    def policy(self) -> Any:
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        return self._agent.policy

    def note(self) -> str:
        return translated("after {step:,} steps of training", step=self._step)

    def _look(self) -> None:
        """Take up the newest policy, if there is a newer one. What cannot be read now is read the next time."""
        from zerone.training import checkpoint, schema
        from zerone.training.agent import Agent
        from zerone.training.fields import checked
        from zerone.training.folder import RunFolder, step_of

        self._looked = time.monotonic()
        self.over = self._run.result is not None
        live = self._run.path / LIVE
        with contextlib.suppress(ZeroneError, OSError, KeyError):
            # A viewer that is fed policies waits for those: a checkpoint is newer for a moment, but can be gigabytes.
            kept = [] if self._fed else RunFolder(self._run.path, self._run.config).checkpoints()
            kept += [live] if live.exists() else []
            if not kept:
                return
            path = max(kept, key=lambda each: each.stat().st_mtime_ns)
            found = path.stat()
            mark = (path, found.st_mtime_ns, found.st_ino)
            if mark == self._seen:
                return
            if path == live:
                arrays, about = checkpoint.load(path)
                about = checked(about, schema.LIVE, path)
                example = self._run.engine().policy_example()
                policy = checkpoint.restore(example, arrays, path=path, what="live policy", prefix="policy/")
                chosen = self._run.seeds[0] if self._seed is None else self._seed
                self._agent, self._step = Agent(self._run.engine(), policy, chosen), about["step"]
            else:
                self._agent = self._run.agent(self._seed, str(path))
                self._step = step_of(path)
            self._exploring = self._agent.exploring() if self._stochastic else None
            self.remembers = self._agent.remembers
            self._seen = mark


def _allowed_here(source: _Fixed | _Followed, environment: Guard, observation: Any) -> Any:
    """The action for what an environment shows, of those that it allows."""
    return source.act(observation, environment.allowed)


def _leash() -> threading.Event:
    """An event that is set when the process that started this one is gone: then its end of the pipe is closed."""
    gone = threading.Event()

    def listen() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdin.buffer.read()
        gone.set()

    threading.Thread(target=listen, daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)  # the learning comes first
    return gone
