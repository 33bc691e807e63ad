"""The clocks of schedules: ε, σ and β at each block and gradient update, compared with a clock in NumPy."""

import dataclasses

import jax
import numpy as np
import pytest
from gymnasium import spaces
from toys import small_ddpg, small_dqn

from zerone.algorithms import off_policy
from zerone.algorithms.protocol import Steps
from zerone.environments.spaces import Spaces
from zerone.parts.replay import Prioritized

SEEN = spaces.Box(-1.0, 1.0, (3,), np.float32)
SHAPES = [
    # Steps per block, environments, gradient updates per block, warm-up, and the block of the first update.
    (4, 1, 1, 32, 8),
    (4, 1, 3, 33, 9),
    (1, 3, 2, 8, 3),
    (5, 2, 4, 0, 1),
    (2, 2, 1, 5, 2),
]
EACH_SHAPE = pytest.mark.parametrize(("length", "number", "updates", "warmup", "first"), SHAPES)
EACH_CLOCK = pytest.mark.parametrize("clock", ["steps", "learning-steps", "updates"])
BLOCKS = 14


def told(clock, length, number, updates, first):
    """The values of a clock after each of the blocks 0 to `BLOCKS`, and at each gradient update in each block."""
    after, at = [0], []
    steps = made = 0
    learning = None
    for block in range(1, BLOCKS + 1):
        steps += length * number
        learning = 0 if block == first else None if learning is None else learning + length * number
        for _ in range(updates if block >= first else 0):
            at.append({"steps": steps, "learning-steps": learning, "updates": made}[clock])
            made += 1
        after.append({"steps": steps, "learning-steps": learning or 0, "updates": made}[clock])
    return np.array(after), np.array(at)


def value(start, end, duration, elapsed):
    return start + (end - start) * np.minimum(elapsed / duration, 1)


def block(index, algorithm, action):
    """Random steps."""
    random = np.random.default_rng(index)
    shape = algorithm.steps_per_update, algorithm.environments
    seen, following = random.uniform(-1, 1, (2, *shape, 3)).astype(np.float32)
    none = np.zeros(shape, bool)
    extras = () if action.dtype == np.int32 else np.zeros((*shape, 2), np.float32)
    return Steps(seen, action, random.normal(size=shape).astype(np.float32), following, none, none, extras)


def states(algorithm, action, space):
    """The states before the first block and after each."""
    state = jax.jit(lambda: algorithm.init(jax.random.key(0), Spaces(SEEN, space)))()
    found, update = [state], jax.jit(algorithm.update)
    for index in range(BLOCKS):
        shape = algorithm.steps_per_update, algorithm.environments
        steps = block(index, algorithm, np.zeros((*shape, *action.shape), action.dtype))
        found.append(update(found[-1], steps, jax.random.key(index))[0])
    return found


@pytest.mark.thorough(after=1)
@EACH_SHAPE
@EACH_CLOCK
def test_epsilon_and_beta_are_those_of_the_clock(clock, length, number, updates, warmup, first, monkeypatch):
    shape = {"steps_per_update": length, "environments": number, "updates": updates, "warmup": warmup}
    clocks = {"epsilon_clock": clock, "importance_clock": clock, "importance_steps": 17.0, "epsilon_steps": 17.0}
    algorithm = small_dqn(**shape, **clocks, prioritized=True, importance=0.4)
    draw, found = Prioritized.sample, []

    def watched(self, memory, noise, correction=1.0):
        jax.debug.callback(lambda beta: found.append(float(beta)), correction, ordered=True)
        return draw(self, memory, noise, correction)

    monkeypatch.setattr(Prioritized, "sample", watched)
    reached = states(algorithm, np.zeros((), np.int32), spaces.Discrete(2))
    jax.effects_barrier()
    after, at = told(clock, length, number, updates, first)
    assert [int(state.policy.updates) for state in reached] == [
        max(0, b - first + 1) * updates for b in range(BLOCKS + 1)
    ]
    epsilon = [float(algorithm.exploration_rate(state.policy)) for state in reached]
    np.testing.assert_allclose(epsilon, value(1.0, 0.05, 17, after), rtol=1e-5)
    np.testing.assert_allclose(found, value(0.4, 1.0, 17, at), rtol=1e-5)
    if clock != "steps":
        assert found[0] == pytest.approx(0.4)


@pytest.mark.thorough(after=1)
@EACH_SHAPE
@EACH_CLOCK
def test_sigma_is_that_of_the_same_clock(clock, length, number, updates, warmup, first):
    shape = {"steps_per_update": length, "environments": number, "updates": updates, "warmup": warmup}
    noise = {"noise_start": 1.5, "noise_end": 0.1, "noise_steps": 17.0, "noise_clock": clock}
    algorithm = small_ddpg(**shape, **noise)
    reached = states(algorithm, np.zeros(2, np.float32), spaces.Box(-1.0, 1.0, (2,)))
    after, _ = told(clock, length, number, updates, first)
    assert [int(state.learner.updates) for state in reached] == [
        max(0, b - first + 1) * updates for b in range(BLOCKS + 1)
    ]
    sigma = [float(algorithm.scale(state.policy)) for state in reached]
    np.testing.assert_allclose(sigma, value(1.5, 0.1, 17, after), rtol=1e-5)
    if clock != "steps":
        assert sigma[first] == pytest.approx(1.5 if clock == "learning-steps" else value(1.5, 0.1, 17, updates))


def test_the_first_gradient_update_waits_for_n_steps_and_so_do_the_clocks():
    algorithm = small_dqn(n_steps=3, environments=2, warmup=8, steps_per_update=1, epsilon_clock="learning-steps")
    reached = states(algorithm, np.zeros((), np.int32), spaces.Discrete(2))
    # 8 steps must be in memory, and n steps need two more of each of 2 environments: the first update is after block 6.
    assert [int(state.policy.updates) for state in reached] == [*[0] * 6, *range(1, BLOCKS - 4)]
    epsilon = [float(algorithm.exploration_rate(state.policy)) for state in reached]
    np.testing.assert_allclose(epsilon, [*[1.0] * 6, *value(1.0, 0.05, 200, 2 * np.arange(BLOCKS - 5))], rtol=1e-5)


def test_every_schedule_of_every_replay_algorithm_has_the_same_choice():
    fields = {**type(small_dqn()).__dataclass_fields__, **type(small_ddpg()).__dataclass_fields__}
    clocks = {name: field for name, field in fields.items() if name.endswith("_clock")}
    assert sorted(clocks) == ["epsilon_clock", "importance_clock", "noise_clock"]
    for field in clocks.values():
        assert field.metadata["allowed"].choices == off_policy.CLOCKS
        assert field.default == "steps"


@pytest.mark.parametrize("steps", [2**30, 2**31 - 8])
def test_the_updates_of_a_very_long_training_are_counted_without_overflow(steps):
    algorithm = small_ddpg(updates=1000)
    expected = (steps // 4 - 7) * 1000
    assert float(algorithm.updates_after(np.int32(steps))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("algorithm", [small_dqn(), small_ddpg()], ids=lambda each: each.name)
def test_the_learning_rate_falls_by_the_steps_and_is_the_size_of_adam_s_first_step(algorithm):
    falling = dataclasses.replace(algorithm, learning_rate_end=0.25, decay_steps=40.0)
    for steps, left in ((0, 1.0), (10, 0.8125), (40, 0.25), (1000, 0.25)):
        assert float(falling.rate(0.01, np.int32(steps))) == pytest.approx(0.01 * left, rel=1e-6)
        assert float(algorithm.rate(0.01, np.int32(steps))) == np.float32(0.01)
    rule = falling.optimizer if algorithm.name == "dqn" else falling.actor_rule
    weights = {"w": np.ones(3, np.float32)}
    moved = jax.jit(lambda steps: rule(steps).update(weights, rule().init(weights))[0])(np.int32(10))
    np.testing.assert_allclose(moved["w"], -0.01 * 0.8125, rtol=1e-4)  # Adam's first step is the gradient's sign
