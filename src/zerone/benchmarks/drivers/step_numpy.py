"""Stepping the arm in plain NumPy, one at a time, with random actions drawn in advance; without learning."""

from __future__ import annotations

import numpy as np
from stopwatch import Moment, Report, work_from_command_line

from zerone.benchmarks.numpy_arm import NumpyArm


def main() -> None:
    """Measure the steps of the work."""
    work, report = work_from_command_line(), Report()
    report.imported()
    arm = NumpyArm(work.h["mode"], seed=work.seed)
    actions = np.random.default_rng(work.seed).uniform(-1, 1, (work.steps, 2))
    arm.reset()
    begin, total = Moment.now(), 0.0
    for step, action in enumerate(actions):
        if step == work.warm_steps:
            begin, total = Moment.now(), 0.0
        _, reward, terminated, truncated = arm.step(action)
        total += reward
        if terminated or truncated:
            arm.reset()
    report.steady(work.steps - work.warm_steps, begin, Moment.now())
    report.reached(total / (work.steps - work.warm_steps), "mean reward of a random step")
    report.emit()


if __name__ == "__main__":
    main()
