"""Seeds spread over the processes of a cluster, without Ray: tests decide when a simulated process is lost.

Results are compared with the same training in one process. `test_ray_connection` tests real processes.
"""

import sys
import types

import gymnasium
import numpy as np
import pytest
from local_workers import LocalSupervisor
from toys import CounterEnv, cycle, small_dqn, small_ppo

import zerone as zo
from zerone.base.notices import Notices, kept_in
from zerone.cluster import spread
from zerone.cluster.ray_actor import RayActor, WorkerError
from zerone.cluster.spread import Place, SeedTask
from zerone.engines.compiled import Compiled
from zerone.engines.compiled import _evaluate as evaluate

QUICK = {"seeds": 3, "steps": 120, "evaluate_every": 40, "evaluation_episodes": 2, "figure": False, "progress": False}


@pytest.fixture
def supervisors(monkeypatch):
    """A function that simulates processes with a given `life` (see `LocalSupervisor`); returns the supervisors."""
    found = []
    monkeypatch.setitem(sys.modules, "ray", types.SimpleNamespace(get=lambda value: value))
    monkeypatch.setattr(spread, "connect", lambda _: types.SimpleNamespace(close=lambda: None))

    def lasting(life):
        def supervisor(_connection, number, _algorithm, task, _timeout):
            found.append(LocalSupervisor(task, number, life))
            return found[-1]

        monkeypatch.setattr(spread, "Supervisor", supervisor)
        return found

    return lasting


def _bytes(run):
    """The bytes of all files of a training that do not depend on the time."""
    names = [
        "config.json",
        "metrics.csv",
        *(f"checkpoints/{each.name}" for each in (run.path / "checkpoints").iterdir()),
    ]
    return {name: (run.path / name).read_bytes() for name in sorted(names)}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("life", [10**9, 7, 1], ids=["nobody is lost", "now and then", "each after a request"])
@pytest.mark.parametrize("algorithm", [zo.QLearning(), small_dqn(), small_ppo()], ids=["table", "dqn", "ppo"])
def test_the_files_are_those_of_one_machine_whoever_is_lost(algorithm, life, supervisors, tmp_path):
    if life == 1 and algorithm.name == "ppo":
        pytest.skip("as dqn, and slow")
    alone = zo.train(algorithm, cycle(), out=tmp_path / "alone", save_every=60, **QUICK)
    found = supervisors(life)
    apart = zo.train(algorithm, cycle(), out=tmp_path / "apart", save_every=60, spread=2, **QUICK)
    assert _bytes(alone) == _bytes(apart)
    (supervisor,) = found
    assert len(supervisor.workers) == 2
    assert (supervisor.lost > 0) == (life < 10**9)


def test_what_a_process_sends_is_not_compiled_for_again(supervisors, tmp_path):
    """A policy's structure contains its activation. Sent with it, each policy would be a new structure for JAX."""
    supervisors(10**9)
    for seeds, out in (3, "first"), (6, "second"):
        before = evaluate._jitted._cache_size()
        zo.train(small_dqn(), cycle(), out=tmp_path / out, spread=2, save_every=60, **QUICK | {"seeds": seeds})
    assert evaluate._jitted._cache_size() == before


def test_what_takes_long_to_compute_again_is_asked_for_piece_by_piece(supervisors, tmp_path, monkeypatch):
    """Otherwise a process that needs longer than a request may take would be replaced again and again."""
    asked = {**QUICK, "save_every": 10}
    alone = zo.train(zo.QLearning(), cycle(), out=tmp_path / "alone", **asked)
    monkeypatch.setattr(spread, "A_WHILE", 0.0)
    behind, carry = [], spread.SeedWorker._carry
    monkeypatch.setattr(spread.SeedWorker, "_carry", lambda *given: behind.append(carry(*given)) or behind[-1])
    found = supervisors(23)
    apart = zo.train(zo.QLearning(), cycle(), out=tmp_path / "apart", spread=2, **asked)
    assert _bytes(alone) == _bytes(apart)
    assert found[0].lost > 0
    assert any(each is None for each in behind)


def test_a_run_that_was_spread_searches_and_leaves_as_any_other(supervisors, tmp_path):
    supervisors(10**9)
    run = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", spread=2, **QUICK)
    assert run.evaluate(3, lookahead=1)["episodes"] == 3


def test_the_test_sees_a_row_that_is_counted_twice(supervisors, tmp_path, monkeypatch):
    alone = zo.train(zo.QLearning(), cycle(), out=tmp_path / "alone", **QUICK)
    monkeypatch.setattr(spread.Remote, "__init__", _forgetful(spread.Remote.__init__))
    supervisors(5)
    apart = zo.train(zo.QLearning(), cycle(), out=tmp_path / "apart", spread=2, **QUICK)
    assert _bytes(alone)["metrics.csv"] != _bytes(apart)["metrics.csv"]


def _forgetful(made):
    def __init__(self, place, slot):  # noqa: N807
        made(self, place._replace(rows=()), slot)

    return __init__


def test_a_stopped_training_goes_on_spread_or_not(supervisors, tmp_path):
    alone = zo.train(zo.QLearning(), cycle(), out=tmp_path / "alone", **QUICK)
    supervisors(4)

    class StopError(Exception):
        pass

    def enough(now, _policy):
        if now.steps >= 60:
            raise StopError

    def begun(name, **how):
        with pytest.raises(zo.CallbackError):
            zo.train(zo.QLearning(), cycle(), out=tmp_path / name, on_progress=enough, chunk=1, **how, **QUICK)
        return tmp_path / name

    goes_on = zo.resume(begun("one", spread=2), cycle(), progress=False)
    assert _bytes(goes_on)["metrics.csv"] == _bytes(alone)["metrics.csv"]
    spread_later = zo.resume(begun("two"), cycle(), spread=3, progress=False)
    assert _bytes(spread_later)["metrics.csv"] == _bytes(alone)["metrics.csv"]


def test_in_environments_of_python_a_lost_seed_goes_on_with_new_episodes(supervisors, tmp_path):
    found = supervisors(9)
    run = zo.train(small_dqn(), lambda: CounterEnv(), out=tmp_path / "run", spread=3, **QUICK)
    assert run.result["steps"] == 3 * 120
    assert found[0].lost > 0
    assert run.metrics["step"][-1] == 120


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"spread": 0}, "spread = 0 is not allowed: must be a whole number, from 1 to 1024"),
        ({"spread": 10**6}, "from 1 to 1024"),
        ({"spread": True}, "whole number"),
        (
            {
                "spread": 2,
                "environment": "Taxi-v4",
                "algorithm": "dqn",
                "processes": 2,
                "engine": "host",
                "settings": {"environments": 2},
            },
            "with processes",
        ),
        ({"spread": 2, "environment": "CartPole-v1", "algorithm": "a3c", "engine": "cluster"}, "engine='cluster'"),
        ({"address": "127.0.0.1:6379"}, "without engine='cluster' or spread"),
    ],
)
def test_what_cannot_be_spread_is_refused_in_one_line_and_nothing_is_created(wrong, text, supervisors, tmp_path):
    supervisors(10**9)
    asked = {"algorithm": "q-learning", "environment": "zerone/Treasure-v0", "steps": 100, **wrong}
    with pytest.raises(zo.InputError) as caught:
        zo.train(asked.pop("algorithm"), asked.pop("environment"), out=tmp_path / "run", **asked)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_an_error_of_a_process_is_its_line():
    actor = object.__new__(RayActor)
    actor._worker = SeedTask(Compiled(zo.QLearning(), cycle()), "Cycle").worker(None, 0)
    found = actor.do("advance", [Place(0, 3, 5, (), ())], 9, "too much")
    assert isinstance(found, WorkerError)
    assert found.kind == "TypeError"


class Wide(CounterEnv):
    """Observations with numbers on very different scales, without normalisation."""

    def __init__(self):
        super().__init__()
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)

    def reset(self, **given):
        number, info = super().reset(**given)
        return self._shown(number), info

    def step(self, action):
        number, *rest = super().step(action)
        return self._shown(number), *rest

    def _shown(self, number):
        value = float(np.asarray(number).reshape(-1)[0])
        return np.array([value, 1e4 * value**2], np.float32)


@pytest.mark.thorough
def test_lines_for_the_person_come_from_the_processes_as_well(supervisors, tmp_path, caplog):
    """The notice about scales and the warnings about an environment are the same as on one machine."""
    algorithm = small_ppo(normalize_observations="off")
    quick = {**QUICK, "steps": 1_200, "evaluate_every": 600}
    zo.train(algorithm, Wide, out=tmp_path / "alone", **quick)
    alone = {line for line in caplog.messages if "different scales" in line}
    caplog.clear()
    supervisors(5)
    zo.train(algorithm, Wide, spread=2, out=tmp_path / "spread", **quick)
    assert len(alone) == 1
    assert sum("different scales" in line for line in caplog.messages) == 1


def test_a_line_that_a_process_says_is_kept_and_said_once():
    lines = []
    with kept_in(lines):
        Notices()("something about a world")
        Notices()("something about a world")
    assert lines == ["something about a world"]
