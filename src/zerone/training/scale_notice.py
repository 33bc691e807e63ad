"""A notice about observations whose numbers have very different scales and are not normalized for a network."""

from __future__ import annotations

import numpy as np

from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import said
from zerone.base.language import translated
from zerone.base.notices import notices
from zerone.engines.protocol import Engine
from zerone.environments.spaces import Spaces
from zerone.parts.normalization import NOISE, NormalizationSettings, on_a_scale

APART = 100.0
"""The ratio of two standard deviations from which the notice is given."""


FEW, MANY = 50, 1_000
"""Number of observations examined: spread over a training, or the first ones of an engine that shows all of them."""


def observe_scales(engine: Engine) -> None:
    """Attach a `ScaleNotice` to an engine, if its observations are not normalized."""
    if as_they_are(engine.algorithm, engine.spaces):
        engine.observer = ScaleNotice(MANY if engine.steps_one_by_one else FEW)


def as_they_are(algorithm: Algorithm, spaces: Spaces) -> bool:
    """Whether networks get observations whose scales were not normalized."""
    off = isinstance(algorithm, NormalizationSettings) and algorithm.normalize_observations == "off"
    return off and not on_a_scale(spaces.observation)


class ScaleNotice:
    """Examines the first `enough` observations, and gives one notice if their scales differ by a factor of 100."""

    def __init__(self, enough: int) -> None:
        self._left = enough
        self._seen: list[np.ndarray] = []
        self._say = notices()

    def __call__(self, observations: np.ndarray) -> None:
        """Examine more observations, [N, *observation shape]."""
        if self._left <= 0:
            return
        self._seen.append(np.array(observations, np.float64).reshape(len(observations), -1))
        self._left -= len(observations)
        if self._left > 0:
            return
        rows, self._seen = np.concatenate(self._seen), []
        mean, deviation = rows.mean(0), rows.std(0)
        varied = np.flatnonzero(deviation > NOISE * np.abs(mean))
        if not varied.size:
            return
        wide, narrow = varied[deviation[varied].argmax()], varied[deviation[varied].argmin()]
        if deviation[wide] >= APART * deviation[narrow]:
            choose = said("--normalize-observations auto", "normalize_observations='auto'")
            self._say(
                translated(
                    "observations are on different scales: number {wide} varies by {most:.2g}, number {narrow} by "
                    "{least:.2g}; networks hardly learn from the small ones: choose {choose}",
                    wide=wide,
                    most=deviation[wide],
                    narrow=narrow,
                    least=deviation[narrow],
                    choose=choose,
                ),
                about="scales",
            )
