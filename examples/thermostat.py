"""An environment of your own in JAX: the whole training is compiled. `python examples/thermostat.py`."""

from typing import ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

import zerone as zo
from zerone.base.pytree import configured, setting, struct


@struct
class Room:
    """The state: the temperature inside and outside, in degrees from the target temperature (float32 scalars)."""

    inside: jax.Array
    outside: jax.Array


@configured
class Thermostat:
    """Keep a room warm. The action in [0, 1] is how far the heating is open; the reward is minus the error.

    Only the task: it counts no steps and never resets itself.
    """

    max_episode_steps: ClassVar[int] = 100

    loss: float = setting(0.1, "share of the difference that leaks out in a step", at_least=0.0, at_most=1.0)
    power: float = setting(3.0, "degrees that full heating adds in a step", above=0.0)

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        """Temperature inside and outside, divided by 10."""
        return gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Box:
        """How far the heating is open."""
        return gymnasium.spaces.Box(0.0, 1.0, (1,), np.float32)

    def reset(self, key):
        """A cold room on a day that is colder still."""
        inside, outside = jax.random.uniform(key, (2,), minval=jnp.array([-8.0, -25.0]), maxval=jnp.array([0.0, -10.0]))
        room = Room(inside, outside)
        return self.observe(room), room

    def step(self, key, state, action):
        """Heat, leak, and let the weather change a little."""
        outside = state.outside + 0.3 * jax.random.normal(key)
        inside = state.inside + self.power * jnp.clip(action[0], 0.0, 1.0) + self.loss * (outside - state.inside)
        room = Room(inside, outside)
        return self.observe(room), room, -jnp.abs(inside) / 10, jnp.bool_(False), {}

    def observe(self, room):
        """What the agent sees."""
        return jnp.stack([room.inside, room.outside]) / 10


def main() -> None:
    """Train PPO in it, and show how it heats on a cold day."""
    # Three seeds; an environment that is not Zerone's has no preset, and here no threshold.
    algorithm = zo.PPO(learning_rate=1e-3, steps_per_update=100, discount=0.9)
    run = zo.train(algorithm, Thermostat(), steps=160_000, seeds=3)
    print(f"mean return: {run.evaluate(episodes=100)['return_mean']:.2f}  (run folder: {run.path})")
    agent = run.agent()
    for inside in (-8.0, -2.0, 0.0, 2.0):
        opened = agent.act(np.array([inside, -15.0], np.float32) / 10)[0]
        print(f"{inside:+.0f}° inside, -15° outside: open {opened:.0%}")


if __name__ == "__main__":
    main()
