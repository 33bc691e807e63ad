"""A training as a stream of moments: every training step from the first one on, shown at a chosen speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from zerone.algorithms.explanation import number_text
from zerone.algorithms.protocol import Explores
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments import drawing
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.spaces import to_environment
from zerone.player.episode import Digits, Moment
from zerone.player.viewer import HOLD_SECONDS

if TYPE_CHECKING:
    from zerone.engines.stepping import Iteration, Stepper

MOST_PICTURES = 60
"""The most pictures per second; at higher speeds, some steps are skipped."""
HELD_STEPS = 3
"""The end of an episode is shown for the time of this many steps."""
WITHOUT_DRAWING = 30
"""The default number of steps per second for an environment without a drawing."""


class Learning:
    """The training of one seed, of which the first environment is shown.

    `environment` draws each moment: when a moment is yielded, it is in the state of the training.
    """

    def __init__(
        self, stepper: Stepper, identity: str, mode: str, speed: float | None, total: Callable[[], int],
        why: Callable[[Any, float, Mapping[str, Any]], str], most_pictures: int | None = MOST_PICTURES,
    ) -> None:  # fmt: skip
        """Begin before the first step.

        Args:
            stepper: The training.
            identity: The id of the environment.
            mode: Gymnasium's render mode.
            speed: The steps shown per second; None for the natural speed.
            total: Returns the total number of steps.
            why: From the last observation, reward and info of an episode to the reason why it ended.
            most_pictures: The most pictures per second, above which steps are skipped; None to show all steps.

        Raises:
            InputError: the environment cannot be drawn in this mode.
        """
        modes = drawing.render_modes(stepper.environment)
        if mode not in modes and mode != "ansi":
            raise InputError(
                translated("environment {identity!r} gives no pictures: ask for --text", identity=identity)
            )
        natural = drawing.frames_per_second(stepper.environment) if modes else WITHOUT_DRAWING
        self.speed = float(natural) if speed is None else speed
        self._stepper, self._total, self._why = stepper, total, why
        self.environment = GymnasiumEnvironment(stepper.environment, mode if mode in modes else None)
        self._every = 1 if most_pictures is None else max(1, math.ceil(self.speed / most_pictures))
        self.environment.metadata = self.environment.metadata | {"render_fps": self.speed / self._every}
        self._use(stepper.carry)
        self._note = ""

    @property
    def hold(self) -> float:
        """How many seconds the end of an episode is shown: the time of a few steps, or 0 if steps are skipped."""
        return min(HOLD_SECONDS, HELD_STEPS / self.speed) if self._every == 1 else 0.0

    @property
    def policy(self) -> Any:
        """The current policy."""
        return self._policy

    def note(self) -> str:
        """A note on the progress of the training and the speed at which it is shown."""
        return self._note

    def moments(self, episodes: int | None = None) -> Iterator[Moment]:
        """Yield each step as a moment, for at most `episodes` episodes."""
        episode, ended = 1, ""
        while self._stepper.index * self._stepper.steps_per_iteration < self._total():
            found = self._stepper.forward()
            self._use(found.before)
            length = found.steps.reward.shape[0]
            for step in range(length):
                before = found.simulation(step - 1)
                if int(before.episode_length[0]) == 0:
                    digits = Digits()
                    total, decimals = 0.0, 0
                    self._put(jax.tree.map(lambda leaf: leaf[0], before.state), None)
                    self._say(found, step, "")
                    yield Moment(episode, 0, 0.0, self._seen(before.observation[0]), shown=self._every == 1)
                if step == length - 1:
                    self._use(found.after)
                reward, action = float(found.steps.reward[step, 0]), self._action(found, step)
                total, decimals = total + reward, digits.see(reward)
                ended = self._ending(found, step)
                number, shown = int(before.episode_length[0]) + 1, (found.index * length + step) % self._every == 0
                if shown:
                    self._put(self._stepper.reached(found, step), action)
                    self._say(found, step + 1, self._how(found, step))
                observation = self._seen(found.steps.next_observation[step, 0])
                yield Moment(episode, number, total, observation, action, reward, ended, decimals, shown)
                if ended:
                    episode += 1
                    if episodes is not None and episode > episodes:
                        return

    def _use(self, carry: Any) -> None:
        policy = carry.state.policy
        self._policy = np.asarray(policy) if isinstance(policy, jax.Array) else policy

    def _put(self, state: Any, action: Any) -> None:
        self.environment.put(state, action)

    def _seen(self, observation: Any) -> Any:
        found = np.asarray(observation)
        return found.item() if found.ndim == 0 else found

    def _action(self, found: Iteration, step: int) -> Any:
        action = np.asarray(to_environment(self.environment.action_space, found.steps.action[step])[0])
        return action.item() if action.ndim == 0 else action

    def _ending(self, found: Iteration, step: int) -> str:
        if bool(found.steps.terminated[step, 0]):
            observation = self._seen(found.steps.next_observation[step, 0])
            return self._why(observation, float(found.steps.reward[step, 0]), {}) or "ended"
        return "time is up" if bool(found.steps.truncated[step, 0]) else ""

    def _how(self, found: Iteration, step: int) -> str:
        algorithm = self._stepper.algorithm
        if not isinstance(algorithm, Explores):
            return ""
        policy, noise = found.before.state.policy, jax.tree.map(lambda leaf: leaf[step], found.noise)
        rate = number_text(round(float(algorithm.exploration_rate(policy)), 3))
        return f"{'explored' if bool(algorithm.explores(policy, noise)[0]) else 'greedy'} (ε = {rate})  "

    def _say(self, found: Iteration, step: int, how: str) -> None:
        steps = found.index * self._stepper.steps_per_iteration + step * self._stepper.algorithm.environments
        self._note = f"{how}training step {steps:,}, slowed to {self.speed:g} steps/s"
