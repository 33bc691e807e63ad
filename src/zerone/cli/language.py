"""The language of a command: `--language`, else `ZERONE_LANGUAGE`, else the locale; and the help in that language."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING

import click

from zerone.base.errors import InputError, nearest
from zerone.base.language import ENGLISH, LANGUAGES, VARIABLE, language, of_locale, translated
from zerone.base.wide import padded, width, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OPTION = "--language"


def spoken(arguments: Sequence[str], environment: Mapping[str, str], encoding: str | None) -> tuple[str, list[str]]:
    """The language of a command, and its arguments without the language option.

    The locale's language is used only if the output's `encoding` supports it. JSON output is always English.

    Raises:
        InputError: the language is unknown.
    """
    typed, rest = _split_language_option(arguments)
    if typed is not None:
        found = _require(OPTION, typed)
    elif environment.get(VARIABLE):
        found = _require(VARIABLE, environment[VARIABLE])
    else:
        found = of_locale(environment) if _has_chinese(encoding) else ENGLISH
    return ENGLISH if "--json" in rest else found, rest


def _has_chinese(encoding: str | None) -> bool:
    try:
        "中文".encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _split_language_option(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The value of the last language option, and the other arguments."""
    rest: list[str] = []
    typed, place = None, 0
    while place < len(arguments):
        each = arguments[place]
        if each == "--":
            return typed, [*rest, *arguments[place:]]
        if each == OPTION and place + 1 < len(arguments):
            typed, place = arguments[place + 1], place + 1
        elif each.startswith(OPTION + "="):
            typed = each.partition("=")[2]
        else:
            rest.append(each)
        place += 1
    return typed, rest


def _require(which: str, name: str) -> str:
    if name not in LANGUAGES:
        raise InputError(
            translated(
                "{which} {name} is not allowed: {hint}",
                which=which,
                name=name or repr(name),
                hint=nearest(name, LANGUAGES),
            )
        )
    return name


def language_option() -> click.Option:
    """`--language`, for the help only: `spoken` removes it before the arguments are parsed."""
    text = "The language of help, results and figures. Default: $ZERONE_LANGUAGE, else the locale's."
    return click.Option([OPTION], metavar="|".join(LANGUAGES), expose_value=False, help=text)


def with_language(command: click.Command) -> click.Command:
    """Add the option `--language` to a command, and translate its help."""
    found = copy.copy(command)
    found.params = [*command.params, language_option()]
    found.context_class = Context
    return found


class Help(click.HelpFormatter):
    """A translated help text; line widths are counted in terminal columns."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        del prefix
        self.write(f"{'':>{self.current_indent}}{translated('Usage:')}{prog} {args}\n")

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{translated(heading)}：\n")

    def write_text(self, text: str) -> None:
        room = max(self.width - self.current_indent, 11)
        margin = " " * self.current_indent
        paragraphs = translated(inspect.cleandoc(text)).split("\n\n")
        for number, paragraph in enumerate(paragraphs):
            verbatim = paragraph.startswith("\b\n")
            lines = paragraph.split("\n")[1:] if verbatim else wrapped(paragraph, room)
            self.write("\n" * bool(number) + "".join(f"{margin}{each}".rstrip() + "\n" for each in lines))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first = min(max((width(name) for name, _ in rows), default=0), col_max) + col_spacing
        margin, room = " " * self.current_indent, max(self.width - first - 2, 10)
        for name, text in rows:
            lines = wrapped(translated(text), room) or [""]
            if width(name) > first - col_spacing:
                self.write(f"{margin}{name}\n")
                name = ""
            for number, line in enumerate(lines):
                self.write(f"{margin}{padded('' if number else name, first)}{line}".rstrip() + "\n")


class Context(click.Context):
    """Click's context, with a translated help."""

    def make_formatter(self) -> click.HelpFormatter:
        if language() == ENGLISH:
            return super().make_formatter()
        return Help(width=self.terminal_width, max_width=self.max_content_width)
