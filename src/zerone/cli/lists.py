"""`zerone algorithms` and `zerone environments`: what there is."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

import click

from zerone.cli.options import as_json as print_json
from zerone.cli.options import debug_option, json_option


@click.command()
@click.argument("name", required=False)
@json_option
@debug_option
def algorithms(name: str | None, as_json: bool) -> None:
    """What can learn, and where each stands in the taxonomy. With a NAME: its hyperparameters."""
    from zerone.algorithms import catalogue

    chosen = catalogue.entries() if name is None else [catalogue.look_up(name)]
    if as_json:
        found = [_algorithm_facts(entry) for entry in chosen]
        print_json(found if name is None else found[0])
        return
    blocks: list[tuple[str, list[str]]] = []
    for entry in chosen:
        place = f"{entry.model}, learns {entry.learns}, {entry.updates}, {entry.policy}"
        blocks.append((entry.name, [
            entry.text, place, f"observations {entry.observations}; actions {entry.actions}", entry.paper,
        ]))  # fmt: skip
    print_blocks(blocks)
    if name is None:
        click.echo("\nzerone train ALGORITHM ENVIRONMENT trains one.")
        click.echo("zerone algorithms NAME says what can be set.")
        return
    click.echo("\nHyperparameters:")
    for setting in _algorithm_facts(chosen[0])["settings"]:
        default = f"default {_plain(setting['default'])}"
        _print_line(setting["option"], f"{setting['text']}; {setting['allowed']}; {default}", 22)


def _algorithm_facts(entry: Any) -> dict[str, Any]:
    from zerone.cli.settings import settings_of

    facts = {
        each: getattr(entry, each)
        for each in ("name", "text", "model", "learns", "updates", "policy", "observations", "actions", "paper")
    }
    facts["metrics"] = dict(entry.make.metrics)
    facts["settings"] = [
        {
            "name": setting.name,
            "option": setting.option,
            "default": setting.default,
            "allowed": "on or off" if setting.is_flag else setting.describe(),
            "text": setting.allowed.text if setting.allowed is not None else "",
        }
        for setting in settings_of(entry.make)
    ]
    return facts


@click.command()
@click.argument("name", required=False)
@json_option
@debug_option
def environments(name: str | None, as_json: bool) -> None:
    """What can be learnt. With a NAME: its options. Any other Gymnasium id works too, on the host engine."""
    from zerone.environments import catalogue

    chosen = catalogue.entries() if name is None else [catalogue.look_up(name)]
    if as_json:
        found = [_environment_facts(entry) for entry in chosen]
        if name is not None:
            options = [{"name": each.name, "default": each.default, "text": each.text}
                       for each in catalogue.options(chosen[0])]  # fmt: skip
            print_json({**found[0], "options": options})
        else:
            print_json(found)
        return
    blocks: list[tuple[str, list[str]]] = []
    for entry in chosen:
        limit = f"at most {entry.limit} steps" if entry.limit else "no time limit"
        twin = f"; equal to Gymnasium's {entry.gymnasium_id}" if entry.gymnasium_id else ""
        blocks.append((entry.id, [
            entry.text, f"sees {entry.observation}", f"does {entry.action}",
            f"{limit}; solved at a mean return of {entry.solved_at:g}{twin}",
        ]))  # fmt: skip
    print_blocks(blocks)
    if name is None:
        click.echo("\nThese run compiled. Any other Gymnasium id, or module:Id, runs on the host")
        click.echo("engine.")
        click.echo("zerone environments NAME says what can be set with --option NAME=VALUE.")
        return
    click.echo("\nOptions, each as --option NAME=VALUE:")
    for option in catalogue.options(chosen[0]):
        _print_line(option.name, f"{option.text}; default {_plain(option.default)}", 22)


def _environment_facts(entry: Any) -> dict[str, Any]:
    return {
        "name": entry.id,
        "text": entry.text,
        "observation": entry.observation,
        "action": entry.action,
        "limit": entry.limit,
        "solved_at": entry.solved_at,
        "gymnasium_id": entry.gymnasium_id,
        "engine": "compiled",
    }


def print_blocks(blocks: list[tuple[str, list[str]]]) -> None:
    """Names in a column, what is said of them beside it, an empty line between two of them."""
    indent = max(len(name) for name, _ in blocks) + 2
    for place, (name, lines) in enumerate(blocks):
        if place:
            click.echo()
        for number, line in enumerate(lines):
            _print_line(name if number == 0 else "", line, indent, margin="")


def _print_line(name: str, text: str, indent: int, margin: str = "  ") -> None:
    width = max(60, min(shutil.get_terminal_size().columns, 110))
    wrapped = textwrap.wrap(text, max(30, width - indent - len(margin))) or [""]
    # A name that is longer than its column keeps a line to itself.
    if len(name) >= indent:
        click.echo(margin + name)
        name = ""
    for number, line in enumerate(wrapped):
        click.echo(f"{margin}{name if number == 0 else '':<{indent}}{line}")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    return str(value)
