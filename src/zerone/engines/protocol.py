"""What an engine is: a way of driving an algorithm in an environment, the same for the loop that uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from zerone.algorithms.protocol import Algorithm
from zerone.environments.spaces import Spaces

if TYPE_CHECKING:
    from zerone.engines.offline_data import OfflineData
    from zerone.engines.search import Search

Row: TypeAlias = dict[str, np.float32 | None]
Observer: TypeAlias = Callable[[np.ndarray], None]
"""Is shown observations of a training now and then, [N, ...]."""


class Act(Protocol):
    """Acts in N episodes, side by side, step by step."""

    def __call__(self, observation: np.ndarray, step: int, begins: bool | None = None, mask: Any = ()) -> np.ndarray:
        """From observations [N, ...] to actions as the environment takes them, of those that a mask allows.

        `step` counts the calls, by which chance is drawn. Episodes begin with step 0, unless `begins` says otherwise.
        """
        ...


LONGEST_EVALUATION = 10_000
"""Steps after which an evaluation's episode is cut where the environment itself has no time limit."""


@dataclasses.dataclass(frozen=True)
class Judging:
    """How episodes are played to judge a policy: to which step, and whether with the policy's own chance.

    With a search, actions are not the policy's own but chosen among foreseen futures. Only the compiled engine can.
    """

    limit: int = LONGEST_EVALUATION
    stochastic: bool = False
    search: Search | None = None


GREEDY = Judging()


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Episodes on the real reward: a return, a length (both float32) and whether it was cut (bool), all [episodes].

    An episode is cut where it has not ended after `Judging.limit` steps: its return is that of a part of it. `work` is
    how many steps of training take as long as this took, at the most; a count, so that it never depends on the clock.
    """

    returns: np.ndarray
    lengths: np.ndarray
    cut: np.ndarray
    work: int

    @property
    def steps(self) -> int:
        """Environment steps in all episodes."""
        return int(self.lengths.sum(dtype=np.float64))

    def __repr__(self) -> str:
        return f"Evaluation(mean={self.mean:.4g}, deviation={self.deviation:.4g}, {len(self.returns)} episodes)"

    @property
    def mean(self) -> float:
        """Mean return."""
        return float(self.returns.mean(dtype=np.float64))

    @property
    def deviation(self) -> float:
        """Standard deviation of the returns over episodes."""
        return float(self.returns.std(dtype=np.float64))

    @property
    def surely_at_least(self) -> float:
        """The mean less two standard errors: what the policy is worth with about 98% confidence."""
        return self.mean - 2.0 * self.deviation / float(np.sqrt(max(1, len(self.returns))))


class Engine(Protocol):
    """Trains and judges. A *carry* is all that a training of one seed is between two iterations."""

    name: str
    algorithm: Algorithm
    spaces: Spaces
    steps_one_by_one: bool
    """Whether each step of an environment is a call of its own, which may take long or fail."""
    observer: Observer | None
    """Who is to see observations of the training; None at first."""

    def learn_from(self, study: OfflineData) -> None:
        """Learn from recorded steps, instead of own play or mixed with it. Called before all else, if at all."""
        ...

    @property
    def time_limit(self) -> int | None:
        """The step at which the environment itself cuts an episode; None where it never does."""
        ...

    @property
    def widths(self) -> tuple[int, ...]:
        """How many episodes of an evaluation can be played side by side, the most first."""
        ...

    def turn(self, width: int) -> int:
        """How many steps of training take as long as one step of so many episodes side by side, at the most."""
        ...

    def prepare(self, episodes: int, how: Judging = GREEDY) -> None:
        """Compile, side by side, what a training with evaluations of at most `episodes` episodes will need."""
        ...

    def init(self, seed: int) -> Any:
        """The carry of `seed` before its first iteration."""
        ...

    def advance(self, carries: Sequence[Any], seeds: Sequence[int], first: Sequence[int], last: int) -> list[Any]:
        """Run the iterations from `first[i]` up to `last` of each seed. The carries passed in are used up."""
        ...

    def report(self, carry: Any, first: int, last: int) -> tuple[Row, Any]:
        """What happened in the iterations `first` to `last`, by column, and the carry with that forgotten."""
        ...

    def ended(self, carry: Any) -> int:
        """How many episodes have ended in it since the last report."""
        ...

    def policy(self, carry: Any) -> Any:
        """What acts: a copy that outlives the carry."""
        ...

    def policy_example(self) -> Any:
        """Shapes of a policy, to read a saved one into."""
        ...

    def saved(self, carry: Any) -> Any:
        """The tree of arrays that a checkpoint keeps of a carry."""
        ...

    def saved_example(self) -> Any:
        """Shapes of such a tree."""
        ...

    def resume(self, saved: Any, seed: int, iteration: int) -> Any:
        """The carry that was saved after `iteration` iterations."""
        ...

    def initial_memory(self, policy: Any, number: int) -> Any:
        """The memory with which a policy begins `number` episodes; `()` where it remembers nothing."""
        ...

    def act(self, policy: Any, memory: Any, observation: np.ndarray, mask: Any = ()) -> tuple[np.ndarray, Any]:
        """Greedy actions for observations [N, ...], of those that a mask [N, actions] allows, and the memory after.

        Actions are as the environment takes them: of its dtype, and writable.
        """
        ...

    def exploring(self, policy: Any, seeds: np.ndarray) -> Act:
        """Who acts with the policy's own chance, as it explores; `seeds` [N] decide the chance of N episodes."""
        ...

    def evaluate(
        self, policy: Any, seed: int, index: int, episodes: int, how: Judging = GREEDY, first: int = 0
    ) -> Evaluation:
        """Play episodes `first` to `first + episodes` of those that `seed` and `index` decide, with all chance in them.

        How many are played at once, and in how many calls, changes no episode.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """What a result says of this engine besides what it says of all."""
        ...

    def close(self) -> None:
        """Let go of environments, threads and processes."""
        ...


@runtime_checkable
class Workers(Protocol):
    """An engine that trains with processes of its own, which it has to start first. Judging needs none."""

    def start(self, address: str | None, worker_timeout: float | None, step_timeout: float | None) -> None:
        """Bring them up, here or at the address of a cluster.

        Who is silent for the first timeout (seconds) is replaced; an environment that is for the second is an error.
        """
        ...


@runtime_checkable
class TrainsElsewhere(Protocol):
    """An engine that only trains with processes of its own: what is left of it when they are gone is `judge`."""

    judge: Engine


class Stopped(Exception):  # noqa: N818 - what was asked for, no error
    """A request to stop was heeded in the middle of an iteration: carries are as they were after their last one."""


@runtime_checkable
class Heeds(Protocol):
    """An engine that can stop in the middle of an iteration or an evaluation, which may take long where steps do.

    Its carries have `iteration`, the number of the iterations that they have behind them.
    """

    def heed(self, asked: Callable[[], bool]) -> None:
        """From now on raise `Stopped`, between two steps, as soon as `asked` says so."""
        ...


@runtime_checkable
class Repeats(Protocol):
    """An engine that comes to the same bits again from a copy of a carry, in however many calls it is advanced."""

    def copied(self, carry: Any) -> Any:
        """The same in other memory."""
        ...


@runtime_checkable
class Opens(Protocol):
    """An engine whose environments are objects, which somebody has to make."""

    def open_for(self, seed: int) -> None:
        """Make the environments in which `seed` will learn now, before anything is created.

        Raises:
            InputError: they cannot be had, or not beside those in which it will be judged.
        """
        ...


def steps_per_iteration(algorithm: Algorithm) -> int:
    """Environment steps in one iteration, over all its environments."""
    return algorithm.steps_per_update * algorithm.environments


def row_of(
    algorithm: Algorithm, first: int, last: int, episodes: float, total_return: float, total_length: float,
    metrics: Mapping[str, float],
) -> Row:  # fmt: skip
    """The columns of one row of the log, of the iterations `first` to `last`.

    From sums to means, per episode that ended and per iteration that learned and did not only warm up.
    """
    learned = max(0, last - max(first, algorithm.warmup_updates))
    row: Row = {
        "episodes": np.float32(episodes),
        "return": np.float32(total_return / episodes) if episodes else None,
        "length": np.float32(total_length / episodes) if episodes else None,
    }
    return row | {name: np.float32(metrics[name] / learned) if learned else None for name in sorted(metrics)}
