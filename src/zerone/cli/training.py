"""A training from the command line: its progress display, the window beside it, and Ctrl-C."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import AroundConfig, Config, WrapperConfig
from zerone.cli.algorithm_command import ParsedArguments
from zerone.cli.options import read_config, see_modules_here, with_trust
from zerone.cli.settings import chosen_settings, environment_options

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from zerone.training.events import Listener
    from zerone.training.run import Run


GIVEN_AGAIN = ("dataset", "spread", "address", "worker_timeout", "step_timeout", "processes", "replace_lost")
"""Options that may be given again when a training is resumed."""


@dataclasses.dataclass(frozen=True)
class Display:
    """How a training is displayed; it changes no result."""

    chunk: int | None
    watch: bool
    watch_from: float | None
    watch_speed: float | None
    text: bool
    quiet: bool
    as_json: bool

    def check(self) -> None:
        """Raise `InputError` if the options for watching contradict each other."""
        for option, typed in {"--watch-speed": self.watch_speed is not None, "--text": self.text}.items():
            if typed and not self.watching:
                raise InputError(translated("{option} is not allowed without {other}", option=option, other="--watch"))
        if self.watch_speed and self.watch_from is not None:
            raise InputError(
                translated("--watch-speed and --watch-from exclude each other: what is slowed is shown from its start")
            )
        if self.text and (self.as_json or self.quiet):
            option = "--json" if self.as_json else "--quiet"
            raise InputError(
                translated("--text and {option} exclude each other: both are written to the terminal", option=option)
            )

    @property
    def watching(self) -> bool:
        """Whether a window is wanted."""
        return self.watch or self.watch_from is not None


@dataclasses.dataclass(frozen=True)
class Callbacks:
    """Callbacks and trackers from the command line, and whether modules named in a run folder may be imported."""

    own: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    trusted: bool = False

    def chosen(self, kept: Sequence[str] = ()) -> list[str]:
        """The callbacks of a training; if none of a kind was given, those that the run has `kept`."""
        from zerone.training.callback_sources import TRACKERS

        own = self.own or tuple(each for each in kept if each not in TRACKERS)
        trackers = self.trackers or tuple(each for each in kept if each in TRACKERS)
        names = [each for each in dict.fromkeys((*own, *trackers)) if each != "none"]
        if any(":" in each for each in names):
            see_modules_here()
        return [str(each) if self.trusted or each in self.own else each for each in names]


def start(
    algorithm: str, environment: str, asked: Mapping[str, Any], manner: Display, listening: Callbacks
) -> Run:  # fmt: skip
    """Start a new training.

    Raises:
        InputError, RunError: as `zerone.train`.
        KeyboardInterrupt: Ctrl-C; the message says what was saved.
    """
    from zerone.training.environment_setup import environment_name
    from zerone.training.folder import new_folder
    from zerone.training.run import plain_name
    from zerone.training.train import train

    asked = dict(asked)
    out: Path | None = asked.pop("out", None)
    if manner.watching and not manner.text:
        from zerone.cli.watch import require_picture

        require_picture(environment, asked["options"], asked.get("engine", "auto"))
    name = plain_name(algorithm, environment_name(environment))
    callbacks = listening.chosen()
    with contextlib.nullcontext(out) if out else new_folder(name) as path, shown(Path(path), manner) as displays:
        return train(
            algorithm,
            environment,
            out=path,
            chunk=manner.chunk,
            callbacks=[*callbacks, *displays],
            progress=False,
            **asked,
        )


def go_on(
    path: Path, said: ParsedArguments, asked: Mapping[str, Any], options: Sequence[str], settings: Path | None,
    manner: Display, trust: Callable[[Config], None], listening: Callbacks,
) -> Run:  # fmt: skip
    """Resume a training from its newest checkpoint. Any other option given must equal the run's.

    Raises:
        InputError: there is no run, or an option differs; RunError, KeyboardInterrupt as for `start`.
    """
    from zerone.training.resume import resume

    config = read_config(path)
    trust(config)
    require_same(path, config, said, asked, options, settings)
    if manner.watching and not manner.text:
        from zerone.cli.watch import require_picture

        require_picture(config["environment"]["id"], config["environment"]["options"], config["engine"])
    with shown(path, manner) as displays:
        given: dict[str, Any] = {name: asked[name] for name in GIVEN_AGAIN if name in asked}
        callbacks: list[str | Listener] = [*listening.chosen(config["callbacks"]), *displays]
        return resume(path, chunk=manner.chunk, callbacks=callbacks, progress=False, **given)


def require_same(
    path: Path, config: Config, said: ParsedArguments, asked: Mapping[str, Any], options: Sequence[str],
    file: Path | None = None,
) -> None:  # fmt: skip
    """Raise `InputError` if an option given with `--resume` differs from the run's configuration."""
    from zerone.training.algorithm_setup import make_algorithm, make_algorithm_from, settings_of
    from zerone.training.environment_setup import environment_name
    from zerone.training.schema import naming

    if asked.get("overwrite"):
        raise InputError(translated("--overwrite and --resume exclude each other"))
    with naming(path / "config.json"):
        make_algorithm_from(config["algorithm"])
    algorithm, environment = config["algorithm"]["name"], config["environment"]["id"]
    named = config["algorithm"].get("source") or algorithm
    typed: list[tuple[str, object, object]] = []  # option, value given, value of the run
    if said.algorithm is not None:
        typed.append(("ALGORITHM", said.algorithm, named if ":" in said.algorithm else algorithm))
    if said.environment is not None:
        typed.append(("ENVIRONMENT", environment_name(said.environment), environment))
    settings = config["algorithm"]["settings"]
    if file is not None:
        made, _ = make_algorithm(named, environment, (file, chosen_settings(named, said.given)))
        for name, value in settings_of(made).items():
            typed.append((f"--settings {file}, with {name} =", _listed(value), settings.get(name)))
    for name, value in chosen_settings(named, said.given).items():
        typed.append((_option(name), _listed(value), settings.get(name)))
    for name, value in environment_options(environment, options).items():
        typed.append((f"--option {name}", _listed(value), config["environment"]["options"].get(name, "its default")))
    for option, value, ours in [*typed, *_training_differences(path, config, asked)]:
        if value != ours:
            raise InputError(
                translated(
                    "{option} {value} is not allowed with --resume: {path} has {ours}, and keeps it",
                    option=option,
                    value=value,
                    path=path,
                    ours=ours,
                )
            )


def _listed(value: object) -> object:
    """A value as JSON represents it."""
    return list(value) if isinstance(value, tuple) else value


def _training_differences(path: Path, config: Config, asked: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    """The given options of the training itself: option, value given, value of the run."""
    from zerone.training import timetable, validation
    from zerone.training.algorithm_setup import make_algorithm_from

    made = make_algorithm_from(config["algorithm"])
    steps = asked.get("steps", config["steps"])
    planned = timetable.describe(
        timetable.make_timetable(made, steps, asked.get("evaluate_every"), asked.get("save_every"))
    )
    if "seed" in asked or "seeds" in asked:
        first = asked.get("seed", config["seeds"][0])
        yield (
            "--seeds" if "seeds" in asked else "--seed",
            validation.chosen_seeds(first, asked.get("seeds")),
            config["seeds"],
        )
    for name, value in asked.items():
        if name == "out":
            yield "--out", value.resolve(), path.resolve()
        elif name == "engine":
            yield "--engine", config["engine"] if value == "auto" else value, config["engine"]
        elif name in ("observations", "action_mask"):
            yield _option(name), value, config["environment"].get(name, "those of before there was a choice")
        elif name in ("wrappers", "frame_stack", "frame_skip"):
            yield _option(name.removesuffix("s")), *_around_of(name, value, config["environment"]["around"])
        elif name in ("evaluation_limit", "stochastic"):
            yield _option(name), value, _evaluated(name, config)
        elif name == "own_play":
            yield "--own-play", value, "none" if config["dataset"] is None else config["dataset"]["own_play"]
        elif name not in ("seed", "seeds", *GIVEN_AGAIN):
            yield _option(name), planned.get(name, value), _value_of_run(name, config)


def _evaluated(name: str, config: Config) -> float | None:
    """A run's value of an option of its evaluations."""
    kept = config.get("evaluation")
    if kept is None:
        return None
    return kept["stochastic"] if name == "stochastic" else kept["limit"]


def _value_of_run(name: str, config: Config) -> object:
    """A run's value of an option; of steps and episodes only one is set, and the other is described in words."""
    counted = config.get("episodes")
    if name not in ("steps", "episodes") or (counted is None) == (name == "steps"):
        return config.get(name)
    return f"{config['steps']} steps" if counted is None else f"{counted} episodes"


def _around_of(name: str, value: Any, kept: AroundConfig | None) -> tuple[str, str]:
    """The wrappers given by an option, and those of the run, as text."""
    from zerone.cli.around import words_of

    own = kept or {"frame_skip": 1, "wrappers": [], "frame_stack": 1}
    if name != "wrappers":
        return str(value), str(own["frame_stack"] if name == "frame_stack" else own["frame_skip"])
    typed: list[WrapperConfig] = [{"name": each, "options": options} for each, options in value]
    one, other = (
        words_of({"frame_skip": 1, "wrappers": each, "frame_stack": 1})[1::2] for each in (typed, own["wrappers"])
    )
    return " ".join(one) or "none", " ".join(other) or "none"


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


@contextlib.contextmanager
def shown(path: Path, manner: Display) -> Generator[list[Listener]]:
    """Show a training's progress, and a window if wanted, until the end of the block."""
    from zerone.cli.output import tell
    from zerone.training.folder import RunFolder
    from zerone.training.interrupt import Program, as_program
    from zerone.training.progress import Display as Progress
    from zerone.training.progress import progress_for
    from zerone.training.saving import kept_in

    stream = sys.stderr if manner.as_json else sys.stdout
    progress = Progress() if manner.quiet or manner.text else progress_for(stream, plain_allowed=not manner.as_json)

    def kept(what: str) -> str:
        progress.stop()
        return f"{what}; {kept_in(RunFolder.open(path))}" if what else _kept(path)

    with contextlib.ExitStack() as cleaning:
        cleaning.enter_context(as_program(Program(tell, kept)))
        displays: list[Listener] = [progress]
        if manner.watching:
            from zerone.cli.live import LiveViewer

            viewer = LiveViewer(path, manner.watch_from, speed=manner.watch_speed, text=manner.text)
            displays.append(cleaning.enter_context(viewer))
        cleaning.callback(progress.stop)
        try:
            yield displays
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(_kept(path)) from error


def _kept(path: Path) -> str:
    """A sentence about the checkpoint of an interrupted training, and the command to resume it."""
    from zerone.training.folder import RunFolder

    try:
        folder = RunFolder.open(path)
        latest = folder.latest()
    except InputError:
        return translated("interrupted before anything was saved")
    again = with_trust(path, folder.config)
    if latest is None:
        return translated(
            "interrupted before the first checkpoint; go on with: zerone train --resume {path}", path=again
        )
    return translated("interrupted; the checkpoint is {checkpoint}; go on with: zerone train --resume {path}",
                      checkpoint=latest, path=again)  # fmt: skip
