"""A trained agent: a policy loaded from a run, which can act and be evaluated."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Array, Valued, reset_memory
from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError
from zerone.engines.protocol import LONGEST_EVALUATION, Engine, Evaluation, EvaluationSettings
from zerone.environments.catalogue import action_names
from zerone.environments.gym.leaves import ObservationError
from zerone.environments.gym.views import describe
from zerone.environments.spaces import cells, count, from_environment
from zerone.training import checkpoint
from zerone.training.action_masks import masks_for
from zerone.training.evaluation import EVALUATION_EPISODES
from zerone.training.judging import EVALUATION_SEED
from zerone.training.q_table import QTable, labels
from zerone.training.validation import MOST_EPISODES, MOST_STEPS, require_count, require_seed

_POLICY = "policy/"


class Agent:
    """The trained policy of one seed of a run, with the engine that runs it.

    A policy with memory (a recurrent network) treats consecutive calls of `act` as the steps of one episode: call
    `reset` when a new episode begins. For all other policies `reset` does nothing.
    """

    def __init__(self, engine: Engine, policy: object, seed: int, environment: str = "") -> None:
        """`environment` is the name of the environment that the agent was trained in."""
        self._engine, self._policy, self.seed, self._environment = engine, policy, seed, environment
        self._memory: object = None
        self._rows = 0

    def __reduce__(self) -> tuple[object, ...]:
        # Only the policy's arrays: its tree may contain functions, which cannot be pickled.
        return _again, (self._engine, checkpoint.flatten(self._policy, _POLICY), self.seed, self._environment)

    def __copy__(self) -> Agent:
        return Agent(self._engine, self._policy, self.seed, self._environment)

    def __deepcopy__(self, memo: dict[int, Any]) -> Agent:
        """A copy with its own policy arrays; the engine is shared, because acting does not change it."""
        numbers = {name: each.copy() for name, each in checkpoint.flatten(self._policy, _POLICY).items()}
        return _again(self._engine, numbers, self.seed, self._environment)

    def __repr__(self) -> str:
        where = f" on {self._environment}" if self._environment else ""
        return f"Agent({self._engine.algorithm.name}{where}, seed {self.seed})"

    @property
    def policy(self) -> Any:
        """Everything needed to act: a table [states, actions], or the parameters of a network."""
        return self._policy

    def act(self, observation: object, mask: object = None) -> Any:
        """The greedy action for one observation as the environment returns it, or actions for a batch of them.

        `mask` marks the allowed actions with true or 1, one row per observation of a batch. The environment's info can
        be passed instead; its `action_mask` is used. A policy that was trained with masks requires one, unless its mask
        is a function of the observation.

        A batch is an array or a list of observations. For `Dict` and `Tuple` spaces it may also be a dictionary or
        tuple of batches, as Gymnasium's vector environments return it. Dictionary keys may be in any order. For a
        policy with memory, row i of each batch belongs to episode i.

        Raises:
            InputError: the observation does not match the environment's space; the batch has another number of rows
                than the last one (policies with memory); or the mask is missing, has the wrong length, or
                allows nothing.
        """
        batch, single = self.read(observation)
        with in_32_bits():
            allowed = masks_for(self._engine, batch, mask, single=single, shown=observation)
            actions, self._memory = self._engine.act(self._policy, self._remembered(len(batch)), batch, allowed)
        return actions[0] if single else actions

    def reset(self, where: object = None) -> None:
        """Clear the policy's memory because an episode begins: in all rows, or where the boolean array `where` is true.

        Raises:
            InputError: `where` is not an array with one boolean per row of the last batch.
        """
        if where is None or self._memory is None:
            self._memory = None
            return
        begins = np.asarray(where)
        if begins.dtype != bool or begins.shape != (self._rows,):
            raise InputError(f"where is not allowed: must be {self._rows} booleans, one for each row of the batch")
        with in_32_bits():
            begun = self._engine.initial_memory(self._policy, self._rows)
            self._memory = reset_memory(jnp.asarray(begins), begun, self._memory)

    @property
    def remembers(self) -> bool:
        """Whether the policy has memory (recurrent state) within an episode."""
        with in_32_bits():
            return bool(jax.tree.leaves(self._engine.initial_memory(self._policy, 1)))

    def _remembered(self, rows: int) -> object:
        """The policy's memory for each row of a batch; new (empty) if no episode is going on."""
        if self._memory is None:
            self._memory, self._rows = self._engine.initial_memory(self._policy, rows), rows
        if rows != self._rows and jax.tree.leaves(self._memory):
            raise InputError(
                f"{rows} observations, but the policy remembers {self._rows} episodes: call reset() where others begin"
            )
        return self._memory

    def exploring(self, seed: int = 0) -> Exploring:
        """A function from one observation to an action that explores, as the policy acts during training.

        `seed` seeds the exploration. Successive calls are the steps of one episode, until the function's `reset` is
        called.
        """
        require_seed(seed)
        return Exploring(self, self._engine, seed)

    def values(self, observation: object) -> np.ndarray:
        """Q(s, a) of each action, float32 [actions], for one observation; [N, actions] for a batch (a leading axis).

        Raises:
            InputError: the algorithm learns no Q(s, a), or `observation` does not have the environment's shape.
        """
        algorithm, space = self._engine.algorithm, self._engine.spaces.observation
        if not isinstance(algorithm, Valued):
            raise InputError(f"{algorithm.name} learns no value Q(s, a) of each action")
        batch, single = self.read(observation)
        with in_32_bits():
            seen, memory = from_environment(space, jnp.asarray(batch)), self._remembered(len(batch))
            found = np.asarray(_values(algorithm, self._policy, memory, seen))
        return np.asarray(found[0]) if single else found

    def read(self, observation: object) -> tuple[np.ndarray, bool]:
        """An observation, or a batch of them, as a batch for the engine; and whether it was a single one."""
        try:
            return self._engine.spaces.encoding.batch(observation)
        except ObservationError as error:
            raise InputError(str(error)) from error

    @property
    def table(self) -> QTable:
        """Q(s, a) of every state and action, from a table or a network, if the state space is discrete.

        Raises:
            InputError: the state space is not discrete, or the algorithm learns no Q(s, a).
        """
        algorithm, spaces = self._engine.algorithm, self._engine.spaces
        if not isinstance(algorithm, Valued):
            raise InputError(f"no table: {algorithm.name} learns no value Q(s, a) of each action")
        number = cells(spaces.observation)
        if number is None:
            seen = describe(spaces.observation)
            raise InputError(f"no table: observations are {seen}, not states; values(observation) has Q(s, a) of one")
        with in_32_bits():
            memory = self._engine.initial_memory(self._policy, number)
            values = np.asarray(
                _values(algorithm, self._policy, memory, jnp.arange(number))
            )  # states are counted from 0
        actions = action_names(self._environment, count(spaces.action, "action"))
        return QTable(values, labels(spaces.observation, number), tuple(actions))

    def evaluate(
        self, episodes: int = EVALUATION_EPISODES, seed: int = EVALUATION_SEED, limit: int = LONGEST_EVALUATION,
        stochastic: bool = False, *, lookahead: int = 0, lookahead_samples: int | None = None, simulations: int = 0,
    ) -> Evaluation:  # fmt: skip
        """Play greedy episodes with the task's own reward; the same `seed` gives the same episodes.

        Args:
            episodes: Number of episodes.
            seed: Seed of all randomness in them.
            limit: Episodes that have not ended after this many steps are cut off.
            stochastic: Sample actions from the exploring policy, as in training, instead of acting greedily.
            lookahead: Steps of lookahead per decision; see `Run.evaluate`, also for the other two.
            lookahead_samples: Samples per action if transitions are random.
            simulations: Simulations of a Monte Carlo tree search per decision, instead of lookahead.
        """
        from zerone.training.foresight import Asked

        asked = Asked(lookahead, lookahead_samples, simulations)
        require_count("episodes", episodes, MOST_EPISODES)
        require_seed(seed)
        require_count("limit", limit, MOST_STEPS)
        search = asked.search(self._engine)
        if search is not None and stochastic:
            raise InputError("stochastic and a search exclude each other: the best of what is foreseen is taken")
        with in_32_bits():
            return self._engine.evaluate(self._policy, seed, 0, episodes, EvaluationSettings(limit, stochastic, search))


class Exploring:
    """Acts with exploration; successive calls are the steps of one episode."""

    def __init__(self, agent: Agent, engine: Engine, seed: int) -> None:
        with in_32_bits():
            self._acting = engine.exploring(agent.policy, np.array([seed], np.uint32))
        self._read, self._step, self._begins, self._engine = agent.read, 0, True, engine

    def __call__(self, observation: object, mask: object = None) -> Any:
        batch, single = self._read(observation)
        if not single:
            raise InputError("a batch of observations is not allowed here: must be one")
        with in_32_bits():
            allowed = masks_for(self._engine, batch, mask, single=True, shown=observation)
            action = self._acting(batch, self._step, self._begins, allowed)[0]
        self._step, self._begins = self._step + 1, False
        return action

    def reset(self) -> None:
        """Clear the policy's memory: a new episode begins. The random stream continues."""
        self._begins = True


def _again(engine: Engine, numbers: dict[str, np.ndarray], seed: int, environment: str) -> Agent:
    """An agent whose policy has these arrays (for unpickling)."""
    with in_32_bits():
        example = engine.policy_example()
        policy = checkpoint.restore(example, numbers, path="agent", what="agent", prefix=_POLICY)
    return Agent(engine, policy, seed, environment)


@jax.jit
def _values(algorithm: Valued, policy: object, memory: object, observation: Array) -> Array:
    return algorithm.values(policy, memory, observation)
