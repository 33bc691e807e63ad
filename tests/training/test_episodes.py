"""A training with a number of episodes ends after the update of the last one, whatever the chunk, also if resumed."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest
from toys import small_dqn

import zerone as zo
from zerone.base.errors import InputError
from zerone.engines.stepping import Stepper
from zerone.environments.catalogue import make
from zerone.training.interrupt import Interrupted

SMALL: dict[str, Any] = {"evaluation_episodes": 2, "figure": False}
LEARNER = zo.QLearning(environments=3)
SEEDS, EPISODES = 2, 20


def contents(path):
    files = [path / "metrics.csv", path / "config.json", *sorted((path / "checkpoints").glob("*.safetensors"))]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def train(path, **asked):
    return zo.train(LEARNER, "zerone/Treasure-v0", seeds=SEEDS, episodes=EPISODES, out=path, **SMALL | asked)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "whole")


def ended_after(algorithm, environment, seed, episodes):
    """The number of iterations until so many episodes have ended, counted step by step without the training loop."""
    stepper, ended = Stepper(algorithm, environment, seed), 0
    while ended < episodes:
        steps = stepper.forward().steps
        ended += int(np.asarray(steps.terminated | steps.truncated).sum())
    return stepper.index, ended


def test_progress_counts_the_episodes_of_seeds_that_go_on(tmp_path):
    """Seed 1 is solved after 120 steps and 2 episodes; then the progress shows the episodes of seed 7 until its end."""
    shown, each = [], {1: 0, 7: 0}
    asked = {"stop_when_solved": True, "evaluate_every": 30, "evaluation_episodes": 2, "chunk": 10, "figure": False}
    run = zo.train(
        LEARNER, "zerone/Treasure-v0", seeds=[1, 7], episodes=60, out=tmp_path / "run", **asked,
        on_progress=lambda now, _: shown.append((now.steps, now.episodes)),
    )  # fmt: skip
    ends = {found["seed"]: found["solved_at_step"] for found in run.result["seeds"]}
    rows, wanted = run.metrics, {}
    for seed, step, episodes in zip(rows["seed"], rows["step"], rows["episodes"], strict=True):
        each[int(seed)] += int(episodes)
        going = [each[s] for s in each if ends[s] > step] or [each[s] for s in each if ends[s] == max(ends.values())]
        wanted[int(step)] = min(going)
    assert ends[1] < ends[7]
    assert {step: episodes for step, episodes in shown if step} == wanted


def test_a_number_of_episodes_in_a_file_is_looked_at(tmp_path):
    (tmp_path / "mine.toml").write_text("episodes = 2000000\n")
    with pytest.raises(InputError, match=r"^episodes = 2000000 is not allowed: must be a whole number, from 1"):
        zo.train("q-learning", "zerone/Treasure-v0", settings=tmp_path / "mine.toml", out=tmp_path / "run")


def test_each_seed_ends_with_the_update_of_its_last_episode(whole):
    found = whole.result["seeds"]
    steps = whole.metrics
    for each in found:
        iterations, ended = ended_after(LEARNER, make("zerone/Treasure-v0"), each["seed"], EPISODES)
        assert each["steps"] == iterations * LEARNER.environments
        mine = steps["seed"] == each["seed"]
        assert np.nansum(steps["episodes"][mine]) == ended >= EPISODES
        assert steps["step"][mine][-1] == each["steps"]
    assert found[0]["steps"] != found[1]["steps"]
    assert whole.result["steps"] == sum(each["steps"] for each in found)
    assert whole.config["episodes"] == EPISODES


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_the_chunk_changes_no_byte(whole, chunk, tmp_path):
    assert contents(train(tmp_path / "run", chunk=chunk).path) == contents(whole.path)


@pytest.mark.parametrize("after", [1, 2, 4, 7])
def test_stopped_and_resumed_it_comes_to_the_same_end(whole, after, tmp_path):
    looks = []

    def on_progress(now, _):
        looks.append(now.steps)
        if len(looks) == after + 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        train(tmp_path / "run", chunk=9, on_progress=on_progress)
    assert contents(zo.resume(tmp_path / "run").path) == contents(whole.path)


@pytest.mark.thorough
def test_with_a_network_in_blocks_and_on_the_host(tmp_path):
    algorithm = small_dqn(hidden=(8,), environments=2, steps_per_update=4, warmup=16)
    run = zo.train(algorithm, "CartPole-v1", episodes=9, out=tmp_path / "compiled", **SMALL)
    assert run.result["steps"] == ended_after(algorithm, make("CartPole-v1"), 0, 9)[0] * 8
    assert not run.config["stop_when_solved"]
    hosted = zo.train(algorithm, "CartPole-v1", episodes=9, engine="host", out=tmp_path / "host", **SMALL)
    rows = hosted.metrics
    assert 9 <= np.nansum(rows["episodes"]) <= 10  # episodes of both environments may end in the last block
    assert rows["step"][-1] == hosted.result["steps"] == hosted.result["seeds"][0]["steps"]


def test_what_is_asked_of_it_is_checked(tmp_path):
    for asked, line in (
        ({"episodes": 0}, "episodes = 0 is not allowed"),
        ({"episodes": True}, "episodes = True is not allowed"),
        ({"episodes": 2.5}, "episodes = 2.5 is not allowed"),
        ({"episodes": 3, "steps": 100}, "steps = 100 and episodes = 3 exclude each other"),
        ({"episodes": 3, "spread": 2}, "episodes = 3 is not allowed with spread"),
    ):
        with pytest.raises(InputError, match=line):
            zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()
