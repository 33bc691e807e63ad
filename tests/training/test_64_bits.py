"""With `jax_enable_x64`, training, resuming and acting give the same bits as without."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import subprocess
import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import small_actor_critic

import zerone as zo
from zerone.base.bits import outside

SMALL = {"hidden": (8,), "warmup": 64, "batch": 8, "memory": 500}
KINDS = {
    "table": (zo.QLearning(environments=2), "zerone/Maze-v0", "auto", 2),
    "compiled": (zo.DQN(prioritized=True, **SMALL), "CartPole-v1", "compiled", 2),
    "continuous": (zo.DDPG(**SMALL), "Pendulum-v1", "compiled", 1),
    "host": (zo.PPO(hidden=(8,), steps_per_update=32, environments=2, minibatches=2), "CartPole-v1", "host", 1),
}


@contextlib.contextmanager
def wide():
    """Enable it after the import of `zerone`, as another library might."""
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", False)


def _train(kind, out):
    algorithm, environment, engine, seeds = KINDS[kind]
    return zo.train(algorithm, environment, engine=engine, seeds=seeds, steps=256, evaluation_episodes=2,
                    evaluate_every=128, out=out, figure=False)  # fmt: skip


def _files(run):
    return {each.name: each.read_bytes() for each in run.path.rglob("*") if each.suffix in (".csv", ".safetensors")}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_the_same_and_either_is_read_in_either_mode(kind, tmp_path):
    narrow = _train(kind, tmp_path / "narrow")
    seen = np.zeros(narrow.engine().spaces.observation.shape, narrow.engine().spaces.observation.dtype)
    expected = narrow.evaluate(3), narrow.agent().act(seen)
    with wide():
        other = _train(kind, tmp_path / "wide")
        assert jnp.zeros(2).dtype == jnp.float64  # other code still gets 64 bits
        for run in (zo.load(narrow.path), other):
            agent = pickle.loads(pickle.dumps(run.agent()))  # noqa: S301 - our own
            assert (run.evaluate(3), agent.act(seen)) == expected
            assert copy.deepcopy(run.agent()).act(seen) == expected[1]
            if hasattr(run.engine().algorithm, "values"):
                assert agent.values(seen).dtype == np.float32
    assert _files(other) == _files(narrow)
    assert (zo.load(other.path).evaluate(3), zo.load(other.path).agent().act(seen)) == expected


@pytest.mark.thorough
@pytest.mark.parametrize("begun_wide", [False, True])
def test_a_run_goes_on_in_the_other_mode(begun_wide, tmp_path):
    whole = _train("compiled", tmp_path / "whole")
    modes = (wide(), contextlib.nullcontext()) if begun_wide else (contextlib.nullcontext(), wide())

    def stop(now, _):
        if now.steps >= 100:
            raise KeyboardInterrupt

    algorithm, environment, engine, seeds = KINDS["compiled"]
    with modes[0], pytest.raises(KeyboardInterrupt):
        zo.train(algorithm, environment, engine=engine, seeds=seeds, steps=256, evaluation_episodes=2, on_progress=stop,
                 evaluate_every=128, save_every=32, out=tmp_path / "run", figure=False, chunk=16)  # fmt: skip
    with modes[1]:
        resumed = zo.resume(tmp_path / "run")
    last = "step-000000256.safetensors"
    assert _files(resumed)[last] == _files(whole)[last]


class Precise(gymnasium.Env):
    """An environment that computes with JAX in 64 bits, which its author has enabled."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    kinds: set[str] = set()  # noqa: RUF012 - of all copies that are played

    def __init__(self):
        self.made = str(jnp.zeros(1).dtype)

    def _seen(self):
        Precise.kinds.add(self.made)
        Precise.kinds.add(str((jnp.zeros(1) + 1e9).dtype))
        return np.zeros(1, np.float32)

    def reset(self, *, seed=None, **_):
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(), {}

    def step(self, _):
        self.steps += 1
        return self._seen(), 1.0, False, self.steps == 5, {}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("how", ["before", "meanwhile", "around"])
def test_an_environment_keeps_the_bits_that_its_author_has_switched_on(how, tmp_path, monkeypatch):
    monkeypatch.setattr(outside, "wide", False)  # another test may have switched it on

    def made():
        if how == "meanwhile":
            jax.config.update("jax_enable_x64", True)
        return Precise()

    Precise.kinds.clear()
    modes = {"before": wide(), "meanwhile": contextlib.nullcontext()}
    try:
        with modes[how] if how in modes else jax.enable_x64(True):
            if how == "meanwhile":
                made().reset()
                jax.config.update("jax_enable_x64", False)
                Precise.kinds.clear()
            zo.train(small_actor_critic(), made, steps=64, evaluation_episodes=2, out=tmp_path / "run", figure=False)
    finally:
        jax.config.update("jax_enable_x64", False)
    assert Precise.kinds == {"float64"}


@pytest.mark.thorough(after=1)
def test_the_copies_of_a_vector_keep_their_bits_too(tmp_path, monkeypatch):
    monkeypatch.setattr(outside, "wide", False)

    def made(num_envs):
        return gymnasium.vector.SyncVectorEnv([Precise] * num_envs)

    Precise.kinds.clear()
    with wide():
        algorithm = small_actor_critic(environments=2)
        zo.train(algorithm, made, steps=64, evaluation_episodes=2, out=tmp_path / "run", figure=False)
    assert Precise.kinds == {"float64"}


class Stubborn(Precise):
    """It switches 64 bits on when it is made, and cannot be closed."""

    def __init__(self):
        jax.config.update("jax_enable_x64", True)
        super().__init__()

    def close(self):
        raise RuntimeError("close fails")


@pytest.mark.filterwarnings("ignore:.*close raised RuntimeError")
@pytest.mark.parametrize("timeout", [None, 20.0])
def test_what_is_made_twice_is_stepped_in_64_bits_and_may_fail_to_close(timeout, tmp_path, monkeypatch):
    monkeypatch.setattr(outside, "wide", False)
    Precise.kinds.clear()
    try:
        zo.train(small_actor_critic(), Stubborn, steps=64, evaluation_episodes=2, out=tmp_path / "run", figure=False,
                 step_timeout=timeout)  # fmt: skip
    finally:
        jax.config.update("jax_enable_x64", False)
    assert Precise.kinds == {"float64"}


def _command(*words, **variables):
    environment = os.environ | {"ZERONE_CACHE": os.environ.get("ZERONE_CACHE", "off")} | variables
    command = [sys.executable, "-m", "zerone", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.thorough
def test_the_variable_changes_nothing_on_the_command_line(tmp_path):
    run = _train("table", tmp_path / "run")
    found = [_command("evaluate", run.path, "--episodes", 3, "--json", JAX_ENABLE_X64=each) for each in ("0", "1")]
    assert found[0].stdout == found[1].stdout != ""
    assert [each.returncode for each in found] == [0, 0]


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("variable", "value"),
    [("JAX_PLATFORMS", "cuda"), ("JAX_PLATFORMS", "tpu"), ("JAX_PLATFORMS", "no-such"), ("JAX_PLATFORMS", "cuda, cpu"),
     ("JAX_PLATFORM_NAME", "cuda"), ("JAX_ENABLE_X64", "perhaps")],
)  # fmt: skip
def test_a_platform_that_is_not_there_is_one_line_that_names_the_variable(variable, value, tmp_path):
    if jax.default_backend() != "cpu":
        pytest.skip("there is an accelerator")
    words = "train", "q-learning", "zerone/Maze-v0", "--steps", 100, "--out", tmp_path / "run"
    ended = _command(*words, **{variable: value})
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended
    assert variable in ended.stderr
    assert value in ended.stderr
    assert not (tmp_path / "run").exists()
