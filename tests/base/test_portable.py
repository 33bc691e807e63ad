"""Zerone without POSIX: the modules and functions that Windows lacks are hidden."""

import os
import subprocess
import sys

import pytest

HIDDEN = """
import builtins, os, signal, sys
import asyncio, equinox, gymnasium, jax, matplotlib.pyplot, optax, pygame  # what they do with the system is theirs

LACKING = {
    os: "fork forkpty getuid geteuid getgid getgroups sysconf sched_getaffinity sched_setaffinity "
        "chown killpg getpgid setsid WNOHANG mkfifo uname",
    signal: "SIGHUP SIGURG SIGKILL SIGALRM SIGUSR1 SIGPIPE SIGCHLD SIGTSTP SIGCONT pthread_kill alarm setitimer",
}
for module, names in LACKING.items():
    for name in names.split():
        vars(module).pop(name, None)
if hasattr(os, "process_cpu_count"):
    os.process_cpu_count = os.cpu_count  # as Python's own has it where sched_getaffinity is missing
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "curses", "readline", "syslog"}
known = builtins.__import__

def imported(name, space=None, *rest, **more):
    if name.partition(".")[0] in MODULES and str((space or {}).get("__name__", "")).startswith("zerone"):
        raise ImportError(f"there is no {name} here", name=name)
    return known(name, space, *rest, **more)

builtins.__import__ = imported
"""
IMPORTS = """
import importlib, pkgutil, zerone
for each in pkgutil.walk_packages(zerone.__path__, "zerone."):
    if ".drivers" in each.name or each.name.endswith((".gymnax", ".brax", ".navix", "__main__")):
        continue
    importlib.import_module(each.name)
import zerone as zo
run = zo.train("q-learning", "zerone/Treasure-v0", steps=200, evaluation_episodes=5, out="run", figure=False)
assert zo.load("run").agent().act(0) in (0, 1)
from zerone.cli.app import run as command
assert command(["watch", "run", "--text", "--episodes", "1"]) == 0
"""


@pytest.mark.thorough
def test_nothing_of_posix_alone_is_needed(tmp_path):
    environment = {**os.environ, "SDL_VIDEODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
    program = [sys.executable, "-W", "ignore", "-c", HIDDEN + IMPORTS]
    ended = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.returncode == 0, ended.stderr
