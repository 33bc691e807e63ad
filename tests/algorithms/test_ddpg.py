"""DDPG: gradients of actor and critic, targets, exploration noise, and what it refuses."""

import dataclasses
import itertools

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_hand import adam as _adam
from by_hand import backward as _backward
from by_hand import forward as _forward
from by_hand import layers as _layers
from gymnasium import spaces
from scipy import stats
from toys import Echo, all_ended_and_all_cut, copies_of_the_memory, equal_bits, small_ddpg

import zerone as zo
from zerone.algorithms import catalogue, off_policy, off_policy_actor
from zerone.algorithms.ddpg import DDPG
from zerone.algorithms.off_policy import Transition
from zerone.algorithms.off_policy_actor import Networks
from zerone.algorithms.protocol import Steps, initial_memory
from zerone.base.errors import InputError
from zerone.base.pytree import struct
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit
from zerone.parts.deterministic import Actor
from zerone.parts.layers import Linear
from zerone.parts.replay import gather

SPACES = Spaces(spaces.Box(-1.0, 1.0, (3,), np.float32), spaces.Box(-2.0, 6.0, (2,), np.float32))
INIT = jax.jit(lambda algorithm, key: algorithm.init(key, SPACES))
UPDATE = jax.jit(lambda algorithm, state, steps, key: algorithm.update(state, steps, key))
OU = {"exploration": "ornstein-uhlenbeck", "noise_pull": 0.2}


def block(index, algorithm):
    """A block of random steps, different for each index."""
    random = np.random.default_rng(index)
    shape = algorithm.steps_per_update, algorithm.environments
    seen, following = random.uniform(-1, 1, (2, *shape, 3)).astype(np.float32)
    action, noise = random.uniform(-1, 1, (2, *shape, 2)).astype(np.float32)
    return Steps(
        seen, action, random.normal(size=shape).astype(np.float32), following,
        random.random(shape) < 0.3, random.random(shape) < 0.3, noise,
    )  # fmt: skip


def learning(algorithm, blocks):
    """The states before and after each block."""
    states = [INIT(algorithm, jax.random.key(0))]
    for index in range(blocks):
        states.append(UPDATE(algorithm, states[-1], block(index, algorithm), jax.random.key(index))[0])
    return states


def online(state):
    return Networks(state.policy.actor, state.learner.critic)


# The actor's gradient


@struct
class Valley:
    """Q(s, a) = -½ |a - s M|², so ∇_a Q = s M - a."""

    weight: jax.Array

    def __call__(self, seen, action):
        return -0.5 * jnp.square(action - seen @ self.weight).sum(-1)


def _chain_rule(seen, weight, valley):
    """E[∇_a Q(s, a)|_{a = μ(s)} ∇_θ μ(s)] for μ(s) = tanh(s W): eq. 6 in NumPy."""
    action = np.tanh(seen @ weight)
    slope = (seen @ valley - action) * (1 - action**2)
    return seen.T @ slope / len(seen)


def _actor_gradient_fits(seed=0):
    random = np.random.default_rng(seed)
    seen = random.normal(size=(12, 3)).astype(np.float32)
    weight, valley = random.normal(size=(2, 3, 2)).astype(np.float32)
    actor = Actor(Linear(weight, np.zeros(2, np.float32)), (2,))
    algorithm = small_ddpg()
    found = jax.jit(jax.grad(lambda *given: algorithm.actor_cost(*given, ())[0]))(actor, Valley(valley), seen)
    return np.allclose(-found.network.weight, _chain_rule(seen, weight, valley), rtol=1e-4, atol=1e-5)


def test_the_actor_climbs_its_critic_by_the_chain_rule():
    assert _actor_gradient_fits()


def test_the_detector_of_the_chain_rule_catches_three_broken_twins(monkeypatch):
    def descends(_, actor, critic, observation, __):
        return critic(observation, actor(observation)).mean(), {}

    def sums(_, actor, critic, observation, __):
        return -critic(observation, actor(observation)).sum(), {}

    def before_the_bounds(_, actor, critic, observation, __):
        return -critic(observation, actor.network(observation)).mean(), {}

    for twin in (descends, sums, before_the_bounds):
        monkeypatch.setattr(DDPG, "actor_cost", twin)
        assert not _actor_gradient_fits()


# The critic's gradient


@struct
class LinearQ:
    """Q(s, a) = s v + a w."""

    state: jax.Array
    action: jax.Array

    def __call__(self, seen, action):
        return seen @ self.state + action @ self.action


@struct
class Constant:
    """A policy that always takes the same action."""

    action: jax.Array

    def __call__(self, seen):
        return jnp.broadcast_to(self.action[None], (len(seen), 2))


def _critic_gradient_fits(shared):
    """Whether autodiff finds -E[δ (s, a)]; with `shared` the critic is its own target."""
    random = np.random.default_rng(1)
    seen, following = random.normal(size=(2, 12, 3)).astype(np.float32)
    action, reward = random.normal(size=(12, 2)).astype(np.float32), random.normal(size=12).astype(np.float32)
    discount = np.where(random.random(12) < 0.4, 0.0, 0.9).astype(np.float32)
    own, other = (random.normal(size=5).astype(np.float32) for _ in range(2))
    other, best = own if shared else other, np.float32([0.3, -0.7])

    def critic(weights):
        return LinearQ(weights[:3], weights[3:])

    batch = Transition(seen, action, reward, following, discount)
    algorithm = small_ddpg()

    def cost(net, batch):
        target = Networks(Constant(jnp.array(best)), net if shared else critic(other))
        return algorithm.critic_cost(net, None, target, batch, jnp.ones(12), ())[0]

    found = jax.jit(jax.grad(cost))(critic(own), batch)
    error = reward + discount * (following @ other[:3] + best @ other[3:]) - (seen @ own[:3] + action @ own[3:])
    expected = -(error[:, None] * np.concatenate([seen, action], 1)).mean(0)
    return np.allclose(np.concatenate([found.state, found.action]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shared", [False, True])
def test_the_critic_s_gradient_is_the_analytic_semi_gradient(shared):
    assert _critic_gradient_fits(shared)


def test_the_detector_of_the_critic_s_gradient_catches_a_target_that_is_not_held_constant(monkeypatch):
    def not_held(reward, terminated, discount, next_value):
        return reward + discount * jnp.where(terminated, 0.0, next_value)

    monkeypatch.setattr(off_policy_actor, "one_step_target", not_held)
    assert not _critic_gradient_fits(shared=True)


# A whole update, in NumPy


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_one_update_is_that_of_numpy(decay):
    algorithm = small_ddpg(
        warmup=0, weight_decay=decay, target_step=0.1, learning_rate=0.02, critic_learning_rate=0.03, discount=0.9
    )
    before = INIT(algorithm, jax.random.key(0))
    after, metrics = UPDATE(algorithm, before, block(3, algorithm), jax.random.key(9))
    replay = algorithm.replay

    @jax.jit
    def drawn(memory, key):
        noise = off_policy.minibatch_noise(replay, key, 1, algorithm.batch)
        return gather(memory, replay.sample(memory, noise[0])[0])

    batch = drawn(after.memory, jax.random.key(9))
    seen, action, reward, following, discount = (np.float64(leaf) for leaf in jax.tree.leaves(batch))
    rows = len(reward)
    actor, critic = _layers(before.policy.actor.network), _layers(before.learner.critic.network)
    next_action = np.tanh(_forward(actor, following)[1])
    target = reward + discount * _forward(critic, np.concatenate([following, next_action], 1))[1][:, 0]
    both = np.concatenate([seen, action], 1)
    hidden, value = _forward(critic, both)
    error = target - value[:, 0]
    gradient, _ = _backward(critic, both, hidden, -error[:, None] / rows)
    learnt = _adam(critic, [g + decay * w for g, w in zip(gradient, critic, strict=True)], 0.03)
    # The actor ascends the updated critic.
    actor_hidden, raw = _forward(actor, seen)
    own = np.tanh(raw)
    both = np.concatenate([seen, own], 1)
    hidden, value_of_own = _forward(learnt, both)
    _, slope = _backward(learnt, both, hidden, np.full((rows, 1), 1 / rows))
    gradient, _ = _backward(actor, seen, actor_hidden, -slope[:, 3:] * (1 - own**2))
    acting = _adam(actor, gradient, 0.02)
    for found, expected in (
        (after.learner.critic.network, learnt),
        (after.policy.actor.network, acting),
        (after.learner.target.critic.network, [0.9 * w + 0.1 * new for w, new in zip(critic, learnt, strict=True)]),
        (after.learner.target.actor.network, [0.9 * w + 0.1 * new for w, new in zip(actor, acting, strict=True)]),
    ):
        for one, other in zip(_layers(found), expected, strict=True):
            # Adam's first step has the sign of the gradient, which depends on rounding if the gradient is nearly 0.
            assert np.quantile(np.abs(one - other), 0.95) < 1e-5
    measured = {"critic_loss": (error**2).mean() / 2, "q": value.mean(), "actor_q": value_of_own.mean()}
    assert {name: float(metrics[name]) for name in measured} == pytest.approx(measured, rel=1e-3, abs=1e-5)


# Targets, warm-up, terminations and truncations


# One gradient update per block of 4 steps. The warm-up takes 32 steps, i.e. 8 blocks; the first update follows the 8th.
@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("period", "step"), [(5, 1.0), (3, 0.25), (1, 0.25)])
def test_the_targets_move_exactly_when_due_and_as_far_as_they_should(period, step):
    states = learning(small_ddpg(target_period=period, target_step=step), 16)
    assert equal_bits(states[0].learner.target, online(states[0]))
    moves = 0
    for before, after in itertools.pairwise(states):
        learned = int(after.learner.updates) - int(before.learner.updates)
        due = learned == 1 and int(after.learner.updates) % period == 0
        assert equal_bits(before.learner.target, after.learner.target) is not due
        moves += due
        targets = before.learner.target, after.learner.target
        for old, new, net in zip(*map(jax.tree.leaves, (*targets, online(after))), strict=True):
            np.testing.assert_allclose(new, old + due * step * (net - old), rtol=1e-4, atol=1e-6)
        if due and step == 1.0:
            assert equal_bits(after.learner.target, online(after))
    assert int(states[-1].learner.updates) == 9
    assert moves == 9 // period


@pytest.mark.parametrize(("warmup", "first"), [(32, 8), (33, 9), (0, 1)])
def test_while_warming_up_nothing_is_learned_but_everything_remembered(warmup, first):
    algorithm = small_ddpg(warmup=warmup)
    states = learning(algorithm, first)
    for state in states[:first]:
        assert equal_bits(online(state), online(states[0]))
        assert equal_bits(state.learner.critic_optimizer, states[0].learner.critic_optimizer)
    assert not equal_bits(states[first].policy.actor, states[0].policy.actor)
    assert not equal_bits(states[first].learner.critic, states[0].learner.critic)
    assert int(states[first].memory.size) == 4 * first
    assert algorithm.warmup_updates == first - 1


WORTH = 4.0


def _worth_everywhere(path, leaf):
    """The networks with all weights 0, but `WORTH` as the bias of the critic's last layer: Q is `WORTH` everywhere."""
    last = leaf.ndim == 1 and "layers[1]" in jax.tree_util.keystr(path)
    return jnp.full(leaf.shape, WORTH if last else 0.0)


def _costs_where_every_step_is_an_end():
    """The losses of an update if Q is `WORTH` and rewards are 1, if all steps are terminations, and if truncations."""
    algorithm = small_ddpg(warmup=0, batch=4, hidden=(2,))

    @jax.jit
    def cost(steps, key):  # the rest of the update is not used, so it is not compiled
        state = algorithm.init(key, SPACES)
        critic = jax.tree_util.tree_map_with_path(_worth_everywhere, state.learner.critic)
        target = Networks(state.learner.target.actor, critic)
        state = dataclasses.replace(state, learner=dataclasses.replace(state.learner, critic=critic, target=target))
        return algorithm.update(state, steps, key)[1]["critic_loss"]

    return [float(cost(each, jax.random.key(1))) for each in all_ended_and_all_cut(block(0, algorithm))]


def test_an_end_is_not_bootstrapped_and_a_cut_is():
    end, cut = _costs_where_every_step_is_an_end()
    assert end == pytest.approx(0.5 * (1 - WORTH) ** 2, rel=1e-5)
    assert cut == pytest.approx(0.5 * (1 + 0.9 * WORTH - WORTH) ** 2, rel=1e-5)


def test_the_detector_of_ends_catches_both_broken_twins(monkeypatch):
    right = off_policy.one_step_transitions

    def cut_is_end(steps, discount):
        return right(dataclasses.replace(steps, terminated=steps.terminated | steps.truncated), discount)

    def unmasked(steps, discount):
        return right(dataclasses.replace(steps, terminated=steps.terminated & False), discount)

    for twin in (cut_is_end, unmasked):
        monkeypatch.setattr(off_policy, "one_step_transitions", twin)
        end, cut = _costs_where_every_step_is_an_end()
        assert end == pytest.approx(cut)  # the two can no longer be distinguished


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("length", [1, 8])
def test_the_compiled_training_never_copies_the_memory(length):
    algorithm = small_ddpg(memory=123_457, steps_per_update=length)
    assert copies_of_the_memory(algorithm, TimeLimit(Echo(), 3)) == 0


def test_the_detector_of_copies_catches_chance_of_one_row(monkeypatch):
    monkeypatch.setattr(
        off_policy, "minibatch_noise", lambda replay, key, updates, batch: replay.noise(key, (updates, batch))
    )
    algorithm = small_ddpg(memory=123_451, steps_per_update=1)
    assert copies_of_the_memory(algorithm, TimeLimit(Echo(), 3)) > 0


# The noise


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("shape", ["linear", "exponential"])
def test_the_noise_s_scale_follows_the_steps_lived_and_its_shape(shape):
    algorithm = small_ddpg(noise_start=0.5, noise_end=0.1, noise_steps=40.0, noise_shape=shape, environments=2)
    for index, state in enumerate(learning(algorithm, 7)):
        fraction = min(1.0, 8 * index / 40)
        expected = 0.5 - 0.4 * fraction if shape == "linear" else 0.5 * 0.2**fraction
        assert float(algorithm.scale(state.policy)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", [{}, OU], ids=["gaussian", "ornstein-uhlenbeck"])
def test_acting_adds_the_scaled_noise_within_the_bounds_and_nothing_without(kind):
    algorithm = small_ddpg(noise_start=0.8, noise_end=0.8, environments=500, **kind)
    policy = dataclasses.replace(INIT(algorithm, jax.random.key(0)).policy, steps=jnp.int32(10**6))  # as if trained
    memory = jnp.full((500, 2), 0.5) if kind else ()
    seen = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)

    @jax.jit
    def noisy(policy, key):
        noise = jax.tree.map(lambda x: x[0], algorithm.noise(policy, key, (4, 500)))
        return algorithm.act(policy, memory, seen, noise), jax.random.normal(jax.random.split(key)[0], (4, 500, 2))[0]

    quiet = jax.jit(lambda policy: algorithm.act(policy, memory, seen)[0])
    (action, after, _), normal = jax.tree.map(np.asarray, noisy(policy, jax.random.key(1)))
    greedy = np.asarray(quiet(policy))
    value = 0.8 * 0.5 + normal if kind else normal
    if kind:
        np.testing.assert_allclose(after, value, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(action, np.clip(greedy + 0.8 * value, -1, 1), rtol=1e-5, atol=1e-6)
    assert (np.abs(action) == 1).any()
    assert np.abs(greedy).max() < 1
    assert equal_bits(greedy, quiet(policy))


@pytest.mark.thorough
def test_on_an_engine_the_noise_of_an_episode_goes_on_and_that_of_the_next_begins_with_nothing():
    algorithm = small_ddpg(steps_per_update=1, environments=2, **OU)
    engine = Compiled(algorithm, TimeLimit(Echo(2), 5))
    (carry,), paths = [engine.init(0)], []
    for i in range(40):
        (carry,) = engine.advance([carry], [0], [i], i + 1)
        paths.append(np.asarray(carry.simulation.memory))
    engine.close()
    over = np.arange(1, 41) % 5 == 0
    assert (np.stack(paths)[over] == 0).all()
    left = np.stack(paths)[~over]
    assert (left != 0).all()


# The actions before learning begins


def explored(algorithm, steps, number=20_000):
    """Actions [number, 2] of an untrained actor after so many environment steps, and its greedy action."""
    policy = dataclasses.replace(INIT(algorithm, jax.random.key(0)).policy, steps=jnp.int32(steps))
    seen, memory = np.zeros((number, 3), np.float32), initial_memory(algorithm, policy, number)

    @jax.jit
    def acted(policy, key):
        noise = jax.tree.map(lambda x: x[0], algorithm.noise(policy, key, (1, number)))
        return algorithm.act(policy, memory, seen, noise)[0], algorithm.act(policy, memory, seen)[0]

    return tuple(np.asarray(each) for each in acted(policy, jax.random.key(1)))


def is_uniform(action):
    """Whether actions [number, 2] are uniform within ±1 and their two components independent."""
    spread = all(stats.kstest(column, stats.uniform(-1, 2).cdf).pvalue > 1e-6 for column in action.T)
    return bool(spread and abs(np.corrcoef(action.T)[0, 1]) < 5 / np.sqrt(len(action)))


# With a warm-up of 33 steps, two environments and blocks of 4 steps, the first update follows the fifth block.
@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("kind", [{}, OU], ids=["gaussian", "ornstein-uhlenbeck"])
@pytest.mark.parametrize(("steps", "uniform"), [(0, True), (8, True), (32, True), (40, False), (10**6, False)])
def test_until_the_first_gradient_update_actions_are_uniform_within_the_bounds(kind, steps, uniform):
    algorithm = small_ddpg(environments=2, warmup=33, noise_start=0.2, noise_end=0.2, **kind)
    assert algorithm.warmup_updates * 8 == 32
    action, greedy = explored(algorithm, steps)
    assert is_uniform(action) is uniform
    if not uniform:
        assert (action - greedy).std() == pytest.approx(0.2, rel=0.05)
    # The broken twin plays the untrained actor's actions with noise: all are near the middle of the range.
    untrained, _ = explored(dataclasses.replace(algorithm, warmup_actions="policy"), steps)
    assert not is_uniform(untrained)
    assert np.abs(untrained).mean() < 0.3


def test_without_noise_it_is_greedy_from_the_first_step():
    algorithm = small_ddpg()
    policy = INIT(algorithm, jax.random.key(0)).policy
    seen = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    np.testing.assert_array_equal(algorithm.act(policy, (), seen)[0], policy.actor.shaped(policy.actor(seen)))


def remembered_while_warming_up(engine, algorithm):
    """The actions in the replay memory at the first gradient update."""
    (carry,) = engine.advance([engine.init(0)], [0], [0], algorithm.warmup_updates + 1)
    memory = carry.state.memory
    engine.close()
    assert int(memory.size) == 1_000
    return np.asarray(memory.data.action[:1_000])


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["compiled", "host"])
def test_on_every_engine_the_memory_is_filled_with_actions_from_all_of_the_range(name):
    algorithm = small_ddpg(environments=2, memory=2_000, warmup=1_000)
    if name == "compiled":
        engine = Compiled(algorithm, TimeLimit(Echo(2), 8))
    else:
        engine = Host(algorithm, lambda number, seed: make_vector(Uneven, "Uneven-v0", number, seed))
    assert is_uniform(remembered_while_warming_up(engine, algorithm))


# Environments with other bounds, and the host engine


@pytest.mark.thorough
def test_it_finds_the_best_action_and_its_worth_on_every_seed():
    rates = {"learning_rate": 1e-3, "critic_learning_rate": 3e-3, "target_step": 0.05}
    noise = {"noise_start": 1.0, "noise_end": 0.3, "noise_steps": 4_000.0}
    algorithm = small_ddpg(environments=2, memory=4_096, hidden=(32, 32), **rates, **noise)
    engine = Compiled(algorithm, TimeLimit(Echo(2), 8))
    carries = engine.advance([engine.init(seed) for seed in range(4)], list(range(4)), [0] * 4, 2_000)
    seen = np.float32([[4.0, 4.0], [3.0, 5.0], [0.5, 0.5]])
    worth = jax.jit(lambda state: state.learner.critic(seen, state.policy.actor(seen)))
    for carry in carries:
        # Within 1.5 of 4, in a range of 8. The last observation is the first one of an episode.
        np.testing.assert_allclose(engine.act(carry.state.policy, (), seen)[0], 4.0, atol=1.5)
        np.testing.assert_allclose(worth(carry.state), 0.0, atol=0.5)
    engine.close()


class Uneven(gymnasium.Env):
    """A Gymnasium environment: two action components with different bounds; the reward is highest at (4, 0.5)."""

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = spaces.Box(np.float32([-2.0, 0.0]), np.float32([6.0, 1.0]))
    seen = []  # noqa: RUF012  what was ever asked of any of them

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self._left = 8
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.seen.append(np.array(action))
        self._left -= 1
        reward = -(((action[0] - 4.0) / 4.0) ** 2) - ((action[1] - 0.5) / 0.5) ** 2
        return np.zeros(1, np.float32), float(reward), False, self._left == 0, {}


@pytest.mark.thorough
def test_on_the_host_engine_actions_are_sent_within_bounds_that_are_uneven():
    Uneven.seen.clear()
    algorithm = small_ddpg(environments=2, target_step=0.05, noise_start=0.6, noise_end=0.1, **OU)
    engine = Host(algorithm, lambda number, seed: make_vector(Uneven, "Uneven-v0", number, seed))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 300)
    found = engine.act(engine.policy(carry), np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32))[0][0]
    engine.close()
    asked = np.stack(Uneven.seen)
    assert len(asked) == 300 * 8
    assert all(Uneven.action_space.contains(each) for each in asked)
    assert asked.min(0) == pytest.approx([-2.0, 0.0])
    assert asked.max(0) == pytest.approx([6.0, 1.0])
    np.testing.assert_allclose(found, [4.0, 0.5], atol=0.3)


@pytest.mark.parametrize(
    "observation",
    [
        spaces.Discrete(5),
        spaces.MultiDiscrete([3, 4]),
        spaces.Box(0, 255, (12, 12, 3), np.uint8),
        spaces.Box(-1.0, 1.0, (2, 2), np.float32),
    ],
    ids=str,
)
def test_observations_and_actions_of_any_shape_are_taken(observation):
    algorithm, action = small_ddpg(warmup=0), spaces.Box(-1.0, 3.0, (2, 3))
    both = Spaces(observation, action)
    assert algorithm.refuse(both) is None

    def trained(key):
        state = algorithm.init(key, both)
        seen = state.memory.data.observation[: 4 * 1].reshape(4, 1, *state.memory.data.observation.shape[1:])
        noise = algorithm.noise(state.policy, key, (4, 1))
        drawn, *_ = jax.vmap(lambda seen, noise: algorithm.act(state.policy, (), seen, noise))(seen, noise)
        flag = jnp.zeros((4, 1), bool)
        steps = Steps(seen, drawn, jnp.zeros((4, 1)), seen, flag, flag, ())
        return drawn, algorithm.update(state, steps, key)

    drawn, (state, metrics) = jax.eval_shape(trained, jax.random.key(0))
    assert drawn.shape == (4, 1, 2, 3)
    assert state.memory.data.action.shape == (256, 6)
    assert set(metrics) == set(algorithm.metrics)


@pytest.mark.thorough
def test_it_learns_from_another_s_play_whose_actions_may_be_out_of_bounds(tmp_path):
    zo.record("random", "Pendulum-v1", steps=200, out=tmp_path / "play")
    shared = {"steps": 200, "evaluation_episodes": 2, "figure": False}
    run = zo.train(small_ddpg(), "Pendulum-v1", dataset=tmp_path / "play", own_play=0.5, out=tmp_path / "run", **shared)
    assert run.config["dataset"]["steps"] == 200
    assert run.metrics["critic_loss"][-1] > 0
    algorithm = small_ddpg()
    steps = block(0, algorithm)
    steps = dataclasses.replace(steps, action=3 * steps.action)
    state, _ = UPDATE(algorithm, INIT(algorithm, jax.random.key(0)), steps, jax.random.key(1))
    np.testing.assert_allclose(state.memory.data.action[:4], np.clip(steps.action[:, 0], -1, 1))


# What is refused


def test_spaces_that_it_cannot_take_are_refused_and_it_is_said_who_can():
    box = spaces.Box(-1.0, 1.0, (3,))
    with pytest.raises(
        InputError, match=r"ddpg cannot take X-v0: it needs Box actions, but .* these can: dqn, reinforce, actor-critic"
    ):
        catalogue.require(DDPG(), Spaces(box, spaces.Discrete(2)), "X-v0")
    half = spaces.Box(0.0, np.inf, (1,))
    assert DDPG().refuse(Spaces(box, half)) == "it needs Box actions with finite bounds"
    assert DDPG().refuse(Spaces(spaces.MultiBinary(2), box)) == "it needs Box, Discrete or MultiDiscrete observations"
    with pytest.raises(InputError, match=r"dqn cannot take X-v0: .* these can: .*critic, ddpg, td3, sac, ppo"):
        catalogue.require(catalogue.make("dqn", {}), Spaces(box, box), "X-v0")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"batch": 200, "memory": 100}, "ddpg: batch = 200 is not allowed: must be at most memory = 100"),
        ({"steps_per_update": 90, "environments": 2, "memory": 100}, "steps_per_update × environments = 180"),
        ({"target_step": 0.0}, "target_step = 0.0 is not allowed: must be above 0 and at most 1"),
        ({"target_step": 1.1}, "target_step = 1.1 is not allowed: must be above 0 and at most 1"),
        ({"target_period": 0}, "target_period = 0 is not allowed: must be at least 1"),
        ({"noise_pull": 0.3}, "must be 0.15 without exploration=ornstein-uhlenbeck, or it would be ignored"),
        ({"noise_start": -0.1}, "noise_start = -0.1 is not allowed: must be at least 0"),
        ({"noise_end": 0.0, "noise_shape": "exponential"}, "noise_end = 0 is not allowed: must be above 0 where noise"),
        ({"exploration": "pink"}, "one of gaussian, ornstein-uhlenbeck"),
        ({"warmup_actions": "random"}, "one of uniform, policy"),
        ({"noise_clock": "hours"}, "one of steps, learning-steps, updates"),
        ({"weight_decay": -1.0}, "weight_decay = -1.0 is not allowed: must be at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, text):
    with pytest.raises(InputError) as caught:
        catalogue.make("ddpg", settings)
    assert text in str(caught.value)
