"""PPO: what it stores, what it computes from that, and one update against an independent computation."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gymnasium import spaces
from linear import gradient_of, linear_policy, score
from scipy import special, stats
from toys import Echo, cycle, played, small_ppo

from zerone.algorithms.ppo import PPO, Sample, State
from zerone.base.errors import InputError
from zerone.environments.spaces import Spaces, to_environment
from zerone.environments.wrappers import TimeLimit
from zerone.parts.exploration import shuffled
from zerone.parts.recurrent import Sequence

ENVIRONMENTS = {"discrete": cycle(), "continuous": TimeLimit(Echo(), 5)}
BOTH = pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)


_UPDATE = jax.jit(lambda algorithm, state, steps: algorithm.update(state, steps, jax.random.key(3)))


_LOG_PROBABILITY = jax.jit(lambda policy, seen, action: policy.distribution(seen).log_probability(action))


def _largest_ratio_error(state, steps, action):
    ratio = np.exp(np.asarray(_LOG_PROBABILITY(state.policy, steps.observation, action)) - steps.extras)
    return float(np.abs(ratio - 1).max())


@pytest.mark.thorough(after=1)
@BOTH
@pytest.mark.parametrize("objective", ["clip", "kl"])
def test_the_ratio_is_one_before_the_first_gradient_update(environment, objective):
    state, steps = played(small_ppo(objective=objective), environment)
    # A matrix product with another batch size may round differently, by a few units in the last place of ln π.
    assert _largest_ratio_error(state, steps, steps.action) < 1e-5


def test_the_detector_of_the_ratio_catches_a_stored_action_that_was_clipped():
    state, steps = played(small_ppo(), ENVIRONMENTS["continuous"])
    assert _largest_ratio_error(state, steps, np.clip(steps.action, -1, 1)) > 0.1


def test_the_stored_action_is_the_unclipped_one_and_the_environment_gets_it_clipped_and_stretched():
    environment = ENVIRONMENTS["continuous"]
    _, steps = played(small_ppo(), environment)
    action = np.asarray(steps.action)
    assert stats.kstest(action.ravel(), stats.norm(0, 1).cdf).pvalue > 1e-6  # initially N(≈0, 1), whatever the bounds
    assert (np.abs(action) > 1).mean() > 0.2
    received = np.asarray(steps.next_observation)  # the observation of an Echo is the action
    np.testing.assert_allclose(received, to_environment(environment.action_space, action), rtol=1e-6)
    assert received.min() == -2
    assert received.max() == 6


def _advantages(reward, value, following, terminated, truncated, discount, decay):
    result, later = np.zeros_like(reward), np.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        error = reward[t] + discount * (1 - terminated[t]) * following[t] - value[t]
        result[t] = later = error + discount * decay * (1 - (terminated[t] | truncated[t])) * later
    return result


@jax.jit
def _forward(weights, x):
    return jnp.tanh(x @ weights[0] + weights[1][None]) @ weights[2] + weights[3][None]


def _features(observation):
    return np.eye(4, dtype=np.float32)[observation.ravel()] if observation.ndim == 2 else observation.reshape(-1, 1)


@jax.jit
def _log_density(output, log_deviation, action):
    if log_deviation is None:
        return (output - jax.scipy.special.logsumexp(output, 1, keepdims=True))[jnp.arange(len(action)), action]
    return jax.scipy.stats.norm.logpdf(action[:, 0], output[:, 0], jnp.exp(log_deviation[0]))


def _entropy(output, log_deviation):
    if log_deviation is None:
        probability = jax.nn.softmax(output)
        return -(probability * jnp.log(probability)).sum(1).mean()
    return log_deviation[0] + 0.5 * math.log(2 * math.pi * math.e)


@pytest.mark.thorough(after=1)
@BOTH
def test_one_update_is_the_papers_loss_under_adam_computed_independently(environment):
    algorithm = small_ppo(epochs=1, minibatches=1, entropy_bonus=0.01, trace_decay=0.8, max_gradient_norm=0.1)
    state, steps = played(algorithm, environment)
    assert np.asarray(steps.truncated).any()
    after, metrics = _UPDATE(algorithm, state, steps)

    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(state.policy)]
    actor, critic, deviation = leaves[:4], leaves[4:8], (leaves[8] if len(leaves) > 8 else None)
    seen, following = (_features(np.asarray(x)) for x in (steps.observation, steps.next_observation))
    shape = steps.reward.shape
    value, next_value = (np.asarray(_forward(critic, x)).reshape(shape) for x in (seen, following))
    ends = np.asarray(steps.terminated), np.asarray(steps.truncated)
    advantage = _advantages(np.asarray(steps.reward), value, next_value, *ends, 0.9, 0.8).ravel()
    target = advantage + value.ravel()
    normal = (advantage - advantage.mean()) / advantage.std()
    action = np.asarray(steps.action).reshape(len(seen), -1)
    action = action[:, 0] if deviation is None else action
    old = _log_density(_forward(actor, seen), deviation, action)

    def loss(weights):
        actor, critic, deviation = weights
        output = _forward(actor, seen)
        ratio = jnp.exp(_log_density(output, deviation, action) - old)
        surrogate = jnp.minimum(ratio * normal, jnp.clip(ratio, 0.8, 1.2) * normal).mean()
        error = ((target - _forward(critic, seen)[:, 0]) ** 2).mean()
        return -(surrogate - 0.5 * error + 0.01 * _entropy(output, deviation)), error

    weights = (actor, critic, deviation)
    gradient, error = jax.tree.map(np.asarray, jax.jit(jax.grad(loss, has_aux=True))(weights))
    length = np.sqrt(sum(float((g**2).sum()) for g in jax.tree.leaves(gradient)))
    assert length > 0.1  # so clipping has an effect
    gradient = jax.tree.map(lambda g: g * np.float32(0.1 / length), gradient)
    adam = optax.adam(0.01)
    expected = jax.jit(lambda w, g: optax.apply_updates(w, adam.update(g, adam.init(w))[0]))(weights, gradient)
    # Adam's first step is ± its step size unless the gradient is tiny, so only other weights are compared.
    for new, wanted, slope in zip(*map(jax.tree.leaves, (after.policy, expected, gradient)), strict=True):
        clear = np.abs(slope) > 1e-5
        np.testing.assert_allclose(np.asarray(new)[clear], np.asarray(wanted)[clear], rtol=1e-3, atol=2e-5)
    assert float(metrics["value_loss"]) == pytest.approx(float(error), rel=1e-3)
    assert float(metrics["kl"]) == pytest.approx(0, abs=1e-5)
    assert float(metrics["clipped"]) == 0


def test_the_loss_of_a_minibatch_worked_by_hand():
    # Two actions with scores (0, 0): π = ½. Old ln π such that the ratios are 2 and ½; advantages ±1 normalised.
    algorithm = small_ppo(entropy_bonus=0.1)
    state, _ = played(algorithm, cycle())
    network = jax.tree.map(np.zeros_like, state.policy)
    numbers = np.float32([[0.25, 1.0], [3.0, 1.0], [2.0, -4.0]])
    batch = Sample(Sequence((), np.arange(2), None), np.arange(2), np.log(numbers[0]), numbers[1], numbers[2])
    loss, metrics = jax.jit(algorithm.loss)(network, batch)
    # min(2, 1.2)·1 = 1.2 and min(½·-1, 0.8·-1) = -0.8; V = 0: (4 + 16) / 2 = 10; H = ln 2.
    assert float(metrics["policy_loss"]) == pytest.approx(-0.2, rel=1e-4)
    assert float(metrics["value_loss"]) == pytest.approx(10)
    assert float(metrics["entropy"]) == pytest.approx(math.log(2), rel=1e-5)
    assert float(metrics["clipped"]) == 1
    assert float(metrics["kl"]) == pytest.approx((2 - 1 - math.log(2) + 0.5 - 1 + math.log(2)) / 2, rel=1e-4)
    assert float(loss) == pytest.approx(-0.2 + 5 - 0.1 * math.log(2), rel=1e-4)


_DIVERGENCE = jax.jit(lambda one, other: one.divergence(other).mean())


@jax.jit
def _distribution_of(policy, seen, action):
    """The distribution of actions, and the log-probabilities of the played ones."""
    distribution = policy.distribution(seen)
    return distribution, distribution.log_probability(action)


def _penalised_by_hand(old, policy, seen, action, advantage, old_log_probability, penalty):
    """The gradient of -E[ratio advantage] + penalty E[KL(old, policy)] by the actor's weights, in closed form.

    The derivative of the divergence is p - p_old by the scores of a softmax; for a normal distribution it is
    (m - m_old)/s² by the mean and 1 - (s_old² + (m_old - m)²)/s² by ln s.
    """
    slopes = score(policy, seen, action)
    output, output_old = (np.float64(seen) @ np.float64(each.actor.weight) for each in (policy, old))
    if policy.log_deviation is None:
        log_probability = special.log_softmax(output, -1)[np.arange(len(seen)), action]
        divergence = {"actor": special.softmax(output, -1) - special.softmax(output_old, -1)}
    else:
        deviation, deviation_old = (np.exp(np.float64(each.log_deviation)) for each in (policy, old))
        log_probability = stats.norm.logpdf(action, output, deviation).sum(-1)
        apart = output - output_old
        divergence = {"actor": apart / deviation**2}
        divergence["log_deviation"] = 1 - (deviation_old**2 + apart**2) / deviation**2
    divergence["actor"] = seen[:, :, None] * divergence["actor"][:, None]
    weight = -np.exp(log_probability - old_log_probability) * (advantage - advantage.mean()) / advantage.std()
    return {
        name: np.tensordot(weight, slope, 1) / len(seen) + penalty * divergence[name].mean(0)
        for name, slope in slopes.items()
    }


@pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
@pytest.mark.parametrize("penalty", [0.0, 0.5, 3.0])
def test_the_gradient_with_the_penalty_is_the_one_written_down(continuous, penalty):
    algorithm, random = small_ppo(objective="kl"), np.random.default_rng(4)
    old, policy = (linear_policy(seed, 3, 2, continuous=continuous) for seed in (1, 2))
    seen = random.normal(size=(30, 3)).astype(np.float32)
    action = random.normal(size=(30, 2)).astype(np.float32) if continuous else random.integers(2, size=30)
    advantage, target = random.normal(size=(2, 30)).astype(np.float32)
    played, before = _distribution_of(old, seen, action)
    batch = Sample(Sequence((), seen, None), action, before, advantage, target, played)
    gradient, metrics = jax.jit(algorithm.gradient)(policy, batch, jnp.float32(penalty))
    there = old, policy, seen, action, advantage, np.float64(before)
    for name, expected in _penalised_by_hand(*there, penalty).items():
        np.testing.assert_allclose(gradient_of(gradient, name), expected, rtol=2e-3, atol=1e-3)
        # Broken twins: twice the penalty, and the divergence with its arguments exchanged.
        if penalty:
            assert not np.allclose(
                gradient_of(gradient, name), _penalised_by_hand(*there, 2 * penalty)[name], rtol=0.01
            )
    new, _ = _distribution_of(policy, seen, action)
    assert float(metrics["kl"]) == pytest.approx(float(_DIVERGENCE(played, new)), rel=1e-4)
    assert float(metrics["kl"]) != pytest.approx(float(_DIVERGENCE(new, played)), rel=0.01)


@pytest.mark.thorough(after=1)
@BOTH
def test_what_the_penalty_measures_from_is_the_policy_that_played(environment):
    algorithm = small_ppo(objective="kl")
    state, steps = played(algorithm, environment)
    samples, _ = jax.jit(algorithm.samples)(state.policy, steps)
    divergence = jax.jit(
        lambda policy: samples.distribution.divergence(policy.distribution(samples.sequence.observation)).mean()
    )
    assert float(divergence(state.policy)) < 1e-9
    after, metrics = _UPDATE(algorithm, state, steps)
    moved = float(divergence(after.policy))
    assert float(metrics["kl"]) == pytest.approx(moved, rel=1e-3)
    assert moved > 1e-5


@pytest.mark.thorough(after=1)
@BOTH
@pytest.mark.parametrize(("share", "factor"), [(0.1, 2.0), (0.6, 2.0), (0.7, 1.0), (1.0, 1.0), (1.4, 1.0), (1.6, 0.5)])
def test_the_penalty_is_adapted_by_how_far_a_block_has_moved_the_policy(environment, share, factor):
    # `share` is the target as a fraction of the divergence of an update.
    algorithm = small_ppo(objective="kl", kl_penalty=3.0)
    state, steps = played(algorithm, environment)
    moved = _UPDATE(algorithm, state, steps)[1]["kl"]
    aimed = dataclasses.replace(algorithm, kl_target=float(moved) * share)
    after, metrics = _UPDATE(aimed, state, steps)
    assert float(metrics["penalty"]) == 3.0  # the penalty used in this update
    assert float(after.penalty) == 3.0 * factor


def test_a_higher_penalty_holds_the_policy_back():
    algorithm = small_ppo(objective="kl", epochs=30)
    state, steps = played(algorithm, ENVIRONMENTS["continuous"])
    states = [State(state.policy, state.optimizer, jnp.float32(penalty)) for penalty in (0.0, 10.0, 1000.0)]
    moved = [float(_UPDATE(algorithm, each, steps)[1]["kl"]) for each in states]
    assert moved[0] > 2 * moved[1] > 4 * moved[2]


def test_with_clipping_there_is_no_penalty_in_the_state():
    state, steps = played(small_ppo(), cycle())
    after, metrics = _UPDATE(small_ppo(), state, steps)
    assert after.penalty is None
    assert float(metrics["penalty"]) == 0.0


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"objective": "kl", "kl_target": 0.0}, "kl_target = 0.0 is not allowed: must be above 0"),
        ({"objective": "kl", "kl_target": -0.01}, "kl_target = -0.01 is not allowed: must be above 0"),
        ({"kl_target": 0.02}, "kl_target = 0.02 is not allowed: must be 0.01 without objective=kl"),
        ({"kl_penalty": 2.0}, "kl_penalty = 2.0 is not allowed: must be 1.0 without objective=kl"),
        ({"objective": "kl", "clip": 0.1}, "clip = 0.1 is not allowed: must be 0.2 without objective=clip"),
        ({"objective": "both"}, "objective = 'both' is not allowed: must be one of clip, kl"),
    ],
)
def test_options_of_the_other_objective_are_refused(settings, line):
    with pytest.raises(InputError) as caught:
        PPO(**settings)
    assert line in str(caught.value)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_minibatches_are_cut_from_a_permutation(size):
    order = np.asarray(jax.jit(shuffled, static_argnums=1)(jax.random.key(size), size))
    assert sorted(order.tolist()) == list(range(size))


def test_every_order_is_as_likely():
    orders = jax.jit(jax.vmap(lambda key: shuffled(key, 4)))(jax.random.split(jax.random.key(0), 24_000))
    _, counts = np.unique(np.asarray(orders), axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-6


_CHANGE = jax.jit(lambda algorithm, gradient, state: algorithm.optimizer().update(gradient, state)[0])


@pytest.mark.parametrize(("updates", "share"), [(0, 1.0), (250, 0.55), (500, 0.1), (9999, 0.1)])
def test_the_step_size_falls_over_the_environments_steps(updates, share):
    # 4 gradient updates per 64 steps: 8000 steps are 500 updates.
    algorithm = small_ppo(learning_rate_end=0.1, decay_steps=8000.0, max_gradient_norm=1e9)
    one = np.float32(1)
    state = jax.jit(algorithm.optimizer().init)(one)
    state = jax.tree.map(lambda x: np.full_like(x, updates) if x.dtype == np.int32 else np.asarray(x), state)
    change = _CHANGE(algorithm, one, state)
    first = _CHANGE(algorithm, one, jax.tree.map(np.copy, state))
    reference = _CHANGE(small_ppo(max_gradient_norm=1e9), one, state)
    assert float(change / reference) == pytest.approx(share, rel=1e-4)
    assert float(first) == float(change)


def test_settings_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"ppo: minibatches = 3 is not allowed: must divide .* = 64"):
        small_ppo(minibatches=3).check()
    reason = PPO().refuse(Spaces(spaces.Discrete(2), spaces.Dict({"a": spaces.Discrete(2)})))
    assert reason == "it needs Discrete, MultiDiscrete, MultiBinary or Box actions"
    reason = PPO().refuse(Spaces(spaces.MultiBinary(2), spaces.Discrete(2)))
    assert reason == "it needs Box, Discrete or MultiDiscrete observations"
