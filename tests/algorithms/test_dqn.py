"""DQN: schedule, targets, gradient and replay memory."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gymnasium import spaces
from scipy import stats
from toys import Counter, all_ended_and_all_cut, copies_of_the_memory, equal_bits, small_dqn, table

from zerone.algorithms import dqn, off_policy
from zerone.algorithms.dqn import DQN, Policy
from zerone.algorithms.off_policy import Transition, n_step_transitions
from zerone.algorithms.ppo import PPO
from zerone.algorithms.protocol import Steps
from zerone.base.errors import InputError
from zerone.engines.compiled import Compiled
from zerone.environments import catalogue
from zerone.environments.gym.leaves import Counts
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit
from zerone.parts.layers import Memoryless
from zerone.parts.replay import Prioritized, gather
from zerone.parts.returns import n_step_return
from zerone.training.agent import Agent

SPACES = Spaces(spaces.Box(-1.0, 1.0, (3,), np.float32), spaces.Discrete(2))
INIT = jax.jit(lambda algorithm, key: algorithm.init(key, SPACES))
UPDATE = jax.jit(lambda algorithm, state, steps, key: algorithm.update(state, steps, key))


@jax.jit
def explored_and_greedy(algorithm, policy, seen, key):
    """Exploring and greedy actions."""
    noise = algorithm.noise(policy, key, (len(seen),))
    return algorithm.act(policy, (), seen, noise)[0], algorithm.act(policy, (), seen)[0]


def block(index, algorithm):
    """A block of random steps, different for each index."""
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


EVERY_PART = {"double": True, "dueling": True, "prioritized": True, "n_steps": 3}


# Target period 5, one gradient update per block of 4 steps. Warm-up of 32 steps, i.e. 8 blocks; n steps need 2 more.
@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("parts", "updates"), [({}, 13), (EVERY_PART, 12)], ids=["plain", "every part"])
def test_the_target_moves_exactly_at_multiples_of_its_period_in_gradient_updates_and_then_equals_the_online_one(
    parts, updates
):
    algorithm = small_dqn(**parts)
    states = learning(algorithm, 20)
    for before, after in itertools.pairwise(states):
        learned = int(after.policy.updates) - int(before.policy.updates)
        due = learned == 1 and int(after.policy.updates) % 5 == 0
        assert equal_bits(before.target, after.target) is not due
        assert equal_bits(after.target, after.policy.network) is (due or learned == int(after.policy.updates) == 0)
    assert int(states[-1].policy.updates) == updates


def test_a_soft_target_moves_by_its_step():
    algorithm = small_dqn(target_step=0.25)
    for before, after in itertools.pairwise(learning(algorithm, 14)):
        networks = before.target, after.target, after.policy.network
        now = int(after.policy.updates)
        share = 0.25 * (now > int(before.policy.updates) and now % 5 == 0)
        for old, new, online in zip(*map(jax.tree.leaves, networks), strict=True):
            np.testing.assert_allclose(new, (1 - share) * old + share * online, rtol=1e-5, atol=1e-7)


@pytest.mark.thorough(after=3)
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
    # Episodes of 1 step: ε would never fall if the schedule restarted with each episode.
    environment = table([0], [1], [1])
    algorithm = small_dqn(environments=2)  # 8 steps per iteration
    engine = Compiled(algorithm, environment)
    carry, found = engine.init(0), []
    for i in range(0, 40, 10):
        (carry,) = engine.advance([carry], [0], [i], i + 10)
        assert int(carry.state.policy.steps) == 8 * (i + 10)
        found.append(float(algorithm.exploration_rate(carry.state.policy)))
    engine.close()
    expected = [max(0.05, 1 - 0.95 * steps / 200) for steps in (80, 160, 240, 320)]
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("steps", "epsilon"), [(0, 1.0), (100, 0.525), (200, 0.05), (10**6, 0.05)])
def test_acting_explores_with_the_epsilon_of_the_steps_lived(steps, epsilon):
    algorithm, number = small_dqn(), 20_000
    network = INIT(algorithm, jax.random.key(0)).policy.network
    policy = Policy(network, np.int32(steps), np.int32(7))
    action, best = explored_and_greedy(algorithm, policy, np.ones((number, 3), np.float32), jax.random.key(1))
    greedy = int((np.asarray(action) == best).sum())
    assert stats.binomtest(greedy, number, 1 - epsilon + epsilon / 2).pvalue > 1e-6


class LinearQ(Memoryless):
    """Q(s, ·) = s W."""

    weight: jax.Array

    def __call__(self, x):
        return x @ self.weight


WEIGHTS = np.linspace(0.2, 1.0, 12, dtype=np.float32)


def _batch(seed, number=12):
    random = np.random.default_rng(seed)
    seen, following = random.normal(size=(2, number, 3)).astype(np.float32)
    reward = 3 * random.normal(size=number).astype(np.float32)
    discount = np.where(random.random(number) < 0.4, 0.0, 0.9 ** random.integers(1, 4, size=number)).astype(np.float32)
    return Transition(seen, random.integers(2, size=number), reward, following, discount)


def _semi_gradient(online, target, batch, algorithm):
    """-E[w δ x] in the action's column, δ = r + discount max_a x' W⁻ - x W, clipped for huber; w is `WEIGHTS`."""
    after = batch.next_observation @ target
    chosen = (batch.next_observation @ online).argmax(1) if algorithm.double else after.argmax(1)
    rows = np.arange(len(after))
    error = batch.reward + batch.discount * after[rows, chosen] - (batch.observation @ online)[rows, batch.action]
    error = WEIGHTS * (np.clip(error, -1, 1) if algorithm.loss == "huber" else error)
    gradient = np.zeros_like(online)
    for row, action in enumerate(batch.action):
        gradient[:, action] -= error[row] * batch.observation[row] / len(rows)
    return gradient


def _gradient_fits(algorithm, shared):
    """Whether autodiff finds the semi-gradient; with `shared` the online network is its own target."""
    batch, random = _batch(1), np.random.default_rng(2)
    online, target = random.normal(size=(2, 3, 2)).astype(np.float32)
    target = online if shared else target

    def cost(net, other, batch, weights):
        return algorithm.cost(net, net if shared else other, batch, weights)[0]

    found = jax.jit(jax.grad(cost))(LinearQ(online), LinearQ(target), batch, WEIGHTS)
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
    # Independent of our code: a plain function of the weights, and optax used as in its documentation.
    algorithm = small_dqn(warmup=0, max_gradient_norm=0.1)
    before = INIT(algorithm, jax.random.key(0))
    after, metrics = UPDATE(algorithm, before, block(3, algorithm), jax.random.key(9))
    replay = algorithm.replay
    draw = jax.jit(lambda memory, key: replay.sample(memory, replay.noise(key, (1, 16))[0])[0])
    slots = np.asarray(draw(after.memory, jax.random.key(9)))
    seen, action, reward, following, discount = (np.asarray(leaf)[slots] for leaf in jax.tree.leaves(after.memory.data))
    weights = [np.asarray(leaf) for leaf in jax.tree.leaves(before.policy.network)]

    def values(weights, x):
        return jnp.maximum(x @ weights[0] + weights[1][None], 0) @ weights[2] + weights[3][None]

    def cost(weights):
        target = reward + discount * values(before_weights, following).max(1)
        return 0.5 * jnp.mean((target - values(weights, seen)[jnp.arange(16), action]) ** 2)

    before_weights = [jnp.asarray(w) for w in weights]
    expected, gradient = jax.jit(jax.value_and_grad(cost))(before_weights)
    gradient = [np.asarray(g) for g in gradient]
    length = np.sqrt(sum(float((g**2).sum()) for g in gradient))
    assert length > 0.1  # so clipping has an effect
    gradient = [g * np.float32(0.1 / length) for g in gradient]
    adam = optax.adam(0.01)
    change = jax.jit(lambda g, w: adam.update(g, adam.init(w))[0])(gradient, before_weights)
    for new, old, step in zip(jax.tree.leaves(after.policy.network), weights, change, strict=True):
        np.testing.assert_allclose(new, old + np.asarray(step), rtol=1e-4, atol=1e-5)
    assert float(metrics["cost"]) == pytest.approx(float(expected), rel=1e-4)


def test_what_is_remembered_is_what_was_lived_and_a_cut_is_no_end():
    engine = Compiled(small_dqn(), TimeLimit(Counter(), 3))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 50)
    data = jax.tree.map(np.asarray, carry.state.memory.data)
    size = int(carry.state.memory.size)
    engine.close()
    np.testing.assert_array_equal(data.next_observation[:size], data.observation[:size] + 1)
    steps_of_episode = data.observation[:size, 0].astype(int) % 100
    assert steps_of_episode.max() == 2
    terminated = data.discount[:size] == 0
    np.testing.assert_allclose(data.discount[:size][~terminated], 0.9, rtol=1e-6)
    ended = np.flatnonzero(terminated)
    # An episode of 4 or 5 steps is truncated after 3, so its third step is no termination; one of 3 steps is both.
    thirds = terminated[steps_of_episode == 2]
    assert 0 < thirds.sum() < len(thirds)
    assert len(ended) > 10


def test_an_agent_tells_the_values_that_it_chooses_by():
    environment = catalogue.make("zerone/Treasure-v0")
    engine = Compiled(small_dqn(), environment)
    policy = engine.policy(engine.init(0))
    values = Agent(engine, policy, 0).values(3)
    seen = np.eye(6, dtype=np.float32)[3]
    weights = [np.asarray(leaf) for leaf in jax.tree.leaves(policy.network)]
    expected = np.maximum(seen @ weights[0] + weights[1], 0) @ weights[2] + weights[3]
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    assert Agent(engine, policy, 0).act(3) == values.argmax()
    engine.close()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("length", [8, 1])
def test_the_compiled_training_never_copies_the_memory(length):
    algorithm = small_dqn(memory=123_457, steps_per_update=length)
    assert copies_of_the_memory(algorithm, TimeLimit(Counter(), 3)) == 0


def test_settings_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"dqn: batch = 128 is not allowed: must be at most memory = 100"):
        DQN(memory=100).check()
    with pytest.raises(InputError, match=r"steps_per_update . environments = 300"):
        DQN(memory=200, steps_per_update=100, environments=3).check()
    box = spaces.Box(-1.0, 1.0, (2,))
    assert DQN().refuse(Spaces(box, box)) == "it needs Discrete actions"
    assert (
        DQN().refuse(Spaces(spaces.MultiBinary(2), spaces.Discrete(2)))
        == "it needs Box, Discrete or MultiDiscrete observations"
    )


@pytest.mark.parametrize(
    "space", [spaces.Discrete(2**20), spaces.MultiDiscrete([2**17] * 3), Counts((2**19, 2), [False, True])]
)
def test_observations_whose_one_hot_features_would_fill_the_memory_are_refused(space):
    reason = "it needs observations of at most 262,144 values in all, since each becomes a number"
    assert DQN().refuse(Spaces(space, spaces.Discrete(2))) == PPO().refuse(Spaces(space, spaces.Discrete(2))) == reason


def test_pictures_bits_and_many_small_counts_are_no_such_observations():
    for space in (
        spaces.Box(0, 255, (1024, 1024, 3), np.uint8), spaces.MultiDiscrete([2**16] * 4),
        Counts((2,) * 2**19, [True] * 2**19),
    ):  # fmt: skip
        assert DQN().refuse(Spaces(space, spaces.Discrete(2))) is None


def test_options_that_would_be_ignored_or_make_no_sense_are_refused():
    for name, value in (("priority_exponent", 0.5), ("priority_floor", 0.1), ("priority_limit", 2.0),
                        ("importance", 0.5), ("importance_steps", 9.0)):  # fmt: skip
        with pytest.raises(InputError, match=rf"{name} = {value} is not allowed: .* without prioritized"):
            DQN(**{name: value})
        assert getattr(DQN(prioritized=True, **{name: value}), name) == value
    for name, value in (("priority_exponent", 1.1), ("importance", -0.1), ("n_steps", 0), ("epsilon_clock", "days")):
        with pytest.raises(InputError, match=rf"{name} = {value!r} is not allowed"):
            DQN(prioritized=True, **{name: value})
    with pytest.raises(InputError, match=r"epsilon_end = 0 .* exponential"):
        DQN(epsilon_end=0.0, epsilon_shape="exponential").check()
    for streams in ("separate", "halved"):
        with pytest.raises(InputError, match=rf"hidden = \(64, 1\) .* dueling_streams = {streams}: .* at least 2"):
            DQN(hidden=(64, 1), dueling=True, dueling_streams=streams).check()
        with pytest.raises(InputError, match=rf"dueling_streams = '{streams}' is not allowed: .* without dueling"):
            DQN(dueling_streams=streams)
    with pytest.raises(InputError, match=r"dueling_streams = separate .* hidden = \(64,\): must have two layers"):
        DQN(hidden=(64,), dueling=True, dueling_streams="separate").check()
    DQN(hidden=(64, 1), dueling=True).check()
    DQN(hidden=(64,), dueling=True, dueling_streams="halved").check()


@pytest.mark.parametrize(("streams", "hidden", "read"), [
    ({}, (16,), (16, 16)), ({}, (16, 8), (8, 8)), ({"dueling_streams": "shared"}, (16,), (16, 16)),
    ({"dueling_streams": "separate"}, (16, 8), (4, 4)), ({"dueling_streams": "halved"}, (16,), (8, 8)),
])  # fmt: skip
def test_what_the_streams_of_a_dueling_network_read(streams, hidden, read):
    algorithm = small_dqn(dueling=True, hidden=hidden, **streams)
    algorithm.check()
    head = jax.eval_shape(INIT, algorithm, jax.random.key(0)).policy.network.mlp
    assert (head.value.weight.shape, head.advantage.weight.shape) == ((read[0], 1), (read[1], 2))
    assert len(head.layers) == len(hidden)


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize("clock", off_policy.CLOCKS)
@pytest.mark.parametrize("shape", ["linear", "exponential"])
def test_epsilon_follows_its_clock_and_its_shape(clock, shape):
    algorithm = small_dqn(epsilon_clock=clock, epsilon_shape=shape, updates=3, warmup=8)
    for state in learning(algorithm, 8):
        steps, updates = int(state.policy.steps), int(state.policy.updates)
        assert updates == 3 * max(0, steps // 4 - 1)
        told = {"steps": steps, "learning-steps": max(0, steps - 8), "updates": updates}[clock]
        fraction = min(1.0, told / 200)
        expected = 1 - 0.95 * fraction if shape == "linear" else 0.05**fraction
        assert float(algorithm.exploration_rate(state.policy)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize(("length", "number", "n"), [(4, 1, 3), (4, 3, 1), (1, 2, 4), (3, 2, 3), (2, 2, 9)])
def test_n_step_transitions_over_block_borders_are_those_of_one_long_play(length, number, n):
    algorithm, blocks = small_dqn(n_steps=n, steps_per_update=length, environments=number, memory=64), 10
    state = INIT(algorithm, jax.random.key(0))
    waiting, memory, played = state.ongoing, state.memory, []

    @jax.jit
    def remember(memory, waiting, steps):
        told, missing, waiting = n_step_transitions(waiting, steps, 0.9, n)
        return algorithm.replay.add(memory, told, missing), waiting

    for index in range(blocks):
        steps = block(index, algorithm)
        played.append(steps)
        memory, waiting = remember(memory, waiting, steps)
    whole = jax.tree.map(lambda *x: np.concatenate(x), *played)
    expected = []
    for t, i in np.ndindex(blocks * length - n + 1, number):
        total, power, k, over = 0.0, 1.0, 0, False
        while k < n and not over:
            total += power * whole.reward[t + k, i]
            power *= 0.9
            over = whole.terminated[t + k, i] or whole.truncated[t + k, i]
            k += 1
        discount = 0.0 if whole.terminated[t + k - 1, i] else power
        last = whole.next_observation[t + k - 1, i]
        expected.append((whole.observation[t, i], whole.action[t, i], total, last, discount))
    size = min(64, len(expected))
    assert int(memory.size) == size
    order = [slot % 64 for slot in range(len(expected) - size, len(expected))]
    for found, truth in zip(jax.tree.leaves(memory.data), zip(*expected[-size:], strict=True), strict=True):
        np.testing.assert_allclose(np.asarray(found)[order], np.stack(truth), rtol=1e-5, atol=1e-6)


COMBINATIONS = pytest.mark.parametrize(
    "parts",
    [
        dict(zip(EVERY_PART, chosen, strict=True))
        for chosen in itertools.product((False, True), (False, True), (False, True), (1, 3))
    ],
    ids=lambda parts: "-".join(str(value) for value in parts.values()),
)
WORTH = 4.0


def _worth_everywhere(path, leaf):
    """The network with all weights 0, but `WORTH` as the bias of its last layer or of a dueling head's value."""
    text = jax.tree_util.keystr(path)
    outputs = leaf.ndim == 1 and ("value" in text or "layers[1]" in text)
    return jnp.full(leaf.shape, WORTH if outputs else 0.0)


def _costs_where_every_step_is_an_end(parts):
    """The losses of an update if Q is `WORTH` and rewards are 1, if all steps are terminations, and if truncations."""
    algorithm = small_dqn(**parts, warmup=0, batch=4, hidden=(2,))

    @jax.jit
    def cost(steps, key):  # the rest of the update is not used, so it is not compiled
        state = algorithm.init(key, SPACES)
        network = jax.tree_util.tree_map_with_path(_worth_everywhere, state.policy.network)
        policy = dataclasses.replace(state.policy, network=network)
        state = dataclasses.replace(state, policy=policy, target=network)
        return algorithm.update(state, steps, key)[1]["cost"]

    return [float(cost(each, jax.random.key(1))) for each in all_ended_and_all_cut(block(0, algorithm))]


@pytest.mark.thorough(after=2)
@COMBINATIONS
def test_an_end_is_not_bootstrapped_and_a_cut_is_in_every_combination(parts):
    end, cut = _costs_where_every_step_is_an_end(parts)
    assert end == pytest.approx(0.5 * (1 - WORTH) ** 2, rel=1e-5)
    assert cut == pytest.approx(0.5 * (1 + 0.9 * WORTH - WORTH) ** 2, rel=1e-5)


def test_the_detector_of_ends_catches_both_broken_twins(monkeypatch):
    def cut_is_end(reward, terminated, truncated, discount, n):
        return n_step_return(reward, terminated | truncated, truncated, discount, n)

    def unmasked(reward, terminated, truncated, discount, n):
        return n_step_return(reward, terminated & False, terminated | truncated, discount, n)

    for twin in (cut_is_end, unmasked):
        monkeypatch.setattr(off_policy, "n_step_return", twin)
        end, cut = _costs_where_every_step_is_an_end(EVERY_PART)
        assert end == pytest.approx(cut)  # the two can no longer be distinguished


class OneValue(Memoryless):
    """A network with the same value for every state and action."""

    value: jax.Array

    def __call__(self, x):
        return self.value + jnp.zeros((*x.shape[:-1], 1))


def _ended(reward):
    """One step per reward, all from the same state, all terminations."""
    seen = jnp.zeros((len(reward), 1))
    return Transition(seen, jnp.zeros(len(reward), jnp.int32), reward, seen, jnp.zeros(len(reward)))


@jax.jit
def _fixed_point(algorithm, correction):
    """The value to which gradient descent on `cost` converges, learnt from the rewards 0, 0, 0, 1."""
    replay, remembered = algorithm.replay, _ended(jnp.array([0.0, 0.0, 0.0, 1.0]))
    memory = replay.add(replay.init(jax.tree.map(lambda x: x[0], remembered)), remembered)
    noise = replay.noise(jax.random.key(0), (3000, 64))

    def learn(i, carry):
        net, priorities, total = carry
        here = dataclasses.replace(memory, priorities=priorities)
        slots, weights = replay.sample(here, noise[i], correction)
        gradient, (_, error) = jax.grad(algorithm.cost, has_aux=True)(net, net, gather(here, slots), weights)
        net = OneValue(net.value - 0.02 * gradient.value)
        return net, replay.update_priorities(priorities, slots, error), total + jnp.where(i >= 2000, net.value, 0.0)

    start = OneValue(jnp.float32(0.6)), memory.priorities, jnp.float32(0)
    return jax.lax.fori_loop(0, 3000, learn, start)[2] / 1000


def test_prioritized_replay_with_full_correction_has_the_fixed_point_of_uniform_replay_and_without_it_the_biased_one():
    sizes = {"memory": 4, "batch": 4, "steps_per_update": 1}
    prioritized = DQN(**sizes, prioritized=True, priority_exponent=1.0, priority_floor=1e-6)
    mean = 1 / 4  # mean of the rewards
    assert float(_fixed_point(DQN(**sizes), 1.0)) == pytest.approx(mean, abs=0.01)
    assert float(_fixed_point(prioritized, 1.0)) == pytest.approx(mean, abs=0.01)
    # Drawn with probability ∝ |r - q|, without weights: 3 q · q = (1 - q) · (1 - q), so q = 1 / (1 + √3).
    assert float(_fixed_point(prioritized, 0.0)) == pytest.approx(1 / (1 + 3**0.5), abs=0.01)


def test_the_importance_of_the_weights_rises_to_one(monkeypatch):
    used = []

    def draw(rule, memory, noise, correction):
        jax.debug.callback(lambda value: used.append(float(value)), correction, ordered=True)
        return right(rule, memory, noise, correction)

    right = Prioritized.sample
    monkeypatch.setattr(Prioritized, "sample", draw)
    sizes = {"hidden": (4,), "batch": 4, "memory": 64, "warmup": 0, "steps_per_update": 10, "prioritized": True}
    algorithm = DQN(**sizes, importance=0.4, importance_steps=40.0)
    state, update = INIT(algorithm, jax.random.key(0)), jax.jit(lambda *given: algorithm.update(*given))
    for index in range(5):
        state, _ = update(state, block(index, algorithm), jax.random.key(index))
    jax.effects_barrier()
    assert used == pytest.approx([0.55, 0.7, 0.85, 1.0, 1.0])
