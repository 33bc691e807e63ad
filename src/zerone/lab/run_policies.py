"""The policies of a run for the page, only for runs without a user's own code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import Config
from zerone.engines.compiled import Compiled
from zerone.environments import catalogue
from zerone.environments.base import NO_MASK
from zerone.environments.catalogue import action_names
from zerone.lab.film import MOST_FRAMES, film
from zerone.lab.folders import is_plain, require_plain
from zerone.lab.picture import picture_of
from zerone.lab.setups import Setup, read_setup
from zerone.lab.training import require_quick
from zerone.training.algorithm_setup import make_algorithm_from
from zerone.training.engine_setup import make_engine
from zerone.training.folder import RunFolder, step_of
from zerone.training.memory_limit import require_room
from zerone.training.policy_files import load_policies

if TYPE_CHECKING:
    from pathlib import Path

FIRST, BEST = "0", "best"
"""The names of the checkpoints without a step: the untrained policy and the best one."""


def setup_of(config: Config) -> Setup:
    """The set-up of a run, if it uses only Zerone's own algorithms and environments.

    Raises:
        InputError: the run needs a user's code, which the page never imports, or a file, or uses action masks.
    """
    algorithm, environment = config["algorithm"], config["environment"]
    foreign = algorithm.get("source") or environment.get("source") or not environment["known"]
    if foreign or any(map(_names_code, [*algorithm["settings"].values(), *environment["options"].values()])):
        raise InputError(
            translated("this run has code of its own, which the page does not import: see zerone watch --trust")
        )
    if environment["action_mask"] != NO_MASK:
        raise InputError(translated("this run keeps to an action mask, which the page does not: see zerone watch"))
    if catalogue.find(environment["id"]) is None:
        raise _not_drawn(environment["id"])
    return read_setup({
        "algorithm": algorithm["name"],
        "environment": environment["id"],
        "seed": config["seeds"][0],
        "settings": {name: value for name, value in algorithm["settings"].items() if value is not None},
        "options": {name: value for name, value in environment["options"].items() if value is not None},
    })  # fmt: skip


def _not_drawn(environment: str) -> InputError:
    return InputError(
        translated(
            "{environment} is not one of Zerone's own, so it is not drawn here: see zerone watch",
            environment=environment,
        )
    )


def _names_code(value: object) -> bool:
    """Whether the value of a setting or an option is `module:Name`, such as a network or a reward."""
    return isinstance(value, str) and ":" in value


def checkpoints(folder: RunFolder) -> list[str]:
    """The names of the existing checkpoints in their order, followed by the best one."""
    place = folder.best_path.parent
    saved = [] if place.is_symlink() else [str(step_of(each)) for each in folder.checkpoints() if is_plain(each)]
    return [FIRST, *saved, *([BEST] if not place.is_symlink() and is_plain(folder.best_path) else [])]


class RunPolicies:
    """A run whose policies can be played, restored from its configuration."""

    def __init__(self, folder: RunFolder) -> None:
        """Make the engine of the run.

        Raises:
            InputError: the run cannot be played on the page.
        """
        self.folder, config = folder, folder.config
        self.setup = setup_of(config)
        algorithm = make_algorithm_from(config["algorithm"])
        require_quick(algorithm)
        saved = config["environment"]
        engine = make_engine("auto", algorithm, saved["id"], saved["options"], saved["observations"])
        if not isinstance(engine, Compiled):
            raise _not_drawn(saved["id"])
        with in_32_bits():
            require_room(engine, saved["id"], 1)
        self.engine = engine

    def about(self) -> dict[str, Any]:
        """The constant part of its films' picture."""
        from gymnasium.spaces import Discrete

        actions = self.engine.spaces.action
        names = action_names(self.setup.environment, int(actions.n)) if isinstance(actions, Discrete) else []
        return picture_of(self.engine.evaluation_environment, names)

    def policy(self, seed: int, which: str) -> Any:
        """The policy of a checkpoint.

        Raises:
            InputError: there is no such checkpoint, or it is damaged.
        """
        if which == FIRST:
            with in_32_bits():
                return self.engine.init(seed).state.policy
        path = self.path(which)
        require_plain(path)
        return load_policies(self.engine, self.folder, [seed], which)[seed]

    def film(self, seed: int, which: str, most: int = MOST_FRAMES) -> dict[str, Any]:
        """The film of a checkpoint's policy (`film.film`)."""
        return film(self.engine, self.policy(seed, which), most)

    def path(self, which: str) -> Path:
        """The file of a checkpoint. Raises `InputError` if there is none."""
        if which not in checkpoints(self.folder):
            raise InputError(translated("{which}: this checkpoint is not there (any more)", which=which[:30]))
        return self.folder.best_path if which == BEST else self.folder.checkpoint_path(int(which))
