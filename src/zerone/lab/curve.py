"""The curves of a training on the page: returns and lengths of episodes, and metrics of the updates.

A training advances by several iterations at once, so a point summarises all episodes that ended in between. Points are
recorded once; going back and forth again adds none. When there are too many, neighbours are merged.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm
from zerone.engines.compiled import Carry

MOST_POINTS = 600


@dataclasses.dataclass(frozen=True)
class Point:
    """A summary of the steps from the previous point up to `step`."""

    step: int
    episodes: int
    """The number of episodes that ended."""
    total_return: float
    """The sum of their returns."""
    length: float
    """The sum of their lengths."""
    updates: int
    """The number of updates after the warm-up."""
    metrics: tuple[float, ...]
    """The sums of the metrics of these updates."""

    def plus(self, later: Point) -> Point:
        """Merge this point with the next one."""
        sums = tuple(one + two for one, two in zip(self.metrics, later.metrics, strict=True))
        return Point(
            later.step,
            self.episodes + later.episodes,
            self.total_return + later.total_return,
            self.length + later.length,
            self.updates + later.updates,
            sums,
        )

    def as_json(self) -> list[Any]:
        """Step, episodes, mean return, mean length, and the means of the metrics; None instead of an undefined mean."""
        return [
            self.step,
            self.episodes,
            _mean(self.total_return, self.episodes),
            _mean(self.length, self.episodes),
            [_mean(each, self.updates) for each in self.metrics],
        ]


class Curve:
    """All points up to the farthest position reached."""

    def __init__(self, algorithm: Algorithm, carry: Carry) -> None:
        self.names = list(algorithm.metrics)
        self.points: list[Point] = []
        self.version = 0
        """Incremented when existing points have changed."""
        self._algorithm = algorithm
        self._index, self._last = 0, _totals(carry, self.names)

    def cut(self, carry: Carry, index: int) -> None:
        """Remove the points after `index` updates, because the training changes from there on."""
        if index >= self._index:
            return
        block = self._algorithm.steps_per_update
        self.points = [each for each in self.points if each.step <= index * block]
        self.version += 1
        self._index, self._last = index, _totals(carry, self.names)

    def look(self, carry: Carry, index: int) -> None:
        """Add a point for the steps up to the position after `index` updates."""
        if index <= self._index:
            return
        now, before = _totals(carry, self.names), self._last
        block = self._algorithm.steps_per_update
        played = (index - self._index) * block * self._algorithm.environments
        point = Point(
            index * block,
            now.episodes - before.episodes,
            now.total_return - before.total_return,
            played + before.going_on - now.going_on,
            max(0, index - max(self._index, self._algorithm.warmup_updates)),
            tuple(one - two for one, two in zip(now.metrics, before.metrics, strict=True)),
        )
        self._index, self._last = index, now
        if self.points and not (point.episodes or (point.updates and self.names)):
            return  # without an event, these steps count for the next point
        self.points.append(point)
        if len(self.points) > MOST_POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=False)
            odd = self.points[-1:] if len(self.points) % 2 else []
            self.points = [one.plus(two) for one, two in pairs] + odd
            self.version += 1


@dataclasses.dataclass(frozen=True)
class _Totals:
    episodes: int
    total_return: float
    going_on: int
    metrics: tuple[float, ...]


def _totals(carry: Carry, names: list[str]) -> _Totals:
    simulation = carry.simulation
    metrics = [leaf for name in names for leaf in (carry.tally.metrics[name].value, carry.tally.metrics[name].rest)]
    episodes = (simulation.ended.count, simulation.episode_length), simulation.ended.total_return
    (count, length), total_return, sums = jax.device_get(_packed(episodes, metrics))
    values = np.asarray(sums, np.float64).reshape(-1, 2).sum(1)
    return _Totals(
        int(np.sum(count)),
        float(np.sum(total_return, dtype=np.float64)),
        int(np.sum(length)),
        tuple(float(each) for each in values),
    )


@jax.jit
def _packed(episodes: tuple[tuple[jax.Array, ...], jax.Array], metrics: list[jax.Array]) -> Any:
    """Pack everything into three arrays: fetching many small arrays from JAX would take a multiple of the time."""
    whole, total_return = episodes
    return jnp.stack(whole), total_return, jnp.stack(metrics) if metrics else jnp.zeros(0)


def _mean(total: float, number: int) -> float | None:
    found = total / number if number else math.nan
    return float(f"{found:.5g}") if math.isfinite(found) else None
