"""Tabular algorithms as tutorials write them: the table is a pandas frame that grows by a row for every new state.

They were written for this comparison in the same manner (`.loc`, random tie-breaking, states as text), without drawing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from stopwatch import Moment, Report, work_from_command_line

SIZE, GOAL, HELLS = 4, (2, 2), ((2, 1), (1, 2))
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Maze:
    """The 4 by 4 maze: the goal gives 1, two hells give -1, and all three end the episode."""

    def reset(self) -> str:
        """Go to the start in the corner."""
        self.cell = (0, 0)
        return str(self.cell)

    def step(self, action: int) -> tuple[str, float, bool]:
        """Move, unless a wall is in the way."""
        row, column = self.cell[0] + MOVES[action][0], self.cell[1] + MOVES[action][1]
        self.cell = (min(max(row, 0), SIZE - 1), min(max(column, 0), SIZE - 1))
        reward = 1.0 if self.cell == GOAL else -1.0 if self.cell in HELLS else 0.0
        return str(self.cell), reward, reward != 0.0


class Table:
    """Q-learning with a data frame: a row per state, a column per action."""

    def __init__(self, learning_rate: float, discount: float, exploration_end: float, seed: int) -> None:
        self.learning_rate, self.discount, self.epsilon = learning_rate, discount, exploration_end
        self.q = pd.DataFrame(columns=list(range(len(MOVES))), dtype=np.float64)
        self.random = np.random.RandomState(seed)

    def grown(self, frame: pd.DataFrame, state: str) -> pd.DataFrame:
        """The frame with a row of zeros for a new state."""
        row = pd.Series([0.0] * len(MOVES), index=self.q.columns, name=state).to_frame().T
        return pd.concat([frame, row]) if len(frame) else row

    def meet(self, state: str) -> None:
        """Add a row of zeros for a new state."""
        if state not in self.q.index:
            self.q = self.grown(self.q, state)

    def choose(self, state: str) -> int:
        """The ε-greedy action, with random tie-breaking."""
        self.meet(state)
        if self.random.uniform() < self.epsilon:
            return int(self.random.choice(self.q.columns))
        values = self.q.loc[state, :]
        return int(self.random.choice(values[values == values.max()].index))

    def learn(self, state: str, action: int, reward: float, following: str, terminated: bool) -> None:
        """Apply one update."""
        self.meet(following)
        target = reward if terminated else reward + self.discount * self.q.loc[following, :].max()
        self.q.loc[state, action] += self.learning_rate * (target - self.q.loc[state, action])


class Sarsa(Table):
    """Sarsa: the next action is chosen before the update, and then taken."""

    upcoming: int | None = None

    def choose(self, state: str) -> int:
        """The action that was chosen in the update, if there is one, else an ε-greedy action."""
        action, self.upcoming = self.upcoming, None
        return super().choose(state) if action is None else action

    def learn(self, state: str, action: int, reward: float, following: str, terminated: bool) -> None:
        """Apply one update."""
        self.meet(following)
        target = reward
        if not terminated:
            self.upcoming = super().choose(following)
            target += self.discount * self.q.loc[following, self.upcoming]
        self.teach(state, action, target - self.q.loc[state, action])
        if terminated:
            self.end()

    def teach(self, state: str, action: int, error: float) -> None:
        """Apply a TD error to the table."""
        self.q.loc[state, action] += self.learning_rate * error

    def end(self) -> None:
        """Handle the end of an episode."""


class SarsaLambda(Sarsa):
    """Sarsa(λ): a second frame holds the traces, and every update changes the whole table."""

    def __init__(self, trace: float, trace_kind: str, **table: float) -> None:
        super().__init__(**table)
        self.decay, self.replacing = trace, trace_kind == "replacing"
        self.trace = self.q.copy()

    def meet(self, state: str) -> None:
        """Add a row to both frames for a new state."""
        if state not in self.q.index:
            self.trace = self.grown(self.trace, state)
        super().meet(state)

    def teach(self, state: str, action: int, error: float) -> None:
        """Apply a TD error along the traces."""
        if self.replacing:
            self.trace.loc[state, :] *= 0
            self.trace.loc[state, action] = 1
        else:
            self.trace.loc[state, action] += 1
        self.q += self.learning_rate * error * self.trace
        self.trace *= self.discount * self.decay

    def end(self) -> None:
        """Reset the traces."""
        self.trace *= 0


class MonteCarlo(Table):
    """Monte Carlo: an episode is stored in a list, and at its end the table moves to the returns of its visits."""

    def __init__(self, visits: str, **table: float) -> None:
        super().__init__(**table)
        self.first, self.episode = visits == "first", []

    def learn(self, state: str, action: int, reward: float, following: str, terminated: bool) -> None:
        """Store the step; at the end of the episode, update the table."""
        self.meet(following)
        self.episode.append((state, action, reward))
        if not terminated:
            return
        total = 0.0
        for t in reversed(range(len(self.episode))):
            state, action, reward = self.episode[t]
            total = reward + self.discount * total
            if not self.first or (state, action) not in [each[:2] for each in self.episode[:t]]:
                self.q.loc[state, action] += self.learning_rate * (total - self.q.loc[state, action])
        self.episode = []


class DynaQ(Table):
    """Dyna-Q: a second frame is the model, with the last observed (reward, next state, end)."""

    def __init__(self, planning_steps: int, **table: float) -> None:
        super().__init__(**table)
        self.planning = planning_steps
        self.model = pd.DataFrame(columns=self.q.columns, dtype=object)

    def learn(self, state: str, action: int, reward: float, following: str, terminated: bool) -> None:
        """Apply one update from the real step, then some from the model."""
        super().learn(state, action, reward, following, terminated)
        if state not in self.model.index:
            row = pd.Series([None] * len(MOVES), index=self.model.columns, name=state, dtype=object).to_frame().T
            self.model = pd.concat([self.model, row]) if len(self.model) else row
        self.model.at[state, action] = (reward, following, terminated)  # `.loc` would spread the tuple over columns
        for _ in range(self.planning):
            planned = self.random.choice(self.model.index)
            tried = self.random.choice(self.model.loc[planned].dropna().index)
            super().learn(planned, tried, *self.model.loc[planned, tried])


KINDS = {"q-learning": Table, "sarsa": Sarsa, "sarsa-lambda": SarsaLambda, "monte-carlo": MonteCarlo, "dyna-q": DynaQ}


def main() -> None:
    """Measure the algorithm on the work."""
    work, report = work_from_command_line(), Report()
    report.imported()
    table = KINDS[work.algorithm](**work.h, seed=work.seed)
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
