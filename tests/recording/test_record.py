"""Recording: every step is stored as played, equal seeds give equal files, and files are complete or absent."""

import json
import os
import signal

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from toys import CounterEnv, cycle

import zerone as zo
from zerone.base.errors import InputError, RunError
from zerone.offline.reading import read

MAZE, LINE = "zerone/Maze-v0", "zerone/Treasure-v0"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    return zo.train("q-learning", LINE, steps=3000, seeds=2, out=path, figure=False)


def episodes_of(path):
    """Seed, observations, actions, rewards and ends of each episode, read with h5py."""
    import h5py

    with h5py.File(path / "data" / "main_data.hdf5") as file:
        for i in range(len(file)):
            group = file[f"episode_{i}"]
            arrays = [group[name][()] for name in ("observations", "actions", "rewards")]
            flags = [group[name][()] for name in ("terminations", "truncations")]
            yield int(group.attrs["seed"]), *arrays, *flags


@pytest.mark.parametrize("identity", [MAZE, "MountainCar-v0", "Pendulum-v1", "FrozenLake-v1"])
def test_every_step_is_what_gymnasium_does_when_it_is_played_again(identity, tmp_path):
    found = zo.record("random", identity, episodes=2, seed=5, out=tmp_path / "play", engine="host")
    env = gymnasium.make(identity)
    returns = []
    for seed, observations, actions, rewards, terminations, truncations in episodes_of(tmp_path / "play"):
        seen, total = [env.reset(seed=seed)[0]], 0.0
        for i, action in enumerate(actions):
            observation, reward, terminated, truncated, _ = env.step(action)
            seen.append(observation)
            total += reward
            assert (reward, terminated, truncated) == (rewards[i], terminations[i], truncations[i])
        np.testing.assert_array_equal(observations, seen)
        assert terminated or truncated
        returns.append(total)
    env.close()
    assert found["return_mean"] == pytest.approx(np.mean(returns))
    assert found["episodes"] == 2


def test_a_compiled_environment_is_played_as_it_is(tmp_path):
    """Compares every step with the maze's map: moves, borders and rewards."""
    found = zo.record("random", MAZE, steps=400, out=tmp_path / "play")
    assert found["steps"] == 400
    dataset = read(tmp_path / "play")
    recorded = dataset.recorded
    moves = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])  # up, down, left, right: row, column
    cell = recorded.frames[recorded.at]
    wanted = np.clip(np.stack([cell // 4, cell % 4], 1) + moves[recorded.action], 0, 3)
    np.testing.assert_array_equal(recorded.frames[recorded.at + 1], wanted[:, 0] * 4 + wanted[:, 1])
    assert (np.abs(recorded.reward) == recorded.terminated).all()
    assert len(set(recorded.action.tolist())) == 4


def test_the_same_seed_records_the_same_play_and_another_another(tmp_path):
    sums = []
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        zo.record("random", MAZE, episodes=3, seed=seed, out=tmp_path / name)
        sums.append(read(tmp_path / name).checksum())
    assert sums[0] == sums[1] != sums[2]


def test_steps_cut_the_last_episode_and_say_so(tmp_path):
    zo.record("random", "CartPole-v1", steps=30, out=tmp_path / "play")
    recorded = read(tmp_path / "play").recorded
    assert len(recorded.reward) == 30
    *_, last = episodes_of(tmp_path / "play")
    assert last[-1].tolist() == [False] * (len(last[-1]) - 1) + [True]
    assert last[-2].sum() == 0


@pytest.mark.thorough
def test_a_run_plays_greedily_and_with_epsilon_leaves_that_share_to_chance(run, tmp_path):
    zo.record(run, episodes=5, out=tmp_path / "greedy")
    greedy = read(tmp_path / "greedy").recorded
    assert (greedy.action == 1).all()  # always to the right, where the treasure is
    assert len(greedy.action) == 25
    found = zo.record(run.path, steps=2000, out=tmp_path / "half", epsilon=0.5, agent=1, checkpoint="last")
    share = (read(tmp_path / "half").recorded.action == 0).mean()
    assert abs(share - 0.25) < 0.05  # half of the random actions; 5 standard deviations
    told = json.loads((tmp_path / "half" / "data" / "metadata.json").read_text())
    assert told["zerone"]["epsilon"] == 0.5
    assert (told["zerone"]["agent"], told["zerone"]["checkpoint"], told["algorithm_name"]) == (1, "last", "q-learning")
    assert told["zerone"]["environment"] == {"id": LINE, "options": {}}
    assert found["player"] == "q-learning"
    assert str(tmp_path) not in json.dumps(told)


def test_a_function_plays_in_whatever_can_be_made(tmp_path):
    actions = iter([0, 1] * 99)
    found = zo.record(lambda _: next(actions), CounterEnv, episodes=4, out=tmp_path / "play")
    recorded = read(tmp_path / "play").recorded
    np.testing.assert_array_equal(recorded.frames[recorded.at + 1], recorded.frames[recorded.at] + 1)
    assert (found["environment"], found["length_mean"]) == (f"{CounterEnv.__module__}:CounterEnv", found["return_mean"])
    found = zo.record(lambda _: 0, cycle(), steps=9, out=tmp_path / "cycle")
    recorded = read(tmp_path / "cycle").recorded
    assert recorded.frames.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 0, 1]
    assert recorded.truncated.tolist() == [False] * 7 + [True, True]
    assert found["episodes"] == 2
    enough = iter([1, 1, None])
    assert zo.record(lambda _: next(enough), LINE, out=tmp_path / "enough")["steps"] == 2


def test_a_new_folder_is_named_by_environment_and_player_and_gymnasium_can_make_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [zo.record("random", "CartPole-v1", steps=5, options=options)["dataset"] for options in ({}, {"limit": 9})]
    assert paths == ["datasets/CartPole-v1/random-v0", "datasets/CartPole-v1/random-v1"]
    specs = [json.loads((tmp_path / path / "data" / "metadata.json").read_text())["env_spec"] for path in paths]
    from gymnasium.envs.registration import EnvSpec

    assert EnvSpec.from_json(specs[0]) == gymnasium.spec("CartPole-v1")
    again = gymnasium.make(EnvSpec.from_json(specs[1]))
    again.reset(seed=0)
    ends = [again.step(i % 2)[3] for i in range(9)]
    assert ends == [False] * 8 + [True]
    again.close()


WRONG = {
    "both counts": ({"episodes": 3, "steps": 3}, "episodes and steps exclude each other"),
    "no episodes": ({"episodes": 0}, "episodes = 0"),
    "half a step": ({"steps": 1.5}, "steps = 1.5"),
    "a wrong seed": ({"seed": -1}, "seed = -1"),
    "no environment": ({"environment": None}, "environment is missing"),
    "an unknown environment": ({"environment": "zerone/Maize-v0"}, "zerone/Maze-v0"),
    "an unknown option": ({"options": {"cels": 3}}, "did you mean"),
    "a run that is not there": ({"player": "nowhere"}, "no such run folder"),
    "chance with epsilon": ({"epsilon": 0.5}, "epsilon = 0.5 is not allowed with random"),
    "an agent of chance": ({"agent": 1}, "agent and checkpoint are not allowed"),
    "options beside a maker": (
        {"environment": lambda: CounterEnv(), "options": {"a": 1}}, "make the environment with them"),
    "an unknown engine": ({"engine": "hots"}, "did you mean 'host'?"),
    "an engine for what is made": ({"environment": lambda: CounterEnv(), "engine": "host"}, "is made already"),
    "compiled where it is not": ({"environment": "CliffWalkingSlippery-v1", "engine": "compiled"}, "not compiled here"),
    "spaces without a form": (
        {"environment": lambda: Odd()}, "its observations are Sequence, in which no number has a fixed place"),
}  # fmt: skip


class Odd(CounterEnv):
    """An environment with observations that no algorithm supports."""

    def __init__(self):
        super().__init__()
        self.observation_space = spaces.Sequence(spaces.Discrete(2))


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_recorded_is_refused_in_one_line_and_nothing_is_created(kind, tmp_path):
    wrong, text = WRONG[kind]
    asked = {"player": "random", "environment": LINE, **wrong}
    with pytest.raises(InputError) as caught:
        zo.record(asked.pop("player"), asked.pop("environment"), out=tmp_path / "new" / "play", **asked)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_belongs_to_a_run_is_not_asked_again(run, tmp_path):
    for wrong, text in (
        ({"options": {"cells": 9}}, "a run has its own"),
        ({"environment": MAZE}, "has its own, zerone/Treasure-v0"),
        ({"epsilon": 1.5}, "epsilon = 1.5 is not allowed"),
        ({"agent": 7}, "seed 7 was not trained"),
        ({"checkpoint": "9"}, "no checkpoint of step 9"),
    ):
        with pytest.raises(InputError, match=text):
            zo.record(run, out=tmp_path / "play", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_dataset_goes_only_if_asked_and_nothing_else_ever(tmp_path):
    zo.record("random", LINE, steps=20, out=tmp_path / "play")
    before = read(tmp_path / "play").checksum()
    with pytest.raises(InputError, match="replace it with overwrite=True"):
        zo.record("random", LINE, steps=20, seed=1, out=tmp_path / "play")
    assert read(tmp_path / "play").checksum() == before
    zo.record("random", LINE, steps=20, seed=1, out=tmp_path / "play", overwrite=True)
    assert read(tmp_path / "play").checksum() != before
    assert [each.name for each in tmp_path.iterdir()] == ["play"]
    (tmp_path / "play" / "letters.txt").write_text("mine")
    with pytest.raises(InputError, match="not only a dataset"):
        zo.record("random", LINE, steps=20, out=tmp_path / "play", overwrite=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="a file; a dataset needs a folder"):
        zo.record("random", LINE, steps=20, out=tmp_path / "file", overwrite=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: exists already, an empty folder; take it with overwrite=True"):
        zo.record("random", LINE, steps=20, out=tmp_path / "empty")
    zo.record("random", LINE, steps=20, out=tmp_path / "empty", overwrite=True)
    assert (tmp_path / "file").read_text() == (tmp_path / "play" / "letters.txt").read_text() == "mine"


class Crashing(CounterEnv):
    """Fails at its twentieth step."""

    steps = 0

    def step(self, action):
        Crashing.steps += 1
        if Crashing.steps == 20:
            raise OSError("the simulator is gone")
        return super().step(action)


def test_an_environment_that_fails_leaves_nothing_and_the_earlier_dataset(tmp_path):
    zo.record("random", CounterEnv, steps=7, out=tmp_path / "play")
    Crashing.steps = 0
    with pytest.raises(RunError, match="the simulator is gone"):
        zo.record("random", Crashing, out=tmp_path / "play", overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["play"]
    assert read(tmp_path / "play").steps == 7


def test_ctrl_c_keeps_what_was_played_as_a_proper_dataset(tmp_path):
    played = []

    def interrupted(observation):
        played.append(observation)
        if len(played) == 47:
            os.kill(os.getpid(), signal.SIGINT)
        return 0

    with pytest.raises(KeyboardInterrupt, match=r"what was played until then is in .*play: 47 steps"):
        zo.record(interrupted, LINE, out=tmp_path / "play")
    found = read(tmp_path / "play")
    assert found.steps == 47
    assert found.recorded.truncated[-1]
    assert [each.name for each in tmp_path.iterdir()] == ["play"]

    def twice(observation):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return observation

    with pytest.raises(KeyboardInterrupt):
        zo.record(twice, LINE, out=tmp_path / "other" / "play")
    assert [each.name for each in tmp_path.iterdir()] == ["play"]


class StrictEnv(CounterEnv):
    """Allows its first action only, says so in its info, and raises for any other."""

    INFO = {"action_mask": np.int8([1, 0])}  # noqa: RUF012

    def reset(self, *, seed=None, options=None):
        observation, _ = super().reset(seed=seed, options=options)
        return observation, self.INFO

    def step(self, action):
        if action != 0:
            raise ValueError("a forbidden action")
        return *super().step(action)[:4], self.INFO


def only_the_first(observation):
    del observation
    return np.array([True, False])


@pytest.mark.parametrize("source", ["environment", only_the_first])
def test_random_play_keeps_to_action_masks_where_asked(source, tmp_path):
    with pytest.raises(RunError, match="a forbidden action"):
        zo.record("random", lambda: StrictEnv(), steps=30, out=tmp_path / "free")
    found = zo.record("random", lambda: StrictEnv(), steps=30, out=tmp_path / "play", action_mask=source)
    assert found["steps"] == 30
    assert all((actions == 0).all() for _, _, actions, *_ in episodes_of(tmp_path / "play"))


def test_a_function_explores_within_the_masks(tmp_path):
    zo.record(lambda _: 0, lambda: StrictEnv(), steps=30, epsilon=0.9, out=tmp_path / "play", action_mask="environment")
    assert all((actions == 0).all() for _, _, actions, *_ in episodes_of(tmp_path / "play"))


def test_masks_are_for_random_play(run, tmp_path):
    for player, environment in ((run, None), ("keyboard", MAZE)):
        with pytest.raises(InputError, match="action_mask"):
            zo.record(player, environment, steps=3, out=tmp_path / "play", action_mask="environment")
    with pytest.raises(InputError, match="must be off, environment"):
        zo.record("random", MAZE, steps=3, out=tmp_path / "play", action_mask=3)
    assert not (tmp_path / "play").exists()
