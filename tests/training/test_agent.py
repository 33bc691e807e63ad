"""An agent accepts its environment's observations in any form and acts as in training, or says why it cannot."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from toys import small_dqn

import zerone as zo
from zerone.algorithms.q_learning import QLearning

FAST = {"evaluation_episodes": 2, "figure": False, "steps": 400}


class Parts(gymnasium.Env):
    """A bit in one part of a dictionary whose keys are not in Gymnasium's order. Repeating it has a reward of 1."""

    observation_space = spaces.Dict({"b": spaces.Box(-1, 1, (1,), np.float32), "a": spaces.Discrete(2, start=3)})
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.steps = 0
        return self._shown(), {}

    def step(self, action):
        reward = float(action == self.bit)
        self.steps += 1
        return self._shown(), reward, self.steps == 10, False, {}

    def _shown(self):
        self.bit = int(self.np_random.integers(2))
        return self.show(self.bit)

    def show(self, bit):
        return {"b": np.array([0.5], np.float32), "a": 3 + bit}


class Counted(Parts):
    """The bit is one of three counted parts."""

    observation_space = spaces.Tuple([spaces.Discrete(3, start=-1), spaces.MultiBinary(2), spaces.Discrete(4)])

    def show(self, bit):
        return -1, np.array([1, bit], np.int8), 3


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory):
    """The agent of a DQN that has learnt to repeat the bit."""
    run = zo.train(small_dqn(), Parts, out=tmp_path_factory.mktemp("runs") / "run", **{**FAST, "steps": 2000})
    return run.agent()


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """The agent of a table that has learnt the same."""
    made = QLearning(learning_rate=0.5, discount=0.0)
    return zo.train(made, Counted, out=tmp_path_factory.mktemp("runs") / "run", **FAST).agent()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("bit", [0, 1])
def test_a_dictionary_is_taken_as_it_is_in_any_order(dictionary, bit):
    shown = Parts().show(bit)
    assert dictionary.act(shown) == bit
    assert dictionary.act(dict(reversed(shown.items()))) == bit
    assert dictionary.act({"a": np.int64(3 + bit), "b": [0.5], "c": "more than was asked"}) == bit
    assert dictionary.values(shown).argmax() == bit


def test_several_are_taken_as_a_list_and_as_gymnasiums_vectors_have_them(dictionary, counted):
    bits = [0, 1, 1, 0, 1]
    for agent, env in ((dictionary, Parts()), (counted, Counted())):
        assert agent.act([env.show(bit) for bit in bits]).tolist() == bits
    together = {"a": np.array(bits) + 3, "b": np.full((5, 1), 0.5, np.float32)}
    assert dictionary.act(together).tolist() == bits
    assert dictionary.values(together).argmax(-1).tolist() == bits
    vector = gymnasium.vector.SyncVectorEnv([Parts] * 3)
    observation, _ = vector.reset(seed=0)
    assert dictionary.act(observation).tolist() == (observation["a"] - 3).tolist()


@pytest.mark.parametrize("bit", [0, 1])
def test_a_tuple_is_taken_by_a_table_as_tuple_list_and_with_scalars_of_any_kind(counted, bit):
    for shown in ((-1, [1, bit], 3), [-1, (1, bit), 3], (np.int8(-1), np.array([1, bit], bool), np.float64(3))):
        assert counted.act(shown) == bit


WRONG = [
    ("dictionary", [0.5, 4], "is list, not a dictionary with 'a', 'b'"),
    ("dictionary", np.array([0.0, 1.0, 0.5]), "is ndarray, not a dictionary with 'a', 'b'"),
    ("dictionary", {"b": [0.5]}, "has no 'a', only 'b'"),
    ("dictionary", {"a": 2, "b": [0.5]}, "a of the observation is 2, not in Discrete(2, start=3)"),
    ("dictionary", {"a": 3, "b": [np.nan]}, "b of the observation has NaN or infinity in it"),
    ("dictionary", {"a": 3, "b": [np.inf]}, "b of the observation has NaN or infinity in it"),
    ("dictionary", {"a": 3, "b": ["much"]}, "b of the observation is list, not an array of numbers"),
    ("dictionary", None, "is NoneType, not a dictionary"),
    ("counted", (0, [1, 1], 4), "[2] of the observation is 4, not in Discrete(4)"),
    ("counted", (-2, [1, 1], 3), "[0] of the observation is -2, not in Discrete(3, start=-1)"),
    ("counted", (0, [1, 2], 3), "[1] of the observation is [1, 2], not in MultiBinary(2)"),
    ("counted", (0, [1, 1], np.nan), "[2] of the observation is nan, not in Discrete(4)"),
    ("counted", (0, [1, 1]), "not a tuple of 3 parts"),
    ("counted", 5, "is 5, not a tuple of 3 parts"),
    ("counted", [[0, 1]], "not a tuple of 3 parts"),
]


@pytest.mark.parametrize(("which", "observation", "words"), WRONG, ids=[f"{each[0]}: {each[2]}" for each in WRONG])
def test_what_is_none_is_one_line(which, observation, words, request):
    agent = request.getfixturevalue(which)
    with pytest.raises(zo.InputError) as caught:
        agent.act(observation)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A table on the compiled engine, of nine cells."""
    where = tmp_path_factory.mktemp("runs") / "run"
    return zo.train("q-learning", "zerone/Treasure-v0", out=where, options={"cells": 9}, **FAST).agent()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("wrong", [9, -1, 2**31, 2**40, 1.5, np.nan, "1", None, [0, 9], {"cell": 1}])
def test_a_state_outside_of_a_table_is_one_line(compiled, wrong):
    """JAX would silently use the last row."""
    with pytest.raises(zo.InputError):
        compiled.act(wrong)
    assert compiled.act([0, 8]).shape == (2,)
    assert np.shape(compiled.act(np.int8(3))) == ()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    "wrong", [[np.nan] * 4, [0, 0, np.inf, 0], [1e39] * 4, "abcd", [None] * 4, [0, 0, 0], [[[0] * 4]]]
)
def test_a_network_gets_finite_numbers_only(tmp_path, wrong, cart_pole):
    del tmp_path
    with pytest.raises(zo.InputError):
        cart_pole.act(wrong)


@pytest.fixture(scope="module")
def cart_pole(tmp_path_factory):
    """A network on the compiled engine."""
    return zo.train(small_dqn(), "CartPole-v1", out=tmp_path_factory.mktemp("runs") / "run", **FAST).agent()
