"""The compiled engine: chunks and batches of seeds do not change results; other numbers need no new compilation."""

import dataclasses
import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from toys import (
    Counter,
    Echo,
    Keeper,
    equal_bits,
    graph,
    small_a3c,
    small_actor_critic,
    small_ddpg,
    small_dppo,
    small_dqn,
    small_ppo,
    small_reinforce,
    small_sac,
    small_td3,
)

from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.off_policy_actor import OffPolicyActor
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.base.pytree import configured
from zerone.engines import compiled
from zerone.engines.compiled import Compiled, advance, initial
from zerone.environments.wrappers import TimeLimit

ENVIRONMENT = graph()
TABLES = {
    "q-learning": QLearning(),
    "sarsa": Sarsa(environments=2),
    "sarsa-lambda": SarsaLambda(),
    "monte-carlo": MonteCarlo(),
    "dyna-q": DynaQ(exploration_bonus=0.1),
}
DRIFTS = {"exploration": "ornstein-uhlenbeck"}
QUANTILES = {"distributional": "quantile", "quantiles": 4}
EVERY_PART = {
    **QUANTILES,
    "double": True,
    "dueling": True,
    "prioritized": True,
    "n_steps": 3,
    "epsilon_clock": "updates",
}
ALGORITHMS = {
    **TABLES,
    "dqn": small_dqn(),
    "dqn with every part": small_dqn(**EVERY_PART, environments=2),
    "ppo": small_ppo(),
    "reinforce": small_reinforce(),
    "actor-critic": small_actor_critic(),
    "ppo-kl": small_ppo(objective="kl"),
    "a3c": small_a3c(),
    "dppo": small_dppo(gather="gradients"),
    "ddpg": small_ddpg(steps_per_update=1, environments=2, exploration="ornstein-uhlenbeck"),
    "td3": small_td3(),
    "sac with every part": small_sac(environments=2, n_steps=3, prioritized=True, learning_rate_end=0.1, **DRIFTS),
}
EACH = pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS, scope="module")
LAST = 40


def _environment(algorithm):
    """An environment that fits the algorithm."""
    return TimeLimit(Echo(), 5) if isinstance(algorithm, OffPolicyActor) else ENVIRONMENT


def _trained(algorithm, seeds, stops=(LAST,), batch=False):
    """The carries of several seeds after being advanced together from stop to stop."""
    engine = Compiled(algorithm, _environment(algorithm), batch=batch)
    carries, begin = [engine.init(seed) for seed in seeds], 0
    for stop in stops:
        carries = engine.advance(carries, seeds, [begin] * len(seeds), stop)
        begin = stop
    engine.close()
    return carries


@pytest.mark.thorough(after=1)
@EACH
def test_chunks_change_no_bit(algorithm):
    (whole,) = _trained(algorithm, [3])
    (cut,) = _trained(algorithm, [3], stops=(1, 2, 9, 30, LAST))
    assert equal_bits(whole, cut)
    (longer,) = _trained(algorithm, [3], stops=(LAST + 1,))
    assert not equal_bits(whole, longer)


@pytest.mark.thorough(after=11)
@EACH
def test_a_batch_of_seeds_equals_the_same_seeds_alone_bit_for_bit_and_they_differ_pairwise(algorithm):
    seeds = [3, 1, 4]
    together = _trained(algorithm, seeds)
    for seed, carry in zip(seeds, together, strict=True):
        assert equal_bits(carry, _trained(algorithm, [seed])[0])
    assert _differ_pairwise(together)
    # Broken twin: "seeds" that all train from the same key.
    assert not _differ_pairwise(_trained(algorithm, [3]) + _trained(algorithm, [3]))


def _differ_pairwise(carries):
    policies = [[np.asarray(x).tobytes() for x in jax.tree.leaves(carry.state.policy)] for carry in carries]
    return all(one != other for i, one in enumerate(policies) for other in policies[:i])


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    "algorithm", [*TABLES.values(), small_reinforce(), small_ppo()], ids=[*TABLES, "reinforce", "ppo"]
)
def test_a_batch_under_vmap_agrees_with_the_seeds_alone(algorithm):
    seeds, stops = [3, 1, 4], (12,)  # short, because rounding errors grow with learning
    for one, other in zip(
        _trained(algorithm, seeds, stops, batch=True), _trained(algorithm, seeds, stops), strict=True
    ):
        for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("algorithm", [small_dqn(), small_ppo()], ids=["dqn", "ppo"])
def test_networks_are_born_different_for_each_seed(algorithm):
    engine = Compiled(algorithm, ENVIRONMENT)
    initial_state = [engine.init(seed) for seed in range(4)]
    engine.close()
    assert _differ_pairwise(initial_state)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("algorithm", [small_dqn(), small_ppo()], ids=["dqn", "ppo"])
def test_no_small_kernel_waits_for_other_cores(algorithm):
    """If XLA splits a kernel for several cores, the text of the program shows it."""
    cut = re.compile(r'"outer_dimension_partitions":\["')
    large = dataclasses.replace(algorithm, environments=8, hidden=(256, 256))
    seed, number = np.uint32(0), np.int32(0)
    carry = compiled._initial.eval_shape(large, ENVIRONMENT, seed)
    program = compiled._advance.lower(large, ENVIRONMENT, carry, seed, number, number)
    assert not cut.search(program.compile().as_text())
    if len(os.sched_getaffinity(0)) > 1:  # XLA's default does split, or the test shows nothing
        xla_own = {"xla_disable_hlo_passes": ""}
        assert cut.search(program.compile(xla_own).as_text())


@pytest.mark.thorough(after=4)
@EACH
def test_another_seed_number_count_or_chunk_compiles_nothing(algorithm, compilations):
    def train(algorithm, seed, last):
        engine = Compiled(algorithm, _environment(algorithm))
        (carry,) = engine.advance([engine.init(seed)], [seed], [0], last)
        found = engine.evaluate(engine.policy(carry), seed, 1, 4)
        engine.close()
        return found

    train(dataclasses.replace(algorithm, discount=0.8), 0, 3)  # compiles, unless another test has done so
    before = compilations()
    train(dataclasses.replace(algorithm, learning_rate=0.03, discount=0.7), 11, 17)
    assert compilations() == before
    jax.jit(lambda x: x + before)(np.float32(1))
    assert compilations() == before + 1  # the counter works


def test_a_batch_of_learning_rates_trains_in_one_program(compilations):
    rates = np.array([0.1, 0.5, 1.0], np.float32)
    first, count = np.int32(0), np.int32(60)

    def train(rate):
        algorithm = QLearning(learning_rate=rate)
        return advance(
            algorithm, ENVIRONMENT, initial(algorithm, ENVIRONMENT, np.uint32(7)), np.uint32(7), first, count
        )

    before = compilations()
    carries = jax.jit(jax.vmap(train))(rates)
    assert compilations() == before + 1
    for i, rate in enumerate(rates.tolist()):
        engine = Compiled(QLearning(learning_rate=rate), ENVIRONMENT)
        (alone,) = engine.advance([engine.init(7)], [7], [0], 60)
        engine.close()
        np.testing.assert_allclose(carries.state.policy[i], alone.state.policy, rtol=1e-4, atol=1e-5)
    assert not np.allclose(carries.state.policy[0], carries.state.policy[1])


@configured
class Talking(Counter):
    """The broken twin: it calls the host at each step."""

    def step(self, key, state, action):
        jax.debug.callback(lambda _: None, state.left)
        return Counter.step(self, key, state, action)


def _callbacks(algorithm, environment):
    carry = jax.eval_shape(initial, algorithm, environment, np.uint32(0))
    program = compiled._advance.trace(algorithm, environment, carry, np.uint32(0), np.int32(0), np.int32(9)).jaxpr
    return len(re.findall(r"\b\w*callback\b|\binfeed\b|\boutfeed\b|\bdevice_put\b.*host", str(program)))


@pytest.mark.thorough(after=7)
@EACH
def test_nothing_leaves_the_program_while_it_runs(algorithm):
    assert _callbacks(algorithm, _environment(algorithm)) == 0
    engine = Compiled(algorithm, _environment(algorithm))
    carry = engine.init(0)
    with jax.transfer_guard_device_to_host("disallow"):
        engine.advance([carry], [0], [0], 5)
    engine.close()


def test_the_detector_of_transfers_catches_an_environment_that_calls_back():
    assert _callbacks(Keeper(), TimeLimit(Counter(), 3)) == 0
    assert _callbacks(Keeper(), TimeLimit(Talking(), 3)) > 0


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ["dqn", "dqn with every part", "ddpg", "td3", "sac with every part"])
def test_what_was_saved_goes_on_to_the_same_bits(name):
    algorithm = ALGORITHMS[name]
    engine = Compiled(algorithm, _environment(algorithm))
    (carry,) = engine.advance([engine.init(2)], [2], [0], 15)
    saved = jax.tree.map(np.asarray, engine.saved(carry))
    example = engine.saved_example()
    assert jax.tree.map(lambda x: (x.shape, x.dtype), saved) == jax.tree.map(lambda x: (x.shape, x.dtype), example)
    (resumed,) = engine.advance([engine.resume(saved, 2, 15)], [2], [15], LAST)
    engine.close()
    assert equal_bits(resumed, _trained(algorithm, [2])[0])


def test_a_policy_outlives_the_training_that_goes_on():
    engine = Compiled(small_dqn(), ENVIRONMENT)
    (carry,) = engine.advance([engine.init(2)], [2], [0], 15)
    policy = engine.policy(carry)
    before = jax.tree.map(np.copy, policy)
    engine.advance([carry], [2], [15], LAST)  # donates the carry
    engine.close()
    assert equal_bits(before, policy)


def test_acting_gives_actions_as_the_environment_takes_them():
    engine = Compiled(QLearning(), ENVIRONMENT)
    policy = np.array([[0, 1], [1, 0], [0, 1], [1, 0]], np.float32)
    action, _ = engine.act(policy, (), np.array([0, 1, 2, 3]))
    engine.close()
    np.testing.assert_array_equal(action, [1, 0, 1, 0])
    assert isinstance(action, np.ndarray)


WHOLE_TRAINING = """
import jax, numpy as np
from zerone.algorithms.ppo import PPO
from zerone.engines.compiled import advance, initial
from zerone.environments.catalogue import make

environment = make("CartPole-v1")
algorithm = PPO(environments=4, steps_per_update=32)

def train(seed):
    return advance(algorithm, environment, initial(algorithm, environment, seed), seed, np.int32(0), np.int32(6))

carry = jax.block_until_ready(jax.jit(jax.vmap(train))(np.arange(2, dtype=np.uint32)))
print(all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(carry.state)))
"""


@pytest.mark.thorough
def test_a_whole_training_of_ppo_under_vmap_does_not_hang():
    # With JAX 0.10.2 such programs hung on two cores, ten times out of ten.
    done = subprocess.run([sys.executable, "-c", WHOLE_TRAINING], capture_output=True, timeout=150, check=True)  # noqa: S603
    assert done.stdout.decode().strip() == "True"
