"""The suggested command to install an extra fits the running Python, in a clone and in a virtual environment."""

import os
import sys

from zerone.base.extras import install


def test_pip_is_that_of_the_python_that_runs(tmp_path, monkeypatch):
    for folder in ("venv", "other"):
        (tmp_path / folder).mkdir()
        for name in ("pip", "python"):
            (tmp_path / folder / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "venv"), str(tmp_path / "other")]))
    assert install("lab") == 'pip install "zerone[lab]"'
    # As in a clone whose environment is not activated in the shell: plain `pip` would install elsewhere.
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    assert install("lab") == f'{os.path.join("venv", "python")} -m pip install "zerone[lab]"'  # noqa: PTH118
    monkeypatch.setenv("PATH", "")
    assert install("lab").endswith('python -m pip install "zerone[lab]"')
    monkeypatch.setattr(sys, "executable", str(tmp_path / "my venv" / "python"))
    assert install("lab").startswith(("'my venv", '"my venv'))
