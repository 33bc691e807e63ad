"""Independent computations, such as the trials of a sweep, in processes of a Ray cluster.

Each is a function of its arguments alone. So if a process is lost, another one computes the same again.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

from zerone.base.bits import in_32_bits
from zerone.base.compilation import keep_compiled_programs
from zerone.base.errors import RunError, ZeroneError
from zerone.cluster.ray_connection import connect
from zerone.cluster.supervisor import Supervisor

Arguments: TypeAlias = tuple[Any, ...]


class Cluster(NamedTuple):
    """Where to compute: in `processes` processes of the Ray cluster at `address`."""

    processes: int
    address: str | None = None
    """HOST:PORT; None starts a cluster on this machine."""


class Done(NamedTuple):
    """A computation that has ended: its arguments, and what it returned or raised."""

    arguments: Arguments
    value: Any
    error: ZeroneError | None


class TaskWorker:
    """A process that calls functions."""

    def __init__(self) -> None:
        keep_compiled_programs()

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Each call computes in 32 bits, whatever this process's default is."""
        with in_32_bits():
            yield

    def call(self, function: Callable[..., Any], arguments: Arguments) -> Done:
        """Call a function. An error of another class arrives as a `RunError`: its class may not exist there."""
        try:
            return Done(arguments, function(*arguments), None)
        except ZeroneError as error:
            return Done(arguments, None, error)
        except Exception as error:
            return Done(arguments, None, RunError(f"{type(error).__name__}: {' '.join(str(error).split())}"))


class Tasks(NamedTuple):
    """The task of a process; `name` is used in errors."""

    name: str

    def worker(self, algorithm: object, number: int) -> TaskWorker:
        """Make process `number`."""
        del algorithm, number
        return TaskWorker()


class Processes:
    """Processes of a cluster, each of which does one computation at a time. Made by `processes`."""

    def __init__(self, supervisor: Supervisor, number: int) -> None:
        self._supervisor, self._number = supervisor, number

    def each(
        self, function: Callable[..., Any], jobs: Iterable[Arguments], while_waiting: Callable[[], None]
    ) -> Iterator[Done]:
        """Call `function(*job)` for each job, and yield the results in the order in which the calls end.

        Args:
            function: A function of a module that the hosts of the cluster can import.
            jobs: The arguments of each call. The next ones are taken when a process is free.
            while_waiting: Called about every two seconds; if it raises, nothing further is computed.

        Raises:
            RunError: the cluster is gone, or processes were lost repeatedly.
        """
        self._supervisor.while_waiting = while_waiting
        waiting, running = iter(jobs), set[int]()

        def begin(slot: int) -> None:
            if (job := next(waiting, None)) is not None:
                running.add(slot)
                self._supervisor.ask("call", slot, "call", function, job)

        for slot in range(self._number):
            begin(slot)
        while running:
            slot, done = self._supervisor.answer("call")
            running.remove(slot)
            yield done
            begin(slot)


@contextmanager
def processes(cluster: Cluster, jobs: int, name: str) -> Iterator[Processes]:
    """The processes of a cluster, until the end of the block; at most one per job.

    `name` is used for the work in errors.

    Raises:
        InputError: Ray is not installed, or nothing answers at the address, or hosts have other versions.
        RunError: Ray does not start.
    """
    number = min(cluster.processes, jobs)
    with contextlib.closing(connect(cluster.address)) as connection:
        supervisor = Supervisor(connection, number, None, Tasks(name), math.inf)
        with contextlib.closing(supervisor):
            yield Processes(supervisor, number)
