"""A training that ends after so many episodes: how far each seed is advanced, to the very iteration of its last one."""

from __future__ import annotations

from collections.abc import Sequence

from zerone.engines.protocol import Repeatable
from zerone.training.job import Job, Learner


def advance_by_episodes(job: Job, learners: Sequence[Learner], target: int) -> None:
    """Advance seeds to an iteration, each no further than to that with which it has had all its episodes.

    Where that is depends on nothing else, so not on how many iterations are run at once.
    """
    going = [each for each in learners if not job.ends(each)]  # it may have been stopped before that was reported
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
    """In environments that cannot be played a second time, with a look after each iteration."""
    while learner.iteration < target and not job.ends(learner):
        first = learner.iteration
        (learner.carry,) = job.engine.advance([learner.carry], [learner.seed], [first], first + 1)
        learner.iteration = first + 1


def _find_end(job: Job, engine: Repeatable, learner: Learner, before: object, begin: int) -> None:
    """Go back to the first iteration after `begin` with which a seed has had its episodes, by halves.

    It has them where it is; `before` is its carry after `begin` iterations, when it had not.
    """
    while learner.iteration - begin > 1:
        half = (begin + learner.iteration) // 2
        (carry,) = job.engine.advance([engine.copy_carry(before)], [learner.seed], [begin], half)
        kept, learner.carry = learner.carry, carry
        if job.ends(learner):
            learner.iteration = half
        else:
            before, begin, learner.carry = carry, half, kept
