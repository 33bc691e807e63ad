"""What every driver shares: the work it is given, and the one line of JSON that it prints.

A driver runs under the Python of the library that it drives, so this file needs the standard library only, and
must work on every Python that any of those libraries needs.
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
    """What a contestant is asked to do, the same for all that take part."""

    algorithm: str
    environment: str
    steps: int
    warm_steps: int
    """Steps that are left out of the steady state: before the first update, or while caches fill."""
    hyperparameters: dict[str, Any]
    seed: int = 0
    seeds: int = 1
    engine: str = "compiled"
    checkout: str | None = None
    """Where the contestant's source lies, if it is not a package."""

    @property
    def h(self) -> dict[str, Any]:
        """The hyperparameters, by their short name: drivers read them on every line."""
        return self.hyperparameters


@dataclass(frozen=True)
class Moment:
    """Processor and wall seconds at one instant."""

    cpu: float
    wall: float

    @classmethod
    def now(cls) -> Moment:
        return cls(time.process_time(), time.perf_counter())


@dataclass
class Report:
    """What a contestant measured. Everything before the steady state is import or start-up."""

    import_seconds: float = 0.0
    startup_seconds: float = 0.0
    steady_steps: int = 0
    steady_cpu_seconds: float = 0.0
    steady_wall_seconds: float = 0.0
    return_reached: float | None = None
    return_is: str = ""
    peak_megabytes: float = 0.0
    memory_bytes: int | None = None
    """What the replay memory's arrays hold, if the driver can tell."""
    extra: dict[str, Any] = field(default_factory=dict)

    def imported(self) -> None:
        """Everything is imported: the processor time of the process so far is the import's."""
        self.import_seconds = time.process_time()

    def started(self) -> None:
        """The first step can be taken: what went between import and now is start-up."""
        self.startup_seconds = time.process_time() - self.import_seconds

    def reached(self, value: float, what: str) -> None:
        """The return that training reached, and which return that is."""
        self.return_reached, self.return_is = value, what

    def steady(self, steps: int, begin: Moment, end: Moment) -> None:
        """The steady state ran from `begin` to `end`; if nothing was said of a start, all before it was start-up."""
        self.startup_seconds = self.startup_seconds or begin.cpu - self.import_seconds
        self.steady_steps = steps
        self.steady_cpu_seconds = end.cpu - begin.cpu
        self.steady_wall_seconds = end.wall - begin.wall

    def steady_by_difference(self, steps: int, long: tuple[Moment, Moment], short: tuple[Moment, Moment]) -> None:
        """The steady state is what a long run took beyond a short one, both compiled before."""
        self.steady_steps = steps
        self.steady_cpu_seconds = (long[1].cpu - long[0].cpu) - (short[1].cpu - short[0].cpu)
        self.steady_wall_seconds = (long[1].wall - long[0].wall) - (short[1].wall - short[0].wall)

    def emit(self) -> None:
        """Print the report as the last line of standard output."""
        self.peak_megabytes = peak_megabytes()
        self.extra["wall_seconds"] = time.perf_counter() - _process_began
        print("\n" + json.dumps(asdict(self)), flush=True)


def work_from_command_line() -> Work:
    """The work that the harness put, as JSON, in the first argument."""
    return Work(**json.loads(sys.argv[1]))


def peak_megabytes() -> float:
    """The most memory the process has held at once."""
    try:  # the kernel's figure for this program alone: getrusage's outlives exec and so can be the parent's
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
