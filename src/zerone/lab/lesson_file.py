"""A chapter as one HTML file that needs no server: its text, a recorded run to step through, films and curves.

What is recorded are the moments that the page would be sent: the first steps one by one, ends of episodes, the first
change, and then fewer and fewer. All trainings of a chapter are recorded at the same steps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zerone.base.language import ENGLISH, in_language, language
from zerone.engines.compiled import Compiled
from zerone.lab.film import film
from zerone.lab.messages import PACES
from zerone.lab.moment import Moments
from zerone.lab.one_file import whole
from zerone.lab.setups import read_setup
from zerone.lab.training import Training
from zerone.lessons.catalogue import lessons
from zerone.training import setup as making

if TYPE_CHECKING:
    from zerone.lessons.catalogue import Lesson

START = "lesson"
"""The module with which the file begins."""
FIRST_STEPS, EPISODES, LATER = 30, 3, 40
"""Steps that are recorded one by one; ends of episodes; how many moments of all that follows."""
POINTS = 160
"""Of the curves."""
FILMS = (0.0, 0.2, 1.0)
"""After which parts of the run an episode is filmed."""
FRAMES = 100
FORESEEN = 3
"""Steps that are looked ahead, where a chapter is about a model."""


def page_of(lesson: Lesson, steps: int | None = None) -> str:
    """The whole file, of a run as long as the chapter says, or of so many steps; it begins in the language spoken."""
    spoken = language()
    with in_language(ENGLISH):  # the page translates what it is given into its own language
        data = recorded(lesson, lesson.steps if steps is None else steps)
    data |= {"name": lesson.title[spoken], "language": spoken, "number": 1 + lessons().index(lesson)}
    return whole(data, START, spoken)


def recorded(lesson: Lesson, steps: int) -> dict[str, Any]:
    """All that the file shows."""
    described = lesson.as_json()
    setups = [read_setup(each) for each in described["setups"]]
    places = _places([Training(each) for each in setups], steps)
    return {
        "lesson": described,
        "paces": list(PACES),
        "places": places,
        "trainings": [_recorded(Training(each), places, steps, lesson.boxes) for each in setups],
    }


def _places(trainings: list[Training], steps: int) -> list[int]:
    """The steps at which moments are recorded."""
    found = {*range(min(steps, FIRST_STEPS) + 1)}
    for training in trainings:
        training.go_to(1)
        if training.to_change(_never):
            found.add(training.at)
        training.go_to(1)
        for _ in range(EPISODES):
            if not training.to_episode_end(_never):
                break
            found |= {training.at - 1, training.at, training.at + 1}
    block = max(each.block for each in trainings)
    for part in range(1, LATER + 1):
        # At ends of blocks, where something is learnt; more of them early, when most is.
        found.add(math.ceil(steps * (part / LATER) ** 2 / block) * block)
    last = math.ceil(steps / block) * block
    return sorted(each for each in found if 0 <= each <= last)


def _never() -> bool:
    return False


def _recorded(training: Training, places: list[int], steps: int, boxes: tuple[str, ...]) -> dict[str, Any]:
    """A training at these places: what stays, the moments, the points of its curves, and films."""
    made = Moments(training)
    if "model" in boxes:
        made.look_ahead(FORESEEN)
    engine = making.make_engine("auto", training.algorithm, training.setup.environment, dict(training.setup.options))
    assert isinstance(engine, Compiled)  # noqa: S101 - `Training` has refused all others
    filmed = {min(places, key=lambda at: abs(at - part * places[-1])) for part in FILMS}
    moments: list[dict[str, Any]] = []
    films: dict[str, Any] = {}
    grid = {round(steps * part / POINTS) for part in range(1, POINTS + 1)}
    for at in sorted(grid | {*places}):
        if at not in places:
            training.leap(at)
            continue
        training.go_to(at)
        moments.append(made.now(False))
        if at in filmed:
            films[str(at)] = film(engine, training.carry.state.policy, FRAMES)
    return {
        "about": made.about(),
        "moments": [_changed(now, before) for now, before in zip(moments, [{}, *moments], strict=False)],
        "points": [each.as_json() for each in training.curve.points],
        "films": films,
    }


def _changed(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What is another one than in the moment before: tables and surfaces seldom change."""
    return {name: value for name, value in now.items() if name not in before or before[name] != value}
