"""The program `zerone`, and `python -m zerone`."""

from __future__ import annotations

import gc
import os
import signal
import sys


def open_closed_streams() -> None:
    """Open standard streams that are closed when the program starts, onto nothing.

    Otherwise the next file that is opened, perhaps a checkpoint, would get the number of the closed stream, and
    everything that is printed below Python would be written into it. Python has None for such a stream.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def main() -> None:
    """Run the command of this process, and end it with the command's exit code."""
    open_closed_streams()
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would be printed among the results
    if not sys.warnoptions and "--debug" not in sys.argv:
        import warnings

        warnings.simplefilter("ignore")  # other libraries' notes to programmers, several lines each
    # Importing and tracing make hundreds of thousands of objects that stay; to look through them all again and again
    # for garbage, as Python does after each 700, is a tenth of what a newcomer waits for.
    gc.set_threshold(50_000)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    from zerone.cli import output
    from zerone.cli.app import run

    code = run(sys.argv[1:])
    output.end()
    gc.freeze()  # to look through a million objects for garbage once more, at the end, would take a third of a second
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to be stopped, and Python's end is easily upset
    sys.exit(code)


if __name__ == "__main__":
    main()
