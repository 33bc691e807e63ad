"""The purposes of a seed's independent streams of random numbers: `fold_in(key(seed), purpose)`."""

from __future__ import annotations

INIT, TRAIN, EVALUATE, OFFLINE = 0, 1, 2, 3
