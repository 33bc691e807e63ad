"""SwanLab: https://docs.swanlab.cn. Its login and `SWANLAB_MODE` decide where data are sent, if at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from zerone.training.trackers.tracker import Tracker

_ENDS = {"finished": "success", "stopped": "success", "interrupted": "aborted", "failed": "crashed"}


class SwanLab(Tracker):
    """One run of SwanLab. Options are those of `swanlab.init`, such as `workspace`, `tags` or `mode`."""

    name: ClassVar[str] = "swanlab"
    package: ClassVar[str] = "swanlab"

    def open(self, title: str, settings: Mapping[str, Any], kept: str | None) -> str:
        chosen = {"project": self.project, "name": title, "config": dict(settings), "reinit": True, **self.options}
        if kept is not None:
            chosen |= {"id": kept, "resume": "allow"}
        self._run: Any = self.library.init(**chosen)
        return str(self._run.id)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def note(self, values: Mapping[str, float]) -> None:
        self._run.log(dict(values))

    def close(self, reason: str) -> None:
        self._run.finish(state=_ENDS[reason])
