"""The command that installs a missing extra, with the pip of the running Python.

In a clone that is the Python of `.venv`, which is rarely the first one on the shell's path; another pip would install
into another environment or would not find Zerone. Double quotes work in every shell, including those of Windows.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from zerone.base.place import as_seen


def install(extra: str) -> str:
    """The shell command that installs one of Zerone's extras into the running environment."""
    return f'{_pip()} install "zerone[{extra}]"'


def _pip() -> str:
    """`pip` if the shell's `pip` belongs to this Python, else this Python's path with `-m pip`."""
    place = Path(sys.executable)
    found = shutil.which("pip")
    if found is not None and Path(found).parent == place.parent:
        return "pip"
    python = str(as_seen(place))
    return f"{shlex.quote(python) if os.name == 'posix' else _in_quotes(python)} -m pip"


def _in_quotes(path: str) -> str:
    return f'"{path}"' if " " in path else path
