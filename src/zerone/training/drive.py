"""Running a training from its start, or from a checkpoint, to its result."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from zerone.base.files import finite
from zerone.base.place import as_seen
from zerone.base.saved_types import Result, SeedResult
from zerone.charts.measured import NoReturnError
from zerone.engines.protocol import Engine, TrainsInProcesses
from zerone.training.evaluation import EvaluationPlan, shows
from zerone.training.events import Ended
from zerone.training.folder import RunFolder
from zerone.training.interrupt import listening
from zerone.training.job import Job, Learner
from zerone.training.judging import EVALUATION_SEED, Judged, JudgedSeed, judge
from zerone.training.listeners import Listeners
from zerone.training.loop import Training
from zerone.training.run import Run
from zerone.training.scale_notice import observe_scales
from zerone.training.schedule import Schedule
from zerone.training.tables import NoTableError


def drive(
    engine: Engine, folder: RunFolder, schedule: Schedule, listeners: Listeners, *, resume: bool, chunk: int | None
) -> Run:
    """Train to the end, evaluate the best policies, and save the result. All listeners receive how it ended."""
    training = Training(Job(engine, folder, schedule), listeners, chunk)
    observe_scales(engine)
    try:
        run, result = _run_training(training, resume=resume)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        why = str(error) or ("interrupted" if interrupted else type(error).__name__)
        step = training.iteration * training.job.block
        listeners.end(Ended("interrupted" if interrupted else "failed", why, step, None))
        raise
    stopped = result["stopped"]
    listeners.tell(
        Ended(
            "finished" if stopped is None else "stopped",
            "" if stopped is None else f"{stopped['by']}: {stopped['reason']}",
            training.iteration * training.job.block,
            result,
        )
    )
    if listeners.failure is not None:
        raise listeners.failure
    return run


def _run_training(training: Training, *, resume: bool) -> tuple[Run, Result]:
    engine, folder, schedule = training.job.engine, training.job.folder, training.job.schedule
    with listening() as request:
        if resume:
            training.resume()
            if training.goes_on:
                folder.result_path.unlink(missing_ok=True)  # left by a callback that had ended the same training early
        else:
            training.begin()
        if schedule.figure:
            # Importing matplotlib takes most of a second: done in a thread, beside the first steps, on an idle core.
            threading.Thread(target=importlib.import_module, args=("matplotlib.figure",), daemon=True).start()
        training.run(request)
    result = finite(_final_result(training))
    folder.write_result(result)
    run = Run(folder, engine.evaluator if isinstance(engine, TrainsInProcesses) else engine)
    if schedule.figure:
        draw_figures(run)
    return run, result


def draw_figures(run: Run) -> None:
    """Draw the learning curves of a finished run if there is a return, and its table if it learned one over a grid."""
    with suppress(NoReturnError):
        run.plot()
    with suppress(NoTableError):
        run.plot_table()


def _final_result(training: Training) -> Result:
    """The contents of `result.json`: the best policy of each seed, evaluated on new episodes, and the durations."""
    trained, engine, clock = time.perf_counter(), training.job.engine, training.clock
    plan, learners, block = training.job.schedule.evaluation, training.job.learners, training.job.block
    training.tell_final_evaluation()
    policies = {each.seed: each.best_policy for each in learners}
    judged = judge(engine, policies, plan.episodes, EVALUATION_SEED, plan.how)
    parts: Sequence[Judged | JudgedSeed] = judged.get("seeds", [judged])
    stopped = training.stopped
    found = {
        "run": str(as_seen(training.job.folder.path)),
        "algorithm": engine.algorithm.name,
        "environment": training.job.about["environment"],
        "engine": engine.name,
        "stopped": None if stopped is None else {"by": stopped.by, "reason": stopped.reason},
        "steps": sum(each.iteration for each in learners) * block,
        "seconds": time.perf_counter() - clock.began,
        "steps_per_second": clock.steps_per_second,
        "startup_seconds": clock.startup_seconds,
        "evaluation_steps": sum(each.account.steps for each in learners),
        "evaluation_seconds": training.selection.seconds,
        "final_evaluation_seconds": time.perf_counter() - trained,
        "stochastic": plan.how.stochastic,
        "return_mean": judged["return_mean"],
        **engine.facts(),
        "seeds": [_seed_result(learner, one, plan, block) for learner, one in zip(learners, parts, strict=True)],
    }
    return cast("Result", found)  # and fields that the engine adds


def _seed_result(learner: Learner, judged: Judged | JudgedSeed, plan: EvaluationPlan, block: int) -> SeedResult:
    """The entry of `result.json` for one seed."""
    at = learner.solved_at_step
    if at is None and shows(judged["returns"], plan.solved_at):
        at = learner.best_step  # with expensive episodes, nothing may have shown it before
    return {
        "seed": learner.seed,
        "solved": at is not None,
        "solved_at_step": at,
        "return_mean": judged["return_mean"],
        "return_std": judged["return_std"],
        "returns": judged["returns"],
        "cut": judged["cut"],
        "steps": learner.iteration * block,
        "best_step": learner.best_step,
        "evaluation_steps": learner.account.steps,
    }
