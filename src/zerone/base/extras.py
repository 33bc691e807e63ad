"""How what is missing is installed: with the pip of the Python that runs, whatever `pip` means in the reader's shell.

In a clone that is the Python of `.venv`, which is seldom the one that a shell finds first; another pip would install
into another place, or find no Zerone at all. Double quotes are quotes in every shell, those of Windows too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from zerone.base.place import as_seen


def install(extra: str) -> str:
    """The command that installs an extra of Zerone's beside the Zerone that runs."""
    return f'{_pip()} install "zerone[{extra}]"'


def _pip() -> str:
    """`pip` where the shell finds that of this Python, else this Python's own."""
    place = Path(sys.executable)
    found = shutil.which("pip")
    if found is not None and Path(found).parent == place.parent:
        return "pip"
    python = str(as_seen(place))
    return f"{shlex.quote(python) if os.name == 'posix' else _in_quotes(python)} -m pip"


def _in_quotes(path: str) -> str:
    return f'"{path}"' if " " in path else path
