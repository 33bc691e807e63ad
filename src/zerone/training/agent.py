"""A trained agent: what acts, loaded from a run and judged."""

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
    """The policy of one seed of a run, and the engine that it plays in.

    A policy that remembers (one with a recurrent network) goes on from one call of `act` to the next, as in the steps
    of one episode: call `reset` where another episode begins. For all others `reset` does nothing.
    """

    def __init__(self, engine: Engine, policy: object, seed: int, environment: str = "") -> None:
        """`environment` is what it was trained in, by name."""
        self._engine, self._policy, self.seed, self._environment = engine, policy, seed, environment
        self._memory: object = None
        self._rows = 0

    def __reduce__(self) -> tuple[object, ...]:
        # A policy's numbers alone: its tree may hold functions, which cannot be pickled.
        return _again, (self._engine, checkpoint.flatten(self._policy, _POLICY), self.seed, self._environment)

    def __copy__(self) -> Agent:
        return Agent(self._engine, self._policy, self.seed, self._environment)

    def __deepcopy__(self, memo: dict[int, Any]) -> Agent:
        """An agent with a policy of its own; an engine that only acts can be shared."""
        numbers = {name: each.copy() for name, each in checkpoint.flatten(self._policy, _POLICY).items()}
        return _again(self._engine, numbers, self.seed, self._environment)

    def __repr__(self) -> str:
        where = f" on {self._environment}" if self._environment else ""
        return f"Agent({self._engine.algorithm.name}{where}, seed {self.seed})"

    @property
    def policy(self) -> Any:
        """All that acting needs: a table [states, actions], or the parameters of a network."""
        return self._policy

    def act(self, observation: object, mask: object = None) -> Any:
        """The greedy action for one observation as the environment returns it, or actions for a batch of them.

        A `mask` says which actions are allowed, true or 1 for each that is: in a row for each observation of a batch.
        An info of the environment's may stand for its `action_mask`. A policy that has learnt with a mask needs it,
        unless that is a function of the observation.

        A batch is an array or a list of observations. Of a `Dict` or a `Tuple` it may also be one whose parts are
        batches, as Gymnasium's vectors have it. The keys of a dictionary may be in any order. Where the policy
        remembers, a batch is of as many episodes side by side.

        Raises:
            InputError: it is not what the environment's space promises, or of another number of episodes than the last;
                or the mask is missing, of another length, or allows nothing.
        """
        batch, single = self.read(observation)
        with in_32_bits():
            allowed = masks_for(self._engine, batch, mask, single=single, shown=observation)
            actions, self._memory = self._engine.act(self._policy, self._remembered(len(batch)), batch, allowed)
        return actions[0] if single else actions

    def reset(self, where: object = None) -> None:
        """Forget what was seen: an episode begins, in all rows of a batch or `where` an array of booleans says so.

        Raises:
            InputError: `where` is not an array of as many booleans as the last batch had rows.
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
        """Whether the policy remembers anything of the episode going on."""
        with in_32_bits():
            return bool(jax.tree.leaves(self._engine.initial_memory(self._policy, 1)))

    def _remembered(self, rows: int) -> object:
        """What the policy remembers of the episodes of a batch's rows."""
        if self._memory is None:
            self._memory, self._rows = self._engine.initial_memory(self._policy, rows), rows
        if rows != self._rows and jax.tree.leaves(self._memory):
            raise InputError(
                f"{rows} observations, but the policy remembers {self._rows} episodes: call reset() where others begin"
            )
        return self._memory

    def exploring(self, seed: int = 0) -> Exploring:
        """A function from one observation to an action of the policy's own chance, as it acts while it learns.

        `seed` decides the chance. Called again and again it goes on, as in the steps of one episode, until its `reset`
        is called.
        """
        require_seed(seed)
        return Exploring(self, self._engine, seed)

    def values(self, observation: object) -> np.ndarray:
        """Q(s, a) of each action for one observation, or for a batch of them (a leading axis).

        Raises:
            InputError: the algorithm learns none, or `observation` has not the shape of the environment's.
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
        """An observation, or a batch of them, as a batch that the engine takes; and whether it was one."""
        try:
            return self._engine.spaces.encoding.batch(observation)
        except ObservationError as error:
            raise InputError(str(error)) from error

    @property
    def table(self) -> QTable:
        """Q(s, a) of every state and action, where the states can be counted: of a table, or of a network.

        Raises:
            InputError: they cannot, or the algorithm learns no Q(s, a).
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
        """Play greedy episodes on the real reward; the same `seed` gives the same episodes.

        Args:
            episodes: How many.
            seed: It decides all chance in them.
            limit: Steps after which an episode is cut that has not ended.
            stochastic: Whether the policy acts by its own chance instead, as it does while it learns.
            lookahead: How many steps are foreseen for each decision; see `Run.evaluate`, also for the other two.
            lookahead_samples: How often each action is sampled where something is left to chance.
            simulations: How many simulations of a tree search are made for each decision instead.
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
    """Acts by a policy's own chance: called with one observation after the other, it goes on as in one episode."""

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
        """Forget what was seen: another episode begins. The chance goes on."""
        self._begins = True


def _again(engine: Engine, numbers: dict[str, np.ndarray], seed: int, environment: str) -> Agent:
    """An agent with these numbers in its policy."""
    with in_32_bits():
        example = engine.policy_example()
        policy = checkpoint.restore(example, numbers, path="agent", what="agent", prefix=_POLICY)
    return Agent(engine, policy, seed, environment)


@jax.jit
def _values(algorithm: Valued, policy: object, memory: object, observation: Array) -> Array:
    return algorithm.values(policy, memory, observation)
