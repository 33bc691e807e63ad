"""Computing aside: in a thread that nobody waits for when the server ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Found = TypeVar("Found")


async def aside(compute: Callable[..., Found], *given: Any) -> Found:
    """What `compute` returns or raises, while the server goes on.

    `asyncio.to_thread` would do, if Python did not wait for its threads at the end: Ctrl-C would wait for a compiler.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Found] = loop.create_future()

    def tell(act: Callable[[Any], None], value: Any) -> None:
        if not found.done():
            act(value)

    def run() -> None:
        try:
            act, value = found.set_result, compute(*given)
        except BaseException as error:  # noqa: BLE001, RUF100 - it is raised where somebody waits for it
            act, value = found.set_exception, error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, act, value)

    threading.Thread(target=run, name="zerone lab: aside", daemon=True).start()
    return await found
