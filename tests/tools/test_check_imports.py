"""The import checker finds import cycles, and nothing else."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "tools" / "check_imports.py"
SPEC = importlib.util.spec_from_file_location("check_imports", PATH)
check_imports = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_imports)


def test_a_circle_is_found_and_what_leads_to_it_or_away_from_it_is_none():
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "before": {"a"}, "x": {"y"}, "y": {"x"}}
    assert check_imports.cycles(arrows) == [["a", "b", "c"], ["x", "y"]]


@pytest.mark.thorough
def test_the_modules_that_are_imported_are_read_from_the_source():
    found = check_imports.modules()
    assert "zerone.environments.base" in found["zerone.environments.wrappers"]
    assert check_imports.cycles(found) == []
