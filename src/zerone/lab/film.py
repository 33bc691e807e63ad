"""An episode of a trained policy as shapes and numbers, which the page and the single-file page play."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import initial_memory
from zerone.base.bits import in_32_bits
from zerone.base.compilation import Program, for_seldom
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments.drawing.geometry import grid_of
from zerone.environments.drawing.scene import scene_of, shapes_of
from zerone.environments.spaces import from_environment, to_environment
from zerone.lab.surface import plane_of, surface
from zerone.player.tables import table_of

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Algorithm, Array
    from zerone.engines.compiled import Compiled
    from zerone.environments.base import TimedEnvironment

LONGEST = 500
"""The most steps of an episode that are played, for policies that walk in circles."""
MOST_FRAMES = 200
"""The most frames; in longer episodes, only every second, third ... step is shown."""
FIGURES = 4
SEED = 0
"""All films of a run use the same seed, so that they differ by the policy only."""


def film(engine: Compiled, policy: Any, most: int = MOST_FRAMES) -> dict[str, Any]:
    """A greedy episode in the evaluation environment as a JSON object, with the policy's table or value surface.

    Raises:
        InputError: the policy has diverged.
    """
    environment = engine.evaluation_environment
    with in_32_bits():
        first, rest = jax.device_get(_played(engine.algorithm, environment, policy, np.uint32(SEED), LONGEST))
        ends = np.flatnonzero(rest["terminated"] | rest["truncated"])
        steps = int(ends[0]) + 1 if ends.size else LONGEST
        every = max(1, math.ceil(steps / most))
        shown = [*range(0, steps, every), steps]
        if not all(np.isfinite(leaf[:steps]).all() for leaf in jax.tree.leaves(rest) if leaf.dtype.kind == "f"):
            raise InputError(translated("its numbers are no longer finite: this policy has diverged"))
        grid, scene = grid_of(environment), scene_of(environment)
        table, plane = table_of(policy, grid), plane_of(environment, engine.algorithm, policy)
        total = np.concatenate([[0.0], np.cumsum(rest["reward"][:steps], dtype=np.float64)])
        frames: list[dict[str, Any]] = []
        for at in shown:
            state, seen = (first["state"], first["observation"]) if at == 0 else _row(rest, at - 1)
            action = None if at == 0 else rest["action"][at - 1]
            frames.append({
                "at": at,
                "total": _rounded(float(total[at])),
                "shapes": [] if scene is None else shapes_of(scene, environment, state, action),
                "state": int(seen) if grid is not None else None,
                **({} if plane is None else {"place": [_rounded(each) for each in plane.place(seen)]}),
            })  # fmt: skip
        return {
            "frames": frames,
            "steps": steps,
            "total": _rounded(float(total[steps])),
            "ended": "" if not ends.size else "terminated" if rest["terminated"][steps - 1] else "truncated",
            "every": every,
            "table": None if table is None else [[_rounded(each) for each in row] for row in table.values.tolist()],
            "surface": None if plane is None else surface(plane, engine.algorithm, policy),
            "plane": None if plane is None else {"names": plane.names, "low": plane.low, "high": plane.high},
        }


def played(
    algorithm: Algorithm, environment: TimedEnvironment, policy: Any, seed: Array, length: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The beginning of an episode, and `length` steps, stacked [length, ...]; those after its end are meaningless."""
    begin, going = jax.random.split(jax.random.key(seed))
    observation, state = environment.reset(begin)
    memory = initial_memory(algorithm, policy, 1)

    def one(carry: tuple[Any, Array, Any], step: Array) -> tuple[tuple[Any, Array, Any], dict[str, Any]]:
        state, observation, memory = carry
        seen = from_environment(environment.observation_space, observation[None])
        chosen, memory, _ = algorithm.act(policy, memory, seen)
        action = to_environment(environment.action_space, chosen)[0]
        key = jax.random.fold_in(going, step)
        observation, state, reward, terminated, truncated, _ = environment.step(key, state, action)
        found = {
            "state": state, "observation": observation, "action": action, "reward": reward, "terminated": terminated,
            "truncated": truncated,
        }  # fmt: skip
        return (state, observation, memory), found

    _, rest = jax.lax.scan(one, (state, observation, memory), jnp.arange(length))
    return {"state": state, "observation": observation}, rest


_played = Program(played, for_seldom, static_argnums=4)


def _row(rest: dict[str, Any], at: int) -> tuple[Any, Any]:
    found: tuple[Any, Any] = jax.tree.map(lambda leaf: leaf[at], (rest["state"], rest["observation"]))
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.{FIGURES}g}") if math.isfinite(value) else 0.0
