"""TD3: targets, delayed updates of the actor and of the target networks, and what it shares with DDPG and SAC."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_hand import forward, layers
from gymnasium import spaces
from toys import Echo, all_ended_and_all_cut, copies_of_the_memory, equal_bits, small_ddpg, small_sac, small_td3

from zerone.algorithms.off_policy_actor import Networks
from zerone.algorithms.protocol import Steps
from zerone.algorithms.td3 import TD3
from zerone.engines.compiled import Compiled
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit

SPACES = Spaces(spaces.Box(-1.0, 1.0, (3,), np.float32), spaces.Box(-2.0, 6.0, (2,), np.float32))
INIT = jax.jit(lambda algorithm, key: algorithm.init(key, SPACES))
UPDATE = jax.jit(lambda algorithm, state, steps, key: algorithm.update(state, steps, key))
ROWS = 200


def block(index, algorithm):
    """A block of random steps, different for each index."""
    random = np.random.default_rng(index)
    shape = algorithm.steps_per_update, algorithm.environments
    seen, following = random.uniform(-1, 1, (2, *shape, 3)).astype(np.float32)
    action = random.uniform(-1, 1, (*shape, 2)).astype(np.float32)
    ends = random.random((2, *shape)) < 0.3
    return Steps(seen, action, random.normal(size=shape).astype(np.float32), following, *ends, ())


# The target


@pytest.fixture(scope="module")
def made_up():
    """An algorithm, its target networks, observations, and noise that is partly beyond the bounds."""
    algorithm = small_td3(target_noise=0.4, target_noise_limit=0.5)
    state, other = (INIT(algorithm, jax.random.key(seed)) for seed in (0, 5))
    target = Networks(other.policy.actor, dataclasses.replace(other.learner.critic, first=state.learner.critic.first))
    random = np.random.default_rng(1)
    return algorithm, target, 3 * random.normal(size=(ROWS, 3)).astype(np.float32), random.normal(size=(1, ROWS, 2))


def _values_fit(made_up):
    """Whether V(s') is min_i Q_i(s', clip(μ(s') + clip(σ̃ ε))), by NumPy."""
    algorithm, target, seen, normals = made_up
    found = jax.jit(algorithm.next_value, static_argnums=0)(None, target, seen, np.float32(normals))
    noise = np.clip(0.4 * normals[0], -0.5, 0.5)
    action = np.tanh(forward(layers(target.actor.network), seen)[1]) + noise
    assert (np.abs(action) > 1).any()
    assert (np.abs(noise) == 0.5).any()
    both = np.concatenate([seen, np.clip(action, -1, 1)], 1)
    critics = target.critic.first, target.critic.second
    first, second = (forward(layers(each.network), both)[1][:, 0] for each in critics)
    assert 0.1 < (first < second).mean() < 0.9
    return np.allclose(found, np.minimum(first, second), rtol=1e-4, atol=1e-4)


def test_the_target_is_the_smaller_value_of_a_blurred_action(made_up):
    assert _values_fit(made_up)


def test_the_detector_of_targets_catches_four_broken_twins(made_up, monkeypatch):
    def twin(least=lambda value: value.min(0), limit=0.5, bound=1.0, noisy=1.0):
        def next_value(self, _, target, observation, normals):
            noise = jnp.clip(noisy * self.target_noise * normals[0], -limit, limit)
            action = jnp.clip(target.actor(observation) + noise, -bound, bound)
            return least(target.critic(observation, action))

        return next_value

    monkeypatch.setattr(TD3, "next_value", twin())
    assert _values_fit(made_up)
    for broken in (twin(lambda value: value[0]), twin(limit=9.0), twin(bound=9.0), twin(noisy=0.0)):
        monkeypatch.setattr(TD3, "next_value", broken)
        assert not _values_fit(made_up)


def test_without_its_three_parts_it_learns_what_ddpg_does():
    one, other = small_ddpg(), small_td3(actor_period=1, target_period=1, target_noise=0.0)
    plain, twin = INIT(one, jax.random.key(0)), INIT(other, jax.random.key(0))
    both = dataclasses.replace(twin.learner.critic, first=plain.learner.critic, second=plain.learner.critic)
    seen, normals = np.ones((5, 3), np.float32), np.ones((1, 5, 2), np.float32)
    target = plain.learner.target
    np.testing.assert_array_equal(
        one.next_value(None, target, seen, ()), other.next_value(None, Networks(target.actor, both), seen, normals)
    )
    costs = (
        one.actor_cost(plain.policy.actor, plain.learner.critic, seen, ()),
        other.actor_cost(plain.policy.actor, both, seen, normals),
    )
    assert equal_bits(*costs)


# The delays. One gradient update per block of 4 steps; the first follows block 8.


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("actor", "target"), [(2, 2), (3, 1), (1, 4)])
def test_actor_and_targets_change_exactly_when_due(actor, target):
    algorithm = small_td3(actor_period=actor, target_period=target, target_step=0.5)
    states, measured = [INIT(algorithm, jax.random.key(0))], [{"actor_q": 0.0}]
    for index in range(16):
        state, metrics = UPDATE(algorithm, states[-1], block(index, algorithm), jax.random.key(index))
        states.append(state)
        measured.append(metrics)
    for i, (before, after) in enumerate(itertools.pairwise(states)):
        updates = int(after.updates)
        learnt = updates > int(before.updates)
        assert equal_bits(before.learner.critic, after.learner.critic) is not learnt
        assert equal_bits(before.policy.actor, after.policy.actor) is not (learnt and updates % actor == 0)
        assert equal_bits(before.learner.actor_optimizer, after.learner.actor_optimizer) is not (
            learnt and updates % actor == 0
        )
        assert equal_bits(before.learner.target, after.learner.target) is not (learnt and updates % target == 0)
        # Between two updates of the actor, the metrics of the last one are kept.
        same = float(measured[i]["actor_q"]) == float(measured[i + 1]["actor_q"])
        assert same is not (learnt and updates % actor == 0)
    assert updates == 9


# What DDPG, TD3 and SAC have in common

THREE = pytest.mark.parametrize(
    "make", [small_ddpg, small_td3, small_sac], ids=lambda make: make.__name__.removeprefix("small_")
)
WORTH = 4.0


@pytest.mark.thorough(after=1)
@THREE
@pytest.mark.parametrize("parts", [{}, {"n_steps": 3, "prioritized": True}], ids=["plain", "every part"])
def test_an_end_is_not_bootstrapped_and_a_cut_is(make, parts):
    # Q is `WORTH` everywhere, rewards are 1, and entropy has no weight. Each step is an episode.
    free = {"temperature": 1e-9, "learn_temperature": False} if make is small_sac else {}
    algorithm = make(warmup=0, batch=4, hidden=(2,), actor_period=1, **parts, **free)

    def worth(path, leaf):
        last = leaf.ndim == 1 and "layers[1]" in jax.tree_util.keystr(path)
        return jnp.full(leaf.shape, WORTH if last else 0.0)

    @jax.jit
    def cost(steps, key):
        state = algorithm.init(key, SPACES)
        critic = jax.tree_util.tree_map_with_path(worth, state.learner.critic)
        target = Networks(state.learner.target.actor, critic)
        state = dataclasses.replace(state, learner=dataclasses.replace(state.learner, critic=critic, target=target))
        return algorithm.update(state, steps, key)[1]["critic_loss"]

    end, cut = (float(cost(each, jax.random.key(1))) for each in all_ended_and_all_cut(block(0, algorithm)))
    critics = 1 if make is small_ddpg else 2
    assert end == pytest.approx(critics * 0.5 * (1 - WORTH) ** 2, rel=1e-5)
    assert cut == pytest.approx(critics * 0.5 * (1 + 0.9 * WORTH - WORTH) ** 2, rel=1e-5)


@pytest.mark.thorough(after=1)
@THREE
def test_the_compiled_training_never_copies_the_memory(make):
    assert copies_of_the_memory(make(memory=123_457, steps_per_update=1), TimeLimit(Echo(), 3)) == 0


@pytest.mark.thorough
@pytest.mark.parametrize("make", [small_td3, small_sac])
def test_it_finds_the_best_action_and_its_worth(make):
    rates = {"learning_rate": 1e-3, "critic_learning_rate": 3e-3, "target_step": 0.05}
    noise = {"noise_start": 1.0, "noise_end": 0.3, "noise_steps": 4_000.0} if make is small_td3 else {}
    algorithm = make(environments=2, memory=4_096, hidden=(32, 32), updates=2, **rates, **noise)
    engine = Compiled(algorithm, TimeLimit(Echo(2), 8))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 2_000)
    seen = np.float32([[4.0, 4.0], [3.0, 5.0], [0.5, 0.5]])
    np.testing.assert_allclose(engine.act(carry.state.policy, (), seen)[0], 4.0, atol=1.5)
    engine.close()
