"""Actor-critic: gradient against the closed form, fixed points of the critic, optimisers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear import Weights, actor_critic_gradient, block, gradient_of, linear_policy
from toys import chain, cycle, small_actor_critic

from zerone.algorithms.actor_critic import ActorCritic, State
from zerone.algorithms.protocol import Steps
from zerone.base.errors import InputError

BOTH = pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
GRADIENT = jax.jit(lambda algorithm, policy, steps: algorithm.gradient(policy, steps))


def _fits(policy, steps, algorithm):
    gradient, _ = GRADIENT(algorithm, policy, steps)
    expected = actor_critic_gradient(policy, steps, 0.9, algorithm.entropy_bonus)
    return all(np.allclose(gradient_of(gradient, name), each, rtol=1e-3, atol=1e-4) for name, each in expected.items())


@BOTH
@pytest.mark.parametrize("time", [1, 5])
@pytest.mark.parametrize("bonus", [0.0, 0.3])
def test_the_gradient_is_the_one_written_down_for_one_step_and_for_several(continuous, time, bonus):
    algorithm = small_actor_critic(entropy_bonus=bonus, steps_per_update=time)
    policy, steps = linear_policy(1, 3, 2, continuous=continuous), block(2, time, 4, continuous=continuous)
    assert _fits(policy, steps, algorithm)
    # Broken twins: a truncation treated as a termination, and an undiscounted return.
    ended = dataclasses.replace(steps, terminated=steps.terminated | steps.truncated)
    gradient, _ = GRADIENT(algorithm, policy, ended)
    expected = actor_critic_gradient(policy, steps, 0.9, bonus)
    assert not np.allclose(gradient_of(gradient, "critic"), expected["critic"], rtol=1e-3)
    assert not _fits(policy, steps, dataclasses.replace(algorithm, discount=1.0))


def test_one_samples_gradient_does_not_move_when_another_sample_changes():
    algorithm, policy = small_actor_critic(), linear_policy(1, 3, 2, continuous=False)
    steps = block(3, 4, 2, continuous=False)
    alone = [jax.tree.map(lambda x, n=n: x[:, n : n + 1], steps) for n in (0, 1)]
    both, _ = GRADIENT(algorithm, policy, steps)
    parts = [GRADIENT(algorithm, policy, each)[0] for each in alone]
    for whole, *each in zip(*map(jax.tree.leaves, (both, *parts)), strict=True):
        np.testing.assert_allclose(whole, sum(each) / 2, rtol=1e-4, atol=1e-6)


def _made_by(environment):
    """16 real steps of the environment, with one-hot states; leaves [16, 1, ...]."""
    step, reset = jax.jit(environment.step), jax.jit(environment.reset)
    rows, (seen, state) = [], reset(jax.random.key(0))
    for _ in range(16):
        following, state, reward, terminated, truncated, _ = step(jax.random.key(0), state, 0)
        rows.append((np.eye(4)[seen], 0, reward, np.eye(4)[following], terminated, truncated))
        seen = following
        if terminated or truncated:
            seen, state = reset(jax.random.key(0))
    columns = [np.stack([np.asarray(x) for x in column])[:, None] for column in zip(*rows, strict=True)]
    return Steps(*(x.astype(np.float32) if x.dtype == np.float64 else x for x in columns), ())


def _critic_learnt_from(steps):
    """V of the four states where the critic's gradient is 0, found by gradient descent; discount 0.98."""
    algorithm, policy = ActorCritic(discount=0.98), linear_policy(0, 4, 2, continuous=False)
    share = jnp.asarray(steps.observation).mean((0, 1))[:, None]  # how often each state occurs among the steps

    def sweep(_, weight):
        critic = Weights(weight)
        gradient, _ = algorithm.gradient(dataclasses.replace(policy, critic=critic), steps)
        return weight - gradient.critic.weight / jnp.where(share > 0, share, 1.0)

    return np.asarray(jax.jit(lambda w: jax.lax.fori_loop(0, 3000, sweep, w))(jnp.zeros((4, 1))))[:, 0]


def _side_by_side(steps):
    """The same steps as blocks of length 1 of 16 environments."""
    return jax.tree.map(lambda x: x.swapaxes(0, 1), steps)


def test_a_time_limit_is_bootstrapped_through_in_one_step_and_in_several():
    # A reward of 1 for ever has the value 1 / (1 - 0.98) = 50, whatever the time limit.
    steps = _made_by(cycle())
    assert steps.truncated.any()
    np.testing.assert_allclose(_critic_learnt_from(steps), 50.0, rtol=1e-3)
    np.testing.assert_allclose(_critic_learnt_from(_side_by_side(steps)), 50.0, rtol=1e-3)
    twin = dataclasses.replace(steps, terminated=steps.terminated | steps.truncated)
    np.testing.assert_allclose(_critic_learnt_from(_side_by_side(twin))[0], 7.204, atol=1e-3)
    assert _critic_learnt_from(twin)[0] < 10


def test_what_comes_after_a_terminal_state_is_worth_nothing():
    steps = _made_by(chain())
    for each in (steps, _side_by_side(steps)):
        np.testing.assert_allclose(_critic_learnt_from(each)[:2], [1.98, 1.0], rtol=1e-5)
        unmasked = dataclasses.replace(each, truncated=each.terminated | each.truncated, terminated=each.truncated)
        assert _critic_learnt_from(unmasked)[0] > 10


@pytest.mark.thorough(after=1)
@BOTH
@pytest.mark.parametrize("kind", ["adam", "rmsprop"])
def test_an_update_applies_the_gradient_with_a_step_size_for_each_network(continuous, kind):
    algorithm = small_actor_critic(optimizer=kind, critic_learning_rate=0.002, max_gradient_norm=1e9)
    policy, steps = linear_policy(1, 3, 2, continuous=continuous), block(2, 4, 4, continuous=continuous)
    state = State(policy, algorithm.rule().init(policy))
    after, _ = jax.jit(algorithm.update)(state, steps, jax.random.key(0))
    expected = actor_critic_gradient(policy, steps, 0.9, algorithm.entropy_bonus)
    for name, gradient in expected.items():
        # The first step depends only on this gradient: ± the step size (Adam), or the step size times
        # gradient / √((1 - 0.99) gradient² + ε) (RMSProp).
        length = np.abs(gradient) + 1e-8 if kind == "adam" else np.sqrt(0.01 * gradient**2 + 1e-5)
        step = (0.002 if name == "critic" else 0.01) * gradient / length
        moved = gradient_of(after.policy, name) - gradient_of(policy, name)
        np.testing.assert_allclose(moved, -step, rtol=2e-3, atol=2e-6)


def test_an_update_is_the_gradient_applied_and_a_stale_one_can_be_applied_as_well():
    algorithm = small_actor_critic()
    policy, steps = linear_policy(1, 3, 2, continuous=False), block(2, 4, 4, continuous=False)
    state = State(policy, algorithm.rule().init(policy))
    whole, _ = jax.jit(algorithm.update)(state, steps, jax.random.key(0))
    gradient, _ = GRADIENT(algorithm, policy, steps)
    parts = jax.jit(algorithm.apply)(state, gradient)
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    later = jax.jit(algorithm.apply)(parts, gradient)  # a gradient of networks that have changed since
    assert optax.tree.norm(jax.tree.map(jnp.subtract, later.policy, parts.policy)) > 0


def test_the_step_sizes_fall_over_the_environments_steps():
    algorithm = small_actor_critic(decay_steps=160.0, learning_rate_end=0.5, optimizer="rmsprop", rmsprop_decay=0.5)
    policy = linear_policy(1, 3, 2, continuous=False)
    state = State(policy, algorithm.rule().init(policy))
    constant = jax.tree.map(jnp.ones_like, policy)
    lengths = []
    for _ in range(40):  # 16 steps per update: the step size has fallen after 10 updates
        after = jax.jit(algorithm.apply)(state, constant)
        lengths.append(float(jnp.abs(after.policy.actor.weight - state.policy.actor.weight).max()))
        state = after
    assert lengths[-1] / lengths[-2] == pytest.approx(1, rel=1e-4)
    # For a constant gradient c the mean square converges to c², so the last steps are half the step size.
    assert lengths[-1] == pytest.approx(0.01 * 0.5, rel=1e-2)


def test_an_option_that_would_be_ignored_is_refused():
    line = "rmsprop_decay = 0.5 is not allowed: must be 0.99 without optimizer=rmsprop"
    with pytest.raises(InputError, match=line):
        ActorCritic(rmsprop_decay=0.5)
    assert ActorCritic(rmsprop_decay=0.5, optimizer="rmsprop").rmsprop_decay == 0.5
