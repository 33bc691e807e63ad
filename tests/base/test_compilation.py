"""Compiled programs are cached where the user wants, or not at all; XLA's options have an effect."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zerone.base import compilation
from zerone.base.program_cache import cache_folder

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


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ZERONE_CACHE": "off"}, "None"),
        ({"ZERONE_CACHE": "here"}, str(Path("{tmp_path}") / "here" / "compiled")),  # relative to the first folder
        ({"ZERONE_CACHE": "here", "JAX_COMPILATION_CACHE_DIR": "users"}, "users"),
    ],
)
def test_a_place_that_the_user_set_is_left_alone(variables, expected, tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SHOW], env=environment | variables, cwd=tmp_path, capture_output=True, check=True
    )
    assert found.stdout.decode().strip() == expected.format(tmp_path=tmp_path)


COMPILE = """
from zerone.base import compilation
compilation.keep_compiled_programs()
import json, jax, jax.numpy as jnp
meant = {"for_long": compilation.for_long(), "for_seldom": compilation.for_seldom(), "for_once": compilation.for_once()}
for name, options in meant.items():
    loop = lambda x: jax.lax.fori_loop(0, 9, lambda i, x: x * x + i, x)
    loop.__name__ = name
    jax.jit(loop, compiler_options=options)(jnp.ones(1_000))
print(json.dumps(meant))
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The options intended for each kind of program, and the folder with XLA's dump of its compilations."""
    dump = tmp_path_factory.mktemp("dump")
    environment = os.environ | {"ZERONE_CACHE": "off", "XLA_FLAGS": f"--xla_dump_to={dump}"}
    found = subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, check=True)  # noqa: S603
    return json.loads(found.stdout), dump


@pytest.mark.parametrize("kind", ["for_long", "for_seldom", "for_once"])
def test_what_is_meant_to_be_set_is_set(compiled, kind):
    """XLA's dump lists the options of a program that differ from the defaults."""
    meant, dump = compiled
    (written,) = dump.glob(f"module_*.jit_{kind}.debug_options")
    text = written.read_text()
    levels = {"for_long": "2", "for_seldom": "1", "for_once": "0"}
    assert meant[kind]["xla_backend_optimization_level"] == levels[kind]  # supported by all allowed versions
    for name, value in meant[kind].items():
        assert re.search(f'^{name}: "?{str(value).lower()}"?$', text, re.MULTILINE)


def test_small_loops_are_compiled_whole(compiled):
    """4,000 bytes exceed XLA's default limit for small loops."""
    _, dump = compiled
    (program,) = dump.glob("module_*.jit_for_long.cpu_after_optimizations.txt")
    assert "xla_cpu_small_call" in program.read_text()


def test_programs_run_in_the_calling_thread_unless_the_user_says_otherwise(monkeypatch):
    updates = []
    monkeypatch.setattr(compilation.jax.config, "update", lambda *words: updates.append(words))
    monkeypatch.setenv("JAX_CPU_ENABLE_ASYNC_DISPATCH", "1")
    compilation.run_in_the_calling_thread()
    assert updates == []
    monkeypatch.delenv("JAX_CPU_ENABLE_ASYNC_DISPATCH")
    compilation.run_in_the_calling_thread()
    assert updates == [("jax_cpu_enable_async_dispatch", False)]


def test_an_option_that_xla_does_not_know_is_left_out_and_no_other(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS")
    known = {"xla_backend_optimization_level": "1"}
    assert compilation._supported_options(**known, xla_of_the_future=True) == known
    assert compilation._supported_options(xla_of_the_future=True, **known) == known


def test_what_the_user_has_set_stays_as_it_is(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false --xla_backend_optimization_level=3")
    assert "xla_backend_optimization_level" not in compilation.for_long() | compilation.for_once()
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    assert compilation.for_long()["xla_backend_optimization_level"] == "2"
