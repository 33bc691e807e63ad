"""`zerone train`: from the command line to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.place import as_seen
from zerone.cli import output
from zerone.cli.algorithm_command import AlgorithmCommand, ParsedArguments, parsed
from zerone.cli.around import around_options, wrappers_of
from zerone.cli.options import (
    LARGEST_SEED,
    MOST_EPISODES,
    MOST_PROCESSES,
    MOST_SEEDS,
    MOST_STEPS,
    VIEWS,
    Finite,
    OneOf,
    Place,
    Whole,
    as_json,
    debug_option,
    import_trusted,
    json_option,
    processes_options,
    see_modules_here,
    step_timeout_option,
    trust_option,
)
from zerone.cli.outcome import say_outcome
from zerone.cli.settings import chosen_settings, environment_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zerone.cli.training import Display
    from zerone.training.run import Run


STEPS = Whole(1, MOST_STEPS)
SEED = Whole(0, LARGEST_SEED, translatable("--seeds N trains N seeds, --seed is the first"))


class Train(AlgorithmCommand):
    """A command whose help lists the hyperparameters of the algorithm given before `--help`."""

    help_of_others = True


@click.command(
    cls=Train,
    options_metavar="[OPTIONS]",
    epilog="""\b
    Examples:
      zerone train dqn CartPole-v1 --seeds 3
      zerone train ppo CartPole-v1 --steps 50000 --learning-rate 1e-3
      zerone train --resume RUN""",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ALGORITHM ENVIRONMENT")
@click.option("--steps", type=STEPS, help="Environment steps of each seed, without stopping once solved. "
              "Default: the preset's, most of them end earlier once solved.")  # fmt: skip
@click.option("--episodes", type=Whole(1, MOST_EPISODES), help="Train until so many episodes of each seed have ended, "
              "instead of --steps.")  # fmt: skip
@click.option("--seed", type=SEED, help="The seed, or the first of --seeds. Default: 0.")
@click.option("--seeds", type=Whole(1, MOST_SEEDS), help="How many seeds to train. Default: 1.")
@click.option("--out", type=Place("FOLDER"), help="The run folder. Default: a new one in runs.")
@click.option("--resume", type=Place("RUN"), help="Go on with the run in this folder; nothing else is needed.")
@click.option("--overwrite", is_flag=True, default=None, help="Use --out though it exists: replace the run in it.")
@click.option("--engine", type=OneOf("auto", "compiled", "host", "cluster"), help="Default: auto, compiled where it "
              "can be. cluster: each worker of a3c and dppo in a process of its own.")  # fmt: skip
@click.option("--spread", type=Whole(1, MOST_PROCESSES), metavar="N", help="Train the seeds in N processes of a Ray "
              "cluster, with the same bits; a lost process is replaced.")  # fmt: skip
@click.option("--address", metavar="HOST:PORT", help="With --engine cluster or --spread: the Ray cluster to join. "
              "Default: one is started on this machine.")  # fmt: skip
@click.option("--worker-timeout", type=Finite(0.1, 1e6), metavar="SECONDS", help="With these: a worker that takes "
              "longer for a block of steps is replaced. Default: 60.")  # fmt: skip
@processes_options
@step_timeout_option
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE",
              help="Of the environment: see zerone environments NAME. Can be repeated.")  # fmt: skip
@click.option("--observations", type=OneOf(*VIEWS), help="How they are seen, "
              "grid is a picture of symbols. Default: auto; zerone check ENVIRONMENT says what that is.")  # fmt: skip
@around_options
@click.option("--action-mask", metavar="WHERE", help="Take only actions that are allowed: environment, where it "
              "says so itself, or module:function of an observation. Default: off.")  # fmt: skip
@click.option("--from", "dataset", type=Place("DATASET"), help="Learn from these recorded steps (zerone record, or "
              "Minari's), not from own play. With --resume: where they are now.")  # fmt: skip
@click.option("--own-play", type=Finite(0.001, 0.999), metavar="SHARE", help="With --from: mix in this share of own "
              "play, above 0 and below 1.")  # fmt: skip
@click.option("--preset", type=OneOf("tuned", "tutorial", "none"), help="Begin with our tuned settings, the tutorial's "
              "own, or the algorithm's defaults. Default: tuned.")  # fmt: skip
@click.option("--settings", "settings_file", type=Place("FILE"), help="A TOML file in the place of the preset: its "
              "table of ENVIRONMENT, such as the best.toml of a sweep.")  # fmt: skip
@click.option("--evaluate-every", type=STEPS, help="Steps between two evaluations. Default: often at first, later a "
              "twentieth of all, as far as a fifth of the time allows.")  # fmt: skip
@click.option("--evaluation-episodes", type=Whole(1, 1_000_000), help="Episodes of each evaluation. Default: up to "
              "100, as many as that time allows.")  # fmt: skip
@click.option("--evaluation-limit", type=Whole(1, MOST_STEPS), metavar="STEPS", help="Steps after which an "
              "evaluation's episode is cut that has not ended. Default: 10,000.")  # fmt: skip
@click.option("--stochastic", is_flag=True, default=None, help="Evaluate the policy with its own chance, as it "
              "learns, not greedily.")  # fmt: skip
@click.option("--save-every", type=STEPS, help="Steps between two checkpoints. Default: a twentieth of all.")
@click.option("--keep-last", type=Whole(1), help="Checkpoints that are kept beside the best. Default: 2.")
@click.option("--stop-when-solved/--no-stop-when-solved", default=None, help="End a seed once it has solved it.")
@click.option("--solved-at", type=Finite(), help="Mean return that counts as solved. Default: the environment's.")
@click.option(
    "--figure/--no-figure",
    default=None,
    help="Draw the learning curve (and a table's values) at the end. Default: yes.",
)
@click.option("--chunk", type=Whole(1, MOST_STEPS), help="Updates between two looks at it; changes no result.")
@click.option("--callback", "callbacks", multiple=True, metavar="MODULE:NAME", help="It hears what happens, and "
              "may stop the training. Can be repeated. With --resume: none instead of the run's.")  # fmt: skip
@click.option("--track", "trackers", multiple=True, type=OneOf("wandb", "mlflow", "trackio", "swanlab", "none"),
              help="Send the log to this tracker, too. Can be repeated; none as for --callback.")  # fmt: skip
@click.option("--watch", is_flag=True, help="See it in a window while it learns: of a table each step, from the "
              "first on, slowed to be seen; else its newest policy at play.")  # fmt: skip
@click.option("--watch-speed", type=Finite(0, 1e6), metavar="STEPS", help="With --watch: each step of its training, "
              "so many in a second; 0: its newest policy at play. Default for tables: what looks natural.")  # fmt: skip
@click.option("--watch-from", type=Finite(), metavar="RETURN", help="The same, once it reaches this return.")
@click.option("--text", is_flag=True, help="With --watch: in this terminal, not in a window.")
@click.option("--quiet", is_flag=True, help="Print only the run folder.")
@trust_option
@json_option
@debug_option
def train(words: tuple[str, ...], resume: Path | None, settings_file: Path | None, **typed: Any) -> None:
    """Train ALGORITHM in ENVIRONMENT, with the hyperparameters of its preset changed by what is given here."""
    from zerone.cli.training import Display

    names = ("chunk", "watch", "watch_from", "watch_speed", "text", "quiet", "as_json")
    manner = Display(**{name: typed.pop(name) for name in names})
    manner.check()
    if not (manner.quiet or manner.as_json):
        say_outcome(_run_train(words, resume, settings_file, typed, manner), None if resume else settings_file)
        return
    with output.apart(quiet=manner.quiet) as streams:
        run = _run_train(words, resume, settings_file, typed, manner)
        if manner.as_json:
            as_json(run.result or {}, streams.results)
        else:
            click.echo(str(as_seen(run.path)), file=streams.results)


def _run_train(
    words: tuple[str, ...], resume: Path | None, settings_file: Path | None, typed: dict[str, Any], manner: Display
) -> Run:
    """Start or resume the training that the options describe."""
    from zerone.cli.training import Callbacks, go_on, start

    trusted = typed.pop("trust")
    options = typed.pop("options")
    listening = Callbacks(typed.pop("callbacks"), typed.pop("trackers"), trusted)
    # None means not given: the defaults are those of `zerone.train`, and are written only there.
    wrappers = wrappers_of(typed.pop("wrappers"))
    asked: dict[str, Any] = {name: value for name, value in typed.items() if value is not None}
    asked |= {"wrappers": wrappers} if wrappers else {}
    if ":" in asked.get("action_mask", ""):
        see_modules_here()
    said = parsed(words)
    if resume is None and not said.given:
        _require_words(said)  # before anything slow is imported
    if manner.watching and not manner.text:
        from zerone.environments.window import require_display

        require_display("--watch --text")
    if resume is not None:
        if "preset" in asked:
            raise InputError(
                translated(
                    "--preset {preset} is not allowed with --resume: {resume} keeps its settings",
                    preset=asked["preset"],
                    resume=resume,
                )
            )
        typed_names = (said.algorithm, said.environment)
        return go_on(
            resume,
            said,
            asked,
            options,
            settings_file,
            manner,
            lambda config: import_trusted(config, trusted, typed_names),
            listening,
        )
    algorithm, environment = _require_words(said)
    _require_together(asked, settings_file)
    changes = chosen_settings(algorithm, said.given)
    asked["settings"] = changes if settings_file is None else (settings_file, changes)
    asked["options"] = environment_options(environment, options)
    return start(algorithm, environment, asked, manner, listening)


def _require_together(asked: Mapping[str, Any], settings_file: Path | None) -> None:
    """Raise `InputError` if options of a new training contradict each other."""
    if "own_play" in asked and "dataset" not in asked:
        raise InputError(
            translated(
                "--own-play {own_play:g} is not allowed without --from: it all is own play", own_play=asked["own_play"]
            )
        )
    for name in ("address", "worker_timeout"):
        if name in asked and asked.get("engine") != "cluster" and "spread" not in asked:
            option, value = "--" + name.replace("_", "-"), asked[name]
            raise InputError(
                translated(
                    "{option} {value} is not allowed without --engine cluster or --spread, or it would be ignored",
                    option=option,
                    value=value,
                )
            )
    if "steps" in asked and "episodes" in asked:
        both = f"--steps {asked['steps']} and --episodes {asked['episodes']}"
        raise InputError(translated("{both} exclude each other: a training has one length", both=both))
    if "preset" in asked and settings_file is not None:
        raise InputError(
            translated(
                "--preset {preset} and --settings exclude each other: a file takes a preset's place",
                preset=asked["preset"],
            )
        )


def _require_words(said: ParsedArguments) -> tuple[str, str]:
    """ALGORITHM and ENVIRONMENT, both given, and the environment known: checked first, because it needs no JAX."""
    if said.algorithm is None:
        raise InputError(
            translated(
                "ALGORITHM and ENVIRONMENT are missing: zerone train ALGORITHM ENVIRONMENT, for "
                "example zerone train dqn CartPole-v1 (zerone algorithms lists them)"
            )
        )
    if said.environment is None:
        from zerone.environments.names import is_known

        if is_known(said.algorithm):
            raise InputError(
                translated(
                    "ALGORITHM is missing: zerone train ALGORITHM {environment} (zerone algorithms lists them)",
                    environment=said.algorithm,
                )
            )
        raise InputError(
            translated(
                "ENVIRONMENT is missing: zerone train {algorithm} ENVIRONMENT (zerone environments lists them)",
                algorithm=said.algorithm,
            )
        )
    try:
        require_environment(said.environment)
    except InputError as error:
        from zerone.training.unknown_arguments import swapped

        raise swapped(said.algorithm, said.environment) or error from None
    return said.algorithm, said.environment


def require_environment(identity: str) -> None:
    """Raise `InputError` if there is no such environment; imports its module if the id names one."""
    from zerone.environments import catalogue

    if ":" in identity:
        see_modules_here()
    if catalogue.find(identity) is None:
        from zerone.environments.gym.makers import maker

        maker(identity, {})
