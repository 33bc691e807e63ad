"""The state of the server: whether it is ready, the choices, the sessions, and the answers to questions."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zerone.base.errors import InputError, RunError
from zerone.base.language import translated
from zerone.lab.daemon_thread import in_daemon_thread
from zerone.lab.reconnection import folder_for, keep, known

if TYPE_CHECKING:
    from zerone.lab.answers import Answers
    from zerone.lab.sessions import Sessions
    from zerone.lab.watched import Watched

SECONDS_BETWEEN_SAVES = 5.0


class Lab:
    """The state of the server: whether it is ready, the choices, and the sessions."""

    def __init__(self, runs: Path) -> None:
        self.boot = secrets.token_urlsafe(8)
        """A random id of this start of the server; a page that sees it change reloads itself."""
        self.reconnection = known(folder_for(runs))
        self.offers: str | None = None
        self.failure = ""
        self.sockets = 0
        self._runs = runs
        self._sessions: Sessions | None = None
        self._answers: Answers | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = asyncio.Event()
        self._listeners: dict[str, set[asyncio.Event]] = {}

    @asynccontextmanager
    async def life(self, _: object) -> AsyncIterator[None]:
        """The lifespan of the server: it imports in the background at the start, and saves at the end."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._import, name="zerone lab: start", daemon=True).start()
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            self._close()

    def _import(self) -> None:
        assert self._loop is not None  # noqa: S101 - `life` has set it
        try:
            from zerone.lab import session, sessions, training  # noqa: F401 - the first session would wait for it
            from zerone.lab.answers import Answers
            from zerone.lab.offers import offers

            found, answers = sessions.Sessions(self._runs), Answers(self._runs)
            found.load()
            answers.trainings.go_on(found.trainings)
            self._answers = answers
            self._sessions, self.offers = found, json.dumps(offers(), ensure_ascii=False, separators=(",", ":"))
        except Exception as error:  # noqa: BLE001, RUF100 - the page shows it
            self.failure = f"{type(error).__name__}: {error}"
        with suppress(RuntimeError):  # the loop is closed: the server has ended
            self._loop.call_soon_threadsafe(self._ready.set)

    async def ready(self) -> Sessions:
        """The sessions, once the imports are done. Raises `InputError` if these failed."""
        await self._ready.wait()
        if self._sessions is None:
            raise InputError(translated("the server could not start: {failure}", failure=self.failure))
        return self._sessions

    async def answers(self) -> Answers:
        """The answers to questions about runs, once the imports are done. Raises `InputError` if these failed."""
        await self.ready()
        assert self._answers is not None  # noqa: S101 - set before the sessions
        return self._answers

    async def key(self) -> str:
        """The key with which a page can reconnect to the next server. It is stored so that the next server knows it."""
        await in_daemon_thread(keep, self.reconnection, folder_for(self._runs))
        return self.reconnection.key

    def listeners(self, name: str) -> set[asyncio.Event]:
        """The events to set when a session has something new, one for each page that watches it."""
        return self._listeners.setdefault(name, set())

    def waker(self, holder: list[Watched]) -> Callable[[], None]:
        """A function that a session's thread calls when it has something new."""

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._wake, holder)

        return wake

    def _wake(self, holder: list[Watched]) -> None:
        for session in holder:
            for changed in self.listeners(session.name):
                changed.set()

    async def _keep(self) -> None:
        """Save the positions of the sessions periodically."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_SAVES)
            if self._sessions is not None:
                with suppress(RunError):  # a full disk must not stop the server
                    await in_daemon_thread(self._save, self._sessions)

    def _save(self, sessions: Sessions) -> None:
        if self._answers is not None:
            sessions.trainings = self._answers.trainings.names
        sessions.save()

    def _close(self) -> None:
        if self._answers is not None:
            self._answers.trainings.let_go()
        if self._sessions is not None:
            self._sessions.close()
            self._save(self._sessions)
        if self._answers is not None:
            self._answers.trainings.close()
