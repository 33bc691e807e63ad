"""`zerone experiment`: tests a claim with many seeds, and reports the verdict."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.language import ENGLISH, in_language, joined, language, translated
from zerone.cli.options import MOST_PROCESSES, MOST_SEEDS, Place, Whole, debug_option, json_option
from zerone.cli.options import as_json as print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from zerone.experiments.protocol import Experiment
    from zerone.experiments.runner import Status
    from zerone.experiments.verdict import Verdict

FOLDER = Path("runs") / "experiments"
SECONDS_BETWEEN_LINES = 1.0


@click.command(
    epilog="""\b
    Examples:
      zerone experiment                     the claims, and how long each takes
      zerone experiment caution             is Sarsa more careful than Q-learning?
      zerone experiment caution --quick     only a look, in seconds"""
)
@click.argument("name", required=False)
@click.option("--seeds", type=Whole(2, MOST_SEEDS), help="How many, at least 2: an interval needs them. Default: the "
              "experiment's, 20 or more.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Fewer seeds and shorter: a minute or two, and only a look.")
@click.option("--all", "everything", is_flag=True, help="All experiments, one after the other.")
@click.option("--out", type=Place("FOLDER"), help=f"Each experiment has a folder in this one. Default: {FOLDER}.")
@click.option("--spread", type=Whole(1, MOST_PROCESSES), metavar="N", help="Measure in N processes of a Ray cluster.")
@click.option("--address", metavar="HOST:PORT", help="With --spread: the Ray cluster to join. Default: one is started "
              "on this machine.")  # fmt: skip
@click.option("--report", is_flag=True, help="With --all: write docs/results.md and docs/results.zh.md from them.")
@json_option
@debug_option
def experiment(
    name: str | None, seeds: int | None, quick: bool, everything: bool, out: Path | None, spread: int | None,
    address: str | None, report: bool, as_json: bool,
) -> None:  # fmt: skip
    """Put a claim to the test: many seeds, a figure, and a verdict by a rule that was fixed before.

    Without a NAME: the list. What is measured is kept: the same command goes on where an interrupted one ended, and
    more --seeds add to those that are there.
    """
    from zerone.base.compilation import keep_compiled_programs

    keep_compiled_programs()  # before JAX is first used: with the cache, tables train twenty times as fast
    from zerone.experiments import catalogue

    _refuse_what_excludes(name, {"--seeds": seeds, "--quick": quick or None, "--out": out, "--spread": spread},
                          quick, everything, report)  # fmt: skip
    if address is not None and spread is None:
        raise InputError(
            translated("--address {address} is not allowed without --spread, or it would be ignored", address=address)
        )
    if name is None and not everything:
        _list(catalogue.entries(), as_json)
        return
    chosen = catalogue.entries() if name is None else [catalogue.look_up(name)]
    told: list[dict[str, Any]] = []
    verdicts: list[Verdict] = []
    with _shown(as_json) as look:
        for each in chosen:
            with in_language(ENGLISH if report else language()):  # the English and the Chinese page share the figures
                verdict, facts = _run(each, out or FOLDER, seeds, quick, look, spread, address)
            verdicts.append(verdict)
            told.append(facts)
            if not as_json:
                _say(verdict, facts)
    if report:
        from zerone.experiments.report import write

        for page in write(Path(), verdicts, out or FOLDER):
            click.echo(str(page), err=as_json)
    if as_json:
        print_json({"experiments": told} if everything else told[0])


def _refuse_what_excludes(
    name: str | None, given: Mapping[str, object], quick: bool, everything: bool, report: bool
) -> None:
    """Raise `InputError` if an option would be ignored."""
    if report and (not everything or quick):
        raise InputError(
            translated("--report is not allowed here: it needs --all, and not --quick: a look is no result")
        )
    if name is not None and everything:
        raise InputError(translated("--all and a name ({name}) exclude each other", name=name))
    if name is None and not everything:
        for option in (option for option, value in given.items() if value is not None):
            raise InputError(
                translated("{option} needs an experiment, or --all: zerone experiment lists them", option=option)
            )
    if report:
        from zerone.experiments.report import require_docs

        require_docs(Path())


def _run(
    experiment: Experiment, out: Path, seeds: int | None, quick: bool, look: Callable[[Status], None],
    spread: int | None, address: str | None,
) -> tuple[Verdict, dict[str, Any]]:  # fmt: skip
    """Run one experiment in its folder; a quick look has a folder of its own."""
    from zerone.cluster.tasks import Cluster
    from zerone.experiments import runner

    folder = out / (f"{experiment.name}-quick" if quick else experiment.name)
    number = seeds or (experiment.quick_seeds if quick else experiment.seeds)
    begun = time.perf_counter()
    cluster = None if spread is None else Cluster(spread, address)
    verdict, told = runner.run(experiment, folder, number, quick, look, cluster)
    return verdict, {**told, "seconds": round(time.perf_counter() - begun, 1)}


def _list(experiments: list[Experiment], as_json: bool) -> None:
    from zerone.cli.lists import print_blocks

    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "claim": each.claim.en,
                    "source": each.source.en,
                    "environment": each.environment,
                    "minutes": each.minutes,
                    "seeds": each.seeds,
                }
                for each in experiments
            ]
        )
        return
    print_blocks([
        (each.name, [each.claim.here, joined([each.source.here, translated("{seeds} seeds", seeds=each.seeds),
                                              _minutes(each.minutes)])])
        for each in experiments
    ])  # fmt: skip
    total = sum(each.minutes for each in experiments)
    click.echo("\n" + translated("zerone experiment NAME runs one, --quick has a look.\n--all takes {minutes}.",
                                  minutes=_minutes(total)))  # fmt: skip


def _minutes(minutes: float) -> str:
    if minutes < 1.5:
        return translated("about {seconds} seconds", seconds=round(60 * minutes))
    return translated("about {minutes} minutes", minutes=round(minutes))


def _say(verdict: Verdict, told: dict[str, Any]) -> None:
    """Print the verdict of an experiment."""
    click.echo(translated("{what}: {result}", what=verdict.experiment.name, result=verdict.experiment.claim.here))
    if verdict.quick:
        click.echo("  " + translated("only a look (fewer seeds, shorter): no verdict to rely on"))
    for answer in verdict.answers:
        click.echo(f"  {answer.sentence(verdict.seeds).here}")
    click.echo("  " + translated("look at: {what}", what=verdict.with_facts(verdict.experiment.look).here))
    from zerone.experiments.verdict import WORDS

    word = WORDS[verdict.word].here
    word = translated("so far {word}", word=word) if verdict.quick else word.upper()
    took = translated("({seconds:.0f} seconds)", seconds=told["seconds"])
    click.echo(f"  {word}  {told['figure']}  {took}")


@contextlib.contextmanager
def _shown(as_json: bool) -> Iterator[Callable[[Status], None]]:
    """A progress callback for finished seeds: a bar on a terminal, else a line per second; with --json only the bar."""
    stream = sys.stderr if as_json else sys.stdout
    if stream.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[words]}")
        with Progress(*columns, console=Console(file=stream), transient=True, expand=True) as bar:
            task = bar.add_task("", total=None, words="")

            def move(now: Status) -> None:
                words = f"{now.done} / {now.total}  {now.latest}"
                bar.update(task, description=now.name, total=now.total, completed=now.done, words=words)

            yield move
        return
    printed = 0.0

    def say(now: Status) -> None:
        nonlocal printed
        if not as_json and (time.monotonic() - printed >= SECONDS_BETWEEN_LINES or now.done == now.total):
            printed = time.monotonic()
            with contextlib.suppress(BrokenPipeError):
                measured = translated(
                    "{name}: {done} / {total} measured", name=now.name, done=now.done, total=now.total
                )
                print(f"  {measured}", file=stream, flush=True)

    yield say
