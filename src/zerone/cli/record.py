"""`zerone record`: records the steps of an agent, a random policy or a person as a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.cli import output
from zerone.cli.options import (
    LARGEST_SEED,
    MOST_STEPS,
    Finite,
    OneOf,
    Place,
    Whole,
    debug_option,
    import_trusted,
    json_option,
    read_config,
    see_modules_here,
    step_timeout_option,
    trust_option,
)
from zerone.cli.options import as_json as print_json
from zerone.cli.settings import environment_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@click.command(
    epilog="""\b
    Keys, which the window shows, too: the arrow keys, where an action is up,
    down, left or right (or the lowest and the highest of a single continuous
    one); else the number of the action, 0 to 9, then a to z. A slow environment
    waits for each key, a fast one begins with the first and goes on at its own
    speed. Escape, or closing the window, ends the recording.

    \b
    Examples:
      zerone record runs/dqn-CartPole-v1-1 --episodes 50 --epsilon 0.1
      zerone record --random zerone/Maze-v0 --steps 20000 --out day
      zerone record --keyboard MountainCar-v0
      zerone train q-learning zerone/Maze-v0 --from day"""
)
@click.argument("run", required=False, type=Place("RUN"), metavar="[RUN]")
@click.option("--random", "chance", metavar="ENVIRONMENT", help="Chance plays in this environment.")
@click.option("--keyboard", metavar="ENVIRONMENT", help="You play in this environment, in a window.")
@click.option("--episodes", type=Whole(1, MOST_STEPS), help="How many. Default: 100; at the keyboard, until you end.")
@click.option("--steps", type=Whole(1, MOST_STEPS), help="How many, instead; the last episode is cut.")
@click.option("--seed", type=Whole(0, LARGEST_SEED), default=0, help="Of the episodes and actions. Default: 0.")
@click.option("--out", type=Place("FOLDER"), help="The dataset. Default: a new one in datasets.")
@click.option("--overwrite", is_flag=True, help="Use --out though it exists: replace the dataset in it.")
@click.option("--epsilon", type=Finite(0, 1), metavar="SHARE", help="Of RUN's actions that chance takes. Default: 0.")
@click.option("--agent", type=Whole(0, LARGEST_SEED), metavar="SEED", help="Which of the run's seeds. Default: first.")
@click.option("--checkpoint", metavar="best|last|STEP|FILE", help="Which policy of RUN. Default: best.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of ENVIRONMENT: see zerone "
              "environments NAME. Can be repeated.")  # fmt: skip
@click.option("--engine", type=OneOf("auto", "compiled", "host"), help="Of ENVIRONMENT: auto, compiled where it can.")
@click.option("--action-mask", metavar="WHERE", help="With --random: take only actions that are allowed, as for zerone "
              "train. Default: off.")  # fmt: skip
@step_timeout_option
@trust_option
@json_option
@debug_option
def record(
    run: Path | None, chance: str | None, keyboard: str | None, options: tuple[str, ...], trust: bool, as_json: bool,
    **typed: Any,
) -> None:  # fmt: skip
    """Keep what the agent of RUN does, or chance (--random), or you (--keyboard): a dataset in Minari's format."""
    given = [name for name, value in (("RUN", run), ("--random", chance), ("--keyboard", keyboard)) if value]
    if len(given) != 1:
        missing = translated("RUN, --random and --keyboard are all missing: zerone record RUN, or --random ENVIRONMENT")
        raise InputError(
            translated("{options} exclude each other", options=translated(" and ").join(given)) if given else missing
        )
    if typed["episodes"] is not None and typed["steps"] is not None:
        raise InputError(translated("--episodes and --steps exclude each other"))
    environment = chance or keyboard
    _require_together(given[0], environment, {"--option": options, **_by_option(typed)})
    asked = {name: value for name, value in typed.items() if value is not None}
    if keyboard is not None:
        from zerone.environments.window import require_display

        require_display()
    with output.apart(quiet=False) as streams:
        if environment is not None:
            from zerone.cli.train import require_environment

            require_environment(environment)
            if ":" in asked.get("action_mask", ""):
                see_modules_here()
            asked["options"] = environment_options(environment, options)
        elif run is not None:
            import_trusted(read_config(run), trust)
        player = run or ("random" if chance else "keyboard")
        from zerone.recording.record import record as play
        from zerone.training.interrupt import Program, as_program

        with as_program(Program(output.tell)):
            found = play(player, environment, **asked)
        if as_json:
            print_json(found, streams.results)
            return
    mean = translated("no episode was played to its end")
    if found["return_mean"] is not None:
        mean = translated("mean return {mean:,.2f}", mean=found["return_mean"])
    click.echo(translated(
        "{dataset}: {player} on {environment}, {steps}, {episodes}, {mean}",
        dataset=found["dataset"], player=found["player"], environment=found["environment"],
        steps=output.steps(found["steps"]),
        episodes=output.episodes(found["episodes"]), mean=mean,
    ))  # fmt: skip


def _by_option(typed: Mapping[str, Any]) -> dict[str, Any]:
    """The given options that apply only to one kind of player, by option name."""
    names = ("engine", "action_mask", "epsilon", "agent", "checkpoint")
    return {"--" + name.replace("_", "-"): typed[name] for name in names}


def _require_together(player: str, environment: str | None, typed: Mapping[str, Any]) -> None:
    """Raise `InputError` if an option would be ignored with this player."""
    own = translated("a run has its own")
    why = dict.fromkeys(("--option", "--engine", "--action-mask"), own)
    if environment is not None:
        why = dict.fromkeys(("--epsilon", "--agent", "--checkpoint"), translated("it is for the agent of a run"))
    if player == "--keyboard":
        why["--action-mask"] = translated("you choose the actions")
    for name, reason in why.items():
        if typed[name] not in (None, ()):
            raise InputError(
                translated("{name} is not allowed with {other}: {why}", name=name, other=player, why=reason)
            )
