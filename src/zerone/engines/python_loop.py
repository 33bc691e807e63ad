"""The base of the engines whose loop is in Python: sums since the last row of the log, and what a checkpoint keeps."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import jax
import numpy as np

from zerone.engines.protocol import Observer, Row, Stopped, row_of


class PythonCarry(Protocol):
    """The carry of such an engine: the algorithm's state, and sums since the last row of the log.

    `episodes`, float64 [3], are the number of episodes that ended, and the sums of their returns and lengths.
    """

    state: Any
    episodes: np.ndarray
    metrics: dict[str, Any]


C = TypeVar("C", bound=PythonCarry)


class PythonLoopEngine(ABC):
    """The part of `Engine` that is the same for every `PythonCarry`."""

    algorithm: Any
    observer: Observer | None = None
    _stop_requested: Callable[[], bool] = staticmethod(lambda: False)

    def stop_when(self, requested: Callable[[], bool]) -> None:
        """See `Stoppable`."""
        self._stop_requested = requested

    def _stop_if_requested(self) -> None:
        if self._stop_requested():
            raise Stopped

    @abstractmethod
    def initial_state(self, seed: np.uint32) -> Any:
        """The algorithm's state before the first step, in a program that JAX can trace."""

    def report(self, carry: C, first: int, last: int) -> tuple[Row, C]:
        ended, total_return, total_length = carry.episodes.tolist()
        row = row_of(self.algorithm, first, last, ended, total_return, total_length, self._sums(carry))
        following = copy.copy(carry)
        following.episodes, following.metrics = np.zeros(3), {}
        return row, following

    def episodes_ended(self, carry: C) -> int:
        """See `Engine`."""
        return int(carry.episodes[0])

    def _sums(self, carry: PythonCarry) -> dict[str, np.float64]:
        return {name: np.float64(carry.metrics.get(name, 0)) for name in self.algorithm.metrics}

    def policy(self, carry: PythonCarry) -> Any:
        return jax.tree.map(np.array, carry.state.policy)

    def policy_example(self) -> Any:
        return self._state_example().policy

    def _state_example(self) -> Any:
        return jax.eval_shape(self.initial_state, np.uint32(0))

    def saved(self, carry: PythonCarry) -> Any:
        return {"state": carry.state, "episodes": carry.episodes, "metrics": self._sums(carry)}

    def saved_example(self) -> Any:
        sums = {name: np.float64(0) for name in self.algorithm.metrics}
        return {"state": self._state_example(), "episodes": np.zeros(3), "metrics": sums}
