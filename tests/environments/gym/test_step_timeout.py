"""A hanging environment ends the run with one line, however it hangs; a slow one does not."""

import contextlib
import ctypes
import queue
import re
import signal
import socket
import sys
import threading
import time

import gymnasium
import numpy as np
import pytest
from toys import CounterEnv, Keeper

import zerone as zo
from zerone.base.errors import InputError, RunError
from zerone.engines.host import Host
from zerone.environments.gym import step_timeout
from zerone.environments.gym.checked_vector import CheckedVector
from zerone.environments.gym.guard import guarded
from zerone.environments.gym.step_timeout import LateError, current, limited
from zerone.environments.gym.vector import make_vector

FOREVER = 1000.0


def _sleep():
    time.sleep(FOREVER)


def _spin():
    until = time.monotonic() + FOREVER
    while time.monotonic() < until:
        pass


def _lock():
    threading.Event().wait(FOREVER)


def _queue():
    queue.Queue().get()


def _socket():
    one, other = socket.socketpair()
    with one, other:
        one.recv(1)


def _try_again():
    while True:
        with contextlib.suppress(Exception):  # like some drivers of simulators
            time.sleep(FOREVER)


def _native():
    ctypes.CDLL(None).usleep(600_000)


def _says_otherwise():
    try:
        time.sleep(FOREVER)
    except BaseException as error:
        raise OSError("the simulator is gone") from error


def _goes_on():
    with contextlib.suppress(BaseException):
        time.sleep(FOREVER)


WAYS = [_sleep, _spin, _lock, _queue, _socket, _try_again, _native, _says_otherwise, _goes_on]


class Hanging(gymnasium.Env):
    """Hangs at its third step, or in a reset."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, hang, where="step"):
        self.hang, self.where, self.steps = hang, where, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        if self.where == "reset":
            self.hang()
        return np.zeros(2, np.float32), {}

    def step(self, action):
        del action
        self.steps += 1
        if self.where == "step" and self.steps == 3:
            self.hang()
        return np.zeros(2, np.float32), 1.0, False, False, {}

    def render(self):
        self.hang()


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize("hang", WAYS)
def test_a_step_that_hangs_is_one_line_that_names_environment_seed_and_step(hang):
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: Hanging(hang), "Odd-v0", number, seed))
    (carry,) = engine.advance([engine.init(4)], [4], [0], 0)  # compiled
    line = r"environment Odd-v0, seed 4, step 3: step has not returned within 0.2 s \(step timeout\)"
    with limited(0.2), pytest.raises(RunError, match=line):
        engine.advance([carry], [4], [0], 9)
    engine.close()
    assert current() is None


@pytest.mark.parametrize("where", ["reset", "render"])
def test_so_are_a_reset_and_a_picture(where):
    env = guarded(Hanging(_sleep, where), "Odd-v0", 0)
    with limited(0.1), pytest.raises(RunError, match=f"seed 0, step 0: {where} has not returned within 0.1 s"):
        getattr(env, where)()


def test_and_the_making_of_one():
    with limited(0.1), pytest.raises(RunError, match=r"environment Odd-v0, seed 5: the making of it has not returned"):
        make_vector(_sleep, "Odd-v0", 1, 5)


def test_a_thread_that_is_not_the_main_one_is_interrupted_where_it_is_in_python():
    found = []

    def work():
        env = guarded(Hanging(_spin, "reset"), "Odd-v0", 0)
        with limited(0.1):
            try:
                env.reset()
            except RunError as error:
                found.append(str(error))
            try:
                for _ in range(1000):  # a timeout that came late has no effect later
                    env.step(0)
            except BaseException as error:
                found.append(repr(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert found == ["environment Odd-v0, seed 0, step 0: reset has not returned within 0.1 s (step timeout)"]


def test_steps_in_time_are_left_alone_however_many():
    env = guarded(Hanging(lambda: time.sleep(0.05), "step"), "Slow-v0", 0)
    with limited(0.5):
        env.reset()
        for _ in range(3000):
            env.step(0)
        time.sleep(0.6)  # time between steps belongs to the learner
        env.step(0)


def test_an_environment_that_does_not_close_in_time_is_only_a_warning():
    class Closing(gymnasium.Wrapper):
        def close(self):
            time.sleep(FOREVER)

    env = guarded(Closing(CounterEnv()), "Odd-v0", 0)
    with limited(0.2), pytest.warns(UserWarning, match="environment Odd-v0: close has not returned within 0.2 s"):
        env.close()


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (lambda: time.sleep(FOREVER), "close has not returned within 0.2 s"),
        (lambda: [].pop(), "close raised IndexError: pop from empty list"),
        (lambda: sys.exit(3), r"close called sys.exit\(3\)"),
    ],
)
def test_so_is_a_vector_that_does_not_close_in_time_or_fails_to(fail, said):
    class Closing(gymnasium.vector.SyncVectorEnv):
        def close(self, **_):
            fail()

    vector = CheckedVector(Closing([CounterEnv]), "Odd-v0", 0)
    with limited(0.2), pytest.warns(UserWarning, match=f"environment Odd-v0, seed 0, vector step 0: {said}"):
        vector.close()


def test_what_catches_everything_is_left_to_the_last_resort(monkeypatch):
    monkeypatch.setattr(step_timeout, "PATIENCE", 0.2)
    lines, free = [], threading.Event()

    def last_resort(line):
        lines.append(line)
        free.set()

    def hang():
        while not free.is_set():
            with contextlib.suppress(BaseException):
                time.sleep(FOREVER)

    env = guarded(Hanging(hang, "reset"), "Odd-v0", 0)
    with limited(0.1, last_resort), pytest.raises(RunError, match="reset has not returned"):
        env.reset()
    assert lines[0] == "environment Odd-v0, seed 0, step 0: reset has not returned within 0.1 s (step timeout)"


def test_the_signal_is_given_back_and_ctrl_c_is_still_ctrl_c():
    before = signal.getsignal(step_timeout.SIGNAL)

    def interrupted():
        raise KeyboardInterrupt

    with limited(5.0) as nothing:
        assert nothing is None
        with pytest.raises(KeyboardInterrupt):
            guarded(Hanging(interrupted, "reset"), "Odd-v0", 0).reset()
        with pytest.raises(LateError), limited(0.1):
            current().call(InputError, _sleep)
    assert signal.getsignal(step_timeout.SIGNAL) is before


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf"), True, "5"])
def test_what_is_no_limit_is_refused(seconds):
    with (
        pytest.raises(InputError, match=r"step_timeout = .* is not allowed: must be a finite number above 0"),
        limited(seconds),
    ):
        pass


def test_a_training_that_hangs_names_its_checkpoint_and_goes_on_without(tmp_path):
    options = {"steps": 96, "save_every": 24, "evaluate_every": 96, "evaluation_episodes": 1, "figure": False}
    hang, at = [_sleep], [30]

    class Simulator(Hanging):
        observation_space = gymnasium.spaces.Discrete(1)

        def reset(self, **named):
            super().reset(**named)
            return 0, {}

        def step(self, action):
            super().step(action)
            if self.steps == at[0]:
                hang[0]()
            return 0, 1.0, False, self.steps % 5 == 0, {}

    def make():
        return Simulator(lambda: None)

    line = "seed 0, step 30: step has not returned within 0.5 s (step timeout); the last checkpoint is"
    with pytest.raises(RunError, match=re.escape(line)):
        zo.train(zo.QLearning(), make, out=tmp_path / "run", step_timeout=0.5, **options)
    assert (tmp_path / "run" / "checkpoints" / "step-000000024.safetensors").exists()
    hang[0] = int
    run = zo.resume(tmp_path / "run", make, step_timeout=5.0)
    assert run.result["steps"] == 96
    assert run.evaluate(2, step_timeout=5.0)["length_mean"] == 5
    hang[0], at[0] = _sleep, 4
    with pytest.raises(RunError, match=r"step has not returned within 0\.2 s"):
        run.evaluate(9, step_timeout=0.2)
    with pytest.raises(RunError, match=r"step has not returned within 0\.2 s"):
        zo.record("random", make, steps=99, out=tmp_path / "data", step_timeout=0.2)
    assert not (tmp_path / "data").exists()


def test_steps_that_are_one_program_have_no_limit(tmp_path):
    with pytest.raises(InputError, match=r"step_timeout = 1\.0 is not allowed here: compiled environments step in one"):
        zo.train("q-learning", "zerone/Maze-v0", out=tmp_path / "run", step_timeout=1.0)
    assert not (tmp_path / "run").exists()
