"""`zerone evaluate` and `zerone plot`: evaluations of runs, and their figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.place import as_seen
from zerone.base.saved_types import Config
from zerone.charts.formats import FIGURE_SUFFIXES
from zerone.cli import output
from zerone.cli.foresight import search_options
from zerone.cli.options import (
    LARGEST_SEED,
    MOST_STEPS,
    Place,
    Whole,
    debug_option,
    import_trusted,
    json_option,
    read_config,
    say_cut,
    step_timeout_option,
    trust_option,
)
from zerone.cli.options import as_json as print_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zerone.charts.table_figure import Picture
    from zerone.training.folder import RunFolder
    from zerone.training.judging import Evaluated


@click.command()
@click.argument("run", type=Place("RUN"), metavar="RUN")
@click.option("--episodes", type=Whole(1, 1_000_000), default=100, help="How many, of each seed. Default: 100.")
@click.option("--seed", type=Whole(0, LARGEST_SEED), default=0, help="Of the episodes. Default: 0.")
@click.option("--checkpoint", default="best", metavar="best|last|STEP|FILE", help="Which policy. Default: best.")
@click.option("--limit", type=Whole(1, MOST_STEPS), metavar="STEPS", help="Where an episode is cut that has not ended. "
              "Default: as in the training, 10,000.")  # fmt: skip
@click.option("--stochastic/--greedy", default=None, help="With the policies' own chance, as they learn. Default: as "
              "in the training, greedy.")  # fmt: skip
@search_options
@step_timeout_option
@trust_option
@json_option
@debug_option
def evaluate(
    run: Path, episodes: int, seed: int, checkpoint: str, limit: int | None, stochastic: bool | None,
    step_timeout: float | None, trust: bool, as_json: bool, **search: object,
) -> None:  # fmt: skip
    """Measure the agents of RUN on the real reward. The same seed gives the same episodes."""
    with output.apart(quiet=False) as streams:
        how = episodes, seed, checkpoint, limit, stochastic
        config, found = _evaluated(run, trust, *how, step_timeout=step_timeout, **search)
        identity = config["environment"]["id"]
        if as_json:
            about = {"run": str(run), "algorithm": config["algorithm"]["name"], "environment": identity}
            print_json({**about, "checkpoint": checkpoint, **found}, streams.results)
            return
    per_seed: list[dict[str, Any]] = found.get("seeds", [])
    what = translated("{algorithm} on {environment}", algorithm=config["algorithm"]["name"], environment=identity)
    what += translated(", stochastic") if found["stochastic"] else ""
    what += "".join(f", {name.replace('_', ' ')} {found[name]}" for name in search if name in found)
    mean, spread = found["return_mean"], found["return_std"]
    if not per_seed:
        worth = translated(
            "mean return {mean:,.2f} (standard deviation {spread:,.2f}), mean length {length:,.1f}, over {episodes}",
            mean=mean,
            spread=spread,
            length=found["length_mean"],
            episodes=output.episodes(episodes),
        )
        click.echo(translated("{what}: {result}", what=what, result=worth))
    else:
        worth = translated("mean return {mean:,.2f} (standard deviation over {seeds} seeds {spread:,.2f}), over "
                           "{episodes} each", mean=mean, spread=spread, seeds=len(per_seed),
                           episodes=output.episodes(episodes))  # fmt: skip
        click.echo(translated("{what}: {result}", what=what, result=worth))
        for one in per_seed:
            words = translated("seed {seed:<6}", seed=one["seed"])
            click.echo(f"  {words} {one['return_mean']:>12,.2f} ± {one['return_std']:,.2f}")
    say_cut(found["cut"], found["limit"], "--limit")
    level = config.get("solved_at")
    if level is not None:
        click.echo(translated("solved is {level:g} or more", level=level))


def _evaluated(path: Path, trust: bool, *how: Any, **words: Any) -> tuple[Config, Evaluated]:
    """The configuration and the evaluation of the run at `path`; `how` is passed to `Run.evaluate`."""
    import_trusted(read_config(path), trust)
    from zerone.training.interrupt import Program, as_program
    from zerone.training.run import load

    run = load(path)
    try:
        with as_program(Program(output.tell)):
            return run.config, run.evaluate(*how, **words)
    finally:
        run.engine().close()


@click.command()
@click.argument("runs", nargs=-1, required=True, type=Place("RUN"), metavar="RUN...")
@click.option("--out", type=Place("FILE"), help="A .png, .svg or .pdf. Default, for one run: its own figure.")
@click.option("--agent", type=Whole(0, LARGEST_SEED), metavar="SEED", help="Whose table, of each run. Default: first.")
@click.option("--checkpoint", metavar="best|last|STEP|FILE", help="Which table, of each run. Default: best.")
@trust_option
@json_option
@debug_option
def plot(
    runs: tuple[Path, ...], out: Path | None, agent: int | None, checkpoint: str | None, trust: bool, as_json: bool
) -> None:
    """Draw the learning curves of one or several RUNs; and of tables over a grid their values and greedy arrows.

    The tables have a file of their own beside that of the curves: table.png, or FILE-table.png.
    """
    from zerone.cli.options import require_file_place
    from zerone.training.folder import RunFolder, names_of
    from zerone.training.metrics_table import read_metrics
    from zerone.training.notebook import about_of

    if out is not None:
        require_file_place("--out", out, FIGURE_SUFFIXES)
    elif len(runs) > 1:
        raise InputError(translated("--out is missing: {runs} runs need a file of their own", runs=len(runs)))
    folders = [RunFolder.open(run) for run in runs]
    for folder in folders:
        import_trusted(folder.config, trust)
    levels = {folder.config.get("solved_at") for folder in folders}
    path = folders[0].figure_path if out is None else out
    pictures = _tables(folders, agent, checkpoint)
    from zerone.charts.curves import draw

    drawn = [(name, read_metrics(folder.path)) for name, folder in zip(names_of(folders), folders, strict=True)]
    # A threshold is drawn only if it is the same for all curves.
    about = [about_of(folder.config) for folder in folders]
    draw(drawn, path, levels.pop() if len(levels) == 1 else None, about)
    table = folders[0].table_path if out is None else out.with_stem(f"{out.stem}-table")
    if pictures:
        from zerone.charts.table_figure import draw as draw_tables

        draw_tables(pictures, table)
    if as_json:
        places = {"figure": str(as_seen(path)), "table": str(as_seen(table)) if pictures else None}
        print_json({**places, "runs": [str(run) for run in runs]})
        return
    click.echo(str(as_seen(path)))
    if pictures:
        click.echo(str(as_seen(table)))


def _tables(folders: Sequence[RunFolder], agent: int | None, checkpoint: str | None) -> list[Picture]:
    """The tables to draw; an empty list if there is none, or an `InputError` if an option asked for one."""
    from zerone.training.tables import NoTableError, NothingToDrawError, read_tables

    asked = "--agent" if agent is not None else "--checkpoint" if checkpoint is not None else ""
    try:
        return read_tables(folders, seed=agent, which=checkpoint or "best")
    except NoTableError as reason:
        if asked:  # the option would be ignored
            line = translated("{option} is not allowed here: it says which table to draw; {reason}", option=asked,
                              reason=reason)  # fmt: skip
            raise InputError(line) from reason
        if not isinstance(reason, NothingToDrawError):
            click.echo(f"zerone: {reason}", err=True)
    except InputError as error:  # the curves can still be drawn
        if asked:
            raise
        click.echo("zerone: " + translated("no table drawn: {error}", error=error), err=True)
    return []
