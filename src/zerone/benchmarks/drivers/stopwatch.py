"""The interface of all drivers: the work that they get, and the line of JSON that they print.

A driver runs in the Python of its library, so this file needs only the standard library, and must work with every
version of Python that these libraries use.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_process_began = time.perf_counter()


@dataclass(frozen=True)
class Work:
    """The work of a contestant."""

    algorithm: str
    environment: str
    steps: int
    warm_steps: int
    """Steps of the warm-up, which are not measured: before the first update, or while caches fill."""
    hyperparameters: dict[str, Any]
    seed: int = 0
    seeds: int = 1
    engine: str = "compiled"
    checkout: str | None = None
    """The path of the contestant's source, if it is not a package."""

    @property
    def h(self) -> dict[str, Any]:
        """A short name of `hyperparameters`, which drivers use on every line."""
        return self.hyperparameters


@dataclass(frozen=True)
class Moment:
    """CPU and wall seconds at one instant."""

    cpu: float
    wall: float

    @classmethod
    def now(cls) -> Moment:
        return cls(time.process_time(), time.perf_counter())


@dataclass
class Report:
    """The measurements of a contestant. Everything before the steady state counts as import or start-up."""

    import_seconds: float = 0.0
    startup_seconds: float = 0.0
    steady_steps: int = 0
    steady_cpu_seconds: float = 0.0
    steady_wall_seconds: float = 0.0
    return_reached: float | None = None
    return_is: str = ""
    peak_megabytes: float = 0.0
    memory_bytes: int | None = None
    """The size of the replay memory's arrays, if known."""
    extra: dict[str, Any] = field(default_factory=dict)

    def imported(self) -> None:
        """Record the end of the imports: the CPU time of the process so far."""
        self.import_seconds = time.process_time()

    def started(self) -> None:
        """Record the end of the start-up, when the first step can be taken."""
        self.startup_seconds = time.process_time() - self.import_seconds

    def reached(self, value: float, what: str) -> None:
        """Record the return that training reached, and a description of it."""
        self.return_reached, self.return_is = value, what

    def steady(self, steps: int, begin: Moment, end: Moment) -> None:
        """Record the steady state from `begin` to `end`. Unless `started` was called, all before it is start-up."""
        self.startup_seconds = self.startup_seconds or begin.cpu - self.import_seconds
        self.steady_steps = steps
        self.steady_cpu_seconds = end.cpu - begin.cpu
        self.steady_wall_seconds = end.wall - begin.wall

    def steady_by_difference(self, steps: int, long: tuple[Moment, Moment], short: tuple[Moment, Moment]) -> None:
        """Record the steady state as the difference of a long and a short run, both compiled before."""
        self.steady_steps = steps
        self.steady_cpu_seconds = (long[1].cpu - long[0].cpu) - (short[1].cpu - short[0].cpu)
        self.steady_wall_seconds = (long[1].wall - long[0].wall) - (short[1].wall - short[0].wall)

    def emit(self) -> None:
        """Print the report as the last line of standard output."""
        self.peak_megabytes = peak_megabytes()
        self.extra["wall_seconds"] = time.perf_counter() - _process_began
        print("\n" + json.dumps(asdict(self)), flush=True)


def work_from_command_line() -> Work:
    """The work, from the JSON in the first command-line argument."""
    return Work(**json.loads(sys.argv[1]))


def peak_megabytes() -> float:
    """The peak memory of the process in megabytes."""
    try:  # the value for this program alone; that of getrusage survives exec and may be the parent's
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
