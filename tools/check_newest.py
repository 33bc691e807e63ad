"""Test the wheel as somebody gets it who installs it today: with the newest Python that it is for, nothing pinned.

    python tools/check_newest.py FOLDER TESTS...

Builds the wheel, installs it with the newest of all that it needs into FOLDER (a virtual environment), and runs TESTS
there. Where there is no newer Python than this one, or nothing can be installed, it says so and is content.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "dev"


def versions(above: tuple[int, int] = sys.version_info[:2]) -> list[tuple[int, int]]:
    """The versions of Python that the project is for and that are newer (than this one), the newest first."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = [each.rpartition(" ")[2] for each in classifiers if each.startswith("Programming Language :: Python :: 3.")]
    found = [(3, int(each.partition(".")[2])) for each in named]
    return sorted((each for each in found if each > above), reverse=True)


def interpreters(version: tuple[int, int]) -> list[str]:
    """Where a Python of this version may be: on the path, or among those of pyenv."""
    name = f"python{version[0]}.{version[1]}"
    found = [shutil.which(name)]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        found += sorted(map(str, Path(root).glob(f"versions/*/bin/{name}")), reverse=True)
    return [each for each in found if each]


def newest() -> str | None:
    """A Python that starts, and can make a virtual environment."""
    for version in versions():
        for each in interpreters(version):
            # A shim of pyenv is on the path for each version that is installed, and fails for one that is not chosen.
            if subprocess.run([each, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0:  # noqa: S603
                return each
    return None


def can_install(python: Path) -> bool:
    """Whether packages can be had: a small one is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "click"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def main() -> int:
    """Say what is tested, and with what result."""
    folder, tests = ROOT / sys.argv[1], sys.argv[2:]
    base = newest()
    if base is None:
        print("newest: skipped, no newer Python is here")
        return 0
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}

    def run(*command: str | Path) -> None:
        subprocess.run(command, cwd=ROOT, env=environment, check=True)  # noqa: S603

    run(base, "-m", "venv", "--clear", folder)
    python = folder / "bin" / "python"
    if not can_install(python):
        print("newest: skipped, no packages can be installed here")
        return 0
    with tempfile.TemporaryDirectory() as built:
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built)
        (wheel,) = Path(built).glob("*.whl")
        run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", f"{wheel}[{EXTRAS}]")
    run(
        python, "-c", "import sys, jax, zerone; print('newest: Python', sys.version.split()[0], 'JAX', jax.__version__)"
    )
    run(python, "-m", "pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", *tests)
    return 0


if __name__ == "__main__":
    sys.exit(main())
