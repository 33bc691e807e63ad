"""The purposes for which a seed gives independent streams of random numbers."""

from __future__ import annotations

INIT, TRAIN, EVALUATE, STUDY = 0, 1, 2, 3
