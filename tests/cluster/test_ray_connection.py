"""The cluster engine with a real Ray on this machine: workers that die or hang, and what is refused."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from toys import small_dqn

import zerone as zo
from zerone.cluster import ray_connection, supervisor
from zerone.cluster.engine import Cluster
from zerone.cluster.reaper import end_marked, marked
from zerone.cluster.spread import Spread
from zerone.training.engine_setup import make_engine

ray = pytest.importorskip("ray")

QUICK = {"evaluation_episodes": 2, "figure": False, "engine": "cluster"}
SMALL = {"workers": 2, "hidden": (8,), "steps_per_update": 8}

ODD = """
import gymnasium

class Odd(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, at=0):
        self.at, self.steps = at, 0

    def reset(self, *, seed=None, options=None):
        return self.observation_space.low.copy(), {}

    def step(self, action):
        self.steps += 1
        reward = float("nan") if self.steps == self.at else 1.0
        return self.observation_space.low.copy(), reward, False, self.steps % 5 == 0, {}

gymnasium.register("Odd-v0", Odd)
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A Ray instance for all these tests, whose workers can import the module `odd_for_cluster`."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "odd_for_cluster.py").write_text(ODD)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), before]))
    sys.path.append(str(folder))
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    connection = ray_connection.connect(None)
    assert handlers == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    yield connection
    mark = connection._reaper.mark
    assert marked(mark)
    connection.close()
    assert not marked(mark)
    sys.path.remove(str(folder))
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


@pytest.fixture
def crews(monkeypatch):
    """The crews of the test's trainings, so that the test can send signals to their processes."""
    found = []
    start = Cluster.start

    def noted(self, *arguments):
        start(self, *arguments)
        found.append(self._supervisor)

    monkeypatch.setattr(Cluster, "start", noted)
    return found


def harm(crews, at, what, number=1):
    """An `on_progress` that sends a signal to some workers, once, at a given step."""
    done = []

    def on_progress(now, _policy):
        if now.steps >= at and not done:
            done.append(now.steps)
            for member in list(crews[0]._members.values())[:number]:
                os.kill(member.who.process, what)

    return on_progress


@pytest.mark.thorough
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("make", "environment", "what", "number"),
    [
        (zo.A3C, "odd_for_cluster:Odd-v0", signal.SIGKILL, 1),
        (zo.DPPO, "CartPole-v1", signal.SIGKILL, 2),
        (zo.DPPO, "CartPole-v1", signal.SIGSTOP, 1),  # in A3C the other workers might finish meanwhile
    ],
    ids=["a3c, one killed", "dppo, all killed", "dppo, one stopped"],
)
def test_a_lost_worker_is_replaced_and_no_step_is_lost(make, environment, what, number, crews, tmp_path, caplog):
    harmful = harm(crews, 160, what, number)
    with caplog.at_level(logging.WARNING, "zerone"):
        run = zo.train(make(**SMALL), environment, steps=960, out=tmp_path / "run", on_progress=harmful,
                       worker_timeout=1.0 if what == signal.SIGSTOP else 60.0, chunk=1, **QUICK)  # fmt: skip
    assert (run.result["steps"], run.result["workers"]) == (960, 2)
    assert run.result["workers_replaced"] >= number  # on a busy machine a healthy worker may be too late as well
    assert run.metrics["step"][-1] == 960
    assert np.isfinite(run.metrics["value_loss"]).all()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == run.result["workers_replaced"]
    assert all("another takes its place" in line and "\n" not in line for line in told)
    assert all("died" in line for line in told) or what == signal.SIGSTOP
    if make is zo.A3C:
        assert (run.metrics["staleness"] >= 0).all()


@pytest.mark.thorough
@pytest.mark.usefixtures("here")
def test_dppo_is_repeatable_and_resumes(tmp_path, crews):
    """All workers wait for each other, so timing has no effect; a checkpoint has all that the chief needs."""
    del crews
    algorithm = zo.DPPO(epochs=1, minibatches=1, **SMALL)

    class StopError(Exception):
        pass

    def enough(now, _policy):
        if now.steps >= 96:
            raise StopError

    one = zo.train(algorithm, "CartPole-v1", steps=160, out=tmp_path / "one", **QUICK)
    with pytest.raises(zo.CallbackError, match="enough: StopError; the last checkpoint is"):
        zo.train(
            algorithm,
            "CartPole-v1",
            steps=160,
            out=tmp_path / "two",
            on_progress=enough,
            chunk=1,
            save_every=32,
            **QUICK,
        )
    saved = sorted(each.name for each in (tmp_path / "two" / "checkpoints").glob("step-*"))
    assert saved[-1] == "step-000000096.safetensors"
    two = zo.resume(tmp_path / "two")
    assert (two.result["steps"], two.metrics["step"][-1]) == (160, 160)
    same = two.metrics["step"] <= 96  # from here on they differ: a resumed training begins new episodes
    assert np.array_equal(one.metrics["value_loss"][same], two.metrics["value_loss"][same])
    assert zo.load(tmp_path / "two").evaluate(episodes=2)["episodes"] == 2  # evaluation needs no workers


@pytest.mark.thorough
@pytest.mark.usefixtures("here")
def test_an_environment_that_misbehaves_in_a_worker_ends_the_run(tmp_path):
    with pytest.raises(zo.RunError, match=r"^environment odd_for_cluster:Odd-v0, seed 4, step 40: the reward is nan"):
        zo.train(zo.A3C(**SMALL), "odd_for_cluster:Odd-v0", seed=4, steps=480, out=tmp_path / "run",
                 options={"at": 40}, **QUICK)  # fmt: skip
    assert list((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.thorough
@pytest.mark.usefixtures("here")
def test_other_versions_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "versions", lambda: {"Python": "3.11.0", "jax": "0.1"})
    with pytest.raises(zo.InputError, match=r"other versions: Python .* there, 3.11.0 here; jax .* there, 0.1 here"):
        zo.train(zo.A3C(**SMALL), "CartPole-v1", steps=8, out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


@contextlib.contextmanager
def server(answer):
    """A server that answers every connection with the same bytes, or not at all if they are None."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listening.accept()
                if answer is not None:
                    caller.sendall(answer)
                    caller.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


@pytest.fixture
def no_ray(monkeypatch):
    """Make this process look as if Ray had not been started."""
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray was asked"))


@pytest.mark.usefixtures("no_ray")
def test_an_address_without_a_cluster_is_refused_soon(monkeypatch):
    monkeypatch.setattr(ray_connection, "TRY_SECONDS", 0.3)
    assert 2 * ray_connection.TRY_SECONDS < 15
    with server(None) as silent, server(b"SSH-2.0-OpenSSH_9.9\r\n") as other:
        for address, why in ((silent, "silence"), (other, "no gRPC server"), ("127.0.0.1:1", "connection refused")):
            with pytest.raises(zo.InputError, match=f"address {address} is not allowed: no Ray cluster answers.*{why}"):
                ray_connection.connect(address)
    for address in ("nowhere", "10.0.0.1", "ray://10.0.0.1:10001", "10.0.0.1:0", "10.0.0.1:65536", ":6379"):
        with pytest.raises(zo.InputError, match="must be HOST:PORT"):
            ray_connection.connect(address)


@pytest.mark.usefixtures("no_ray")
def test_of_a_stranger_at_the_address_nothing_is_said_but_the_line(monkeypatch, capfd):
    def init(*_, **__):
        os.write(2, b"W gcs_client.cc:210: Failed to get cluster ID\n")
        raise ConnectionError("Failed to connect to GCS")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)  # keep the Ray of the other tests
    settings = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # the first frame of every HTTP/2 server
    with server(settings) as address, pytest.raises(zo.InputError, match="what answers there is no Ray cluster"):
        ray_connection.connect(address)
    assert capfd.readouterr().err == ""
    os.write(2, b"and then it is heard again")
    assert capfd.readouterr().err == "and then it is heard again"


@pytest.mark.thorough
def test_a_cluster_that_is_there_answers(here):
    here.require_alive()
    with pytest.raises(zo.InputError, match="this process uses the Ray cluster at"):
        ray_connection.connect("10.0.0.1:6379")
    assert here.gcs.startswith("127.0.0.1:")  # not reachable from the network
    assert ray_connection.connect(here.gcs).close() is None  # closing does not end a Ray that someone else started
    assert ray.is_initialized()


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(zo.InputError, match=r'pip install "zerone\[cluster\]"'):
        ray_connection.connect(None)


def test_an_old_ray_is_refused(monkeypatch):
    monkeypatch.setattr(ray, "__version__", "2.53.1")
    with pytest.raises(zo.InputError, match=r"needs Ray 2\.54 or newer, not 2\.53\.1"):
        ray_connection.connect(None)


def test_who_has_no_workers_is_refused():
    with pytest.raises(zo.InputError, match=r"ppo cannot run on the engine 'cluster'.*these have: a3c, dppo"):
        make_engine("cluster", zo.PPO(), "CartPole-v1")


@pytest.mark.parametrize("asked", [{"address": "127.0.0.1:6379"}, {"worker_timeout": 5.0}])
def test_options_of_the_cluster_are_refused_elsewhere(asked, tmp_path):
    with pytest.raises(zo.InputError, match="not allowed without engine='cluster'"):
        zo.train(zo.A3C(**SMALL), "CartPole-v1", steps=8, out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_the_warden_ends_what_its_driver_leaves_behind(tmp_path):
    """The driver is killed and leaves a stopped process, which cannot end by itself."""
    script = tmp_path / "driver.py"
    script.write_text(
        "import os, signal, subprocess\n"
        "from zerone.cluster.reaper import MARK, Reaper\n"
        "reaper = Reaper('a-mark-of-a-test')\n"
        "os.environ[MARK] = reaper.mark\n"
        "left = subprocess.Popen(['sleep', '100'])\n"
        "os.kill(left.pid, signal.SIGSTOP)\n"
        "print(left.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.returncode == -signal.SIGKILL
    until = time.monotonic() + 10
    while marked("a-mark-of-a-test") and time.monotonic() < until:
        time.sleep(0.05)
    assert not marked("a-mark-of-a-test")
    end_marked("a-mark-of-a-test")  # nothing is left to do
    assert Path("/proc").exists()


def test_the_token_is_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    path = tmp_path / ".ray" / "auth_token"
    ray_connection.keep_token_private()
    made = path.read_text()
    assert len(made) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["auth_token"]
    path.chmod(0o644)  # with the permissions that Ray itself uses
    ray_connection.keep_token_private()
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (made, 0o600)


def test_a_token_that_the_user_has_put_elsewhere_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "mine"))
    ray_connection.keep_token_private()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
@pytest.mark.usefixtures("here")
def test_seeds_of_which_a_process_was_killed_give_the_files_of_one_machine(tmp_path, monkeypatch):
    asked = {"seeds": 2, "steps": 320, "evaluation_episodes": 2, "figure": False, "chunk": 1}
    alone = zo.train(small_dqn(), "CartPole-v1", out=tmp_path / "alone", **asked)
    crews, start = [], Spread.start

    def noted(self, *arguments):
        start(self, *arguments)
        crews.append(self._supervisor)

    monkeypatch.setattr(Spread, "start", noted)
    harmful = harm(crews, 160, signal.SIGKILL)
    apart = zo.train(small_dqn(), "CartPole-v1", out=tmp_path / "apart", spread=2, on_progress=harmful, **asked)
    assert crews[0].lost >= 1
    assert (apart.path / "metrics.csv").read_bytes() == (alone.path / "metrics.csv").read_bytes()
