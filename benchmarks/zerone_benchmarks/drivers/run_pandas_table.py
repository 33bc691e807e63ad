"""A stand-in for the tutorials' Q-learning: the table is a pandas frame that grows a row for every new state.

Written for this comparison in their manner (`.loc`, shuffled ties, states as text); it draws nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from stopwatch import Moment, Report, work_from_command_line

SIZE, GOAL, HELLS = 4, (2, 2), ((2, 1), (1, 2))
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Maze:
    """Four by four cells: one is worth 1, two are worth -1, and all three end the episode."""

    def reset(self) -> str:
        """To the corner."""
        self.cell = (0, 0)
        return str(self.cell)

    def step(self, action: int) -> tuple[str, float, bool]:
        """Move, unless a wall is in the way."""
        row, column = self.cell[0] + MOVES[action][0], self.cell[1] + MOVES[action][1]
        self.cell = (min(max(row, 0), SIZE - 1), min(max(column, 0), SIZE - 1))
        reward = 1.0 if self.cell == GOAL else -1.0 if self.cell in HELLS else 0.0
        return str(self.cell), reward, reward != 0.0


class Table:
    """Q-learning, the table a data frame: a row per state, a column per action."""

    def __init__(self, learning_rate: float, discount: float, epsilon: float, seed: int) -> None:
        self.learning_rate, self.discount, self.epsilon = learning_rate, discount, epsilon
        self.q = pd.DataFrame(columns=list(range(len(MOVES))), dtype=np.float64)
        self.random = np.random.RandomState(seed)

    def meet(self, state: str) -> None:
        """A new state gets a row of zeros."""
        if state not in self.q.index:
            row = pd.Series([0.0] * len(MOVES), index=self.q.columns, name=state)
            self.q = pd.concat([self.q, row.to_frame().T]) if len(self.q) else row.to_frame().T

    def choose(self, state: str) -> int:
        """Epsilon-greedy; ties are broken by chance."""
        self.meet(state)
        if self.random.uniform() < self.epsilon:
            return int(self.random.choice(self.q.columns))
        values = self.q.loc[state, :]
        return int(self.random.choice(values[values == values.max()].index))

    def learn(self, state: str, action: int, reward: float, following: str, terminated: bool) -> None:
        """One update."""
        self.meet(following)
        target = reward if terminated else reward + self.discount * self.q.loc[following, :].max()
        self.q.loc[state, action] += self.learning_rate * (target - self.q.loc[state, action])


def main() -> None:
    """Measure the table on the work."""
    work, report = work_from_command_line(), Report()
    report.imported()
    table = Table(work.h["learning_rate"], work.h["discount"], work.h["exploration_end"], work.seed)
    maze, returns, begin = Maze(), [], Moment.now()
    state = maze.reset()
    for step in range(work.steps):
        if step == work.warm_steps:
            begin = Moment.now()
        action = table.choose(state)
        following, reward, terminated = maze.step(action)
        table.learn(state, action, reward, following, terminated)
        if terminated:
            returns.append(reward)
        state = maze.reset() if terminated else following
    report.steady(work.steps - work.warm_steps, begin, Moment.now())
    if tail := returns[-100:]:
        report.reached(sum(tail) / len(tail), f"mean of the last {len(tail)} training episodes")
    report.emit()


if __name__ == "__main__":
    main()
