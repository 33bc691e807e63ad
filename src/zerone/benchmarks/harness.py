"""Run the contestants in turn (A B A B), each in its own process, and collect their measurements."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.benchmarks import peers
from zerone.benchmarks.spread import Spread, ratios
from zerone.benchmarks.works import TIME, Bench, Contestant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DRIVERS = Path(__file__).parent / "drivers"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Setting:
    """The settings of a benchmark run."""

    rounds: int = 3
    cores: int = 1
    seed: int = 0
    time_limit: float = 900.0
    home: Path = field(default_factory=peers.default_home)
    checkouts: dict[str, Path] = field(default_factory=dict)
    drivers: Path = field(default_factory=lambda: DRIVERS)


@dataclass
class Standing:
    """A contestant's measurements by round, or the reason why it has none."""

    contestant: Contestant
    absent: str | None = None
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    def numbers(self, name: str) -> dict[int, float]:
        """The values of one measurement by round, for the rounds that have it."""
        return {turn: run[name] for turn, run in self.runs.items() if run.get(name) is not None}

    def spread(self, name: str) -> Spread | None:
        """The spread of one measurement over rounds."""
        return Spread.of(list(self.numbers(name).values()))


@dataclass(frozen=True)
class MemoryCost:
    """The size of a replay memory relative to its payload (the number of steps times the bytes of one)."""

    contestant: str
    held: float | None
    """The size of its arrays, relative to the payload; None if the driver does not report it."""
    growth: float | None
    """The growth of the process's peak memory over that with a smaller memory, relative; None for the smallest."""


@dataclass
class Result:
    """The results of a bench, in the order of the turns."""

    bench: Bench
    standings: list[Standing]

    @property
    def figure(self) -> str:
        """The name of the measurement that the bench compares."""
        return "process_wall_seconds" if self.bench.measure == TIME else "steps_per_cpu_second"

    def comparisons(self) -> Iterator[tuple[Any, Spread]]:
        """Each comparison whose two contestants have run, with the spread of its ratio."""
        by_name = {standing.contestant.name: standing for standing in self.standings}
        for comparison in self.bench.comparisons:
            if comparison.subject in by_name and comparison.other in by_name:
                subject, other = by_name[comparison.subject], by_name[comparison.other]
                if spread := ratios(subject.numbers(self.figure), other.numbers(self.figure)):
                    yield comparison, spread

    def memory_costs(self) -> Iterator[MemoryCost]:
        """The memory cost of each contestant, if the bench compares memories."""
        for standing in self.standings if self.bench.payload_bytes else ():
            held, peak = standing.spread("memory_bytes"), standing.spread("peak_megabytes")
            if peak is None:
                continue
            capacity = standing.contestant.changed["memory"]
            payload = capacity * self.bench.payload_bytes
            smaller = [
                (other.contestant.changed["memory"], spread.median)
                for other in self.standings
                if other.contestant.peer == standing.contestant.peer
                and other.contestant.changed["memory"] < capacity
                and (spread := other.spread("peak_megabytes"))
            ]
            growth = None
            if smaller:
                small, small_peak = smaller[0]
                growth = (peak.median - small_peak) * 1e6 / ((capacity - small) * self.bench.payload_bytes)
            yield MemoryCost(standing.contestant.name, held.median / payload if held else None, growth)


@contextlib.contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Restrict processes started inside the block to `cores` cores: the last ones, since systems use the first."""
    if not hasattr(os, "sched_setaffinity"):  # macOS and Windows
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def work_of(bench: Bench, contestant: Contestant, setting: Setting) -> dict[str, Any]:
    """The arguments of a driver, with the same fields as its `Work`."""
    checkout = setting.checkouts.get(contestant.peer)
    return {
        "algorithm": bench.algorithm,
        "environment": bench.environment,
        "steps": contestant.steps,
        "warm_steps": contestant.warm_steps,
        "hyperparameters": bench.hyperparameters | contestant.changed,
        "seed": setting.seed,
        "seeds": bench.seeds,
        "engine": contestant.engine,
        "checkout": str(checkout) if checkout else None,
    }


def run_driver(
    command: list[str], environment: dict[str, str], cores: int, time_limit: float
) -> tuple[dict[str, Any] | None, str]:
    """Run a driver to its end; return its measurements, or None and a one-line error."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, contextlib.ExitStack() as stack:
        output = stack.enter_context(Path(folder, "output").open("w+", encoding="utf-8", errors="replace"))
        errors = stack.enter_context(Path(folder, "errors").open("w+", encoding="utf-8", errors="replace"))
        began, cpu_before = time.perf_counter(), children_cpu_seconds()
        with pinned(cores):
            process = subprocess.Popen(  # noqa: S603  a driver of ours
                command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL, cwd=folder, env=environment
            )
        try:
            code = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            return None, f"stopped after the time limit of {time_limit:g} s"
        finally:
            process.kill()
            process.wait()
        whole = {
            "process_wall_seconds": time.perf_counter() - began,
            "process_cpu_seconds": children_cpu_seconds() - cpu_before,
        }
        output.seek(0)
        errors.seek(0)
        return outcome(code, output.read(), errors.read(), whole)


def outcome(code: int, output: str, errors: str, whole: dict[str, float]) -> tuple[dict[str, Any] | None, str]:
    """The measurements from a driver's last line of output, or None and a one-line error."""
    if code:
        why = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        said = last_words(errors)
        return None, f"{said} ({why})" if said else why
    lines = [line for line in output.splitlines() if line.strip()]
    try:
        report = json.loads(lines[-1])
        if not isinstance(report, dict):
            raise TypeError
    except (IndexError, TypeError, json.JSONDecodeError):
        return None, "it ended without a report on its last line"
    run = report | whole
    if run.get("steady_cpu_seconds", 0) > 0:
        run["steps_per_cpu_second"] = run["steady_steps"] / run["steady_cpu_seconds"]
        run["steps_per_second"] = run["steady_steps"] / run["steady_wall_seconds"]
    return run, ""


def last_words(errors: str) -> str:
    """The line of a traceback that names the exception; without one, the last line."""
    lines = [line.rstrip() for line in errors.splitlines() if line.strip()]
    # Later lines without indentation may be notes, or warnings at exit.
    named = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b", line)]
    return (named or lines or [""])[-1].strip()[:300]


def children_cpu_seconds() -> float:
    """CPU seconds of all finished child processes."""
    times = os.times()
    return times.children_user + times.children_system


class Turns:
    """Reports progress: the name of each turn before it, and its duration after it."""

    def __init__(self, total: int, tell: Callable[[str], object] = str) -> None:
        self._total, self._tell = total, tell
        self._done, self._began = 0, 0.0

    def begin(self, what: str) -> None:
        """Report the beginning of a turn."""
        self._done += 1
        self._began = time.monotonic()
        self._tell(f"[{self._done}/{self._total}] {what} ...")

    def end(self) -> None:
        """Report the end of the turn."""
        self._tell(f"    took {time.monotonic() - self._began:,.1f} s")


def turns(bench: Bench, setting: Setting) -> int:
    """The number of turns of the installed contestants."""
    here = [each for each in bench.contestants if not peers.missing(each.peer, setting.home, setting.checkouts)]
    return setting.rounds * len(here)


def run(bench: Bench, setting: Setting, progress: Turns | None = None) -> Result:
    """Run the contestants in turn, for `setting.rounds` rounds. A contestant that fails is not run again.

    Every round begins with empty caches, so that cached programs only help within a round.
    """
    standings = [
        Standing(contestant, peers.missing(contestant.peer, setting.home, setting.checkouts))
        for contestant in bench.contestants
    ]
    for turn in range(setting.rounds):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
            for standing in standings:
                if standing.absent or standing.failures:
                    continue
                contestant = standing.contestant
                if progress is not None:
                    progress.begin(f"{bench.name}, round {turn + 1} of {setting.rounds}: {contestant.name}")
                environment = environment_of(contestant, setting.cores, cache)
                python = peers.python_of(contestant.peer, setting.home)
                command = [str(python), str(setting.drivers / contestant.script)]
                command.append(json.dumps(work_of(bench, contestant, setting)))
                if contestant.rehearsed:
                    run_driver(command, environment, setting.cores, setting.time_limit)
                measured, why = run_driver(command, environment, setting.cores, setting.time_limit)
                if progress is not None:
                    progress.end()
                if measured is None:
                    standing.failures[turn] = why
                else:
                    standing.runs[turn] = measured
    return Result(bench, standings)


def environment_of(contestant: Contestant, cores: int, cache: str) -> dict[str, str]:
    """The environment variables of a driver: CPU only, `cores` threads, and no packages of another Python."""
    environment = {"JAX_PLATFORMS": "cpu"} | os.environ | dict.fromkeys(THREADS, str(cores))
    if contestant.peer != "zerone":
        environment.pop("PYTHONPATH", None)
    environment |= {"XDG_CACHE_HOME": cache, "ZERONE_CACHE": str(Path(cache, "zerone"))}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    return environment


def machine() -> dict[str, Any]:
    """A description of this machine."""
    import platform

    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return {"processor": name, "cores": os.cpu_count(), "system": platform.system(), "python": sys.version.split()[0]}
