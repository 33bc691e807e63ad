"""Environments in processes: the same steps; one line if a process is lost; no wrong steps if it is replaced."""

import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import jax
import numpy as np
import pytest
from falling import WAYS, Counts, Draws, FailsToClose
from toys import Keeper, equal_bits, small_dqn, wrong_steps

import zerone as zo
from zerone.base.errors import InputError, RunError
from zerone.base.notices import Notices
from zerone.engines.host import Host
from zerone.engines.vector_rollout import Player, playing
from zerone.environments.gym import process_vector
from zerone.environments.gym.process_vector import ProcessVectors, vector_in
from zerone.environments.gym.processes import Processes
from zerone.environments.gym.step_timeout import limited
from zerone.environments.gym.vector import make_vector


@pytest.fixture(scope="module")
def two():
    """Two processes for tests that do not end them."""
    processes = Processes(2)
    yield processes
    processes.close()


def _steps(vector, seeds, number=60):
    player, chance = Player(vector), np.random.default_rng(0)
    player.reset(seeds)
    found = [player.observation]
    for _ in range(number):
        happened = player.step(chance.uniform(-2, 2, (len(seeds), 2)).astype(np.float32))
        found += [getattr(happened, name) for name in ("next_observation", "reward", "terminated", "truncated", "real")]
        found.append(player.observation)
    return found


def test_the_same_steps_as_in_turn_where_a_process_has_several_environments(two):
    apart, turn = vector_in(two, Draws, "Draws-v0", 5, 0), make_vector(Draws, "Draws-v0", 5, 0)
    seeds = [3, 1, 4, 1, 5]
    for one, other in zip(_steps(apart, seeds), _steps(turn, seeds), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sum(step.sum() for step in _steps(turn, seeds)[3::6]) > 20  # episodes have ended
    assert apart.encoding.space == turn.encoding.space
    apart.close()


def test_evaluations_play_the_first_environments_to_the_end_of_an_episode_and_no_further(two):
    apart, turn = vector_in(two, Counts, "Counts-v0", 5, 0), make_vector(Counts, "Counts-v0", 5, 0)

    def judged(vector):
        nothing = lambda seen, *_, mask: np.zeros(len(seen), int)  # noqa: ARG005, E731
        *_, found = playing(vector, lambda _: nothing, [7, 8, 9, 7, 8, 9, 1], 50)
        return found

    for few in (3, 5):
        for one, other in zip(judged(apart.first(few)), judged(turn.first(few)), strict=True):
            np.testing.assert_array_equal(one, other)
    apart.close()


def _play(player, steps):
    for _ in range(steps):
        player.step(np.zeros(1, int))


LINES = {
    "killed": "step 4: process 1 of 1 was killed by SIGKILL in step",
    "exits": "step 4: process 1 of 1 ended with exit code 7 in step",
    "sys.exit": "step 4: step called sys.exit(3) (process 1 of 1)",
    "hangs": "step 4: step has not returned within 0.3 s (step timeout) in process 1 of 1",
    "fails": "step 4: step raised IndexError: pop from empty list (process 1 of 1)",
}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("how", LINES)
def test_a_process_that_is_lost_is_one_line_that_names_environment_and_process(how):
    processes = Processes(1)
    player = Player(vector_in(processes, functools.partial(Counts, how, 4), "Counts-v0", 1, 6))
    player.reset([0])
    (pid,) = processes.pids
    with limited(0.3), pytest.raises(RunError, match=re.escape(f"environment Counts-v0, seed 6, {LINES[how]}")):
        _play(player, 4)
    assert not processes.pids
    assert not Path(f"/proc/{pid}").exists()


def _engine(how, at, mark, lines, **keeper):
    make = functools.partial(Counts, how, at, mark)
    apart = ProcessVectors(Processes(2, replace=True), make, make, "Counts-v0", "auto", Notices(lines.append))
    vector = functools.partial(make_vector, Counts, "Counts-v0")
    return Host(Keeper(**keeper), vector, vector, side_by_side=apart)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("how", "length"), [("sys.exit", 1), ("hangs", 4)])
def test_where_a_process_is_replaced_every_stored_step_is_true_and_its_episodes_are_cut(how, length, tmp_path):
    lines, blocks = [], []
    engine = _engine(how, 23, tmp_path / "mark", lines, steps_per_update=length)
    with limited(0.4):
        carries = [engine.init(0)]
        for i in range(60 // length):
            carries = engine.advance(carries, [0], [i], i + 1)
            blocks.append(jax.device_get(carries[0].state.steps))
    engine.close()
    steps = jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)
    assert engine.facts() == {"processes": 2, "replaced_processes": 1}
    assert len(lines) == 1
    assert "it is replaced, and its episodes count as truncated" in lines[0]
    assert wrong_steps(steps) == 0
    assert (steps.reward == 1).all()
    over = (steps.terminated | steps.truncated)[:-1]
    seen, following = steps.observation[1:, :, 0], steps.next_observation[:-1, :, 0]
    begins = seen % 100 == 0
    np.testing.assert_array_equal(seen[~over & ~begins], following[~over & ~begins])
    assert (seen[over] % 100 == 0).all()
    cut_between_blocks = begins & ~over  # the step before was already learnt from when the process was lost
    assert cut_between_blocks.sum() == 0 if length > 1 else cut_between_blocks.sum() <= 2
    assert (following % 100 >= 1).all()
    row, _ = engine.report(carries[0], 0, 60)
    assert row["return"] == row["length"]
    assert row["episodes"] >= over.sum()


@pytest.mark.thorough
def test_an_episode_that_is_lost_while_it_is_judged_is_played_again(tmp_path):
    sound = Host(Keeper(), functools.partial(make_vector, Counts, "Counts-v0"))
    falls = _engine("killed", 2, tmp_path / "mark", [])
    policy = sound.policy(sound.init(0))
    found = [each.evaluate(policy, 0, 1, 8) for each in (sound, falls)]
    np.testing.assert_array_equal(found[0].returns, found[1].returns)
    assert falls.facts()["replaced_processes"] == 1
    sound.close()
    falls.close()


@pytest.mark.thorough
def test_a_process_that_is_lost_again_and_again_is_given_up():
    processes = Processes(1, replace=True)
    player = Player(vector_in(processes, functools.partial(Counts, "exits", 3), "C-v0", 1, 0, notices=Notices(print)))
    player.reset([0])
    with pytest.raises(RunError, match="lost 3 times within 1,000 calls, and is not replaced again"):
        _play(player, 20)


@pytest.mark.thorough
def test_a_training_learns_the_same_bits_and_its_run_knows_its_processes(tmp_path):
    def trained(name, **asked):
        return zo.train(
            small_dqn(environments=3, warmup=8), "falling:Counts-v0", steps=300, out=tmp_path / name, figure=False,
            evaluation_episodes=5, **asked,
        )  # fmt: skip

    alone, apart = trained("alone"), trained("apart", processes=2)
    assert (alone.path / "metrics.csv").read_text() == (apart.path / "metrics.csv").read_text()
    one, other = (each.agent(checkpoint="last").policy for each in (alone, apart))
    assert equal_bits(one, other)
    assert apart.config["processes"] == {"number": 2, "replace_lost": False}
    assert zo.load(apart.path).evaluate(4)["returns"] == alone.evaluate(4)["returns"]
    assert zo.resume(apart.path, processes=1).result["steps"] == 300


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("how", WAYS)
def test_whatever_happens_when_an_environment_is_closed_nothing_is_raised_and_nothing_waits(how, monkeypatch):
    monkeypatch.setattr(process_vector, "SECONDS_TO_CLOSE", 0.5)
    processes, notices = Processes(1), []
    vector = vector_in(processes, functools.partial(FailsToClose, how), "Odd-v0", 1, 0, notices=Notices(notices.append))
    vector.reset(seed=[0])
    vector.close()
    expected = {
        "killed": ["process 1 of 1 was killed by SIGKILL in close"],
        "exits": ["process 1 of 1 ended with exit code 7 in close"],
        "hangs": ["close has not returned within 0.5 s (step timeout) in process 1 of 1"],
    }.get(how, [])
    assert notices == [f"environment Odd-v0, seed 0, step 0: {each}" for each in expected]
    processes.close()


ENDS = """
import sys, time
from falling import Counts
from zerone.environments.gym.process_vector import vector_in
from zerone.environments.gym.processes import Processes
processes = Processes(2)
vector = vector_in(processes, Counts, "Counts-v0", 2, 0)
vector.reset(seed=[0, 1])
print(*processes.pids, flush=True)
time.sleep(100)
"""


@pytest.mark.thorough
def test_no_process_is_left_where_the_one_that_asks_is_killed():
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", ENDS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=here, text=True) as asking:  # noqa: S603
        assert asking.stdout is not None
        pids = asking.stdout.readline().split()
        asking.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while any(Path(f"/proc/{each}").exists() for each in pids):
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"processes": 0}, "processes = 0 is not allowed: must be a whole number from 1 to 1,024"),
        ({"processes": 10**6}, "processes = 1000000 is not allowed: must be a whole number from 1 to 1,024"),
        ({"processes": True}, "processes = True is not allowed"),
        ({"processes": 4}, "processes = 4 is not allowed: q-learning plays 1 environment side by side"),
        ({"replace_lost": True}, "replace_lost=True is not allowed without processes=: there is none to be lost"),
        ({"processes": 1, "engine": "auto", "environment": "CartPole-v1"}, "CartPole-v1 runs compiled, in one program; "
         "use engine='host', which steps it from Python"),
        ({"processes": 1, "environment": gymnasium.make("Blackjack-v1")}, "Blackjack-v1 is one object"),
    ],
)  # fmt: skip
def test_processes_that_cannot_be_are_refused_and_nothing_is_created(asked, line, tmp_path):
    asked = {"engine": "host", "environment": "Blackjack-v1", **asked}
    algorithm = "dqn" if asked["environment"] == "CartPole-v1" else "q-learning"
    with pytest.raises(InputError, match=re.escape(line)):
        zo.train(algorithm, asked.pop("environment"), out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()
