"""Zerone, through its public face, on the compiled or on the host engine.

A short and a long training, both compiled by trainings before them: the steady state is what the long one took beyond
the short one, so whatever a training does besides steps (logging, evaluating, saving) counts where it grows with them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatch import Moment, Report, Work, work_from_command_line
from zerone_words import algorithm, returns

import zerone as zo

if TYPE_CHECKING:
    from typing import Any


def timed(work: Work, steps: int, out: Path) -> tuple[tuple[Moment, Moment], Any]:
    """When a training began and ended, and the run. The algorithm is the long training's whatever the steps."""
    seeds = {"seed": work.seed} if work.seeds == 1 else {"seeds": work.seeds}
    begin = Moment.now()
    run = zo.train(algorithm(work), work.environment, steps=steps, out=out, engine=work.engine, **seeds)
    return (begin, Moment.now()), run


def main() -> None:
    """Measure Zerone on the work."""
    work, report = work_from_command_line(), Report()
    report.imported()
    with tempfile.TemporaryDirectory() as folder:
        places = (Path(folder, str(i)) for i in range(4))
        (begin, end), first = timed(work, work.warm_steps, next(places))
        timed(work, work.steps, next(places))
        short, _ = timed(work, work.warm_steps, next(places))
        long, run = timed(work, work.steps, next(places))
    report.steady_by_difference((work.steps - work.warm_steps) * work.seeds, long, short)
    # The first training was start-up and steps; the same again was steps alone.
    report.startup_seconds = (end.cpu - begin.cpu) - (short[1].cpu - short[0].cpu)
    report.extra |= {"own_steps_per_second": run.steps_per_second, "own_startup_seconds": first.startup_seconds}
    if reached := returns(run.result):
        report.reached(sum(reached) / len(reached), "`return_mean` at the end of training")
    report.emit()


if __name__ == "__main__":
    main()
