"""The one list of the environments that Zerone has compiled, by id.

Reading the list imports no JAX: `registration` reads it at every `import gymnasium` of a program that uses
Zerone. Only `make` imports what it makes.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zerone.environments.base import TimedEnvironment

NAMESPACE = "zerone/"
TASK_REWARD = "task"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One environment: what it is called, what it is, and when it counts as solved.

    `solved_at` is the mean return of an episode, in the task's own reward, from which on it is solved.
    `source` is `module:Class`; `preset` are fields of the class that differ from its defaults. `rewards` maps
    the name of another reward to its place in `shaping`; `continuous` says that `actions` can be discretised.
    """

    id: str
    text: str
    source: str
    limit: int
    solved_at: float
    observation: str
    action: str
    gymnasium_id: str | None = None
    preset: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    rewards: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    continuous: bool = False

    @property
    def registered_id(self) -> str:
        """The id in our own namespace, under which Gymnasium knows it."""
        return self.id if self.id.startswith(NAMESPACE) else NAMESPACE + self.id


@dataclasses.dataclass(frozen=True)
class Option:
    """Something that can be asked of an environment: its name, its default, and what it means or may be."""

    name: str
    default: Any
    text: str


_ENTRIES = (
    Entry(
        id="zerone/Treasure-v0",
        text="find the treasure at the right end of a line of six cells",
        source="zerone.environments.treasure:Treasure",
        limit=100,
        solved_at=1.0,
        observation="cell, 0 to 5",
        action="left, right",
    ),
    Entry(
        id="zerone/Maze-v0",
        text="find paradise in a 4 by 4 maze with two hells",
        source="zerone.environments.maze:Maze",
        limit=100,
        solved_at=1.0,
        observation="cell, 0 to 15",
        action="up, down, left, right",
    ),
    Entry(
        id="zerone/MazeFeatures-v0",
        text="the same maze, seen as an offset from paradise",
        source="zerone.environments.maze:Maze",
        limit=100,
        solved_at=1.0,
        observation="2 numbers: columns and rows from paradise, as parts of the maze's size",
        action="up, down, left, right",
        preset={"observe": "features"},
    ),
    Entry(
        id="CartPole-v1",
        text="balance a pole on a cart by pushing the cart",
        source="zerone.environments.cartpole:CartPole",
        limit=500,
        solved_at=475.0,
        observation="4 numbers: position and velocity of the cart, angle and angular velocity of the pole",
        action="left, right",
        gymnasium_id="CartPole-v1",
        rewards={"shaped": "cart_pole"},
    ),
    Entry(
        id="MountainCar-v0",
        text="rock a weak car out of a valley",
        source="zerone.environments.mountain_car:MountainCar",
        limit=200,
        solved_at=-110.0,
        observation="2 numbers: position and velocity",
        action="left, coast, right",
        gymnasium_id="MountainCar-v0",
        rewards={"shaped": "mountain_car", "flag": "at_flag"},
    ),
    Entry(
        id="Pendulum-v1",
        text="swing a pendulum up and hold it there",
        source="zerone.environments.pendulum:Pendulum",
        limit=200,
        solved_at=-200.0,
        observation="3 numbers: cosine and sine of the angle, angular velocity",
        action="torque, -2 to 2",
        gymnasium_id="Pendulum-v1",
        rewards={"tenth": "tenth", "centred": "centred"},
        continuous=True,
    ),
)


def entries() -> list[Entry]:
    """Every environment, in the order in which a newcomer meets them."""
    return list(_ENTRIES)


def find(id: str) -> Entry | None:  # noqa: A002 (Gymnasium's word)
    """The entry of an id, with or without our namespace before a Gymnasium id; None where there is none."""
    return next((entry for entry in _ENTRIES if id in (entry.id, entry.registered_id)), None)


def look_up(id: str) -> Entry:  # noqa: A002
    """The entry of an id; an `InputError` that names the nearest one where there is none."""
    entry = find(id)
    if entry is None:
        raise InputError(f"environment {id!r} is unknown: {nearest(id, [each.id for each in _ENTRIES])}")
    return entry


def options(entry: Entry) -> list[Option]:
    """What `make` takes for this entry: the clock, the rewards, the actions, and the fields of its class."""
    found = [Option("limit", entry.limit, "steps after which an episode is cut; 0: never")]
    if entry.rewards:
        found.append(Option("reward", TASK_REWARD, "one of " + ", ".join([TASK_REWARD, *entry.rewards])))
    if entry.continuous:
        found.append(Option("torques", 0, "torques to choose from, at least 2; 0: any torque"))
    for field in dataclasses.fields(_load(entry)):
        allowed = field.metadata.get("allowed")
        text = f"{allowed.text}; {allowed.describe()}" if allowed else f"a {field.type}"
        found.append(Option(field.name, entry.preset.get(field.name, field.default), text))
    return found


def make(id: str, **chosen: Any) -> TimedEnvironment:  # noqa: A002
    """The environment of an id, with its time limit, made as chosen.

    Args:
        id: one of the ids of `entries()`.
        **chosen: what shall differ from the defaults; see `options`. All of them take `limit`.

    Raises:
        InputError: the id or an option is unknown, or an option's value is not allowed.
    """
    from zerone.environments import shaping
    from zerone.environments.wrappers import DiscretizedActions, ShapedReward, TimeLimit

    entry = look_up(id)
    _check_options(entry, chosen)
    limit, torques = chosen.pop("limit", entry.limit), chosen.pop("torques", 0)
    reward = chosen.pop("reward", TASK_REWARD)
    environment = _load(entry)(**{**entry.preset, **chosen})
    if torques:
        environment = DiscretizedActions(environment, torques)
    if reward != TASK_REWARD:
        environment = ShapedReward(environment, getattr(shaping, entry.rewards[reward]))
    return TimeLimit(environment, limit)


def _load(entry: Entry) -> Any:
    module, name = entry.source.split(":")
    return getattr(importlib.import_module(module), name)


def _check_options(entry: Entry, chosen: Mapping[str, Any]) -> None:
    """Refuse unknown names and values of a wrong type; the classes themselves check the ranges."""
    known = {option.name: option for option in options(entry)}
    for name, value in chosen.items():
        if name not in known:
            raise InputError(f"{entry.id}: option {name!r} is unknown: {nearest(name, known)}")
        problem = f"{entry.id}: {name} = {value!r} is not allowed: must be "
        whole = isinstance(value, int) and not isinstance(value, bool)
        if isinstance(known[name].default, int) and not whole:
            raise InputError(problem + "a whole number")
        if name == "limit" and value < 0:
            raise InputError(problem + "at least 0")
        if name == "torques" and value != 0 and value < 2:
            raise InputError(problem + "0 or at least 2")
        if name == "reward" and value not in (TASK_REWARD, *entry.rewards):
            raise InputError(problem + known[name].text)
        if name == "layout" and not (isinstance(value, tuple) and all(isinstance(row, str) for row in value)):
            raise InputError(problem + "a tuple of strings, one a row")
