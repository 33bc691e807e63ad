"""The page's server: the page itself at once, and everything else as soon as JAX has been imported.

One thread answers; it never computes. Sessions compute in threads of their own (`session`), and wake this one when
there is something to send.
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
from zerone.lab.aside import aside
from zerone.lab.state import Lab
from zerone.lab.visit import Visit

if TYPE_CHECKING:
    from starlette.requests import Request


MOST_SOCKETS = 64
LARGEST_MESSAGE = 64 * 1024
"""Bytes of a message from the page; the server closes a connection that sends more."""
BUSY = 1013
"""WebSocket's code for `try again later`."""


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
            name, data = await aside(answers.file, given.get("run", ""), given.get("kind", ""))
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
