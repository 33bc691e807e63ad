"""Commands with ALGORITHM and ENVIRONMENT arguments, whose options include the algorithm's hyperparameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import click

from zerone.base.errors import InputError
from zerone.base.language import joined, translated
from zerone.cli.options import option_names
from zerone.cli.settings import Setting, look_up, settings_of
from zerone.cli.unknown import help_for, unknown_setting

TYPED, GIVEN = "zerone.typed", "zerone.given"


@dataclasses.dataclass(frozen=True)
class ParsedArguments:
    """Arguments and hyperparameters from the command line; the command's own options are not among them."""

    algorithm: str | None
    environment: str | None
    given: tuple[tuple[str, str | None], ...]
    """Hyperparameters in the order typed: an option and its text, None for a flag."""


class AlgorithmCommand(click.Command):
    """A command with an algorithm and an environment as arguments, and the algorithm's hyperparameters as options.

    Options may come before the arguments. So the options of all algorithms are accepted here, and
    `settings.chosen_settings` rejects those of other algorithms. Algorithms are imported only if an option is not one
    of the command's own.
    """

    help_of_others = False
    """Whether `ALGORITHM --help` lists that algorithm's hyperparameters."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[TYPED], ctx.meta[GIVEN] = list(args), []
        typed = list(args)  # the parser consumes its list
        words = [word for word in typed if not word.startswith("-")]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            own = [name for parameter in self.params for name in option_names(parameter)]
            raise unknown_setting(error.option_name, words, owners(), own, ctx.command_path) from None
        except click.BadOptionUsage as error:
            if error.option_name in known_options(_first_word(typed)):
                raise _misused(error.option_name, typed, help_for(words, owners(), ctx.command_path)) from None
            raise

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        typed: list[str] = ctx.meta.get(TYPED, [])
        names = {name for parameter in own for name in option_names(parameter)}
        options = [word for word in typed if word.startswith("--") or (word[1:2].isalpha() and word.startswith("-"))]
        if all(word.partition("=")[0] in names for word in options):
            return own
        settings = {setting.option: setting for setting in _settings(_first_word(typed))}
        return [*own, *(_parsing_option(setting) for setting in settings.values())]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        typed, ctx.meta[TYPED] = ctx.meta.get(TYPED, []), []  # in the help, the command's own options come first
        super().format_options(ctx, formatter)
        words = [word for word in typed if not word.startswith("-")]
        if not self.help_of_others:
            return
        if not words:
            formatter.write_paragraph()
            formatter.write_text(translated("{command} ALGORITHM --help lists that algorithm's hyperparameters, too.",
                                            command=ctx.command_path))  # fmt: skip
            return
        from zerone.algorithms import catalogue
        from zerone.training import presets

        known = {entry.name: entry for entry in catalogue.entries()}
        entry = next((known[word] for word in words if word in known), None) or look_up(words[0])
        others = any(word.partition("=")[0] in ("--preset", "--settings") for word in typed)
        tables = {} if others else presets.tables_of(entry.name)
        environment = next((word for word in words if word in tables), None)
        heading = translated("Hyperparameters of {name} (a preset may have other defaults)", name=entry.name)
        if environment is not None:
            heading = translated("Hyperparameters of {name}, with the preset for {environment}", name=entry.name,
                                 environment=environment)  # fmt: skip
        settings = [setting.with_preset(tables.get(environment or "", {})) for setting in settings_of(entry.make)]
        records = [click_option(setting).get_help_record(ctx) for setting in settings]
        with formatter.section(heading):
            formatter.write_dl([record for record in records if record is not None])


def _misused(option: str, typed: Sequence[str], where: str) -> InputError:
    """The error for a hyperparameter without its value, or a flag with one; `where` is the command that lists them."""
    attached = next((each.partition("=")[2] for each in typed if each.startswith(f"{option}=")), None)
    if attached is not None:
        return InputError(translated("{option} takes no value, but {typed!r} was given", option=option, typed=attached))
    return InputError(translated("{option} needs a value: see {where}", option=option, where=where))


def parsed(words: Sequence[str]) -> ParsedArguments:
    """ALGORITHM, ENVIRONMENT and the hyperparameters from the arguments of the running command.

    Raises:
        InputError: there are too many arguments.
    """
    context = click.get_current_context()
    if len(words) > 2:
        if words[2].replace(".", "", 1).isdigit():
            where = translated("several numbers of an option are one word, such as --hidden 64,64")
        else:
            where = translated("see {where}", where=f"{context.command_path} --help")
        raise InputError(
            translated("{word!r} is a word too many after ALGORITHM and ENVIRONMENT: {where}", word=words[2],
                       where=where)
        )  # fmt: skip
    given = tuple(context.meta.get(GIVEN, ()))
    return ParsedArguments(words[0] if words else None, words[1] if len(words) > 1 else None, given)


def click_option(setting: Setting) -> click.Option:
    """A setting as a click option, for the help."""
    text = translated(setting.allowed.text) if setting.allowed is not None else ""
    default = setting.typed_default()
    if setting.is_flag:
        default = setting.option if setting.default else setting.negation
        name = f"{setting.option}/{setting.negation}"
        return click.Option([name], help=f"{text}  {translated('[default: {default}]', default=default)}")
    help_text = f"{joined([text, setting.describe()])}  {translated('[default: {default}]', default=default)}"
    return click.Option([setting.option], help=help_text, metavar="VALUE")


def _parsing_option(setting: Setting) -> click.Option:
    """A setting as a click option, for parsing: the typed text is recorded unconverted, in the order typed."""

    def note(context: click.Context, parameter: click.Parameter, value: str | bool | None) -> None:
        del parameter
        if isinstance(value, bool):
            context.meta[GIVEN].append((setting.option if value else setting.negation, None))
        elif value is not None:
            context.meta[GIVEN].append((setting.option, value))

    if setting.is_flag:
        names = [f"{setting.option}/{setting.negation}"]
        return click.Option(names, default=None, expose_value=False, callback=note)
    return click.Option([setting.option], type=click.UNPROCESSED, expose_value=False, callback=note)


def known_options(first: str = "") -> dict[str, bool]:
    """All hyperparameter options of all algorithms, and whether each takes a value.

    If the `first` argument is `module:Name`, the options of that algorithm are included.
    """
    known: dict[str, bool] = {}
    for setting in _settings(first):
        known[setting.option] = not setting.is_flag
        if setting.is_flag:
            known[setting.negation] = False
    return known


def owners() -> dict[str, list[str]]:
    """The names of the settings of each algorithm, by the algorithm's name."""
    from zerone.algorithms import catalogue

    return {entry.name: [setting.name for setting in settings_of(entry.make)] for entry in catalogue.entries()}


def _settings(first: str) -> Iterator[Setting]:
    from zerone.algorithms import catalogue

    outside = [look_up(first)] if ":" in first else []
    for entry in [*catalogue.entries(), *outside]:
        yield from settings_of(entry.make)


def _first_word(typed: Sequence[str]) -> str:
    """The first argument, unless it is an option; empty if there is none."""
    return typed[0] if typed and not typed[0].startswith("-") else ""
