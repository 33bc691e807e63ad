"""The table of commands, and how errors become exit codes with at most one line on standard error."""

from __future__ import annotations

import errno
import importlib
import os
import shlex
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from zerone.base.errors import ZeroneError, in_shell
from zerone.base.language import ENGLISH, in_language, process_in_language, translated
from zerone.base.meanings import meanings
from zerone.base.place import fixed_working_folder, in_short
from zerone.base.synonyms import COMMANDS as WORDS
from zerone.cli.language import Context, language_option, spoken, with_language
from zerone.cli.options import option_names
from zerone.cli.unknown import unknown_command, unknown_option

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED, BROKEN_PIPE = 130, 141
"""Exit codes of a program ended by Ctrl-C (SIGINT, 2) or a closed output pipe (SIGPIPE, 13): 128 + the signal."""

COMMANDS = {
    "train": ("zerone.cli.train:train", "Learn: train an algorithm in an environment."),
    "step": ("zerone.cli.step:step", "See it learn step by step: each update with its numbers, and back."),
    "lesson": ("zerone.cli.lesson:lesson", "The chapters: an idea, a question, a training to step through."),
    "lab": ("zerone.cli.lab:lab", "See learning in a browser, live: step by step, back, fast, side by side."),
    "record": (
        "zerone.cli.record:record",
        "Record what an agent, random actions or you do, as a dataset to learn from.",
    ),
    "evaluate": ("zerone.cli.evaluate:evaluate", "Measure a trained agent: mean return of greedy episodes."),
    "watch": ("zerone.cli.watch:watch", "See a trained agent play: in a window, a video or a terminal."),
    "export": ("zerone.cli.export:export", "Export a policy as ONNX, as plain NumPy, or as StableHLO."),
    "plot": ("zerone.cli.evaluate:plot", "Draw the learning curves of runs."),
    "compare": ("zerone.cli.compare:compare", "Which of several runs is better, and how sure that is."),
    "sweep": ("zerone.cli.sweep:sweep", "Which settings are best: train with many, on several seeds each."),
    "experiment": ("zerone.cli.experiment:experiment", "Put a claim to the test: many seeds, a figure, a verdict."),
    "algorithms": ("zerone.cli.lists:algorithms", "What can learn, and where each stands in the taxonomy."),
    "environments": ("zerone.cli.lists:environments", "What can be learnt."),
    "check": ("zerone.cli.check:check", "Is an environment sound, how is it encoded, what can learn in it?"),
    "example": ("zerone.cli.example:example", "Programs to begin with: lists, prints or writes them."),
    "bench": ("zerone.benchmarks.command:main", "Speed, side by side with the peers that are installed."),
}
"""The module and summary of each command, so that listing the commands imports none of them."""


class Commands(click.Group):
    """The commands of `COMMANDS`, each imported on first use."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return with_language(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[:1] == ["help"]:  # `zerone help COMMAND`, as in git
            args = [*args[1:], "--help"] if args[1:] else ["--help"]
            if args == ["--help"]:
                click.echo(ctx.get_help())
                ctx.exit()
        if args and args[0] not in COMMANDS:
            raise unknown_command(args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    if value and not context.resilient_parsing:
        from zerone import __version__

        click.echo(f"zerone {__version__}")
        context.exit()


@click.group(
    "zerone",
    cls=Commands,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
    Examples:
      zerone train q-learning zerone/Maze-v0     a table that finds paradise
      zerone train dqn CartPole-v1               a network that balances a pole
      zerone watch RUN                           what it learned""",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Say which.")
@click.pass_context
def zerone(context: click.Context) -> None:
    """Reinforcement learning from zero to one."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


zerone.params.append(language_option())


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. A traceback is shown only with `--debug`."""
    with in_shell(), fixed_working_folder(), in_language(ENGLISH):
        try:
            name, rest = spoken(arguments, os.environ, getattr(sys.stdout, "encoding", None))
        except ZeroneError as error:
            return _ended(error, arguments)
        with process_in_language(name):
            return _run(rest)


def _run(arguments: Sequence[str]) -> int:
    try:
        with zerone.make_context("zerone", list(arguments)) as context:
            zerone.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ending:
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        return ending.exit_code
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if isinstance(error, BrokenPipeError):
            _silence_output()
            return BROKEN_PIPE
        return _ended(error, arguments)
    return 0


def _ended(error: BaseException, arguments: Sequence[str]) -> int:
    """Print a one-line message for the exception that ended a command; returns the exit code."""
    if "--debug" in arguments:
        import traceback

        traceback.print_exception(error)
    code, line = explain(error, arguments)
    line = in_short(line)
    try:
        print(f"zerone: {one_line(line)}", file=sys.stderr, flush=True)
        sys.stdout.flush()
    except OSError:  # the terminal may be gone or full; Python would report that again at exit
        _silence_output()
    return code


def explain(error: BaseException, arguments: Sequence[str] = ()) -> tuple[int, str]:
    """The exit code and message of an exception."""
    if isinstance(error, ZeroneError):
        return error.exit_code, str(error)
    if isinstance(error, click.ClickException):
        return 2, explain_usage(error, next((each for each in arguments if each in COMMANDS), None))
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED, str(error) or translated("interrupted")
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return 1, translated("out of memory: choose a smaller memory, batch, network or number of environments")
    if isinstance(error, ValueError) and "for environment 'JAX_" in str(error):  # raised while JAX is imported
        return 2, str(error)
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        full = translated(" (the disk is full)") if error.errno == errno.ENOSPC else ""
        return 1, f"{where}{error.strerror}{full}"
    return 1, translated("unexpected {kind}: {line} (run with --debug for the traceback)", kind=type(error).__name__,
                         line=_first_line(error))  # fmt: skip


def explain_usage(error: click.ClickException, command: str | None = None) -> str:
    """A one-line message for click's usage errors: the option, what is wrong, what is allowed."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else f"zerone {command}" if command else "zerone"
    if (
        isinstance(error, click.BadOptionUsage)
        and not isinstance(error, click.NoSuchOption)
        and "requires" in error.message
    ):
        return translated("{option} needs a value: see {where}", option=error.option_name, where=f"{path} --help")
    if isinstance(error, click.NoSuchOption) and context is not None:
        if isinstance(context.command, Commands) and meanings(error.option_name, WORDS):
            return str(unknown_command(error.option_name, COMMANDS))
        names = [name for parameter in context.command.get_params(context) for name in option_names(parameter)]
        return str(unknown_option(error.option_name, names, f"{path} --help"))
    if isinstance(error, click.MissingParameter) and error.param is not None:
        name = error.param.make_metavar(context) if context is not None and error.param.param_type_name == "argument" \
            else error.param.opts[0]  # fmt: skip
        name = name.strip(".[]")
        from zerone.training.folder_kind import newest_run  # not at the start: it is needed here alone

        needed = [each for each in context.command.params if each.required] if context is not None else []
        if name == "RUN" and len(needed) == 1 and (newest := newest_run()) is not None:
            command = f"{path} {shlex.quote(str(newest))}"
            return translated("{name} is missing: for example {command}", name=name, command=command)
        return translated("{name} is missing: see {where}", name=name, where=f"{path} --help")
    message = error.format_message()
    if message.startswith("Got unexpected extra argument"):  # compared with click's own text
        words = message.partition("(")[2].rstrip(").")
        several = translated("got unexpected extra arguments ({words})", words=words)
        message = several if " " in words else translated("got unexpected extra argument ({words})", words=words)
    return translated("{message}; see {where}", message=message[:1].lower() + message[1:].rstrip("."),
                      where=f"{path} --help")  # fmt: skip


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else translated("no message")


def _silence_output() -> None:
    """Redirect the rest of the output to nowhere after a broken pipe, or Python reports an error at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
