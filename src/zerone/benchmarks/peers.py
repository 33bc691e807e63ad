"""The other libraries (peers): their packages, and their Pythons. Each has its own virtual environment."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Peer:
    """A library to compare with."""

    module: str
    """The module that can be imported if the peer is installed."""
    installs: tuple[tuple[str, ...], ...]
    """The arguments of successive calls of `pip install`."""
    checkout: bool = False
    """Whether the peer is not a package: only its dependencies are installed, and the path of its source is needed."""


# torch is installed first and alone, so that its pinned version is kept
TORCH = ("torch==2.13.0",)
# Newer versions of gymnax return one more value, which rejax and PureJaxRL do not expect.
GYMNAX = "gymnax==0.0.9"

PEERS = {
    "stable-baselines3": Peer("stable_baselines3", (TORCH, ("stable-baselines3>=2.9,<3",))),
    "sbx": Peer("sbx", (TORCH, ("sbx-rl>=0.28,<0.29",))),
    "rejax": Peer("rejax", (("rejax==0.1.3", GYMNAX, "jax>=0.7,<0.11"),)),
    "purejaxrl": Peer(
        "flashbax",
        ((GYMNAX, "jax>=0.7,<0.11", "flax>=0.12,<0.13", "optax>=0.2,<0.3", "distrax==0.1.9", "flashbax==0.1.3"),),
        checkout=True,
    ),
    # Its files read `final_info` as in Gymnasium before 1.0, which needs an older NumPy.
    "cleanrl": Peer("tyro", (TORCH, ("gymnasium==0.29.1", "numpy<2", "tensorboard>=2.10,<3", "tyro<2")), checkout=True),
    "pandas-table": Peer("pandas", (("pandas>=2.2,<4",),)),
}


class PeerError(Exception):
    """A peer cannot take part or could not be installed; the message is one line."""


def default_home() -> Path:
    """The default folder of the peers' environments: `$ZERONE_PEERS`, or in the user's cache."""
    if named := os.environ.get("ZERONE_PEERS"):
        return Path(named)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "zerone" / "peers"


def python_of(name: str, home: Path) -> Path:
    """The path of a peer's Python, whether or not it exists; for Zerone, the running Python."""
    if name == "zerone":
        return Path(sys.executable)
    folder, executable = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    return home / name / folder / executable


def missing(name: str, home: Path, checkouts: dict[str, Path]) -> str | None:
    """The reason why a peer cannot take part; None if it can."""
    if name == "zerone":
        return None
    peer, python = PEERS[name], python_of(name, home)
    probe = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({peer.module!r}) is None)"
    probing = [str(python), "-c", probe]
    if not python.exists() or subprocess.run(probing, check=False, capture_output=True).returncode:  # noqa: S603
        return f"not installed (zerone bench --set-up {name})"
    if peer.checkout and name not in checkouts:
        return f"no checkout given (--{name} PATH)"
    return None


def set_up(name: str, home: Path) -> None:
    """Create the peer's virtual environment and install it there, with pip's output on standard error."""
    python = python_of(name, home)
    steps = [[sys.executable, "-m", "venv", str(home / name)]] if not python.exists() else []
    steps += [[str(python), "-m", "pip", "install", "--quiet", *wanted] for wanted in PEERS[name].installs]
    home.mkdir(parents=True, exist_ok=True)
    for step in steps:
        if code := subprocess.run(step, check=False, stdout=sys.stderr).returncode:  # noqa: S603  pip and venv
            raise PeerError(f"could not set up {name}: '{' '.join(step[1:])}' ended with exit code {code}")
