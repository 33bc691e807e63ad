"""Zerone's command line. The harness times the process, which is replaced by the command and reports nothing itself."""

from __future__ import annotations

import os
import subprocess
import sys

from stopwatch import work_from_command_line
from zerone_words import arguments

if __name__ == "__main__":
    line = [sys.executable, "-m", "zerone", *arguments(work_from_command_line(), "run")]
    if sys.platform == "win32":  # has no exec
        sys.exit(subprocess.run(line, check=False).returncode)  # noqa: S603  the arguments are our own
    os.execv(line[0], line)  # noqa: S606  the arguments are our own
