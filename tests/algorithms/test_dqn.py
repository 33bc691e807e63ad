"""DQN: its clock, its target, its gradient and its memory."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gymnasium import spaces
from scipy import stats
from toys import Counter, equal_bits, new_arrays, small_dqn, table

from zerone.algorithms import dqn
from zerone.algorithms.dqn import DQN, Policy, Transition
from zerone.algorithms.protocol import Steps
from zerone.base.errors import InputError
from zerone.base.pytree import struct
from zerone.engines.compiled import Compiled, _advance
from zerone.environments.wrappers import TimeLimit
from zerone.parts.spaces import Spaces

SPACES = Spaces(spaces.Box(-1.0, 1.0, (3,), np.float32), spaces.Discrete(2))
INIT = jax.jit(lambda algorithm, key: algorithm.init(key, SPACES))
UPDATE = jax.jit(lambda algorithm, state, steps, key: algorithm.update(state, steps, key))


def block(index, algorithm):
    """A block of made-up steps, another for each index."""
    random = np.random.default_rng(index)
    shape = algorithm.steps_per_update, algorithm.environments
    seen, following = random.uniform(-1, 1, (2, *shape, 3)).astype(np.float32)
    return Steps(
        seen, random.integers(2, size=shape, dtype=np.int32), random.normal(size=shape).astype(np.float32), following,
        random.random(shape) < 0.3, random.random(shape) < 0.3, (),
    )  # fmt: skip


def learning(algorithm, blocks):
    """The states before and after each block."""
    states = [INIT(algorithm, jax.random.key(0))]
    for index in range(blocks):
        states.append(UPDATE(algorithm, states[-1], block(index, algorithm), jax.random.key(index))[0])
    return states


def test_the_target_moves_exactly_at_multiples_of_its_period_in_gradient_updates_and_then_equals_the_online_one():
    algorithm = small_dqn()  # period 5, one gradient update a block, warm-up 32 steps: 8 blocks of 4
    states = learning(algorithm, 20)
    for before, after in itertools.pairwise(states):
        learned = int(after.updates) - int(before.updates)
        due = learned == 1 and int(after.updates) % 5 == 0
        assert equal_bits(before.target, after.target) is not due
        assert equal_bits(after.target, after.policy.network) is (due or learned == int(after.updates) == 0)
    assert int(states[-1].updates) == 13


def test_a_soft_target_moves_by_its_step():
    algorithm = small_dqn(target_step=0.25)
    for before, after in itertools.pairwise(learning(algorithm, 14)):
        networks = before.target, after.target, after.policy.network
        share = 0.25 * (int(after.updates) > int(before.updates) and int(after.updates) % 5 == 0)
        for old, new, online in zip(*map(jax.tree.leaves, networks), strict=True):
            np.testing.assert_allclose(new, (1 - share) * old + share * online, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("warmup", "first"), [(32, 8), (33, 9), (0, 1), (5, 2)])
def test_while_warming_up_nothing_is_learned_but_everything_remembered(warmup, first):
    algorithm = small_dqn(warmup=warmup)
    states = learning(algorithm, first)
    for state in states[:first]:
        assert equal_bits(state.policy.network, states[0].policy.network)
        assert equal_bits(state.optimizer, states[0].optimizer)
    assert not equal_bits(states[first].policy.network, states[0].policy.network)
    assert int(states[first].memory.size) == 4 * first
    assert algorithm.warmup_updates == first - 1


def test_epsilon_falls_with_the_environments_steps_and_does_not_start_again():
    # Episodes of 1 step: a schedule that restarts with each would never fall.
    environment = table([0], [1], [1])
    algorithm = small_dqn(environments=2)  # 8 steps an iteration
    engine = Compiled(algorithm, environment)
    carry, found = engine.init(0), []
    for i in range(0, 40, 10):
        (carry,) = engine.advance([carry], [0], [i], i + 10)
        assert int(carry.state.policy.steps) == 8 * (i + 10)
        found.append(float(algorithm.epsilon(carry.state.policy.steps)))
    engine.close()
    expected = [max(0.05, 1 - 0.95 * steps / 200) for steps in (80, 160, 240, 320)]
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("steps", "epsilon"), [(0, 1.0), (100, 0.525), (200, 0.05), (10**6, 0.05)])
def test_acting_explores_with_the_epsilon_of_the_steps_lived(steps, epsilon):
    algorithm, number = small_dqn(), 20_000
    network = INIT(algorithm, jax.random.key(0)).policy.network
    policy = Policy(network, jnp.int32(steps))
    seen = jnp.ones((number, 3))
    act = jax.jit(lambda noise: algorithm.act(policy, seen, noise)[0])
    action = act(algorithm.noise(policy, jax.random.key(1), (number,)))
    best, _ = algorithm.act(policy, seen)
    greedy = int((action == best).sum())
    assert stats.binomtest(greedy, number, 1 - epsilon + epsilon / 2).pvalue > 1e-6


@struct
class LinearQ:
    """Q(s, ·) = s W."""

    weight: jax.Array

    def __call__(self, x):
        return x @ self.weight


def _batch(seed, number=12):
    random = np.random.default_rng(seed)
    seen, following = random.normal(size=(2, number, 3)).astype(np.float32)
    reward = 3 * random.normal(size=number).astype(np.float32)
    return Transition(seen, random.integers(2, size=number), reward, following, random.random(number) < 0.4)


def _semi_gradient(online, target, batch, algorithm):
    """-E[δ x] in the action's column, δ = r + discount (1 - terminated) max_a x' W⁻ - x W, clipped for huber."""
    after = batch.next_observation @ target
    chosen = (batch.next_observation @ online).argmax(1) if algorithm.double else after.argmax(1)
    rows = np.arange(len(after))
    bootstrap = np.where(batch.terminated, 0, after[rows, chosen])
    error = batch.reward + algorithm.discount * bootstrap - (batch.observation @ online)[rows, batch.action]
    error = np.clip(error, -1, 1) if algorithm.loss == "huber" else error
    gradient = np.zeros_like(online)
    for row, action in enumerate(batch.action):
        gradient[:, action] -= error[row] * batch.observation[row] / len(rows)
    return gradient


def _gradient_fits(algorithm, shared):
    """Whether autodiff finds the semi-gradient; with `shared` the target is the online network itself."""
    batch, random = _batch(1), np.random.default_rng(2)
    online, target = random.normal(size=(2, 3, 2)).astype(np.float32)
    target = online if shared else target
    net, other = LinearQ(jnp.array(online)), LinearQ(jnp.array(target))
    found = jax.grad(lambda n: algorithm.cost(n, n if shared else other, jax.tree.map(jnp.asarray, batch))[0])(net)
    return np.allclose(found.weight, _semi_gradient(online, target, batch, algorithm), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["squared", "huber"])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_the_gradient_is_the_analytic_semi_gradient(loss, double, shared):
    assert _gradient_fits(small_dqn(loss=loss, double=double), shared)


def test_the_detector_of_the_gradient_catches_a_target_that_is_not_held_constant(monkeypatch):
    def not_held(reward, terminated, discount, next_value):
        return reward + discount * jnp.where(terminated, 0.0, next_value)

    monkeypatch.setattr(dqn, "one_step_target", not_held)
    assert not _gradient_fits(small_dqn(), shared=True)


def test_one_update_is_adam_on_the_clipped_semi_gradient():
    # Independent: a plain function of the weights, and optax as its documentation has it.
    algorithm = small_dqn(warmup=0, max_gradient_norm=0.1)
    before = INIT(algorithm, jax.random.key(0))
    after, metrics = UPDATE(algorithm, before, block(3, algorithm), jax.random.key(9))
    slots = np.asarray(algorithm.replay.sample(after.memory, jax.random.key(9), (1, 16)))[0]
    seen, action, reward, following, terminated = (
        np.asarray(leaf)[slots] for leaf in jax.tree.leaves(after.memory.data)
    )
    weights = [np.asarray(leaf) for leaf in jax.tree.leaves(before.policy.network)]

    def values(weights, x):
        return jnp.maximum(x @ weights[0] + weights[1][None], 0) @ weights[2] + weights[3][None]

    def cost(weights):
        target = reward + 0.9 * (1 - terminated) * values(before_weights, following).max(1)
        return 0.5 * jnp.mean((target - values(weights, seen)[jnp.arange(16), action]) ** 2)

    before_weights = [jnp.asarray(w) for w in weights]
    gradient = jax.jit(jax.grad(cost))(before_weights)
    length = np.sqrt(sum(float((g**2).sum()) for g in gradient))
    assert length > 0.1  # so the clipping is seen
    gradient = [g * 0.1 / length for g in gradient]
    adam = optax.adam(0.01)
    change = jax.jit(lambda g, w: adam.update(g, adam.init(w))[0])(gradient, before_weights)
    for new, old, step in zip(jax.tree.leaves(after.policy.network), before_weights, change, strict=True):
        np.testing.assert_allclose(new, old + step, rtol=1e-4, atol=1e-5)
    assert float(metrics["cost"]) == pytest.approx(float(cost(before_weights)), rel=1e-4)


def test_what_is_remembered_is_what_was_lived_and_a_cut_is_no_end():
    engine = Compiled(small_dqn(), TimeLimit(Counter(), 3))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 50)
    data = jax.tree.map(np.asarray, carry.state.memory.data)
    size = int(carry.state.memory.size)
    engine.close()
    np.testing.assert_array_equal(data.next_observation[:size], data.observation[:size] + 1)
    steps_of_episode = data.observation[:size, 0].astype(int) % 100
    assert steps_of_episode.max() == 2
    ended = np.flatnonzero(data.terminated[:size])
    # An episode of 4 or 5 steps was cut after 3: its third step is no end; one of 3 both ends and is cut.
    thirds = data.terminated[:size][steps_of_episode == 2]
    assert 0 < thirds.sum() < len(thirds)
    assert len(ended) > 10


def test_the_compiled_training_never_copies_the_memory():
    algorithm = small_dqn(memory=123_457, steps_per_update=8)
    environment = TimeLimit(Counter(), 3)
    carry = Compiled(algorithm, environment).saved_example()
    number = jax.ShapeDtypeStruct((), jnp.int32)
    seed = jax.ShapeDtypeStruct((), jnp.uint32)
    program = _advance.lower(algorithm, environment, carry, seed, number, number).compile()
    assert new_arrays(program, 123_457) == 0


def test_settings_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"dqn: batch = 128 is not allowed: must be at most memory = 100"):
        DQN(memory=100).check()
    with pytest.raises(InputError, match=r"steps_per_update . environments = 300"):
        DQN(memory=200, steps_per_update=100, environments=3).check()
    box = spaces.Box(-1.0, 1.0, (2,))
    assert DQN().refuse(Spaces(box, box)) == "it needs Discrete actions"
    reason = DQN().refuse(Spaces(spaces.MultiBinary(2), spaces.Discrete(2)))
    assert reason == "it needs Box, Discrete or MultiDiscrete observations"
