"""Check that README's commands work from the wheel, for a user who has only Python and pip.

    python tools/check_wheel.py [VERSION...]      e.g. 3.13; by default every supported Python on this machine

Builds the wheel once. For each Python it installs the wheel without pinned versions into an empty virtual environment
outside the clone, with a `PATH` that has neither git nor make, and runs short versions of README's commands there. It
prints how long that took and how large the installation is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from check_newest import ROOT, can_install, interpreters, versions

PROGRAM = """
import zerone as zo
run = zo.train("q-learning", "zerone/Treasure-v0", seeds=2, progress=False)
print(run.evaluate(episodes=10)["return_mean"], run.plot().name, zo.load(run.path).agent().act(0))
"""
ALONE = """
import sys, numpy
from player import Policy
print(Policy("policy.npz")(numpy.zeros(4, numpy.float32)))
assert not {"jax", "zerone"} & set(sys.modules)
"""
COMMANDS = (
    "zerone --version",
    "zerone example",
    "zerone example --out examples",
    "zerone train q-learning zerone/Maze-v0 --steps 2000 --seeds 3",
    "zerone train sarsa zerone/Maze-v0 --steps 2000 --seeds 3",
    "zerone step q-learning zerone/Maze-v0 --steps 3",
    "zerone lesson",
    "zerone lesson cliff --html cliff.html",
    "zerone train dqn CartPole-v1 --steps 2000 --evaluation-episodes 5",
    "zerone watch runs/dqn-CartPole-v1-1 --text --episodes 1",
    "zerone watch runs/dqn-CartPole-v1-1 --video pole.gif",
    "zerone evaluate runs/dqn-CartPole-v1-1 --seed 7 --episodes 10",
    "zerone plot runs/dqn-CartPole-v1-1",
    "zerone export runs/dqn-CartPole-v1-1 policy.npz",
    "zerone export runs/dqn-CartPole-v1-1 policy.stablehlo",
    "zerone compare runs/sarsa-zerone-Maze-v0-1 runs/q-learning-zerone-Maze-v0-1",
    "zerone example player --out player.py",
    "zerone algorithms dqn",
    "zerone environments Pendulum-v1",
    "zerone check Acrobot-v1",
    "zerone experiment",
    "zerone bench --list",
)
REFUSED = {  # commands that need an extra which is not installed, and the words that their error must contain
    "zerone watch runs/dqn-CartPole-v1-1 --video pole.mp4": 'install "zerone[video]"',
    "zerone lab": 'install "zerone[lab]"',
    "zerone record --random zerone/Maze-v0 --steps 50 --out day": 'install "zerone[data]"',
}


def check(base: str, wheel: Path) -> str:
    """Install the wheel with one Python and run everything; a line with the results.

    Raises:
        SystemExit: a command failed, or one of `REFUSED` did not fail with the expected words.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        environment = {
            **{name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}},
            "PATH": str(scripts), "HOME": str(folder), "ZERONE_CACHE": str(folder / "cache"),
        }  # fmt: skip

        def run(*command: str | Path, where: Path = folder, fails: bool = False) -> str:
            program = [str(scripts / command[0]) if command[0] == "zerone" else str(command[0]), *map(str, command[1:])]
            ended = subprocess.run(program, cwd=where, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
            if (ended.returncode != 0) is not fails:
                raise SystemExit(
                    f"{base}: {' '.join(map(str, command))}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
                )
            return ended.stdout + ended.stderr

        run(base, "-m", "venv", folder / "venv")
        python = scripts / "python"
        if not can_install(python):
            return "skipped, no packages can be installed here"
        began = time.perf_counter()
        run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", wheel)
        installed = time.perf_counter() - began
        size = sum(each.lstat().st_size for each in (folder / "venv").rglob("*") if each.is_file()) / 1e6
        for command in COMMANDS:
            run(*command.split())
        for command, words in REFUSED.items():
            if words not in (said := run(*command.split(), fails=True)):
                raise SystemExit(f"{base}: {command}: {said}")
        train = "zerone train q-learning corridor:Corridor-v0 --steps 2000"
        run(*train.split(), where=folder / "examples")
        run(python, "-c", PROGRAM)
        run(python, "-c", ALONE)
        found = run(
            python, "-c", "import jax, numpy; print('JAX', jax.__version__, 'NumPy', numpy.__version__)"
        ).strip()
        spent = time.perf_counter() - began - installed
        return f"{found}: installed in {installed:.0f} s, {size:.0f} MB; README's commands in {spent:.0f} s"


def main() -> int:
    """Build the wheel, and print one line for each Python."""
    asked = [tuple(map(int, each.split("."))) for each in sys.argv[1:]] or versions((3, 10))
    with tempfile.TemporaryDirectory() as built:
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built], cwd=ROOT, check=True)  # noqa: S603
        (wheel,) = Path(built).glob("*.whl")
        print(f"wheel: {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB")
        for version in asked:
            bases = [found for each in interpreters(version) if (found := itself(each))]
            name = ".".join(map(str, version))
            print(f"wheel: Python {name}: {check(bases[0], wheel) if bases else 'skipped, it is not here'}", flush=True)
    return 0


def itself(python: str) -> str | None:
    """The real path of an interpreter that can create a virtual environment; None if it does not start or cannot.

    The real path is needed because pyenv's shims are bash scripts, which do not work with the `PATH` of this check.
    """
    command = [python, "-c", "import ensurepip, sys, venv; print(sys.executable)"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return ended.stdout.strip() if ended.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
