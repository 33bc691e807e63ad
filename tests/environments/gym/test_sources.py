"""What users may pass as an environment: several copies need several objects; one object is enough for a single one."""

import functools
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv
from toys import Keeper, small_dqn, small_ppo

import zerone as zo
from zerone.engines.host import Host
from zerone.environments.gym.guard import guarded
from zerone.environments.gym.vector import make_vector

FEW = {"steps": 64, "evaluation_episodes": 2, "figure": False}
OBJECT = gymnasium.make("CartPole-v1")
BARE = CartPoleEnv()


class Sized(CartPoleEnv):
    """Needs an argument for its size."""

    def __init__(self, size, color="red"):
        super().__init__()
        self.size, self.color = size, color


class Unlicensed(CartPoleEnv):
    """Ends the program when it is created."""

    def __init__(self):
        sys.exit("no licence")


class Spaceless(gymnasium.Env):
    """Has no action space."""

    observation_space = gymnasium.spaces.Discrete(2)


class Unset(Spaceless):
    """Has properties that raise before the first reset."""

    @property
    def action_space(self):
        raise ValueError("no action space\nbefore a reset")


class Unnamed(CartPoleEnv):
    """Has a `spec` that cannot be read."""

    @property
    def spec(self):
        raise RuntimeError("no spec")


class Undrawn(CartPoleEnv):
    """Has a `render_mode` that cannot be read; only `watch` reads it."""

    @property
    def render_mode(self):
        raise RuntimeError("no screen")

    @render_mode.setter
    def render_mode(self, mode): ...


class Unseen(gymnasium.Wrapper):
    """A wrapper whose space cannot be read."""

    @property
    def observation_space(self):
        raise KeyError("camera")


def none():
    gymnasium.make("CartPole-v1")


REFUSED = {
    "an object": (
        OBJECT,
        r"CartPole-v1 is one object, and several are needed.*lambda: gymnasium.make\('CartPole-v1'\)",
    ),
    "a bare object": (BARE, "CartPoleEnv is one object, and several are needed.*pass a function"),
    "the same object": (lambda: OBJECT, "returns one and the same object again"),
    "the same object inside": (lambda: gymnasium.wrappers.TimeLimit(BARE, 9), "returns one and the same object again"),
    "a class that needs arguments": (Sized, r"Sized: the class needs arguments \(size\): pass a function"),
    "a function that needs arguments": (lambda size: Sized(size), r"the function needs arguments \(size\)"),
    "a vector": (lambda: gymnasium.make_vec("CartPole-v1", num_envs=2), "the function returned a vector of environm"),
    "a vector object": (gymnasium.make_vec("CartPole-v1", num_envs=2), "is a vector of 2 environments, and the algor"),
    "nothing": (none, "none: the function returned None"),
    "a text": (lambda: "CartPole-v1", "returned the text 'CartPole-v1', not an environment: pass an id"),
    "a class in a function": (lambda: CartPoleEnv, "returned the class CartPoleEnv"),
    "one of ours in a function": (lambda: zo.make("CartPole-v1"), "returned an environment written in JAX: pass that"),
    "a number": (5, "environment 5 is not allowed: must be an id, a function"),
    "a dictionary": (dict, r"returned {}, which is no gymnasium\.Env"),
    "no action space": (Spaceless, "its action_space is None, not a space of Gymnasium's"),
    "a space that raises": (Unset, "Unset: its action_space raised ValueError: no action space before a reset$"),
    "a spec that raises": (Unnamed, "Unnamed: its spec raised RuntimeError: no spec$"),
    "a render mode that raises": (Undrawn, "Undrawn: its render_mode raised RuntimeError: no screen$"),
    "an object whose spec raises": (Unnamed(), "environment Unnamed: its spec raised RuntimeError: no spec$"),
    "a wrapper that raises": (lambda: Unseen(CartPoleEnv()), "its observation_space raised KeyError: 'camera'$"),
    "an error": (lambda: 1 / 0, "cannot be made: the function raised ZeroDivisionError: division by zero"),
    "an exit": (Unlicensed, r"Unlicensed cannot be made: the class called sys.exit\('no licence'\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_learnt_in_is_refused_in_a_line_before_anything_is_created(kind, tmp_path):
    given, message = REFUSED[kind]
    with pytest.raises(zo.InputError, match=message) as caught:
        zo.train(small_ppo(environments=1, minibatches=1), given, out=tmp_path / "run", **FEW)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_an_id_whose_entry_point_returns_one_object_is_refused_too(tmp_path):
    gymnasium.register("Same-v0", entry_point=lambda **_: BARE)
    try:
        with pytest.raises(zo.InputError, match="Same-v0: the function that makes it returns one and the same object"):
            zo.train(small_dqn(), "Same-v0", out=tmp_path / "run", **FEW)
    finally:
        gymnasium.registry.pop("Same-v0")
    assert not (tmp_path / "run").exists()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("made", [CartPoleEnv, functools.partial(Sized, 3), lambda *_, **__: CartPoleEnv()])
def test_what_makes_a_new_one_each_time_is_taken(made, tmp_path):
    run = zo.train(
        small_ppo(environments=2), lambda: gymnasium.wrappers.TimeLimit(made(), 9), out=tmp_path / "run", **FEW
    )
    assert run.result["return_mean"] == 9


def test_evaluation_takes_one_object_where_a_function_would_have_to_make_several(tmp_path):
    options = {**FEW, "evaluation_episodes": 3}
    run = zo.train(small_dqn(), lambda: gymnasium.make("CartPole-v1"), out=tmp_path / "run", engine="host", **options)
    whole = run.evaluate(5)
    single = zo.load(run.path, gymnasium.make("CartPole-v1")).evaluate(5)
    np.testing.assert_allclose(whole["returns"], single["returns"])
    with pytest.raises(zo.InputError, match="one and the same object"):
        zo.load(run.path, lambda: OBJECT).evaluate(5)
    assert zo.load(run.path, lambda: OBJECT).evaluate(1)["returns"] == whole["returns"][:1]
    assert zo.load(run.path, OBJECT).agent().act(np.zeros(4)) in (0, 1)


class Counting(gymnasium.Wrapper):
    """Counts how often it is closed."""

    closed = 0

    def close(self):
        self.closed += 1
        super().close()


def test_an_object_is_enough_to_record_and_to_study_and_stays_the_persons(tmp_path):
    env = Counting(gymnasium.make("CartPole-v1"))
    zo.record("random", env, steps=200, out=tmp_path / "data")
    run = zo.train(small_dqn(), env, dataset=tmp_path / "data", out=tmp_path / "run", **FEW)
    assert run.result["return_mean"] > 0
    assert env.closed == 0
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(zo.InputError, match="one object, and several are needed"):
        zo.train(small_dqn(), env, dataset=tmp_path / "data", own_play=0.5, out=tmp_path / "mixed", **FEW)
    assert not (tmp_path / "mixed").exists()


def test_two_guards_around_one_object_do_not_step_in_turn():
    one, other = (guarded(gymnasium.wrappers.TimeLimit(BARE, 9), "Odd-v0", 3) for _ in range(2))
    one.reset(seed=0)
    one.step(0)
    other.reset(seed=0)
    other.step(0)
    with pytest.raises(zo.RunError, match="environment Odd-v0, seed 3, step 2: another copy was reset in between"):
        one.step(0)
    one.reset(seed=0)
    one.step(0)


def test_evaluations_of_changing_length_leave_no_environment_open():
    made = []

    def make():
        made.append(Counting(CartPoleEnv()))
        return gymnasium.wrappers.TimeLimit(made[-1], 5)

    engine = Host(Keeper(), lambda number, seed: make_vector(make, "Counted-v0", number, seed))
    policy = np.zeros(2, np.float32)
    most = 0
    for episodes in (3, 5, 3, 30, 1, 40):
        engine.evaluate(policy, 0, 0, episodes)
        most = max(most, min(episodes, 20))  # open ones are reused
        assert sum(not each.closed for each in made) == most
    engine.close()
    assert all(each.closed == 1 for each in made)


def test_where_one_of_several_cannot_be_made_the_others_are_closed():
    made = []

    def make():
        if len(made) == 2:
            raise OSError("no port is free")
        made.append(Counting(CartPoleEnv()))
        return made[-1]

    with pytest.raises(OSError, match="no port is free"):
        make_vector(make, "Ports-v0", 3, 0)
    assert [each.closed for each in made] == [1, 1]
