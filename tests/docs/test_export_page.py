"""The page about exporting works as printed, from the commands to the use of each file format."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from zerone.cli.app import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["docs/export.md", "docs/export.zh.md"])
def test_the_page_about_exporting_works(name, blocks, here, capsys):
    for line in "".join(blocks(name, "sh")).splitlines():
        command = shlex.split(line, comments=True)
        assert run(command[1:]) == 0, (command, capsys.readouterr())
    shutil.copy(ROOT / "src" / "zerone" / "export" / "player.py", here)
    sys.path.insert(0, str(here))
    try:
        names: dict[str, object] = {}
        onnx, numpy, stablehlo, *_own = blocks(name, "python")
        for block in (onnx, numpy, stablehlo):
            exec(block, names)  # noqa: S102 - the page's own
    finally:
        sys.modules.pop("player", None)
    assert names["action"] in (0, 1)
    assert names["about"]["environment"] == "CartPole-v1"
