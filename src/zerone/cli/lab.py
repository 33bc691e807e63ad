"""`zerone lab`: the live page, served on this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from zerone.base.errors import InputError
from zerone.base.extras import install
from zerone.base.language import ENGLISH, process_in_language, translated
from zerone.cli import output
from zerone.cli.options import Place, Whole, debug_option

PORT = 8765
NEEDED = ("starlette", "uvicorn", "websockets")


@click.command(
    epilog="""\b
    The page is for you alone: it listens on this machine, and opens with the
    token in the address that is printed. Ctrl-C ends it; where each session
    was is kept in RUNS/lab.json, and is there again the next time.

    \b
    Examples:
      zerone lab
      zerone lab --port 9000 --no-browser
      ssh -L 8765:127.0.0.1:8765 MACHINE zerone lab --no-browser"""
)
@click.option("--port", type=Whole(0, 65_535), default=PORT, help=f"0: any free one. Default: {PORT}.")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Where it listens; 0.0.0.0: on all addresses, for "
              "everybody in your network who has the token. Default: 127.0.0.1, this machine.")  # fmt: skip
@click.option("--runs", type=Place("DIR"), default=Path("runs"), help="Where sessions are kept. Default: runs.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@debug_option
def lab(port: int, host: str, runs: Path, no_browser: bool) -> None:
    """See learning in a browser: step by step and back, slowly or fast, with the numbers of each update."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            translated("zerone lab needs {listed}: {command}", listed=", ".join(missing), command=install("lab"))
        )
    if runs.exists() and not runs.is_dir():
        raise InputError(translated("--runs {runs} is not allowed: must be a folder", runs=runs))
    from zerone.lab.address import LOOPBACK, access_for, listen, open_browser, url

    listening = listen(host, port)
    access = access_for(host, listening.getsockname()[1])
    address = url(host, access)
    if host not in LOOPBACK:
        output.tell(f"WARNING: this page is open to your network on {host or 'all addresses'}, without encryption: who "
                    "has the address with its token can use this machine")  # fmt: skip
    click.echo(f"Zerone lab: {address}")
    click.echo(translated("Ctrl-C ends it"))
    from zerone.lab.serve import serve

    if not no_browser:
        open_browser(address)
    with process_in_language(ENGLISH):  # the page translates what it receives
        serve(listening, access, runs)
