"""Learning from recordings: refusals, the saved configuration, resuming to the same bits, and learning the optimum."""

import json
import shutil

import numpy as np
import pytest
from toys import CounterEnv, Keeper, small_dqn, small_ppo

import zerone as zo
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.offline import source
from zerone.offline.reading import read
from zerone.training.interrupt import Interrupted

MAZE, LINE = "zerone/Maze-v0", "zerone/Treasure-v0"
FAST = {"evaluation_episodes": 3, "figure": False}


@pytest.fixture(scope="module")
def maze(tmp_path_factory):
    """A recording of a random policy in the maze."""
    path = tmp_path_factory.mktemp("datasets") / "maze"
    zo.record("random", MAZE, steps=4000, out=path)
    return path


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    path = tmp_path_factory.mktemp("datasets") / "line"
    zo.record("random", LINE, steps=600, out=path)
    return path


@pytest.mark.thorough
def test_the_configuration_says_what_is_studied(maze, tmp_path):
    run = zo.train("q-learning", MAZE, dataset=maze, own_play=0.25, steps=100, out=tmp_path / "run", **FAST)
    config = json.loads((run.path / "config.json").read_text())
    dataset = read(maze)
    assert config["dataset"] == {
        "path": str(maze), "id": "maze-v0", "episodes": dataset.episodes, "steps": 4000, "own_play": 0.25,
        "sha256": dataset.checksum(),
    }  # fmt: skip
    plain = zo.train("q-learning", MAZE, steps=100, out=tmp_path / "plain", **FAST)
    assert plain.config["dataset"] is None


@pytest.mark.thorough
def test_from_another_s_play_q_learning_finds_the_optimum_of_the_maze_on_every_seed(maze, tmp_path):
    """20 of 20 seeds take a shortest path of 6 steps without having played a step; the treasure is 5 steps away."""
    run = zo.train("q-learning", MAZE, dataset=maze, seeds=20, steps=20_000, out=tmp_path / "run", **FAST)
    found = run.evaluate(episodes=1, checkpoint="last")
    assert [each["return_mean"] for each in found["seeds"]] == [1.0] * 20
    assert [each["length_mean"] for each in found["seeds"]] == [6.0] * 20
    assert (run.metrics["episodes"] == 0).all()
    assert np.isnan(run.metrics["return"]).all()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("engine", ["compiled", "host"])
@pytest.mark.parametrize("own_play", [None, 0.5])
def test_a_network_learns_from_the_same_steps(engine, own_play, line, tmp_path):
    algorithm = small_dqn(warmup=32, updates=2)
    run = zo.train(algorithm, LINE, dataset=line, own_play=own_play, engine=engine, steps=2000, out=tmp_path / "run",
                   evaluate_every=1000, **FAST)  # fmt: skip
    assert run.result["return_mean"] == 1.0
    assert run.evaluate(episodes=1)["length_mean"] == 5.0
    assert (np.nansum(run.metrics["episodes"]) > 0) == (own_play is not None)
    run.engine().close()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("own_play", [None, 0.3])
def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(own_play, maze, tmp_path):
    options = {"dataset": maze, "own_play": own_play, "steps": 997, "seeds": 2, "evaluate_every": 90, **FAST}
    whole = zo.train("q-learning", MAZE, out=tmp_path / "whole", **options)
    looks = []

    def stop(now, _):
        looks.append(now.steps)
        if len(looks) == 5:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        zo.train("q-learning", MAZE, out=tmp_path / "stopped", chunk=33, on_progress=stop, **options)
    stopped = zo.resume(tmp_path / "stopped")
    for file in ("metrics.csv", "checkpoints/step-000000997.safetensors", "checkpoints/best.safetensors"):
        assert (whole.path / file).read_bytes() == (stopped.path / file).read_bytes()


def test_a_resumed_run_wants_the_same_dataset_wherever_it_is_now(line, tmp_path):
    mine = shutil.copytree(line, tmp_path / "mine")
    run = zo.train("q-learning", LINE, dataset=mine, steps=50, out=tmp_path / "run", **FAST)
    moved = mine.rename(tmp_path / "moved")
    with pytest.raises(
        InputError, match=r"studies the dataset .*mine, which is gone: say where it is now with dataset="
    ):
        zo.resume(run.path)
    zo.resume(run.path, dataset=moved)
    other = tmp_path / "other"
    zo.record("random", LINE, steps=60, seed=1, out=other)
    with pytest.raises(InputError, match=r"other is not the one that .*run was begun with: 60 steps of other play"):
        zo.resume(run.path, dataset=other)
    zo.record("random", LINE, steps=60, seed=1, out=mine)
    with pytest.raises(InputError, match="mine is not the one"):
        zo.resume(run.path)
    plain = zo.train("q-learning", LINE, steps=50, out=tmp_path / "plain", **FAST)
    with pytest.raises(InputError, match="begun without one"):
        zo.resume(plain.path, dataset=line)
    assert zo.load(run.path).evaluate(episodes=2)["return_mean"] <= 1  # evaluation needs no dataset


WRONG = {
    "on-policy": ({"algorithm": "ppo"}, "own play only (on-policy); these can: q-learning, "),
    "an on-policy object": ({"algorithm": small_ppo()}, "ppo cannot learn from a dataset"),
    "other observations": (
        {"environment": LINE}, "its observations are Discrete(16), those of zerone/Treasure-v0 are Discrete(6)"),
    "other actions": (
        {"algorithm": "dqn", "environment": "FrozenLake-v1", "dataset": "three"},
        "its actions are Discrete(3), those of FrozenLake-v1 are Discrete(4)"),
    "other bounds": (
        {"algorithm": "dqn", "environment": "Acrobot-v1", "dataset": "box"},
        "Box(9.0, 99.0, (6,), float32), those of Acrobot-v1 are Box(["),
    "no dataset to mix with": ({"dataset": None, "own_play": 0.5}, "own_play = 0.5 is not allowed without a dataset"),
    "all own play": ({"own_play": 1}, "own_play = 1 is not allowed: must be a number from 0.001 to 0.999"),
    "none at all": ({"own_play": 0.0}, "own_play = 0.0 is not allowed"),
    "another reward": (
        {"algorithm": "dqn", "environment": "CartPole-v1", "options": {"reward": "shaped"}},
        "was recorded with the reward 'task'"),
    "no such folder": ({"dataset": "nowhere"}, "dataset nowhere does not exist"),
}  # fmt: skip


@pytest.mark.thorough(after=6)
@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_studied_is_refused_in_one_line_and_nothing_is_created(kind, maze, tmp_path, monkeypatch):
    from gymnasium import spaces

    from zerone.base.claim import Claim
    from zerone.environments.spaces import Spaces
    from zerone.offline.writer import DatasetWriter

    monkeypatch.chdir(tmp_path)
    for name, made, action in (
        ("three", spaces.Discrete(16), spaces.Discrete(3)),
        ("box", spaces.Box(9.0, 99.0, (6,), np.float32), spaces.Discrete(3)),
    ):
        claim = Claim.take(tmp_path / name)
        with claim, DatasetWriter(claim, Spaces(made, action), overwrite=False) as writer:
            writer.episode(0, [made.sample(), made.sample()], [0], [0.0], terminated=True, truncated=False)
            writer.finish({})
    before = sorted(tmp_path.rglob("*"))
    wrong, text = WRONG[kind]
    asked = {"algorithm": "q-learning", "environment": MAZE, "dataset": maze, "steps": 100, **wrong}
    with pytest.raises(InputError) as caught:
        zo.train(asked.pop("algorithm"), asked.pop("environment"), out=tmp_path / "run", **asked)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_shaped_rewards_are_studied_as_they_were_recorded(tmp_path):
    options = {"reward": "shaped"}
    zo.record("random", "CartPole-v1", steps=60, out=tmp_path / "shaped", options=options)
    asked = {"dataset": tmp_path / "shaped", "steps": 40, "out": tmp_path / "run", **FAST}
    with pytest.raises(InputError, match="recorded with the reward 'shaped'"):
        zo.train(small_dqn(), "CartPole-v1", **asked)
    assert zo.train(small_dqn(), "CartPole-v1", options=options, **asked).result["steps"] == 40


def test_an_algorithm_and_an_environment_of_one_s_own_are_trusted(tmp_path):
    zo.record("random", CounterEnv, steps=50, out=tmp_path / "play")
    run = zo.train(Keeper(), CounterEnv, dataset=tmp_path / "play", steps=48, out=tmp_path / "run", **FAST)
    assert run.result["steps"] == 48


def test_every_off_policy_algorithm_of_the_list_can_study():
    from zerone.algorithms import catalogue

    for entry in catalogue.entries():
        if entry.policy == "off-policy":
            catalogue.require_off_policy(entry.make())
        else:
            with pytest.raises(InputError, match="these can: "):
                catalogue.require_off_policy(entry.make())
    assert source.open_dataset(None, None, QLearning(), {}) is None
