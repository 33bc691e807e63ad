"""The page's server: the page itself at once, and everything else as soon as JAX has been imported.

One thread answers; it never computes. Sessions compute in threads of their own (`session`), and wake this one when
there is something to send.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from zerone.base.errors import InputError, RunError, ZeroneError
from zerone.lab import assets
from zerone.lab.access import Access, Application, Guard

if TYPE_CHECKING:
    from starlette.requests import Request

    from zerone.lab.answers import Answers
    from zerone.lab.messages import Ask
    from zerone.lab.sessions import Sessions
    from zerone.lab.watched import Watched

MOST_SOCKETS = 64
LARGEST_MESSAGE = 64 * 1024
"""Bytes of a message from the page; the server closes a connection that sends more."""
SECONDS_BETWEEN_SENDINGS = 1 / 30
SECONDS_BETWEEN_SAVES = 5.0
MOST_QUESTIONS = 16
"""Of one page, that wait for their answers."""
BUSY = 1013
"""WebSocket's code for `try again later`."""


class Lab:
    """What the server knows: whether it is ready, what can be chosen, and the sessions."""

    def __init__(self, runs: Path) -> None:
        self.boot = secrets.token_urlsafe(8)
        """Another one for each start of the server: a page that sees it change loads itself again."""
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
        """From the first request to the last: import while pages are served already, and save at the end."""
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
            from zerone.lab import session, sessions, training  # noqa: F401 - the first session waits for it
            from zerone.lab.answers import Answers
            from zerone.lab.offers import offers

            found, answers = sessions.Sessions(self._runs), Answers(self._runs)
            found.load()
            answers.trainings.go_on(found.trainings)
            self._answers = answers
            self._sessions, self.offers = found, json.dumps(offers(), ensure_ascii=False, separators=(",", ":"))
        except Exception as error:  # noqa: BLE001, RUF100 - the page says it
            self.failure = f"{type(error).__name__}: {error}"
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._ready.set)

    async def ready(self) -> Sessions:
        """The sessions, as soon as there can be some."""
        await self._ready.wait()
        if self._sessions is None:
            raise InputError(f"the server could not start: {self.failure}")
        return self._sessions

    async def answers(self) -> Answers:
        """What answers questions about runs, as soon as it can."""
        await self.ready()
        assert self._answers is not None  # noqa: S101 - it is there before the sessions are
        return self._answers

    def listeners(self, name: str) -> set[asyncio.Event]:
        """What is set when a session has something new: one of each page that looks at it."""
        return self._listeners.setdefault(name, set())

    def waker(self, holder: list[Watched]) -> Callable[[], None]:
        """What a session's thread calls when it has something new."""

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
        """Write down now and then where the sessions are."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_SAVES)
            if self._sessions is not None:
                with suppress(RunError):  # a full disk is no reason to stop looking
                    await asyncio.to_thread(self._save, self._sessions)

    def _save(self, sessions: Sessions) -> None:
        if self._answers is not None:
            sessions.trainings = self._answers.trainings.names
        sessions.save()

    def _close(self) -> None:
        if self._sessions is not None:
            self._sessions.close()
            self._save(self._sessions)
        if self._answers is not None:
            self._answers.trainings.close()


def application(lab: Lab, access: Access) -> Application:
    """What answers: the page's files, and one WebSocket; behind the guard."""

    async def file(request: Request) -> Response:
        name = request.path_params.get("name", assets.START)
        found = assets.files().get(name)
        if found is None:
            return PlainTextResponse("zerone lab: there is no such file\n", status_code=404)
        return Response(found[0], media_type=found[1])

    async def take_away(request: Request) -> Response:
        """A file that is made of a run: `/export?run=NAME&kind=npz`."""
        given = request.query_params
        try:
            answers = await lab.answers()
            name, data = await asyncio.to_thread(answers.file, given.get("run", ""), given.get("kind", ""))
        except (InputError, RunError, OSError) as error:
            return PlainTextResponse(f"zerone lab: {error}\n", status_code=404)
        headers = {"content-disposition": f"attachment; filename*=utf-8''{quote(name)}"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def socket(websocket: WebSocket) -> None:
        if lab.sockets >= MOST_SOCKETS:
            await websocket.close(BUSY)
            return
        lab.sockets += 1
        try:
            await websocket.accept()
            await Visit(lab, websocket).serve()
        finally:
            lab.sockets -= 1

    files = [Route("/", file), Route("/page/{name:path}", file), Route("/export", take_away)]
    routes = [*files, WebSocketRoute("/socket", socket)]
    inside = Starlette(routes=routes, lifespan=lab.life)
    inside.router.redirect_slashes = False  # there is nothing that is meant by another path
    return Guard(inside, access)


class Visit:
    """One open page: what it asks for, and what it is sent."""

    def __init__(self, lab: Lab, websocket: WebSocket) -> None:
        self._lab, self._websocket = lab, websocket
        self._session: Watched | None = None
        self._sender: asyncio.Task[None] | None = None
        self._asked: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until the page goes away."""
        try:
            await self._send({"is": "hello", "boot": self._lab.boot, "ready": self._lab.offers is not None})
            sessions = await self._lab.ready()
            await self._websocket.send_text(self._lab.offers or "")
            while True:
                await self._receive(sessions, await self._websocket.receive_text())
        except InputError as error:
            await self._send({"is": "failed", "text": str(error)})
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass  # it has gone, or has sent bytes where there are only texts
        finally:
            await self._leave()

    async def _receive(self, sessions: Sessions, text: str) -> None:
        from zerone.lab.messages import Ask, Attach, Begin, Leave, Take, read

        try:
            message = read(text)
            if isinstance(message, Ask):
                self._ask(message)
            elif isinstance(message, Leave):
                await self._leave()
            elif isinstance(message, Take):
                await self._watch(lambda wake: sessions.take(message, wake))
            elif isinstance(message, Begin):
                before = self._session
                await self._leave()
                if before is not None and before.state == "compiling" and not before.watchers:
                    sessions.end(before)  # it has not even begun, and nobody wants it any more
                await self._watch(lambda wake: sessions.begin(message.setups, wake))
            elif isinstance(message, Attach):
                await self._watch(lambda wake: sessions.find(message.session, wake))
            elif self._session is not None:
                self._session.tell(message)
        except InputError as error:
            await self._send({"is": "refused", "text": str(error)})

    def _ask(self, question: Ask) -> None:
        """Answer a question, when it has been computed: the page may go on meanwhile."""
        if len(self._asked) >= MOST_QUESTIONS:
            raise InputError("too many questions at once: wait for the answers")
        task = asyncio.create_task(self._answer(question))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, question: Ask) -> None:
        about: dict[str, Any] = {"is": "answer", "number": question.number}
        try:
            answers = await self._lab.answers()
            about |= await asyncio.to_thread(answers.answer, question.what, question.given)
        except (ZeroneError, OSError) as error:
            about["refused"] = str(error)
        except Exception as error:  # noqa: BLE001, RUF100 - whatever it is, the page says so
            about["refused"] = f"unexpected {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        await self._send(about)

    async def _watch(self, find: Callable[[Callable[[], None]], Watched | None]) -> None:
        """Look at another session from here on."""
        await self._leave()
        holder: list[Watched] = []
        found = find(self._lab.waker(holder))
        if found is None:
            await self._send({"is": "gone"})
            return
        holder.append(found)
        self._session = found
        found.watchers += 1
        found.want_frame()
        self._sender = asyncio.create_task(self._tell(found))

    async def _leave(self) -> None:
        session, sender = self._session, self._sender
        self._session = self._sender = None
        if session is not None:
            session.watchers -= 1
        if sender is not None:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)  # it may have met the page's end before we did

    async def _tell(self, session: Watched) -> None:
        """Send what there is of a session, whenever there is something new, but not more than can be seen."""
        changed = asyncio.Event()
        listeners = self._lab.listeners(session.name)
        listeners.add(changed)
        try:
            await self._tell_changes(session, changed)
        finally:
            listeners.discard(changed)

    async def _tell_changes(self, session: Watched, changed: asyncio.Event) -> None:
        said, number, last = "", -1, 0.0
        sent: list[tuple[int, int]] = []
        while True:
            changed.clear()
            if session.state != said:
                said = session.state
                setups = [each.as_json() for each in session.setups]
                await self._send({"is": "session", "session": session.name, "state": said, "text": session.text,
                                  "setups": setups, "about": session.about})  # fmt: skip
            wait = last + SECONDS_BETWEEN_SENDINGS - time.monotonic() if session.playing else 0.0
            if wait > 0:
                await asyncio.sleep(wait)
            if session.number != number and session.frame is not None and said == "ready":
                number, last = session.number, time.monotonic()
                sent = await self._send_points(session, sent)
                await self._websocket.send_text(session.frame)
                session.want_frame()
            await changed.wait()

    async def _send_points(self, session: Watched, sent: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The points of the curves that the page has not got; all of them where earlier ones have changed."""
        here = []
        parts: list[dict[str, Any] | None] = []
        for place, curve in enumerate(session.curves):
            version, points = curve.version, curve.points
            before = sent[place] if place < len(sent) and sent[place][0] == version else (version, 0)
            new = points[before[1] :]
            parts.append({"new": before[1] == 0, "points": [each.as_json() for each in new]} if new else None)
            here.append((version, before[1] + len(new)))
        if any(parts):
            await self._send({"is": "points", "curves": parts})
        return here

    async def _send(self, message: dict[str, Any]) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
