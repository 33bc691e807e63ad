"""The process of a worker, before it is one: nothing here imports JAX, so its threads can be limited before that.

Ray starts this class as an actor. It answers every call with `Answer` or `WorkerError`, both plain, so that an error of
an environment or of this library arrives as the one line that it is.
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
    "JAX_CPU_ENABLE_ASYNC_DISPATCH": "0",  # programs as small as these: handing them to a thread takes longer
    "JAX_PLATFORMS": "cpu",  # a worker plays; an accelerator would be shared by all workers of a host
}
"""What a worker's process is told: there are as many of them as there is work."""

EIGEN = "--xla_cpu_multi_thread_eigen=false"


class RemoteWorker(Protocol):
    """What a process becomes: its other methods are called by their names."""

    def limits(self) -> AbstractContextManager[None]:
        """In which all calls are made."""
        ...


class RemoteTask(Protocol):
    """What a process is told to become a worker; `name` is what errors call the work."""

    @property
    def name(self) -> str: ...

    def worker(self, algorithm: Any, number: int) -> RemoteWorker:
        """Become worker `number`."""
        ...


class WorkerInfo(NamedTuple):
    """Who a worker is."""

    process: int
    host: str
    node: str
    versions: dict[str, str]


class Answer(NamedTuple):
    """What was asked for."""

    value: Any


class WorkerError(NamedTuple):
    """Why there is no answer: the name of an error, and its line."""

    kind: str
    line: str


class RayActor:
    """What Ray's actor is."""

    def __init__(self) -> None:
        for name, value in ONE_THREAD.items():
            os.environ[name] = value
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {EIGEN}".strip()
        self._worker: RemoteWorker

    def hello(self) -> WorkerInfo:
        """Who is here."""
        import importlib

        ray: Any = importlib.import_module("ray")
        here = ray.get_runtime_context()
        return WorkerInfo(os.getpid(), ray.util.get_node_ip_address(), here.get_node_id(), versions())

    def begin(self, algorithm: object, task: RemoteTask, number: int, spoken: str) -> Answer | WorkerError:
        """Become worker `number`, who says in the language `spoken` what is wrong."""
        try:
            choose(spoken)
            self._worker = task.worker(algorithm, number)
        except Exception as error:
            return _fault(error)
        return Answer(None)

    def do(self, what: str, *arguments: object) -> Answer | WorkerError:
        """Let the worker do something."""
        try:
            with self._worker.limits():
                return Answer(getattr(self._worker, what)(*arguments))
        except Exception as error:
            return _fault(error)


def _fault(error: Exception) -> WorkerError:
    return WorkerError(type(error).__name__, " ".join(str(error).split()))


def versions() -> dict[str, str]:
    """What must be the same in all processes of a training."""
    from importlib.metadata import version

    return {"Python": platform.python_version()} | {name: version(name) for name in ("zerone", "jax", "ray")}


def kill(process: int) -> None:
    """End a process of this host at once, also one that hears nothing any more."""
    import signal
    from contextlib import suppress

    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has but the one
