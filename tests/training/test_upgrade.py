"""Unfinished runs written by the first version of Zerone can be evaluated and resumed.

`format_1.zip` has a run for each kind of state: tables, prioritised n-step replay, correlated noise,
episodes, workers; on the compiled and on the host engine.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest

import zerone as zo
from zerone.training import checkpoint

RUNS = Path(__file__).parent / "format_1.zip"
with zipfile.ZipFile(RUNS) as _archive:
    NAMES = sorted({name.split("/")[0] for name in _archive.namelist()})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with zipfile.ZipFile(RUNS) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_the_first_format_is_judged_and_goes_on(name, runs):
    run = zo.load(runs / name)
    for which in ("best", "last"):
        assert np.isfinite(run.evaluate(episodes=2, checkpoint=which)["return_mean"])
    run.engine().close()
    steps = run.config["steps"]
    done = zo.resume(runs / name)
    assert done.result["seeds"][0]["steps"] == steps
    assert done.metrics["step"][-1] == steps
    assert done.metrics["step"][0] < 200  # the old log is kept


def test_steps_that_waited_are_counted(runs):
    arrays, _ = checkpoint.load(next((runs / "dqn" / "checkpoints").glob("step-*")))
    assert arrays["seed-0/state/ongoing/steps/reward"].shape == (2, 2)
    assert arrays["seed-0/state/ongoing/number"] == 2


@pytest.mark.parametrize("compiled", [True, False])
def test_drifting_noise_of_format_2_is_what_the_policy_remembers(compiled):
    from zerone.training.upgrade import upgraded

    path, actor = np.ones((2, 1), np.float32), np.zeros(3, np.float32)
    kept = {"seed-0/state/policy/actor/w": actor, "seed-0/state/policy/ongoing": path}
    episodes = {"seed-0/simulation/observation": np.zeros((2, 3), np.float32)} if compiled else {}
    found = upgraded({**kept, **episodes}, 2, "ddpg")
    assert set(found) == {"seed-0/state/policy/actor/w", *episodes, *(["seed-0/simulation/memory"] if compiled else [])}
    assert all(found["seed-0/simulation/memory"] is path for _ in episodes)
    assert set(upgraded({"seed-0/policy/ongoing": path, "seed-0/policy/actor/w": actor}, 2, "ddpg")) == {
        "seed-0/policy/actor/w"  # a checkpoint of the policy only
    }
    assert set(upgraded(kept, 3, "ddpg")) == set(kept)


def test_what_ddpg_learns_has_a_name_of_its_own_since_format_4():
    from zerone.training.upgrade import upgraded

    before = ("policy/actor/w", "critic/w", "target/critic/w", "actor_optimizer/0/mu", "updates", "memory/size")
    arrays = {f"seed-7/state/{name}": np.zeros(1) for name in before}
    after = ("policy/actor/w", "learner/critic/w", "learner/target/critic/w", "learner/actor_optimizer/0/mu",
             "learner/updates", "memory/size")  # fmt: skip
    assert set(upgraded(arrays, 3, "ddpg")) == {f"seed-7/state/{name}" for name in after}
    assert set(upgraded(arrays, 3, "dqn")) == set(upgraded(arrays, 4, "ddpg")) == set(arrays)
