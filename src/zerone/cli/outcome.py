"""The report printed after a training: its result, and what can be done with the run."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zerone.base.language import joined, translated
from zerone.base.place import absolute, as_seen
from zerone.base.saved_types import EnvironmentConfig
from zerone.cli import output
from zerone.cli.options import (
    places_named,
    say_cut,
)

if TYPE_CHECKING:
    from zerone.training.run import Run


def _usual_level(environment: EnvironmentConfig) -> float | None:
    """The solved threshold of an environment with default options; None if it has none."""
    from zerone.training import environment_setup

    return environment_setup.solved_at(environment["id"]) if environment["known"] else None


def say_outcome(run: Run, settings_file: Path | None) -> None:
    """Print the result of a training, and commands to use its run."""
    result = run.result
    assert result is not None  # noqa: S101 - it has ended
    seeds = result["seeds"]
    solved, level = sum(each["solved"] for each in seeds), run.config.get("solved_at")
    episodes = run.config["evaluation_episodes"]
    over = output.episodes(episodes)
    if seeds[1:]:
        over = translated("{episodes} of each of {seeds} seeds", episodes=over, seeds=len(seeds))
    what = translated("{algorithm} on {environment}", algorithm=result["algorithm"], environment=result["environment"])
    took = translated(
        "{steps:,} steps in {seconds:.1f} s (of which evaluations {evaluations:.1f} s, the final evaluation "
        "{judgement:.1f} s)", steps=result["steps"], seconds=result["seconds"],
        evaluations=result["evaluation_seconds"], judgement=result["final_evaluation_seconds"],
    )  # fmt: skip
    speed = translated(", {speed:,.0f} steps/s", speed=result["steps_per_second"]) if result["steps_per_second"] else ""
    click.echo("\n" + translated("{what}: {result}", what=what, result=f"{took}{speed}"))
    if result["stopped"] is not None:
        click.echo(translated("stopped by {callback}: {reason}", callback=result["stopped"]["by"],
                              reason=result["stopped"]["reason"]))  # fmt: skip
    if settings_file is not None:
        click.echo(translated("settings: {file}, in the place of the preset", file=settings_file))
    mean = translated("mean return {mean} over {episodes}", mean=_number(result["return_mean"]), episodes=over)
    click.echo(mean + (translated(" of stochastic play") if result["stochastic"] else ""))
    evaluation = run.config.get("evaluation")
    limit = 10_000 if evaluation is None else evaluation["limit"]
    say_cut(sum(each["cut"] for each in seeds), limit, "--evaluation-limit")
    if level is not None:
        first = min((at for each in seeds if (at := each["solved_at_step"]) is not None), default=None)
        click.echo(_solved(solved, len(seeds), first) + translated(" (solved: {level:g} or more)", level=level))
    elif (usual := _usual_level(run.config["environment"])) is not None:
        click.echo(
            translated(
                "solved is not tested: the threshold {level:g} is for {environment} without these options "
                "(--solved-at sets another)",
                level=usual,
                environment=result["environment"],
            )
        )
    path, zerone = _quoted(as_seen(run.path)), _program()
    trust = " --trust" if places_named(run.config) else ""  # modules that a run names are not imported without --trust
    click.echo("\n" + translated("run folder: {path}", path=as_seen(run.path)))
    with_table = run.config["figure"] and (run.path / "table.png").exists()
    with_figure = run.config["figure"] and (run.path / "figure.png").exists()
    if with_figure:
        pictures = [translated("pictures: figure.png, how it learned"),
                    *([translated("table.png, what it learned")] if with_table else [])]  # fmt: skip
        click.echo(joined(pictures))
    drawn = translated("draw its learning curve and its table") if with_table else translated("draw its learning curve")
    hints = {
        f"{zerone} watch {path}{trust}": translated("see it play"),
        f"{zerone} evaluate {path}{trust}": translated("measure it, on other episodes with --seed"),
    }
    if with_figure or not run.config["figure"]:  # without a figure although it was wanted, there is nothing to draw
        hints[f"{zerone} plot {path}{trust}"] = drawn
    if result["stopped"] is not None:
        hints[f"{zerone} train --resume {path}{trust} --callback none"] = translated(
            "go on, without what has stopped it"
        )
    for command, text in hints.items():
        click.echo(f"  {command:<{max(len(each) for each in hints)}}  {text}")
    sys.stdout.flush()


def _solved(solved: int, seeds: int, first: int | None) -> str:
    """How many seeds solved it, and the step at which the first one did."""
    if seeds == 1:
        return translated("not solved") if first is None else translated("solved after {steps:,} steps", steps=first)
    if not solved or first is None:
        return translated("solved on none of {seeds} seeds", seeds=seeds)
    return translated("solved on {solved} of {seeds} seeds, first after {steps:,} steps", solved=solved, seeds=seeds,
                      steps=first)  # fmt: skip


def _program() -> str:
    """How this program can be called here: by its name, or by its path if the name is not found."""
    if shutil.which("zerone"):
        return "zerone"
    here = absolute(sys.argv[0])
    if here.name != "zerone":
        return f"{Path(sys.executable).name} -m zerone"
    near = Path(os.path.relpath(here, absolute("")))
    return _quoted(near if len(str(near)) < len(str(here)) else here)


def _number(value: float | None) -> str:
    return translated("unknown") if value is None else f"{value:,.2f}"


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
