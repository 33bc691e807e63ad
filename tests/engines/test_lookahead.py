"""Lookahead at decision time, compared with dynamic programming; exact for deterministic environments."""

import functools
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from foreseen import DISCOUNT, Endless, found, iterated
from toys import Table, small_dqn

from zerone.algorithms.ppo import PPO
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.base.pytree import struct
from zerone.engines import lookahead
from zerone.engines.compiled import Compiled
from zerone.engines.lookahead import Lookahead
from zerone.engines.protocol import EvaluationSettings
from zerone.engines.search import Foresight, TrueModel, is_stochastic
from zerone.engines.tree_search import TreeSearch
from zerone.environments import catalogue
from zerone.environments.frozen_lake import FrozenLake
from zerone.environments.wrappers import Masked, MaskedState, TimeLimit
from zerone.parts.normalization import Statistics
from zerone.training.foresight import Asked


def graph(states: int = 6, actions: int = 3) -> tuple[TimeLimit, np.ndarray]:
    """A random deterministic graph, truncated after every step, and random values [states, actions]."""
    draw = np.random.default_rng(0)
    shape = states, actions
    following, reward = draw.integers(states, size=shape), draw.integers(-16, 17, shape) / 8
    tables = Table(
        following.astype(np.int32), reward.astype(np.float32), draw.random(shape) < 0.2, np.zeros(1, np.int32)
    )
    return TimeLimit(tables, 1), (draw.integers(-16, 17, shape) / 8).astype(np.float32)


@struct
class Cutting(TrueModel):
    """A broken twin: truncation is treated as termination."""

    def step(self, key, state, action):
        observation, state, reward, terminated, truncated, _ = self.environment.step(key, state, action)
        return observation, state, reward, terminated | truncated


@pytest.mark.parametrize("depth", [1, 3])
def test_values_are_those_of_value_iteration_to_the_bit(depth):
    world, learnt = graph()
    values = found(Lookahead(depth, 3), world, learnt).values
    np.testing.assert_array_equal(values, iterated(world.environment, learnt, depth).astype(np.float32))


@pytest.mark.parametrize("broken", [Endless, Cutting])
def test_a_model_that_mistakes_ends_is_found_out(broken):
    world, learnt = graph()
    values = found(Lookahead(2, 3), world, learnt, broken).values
    assert not np.array_equal(values, iterated(world.environment, learnt, 2).astype(np.float32))


def may(seen):
    """The mask: two of three actions, depending on the state."""
    return jnp.arange(3) != seen % 3


def test_no_search_chooses_or_counts_what_a_mask_forbids():
    """Compared with value iteration in NumPy over the allowed actions; a forbidden action is always the best one."""
    world, learnt = graph()
    tables, forbidden = world.environment, np.arange(6)[:, None] % 3 == np.arange(3)
    learnt = np.where(forbidden, 100.0, learnt).astype(np.float32)
    expected, counting_all = np.where(forbidden, -np.inf, learnt), learnt
    for _ in range(3):
        expected = np.where(forbidden, -np.inf, iterated(tables, expected, 1))
        counting_all = iterated(tables, counting_all, 1)
    masked = Masked(world, may)

    def of(search, state):
        clock = world.reset(jax.random.key(0))[1]
        begun = MaskedState(type(clock)(state, clock.steps), may(state))
        foresight = Foresight.create(QLearning(discount=DISCOUNT), masked, jnp.asarray(learnt))
        return search.look(foresight, jax.random.key(1), begun, state)

    for search in (Lookahead(3, 3), TreeSearch(40)):
        trees = jax.jit(jax.vmap(functools.partial(of, search)))(jnp.arange(6))
        for state in range(6):
            looked, there = jax.tree.map(lambda leaf, state=state: leaf[state], trees), ~forbidden[state]
            assert there[int(search.choose(looked))]
            assert [each.action for each in search.futures(looked)] == list(np.flatnonzero(there))
        if isinstance(search, Lookahead):
            np.testing.assert_allclose(trees.values[~forbidden], expected[~forbidden], rtol=1e-6)
            assert not np.allclose(trees.values[~forbidden], counting_all[~forbidden])
        else:
            assert not np.asarray(trees.visits)[:, 0][forbidden].any()
            assert (np.asarray(trees.visits)[:, 0].sum(-1) == 40).all()


def test_futures_that_are_too_many_for_one_go_are_the_same_part_by_part(monkeypatch):
    world, learnt = graph()
    at_once = found(Lookahead(3, 3), world, learnt)
    monkeypatch.setattr(lookahead, "AT_ONCE", 4)
    jax.tree.map(np.testing.assert_array_equal, at_once, found(Lookahead(3, 3), world, learnt))


def test_plain_objects_say_what_the_arrays_say():
    world, learnt = graph()
    search = Lookahead(2, 3)
    of_all = found(search, world, learnt)
    first = jax.tree.map(lambda leaf: leaf[0], of_all)
    futures = search.futures(first)
    assert [each.value for each in futures] == list(np.asarray(first.values))
    assert [each.best for each in futures].index(True) == int(search.choose(first))
    for each in futures:
        (outcome,) = each.outcomes
        going_on = 0.0 if outcome.terminated else DISCOUNT * outcome.value
        assert each.value == outcome.reward + going_on
        assert bool(outcome.following) is not bool(outcome.terminated)
        if outcome.following:
            assert outcome.value == max(further.value for further in outcome.following)


def expected(lake: FrozenLake, values: np.ndarray) -> np.ndarray:
    """One sweep of value iteration over a stochastic table."""
    table = lake.table
    target = table.reward + 0.9 * np.where(table.terminated, 0, values[table.following].max(-1))
    return target @ np.array(lake.chances)


def on_ice(search: Lookahead, values: np.ndarray) -> np.ndarray:
    lake = FrozenLake()

    def of(cell: Any) -> Any:
        state = jax.tree.map(lambda _: cell, lake.reset(jax.random.key(0))[1])
        foresight = Foresight(QLearning(discount=0.9), jnp.asarray(values), TrueModel(lake))
        return search.look(foresight, jax.random.fold_in(jax.random.key(7), cell), state, cell).values

    return np.asarray(jax.jit(jax.vmap(of))(jnp.arange(16)))


def test_where_something_is_left_to_chance_the_mean_of_samples_is_the_expectation():
    values = np.random.default_rng(1).random((16, 4)).astype(np.float32)
    samples = 4_000
    away = np.abs(on_ice(Lookahead(1, 4, samples), values) - expected(FrozenLake(), values))
    within = 5 * 0.5 / np.sqrt(samples)  # five standard errors of a mean of numbers in [0, 1]
    assert away.max() < within
    # The broken twin uses a single sample.
    assert np.abs(on_ice(Lookahead(1, 4, 1), values) - expected(FrozenLake(), values)).max() > within


@struct
class Coin:
    """One step: reward 1 for guessing how a coin falls. With `kept` the state has the result since the reset."""

    kept: bool

    observation_space = gymnasium.spaces.Discrete(1)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, key):
        return jnp.int32(0), key

    def step(self, key, state, action):
        sides = jax.vmap(lambda key: jax.random.bits(key) % 2)(jnp.stack([key, state]))
        side = sides[jnp.int32(self.kept)]
        return jnp.int32(0), state, jnp.float32(side == action), jnp.bool_(True), {}


def test_what_chance_will_decide_is_not_foreseen():
    def mean(kept: bool) -> float:
        engine = Compiled(QLearning(), TimeLimit(Coin(kept), 0))
        how = EvaluationSettings(search=Lookahead(1, 2))
        return engine.evaluate(engine.policy(engine.init(0)), 0, 0, 400, how).mean

    assert abs(mean(False) - 0.5) < 0.125  # five standard errors
    assert mean(True) == 1.0  # the result is already in the state


def test_whether_a_step_is_left_to_chance_is_read_from_its_program():
    def of(name: str, **options: Any) -> bool:
        return is_stochastic(catalogue.make(name, **options))

    assert of("FrozenLake-v1")
    assert not of("FrozenLake-v1", is_slippery=False)
    assert [of(name) for name in ("zerone/Maze-v0", "CartPole-v1", "Taxi-v4", "Acrobot-v1")] == [False] * 4


@pytest.fixture(scope="module")
def lake() -> Compiled:
    return Compiled(QLearning(), catalogue.make("FrozenLake-v1"))


def test_episodes_do_not_depend_on_which_are_played_side_by_side(lake):
    policy = np.random.default_rng(0).random((16, 4)).astype(np.float32)
    how = EvaluationSettings(30, search=Asked(1, 8).search(lake))
    together = lake.evaluate(policy, 3, 0, 6, how)
    apart = [lake.evaluate(policy, 3, 0, 3, how, first=first) for first in (0, 3)]
    np.testing.assert_array_equal(together.lengths, np.concatenate([each.lengths for each in apart]))
    assert np.unique(together.lengths).size > 1


def test_values_learnt_from_scaled_rewards_are_brought_back():
    algorithm = small_dqn(normalize_rewards=True)
    engine = Compiled(algorithm, catalogue.make("CartPole-v1"))
    policy = engine.init(0).state.policy
    seen, model = jnp.ones(4), TrueModel(engine.evaluation_environment)
    plain = Foresight(algorithm, policy, model).values(seen, None)
    scales = policy.scales.merged(type(policy.scales)(None, Statistics.of_rows(jnp.array([-5.0, 5.0]))))
    changed = type(policy)(policy.network, policy.steps, policy.updates, scales)
    np.testing.assert_allclose(Foresight(algorithm, changed, model).values(seen, None), 5 * plain, rtol=1e-6)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"lookahead": 2, "simulations": 3}, "exclude each other"),
        ({"lookahead": -1}, "lookahead = -1 is not allowed: must be a whole number from 0 to 64"),
        ({"lookahead": True}, "lookahead = True is not allowed"),
        ({"simulations": 10**6}, "must be a whole number from 0 to 100000"),
        ({"lookahead_samples": 3}, "lookahead_samples = 3 is not allowed without lookahead"),
        ({"lookahead": 1, "lookahead_samples": 0}, "lookahead_samples = 0"),
        ({"lookahead_model": "learnt"}, "without lookahead or simulations"),
        ({"lookahead": 1, "lookahead_model": "dreams"}, "lookahead_model = 'dreams'"),
        ({"lookahead": 9, "lookahead_samples": 1}, "at most 65,536 are compared; lookahead = 8 has 65,536"),
        ({"lookahead": 1, "lookahead_samples": 65_536}, "take fewer samples"),
        ({"lookahead": 1, "lookahead_model": "learnt"}, "q-learning learns no model of the environment; dyna-q does"),
    ],
)
def test_what_cannot_be_searched_so_is_refused_in_a_line(lake, asked, said):
    with pytest.raises(InputError, match=r"^[^\n]*$") as caught:
        Asked(**asked).search(lake)
    assert said in str(caught.value)


def test_who_cannot_be_searched_is_told_who_can():
    cartpole = catalogue.make("CartPole-v1")
    for algorithm, said in (
        (PPO(), "ppo learns no value"),
        (small_dqn(network="gru"), "network of this dqn remembers"),
    ):
        with pytest.raises(InputError, match=f"{said}.*; tables and dqn can, on environments written in JAX"):
            Asked(simulations=4).search(Compiled(algorithm, cartpole))
    with pytest.raises(InputError, match=r"lookahead_samples = 2 is not allowed: .* not left to chance here"):
        Asked(1, 2).search(Compiled(small_dqn(), cartpole))


def test_nothing_asked_is_no_search(lake):
    assert Asked().search(lake) is None
    assert [Asked(each).search(lake) for each in (1, 2, 3, 7)] == [
        Lookahead(1, 4, 256), Lookahead(2, 4, 16), Lookahead(3, 4, 4), Lookahead(7, 4, 1),
    ]  # fmt: skip
    assert Asked(simulations=5).search(lake) == TreeSearch(5)
