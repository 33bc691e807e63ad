"""The workers of a cluster: sends requests, and replaces workers that fail.

A worker that dies or does not answer in time is ended and replaced, and its requests are sent to the new one.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

from zerone.base.errors import InputError, RunError
from zerone.base.language import language, translated
from zerone.cluster.ray_actor import RayActor, RemoteTask, WorkerError, WorkerInfo, kill, versions
from zerone.cluster.ray_connection import Connection

START_SECONDS = 300.0
"""Additional time for the first answer of a new worker, which imports JAX and compiles."""

MOST_IN_VAIN = 5
"""How often in a row a worker may be replaced without having answered."""

LOOK_SECONDS = 2.0
"""Interval between checks that all workers answer in time, and that the cluster still exists."""


@dataclasses.dataclass
class Request:
    """A request to a worker, and the deadline for its answer."""

    key: int | str
    slot: int
    what: str
    arguments: tuple[object, ...]
    until: float = 0.0


@dataclasses.dataclass
class Member:
    """A running worker."""

    actor: Any
    host: str
    greeting: Any
    beginning: Any
    who: WorkerInfo | None = None
    answered: bool = False


class Supervisor:
    """Workers 0 to `number` - 1 of one algorithm on one task.

    Each request has a `key`, such as its seed; answers are awaited by key.
    """

    def __init__(
        self, connection: Connection, number: int, algorithm: object, task: RemoteTask, timeout: float
    ) -> None:
        self._connection, self._ray, self._timeout = connection, connection.ray, timeout
        self._actor = self._ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(RayActor)
        self._kill = self._ray.remote(num_cpus=0, max_retries=0)(kill)
        self._what, self._name = (self._ray.put(algorithm), self._ray.put(task)), task.name
        self._asked: dict[object, Request] = {}
        self._held: list[Request] | None = []
        self._members: dict[int, Member] = {}
        self._in_vain = dict.fromkeys(range(number), 0)
        self._look_every = min(LOOK_SECONDS, timeout / 2)
        self._look_at = 0.0
        self.while_waiting: Callable[[], None] = lambda: None
        """Called repeatedly while answers are awaited; it may raise."""
        self.lost = 0
        """How many workers were replaced."""
        for slot in range(number):
            self._members[slot] = self._start_worker(slot)
        self._require_same_versions()

    def share(self, value: object) -> Any:
        """Put an object where all workers can get it; returns a reference."""
        return self._ray.put(value)

    def ask(self, key: int | str, slot: int, what: str, *arguments: object) -> None:
        """Send a request to worker `slot`. References from `share` arrive as the objects themselves.

        At first only one worker gets a request, and the others once it has answered: then they find its compiled
        programs in the cache, instead of all compiling the same.
        """
        request = Request(key, slot, what, arguments)
        if self._held is not None and self._asked:
            self._held.append(request)
        else:
            self._send(request)

    def answer(self, key: int | str) -> tuple[int, Any]:
        """Wait for the next answer to a request with this key; returns the worker's number and the answer.

        Raises:
            RunError: an environment or the cluster failed, or a worker was replaced too often without answering.
        """
        while True:
            self.while_waiting()
            if time.monotonic() > self._look_at:  # also while others answer, to notice a silent worker
                self._connection.require_alive()
                self._replace_late()
                self._look_at = time.monotonic() + self._look_every
            mine = [ref for ref, request in self._asked.items() if request.key == key]
            done, _ = self._ray.wait(mine, num_returns=1, timeout=self._look_every)
            found = self._taken(done[0]) if done else None
            if found is not None:
                return found

    def _taken(self, ref: object) -> tuple[int, Any] | None:
        """A received answer; None if it is only the news that a worker has died."""
        request = self._asked[ref]
        try:
            found = self._ray.get(ref)
        except self._ray.exceptions.RayActorError as error:
            self._replace(request.slot, translated("died"), error)
            return None
        except self._ray.exceptions.RayError as error:
            raise RunError(translated("worker {slot}: {error}", slot=request.slot, error=_line(error))) from error
        del self._asked[ref]
        if isinstance(found, WorkerError):
            raise RunError(self._explain(request.slot, found))
        self._members[request.slot].answered, self._in_vain[request.slot] = True, 0
        self._send_held_back()
        return request.slot, found.value

    def close(self) -> None:
        """End all workers."""
        for member in self._members.values():
            self._end(member)
        self._members.clear()
        self._asked.clear()

    def _send(self, request: Request) -> None:
        member = self._members[request.slot]
        request.until = time.monotonic() + self._timeout + (0.0 if member.answered else START_SECONDS)
        self._asked[member.actor.do.remote(request.what, *request.arguments)] = request

    def _send_held_back(self) -> None:
        """Send the requests that were held back."""
        held, self._held = self._held or [], None
        for request in held:
            self._send(request)

    def _start_worker(self, slot: int) -> Member:
        """Start a worker on the host that has the fewest workers per processor."""
        hosts = self._connection.hosts()
        there = [member.host for member in self._members.values()]
        host = min(hosts, key=lambda each: (there.count(each) + 1) / max(hosts[each], 0.5))
        strategies = self._ray.util.scheduling_strategies
        place = strategies.NodeAffinitySchedulingStrategy(host, soft=True)
        actor = self._actor.options(scheduling_strategy=place).remote()
        return Member(actor, host, actor.hello.remote(), actor.begin.remote(*self._what, slot, language()))

    def _require_same_versions(self) -> None:
        """Wait until all workers are there, and raise `InputError` if one has other versions."""
        greetings = [member.greeting for member in self._members.values()]
        _, late = self._ray.wait(greetings, num_returns=len(greetings), timeout=START_SECONDS)
        if late:
            raise RunError(
                translated(
                    "{late} of {all} workers did not start within {start_seconds:g} s",
                    late=len(late),
                    all=len(greetings),
                    start_seconds=START_SECONDS,
                )
            )
        ours = versions()
        for slot, member in self._members.items():
            try:
                member.who = self._ray.get(member.greeting)
            except self._ray.exceptions.RayError as error:
                raise InputError(
                    translated("worker {slot} does not start on its host: {error}", slot=slot, error=_line(error))
                ) from error
            theirs = member.who.versions
            other = [
                translated("{name} {theirs} there, {ours} here", name=name, theirs=theirs[name], ours=ours[name])
                for name in ours
                if theirs[name] != ours[name]
            ]
            if other:
                raise InputError(
                    translated(
                        "host {host} of the cluster has other versions: {listed}",
                        host=member.who.host,
                        listed="; ".join(other),
                    )
                )
            fault = self._ray.get(member.beginning)
            if isinstance(fault, WorkerError):
                raise InputError(
                    translated(
                        "worker {slot} cannot begin on {host}: {line}", slot=slot, host=member.who.host, line=fault.line
                    )
                )

    def _replace_late(self) -> None:
        """Replace each worker that has exceeded its deadline."""
        now = time.monotonic()
        late = [ref for ref, request in self._asked.items() if request.until < now]
        if late:
            _, silent = self._ray.wait(late, num_returns=len(late), timeout=0)
            for slot in {self._asked[ref].slot for ref in silent}:
                self._replace(slot, translated("has not answered for {seconds:g} s", seconds=self._timeout), None)

    def _replace(self, slot: int, why: str, error: BaseException | None) -> None:
        old = self._members[slot]
        who = self._identity(old)
        self._end(old)
        self.lost += 1
        self._in_vain[slot] = 0 if old.answered else self._in_vain[slot] + 1
        named = (
            translated("worker {slot}", slot=slot)
            if who is None
            else translated(
                "worker {slot} (process {process} on {host})", slot=slot, process=who.process, host=who.host
            )
        )
        if self._in_vain[slot] >= MOST_IN_VAIN:
            because = "" if error is None else f": {_line(error)}"
            raise RunError(
                translated(
                    "environment {name}: {named} {why}, the {most_in_vain}th in a row that has done nothing{because}",
                    name=self._name,
                    named=named,
                    why=why,
                    most_in_vain=MOST_IN_VAIN,
                    because=because,
                )
            )
        del self._members[slot]
        self._members[slot] = self._start_worker(slot)
        line = translated("{named} {why}; another takes its place", named=named, why=why)
        logging.getLogger("zerone").warning("zerone: %s", line)
        for ref in [ref for ref, request in self._asked.items() if request.slot == slot]:
            self._send(self._asked.pop(ref))

    def _identity(self, member: Member) -> WorkerInfo | None:
        """The identity of a worker, if it has reported it."""
        if member.who is None:
            done, _ = self._ray.wait([member.greeting], timeout=0)
            try:
                member.who = self._ray.get(member.greeting) if done else None
            except self._ray.exceptions.RayError:
                return None
        return member.who

    def _end(self, member: Member) -> None:
        """Kill a worker's process, even if it is stopped or blocked."""
        who = self._identity(member)
        if who is not None and who.node == self._connection.node:
            kill(who.process)
        elif who is not None:
            place = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(who.node, soft=False)
            self._kill.options(scheduling_strategy=place).remote(who.process)
        self._ray.kill(member.actor)

    def _explain(self, slot: int, fault: WorkerError) -> str:
        """A fault as one line; errors of this library are one line already."""
        if fault.kind in ("RunError", "InputError"):
            return fault.line
        return translated("worker {slot}: {error}", slot=slot, error=f"{fault.kind}: {fault.line}")


def _line(error: BaseException) -> str:
    """The last line of a Ray error, which is the cause."""
    lines = [each.strip() for each in str(error).strip().splitlines() if each.strip()]
    return " ".join(lines[-1:])[:300] or type(error).__name__
