"""A line about observations whose numbers are on very different scales, where a network sees them as they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import said
from zerone.base.notices import notices
from zerone.parts.normalization import NOISE, on_a_scale
from zerone.parts.spaces import Spaces

APART = 100.0
"""How many times larger one deviation is than another where something is said."""


class ScaleNotice:
    """Looks at the first observations, `enough` of them, and says once if their numbers differ a hundredfold."""

    def __init__(self, algorithm: Algorithm, spaces: Spaces, enough: int) -> None:
        as_they_are = getattr(algorithm, "normalize_observations", None) == "off"
        self._left = enough if as_they_are and not on_a_scale(spaces.observation) else 0
        self._seen: list[np.ndarray] = []
        self._say = notices()

    def look(self, observations: Any) -> None:
        """At more of them, [..., *shape of one]; on the host."""
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
                f"observations are on different scales: number {wide} varies by {deviation[wide]:.2g}, number {narrow} "
                f"by {deviation[narrow]:.2g}; networks hardly learn from the small ones: choose {choose}",
                about="scales",
            )
