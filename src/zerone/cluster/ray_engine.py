"""Shared by the engines on Ray: they train in other processes, and act and evaluate with an engine in this one."""

from __future__ import annotations

from typing import Any

import numpy as np

from zerone.cluster.ray_connection import Connection
from zerone.cluster.supervisor import Supervisor
from zerone.engines.protocol import Act, Engine, MakesEnvironments


class RayEngine:
    """An engine with processes from `start` to `close`, and a local `evaluator`, which needs no processes."""

    def __init__(self, evaluator: Engine) -> None:
        self.evaluator = evaluator
        self.spaces = evaluator.spaces
        self._connection: Connection | None = None
        self._supervisor: Supervisor | None = None

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self.evaluator.__reduce__()  # a copy in another process has no workers: it only acts and evaluates

    @property
    def _workers(self) -> Supervisor:
        assert self._supervisor is not None  # noqa: S101 - who trains has started them
        return self._supervisor

    def make_environments(self, seed: int) -> None:
        """See `MakesEnvironments`. If an environment cannot be made here, the workers cannot make it either."""
        if isinstance(self.evaluator, MakesEnvironments):
            self.evaluator.make_environments(seed)
            self.evaluator.close()

    @property
    def time_limit(self) -> int | None:
        return self.evaluator.time_limit

    @property
    def widths(self) -> tuple[int, ...]:
        return self.evaluator.widths

    def initial_memory(self, policy: object, number: int) -> Any:
        return self.evaluator.initial_memory(policy, number)

    def act(self, policy: object, memory: object, observation: np.ndarray, mask: object = ()) -> tuple[np.ndarray, Any]:
        return self.evaluator.act(policy, memory, observation, mask)

    def exploring(self, policy: object, seeds: np.ndarray) -> Act:
        return self.evaluator.exploring(policy, seeds)

    def close(self) -> None:
        try:
            if self._supervisor is not None:
                self._supervisor.close()
        finally:
            if self._connection is not None:
                self._connection.close()
            self._supervisor = self._connection = None
            self.evaluator.close()
