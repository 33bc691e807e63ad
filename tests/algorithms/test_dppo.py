"""Distributed PPO: with one worker it equals PPO; its averaged gradients are compared with a loop over workers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import Echo, cycle, equal_bits, part_of, played, small_dppo, small_ppo

from zerone.algorithms.dppo import DPPO
from zerone.algorithms.ppo import PPO
from zerone.base.errors import InputError
from zerone.environments.wrappers import TimeLimit
from zerone.parts.exploration import shuffled
from zerone.parts.returns import adapted_penalty

DISCRETE, CONTINUOUS = cycle(), TimeLimit(Echo(), 5)
KEY = jax.random.key(3)
UPDATE = jax.jit(lambda algorithm, state, steps: algorithm.update(state, steps, KEY))


def _equal(one, other, tolerance):
    return all(
        np.allclose(a, b, rtol=tolerance, atol=tolerance / 10)
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environment", [DISCRETE, CONTINUOUS], ids=["discrete", "continuous"])
def test_it_is_ppo_where_steps_are_gathered_and_where_there_is_one_worker(environment):
    state, steps = played(small_ppo(), environment)
    expected = UPDATE(small_ppo(), state, steps)
    assert equal_bits(UPDATE(small_dppo(workers=4), state, steps), expected)
    assert _equal(UPDATE(small_dppo(workers=1, gather="gradients"), state, steps), expected, 1e-4)
    assert not _equal(UPDATE(small_dppo(workers=2, gather="gradients"), state, steps), expected, 1e-4)


_SAMPLES = jax.jit(lambda ppo, policy, steps: ppo.samples(policy, steps)[0])
_ORDER = jax.jit(shuffled, static_argnums=1)
_MOVED = jax.jit(lambda policy, one: one.distribution.divergence(policy.distribution(one.sequence.observation)).mean())
_SLOPE = jax.jit(lambda ppo, policy, batch, penalty: jax.grad(ppo.loss, has_aux=True)(policy, batch, penalty)[0])


def _by_hand(algorithm, state, steps):
    """An update of the chief and its workers, one after the other: the policy, and how far it has moved."""
    ppo, workers, policy = algorithm.alone(), range(algorithm.workers), state.policy
    adam = optax.chain(optax.clip_by_global_norm(ppo.max_gradient_norm), optax.adam(ppo.learning_rate))
    change = jax.jit(adam.update)
    moments = jax.jit(adam.init)(policy)
    samples = [_SAMPLES(ppo, policy, part_of(steps, k, algorithm.workers)) for k in workers]
    samples = [jax.tree.map(np.asarray, one) for one in samples]
    for key in jax.random.split(KEY, ppo.epochs):
        for part in np.asarray(_ORDER(key, samples[0].advantage.size)).reshape(ppo.minibatches, -1):
            batches = [jax.tree.map(lambda x, part=part: x[part], one) for one in samples]
            slopes = [_SLOPE(ppo, policy, batch, state.penalty) for batch in batches]
            mean = jax.tree.map(lambda *leaves: sum(map(np.asarray, leaves)) / len(leaves), *slopes)
            step, moments = change(mean, moments)
            policy = jax.tree.map(lambda x, y: np.asarray(x) + np.asarray(y), policy, step)
    if state.penalty is None:
        return policy, None
    moved = [np.asarray(_MOVED(policy, one)) for one in samples]
    return policy, sum(moved) / len(moved)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("environment", "objective"), [(DISCRETE, "clip"), (CONTINUOUS, "kl")], ids=["discrete, clip", "continuous, kl"]
)
def test_gradients_are_the_mean_over_workers_at_each_minibatch(environment, objective):
    algorithm = small_dppo(gather="gradients", objective=objective)
    state, steps = played(algorithm, environment)
    found, metrics = UPDATE(algorithm, state, steps)
    expected, moved = _by_hand(algorithm, state, steps)
    assert _equal(found.policy, expected, 1e-3)
    assert set(metrics) == set(DPPO.metrics)
    if objective == "kl":
        assert float(metrics["kl"]) == pytest.approx(float(moved), rel=1e-3)
        assert float(found.penalty) == float(adapted_penalty(state.penalty, moved, algorithm.kl_target))
    # Broken twin: one block with all steps, in which advantages are normalised together.
    gathered, _ = UPDATE(dataclasses.replace(algorithm, gather="steps"), state, steps)
    assert not _equal(gathered.policy, expected, 1e-3)


def test_each_worker_normalises_its_own_advantages():
    # A worker with 100 more reward at each step has no larger advantages than the others.
    algorithm = small_dppo(gather="gradients", minibatches=1)
    state, steps = played(algorithm, DISCRETE)
    samples, _ = jax.jit(algorithm.samples)(state.policy, steps)
    better = dataclasses.replace(samples, advantage=samples.advantage + jnp.array([[0.0], [100.0]]))
    gradient = jax.jit(lambda algorithm, batch: algorithm.gradient(state.policy, batch, None)[0].actor)
    assert _equal(gradient(algorithm, samples), gradient(algorithm, better), 1e-3)
    # Broken twin: advantages of all workers normalised together.
    joined, apart = (jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), each) for each in (samples, better))
    assert not _equal(gradient(small_ppo(), joined), gradient(small_ppo(), apart), 1e-3)


def test_what_one_worker_is():
    alone = DPPO(workers=4, environments=8, clip=0.3, gather="gradients").alone()
    assert alone == PPO(environments=2, clip=0.3)
    assert type(alone) is PPO
    assert DPPO(workers=16).environments == 16


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"workers": 0}, "DPPO: workers = 0 is not allowed: must be at least 1 and at most 256"),
        ({"workers": 257}, "DPPO: workers = 257 is not allowed: must be at least 1 and at most 256"),
        ({"workers": 3, "environments": 8}, "dppo: workers = 3 is not allowed: must divide environments = 8"),
        (
            {"minibatches": 3},
            "dppo: minibatches = 3 is not allowed: must divide environments × steps_per_update = 1024",
        ),
        (
            {"workers": 4, "steps_per_update": 2, "gather": "gradients"},
            "dppo: minibatches = 4 is not allowed: must divide each worker's environments / workers × "
            "steps_per_update = 2, because gradients are gathered",
        ),
        ({"gather": "networks"}, "DPPO: gather = 'networks' is not allowed: must be one of steps, gradients"),
        ({"kl_target": 0.1}, "must be 0.01 without objective=kl"),
    ],
)
def test_workers_that_cannot_be_are_refused(settings, line):
    with pytest.raises(InputError) as caught:
        DPPO(**settings).check()
    assert line in str(caught.value)
