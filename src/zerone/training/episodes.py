"""Trainings of a fixed number of episodes: each seed advances exactly to the iteration in which its last one ends."""

from __future__ import annotations

from collections.abc import Sequence

from zerone.engines.protocol import Repeatable
from zerone.training.job import Job, Learner


def advance_by_episodes(job: Job, learners: Sequence[Learner], target: int) -> None:
    """Advance seeds to iteration `target`, but each no further than the iteration in which its last episode ends.

    That iteration does not depend on how many iterations are run at once.
    """
    going = [each for each in learners if not job.ends(each)]  # may have ended before a stop, unreported
    engine = job.engine
    if not going:
        return
    if not isinstance(engine, Repeatable):
        for learner in going:
            _one_by_one(job, learner, target)
        return
    before = [engine.copy_carry(learner.carry) for learner in going]
    begun = [learner.iteration for learner in going]
    advanced = engine.advance([learner.carry for learner in going], [learner.seed for learner in going], begun, target)
    for learner, carry, earlier in zip(going, advanced, before, strict=True):
        begin, learner.carry, learner.iteration = learner.iteration, carry, target
        if job.ends(learner):
            _find_end(job, engine, learner, earlier, begin)


def _one_by_one(job: Job, learner: Learner, target: int) -> None:
    """Advance an engine that cannot replay iterations, one iteration at a time."""
    while learner.iteration < target and not job.ends(learner):
        first = learner.iteration
        (learner.carry,) = job.engine.advance([learner.carry], [learner.seed], [first], first + 1)
        learner.iteration = first + 1


def _find_end(job: Job, engine: Repeatable, learner: Learner, before: object, begin: int) -> None:
    """Find by bisection the first iteration after `begin` at which a seed has all its episodes, and go back to it.

    At the learner's current iteration it has them; `before` is its carry after `begin` iterations, when it had not.
    """
    while learner.iteration - begin > 1:
        half = (begin + learner.iteration) // 2
        (carry,) = job.engine.advance([engine.copy_carry(before)], [learner.seed], [begin], half)
        kept, learner.carry = learner.carry, carry
        if job.ends(learner):
            learner.iteration = half
        else:
            before, begin, learner.carry = carry, half, kept
