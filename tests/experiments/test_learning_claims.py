"""The measurements of experiments with actors and critics, in cases with a known result."""

from __future__ import annotations

import gymnasium
import jax
import numpy as np
import pytest

from zerone.algorithms import catalogue as algorithms
from zerone.environments import catalogue as environments
from zerone.experiments import catalogue, tutorial
from zerone.experiments.claims import clipping, one_step, workers
from zerone.experiments.pendulum import bins, returns
from zerone.experiments.protocol import CONFIRMED, REFUTED, Results
from zerone.experiments.recording import episode_lengths


@pytest.fixture(scope="module")
def beginner():
    """The returns of the first 80 episodes of an actor-critic that learns almost nothing, for both rewards."""
    algorithm = algorithms.make("actor-critic", {"learning_rate": 1e-30, "critic_learning_rate": 1e-30, "hidden": [2]})
    return {reward: returns(algorithm, reward, 0, 2_000) for reward in ("tenth", "centred")}


@pytest.mark.thorough
def test_returns_are_in_the_tasks_own_reward_whatever_was_learnt_from(beginner):
    assert beginner["tenth"].shape == (10, 8)
    np.testing.assert_allclose(beginner["tenth"], beginner["centred"], rtol=1e-4)


@pytest.mark.thorough
def test_a_beginner_earns_what_random_torques_earn_in_gymnasium(beginner):
    environment, random, theirs = gymnasium.make("Pendulum-v1"), np.random.default_rng(0), []
    for seed in range(80):
        environment.reset(seed=seed)
        # The initial policy: a normal torque with deviation 1 in units of the bound, which is 2.
        drawn = np.clip(2 * random.standard_normal((200, 1)), -2, 2).astype(np.float32)
        theirs.append(sum(environment.step(torque)[1] for torque in drawn))
    spread = np.hypot(beginner["centred"].std(), np.std(theirs)) / 80**0.5
    assert beginner["centred"].mean() == pytest.approx(np.mean(theirs), abs=4 * spread)


def test_bins_are_means_of_equal_parts():
    np.testing.assert_allclose(bins(np.arange(6.0), 3), [0.5, 2.5, 4.5])


def fallen(past_the_end):
    """Push a pole to one side until it falls: reward, `terminated` and `truncated` of the last step."""
    environment = one_step.make_environment({"fall": True, "past_the_end": past_the_end})
    key, step = jax.random.key(0), jax.jit(environment.step)
    _, state = environment.reset(key)
    for _ in range(50):
        _, state, reward, terminated, truncated, _ = step(key, state, np.int32(1))
        if terminated or truncated:
            return float(reward), bool(terminated), bool(truncated)
    raise AssertionError("it never fell")


def test_a_fall_costs_20_and_is_an_end_or_by_the_tutorials_fault_a_cut():
    assert fallen(past_the_end=False) == (-20.0, True, False)
    assert fallen(past_the_end=True) == (-20.0, False, True)


def tolerated(**powers):
    """Results of three seeds with the same tolerated power per arm."""
    return Results({arm: [{"tolerated": power}] * 3 for arm, power in powers.items()})


def test_the_ratio_of_step_sizes_is_that_of_geometric_means():
    results = Results({"ppo": [{"tolerated": -1}, {"tolerated": -3}], "actor-critic": [{"tolerated": -3}] * 2})
    assert clipping.times(results, "actor-critic").value == pytest.approx(10)
    question = clipping.EXPERIMENT.questions[1]
    assert question.decide(clipping.times(tolerated(**{"ppo": -2, "actor-critic": -3}), "actor-critic")) == CONFIRMED
    assert question.decide(clipping.times(tolerated(**{"ppo": -3, "actor-critic": -3}), "actor-critic")) == REFUTED


@pytest.mark.parametrize(
    ("eight", "ratio", "verdict"),
    [
        ([200, 400, 600] * 5, 0.5, CONFIRMED),
        ([800, 1200, 900] * 5, 1.125, REFUTED),
        ([np.inf, np.inf, 200] * 5, np.inf, None),
    ],
)
def test_eight_workers_against_one(eight, ratio, verdict):
    results = Results({"workers-1": [{"until": 800}] * 15, "workers-8": [{"until": each} for each in eight]})
    found = workers.relative(results, 8)
    assert found.value == ratio
    decided = workers.EXPERIMENT.questions[0].decide(found)
    assert decided != CONFIRMED if verdict is None else decided == verdict


@pytest.mark.parametrize("name", ["one-step", "replay-and-targets", "workers", "clipping"])
def test_every_arm_can_be_made(name):
    experiment = catalogue.look_up(name)
    for arm in experiment.arms:
        settings = experiment.settings(arm, quick=False)
        algorithms.make(settings.get("algorithm", "a3c"), settings["options"])


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("number", "budget", "lengths"), [(3, 10_000, [200] * 3), (9, 500, [200, 200]), (9, 90, [90])])
def test_lengths_are_those_of_the_first_episodes(number, budget, lengths):
    """Random actions do not reach the top of the hill within 200 steps."""
    settings = tutorial.REINFORCE_SETTINGS | {"longest_episode": 1000}
    found = episode_lengths(
        tutorial.reinforce(settings), environments.make("MountainCar-v0", limit=200), 0, number, budget
    )
    assert list(found) == lengths
