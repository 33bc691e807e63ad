"""The protocol of engines: each drives an algorithm in an environment of its kind, for the same training loop."""

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
"""A function that gets some of a training's observations, [N, ...]."""


class Act(Protocol):
    """A function that acts in N episodes side by side, step by step."""

    def __call__(self, observation: np.ndarray, step: int, begins: bool | None = None, mask: Any = ()) -> np.ndarray:
        """Actions for observations [N, ...], as the environment takes them. `mask` is bool [N, actions].

        Only actions that the mask allows are chosen. `step` is the number of the call; random numbers follow from it.
        All episodes begin at step 0, unless `begins` is given: it says whether they begin now.
        """
        ...


LONGEST_EVALUATION = 10_000
"""Steps after which an evaluation's episode is cut where the environment itself has no time limit."""


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """How the episodes of an evaluation are played.

    An episode is cut after `limit` steps. A `stochastic` policy acts as it explores, else greedily. A `search` chooses
    actions among simulated futures, in place of the policy; only the compiled engine supports it.
    """

    limit: int = LONGEST_EVALUATION
    stochastic: bool = False
    search: Search | None = None


GREEDY = EvaluationSettings()


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Episodes played with the task's own reward: returns and lengths (float32) and `cut` (bool), all [episodes].

    A cut episode has not ended after `EvaluationSettings.limit` steps: its return is that of a part of it. `work` is an
    upper bound, in steps of training, of what the evaluation costs: a count, so that it never depends on the clock.
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
    """Trains and evaluates. A *carry* is the whole state of one seed's training between two iterations."""

    name: str
    algorithm: Algorithm
    spaces: Spaces
    steps_one_by_one: bool
    """Whether each step of an environment is a call from Python, which may take long or fail."""
    observer: Observer | None
    """Gets observations of the training now and then; None at first."""

    def learn_from(self, data: OfflineData) -> None:
        """Learn from recorded steps, instead of own play or mixed with it. To be called before any other method."""
        ...

    @property
    def time_limit(self) -> int | None:
        """The step at which the environment itself truncates an episode; None where it never does."""
        ...

    @property
    def widths(self) -> tuple[int, ...]:
        """The possible numbers of episodes that an evaluation plays side by side, the largest first."""
        ...

    def step_cost(self, width: int) -> int:
        """The cost of one step of `width` episodes side by side, at most, in steps of training."""
        ...

    def prepare(self, episodes: int, how: EvaluationSettings = GREEDY) -> None:
        """Compile the programs of a training and of evaluations of at most `episodes` episodes, in parallel."""
        ...

    def init(self, seed: int) -> Any:
        """The carry of `seed` before its first iteration."""
        ...

    def advance(self, carries: Sequence[Any], seeds: Sequence[int], first: Sequence[int], last: int) -> list[Any]:
        """Run iterations `first[i]` to `last` (exclusive) of each seed. The carries passed in are consumed."""
        ...

    def report(self, carry: Any, first: int, last: int) -> tuple[Row, Any]:
        """A row of the log about iterations `first` to `last` (exclusive), and the carry with its sums set to 0."""
        ...

    def episodes_ended(self, carry: Any) -> int:
        """How many episodes of a carry have ended since the last report."""
        ...

    def policy(self, carry: Any) -> Any:
        """The policy of a carry, copied, so that it outlives the carry."""
        ...

    def policy_example(self) -> Any:
        """The shapes of a policy, by which a saved one is read."""
        ...

    def saved(self, carry: Any) -> Any:
        """The part of a carry that a checkpoint keeps: a tree of arrays."""
        ...

    def saved_example(self) -> Any:
        """The shapes of the tree that `saved` returns."""
        ...

    def resume(self, saved: Any, seed: int, iteration: int) -> Any:
        """The carry from the tree that was saved after `iteration` iterations."""
        ...

    def initial_memory(self, policy: Any, number: int) -> Any:
        """The policy's memory at the start of `number` episodes; `()` for a policy without a memory."""
        ...

    def act(self, policy: Any, memory: Any, observation: np.ndarray, mask: Any = ()) -> tuple[np.ndarray, Any]:
        """Greedy actions for observations [N, ...], and the memory after them; only actions that a mask allows.

        Actions are as the environment takes them: of its dtype, and writable. The mask is bool [N, actions], or `()`.
        """
        ...

    def exploring(self, policy: Any, seeds: np.ndarray) -> Act:
        """A function that acts stochastically, as the policy explores; `seeds` [N] decide the noise of N episodes."""
        ...

    def evaluate(
        self, policy: Any, seed: int, index: int, episodes: int, how: EvaluationSettings = GREEDY, first: int = 0
    ) -> Evaluation:
        """Play the episodes `first` to `first + episodes` (exclusive) of evaluation number `index` of a seed.

        The seed, the index and an episode's number decide all its randomness: it is the same however many are played
        at once or in one call.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """Entries of `result.json` that only this engine has."""
        ...

    def close(self) -> None:
        """Close environments, and end threads and processes."""
        ...


@runtime_checkable
class StartsWorkers(Protocol):
    """An engine that trains with worker processes, which must be started first. Evaluations need none."""

    def start(self, address: str | None, worker_timeout: float | None, step_timeout: float | None) -> None:
        """Start the workers, here or on the cluster at `address`.

        A worker that does not answer for `worker_timeout` seconds is replaced. An environment whose step takes longer
        than `step_timeout` seconds is an error. None sets no limit.
        """
        ...


@runtime_checkable
class TrainsInProcesses(Protocol):
    """An engine that trains in processes of its own; after training only its `evaluator` is needed."""

    evaluator: Engine


class Stopped(Exception):  # noqa: N818 - requested, not an error
    """The engine was stopped in the middle of an iteration: carries are those after their last whole one."""


@runtime_checkable
class Stoppable(Protocol):
    """An engine that can stop in the middle of an iteration or an evaluation, because its steps may take long.

    Its carries have a field `iteration`: how many whole iterations they have done.
    """

    def stop_when(self, requested: Callable[[], bool]) -> None:
        """From now on raise `Stopped` between two steps as soon as `requested` returns True."""
        ...


@runtime_checkable
class Repeatable(Protocol):
    """An engine that reaches the same bits again from a copy of a carry, whatever the calls of `advance` are."""

    def copy_carry(self, carry: Any) -> Any:
        """A copy of the carry in other memory."""
        ...


@runtime_checkable
class MakesEnvironments(Protocol):
    """An engine whose environments are objects that have to be made before a training."""

    def make_environments(self, seed: int) -> None:
        """Make the training environments of `seed` now, before any file is created.

        Raises:
            InputError: they cannot be made, or not beside those of the evaluations.
        """
        ...


def row_of(
    algorithm: Algorithm, first: int, last: int, episodes: float, total_return: float, total_length: float,
    metrics: Mapping[str, float],
) -> Row:  # fmt: skip
    """One row of the log about iterations `first` to `last` (exclusive), from sums: float32, None where nothing counts.

    Returns and lengths are means over the episodes that ended, `metrics` means over the iterations that learned.
    """
    learned = max(0, last - max(first, algorithm.warmup_updates))
    row: Row = {
        "episodes": np.float32(episodes),
        "return": np.float32(total_return / episodes) if episodes else None,
        "length": np.float32(total_length / episodes) if episodes else None,
    }
    return row | {name: np.float32(metrics[name] / learned) if learned else None for name in sorted(metrics)}
