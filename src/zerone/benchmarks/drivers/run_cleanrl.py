"""CleanRL: `dqn.py` and `ppo.py` from a checkout, unchanged.

They log `charts/SPS` every hundredth step (DQN) or at each update (PPO); this driver records the CPU time of the calls.
"""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from stopwatch import Moment, Report, Work, work_from_command_line
from torch.utils import tensorboard


class Writer(tensorboard.SummaryWriter):
    """TensorBoard's writer, which also records the times at which steps are logged."""

    stamps: list[tuple[int, Moment]] = []  # noqa: RUF012  one list for the one run in this process
    returns: list[float] = []  # noqa: RUF012

    def add_scalar(self, tag: str, value: Any, step: int, *rest: Any, **named: Any) -> None:
        if tag == "charts/SPS":
            self.stamps.append((step, Moment.now()))
        elif tag == "charts/episodic_return":
            self.returns.append(float(value))
        super().add_scalar(tag, value, step, *rest, **named)


def arguments(work: Work) -> list[str]:
    """The script's flags for the hyperparameters of the work."""
    h = work.h
    common = {
        "env-id": work.environment,
        "total-timesteps": work.steps,
        "learning-rate": h["learning_rate"],
        "gamma": h["discount"],
        "seed": work.seed,
    }
    if work.algorithm == "dqn":
        own = {
            "buffer-size": h["memory"],
            "target-network-frequency": h["target_update"],
            "batch-size": h["batch"],
            "end-e": h["exploration_end"],
            "exploration-fraction": h["exploration_fraction"],
            "learning-starts": h["learning_starts"],
            "train-frequency": h["steps_per_update"],
        }
    else:
        own = {
            "num-envs": h["environments"],
            "num-steps": h["horizon"],
            "num-minibatches": h["minibatches"],
            "update-epochs": h["epochs"],
            "gae-lambda": h["trace"],
            "clip-coef": h["clip"],
            "ent-coef": h["entropy"],
            "vf-coef": h["value_weight"],
            "max-grad-norm": h["gradient_norm"],
        }
    return [f"--{name}={value}" for name, value in {**common, **own}.items()] + ["--no-cuda"]


def main() -> None:
    """Run the script, and report the time between the end of the warm-up and the last logged step."""
    work, report = work_from_command_line(), Report()
    if not work.checkout:
        raise ValueError("CleanRL is not a package: give the path to a checkout")
    torch.set_num_threads(1)
    script = Path(work.checkout).resolve() / "cleanrl" / f"{work.algorithm}.py"
    sys.path.insert(0, str(script.parents[1]))
    tensorboard.SummaryWriter = Writer
    sys.argv = [str(script), *arguments(work)]
    report.imported()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)  # it writes its runs to the working folder
        runpy.run_path(str(script), run_name="__main__")
        os.chdir("/")
    warm = [stamp for stamp in Writer.stamps if stamp[0] >= work.warm_steps]
    if len(warm) < 2:
        raise ValueError(f"{work.steps} steps are all warm-up")
    (first, begin), (last, end) = warm[0], warm[-1]
    report.steady(last - first, begin, end)
    if tail := Writer.returns[-100:]:
        report.reached(sum(tail) / len(tail), f"mean of the last {len(tail)} training episodes")
    report.emit()


if __name__ == "__main__":
    main()
