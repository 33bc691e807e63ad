"""An environment that prints in every possible way, and one that hangs."""

import atexit
import ctypes
import logging
import os
import subprocess
import sys
import time
import warnings

import gymnasium


class Chatter(gymnasium.Env):
    """Prints something in each of its methods."""

    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self):
        talk("init")

    def reset(self, *, seed=None, options=None):
        """Print, and begin an episode."""
        super().reset(seed=seed, options=options)
        talk("reset")
        return 0, {}

    def step(self, action):
        """Print, and end the episode."""
        del action
        talk("step")
        return 0, 1.0, True, False, {}

    def close(self):
        """Print."""
        talk("close")

    def __del__(self):
        talk("del")


class Hanging(Chatter):
    """Hangs at its seventh step, and catches all exceptions that would end it."""

    steps = 0

    def step(self, action):
        """The seventh step never returns."""
        Hanging.steps += 1
        while Hanging.steps == 7:
            try:
                print("hanging", flush=True)
                time.sleep(1000)
            except BaseException:  # noqa: S110 - as drivers of simulators do
                pass
        return super().step(action)


def talk(what):
    """Write to Python's and the system's standard output and error."""
    print("python:", what)
    print("python, to standard error:", what, file=sys.stderr)
    os.write(1, b"descriptor\n")
    os.write(2, b"descriptor, to standard error\n")
    ctypes.CDLL(None).puts(b"native")
    warnings.warn(what, stacklevel=1)
    logging.getLogger().warning(what)


talk("import")
subprocess.run(["/bin/echo", "another program"], check=True)
atexit.register(talk, "atexit")
gymnasium.register("Chatter-v0", Chatter)
gymnasium.register("Hanging-v0", Hanging)
