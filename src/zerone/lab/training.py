"""A training on the page, which can go forwards and backwards by environment steps.

Position p is the state after p steps of each environment. At the last step of a block, it includes the update that
follows. The state is a function of the set-up and p, so going back and forth changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.engines.compiled import Carry, Compiled
from zerone.engines.stepping import Iteration, Stepper
from zerone.environments.base import TimedEnvironment
from zerone.environments.catalogue import action_names
from zerone.environments.drawing.geometry import Grid, grid_of
from zerone.environments.drawing.scene import Scene, scene_of
from zerone.lab.curve import Curve
from zerone.lab.disturbance import Disturbed, Weather, can_be_pushed, with_layout, wrapped
from zerone.lab.setups import Setup

LEAP, LONGEST_LEAP = 16, 4_096
"""The number of updates between two checks of a search, which doubles up to the second value."""
LONGEST_SEARCH = 200_000
"""The number of steps after which a search for the next change or the end of an episode stops."""
MOST = {
    "planning_steps": 1_000, "updates": 1_000, "epochs": 100, "minibatches": 1_000, "batch": 4_096, "workers": 64,
    "environments": 256, "steps_per_update": 10_000, "n_steps": 1_000, "sequence": 1_000, "burn_in": 1_000,
    "longest_episode": 100_000, "hidden": 1_024,
}  # fmt: skip
"""The largest allowed values of settings that determine the work of an update."""
MOST_LAYERS = 6
KEPT_BYTES = 50_000_000
"""The memory in bytes for earlier states of a training, which make going back fast."""
LEAPS_PER_KEPT = 4
"""At full speed, one of so many states is kept: keeping one means copying it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """A part of a training in one environment, from iteration `begin` to the next part."""

    environment: TimedEnvironment
    stepper: Stepper
    grid: Grid | None
    scene: Scene | None
    weather: Weather

    @property
    def begin(self) -> int:
        """The index of the first iteration."""
        return self.stepper.begin


class Training:
    """A training with its current position `at`."""

    def __init__(self, setup: Setup) -> None:
        """Make the algorithm and the engine, and begin at position 0.

        Raises:
            InputError: the set-up is invalid, or not supported on the page.
        """
        from gymnasium.spaces import Discrete

        from zerone.training.algorithm_setup import make_algorithm
        from zerone.training.engine_setup import make_engine
        from zerone.training.memory_limit import require_room

        self.setup = setup
        self.algorithm, _ = make_algorithm(setup.algorithm, setup.environment, _with_tuples(setup.settings))
        require_quick(self.algorithm)
        engine = make_engine("auto", self.algorithm, setup.environment, _with_tuples(setup.options))
        if not isinstance(engine, Compiled):
            raise InputError(f"{setup.environment} is not written in JAX: only compiled environments are on the page")
        with in_32_bits():
            require_room(engine, setup.environment, 1)
        self.engine, self.spaces = engine, engine.spaces
        actions = engine.spaces.action
        self.actions = action_names(setup.environment, int(actions.n)) if isinstance(actions, Discrete) else []
        self._part = self._part_of(engine.environment, None)
        self._parts = [self._part]
        self.block = self.algorithm.steps_per_update
        self.at = 0
        self.iteration: Iteration | None = None
        """The iteration whose block contains `at`; None at the start and after a leap."""
        self.curve = Curve(self.algorithm, self.stepper.carry)

        self._leaps = 0

        self.changes: list[tuple[int, str, Any]] = []
        """The user's changes: position, kind and value."""

    def _part_of(self, environment: Any, begin: tuple[int, Carry] | None, weather: Weather | None = None) -> Part:
        stepper = Stepper(self.algorithm, environment, self.setup.seed, KEPT_BYTES, begin)
        return Part(environment, stepper, grid_of(environment), scene_of(environment), weather or Weather())

    @property
    def environment(self) -> TimedEnvironment:
        """The environment at the current position."""
        return self._part.environment

    @property
    def stepper(self) -> Stepper:
        """The stepper of the current part."""
        return self._part.stepper

    @property
    def grid(self) -> Grid | None:
        """The grid of the environment; None if its observations are not cells."""
        return self._part.grid

    @property
    def scene(self) -> Scene | None:
        """The scene of the environment; None if it has no drawing."""
        return self._part.scene

    @property
    def part(self) -> int:
        """The index of the current part; a new part begins at each change by the user."""
        return self._parts.index(self._part)

    @property
    def wind(self) -> float:
        """The current wind."""
        return self._part.weather.wind

    @property
    def can_be_pushed(self) -> bool:
        """Whether the environment can be pushed."""
        return can_be_pushed(self.stepper.carry.simulation.state)

    @property
    def step(self) -> int:
        """The index of the last step in its block."""
        return (self.at - 1) % self.block

    @property
    def updated(self) -> bool:
        """Whether the current position is the end of a block, including its update."""
        return self.at > 0 and self.at % self.block == 0

    @property
    def carry(self) -> Carry:
        """The carry of the training at the current position; within a block, that of the block's beginning."""
        if self.iteration is None:
            return self.stepper.carry
        return self.iteration.after if self.updated else self.iteration.before

    def go_to(self, at: int) -> None:
        """Go to position `at`."""
        at = max(0, at)
        if at == 0:
            self._seek(0)
            self.at, self.iteration = 0, None
            return
        index = (at - 1) // self.block
        if self.iteration is None or self.iteration.index != index:
            self._leap_to(index)
            self.iteration = self.stepper.forward()
            self.curve.look(self.stepper.carry, self.stepper.index)
        self.at = at

    def leap(self, at: int) -> None:
        """Go forward to the end of the block that contains position `at`, without recording the steps on the way."""
        self._leaps += 1
        self._leap_to((at - 1) // self.block + 1, keep=self._leaps % LEAPS_PER_KEPT == 0)
        self.at, self.iteration = self.stepper.index * self.block, None

    def change(self, kind: str, value: Any) -> None:
        """Change the environment from the current position on, by a `push`, by `wind`, or by another `layout`.

        Later parts and changes are dropped, since the training is different from here on.

        Raises:
            InputError: the environment cannot be changed in this way; the training is unchanged.
        """
        at = self.at
        index, step = divmod(at, self.block)
        self._seek(index)
        before, carry = self._part, self.stepper.carry
        same = before.begin == index
        if kind == "layout":
            part = self._part_of(with_layout(before.environment, carry, value), (index, carry))
        elif not self.can_be_pushed:
            raise InputError("there is nothing to push here, and no wind")
        else:
            weather = before.weather if same else before.weather.later()
            weather = weather.pushed(step, value) if kind == "push" else weather.blown(step, value)
            inside: Any = before.environment
            inside = inside.environment if isinstance(inside, Disturbed) else inside
            part = self._part_of(weather.around(inside), (index, wrapped(carry)), weather)
        self._parts = [each for each in self._parts if each.begin < index or (each is before and not same)] + [part]
        self._part, self.iteration = part, None
        self.curve.cut(carry, index)
        self.changes = [each for each in self.changes if each[0] <= at] + [(at, kind, value)]
        self.go_to(at)

    def look(self) -> None:
        """Compute the iteration of the current position, which a leap has left out."""
        self.go_to(self.at)

    def to_update(self) -> None:
        """Go forward to the next update."""
        self.go_to((self.at // self.block + 1) * self.block)

    def to_episode_end(self, stop: Callable[[], bool]) -> bool:
        """Go forward to the next end of an episode of the first environment.

        Args:
            stop: Polled during the search, which ends at the position reached when it returns true.

        Returns:
            False if there is no end within `LONGEST_SEARCH` steps; the position is then unchanged.
        """
        self.look()
        if self._ends_in_block(self.at):
            return True
        before = int(self.carry_after.simulation.ended.count[0])
        if not self._search(lambda carry: int(carry.simulation.ended.count[0]) > before, stop):
            return False
        return self._ends_in_block(self.at - self.block)

    def to_change(self, stop: Callable[[], bool]) -> bool:
        """Go forward to the next update that changes the policy (or an entry of the table).

        Args:
            stop: Polled during the search, which ends at the position reached when it returns true.

        Returns:
            False if there is no change within `LONGEST_SEARCH` steps; the position is then unchanged.
        """
        self.look()
        before = [np.asarray(leaf) for leaf in jax.tree.leaves(self.carry.state.policy)]

        def changed(carry: Carry) -> bool:
            now = jax.tree.leaves(carry.state.policy)
            return any(not np.array_equal(old, np.asarray(new)) for old, new in zip(before, now, strict=True))

        known_to_rest = self.grid is not None and len(before) == 1  # only in tables, an update may change nothing
        in_this_block = not self.updated and self.iteration is not None and changed(self.iteration.after)
        if in_this_block or not known_to_rest:
            self.to_update()
            return True
        return self._search(changed, stop)

    @property
    def carry_after(self) -> Carry:
        """The carry of the training after the current block."""
        return self.stepper.carry if self.iteration is None else self.iteration.after

    def _ends_in_block(self, after: int) -> bool:
        """Go to the first end of an episode after position `after` in the current block; False if there is none."""
        if self.iteration is None:
            return False
        steps = self.iteration.steps
        ended = np.asarray(steps.terminated | steps.truncated)[:, 0]
        begin = self.iteration.index * self.block
        for step in np.flatnonzero(ended):
            if begin + int(step) + 1 > after:
                self.go_to(begin + int(step) + 1)
                return True
        return False

    def _search(self, found: Callable[[Carry], bool], stop: Callable[[], bool]) -> bool:
        """Go to the first update after which `found` holds; return False, at the old position, if there is none.

        The search advances by growing leaps, and then bisects the last one, so `found` must stay true once it is. If
        `stop` ends the search, the position is where it has got to, and the result is true.
        """
        first = self.stepper.index
        last = first + max(1, LONGEST_SEARCH // self.block)
        index, leap = first, LEAP
        while index < last and not stop():
            ahead, leap = min(index + leap, last), min(2 * leap, LONGEST_LEAP)
            self._seek(ahead)
            if found(self.stepper.carry):
                while ahead - index > 1:
                    middle = (index + ahead) // 2
                    self._seek(middle)
                    index, ahead = (index, middle) if found(self.stepper.carry) else (middle, ahead)
                self.go_to(ahead * self.block)
                return True
            index = ahead
        if index < last:
            self.go_to(index * self.block)
            return True
        at, self.iteration = self.at, None
        self.go_to(at)
        return False

    def _seek(self, index: int, keep: bool = True) -> None:
        """Go to the state after `index` iterations, in the part that contains it."""
        self._part = next(each for each in reversed(self._parts) if each.begin <= index)
        self.stepper.go_to(index, keep)

    def _leap_to(self, index: int, keep: bool = True) -> None:
        self._seek(index, keep)
        self.curve.look(self.stepper.carry, index)


def require_quick(algorithm: Any) -> None:
    """Raise `InputError` for settings with which an update could take minutes, since it cannot be interrupted."""
    for name, most in MOST.items():
        value = getattr(algorithm, name, 0)
        if max(value) > most if isinstance(value, tuple) else value > most:
            raise InputError(
                translated("{name} = {value} is not allowed on the page: at most {most:,} (zerone train takes more)",
                           name=name, value=value, most=most)
            )  # fmt: skip
    if len(getattr(algorithm, "hidden", ())) > MOST_LAYERS:
        raise InputError(
            translated("{number} hidden layers are not allowed on the page: at most {most}",
                       number=len(algorithm.hidden), most=MOST_LAYERS)
        )  # fmt: skip


def _with_tuples(values: Any) -> dict[str, Any]:
    """Convert values from JSON to those of Python's interface: lists become tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


@dataclasses.dataclass(frozen=True)
class Here:
    """The episode of the first environment after a step: its number, its length and its return so far."""

    episode: int
    length: int
    total: float


def here(training: Training) -> Here:
    """The episode that contains the last step; at the start, the first one."""
    iteration = training.iteration
    now = training.stepper.carry.simulation if iteration is None else iteration.simulation(training.step - 1)
    ended, length = jax.device_get((now.ended, now.episode_length))
    total = float(jax.device_get(now.earned).total()[0]) - float(ended.total_return[0])
    if iteration is None:
        return Here(int(ended.count[0]) + 1, int(length[0]), total)
    return Here(int(ended.count[0]) + 1, int(length[0]) + 1, total + float(iteration.steps.reward[training.step, 0]))
