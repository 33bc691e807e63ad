"""Group the rows of a table by seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def rows_by_seed(columns: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
    """Return the row indices of each seed, sorted by step.

    One sort serves all seeds, so the time does not grow with their number.

    Args:
        columns: Arrays of one length [rows], with at least the columns `seed` and `step`.
    """
    order = np.lexsort((columns["step"], columns["seed"]))
    seeds, begins = np.unique(columns["seed"][order], return_index=True)
    return dict(zip(seeds.tolist(), np.split(order, begins[1:]), strict=True)) if len(seeds) else {}
