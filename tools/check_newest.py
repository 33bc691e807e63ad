"""Test the wheel as a user gets it today: on the newest supported Python, with the newest versions of all dependencies.

    python tools/check_newest.py FOLDER TESTS...

Builds the wheel, installs it without pinned versions into FOLDER (a virtual environment), and runs TESTS there. If no
newer Python than this one is found, or no packages can be downloaded, it prints that and exits with 0.
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
    """The Python versions that the project supports and that are newer than `above`, the newest first."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = [each.rpartition(" ")[2] for each in classifiers if each.startswith("Programming Language :: Python :: 3.")]
    found = [(3, int(each.partition(".")[2])) for each in named]
    return sorted((each for each in found if each > above), reverse=True)


def interpreters(version: tuple[int, int]) -> list[str]:
    """Possible interpreters of this version: the one on the PATH and those of pyenv. They may fail to start."""
    name = f"python{version[0]}.{version[1]}"
    found = [shutil.which(name)]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        found += sorted(map(str, Path(root).glob(f"versions/*/bin/{name}")), reverse=True)
    return [each for each in found if each]


def newest() -> str | None:
    """The newest Python that starts and can create a virtual environment; None if there is none."""
    for version in versions():
        for each in interpreters(version):
            # pyenv puts a shim on the PATH for each installed version; it fails if that version is not selected.
            if subprocess.run([each, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0:  # noqa: S603
                return each
    return None


def can_install(python: Path) -> bool:
    """Whether packages can be downloaded: tries a small one."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "click"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def main() -> int:
    """Build, install and test; prints what is tested, or why the test is skipped.

    Raises:
        subprocess.CalledProcessError: the build, the installation or the tests failed.
    """
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
