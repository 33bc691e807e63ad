"""The figure of a sweep for one setting, two, more, and for settings that are not numbers."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.charts import response


@dataclasses.dataclass
class Point:
    """A trial of a sweep: its settings and its score."""

    settings: dict[str, Any]
    values: np.ndarray
    interval: tuple[float, float] = (0.0, 1.0)

    @property
    def mean(self) -> float:
        return float(self.values.mean())


def points(space):
    found = [dict(zip(space, each, strict=True)) for each in itertools.product(*space.values())]
    return [Point(settings, np.array([place, place + 1.0])) for place, settings in enumerate(found)]


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("space", "panels", "words"), [
    ({"learning_rate": [1e-4, 1e-3, 1e-2]}, 1, ["learning_rate", "best: learning_rate = 0.01", "2 seeds", "the end"]),
    ({"clip": [0.1, 0.2], "learning_rate": [1e-3, 2e-3, 3e-3]}, 1, ["clip = 0.1", "clip = 0.2", "learning_rate"]),
    ({"clip": [0.1, 0.2], "discount": [0.9, 1.0], "hidden": [(8, 8), [16, 16]]}, 3, ["clip", "discount", "8-8"]),
])  # fmt: skip
def test_panels_and_words(tmp_path, space, panels, words):
    found = points(space)
    with mpl.rc_context({"svg.fonttype": "none"}):
        response.draw(list(space), found, found[-1], tmp_path / "r.svg", title="ppo on CartPole", measure="the end")
    text = (tmp_path / "r.svg").read_text()
    assert text.count('id="axes_') == panels
    for word in ("ppo on CartPole", "95% interval", *words):
        assert word in text


def test_another_kind_of_file(tmp_path):
    found = points({"clip": [0.1, 0.2]})
    with pytest.raises(InputError, match=r"r\.gif"):
        response.draw(["clip"], found, found[0], tmp_path / "r.gif", title="", measure="")
