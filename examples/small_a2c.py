"""An algorithm of your own with networks, from nothing: advantage actor-critic.

    Â_t = Σ_k (γλ)^k δ_{t+k},  δ_t = R_{t+1} + γ v(S_{t+1}; w) - v(S_t; w)          Schulman et al. 2016, eq. 16
    θ ← θ + α ∇_θ mean[Â_t ln π(A_t|S_t; θ) + β H(π(·|S_t; θ))],   w ← w - α ∇_w mean[½ (v(S_t; w) - v_t)²]

It has everything that the protocol `zerone.algorithms.protocol.Algorithm` asks for, and inherits nothing. In this
file's folder:

    zerone train small_a2c:SmallA2C CartPole-v1 --steps 200000

In Python, `zo.train(SmallA2C(), "CartPole-v1", steps=200_000)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces, example, numbers
from zerone.parts.layers import MLP
from zerone.parts.returns import generalized_advantage, pick


@struct
class Policy:
    """All that acting needs: it is saved, evaluated and exported. The critic is here so that `update` finds both."""

    actor: MLP
    critic: MLP


@struct
class State:
    """The policy, and what only learning needs."""

    policy: Policy
    optimizer: Any


@configured
class SmallA2C:
    """Advantage actor-critic for `Box` observations and `Discrete` actions."""

    name: ClassVar[str] = "small-a2c"
    metrics: ClassVar[Mapping[str, str]] = {"actor_loss": "-mean(Â ln π)", "critic_loss": "mean ½ (v - target)²"}
    warmup_updates: ClassVar[int] = 0

    # Each field is an option of the command line. Numbers may change without compiling again, sizes may not.
    learning_rate: float = setting(1e-3, "step size α of Adam", above=0.0)
    discount: float = setting(0.99, "discount factor γ", at_least=0.0, at_most=1.0)
    trace_decay: float = setting(0.95, "λ of the advantages", at_least=0.0, at_most=1.0)
    entropy_bonus: float = setting(0.01, "weight β of the entropy", at_least=0.0)
    environments: int = setting(8, "environments played in parallel, N", at_least=1)
    steps_per_update: int = setting(16, "steps of each environment in an update, T", at_least=1)

    def refuse(self, spaces: Spaces) -> str | None:
        """Why it cannot learn in an environment, or None."""
        observed, acted = spaces.observation, spaces.action
        row = isinstance(observed, gymnasium.spaces.Box) and len(observed.shape) == 1
        return (
            None
            if row and isinstance(acted, gymnasium.spaces.Discrete)
            else "needs a row of numbers, and Discrete actions"
        )

    def check(self) -> None:
        """Nothing: all settings go together."""

    def init(self, key: Key, spaces: Spaces) -> State:
        """The state before the first step."""
        of_actor, of_critic = jax.random.split(key)
        inputs, actions = example(spaces.observation).size, numbers(spaces.action)
        policy = Policy(MLP(of_actor, inputs, (64, 64), actions, last=0.01), MLP(of_critic, inputs, (64, 64), 1))
        return State(policy, self._optimizer().init(policy))

    def _optimizer(self) -> optax.GradientTransformation:
        return optax.chain(optax.clip_by_global_norm(5.0), optax.adam(self.learning_rate))

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        """One uniform number for each action that will be drawn, for a whole block of steps at once."""
        del policy  # noise whose size depends on the networks would need it
        return jax.random.uniform(key, shape)

    def act(self, policy: Policy, memory: Any, observation: Array, noise: Array | None = None) -> Any:
        """Actions [N]; the greedy ones if there is no noise, as in evaluations."""
        logits = policy.actor(observation)
        if noise is None:
            return jnp.argmax(logits, -1), memory, ()
        below = jnp.cumsum(jax.nn.softmax(logits), -1) < noise[:, None]  # the inverse of the distribution function
        return jnp.minimum(jnp.sum(below, -1), logits.shape[-1] - 1), memory, ()

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        """One step along the gradient of a block [T, N]."""
        del key  # nothing is drawn
        critic = state.policy.critic
        value, following = critic(steps.observation)[..., 0], critic(steps.next_observation)[..., 0]
        advantage = generalized_advantage(
            steps.reward, value, following, steps.terminated, steps.truncated, self.discount, self.trace_decay
        )
        target = advantage + value

        def loss(policy: Policy) -> tuple[Array, Metrics]:
            log_probability = jax.nn.log_softmax(policy.actor(steps.observation))
            entropy = -jnp.sum(jnp.exp(log_probability) * log_probability, -1)
            actor_loss = -jnp.mean(advantage * pick(log_probability, steps.action))
            critic_loss = 0.5 * jnp.mean((policy.critic(steps.observation)[..., 0] - target) ** 2)
            total = actor_loss - self.entropy_bonus * jnp.mean(entropy) + critic_loss
            return total, {"actor_loss": actor_loss, "critic_loss": critic_loss}

        gradient, metrics = jax.grad(loss, has_aux=True)(state.policy)
        change, optimizer = self._optimizer().update(gradient, state.optimizer)
        return State(optax.apply_updates(state.policy, change), optimizer), metrics
