"""Environments that use the global random generators are repeatable, and the user's generators are not affected."""

import os
import random
import threading

import gymnasium
import numpy as np
import pytest
from toys import small_actor_critic

import zerone as zo
from zerone.environments.gym.bounds import Bounds
from zerone.environments.gym.global_random import GlobalChance

FEW = {"steps": 240, "evaluation_episodes": 3, "evaluate_every": 80, "figure": False}


def _drawn():
    return random.random(), np.random.random(), random.gauss(0, 1), np.random.randn()  # noqa: S311 - what environments do


def test_a_stream_is_decided_by_its_seed_goes_on_when_entered_again_and_leaves_no_trace():
    random.seed(5)
    np.random.seed(5)
    _drawn()  # each generator now stores the second number of a pair of normal ones
    rest = [_drawn() for _ in range(3)]
    random.seed(5)
    np.random.seed(5)
    _drawn()
    one, again, other = GlobalChance(1), GlobalChance(1), GlobalChance(2)
    mine, found = [], []
    for _ in range(3):
        with one:
            found.append(_drawn())
            with other:
                _drawn()
        mine.append(_drawn())
    assert mine == rest
    with again:
        assert [_drawn() for _ in range(3)] == found
    assert len({*found}) == 3


def test_another_generator_of_numpys_is_seeded_and_left_as_it_was():
    before = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(np.random.PCG64(4))
        expected = np.random.random(2).tolist()
        np.random.set_bit_generator(np.random.PCG64(4))
        found = []
        for _ in range(2):
            with GlobalChance(1):
                found.append(np.random.random(2).tolist())
        assert found[0] == found[1]
        assert np.random.random(2).tolist() == expected
    finally:
        np.random.set_bit_generator(before)


def test_of_two_threads_one_has_the_generators_and_both_leave_them_as_they_were():
    random.seed(3)
    np.random.seed(3)
    expected = _drawn()
    random.seed(3)
    np.random.seed(3)
    inside, done = threading.Event(), threading.Event()

    def work():
        with GlobalChance(1):
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(30)
    with GlobalChance(2):
        pass
    done.set()
    thread.join()
    assert _drawn() == expected


class Global(gymnasium.Env):
    """Uses only global generators, also when it is created."""

    observation_space = gymnasium.spaces.Box(-9.0, 9.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self):
        self.offset = random.random()  # noqa: S311

    def _seen(self):
        return np.clip([np.random.randn() + self.offset, random.gauss(0, 1)], -9, 9).astype(np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.left = np.random.randint(1, 6)
        return self._seen(), {}

    def step(self, action):
        del action
        self.left -= 1
        return self._seen(), random.random(), self.left == 0, False, {}  # noqa: S311


@pytest.mark.thorough
def test_a_training_and_an_evaluation_repeat_in_whatever_chunks_and_the_persons_generators_go_on(tmp_path, caplog):
    def trained(name, **options):
        random.seed()
        np.random.seed()
        state = random.getstate(), np.random.get_state()[1].tolist()
        run = zo.train(small_actor_critic(environments=2), Global, out=tmp_path / name, seeds=2, **FEW, **options)
        found = run.evaluate(30)["returns"], run.evaluate(30)["returns"]
        assert (random.getstate(), np.random.get_state()[1].tolist()) == state
        assert found[0] == found[1]
        return (run.path / "metrics.csv").read_bytes(), found

    one = trained("one", chunk=1)
    assert one == trained("again", chunk=1) == trained("chunks", chunk=7)
    assert caplog.messages == []


def test_what_is_recorded_repeats_too(tmp_path):
    for name in ("one", "two"):
        zo.record("random", Global, steps=40, seed=3, out=tmp_path / name)
    one, two = (zo.record("random", Global, steps=40, seed=3, out=tmp_path / name) for name in ("three", "four"))
    assert one["return_mean"] == two["return_mean"]


class Unseeded(Global):
    """Uses random numbers that cannot be seeded."""

    def _seen(self):
        return np.frombuffer(os.urandom(2), np.uint8).astype(np.float32) / 64


class Remembering(Global):
    """Each episode begins at another place, whatever the seed."""

    resets = 0

    def reset(self, **named):
        observation, info = super().reset(**named)
        Remembering.resets += 1
        return observation + np.float32(Remembering.resets / 1e4), info


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environment", [Unseeded, Remembering])
def test_what_does_not_repeat_is_said_once(environment, tmp_path, caplog):
    run = zo.train(small_actor_critic(environments=2), environment, out=tmp_path / "run", seeds=2, **FEW)
    assert len(caplog.messages) == 1
    name = f"{environment.__module__}:{environment.__name__}"
    assert caplog.messages[0].startswith(f"zerone: environment {name}: two resets with the seed 0 begin differently")
    caplog.clear()
    for _ in range(2):
        zo.load(run.path, environment).evaluate(3)
    assert len(caplog.messages) == 2  # one per run


class Outside(Global):
    """Leaves its observation space at step 5 of every episode, each time a little farther."""

    def step(self, action):
        _, reward, *_ = super().step(action)
        self.t = getattr(self, "t", 0) + 1
        seen = np.array([0.0, -1000.0 if self.t > 5 else 0.0], np.float32)
        return seen, reward, False, self.t % 9 == 0, {}


def test_what_is_far_outside_of_its_box_is_said_once_in_a_run(tmp_path, caplog):
    zo.train(small_actor_critic(environments=2), Outside, out=tmp_path / "run", seeds=2, **FEW)
    name = f"{Outside.__module__}:Outside"
    assert caplog.messages == [
        f"zerone: environment {name}: the observation is far outside of its space: number 1 is -1000, its bounds are "
        "-9 and 9; correct the space, or scale what is seen in a wrapper"
    ]


INF = float("inf")


@pytest.mark.parametrize(
    ("low", "high", "found", "is_far"),
    [
        (-1, 1, 2.9, False), (-1, 1, 3.1, True), (-1, 1, -2.9, False), (-1, 1, -3.1, True),
        (0, INF, -0.9, False), (0, INF, -1.1, True), (0, INF, 1e30, False), (10, INF, -1, True), (10, INF, 1, False),
        (-INF, 5, 9, False), (-INF, 5, 11, True), (-INF, INF, 1e30, False), (2, 2, 3.9, False), (2, 2, 4.1, True),
        (0, 255, 256, False), (0, 255, 600, True), (-1e308, 1e308, 1e30, False),
    ],
)  # fmt: skip
def test_far_is_more_than_the_width_of_the_box(low, high, found, is_far):
    bounds = Bounds(np.float64([low, -INF]), np.float64([high, INF]))
    said = bounds.look(np.array([found, 1e30]))
    assert (said is not None) is is_far
    assert said is None or said.startswith(f"number 0 is {found:.4g}, its bounds are")


def test_a_number_alone_and_bytes_have_bounds_too():
    assert Bounds(np.float64(0), np.float64(1)).look(np.array(5)) == "it is 5, its bounds are 0 and 1"
    assert Bounds(np.zeros(2), np.ones(2)).look(np.uint8([1, 9])) == "number 1 is 9, its bounds are 0 and 1"
