"""Compiled programs are kept where the user wants them, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zerone.base.compilation import cache_folder

SHOW = """
import jax
from zerone.base.compilation import keep_compiled_programs
keep_compiled_programs()
print(jax.config.jax_compilation_cache_dir)
"""


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("ZERONE_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("ZERONE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "zerone"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "zerone"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ZERONE_CACHE": "off"}, "None"),
        ({"ZERONE_CACHE": "here"}, str(Path("{tmp_path}") / "here" / "compiled")),  # also when the folder changes
        ({"ZERONE_CACHE": "here", "JAX_COMPILATION_CACHE_DIR": "users"}, "users"),
    ],
)
def test_a_place_that_the_user_set_is_left_alone(variables, expected, tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SHOW], env=environment | variables, cwd=tmp_path, capture_output=True, check=True
    )
    assert found.stdout.decode().strip() == expected.format(tmp_path=tmp_path)
