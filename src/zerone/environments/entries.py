"""The list of Zerone's compiled environments: ids, descriptions, time limits and thresholds. It imports no JAX."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zerone.environments import maze_layouts

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "zerone/"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One environment.

    Attributes:
        id: The id by which users name it.
        text: A description of the task.
        source: Its class, as `module:Class`.
        limit: The time limit in steps; 0 for none.
        solved_at: The threshold: the mean return, in the task's own reward, at which it is solved.
        observation: A description of the observation.
        action: The names of the actions, or a description.
        gymnasium_id: The id of the Gymnasium environment that it copies.
        preset: Options that differ from their defaults: fields of the class, `reward`, `torques`.
        rewards: The names of its shaped rewards, each with its name in `shaping`.
        continuous: Whether its actions can be discretised (option `torques`).
        highest_reward: The largest reward of a step, if known.
        ends_with_it: Whether that reward is given at the end of an episode only.
        judged: Options that differ in evaluation.
        kind: The class of a user's environment, or the function that makes a suite's environment from its options.
        takes: The options of a suite's environment, with their defaults.
    """

    id: str
    text: str
    source: str
    limit: int
    solved_at: float | None
    observation: str
    action: str
    gymnasium_id: str | None = None
    preset: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    rewards: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    continuous: bool = False
    highest_reward: float | None = None
    ends_with_it: bool = False
    judged: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    kind: Any = None
    takes: Mapping[str, Any] | None = None

    def highest_value(self, discount: float) -> float | None:
        """An upper bound of the value of any policy in any state, in the task's own reward; None if unknown."""
        highest = self.highest_reward
        if highest is None or self.ends_with_it or highest <= 0:
            return highest
        return highest / (1 - discount) if discount < 1 else None

    @property
    def registered_id(self) -> str:
        """The id with the namespace `zerone/`, under which it is registered with Gymnasium."""
        return self.id if self.id.startswith(NAMESPACE) else NAMESPACE + self.id

    @property
    def threshold(self) -> float | None:
        """The `reward_threshold` for Gymnasium; None if the rewards are shaped, since the threshold is not in these."""
        return None if "reward" in self.preset else self.solved_at


_CART_POLE = Entry(
    id="CartPole-v1",
    text="balance a pole on a cart by pushing the cart",
    source="zerone.environments.cartpole:CartPole",
    limit=500,
    solved_at=475.0,
    observation="4 numbers: position and velocity of the cart, angle and angular velocity of the pole",
    action="left, right",
    gymnasium_id="CartPole-v1",
    highest_reward=1.0,
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
    highest_reward=-1.0,
    rewards={"shaped": "mountain_car", "flag": "at_flag"},
)
_ACROBOT = Entry(
    id="Acrobot-v1",
    text="swing the free end of two hanging links up",
    source="zerone.environments.acrobot:Acrobot",
    limit=500,
    solved_at=-100.0,
    observation="6 numbers: cosine and sine of both angles, both angular velocities",
    action="left, nothing, right",
    gymnasium_id="Acrobot-v1",
    highest_reward=0.0,
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
    highest_reward=0.0,
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
    highest_reward=1.0,
    ends_with_it=True,
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
    text="a maze whose path of 10 steps is blocked after 1,000 steps; one of 16 steps opens",
    source="zerone.environments.changing_maze:ChangingMaze",
    preset={},
    judged={"change_at": 0},
)
_CLIFF = Entry(
    id="zerone/Cliff-v0",
    text="walk along a cliff; a fall leads back to the start",
    source="zerone.environments.cliff:Cliff",
    limit=500,
    solved_at=-13.0,
    observation="cell, 0 to 47",
    action="up, right, down, left",
    highest_reward=-1.0,
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
    highest_reward=1.0,
    ends_with_it=True,
)

ENTRIES = (
    Entry(
        id="zerone/Treasure-v0",
        text="find the treasure at the right end of a line of six cells",
        source="zerone.environments.treasure:Treasure",
        limit=100,
        solved_at=1.0,
        observation="cell, 0 to 5",
        action="left, right",
        highest_reward=1.0,
        ends_with_it=True,
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
        text="a maze with a path of 16 steps; a shortcut of 10 steps opens after 3,000 steps",
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
        highest_reward=20.0,
        ends_with_it=True,
    ),
    Entry(
        id="Blackjack-v1",
        text="come closer to 21 than the dealer, and not above it",
        source="zerone.environments.blackjack:Blackjack",
        limit=0,
        solved_at=None,
        observation="3 numbers: your sum, the card that the dealer shows, whether an ace counts 11",
        action="stick, hit",
        gymnasium_id="Blackjack-v1",
        highest_reward=1.0,
        ends_with_it=True,
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
    Entry(
        id="MountainCarContinuous-v0",
        text="the same valley, with a push as hard as one wants, for which one pays",
        source="zerone.environments.mountain_car:ContinuousMountainCar",
        limit=999,
        solved_at=90.0,
        observation="2 numbers: position and velocity",
        action="push, -1 to 1",
        gymnasium_id="MountainCarContinuous-v0",
        highest_reward=100.0,
        ends_with_it=True,
        continuous=True,
    ),
    _ACROBOT,
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
