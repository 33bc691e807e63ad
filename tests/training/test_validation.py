"""Arguments in Python have the same bounds as on the command line; out of bounds nothing is created."""

from __future__ import annotations

import pytest
from toys import small_dqn

import zerone as zo
from zerone.base.errors import InputError

MUCH = 3_000_000_000


@pytest.mark.parametrize(
    "asked",
    [
        {"steps": MUCH}, {"steps": 100, "evaluate_every": MUCH}, {"steps": 100, "save_every": MUCH},
        {"steps": 100, "evaluation_episodes": MUCH}, {"steps": 100, "chunk": MUCH}, {"steps": 100, "seeds": MUCH},
    ],
)  # fmt: skip
@pytest.mark.parametrize("environment", ["CartPole-v1", "Blackjack-v1"])
def test_a_training_beyond_what_is_counted_is_refused(asked, environment, tmp_path):
    with pytest.raises(InputError, match=r"(is|are) not allowed"):
        zo.train(small_dqn(), environment, out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("asked", [{"steps": MUCH}, {"seeds": MUCH}, {"points": MUCH}, {"trials": MUCH}])
def test_so_is_a_sweep(asked, tmp_path):
    with pytest.raises(InputError, match=next(iter(asked))):
        zo.sweep("q-learning", "zerone/Maze-v0", {"learning_rate": (0.1, 0.2)}, out=tmp_path / "sweep", **asked)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("asked", [{"steps": MUCH}, {"episodes": MUCH}])
def test_so_is_a_recording(asked, tmp_path):
    with pytest.raises(InputError, match=next(iter(asked))):
        zo.record("random", "CartPole-v1", out=tmp_path / "data", **asked)
    assert not (tmp_path / "data").exists()


def test_so_are_an_evaluation_and_chunks_of_a_resumed_run(tmp_path):
    run = zo.train(
        zo.QLearning(), "zerone/Treasure-v0", steps=50, evaluation_episodes=1, out=tmp_path / "run", figure=False
    )
    for judge in (run.evaluate, run.agent().evaluate):
        for episodes in (0, -1, MUCH):
            with pytest.raises(InputError, match=f"episodes = {episodes} is not allowed"):
                judge(episodes)
    for chunk in (0, MUCH):
        with pytest.raises(InputError, match="chunk"):
            zo.resume(run.path, chunk=chunk)


@pytest.mark.parametrize("name", ["warmup", "target_period", "n_steps", "updates", "environments", "batch"])
def test_so_is_a_setting(name):
    with pytest.raises(
        InputError, match=f"DQN: {name} = {MUCH} is not allowed: must be at least . and at most 2,000,000,000"
    ):
        zo.DQN(**{name: MUCH})
