"""Progress: lines about the state of a training, at most one per second, and a bar on a terminal."""

from __future__ import annotations

import functools
import io

import pytest

from zerone.training import progress
from zerone.training.events import Progress

At = functools.partial(Progress, total=50_000, steps_per_second=41_200.4, latest_return=213.44)


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (At(25_000), "25,000 / 50,000 steps  return 213.4  41,200 steps/s"),
        (At(25_000, solved=3, seeds=8), "25,000 / 50,000 steps  return 213.4  solved 3/8  41,200 steps/s"),
        (At(25_000, evaluating=0.123), "25,000 / 50,000 steps  return 213.4  41,200 steps/s, 12% evaluating"),
        (At(50_000, latest_return=None, final_episodes=100), "50,000 / 50,000 steps  final evaluation: 100 episodes"),
        (At(25_000, note="ε 0.1"), "25,000 / 50,000 steps  return 213.4  ε 0.1  41,200 steps/s"),
        (At(1, latest_return=None, steps_per_second=0.0), "1 / 50,000 steps"),
        (At(1, latest_return=-0.01234, steps_per_second=0.0), "1 / 50,000 steps  return -0.01234"),
        (
            At(120, latest_return=1.0, steps_per_second=0.0, episodes=12, total_episodes=3_000),
            "12 / 3,000 episodes, 120 steps  return 1.0",
        ),
        (At(1, latest_return=-10667.0, steps_per_second=0.0), "1 / 50,000 steps  return -10,667.0"),
    ],
)
def test_describes(at, text):
    assert progress.describe(at) == text


def test_lines_are_at_most_one_a_second_and_the_last_is_not_lost(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    shown = progress.progress_for(stream)
    for steps in range(100):
        shown.update(At(steps))
        now[0] += 0.125
    shown.stop()
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"  {progress.COMPILING}"
    assert [int(line.split()[0]) for line in lines[1:]] == [*range(1, 100, 8), 99]


def test_the_judgement_is_announced_at_once_however_long_it_takes(monkeypatch):
    monkeypatch.setattr(progress.time, "monotonic", lambda: 100.0)
    stream = io.StringIO()
    shown = progress.progress_for(stream)
    for at in (At(1), At(50_000), At(50_000, final_episodes=100)):
        shown.update(at)
    last, judging = stream.getvalue().splitlines()[-2:]
    assert judging.endswith("final evaluation: 100 episodes")
    assert last.endswith("return 213.4  41,200 steps/s")  # it was held back for a second


def test_a_reader_that_is_gone_stops_nothing():
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            del text
            raise BrokenPipeError

    shown = progress.progress_for(Gone())
    shown.update(At(0))
    shown.update(At(5))
    shown.stop()


def test_a_bar_on_a_terminal_and_nothing_in_its_place_where_lines_are_unwanted():
    terminal = Terminal()
    shown = progress.progress_for(terminal)
    shown.update(At(0))
    shown.update(At(25_000))
    shown.stop()
    assert "25,000 / 50,000 steps" in terminal.getvalue()
    assert "0:01 left" in terminal.getvalue()
    unwanted = progress.progress_for(io.StringIO(), plain_allowed=False)
    unwanted.update(At(5))
    unwanted.stop()
    refused = progress.progress_for(terminal)
    refused.stop()  # nothing has been shown


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3661, "1:01:01")])
def test_clock(seconds, text):
    assert progress._clock(seconds) == text
