"""Recurrent networks, compared with a GRU in NumPy; their memory covers exactly the current episode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces

from zerone.environments.spaces import Spaces
from zerone.parts.layers import Dueling
from zerone.parts.networks import NetworkSettings
from zerone.parts.policies import ActorAndCritic, PolicySettings
from zerone.parts.recurrent import RecurrentNetwork

BOX, PICTURE = spaces.Box(-1.0, 1.0, (3,), np.float32), spaces.Box(0, 255, (12, 12, 1), np.uint8)
T, N = 7, 4


def made(hidden=(6, 5), space=BOX, head=None, **changed):
    """A network with biases other than 0, so that each has an effect."""
    architecture = NetworkSettings(hidden=hidden, network="gru", activation="relu", **changed)
    options = () if head is None else (head,)

    @jax.jit
    def create(key):
        network = architecture.make_network(key, space, 2, *options)
        leaves, tree = jax.tree.flatten(network)
        return jax.tree.unflatten(tree, [x + 0.1 * jax.random.normal(key, x.shape) for x in leaves])

    return create(jax.random.key(0))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def in_numpy(network, memory, observation, begins):
    """The outputs and states of T consecutive steps, by the equations of Cho et al."""
    weights = jax.tree.map(np.float64, network)
    gru, h, outputs, states = weights.gru, np.float64(memory), [], []
    width = h.shape[-1]
    for t in range(len(observation)):
        h = np.where(begins[t][:, None], 0.0, h)
        x = np.float64(observation[t])
        for layer in weights.layers:
            x = np.maximum(0, x @ layer.weight + layer.bias)
        w, u = gru.inward.weight, gru.onward.weight
        b, c = gru.inward.bias, gru.onward.bias
        part = [slice(i * width, (i + 1) * width) for i in range(3)]
        r, z = (sigmoid(x @ w[:, p] + b[p] + h @ u[:, p] + c[p]) for p in part[:2])
        n = np.tanh(x @ w[:, part[2]] + b[part[2]] + r * (h @ u[:, part[2]] + c[part[2]]))
        h = (1 - z) * n + z * h
        (last,) = weights.head.layers
        outputs.append(h @ last.weight + last.bias)
        states.append(h)
    return np.stack(outputs), np.stack(states)


@pytest.fixture(scope="module")
def case():
    random = np.random.default_rng(0)
    seen = random.uniform(-1, 1, (T, N, 3)).astype(np.float32)
    begins = random.random((T, N)) < 0.3
    assert begins.sum() > 4
    memory = random.normal(size=(N, 5)).astype(np.float32)
    return memory, seen, begins


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("hidden", [(5,), (6, 5)])
def test_a_gru_is_that_of_its_equations_step_by_step_and_along_a_sequence(hidden, case):
    memory, seen, begins = case
    network = made(hidden)
    outputs, states = jax.jit(RecurrentNetwork.along)(network, memory, seen, begins)
    expected, after = in_numpy(network, *case)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(states, after, rtol=1e-4, atol=1e-5)
    one = jax.jit(RecurrentNetwork.step)
    h = memory
    for t in range(T):
        output, h = one(network, np.where(begins[t][:, None], 0, h), seen[t])
        np.testing.assert_allclose(output, expected[t], rtol=1e-4, atol=1e-5)
    # Broken twin: keeps its memory after the end of an episode.
    assert np.abs(in_numpy(network, memory, seen, begins & False)[0] - expected).max() > 0.01


def test_what_is_learnt_flows_through_a_sequence_and_over_no_beginning_of_an_episode(case):
    memory, seen, _ = case
    network = made()
    for begin, flows in ((0, True), (3, False)):
        begins = (
            np.arange(T)[:, None] == np.where(np.arange(N) == 0, begin, 0)[None]
        )  # only the first episode begins late
        slope = jax.jit(jax.grad(lambda seen, begins=begins: network.along(memory, seen, begins)[0][-1, 0].sum()))(seen)
        assert bool(np.abs(slope[1, 0]).max() > 1e-6) is flows
        assert not np.abs(slope[:, 1:]).any()  # other episodes have no effect


def test_it_begins_with_nothing_and_a_network_without_a_memory_has_none():
    assert np.array_equal(made().initial_memory(3), np.zeros((3, 5)))
    plain = NetworkSettings(hidden=(5,), activation="relu").make_network(jax.random.key(0), BOX, 2)
    assert plain.initial_memory(3) == ()
    output, memory = plain.step((), np.zeros((4, 3), np.float32))
    assert (output.shape, memory) == ((4, 2), ())
    assert plain.along((), np.zeros((9, 3), np.float32), None)[0].shape == (9, 2)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("space", "head", "changed"),
    [(PICTURE, None, {}), (spaces.Discrete(4), None, {}), (BOX, Dueling, {}), (BOX, None, {"layer_norm": True})],
    ids=["picture", "discrete", "dueling", "layer norm"],
)
def test_it_sees_what_others_see(space, head, changed):
    network = made(space=space, head=head, **changed)
    seen = jnp.zeros((T, N, *(space.shape or ())), jax.dtypes.canonicalize_dtype(space.dtype))
    outputs, after = jax.eval_shape(
        RecurrentNetwork.along, network, network.initial_memory(N), seen, jnp.zeros((T, N), bool)
    )
    assert (outputs.shape, after.shape) == ((T, N, 2), (T, N, 5))


def test_actor_and_critic_remember_each_their_own():
    both = Spaces(BOX, spaces.Discrete(2))
    policy = jax.jit(lambda key: ActorAndCritic.create(key, both, PolicySettings(hidden=(5,), network="gru")))(
        jax.random.key(0)
    )
    memory = policy.initial_memory(N)
    seen = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
    _, after, _ = jax.jit(lambda policy: policy.act(memory, seen))(policy)
    for network, mine in zip((policy.actor, policy.critic), after, strict=True):
        np.testing.assert_allclose(mine, network.step(np.zeros((N, 5), np.float32), seen)[1], rtol=1e-5, atol=1e-6)
    assert not np.allclose(after[0], after[1])
