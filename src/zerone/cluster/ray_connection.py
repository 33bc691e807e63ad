"""Connecting to Ray: starting it here or joining a cluster, and closing it, with one-line errors.

Ray is never imported at the top of a file: only training on a cluster needs it.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import secrets
import signal
import socket
import sys
import uuid
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from zerone.base.errors import InputError, RunError
from zerone.base.extras import install
from zerone.base.files import beside
from zerone.base.language import translated
from zerone.cluster.reaper import MARK, Reaper

OLDEST = (2, 54)
"""The first version of Ray with its security fixes."""

TRY_SECONDS = 4.0
"""Time limit for an answer from an address, for each attempt."""

OBJECT_STORE = 256 * 1024 * 1024
"""Bytes of shared memory of a local Ray: blocks of steps pass through it, and are soon deleted."""

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # Ray's default of 15 is for background work; here the workers are the main work
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # We report lost workers in one line; Ray would print ten, on standard output.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "(?s).*",
}


class Connection:
    """This process as the driver of a Ray cluster, which it started, joined, or found running."""

    def __init__(self, ray: Any, reaper: Reaper | None, ours: bool) -> None:
        self.ray, self._reaper, self._ours = ray, reaper, ours
        self.gcs: str = ray.get_runtime_context().gcs_address
        self.node: str = ray.get_runtime_context().get_node_id()
        (own,) = [each for each in ray.nodes() if each["NodeID"] == self.node]
        self._raylet = f"{own['NodeManagerAddress']}:{own['NodeManagerPort']}"

    def require_alive(self) -> None:
        """Raise `RunError` if the cluster's head or this host's node is gone.

        Ray itself waits for them for up to a minute, and then ends this process without a message of ours.
        """
        for what, address in (
            (translated("the Ray cluster"), self.gcs),
            (translated("this host's part of the Ray cluster"), self._raylet),
        ):
            problem = _unanswered(address)
            if problem is not None:
                raise RunError(
                    translated("{what} at {address} is gone ({problem})", what=what, address=address, problem=problem)
                )

    def hosts(self) -> dict[str, float]:
        """The number of processors of each host in the cluster, by host.

        Raises:
            RunError: the cluster is gone.
        """
        self.require_alive()
        found = {each["NodeID"]: each["Resources"].get("CPU", 0.0) for each in self.ray.nodes() if each["Alive"]}
        return found

    def close(self) -> None:
        """Disconnect; a Ray that was started here is ended completely."""
        if self._ours:
            with suppress(Exception), _quiet_ray():
                self.ray.shutdown()
        if self._reaper is not None:
            self._reaper.close()


def connect(address: str | None) -> Connection:
    """Join the cluster at `address`; without one, use the Ray that this process has started before, or start one.

    Raises:
        InputError: Ray is not installed or too old; nothing answers at the address, or its versions differ.
        RunError: Ray does not start.
    """
    ray = _imported(address)
    if ray.is_initialized():
        if address is not None and address != ray.get_runtime_context().gcs_address:
            raise InputError(
                translated(
                    "address {address} is not allowed: this process uses the Ray cluster at {used} already",
                    address=address,
                    used=ray.get_runtime_context().gcs_address,
                )
            )
        return Connection(ray, None, ours=False)
    return _start(ray) if address is None else _join(ray, address)


def _imported(address: str | None) -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if address is not None:  # also read only once; a local Ray may take longer to start
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "5")  # seconds to wait for an unknown address
    if "ray" not in sys.modules and (address is None or _has_token()):
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # read once, when Ray is imported
    try:
        with _quiet_ray():
            ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise InputError(
            translated(
                "a cluster needs Ray, which is not installed here ({error}): {command}",
                error=error,
                command=install("cluster"),
            )
        ) from error
    found = tuple(int(each) for each in re.findall(r"\d+", ray.__version__)[:2])
    if found < OLDEST:
        raise InputError(
            translated(
                "a cluster needs Ray {oldest} or newer, not {version}: {command}",
                oldest=".".join(map(str, OLDEST)),
                version=ray.__version__,
                command=install("cluster"),
            )
        )
    return ray


def _start(ray: Any) -> Connection:
    """Start a local Ray that only this machine can reach, and that requires a token even so."""
    keep_token_private()
    reaper = Reaper(uuid.uuid4().hex)
    os.environ[MARK] = reaper.mark
    try:
        with _quiet_ray(), _on_loopback():
            ray.init(
                address="local", include_dashboard=False, num_cpus=1, num_gpus=0, object_store_memory=OBJECT_STORE,
                log_to_driver=False, logging_level=logging.CRITICAL, _node_ip_address="127.0.0.1",
            )  # fmt: skip
        return Connection(ray, reaper, ours=True)
    except BaseException as error:
        with suppress(Exception):
            ray.shutdown()
        reaper.close()
        if isinstance(error, Exception):
            raise RunError(translated("Ray does not start: {error}", error=_line(error))) from error
        raise
    finally:
        os.environ.pop(MARK, None)


def _join(ray: Any, address: str) -> Connection:
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^\s:/]+):(\d{1,5})", address)
    if match is None or not 0 < int(match[2]) < 65536:
        raise InputError(
            translated("address {address} is not allowed: must be HOST:PORT, such as 10.0.0.1:6379", address=address)
        )
    problem = _unanswered(address)
    if problem is not None:
        raise InputError(
            translated(
                "address {address} is not allowed: no Ray cluster answers there ({problem}); ray start --head "
                "begins one",
                address=address,
                problem=problem,
            )
        )
    try:
        with _quiet_ray(), _silenced_stderr():
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        return Connection(ray, None, ours=True)
    except Exception as error:
        with suppress(Exception):
            ray.shutdown()
        if "Failed to connect" in str(error):
            raise InputError(
                translated("address {address} is not allowed: what answers there is no Ray cluster", address=address)
            ) from error
        raise InputError(
            translated("address {address} is not allowed: {error}", address=address, error=_line(error))
        ) from error


def _has_token() -> bool:
    """Whether this user has a token at the places where `ray start` looks for one."""
    place = os.environ.get("RAY_AUTH_TOKEN_PATH") or str(Path.home() / ".ray" / "auth_token")
    return "RAY_AUTH_TOKEN" in os.environ or Path(place).exists()


def keep_token_private() -> None:
    """Make the token of a local Ray readable only by the user; Ray itself writes it readable by all.

    If there is none, it is made here, as Ray makes it. A token that the user has put elsewhere is not changed.
    """
    if "RAY_AUTH_TOKEN" in os.environ or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return
    path = Path.home() / ".ray" / "auth_token"
    with suppress(OSError):  # then Ray reports the error
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            with beside(path) as (place, file):
                place.chmod(0o600)
                file.write(secrets.token_hex(32).encode())
                file.close()
                with suppress(FileExistsError):  # another process was faster, and its token is used
                    os.link(place, path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _unanswered(address: str) -> str | None:
    """Why there is no gRPC server at an address; None if there is one. Takes at most twice `TRY_SECONDS`.

    A server of HTTP/2, on which gRPC is built, answers a client's preface with its settings (RFC 9113, 3.4).
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), TRY_SECONDS) as connection:
            connection.settimeout(TRY_SECONDS)
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            answer = connection.recv(4)
    except TimeoutError:
        return f"silence for {TRY_SECONDS:g} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None if len(answer) == 4 and answer[3] == 4 else "what is there is no gRPC server"


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Make Ray use 127.0.0.1 as its address, instead of looking for one that the network can reach.

    A newer Ray may ignore this and listen on the network; then only its token protects it.
    """
    services: Any = importlib.import_module("ray._private.services")
    before = getattr(services, "resolve_ip_for_localhost", None)
    if before is not None:
        services.resolve_ip_for_localhost = lambda host: host
    try:
        yield
    finally:
        if before is not None:
            services.resolve_ip_for_localhost = before


@contextlib.contextmanager
def _quiet_ray() -> Iterator[None]:
    """Suppress Ray's messages for programmers, and keep the previous handlers of Ctrl-C and SIGTERM."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            with suppress(ValueError):  # only in the main thread, and only there Ray has replaced them
                for each, handler in handlers.items():
                    signal.signal(each, handler)


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Redirect standard error to nowhere: Ray's C++ writes to it directly when a call fails, at any log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _line(error: BaseException) -> str:
    """An error of Ray and its cause, on one line of limited length."""
    whole = " ".join(str(error).split())[:300] or type(error).__name__
    cause = " ".join(str(error.__cause__ or "").split())
    return f"{whole} ({cause[:300]})" if cause and cause not in whole else whole
