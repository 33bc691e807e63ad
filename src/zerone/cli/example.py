"""`zerone example`: the programs of `examples/`, which are part of the package."""

from __future__ import annotations

import ast
import sys
from contextlib import suppress
from pathlib import Path

import click

from zerone.base.errors import InputError, nearest
from zerone.base.language import translated
from zerone.cli.options import Place, debug_option, json_option
from zerone.cli.options import as_json as print_json

PACKAGE = Path(__file__).resolve().parents[1]


def programs() -> dict[str, str]:
    """All examples by name, from the package or from a source checkout; and the player of `.npz` files."""
    folder = next(each for each in (PACKAGE / "examples", PACKAGE.parents[1] / "examples") if each.is_dir())
    files = [*folder.glob("*.py"), PACKAGE / "export" / "player.py"]
    return {each.stem: each.read_text("utf-8") for each in sorted(files, key=lambda each: each.stem)}


def about(text: str) -> str:
    """The summary of an example: the first sentence of its docstring."""
    whole = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
    return whole.partition(". ")[0].partition(": `")[0].rstrip(".")


@click.command(
    epilog="""\b
    Examples:
      zerone example
      zerone example corridor                       on standard output
      zerone example corridor --out corridor.py     in a file
      zerone example --out examples                 all of them in a folder"""
)
@click.argument("name", required=False)
@click.option("--out", type=Place("PATH"), help="Write it to this file, or into this folder if it is one.")
@json_option
@debug_option
def example(name: str | None, out: Path | None, as_json: bool) -> None:
    """A short program to begin with: lists them, prints one, or writes it to a file."""
    found = programs()
    if name is not None and name.removesuffix(".py") not in found:
        raise InputError(translated("example {name!r} is unknown: {hint}", name=name, hint=nearest(name, found)))
    chosen = found if name is None else {name.removesuffix(".py"): found[name.removesuffix(".py")]}
    if out is not None:
        written = write(chosen, out, alone=name is not None)
        if as_json:
            print_json([str(each) for each in written])
        for place in [] if as_json else written:
            click.echo(place)
    elif as_json:
        listed = [{"name": each, "text": about(text), "program": text} for each, text in chosen.items()]
        print_json(listed if name is None else listed[0])
    elif name is not None:
        sys.stdout.write(found[name.removesuffix(".py")])
    else:
        for each, text in found.items():
            click.echo(f"{each:<17}{translated(about(text))}")
        click.echo("\n" + translated("zerone example NAME --out NAME.py writes one."))


def write(chosen: dict[str, str], out: Path, alone: bool) -> list[Path]:
    """Write programs to a file or into a folder, and return the paths. Existing files are never overwritten.

    Raises:
        InputError: a file exists already, or the folder cannot be written to.
    """
    single = alone and not out.is_dir()
    places = {out if single else out / f"{name}.py": text for name, text in chosen.items()}
    for place in places:
        if place.exists():
            raise InputError(translated("--out {out} is not allowed: {place} is there already", out=out, place=place))
    begun: list[Path] = []
    try:
        if not single:
            out.mkdir(parents=True, exist_ok=True)
        for place, text in places.items():
            begun.append(place)
            place.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        for place in begun:
            with suppress(OSError):
                place.unlink(missing_ok=True)
        raise InputError(
            translated("--out {out} is not allowed: {error}", out=out, error=error.strerror or error)
        ) from error
    return list(places)
