"""User-defined networks: passed in Python or named `module:Name`, with Equinox and with Flax."""

import json
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from toys import small_dqn, small_ppo, small_reinforce, small_sac

import zerone as zo
from zerone.base.errors import InputError
from zerone.parts.own_networks import OwnNetwork, given

FEW = {"steps": 300, "evaluation_episodes": 2, "figure": False, "seed": 3}


class Wide(eqx.Module):
    """A network for one observation, as usual in Equinox, with a function among its leaves."""

    mlp: eqx.nn.MLP

    def __init__(self, shape, outputs, *, key):
        self.mlp = eqx.nn.MLP(shape[0], outputs, 8, 1, activation=jax.nn.silu, key=key)

    def __call__(self, x):
        return self.mlp(x)


class Wrong(Wide):
    """A network with one output too many."""

    def __init__(self, shape, outputs, *, key):
        super().__init__(shape, outputs + 1, key=key)


class Fails(Wide):
    """A network that needs pictures."""

    def __call__(self, x):
        height, width, channels = x.shape
        return self.mlp(x) + height * width * channels


class OtherArguments(eqx.Module):
    """A network with other constructor arguments."""

    def __init__(self, size):
        self.size = size


class Turned(Wide):
    """A network with arrays that are not learnt, as usual in Equinox: of whole numbers, of booleans, and a key."""

    order: jax.Array
    seen: np.ndarray
    noise: jax.Array

    def __init__(self, shape, outputs, *, key):
        super().__init__(shape, outputs, key=key)
        self.order, self.seen = jnp.arange(shape[0])[::-1], np.arange(shape[0]) != 1
        self.noise = jax.random.key(7)

    def __call__(self, x):
        return self.mlp(jnp.where(self.seen, x, 0.0)[self.order]) + jax.random.normal(self.noise, ())


class Shuffled(Turned):
    """A network whose seeds differ in more than what is learnt."""

    def __init__(self, shape, outputs, *, key):
        super().__init__(shape, outputs, key=key)
        self.order = jax.random.permutation(key, shape[0])


def constant(key, shape, outputs):
    """A function that makes a network in which nothing can be learnt."""
    del key, shape
    return lambda x: jnp.ones(outputs) * x.sum()


def linear(key, shape, outputs):
    """A function that makes a network."""
    return eqx.nn.Linear(shape[0], outputs, key=key)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("algorithm", [small_ppo(), small_dqn(), small_reinforce(), small_sac()], ids=lambda a: a.name)
@pytest.mark.parametrize("network", [Wide, Turned, linear])
def test_a_network_that_is_given_learns_is_kept_and_loaded_again(algorithm, network, tmp_path):
    environment = "Pendulum-v1" if algorithm.name == "sac" else "CartPole-v1"
    run = zo.train(algorithm, environment, network=network, out=tmp_path / "r", **FEW)
    kept = json.loads((run.path / "config.json").read_text())["algorithm"]["settings"]["network"]
    assert kept == f"{__name__}:{network.__qualname__}"
    inside = jax.tree.leaves(run.agent().policy, is_leaf=lambda x: isinstance(x, OwnNetwork))
    assert any(isinstance(each, OwnNetwork) for each in inside)
    loaded = zo.load(run.path)
    assert loaded.evaluate(episodes=2) == run.evaluate(episodes=2)
    assert zo.resume(run.path).result["seeds"] == run.result["seeds"]


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("kind", [Wide, Turned])
def test_it_acts_as_the_module_itself(kind):
    box = spaces.Box(-1.0, 1.0, (3,), np.float32)
    key = jax.random.key(1)
    network = OwnNetwork.create(given(kind), key, box, 2)
    seen = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    theirs = jax.vmap(jax.vmap(kind((3,), 2, key=key)))(network.features(seen))
    np.testing.assert_allclose(jax.jit(lambda seen: network(seen))(seen), theirs, rtol=1e-5, atol=1e-6)


def test_flax_modules_are_taken_too(tmp_path):
    nn = pytest.importorskip("flax.linen")

    class FlaxNetwork(nn.Module):
        outputs: int

        @nn.compact
        def __call__(self, x):
            return nn.Dense(self.outputs)(nn.relu(nn.Dense(8)(x)))

    run = zo.train(small_ppo(), "CartPole-v1", network=FlaxNetwork, out=tmp_path / "r", **FEW)
    assert zo.load(run.path).evaluate(episodes=2) == run.evaluate(episodes=2)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Wrong, r"network .*Wrong gives \(3,\) for an observation, but must give \(2,\)"),
        (Fails, r"network .*Fails does not take observations of shape \(4,\): not enough values to unpack"),
        (Shuffled, r"network .*Shuffled has an array of int32 that depends on the key: make it from a seed of its own"),
        (constant, "network .*constant has nothing to learn: it must have an array of floating-point numbers"),
        (OtherArguments, "OtherArguments is not a valid network: it must take key, shape, outputs"),
        (3, "3 is not a valid network: it must be a class of Equinox's or Flax's modules, or a function"),
        ("nowhere_at_all:Net", "network nowhere_at_all:Net: module 'nowhere_at_all' cannot be imported"),
        (f"{__name__}:Nope", "has no 'Nope'"),
        ("subprocess:Popen", "subprocess:Popen is not a valid network"),
        ("lstm", "network = 'lstm' is not allowed: must be one of auto, mlp, convolution, gru or module:Name"),
        ("convolution", "network = convolution needs pictures"),
    ],
)
@pytest.mark.parametrize("name", ["ppo", "object"])
def test_what_is_no_network_is_refused_in_a_line_and_nothing_is_created(name, network, said, tmp_path):
    with pytest.raises(InputError, match=said) as error:
        zo.train(small_ppo() if name == "object" else name, "CartPole-v1", network=network, out=tmp_path / "r", **FEW)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "r").exists()


def test_who_has_no_network_takes_none(tmp_path):
    for algorithm in ("q-learning", zo.QLearning()):
        with pytest.raises(InputError, match=r"q-learning has no (setting 'network'|network)"):
            zo.train(algorithm, "zerone/Maze-v0", network="mlp", out=tmp_path / "r", **FEW)
    with pytest.raises(InputError, match="it cannot learn with a network that remembers"):
        zo.train("reinforce", "CartPole-v1", network="gru", out=tmp_path / "r", **FEW)
    with pytest.raises(InputError, match="network is not allowed twice"):
        zo.train("ppo", "CartPole-v1", network="mlp", settings={"network": "gru"}, out=tmp_path / "r", **FEW)


def test_a_folder_imports_no_network_unless_it_is_trusted(tmp_path, monkeypatch):
    (tmp_path / "my_network.py").write_text(
        "import equinox as eqx\n\ndef net(key, shape, outputs):\n    return eqx.nn.Linear(shape[0], outputs, key=key)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    run = zo.train("ppo", "CartPole-v1", network="my_network:net", out=tmp_path / "r", **FEW)
    monkeypatch.delitem(sys.modules, "my_network")
    with pytest.raises(InputError, match=r"'my_network:net' would import the module 'my_network': .*import my_network"):
        zo.load(run.path).evaluate(episodes=2)
    assert "my_network" not in sys.modules
    import my_network  # noqa: F401

    assert zo.load(run.path).evaluate(episodes=2) == run.evaluate(episodes=2)
