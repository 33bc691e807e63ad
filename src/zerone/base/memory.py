"""The amount of memory available to the process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files in which Linux states the memory limit of a container (cgroup versions 2 and 1)."""


def machine_memory() -> int | None:
    """The memory of the machine in bytes, or the limit of the container if that is lower; None if unknown."""
    found: list[int] = []
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for each in _LIMITS:
        with suppress(OSError, ValueError):  # no such file, or it contains "max": no limit
            found.append(int(Path(each).read_text()))
    return min(found, default=None)
