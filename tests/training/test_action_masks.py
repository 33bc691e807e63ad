"""Action masks: never violated, equal to a renormalised softmax in NumPy; without one nothing changes."""

from __future__ import annotations

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import small_dqn

import zerone as zo
from zerone.algorithms.explanation import PlayedStep
from zerone.algorithms.tabular_explanation import Teacher
from zerone.base.errors import InputError, RunError
from zerone.engines.compiled import Compiled
from zerone.engines.stepping import Stepper
from zerone.environments.wrappers import Masked
from zerone.parts.distributions import categorical
from zerone.parts.exploration import allowed_only, epsilon_greedy, epsilon_greedy_ties
from zerone.parts.returns import epsilon_greedy_value

SMALL: dict[str, Any] = {"steps": 128, "evaluation_episodes": 2, "figure": False, "evaluation_limit": 30}
ALGORITHMS = {
    "q-learning": zo.QLearning(epsilon=0.5),
    "sarsa": zo.Sarsa(environments=2, epsilon=0.5),
    "sarsa-lambda": zo.SarsaLambda(epsilon=0.5),
    "monte-carlo": zo.MonteCarlo(epsilon=0.5),
    "dqn": small_dqn(hidden=(8,), double=True, n_steps=2, warmup=8),
    "ppo": zo.PPO(hidden=(8,), environments=2, steps_per_update=8, minibatches=2, epochs=2),
    "actor-critic": zo.ActorCritic(hidden=(8,), environments=2),
    "a3c": zo.A3C(hidden=(8,), workers=2, steps_per_update=4),
    "reinforce": zo.Reinforce(hidden=(8,), baseline=True, longest_episode=16),
    "dyna-q": zo.DynaQ(epsilon=0.5, planning_steps=5, exploration_bonus=0.1),
}


def not_up(observation):
    """A mask for the maze: never up, and in even cells not left either."""
    return jnp.stack([jnp.bool_(False), jnp.bool_(True), observation % 2 == 1, jnp.bool_(True)])


def too_long(observation):
    del observation
    return jnp.ones(5, bool)


def nothing(observation):
    del observation
    return jnp.zeros(4, bool)


def of_floats(observation):
    """A mask of floats that would be added to scores; masks must be bool."""
    del observation
    return jnp.array([0.0, -1e9, 0.0, 0.0])


def nothing_later(observation):
    return jnp.array([False, True, True, True]) & (observation == 0)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_mask_is_never_violated_and_is_learnt_from(name):
    algorithm = ALGORITHMS[name]
    environment = Masked(zo.make("zerone/Maze-v0"), not_up)
    stepper = Stepper(algorithm, environment, 3)
    seen = 0
    for _ in range(60):
        steps = stepper.forward().steps
        action, mask = np.asarray(steps.action), np.asarray(steps.mask)
        assert np.take_along_axis(mask, action[..., None], -1).all()
        expected = np.asarray(jax.vmap(jax.vmap(not_up))(steps.observation))
        assert np.array_equal(mask, expected)
        assert np.array_equal(steps.next_mask, jax.vmap(jax.vmap(not_up))(steps.next_observation))
        seen += action.size
    assert seen >= 60
    engine = Compiled(algorithm, environment)
    carry = engine.init(0)
    every = jnp.arange(16)
    actions, _ = engine.act(engine.policy(carry), engine.initial_memory(carry.state.policy, 16), every,
                            np.asarray(jax.vmap(not_up)(every)))  # fmt: skip
    engine.close()
    assert np.asarray(jax.vmap(not_up)(every))[np.arange(16), actions].all()


def test_probabilities_are_those_of_a_softmax_over_what_is_allowed():
    random = np.random.default_rng(0)
    scores, mask = random.normal(0, 3, (200, 6)).astype(np.float32), random.random((200, 6)) < 0.5
    mask[np.arange(200), random.integers(6, size=200)] = True
    raised = np.where(mask, np.exp(scores.astype(np.float64)), 0.0)
    expected = raised / raised.sum(1, keepdims=True)
    found = categorical(allowed_only(jnp.asarray(scores), jnp.asarray(mask)))
    np.testing.assert_allclose(np.exp(found.logits), expected, atol=1e-6)
    entropy = -np.where(mask, expected * np.log(np.where(mask, expected, 1.0)), 0.0).sum(1)
    np.testing.assert_allclose(found.entropy(), entropy, atol=1e-5)
    np.testing.assert_allclose(found.divergence(found), 0.0, atol=1e-6)
    gradient = jax.grad(lambda x: categorical(allowed_only(x, jnp.asarray(mask))).entropy().sum())(jnp.asarray(scores))
    assert np.isfinite(gradient).all()
    assert (np.asarray(gradient)[~mask] == 0).all()
    every = jnp.asarray(scores)
    assert np.array_equal(allowed_only(every, ()), every)


def test_exploring_is_uniform_over_what_is_allowed_and_greedy_is_the_best_of_it():
    values, mask = jnp.array([3.0, 1.0, 2.0, 2.0]), jnp.array([False, True, True, True])
    noise = jax.random.uniform(jax.random.key(0), (20_000, 5))
    for choose, best in ((epsilon_greedy, [0, 0, 0.4, 0]), (epsilon_greedy_ties, [0, 0, 0.2, 0.2])):
        action = np.asarray(choose(jnp.tile(values, (20_000, 1)), 0.6, noise, jnp.tile(mask, (20_000, 1))))
        share = np.bincount(action, minlength=4) / 20_000
        np.testing.assert_allclose(share, np.array([0, 0.2, 0.2, 0.2]) + best, atol=0.02)
        assert share[0] == 0
    assert float(epsilon_greedy_value(values, 0.3, mask)) == pytest.approx(0.7 * 2 + 0.3 * 5 / 3)


def test_taxi_allows_what_gymnasium_allows():
    ours, twin = zo.make("Taxi-v4").environment, gymnasium.make("Taxi-v4").unwrapped
    state = ours.reset(jax.random.key(0))[1]
    make = type(state)
    for number in range(500):
        found = ours.action_mask(make(jnp.int32(number), state.fickle))
        assert np.array_equal(np.asarray(found, np.int8), twin.action_mask(number)), number


@pytest.mark.thorough
def test_a_run_keeps_to_its_mask_and_is_loaded_with_it(tmp_path):
    run = zo.train("q-learning", "Taxi-v4", action_mask="environment", out=tmp_path / "run", **SMALL)
    assert zo.load(run.path).config["environment"]["action_mask"] == "environment"
    agent, mask = zo.load(run.path).agent(checkpoint="last"), [0, 0, 0, 1, 0, 0]
    assert agent.act(77, mask=mask) == 3
    assert agent.act([77, 78], mask=[mask, [1, 0, 0, 0, 0, 0]]).tolist() == [3, 0]
    assert agent.act(77, mask={"prob": 1.0, "action_mask": np.array(mask, np.int8)}) == 3
    for wrong, line in (
        (None, "act needs mask="),
        ([1, 1], "shape"),
        ([0] * 6, "allows nothing"),
        ([2] * 6, "1 and 0"),
        ([0.5] * 6, "1 and 0"),
        (["yes"] * 6, "true and false"),
        ({"prob": 1.0}, "has no action_mask"),
    ):
        with pytest.raises(InputError, match=line):
            agent.act(77, mask=wrong)
    by_function = zo.train("dqn", "zerone/Maze-v0", action_mask=f"{__name__}:not_up", out=tmp_path / "function",
                           settings={"hidden": (8,), "warmup": 16}, **SMALL)  # fmt: skip
    loaded = zo.load(by_function.path)
    assert all(bool(not_up(cell)[loaded.agent().act(cell)]) for cell in range(16))
    assert loaded.export(tmp_path / "policy.npz")["played"] > 0


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"action_mask": too_long}, "shape"),
        ({"action_mask": nothing}, "allows nothing"),
        ({"action_mask": "environment"}, "has no action mask"),
        ({"action_mask": lambda _: 1 / 0}, "the action mask cannot be compiled: ZeroDivisionError"),
        ({"action_mask": "of"}, "must be off, environment"),
        ({"action_mask": 3}, "must be off, environment"),
        ({"action_mask": of_floats}, "is of float32"),
        ({"action_mask": not_up, "algorithm": "sac", "environment": "Pendulum-v1"}, "sac keeps to no action mask"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_created(tmp_path, asked, line):
    asked = {"algorithm": "q-learning", "environment": "zerone/Maze-v0", **asked}
    with pytest.raises(InputError, match=line) as error:
        zo.train(**asked, out=tmp_path / "run", **SMALL)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_mask_that_allows_nothing_ends_a_training(tmp_path):
    with pytest.raises(RunError, match="allowed nothing"):
        zo.train("q-learning", "zerone/Maze-v0", action_mask=nothing_later, out=tmp_path / "run", **SMALL)


def test_the_numbers_that_an_update_is_explained_by_count_no_other_action():
    table = np.array([[0.0, 0.0, 0.0], [9.0, 1.0, 2.0]], np.float32)
    teacher = Teacher(table, 0.5, 0.9)
    teacher.greedy(PlayedStep(0, 1, -1.0, 1, False, False, next_allowed=(1, 2)), "step")
    teacher.ended(PlayedStep(0, 2, -1.0, 1, False, True, next_allowed=(1, 2)), 0.4)
    targets = [entry.target for entry in teacher.entries]
    np.testing.assert_allclose(targets, [-1 + 0.9 * 2, -1 + 0.9 * (0.6 * 2 + 0.4 * 1.5)], rtol=1e-6)
