"""The process of a training that was started on the page: `python -m zerone.lab.trainer`.

It reads its order from the first line of its standard input, and trains until the training is done or the input ends:
when the server ends or is killed, the training saves a checkpoint and ends too. The next server resumes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import warnings
from typing import TextIO

NICE = 5
"""The niceness of the process: the page has priority."""


def main() -> int:
    """Train, or resume a run; return the exit code that `zerone train` would have."""
    warnings.simplefilter("ignore")
    order = json.loads(sys.stdin.readline())
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICE)
    threading.Thread(target=_end_with, args=(sys.stdin,), daemon=True).start()
    from zerone.base.errors import InputError, ZeroneError
    from zerone.base.language import ENGLISH, choose
    from zerone.lab.setups import read_setup
    from zerone.training.resume import resume
    from zerone.training.train import train

    choose(ENGLISH)  # the page translates what it is sent into its own language
    try:
        if "resume" in order:
            resume(order["resume"], progress=False)
            return 0
        setup = read_setup(order["setup"])
        train(
            setup.algorithm, setup.environment, settings=_plain(setup.settings), options=_plain(setup.options),
            seed=setup.seed, seeds=order["seeds"], steps=order["steps"], out=order["out"],
            keep_last=order["keep_last"], progress=False,
        )  # fmt: skip
    except KeyboardInterrupt:
        return 130
    except ZeroneError as error:
        print(str(error).partition("\n")[0], file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


def _end_with(given: TextIO) -> None:
    """Wait for the end of the standard input, and then interrupt the process as Ctrl-C does."""
    with contextlib.suppress(OSError, ValueError):
        given.read()
    os.kill(os.getpid(), signal.SIGINT)


def _plain(values: object) -> dict[str, object]:
    assert isinstance(values, dict)  # noqa: S101 - `read_setup` returns dictionaries
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


if __name__ == "__main__":
    sys.exit(main())
