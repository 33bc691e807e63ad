"""Vectors of other libraries: stored steps are right in every autoreset mode; faulty vectors are refused."""

import functools
import re
import sys
from typing import ClassVar

import gymnasium
import jax
import numpy as np
import pytest
from falling import Counts
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space
from toys import Keeper, small_ppo, wrong_steps

import zerone as zo
from zerone.base.errors import InputError, RunError
from zerone.engines.host import Host
from zerone.environments.gym.checked_vector import CheckedVector, training_vector
from zerone.environments.gym.makers import maker
from zerone.environments.gym.vector import make_vector
from zerone.environments.gym.vectors import OnlyOne, Vectors

MODES = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)


def counting(mode, num_envs):
    return SyncVectorEnv([Counts] * num_envs, autoreset_mode=mode)


def engine_of(vectors, algorithm=None):
    judged = functools.partial(make_vector, vectors, "Counts-v0")
    return Host(algorithm or Keeper(), functools.partial(training_vector, vectors, "Counts-v0", "auto"), judged, 3)


@MODES
def test_every_stored_step_of_a_vector_is_true_and_its_ends_are_kept_apart(mode):
    engine, blocks = engine_of(Vectors(functools.partial(counting, mode), "Counts-v0")), []
    carries = [engine.init(0)]
    for i in range(25):
        carries = engine.advance(carries, [0], [i], i + 1)
        blocks.append(jax.device_get(carries[0].state.steps))
    engine.close()
    steps = jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)
    assert wrong_steps(steps) == 0
    assert (steps.reward == 1).all()  # reset steps, which have reward 0, are left out
    time = steps.next_observation[..., 0] % 100
    np.testing.assert_array_equal(steps.truncated, time >= 5)  # as in the environment
    assert (steps.terminated & ~steps.truncated).sum() > 10
    over = (steps.terminated | steps.truncated)[:-1]
    seen, following = steps.observation[1:, :, 0], steps.next_observation[:-1, :, 0]
    np.testing.assert_array_equal(seen[~over], following[~over])
    assert (seen[over] % 100 == 0).all()


@MODES
def test_a_vector_of_one_is_that_environment(mode):
    one, other = OnlyOne(counting(mode, 1), "Counts-v0"), Counts()
    first, same = one.reset(seed=4)[0], other.reset(seed=4)[0]
    for _ in range(30):
        np.testing.assert_array_equal(first, same)
        (first, *rest, _), (same, *wanted, _) = one.step(np.int64(1)), other.step(1)
        assert [float(each) for each in rest] == [float(each) for each in wanted]
        if rest[1] or rest[2]:
            np.testing.assert_array_equal(first, same)
            first, same = one.reset()[0], other.reset()[0]


def by_number(num_envs):
    return gymnasium.make_vec("CartPole-v1", num_envs=num_envs, vectorization_mode="sync")


@pytest.mark.thorough
def test_vectors_are_learnt_in_given_as_a_function_as_themselves_or_by_an_id_that_has_no_other_form(tmp_path):
    gymnasium.register("Only-v0", vector_entry_point="gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv")
    few = {"steps": 64, "figure": False, "evaluation_episodes": 2, "evaluation_limit": 30}
    algorithm = small_ppo(environments=2)
    try:
        runs = [
            zo.train(algorithm, given, out=tmp_path / str(place), **few)
            for place, given in enumerate((by_number, by_number(2), "Only-v0"))
        ]
        assert zo.load(runs[2].path).evaluate(3)["returns"] == runs[2].evaluate(3)["returns"]
    finally:
        gymnasium.registry.pop("Only-v0")
    one, other = (each.agent(checkpoint="last").policy for each in runs[:2])
    assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True))
    assert zo.load(runs[0].path).evaluate(3)["returns"] == runs[0].evaluate(3)["returns"]
    assert runs[0].config["environment"]["known"]


def no_mode(num_envs):
    vector = counting(AutoresetMode.NEXT_STEP, num_envs)
    vector.metadata = {}
    return vector


def without(name, value):
    """A function that makes vectors of which an attribute is a property that raises or returns `value`."""

    def read(_):
        if isinstance(value, Exception):
            raise value
        return value

    kind = type("Without", (SyncVectorEnv,), {name: property(read)})

    def make(num_envs):
        vector = SyncVectorEnv([Counts] * num_envs)
        vector.__class__ = kind  # now: making it reads and sets its attributes
        return vector

    return make


LINES = {
    "another number": (by_number(3), {}, "is a vector of 3 environments, and the algorithm plays 2: settings={"),
    "seeds": (by_number(2), {"seeds": 2}, "is one vector, and 2 seeds need one each: pass a function"),
    "a number that is ignored": (lambda num_envs: by_number(num_envs + 1), {}, "make as many as num_envs says"),
    "no mode": (no_mode, {}, "autoreset_mode = None: must be one of gymnasium.vector.AutoresetMode"),
    "a single one": (lambda num_envs: gymnasium.make("CartPole-v1"), {}, "no gymnasium.vector.VectorEnv"),  # noqa: ARG005
    "fails": (lambda num_envs: [][num_envs], {}, "making a vector raised IndexError"),
    "a space that raises": (
        without("single_action_space", ValueError("not\nyet")),
        {},
        "single_action_space raised ValueError: not yet",
    ),
    "a spec that raises": (without("spec", KeyError("id")), {}, "its spec raised KeyError: 'id'"),
    "an object whose spec raises": (without("spec", KeyError("id"))(2), {}, "Without: its spec raised KeyError: 'id'"),
    "no space of all": (without("action_space", None), {}, "action_space is None, not a space of Gymnasium's"),
    "metadata that are none": (without("metadata", 5), {}, "autoreset_mode = None: must be one of gymnasium.vector.A"),
    "processes": (by_number, {"processes": 2}, "is a vector of environments, which is played as it is"),
    "a stack": (by_number, {"frame_stack": 2}, "is a vector of environments, which is played as it is"),
}


@pytest.mark.parametrize("kind", LINES)
def test_a_vector_that_will_not_do_is_one_line_and_nothing_is_created(kind, tmp_path):
    given, asked, line = LINES[kind]
    with pytest.raises(InputError, match=re.escape(line)):
        zo.train(small_ppo(environments=2), given, steps=64, out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


class Odd(SyncVectorEnv):
    """Returns wrong values after some steps."""

    def __init__(self, change, num_envs):
        super().__init__([Counts] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
        self._change, self._count = change, 0

    def step(self, actions):
        self._count += 1
        found = list(super().step(actions))
        if self._count > 2:
            self._change(found)
        return tuple(found)


def _hides(found):
    found[4].pop("final_obs", None)


FAULTS = {
    "a reward that is no number": (lambda found: found.__setitem__(1, np.array([np.nan, 0, 0])), "not finite numbers"),
    "rewards of some": (lambda found: found.__setitem__(1, np.zeros(2)), "not 3 numbers"),
    "ends that are none": (lambda found: found.__setitem__(2, np.array([0.5, 0, 0])), "not 3 booleans"),
    "observations of some": (lambda found: found.__setitem__(0, found[0][:2]), "of 2 environments, not of 3"),
    "NaN": (lambda found: found.__setitem__(0, found[0] * np.nan), "NaN"),
    "a last observation that is hidden": (_hides, "infos has no final_obs of it"),
    "last observations of some": (
        lambda found: found.__setitem__(4, {"final_obs": []}),
        "infos has no final_obs of it",
    ),
    "a last observation of none": (
        lambda found: found.__setitem__(4, {"final_obs": 3}),
        "infos has no final_obs of it",
    ),
    "rewards in rows": (lambda found: found.__setitem__(1, [1, [2], [3, 4]]), r"reward is .* not 3 numbers"),
    "masked observations": (
        lambda found: found.__setitem__(0, np.ma.array(found[0], mask=found[0] == found[0])),
        "the observation has masked entries, which are no numbers",
    ),
    "masked rewards": (
        lambda found: found.__setitem__(1, np.ma.array(found[1], mask=[True, False, False])),
        "reward is masked_array.* not 3 numbers",
    ),
    "an error": (lambda found: found[9], "step raised IndexError"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_vector_that_misbehaves_is_one_line(kind):
    change, line = FAULTS[kind]
    engine = engine_of(Vectors(lambda num_envs: Odd(change if num_envs > 1 else list, num_envs), "Counts-v0"))
    carry = engine.init(5)
    with pytest.raises(RunError, match=rf"environment Counts-v0, seed 5, vector step \d+: .*{line}"):
        engine.advance([carry], [5], [0], 9)
    engine.close()


class ResetsToOne(SyncVectorEnv):
    """A vector whose reset returns observations alone."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=options)[0]


def test_a_vector_whose_reset_returns_no_infos_is_one_line():
    vectors = Vectors(lambda num_envs: (ResetsToOne if num_envs > 1 else SyncVectorEnv)([Counts] * num_envs), "Counts")
    vector = training_vector(vectors, "Counts", "auto", 3, 0)
    with pytest.raises(RunError, match=r"seed 0, vector step 0: reset must return two values, \(observations, infos\)"):
        vector.reset(seed=[1, 2, 3])


class ResetsAll(SyncVectorEnv):
    """A vector in DISABLED mode that begins an episode everywhere, whatever `reset_mask` says."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=None if options else seed)


def test_a_vector_that_resets_more_than_it_is_asked_to_is_one_line():
    vectors = Vectors(lambda num_envs: ResetsAll([Counts] * num_envs, autoreset_mode=AutoresetMode.DISABLED), "Counts")
    vector = training_vector(vectors, "Counts", "auto", 3, 0)
    vector.reset(seed=[1, 2, 3])
    vector.step(vector.action_space.sample())
    with pytest.raises(RunError, match="seed 0, vector step 1: reset changed the observations of environments that"):
        vector.reset(options={"reset_mask": np.array([True, False, False])})


class Parts(Counts):
    """Observations with two parts."""

    observation_space = spaces.Dict(place=spaces.Box(0, np.inf, (1,)), kind=spaces.Discrete(3))

    def _seen(self):
        return {"place": super()._seen(), "kind": self.time % 3}


ALONE = {
    "numbers": (spaces.Box(-1, 1, (3,)), np.zeros(3), "the observation is of shape (3,), not of shape (N, 3), where N"),
    "a count": (spaces.Discrete(5), 0, "the observation is of shape (), not of shape (N,), where N is the number"),
    "parts": (Parts.observation_space, {"place": np.zeros((3, 1)), "kind": 0},
              "kind of the observation is of shape (), not of shape (N,), where N"),
    "parts of some": (Parts.observation_space, {"place": np.zeros((3, 1)), "kind": np.zeros(2, int)},
                      "observations of 2 environments, not of 3"),
}  # fmt: skip


class Shows(VectorEnv):
    """A vector of three environments whose resets return what it was given."""

    metadata: ClassVar = {"autoreset_mode": AutoresetMode.NEXT_STEP}
    num_envs = 3

    def __init__(self, space, shown):
        self.single_observation_space, self.single_action_space = space, spaces.Discrete(2)
        self.observation_space, self.action_space = (batch_space(each, 3) for each in (space, self.single_action_space))
        self._shown = shown

    def reset(self, *, seed=None, options=None):
        del seed, options
        return self._shown, {}


def _refuses(space, shown, line):
    with pytest.raises(RunError, match=re.escape(f"environment Odd, seed 0, vector step 0: {line}")):
        CheckedVector(Shows(space, shown), "Odd", 0).reset(seed=[1, 2, 3])


@pytest.mark.parametrize("kind", ["object", "<U3", "complex128"])
def test_a_type_of_observations_that_holds_no_numbers_is_named_with_those_that_do(kind):
    line = f"the observation is an array of the type {kind}, not of numbers (bool, int, uint or float)"
    _refuses(spaces.Box(-1, 1, (3,)), np.zeros((3, 3), kind), line)


@pytest.mark.parametrize("kind", ALONE)
def test_observations_without_an_axis_for_the_environments_are_named_with_the_shape_that_is_needed(kind):
    _refuses(*ALONE[kind])


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_observations_with_parts_are_encoded_in_batches_as_alone(mode):
    vectors = Vectors(lambda num_envs: SyncVectorEnv([Parts] * num_envs, autoreset_mode=mode), "Parts-v0")
    vector, turn = training_vector(vectors, "Parts-v0", "auto", 3, 0), make_vector(Parts, "Parts-v0", 3, 0)
    seeds = [1, 2, 3]
    np.testing.assert_array_equal(vector.reset(seed=seeds)[0], turn.reset(seed=seeds)[0])
    np.testing.assert_array_equal(vector.step(np.zeros(3, int))[0], turn.step(np.zeros(3, int))[0])
    vector.close()


def test_what_is_missing_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "envpool", None)
    with pytest.raises(InputError, match=r"envpool:Pong-v5 needs envpool.*zerone\[envpool\]"):
        maker("envpool:Pong-v5", {})
    monkeypatch.setitem(sys.modules, "minigrid", None)
    with pytest.raises(InputError, match=r"needs minigrid, which is not installed: .*zerone\[minigrid\]"):
        maker("MiniGrid-Empty-5x5-v0", {})
    for module, name, extra in (("Box2D", "LunarLander-v3", "box2d"), ("mujoco", "Hopper-v5", "mujoco")):
        monkeypatch.setitem(sys.modules, module, None)
        for each in [each for each in sys.modules if each.startswith(f"gymnasium.envs.{extra}")]:
            monkeypatch.delitem(sys.modules, each)
        with pytest.raises(InputError, match=rf"{name}' needs {extra}, which is not installed: .*zerone\[{extra}\]"):
            maker(name, {})()
