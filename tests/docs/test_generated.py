"""The generated parts of the documentation are up to date."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from zerone.algorithms import catalogue

GENERATED = runpy.run_path(str(Path(__file__).with_name("generated.py")))
PAGES = {page.name: page for page in GENERATED["pages"]()}


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize("name", PAGES)
def test_generated_parts_are_up_to_date(name):
    text = PAGES[name].read_text("utf-8")
    assert text == GENERATED["filled"](PAGES[name], text), "write them again: .venv/bin/python tests/docs/generated.py"


def test_the_pages_that_should_have_such_parts_have_them(page):
    assert {"architecture.md", "architecture.zh.md", "algorithms.md", "algorithms.zh.md"} <= PAGES.keys()
    assert "flowchart TD" in page("docs/architecture.md")
    for name in ("docs/algorithms.md", "docs/algorithms.zh.md"):
        for entry in catalogue.entries():
            assert f"\n## {entry.name}\n" in page(name)
            assert f"<!-- settings {entry.name} -->" in page(name)


def test_a_part_that_is_out_of_date_would_be_seen():
    page = PAGES["algorithms.md"]
    text = page.read_text("utf-8")
    assert GENERATED["filled"](page, text.replace("| `double` |", "| `twice` |")) == text


def test_lessons_say_what_the_results_pages_say():
    written = GENERATED["MEASURED"].read_text("utf-8")
    assert written == GENERATED["measured"](), "write it again: .venv/bin/python tests/docs/generated.py"
