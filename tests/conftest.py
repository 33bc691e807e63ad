"""What every test runs under: no silent broadcasting, a place of its own for compiled programs, and quick compiling."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Nearly all that tests wait for is compiling: with little optimisation, and each program in one piece, it takes less
# than half as long, and the equations are the same. XLA reads this when it compiles first. OPTIMIZED=1 compiles as for
# users.
if "OPTIMIZED" not in os.environ and "xla_backend_optimization_level" not in os.environ.get("XLA_FLAGS", ""):
    quick = ["--xla_backend_optimization_level=0"]
    # XLA ends a process that sets a flag which it does not know, as from JAX 0.12 on the first: another process asks.
    for flag in ("--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1"):
        asked = subprocess.run(
            [sys.executable, "-c", "import jax; jax.jit(lambda: 0)()"],
            env=os.environ | {"XLA_FLAGS": flag}, capture_output=True, check=False,
        )  # fmt: skip
        quick += [flag] if asked.returncode == 0 else []
    os.environ["XLA_FLAGS"] = " ".join(filter(None, (os.environ.get("XLA_FLAGS"), *quick)))

import jax
import pytest
from hypothesis import settings

from zerone.base.compilation import give_back_memory, keep_compiled_programs

MUCH_MEMORY = 600_000_000
"""Bytes of memory beyond which a process forgets, after a file of tests, the programs that it has compiled."""
TOO_MUCH_MEMORY = 950_000_000
"""The same, after any test."""

os.environ["ZERONE_LANGUAGE"] = "en"  # whatever the locale of the machine: tests read what is said

sys.path.insert(0, str(Path(__file__).parent))  # `toys` is for all tests

# (N, 1) - (N,) is an error everywhere: in threads too, which a context manager would not reach.
jax.config.update("jax_numpy_rank_promotion", "raise")
# Where in Python each operation of a program comes from is not read by anybody here, and takes time to write down.
jax.config.update("jax_traceback_in_locations_limit", 0)
# As in `zerone.__main__`: importing and tracing make hundreds of thousands of objects that stay.
gc.freeze()
gc.set_threshold(10_000)
# What a test writes need not outlive a loss of power; waiting for the disk is a twentieth of what the tests would take.
os.fsync = lambda _: None

# How long an example takes says how busy the machine is.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

_compiled = 0


def _note(event: str, _seconds: float, **_: object) -> None:
    global _compiled
    _compiled += event == "/jax/core/compile/backend_compile_duration"


jax.monitoring.register_event_duration_secs_listener(_note)


def pytest_configure(config: pytest.Config) -> None:
    """Compiled programs are kept beside pytest's own cache, for the next session and for processes that tests start."""
    os.environ["ZERONE_CACHE"] = str(config.cache.mkdir("zerone")) if getattr(config, "cache", None) else "off"
    keep_compiled_programs()


def _memory() -> int:
    """Bytes of memory that this process has; 0 where that cannot be read."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0


def _forget_programs() -> None:
    jax.clear_caches()
    gc.collect()
    give_back_memory()


@pytest.fixture(autouse=True, scope="module")
def _bounded_memory() -> Iterator[None]:
    """Give back what the programs of a file of tests take, some 15 MB each: few of the next file's are the same."""
    yield
    if _memory() > MUCH_MEMORY:
        _forget_programs()


@pytest.fixture(autouse=True)
def _bounded_within_a_file() -> Iterator[None]:
    """The same after a test, where a file has many programs."""
    yield
    if _memory() > TOO_MUCH_MEMORY:
        _forget_programs()


@pytest.fixture(autouse=True)
def _trainings_draw_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training in a test's own process ends without its figures, a tenth of what the tests would take.

    What a test draws itself is drawn. A test of the figures that a training leaves says so: `@pytest.mark.figures`.
    """
    if request.node.get_closest_marker("figures") is None:
        monkeypatch.setattr("zerone.training.drive.draw_figures", lambda _: None)


@pytest.fixture
def optimized(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training loop is compiled as for users: for a test that runs it for long."""
    from zerone.engines import compiled

    options = {"xla_backend_optimization_level": "2"}
    program = jax.jit(compiled.advance, donate_argnums=2, compiler_options=options)
    monkeypatch.setattr(compiled, "_advance", program)


@pytest.fixture
def compilations() -> Callable[[], int]:
    """How many programs were compiled since the test began."""
    before = _compiled
    return lambda: _compiled - before


@pytest.fixture
def key_reuse_raises() -> Iterator[None]:
    """A random key used twice is an error.

    Only for tests of pieces: in a loop over keys that were drawn before it, JAX's checker cries wolf.
    """
    with jax.debug_key_reuse(True):
        yield
