"""An environment of your own in JAX, and a shaped reward of your own: the whole training is compiled.

In the folder of this file, use both under the name of its module:

    zerone train q-learning windy_walk:WindyWalk --option length=12 --option reward=windy_walk:nearer
    zerone watch runs/q-learning-windy_walk-WindyWalk-1 --trust

In Python, `zo.train("q-learning", WindyWalk(length=12))`; by an id of your choice after
`zo.register("my/WindyWalk-v0", WindyWalk)`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import jax
import jax.numpy as jnp

import zerone as zo
from zerone.base.pytree import configured, setting


@configured
class WindyWalk:
    """Walk to the right end of a line, against a wind.

    Only the task: it counts no steps and never resets itself. Its fields are the options of the environment.
    """

    length: int = setting(8, "places on the line", at_least=2)
    wind: float = setting(0.1, "chance that the wind blows a step back", at_least=0.0, below=1.0)

    max_episode_steps: ClassVar[int] = 100
    reward_threshold: ClassVar[float] = 0.9
    action_names: ClassVar[tuple[str, ...]] = ("left", "right")

    @property
    def observation_space(self) -> gymnasium.spaces.Discrete:
        """The place, counted from the left."""
        return gymnasium.spaces.Discrete(self.length)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        """0 goes left, 1 goes right."""
        return gymnasium.spaces.Discrete(2)

    def reset(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The left end: the observation and the state (here both are the place)."""
        del key
        return jnp.int32(0), jnp.int32(0)

    def step(self, key: jax.Array, state: jax.Array, action: jax.Array) -> tuple[Any, ...]:
        """The next observation and state, the reward, whether the task has ended, and further information."""
        move = jnp.where(jax.random.bernoulli(key, self.wind), -1, 2 * action - 1)
        place = jnp.clip(state + move, 0, self.length - 1)
        arrived = place == self.length - 1
        return place, place, jnp.where(arrived, 1.0, 0.0), arrived, {}


def nearer(
    observation: jax.Array, action: jax.Array, reward: jax.Array, terminated: jax.Array, next_observation: jax.Array
) -> jax.Array:
    """A little for each step in the right direction, easier to learn from. Evaluations use the task's own reward."""
    del action, terminated
    return reward + 0.1 * (next_observation - observation)


def main() -> None:
    """Train on a longer line, then load the run as another program would."""
    run = zo.train("q-learning", WindyWalk, options={"length": 12, "reward": nearer}, steps=20_000)
    agent = zo.load(run.path).agent()
    print(f"mean return: {run.evaluate(episodes=100)['return_mean']:.2f}")
    print("policy: " + "".join("<>"[int(agent.act(place))] for place in range(11)) + "*")


if __name__ == "__main__":
    main()
