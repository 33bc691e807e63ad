"""MLflow: https://mlflow.org. The server is configured by MLflow's own `MLFLOW_TRACKING_URI`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from zerone.training.trackers.tracker import Tracker

_ENDS = {"finished": "FINISHED", "stopped": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


class MLflow(Tracker):
    """One run of MLflow, in the experiment `project`. Options are those of `MlflowClient.create_run`, as `tags`."""

    name: ClassVar[str] = "mlflow"
    package: ClassVar[str] = "mlflow"

    def open(self, title: str, settings: Mapping[str, Any], kept: str | None) -> str:
        # A client, because `mlflow.start_run` would set the active run of the whole process.
        self._client: Any = self.library.MlflowClient()
        if kept is not None:
            self._client.update_run(kept, status="RUNNING")
            self._id = kept
            return kept
        found = self._client.get_experiment_by_name(self.project)
        experiment = self._client.create_experiment(self.project) if found is None else found.experiment_id
        self._id = str(self._client.create_run(experiment, run_name=title, **self.options).info.run_id)
        for name, value in settings.items():
            self._client.log_param(self._id, name, value)
        return self._id

    def log(self, step: int, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        metrics = [self.library.entities.Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._id, metrics=metrics)

    def note(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._client.log_metric(self._id, name, value)

    def close(self, reason: str) -> None:
        self._client.set_terminated(self._id, _ENDS[reason])
