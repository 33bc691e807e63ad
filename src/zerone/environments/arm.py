"""Reach a goal with an arm of two links, and hold the finger there."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import configured, setting, struct

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key

TURN = 2 * math.pi


@struct
class ArmState:
    """The positions of the arm and its goal, and how long the finger has been in the zone.

    Attributes:
        angles: Float32 [2] in [0, 2π), the angles of the upper arm and the forearm, both counter-clockwise from the x
            axis (the forearm's is not measured from the upper arm).
        goal: Float32 [2], the point (x, y) in pixels, y upwards.
        inside: Int32 scalar, the number of consecutive steps that ended with the finger in the zone.
    """

    angles: Array
    goal: Array
    inside: Array


@configured
class Arm:
    """Bring the finger of an arm into the zone around a goal, and keep it there.

    The arm hangs on the middle (200, 200) of a square of 400 pixels; its two links are 100 pixels long.
    Action: float32 [2], the angular velocities of the links in [-1, 1] (clipped), for 0.1 time units.
    Observation: float32 [7]: whether the finger is in the zone (1 or 0); elbow minus goal, finger minus goal, middle
    minus goal, each as (x, y) in units of 200 pixels. The number of steps in the zone is not observed.
    Reward: 1 at the 51st consecutive step that ends with the finger less than 15 pixels from the goal, else 0; that
    step ends the episode (`terminated`). So a return is 1 if the goal was reached and held, and the mean return is the
    share of such episodes. `info`: `distance` between finger and goal in pixels, and `held`, the same as `terminated`.

    By default, training uses the tutorial's reward, `shaping.arm`. It would be misleading in evaluation: an agent that
    leaves the zone before the 51st step and comes back gets 1 a step until the time limit, four times as much in total
    as an agent that holds the goal.

    Source: the arm of the Chinese tutorial that Zerone grew from, which trains it with DDPG, A3C and distributed PPO.
    Differences: the observation shows at once whether the finger is in the zone, not a step later; a hard goal is drawn
    uniformly, without an accumulation at the border of its range, and the arm's pose is drawn with it.
    """

    mode: str = setting("easy", "where the goal is: always at (250, 303), or anywhere", choices=("easy", "hard"))

    # Class variables rather than leaves: they bound the spaces, which must be known when a program is compiled.
    side: ClassVar[float] = 400.0
    middle: ClassVar[float] = 200.0
    link: ClassVar[float] = 100.0
    zone: ClassVar[float] = 15.0
    hold: ClassVar[int] = 50
    time_step: ClassVar[float] = 0.1
    unit: ClassVar[float] = 200.0
    easy_goal: ClassVar[tuple[float, float]] = (250.0, 303.0)
    hard_goals: ClassVar[tuple[float, float]] = (100.0, 300.0)

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        """Box [7] whose bounds allow a goal anywhere in the square."""
        elbow, finger, middle = (
            np.full(2, (self.side - self.middle + links * self.link) / self.unit) for links in (1, 2, 0)
        )
        reach = np.concatenate([elbow, finger, middle]).astype(np.float32)
        low, high = np.append(np.float32(0), -reach), np.append(np.float32(1), reach)
        return gymnasium.spaces.Box(low, high, dtype=np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, key: Key) -> tuple[Array, ArmState]:
        drawn = jax.random.uniform(key, (4,))
        low, high = self.hard_goals
        goal = jnp.array(self.easy_goal) if self.mode == "easy" else low + (high - low) * drawn[2:]
        state = ArmState(TURN * drawn[:2], goal, jnp.int32(0))
        return self.observe(state), state

    def step(self, key: Key, state: ArmState, action: Array) -> tuple[Array, ArmState, Array, Array, Info]:
        del key  # a step is deterministic
        turned = wrap(state.angles + self.time_step * jnp.clip(action, -1.0, 1.0))
        state = dataclasses.replace(state, angles=turned)
        distance = self.distance(state)
        state = dataclasses.replace(state, inside=jnp.where(distance < self.zone, state.inside + 1, 0))
        held = state.inside > self.hold
        return self.observe(state), state, held.astype(jnp.float32), held, {"distance": distance, "held": held}

    def seen_from_goal(self, state: ArmState) -> tuple[Array, Array, Array]:
        """The positions of elbow, finger and middle relative to the goal: each float32 [2], (x, y) in pixels."""
        links = self.link * jnp.stack(cos_and_sin(state.angles))  # [x and y, upper arm and forearm]
        middle = self.middle - state.goal
        elbow = middle + links[:, 0]
        return elbow, elbow + links[:, 1], middle

    def distance(self, state: ArmState) -> Array:
        """The distance from the finger to the goal in pixels, a float32 scalar."""
        return jnp.sqrt(jnp.square(self.seen_from_goal(state)[1]).sum())

    def observe(self, state: ArmState) -> Array:
        """The observation of a state, float32 [7]."""
        inside = (self.distance(state) < self.zone).astype(jnp.float32)
        return jnp.concatenate([inside[None], *(each / self.unit for each in self.seen_from_goal(state))])

    def move_goal(self, state: ArmState, x: Array, y: Array) -> ArmState:
        """The state with its goal at (x, y), clipped to the square. The next step's reward depends on it."""
        goal = jnp.clip(jnp.stack([jnp.float32(x), jnp.float32(y)]), 0.0, self.side)
        return dataclasses.replace(state, goal=goal)


def wrap(angle: Array) -> Array:
    """Reduce angles to [0, 2π)."""
    turned = angle - TURN * jnp.floor(angle / TURN)
    return jnp.where(turned >= TURN, 0.0, turned)  # an angle just below 0 is rounded to 2π; NaN stays NaN


def cos_and_sin(angle: Array) -> tuple[Array, Array]:
    """Cosine and sine of angles of any shape, with an error below 5e-7 in [0, 2π).

    For other angles, the reduction to this range adds its rounding error. XLA's own functions are not vectorised on a
    CPU and would double the time of a step.

    With x = π + 2t, |t| ≤ π/2: cos x = sin² t - cos² t and sin x = -2 sin t cos t; sin t and cos t are computed by
    their Taylor series up to t¹¹ and t¹², with remainders below 6e-8.
    """
    t = (wrap(angle) - math.pi) / 2
    sin, cos = jnp.zeros_like(t), jnp.zeros_like(t)
    for n in (11, 9, 7, 5, 3, 1):
        sin = sin * t**2 + (-1) ** (n // 2) / math.factorial(n)
    for n in (12, 10, 8, 6, 4, 2, 0):
        cos = cos * t**2 + (-1) ** (n // 2) / math.factorial(n)
    sin = sin * t
    return (sin - cos) * (sin + cos), -2 * sin * cos
