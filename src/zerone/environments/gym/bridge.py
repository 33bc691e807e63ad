"""Zerone's environments as `gymnasium.Env`, for use with any library."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import gymnasium
import jax
import numpy as np

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError
from zerone.environments import catalogue, drawing
from zerone.environments.base import carry_over, move_goal, own_mask, says_allowed
from zerone.environments.gym.allowed import IN_INFO
from zerone.environments.gym.kinds import Env, Info
from zerone.environments.objects import made_soundly
from zerone.environments.wrappers import Masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from zerone.environments.base import Array, Environment, Key, TimedEnvironment, Tree
    from zerone.environments.window import Window


class GymnasiumEnvironment(Env):
    """One of our environments with Gymnasium's interface: compiled, on the CPU.

    Observations are new NumPy arrays of the space's dtype, or ints if the space is discrete. A `TimedEnvironment`
    truncates episodes; an environment made from an id has no time limit, because `gymnasium.make` adds its own.
    Seeds follow Gymnasium's rules: `reset(seed=...)` starts a random stream, `reset()` continues it.
    """

    metadata = {"render_modes": list(drawing.RENDER_MODES), "render_fps": 30}  # noqa: RUF012 (Gymnasium's own)

    def __init__(
        self, environment: Environment | TimedEnvironment | str, render_mode: str | None = None, **options: object
    ) -> None:
        """Wrap an environment, or make one.

        Args:
            environment: one of ours, or the id of one in the catalogue.
            render_mode: "human" opens a window, "rgb_array" and "ansi" let `render` return a frame or a text.
            **options: with an id, those of `catalogue.make`.
        """
        if isinstance(environment, str):
            if "limit" in options:
                raise InputError(f"{environment}: limit is not allowed here: must be given as max_episode_steps")
            environment = made_soundly(catalogue.look_up(environment), {**options, "limit": 0})
        elif options:
            raise InputError(f"{', '.join(options)} is not allowed here: options go with an id, not with what is made")
        modes = drawing.render_modes(environment)
        if render_mode is not None and render_mode not in modes:
            raise InputError(
                f"render_mode = {render_mode!r} is not allowed: must be one of {', '.join(modes) or 'none'}"
            )
        fps = drawing.frames_per_second(environment) if modes else None
        self.metadata = {"render_modes": list(modes), "render_fps": fps}
        self.render_mode = render_mode
        self.observation_space = environment.observation_space
        self.action_space = environment.action_space
        self.environment = environment
        self._state: Tree = None
        self._key: Key | None = None
        self._action: Any = None
        self._window: Window | None = None

    @functools.cached_property
    def _cpu(self) -> jax.Device:
        # Called at the first reset, not before: Gymnasium's asynchronous vector environments fork after making one, and
        # a process in which JAX has started threads must not fork.
        return jax.devices("cpu")[0]

    @functools.cached_property
    def _committed(self) -> Environment | TimedEnvironment:
        # Arrays committed to a device stay there, and so do all results computed from them.
        placed: Environment | TimedEnvironment = jax.device_put(self.environment, self._cpu)
        return placed

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Any, Info]:
        super().reset(seed=seed)
        if options:
            raise InputError(f"reset takes no options, not {', '.join(options)}")
        drawn = jax.device_put(self.np_random.integers(2**32, dtype=np.uint32), self._cpu)
        with in_32_bits():
            observation, fresh, self._key = _reset(self._committed, drawn)
            if seed is None and self._state is not None:  # with a new seed, nothing of earlier episodes may remain
                fresh = carry_over(self.environment, self._state, fresh)
        self._state = fresh
        self._action = None
        self._show()
        return self._observed(observation), self._allowed()

    def step(self, action: object) -> tuple[Any, float, bool, bool, Info]:
        if self._key is None:
            raise gymnasium.error.ResetNeeded("Cannot call step before reset")
        self._action = self._checked(action)
        with in_32_bits():
            seen, self._state, self._key = _step(self._committed, self._state, self._key, self._action)
        observation, reward, terminated, truncated, info = seen
        self._show()
        told = {name: value.item() if value.ndim == 0 else np.array(value) for name, value in info.items()}
        told |= self._allowed()
        return self._observed(observation), float(reward), bool(terminated), bool(truncated), told

    def render(self) -> Any:
        if self._state is None:
            raise gymnasium.error.ResetNeeded("Cannot call render before reset")
        if self.render_mode == "rgb_array":
            return drawing.frame(self.environment, self._state, self._action)
        if self.render_mode == "ansi":
            return drawing.text(self.environment, self._state)
        return None

    @property
    def state(self) -> Tree:
        """The environment's state, as its `step` takes it; None before the first reset."""
        return self._state

    def put(self, state: Tree, action: object = None) -> None:
        """Set the state to one reached elsewhere by `action`: only for rendering, not for further steps."""
        self._state, self._action = state, action

    def move_goal(self, x: float, y: float) -> None:
        """Move the goal, in the environment's own coordinates; it is observed from the next step on.

        Raises:
            InputError: the environment's goal cannot be moved, or `x` or `y` is not finite.
        """
        if self._state is None:
            raise gymnasium.error.ResetNeeded("Cannot call move_goal before reset")
        if not (math.isfinite(x) and math.isfinite(y)):
            raise InputError(f"move_goal: ({x}, {y}) is not allowed: must be two finite numbers")
        # On the CPU as the rest: a value on another device would compile the next step again.
        with in_32_bits():
            self._state = jax.device_put(move_goal(self.environment, self._state, x, y), self._cpu)

    def _allowed(self) -> Info:
        """The mask of allowed actions, if the environment reports one: in the same form as Gymnasium's Taxi."""
        if not self._says_allowed:
            return {}
        with in_32_bits():
            return {IN_INFO: np.asarray(_mask(self._committed, self._state), np.int8)}

    @functools.cached_property
    def _says_allowed(self) -> bool:
        return isinstance(self.environment, Masked) or says_allowed(self.environment)

    def close(self) -> None:
        if self._window is not None:
            self._window.close()
        self._window = None

    def _checked(self, action: Any) -> np.ndarray | np.int32:
        space = self.action_space
        if isinstance(space, gymnasium.spaces.Discrete):
            if not space.contains(action):
                raise InputError(f"action = {action!r} is not allowed: must be a whole number from 0 to {space.n - 1}")
            return np.int32(action)
        taken = np.asarray(action, np.float32 if isinstance(space, gymnasium.spaces.Box) else np.int32)
        if taken.shape != space.shape:
            raise InputError(f"action of shape {taken.shape} is not allowed: must be {space.shape}")
        return taken

    def _observed(self, observation: Array) -> np.ndarray | int:
        if isinstance(self.observation_space, gymnasium.spaces.Discrete):
            return int(observation)
        return np.array(observation, self.observation_space.dtype)

    def _show(self) -> None:
        if self.render_mode != "human":
            return
        if self._window is None:
            from zerone.environments.window import Window

            title = self.spec.id if self.spec else type(self.environment).__name__
            self._window = Window(title, self.metadata["render_fps"])
        self._window.show(drawing.frame(self.environment, self._state, self._action))


def _begin(environment: Environment | TimedEnvironment, seed: Array) -> tuple[Array, Tree, Key]:
    key, reset_key = jax.random.split(jax.random.key(seed))
    observation, state = environment.reset(reset_key)
    return observation, state, key


def _advance(environment: Any, state: Tree, key: Key, action: Array) -> tuple[Any, Tree, Key]:
    key, step_key = jax.random.split(key)
    observation, state, reward, terminated, *cut, info = environment.step(step_key, state, action)
    truncated = cut[0] if cut else np.bool_(False)
    return (observation, reward, terminated, truncated, info), state, key


def _mask_now(environment: Environment | TimedEnvironment, state: Any) -> Array | None:
    return state.mask if isinstance(environment, Masked) else own_mask(environment, state)


# Compiled once for all instances: the environment's constants are arguments, not part of the program.
_reset: Callable[..., tuple[Any, Tree, Key]] = jax.jit(_begin)
_step: Callable[..., tuple[Any, Tree, Key]] = jax.jit(_advance)
_mask: Callable[..., Array] = jax.jit(_mask_now)
