"""The arm that follows the mouse: it is controlled by a small policy of the package, or by keys that turn the joints.

The policy was trained by `zerone train ppo zerone/ArmHard-v0 --hidden 32,32 --seed 1`, exported (`zerone export`) and
compressed.
"""

from __future__ import annotations

import dataclasses
import io
import math
import time
from collections.abc import Callable
from importlib import resources
from typing import Any

import jax
import numpy as np

from zerone.base.bits import in_32_bits
from zerone.environments.arm import Arm
from zerone.environments.drawing.scene import scene_of
from zerone.export.player import Policy
from zerone.lab.messages import Hold, Move, Point
from zerone.lab.page_keys import PageKeys
from zerone.lab.picture import picture_of
from zerone.lab.watched import SECONDS_ALONE, Watched

FILE = "arm.npz"
ENVIRONMENT = "zerone/ArmHard-v0"
STEPS_PER_SECOND = 30
SECONDS_AROUND = 9.0
"""The period in seconds of the goal's motion until the user points somewhere."""


def shipped_policy() -> Policy:
    """The policy included in the package: arrays and a list of operations, without pickle."""
    return Policy(io.BytesIO((resources.files("zerone.lab") / FILE).read_bytes()))


class ArmFollows(Watched):
    """An arm in an endless episode: the goal follows the pointer, and the policy or the keys turn the joints."""

    def __init__(self, name: str, wake: Callable[[], None]) -> None:
        super().__init__(name, wake)
        self._goal: tuple[float, float] | None = None
        self._state: Any = None
        self._begun = time.monotonic()
        self.start()

    def _make(self) -> None:
        """Compile a step, and show the first frame."""
        self._arm, self._policy = Arm(mode="hard"), shipped_policy()
        scene = scene_of(self._arm)
        assert scene is not None  # noqa: S101 - the arm has a drawing
        self._scene, self._hands = scene, PageKeys(ENVIRONMENT, self._arm.action_space)
        self._step = jax.jit(self._arm.step)
        self._key = jax.random.key(0)
        with in_32_bits():
            self._seen, self._state = self._arm.reset(self._key)
            self._advance()
        self.about = [picture_of(_timed(self._arm), []) | {"zone": self._arm.zone, "keys": self._hands.names}]
        self.playing, self._due = True, time.monotonic()
        self._show()
        self._ready()

    def _turn(self) -> None:
        message = self._next()
        if self._closed.is_set():
            return
        if isinstance(message, Point) and message.at is not None:
            self._goal = message.at
        elif isinstance(message, Hold):
            self._hands.hold(message.keys)
        elif isinstance(message, Move):
            self.playing = message.kind != "pause"
            self._due = time.monotonic()
            self._show()
        elif message is None and self.playing:
            if time.monotonic() - self.seen > SECONDS_ALONE:
                self.playing = False
            with in_32_bits():
                self._advance()
            # Late steps are not made up for: the arm would jump.
            self._due = max(self._due + 1 / STEPS_PER_SECOND, time.monotonic())
            self._show()

    def _advance(self) -> None:
        goal = self._goal or self._around()
        state = dataclasses.replace(self._state, goal=np.asarray(goal, np.float32).clip(0.0, self._arm.side))
        mine = self._hands.action()
        action = self._policy(self._seen) if mine is None else mine
        self._seen, self._state, *_ = jax.device_get(self._step(self._key, state, np.float32(action)))

    def _around(self) -> tuple[float, float]:
        turn, middle = 2 * math.pi * (time.monotonic() - self._begun) / SECONDS_AROUND, self._arm.middle
        return middle + 120 * math.cos(turn), middle + 70 * math.sin(2 * turn)

    def _show(self) -> None:
        with in_32_bits():
            shapes = self._scene.moving(self._state, None)
            distance = float(np.linalg.norm(self._seen[3:5])) * self._arm.unit  # the finger relative to the goal
        self._tell({
            "arm": {
                "shapes": shapes, "goal": [round(float(each), 1) for each in self._state.goal],
                "distance": round(distance, 1), "held": int(self._state.inside), "by": self._hands.who,
                "pointed": self._goal is not None,
            }
        })  # fmt: skip


def _timed(arm: Arm) -> Any:
    from zerone.environments.wrappers import TimeLimit

    return TimeLimit(arm)
