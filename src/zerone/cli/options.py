"""Shared by the commands: parameter types with one-line errors, and options that several commands have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from zerone.base.errors import InputError, nearest
from zerone.base.language import joined, translated
from zerone.base.saved_types import Config, SweepConfig
from zerone.training.validation import LARGEST_SEED, MOST_EPISODES, MOST_SEEDS, MOST_STEPS

__all__ = ["LARGEST_SEED", "MOST_EPISODES", "MOST_SEEDS", "MOST_STEPS"]

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    Kind = click.ParamType[Any]
else:  # in older versions of click it takes no argument
    Kind = click.ParamType

MOST_PROCESSES = 1_024

VIEWS = ("auto", "picture", "grid", "numbers", "scaled")
"""Encodings of observations, as `environments.gym.views.VIEWS`, whose import would take half a second."""


def refuse(option: str, raw: object, allowed: str) -> InputError:
    """The error for a value that is not allowed: shows the typed text and what is allowed."""
    typed = "''" if raw == "" else raw
    return InputError(translated("{option} {typed} is not allowed: must be {allowed}", option=option, typed=typed,
                                 allowed=allowed))  # fmt: skip


def not_allowed(option: str, raw: object, why: str) -> InputError:
    """The error for a value that is not allowed: shows the typed text and the reason."""
    return InputError(translated("{option} {typed} is not allowed: {why}", option=option, typed=raw, why=why))


def whole(text: str) -> int:
    """An integer as people type it: 50000, 50_000, 5e4. Raises `ValueError` for anything else."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not math.isfinite(number) or number != int(number):
            raise ValueError(text) from None
        return int(number)


def _name(parameter: click.Parameter | None) -> str:
    if parameter is None:
        return "value"
    return parameter.opts[0] if isinstance(parameter, click.Option) else (parameter.name or "").upper()


class Whole(Kind):
    """An integer within bounds, both included."""

    name = "N"

    def __init__(self, at_least: int, at_most: int | None = None, several: str = "") -> None:
        self.at_least, self.at_most = at_least, at_most
        self.several = several
        """What an error says to a list of numbers."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        del ctx
        if isinstance(value, int):
            return value
        if self.at_most is None:
            allowed = translated("a whole number, at least {low}", low=self.at_least)
        else:
            allowed = translated("a whole number, from {low} to {high}", low=self.at_least, high=self.at_most)
        if self.several and "," in value:
            allowed = joined([allowed, translated(self.several)])
        try:
            number = whole(value)
        except (ValueError, OverflowError):
            raise refuse(_name(param), value, allowed) from None
        if number < self.at_least or (self.at_most is not None and number > self.at_most):
            raise refuse(_name(param), value, allowed)
        return number


class Finite(Kind):
    """A finite number within optional bounds, both included."""

    name = "NUMBER"

    def __init__(self, at_least: float = -math.inf, at_most: float = math.inf) -> None:
        self.at_least, self.at_most = at_least, at_most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        del ctx
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and self.at_least <= number <= self.at_most):
            bounded = math.isfinite(self.at_least)
            allowed = translated("a finite number")
            if bounded:
                allowed = translated("a number from {low:g} to {high:g}", low=self.at_least, high=self.at_most)
            raise refuse(_name(param), value, allowed)
        return number


class OneOf(Kind):
    """One of several words; a misspelt word gets a suggestion."""

    name = "WORD"

    def __init__(self, *words: str) -> None:
        self.words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        del param, ctx
        return "|".join(self.words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        del ctx
        if value not in self.words:
            raise not_allowed(_name(param), value, nearest(value, self.words))
        return str(value)


class Place(Kind):
    """A path, with one of `suffixes` if there are any."""

    def __init__(self, name: str, *suffixes: str) -> None:
        self.name, self.suffixes = name, suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        del ctx
        if isinstance(value, Path):
            return value
        if not value or "\0" in value:
            raise refuse(_name(param), repr(value), translated("a path"))
        path = Path(value)
        if self.suffixes:
            require_file_place(_name(param), path, self.suffixes)
        return path


def require_file_place(option: str, path: Path, suffixes: Iterable[str]) -> None:
    """Raise `InputError` unless a file with one of these suffixes can be written at `path`."""
    if path.suffix.lower() not in suffixes:
        raise refuse(option, path, translated("a file that ends in {suffixes}", suffixes=", ".join(suffixes)))
    if path.is_dir():
        raise refuse(option, path, translated("a file, not a folder"))
    if not path.parent.is_dir():
        raise refuse(option, path, translated("in a folder that exists ({folder} does not)", folder=path.parent))


def option_names(parameter: click.Parameter) -> list[str]:
    """The spellings of an option; empty for an argument, or a hidden option for Zerone's own processes."""
    if isinstance(parameter, click.Option) and not parameter.hidden:
        return [*parameter.opts, *parameter.secondary_opts]
    return []


def as_json(value: object, file: TextIO | None = None) -> None:
    """Print `value` as one line of JSON; NaN and infinity become null."""
    from zerone.base.files import finite

    click.echo(json.dumps(finite(value), allow_nan=False, ensure_ascii=False), file=file)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else, on standard output."
    )(command)


def debug_option(command: F) -> F:
    """Add `--debug`; `run` reads it directly from the arguments."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")(command)


def step_timeout_option(command: F) -> F:
    """`--step-timeout`."""
    text = "A Gymnasium environment that takes longer for a step or a reset is an error. Default: no limit."
    return click.option("--step-timeout", type=Finite(0.01, 1e6), metavar="SECONDS", help=text)(command)


def processes_options(command: F) -> F:
    """`--processes` and `--replace-lost`."""
    replace = "With --processes: one that dies, or is later than --step-timeout, is replaced. Default: an error."
    number = "Play Gymnasium environments in N processes of their own, at most one for each of --environments."
    command = click.option("--replace-lost", is_flag=True, default=None, help=replace)(command)
    return click.option("--processes", type=Whole(1, MOST_PROCESSES), metavar="N", help=number)(command)


def trust_option(command: F) -> F:
    """`--trust`."""
    text = "Import the modules that a run's environment, algorithm, network, wrappers, reward and callbacks name."
    return click.option("--trust", is_flag=True, help=text)(command)


def read_config(path: Path) -> Config:
    """The configuration of the run at `path`. Raises `InputError` if there is none, or it is damaged."""
    from zerone.training.folder import RunFolder

    return RunFolder.open(path).config


def import_trusted(config: Config | SweepConfig, trusted: bool, typed: Collection[str | None] = ()) -> None:
    """Import the modules that a run's or sweep's configuration names, if the user trusts it.

    Names that the user has `typed` as well, such as an environment's id, are trusted without the option.
    """
    from zerone.base.modules import import_named

    for what, name, place in places_named(config) if trusted or any(typed) else ():
        if trusted or name in typed or place in typed:
            see_modules_here()
            import_named(place, what)


def with_trust(path: Path, config: Config | SweepConfig) -> str:
    """The path of a run or sweep as a command needs it, with `--trust` if its configuration names foreign code."""
    return f"{path} --trust" if places_named(config) else str(path)


def places_named(config: Config | SweepConfig) -> list[tuple[str, str, str]]:
    """The foreign code that a configuration names: what it is, its name, and where it is (`module:Name`)."""
    from zerone.algorithms.outside import NAMES
    from zerone.base.modules import ForeignId
    from zerone.environments.outside import ENVIRONMENTS
    from zerone.environments.rewards import REWARDS
    from zerone.environments.suites import is_of_suite

    if "space" in config:  # a sweep
        environment, algorithm, options, settings = (
            config["environment"], config["algorithm"], config["options"], config["settings"]
        )  # fmt: skip
        outer, mask = config["around"], config["action_mask"]
    else:
        kept, chosen = config["environment"], config["algorithm"]
        environment, options = ForeignId(kept["id"], kept.get("source")), kept["options"]
        algorithm, settings = ForeignId(chosen["name"], chosen.get("source")), chosen["settings"]
        outer, mask = kept.get("around"), kept.get("action_mask", "")
    named = [(NAMES, algorithm), (REWARDS, options.get("reward"))]
    own = is_of_suite(environment) or environment.startswith("envpool:")
    named += [] if own else [(ENVIRONMENTS, environment)]
    found = [(kind.what, str(name), kind.place(name)) for kind, name in named if isinstance(name, str)]
    found += [("wrapper", each["name"], each["name"]) for each in (outer["wrappers"] if outer else ())]
    found += [("action mask", mask, mask)] if ":" in mask else []
    network = settings.get("network", "")
    found += [("network", network, network)] if isinstance(network, str) and ":" in network else []
    return [(what, name, place) for what, name, place in found if place]


def see_modules_here() -> None:
    """Let `module:Id` also find modules in the current folder, after all others."""
    import os
    import sys

    if os.getcwd() not in sys.path:  # noqa: PTH109 - a string, as the entries are
        sys.path.append(os.getcwd())  # noqa: PTH109


def say_cut(number: int, limit: int, option: str) -> None:
    """Tell the user if returns are of episodes that were cut off."""
    if number:
        click.echo(translated("{number:,} of these episodes had not ended after {limit:,} steps and were cut: their "
                              "returns are those of a part ({option} sets where)", number=number, limit=limit,
                              option=option))  # fmt: skip
