"""A chapter as a single HTML file without a server: its text, a recorded run to step through, films and curves.

The file contains the moments that the server would send to the page: each of the first steps, ends of episodes, the
first change, and later moments at growing distances. All trainings of a chapter are recorded at the same steps.
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
from zerone.training.engine_setup import make_engine

if TYPE_CHECKING:
    from zerone.lessons.catalogue import Lesson

START = "lesson"
"""The entry module of the file."""
FIRST_STEPS, EPISODES, LATER = 30, 3, 40
"""The number of first steps that are all recorded, of recorded ends of episodes, and of later moments."""
POINTS = 160
"""The number of points of the curves."""
FILMS = (0.0, 0.2, 1.0)
"""The fractions of the run after which an episode is filmed."""
FRAMES = 100
FORESEEN = 3
"""The depth of the lookahead in chapters about a model."""


def page_of(lesson: Lesson, steps: int | None = None) -> str:
    """The HTML file of a chapter, initially in the current language.

    `steps` is the length of the recorded run; by default, that of the chapter.
    """
    spoken = language()
    with in_language(ENGLISH):  # the page itself translates the English texts
        data = recorded(lesson, lesson.steps if steps is None else steps)
    data |= {"name": lesson.title[spoken], "language": spoken, "number": 1 + lessons().index(lesson)}
    return whole(data, START, spoken)


def recorded(lesson: Lesson, steps: int) -> dict[str, Any]:
    """The data of the file."""
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
        # At the ends of blocks, where updates happen, and more of them early, when most is learnt.
        found.add(math.ceil(steps * (part / LATER) ** 2 / block) * block)
    last = math.ceil(steps / block) * block
    return sorted(each for each in found if 0 <= each <= last)


def _never() -> bool:
    return False


def _recorded(training: Training, places: list[int], steps: int, boxes: tuple[str, ...]) -> dict[str, Any]:
    """A recorded training: its constant data, the moments at `places`, the points of its curves, and films."""
    made = Moments(training)
    if "model" in boxes:
        made.look_ahead(FORESEEN)
    engine = make_engine("auto", training.algorithm, training.setup.environment, dict(training.setup.options))
    assert isinstance(engine, Compiled)  # noqa: S101 - `Training` refuses all others
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
    """The entries that differ from the previous moment; tables and surfaces rarely change."""
    return {name: value for name, value in now.items() if name not in before or before[name] != value}
