"""`zerone lesson`: chapters, each with a question, an example to step through, and the answer."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zerone.base.language import translated
from zerone.cli.options import MOST_STEPS, Place, Whole, debug_option, json_option, require_file_place
from zerone.cli.options import as_json as print_json

if TYPE_CHECKING:
    from zerone.lessons.catalogue import Lesson
    from zerone.player.step_terminal import Walk

NARROWEST, WIDEST = 20, 100


@click.command(
    epilog="""\b
    In a terminal the running example is stepped through with the keys of
    zerone step, and the answer comes when q has ended it. The same chapters
    are in zerone lab, on a page.

    \b
    Examples:
      zerone lesson
      zerone lesson cliff
      zerone lesson 4 --html traces.html
      zerone lesson dqn --at 5000 --language zh"""
)
@click.argument("name", required=False)
@click.option("--at", type=Whole(0, MOST_STEPS), default=0, help="Begin the running example after so many environment "
              "steps. Default: 0.")  # fmt: skip
@click.option("--steps", type=Whole(0, 1_000_000), help="Print so many steps instead of waiting for keys. Default "
              "where there is no terminal: the end of the first episode, and the next change.")  # fmt: skip
@click.option("--html", type=Place("FILE"), help="To one HTML file that needs no server: the chapter with a recorded "
              "run to step through, films and curves.")  # fmt: skip
@json_option
@debug_option
def lesson(name: str | None, at: int, steps: int | None, html: Path | None, as_json: bool) -> None:
    """A chapter on how learning works: an idea, a question, a training to step through, the answer.

    Without NAME: the list of the fourteen chapters. NAME is a name or a number of it.
    """
    from zerone.lessons import text
    from zerone.lessons.catalogue import lessons, look_up

    chapter = None if name is None else look_up(name)
    _refuse_ignored(chapter, {"--at": bool(at), "--steps": steps is not None, "--html": html is not None}, as_json)
    columns = max(NARROWEST, min(WIDEST, shutil.get_terminal_size().columns))
    if as_json:
        print_json([each.as_json() for each in lessons()] if chapter is None else chapter.as_json())
    elif chapter is None:
        print(*text.listed(columns), sep="\n")
        print("\n" + translated("zerone lesson NAME begins one: in a terminal, step by step."))
    elif html is not None:
        _write_page(chapter, html)
    else:
        _play(chapter, at, steps, columns)


def _refuse_ignored(chapter: Lesson | None, given: dict[str, bool], as_json: bool) -> None:
    from zerone.base.errors import InputError

    asked = [option for option, is_given in given.items() if is_given]
    if chapter is None and asked:
        raise InputError(translated("{option} is not allowed without NAME: zerone lesson lists the chapters",
                                    option=asked[0]))  # fmt: skip
    if as_json and asked:
        raise InputError(translated("--json is not allowed with {option}", option=asked[0]))
    if given["--html"] and len(asked) > 1:
        raise InputError(translated("{option} is not allowed with --html: the file has its own steps", option=asked[0]))


def _write_page(chapter: Lesson, place: Path) -> None:
    from zerone.base.files import replacing
    from zerone.cli import output

    require_file_place("--html", place, (".html", ".htm"))
    from zerone.lab.lesson_file import page_of
    from zerone.training.interrupt import Program, as_program

    with as_program(Program(output.tell)):
        click.echo(translated("recording a run of {steps:,} steps …", steps=chapter.steps), err=True)
        page = page_of(chapter)
        with replacing(place) as file:
            file.write(page.encode())
    click.echo(place)


def _play(chapter: Lesson, at: int, steps: int | None, columns: int) -> None:
    """Show the chapter in this terminal, or print it."""
    from zerone.lessons import text

    print(*text.before(chapter, columns), sep="\n", flush=True)
    from zerone.cli import output
    from zerone.player import step_terminal
    from zerone.training.interrupt import Program, as_program

    with as_program(Program(output.tell)):
        keys = steps is None and sys.stdout.isatty() and step_terminal.can_read_keys()
        if not keys or _wants_to_step():
            first, *others = _example_trainings(chapter, at)
            if keys:
                step_terminal.with_keys(first, sys.stdout, others, chapter.pace)
            for place, walk in enumerate([] if keys else [first, *others]):
                print(text.command(chapter.setups[place]) + "\n", flush=True)
                if steps is None:
                    step_terminal.printed_turning_points(walk, sys.stdout, legend=place == 0)
                else:
                    step_terminal.printed(walk, steps, sys.stdout, legend=place == 0)
    print(*text.after(chapter, columns), sep="\n")


def _wants_to_step() -> bool:
    """Wait for a key; returns whether it is not `q`."""
    from zerone.player import step_terminal

    print(translated("any key: step through it   q: straight to the answer") + "\n", flush=True)
    with step_terminal.keys() as pressed:
        return pressed(None) not in ("q", "\x1b", "")


def _example_trainings(chapter: Lesson, at: int) -> list[Walk]:
    """The trainings of the chapter's example, each advanced by `at` steps."""
    from zerone.cli.step import walk_of
    from zerone.training.algorithm_setup import make_algorithm

    found = []
    for each in chapter.setups:
        settings = {name: tuple(value) if isinstance(value, list) else value
                    for name, value in each.get("settings", {}).items()}  # fmt: skip
        made, _ = make_algorithm(each["algorithm"], each["environment"], settings)
        found.append(walk_of(made, each["environment"], each.get("options", {}), each.get("seed", 0)))
        found[-1].begin_at(at)
    return found
