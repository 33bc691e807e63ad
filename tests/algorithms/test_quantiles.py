"""QR-DQN: the quantile loss, its limit, combinations with other options, and that actions follow the means."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gymnasium import spaces
from scipy import stats
from toys import all_ended_and_all_cut, graph, optimal_values, small_dqn

from zerone.algorithms import dqn
from zerone.algorithms.dqn import DQN
from zerone.algorithms.off_policy import Transition
from zerone.algorithms.protocol import Steps
from zerone.base.errors import InputError
from zerone.engines.compiled import Compiled
from zerone.environments.spaces import Spaces
from zerone.parts.layers import Dueling
from zerone.parts.quantiles import Quantiles, quantile_loss

SPACES = Spaces(spaces.Box(-1.0, 1.0, (3,), np.float32), spaces.Discrete(4))
QUANTILE = {"distributional": "quantile", "quantiles": 5}
PARTS = {"plain": {}, "every part": {"double": True, "dueling": True, "prioritized": True, "n_steps": 3}}
EACH = pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
ROWS = 6


def _by_hand(quantiles, target):
    """Eq. 10, by two loops."""
    number, loss = len(quantiles), 0.0
    for i, theta in enumerate(quantiles):
        for y in target:
            error = y - theta
            size = 0.5 * error**2 if abs(error) <= 1 else abs(error) - 0.5
            loss += abs((2 * (i + 1) - 1) / (2 * number) - (error < 0)) * size / len(target)
    return loss


def test_the_loss_is_that_of_the_paper():
    random = np.random.default_rng(0)
    quantiles, target = 2 * random.normal(size=(2, 7, 5)).astype(np.float32)
    expected = [_by_hand(*pair) for pair in zip(np.float64(quantiles), np.float64(target), strict=True)]
    np.testing.assert_allclose(jax.jit(quantile_loss)(quantiles, target), expected, rtol=1e-5)


# A known distribution


@dataclasses.dataclass(frozen=True)
class Same:
    """The same quantiles for every state and both actions, with the methods of a network."""

    values: jax.Array

    def step(self, memory, observation):
        return jnp.broadcast_to(self.values[None], (len(observation), self.values.shape[-1])), memory

    def along(self, begun, observation, begins):
        del begins
        return self.step(begun, observation)


jax.tree_util.register_dataclass(Same, ["values"], [])


@jax.jit
def _learnt(algorithm, rewards):
    """The quantiles of both actions found by gradient descent on `cost`; each step takes action 0 and terminates."""
    rule = optax.adam(optax.linear_schedule(1.0, 0.01, 4_000))

    def one(carry, key):
        values, moments = carry
        reward = rewards[jax.random.randint(key, (128,), 0, len(rewards))]
        seen, zero = jnp.zeros((128, 1)), jnp.zeros(128)
        batch = Transition(seen, zero.astype(jnp.int32), reward, seen, zero)

        def cost(values):
            network = Quantiles(Same(values), 5)
            return algorithm.cost(network, network, batch, jnp.ones(128))[0]

        change, moments = rule.update(jax.grad(cost)(values), moments)
        return (optax.apply_updates(values, change), moments), None

    start = jnp.zeros(10)
    (values, _), _ = jax.lax.scan(one, (start, rule.init(start)), jax.random.split(jax.random.key(0), 4_000))
    return values.reshape(2, 5)


def test_it_learns_the_quantiles_of_a_known_distribution():
    # The rewards have a skewed distribution, wide enough that the Huber loss acts like the quantile loss.
    rewards = (50 * stats.gamma(2).ppf((np.arange(2_000) + 0.5) / 2_000)).astype(np.float32)
    found, other = np.asarray(_learnt(small_dqn(**QUANTILE), rewards))
    np.testing.assert_allclose(found, 50 * stats.gamma(2).ppf([0.1, 0.3, 0.5, 0.7, 0.9]), rtol=0.06)
    np.testing.assert_array_equal(other, 0)  # the action that was not taken


def test_the_detector_catches_quantiles_without_their_shares(monkeypatch):
    def mean(quantiles, target):
        return (0.5 * (target[..., None, :] - quantiles[..., :, None]) ** 2).mean(-1).sum(-1) / 50

    monkeypatch.setattr(dqn, "quantile_loss", mean)
    learnt = jax.jit(lambda *given: _learnt.__wrapped__(*given))
    rewards = (50 * stats.gamma(2).ppf((np.arange(2_000) + 0.5) / 2_000)).astype(np.float32)
    found = np.asarray(learnt(small_dqn(**QUANTILE), rewards))[0]
    assert np.ptp(found) < 1.0  # all quantiles are near the mean


# Targets


@EACH
def test_targets_are_the_quantiles_of_the_action_whose_mean_is_best(parts):
    algorithm = small_dqn(**QUANTILE, **parts)
    init = jax.jit(lambda key: algorithm.init(key, SPACES).policy)
    network, target = (init(jax.random.key(seed)).network for seed in (0, 1))
    random = np.random.default_rng(2)
    seen, following = random.normal(size=(2, 40, 3)).astype(np.float32)
    action = random.integers(0, 4, 40).astype(np.int32)
    discount = np.where(random.random(40) < 0.3, 0, 0.9).astype(np.float32)
    batch = Transition(seen, action, random.normal(size=40).astype(np.float32), following, discount)
    found, bootstrap, wanted = jax.jit(algorithm.terms)(network, target, batch)
    raw = [np.asarray(net.network(x)).reshape(40, 4, 5) for net, x in
           ((network, seen), (target, following), (network, following))]  # fmt: skip
    chooses = raw[2] if algorithm.double else raw[1]
    best, rows = chooses.mean(-1).argmax(-1), np.arange(40)
    np.testing.assert_allclose(found, raw[0][rows, action], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bootstrap, raw[1][rows, best], rtol=1e-4, atol=1e-5)
    expected = batch.reward[:, None] + discount[:, None] * raw[1][rows, best]
    np.testing.assert_allclose(wanted, expected, rtol=1e-4, atol=1e-5)
    values = algorithm.values(init(jax.random.key(0)), (), seen)
    np.testing.assert_allclose(values, raw[0].mean(-1), rtol=1e-4, atol=1e-5)


@EACH
def test_an_end_is_not_bootstrapped_and_a_cut_is(parts):
    algorithm = small_dqn(**QUANTILE, **parts, warmup=0, batch=4, hidden=(2,))
    shape, seen = (4, 1), np.zeros((4, 1, 3), np.float32)
    none = np.zeros(shape, bool)
    steps = Steps(seen, np.zeros(shape, np.int32), np.ones(shape, np.float32), seen, none, none, ())
    worth = 4.0

    @jax.jit
    def cost(steps):
        state = algorithm.init(jax.random.key(0), SPACES)
        leaves = jax.tree.map(jnp.zeros_like, state.policy.network)
        head = leaves.network.mlp
        last = head.value if isinstance(head, Dueling) else head.layers[-1]
        network = jax.tree.map(lambda leaf: jnp.full_like(leaf, worth) if leaf is last.bias else leaf, leaves)
        policy = dataclasses.replace(state.policy, network=network)
        return algorithm.update(dataclasses.replace(state, policy=policy, target=network), steps, jax.random.key(1))[1]

    for each, wanted in zip(all_ended_and_all_cut(steps), (1.0, 1.0 + 0.9 * worth), strict=True):
        expected = _by_hand([worth] * 5, [wanted] * 5)
        assert float(cost(each)["cost"]) == pytest.approx(expected, rel=1e-4)


def test_the_means_are_the_optimal_values():
    environment = graph()
    algorithm = small_dqn(
        **QUANTILE, environments=4, epsilon_end=0.5, epsilon_start=1.0, learning_rate=3e-3, target_period=20,
        hidden=(32,), memory=2_000, updates=2,
    )  # fmt: skip
    engine = Compiled(algorithm, environment)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 2_000)
    engine.close()
    values = algorithm.values(carry.state.policy, (), jnp.arange(3))
    np.testing.assert_allclose(values, optimal_values(environment.environment, 0.9)[:3], atol=0.3)


def test_streams_are_put_together_for_each_quantile():
    network = Dueling(jax.random.key(0), 3, (8,), 4 * 5, each=5)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    value, advantage = network.streams(x)
    table = np.asarray(advantage).reshape(6, 4, 5)
    expected = np.asarray(value)[:, None] + table - table.mean(1, keepdims=True)
    np.testing.assert_allclose(network(x), expected.reshape(6, 20), rtol=1e-4, atol=1e-5)


def test_settings_that_would_be_ignored_are_refused():
    with pytest.raises(InputError, match="loss = 'huber' is not allowed: must be 'squared' without distributional=off"):
        DQN(distributional="quantile", loss="huber")
    with pytest.raises(InputError, match="quantiles = 9 is not allowed"):
        DQN(quantiles=9)
