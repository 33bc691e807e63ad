"""Runs the contestants in turn, A B A B, each in a process of its own, and gathers what they measured."""

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
    """How a bench is run."""

    rounds: int = 3
    cores: int = 1
    seed: int = 0
    time_limit: float = 900.0
    home: Path = field(default_factory=peers.default_home)
    checkouts: dict[str, Path] = field(default_factory=dict)
    drivers: Path = field(default_factory=lambda: DRIVERS)


@dataclass
class Standing:
    """A contestant's runs by round, or why it has none."""

    contestant: Contestant
    absent: str | None = None
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    def numbers(self, name: str) -> dict[int, float]:
        """One measured number, by round; rounds without it are left out."""
        return {turn: run[name] for turn, run in self.runs.items() if run.get(name) is not None}

    def spread(self, name: str) -> Spread | None:
        """The spread of one measured number."""
        return Spread.of(list(self.numbers(name).values()))


@dataclass(frozen=True)
class MemoryCost:
    """Bytes that a replay memory takes, over the payload: its steps by the bytes of one."""

    contestant: str
    held: float | None
    """By the arrays that it holds; None where the driver cannot tell."""
    growth: float | None
    """By the growth of the process's peak from a smaller memory; None for the smallest."""


@dataclass
class Result:
    """A bench's standings, in the order of the turns."""

    bench: Bench
    standings: list[Standing]

    @property
    def figure(self) -> str:
        """The measured number that the bench compares."""
        return "process_wall_seconds" if self.bench.measure == TIME else "steps_per_cpu_second"

    def comparisons(self) -> Iterator[tuple[Any, Spread]]:
        """Each comparison whose two sides have run, with the spread of its ratio."""
        by_name = {standing.contestant.name: standing for standing in self.standings}
        for comparison in self.bench.comparisons:
            if comparison.subject in by_name and comparison.other in by_name:
                subject, other = by_name[comparison.subject], by_name[comparison.other]
                if spread := ratios(subject.numbers(self.figure), other.numbers(self.figure)):
                    yield comparison, spread

    def memory_costs(self) -> Iterator[MemoryCost]:
        """What each contestant's memory holds, over the payload; for a second, larger one also how the peak grew."""
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
    """Processes started here keep to `cores` cores: the last ones, as the first is where a system does its own."""
    if not hasattr(os, "sched_setaffinity"):  # macOS and Windows have no such thing
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def work_of(bench: Bench, contestant: Contestant, setting: Setting) -> dict[str, Any]:
    """What the driver is told; its own `Work` has the same fields."""
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
    """Run a driver to its end: what it measured, or None and one line that says what went wrong."""
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
    """Read a driver's last line, or say in one line why it has none."""
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
    # What follows that line is not indented either: notes, or warnings at exit.
    named = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b", line)]
    return (named or lines or [""])[-1].strip()[:300]


def children_cpu_seconds() -> float:
    """Processor seconds of all processes that this one has started and seen end."""
    times = os.times()
    return times.children_user + times.children_system


class Turns:
    """Says before each turn which it is, and after it how long it took."""

    def __init__(self, total: int, tell: Callable[[str], object] = str) -> None:
        self._total, self._tell = total, tell
        self._done, self._began = 0, 0.0

    def begin(self, what: str) -> None:
        """A turn begins."""
        self._done += 1
        self._began = time.monotonic()
        self._tell(f"[{self._done}/{self._total}] {what} ...")

    def end(self) -> None:
        """It has ended."""
        self._tell(f"    took {time.monotonic() - self._began:,.1f} s")


def turns(bench: Bench, setting: Setting) -> int:
    """How many turns of contestants that are here there will be."""
    here = [each for each in bench.contestants if not peers.missing(each.peer, setting.home, setting.checkouts)]
    return setting.rounds * len(here)


def run(bench: Bench, setting: Setting, progress: Turns | None = None) -> Result:
    """Let the contestants take turns, `setting.rounds` times. A contestant that fails is not asked again.

    Every round begins with empty caches, so that what is kept between processes helps only within the round.
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
    """The environment variables of a driver: the processor, so many threads, and no packages of another Python."""
    environment = {"JAX_PLATFORMS": "cpu"} | os.environ | dict.fromkeys(THREADS, str(cores))
    if contestant.peer != "zerone":
        environment.pop("PYTHONPATH", None)
    environment |= {"XDG_CACHE_HOME": cache, "ZERONE_CACHE": str(Path(cache, "zerone"))}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    return environment


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import platform

    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return {"processor": name, "cores": os.cpu_count(), "system": platform.system(), "python": sys.version.split()[0]}
