"""A dataset for training: episodes with their spaces, which must equal those of the environment."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.saved_types import DatasetConfig
from zerone.engines.offline_data import OfflineData, Recorded, make_offline_data
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import ObservationError
from zerone.environments.gym.views import Space, describe
from zerone.environments.spaces import Spaces, to_algorithm
from zerone.offline.format import space_to_json


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Recorded episodes: the frames and steps of all of them, concatenated (see `Recorded`), and their spaces."""

    path: Path
    metadata: dict[str, Any]
    spaces: Spaces
    episodes: int
    recorded: Recorded
    """Actions are stored as they were passed to the environment."""

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.recorded.reward)

    def checksum(self) -> str:
        """SHA-256 over spaces and values: equal for equal episodes, however the file is laid out."""
        digest = hashlib.sha256("".join(map(space_to_json, (self.spaces.observation, self.spaces.action))).encode())
        recorded = self.recorded
        for each in (recorded.frames, recorded.at, recorded.action, recorded.reward, recorded.terminated,
                     recorded.truncated):  # fmt: skip
            digest.update(f"{each.shape} {each.dtype}".encode())
            digest.update(np.ascontiguousarray(each).view(np.uint8).data)
        return digest.hexdigest()

    def facts(self, own_play: float | None) -> DatasetConfig:
        """The description of the dataset for a run's configuration."""
        return {
            "path": str(self.path.resolve()),
            "id": str(self.metadata.get("dataset_id", "")),
            "episodes": self.episodes,
            "steps": self.steps,
            "sha256": self.checksum(),
            "own_play": own_play,
        }

    def study(self, wanted: Spaces, environment: str, own_play: float | None) -> OfflineData:
        """The data for an engine to learn from.

        Raises:
            InputError: the environment's spaces, `wanted`, are different; or `own_play` is not between 0 and 1.
        """
        encoding = self._encoding()
        require_same_spaces(self, Spaces(encoding.space, self.spaces.action), wanted, environment)
        try:
            frames = encoding.join(encoding.read(self.recorded.frames, batch=True), batch=True)
        except ObservationError as error:
            raise InputError(translated("dataset {path}: {error}", path=self.path, error=error)) from error
        action = to_algorithm(wanted.action, self.recorded.action)
        return make_offline_data(dataclasses.replace(self.recorded, frames=frames, action=action), own_play)

    def _encoding(self) -> Encoding:
        try:
            return Encoding(self.spaces.observation)
        except InputError as error:
            raise InputError(translated("dataset {path}: {error}", path=self.path, error=error)) from error


def require_same_spaces(dataset: Dataset, encoded: Spaces, wanted: Spaces, environment: str) -> None:
    """Raise `InputError` that names both, if the dataset's spaces are not the environment's."""
    for what, mine, other in (
        (translatable("observation"), encoded.observation, wanted.observation),
        (translatable("action"), encoded.action, wanted.action),
    ):
        if not _same(mine, other):
            names = describe(mine), describe(other)
            if names[0] == names[1]:  # only their bounds differ, which the short form omits
                names = " ".join(str(mine).split()), " ".join(str(other).split())
            raise InputError(
                translated(
                    "dataset {path} is not for {environment}: its {what}s are {theirs}, those of {environment} are "
                    "{ours}",
                    path=dataset.path,
                    environment=environment,
                    what=translated(what),
                    theirs=names[0],
                    ours=names[1],
                )
            )


def _same(one: Space, other: Space) -> bool:
    """Whether two spaces have the same members, up to rounding to float32."""
    if isinstance(one, spaces.Box) and isinstance(other, spaces.Box):
        return (
            one.shape == other.shape
            and np.issubdtype(one.dtype, np.floating) == np.issubdtype(other.dtype, np.floating)
            and bool(np.allclose(one.low, other.low, rtol=1e-5) and np.allclose(one.high, other.high, rtol=1e-5))
        )
    return one == other
