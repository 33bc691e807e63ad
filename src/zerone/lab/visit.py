"""The connection of one open page: handling its messages, and sending it what it watches."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from zerone.base.errors import InputError, ZeroneError
from zerone.lab.daemon_thread import in_daemon_thread

if TYPE_CHECKING:
    from zerone.lab.messages import Ask
    from zerone.lab.sessions import Sessions
    from zerone.lab.state import Lab
    from zerone.lab.watched import Watched

MOST_QUESTIONS = 16
"""The most unanswered questions of a page."""
SECONDS_BETWEEN_SENDINGS = 1 / 30
NO_TEXT = 1003
"""The WebSocket close code for a message of a kind that is not accepted."""


class Visit:
    """The connection of one open page."""

    def __init__(self, lab: Lab, websocket: WebSocket, port: int) -> None:
        self._lab, self._websocket, self._port = lab, websocket, port
        self._session: Watched | None = None
        self._sender: asyncio.Task[None] | None = None
        self._asked: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serve the page until it disconnects."""
        try:
            again = {"key": await self._lab.key(), "port": self._port}
            ready = self._lab.offers is not None
            await self._send({"is": "hello", "boot": self._lab.boot, "ready": ready, "again": again})
            sessions = await self._lab.ready()
            await self._websocket.send_text(self._lab.offers or "")
            while (text := await self._text()) is not None:
                await self._receive(sessions, text)
            await self._websocket.close(NO_TEXT, "a message is a text (JSON), not bytes")
        except InputError as error:
            await self._send({"is": "failed", "text": str(error)})
        except (WebSocketDisconnect, RuntimeError):
            pass  # the page has disconnected
        finally:
            await self._leave()

    async def _text(self) -> str | None:
        """The next message; None if it is not a text."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"], message.get("reason"))
        text: str | None = message.get("text")
        return text

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
                    sessions.end(before)  # it has not started, and no page watches it any more
                await self._watch(lambda wake: sessions.begin(message.setups, wake))
            elif isinstance(message, Attach):
                await self._watch(lambda wake: sessions.find(message.session, wake))
            elif self._session is not None:
                self._session.tell(message)
        except InputError as error:
            await self._send({"is": "refused", "text": str(error)})

    def _ask(self, question: Ask) -> None:
        """Start answering a question in the background."""
        if len(self._asked) >= MOST_QUESTIONS:
            raise InputError("too many questions at once: wait for the answers")
        task = asyncio.create_task(self._answer(question))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, question: Ask) -> None:
        about: dict[str, Any] = {"is": "answer", "number": question.number}
        try:
            answers = await self._lab.answers()
            about |= await in_daemon_thread(answers.answer, question.what, question.given)
        except (ZeroneError, OSError) as error:
            about["refused"] = str(error)
        except Exception as error:  # noqa: BLE001, RUF100 - the page shows any error
            about["refused"] = f"unexpected {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        try:
            await self._send(about)
        except ValueError:  # JSON has no NaN and no infinity
            await self._send({"is": "answer", "number": question.number, "refused": "the answer cannot be sent"})

    async def _watch(self, find: Callable[[Callable[[], None]], Watched | None]) -> None:
        """Stop watching the current session, and watch the one that `find` returns for a wake function."""
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
            await asyncio.gather(sender, return_exceptions=True)  # it may have failed because the page has disconnected

    async def _tell(self, session: Watched) -> None:
        """Send the state and the frames of a session whenever they change, at most thirty times a second."""
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
        """Send the points of the curves that the page does not have; all of them if earlier ones have changed."""
        here = []
        parts: list[dict[str, Any] | None] = []
        for place, curve in enumerate(session.curves):
            version, points = curve.version, curve.points
            before = sent[place] if place < len(sent) and sent[place][0] == version else (version, 0)
            new = points[before[1] :]
            parts.append({"new": before[1] == 0, "points": [each.as_json() for each in new]} if new else None)
            here.append((version, before[1] + len(new)))
        if any(parts):
            await self._send({"is": "points", "session": session.name, "curves": parts})
        return here

    async def _send(self, message: dict[str, Any]) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.send_text(
                json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            )
