"""Weights & Biases: https://docs.wandb.ai. Its login and `WANDB_MODE` decide where data are sent, if at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from zerone.training.trackers.tracker import Tracker


class WandB(Tracker):
    """One run of Weights & Biases. Options are those of `wandb.init`, such as `entity`, `tags` or `mode`."""

    name: ClassVar[str] = "wandb"
    package: ClassVar[str] = "wandb"

    def open(self, title: str, settings: Mapping[str, Any], kept: str | None) -> str:
        chosen = {"project": self.project, "name": title, "config": dict(settings), **self.options}
        if kept is not None:
            chosen |= {"id": kept, "resume": "allow"}
        self._run: Any = self.library.init(**chosen)
        # A resumed training repeats the rows after its checkpoint: its steps may decrease, those of wandb may not.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")
        return str(self._run.id)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({"step": step, **values})

    def note(self, values: Mapping[str, float]) -> None:
        self._run.summary.update(dict(values))

    def close(self, reason: str) -> None:
        self._run.finish(exit_code=1 if reason == "failed" else 0)
