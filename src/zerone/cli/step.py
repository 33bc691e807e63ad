"""`zerone step`: a training step by step, forwards and backwards, with the numbers of each update."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import Config
from zerone.cli.algorithm_command import AlgorithmCommand, ParsedArguments, parsed
from zerone.cli.options import (
    LARGEST_SEED,
    MOST_STEPS,
    OneOf,
    Whole,
    debug_option,
    import_trusted,
    read_config,
    see_modules_here,
    trust_option,
)
from zerone.cli.settings import chosen_settings, environment_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zerone.algorithms.protocol import Algorithm
    from zerone.player.step_terminal import Walk

PRINTED = 10
"""Number of steps that are printed if there is no terminal for keys."""


@click.command(
    cls=AlgorithmCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
    In a terminal a key is a step. Space plays and pauses, + and - change the
    speed; the right arrow is a step, u an update, e the end of the episode, c
    the next change; the left arrow goes back, a to the start; q ends.

    \b
    Examples:
      zerone step q-learning zerone/Maze-v0
      zerone step sarsa-lambda zerone/Maze-v0 --trace-decay 0.8 --at 500
      zerone step RUN --at 2000
      zerone step q-learning zerone/Treasure-v0 --steps 20 > steps.txt""",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ALGORITHM ENVIRONMENT | RUN")
@click.option("--at", type=Whole(0, MOST_STEPS), default=0, help="Begin after so many environment steps. Default: 0.")
@click.option("--steps", type=Whole(1, 1_000_000), help="Print so many steps instead of waiting for keys. Default "
              f"where there is no terminal: {PRINTED}.")  # fmt: skip
@click.option("--seed", type=Whole(0, LARGEST_SEED), help="Of the training. Default: 0; of RUN: its first.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the environment.")
@click.option("--preset", type=OneOf("tuned", "tutorial", "none"), help="Begin with our tuned settings, the tutorial's "
              "own, or the algorithm's defaults. Default: tuned.")  # fmt: skip
@click.option("--action-mask", metavar="WHERE", help="Take only actions that are allowed, as in zerone train.")
@trust_option
@debug_option
def step(
    words: tuple[str, ...], at: int, steps: int | None, seed: int | None, options: tuple[str, ...],
    preset: str | None, action_mask: str | None, trust: bool,
) -> None:  # fmt: skip
    """See ALGORITHM learn in ENVIRONMENT, or the training of RUN again, step by step: each update with its numbers.

    Hyperparameters are options, as for zerone train.
    """
    from zerone.cli import output
    from zerone.player import step_terminal
    from zerone.training.interrupt import Program, as_program

    said = parsed(words)
    if len(words) == 1 and Path(words[0]).is_dir():
        given = [option for option, _ in said.given]
        given += [name for name, typed in (("--preset", preset), ("--action-mask", action_mask)) if typed is not None]
        walk = _training_of_run(Path(words[0]), given, seed, options, trust)
    else:
        if ":" in (action_mask or ""):
            see_modules_here()
        walk = stepped(said, seed, options, action_mask, preset)
    with as_program(Program(output.tell)):
        walk.begin_at(at)
        if steps is None and sys.stdout.isatty() and step_terminal.can_read_keys():
            step_terminal.with_keys(walk, sys.stdout)
        else:
            step_terminal.printed(walk, PRINTED if steps is None else steps, sys.stdout)


def stepped(
    said: ParsedArguments, seed: int | None, options: Sequence[str], action_mask: str | None = None,
    preset: str | None = None,
) -> Walk:  # fmt: skip
    """The training of an algorithm in an environment, before its first step.

    Raises:
        InputError: the compiled engine does not support it, or `zerone train` would reject it.
    """
    if said.algorithm is None or said.environment is None:
        raise InputError(
            translated(
                "ALGORITHM and ENVIRONMENT, or RUN, are missing: for example zerone step q-learning zerone/Maze-v0"
            )
        )
    from zerone.cli.train import require_environment
    from zerone.environments.base import NO_MASK
    from zerone.training.algorithm_setup import make_algorithm

    require_environment(said.environment)
    chosen = environment_options(said.environment, options)
    given = chosen_settings(said.algorithm, said.given)
    made, _ = make_algorithm(said.algorithm, said.environment, given, preset=preset or "tuned")
    return walk_of(made, said.environment, chosen, seed or 0, action_mask or NO_MASK)


def _training_of_run(path: Path, given: Sequence[str], seed: int | None, options: Sequence[str], trust: bool) -> Walk:
    from zerone.training.action_masks import read
    from zerone.training.algorithm_setup import make_algorithm_from

    extra = [*given, *options]
    if extra:
        raise InputError(
            translated(
                "{option} is not allowed with a run: {path} knows what it was trained with", option=extra[0], path=path
            )
        )
    config: Config = read_config(path)
    import_trusted(config, trust)
    seeds = config["seeds"]
    chosen = seeds[0] if seed is None else seed
    if chosen not in seeds:
        raise InputError(
            translated(
                "--seed {chosen} is not allowed: {path} has {listed}",
                chosen=chosen,
                path=path,
                listed=", ".join(map(str, seeds)),
            )
        )
    if config.get("dataset") is not None:
        raise InputError(
            translated("{path} has learnt from a dataset: only own play can be stepped through", path=path)
        )
    if config["engine"] != "compiled":
        raise InputError(
            translated(
                "{path} was trained by the {engine} engine: only a training of the compiled one can be seen again",
                path=path,
                engine=config["engine"],
            )
        )
    environment = config["environment"]
    made = make_algorithm_from(config["algorithm"])
    mask, view = read(environment["action_mask"]), environment["observations"]
    return walk_of(made, environment["id"], environment["options"], chosen, mask, view)


def walk_of(
    algorithm: Algorithm, environment: str, options: Mapping[str, Any], seed: int, action_mask: str = "off",
    observations: str = "auto",
) -> Walk:  # fmt: skip
    """The training of an algorithm in an environment, before its first step.

    Raises:
        InputError: the compiled engine does not support it.
    """
    from gymnasium.spaces import Discrete

    from zerone.engines.compiled import Compiled
    from zerone.engines.stepping import Stepper
    from zerone.environments.catalogue import action_names
    from zerone.environments.drawing.geometry import grid_of
    from zerone.player.step_terminal import Walk
    from zerone.player.step_text import StepText
    from zerone.training.engine_setup import make_engine

    engine = make_engine("auto", algorithm, environment, options, observations, action_mask=action_mask)
    if not isinstance(engine, Compiled):
        raise InputError(
            translated(
                "{environment} is not written in JAX: only compiled environments can be stepped back",
                environment=environment,
            )
        )
    actions = engine.spaces.action
    names = [*map(translated, action_names(environment, int(actions.n)))] if isinstance(actions, Discrete) else []
    stepper = Stepper(algorithm, engine.environment, seed)
    title = translated("{algorithm} on {environment}, seed {seed}", algorithm=algorithm.name, environment=environment,
                       seed=seed)  # fmt: skip
    return Walk(stepper, StepText(stepper, title, grid_of(engine.environment), names, sys.stdout))
