"""`zerone algorithms` and `zerone environments`: lists, and details of one entry."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from zerone.base.errors import InputError
from zerone.base.extras import install
from zerone.base.language import joined, translated
from zerone.base.wide import padded, width, wrapped
from zerone.cli.options import as_json as print_json
from zerone.cli.options import debug_option, json_option

if TYPE_CHECKING:
    from zerone.algorithms import catalogue as of_algorithms
    from zerone.environments.entries import Entry as EnvironmentEntry
    from zerone.training.environment_facts import EnvironmentFacts


@click.command()
@click.argument("name", required=False)
@json_option
@debug_option
def algorithms(name: str | None, as_json: bool) -> None:
    """What can learn, and where each stands in the taxonomy. With a NAME: its hyperparameters."""
    from zerone.algorithms import catalogue
    from zerone.cli.settings import look_up

    chosen = catalogue.entries() if name is None else [look_up(name)]
    if as_json:
        found = [_algorithm_facts(entry) for entry in chosen]
        print_json(found if name is None else found[0])
        return
    blocks: list[tuple[str, list[str]]] = []
    for entry in chosen:
        model, learns, updates, policy, observations, actions = map(translated, (
            entry.model, entry.learns, entry.updates, entry.policy, entry.observations, entry.actions))  # fmt: skip
        place = translated("{model}, learns {learns}, {updates}, {policy}", model=model, learns=learns,
                           updates=updates, policy=policy)  # fmt: skip
        takes = translated("observations {observations}; actions {actions}", observations=observations, actions=actions)
        blocks.append((entry.name, [translated(entry.text), *([place, takes] if entry.model else []), entry.paper]))
    print_blocks(blocks)
    if name is None:
        click.echo("\n" + translated("zerone train ALGORITHM ENVIRONMENT trains one."))
        click.echo(translated("zerone algorithms NAME says what can be set."))
        return
    click.echo("\n" + translated("Hyperparameters:"))
    for setting in _algorithm_facts(chosen[0])["settings"]:
        default = translated("default {default}", default=_plain(setting["default"]))
        _print_line(setting["option"], joined([translated(setting["text"]), setting["allowed"], default]), 22)


def _algorithm_facts(entry: of_algorithms.Entry) -> dict[str, Any]:
    from zerone.cli.settings import settings_of

    facts: dict[str, Any] = {
        "name": entry.name, "text": entry.text, "model": entry.model, "learns": entry.learns,
        "updates": entry.updates, "policy": entry.policy, "observations": entry.observations,
        "actions": entry.actions, "paper": entry.paper,
    }  # fmt: skip
    facts["metrics"] = dict(entry.make.metrics)
    facts["settings"] = [
        {
            "name": setting.name,
            "option": setting.option,
            "default": setting.default,
            "allowed": translated("on or off") if setting.is_flag else setting.describe(),
            "text": setting.allowed.text if setting.allowed is not None else "",
        }
        for setting in settings_of(entry.make)
    ]
    return facts


@click.command()
@click.argument("name", required=False, metavar="[ENVIRONMENT]")
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="With ENVIRONMENT: what it is made with."
)
@json_option
@debug_option
def environments(name: str | None, options: tuple[str, ...], as_json: bool) -> None:
    """What can be learnt. With an ENVIRONMENT (any Gymnasium id, or module:Name): what it is, and its options."""
    from zerone.environments import catalogue, suites

    if name is not None and name.removesuffix(":") in suites.SUITES:
        _list_suite(name.removesuffix(":"), as_json)
        return
    if name is not None:
        _describe(name, options, as_json)
        return
    if options:
        raise InputError(translated("--option {option} is not allowed without an ENVIRONMENT", option=options[0]))
    chosen = catalogue.entries()
    if as_json:
        print_json([_environment_facts(entry) for entry in chosen])
        return
    blocks: list[tuple[str, list[str]]] = []
    for entry in chosen:
        limit = translated("at most {steps} steps", steps=entry.limit) if entry.limit else _limit(0)
        solved = translated("no level")
        if entry.solved_at is not None:
            solved = translated("solved at a mean return of {level:g}", level=entry.solved_at)
        blocks.append((entry.id, [
            translated(entry.text),
            translated("sees {observation}", observation=translated(entry.observation)),
            translated("does {action}", action=translated(entry.action)),
            joined([limit, solved, *_twin(entry.gymnasium_id)]),
        ]))  # fmt: skip
    print_blocks(blocks)
    click.echo("\n" + translated("These run compiled. So do suites of others, and environments of yours in JAX:"))
    _print_others()
    click.echo("\n" + translated("Any other Gymnasium id, or module:Id, runs on the host engine."))
    click.echo(translated("zerone environments ENVIRONMENT says what one is, and what can be set"))
    click.echo(translated("with --option NAME=VALUE."))


def _print_others() -> None:
    """Print the suites of environments from other packages, without importing any."""
    from zerone.environments.outside import ENVIRONMENTS
    from zerone.environments.suites import SUITES

    for suite in SUITES.values():
        there = importlib.util.find_spec(suite.name) is not None
        how = translated("zerone environments {suite}: lists them", suite=suite.name) if there else install(suite.name)
        text = translated("{suite}, such as {examples} ({how})", suite=translated(suite.text),
                          examples=", ".join(suite.examples), how=how)  # fmt: skip
        _print_line(f"{suite.name}:…", text, 13)
    for name in ENVIRONMENTS.brought():
        _print_line(name, translated("of an installed package"), 13)
    _print_line("module:Name", translated("the class Name in a module of yours"), 13)


def _list_suite(suite: str, as_json: bool) -> None:
    """Print all ids of a suite."""
    from zerone.environments.suites import SUITES

    with contextlib.redirect_stdout(sys.stderr):  # keep the suite's prints out of the results
        found = [f"{suite}:{name}" for name in SUITES[suite].adapter().ids()]
    if as_json:
        print_json(found)
        return
    for each in found:
        click.echo(each)


def _describe(name: str, options: tuple[str, ...], as_json: bool) -> None:
    """Print the facts about one environment."""
    from zerone.cli.settings import environment_options
    from zerone.cli.train import require_environment
    from zerone.training.environment_facts import describe

    with contextlib.redirect_stdout(sys.stderr):  # keep the environment's prints out of the results
        require_environment(name)
        facts = describe(name, environment_options(name, options))
    if as_json:
        print_json(facts)
        return
    print_lines(lines_of(facts))
    if facts["options"]:
        click.echo("\n" + translated("Options, each as --option NAME=VALUE:"))
        for option in facts["options"]:
            default = translated("default {default}", default=_plain(option["default"]))
            _print_line(option["name"], joined([*filter(None, [option["text"]]), default]), 22)


def lines_of(facts: EnvironmentFacts) -> list[tuple[str, str]]:
    """The facts about an environment as rows of (label, text)."""
    seen, acts = facts["observations"], facts["actions"]
    whole = translated("{what}: {result}", what=facts["name"], result=translated(facts.get("text", "")))
    rows = [(translated("environment"), whole if "text" in facts else facts["name"])]
    rows.append((translated("observations"), translated(facts.get("observation") or seen["text"])))
    for each in seen["seen"]:
        named = translated("{part} is seen as {what}", part=each["name"], what=each["as"])
        rows.append(("", named if each["name"] else translated("seen as {what}", what=each["as"])))
    rows += [("", translated("{part} is not seen: no number in it has a fixed place", part=each))
             for each in seen["left_out"]]  # fmt: skip
    if seen["together"]:
        rows.append(("", translated("together {what}", what=seen["together"])))
    rows.append((translated("actions"), translated(facts.get("action") or acts["text"])))
    rows.append(("", acts["kind"]))
    level, compiled = facts["solved_at"], facts["engine"] == "compiled"
    solved = [] if level is None else [translated("solved at a mean return of {level:g}", level=level)]
    rows.append((translated("episodes"), joined([_limit(facts["limit"]), *solved])))
    twin = _twin(facts["gymnasium_id"] if compiled else None)
    rows.append((translated("engine"), joined([facts["engine"], *twin])))
    tuned = translated("tuned settings for {algorithms}", algorithms=", ".join(facts["presets"]))
    none = translated("none: algorithms begin with their defaults")
    rows.append((translated("presets"), tuned if facts["presets"] else none))
    if facts["render_modes"]:
        rows.append((translated("drawn as"), ", ".join(facts["render_modes"])))
    return rows


def _limit(steps: int) -> str:
    """The time limit as text."""
    return translated("at most {steps:,} steps", steps=steps) if steps else translated("no time limit")


def _twin(gymnasium_id: str | None) -> list[str]:
    """The Gymnasium environment that ours equals, if any."""
    return [translated("equal to Gymnasium's {id}", id=gymnasium_id)] if gymnasium_id else []


def print_lines(rows: list[tuple[str, str]]) -> None:
    """Print labels in a column, and their texts beside it."""
    indent = max(width(word) for word, _ in rows) + 2
    for word, text in rows:
        _print_line(word, text, indent, margin="")


def _environment_facts(entry: EnvironmentEntry) -> dict[str, Any]:
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
    """Print names in a column and their texts beside it, with an empty line between entries."""
    indent = max(len(name) for name, _ in blocks) + 2
    for place, (name, lines) in enumerate(blocks):
        if place:
            click.echo()
        for number, line in enumerate(lines):
            _print_line(name if number == 0 else "", line, indent, margin="")


def _print_line(name: str, text: str, indent: int, margin: str = "  ") -> None:
    columns = max(60, min(shutil.get_terminal_size().columns, 110))
    lines = wrapped(text, max(30, columns - indent - len(margin))) or [""]
    # A name longer than its column gets a line of its own.
    if len(name) >= indent:
        click.echo(margin + name)
        name = ""
    for number, line in enumerate(lines):
        click.echo(f"{margin}{padded(name if number == 0 else '', indent)}{line}")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return translated("on") if value else translated("off")
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    return str(value)
