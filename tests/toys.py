"""Toy environments with known solutions, and small helpers, shared by the tests."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.a3c import A3C
from zerone.algorithms.actor_critic import ActorCritic
from zerone.algorithms.ddpg import DDPG
from zerone.algorithms.dppo import DPPO
from zerone.algorithms.dqn import DQN
from zerone.algorithms.ppo import PPO
from zerone.algorithms.protocol import Steps
from zerone.algorithms.reinforce import Reinforce
from zerone.algorithms.sac import SAC
from zerone.algorithms.td3 import TD3
from zerone.base.pytree import configured, struct
from zerone.engines.compiled import Compiled, _advance
from zerone.engines.rollout import OWN_PLAY, start
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit


@struct
class Table:
    """A Markov decision process given by tables [states, actions]; an episode starts in one of `starts`.

    The tables are leaves of the pytree. All that `table` makes have the same shapes and share compiled programs.
    """

    following: Any
    reward: Any
    terminal: Any
    starts: Any

    @property
    def observation_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(self.following.shape[0])

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(self.following.shape[1])

    def reset(self, key: Any) -> tuple[Any, Any]:
        state = jnp.asarray(self.starts)[jax.random.randint(key, (), 0, self.starts.shape[0])]
        return state, state

    def step(self, key: Any, state: Any, action: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        del key
        following, reward, terminal = (
            jnp.asarray(each)[state, action] for each in (self.following, self.reward, self.terminal)
        )
        return following, following, reward, terminal, {}


def table(following: list[Any], reward: list[Any], terminal: list[Any], starts: tuple[int, ...] = (0,)) -> TimeLimit:
    """A `Table` with 4 states and 2 actions, truncated after 8 steps.

    Each list has a row per state: a pair with an entry per action, or one entry for both. Missing rows are 0.
    """

    def filled(rows: list[Any], kind: Any) -> np.ndarray:
        return np.array(
            [row if isinstance(row, tuple) else (row, row) for row in (*rows, *[0] * (4 - len(rows)))], kind
        )

    places = np.resize(np.array(starts, np.int32), 4)
    tables = Table(filled(following, np.int32), filled(reward, np.float32), filled(terminal, bool), places)
    return TimeLimit(tables, 8)


def cycle() -> TimeLimit:
    """Four states in a circle, with a reward of 1 per step. No state is terminal; truncated after 8 steps."""
    return table([1, 2, 3, 0], [1, 1, 1, 1], [0, 0, 0, 0])


def chain() -> TimeLimit:
    """Two steps with a reward of 1; the second one terminates the episode."""
    return table([1, 0], [1, 1], [0, 1])


def graph() -> TimeLimit:
    """Three start states with several paths between them; some transitions terminate, others form a cycle."""
    return table([(0, 1), (2, 0), (1, 3)], [(0.5, 0), (1, 0), (0, 2)], [(1, 0), 0, (0, 1)], starts=(0, 1, 2))


def grid(rows: tuple[str, ...], step: float, goal: float, cliff: float, limit: int) -> TimeLimit:
    """A grid world (actions: up, down, left, right) from S to G; `#` is a wall, `c` a cliff that leads back to S."""
    width, cells = len(rows[0]), "".join(rows)
    start, moves = cells.index("S"), ((-1, 0), (1, 0), (0, -1), (0, 1))
    following, reward = np.zeros((len(cells), 4), np.int32), np.full((len(cells), 4), step, np.float32)
    for cell, (action, (down, right)) in itertools.product(range(len(cells)), enumerate(moves)):
        row, column = cell // width + down, cell % width + right
        inside = 0 <= row < len(rows) and 0 <= column < width and rows[row][column] != "#"
        there = row * width + column if inside else cell
        reward[cell, action] = {"c": cliff, "G": goal}.get(cells[there], step)
        following[cell, action] = start if cells[there] == "c" else there
    terminal = following == cells.index("G")
    return TimeLimit(Table(following, reward, terminal, np.array([start], np.int32)), limit)


def cliff(limit: int = 1_000) -> TimeLimit:
    """Sutton & Barto 2018, example 6.6: -1 per step, and -100 and back to the start for a step into the cliff."""
    return grid(("." * 12, "." * 12, "." * 12, "S" + "c" * 10 + "G"), -1.0, -1.0, -100.0, limit)


def dyna_maze() -> TimeLimit:
    """Sutton & Barto 2018, figure 8.2: 54 cells, 47 of them free; reward 1 at the goal, 14 steps from the start."""
    rows = (".......#G", "..#....#.", "S.#....#.", "..#......", ".....#...", ".........")
    return grid(rows, 0.0, 1.0, 0.0, 0)


def optimal_values(tables: Table, discount: float) -> np.ndarray:
    """Q*(s, a) by value iteration."""
    values = np.zeros(tables.following.shape)
    for _ in range(2000):
        values = tables.reward + discount * (1.0 - tables.terminal) * values.max(-1)[tables.following]
    return values


@struct
class Counted:
    """The state of a `Counter`."""

    value: Any
    left: Any


@configured
class Counter:
    """The observation grows by 1 at each step. Episodes start at a random multiple of 100 and have a random length."""

    longest: int = 5

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(2)

    def reset(self, key: Any) -> tuple[Any, Counted]:
        start_key, length_key = jax.random.split(key)
        value = 100.0 * jax.random.randint(start_key, (1,), 1, 1000)
        return value, Counted(value, jax.random.randint(length_key, (), 1, self.longest + 1))

    def step(self, key: Any, state: Counted, action: Any) -> tuple[Any, Counted, Any, Any, dict[str, Any]]:
        del key, action
        value, left = state.value + 1, state.left - 1
        return value, Counted(value, left), jnp.float32(1), left <= 0, {}


@configured
class Echo:
    """The observation is the last action, in [-2, 6]; the reward is highest at 4."""

    width: int = 1

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-2.0, 6.0, (self.width,), np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-2.0, 6.0, (self.width,), np.float32)

    def reset(self, key: Any) -> tuple[Any, Any]:
        observation = jax.random.uniform(key, (self.width,))
        return observation, jnp.int32(0)

    def step(self, key: Any, state: Any, action: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        del key
        return action, state + 1, -jnp.square((action - 4.0) / 4.0).sum(), jnp.bool_(False), {}


class CounterEnv(gymnasium.Env[Any, Any]):
    """A `Counter` for Gymnasium. Some episodes are truncated; with `buffer` it returns the same array at each step."""

    def __init__(self, buffer: bool = False) -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)
        self._buffer = np.zeros(1, np.float32) if buffer else None
        self._value = 0

    def _observed(self) -> np.ndarray:
        if self._buffer is None:
            return np.array([self._value], np.float32)
        self._buffer[:] = self._value
        return self._buffer

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self._value = 100 * int(self.np_random.integers(1, 1000))
        self._left = int(self.np_random.integers(1, 6))
        return self._observed(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        del action
        self._value, self._left = self._value + 1, self._left - 1
        over, cut = self._left <= 0, bool(self.np_random.integers(2))
        return self._observed(), 1.0, over and not cut, over and cut, {}


def small_dqn(**changed: Any) -> DQN:
    """A DQN that compiles fast; the same sizes everywhere, so that tests share its programs."""
    sizes = {"hidden": (16,), "batch": 16, "memory": 256, "warmup": 32, "steps_per_update": 4, "target_period": 5}
    return DQN(**{**PLAIN, **sizes, "epsilon_steps": 200.0, "learning_rate": 0.01, "discount": 0.9, **changed})


def small_ddpg(**changed: Any) -> DDPG:
    """A DDPG that compiles fast; the same sizes everywhere, so that tests share its programs."""
    sizes = {"hidden": (16,), "batch": 16, "memory": 256, "warmup": 32, "steps_per_update": 4, "noise_steps": 200.0}
    return DDPG(**{**PLAIN, **sizes, "learning_rate": 0.01, "critic_learning_rate": 0.01, "discount": 0.9, **changed})


def small_td3(**changed: Any) -> TD3:
    """A TD3 with the same sizes."""
    sizes = {"hidden": (16,), "batch": 16, "memory": 256, "warmup": 32, "steps_per_update": 4, "noise_steps": 200.0}
    return TD3(**{**PLAIN, **sizes, "learning_rate": 0.01, "critic_learning_rate": 0.01, "discount": 0.9, **changed})


def small_sac(**changed: Any) -> SAC:
    """A SAC with the same sizes."""
    sizes = {"hidden": (16,), "batch": 16, "memory": 256, "warmup": 32, "steps_per_update": 4}
    return SAC(**{**PLAIN, **sizes, "learning_rate": 0.01, "critic_learning_rate": 0.01, "discount": 0.9, **changed})


PLAIN = {"normalize_observations": "off"}
"""No normalisation of observations, as in the textbooks' equations."""

_PPO = {**PLAIN, "hidden": (16,), "environments": 4, "steps_per_update": 16, "epochs": 2, "minibatches": 2,
        "normalize_rewards": False}  # fmt: skip
_ACTOR_CRITIC = {**PLAIN, "hidden": (16,), "environments": 4, "steps_per_update": 4, "critic_learning_rate": 0.01}


def small_ppo(**changed: Any) -> PPO:
    """A PPO that compiles fast; the same sizes everywhere, so that tests share its programs."""
    return PPO(**{**_PPO, "learning_rate": 0.01, "discount": 0.9, **changed})


def small_dppo(**changed: Any) -> DPPO:
    """A distributed PPO with two workers and the same sizes."""
    return DPPO(**{**_PPO, "workers": 2, "learning_rate": 0.01, "discount": 0.9, **changed})


def small_actor_critic(**changed: Any) -> ActorCritic:
    """An actor-critic that compiles fast; the same sizes everywhere, so that tests share its programs."""
    return ActorCritic(**{**_ACTOR_CRITIC, "learning_rate": 0.01, "discount": 0.9, **changed})


def small_a3c(**changed: Any) -> A3C:
    """An A3C with two workers and the same sizes."""
    return A3C(**{**_ACTOR_CRITIC, "workers": 2, "learning_rate": 0.01, "discount": 0.9, **changed})


def small_reinforce(**changed: Any) -> Reinforce:
    """A REINFORCE that compiles fast; the same sizes everywhere, so that tests share its programs."""
    sizes = {"hidden": (16,), "environments": 2, "longest_episode": 10, "learning_rate": 0.01, "baseline": True}
    return Reinforce(**{**PLAIN, **sizes, "discount": 0.9, **changed})


@jax.jit
def played(algorithm: Any, environment: TimeLimit) -> tuple[Any, Steps]:
    """The initial state, and a block of steps [T, N, ...] played by its policy."""
    state = algorithm.init(jax.random.key(0), Spaces(environment.observation_space, environment.action_space))
    simulation = start(algorithm, environment, state.policy, jax.random.key(1))
    chance = OWN_PLAY.draw(algorithm, environment, state.policy, jax.random.key(2), jnp.uint32(0), jnp.int32(0))
    return state, OWN_PLAY.collect(algorithm, environment, state.policy, simulation, chance)[1]


def part_of(steps: Steps, worker: int, workers: int) -> Steps:
    """The steps of one worker's environments."""
    each = steps.reward.shape[1] // workers
    return jax.tree.map(lambda x: x[:, worker * each : (worker + 1) * each], steps)


def equal_bits(one: Any, other: Any) -> bool:
    """Whether two pytrees are equal bit for bit."""
    ones, others = jax.tree.leaves(one), jax.tree.leaves(other)
    assert jax.tree.structure(one) == jax.tree.structure(other)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(ones, others, strict=True))


def new_arrays(program: Any, size: int) -> int:
    """How many operations of a compiled program copy, select or branch over arrays with a first axis of `size`."""
    shape = rf"\[{size}[,\]]"
    single = rf"= \S*{shape}\S* (?:copy|select|conditional)\("
    several = rf"= \([^=]*{shape}[^=]*\) conditional\("
    return len(re.findall(f"{single}|{several}", program.as_text()))


def copies_of_the_memory(algorithm: Any, environment: Any) -> int:
    """How many operations of the compiled training of `algorithm` create a new array as long as its replay memory."""
    carry = Compiled(algorithm, environment).saved_example()
    number, seed = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((), jnp.uint32)
    return new_arrays(_advance.lower(algorithm, environment, carry, seed, number, number).compile(), algorithm.memory)


@struct
class Kept:
    """The state of a `Keeper`."""

    policy: Any
    steps: Steps


@configured
class Keeper:
    """An algorithm that does not learn: it acts at random, and its state has the last block of steps, for tests."""

    name: ClassVar[str] = "keeper"
    metrics: ClassVar[dict[str, str]] = {}
    warmup_updates: ClassVar[int] = 0

    environments: int = 3
    steps_per_update: int = 4

    def refuse(self, spaces: Any) -> None:
        del spaces

    def check(self) -> None:
        pass

    def init(self, key: Any, spaces: Any) -> Kept:
        del key
        shape = self.steps_per_update, self.environments
        kind = jax.dtypes.canonicalize_dtype(spaces.observation.dtype)
        seen = jnp.zeros((*shape, *(spaces.observation.shape or ())), kind)
        flag = jnp.zeros(shape, bool)
        steps = Steps(seen, jnp.zeros(shape, jnp.int32), jnp.zeros(shape), seen, flag, flag, ())
        return Kept(jnp.zeros(int(spaces.action.n)), jax.tree.map(jnp.copy, steps))

    def noise(self, policy: Any, key: Any, shape: Any) -> Any:
        return jax.random.uniform(key, (*shape, *policy.shape))

    def act(self, policy: Any, memory: Any, observation: Any, noise: Any = None) -> tuple[Any, Any, Any]:
        del policy
        if noise is None:
            return jnp.zeros(observation.shape[0], jnp.int32), memory, ()
        return noise.argmax(-1).astype(jnp.int32), memory, ()

    def update(self, state: Kept, steps: Steps, key: Any) -> tuple[Kept, dict[str, Any]]:
        del key
        return Kept(state.policy, steps), {}


def wrong_steps(steps: Steps) -> int:
    """How many steps of a `Counter` do not lead to the next number of the same episode."""
    return int((np.asarray(steps.next_observation) != np.asarray(steps.observation) + 1).sum())


def all_ended_and_all_cut(steps: Any) -> tuple[Any, Any]:
    """The same steps with a reward of 1, in two versions: each step is a termination, or each is a truncation."""
    yes = np.ones(steps.reward.shape, bool)
    steps = dataclasses.replace(steps, reward=np.ones_like(steps.reward))
    ended = dataclasses.replace(steps, terminated=yes, truncated=~yes)
    return ended, dataclasses.replace(steps, terminated=~yes, truncated=yes)
