"""The wheel: one package that includes the examples, with a description that PyPI can show."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}


def test_it_has_one_package_and_all_that_this_one_reads(wheel):
    assert {name.partition("/")[0] for name in wheel} == {"zerone", "zerone-0.1.0.dist-info"}
    ours = {str(each.relative_to(ROOT / "src")) for each in (ROOT / "src" / "zerone").rglob("*") if each.is_file()}
    missing = {each for each in ours if "__pycache__" not in each} - {*wheel}
    assert not missing
    assert {f"zerone/examples/{each.name}" for each in (ROOT / "examples").glob("*.py")} <= {*wheel}


def test_its_description_has_no_link_that_leads_nowhere(wheel):
    (text,) = [text for name, text in wheel.items() if name.endswith("METADATA")]
    assert "# Zerone" in text
    assert not re.findall(r"\]\((?!https?:|#)[^)]+\)", text)


def test_with_an_address_its_pictures_are_there():
    hook = importlib.util.module_from_spec(SPEC)
    SPEC.loader.exec_module(hook)
    shown = hook.shown("![a](docs/a.png)\n[b](docs/b.md#c), [c](https://c.org), [d](#d)", "https://home.org/raw/")
    assert shown == (
        "![a](https://home.org/raw/docs/a.png)\n"
        "[b](https://home.org/raw/docs/b.md#c), [c](https://c.org), [d](#d)"
    )  # fmt: skip


def test_every_extra_that_a_line_names_is_one():
    named = set()
    for each in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *(ROOT / "src").rglob("*.py")]:
        text = each.read_text("utf-8")
        named |= {*re.findall(r"zerone\[([a-z0-9-]+)\]", text), *re.findall(r"""install\(["']([a-z]+)["']\)""", text)}
        assert "'zerone[" not in text, f"{each.name}: single quotes are none in the shell of Windows"
    assert named <= {*PROJECT["optional-dependencies"]}
    assert {"lab", "data", "onnx", "video"} <= named


def test_every_dependency_is_said_to_be_for_something():
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    for each in PROJECT["dependencies"]:
        assert f"`{re.match(r'[A-Za-z-]+', each)[0]}`" in page, each
    for extra in PROJECT["optional-dependencies"]:
        assert f"`{extra}`" in page, extra
