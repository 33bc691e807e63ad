"""The one list of the environments that Zerone has compiled, by id.

Reading the list imports no JAX: `registration` reads it at every `import gymnasium` of a program that uses
Zerone. Only `make` imports what it makes.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError, nearest
from zerone.environments import maze_layouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zerone.environments.base import TimedEnvironment
    from zerone.environments.layout import Legend

NAMESPACE = "zerone/"
TASK_REWARD = "task"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One environment: what it is called, what it is, and when it counts as solved.

    `solved_at` is the mean return of an episode, in the task's own reward, from which on it is solved.
    `source` is `module:Class`; `preset` are options that differ from their defaults: fields of the class, `reward`,
    `torques`. `rewards` maps the name of another reward to its place in `shaping`; `continuous` says that `actions`
    can be discretised. `judged` are the options of the environment in which an agent is judged, where it is another.
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
    judged: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    @property
    def registered_id(self) -> str:
        """The id in our own namespace, under which Gymnasium knows it."""
        return self.id if self.id.startswith(NAMESPACE) else NAMESPACE + self.id

    @property
    def threshold(self) -> float | None:
        """`solved_at` for Gymnasium, which compares the rewards that it sees; None where those are shaped."""
        return None if "reward" in self.preset else self.solved_at


@dataclasses.dataclass(frozen=True)
class Option:
    """Something that can be asked of an environment: its name, its default, and what it means or may be.

    A `legend` says that it is a layout, which can be given as the name of a text file.
    """

    name: str
    default: Any
    text: str
    legend: Legend | None = None


_CART_POLE = Entry(
    id="CartPole-v1",
    text="balance a pole on a cart by pushing the cart",
    source="zerone.environments.cartpole:CartPole",
    limit=500,
    solved_at=475.0,
    observation="4 numbers: position and velocity of the cart, angle and angular velocity of the pole",
    action="left, right",
    gymnasium_id="CartPole-v1",
    rewards={"shaped": "cart_pole"},
)
_MOUNTAIN_CAR = Entry(
    id="MountainCar-v0",
    text="rock a weak car out of a valley",
    source="zerone.environments.mountain_car:MountainCar",
    limit=200,
    solved_at=-110.0,
    observation="2 numbers: position and velocity",
    action="left, coast, right",
    gymnasium_id="MountainCar-v0",
    rewards={"shaped": "mountain_car", "flag": "at_flag"},
)
_PENDULUM = Entry(
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
)
_ARM = Entry(
    id="zerone/Arm-v0",
    text="reach a goal with an arm of two links, and hold the finger there for 51 steps",
    source="zerone.environments.arm:Arm",
    limit=300,
    solved_at=0.9,
    observation="7 numbers: whether the finger is at the goal, and elbow, finger and middle as seen from the goal",
    action="turn the upper arm, turn the forearm: -1 to 1 each",
    preset={"reward": "shaped"},
    rewards={"shaped": "arm"},
)
_MAZE = Entry(
    id="zerone/Maze-v0",
    text="find paradise in a 4 by 4 maze with two hells, or in any maze of a text file",
    source="zerone.environments.maze:Maze",
    limit=100,
    solved_at=1.0,
    observation="cell, 0 to 15",
    action="up, down, left, right",
)
_DYNA_MAZE = dataclasses.replace(
    _MAZE,
    id="zerone/DynaMaze-v0",
    text="find the goal in the 6 by 9 maze of Sutton and Barto's Dyna, 14 steps away",
    limit=2_000,
    observation="cell, 0 to 53",
    preset={"layout": maze_layouts.DYNA},
)
_BLOCKING_MAZE = dataclasses.replace(
    _DYNA_MAZE,
    id="zerone/BlockingMaze-v0",
    text="a maze whose way of 10 steps is blocked after 1,000 steps, and one of 16 opens",
    source="zerone.environments.changing_maze:ChangingMaze",
    preset={},
    judged={"change_at": 0},
)
_CLIFF = Entry(
    id="zerone/Cliff-v0",
    text="walk along a cliff; who falls begins again at the start",
    source="zerone.environments.cliff:Cliff",
    limit=500,
    solved_at=-13.0,
    observation="cell, 0 to 47",
    action="up, right, down, left",
)
_FROZEN_LAKE = Entry(
    id="FrozenLake-v1",
    text="cross a frozen lake of 4 by 4 cells with holes in it, on slippery ice",
    source="zerone.environments.frozen_lake:FrozenLake",
    limit=100,
    solved_at=0.7,
    observation="cell, 0 to 15",
    action="left, down, right, up",
    gymnasium_id="FrozenLake-v1",
)

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
    _MAZE,
    dataclasses.replace(
        _MAZE,
        id="zerone/MazeFeatures-v0",
        text="the same maze, seen as an offset from paradise",
        observation="2 numbers: columns and rows from paradise, as parts of the maze's size",
        preset={"observe": "features"},
    ),
    dataclasses.replace(
        _MAZE,
        id="zerone/MazePixels-v0",
        text="the same maze, seen as a picture",
        observation="12 by 12 pixels in colour",
        preset={"observe": "pixels"},
    ),
    _DYNA_MAZE,
    _BLOCKING_MAZE,
    dataclasses.replace(
        _BLOCKING_MAZE,
        id="zerone/ShortcutMaze-v0",
        text="a maze whose way of 16 steps stays, and a shortcut of 10 opens after 3,000 steps",
        preset={"layout": maze_layouts.LEFT_WAY, "later": maze_layouts.BOTH_WAYS, "change_at": 3_000},
    ),
    _CLIFF,
    dataclasses.replace(
        _CLIFF,
        id="CliffWalking-v1",
        text="the same cliff, without a time limit",
        limit=0,
        gymnasium_id="CliffWalking-v1",
    ),
    _FROZEN_LAKE,
    dataclasses.replace(
        _FROZEN_LAKE,
        id="FrozenLake8x8-v1",
        text="the same on a lake of 8 by 8 cells",
        limit=200,
        solved_at=0.85,
        observation="cell, 0 to 63",
        gymnasium_id="FrozenLake8x8-v1",
        preset={"map_name": "8x8"},
    ),
    Entry(
        id="Taxi-v4",
        text="fetch a passenger and bring him to where he wants to go, in a town of 5 by 5 cells",
        source="zerone.environments.taxi:Taxi",
        limit=200,
        solved_at=7.0,
        observation="state, 0 to 499: the taxi's cell, where the passenger is and where he wants to go",
        action="south, north, east, west, pick up, drop off",
        gymnasium_id="Taxi-v4",
    ),
    _CART_POLE,
    dataclasses.replace(
        _CART_POLE,
        id="zerone/CartPoleShaped-v0",
        text="the same, learnt from a reward for being central and upright",
        gymnasium_id=None,
        preset={"reward": "shaped"},
    ),
    _MOUNTAIN_CAR,
    dataclasses.replace(
        _MOUNTAIN_CAR,
        id="zerone/MountainCarShaped-v0",
        text="the same, learnt from a reward for being far from the bottom of the valley",
        gymnasium_id=None,
        preset={"reward": "shaped"},
    ),
    dataclasses.replace(
        _MOUNTAIN_CAR,
        id="zerone/MountainCarSparse-v0",
        text="the same, learnt from -1 a step and 10 at the flag",
        solved_at=-130.0,
        gymnasium_id=None,
        preset={"reward": "flag"},
    ),
    _PENDULUM,
    *(
        dataclasses.replace(
            _PENDULUM,
            id=f"zerone/Pendulum{torques}-v0",
            text=f"the same with {torques} torques to choose from, learnt from a tenth of its reward",
            action=f"torque, one of {torques} from -2 to 2",
            gymnasium_id=None,
            preset={"torques": torques, "reward": "tenth"},
        )
        for torques in (11, 25)
    ),
    _ARM,
    dataclasses.replace(
        _ARM,
        id="zerone/ArmHard-v0",
        text="the same with the goal in another place each time",
        preset={"mode": "hard", "reward": "shaped"},
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
        allowed, legend = field.metadata.get("allowed"), field.metadata.get("legend")
        text = f"{allowed.text}; {allowed.describe()}" if allowed else f"a {field.type}"
        if legend:
            text = f"{field.metadata['text']}: a text file, a row a line ({legend.describe()})"
        found.append(Option(field.name, field.default, text, legend))
    return [dataclasses.replace(each, default=entry.preset.get(each.name, each.default)) for each in found]


def resolved(id: str, chosen: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The options `chosen` with what they stand for: rows in the place of a file's name. Others stay as they are.

    Raises:
        InputError: the id or an option is unknown, a value has the wrong type, or a file is no layout.
    """
    entry = look_up(id)
    known = {option.name: option for option in options(entry)}
    found: dict[str, Any] = {}
    for name, value in chosen.items():
        if name not in known:
            raise InputError(f"{entry.id}: option {name!r} is unknown: {nearest(name, known)}")
        found[name] = _resolved(entry, known[name], value)
    return found


def as_judged(id: str, chosen: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The options of the environment in which an agent is judged that was trained with `chosen`: its own reward."""
    entry = look_up(id)
    changed = {**chosen, **entry.judged}
    changed.pop("reward", None)
    return {**changed, "reward": TASK_REWARD} if "reward" in entry.preset else changed


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
    settings = {**entry.preset, **resolved(id, chosen)}
    limit, torques = settings.pop("limit", entry.limit), settings.pop("torques", 0)
    reward = settings.pop("reward", TASK_REWARD)
    environment = _load(entry)(**settings)
    if torques:
        environment = DiscretizedActions(environment, torques)
    if reward != TASK_REWARD:
        environment = ShapedReward(environment, getattr(shaping, entry.rewards[reward]))
    return TimeLimit(environment, limit)


def _load(entry: Entry) -> Any:
    module, name = entry.source.split(":")
    return getattr(importlib.import_module(module), name)


def _resolved(entry: Entry, option: Option, value: Any) -> Any:
    """What a value stands for; one of a wrong type is refused. The classes themselves check the ranges."""
    if option.legend is not None:
        from zerone.environments.layout import read_rows

        return read_rows(value, option.legend, f"{entry.id}: {option.name}")
    problem = f"{entry.id}: {option.name} = {value!r} is not allowed: must be "
    if isinstance(option.default, bool) and not isinstance(value, bool):
        raise InputError(problem + "true or false")
    whole = isinstance(value, int) and not isinstance(value, bool)
    if type(option.default) is int and not whole:
        raise InputError(problem + "a whole number")
    if option.name == "limit" and value < 0:
        raise InputError(problem + "at least 0")
    if option.name == "torques" and value != 0 and value < 2:
        raise InputError(problem + "0 or at least 2")
    if option.name == "reward" and value not in (TASK_REWARD, *entry.rewards):
        raise InputError(problem + option.text)
    return tuple(value) if isinstance(value, list) else value  # JSON has no tuples
