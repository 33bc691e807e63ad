"""Computation in daemon threads, for which the server does not wait at its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Found = TypeVar("Found")


async def in_daemon_thread(compute: Callable[..., Found], *given: Any) -> Found:
    """Run `compute` in a thread, and return its result or raise its exception.

    `asyncio.to_thread` is not used because Python waits for its threads at exit: Ctrl-C would wait for a compilation.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Found] = loop.create_future()

    def tell(act: Callable[[Any], None], value: Any) -> None:
        if not found.done():
            act(value)

    def run() -> None:
        try:
            act, value = found.set_result, compute(*given)
        except BaseException as error:  # noqa: BLE001, RUF100 - raised in the awaiting coroutine
            act, value = found.set_exception, error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is closed: the server has ended
            loop.call_soon_threadsafe(tell, act, value)

    threading.Thread(target=run, name="zerone lab: aside", daemon=True).start()
    return await found
