"""Saving a training to a checkpoint, and restoring it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.place import as_seen
from zerone.base.saved_types import Checkpoint
from zerone.training import checkpoint, schema
from zerone.training.evaluation import Account
from zerone.training.fields import checked
from zerone.training.folder import RunFolder
from zerone.training.job import Job


def save(job: Job, iteration: int, looked: bool) -> Path:
    """Save a training after an iteration: first the best policies, then the full state; returns the checkpoint's path.

    Raises:
        RunError: the disk failed, or a policy has NaN or infinity (`DivergedError`): no good checkpoint is removed.
    """
    for learner in job.learners:
        job.sound_policy(learner)
    best: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {}
    for learner in job.learners:
        if learner.best_policy is not None:
            best |= checkpoint.flatten(learner.best_policy, f"seed-{learner.seed}/policy/")
            mean = learner.best if np.isfinite(learner.best) else None  # it may never have been evaluated
            facts[str(learner.seed)] = {"return_mean": mean, "step": learner.best_step}
    if best:
        checkpoint.save(job.folder.best_path, best, {**job.about, "learners": facts})
    arrays: dict[str, np.ndarray] = {}
    for learner in job.learners:
        arrays |= checkpoint.flatten(job.engine.saved(learner.carry), f"seed-{learner.seed}/")
    step = iteration * job.block
    about = {**job.about, "iteration": iteration, "step": step, "looked": looked}
    about["learners"] = {str(each.seed): each.facts() for each in job.learners}
    path = job.folder.checkpoint_path(step)
    checkpoint.save(path, arrays, about)
    job.folder.prune(job.schedule.keep_last)
    return path


def read_newest(job: Job) -> tuple[Path, dict[str, np.ndarray], dict[str, Any]]:
    """The newest checkpoint: path, arrays and `about`. Raises `InputError` if it belongs to another run."""
    path, arrays, about = job.folder.load_latest()
    checkpoint.expect(about, path, **job.about)
    return path, arrays, about


def restore(job: Job, path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> tuple[int, bool]:
    """Restore every seed; returns the iteration, and whether all its evaluations were done. Raises `InputError`."""
    example = job.engine.saved_example()
    kept = _plausible(job, checked(about, schema.CHECKPOINT, path), path)
    for learner in job.learners:
        facts = kept["learners"][str(learner.seed)]
        learner.iteration, learner.evaluation = facts["iteration"], facts["evaluation"]
        learner.solved_at_step, learner.episodes = facts["solved_at_step"], facts["episodes"]
        account = facts["account"]
        learner.account = Account() if account is None else Account.read(account)
        prefix, what = f"seed-{learner.seed}/", "checkpoint"
        carry = checkpoint.restore(example, arrays, path=path, what=what, prefix=prefix)
        learner.carry = job.engine.resume(carry, learner.seed, learner.iteration)
    _restore_best(job)
    return kept["iteration"], kept["looked"]


def _plausible(job: Job, about: Checkpoint, path: Path) -> Checkpoint:
    """A checkpoint's `about`, if it is plausible for this training. Raises `InputError` if it is not."""
    last = job.timetable.total
    if about["iteration"] > last or about["step"] != about["iteration"] * job.block:
        raise InputError(
            translated(
                "{path}: iteration = {iteration} (step {step}) is not allowed: must be at most {last}, of {block} "
                "steps each",
                path=path,
                iteration=about["iteration"],
                step=about["step"],
                last=last,
                block=job.block,
            )
        )
    # After a request to stop, some seeds may be ahead of others; but never past a row or an evaluation.
    farthest = job.timetable.next_stop(about["iteration"], last)
    for learner in job.learners:
        facts = about["learners"].get(str(learner.seed))
        if facts is None:
            raise InputError(translated("{path}: 'learners.{seed}' is missing", path=path, seed=learner.seed))
        if facts["iteration"] > farthest:
            raise InputError(
                translated(
                    "{path}: learners.{seed}.iteration = {iteration} is not allowed: must be at most {farthest}",
                    path=path,
                    seed=learner.seed,
                    iteration=facts["iteration"],
                    farthest=farthest,
                )
            )
    return about


def _restore_best(job: Job) -> None:
    path = job.folder.best_path
    if not path.exists():
        return
    arrays, about = job.folder.read_best()
    checkpoint.expect(about, path, **job.about)
    example = job.engine.policy_example()
    for learner in job.learners:
        facts = about["learners"].get(str(learner.seed))
        if facts is not None:
            prefix = f"seed-{learner.seed}/policy/"
            mean = -np.inf if facts["return_mean"] is None else facts["return_mean"]
            policy = checkpoint.restore(example, arrays, path=path, what=translatable("checkpoint"), prefix=prefix)
            learner.keep_best(policy, mean, facts["step"])


def kept_in(folder: RunFolder) -> str:
    """A sentence for the end of an error message: the last checkpoint of a run."""
    latest = folder.latest()
    if latest is None:
        return translated("no checkpoint was saved yet")
    return translated("the last checkpoint is {path}", path=as_seen(latest))
