"""The catalogue of algorithms: every name makes its algorithm, wrong settings are refused, spaces are matched."""

import dataclasses

import jax
import numpy as np
import pytest
from gymnasium import spaces
from toys import (
    Echo,
    cycle,
    small_a3c,
    small_actor_critic,
    small_ddpg,
    small_dqn,
    small_ppo,
    small_reinforce,
    small_sac,
    small_td3,
)

from zerone.algorithms import catalogue
from zerone.algorithms.off_policy_actor import OffPolicyActor
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.engines.compiled import Compiled
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit

BOX, DISCRETE = spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(3)


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.name)
def test_every_name_makes_its_algorithm_with_its_settings(entry):
    assert catalogue.look_up(entry.name) is entry
    made = catalogue.make(entry.name, {})
    assert made == entry.make()
    assert catalogue.make(entry.name, dataclasses.asdict(made)) == made  # settings as in a run's configuration
    assert all(field.metadata["allowed"].text for field in dataclasses.fields(made))
    assert all(made.metrics.values())


def test_settings_are_brought_to_their_types_where_nothing_is_lost():
    assert catalogue.make("dqn", {"epsilon_steps": 500}).epsilon_steps == 500.0
    assert catalogue.make("dqn", {"hidden": [8, 8]}).hidden == (8, 8)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"bach": 3}, "dqn has no setting 'bach': did you mean 'batch'?"),
        ({"batch": 2.0}, "batch = 2.0 is not allowed: must be of type int"),
        ({"batch": "8"}, "must be of type int"),
        ({"double": 1}, "must be of type bool"),
        ({"learning_rate": True}, "must be of type float"),
        ({"learning_rate": -1.0}, "must be above 0"),
        ({"loss": "cubic"}, "one of squared, huber"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(settings, text):
    with pytest.raises(InputError) as caught:
        catalogue.make("dqn", settings)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_algorithm_that_does_not_fit_names_those_that_do():
    able = "dqn, reinforce, actor-critic, ppo, a3c, dppo"
    with pytest.raises(InputError, match=rf"q-learning cannot take X-v0: .* actions Discrete\(3\); these can: {able}$"):
        catalogue.require(QLearning(), Spaces(BOX, DISCRETE), "X-v0")
    remembers = "dqn, actor-critic, ppo, a3c, dppo"  # but not those that cannot learn with the chosen network
    with pytest.raises(
        InputError, match=rf"reinforce cannot take X-v0: .*network = gru\), but .*; these can: {remembers}$"
    ):
        catalogue.require(small_reinforce(network="gru"), Spaces(BOX, DISCRETE), "X-v0")
    with pytest.raises(InputError, match=r"network = convolution needs pictures, but .*; it can without network$"):
        catalogue.require(small_reinforce(network="convolution"), Spaces(BOX, DISCRETE), "X-v0")
    words = spaces.Text(3)
    with pytest.raises(InputError, match="no algorithm here can take these spaces"):
        catalogue.require(QLearning(), Spaces(words, words), "X-v0")
    catalogue.require(QLearning(), Spaces(DISCRETE, DISCRETE), "X-v0")


MEASURED = [
    QLearning(), small_dqn(), small_reinforce(), small_actor_critic(), small_ddpg(), small_td3(), small_sac(),
    small_ppo(), small_ppo(objective="kl"), small_a3c(),
]  # fmt: skip


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("algorithm", MEASURED, ids=lambda each: each.name)
def test_what_an_update_measures_is_what_the_algorithm_says_it_does(algorithm):
    environment = TimeLimit(Echo(), 5) if isinstance(algorithm, OffPolicyActor) else cycle()
    engine = Compiled(algorithm, environment)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 20)
    row, _ = engine.report(carry, 0, 20)
    engine.close()
    assert set(row) == {"episodes", "return", "length", *algorithm.metrics}
    assert all(value is not None and np.isfinite(value) for value in row.values())
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(carry.tally.metrics))
