"""Update the Chinese catalogue from the code: `python tools/translations.py`.

Adds new texts, removes those that are no longer in the code, writes `zerone.po` in sorted order and compiles it to
`zerone.mo`. New texts are added without a translation: fill them in, then run the script again.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime
import importlib
import inspect
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SOURCE = Path(__file__).parent.parent / "src" / "zerone"
PO = SOURCE / "locale" / "zh" / "LC_MESSAGES" / "zerone.po"
MARKS = ("translated", "translatable")
"""Functions whose first argument is a text to translate."""
WRITTEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""The date in the file's header. It is constant, so that equal texts give equal files."""
OF_CLICK = ("Usage:", "Options", "Commands", "Show this message and exit.")


def texts() -> set[str]:
    """All texts to translate: those marked in the code, and those of commands, algorithms, environments and so on."""
    return {*_marked(), *OF_CLICK, *_of_commands(), *_of_algorithms(), *_of_environments(), *_of_words(),
            *_of_examples()} - {""}  # fmt: skip


def _marked() -> Iterator[str]:
    """The texts marked in the code. They are found in the syntax tree, as Babel's own reader skips f-strings."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def _of_commands() -> Iterator[str]:
    import click

    from zerone.cli.app import COMMANDS, zerone
    from zerone.cli.language import with_language

    commands = [zerone]
    for place, text in COMMANDS.values():
        module, name = place.split(":")
        commands.append(with_language(getattr(importlib.import_module(module), name)))
        yield text
    for command in commands:
        yield inspect.cleandoc(command.help or "")
        yield inspect.cleandoc(command.epilog or "")
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                yield parameter.help or ""


def _of_algorithms() -> Iterator[str]:
    from zerone.algorithms import catalogue

    for entry in catalogue.entries():
        yield from (entry.text, entry.model, entry.learns, entry.updates, entry.policy, entry.observations,
                    entry.actions)  # fmt: skip
        for field in dataclasses.fields(entry.make):
            allowed = field.metadata.get("allowed")
            yield allowed.text if allowed is not None else ""


def _of_environments() -> Iterator[str]:
    from zerone.environments import catalogue
    from zerone.environments.suites import SUITES

    for entry in catalogue.entries():
        yield from (entry.text, entry.observation, entry.action)
        yield from catalogue.action_names(entry.id, entry.action.split(":")[0].count(",") + 1)
        module, name = entry.source.split(":")
        for field in dataclasses.fields(getattr(importlib.import_module(module), name)):
            allowed = field.metadata.get("allowed")
            yield allowed.text if allowed is not None else field.metadata.get("text", "")
            yield from field.metadata["legend"].meanings.values() if "legend" in field.metadata else ()
    for suite in SUITES.values():
        yield suite.text


def _of_words() -> Iterator[str]:
    from zerone.base.synonyms import ASKED, NOTES

    for each in ASKED:
        yield each.note
        yield from (
            answer for answer in (each.shell, each.python) if answer.startswith(("the ", "JAX_")) or ", " in answer
        )
    for notes in NOTES.values():
        yield from notes.values()


def _of_examples() -> Iterator[str]:
    from zerone.cli.example import about, programs

    yield from map(about, programs().values())


def catalogue() -> Catalog:
    """The catalogue that exists now; an empty one if there is no file."""
    if not PO.exists():
        return Catalog(locale="zh", charset="utf-8")
    with PO.open("rb") as file:
        return read_po(file, locale="zh", domain="zerone")


def as_po(found: Catalog) -> bytes:
    """The catalogue in the .po format, sorted."""
    file = io.BytesIO()
    write_po(file, found, width=120, no_location=True, omit_header=False, sort_output=True, ignore_obsolete=True)
    return file.getvalue()


def compiled(found: Catalog) -> bytes:
    """The catalogue in the .mo format, which `gettext` reads."""
    file = io.BytesIO()
    write_mo(file, found)
    return file.getvalue()


def main() -> int:
    """Write both files; 1 if a text has no translation yet."""
    before = {message.id: message.string for message in catalogue() if message.id}
    found = Catalog(
        "zh",
        project="Zerone",
        version="",
        charset="utf-8",
        fuzzy=False,
        copyright_holder="Zerone",
        msgid_bugs_address="",
        creation_date=WRITTEN,
        revision_date=WRITTEN,
        last_translator="Zerone",
        language_team="Zerone",
        header_comment="# What Zerone says, in Chinese. Kept by tools/translations.py.",
    )
    missing = 0
    for text in sorted(texts()):
        chinese = before.get(text) or ""
        missing += not chinese
        found.add(text, chinese)
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(as_po(found))
    PO.with_suffix(".mo").write_bytes(compiled(found))
    print(f"{PO}: {len(found)} texts, {missing} without Chinese")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
