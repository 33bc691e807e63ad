"""In all tests of environments, implicit broadcasting such as (N, 1) - (N,) is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_rank_promotion() -> Iterator[None]:
    with jax.numpy_rank_promotion("raise"):
        yield
