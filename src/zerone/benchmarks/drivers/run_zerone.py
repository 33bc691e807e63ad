"""Zerone, through its public interface, on the compiled or the host engine.

A short and a long training are run after others have compiled their programs. The difference of their times is
reported, so everything that grows with the steps counts, including logging, evaluating and saving.
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
    """Train: the moments before and after, and the run. The settings are those of the long training in any case."""
    begin = Moment.now()
    run = zo.train(
        algorithm(work),
        work.environment,
        steps=steps,
        seed=work.seed,
        seeds=work.seeds,
        out=out,
        engine=work.engine,
        # The other libraries do not evaluate during training either.
        evaluate_every=steps,
        evaluation_episodes=1,
        figure=False,
    )
    return (begin, Moment.now()), run


def main() -> None:
    """Measure Zerone on the work."""
    work, report = work_from_command_line(), Report()
    _ = zo.train, algorithm(work)  # Zerone imports its packages on first use
    report.imported()
    with tempfile.TemporaryDirectory() as folder:
        places = (Path(folder, str(i)) for i in range(4))
        (begin, end), _ = timed(work, work.warm_steps, next(places))
        timed(work, work.steps, next(places))
        short, _ = timed(work, work.warm_steps, next(places))
        long, run = timed(work, work.steps, next(places))
        report.extra["result"] = run.result  # includes its own speed in wall seconds
        report.reached(run.evaluate(episodes=EPISODES)["return_mean"], f"{EPISODES} greedy episodes of the best policy")
    report.steady_by_difference((work.steps - work.warm_steps) * work.seeds, long, short)
    if work.algorithm in ("dqn", "ddpg", "sac"):
        report.memory_bytes = memory_bytes(work)
    # The first training included the start-up; its repetition did not.
    report.startup_seconds = (end.cpu - begin.cpu) - (short[1].cpu - short[0].cpu)
    report.emit()


if __name__ == "__main__":
    main()
