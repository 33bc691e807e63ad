"""Agents and runs can be copied and sent to other processes; Zerone never loads pickles from files."""

import copy
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from toys import CounterEnv

import zerone as zo
from zerone.training import checkpoint
from zerone.training.folder import RunFolder

QUICK = {"evaluation_episodes": 2, "figure": False}
SMALL = {"hidden": (4,), "memory": 300, "warmup": 20, "batch": 4, "steps_per_update": 10, "environments": 1}
KINDS = {
    "a table": lambda path: zo.train("q-learning", "zerone/Treasure-v0", steps=40, out=path, **QUICK),
    "a network": lambda path: zo.train("dqn", "CartPole-v1", steps=40, out=path, settings=SMALL, **QUICK),
    "the host engine": lambda path: zo.train(
        "dqn", "CartPole-v1", engine="host", steps=40, out=path, settings=SMALL, **QUICK
    ),
    "a class of the person's own": lambda path: zo.train(
        "dqn", CounterEnv, steps=40, out=path, settings=SMALL, **QUICK
    ),
}

ACT = """
import pickle, sys
from pathlib import Path
import numpy as np
agent, observations = pickle.loads(Path(sys.argv[1]).read_bytes())
print([np.asarray(agent.act(each)).tolist() for each in observations], agent.evaluate(2).returns.tolist())
"""


@pytest.fixture(scope="module", params=KINDS)
def run(request, tmp_path_factory):
    return KINDS[request.param](tmp_path_factory.mktemp("pickled") / "run")


def observations_of(agent):
    space = agent._engine.spaces.observation
    space.seed(0)
    return [space.sample() for _ in range(5)]


def actions_of(agent):
    return [np.asarray(agent.act(each)).tolist() for each in observations_of(agent)]


@pytest.mark.thorough(after=1)
def test_an_agent_acts_the_same_in_another_process(run, tmp_path):
    agent = run.agent()
    (tmp_path / "agent").write_bytes(pickle.dumps((agent, observations_of(agent))))
    run_there = [sys.executable, "-c", textwrap.dedent(ACT), str(tmp_path / "agent")]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": "", "ZERONE_CACHE": "off"}
    done = subprocess.run(run_there, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{actions_of(agent)} {agent.evaluate(2).returns.tolist()}"


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])  # noqa: S301
def test_copies_are_as_good(run, copied):
    agent = run.agent()
    again = copied(agent)
    assert actions_of(again) == actions_of(agent)
    assert repr(again) == repr(agent)
    other = copied(run)
    assert (other.path, other.config, other.seeds, other.result) == (run.path, run.config, run.seeds, run.result)
    assert actions_of(other.agent()) == actions_of(agent)


def test_a_run_that_is_only_loaded_is_pickled_without_an_engine(run):
    if not run.config["environment"]["known"]:
        pytest.skip("made of a class")
    again = pickle.loads(pickle.dumps(zo.load(run.path)))  # noqa: S301
    assert again.evaluate(2)["return_mean"] == run.evaluate(2)["return_mean"]


def test_a_deep_copy_has_a_policy_of_its_own(tmp_path):
    agent = KINDS["a network"](tmp_path / "run").agent()
    again = copy.deepcopy(agent)
    numbers, others = checkpoint.flatten(agent.policy), checkpoint.flatten(again.policy)
    assert numbers.keys() == others.keys()
    for name, each in numbers.items():
        assert each.tobytes() == others[name].tobytes()
        assert not np.shares_memory(each, others[name])


def test_the_lock_of_a_run_is_not_copied(tmp_path):
    KINDS["a table"](tmp_path / "run")
    with RunFolder.resume(tmp_path / "run") as folder:
        again = pickle.loads(pickle.dumps(folder))  # noqa: S301
        again.close()
        with pytest.raises(zo.InputError, match="another process is writing to it"):
            RunFolder.resume(tmp_path / "run")
