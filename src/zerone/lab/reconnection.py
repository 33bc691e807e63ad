"""Lets an open page reconnect to a restarted server, which has a new token and cookie.

Each page gets a key, which it keeps in memory only. A server that does not know the page's cookie sends it a
challenge; a page that answers with the keyed digest of it (HMAC-SHA256) gets the new cookie. The key itself is never
sent to a server: another user may have taken the port meanwhile, and could use a cookie or token that stays the same.
An answer is valid for one port and some seconds only, so it cannot be forwarded or used again later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import os
import secrets
import stat
import time
from pathlib import Path
from urllib.parse import parse_qs

from zerone.base.program_cache import cache_folder

SECONDS = 20
"""How many seconds a challenge is valid."""
NAME = "lab.key"
LENGTH = 64
MOST_FIELDS = 8
"""A URL query with more fields than this has no field at all."""
READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""No link is followed, and nobody waits for what a pipe in the file's place may say."""


@dataclasses.dataclass(frozen=True)
class Reconnection:
    """Challenges for pages of an earlier server, and the check of their answers.

    Attributes:
        key: The secret that all pages get, and that later servers know.
        boot: A secret of this start of the server, which signs its challenges.
    """

    key: str = dataclasses.field(default_factory=lambda: secrets.token_hex(LENGTH // 2))
    boot: str = dataclasses.field(default_factory=lambda: secrets.token_hex(LENGTH // 2))

    def challenge(self, now: float | None = None) -> str:
        """A new challenge, which must be answered within `SECONDS`. `now` is in seconds since 1970, for tests."""
        asked = f"{int(time.time() if now is None else now)}"
        return f"{asked}.{digest(self.boot, asked)}"

    def is_answered(self, query: str, port: int, now: float | None = None) -> bool:
        """Whether a URL query has a valid challenge of this server, and the digest that proves knowledge of the key."""
        challenge, proof = field_of(query, "challenge"), field_of(query, "proof")
        asked = challenge.partition(".")[0]
        if not (asked.isascii() and asked.isdecimal() and len(asked) < LENGTH):
            return False
        age = (time.time() if now is None else now) - int(asked)
        ours = hmac.compare_digest(challenge.encode(), f"{asked}.{digest(self.boot, asked)}".encode())
        proved = hmac.compare_digest(proof.encode(), digest(self.key, f"{port} {challenge}").encode())
        return ours and proved and -1 <= age <= SECONDS


def field_of(query: str, name: str) -> str:
    """The first value of a field of a URL query; empty if it is missing, or if the query has too many fields."""
    try:
        return parse_qs(query, max_num_fields=MOST_FIELDS).get(name, [""])[0]
    except ValueError:
        return ""


def digest(key: str, text: str) -> str:
    """The HMAC-SHA256 of a text, in hexadecimal digits."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def folder_for(runs: Path) -> Path | None:
    """The folder for the key of this folder of runs; None with `ZERONE_CACHE=off`.

    It is in the user's own cache: a folder of runs may come from somebody else, who would know a key in it.
    """
    if os.environ.get("ZERONE_CACHE") == "off":
        return None
    return cache_folder() / "lab" / hashlib.sha256(os.fsencode(runs.absolute())).hexdigest()[:16]


def known(folder: Path | None) -> Reconnection:
    """A `Reconnection` with the key that is stored in the folder, if no other user can read it; else with a new key."""
    if folder is None:
        return Reconnection()
    with contextlib.suppress(OSError), os.fdopen(os.open(folder / NAME, READING), "rb") as file:
        found = os.fstat(file.fileno())
        private = os.name != "posix" or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
        key = file.read(LENGTH + 1) if private and stat.S_ISREG(found.st_mode) else b""
        if len(key) == LENGTH and key.isalnum():
            return Reconnection(key.decode("ascii"))
    return Reconnection()


def keep(reconnection: Reconnection, folder: Path | None) -> None:
    """Write the key into the folder, readable by this user only, unless there is one already.

    If it cannot be written, pages cannot reconnect to the next server, and ask the user to open its address.
    """
    if folder is None:
        return
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w", encoding="ascii") as file:
            file.write(reconnection.key)
