"""How much memory there is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much a container may have."""


def machine_memory() -> int | None:
    """Bytes that the machine has, or that the system or a container grants; None where nobody says."""
    found: list[int] = []
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for each in _LIMITS:
        with suppress(OSError, ValueError):  # no such file, or the word "max" in it
            found.append(int(Path(each).read_text()))
    return min(found, default=None)
