"""The program `zerone`, and `python -m zerone`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command of this process, and end it with the command's exit code."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would be printed among the results
    if not sys.warnoptions and "--debug" not in sys.argv:
        import warnings

        warnings.simplefilter("ignore")  # other libraries' notes to programmers, several lines each
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    from zerone.cli.app import run

    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to be stopped, and Python's end is easily upset
    sys.exit(code)


if __name__ == "__main__":
    main()
