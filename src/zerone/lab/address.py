"""The server's address, and opening it in a browser without revealing the token to other users."""

from __future__ import annotations

import errno
import os
import socket
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.lab.access import Access

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - the command line warns about these
SECONDS_UNTIL_OPENED = 30.0


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that listens at a host and port.

    Raises:
        InputError: the port is busy, or the host is not an address of this machine.
    """
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except socket.gaierror as error:
        raise InputError(
            translated("--host {host} is not allowed: {error}", host=host, error=error.strerror)
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                translated(
                    "port {port} is busy, perhaps with another zerone lab: choose another one with --port", port=port
                )
            ) from error
        if error.errno in (errno.EACCES, errno.EADDRNOTAVAIL):
            raise InputError(
                translated(
                    "cannot listen on {host} port {port}: {error}",
                    host=host or translated("all addresses"),
                    port=port,
                    error=error.strerror,
                )
            ) from error
        raise


def access_for(host: str, port: int) -> Access:
    """The access control for a server at this address."""
    names = {*LOOPBACK, host.lower()} - {""}
    everywhere = host in EVERYWHERE
    if everywhere:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return Access(frozenset(names), everywhere, port)


def url(host: str, access: Access) -> str:
    """The address to open in a browser, with the token."""
    name = "127.0.0.1" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{access.port}/?token={access.token}"


def open_browser(address: str) -> None:
    """Open the address in a browser, if there is a display.

    The browser gets a file that only this user can read and that redirects to the address: other users of the machine
    could read the token in the arguments of a program.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    number, name = tempfile.mkstemp(prefix="zerone-lab-", suffix=".html")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(
            f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}">'
            f'<title>Zerone lab</title><a href="{address}">Zerone lab</a>'
        )
    path = Path(name)
    threading.Thread(target=webbrowser.open, args=(path.as_uri(),), daemon=True).start()
    forget = threading.Timer(SECONDS_UNTIL_OPENED, path.unlink, kwargs={"missing_ok": True})
    forget.daemon = True
    forget.start()
