"""Arguments of Python's interface that come from arrays, or are of another kind than they must be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import zerone as zo
from zerone.base.errors import InputError


def train(out: Path, **changed: Any) -> zo.Run:
    return zo.train(
        **{"algorithm": "q-learning", "environment": "zerone/Maze-v0", "steps": 60, "evaluation_episodes": 2,
           "out": out, "figure": False} | changed
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zo.Run:
    folder = tmp_path_factory.mktemp("arguments") / "run"
    numbers = {"epsilon": np.float32(0.25), "discount": jnp.float32(0.5)}
    return train(folder, steps=np.int64(60), seeds=np.arange(2), evaluation_episodes=jnp.int32(2), settings=numbers)


def test_numbers_from_arrays_are_numbers(run: zo.Run) -> None:
    settings = run.config["algorithm"]["settings"]
    assert (settings["epsilon"], settings["discount"], run.seeds) == (0.25, 0.5, [0, 1])
    assert run.config["steps"] == 60


def test_settings_of_an_algorithm_object_may_come_from_arrays_and_lists(tmp_path: Path) -> None:
    dqn = zo.DQN(batch=np.int64(8), hidden=[np.int64(4), 4], learning_rate=np.float32(0.5))  # type: ignore[arg-type]
    assert (dqn.batch, dqn.hidden, dqn.learning_rate) == (8, (4, 4), 0.5)
    assert all(type(each) is int for each in (dqn.batch, *dqn.hidden))
    assert train(tmp_path / "run", algorithm=zo.QLearning(epsilon=jnp.float32(0.25))).config["algorithm"]["settings"][
        "epsilon"
    ] == 0.25  # fmt: skip


def test_a_run_is_given_in_place_of_its_folder(run: zo.Run) -> None:
    assert os.fspath(run) == str(run.path)
    assert zo.load(run).seeds == run.seeds
    assert zo.resume(run).path == run.path
    with pytest.raises(InputError, match=r"runs = .* is not allowed: must be a list"):
        zo.compare(run)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", ["high", float("nan"), True, [1]])
def test_a_threshold_is_one_finite_number(run: zo.Run, threshold: Any) -> None:
    with pytest.raises(InputError, match=r"threshold = .* is not allowed: must be a finite number"):
        zo.compare([run, run], threshold=threshold)


def test_a_checkpoint_is_given_by_its_step_or_its_file(run: zo.Run) -> None:
    newest = sorted((run.path / "checkpoints").iterdir())[-1]
    one, other, third = (run.evaluate(2, checkpoint=each)["seeds"][0]["returns"] for each in (60, "60", newest))
    assert one == other == third


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a text for a flag": ({"overwrite": "no"}, "overwrite = 'no' is not allowed: must be True or False"),
    "a number for a flag": ({"stop_when_solved": 1}, "stop_when_solved = 1 is not allowed: must be True or False"),
    "a list of options": ({"options": [1]}, r"options = \[1\] is not allowed: must be a dictionary"),
    "options without names": ({"options": {3: 1}}, "options = {3: 1} is not allowed: must be a dictionary of names"),
    "settings without names": ({"settings": {3: 1}}, "settings = {3: 1} are not allowed: must be a dictionary"),
    "no engine": ({"engine": None}, "engine = None is not allowed: must be a text"),
    "a list of settings": ({"settings": [("epsilon", 1)]}, "must be a dictionary, such as {'discount': 0.9}"),
    "a level in words": ({"solved_at": "high"}, "solved_at = 'high' is not allowed: must be a finite number"),
    "a number for a path": ({"out": 3}, "3 is not allowed: must be a path"),
    "bytes for a path": ({"out": b"run"}, "b'run' is not allowed: must be a path"),
    "no algorithm": ({"algorithm": None}, "algorithm None is not allowed: must be a name, such as 'dqn', or an object"),
    "several numbers for one": (
        {"algorithm": zo.QLearning(epsilon=np.full(3, 0.1))},  # type: ignore[arg-type]
        "q-learning: epsilon is an array of 3 numbers: must be a single one",
    ),
    "what cannot be called": ({"on_progress": 5}, "on_progress = 5 is not allowed: must be a function"),
    "a number for a network": ({"algorithm": "dqn", "environment": "CartPole-v1", "network": 5}, "^5 is not a valid"),
}


@pytest.mark.parametrize(("given", "line"), REFUSED.values(), ids=list(REFUSED))
def test_another_kind_of_argument_is_refused_by_its_name(given: dict[str, Any], line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=line):
        train(**{"out": tmp_path / "run"} | given)
    assert not list(tmp_path.iterdir())


def test_options_of_an_environment_may_come_from_an_array() -> None:
    made = zo.make("CartPole-v1", limit=np.int64(9), gravity=np.float32(9.5))
    assert (made.limit, made.environment.gravity) == (9, 9.5)
    with pytest.raises(InputError, match="environment 3 is not allowed: must be an id"):
        zo.make(3)  # type: ignore[arg-type]


def test_layers_of_half_a_unit_are_refused() -> None:
    with pytest.raises(InputError, match=r"hidden = \(8.5, 8\) is not allowed: must be of type tuple\[int, ...\]"):
        zo.DQN(hidden=(8.5, 8))  # type: ignore[arg-type]


@pytest.mark.parametrize("checkpoint", [True, None, 0.5])
def test_what_is_no_checkpoint_is_refused(run: zo.Run, checkpoint: Any) -> None:
    with pytest.raises(InputError, match=r"checkpoint = .* is not allowed: must be best, last, a step or a file"):
        run.evaluate(2, checkpoint=checkpoint)


def test_a_sweep_takes_its_values_from_an_array(tmp_path: Path) -> None:
    found = zo.sweep("q-learning", "zerone/Maze-v0", {"epsilon": np.array([0.1, 0.2])}, steps=40, seeds=3,
                     out=tmp_path / "sweep")  # fmt: skip
    assert [each.settings["epsilon"] for each in found.trials] == [0.1, 0.2]
    with pytest.raises(InputError, match=r"space = .* is not allowed: must be a dictionary"):
        zo.sweep("q-learning", "zerone/Maze-v0", [0.1])  # type: ignore[arg-type]
