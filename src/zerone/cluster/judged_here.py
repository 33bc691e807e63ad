"""What the engines on Ray share: they train in other processes, and act and judge with an engine of this one."""

from __future__ import annotations

from typing import Any

import numpy as np

from zerone.cluster.ray_connection import Connection
from zerone.cluster.supervisor import Supervisor
from zerone.engines.protocol import Act, Engine, MakesEnvironments


class JudgedHere:
    """An engine with processes from `start` to `close`, and one here, `evaluator`, which needs none of them."""

    def __init__(self, evaluator: Engine) -> None:
        self.evaluator = evaluator
        self.spaces = evaluator.spaces
        self._connection: Connection | None = None
        self._crew: Supervisor | None = None

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self.evaluator.__reduce__()  # elsewhere there are no processes: what is left acts and evaluates

    @property
    def _workers(self) -> Supervisor:
        assert self._crew is not None  # noqa: S101 - who trains has started them
        return self._crew

    def make_environments(self, seed: int) -> None:
        """See `MakesEnvironments`. What cannot be had here cannot be had by the workers, where it is needed."""
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
            if self._crew is not None:
                self._crew.close()
        finally:
            if self._connection is not None:
                self._connection.close()
            self._crew = self._connection = None
            self.evaluator.close()
