"""Set-up of all tests: no implicit rank promotion, a separate cache of compiled programs, and fast compilation."""

import gc
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

# The tests spend most of their time on compilation. With little optimisation, and each program compiled in one piece,
# it takes less than half as long, and the equations are the same. XLA reads the flags at its first compilation. With
# OPTIMIZED=1 programs are compiled as for users.
if "OPTIMIZED" not in os.environ and "xla_backend_optimization_level" not in os.environ.get("XLA_FLAGS", ""):
    quick = ["--xla_backend_optimization_level=0"]
    # XLA ends the process on an unknown flag, and from JAX 0.12 on the first of these is unknown. So each flag is tried
    # in another process first.
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
"""A process that uses more bytes than this after a test file drops the programs that it has compiled."""
TOO_MUCH_MEMORY = 950_000_000
"""The same limit, checked after every test."""

os.environ["ZERONE_LANGUAGE"] = "en"  # tests compare messages, so they must not depend on the machine's locale

sys.path.insert(0, str(Path(__file__).parent))  # all tests can import `toys` and the other helpers

# (N, 1) - (N,) is an error everywhere. A context manager would not apply to other threads.
jax.config.update("jax_numpy_rank_promotion", "raise")
# Recording the Python source location of each operation takes time, and no test needs it.
jax.config.update("jax_traceback_in_locations_limit", 0)
# As in `zerone.__main__`: importing and tracing create hundreds of thousands of objects that are never freed.
gc.freeze()
gc.set_threshold(10_000)
# Files of tests need not survive a power failure. Waiting for the disk would be 5% of the tests' time.
os.fsync = lambda _: None

# No deadline: the time of an example depends on the load of the machine.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

_compiled = 0


def _note(event: str, _seconds: float, **_: object) -> None:
    global _compiled
    _compiled += event == "/jax/core/compile/backend_compile_duration"


jax.monitoring.register_event_duration_secs_listener(_note)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--part quick` for `make test`, `--part thorough` for `make thorough`; without it every case runs."""
    parser.addoption("--part", choices=["quick", "thorough"], help="only the quick cases, or only the others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the cases of one part. `thorough(after=n)` on a test leaves its first n cases among the quick ones."""
    part = config.getoption("--part")
    if part is None:
        return
    seen: Counter[str] = Counter()
    kept: dict[str, list[pytest.Item]] = {"quick": [], "thorough": []}
    for item in items:
        test = item.nodeid.partition("[")[0]
        seen[test] += 1
        mark = item.get_closest_marker("thorough")
        if mark is not None and (mark.args or {*mark.kwargs} - {"after"}):
            raise pytest.UsageError(f"{test}: thorough takes `after` alone")
        quick = mark is None or seen[test] <= mark.kwargs.get("after", 0)
        kept["quick" if quick else "thorough"].append(item)
    config.hook.pytest_deselected(items=kept["thorough" if part == "quick" else "quick"])
    items[:] = kept[part]


def pytest_configure(config: pytest.Config) -> None:
    """Cache compiled programs beside pytest's own cache, for later sessions and for processes that tests start."""
    os.environ["ZERONE_CACHE"] = str(config.cache.mkdir("zerone")) if getattr(config, "cache", None) else "off"
    keep_compiled_programs()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores, four at most: a fifth of the time tests wait for other processes."""
    return min(4, (os.cpu_count() or 1) + 1)


def _memory() -> int:
    """The resident memory of this process in bytes; 0 if it cannot be read."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0


def _forget_programs() -> None:
    jax.clear_caches()
    gc.collect()
    give_back_memory()


@pytest.fixture(autouse=True, scope="module")
def _bounded_memory() -> Iterator[None]:
    """Free the compiled programs of a test file, some 15 MB each. The next file uses few of them."""
    yield
    if _memory() > MUCH_MEMORY:
        _forget_programs()


@pytest.fixture(autouse=True)
def _bounded_within_a_file() -> Iterator[None]:
    """The same after a single test, for files with many programs."""
    yield
    if _memory() > TOO_MUCH_MEMORY:
        _forget_programs()


@pytest.fixture(autouse=True)
def _trainings_draw_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings in the test's process draw no figures at their end, which would be 10% of the tests' time.

    Figures that a test draws itself are drawn. Tests of a training's figures are marked with `@pytest.mark.figures`.
    """
    if request.node.get_closest_marker("figures") is None:
        monkeypatch.setattr("zerone.training.drive.draw_figures", lambda _: None)


@pytest.fixture
def optimized(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the training loop as for users; for tests with long trainings."""
    from zerone.engines import compiled

    options = {"xla_backend_optimization_level": "2"}
    program = jax.jit(compiled.advance, donate_argnums=2, compiler_options=options)
    monkeypatch.setattr(compiled, "_advance", program)


@pytest.fixture
def compilations() -> Callable[[], int]:
    """A function that returns how many programs were compiled since the test began."""
    before = _compiled
    return lambda: _compiled - before


@pytest.fixture
def key_reuse_raises() -> Iterator[None]:
    """Using a random key twice raises an error.

    Only for tests of small parts: JAX's checker reports false errors for a loop over keys that were drawn before it.
    """
    with jax.debug_key_reuse(True):
        yield
