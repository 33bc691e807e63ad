"""Environments played by several processes, as a vector: the same steps as one after the other, but in parallel.

vector = vector_in(Processes(8), make, "World-v0", number=16, run_seed=0)     # two environments in each process
"""

from __future__ import annotations

import copy
import pickle
import time
import weakref
from collections.abc import Iterable, Sequence

import cloudpickle  # a dependency of Gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from zerone.base.errors import InputError, RunError
from zerone.base.language import translated
from zerone.base.notices import Notices
from zerone.environments.gym import environment_process as inside
from zerone.environments.gym.allowed import AT_THE_END, NOW, MaskSource
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.environment_process import Reply, Wanted
from zerone.environments.gym.kinds import Info, Maker, Played, Seeds
from zerone.environments.gym.processes import LostError, Processes
from zerone.environments.gym.shared_arrays import Layout, SharedArrays
from zerone.environments.gym.step_timeout import current
from zerone.environments.gym.vector import OwnVector, say_what_is_seen
from zerone.environments.gym.views import AUTO, Space

SECONDS_TO_CLOSE = 10.0
"""How long a process may take to close an environment, if there is no step timeout."""


class ProcessVector(OwnVector):
    """Environments that are played by processes; see `vector_in`.

    When an episode ends, the next one begins within the same step (Gymnasium's SAME_STEP mode), in a single request.
    After processes were replaced, `info["lost"]` marks the environments in which only a new episode began.
    """

    def __init__(
        self, processes: Processes, make: Maker, identity: str, environments: int, run_seed: int, view: str,
        notices: Notices, mask_source: MaskSource | None,
    ) -> None:  # fmt: skip
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.num_envs, self.closed = environments, False
        self._processes, self._make, self._identity = processes, make, identity
        self._run_seed, self._view, self._notices, self._mask_source = run_seed, view, notices, mask_source
        self._places = [range(first, environments, processes.number) for first in range(processes.number)]
        self._users = [each for each, places in enumerate(self._places) if places]
        self._lost = np.zeros(environments, bool)
        self._losses = np.zeros(environments, int)
        self._seeds = np.zeros(environments, np.int64)
        self._arrays: SharedArrays
        self.number = processes.take(self)

    def open(self) -> None:
        """Make the environments, in all processes in parallel, and the memory shared with them."""
        for each in self._users:
            self._processes[each].ask(inside.MAKE, self.number, self._wanted(each))
        found = [reply.value for each in self._users if (reply := self._answered(each)) is not None]
        given: list[tuple[Space, Space]] = [cloudpickle.loads(each) for each in found]
        inside.require_alike(self._identity, [(Encoding(seen, self._view).space, acts) for seen, acts in given])
        self.encoding = Encoding(given[0][0], self._view)
        say_what_is_seen(self.encoding, self._identity, self._notices)
        seen, acts = self.encoding.space, given[0][1]
        self.single_observation_space, self.single_action_space = seen, acts
        self.observation_space = batch_space(seen, self.num_envs)
        self.action_space = batch_space(acts, self.num_envs)
        observation, action = ((tuple(each.shape or ()), np.dtype(each.dtype).str) for each in (seen, acts))
        actions = 0 if self._mask_source is None else self._mask_source.actions_of(acts, self._identity)
        self._layout = Layout(self.num_envs, observation, action, actions)
        self._arrays = SharedArrays(self._layout)
        self._arrays.allowed[:] = True  # before any reset
        weakref.finalize(self, self._arrays.close)
        for each in self._users:
            self._attach(each)

    def open_again(self, process: int) -> None:
        """Make the environments of one process that has replaced a lost one; their episodes are lost."""
        if process not in self._users or self.closed:
            return
        self._processes[process].ask(inside.MAKE, self.number, self._wanted(process))
        self._answered(process)
        self._attach(process)
        self._lost[self._places[process]] = True

    def reset(self, *, seed: Seeds = None, options: Info | None = None) -> tuple[np.ndarray, Info]:
        """Begin an episode in each environment, or only where `options["reset_mask"]` is true."""
        seeds = seed if isinstance(seed, list) else [seed] * self.num_envs
        mask = self._all(np.ones(self.num_envs, bool) if options is None else options["reset_mask"])
        self._lost &= ~mask
        for i in np.flatnonzero(mask):
            chosen = seeds[i]
            self._arrays.seed[i] = -1 if chosen is None else chosen
            self._seeds[i] = self._seeds[i] if chosen is None else chosen
        self._begin(mask)
        return self._arrays.observation[: self.num_envs].copy(), self._masks()

    def step(self, actions: Sequence[object] | np.ndarray) -> Played:
        """Step each environment; where an episode ends, the next one begins."""
        return self._played(inside.STEP, actions, np.ones(self.num_envs, bool))

    def step_only(self, actions: Sequence[object] | np.ndarray, which: Iterable[int]) -> Played:
        mask = np.zeros(self.num_envs, bool)
        mask[list(which)] = True
        return self._played(inside.PLAY, actions, mask)

    def first(self, number: int) -> ProcessVector:
        if number == self.num_envs:
            return self
        few = copy.copy(self)  # it shares everything known about the environments
        few.num_envs = number
        return few

    def name_seed(self, seed: int) -> None:
        if seed == self._run_seed:
            return
        self._run_seed = seed
        self._asked(inside.NAME, self._users, seed.to_bytes(8, "little"))

    def close_extras(self, **kwargs: object) -> None:
        """Close each environment. A process that takes too long for it, or ends with it, is only worth a notice."""
        del kwargs
        if not self._processes.pids or self.closed:
            return
        try:
            for each in self._users:
                self._processes[each].ask(inside.DROP, self.number)
            for each in self._users:
                self._drop(each)
        except BaseException:  # as in `_asked`
            self._processes.close()
            raise

    def _drop(self, process: int) -> None:
        try:
            self._hear(self._processes[process].answer(_limit() or SECONDS_TO_CLOSE))
        except LostError as error:
            self._notices(self._line(process, str(error)), about=f"close in {process}")
            self._processes[process].kill(time.monotonic())

    def _played(self, kind: bytes, actions: Sequence[object] | np.ndarray, which: np.ndarray) -> Played:
        arrays, number = self._arrays, self.num_envs
        arrays.which[:] = self._all(which) & ~self._lost
        arrays.action[:number] = actions
        self._ask_where(kind)
        lost = self._lost[:number] & which
        happened = which & ~lost
        reward = np.where(happened, arrays.reward[:number], 0.0)
        terminated, truncated = arrays.terminated[:number] & happened, arrays.truncated[:number] & happened
        info: Info = {}
        if kind == inside.STEP and (terminated | truncated).any():
            info["final_obs"] = arrays.final[:number].copy()
            if self._mask_source is not None:
                info[AT_THE_END] = arrays.allowed_at_the_end[:number].copy()
        if lost.any():
            info["lost"] = lost
            self._begin_replaced(self._all(lost))
        return arrays.observation[:number].copy(), reward, terminated, truncated, info | self._masks()

    def _masks(self) -> Info:
        """The masks for an info."""
        return {} if self._mask_source is None else {NOW: self._arrays.allowed[: self.num_envs].copy()}

    def _begin_replaced(self, lost: np.ndarray) -> None:
        """Begin episodes in environments of replaced processes; with other seeds than before."""
        for i in np.flatnonzero(lost):
            self._losses[i] += 1
            chance = np.random.SeedSequence([int(self._seeds[i]), int(self._losses[i])])
            self._arrays.seed[i] = chance.generate_state(1)[0]
        self._lost &= ~lost
        self._begin(lost)

    def _begin(self, wanted: np.ndarray) -> None:
        while wanted.any():
            self._arrays.which[:] = wanted
            self._ask_where(inside.RESET)
            wanted = wanted & self._lost  # again where a process was lost meanwhile
            self._lost &= ~wanted

    def _all(self, some: np.ndarray) -> np.ndarray:
        """A mask of the first environments, extended to all."""
        found = np.zeros(len(self._lost), bool)
        found[: len(some)] = some
        return found

    def _ask_where(self, kind: bytes) -> None:
        """Send a request to the processes that have anything to do, and wait for all of them."""
        which = self._arrays.which
        self._asked(kind, [each for each in self._users if which[self._places[each]].any()])

    def _asked(self, kind: bytes, users: list[int], data: bytes = b"") -> None:
        try:
            for each in users:
                self._processes[each].ask(kind, self.number, data)
            lost = [each for each in users if not self._is_done(each)]
            for each in lost:
                self._processes.replace_lost(each)
        except BaseException:  # also Ctrl-C: a process with an unread answer cannot be used again
            self._processes.close()
            raise

    def _is_done(self, process: int) -> bool:
        """Whether a process has done its work; False if it was lost."""
        try:
            reply = self._processes[process].answer(_limit())
        except LostError as error:
            line = self._line(process, str(error))
        else:
            if reply is None or reply.fault is None:
                self._hear(reply)
                return True
            if not reply.exited:
                raise self._fault(process, reply)
            line = str(self._fault(process, reply))
        self._processes.require_replaceable(process, line)
        self._notices(
            translated("{line}; it is replaced, and its episodes count as truncated", line=line),
            about=f"loss of {process}",
        )
        return False

    def _answered(self, process: int) -> Reply | None:
        """The answer of a process that makes environments; if it is lost there, it is not replaced."""
        try:
            reply = self._processes[process].answer(_limit())
        except LostError as error:
            raise RunError(self._line(process, str(error))) from None
        self._hear(reply)
        if reply is not None and reply.fault is not None:
            raise self._fault(process, reply)
        return reply

    def _attach(self, process: int) -> None:
        self._processes[process].ask(inside.ATTACH, self.number, pickle.dumps(self._layout), self._arrays.file)
        self._answered(process)

    def _hear(self, reply: Reply | None) -> None:
        for line, about in () if reply is None else reply.notices:
            self._notices(line, about)

    def _fault(self, process: int, reply: Reply) -> InputError | RunError:
        if reply.bad_input:
            return InputError(str(reply.fault))
        name = self._processes[process].name
        return RunError(translated("{fault} ({name})", fault=reply.fault, name=name))

    def _line(self, process: int, what: str) -> str:
        there = self._processes[process]
        return translated(
            "environment {identity}, seed {run_seed}, step {steps}: {what}",
            identity=self._identity,
            run_seed=self._run_seed,
            steps=there.step,
            what=what,
        )

    def _wanted(self, process: int) -> bytes:
        places = tuple(self._places[process])
        wanted = Wanted(self._make, self._identity, places, self._run_seed, self._view, self._mask_source)
        try:
            return bytes(cloudpickle.dumps(wanted))
        except Exception as error:
            reason = " ".join(str(error).split())
            raise InputError(
                translated(
                    "environment {identity} cannot be sent to a process: {kind}: {reason}",
                    identity=self._identity,
                    kind=type(error).__name__,
                    reason=reason,
                )
            ) from error


def vector_in(
    processes: Processes, make: Maker, identity: str, number: int, run_seed: int, view: str = AUTO,
    notices: Notices | None = None, mask_source: MaskSource | None = None,
) -> ProcessVector:  # fmt: skip
    """Make `number` environments as `make_vector` does, assigned to the processes in turn.

    Raises:
        InputError: an environment cannot be made, or cannot be pickled for a process.
        RunError: a process is lost while it makes one.
    """
    made = ProcessVector(processes, make, identity, number, run_seed, view, notices or Notices(), mask_source)
    try:
        made.open()
    except BaseException:
        processes.close()
        raise
    return made


class ProcessVectors:
    """An engine's access to processes: those for its training and its evaluation environments."""

    def __init__(
        self, processes: Processes, learnt: Maker, judged: Maker, identity: str, view: str, notices: Notices,
        mask_source: MaskSource | None = None,
    ) -> None:  # fmt: skip
        self._processes, self._learnt, self._judged = processes, learnt, judged
        self._identity, self._seen = identity, (view, notices, mask_source)

    @property
    def number(self) -> int:
        """The number of processes."""
        return self._processes.number

    @property
    def replaced(self) -> int:
        """How many processes were lost and replaced."""
        return self._processes.replaced

    def training_vector(self, number: int, seed: int) -> ProcessVector:
        """A vector of environments for training."""
        return vector_in(self._processes, self._learnt, self._identity, number, seed, *self._seen)

    def evaluation_vector(self, number: int, seed: int) -> ProcessVector:
        """A vector of environments for evaluation."""
        return vector_in(self._processes, self._judged, self._identity, number, seed, *self._seen)

    def close(self) -> None:
        """End the processes."""
        self._processes.close()


def _limit() -> float | None:
    """The step timeout in seconds; None if there is none."""
    limit = current()
    return None if limit is None else limit.seconds
