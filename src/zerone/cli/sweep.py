"""`zerone sweep`: trains an algorithm with many settings, and finds the best."""

from __future__ import annotations

import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.place import as_seen
from zerone.cli import output
from zerone.cli.algorithm_command import AlgorithmCommand, parsed
from zerone.cli.around import around_options, words_of, wrappers_of
from zerone.cli.options import (
    LARGEST_SEED,
    MOST_PROCESSES,
    MOST_SEEDS,
    MOST_STEPS,
    VIEWS,
    OneOf,
    Place,
    Whole,
    debug_option,
    import_trusted,
    json_option,
    see_modules_here,
    trust_option,
    with_trust,
)
from zerone.cli.options import as_json as print_json
from zerone.cli.settings import chosen_settings, environment_options, look_up, parse_like, settings_of
from zerone.training.validation import MOST_TRIALS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from zerone.studies.sweep_result import Sweep, Trial
    from zerone.training.events import Progress


@click.command(
    cls=AlgorithmCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
    Examples:
      zerone sweep ppo CartPole-v1 learning_rate=1e-4..1e-2 --steps 20000
      zerone sweep dqn CartPole-v1 learning_rate=1e-4..1e-2 target_step=0.1,1
      zerone sweep ppo CartPole-v1 hidden=32,32;64,64 --driver optuna --trials 10
      zerone sweep --resume FOLDER""",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ALGORITHM ENVIRONMENT NAME=LOW..HIGH NAME=A,B,C")
@click.option("--points", type=Whole(2, MOST_TRIALS), help="Values of each LOW..HIGH. Default: 5.")
@click.option("--seeds", type=Whole(1, MOST_SEEDS), help="Seeds of each setting, at least 3. Default: 4.")
@click.option("--seed", type=Whole(0, LARGEST_SEED), help="The first of them. Default: 0.")
@click.option("--steps", type=Whole(1, MOST_STEPS), help="Steps of each seed. Default: the preset's.")
@click.option("--measure", type=OneOf("mean", "last", "best"), help="What is a setting worth: the mean of its "
              "evaluations, the last, or its best policy. Default: mean.")  # fmt: skip
@click.option("--driver", type=OneOf("grid", "optuna"), help="All combinations in one compile, or what Optuna "
              "proposes. Default: grid.")  # fmt: skip
@click.option("--trials", type=Whole(1, MOST_TRIALS), help="With Optuna: how many settings. Default: 20.")
@click.option("--out", type=Place("FOLDER"), help="Where to. Default: a new folder in runs.")
@click.option("--resume", type=Place("FOLDER"), help="Go on with the sweep in this folder; nothing else is needed.")
@click.option("--engine", type=OneOf("auto", "compiled", "host"), help="Default: auto, compiled where it can be.")
@click.option("--observations", type=OneOf(*VIEWS), help="How they are seen, as for zerone train. Default: auto.")
@click.option("--preset", type=OneOf("tuned", "tutorial", "none"), help="What is not varied, as for zerone train. "
              "Default: tuned.")  # fmt: skip
@click.option("--action-mask", metavar="WHERE", help="Take only actions that are allowed, as for zerone train. "
              "Default: off.")  # fmt: skip
@around_options
@click.option("--processes", type=Whole(1, MOST_PROCESSES), metavar="N", help="As for zerone train.")
@click.option("--spread", type=Whole(1, MOST_PROCESSES), metavar="N", help="Train the settings of a grid in N "
              "processes of a Ray cluster, to the same bits.")  # fmt: skip
@click.option("--address", metavar="HOST:PORT", help="With --spread: the Ray cluster to join. Default: one is started "
              "on this machine.")  # fmt: skip
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the environment.")
@trust_option
@json_option
@debug_option
def sweep(
    words: tuple[str, ...], resume: Path | None, options: tuple[str, ...], trust: bool, as_json: bool, **typed: object
) -> None:  # fmt: skip
    """Train ALGORITHM in ENVIRONMENT with many settings, on several seeds each.

    A range is cut into points by equal factors; of several names all combinations are tried. Any other hyperparameter
    is an option, as for zerone train. The folder gets the response as a picture and a table, the best setting as a
    preset (best.toml), and a run folder for each setting.
    """
    if not as_json:
        _finish(_run_sweep(words, resume, options, trust, typed, as_json))
        return
    with output.apart(quiet=False) as streams:
        print_json(_run_sweep(words, resume, options, trust, typed, as_json).facts(), streams.results)


def _run_sweep(
    words: tuple[str, ...], resume: Path | None, options: tuple[str, ...], trust: bool, typed: dict[str, Any],
    as_json: bool,
) -> Sweep:  # fmt: skip
    """Run or resume the sweep that the options describe."""
    from zerone.studies import sweep, sweep_plan

    wrappers = wrappers_of(typed.pop("wrappers"))
    asked = {name: value for name, value in typed.items() if value is not None}
    asked |= {"wrappers": wrappers} if wrappers else {}
    if ":" in asked.get("action_mask", ""):
        see_modules_here()
    elsewhere = {name: asked.pop(name) for name in ("spread", "address") if name in asked}
    if resume is not None:
        extra = [*words, *(option for option, _ in parsed(()).given), *options, *(f"--{name}" for name in asked)]
        if extra:
            raise InputError(
                translated(
                    "{option} is not allowed with --resume: the sweep in {resume} keeps its own settings",
                    option=extra[0],
                    resume=resume,
                )
            )
        import_trusted(sweep_plan.read_names(resume), trust)
        with _shown(resume, as_json) as on_progress:
            found = sweep.resume_sweep(resume, on_progress, progress=False, **elsewhere)
    else:
        if "trials" in asked and asked.get("driver") != "optuna":
            raise InputError(
                translated(
                    "--trials {trials} is not allowed without --driver optuna: a grid tries all", trials=asked["trials"]
                )
            )
        if "points" in asked and asked.get("driver") == "optuna":
            raise InputError(
                translated(
                    "--points {points} is not allowed with --driver optuna, which chooses its own",
                    points=asked["points"],
                )
            )
        varied = [word for word in words if "=" in word and not word.startswith("-")]
        said = parsed([word for word in words if word not in varied])
        if said.algorithm is None or said.environment is None:
            example = "zerone sweep ppo CartPole-v1 learning_rate=1e-4..1e-2"
            raise InputError(
                translated(
                    "ALGORITHM and ENVIRONMENT are missing: see zerone sweep --help; for example {example}",
                    example=example,
                )
            )
        from zerone.cli.train import require_environment
        from zerone.training.environment_setup import environment_name
        from zerone.training.folder import new_folder
        from zerone.training.run import plain_name

        require_environment(said.environment)
        asked["space"] = read_space(said.algorithm, varied)
        asked["settings"] = chosen_settings(said.algorithm, said.given)
        asked["options"] = environment_options(said.environment, options)
        out: Path | None = asked.pop("out", None)
        name = plain_name(f"sweep-{said.algorithm}", environment_name(said.environment))
        with (
            contextlib.nullcontext(out) if out else new_folder(name) as path,
            _shown(Path(path), as_json) as on_progress,
        ):
            found = sweep.sweep(
                said.algorithm,
                said.environment,
                out=path,
                on_progress=on_progress,
                progress=False,
                **asked,
                **elsewhere,
            )
    return found


def read_space(algorithm: str, words: Sequence[str]) -> dict[str, Any]:
    """Parse the swept settings, e.g. `learning_rate=1e-4..1e-2` or `clip=0.1,0.2`; layer widths `hidden=32,32;64,64`.

    Raises:
        InputError: the algorithm has no such setting, or a value has the wrong type.
    """
    from zerone.algorithms import catalogue
    from zerone.studies.search import Range

    known = {setting.name: setting for setting in settings_of(look_up(algorithm).make)}
    space: dict[str, Any] = {}
    for word in words:
        typed, _, raw = word.partition("=")
        name = typed.replace("-", "_")
        if name not in known:
            raise InputError(
                translated(
                    "{algorithm} has no setting {typed!r}: {hint}",
                    algorithm=algorithm,
                    typed=typed,
                    hint=catalogue.setting_of(algorithm, typed),
                )
            )
        if name in space:
            raise InputError(translated("{word} is not allowed: {name} is varied already", word=word, name=name))
        setting = known[name]
        low, dots, high = raw.partition("..")
        cut = ";" if isinstance(setting.default, tuple) else ","
        values = [parse_like(setting.default, each) for each in ([low, high] if dots else raw.split(cut))]
        if None in values or "" in values:
            raise InputError(
                translated(
                    "{name} = {typed} is not allowed: must be LOW..HIGH or values separated by {cut}, each {allowed}",
                    name=name,
                    typed=raw,
                    cut=cut,
                    allowed=setting.describe(),
                )
            )
        space[name] = Range(*values) if dots else values
    return space


@contextlib.contextmanager
def _shown(path: Path, as_json: bool) -> Generator[Callable[[int, int, Progress], None]]:
    """A progress callback; after Ctrl-C, prints how to resume."""
    from zerone.studies import sweep_plan
    from zerone.studies.sweep import together
    from zerone.training.folder_kind import SWEEP
    from zerone.training.progress import progress_for

    stream = sys.stderr if as_json else sys.stdout
    progress = progress_for(stream, plain_allowed=not as_json)

    def on_progress(number: int, of: int, now: Progress) -> None:
        together(progress, number, of, now)

    try:
        yield on_progress
    except KeyboardInterrupt as error:
        if not (path / SWEEP).exists():  # nothing was saved yet
            raise
        again = with_trust(path, sweep_plan.read_names(path))
        line = translated("interrupted; go on with: zerone sweep --resume {path}", path=again)
        raise KeyboardInterrupt(line) from error
    finally:
        progress.stop()


def _finish(found: Sweep) -> None:
    """Print the result of a sweep."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    heads = translated("mean [95% interval]"), translated("worst seed")
    table = Table(*found.names, *heads, "", box=box.SIMPLE_HEAD)
    for trial in found.trials:
        best = translated("best") if trial is found.best else ""
        cells = [_typed(trial.settings[name]) for name in found.names]
        table.add_row(*cells, _bounded(trial), "" if trial.diverged else f"{trial.values.min():.4g}", best)
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
    seeds, others = found.config["seeds"], found.confirmed.seeds
    click.echo(translated(
        "{count} settings of {algorithm} on {environment}, {seeds} seeds of {steps:,} steps each",
        count=len(found.trials), algorithm=found.config["algorithm"], environment=found.config["environment"],
        seeds=len(seeds), steps=found.config["steps"],
    ))  # fmt: skip
    click.echo(translated("the best on seeds {first} to {last}, which had no part in the choice: {worth}",
                          first=others[0], last=others[-1], worth=_bounded(found.confirmed)))  # fmt: skip
    click.echo(
        translated(
            "Quote that number: the best of many is partly luck, so on other seeds expect less than in the table."
        )
    )
    for note in found.notes:
        click.echo(translated("note: {note}", note=note))
    click.echo("\n" + translated("folder: {path}", path=as_seen(found.path)))
    click.echo(translated("pictures: response.png, response.svg; table.csv; the best settings: best.toml"))
    click.echo("  " + translated("{command}  trains with them, for as long", command=_command(found)))


def _command(found: Sweep) -> str:
    """The command that trains with the best settings, exactly as in the sweep."""
    config = found.config
    words = ["zerone", "train", config["algorithm"], config["environment"]]
    words += ["--settings", str(as_seen(found.path) / "best.toml"), "--steps", str(config["steps"])]
    words += [] if config["engine"] == "auto" else ["--engine", config["engine"]]
    seen = config["observations"]
    words += [] if seen == "auto" else ["--observations", seen]
    mask = config["action_mask"]
    words += [] if mask == "off" else ["--action-mask", mask]
    words += words_of(config["around"])
    words += [] if config["processes"] is None else ["--processes", str(config["processes"]["number"])]
    for name, value in config["options"].items():
        layout = isinstance(value, (tuple, list))  # a layout's rows; the name of its file is not kept
        words += ["--option", f"{name}=FILE" if layout else f"{name}={value}"]
    return shlex.join(words)


def _bounded(trial: Trial) -> str:
    if trial.diverged:
        return translated("learning diverged")
    bounds = trial.interval
    return f"{trial.mean:.4g} [-]" if bounds is None else f"{trial.mean:.4g} [{bounds[0]:.4g}, {bounds[1]:.4g}]"


def _typed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
