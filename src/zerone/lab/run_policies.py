"""The policies of a run as the page plays them: of runs whose names are our own, and of whole files only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError
from zerone.engines.compiled import Compiled
from zerone.environments.catalogue import action_names
from zerone.lab.film import MOST_FRAMES, film
from zerone.lab.folders import is_plain, require_plain
from zerone.lab.picture import picture_of
from zerone.lab.setups import Setup, read_setup
from zerone.lab.training import require_quick
from zerone.training import setup as making
from zerone.training.agent import load_policies
from zerone.training.folder import RunFolder, step_of
from zerone.training.memory_limit import require_room

if TYPE_CHECKING:
    from pathlib import Path

FIRST, BEST = "0", "best"
"""The checkpoints that have no step in their names: before anything was learnt, and the best policy."""


def setup_of(config: Mapping[str, Any]) -> Setup:
    """What a run was trained with, if all of it is ours.

    Raises:
        InputError: it names code of somebody else, which the page never imports, or a file; or it keeps to a mask.
    """
    algorithm, environment = config["algorithm"], config["environment"]
    if algorithm.get("source") or environment.get("source") or not environment["known"]:
        raise InputError("this run has code of its own, which the page does not import: see zerone watch --trust")
    if environment["action_mask"] != making.OFF:
        raise InputError("this run keeps to an action mask, which the page does not: see zerone watch")
    return read_setup({
        "algorithm": algorithm["name"],
        "environment": environment["id"],
        "seed": config["seeds"][0],
        "settings": {name: value for name, value in algorithm["settings"].items() if value is not None},
        "options": {name: value for name, value in environment["options"].items() if value is not None},
    })  # fmt: skip


def checkpoints(folder: RunFolder) -> list[str]:
    """The checkpoints that there are, by name, from the first to the last, and the best one."""
    place = folder.best_path.parent
    saved = [] if place.is_symlink() else [str(step_of(each)) for each in folder.checkpoints() if is_plain(each)]
    return [FIRST, *saved, *([BEST] if not place.is_symlink() and is_plain(folder.best_path) else [])]


class RunPolicies:
    """A run that can be played, made again from its configuration."""

    def __init__(self, folder: RunFolder) -> None:
        """Make its engine.

        Raises:
            InputError: it cannot be played here; the line says why.
        """
        self.folder, config = folder, folder.config
        self.setup = setup_of(config)
        algorithm = making.make_algorithm_from(config["algorithm"])
        require_quick(algorithm)
        saved = config["environment"]
        engine = making.make_engine("auto", algorithm, saved["id"], saved["options"], saved["observations"])
        if not isinstance(engine, Compiled):
            raise InputError(f"{saved['id']} is not written in JAX, so it is not drawn here: see zerone watch")
        with in_32_bits():
            require_room(engine, saved["id"], 1)
        self.engine = engine

    def about(self) -> dict[str, Any]:
        """How its films are drawn."""
        from gymnasium.spaces import Discrete

        actions = self.engine.spaces.action
        names = action_names(self.setup.environment, int(actions.n)) if isinstance(actions, Discrete) else []
        return picture_of(self.engine.real, names)

    def policy(self, seed: int, which: str) -> Any:
        """The policy of a checkpoint.

        Raises:
            InputError: there is none of that name, or it is damaged.
        """
        if which == FIRST:
            with in_32_bits():
                return self.engine.init(seed).state.policy
        path = self.path(which)
        require_plain(path)
        return load_policies(self.engine, self.folder, [seed], which)[seed]

    def film(self, seed: int, which: str, most: int = MOST_FRAMES) -> dict[str, Any]:
        """An episode of that policy, and its table."""
        return film(self.engine, self.policy(seed, which), most)

    def path(self, which: str) -> Path:
        """The file of a checkpoint, as far as there is one."""
        if which not in checkpoints(self.folder):
            raise InputError(f"{which[:30]}: this checkpoint is not there (any more)")
        return self.folder.best_path if which == BEST else self.folder.checkpoint_path(int(which))
