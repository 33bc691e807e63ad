"""A callback of your own: end a training when its evaluations no longer improve. `python patience.py`.

In the folder of this file, on the command line:

    zerone train dqn CartPole-v1 --callback patience:Patience

docs/callbacks.md has all events, and all that a callback may do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import zerone as zo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zerone.callbacks import Control, Evaluated


class Patience(zo.Callback):
    """Ends the training when no seed has had a new best evaluation for a number of evaluations."""

    metrics: ClassVar[Mapping[str, str]] = {"waited": "evaluations since the best one of this seed"}

    def __init__(self, evaluations: int = 5) -> None:
        self.evaluations = evaluations
        self.waited: dict[int, int] = {}

    def on_evaluated(self, event: Evaluated, training: Control) -> None:
        """Count, and end the training if that is enough."""
        self.waited[event.seed] = 0 if event.best else self.waited.get(event.seed, 0) + 1
        if min(self.waited.values()) >= self.evaluations:
            training.stop(f"no better for {self.evaluations} evaluations")

    def measure(self, row: Mapping[str, float], training: Control) -> dict[str, float]:
        """The column `waited` of metrics.csv."""
        del training
        return {"waited": self.waited.get(int(row["seed"]), 0)}


def main() -> None:
    """Train with it, and say how it ended."""
    run = zo.train("dqn", "CartPole-v1", steps=100_000, callbacks=[Patience(8)])
    print(f"mean return: {run.result['return_mean']:.1f} after {run.result['steps']:,} steps")
    print(f"stopped: {run.result['stopped']}")


if __name__ == "__main__":
    main()
