"""Evaluating several seeds in parallel, as they are trained."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from zerone.base.bits import in_32_bits
from zerone.engines.protocol import Engine

T = TypeVar("T")
U = TypeVar("U")


def for_seeds(engine: Engine, judge: Callable[[T], U], seeds: Sequence[T]) -> list[U]:
    """Call `judge` for several seeds: on the compiled engine in one thread each, otherwise one after the other."""
    if engine.steps_one_by_one or len(seeds) < 2:
        return [judge(each) for each in seeds]

    def judged(each: T) -> U:
        with in_32_bits():  # the setting is per thread
            return judge(each)

    with ThreadPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as threads:
        return list(threads.map(judged, seeds))
