"""The arguments of a training are one object: created and checked once, saved unchanged, and read back."""

from __future__ import annotations

import dataclasses

import pytest

from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.training import schema
from zerone.training.schedule import Schedule, make_schedule

PRESET = {"steps": 5_000, "evaluate_every": 500, "stop_when_solved": False}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"steps": 700},
        {"seeds": [4, 2], "evaluate_every": 70, "evaluation_episodes": 3, "evaluation_limit": 9, "stochastic": True},
        {"seed": 3, "seeds": 2, "save_every": 100, "keep_last": 5, "stop_when_solved": True, "solved_at": -1.5},
        {"figure": False},
    ],
)  # fmt: skip
@pytest.mark.parametrize("preset", [{}, PRESET])
def test_what_was_asked_is_read_back(asked, preset):
    algorithm = QLearning(environments=3)
    made = make_schedule(algorithm, preset, **asked)
    written = made.describe()
    assert Schedule.read(written) == made
    assert all(written[name] % 3 == 0 for name in ("steps", "report_every", "evaluate_every", "save_every"))
    assert made.timetable(algorithm).total * 3 == made.steps
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.steps = 3


def test_a_preset_counts_where_nothing_was_asked():
    by_preset, by_person = (make_schedule(QLearning(), PRESET, steps=steps) for steps in (None, 800))
    assert (by_preset.steps, by_preset.evaluate_every, by_preset.stop_when_solved) == (5_000, 500, False)
    assert (by_person.steps, by_person.evaluate_every, by_person.stop_when_solved) == (800, 40, False)
    assert make_schedule(QLearning(), {}).stop_when_solved
    assert make_schedule(QLearning(), {}).seeds == (0,)


@pytest.mark.parametrize(
    "asked",
    [{"steps": 0}, {"seed": -1}, {"seeds": 0}, {"seeds": [1, 1]}, {"evaluate_every": 0}, {"evaluation_episodes": 0},
     {"evaluation_limit": 2.5}, {"save_every": -3}, {"keep_last": 0}, {"keep_last": None}],
)  # fmt: skip
def test_what_is_not_allowed_is_named(asked):
    (name,) = asked
    with pytest.raises(InputError, match=f"{name.rstrip('s')}.* not allowed"):
        make_schedule(QLearning(), {}, **asked)


def test_a_folder_from_before_there_was_a_choice_is_asked_what_it_was():
    config = make_schedule(QLearning(), {}, steps=100).describe()
    for name in ("evaluation", "keep_last", "stop_when_solved", "figure", "solved_at"):
        del config[name]
    whole = {"format": 1, "zerone": "0", "algorithm": {"name": "q-learning", "settings": {}}, "engine": "compiled",
             "environment": {"id": "zerone/Maze-v0", "options": {}, "known": True}, **config}  # fmt: skip
    checked = schema.CONFIG(whole, "")
    old = Schedule.read(checked)
    assert checked["callbacks"] == []
    assert (old.keep_last, old.stop_when_solved, old.figure, old.evaluation.solved_at) == (2, False, True, None)
    ways = old.evaluation
    assert (ways.choose_times, ways.choose_episodes, ways.choose_limit) == (False, False, False)
    assert old.timetable(QLearning()).early == ()
