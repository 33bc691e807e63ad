"""Stochastic policies as networks: an actor, a critic, and how they act and are trained along played steps."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from gymnasium import spaces as gym_spaces

from zerone.base.language import translated
from zerone.base.pytree import configured, setting
from zerone.environments.spaces import Spaces, choices_in, numbers, refuse_actions
from zerone.parts.distributions import DiagonalNormal, Distribution, categorical, choices
from zerone.parts.exploration import Mask, allowed_only
from zerone.parts.layers import refuse_observations
from zerone.parts.networks import NetworkSettings
from zerone.parts.normalization import Scales
from zerone.parts.recurrent import Played, RecurrentNetwork, Sequence

Array = jax.Array
Tree = TypeVar("Tree")


def refuse_policy(spaces: Spaces) -> str | None:
    """Why an `ActorAndCritic` cannot take these spaces; None if it can."""
    able = isinstance(spaces.action, gym_spaces.Box) or choices_in(spaces.action)
    wanted = translated("it needs Discrete, MultiDiscrete, MultiBinary or Box actions")
    return refuse_observations(spaces.observation) or (refuse_actions(spaces.action) if able else wanted)


@configured
class PolicySettings(NetworkSettings):
    """The settings of an algorithm with an actor and, perhaps, a critic."""

    deviation_start: float = setting(
        1.0, "standard deviation of continuous actions at the start; 1 is half of an action's range", above=0
    )


class ActorAndCritic(eqx.Module):
    """An actor π(a|s) and a critic V(s), or None, each a network of its own.

    For continuous actions `log_deviation` [d] is learnt beside the actor: it does not depend on the state. Only `act`
    takes raw observations; all other functions take observations that `scales` have normalised. Gradients are those
    of `networks`, which have no scales.
    """

    actor: Any
    critic: Any
    log_deviation: Array | None
    outputs: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    choices: tuple[int, ...] = eqx.field(static=True, default=())
    scales: Scales = Scales()

    @staticmethod
    def create(key: Array, spaces: Spaces, settings: PolicySettings, *, critic: bool = True) -> ActorAndCritic:
        """Networks made from these settings; the policy starts almost uniform. Consumes `key`."""
        actor_key, critic_key = jax.random.split(key)
        outputs = numbers(spaces.action)
        return ActorAndCritic(
            settings.make_network(actor_key, spaces.observation, outputs, last=0.01),
            settings.make_network(critic_key, spaces.observation, 1) if critic else None,
            None if choices_in(spaces.action) else jnp.full(outputs, jnp.log(settings.deviation_start)),
            outputs,
            spaces.action.shape or (),
            choices_in(spaces.action),
        )

    @property
    def networks(self) -> ActorAndCritic:
        """The same without scales: all that has a gradient."""
        return self.scaled_by(Scales())

    def scaled_by(self, scales: Scales) -> ActorAndCritic:
        """The same networks with these scales."""
        return dataclasses.replace(self, scales=scales)

    def distribution(self, observation: Array, mask: Mask = ()) -> Distribution:
        """π(·|s) for normalised observations with any leading axes, over the allowed actions."""
        return self._distribution(self.actor(observation), mask)

    def _distribution(self, output: Array, mask: Mask = ()) -> Distribution:
        if self.log_deviation is None:
            output = allowed_only(output, mask)
            return choices(output, self.choices) if self.shape else categorical(output)
        return DiagonalNormal(output, jnp.broadcast_to(self.log_deviation, output.shape))

    def value(self, observation: Array) -> Array:
        """V(s) for normalised observations with any leading axes; there must be a critic."""
        assert self.critic is not None  # noqa: S101 - an algorithm without a critic does not call this
        value: Array = self.critic(observation)[..., 0]
        return value

    @property
    def remembers(self) -> bool:
        """Whether the networks are recurrent."""
        return isinstance(self.actor, RecurrentNetwork)

    def initial_memory(self, number: int) -> Any:
        """The memory at the start of `number` episodes: (actor's, critic's), or `()` without a memory."""
        return (self.actor.initial_memory(number), self.critic.initial_memory(number)) if self.remembers else ()

    def sequence(self, steps: Played) -> Sequence:
        """The sequence of normalised observations of played steps [T, N]."""
        if not self.remembers:
            return Sequence((), steps.observation, None)
        over = steps.terminated | steps.truncated
        begins = jnp.concatenate([jnp.zeros_like(over[:1]), over[:-1]])  # the memory before the first step is right
        return Sequence(jax.tree.map(lambda x: x[:1], steps.memory), steps.observation, begins)

    def samples(self, steps: Tree) -> Tree:
        """Steps [T, N, ...] as samples along the first axis: single steps [T * N, ...], or sequences [N, T, ...]."""
        if self.remembers:
            return self.steps(steps)
        samples: Tree = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), steps)
        return samples

    def steps(self, samples: Tree) -> Tree:
        """Samples as networks take them: single steps [batch, ...], or sequences [T, batch, ...]."""
        steps: Tree = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), samples) if self.remembers else samples
        return steps

    def distribution_along(self, sequence: Sequence, mask: Mask = ()) -> Distribution:
        """π(·|s) at each step of a sequence."""
        memory = sequence.first_memory[0] if self.remembers else ()
        return self._distribution(self.actor.along(memory, sequence.observation, sequence.begins)[0], mask)

    def value_along(self, sequence: Sequence) -> tuple[Array, Any]:
        """V(s) at each step of a sequence, and the critic's memory after it."""
        memory = sequence.first_memory[1] if self.remembers else ()
        value, after = self.critic.along(memory, sequence.observation, sequence.begins)
        return value[..., 0], after

    def values(self, steps: Played) -> tuple[Array, Array]:
        """V(S_t) and V(S_{t+1}) of played steps, both [T, N]."""
        value, after = self.value_along(self.sequence(steps))
        return value, self.critic.step(after, steps.next_observation)[0][..., 0]

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        """The random numbers of `shape` actions, float32 [*shape, outputs]: Gumbel or normal. Consumes `key`."""
        if self.log_deviation is None:
            return jax.random.gumbel(key, (*shape, self.outputs))
        return jax.random.normal(key, (*shape, self.outputs))

    def act(
        self, memory: Any, observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, Any, Array]:
        """Actions [N, ...] for raw observations [N, ...], the memory after them, and their ln π [N].

        Without noise they are the most probable actions.
        """
        observation = self.scales.normalize_observation(observation)
        if self.remembers:
            output, actor = self.actor.step(memory[0], observation)
            memory = actor, self.critic.step(memory[1], observation)[1]
            distribution = self._distribution(output, mask)
        else:
            distribution = self.distribution(observation, mask)
        action = distribution.mode() if noise is None else distribution.sample(noise)
        return action.reshape(*action.shape[:1], *self.shape), memory, distribution.log_probability(action)

    def as_drawn(self, action: Array) -> Array:
        """Actions [T, N, ...] in the shape of the distribution: integers [T, N], or integers or floats [T, N, k]."""
        one = self.log_deviation is None and not self.shape
        return action if one else action.reshape(*action.shape[:2], -1)
