"""The rows of a table of several seeds, gathered by seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def rows_by_seed(columns: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
    """Which rows are whose, in the order of their steps; in one pass, however many seeds there are."""
    order = np.lexsort((columns["step"], columns["seed"]))
    seeds, begins = np.unique(columns["seed"][order], return_index=True)
    return dict(zip(seeds.tolist(), np.split(order, begins[1:]), strict=True)) if len(seeds) else {}
