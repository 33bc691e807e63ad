"""PPO's further options: unnormalised advantages, early stopping, bounds of β, a step size for the critic."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gymnasium import spaces
from linear import gradient_of, linear_policy, score
from toys import Echo, cycle, equal_bits, part_of, played, small_dppo, small_ppo, table

from zerone.algorithms import catalogue
from zerone.algorithms.ppo import PPO, Sample
from zerone.base.errors import InputError
from zerone.base.pytree import is_on
from zerone.engines.compiled import Compiled
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit
from zerone.parts import returns
from zerone.parts.exploration import shuffled
from zerone.parts.recurrent import Sequence

KEY = jax.random.key(3)
UPDATE = jax.jit(lambda algorithm, state, steps: algorithm.update(state, steps, KEY))
SAMPLES = jax.jit(lambda ppo, policy, steps: ppo.samples(policy, steps)[0])
ORDER = jax.jit(shuffled, static_argnums=1)
SLOPE = jax.jit(lambda ppo, policy, batch, penalty: jax.grad(ppo.loss, has_aux=True)(policy, batch, penalty))
DISCRETE, CONTINUOUS = cycle(), TimeLimit(Echo(), 5)
BOTH = pytest.mark.parametrize("environment", [DISCRETE, CONTINUOUS], ids=["discrete", "continuous"])
OBJECTIVE = pytest.mark.parametrize("objective", ["clip", "kl"])


def near(one, other, tolerance=1e-3):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.allclose(a, b, rtol=tolerance, atol=tolerance / 10) for a, b in leaves)


def by_hand(algorithm, state, steps, stop=np.inf, critic_rate=None):
    """An update in NumPy with one optimiser per network, minibatch by minibatch; and when the policy stopped.

    The gradient of a minibatch is the mean over the workers' parts (one part if steps are gathered).
    """
    workers = getattr(algorithm, "workers", 1) if getattr(algorithm, "gather", "steps") == "gradients" else 1
    ppo = algorithm.alone() if workers > 1 else algorithm
    rates = {"actor": algorithm.learning_rate, "critic": critic_rate or algorithm.learning_rate}
    rules = {
        name: optax.chain(optax.clip_by_global_norm(algorithm.max_gradient_norm), optax.adam(rate))
        for name, rate in rates.items()
    }
    policy, penalty = state.policy, state.penalty
    parts = {"actor": (policy.actor, policy.log_deviation), "critic": policy.critic}
    moments = {name: rules[name].init(part) for name, part in parts.items()}
    samples = [jax.tree.map(np.asarray, SAMPLES(ppo, policy, part_of(steps, k, workers))) for k in range(workers)]
    step, stopped_at, divergences = 0, None, []
    for key in jax.random.split(KEY, ppo.epochs):
        for part in np.asarray(ORDER(key, samples[0].advantage.size)).reshape(ppo.minibatches, -1):
            found = [SLOPE(ppo, policy, jax.tree.map(lambda x, p=part: x[p], one), penalty) for one in samples]
            slope = jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *[each[0] for each in found])
            divergences.append(np.mean([float(each[1]["kl"]) for each in found]))
            if stopped_at is None and divergences[-1] > stop:
                stopped_at = step
            slopes = {"actor": (slope.actor, slope.log_deviation), "critic": slope.critic}
            for name in ("critic",) if stopped_at is not None else ("actor", "critic"):
                change, moments[name] = jax.jit(rules[name].update)(slopes[name], moments[name])
                parts[name] = optax.apply_updates(parts[name], change)
            actor, deviation = parts["actor"]
            policy = dataclasses.replace(policy, actor=actor, log_deviation=deviation, critic=parts["critic"])
            step += 1
    return policy, stopped_at, divergences


# Options that are off


def test_what_is_off_is_no_leaf_and_what_is_on_is_a_number_that_compiles_nothing_anew():
    off, on = jax.tree.leaves(PPO()), jax.tree.leaves(PPO(kl_stop=4.0, critic_learning_rate=1e-3))
    assert len(on) == len(off) + 2
    assert jax.tree.map(lambda x: x, PPO()) == PPO()
    other = jax.tree.structure(PPO(kl_stop=1.5, critic_learning_rate=2e-3))
    assert jax.tree.structure(PPO(kl_stop=4.0, critic_learning_rate=1e-3)) == other
    assert other != jax.tree.structure(PPO())
    assert [is_on(each) for each in (0.0, 0, 1e-9, jnp.float32(0))] == [False, False, True, True]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"kl_penalty_min": 0.1}, "kl_penalty_min = 0.1 is not allowed: must be 1e-10 without objective=kl"),
        ({"kl_penalty_max": 10.0}, "kl_penalty_max = 10.0 is not allowed: must be 10000000000.0 without objective=kl"),
        ({"kl_target": 0.02}, "kl_target = 0.02 is not allowed: must be 0.01 without objective=kl or kl_stop"),
        ({"kl_stop": -1.0}, "kl_stop = -1.0 is not allowed: must be at least 0"),
        ({"critic_learning_rate": -1.0}, "critic_learning_rate = -1.0 is not allowed: must be at least 0"),
        ({"objective": "kl", "kl_penalty": 20.0, "kl_penalty_max": 10.0}, "kl_penalty = 20.0 is not allowed: must be"),
        ({"objective": "kl", "kl_penalty_min": 2.0}, "at least kl_penalty_min = 2 and at most kl_penalty_max = 1e+10"),
        ({"objective": "kl", "kl_penalty_min": 2.0, "kl_penalty_max": 1.0}, "at least kl_penalty_min = 2 and at most"),
    ],
)
def test_options_that_would_be_ignored_or_make_no_sense_are_refused(settings, line):
    for name in ("ppo", "dppo"):
        with pytest.raises(InputError) as caught:
            catalogue.make(name, settings)
        assert line in str(caught.value)
    assert PPO(kl_stop=4.0, kl_target=0.02).kl_target == 0.02


# Advantages


@pytest.mark.thorough(after=2)
@OBJECTIVE
@pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
def test_advantages_that_are_not_normalised_count_as_they_are(objective, continuous):
    random = np.random.default_rng(4)
    policy = linear_policy(1, 3, 2, continuous=continuous)
    seen = random.normal(size=(30, 3)).astype(np.float32)
    action = random.normal(size=(30, 2)).astype(np.float32) if continuous else random.integers(2, size=30)
    advantage = (5 + 3 * random.normal(size=30)).astype(np.float32)
    old = policy.distribution(seen)
    kept = old if objective == "kl" else None
    batch = Sample(Sequence((), seen, None), action, old.log_probability(action), advantage, advantage, kept)
    penalty = jnp.float32(0.5) if objective == "kl" else None
    for normalize, weight in ((False, advantage), (True, (advantage - advantage.mean()) / advantage.std())):
        algorithm = small_ppo(objective=objective, normalize_advantages=normalize)
        gradient, _ = jax.jit(algorithm.gradient)(policy, batch, penalty)
        # For the policy that played, the ratio is 1 and the divergence's gradient 0: the gradient is -E[Â ∇ ln π].
        for name, slope in score(policy, seen, action).items():
            expected = -np.tensordot(weight, slope, 1) / 30
            np.testing.assert_allclose(gradient_of(gradient, name), expected, rtol=2e-3, atol=1e-3)


def bandit():
    """Two actions, of which the second has a reward of 1; each episode is one step."""
    return table([0], [(0, 1)], [1])


@pytest.mark.thorough
@pytest.mark.parametrize(
    "algorithm",
    [
        small_ppo(environments=1, steps_per_update=4, minibatches=4),
        small_ppo(environments=1, steps_per_update=1, minibatches=1),
        small_ppo(environments=1, steps_per_update=4, minibatches=4, objective="kl"),
        small_ppo(environments=1, steps_per_update=4, minibatches=4, normalize_advantages=False),
        small_dppo(environments=2, steps_per_update=2, minibatches=2, gather="gradients"),
        small_dppo(environments=2, steps_per_update=2, minibatches=4, gather="steps"),
    ],
    ids=["ppo", "one step", "kl", "not normalised", "dppo, gradients", "dppo, steps"],
)
def test_minibatches_of_one_sample_teach_the_policy_too(algorithm, monkeypatch):
    environment = bandit()

    def worth():
        engine = Compiled(dataclasses.replace(algorithm, learning_rate=0.01), environment)
        (carry,) = engine.advance([engine.init(0)], [0], [0], 200)
        engine.close()
        return float(
            np.exp(carry.state.policy.distribution(np.zeros(1, np.int32)).log_probability(np.ones(1, np.int32)))[0]
        )

    assert worth() > 0.9
    if algorithm.normalize_advantages:
        jax.clear_caches()
        monkeypatch.setattr("zerone.algorithms.ppo.normalize", lambda x: (x - x.mean()) / (x.std() + 1e-8))
        assert worth() == pytest.approx(0.5, abs=0.05)  # the broken twin learns nothing
        jax.clear_caches()


def test_advantages_that_are_all_the_same_are_not_replaced_by_their_roundings():
    constant = np.full(1000, 0.1, np.float32)
    found = np.asarray(jax.jit(returns.normalize)(constant))
    np.testing.assert_array_equal(found, constant)


# The critic's step size


@pytest.mark.thorough(after=1)
@BOTH
@OBJECTIVE
def test_the_critic_takes_its_own_step_size_and_the_actor_keeps_his(environment, objective):
    algorithm = small_ppo(objective=objective, critic_learning_rate=0.003)
    state, steps = played(algorithm, environment)
    after, _ = UPDATE(algorithm, state, steps)
    expected, _, _ = by_hand(algorithm, state, steps, critic_rate=0.003)
    assert near(after.policy, expected)
    # Another step size of the critic does not change the actor in this block.
    other, _ = UPDATE(dataclasses.replace(algorithm, critic_learning_rate=0.03), state, steps)
    assert equal_bits(other.policy.actor, after.policy.actor)
    assert not near(other.policy.critic, after.policy.critic, 0.01)


def test_both_step_sizes_fall_together():
    algorithm = small_ppo(critic_learning_rate=0.002, learning_rate_end=0.0, decay_steps=128.0)  # two blocks of 64
    state, steps = played(algorithm, DISCRETE)
    for _ in range(2):
        state, _ = UPDATE(algorithm, state, steps)
    after, _ = UPDATE(algorithm, state, steps)
    assert equal_bits(after.policy, state.policy)


# The early stop


@pytest.mark.thorough(after=1)
@BOTH
@OBJECTIVE
@pytest.mark.parametrize("gather", [None, "steps", "gradients"])
def test_the_policy_stops_when_it_has_moved_too_far_and_the_critic_goes_on(environment, objective, gather):
    settings = {"objective": objective, "epochs": 3, "kl_stop": 4.0, "kl_target": 0.001}
    algorithm = small_ppo(**settings) if gather is None else small_dppo(**settings, gather=gather)
    state, steps = played(algorithm, environment)
    _, _, divergences = by_hand(algorithm, state, steps)
    # A bound that is crossed in the middle of the block: half of the largest divergence.
    bound = max(divergences) / 2
    expected, stopped_at, _ = by_hand(algorithm, state, steps, stop=bound)
    assert 0 < stopped_at < 6
    algorithm = dataclasses.replace(algorithm, kl_target=bound / 4)
    after, metrics = UPDATE(algorithm, state, steps)
    assert near(after.policy, expected)
    never, _ = UPDATE(dataclasses.replace(algorithm, kl_stop=1e9), state, steps)
    assert near(never.policy.critic, after.policy.critic)  # the critic has not stopped
    assert not near(never.policy.actor, after.policy.actor)
    assert set(metrics) == set(PPO.metrics)


@pytest.mark.thorough
def test_where_it_is_never_reached_the_stop_changes_nothing():
    state, steps = played(small_ppo(kl_stop=1e9), CONTINUOUS)
    after, _ = UPDATE(small_ppo(kl_stop=1e9), state, steps)
    expected, stopped_at, _ = by_hand(small_ppo(), state, steps)
    assert stopped_at is None
    assert near(after.policy, expected)


@pytest.mark.thorough
def test_the_next_block_begins_anew_and_the_step_size_falls_with_the_steps_all_the_same():
    settings = {"learning_rate_end": 0.0, "decay_steps": 128.0, "kl_target": 1e-7}  # two blocks of 64
    algorithm = small_ppo(kl_stop=1.0, objective="kl", **settings)
    state, steps = played(algorithm, CONTINUOUS)
    moved = []
    for _ in range(3):
        after, _ = UPDATE(algorithm, state, steps)
        moved.append(float(np.abs(after.policy.log_deviation - state.policy.log_deviation).max()))
        state = after
    # One step of the policy per block (its divergence is 0 before the first minibatch), with α, then α / 2, then 0.
    assert moved[0] == pytest.approx(0.01, rel=1e-3)
    assert 0.001 < moved[1] < 0.006
    assert moved[2] == 0


# The bounds of β


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("moves", "penalty", "expected"), [(1e9, 6.0, 10.0), (1e9, 3.0, 6.0), (1e-9, 1.5e-4, 1e-4)])
def test_beta_stays_within_its_bounds(moves, penalty, expected):
    algorithm = small_ppo(objective="kl", kl_penalty=penalty, kl_penalty_min=1e-4, kl_penalty_max=10.0)
    algorithm.check()
    state, steps = played(algorithm, CONTINUOUS)
    after, _ = UPDATE(dataclasses.replace(algorithm, kl_target=1 / moves), state, steps)
    assert float(after.penalty) == pytest.approx(expected)


def test_the_tutorials_ppo_can_be_had_as_a_whole():
    tutorial = {
        "objective": "kl", "kl_target": 0.01, "kl_penalty": 0.5, "kl_penalty_min": 1e-4, "kl_penalty_max": 10.0,
        "kl_stop": 4.0, "normalize_advantages": False, "learning_rate": 1e-4, "critic_learning_rate": 2e-4,
        "discount": 0.9, "trace_decay": 1.0, "environments": 1, "steps_per_update": 32, "epochs": 10, "minibatches": 1,
        "hidden": [100], "max_gradient_norm": 1e6,
    }  # fmt: skip
    algorithm = catalogue.make("ppo", tutorial)
    seen = Spaces(spaces.Box(-1.0, 1.0, (3,)), spaces.Box(-2.0, 2.0, (1,)))
    assert algorithm.refuse(seen) is None
    shape = jax.eval_shape(lambda key: algorithm.init(key, seen), KEY)
    assert set(shape.optimizer.inner_states) == {"actor", "critic"}
