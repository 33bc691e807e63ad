"""Trackio: https://huggingface.co/docs/trackio. Stores data on this machine; `trackio show` displays them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from zerone.training.trackers.tracker import Tracker


class Trackio(Tracker):
    """One run of Trackio. Options are those of `trackio.init`, such as `space_id` or `group`."""

    name: ClassVar[str] = "trackio"
    package: ClassVar[str] = "trackio"

    def open(self, title: str, settings: Mapping[str, Any], kept: str | None) -> str:
        # Trackio identifies runs by name.
        chosen = {"name": title, "config": dict(settings), "embed": False, **self.options}
        if kept is not None:
            chosen |= {"name": kept, "resume": "allow"}
        self._run: Any = self.library.init(self.project, **chosen)
        return str(self._run.name)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def note(self, values: Mapping[str, float]) -> None:
        self._run.log(dict(values))

    def close(self, reason: str) -> None:
        del reason
        self._run.finish()
