"""Confidence intervals of mean returns if all seeds are evaluated on the same episodes.

Model the return of seed s on episode e as μ + a_s + b_e + r_se. More seeds do not average out the effect b of the
episodes (for example, where a taxi's passenger waits). Over S seeds and E episodes the variance of the mean is

    Var(a)/S + Var(b)/E + Var(r)/(S E)

and an interval over seeds alone leaves out Var(b)/E. In the difference of two runs on the same episodes, b cancels
except for the part that favours one of the runs. Searle, Casella and McCulloch, Variance Components, 1992, section 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zerone.base.intervals import CONFIDENCE, FEWEST_FOR_INTERVAL, Bounds, combined_bounds, part_of_mean, parts_of_means

Part = tuple[float, float]


def shared_bounds(
    groups: Sequence[np.ndarray], signs: Sequence[float] = (1.0,), same: bool = True, confidence: float = CONFIDENCE
) -> Bounds | None:
    """The interval of the sum over groups of sign × mean return; None with too few seeds or if all returns are equal.

    Args:
        groups: The returns [seeds, episodes] of each group.
        signs: The factor of each group: 1 and -1 for a difference.
        same: Whether all groups were evaluated on the same episodes.
        confidence: As for `interval`.
    """
    if any(len(each) < FEWEST_FOR_INTERVAL for each in groups):
        return None
    pairs = list(zip(signs, groups, strict=True))
    parts: list[Part] = []
    third = 0.0
    of_seeds = parts_of_means(*(group.mean(1) for group in groups))
    for sign, (part, moment) in zip(signs, of_seeds, strict=True):
        parts.append(part)
        third += sign**3 * moment
    luck = [sign * group.mean(0) for sign, group in pairs]
    if min(each.size for each in luck) > 1:
        for each in [np.sum(luck, 0)] if same else luck:
            part, moment = part_of_mean(each)
            parts.append(part)
            third += moment
        parts += [_counted_twice(group) for group in groups]
    middle = float(sum(sign * group.mean() for sign, group in pairs))
    size = float(sum(np.abs(group).max() for group in groups))
    return combined_bounds(middle, parts, third, size, confidence)


def episodes_parts(group: np.ndarray) -> list[Part]:
    """The parts that the choice of episodes adds to the variance of the mean of returns [seeds, episodes]."""
    if len(group) < 2 or group.shape[1] < 2:
        return []
    return [part_of_mean(group.mean(0))[0], _counted_twice(group)]


def _counted_twice(group: np.ndarray) -> Part:
    """-Var(r)/(S E): the variances of the seeds' means and of the episodes' means both include this term."""
    seeds, episodes = group.shape
    rest = group - group.mean(1, keepdims=True) - group.mean(0) + group.mean()
    freedom = (seeds - 1.0) * (episodes - 1.0)
    return -float((rest**2).sum()) / freedom / (seeds * episodes), freedom
