"""Stepping through a training gives the same bits as the training: forwards, backwards and forwards again."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from toys import cliff, equal_bits, small_dqn

from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.engines.compiled import Compiled
from zerone.engines.stepping import Stepper
from zerone.environments import catalogue


@pytest.mark.thorough
def test_step_by_step_is_the_training_itself() -> None:
    algorithm, environment = SarsaLambda(), cliff(limit=30)
    stepper = Stepper(algorithm, environment, 7)
    seen = [stepper.carry]
    for _ in range(100):
        found = stepper.forward()
        assert found.before is seen[-1]
        seen.append(found.after)
    engine = Compiled(algorithm, environment)
    (whole,) = engine.advance([engine.init(7)], [7], [0], 100)
    assert equal_bits(whole, seen[100])
    for index in (60, 3, 100, 0, 1):
        stepper.go_to(index)
        assert stepper.index == index
        assert equal_bits(stepper.carry, seen[index])
    again = stepper.again()
    assert again is not None
    assert again.index == 0
    assert equal_bits(again.after, seen[1])


def test_few_states_are_kept_and_the_way_back_is_the_same() -> None:
    algorithm, environment = SarsaLambda(), cliff(limit=30)
    one = sum(leaf.nbytes for leaf in jax.tree.leaves(Stepper(algorithm, environment, 7).carry))
    stepper = Stepper(algorithm, environment, 7, kept_bytes=6 * one)
    for _ in range(70):
        stepper.forward()
    there = stepper.carry
    assert len(stepper._kept) < 10
    stepper.go_to(33)
    stepper.go_to(70)
    assert equal_bits(stepper.carry, there)


def test_states_that_are_not_kept_are_the_same_and_harm_none_that_is() -> None:
    algorithm, environment = SarsaLambda(), cliff(limit=30)
    stepper, other = Stepper(algorithm, environment, 7), Stepper(algorithm, environment, 7)
    seen = {index: other.carry for index in (0, 10, 25, 26, 40) if other.go_to(index) is None}
    stepper.go_to(10, keep=False)
    stepper.go_to(25, keep=False)
    found = stepper.forward()
    stepper.go_to(40, keep=False)
    stepper.go_to(10)
    assert equal_bits(stepper.carry, seen[10])
    assert equal_bits((found.before, found.after), (seen[25], seen[26]))
    stepper.go_to(40, keep=False)
    assert equal_bits(stepper.carry, seen[40])
    stepper.go_to(0)
    assert equal_bits(stepper.carry, seen[0])


def test_episodes_that_end_are_noted_once_with_their_lengths() -> None:
    stepper = Stepper(SarsaLambda(), cliff(limit=30), 7)
    ended, length = [], 0
    for _ in range(100):
        found = stepper.forward()
        assert (
            stepper.reached(found, 0).inner == found.steps.next_observation[0, 0]
        )  # also at the end of an episode, where it is not the next episode's start
        length += 1
        if bool(found.steps.terminated[0, 0] | found.steps.truncated[0, 0]):
            ended.append(length)
            length = 0
    stepper.go_to(10)
    for _ in range(30):
        stepper.forward()
    assert [end.length for end in stepper.ends] == ended
    assert [end.number for end in stepper.ends] == list(range(1, len(ended) + 1))


@pytest.mark.thorough
def test_a_block_of_several_steps_is_seen_step_by_step() -> None:
    algorithm, environment = small_dqn(environments=2), catalogue.make("CartPole-v1")
    stepper = Stepper(algorithm, environment, 1)
    found = [stepper.forward() for _ in range(3)][-1]
    steps = found.steps.reward.shape[0]
    assert steps == algorithm.steps_per_update
    assert found.simulations.observation.shape[:2] == (steps, 2)
    assert np.array_equal(found.simulations.observation[:-1], found.steps.observation[1:])
    assert equal_bits([x[-1] for x in (found.simulations.observation,)], [found.after.simulation.observation])
