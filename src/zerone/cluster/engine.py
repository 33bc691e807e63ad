"""The cluster engine: workers play in processes, on one machine or many, and a chief learns.

    A3C:                  a worker pulls the networks, plays, and pushes a gradient; the chief applies it at once
                          and sends the new networks to that worker, without waiting for the others
    DPPO, steps:          all workers play with the same networks; the chief learns from all their steps
    DPPO, gradients:      the same, but for each minibatch all compute gradients, and the chief applies the mean

The chief is this process. It holds the state of the training, and only what has reached it counts: an iteration is a
block of steps from each worker (for A3C as many blocks as there are workers, no matter from which), so the number of
steps is exact even if workers are lost.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Array, Distributed, Metrics, State, Steps, ongoing, reset_ongoing
from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.cluster.ray_connection import connect
from zerone.cluster.ray_engine import RayEngine
from zerone.cluster.supervisor import Supervisor
from zerone.cluster.worker import Accumulator, EvaluationTask, News, Task
from zerone.cluster.worker_programs import FlatParameters, Vector
from zerone.engines.host_evaluation import seeds_for
from zerone.engines.host_programs import as_seen, update_key
from zerone.engines.offline_data import OfflineData
from zerone.engines.protocol import GREEDY, Engine, Evaluation, EvaluationSettings, Stopped
from zerone.engines.python_loop import PythonLoopEngine
from zerone.engines.streams import EVALUATE, INIT
from zerone.parts.normalization import Scales

WORKER_TIMEOUT = 60.0
"""Default time limit of a worker for a block of steps."""


@runtime_checkable
class ChoosesWhatWorkersSend(Protocol):
    """An algorithm with a setting for what its workers send: `steps` or `gradients`."""

    gather: str


class GathersGradients(Distributed, Protocol):
    """An algorithm that applies the mean gradient of its workers' minibatches, and may stop before the last one."""

    epochs: int
    minibatches: int

    def begin_block(self) -> Array | None: ...
    def stops(self, stopped: Array | None, metrics: Mapping[str, np.floating]) -> Array | None: ...
    def adapt(self, state: State, moved: Array | None) -> tuple[State, Metrics]: ...


class Penalized(State, Protocol):
    """A state with the coefficient of the penalty on moving away from the old policy; None without a penalty."""

    penalty: Array | None


@dataclasses.dataclass
class Carry:
    """The training of one seed: its state, and the sums since the last log row."""

    state: State
    episodes: np.ndarray
    metrics: dict[str, np.float64]
    iteration: int
    pushes: int
    """Gradients applied so far; only A3C counts them."""
    pulled: dict[int, int]
    """Gradients that had been applied when each worker last pulled."""
    asked: dict[int, int]
    """The index of each worker's next block, which determines its random numbers."""


class Cluster(RayEngine, PythonLoopEngine):
    """Trains A3C or DPPO with workers. See `Engine` for the methods.

    `evaluator` is an engine for a single worker's algorithm in the same environment: it acts and evaluates in this
    process. Workers exist from `start` to `close`, so an evaluation alone needs no Ray.
    """

    name = "cluster"

    def __init__(self, algorithm: Distributed, evaluator: Engine, task: Task) -> None:
        super().__init__(evaluator)
        self.algorithm: Any = algorithm  # a `Distributed`; `Engine` declares an `Algorithm`
        self._task = task
        self.steps_one_by_one = not task.compiled
        with in_32_bits():  # also for a copied agent
            self._on_device = jax.device_put(algorithm)  # once, not again with each push
        self._judged = 0
        self._programs = _Programs(self)

    def start(
        self, address: str | None = None, worker_timeout: float | None = None, step_timeout: float | None = None
    ) -> None:
        """Join the cluster at an address, or start one here, and start the workers.

        Raises:
            InputError: Ray is not installed; there is no such cluster, or its versions differ.
            RunError: the workers do not start.
        """
        self._connection = connect(address)
        timeout = WORKER_TIMEOUT if worker_timeout is None else worker_timeout
        task = dataclasses.replace(self._task, step_timeout=step_timeout)
        self._supervisor = Supervisor(self._connection, self.algorithm.workers, self.algorithm, task, timeout)
        self._supervisor.while_waiting = self._stop_if_requested

    def step_cost(self, width: int) -> int:
        # Training steps are played by all workers in parallel, a single episode by one of them.
        return self.evaluator.step_cost(width) if self._task.compiled else max(width, self.algorithm.workers)

    def learn_from(self, data: OfflineData) -> None:
        del data
        raise InputError(translated("engine 'cluster' does not learn from recorded steps: use another engine"))

    def prepare(self, episodes: int, how: EvaluationSettings = GREEDY) -> None:
        del episodes, how  # each program is compiled on first use, in parallel with the workers'

    def init(self, seed: int) -> Carry:
        return self._begun(self.initial_state(np.uint32(seed)), {}, 0)

    def _begun(self, state: State, metrics: dict[str, np.float64], iteration: int) -> Carry:
        number = self.algorithm.workers
        # A fast asynchronous worker may have played more blocks than there were iterations: begin after those.
        first = iteration * number if self.algorithm.asynchronous else iteration
        pushes = iteration * number
        return Carry(state, np.zeros(3), metrics, iteration, pushes, {}, dict.fromkeys(range(number), first))

    def advance(self, carries: Sequence[Carry], seeds: Sequence[int], first: Sequence[int], last: int) -> list[Carry]:
        del first  # it is stored in the carry
        for carry, seed in zip(carries, seeds, strict=True):
            while carry.iteration < last:
                before = carry.state, carry.episodes.copy(), dict(carry.metrics)
                try:
                    self._iterate(carry, seed)
                except Stopped:
                    carry.state, carry.episodes, carry.metrics = before
                    raise
                carry.iteration += 1
        return list(carries)

    def _iterate(self, carry: Carry, seed: int) -> None:
        if self.algorithm.asynchronous:
            self._push_and_pull(carry, seed, self.algorithm.workers)
        elif isinstance(self.algorithm, ChoosesWhatWorkersSend) and self.algorithm.gather != "steps":
            self._gather_gradients(carry, seed)
        else:
            self._gather_steps(carry, seed)

    def _push_and_pull(self, carry: Carry, seed: int, pushes: int) -> None:
        """Apply `pushes` gradients as they arrive; each worker then pulls and plays, while others are applied."""
        number = self.algorithm.workers
        networks = self._programs.wrapped(carry.state.policy)
        for slot in range(number):
            if slot not in carry.pulled:
                self._pull(carry, seed, slot, networks)
        for _ in range(pushes):
            slot, (gradient, metrics, tally, found) = self._workers.answer(seed)
            stale = np.float32(carry.pushes - carry.pulled[slot])
            carry.state, networks = self._programs.pushed(self._on_device, carry.state, gradient, found)
            carry.pushes += 1
            self._pull(carry, seed, slot, networks)
            carry.episodes += tally
            _add(carry.metrics, {**metrics, "staleness": stale}, 1 / number)

    def _pull(self, carry: Carry, seed: int, slot: int, networks: Array) -> None:
        carry.pulled[slot] = carry.pushes
        self._workers.ask(seed, slot, "gradient", seed, carry.asked[slot], np.asarray(networks))
        carry.asked[slot] += 1

    def _gather_steps(self, carry: Carry, seed: int) -> None:
        """Let all workers play with the same networks, and learn from all their steps."""
        policy = self._shared(carry.state.policy)
        blocks: list[tuple[Steps, Accumulator]] = self._all(seed, "steps", carry.iteration, policy)
        steps = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *[block for block, _ in blocks])
        chance = np.uint32(seed), np.int32(carry.iteration)
        carry.state, metrics = self._programs.update(self._on_device, carry.state, steps, *chance)
        carry.episodes += sum(tally for _, tally in blocks)
        _add(carry.metrics, jax.device_get(metrics))

    def _gather_gradients(self, carry: Carry, seed: int) -> None:
        """Let all workers play with the same networks; then, for each minibatch, apply the mean of their gradients."""
        algorithm, state = cast("GathersGradients", self.algorithm), cast("Penalized", carry.state)
        index, number = carry.iteration, algorithm.workers
        played = policy = self._shared(carry.state.policy)
        penalty = None if state.penalty is None else np.asarray(state.penalty)
        news: dict[int, News] = {}  # a replaced worker plays its block again, and only its new steps count
        sums: dict[str, np.float64] = {}
        stopped = algorithm.begin_block()
        places = [(epoch, part) for epoch in range(algorithm.epochs) for part in range(algorithm.minibatches)]
        for place in places:
            found = self._all(seed, "of_minibatch", index, played, policy, penalty, place)
            gradient: Vector = np.mean([each[0] for each in found], axis=0)
            if stopped is not None:
                kl = np.mean([each[1]["kl"] for each in found], dtype=np.float32)
                stopped = algorithm.stops(stopped, {"kl": kl})
            further = () if stopped is None else (stopped,)
            carry.state, networks = self._programs.apply(self._on_device, carry.state, gradient, *further)
            policy = self._workers.share(np.asarray(networks))
            news |= {slot: each[3] for slot, each in enumerate(found) if each[3] is not None}
            for each in found:
                _add(sums, each[1], 1 / number / len(places))
        sums["explained_variance"] = np.mean([each[2] for each in found])
        moved = None
        if penalty is not None:
            distances = self._all(seed, "moved", index, played, policy)
            moved = jnp.float32(np.mean([distance for distance, _ in distances]))
            news |= {slot: each for slot, (_, each) in enumerate(distances) if each is not None}
        carry.state, adapted = algorithm.adapt(carry.state, moved)
        carry.state = self._programs.scaled(carry.state, [news[slot][1] for slot in range(number)])
        _add(carry.metrics, sums | adapted)
        carry.episodes += sum(tally for tally, _ in news.values())

    def _shared(self, policy: object) -> Any:
        """Put networks where each worker can get them; returns a reference."""
        return self._workers.share(np.asarray(self._programs.wrapped(policy)))

    def _all(self, seed: int, what: str, index: int, *arguments: object) -> list[Any]:
        """The answers of all workers, in their order."""
        number = self.algorithm.workers
        for slot in range(number):
            self._workers.ask(seed, slot, what, seed, index, *arguments)
        found = dict(self._workers.answer(seed) for _ in range(number))
        return [found[slot] for slot in range(number)]

    def facts(self) -> dict[str, Any]:
        return {"workers": self.algorithm.workers, "workers_replaced": self._workers.lost}

    def initial_state(self, seed: np.uint32) -> State:
        state: State = self._programs.init(self.algorithm, seed)
        return state

    def resume(self, saved: Any, seed: int, iteration: int) -> Carry:
        state = jax.tree.map(jnp.asarray, saved["state"])
        state = reset_ongoing(state, ongoing(self.initial_state(np.uint32(seed))))  # the workers begin new episodes
        carry = self._begun(state, dict(saved["metrics"]), iteration)
        carry.episodes = np.asarray(saved["episodes"])
        return carry

    def evaluate(
        self, policy: object, seed: int, index: int, episodes: int, how: EvaluationSettings = GREEDY, first: int = 0
    ) -> Evaluation:
        if self._supervisor is None or self._task.compiled:
            return self.evaluator.evaluate(policy, seed, index, episodes, how, first)
        return self._evaluate_side_by_side(policy, seed, index, episodes, how, first)

    def _evaluate_side_by_side(
        self, policy: object, seed: int, index: int, episodes: int, how: EvaluationSettings, first: int
    ) -> Evaluation:
        """If steps are slow, workers play the evaluator's episodes; each free worker plays the next one."""
        self._judged += 1
        key, networks = f"judgement of {seed}", self._shared(policy)
        starts = seeds_for(seed, EVALUATE, index, first + episodes)[first:]
        returns, lengths = np.zeros(episodes, np.float32), np.zeros(episodes, np.float32)
        cut = np.zeros(episodes, bool)
        plays: dict[int, int] = {}
        left = list(range(episodes))
        free = list(range(self.algorithm.workers))
        while left or plays:
            for slot in free:
                if slot not in plays and left:
                    plays[slot] = left.pop(0)
                if slot in plays:
                    which = EvaluationTask(self._judged, starts[plays[slot]], plays[slot], episodes, how)
                    self._workers.ask(key, slot, "episode", seed, networks, which)
            slot, ended = self._workers.answer(key)
            free = [slot]
            if ended is not None:
                place = plays.pop(slot)
                returns[place], lengths[place], cut[place] = ended
        work = max(int(lengths.sum()), int(lengths.max()) * self.step_cost(1))
        return Evaluation(returns, lengths, cut, work)


def _add(sums: dict[str, np.float64], metrics: Mapping[str, Any], weight: float = 1.0) -> None:
    for name, value in metrics.items():
        sums[name] = sums.get(name, np.float64(0)) + weight * np.float64(value)


class _Programs:
    """The chief's compiled functions."""

    def __init__(self, engine: Cluster) -> None:
        spaces, compiled = engine.spaces, engine._task.compiled
        parcel = FlatParameters(engine.algorithm.alone(), spaces)

        def init(algorithm: Distributed, seed: Array) -> State:
            key = jax.random.fold_in(jax.random.key(seed), INIT)
            state: State = (algorithm.alone() if algorithm.asynchronous else algorithm).init(key, spaces)
            return state

        def apply(algorithm: Distributed, state: State, gradient: Array, *further: Array) -> tuple[State, Array]:
            state = algorithm.apply(state, parcel.open_gradient(gradient), *further)
            return state, parcel.wrap(state.policy)

        def scaled(state: Any, found: list[Scales]) -> Any:
            scales = functools.reduce(Scales.merged, found, state.policy.scales)
            return dataclasses.replace(state, policy=state.policy.scaled_by(scales))

        def pushed(algorithm: Distributed, state: State, gradient: Array, found: Scales) -> tuple[State, Array]:
            state = scaled(algorithm.apply(state, parcel.open_gradient(gradient)), [found])
            return state, parcel.wrap(state.policy)

        def update(
            algorithm: Distributed, state: State, steps: Steps, seed: Array, index: Array
        ) -> tuple[State, Metrics]:
            steps = steps if compiled else as_seen(spaces, steps)
            return algorithm.update(state, steps, update_key(seed, index))

        self.init = jax.jit(init)
        self.apply = jax.jit(apply)
        self.pushed = jax.jit(pushed)
        self.scaled = jax.jit(scaled)
        self.wrapped = jax.jit(parcel.wrap)
        self.update = jax.jit(update)
