"""Stochastic policies as networks, and what every algorithm that learns one shares: spaces, chance and acting."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from gymnasium import spaces as gym_spaces

from zerone.parts.distributions import DiagonalNormal, Distribution, categorical, choices
from zerone.parts.networks import Network
from zerone.parts.normalization import Scales
from zerone.parts.spaces import Spaces, choices_in, numbers, refuse_actions, refuse_observations

Array = jax.Array


def refuse_policy(spaces: Spaces) -> str | None:
    """Why an `ActorAndCritic` cannot take these spaces; None if it can."""
    able = isinstance(spaces.action, gym_spaces.Box) or choices_in(spaces.action)
    wanted = "it needs Discrete, MultiDiscrete, MultiBinary or Box actions"
    return refuse_observations(spaces.observation) or (refuse_actions(spaces.action) if able else wanted)


class ActorAndCritic(eqx.Module):
    """A policy and, unless it does without one, a value, each a network of its own.

    Where actions are continuous, `log_deviation` [d] is learnt beside the actor: it does not depend on the state.
    `act` takes observations as the environment shows them, all else as the `scales` make them: what is learnt are
    `networks` without scales.
    """

    actor: Network
    critic: Network | None
    log_deviation: Array | None
    outputs: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    choices: tuple[int, ...] = eqx.field(static=True, default=())
    scales: Scales = Scales()

    @staticmethod
    def create(key: Array, spaces: Spaces, hidden: Sequence[int], *, critic: bool = True) -> ActorAndCritic:
        """Tanh networks with `hidden` layers; the policy starts almost uniform. Consumes `key`."""
        actor_key, critic_key = jax.random.split(key)
        outputs = numbers(spaces.action)
        return ActorAndCritic(
            Network(actor_key, spaces.observation, hidden, outputs, activation=jnp.tanh, last=0.01),
            Network(critic_key, spaces.observation, hidden, 1, activation=jnp.tanh) if critic else None,
            None if choices_in(spaces.action) else jnp.zeros(outputs),
            outputs,
            spaces.action.shape or (),
            choices_in(spaces.action),
        )

    @property
    def networks(self) -> ActorAndCritic:
        """All that has a gradient."""
        return self.scaled_by(Scales())

    def scaled_by(self, scales: Scales) -> ActorAndCritic:
        """The same networks, which see by these scales."""
        return dataclasses.replace(self, scales=scales)

    def distribution(self, observation: Array) -> Distribution:
        """π(·|s) for observations with any leading axes."""
        output = self.actor(observation)
        if self.log_deviation is None:
            return choices(output, self.choices) if self.shape else categorical(output)
        return DiagonalNormal(output, jnp.broadcast_to(self.log_deviation, output.shape))

    def value(self, observation: Array) -> Array:
        """V(s), one number for each observation; only where there is a critic."""
        assert self.critic is not None  # noqa: S101 - who has asked for none does not ask for its values
        return self.critic(observation)[..., 0]

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        """What chance decides in `shape` actions: [*shape, outputs]. Consumes `key`."""
        if self.log_deviation is None:
            return jax.random.gumbel(key, (*shape, self.outputs))
        return jax.random.normal(key, (*shape, self.outputs))

    def act(self, memory: Any, observation: Array, noise: Array | None = None) -> tuple[Array, Any, Array]:
        """Actions [N, ...] for observations [N, ...], the memory after them, and their ln π.

        Without noise they are the most probable ones.
        """
        distribution = self.distribution(self.scales.see(observation))
        action = distribution.mode() if noise is None else distribution.sample(noise)
        return action.reshape(*action.shape[:1], *self.shape), memory, distribution.log_probability(action)

    def as_drawn(self, action: Array) -> Array:
        """Actions [T, N, ...] as the distribution knows them: integers [T, N], or [T, N, k] integers or floats."""
        one = self.log_deviation is None and not self.shape
        return action if one else action.reshape(*action.shape[:2], -1)
