"""A user plays an environment on the page, and an agent can learn from the played steps.

Meanwhile, another agent learns in the same environment by itself, and its curve is shown beside the user's returns.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from gymnasium.spaces import Discrete

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError, ZeroneError
from zerone.environments import catalogue
from zerone.environments.arm import Arm
from zerone.environments.drawing.geometry import grid_of
from zerone.environments.drawing.scene import scene_of
from zerone.environments.drawing.unwrapping import unwrap
from zerone.environments.endings import ending
from zerone.lab.actor import Actor
from zerone.lab.messages import Hold, Move, Pace, Point, Teach
from zerone.lab.page_keys import PageKeys
from zerone.lab.picture import picture_of
from zerone.lab.playable import PLAYABLE
from zerone.lab.setups import Setup
from zerone.lab.teaching import Episode, Learnt, learn_from
from zerone.lab.training import Training
from zerone.lab.watched import SECONDS_ALONE, Refresh, Watched, computing, unexpected

SECONDS_OF_THE_AGENT = 30.0
"""The CPU time that the agent beside may use."""
MOST_EPISODES = 300
LEAP = 64
MOST_RECORDED = 200_000
"""The most steps of a user that are stored."""
FASTEST = 30.0
SECONDS_BETWEEN_LOOKS = 0.1


class Play(Watched):
    """A session in which a user plays an environment."""

    def __init__(self, name: str, environment: str, seed: int, root: Path, wake: Callable[[], None]) -> None:
        super().__init__(name, wake)
        self._id, self._seed, self._root = environment, seed, root
        self._episodes: list[Episode] = []
        self._returns: list[float] = []
        self._recorded = 0
        self._going = False  # whether an episode of the user is running
        self._pointed: tuple[float, float] | None = None
        self._teaching, self._line = "", ""  # `learning`, `learnt` or `failed`, and a message
        self._learnt: Learnt | None = None
        self._beside: Actor | None = None
        self._best: list[float] = []
        self._turns = 0
        self.start()

    def _make(self) -> None:
        if self._id not in PLAYABLE:
            raise InputError(f"{self._id} is not played on the page: zerone record --keyboard {self._id} takes it")
        algorithm, self._pace = PLAYABLE[self._id]
        environment = catalogue.make(self._id)
        self._hands, self._grid = PageKeys(self._id, environment.action_space), grid_of(environment) is not None
        self._why = ending(self._id, {})
        with in_32_bits():
            self._mine = Actor(environment, self._seed, self._why)
            self._mine.take(self._idle())
            self._mine.begin()
            self._mine.episode = 1
        self._memory = Episode.begun(self._seed, self._mine.observation)
        actions = environment.action_space
        names = catalogue.action_names(self._id, int(actions.n)) if isinstance(actions, Discrete) else []
        self.about = [picture_of(environment, names) | {
            "environment": self._id, "algorithm": algorithm, "keys": self._hands.names, "text": self._hands.text,
            "waits": self._waits_for_keys, "pace": self._pace,
        }]  # fmt: skip
        self._show()
        self._ready()
        agent = threading.Thread(target=self._agent, args=(algorithm,), name="zerone lab: agent beside", daemon=True)
        agent.start()

    @property
    def _waits_for_keys(self) -> bool:
        """Whether the environment waits for a key at each step, as grids do."""
        return self._grid

    def _idle(self) -> Any:
        """The action while no key is down; if there is none for doing nothing, the first two actions in turn."""
        idle = self._hands.idle
        return self._turns % 2 if idle is None else idle

    def _turn(self) -> None:
        message: Any = self._next()
        if self._closed.is_set():
            return
        with in_32_bits():
            if isinstance(message, Hold):
                self._hold(message)
            elif isinstance(message, Point):
                self._pointed = message.at
                if message.at is not None and not self._waits_for_keys:
                    self._begin()
            elif isinstance(message, Pace):
                self._pace = min(FASTEST, message.steps_per_second or FASTEST)
            elif isinstance(message, Move) and message.kind == "start":
                self._next_episode()
            elif isinstance(message, Teach):
                self._teach()
            elif message is None and self.playing:
                self._tick()
            self._set_playing()
            self._show()

    def _hold(self, message: Hold) -> None:
        if not self._waits_for_keys:
            self._hands.hold(message.keys)
            if message.keys:
                self._begin()
        elif message.pressed and message.keys:
            action = self._hands.of(message.keys)
            if self._mine.over:
                self._next_episode()
            elif action is not None:
                self._step(action)

    def _begin(self) -> None:
        """Start the user's episode, or a new one if the last has ended."""
        if self._mine.over:
            self._next_episode()
        if not self._going:
            self._going = True
            self._due = time.monotonic()

    def _next_episode(self) -> None:
        """Begin another episode. An unfinished one is stored as truncated."""
        self._store_episode()
        self._mine.begin()
        self._memory = Episode.begun(self._seed, self._mine.observation)
        self._going = False

    def _step(self, action: Any) -> None:
        if self._recorded >= MOST_RECORDED:
            raise InputError(f"{MOST_RECORDED:,} steps are enough: begin again to play on")
        self._mine.take(action)
        self._memory.add(self._mine)
        self._recorded += 1
        if self._mine.over:
            self._returns.append(float(f"{self._mine.total:.5g}"))
            self._store_episode()
            self._going = False

    @property
    def _has_unstored_steps(self) -> bool:
        """Whether the current episode has steps and is not stored yet."""
        return bool(self._memory.rewards) and (not self._episodes or self._episodes[-1] is not self._memory)

    def _store_episode(self) -> None:
        if self._has_unstored_steps:
            self._episodes.append(self._memory)

    def _tick(self) -> None:
        """Take a step of the user, unless the environment waits for keys, and one of the agent taught by the user."""
        if time.monotonic() - self.seen > SECONDS_ALONE:
            self._going, self._beside = False, None
            return
        self._turns += 1
        if self._going and not self._waits_for_keys:
            held = self._action_to_pointer() if self._pointed is not None else self._hands.action()
            self._step(self._idle() if held is None else held)
        if self._beside is not None and self._learnt is not None:
            if self._beside.over:
                self._best.append(self._beside.total)
                self._beside.begin()
                self._learnt.agent.reset()
            else:
                self._beside.take(self._learnt.agent.act(self._beside.observation))
        self._due = max(self._due + 1 / self._pace, time.monotonic())

    def _action_to_pointer(self) -> Any:
        """The action towards the pointer: left or right; for the arm, joint velocities that move the finger to it."""
        assert self._pointed is not None  # noqa: S101 - checked by the caller
        bare: Any
        bare, state, _ = unwrap(self._mine.environment, self._mine.state, None)
        if not isinstance(bare, Arm):
            scene = scene_of(self._mine.environment)
            assert scene is not None  # noqa: S101 - all playable environments have a drawing
            middle = (scene.box[0] + scene.box[2]) / 2
            return self._hands.of(("left" if self._pointed[0] < middle else "right",))
        angles = np.asarray(state.angles, np.float64)
        ends = bare.link * np.stack([np.cos(angles), np.sin(angles)], 1)
        away = np.array(self._pointed) - bare.middle - ends.sum(0)
        turns = np.stack([-ends[:, 1], ends[:, 0]], 1) @ away / bare.link**2
        return np.clip(4 * turns, -1, 1).astype(np.float32)

    def _set_playing(self) -> None:
        before = self.playing
        self.playing = (self._going and not self._waits_for_keys) or self._beside is not None
        if self.playing and not before:
            self._due = time.monotonic()

    def _teach(self) -> None:
        self._store_episode()
        if self._teaching == "learning":
            return
        if not self._recorded:
            self._teaching, self._line = "failed", "nothing was played yet: there is nothing to learn from"
            return
        self._teaching, self._line, self._beside = "learning", "", None
        episodes = list(self._episodes)
        if episodes[-1] is self._memory and not self._mine.over:
            episodes[-1] = self._memory.copy()
        threading.Thread(target=self._learn, args=(episodes,), name="zerone lab: learn from me", daemon=True).start()

    def _learn(self, episodes: list[Episode]) -> None:
        try:
            with computing.turn():
                self._learnt = learn_from(episodes, self._id, PLAYABLE[self._id][0], self._seed, self._root)
            with in_32_bits():
                self._best = []
                self._beside = Actor(self._learnt.environment, self._seed, self._why)
            self._teaching = "learnt"
        except ZeroneError as error:
            self._teaching, self._line = "failed", str(error)
        except Exception as error:  # noqa: BLE001, RUF100 - the page shows any error, and the session continues
            self._teaching, self._line = "failed", unexpected(error)
        self._messages.put(Refresh())

    def _agent(self, algorithm: str) -> None:
        """Train the agent beside, up to a limit of CPU time and episodes."""
        try:
            training = Training(Setup(algorithm, self._id, self._seed))
            self.curves = [training.curve]
            begun, at = time.thread_time(), 0
            while not self._closed.is_set() and time.thread_time() - begun < SECONDS_OF_THE_AGENT:
                if self._teaching == "learning":  # the user waits for that training
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                    continue
                at += max(LEAP, training.block)
                with computing.turn():
                    training.leap(at)
                    jax.block_until_ready(training.stepper.carry)
                if sum(each.episodes for each in training.curve.points) >= MOST_EPISODES:
                    break
                self._messages.put(Refresh())
            self._messages.put(Refresh())
        except ZeroneError as error:
            self._line = str(error)

    def _show(self) -> None:
        learnt = self._learnt
        self._tell({
            "mine": self._mine.shown(self._grid),
            "going": self._going,
            "returns": self._returns[-500:],
            "episodes": len(self._episodes) + (1 if self._has_unstored_steps else 0),
            "recorded": self._recorded,
            "pace": self._pace,
            "teaching": self._teaching,
            "line": self._line,
            "beside": None if self._beside is None else self._beside.shown(self._grid),
            "learnt": None if learnt is None else learnt.as_json(),
        })  # fmt: skip
