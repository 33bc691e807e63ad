"""A training that needs too much memory is refused before anything is created."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from toys import CounterEnv

import zerone as zo
from zerone.base import memory
from zerone.base.errors import InputError
from zerone.training import checkpoint, memory_limit

FEW = {"steps": 256, "evaluation_episodes": 1, "figure": False}
# What each engine stores per step: the observation (4 numbers) and the next one, the action and the reward.
STEP = 4 * (4 + 4 + 1 + 1)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("engine", ["compiled", "host"])
def test_a_training_is_refused_when_it_holds_more_than_there_is_and_not_before(engine, tmp_path, monkeypatch):
    """It needs the memory of its checkpoint's contents and of a block of steps."""
    settings = {"memory": 1_000, "hidden": (8,), "environments": 2, "steps_per_update": 4, "warmup": 8, "batch": 4}
    asked = {"engine": engine, "settings": settings, "seeds": 2, **FEW}
    run = zo.train("dqn", "CartPole-v1", out=tmp_path / "first", **asked)
    kept, _ = checkpoint.load(max(run.path.glob("checkpoints/step-*")))
    held = sum(each.nbytes for each in kept.values()) + 2 * 2 * 4 * STEP
    monkeypatch.setattr(memory_limit, "available", lambda: held)
    zo.train("dqn", "CartPole-v1", out=tmp_path / "fits", **asked)
    monkeypatch.setattr(memory_limit, "available", lambda: held - 1)
    with pytest.raises(InputError, match=r"dqn on CartPole-v1 needs .* for 2 seeds.*memory = 1000, .*hidden") as caught:
        zo.train("dqn", "CartPole-v1", out=tmp_path / "second", **asked)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "second").exists()
    # To stop exactly at the last episode's end, the compiled engine keeps a copy of each seed and works on another.
    by_episodes = {name: value for name, value in asked.items() if name != "steps"} | {"episodes": 2}
    copies = held * 5 // 2 if engine == "compiled" else held
    monkeypatch.setattr(memory_limit, "available", lambda: copies)
    zo.train("dqn", "CartPole-v1", out=tmp_path / "by-episodes", **by_episodes)
    monkeypatch.setattr(memory_limit, "available", lambda: copies - 1)
    with pytest.raises(InputError, match="dqn on CartPole-v1 needs"):
        zo.train("dqn", "CartPole-v1", out=tmp_path / "third", **by_episodes)


class Vast(CounterEnv):
    """More observations than this machine has memory for a table or weights of."""

    def __init__(self):
        super().__init__()
        self.observation_space = spaces.Discrete(2**31 - 1)
        self.action_space = spaces.Discrete(1_000)


@pytest.mark.parametrize(
    ("algorithm", "environment", "settings"),
    [
        ("dqn", "CartPole-v1", {"memory": 2_000_000_000, "environments": 1_000}),
        ("reinforce", "MountainCar-v0", {"longest_episode": 2_000_000_000, "environments": 1_000}),
        ("ppo", "CartPole-v1", {"environments": 2**30}),
        ("ppo", "CartPole-v1", {"steps_per_update": 2**30}),
        ("ppo", "CartPole-v1", {"hidden": (2**22, 2**22)}),
        ("q-learning", Vast, {}),
    ],
)
def test_nothing_is_too_large_to_be_refused(algorithm, environment, settings, tmp_path):
    large = [name for name in settings if name != "hidden"]  # the message has the large settings with their values
    said = "".join(f".*{name} = {settings[name]}" for name in large)
    needs = rf"on .* needs .* of memory for 1 seed, but there is{said}"
    with pytest.raises(InputError, match=rf"^{algorithm} ({needs}|with{said}.* takes \d+ steps before an update)"):
        zo.train(algorithm, environment, settings=settings, out=tmp_path / "run", **FEW)
    assert not (tmp_path / "run").exists()


def test_what_is_there_is_the_least_of_what_the_system_and_the_container_grant(tmp_path, monkeypatch):
    system = _of_the_system()
    for name, text in (("max", "max\n"), ("less", f"{system // 2}\n"), ("more", f"{system * 2}\n")):
        (tmp_path / name).write_text(text)
    for names, share in ((("absent",), 1.0), (("max", "more"), 1.0), (("max", "less", "more"), 0.5)):
        monkeypatch.setattr(memory, "_LIMITS", [str(tmp_path / name) for name in names])
        assert memory_limit.available() == pytest.approx(share * _of_the_system(), abs=4096)


def _of_the_system():
    return int(Path("/proc/meminfo").read_text().split()[1]) * 1024


def test_bits_and_keys_count_as_what_they_are():
    assert memory_limit._bytes({"a": np.zeros(3, bool), "b": np.zeros((2, 2), np.float64), "c": 1.0}) == 3 + 32 + 4


FIRST = """
import os
import zerone as zo
zo.train("dqn", "CartPole-v1", steps=500, figure=False, progress=False, out="first")
pages = int(open("/proc/self/statm").read().split()[1])
print(pages * os.sysconf("SC_PAGE_SIZE"))
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_what_compiling_has_freed_is_given_back(tmp_path):
    """Compiled as for users at the first start: above 450 MB if the C library keeps the freed memory."""
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"} | {"ZERONE_CACHE": "off"}
    command = [sys.executable, "-c", FIRST]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert int(done.stdout.splitlines()[-1]) < 400e6
