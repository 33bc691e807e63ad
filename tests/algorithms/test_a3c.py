"""A3C: workers with stale copies, compared with a NumPy loop; with one worker, compared with actor-critic."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import actor_critic_gradient, block, gradient_of, linear_policy
from toys import equal_bits, part_of, small_a3c, small_actor_critic

from zerone.algorithms import actor_critic
from zerone.algorithms.a3c import A3C, State
from zerone.base.errors import InputError

BOTH = pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
UPDATE = jax.jit(lambda algorithm, state, steps: algorithm.update(state, steps, jax.random.key(0)))
RATES = {"actor": 0.02, "log_deviation": 0.02, "critic": 0.05}


def _begun(algorithm, policy):
    """A state with these networks, before the first push."""
    pulled = jnp.zeros(algorithm.workers, jnp.int32)
    return State(algorithm.pulled(policy), algorithm.rule().init(policy), pulled)


def test_one_worker_is_synchronous_actor_critic_bit_for_bit():
    synchronous, policy = small_actor_critic(optimizer="rmsprop"), linear_policy(1, 3, 2, continuous=True)
    one, two = small_a3c(workers=1), small_a3c(workers=2)
    alone = actor_critic.State(policy, synchronous.rule().init(policy))
    single, double = _begun(one, policy), _begun(two, policy)
    for seed in range(5):
        steps = block(seed, 4, 4, continuous=True)
        alone, measured = UPDATE(synchronous, alone, steps)
        single, metrics = UPDATE(one, single, steps)
        double, _ = UPDATE(two, double, steps)
    assert equal_bits((single.policy.shared, single.optimizer), (alone.policy, alone.optimizer))
    assert equal_bits(single.policy.shared, jax.tree.map(lambda x: x[0], single.policy.copies))
    assert equal_bits(metrics, {**measured, "staleness": jnp.float32(0)})
    assert not equal_bits(double.policy.shared, alone.policy)


class Shared:
    """The networks' weights and RMSProp's mean squares of their gradients (equations of section 4), in float64."""

    def __init__(self, policy, names):
        self.weights = {name: np.float64(gradient_of(policy, name)) for name in names}
        self.square = {name: np.zeros_like(weight) for name, weight in self.weights.items()}

    def push(self, gradient, longest):
        parts = [[name for name in gradient if (name == "critic") == critic] for critic in (True, False)]
        for names in parts:
            length = np.sqrt(sum((gradient[name] ** 2).sum() for name in names))
            for name in names:
                step = gradient[name] * min(1, longest / length)
                self.square[name] = 0.9 * self.square[name] + 0.1 * step**2
                moved = self.weights[name] - RATES[name] * step / np.sqrt(self.square[name] + 1e-5)
                self.weights = self.weights | {name: moved}  # new: others keep the old weights

    def networks(self, policy, weights):
        parts = {
            name: weight if name == "log_deviation" else dataclasses.replace(getattr(policy, name), weight=weight)
            for name, weight in weights.items()
        }
        return dataclasses.replace(policy, **parts)


def _by_hand(policy, blocks, workers, bonus, *, stale=True, shared_squares=True, pull_first=False):
    """Let the workers push in turn; the networks after each block, and the workers' copies at the end.

    The flags give common faulty variants: gradients of the newest networks, mean squares per worker, and copies
    that are pulled before the push.
    """
    names = ["actor", "critic", *(["log_deviation"] if policy.log_deviation is not None else [])]
    shared = Shared(policy, names)
    copies, squares, history = [shared.weights] * workers, [shared.square] * workers, []
    for steps in blocks:
        for k in range(workers):
            mine = part_of(steps, k, workers)
            copy = shared.networks(policy, copies[k] if stale else shared.weights)
            gradient = actor_critic_gradient(copy, mine, 0.9, bonus)
            pulled = shared.weights
            if not shared_squares:
                shared.square = squares[k]
            shared.push(gradient, 0.7)
            squares[k] = dict(shared.square)
            copies[k] = pulled if pull_first else shared.weights
        history.append(shared.weights)
    return history, copies


def _ours(policy, blocks, workers, bonus):
    algorithm = small_a3c(
        workers=workers, environments=6, learning_rate=RATES["actor"], critic_learning_rate=RATES["critic"],
        rmsprop_decay=0.9, entropy_bonus=bonus, max_gradient_norm=0.7,
    )  # fmt: skip
    state, history = _begun(algorithm, policy), []
    for steps in blocks:
        state, metrics = UPDATE(algorithm, state, steps)
        history.append((state, metrics))
    return history


def _agree(policy, expected):
    return all(
        np.allclose(gradient_of(policy, name), weight, rtol=1e-3, atol=1e-4) for name, weight in expected.items()
    )


@pytest.mark.thorough(after=2)
@BOTH
@pytest.mark.parametrize("workers", [2, 3])
def test_workers_take_turns_with_stale_copies_as_in_a_loop_written_down(continuous, workers):
    policy = linear_policy(1, 3, 2, continuous=continuous)
    blocks = [block(seed, 4, 6, continuous=continuous) for seed in range(4)]
    found = _ours(policy, blocks, workers, 0.01)
    loop = functools.partial(_by_hand, policy, blocks, workers, 0.01)
    expected, copies = loop()
    for (state, _), weights in zip(found, expected, strict=True):
        assert _agree(state.policy.shared, weights)
    last = found[-1][0].policy
    for k, weights in enumerate(copies):
        assert _agree(jax.tree.map(lambda x, k=k: x[k], last.copies), weights)
    for twin in ({"stale": False}, {"shared_squares": False}, {"pull_first": True}):
        assert not _agree(last.shared, loop(**twin)[0][-1]), twin


def test_the_shared_rmsprop_with_numbers_worked_by_hand():
    # Two pushes, gradients 1 and -2; m = ½ · 0 + ½ · 1 = 0.5, then ½ · 0.5 + ½ · 4 = 2.25.
    # Steps: -0.1 · 1/√(0.5 + 1e-5) = -0.14142, then 0.1 · 2/√(2.25 + 1e-5) = 0.13333.
    algorithm = small_a3c(learning_rate=0.1, rmsprop_decay=0.5, max_gradient_norm=1e9)
    policy = linear_policy(0, 1, 1, continuous=False)
    state = actor_critic.State(policy, algorithm.rule().init(policy))
    at, begun = [float(policy.actor.weight[0, 0])], policy
    for gradient in (1.0, -2.0):
        state = jax.jit(algorithm.apply)(state, jax.tree.map(lambda x, g=gradient: jnp.full_like(x, g), begun))
        at.append(float(state.policy.actor.weight[0, 0]))
    np.testing.assert_allclose(np.diff(at), [-0.141420, 0.133333], rtol=1e-4)


def test_staleness_is_the_number_of_pushes_of_others_since_the_pull():
    policy = linear_policy(1, 3, 2, continuous=False)
    found = _ours(policy, [block(0, 4, 6, continuous=False)] * 3, 3, 0.0)
    # At first, all workers pulled before any push, so their copies are 0, 1 and 2 pushes old.
    assert [float(metrics["staleness"]) for _, metrics in found] == [1.0, 2.0, 2.0]
    np.testing.assert_array_equal(found[-1][0].pulled, [7, 8, 9])
    alone = _ours(policy, [block(0, 4, 6, continuous=False)] * 2, 1, 0.0)
    assert [float(metrics["staleness"]) for _, metrics in alone] == [0.0, 0.0]


@BOTH
def test_each_worker_plays_with_its_own_copy_and_greedy_play_is_that_of_the_shared_networks(continuous):
    algorithm = small_a3c(workers=3, environments=6)
    ours = [linear_policy(seed, 4, 3, continuous=continuous) for seed in range(4)]
    copies = jax.tree.map(lambda *leaves: jnp.stack(leaves), *ours[1:])
    policy = dataclasses.replace(algorithm.pulled(ours[0]), copies=copies)
    seen = jax.random.normal(jax.random.key(0), (6, 4))
    noise = algorithm.noise(policy, jax.random.key(1), (6,))
    act = jax.jit(lambda network, seen, noise=None: network.act((), seen, noise)[0])
    action, *_ = jax.jit(algorithm.act)(policy, (), seen, noise)
    for k, copy in enumerate(ours[1:]):
        mine = slice(2 * k, 2 * k + 2)
        np.testing.assert_allclose(action[mine], act(copy, seen[mine], noise[mine]), rtol=1e-5, atol=1e-6)
    assert not np.allclose(action, act(ours[0], seen, noise))
    greedy, *_ = jax.jit(algorithm.act)(policy, (), seen[:5])  # any number of observations, not one per worker
    np.testing.assert_array_equal(greedy, act(ours[0], seen[:5]))


def test_step_sizes_fall_with_the_steps_of_all_workers():
    # 2 environments × 4 steps a push: 20 pushes are 160 steps.
    algorithm = small_a3c(environments=4, decay_steps=160.0, learning_rate_end=0.0, rmsprop_decay=0.5)
    policy = linear_policy(1, 3, 2, continuous=False)
    state = actor_critic.State(policy, algorithm.rule().init(policy))
    moving = []
    for _ in range(22):
        after = jax.jit(algorithm.apply)(state, jax.tree.map(jnp.ones_like, policy))
        moving.append(not equal_bits(after.policy, state.policy))
        state = after
    assert moving == [True] * 20 + [False] * 2


def test_what_one_worker_is():
    whole = A3C(workers=4, environments=8, discount=0.5, hidden=(7,), rmsprop_decay=0.3)
    alone = whole.alone()
    assert type(alone) is actor_critic.ActorCritic
    assert alone.environments == 2
    assert (alone.optimizer, alone.discount, alone.hidden, alone.rmsprop_decay) == ("rmsprop", 0.5, (7,), 0.3)


def test_one_environment_each_unless_told_otherwise():
    assert A3C().environments == A3C().workers == 8
    assert A3C(workers=16).environments == 16
    assert A3C(workers=4, environments=12).environments == 12


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"workers": 0}, "A3C: workers = 0 is not allowed: must be at least 1 and at most 256"),
        ({"workers": 257}, "A3C: workers = 257 is not allowed: must be at least 1 and at most 256"),
        ({"workers": 3, "environments": 8}, "a3c: workers = 3 is not allowed: must divide environments = 8"),
        ({"workers": 8, "environments": 4}, "a3c: workers = 8 is not allowed: must divide environments = 4"),
        ({"environments": -1}, "A3C: environments = -1 is not allowed: must be at least 0"),
        ({"rmsprop_decay": 0.5, "optimizer": "adam"}, "must be 0.99 without optimizer=rmsprop"),
    ],
)
def test_workers_that_cannot_be_are_refused(settings, line):
    with pytest.raises(InputError) as caught:
        A3C(**settings).check()
    assert line in str(caught.value)
