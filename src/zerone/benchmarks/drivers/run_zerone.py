"""Zerone, through its public face, on the compiled or on the host engine.

A short and a long training, both compiled by trainings before them: the steady state is what the long one took beyond
the short one, so whatever a training does besides steps (logging, evaluating, saving) counts where it grows with them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatch import Moment, Report, Work, work_from_command_line
from zerone_words import algorithm, memory_bytes

import zerone as zo

if TYPE_CHECKING:
    from typing import Any


EPISODES = 20


def timed(work: Work, steps: int, out: Path) -> tuple[tuple[Moment, Moment], Any]:
    """When a training began and ended, and the run. The algorithm is the long training's whatever the steps."""
    begin = Moment.now()
    run = zo.train(
        algorithm(work),
        work.environment,
        steps=steps,
        seed=work.seed,
        seeds=work.seeds,
        out=out,
        engine=work.engine,
        # The peers do not evaluate while they train, either.
        evaluate_every=steps,
        evaluation_episodes=1,
        figure=False,
    )
    return (begin, Moment.now()), run


def main() -> None:
    """Measure Zerone on the work."""
    work, report = work_from_command_line(), Report()
    _ = zo.train, algorithm(work)  # Zerone imports its rooms when their names are first used
    report.imported()
    with tempfile.TemporaryDirectory() as folder:
        places = (Path(folder, str(i)) for i in range(4))
        (begin, end), _ = timed(work, work.warm_steps, next(places))
        timed(work, work.steps, next(places))
        short, _ = timed(work, work.warm_steps, next(places))
        long, run = timed(work, work.steps, next(places))
        report.extra["result"] = run.result  # its own speed, in wall seconds, is in it
        report.reached(run.evaluate(episodes=EPISODES)["return_mean"], f"{EPISODES} greedy episodes of the best policy")
    report.steady_by_difference((work.steps - work.warm_steps) * work.seeds, long, short)
    if work.algorithm in ("dqn", "ddpg", "sac"):
        report.memory_bytes = memory_bytes(work)
    # The first training was start-up and steps; the same again was steps alone.
    report.startup_seconds = (end.cpu - begin.cpu) - (short[1].cpu - short[0].cpu)
    report.emit()


if __name__ == "__main__":
    main()
