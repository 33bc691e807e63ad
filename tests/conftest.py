"""What every test runs under: no silent broadcasting, a place of its own for compiled programs, and quick compiling."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Nearly all that tests wait for is compiling: with little optimisation it takes half as long, and the equations are
# the same. XLA reads this when it compiles first. OPTIMIZED=1 compiles as for users.
if "OPTIMIZED" not in os.environ:
    quick = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {quick}".strip()

import jax
import pytest

from zerone.base.compilation import keep_compiled_programs

sys.path.insert(0, str(Path(__file__).parent))  # `toys` is for all tests

# (N, 1) - (N,) is an error everywhere: in threads too, which a context manager would not reach.
jax.config.update("jax_numpy_rank_promotion", "raise")

_compiled = 0


def _note(event: str, _seconds: float, **_: object) -> None:
    global _compiled
    _compiled += event == "/jax/core/compile/backend_compile_duration"


jax.monitoring.register_event_duration_secs_listener(_note)


def pytest_configure(config: pytest.Config) -> None:
    """Compiled programs are kept beside pytest's own cache, for the next session and for processes that tests start."""
    os.environ["ZERONE_CACHE"] = str(config.cache.mkdir("zerone")) if getattr(config, "cache", None) else "off"
    keep_compiled_programs()


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
