"""`zerone evaluate` and `zerone plot`: what runs are worth, in numbers and in a picture."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.cli.options import (
    LARGEST_SEED,
    Place,
    Whole,
    debug_option,
    import_trusted,
    json_option,
    read_config,
    trust_option,
)
from zerone.cli.options import as_json as print_json
from zerone.show.formats import FIGURE_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("run", type=Place("RUN"), metavar="RUN")
@click.option("--episodes", type=Whole(1, 1_000_000), default=100, help="How many, of each seed. Default: 100.")
@click.option("--seed", type=Whole(0, LARGEST_SEED), default=0, help="Of the episodes. Default: 0.")
@click.option("--checkpoint", default="best", metavar="best|last|STEP|FILE", help="Which policy. Default: best.")
@trust_option
@json_option
@debug_option
def evaluate(run: Path, episodes: int, seed: int, checkpoint: str, trust: bool, as_json: bool) -> None:
    """Measure the agents of RUN: greedy episodes, on the real reward. The same seed gives the same episodes."""
    import_trusted(read_config(run), trust)
    from zerone.runs.run import load

    loaded = load(run)
    with contextlib.redirect_stdout(sys.stderr):  # what an environment prints must not get among the results
        found = loaded.evaluate(episodes, seed, checkpoint)
    config = loaded.config
    if as_json:
        about = {"run": str(run), "algorithm": config["algorithm"]["name"], "environment": config["environment"]["id"]}
        print_json({**about, "checkpoint": checkpoint, **found})
        return
    per_seed: list[dict[str, Any]] = found.get("seeds", [])
    what = f"{config['algorithm']['name']} on {config['environment']['id']}"
    if not per_seed:
        click.echo(f"{what}: mean return {found['return_mean']:,.2f} (standard deviation {found['return_std']:,.2f}), "
                   f"mean length {found['length_mean']:,.1f}, over {episodes} episodes")  # fmt: skip
    else:
        click.echo(f"{what}: mean return {found['return_mean']:,.2f} (standard deviation over {len(per_seed)} seeds "
                   f"{found['return_std']:,.2f}), over {episodes} episodes each")  # fmt: skip
        for one in per_seed:
            click.echo(f"  seed {one['seed']:<6} {one['return_mean']:>12,.2f} ± {one['return_std']:,.2f}")
    level = config.get("solved_at")
    if level is not None:
        click.echo(f"solved is {level:g} or more")


@click.command()
@click.argument("runs", nargs=-1, required=True, type=Place("RUN"), metavar="RUN...")
@click.option("--out", type=Place("FILE"), help="A .png, .svg or .pdf. Default, for one run: its own figure.")
@json_option
@debug_option
def plot(runs: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Draw the learning curves of one or several RUNs."""
    from zerone.cli.options import require_file_place
    from zerone.runs.folder import RunFolder
    from zerone.runs.metrics import read_metrics

    if out is not None:
        require_file_place("--out", out, FIGURE_SUFFIXES)
    elif len(runs) > 1:
        raise InputError(f"--out is missing: {len(runs)} runs need a file of their own")
    folders = [RunFolder.open(run) for run in runs]
    levels = {folder.config.get("solved_at") for folder in folders}
    path = folders[0].figure_path if out is None else out
    from zerone.show.curves import draw

    names = [folder.path.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder.path) for folder in folders]
    drawn = [(name, read_metrics(folder.path)) for name, folder in zip(names, folders, strict=True)]
    # Several levels (of several environments) would be a line that is true for some of the curves only.
    draw(drawn, path, solved_at=levels.pop() if len(levels) == 1 else None)
    if as_json:
        print_json({"figure": str(path), "runs": [str(run) for run in runs]})
    else:
        click.echo(str(path))
