"""Stepping many of Zerone's compiled environments at once, with random actions drawn in advance; without learning.

Each step includes the time limit and starts a new episode after the end of one, as in training.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from stopwatch import Moment, Report, work_from_command_line

from zerone.base.compilation import for_long
from zerone.environments import catalogue
from zerone.environments.wrappers import AutoReset

BLOCK, BLOCKS = 50, 4
"""The steps per block, for which one initial state per environment is drawn, and the blocks per call.

The arm's shortest episode has 51 steps, so a block needs at most one initial state per environment.
"""


def play(environment: Any, state: Any, key: Any, first: Any, actions: Any) -> Any:
    """Run BLOCKS blocks: the final states and all step results. `actions` [BLOCK, N, ...] are used in each block."""

    def block(state: Any, i: Any) -> Any:
        fresh = jax.vmap(environment.reset)(jax.random.split(jax.random.fold_in(key, first + i), actions.shape[1]))

        def one(state: Any, action: Any) -> Any:
            return jax.vmap(environment.step, in_axes=(None, 0, 0, 0))(key, state, action, fresh)

        return jax.lax.scan(one, state, actions)

    return jax.lax.scan(block, state, jnp.arange(BLOCKS))


def main() -> None:
    """Measure the steps of the work."""
    work, report = work_from_command_line(), Report()
    report.imported()
    number = work.h["environments"]
    calls, warm = (steps // (number * BLOCK * BLOCKS) for steps in (work.steps, work.warm_steps))
    environment = AutoReset(catalogue.make(work.environment))
    space = environment.action_space
    reset_key, action_key, key = jax.random.split(jax.random.key(work.seed), 3)
    low, high = (jnp.asarray(bound) for bound in (space.low, space.high))
    actions = jax.random.uniform(action_key, (BLOCK, number, *space.shape), minval=low, maxval=high)
    _, state = jax.vmap(environment.reset)(jax.random.split(reset_key, number))
    compiled: Any = jax.jit(play, compiler_options=for_long())
    state, outcome = compiled(environment, state, key, 0, actions)
    begin = Moment.now()
    for call in range(1, calls):
        if call == warm:
            jax.block_until_ready(state)
            begin = Moment.now()
        state, outcome = compiled(environment, state, key, call * BLOCKS, actions)
    jax.block_until_ready(state)
    report.steady((calls - warm) * number * BLOCK * BLOCKS, begin, Moment.now())
    report.reached(float(outcome.reward.mean()), "mean reward of a random step, in the last call")
    report.emit()


if __name__ == "__main__":
    main()
