"""The page's web server: it serves the page at once, and everything else as soon as JAX has been imported.

One thread answers requests and never computes. Sessions compute in their own threads (`session`), and wake this thread
when there is something to send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from zerone.base.errors import InputError, RunError
from zerone.lab import assets
from zerone.lab.access import Access, Application, Guard
from zerone.lab.daemon_thread import in_daemon_thread
from zerone.lab.state import Lab
from zerone.lab.visit import Visit

if TYPE_CHECKING:
    from starlette.requests import Request


MOST_SOCKETS = 64
LARGEST_MESSAGE = 64 * 1024
"""The largest message from the page in bytes; a connection that sends more is closed."""
BUSY = 1013
"""The WebSocket close code for "try again later"."""


def application(lab: Lab, access: Access) -> Application:
    """The ASGI application with access control: the page's files, exports, and a WebSocket."""

    async def file(request: Request) -> Response:
        name = request.path_params.get("name", assets.START)
        found = assets.files().get(name)
        if found is None:
            return PlainTextResponse("zerone lab: there is no such file\n", status_code=404)
        return Response(found[0], media_type=found[1])

    async def take_away(request: Request) -> Response:
        """A file made from a run: `/export?run=NAME&kind=npz`."""
        given = request.query_params
        try:
            answers = await lab.answers()
            name, data = await in_daemon_thread(answers.file, given.get("run", ""), given.get("kind", ""))
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
            await Visit(lab, websocket, access.port).serve()
        finally:
            lab.sockets -= 1

    files = [Route("/", file), Route("/page/{name:path}", file), Route("/export", take_away)]
    routes = [*files, WebSocketRoute("/socket", socket)]
    inside = Starlette(routes=routes, lifespan=lab.life)
    inside.router.redirect_slashes = False  # paths with an additional slash do not exist
    return Guard(inside, access, lab.reconnection)
