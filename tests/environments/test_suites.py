"""Adapters compared with the suites, step by step. Skipped if a suite is not installed (`make suites`)."""

from __future__ import annotations

import importlib
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.environments import catalogue, suites
from zerone.environments.entries import Entry
from zerone.environments.objects import by_id
from zerone.environments.treasure import Treasure

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of the suites themselves
FEW = {"evaluation_episodes": 2, "figure": False}


@pytest.fixture(autouse=True)
def _broadcasting():
    """Allow implicit broadcasting, which suites use; all other tests forbid it."""
    before = jax.config.jax_numpy_rank_promotion
    jax.config.update("jax_numpy_rank_promotion", "allow")
    with jax.numpy_rank_promotion("allow"):
        yield
    jax.config.update("jax_numpy_rank_promotion", before)


def suite(name):
    """The suite's module; skips the test if it is not installed."""
    return pytest.importorskip(name, reason=f"the suite {name} is not installed: make suites", exc_type=ImportError)


def actions(space, number):
    space.seed(1)
    return [space.sample() for _ in range(number)]


def same(one, other):
    """Check equality up to float32 rounding, as two programs of the same equations may round differently."""
    np.testing.assert_allclose(np.asarray(one, np.float64), np.asarray(other, np.float64), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["CartPole-v1", "Breakout-MinAtar", "Catch-bsuite", "Pendulum-v1", "DeepSea-bsuite", "MemoryChain-bsuite"]
)
def test_gymnax_step_for_step(name):
    """`terminated` and `truncated` equal those of gymnax's `step`, up to and including the first end."""
    gymnax = suite("gymnax")
    theirs, parameters = gymnax.make(name)
    ours = zo.make(f"gymnax:{name}")
    reset, step = jax.jit(ours.reset), jax.jit(ours.step)
    ends = set()
    for episode in range(3):
        key = jax.random.key(episode)
        seen, state = reset(key)
        same(seen, theirs.reset(key, parameters)[0])
        for number, action in enumerate(actions(ours.action_space, ours.limit)):
            key = jax.random.fold_in(key, number)
            own_key, _ = jax.random.split(key)  # gymnax splits the key: the other half is for its reset
            their = theirs.step(key, state.inner, action, parameters)
            seen, state, reward, terminated, truncated, _ = step(own_key, state, action)
            same(seen, their[5]["final_observation"])
            same(reward, their[2])
            assert (bool(terminated), bool(truncated)) == (bool(their[3]), bool(their[4]))
            if terminated or truncated:
                ends.add("terminated" if terminated else "truncated")
                break
    assert ends


def test_a_time_limit_of_gymnax_truncates_and_does_not_terminate():
    suite("gymnax")
    environment = zo.make("gymnax:Pendulum-v1")
    assert environment.limit == 200
    _, state = environment.reset(jax.random.key(0))
    step = jax.jit(environment.step)
    for number in range(1, 201):
        _, state, _, terminated, truncated, _ = step(jax.random.key(number), state, jnp.zeros(1))
        assert (bool(terminated), bool(truncated)) == (False, number == 200)


@pytest.mark.parametrize("name", ["inverted_pendulum"])
def test_brax_step_for_step(name):
    suite("brax")
    from brax import envs

    theirs = envs.get_environment(name)
    ours = zo.make(f"brax:{name}")
    assert ours.limit == 1000
    key = jax.random.key(3)
    seen, state = jax.jit(ours.reset)(key)
    their = jax.jit(theirs.reset)(key)
    same(seen, their.obs)
    step, their_step = jax.jit(ours.step), jax.jit(theirs.step)
    for action in actions(ours.action_space, 20):
        seen, state, reward, terminated, truncated, _ = step(key, state, action)
        their = their_step(their, action)
        same(seen, their.obs)
        same(reward, their.reward)
        assert (bool(terminated), bool(truncated)) == (bool(their.done), False)


@pytest.mark.parametrize("name", ["Navix-Empty-5x5-v0", "Navix-DoorKey-Random-5x5-v0"])
def test_navix_step_for_step(name):
    navix = suite("navix")
    theirs = navix.make(name)
    ours = zo.make(f"navix:{name}")
    assert ours.limit == theirs.max_steps
    key = jax.random.key(3)
    seen, state = jax.jit(ours.reset)(key)
    their = jax.jit(theirs.reset)(key)
    same(seen, their.observation)
    step, their_step = jax.jit(ours.step), jax.jit(theirs.step)
    for action in actions(ours.action_space, ours.limit):
        seen, state, reward, terminated, truncated, _ = step(key, state, action)
        their = their_step(their, action)
        same(seen, their.observation)
        same(reward, their.reward)
        assert ours.observation_space.contains(np.asarray(seen))
        assert (bool(terminated), bool(truncated)) == (bool(their.is_termination()), bool(their.is_truncation()))
        if terminated or truncated:
            break
    assert terminated or truncated


@pytest.mark.parametrize(
    ("algorithm", "name", "settings"),
    [
        ("ppo", "gymnax:Catch-bsuite", {"environments": 2, "steps_per_update": 16, "hidden": (8,), "minibatches": 2}),
        ("dqn", "navix:Navix-Empty-5x5-v0", {"hidden": (8,), "memory": 100, "warmup": 20, "batch": 8}),
        ("ddpg", "brax:inverted_pendulum", {"hidden": (8,), "memory": 100, "warmup": 20, "batch": 8}),
    ],
)
def test_it_trains_compiled_and_is_loaded_without_trust(tmp_path, algorithm, name, settings):
    suite(name.partition(":")[0])
    run = zo.train(algorithm, name, steps=64, settings=settings, options={"limit": 30}, out=tmp_path / "run", **FEW)
    assert run.config["engine"] == "compiled"
    kept = json.loads((run.path / "config.json").read_text())["environment"]
    assert (kept["id"], kept["options"], kept.get("source")) == (name, {"limit": 30}, None)
    assert zo.load(run.path).evaluate(episodes=2) == run.evaluate(episodes=2)


def test_parameters_are_options_and_an_object_is_its_id():
    suite("gymnax")
    heavy = zo.make("gymnax:CartPole-v1", gravity=20.0, limit=50)
    assert by_id(heavy, {}) == ("gymnax:CartPole-v1", {"gravity": 20.0, "limit": 50})
    assert heavy == zo.make("gymnax:CartPole-v1", gravity=20.0, limit=50)
    _, state = heavy.reset(jax.random.key(0))
    light = zo.make("gymnax:CartPole-v1")
    fell = [each.step(jax.random.key(0), state, 1)[0][3] for each in (heavy, light)]
    assert float(fell[0]) != float(fell[1])
    with pytest.raises(InputError, match=r"option 'gravty' is unknown: did you mean 'gravity'"):
        zo.make("gymnax:CartPole-v1", gravty=1.0)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gymnax:Breakout-MinAtr", "did you mean 'Breakout-MinAtar'"),
        ("brax:aant", "did you mean 'ant'"),
        ("navix:Navix-Empty-5x5", "did you mean 'Navix-Empty-5x5-v0'"),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest(name, near):
    suite(name.partition(":")[0])
    with pytest.raises(InputError, match=near):
        catalogue.find(name)


class Standing:
    """An adapter for a suite that is not installed, with one environment of our own."""

    @staticmethod
    def ids():
        return ["Treasure"]

    @staticmethod
    def entry(identity, name):
        del name
        return Entry(identity, "ours", "", 20, None, "", "", kind=Treasure, takes={})


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("engine", ["compiled", "host"])
def test_the_name_of_a_suite_is_zerones_own(tmp_path, monkeypatch, engine):
    """A run folder may name a suite: its adapter imports it, so the folder cannot choose the module."""
    monkeypatch.setitem(suites.SUITES, "standing", suites.Suite("standing", "", ()))
    monkeypatch.setattr(suites.Suite, "adapter", lambda _: Standing)
    run = zo.train("q-learning", "standing:Treasure", steps=200, engine=engine, out=tmp_path / "run", **FEW)
    assert run.config["engine"] == engine
    assert zo.load(run.path).evaluate(episodes=2) == run.evaluate(episodes=2)
    assert zo.record(run.path, episodes=1, out=tmp_path / "data")["episodes"] == 1
    with pytest.raises(InputError, match="standing has no 'Treasur': did you mean 'Treasure'"):
        zo.train("q-learning", "standing:Treasur")


@pytest.mark.parametrize("name", suites.SUITES)
def test_examples_exist(name):
    suite(name)
    ids = importlib.import_module(f"zerone.environments.suites.{name}").ids()
    assert {each.partition(":")[2] for each in suites.SUITES[name].examples} <= {*ids}
