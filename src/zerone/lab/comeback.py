"""How a page that was open comes back to a server that was started again, whose token and cookie are others.

Each page is given a key, which it keeps in its memory alone. A server that does not know the page's cookie gives it a
challenge, and whoever answers with the keyed digest of it (HMAC-SHA256) gets the new cookie. The key itself never
travels to a server: it may be somebody else's, who has taken the port meanwhile and would get in with a cookie or a
token that stayed the same. An answer holds for one port and for seconds, so it cannot be handed on or used again later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from urllib.parse import parse_qs

SECONDS = 20
"""How long a challenge can be answered."""
NAME = "lab.key"
LENGTH = 64


@dataclasses.dataclass(frozen=True)
class Comeback:
    """The key of pages, and what this server asks of one that has another server's cookie."""

    key: str = dataclasses.field(default_factory=lambda: secrets.token_hex(LENGTH // 2))
    boot: str = dataclasses.field(default_factory=lambda: secrets.token_hex(LENGTH // 2))
    """Of this start of the server: nobody else makes its challenges."""

    def challenge(self, now: float | None = None) -> str:
        """What is to be answered within `SECONDS`."""
        asked = f"{int(time.time() if now is None else now)}"
        return f"{asked}.{digest(self.boot, asked)}"

    def is_answered(self, query: str, port: int, now: float | None = None) -> bool:
        """Whether the query has a challenge of this server, and the proof that its key is known."""
        given = parse_qs(query, max_num_fields=8)
        challenge, proof = given.get("challenge", [""])[0], given.get("proof", [""])[0]
        asked = challenge.partition(".")[0]
        if not (asked.isascii() and asked.isdecimal() and len(asked) < LENGTH):
            return False
        age = (time.time() if now is None else now) - int(asked)
        ours = hmac.compare_digest(challenge.encode(), f"{asked}.{digest(self.boot, asked)}".encode())
        proved = hmac.compare_digest(proof.encode(), digest(self.key, f"{port} {challenge}").encode())
        return ours and proved and -1 <= age <= SECONDS


def digest(key: str, text: str) -> str:
    """HMAC-SHA256 of a text, in hexadecimal digits."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def known(folder: Path) -> Comeback:
    """With the key that is kept in the folder, if nobody else can read it; else with a new one."""
    path = folder / NAME
    with contextlib.suppress(OSError), path.open("rb") as file:
        found, key = os.fstat(file.fileno()), file.read(LENGTH + 1)
        private = os.name != "posix" or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
        if private and not path.is_symlink() and len(key) == LENGTH and key.isalnum():
            return Comeback(key.decode("ascii"))
    return Comeback()


def keep(comeback: Comeback, folder: Path) -> None:
    """Write the key into the folder, for this person alone, where there is none yet.

    Where it cannot be written, pages do not come back to the next server, and say that its address must be opened.
    """
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        made = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w", encoding="ascii") as file:
            file.write(comeback.key)
