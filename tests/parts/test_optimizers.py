"""Optimisers, compared with the formulas of their papers in NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gymnasium import spaces

from zerone.environments.spaces import Spaces
from zerone.parts.optimizers import adam_or_rmsprop, as_one_array, bounded, falling, of_actor_and_critic
from zerone.parts.policies import ActorAndCritic, PolicySettings

GRADIENTS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def _run(rule, gradients):
    parameters = jnp.zeros(gradients.shape[1])
    state = rule.init(parameters)
    for gradient in gradients:
        change, state = rule.update(jnp.asarray(gradient), state, parameters)
        parameters = optax.apply_updates(parameters, change)
    return np.asarray(parameters)


def _rmsprop(gradients, rate, decay, epsilon=1e-5):
    """Mnih et al. 2016, eq. 8 and 9."""
    parameters, square = np.zeros(gradients.shape[1]), np.zeros(gradients.shape[1])
    for gradient in gradients.astype(np.float64):
        square = decay * square + (1 - decay) * gradient**2
        parameters -= rate * gradient / np.sqrt(square + epsilon)
    return parameters


def _adam(gradients, rate):
    """Kingma & Ba 2015, algorithm 1."""
    parameters, first, second = np.zeros((3, gradients.shape[1]))
    for t, gradient in enumerate(gradients.astype(np.float64), 1):
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        parameters = parameters - rate * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
    return parameters


def test_the_rules_are_those_of_their_papers():
    rmsprop, adam = (adam_or_rmsprop(kind, 0.1, 0.9) for kind in ("rmsprop", "adam"))
    np.testing.assert_allclose(_run(rmsprop, GRADIENTS), _rmsprop(GRADIENTS, 0.1, 0.9), rtol=1e-4)
    np.testing.assert_allclose(_run(adam, GRADIENTS), _adam(GRADIENTS, 0.1), rtol=1e-4)
    assert not np.allclose(_rmsprop(GRADIENTS, 0.1, 0.9), _adam(GRADIENTS, 0.1), rtol=0.1)


def test_longer_gradients_are_shortened_and_shorter_ones_are_not():
    long, short = np.float32([[3, 4]]), np.float32([[0.3, 0.4]])
    rule = bounded(optax.sgd(1.0), 1.0)
    np.testing.assert_allclose(_run(rule, long), [-0.6, -0.8], rtol=1e-6)
    np.testing.assert_allclose(_run(rule, short), [-0.3, -0.4], rtol=1e-6)


@pytest.mark.parametrize("rates", [0.01, np.float32([0.1, 0.01, 0.001])], ids=["one", "a batch of three"])
def test_all_layers_as_one_array_are_the_flattening_of_optax_but_never_concatenated(rates):
    """XLA may read a concatenation of a large and a small layer element by element, which takes ten times as long."""
    network = {"a": jnp.ones((4, 6)), "b": (jnp.zeros(6), jnp.full((6, 1), 2.0)), "none": None, "one": jnp.float32(3.0)}
    gradient = jax.tree.map(lambda leaf: jnp.cos(leaf + jnp.arange(leaf.size).reshape(leaf.shape)), network)

    def second_step(rate, flattening):
        rule = flattening(optax.chain(optax.add_decayed_weights(0.1), optax.adam(rate)))
        first, state = rule.update(gradient, rule.init(network), network)
        return rule.update(gradient, state, optax.apply_updates(network, first))[0]

    def of(flattening):
        run = functools.partial(second_step, flattening=flattening)
        return jax.jit(jax.vmap(run) if np.ndim(rates) else run)

    expected, found = of(optax.flatten)(rates), of(as_one_array)(rates)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    assert "concatenate" in str(jax.make_jaxpr(of(optax.flatten))(rates))
    assert "concatenate" not in str(jax.make_jaxpr(of(as_one_array))(rates))


@pytest.mark.parametrize(("count", "expected"), [(0, 2.0), (50, 1.25), (100, 0.5), (10**6, 0.5)])
def test_a_step_size_falls_linearly_and_then_stays(count, expected):
    assert float(jax.jit(falling(2.0, 0.25, 100.0))(jnp.int32(count))) == pytest.approx(expected)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("action", [spaces.Discrete(3), spaces.Box(-1, 1, (2,))], ids=["discrete", "continuous"])
def test_actor_and_critic_have_a_rule_each_and_a_norm_of_their_own(action):
    made = Spaces(spaces.Box(-1, 1, (4,)), action)
    network = jax.jit(lambda key: ActorAndCritic.create(key, made, PolicySettings(hidden=(5,))))(jax.random.key(0))
    gradient = jax.tree.map(lambda x: jnp.full_like(x, 2.0), network)
    rule = of_actor_and_critic(bounded(optax.sgd(0.5), 1e9), bounded(optax.sgd(0.25), 3.0))
    change, _ = jax.jit(rule.update)(gradient, rule.init(network))
    mine = jax.tree.leaves((change.actor, change.log_deviation))
    assert len(mine) == (4 if network.log_deviation is None else 5)
    for leaf in mine:
        np.testing.assert_array_equal(leaf, -1.0)
    length = np.sqrt(sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(change.critic)))
    assert length == pytest.approx(0.25 * 3.0, rel=1e-5)
