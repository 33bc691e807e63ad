"""A T-maze: a sign at its beginning says where to turn at its end, so only a policy that remembers can solve it.

Bakker 2002, "Reinforcement learning with long short-term memory". Run it: `python examples/t_maze.py`.
"""

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp

import zerone as zo
from zerone.base.pytree import configured, struct
from zerone.environments.wrappers import TimeLimit

CORRIDOR, UP, DOWN, JUNCTION = range(4)
FORWARD, TURN_UP, TURN_DOWN = range(3)


@struct
class Place:
    """How far the agent has come, and which turn is right (1 is up)."""

    position: Any
    up: Any


@configured
class TMaze:
    """A corridor; the sign at its beginning says which turn at its end has a reward of 1."""

    length: int = 10

    @property
    def observation_space(self) -> gymnasium.spaces.Discrete:
        """Corridor, a sign (up or down), or junction."""
        return gymnasium.spaces.Discrete(4)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        """Forward, up or down; up and down are no way before the junction."""
        return gymnasium.spaces.Discrete(3)

    def reset(self, key: Any) -> tuple[Any, Place]:
        place = Place(jnp.int32(0), jax.random.bernoulli(key))
        return jnp.where(place.up, UP, DOWN), place

    def step(self, key: Any, place: Place, action: Any) -> tuple[Any, Place, Any, Any, dict[str, Any]]:
        del key
        here = place.position == self.length
        turned = here & (action != FORWARD)
        right = turned & (action == jnp.where(place.up, TURN_UP, TURN_DOWN))
        position = jnp.where(~here & (action == FORWARD), place.position + 1, place.position)
        sign = jnp.where(place.up, UP, DOWN)
        seen = jnp.where(position == self.length, JUNCTION, jnp.where(position == 0, sign, CORRIDOR))
        return seen, Place(position, place.up), right.astype(jnp.float32), turned, {}


def main() -> None:
    """Train without a memory and with one."""
    task = TimeLimit(TMaze(), 50)
    for network in ("mlp", "gru"):
        algorithm = zo.PPO(network=network, hidden=(32,), environments=16, learning_rate=3e-3, minibatches=4)
        run = zo.train(algorithm, task, steps=100_000, evaluation_episodes=100, figure=False)
        print(f"{network}: {run.evaluate(episodes=100)['return_mean']:.2f}")


if __name__ == "__main__":
    main()
