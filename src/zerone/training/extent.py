"""The range of an environment's observations, and remarks about it."""

from __future__ import annotations

from typing import TypeAlias, TypedDict

import numpy as np

from zerone.base.errors import said
from zerone.base.language import translated
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.leaves import BoxLeaf

Array: TypeAlias = np.ndarray
BEYOND = 1e-4
"""Tolerance for observations beyond their bounds, relative to the width of the bounds (rounding)."""
LARGE, SMALL = 100.0, 1e-3
"""Numbers above and below these are far from 1, around which networks learn best."""
LARGEST_SYMBOL = 20
"""An image whose values never exceed this, though its bounds allow it, may consist of symbols."""


class Observed(TypedDict):
    """The observed values of one part of an observation."""

    name: str
    low: float
    high: float
    mean: float
    deviation: float


class Extent:
    """The minimum, maximum and dtype of the values of each part of an observation."""

    def __init__(self) -> None:
        self._low: dict[int, Array] = {}
        self._high: dict[int, Array] = {}
        self._types: dict[int, str] = {}
        self._sums: dict[int, Array] = {}

    def add(self, env: Guard, observation: object) -> None:
        """Include an observation."""
        for place, found in enumerate(env.encoding.read(observation)):
            self._low[place] = np.minimum(self._low.get(place, found), found)
            self._high[place] = np.maximum(self._high.get(place, found), found)
            self._types[place] = str(found.dtype)
            numbers = np.asarray(found, np.float64)
            sums = np.array([numbers.size, numbers.sum(), np.square(numbers).sum()])
            self._sums[place] = self._sums.get(place, np.zeros(3)) + sums

    def _ends(self, place: int) -> tuple[Array, Array]:
        return np.asarray(self._low[place], np.float64), np.asarray(self._high[place], np.float64)

    def described(self, leaf: BoxLeaf, place: int) -> Observed:
        """The observed values of one part."""
        (low, high), (number, total, squares) = self._ends(place), self._sums[place]
        mean = total / number
        deviation = float(np.sqrt(max(0.0, squares / number - mean**2)))
        return {
            "name": leaf.name, "low": float(low.min()), "high": float(high.max()), "mean": float(mean),
            "deviation": deviation,
        }  # fmt: skip

    def beyond(self, leaf: BoxLeaf, place: int) -> list[str]:
        """A remark if a part was outside its bounds, else an empty list."""
        low, high = self._ends(place)
        lowest, highest = (np.asarray(each, np.float64) for each in (leaf.space.low, leaf.space.high))
        width = np.where(np.isfinite(lowest) & np.isfinite(highest), highest - lowest, 1.0)
        wrong = (low < lowest - BEYOND * width) | (high > highest + BEYOND * width)
        if not wrong.any():
            return []
        first = tuple(int(each) for each in np.argwhere(wrong)[0])
        which = (
            translated("number {listed} of {name}", listed=", ".join(map(str, first)), name=_name(leaf))
            if first
            else _name(leaf)
        )
        return [
            translated(
                "{which} goes from {low:.6g} to {high:.6g}, though its space says from {lowest:.6g} to {highest:.6g}",
                which=which,
                low=low[first],
                high=high[first],
                lowest=lowest[first],
                highest=highest[first],
            )
        ]

    def converted(self, leaf: BoxLeaf, place: int) -> list[str]:
        """A remark if a part has another dtype than its space, else an empty list."""
        found, wanted = self._types[place], str(leaf.space.dtype)
        return (
            []
            if found == wanted
            else [
                translated(
                    "{name} is of type {found}, its space says {wanted}: it is converted",
                    name=_name(leaf),
                    found=found,
                    wanted=wanted,
                )
            ]
        )

    def far_from_one(self, leaf: BoxLeaf, place: int, scale: float) -> list[str]:
        """A remark if a part's values have a scale that is hard for networks, else an empty list."""
        low, high = self._ends(place)
        size, change = float(np.abs([low, high]).max()), float((high - low).max())
        if scale > LARGEST_SYMBOL >= size > 1:
            words = said(translated("choose --observations grid or numbers"), "choose observations='grid' or 'numbers'")
            return [
                translated(
                    "{name} goes from {low:g} to {high:g} only, and is divided by {scale:g}: if these are "
                    "symbols, not brightness, {words}",
                    name=_name(leaf),
                    low=low.min(),
                    high=high.max(),
                    scale=scale,
                    words=words,
                )
            ]
        advice = translated("networks learn best from numbers around 1: scale them in a wrapper")
        if size / scale > LARGE:
            return [
                translated(
                    "{name} has numbers of up to {size:,.6g}; {advice}", name=_name(leaf), size=size, advice=advice
                )
            ]
        if 0 < change / scale < SMALL:
            return [
                translated(
                    "{name} changes by {change:.2g} at most; {advice}", name=_name(leaf), change=change, advice=advice
                )
            ]
        return []


def _name(leaf: BoxLeaf) -> str:
    return leaf.name or translated("the observation")
