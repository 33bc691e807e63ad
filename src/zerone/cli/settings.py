"""Command-line options for hyperparameters and environment options, generated from the fields that declare them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError, nearest
from zerone.base.language import translated
from zerone.base.meanings import as_option, option_meant
from zerone.cli.options import not_allowed, refuse, see_modules_here, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zerone.algorithms.catalogue import Entry
    from zerone.base.pytree import Allowed

YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclasses.dataclass(frozen=True)
class Setting:
    """One hyperparameter: its option (`--learning-rate`), its default, and its allowed values (an `Allowed`)."""

    name: str
    default: object
    allowed: Allowed | None

    @property
    def option(self) -> str:
        """Its spelling: `--learning-rate`."""
        return as_option(self.name)

    @property
    def negation(self) -> str:
        """The spelling that switches a flag off: `--no-double`."""
        return "--no-" + self.name.replace("_", "-")

    @property
    def is_flag(self) -> bool:
        """Whether it is a boolean, which takes no value."""
        return isinstance(self.default, bool)

    def with_preset(self, preset: Mapping[str, Any]) -> Setting:
        """The setting with its value in a preset as its default, if it is there."""
        value = preset.get(self.name, self.default)
        return dataclasses.replace(self, default=tuple(value) if isinstance(value, list) else value)

    def typed_default(self) -> str:
        """The default as one would type it: `64,64`."""
        default = self.default
        return ",".join(str(each) for each in default) if isinstance(default, tuple) else str(default)

    def describe(self) -> str:
        """The allowed values as text."""
        bounds = self.allowed.describe() if self.allowed is not None else ""
        if self.allowed is not None and self.allowed.choices:
            return bounds
        kinds = {int: translated("a whole number"), float: translated("a number"),
                 tuple: translated("numbers separated by commas")}  # fmt: skip
        kind = kinds.get(type(self.default))
        if kind is None:
            return translated("a text")
        if bounds in ("", translated("a finite number")):
            return kind
        if isinstance(self.default, tuple):
            return translated("{numbers}, each {bounds}", numbers=kind, bounds=bounds)
        return translated("{kind} {bounds}", kind=kind, bounds=bounds)

    def convert(self, raw: str) -> Any:
        """Parse and check a text. Raises `InputError`, naming the option, the text and what is allowed."""
        value = parse_like(self.default, raw)
        if value is None or (self.allowed is not None and not self.allowed.holds(value)):
            if self.allowed is not None and self.allowed.choices and not self.allowed.named:
                raise not_allowed(self.option, raw, nearest(raw, self.allowed.choices))
            size = "" if self.allowed is None else self.allowed.size(value)
            raise refuse(self.option, raw, self.describe() + size)
        if self.allowed is not None and self.allowed.named and ":" in raw:
            see_modules_here()
        return value


def parse_like(default: object, raw: str) -> Any:
    """`raw` as a value of the type of `default`, or None if it is not one."""
    try:
        if isinstance(default, bool):
            return True if raw.lower() in YES else False if raw.lower() in NO else None
        if isinstance(default, int):
            return whole(raw)
        if isinstance(default, float):
            number = float(raw)
            return number if math.isfinite(number) else None
        if isinstance(default, tuple):
            parts = [part.strip() for part in raw.strip("()[]").split(",") if part.strip()]
            example: object = default[0] if default else 0
            found = tuple(parse_like(example, part) for part in parts)
            return None if None in found else found
    except (ValueError, OverflowError):
        return None
    return raw


def settings_of(algorithm: type[Any]) -> list[Setting]:
    """Every hyperparameter of an algorithm class, in the order of declaration."""
    fields = dataclasses.fields(algorithm)
    return [Setting(field.name, field.default, field.metadata.get("allowed")) for field in fields]


def look_up(algorithm: str) -> Entry:
    """The algorithm with the typed name; `module:Name` is also searched for in the current folder."""
    from zerone.algorithms import catalogue

    if ":" in algorithm:
        see_modules_here()
    return catalogue.look_up(algorithm)


def chosen_settings(algorithm: str, given: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
    """The typed hyperparameters of an algorithm, converted to their types.

    Raises:
        InputError: no such algorithm, a hyperparameter of another one, or a value that is not allowed.
    """
    from zerone.algorithms import catalogue

    settings = settings_of(look_up(algorithm).make)
    known = {setting.option: setting for setting in settings}
    known |= {setting.negation: setting for setting in settings if setting.is_flag}
    chosen: dict[str, Any] = {}
    for option, raw in given:
        if option not in known:
            owners = [
                entry.name
                for entry in catalogue.entries()
                if _plain(option) in {each.name for each in settings_of(entry.make)}
            ]
            meant = catalogue.setting_of(algorithm, option, as_option)
            raise InputError(translated("{algorithm} has no {option} (only {owners}): {meant}", algorithm=algorithm,
                                        option=option, owners=", ".join(owners), meant=meant))  # fmt: skip
        setting = known[option]
        chosen[setting.name] = option == setting.option if raw is None else setting.convert(raw)
    return chosen


def _plain(option: str) -> str:
    """The setting of an option: `double` for `--no-double`."""
    return option.removeprefix("--no-").removeprefix("--").replace("-", "_")


def environment_options(environment: str, pairs: Sequence[str]) -> dict[str, Any]:
    """Parse `--option NAME=VALUE` pairs, converted to the types of the environment's defaults.

    A layout is read from the named file. For foreign environments a value becomes a number or a boolean if it looks
    like one, else it stays a text.

    Raises:
        InputError: a pair has no `=`, an option of our environment is unknown, or a value has another type.
    """
    from zerone.environments import catalogue

    entry = catalogue.find(environment) if pairs else None
    known: Mapping[str, Any] = {}
    if entry is not None:
        known = {option.name: option for option in catalogue.options(entry)}
    chosen: dict[str, Any] = {}
    for pair in pairs:
        name, equals, raw = pair.partition("=")
        if not equals or not name:
            raise refuse("--option", pair, "NAME=VALUE")
        if entry is None:
            chosen[name] = guessed(raw)
            continue
        if name not in known:
            raise not_allowed(
                "--option",
                pair,
                translated(
                    "{environment} has no {name!r}: {meant}",
                    environment=entry.id,
                    name=name,
                    meant=option_meant(name, known),
                ),
            )
        if known[name].legend is not None:
            chosen |= catalogue.resolved(entry.id, {name: raw})
            continue
        if name == "reward" and ":" in raw:
            see_modules_here()
        value = parse_like(known[name].default, raw)
        if value is None:
            raise not_allowed(
                "--option", pair, translated("{name} is {text}", name=name, text=translated(known[name].text))
            )
        chosen[name] = value
    return chosen


def guessed(raw: str) -> Any:
    """Convert a text to int, float or bool if it looks like one, else return it unchanged."""
    if raw.lower() in ("true", "false"):
        return raw.lower() == "true"
    for kind in (int, float):
        try:
            number = kind(raw)
        except ValueError:
            continue
        if math.isfinite(number):  # JSON, and so a run's configuration, has no NaN or infinity
            return number
    return raw
