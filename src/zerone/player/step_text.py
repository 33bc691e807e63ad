"""One step of a training as text: the environment, the table, the step itself, and the update with its numbers."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import jax
import numpy as np

from zerone.algorithms.explanation import Cell, Explanation, LearntEntry, number_text
from zerone.algorithms.protocol import Explores, Valued
from zerone.base.language import ENGLISH, joined, language, translatable, translated
from zerone.environments import drawing
from zerone.player import table_text, update_text
from zerone.player.episode import short
from zerone.player.tables import table_of
from zerone.player.view import WIDTH, values_text

if TYPE_CHECKING:
    from zerone.engines.stepping import Iteration, Stepper
    from zerone.environments.drawing.geometry import Grid

MOST_ENTRIES, MOST_CHANGES, MOST_EPISODES = 3, 4, 5
"""The most applications of the learning rule, changed entries, and episodes that are shown."""
SOURCES = {
    "step": translatable("this step"),
    "waiting": translatable("the step before, now that its next action is known"),
    "model": translatable("an imagined step"),
    "episode": translatable("the episode that has ended"),
}


@dataclasses.dataclass(frozen=True)
class Place:
    """A position in a training: step `step` of the block of an iteration, or the start (without an iteration)."""

    iteration: Iteration | None
    step: int

    @property
    def updated(self) -> bool:
        """Whether this is the last step of the block, which the update follows."""
        return self.iteration is not None and self.step == self.iteration.steps.reward.shape[0] - 1


class StepText:
    """Converts positions in a training to lines of text."""

    def __init__(self, stepper: Stepper, title: str, grid: Grid | None, actions: Sequence[str], stream: TextIO) -> None:
        self._stepper, self._title, self._grid, self._actions = stepper, title, grid, actions
        self._stream = stream
        self._symbols = table_text.symbols_for(stream.encoding)
        self._explained: tuple[Iteration, Explanation | None] | None = None

    def legend(self) -> list[str]:
        """Lines that explain the symbols."""
        if self._grid is None or table_of(self._stepper.carry.state.policy, self._grid) is None:
            return []
        cells = translated("cells are (row, column), counted from the top left")
        return [*table_text.legend(self._symbols, traced=False), cells]

    def explanation(self, iteration: Iteration) -> Explanation | None:
        """The explanation of an iteration's update; None if the algorithm cannot explain it."""
        if self._explained is None or self._explained[0] is not iteration:
            self._explained = iteration, self._stepper.explanation(iteration)
        return self._explained[1]

    @property
    def _width(self) -> int:
        """The number of characters in a line."""
        return shutil.get_terminal_size().columns if self._stream.isatty() else WIDTH

    def lines(self, place: Place) -> list[str]:
        """All lines of a position."""
        found = [*self._header(place), "", *self._picture(place), ""]
        if place.iteration is None:
            return [*found, translated("nothing has been learnt yet")]
        return [
            *found,
            *self._step(place.iteration, place.step),
            *self._decision(place.iteration, place.step),
            *self._update(place),
            *self._episodes(place.iteration, place.step),
        ]

    def _header(self, place: Place) -> list[str]:
        iteration = place.iteration
        if iteration is None:
            return [f"{self._title}  {translated('step {step:,}', step=0)}"]
        number, here = self._stepper.algorithm.environments, iteration.index * iteration.steps.reward.shape[0]
        before = iteration.simulation(place.step - 1)
        episode = int(before.ended.count[0]) + 1
        length = int(before.episode_length[0]) + 1
        earned = float(before.earned.total()[0]) - float(before.ended.total_return[0])
        total = earned + float(iteration.steps.reward[place.step, 0])
        each = translated(" × {number} environments, of which this is the first", number=number) if number > 1 else ""
        parts = [self._title, translated("step {step:,}", step=here + place.step + 1) + each,
                 translated("episode {episode:,}, step {step:,}, return {total}", episode=episode, step=length,
                            total=number_text(total))]  # fmt: skip
        return update_text.wrapped(parts, self._width)

    def _picture(self, place: Place) -> list[str]:
        """The environment, and beside it the table after this step's update."""
        iteration = place.iteration
        simulation = self._stepper.carry.simulation if iteration is None else iteration.simulation(place.step)
        first = jax.tree.map(lambda leaf: leaf[0], simulation)
        environment = self._stepper.environment
        drawn = drawing.text(environment, first.state) if drawing.render_modes(environment) else (
            translated("observation {observation}", observation=short(np.asarray(first.observation))))  # fmt: skip
        carry = self._stepper.carry if iteration is None else iteration.after if place.updated else iteration.before
        table = table_of(carry.state.policy, self._grid)
        if table is None:
            return drawn.split("\n")
        live, width = self._stream.isatty(), self._width
        colored = live and "NO_COLOR" not in os.environ
        explained = self.explanation(iteration) if iteration is not None and place.updated else None
        lit = frozenset(change.state for change in explained.changes) if explained else frozenset()
        here = int(np.asarray(first.observation))
        return table_text.together(drawn, table, None, self._symbols, width, colored, here, lit).split("\n")

    def _step(self, iteration: Iteration, step: int) -> list[str]:
        """The step, such as `S = (1, 2)  A = down (greedy)  R = 0  S' = (2, 2)`."""
        steps = jax.tree.map(lambda leaf: np.asarray(leaf[step, 0]), iteration.steps)
        found = [
            f"S = {self._state(steps.observation)}",
            f"A = {self._action(steps.action)}{self._how(iteration, step)}",
            f"R = {number_text(float(steps.reward))}",
            f"S' = {self._state(steps.next_observation)}",
        ]
        if steps.terminated:
            found.append(translated("terminated: S' is worth 0"))
        elif steps.truncated:
            found.append(translated("truncated: cut by the time limit, S' keeps its value"))
        return update_text.wrapped(found, self._width)

    def _decision(self, iteration: Iteration, step: int) -> list[str]:
        """The numbers by which the action was chosen, if the algorithm provides them."""
        found = self._stepper.decision(iteration, step)
        if found is None:
            return []
        action = np.asarray(iteration.steps.action[step, 0])
        taken = int(action) if action.ndim == 0 and action.dtype.kind in "iu" else None
        return update_text.decision(found, self._actions, taken, self._shade)

    @property
    def _shade(self) -> str:
        """The character with which bars are drawn."""
        try:
            "█".encode(self._stream.encoding or "utf-8")
        except UnicodeEncodeError:
            return "#"
        return "█"

    def _how(self, iteration: Iteration, step: int) -> str:
        """Whether the action was exploratory or greedy, if the algorithm says so."""
        algorithm = self._stepper.algorithm
        if not isinstance(algorithm, Explores):
            return ""
        noise = jax.tree.map(lambda leaf: leaf[step], iteration.noise)
        policy = iteration.before.state.policy
        rate = number_text(round(float(algorithm.exploration_rate(policy)), 4))
        explored = bool(algorithm.explores(policy, noise)[0])
        how = translated("explored") if explored else translated("greedy")
        return translated(" ({how}, ε = {rate})", how=how, rate=rate)

    def _update(self, place: Place) -> list[str]:
        """The update, if it follows this step."""
        iteration = place.iteration
        if iteration is None or not place.updated:
            return []
        explained = self.explanation(iteration)
        if explained is None:
            return self._measured(iteration)
        if explained.updates or explained.notes:
            return ["", *update_text.updates(explained, self._width, self._state_cell, self._action_cell)]
        if not explained.entries:
            return [translated("nothing is learnt from this step yet")]
        found: list[str] = []
        for entry in explained.entries[:MOST_ENTRIES]:
            found += self._entry(entry)
        rest = len(explained.entries) - MOST_ENTRIES
        if rest > 0:
            found.append(translated("and {count:,} more", count=rest))
        return [*found, *self._changes(explained)]

    def _entry(self, entry: LearntEntry) -> list[str]:
        name = f"Q({self._state(entry.state)}, {self._action(entry.action)})"
        played = "" if entry.step is None or entry.source == "step" else (
            f": R = {number_text(entry.step.reward)}, S' = {self._state(entry.step.next_state)}"
            + ("" if entry.step.next_action is None else f", A' = {self._action(entry.step.next_action)}"))  # fmt: skip
        return [
            translated("learnt from {source}", source=translated(SOURCES[entry.source])) + played,
            f"  {entry.equation.symbols()}",
            f"  {name} ← {entry.equation.numbers()}",
        ]

    def _changes(self, explained: Explanation) -> list[str]:
        if not explained.changes:
            return [translated("no entry has changed")]
        largest = sorted(explained.changes, key=lambda change: -abs(change.after - change.before))
        shown = [
            f"  Q({self._state(each.state)}, {self._action(each.action)}) "
            f"{number_text(each.before)} → {number_text(each.after)}"
            + ("" if each.trace is None else f"  (E = {number_text(each.trace)})")
            for each in largest[:MOST_CHANGES]
        ]
        more = len(largest) - MOST_CHANGES
        rest = ["  " + translated("and {count:,} more", count=more)] if more > 0 else []
        return [translated("changed:"), *shown, *rest]

    def _measured(self, iteration: Iteration) -> list[str]:
        """The metrics of the update and the action values after it, for an algorithm without explanations."""
        before, after = iteration.before.tally.metrics, iteration.after.tally.metrics
        measured = {name: float(after[name].total()) - float(before[name].total()) for name in after}
        listed = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
        found = [translated("update: {measures}", measures=listed)] if measured else []
        algorithm = self._stepper.algorithm
        if isinstance(algorithm, Valued):
            observation, last = iteration.steps.observation[-1], iteration.steps.reward.shape[0] - 1
            memory = iteration.simulation(last - 1).memory
            values = np.asarray(algorithm.values(iteration.after.state.policy, memory, observation))[0]
            shown = values_text(self._actions, values.tolist())
            found.append(translated("after it, in S: {values}", values=shown))
        return found

    def _episodes(self, iteration: Iteration, step: int) -> list[str]:
        """A summary of the last episodes up to here."""
        here = iteration.index, step
        ends = [end for end in self._stepper.ends if (end.index, end.step) <= here][-MOST_EPISODES:]
        if not ends:
            return []
        told = [translated("{number:,}: {length:,} steps, return {total}", number=end.number, length=end.length,
                           total=number_text(end.total_return)) for end in ends]  # fmt: skip
        told = [each + joined(["", ""]).rstrip() for each in told[:-1]] + told[-1:]
        between = " " if language() == ENGLISH else ""  # Chinese punctuation includes its space
        return ["", *update_text.wrapped([translated("episodes that ended:"), *told], self._width, between, "  ")]

    def _state(self, observation: Any) -> str:
        if self._grid is not None and np.ndim(observation) == 0:
            row, column = divmod(int(observation), self._grid.columns)
            return f"({row + 1}, {column + 1})"
        return short(np.asarray(observation))

    def _state_cell(self, cell: Cell) -> str:
        if isinstance(cell, tuple):
            return update_text.short_numbers(cell)
        return "…" if cell is None else self._state(cell)

    def _action_cell(self, cell: Cell) -> str:
        return update_text.short_numbers(cell) if isinstance(cell, tuple) else self._action(cell)

    def _action(self, action: Any) -> str:
        if np.ndim(action) == 0 and np.asarray(action).dtype.kind in "iu" and int(action) < len(self._actions):
            return self._actions[int(action)]
        return short(np.asarray(action))
