"""Exporting the greedy policy of one seed of a run to a file that needs no Zerone."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from zerone.base.errors import ZeroneError
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.engines.protocol import Engine
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.around import Around
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.guard import Guard, guarded
from zerone.export.write import write
from zerone.player.episode import open_environment
from zerone.training.action_masks import mask_source_of_run
from zerone.training.agent import Agent
from zerone.training.folder import RunFolder


def export_policy(path: Path, engine: Engine, agent: Agent, folder: RunFolder, checkpoint: str) -> dict[str, Any]:
    """Write the policy of an agent to `path`; returns the object of `export --json`.

    Raises:
        InputError: see `write`.
    """
    about = {
        "algorithm": engine.algorithm.name,
        "environment": folder.config["environment"]["id"],
        "seed": agent.seed,
        # Local file names do not belong in a file that may be passed on.
        "checkpoint": checkpoint if checkpoint in ("best", "last") or checkpoint.isdecimal() else "a file",
    }
    with contextlib.ExitStack() as ends:
        ends.enter_context(GlobalChance(0))
        environment = _environment(engine, folder)
        if environment is not None:
            ends.enter_context(contextlib.closing(environment))
        return write(path, engine, agent.policy, about, environment)


def _environment(engine: Engine, folder: RunFolder) -> Guard | None:
    """The environment in which to check the policy; None if it cannot be made again."""
    saved = folder.config["environment"]
    with contextlib.suppress(ZeroneError):
        if saved["known"]:
            kind, view = folder.config["engine"], saved["observations"]
            outer = Around.read(saved["around"])
            return open_environment(saved["id"], saved["options"], kind, None, 0, view=view, around=outer,
                                    mask_source=mask_source_of_run(folder.config))  # fmt: skip
        if isinstance(engine, Host):
            return engine.alone(0)
        if isinstance(engine, Compiled):
            asks = MaskSource() if engine.spaces.masked else None  # the masks are in the state, so also in the info
            made = GymnasiumEnvironment(engine.evaluation_environment)
            return guarded(made, saved["id"], 0, saved["observations"], mask_source=asks)
    return None
