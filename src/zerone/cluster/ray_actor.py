"""The process of a worker before it becomes one: nothing here imports JAX, so that its threads can be limited first.

Ray starts this class as an actor. It answers every call with `Answer` or `WorkerError`, which are plain tuples, so that
an error of an environment or of this library arrives as one line.
"""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from zerone.base.language import choose

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JAX_CPU_ENABLE_ASYNC_DISPATCH": "0",  # passing small programs to a thread takes longer than running them
    "JAX_PLATFORMS": "cpu",  # a worker only plays; an accelerator would be shared by all workers of a host
}
"""Environment variables of a worker's process: one thread each, because the workers occupy all cores."""

EIGEN = "--xla_cpu_multi_thread_eigen=false"


class RemoteWorker(Protocol):
    """The object that a process becomes: its other methods are called by name."""

    def limits(self) -> AbstractContextManager[None]:
        """The context of all calls."""
        ...


class RemoteTask(Protocol):
    """The description from which a process makes its worker; `name` is used in errors."""

    @property
    def name(self) -> str: ...

    def worker(self, algorithm: Any, number: int) -> RemoteWorker:
        """Make worker `number`."""
        ...


class WorkerInfo(NamedTuple):
    """The identity of a worker."""

    process: int
    host: str
    node: str
    versions: dict[str, str]


class Answer(NamedTuple):
    """The result of a call."""

    value: Any


class WorkerError(NamedTuple):
    """The failure of a call: the name of the exception class, and its message."""

    kind: str
    line: str


class RayActor:
    """The class of Ray's actor."""

    def __init__(self) -> None:
        for name, value in ONE_THREAD.items():
            os.environ[name] = value
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {EIGEN}".strip()
        self._worker: RemoteWorker

    def hello(self) -> WorkerInfo:
        """The identity of this process."""
        import importlib

        ray: Any = importlib.import_module("ray")
        here = ray.get_runtime_context()
        return WorkerInfo(os.getpid(), ray.util.get_node_ip_address(), here.get_node_id(), versions())

    def begin(self, algorithm: object, task: RemoteTask, number: int, spoken: str) -> Answer | WorkerError:
        """Make worker `number`; its error messages are in the language `spoken`."""
        try:
            choose(spoken)
            self._worker = task.worker(algorithm, number)
        except Exception as error:
            return _fault(error)
        return Answer(None)

    def do(self, what: str, *arguments: object) -> Answer | WorkerError:
        """Call a method of the worker."""
        try:
            with self._worker.limits():
                return Answer(getattr(self._worker, what)(*arguments))
        except Exception as error:
            return _fault(error)


def _fault(error: Exception) -> WorkerError:
    return WorkerError(type(error).__name__, " ".join(str(error).split()))


def versions() -> dict[str, str]:
    """The versions that must be equal in all processes of a training."""
    from importlib.metadata import version

    return {"Python": platform.python_version()} | {name: version(name) for name in ("zerone", "jax", "ray")}


def kill(process: int) -> None:
    """Kill a process of this host, even if it is stopped or blocked."""
    import signal
    from contextlib import suppress

    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has only this one
