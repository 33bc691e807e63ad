"""Ctrl-C: the messages, what ends at once, and what does not count as a second one."""

import contextlib
import ctypes
import os
import signal
import threading
import time

import gymnasium
import numpy as np
import pytest
from toys import small_actor_critic

import zerone as zo
from zerone.training import checkpoint, interrupt
from zerone.training.interrupt import STOPPING, Interrupted, Program, as_program, last_resort, listening


@pytest.fixture
def soon(monkeypatch):
    """Wait only for a fraction of a second."""
    monkeypatch.setattr(interrupt, "SECONDS_UNTIL_SAID", 0.2)
    monkeypatch.setattr(interrupt, "SECONDS_UNTIL_ENDED", 0.3)


def _send(number, after=0.0):
    threading.Timer(after, os.kill, (os.getpid(), number)).start()


@pytest.mark.thorough(after=1)
@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_that_does_not_come_at_once_is_said_once(number, capsys):
    with listening() as request:
        os.kill(os.getpid(), number)
        assert request.made
        time.sleep(0.6)
    assert capsys.readouterr().err == f"zerone: {STOPPING}\n"


@pytest.mark.usefixtures("soon")
def test_a_stop_that_comes_at_once_is_not(capsys):
    with listening():
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.4)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("soon")
def test_it_is_said_also_where_the_main_thread_is_in_native_code(capsys):
    with listening() as request:
        _send(signal.SIGINT, 0.1)
        until = time.monotonic() + 0.8
        nanosleep = ctypes.CDLL(None).poll  # continues to wait after a signal
        while time.monotonic() < until and not capsys.readouterr().err:
            nanosleep(None, 0, 100)
    assert request.made


@pytest.mark.usefixtures("soon")
def test_a_terminal_that_closes_says_so_twice_and_is_heard_once():
    with listening() as request:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        assert request.made
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_what_nohup_has_started_goes_on_when_the_terminal_closes():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening() as request:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not request.made
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


class Ended(BaseException):
    """Raised instead of ending the process."""


@pytest.mark.thorough
@pytest.mark.usefixtures("soon")
def test_a_second_one_that_is_not_followed_ends_the_program(monkeypatch):
    said, codes, ended = [], [], threading.Event()

    def leave(code):
        codes.append(code)
        ended.set()
        raise Ended

    monkeypatch.setattr(interrupt.os, "_exit", leave)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with as_program(Program(said.append, lambda what: what or "interrupted; the checkpoint is here")), listening():
        _send(signal.SIGINT, 0.1)
        _send(signal.SIGINT, 0.3)
        while not ended.is_set():
            with contextlib.suppress(KeyboardInterrupt):  # like an environment that catches everything
                time.sleep(5)
        assert codes == [130]
    assert said[-1] == "interrupted; the checkpoint is here"


def test_without_a_program_nothing_ends_the_process():
    assert last_resort() is None
    with as_program(Program(print)):
        assert last_resort() is not None
    assert last_resort() is None


def test_who_listens_to_python_itself_goes_on_listening(capsys):
    import socket

    one, other = socket.socketpair()
    one.setblocking(False)
    before = signal.set_wakeup_fd(one.fileno())
    try:
        with listening() as request:
            os.kill(os.getpid(), signal.SIGINT)
            assert request.made
        assert other.recv(9) == bytes([signal.SIGINT])
        assert signal.set_wakeup_fd(-1) == one.fileno()
    finally:
        signal.set_wakeup_fd(before)
        one.close()
        other.close()
    assert capsys.readouterr().err == ""


class ListenerControl(gymnasium.Env):
    """Episodes of five steps; requests a stop at the step number `at` over all environments."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    made, at = 0, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.left = 5
        return np.zeros(2, np.float32), {}

    def step(self, action):
        del action
        ListenerControl.made += 1
        if ListenerControl.made == ListenerControl.at:
            os.kill(os.getpid(), signal.SIGINT)
        self.left -= 1
        return np.zeros(2, np.float32), 1.0, False, self.left == 0, {}


OPTIONS = {"steps": 60, "evaluate_every": 20, "save_every": 40, "evaluation_episodes": 4, "figure": False}
"""Iterations of 10 steps: two, then 20 steps of evaluation in each seed; and that three times."""


@pytest.fixture
def asking(monkeypatch):
    def begin(at):
        monkeypatch.setattr(ListenerControl, "made", 0)
        monkeypatch.setattr(ListenerControl, "at", at)

    return begin


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("at", [1, 15, 20, 27, 52, 119])
def test_it_stops_between_any_two_steps_and_what_goes_on_misses_no_row(at, seeds, asking, tmp_path):
    algorithm = small_actor_critic(environments=1, steps_per_update=10)
    asking(at)
    with pytest.raises(Interrupted):
        zo.train(algorithm, ListenerControl, out=tmp_path / "run", seeds=seeds, **OPTIONS)
    assert ListenerControl.made - at < 4, "no more than the step that is going on, in evaluation of four at once"
    (*_, newest) = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))
    about = checkpoint.load(newest)[1]
    if seeds == 1:  # 20 steps of play, 20 of evaluation, and so on
        whole, part = divmod(at, 40)
        assert about["step"] == 20 * whole + min(part, 20) // 10 * 10
    run = zo.resume(tmp_path / "run", ListenerControl)
    assert run.result["steps"] == 60 * seeds
    for seed in range(seeds):
        mine = run.metrics["seed"] == seed
        assert run.metrics["step"][mine].tolist() == [10, 20, 30, 40, 50, 60]
        np.testing.assert_array_equal(run.metrics["evaluation_return"][mine], [np.nan, 5] * 3)
        np.testing.assert_array_equal(run.metrics["length"][mine], 5)
        np.testing.assert_array_equal(run.metrics["episodes"][mine], 2)
