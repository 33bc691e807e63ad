"""The command `zerone bench`."""

from __future__ import annotations

import json as json_module
import sys
import textwrap
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zerone.benchmarks.works import BENCHES, USUAL

if TYPE_CHECKING:
    from zerone.benchmarks import harness
    from zerone.benchmarks.works import Bench

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("bench")
@click.argument("works", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[WORK]...")
@click.option("--all", "everything", is_flag=True, help="All works, not only " + " and ".join(USUAL) + ".")
@click.option("--list", "listing", is_flag=True, help="Say what works there are, and stop.")
@click.option("--only", multiple=True, metavar="NAME", help="Only these contestants. Can be repeated.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Turns that each one takes.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True, help="Cores that each one may use.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The seed of every run.")
@click.option("--time-limit", type=click.FloatRange(1), default=900, show_default=True, help="Seconds for one run.")
@click.option("--set-up", multiple=True, metavar="PEER", help="Install a peer ('all': each) and stop. Can be repeated.")
@click.option("--peers-home", type=click.Path(file_okay=False, path_type=Path), help="Where the peers are installed.")
@click.option("--purejaxrl", type=FOLDER, help="A checkout of PureJaxRL.")
@click.option("--cleanrl", type=FOLDER, help="A checkout of CleanRL.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the results as JSON here, too.")
@click.option("--json", is_flag=True, help="Print one JSON object, and nothing else, on standard output.")
def main(
    works: tuple[str, ...],
    everything: bool,
    listing: bool,
    only: tuple[str, ...],
    rounds: int,
    cores: int,
    seed: int,
    time_limit: float,
    set_up: tuple[str, ...],
    peers_home: Path | None,
    purejaxrl: Path | None,
    cleanrl: Path | None,
    out: Path | None,
    json: bool,
) -> None:
    """Speed, side by side with the peers that are installed.

    Zerone and its peers do the same WORK in turn, and what counts is the ratio of their speeds within one run.
    """
    from zerone.benchmarks import harness, peers

    home = peers_home or peers.default_home()
    if set_up:
        install(set_up, home)
        return
    if listing:
        for bench in BENCHES.values():
            lines = textwrap.wrap(bench.title, 60)
            for number, line in enumerate(lines):
                click.echo(f"{bench.name if number == 0 else '':<19}{line}")
        return
    chosen = [BENCHES[name] for name in (BENCHES if everything else works or USUAL)]
    checkouts = {name: path for name, path in {"purejaxrl": purejaxrl, "cleanrl": cleanrl}.items() if path}
    setting = harness.Setting(rounds, cores, seed, time_limit, home, checkouts)
    if measure(selected(chosen, only), setting, out, json):
        raise SystemExit(1)


def measure(benches: list[Bench], setting: harness.Setting, out: Path | None, json: bool) -> bool:
    """Run the benches and print the results; return whether any contestant failed."""
    from rich.console import Console

    from zerone.base.files import replacing
    from zerone.benchmarks import harness, show

    # A table in a file need not be narrowed to the width of a terminal.
    console = Console(width=None if sys.stdout.isatty() else 120)
    failed, absent = False, set[str]()
    about = {"rounds": setting.rounds, "cores": setting.cores, "seed": setting.seed}
    works: list[dict[str, object]] = []
    data = {"machine": harness.machine(), **about, "works": works}
    progress = harness.Turns(sum(harness.turns(bench, setting) for bench in benches), partial(click.echo, err=True))
    for bench in benches:
        result = harness.run(bench, setting, progress)
        absent |= {standing.contestant.peer for standing in result.standings if standing.absent}
        works.append(show.as_data(result))
        failed = failed or any(standing.failures for standing in result.standings)
        if not json:
            for part in show.parts(result):
                console.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))
            console.print()
        if out:
            with replacing(out) as file:
                file.write(json_module.dumps(data, indent=2).encode() + b"\n")
    if json:
        click.echo(json_module.dumps(data))
    elif absent:
        others = "1 peer is" if len(absent) == 1 else f"{len(absent)} peers are"
        click.echo(f"{others} not installed and took no part (zerone bench --set-up all).", err=True)
    return failed


def selected(benches: list[Bench], only: tuple[str, ...]) -> list[Bench]:
    """The benches with only the named contestants (all, if none is named)."""
    known = {contestant.name for bench in benches for contestant in bench.contestants}
    for name in only:
        if name not in known:
            raise click.BadParameter(
                f"{name!r} takes no part; there are {', '.join(sorted(known))}", param_hint="--only"
            )
    if not only:
        return benches
    return [replace(bench, contestants=tuple(c for c in bench.contestants if c.name in only)) for bench in benches]


def install(names: tuple[str, ...], home: Path) -> None:
    """Set up the named peers."""
    from zerone.benchmarks import peers

    wanted = list(peers.PEERS) if "all" in names else list(names)
    for name in wanted:
        if name not in peers.PEERS:
            allowed = ", ".join(["all", *peers.PEERS])
            raise click.BadParameter(f"{name!r} is not a peer; there are {allowed}", param_hint="--set-up")
    for name in wanted:
        click.echo(f"setting up {name} in {home / name}", err=True)
        try:
            peers.set_up(name, home)
        except peers.PeerError as error:
            raise click.ClickException(str(error)) from None
