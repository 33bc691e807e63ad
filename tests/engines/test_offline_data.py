"""Learning from recorded steps: they are read in order and never joined wrongly; chunks do not change results."""

import dataclasses
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from recorded import Remembering, counted, in_table, strangers, study
from toys import Counter, CounterEnv, Keeper, equal_bits, new_arrays, small_dqn, table, wrong_steps

from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.base.pytree import configured
from zerone.engines import offline_data as module
from zerone.engines.compiled import Compiled, _advance
from zerone.engines.host import Host
from zerone.engines.offline_data import first_step
from zerone.environments.gym.vector import make_vector
from zerone.environments.wrappers import TimeLimit

LENGTHS = (3, 1, 7, 4, 2, 6, 5, 9)
TABLE = table([(0, 1), (2, 0), (1, 3)], [(0.5, 0), (1, 0), (0, 2)], [(1, 0), 0, (0, 1)], starts=(0, 1, 2))
WALK = in_table(TABLE.environment, 150)
ALGORITHMS = {"q-learning": QLearning(), "q-learning of 3": QLearning(environments=3), "dqn": small_dqn()}
EACH = pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
SHARES = pytest.mark.parametrize("own_play", [None, 0.3])
ENGINES = pytest.mark.parametrize("engine", ["compiled", "host"])
LAST = 40


def counter_engine(kind, algorithm, own_play=None, recorded=None):
    """An engine whose own steps have observations above 10,000, and recorded steps below."""
    if kind == "compiled":
        engine = Compiled(algorithm, TimeLimit(Far(), 5))
    else:
        engine = Host(algorithm, lambda number, seed: make_vector(FarEnv, "Far-v0", number, seed))
    engine.learn_from(study(counted(LENGTHS) if recorded is None else recorded, own_play))
    return engine


@configured
class Far(Counter):
    """A counter with observations above 10,000."""

    def reset(self, key):
        value, state = Counter.reset(self, key)
        return value + 10_000, dataclasses.replace(state, value=state.value + 10_000)


class FarEnv(CounterEnv):
    """The same in Gymnasium."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self._value += 10_000
        return self._observed(), {}


def blocks_of(engine, iterations, seed=0):
    """The blocks that the algorithm got, one per iteration."""
    carries, blocks = [engine.init(seed)], []
    for i in range(iterations):
        carries = engine.advance(carries, [seed], [i], i + 1)
        blocks.append(jax.device_get(carries[0].state.steps))
    engine.close()
    return blocks


@pytest.mark.parametrize("share", [0.001, 0.25, 0.3, 0.5, 2 / 3, 0.999])
def test_own_play_is_spread_evenly_and_exactly(share):
    found = study(counted(LENGTHS), share)
    exact = Fraction(share).limit_denominator(1000)
    assert [bool(found.is_own(i)) for i in range(3000)] == [int((i + 1) * exact) > int(i * exact) for i in range(3000)]
    assert found.own_between(1000, 3000) == int(3000 * exact) - int(1000 * exact)
    far = 2**31 - 10  # still within 32 bits
    assert int(jax.jit(lambda i: found.own_before(i))(np.int32(far))) == int(far * exact)


@pytest.mark.parametrize("share", [0, 1, 0.0001, 1.5, -0.5, float("nan"), True, "half"])
def test_a_share_of_own_play_that_is_none_is_refused(share):
    with pytest.raises(InputError, match=r"own_play = .* is not allowed: must be a number from 0.001 to 0.999"):
        study(counted(LENGTHS), share)


@pytest.mark.thorough(after=1)
@ENGINES
def test_each_column_reads_every_step_in_order_round_and_round(engine):
    recorded = counted(LENGTHS)
    length = len(recorded.at)
    assert length == 37
    steps, rounds = 4, 37  # 4 rounds of 37 steps
    blocks = blocks_of(counter_engine(engine, Keeper(steps_per_update=steps)), rounds)
    seen = np.concatenate([each.observation for each in blocks])[..., 0]
    begin = int(first_step(np.uint32(0), length))
    for column in range(3):
        wanted = (begin + column * length // 3 + np.arange(steps * rounds)) % length
        np.testing.assert_array_equal(seen[:, column], recorded.frames[recorded.at[wanted], 0])
        for name in ("action", "reward", "terminated", "truncated"):
            got = np.concatenate([getattr(each, name)[:, column] for each in blocks])
            np.testing.assert_array_equal(got, getattr(recorded, name)[wanted])
    assert sum(wrong_steps(each) for each in blocks) == 0
    assert strangers(blocks) == 0


@ENGINES
def test_the_recording_that_does_not_mark_its_end_is_caught(engine):
    recorded = counted(LENGTHS)
    truncated = recorded.truncated.copy()
    truncated[-1] = False  # the broken twin: the last episode, of 9 steps, is not marked as truncated
    blocks = blocks_of(
        counter_engine(engine, Keeper(), recorded=dataclasses.replace(recorded, truncated=truncated)), 40
    )
    assert strangers(blocks) > 0


@pytest.mark.thorough(after=1)
@ENGINES
@pytest.mark.parametrize("own_play", [0.25, 0.5, 0.7])
def test_mixed_with_own_play_nothing_is_joined_that_did_not_follow(engine, own_play, monkeypatch):
    def played():
        return blocks_of(counter_engine(engine, Keeper(), own_play), 60)

    blocks, rule = played(), study(counted(LENGTHS), own_play)
    own = np.array([(each.observation > 10_000).all() for each in blocks])
    assert all((each.observation > 10_000).all() or (each.observation < 10_000).all() for each in blocks)
    assert own.tolist() == [bool(rule.is_own(i)) for i in range(60)]
    assert own.sum() == int(60 * Fraction(own_play).limit_denominator(1000))
    assert strangers(blocks) == 0
    assert sum(wrong_steps(each) for each in blocks) == 0
    # Own play continues where it was: without the recorded blocks in between, no step is missing.
    mine = [each for each, is_own in zip(blocks, own, strict=True) if is_own]
    seen, following = (np.concatenate([getattr(each, name) for each in mine])[..., 0] for name in
                       ("observation", "next_observation"))  # fmt: skip
    new = seen[1:] % 100 == 0
    assert (seen[1:][~new] == following[:-1][~new]).all()
    jax.clear_caches()
    monkeypatch.setattr(module, "cut", lambda steps, _: steps)  # the broken twin
    monkeypatch.setattr("zerone.engines.host.cut", lambda steps, _: steps)
    assert strangers(played()) > 10
    jax.clear_caches()


def test_both_engines_give_the_same_blocks():
    compiled, host = (blocks_of(counter_engine(kind, Keeper()), 20, seed=5) for kind in ("compiled", "host"))
    for one, other in zip(compiled, host, strict=True):
        assert equal_bits(one, other)


@pytest.mark.thorough(after=1)
@ENGINES
@SHARES
def test_what_act_remembers_is_made_for_recorded_steps_too(engine, own_play):
    blocks = blocks_of(counter_engine(engine, Remembering(), own_play), 20)
    noises = np.concatenate([each.extras["noise"] for each in blocks]).reshape(-1)
    assert len(np.unique(noises)) == len(noises)  # new for every step
    for each in blocks:
        np.testing.assert_array_equal(each.extras["twice"], 2 * each.observation)
    recorded = counted(LENGTHS)
    wanted = (int(first_step(np.uint32(0), 37)) + np.arange(4)) % 37
    np.testing.assert_array_equal(blocks[0].action[:, 0], recorded.action[wanted])  # not those of `act`


def _studied(algorithm, seeds, own_play, stops=(LAST,), batch=False):
    engine = Compiled(algorithm, TABLE, batch=batch)
    engine.learn_from(study(WALK, own_play))
    carries, begin = [engine.init(seed) for seed in seeds], 0
    for stop in stops:
        carries = engine.advance(carries, seeds, [begin] * len(seeds), stop)
        begin = stop
    engine.close()
    return carries


@pytest.mark.thorough(after=1)
@EACH
@SHARES
def test_chunks_resuming_and_other_seeds_change_no_bit(algorithm, own_play):
    (whole,) = _studied(algorithm, [3], own_play)
    (in_parts,) = _studied(algorithm, [3], own_play, stops=(1, 2, 9, 30, LAST))
    assert equal_bits(whole, in_parts)
    together = _studied(algorithm, [4, 3, 1], own_play)
    assert equal_bits(whole, together[1])
    assert not equal_bits(whole.state, together[0].state)  # each seed reads from its own position
    engine = Compiled(algorithm, TABLE)
    engine.learn_from(study(WALK, own_play))
    (carry,) = engine.advance([engine.init(3)], [3], [0], 17)
    saved = jax.tree.map(np.asarray, engine.saved(carry))
    (resumed,) = engine.advance([engine.resume(saved, 3, 17)], [3], [17], LAST)
    engine.close()
    assert equal_bits(whole, resumed)


@pytest.mark.thorough(after=1)
@SHARES
def test_a_batch_under_vmap_agrees_with_the_seeds_alone(own_play):
    seeds = [3, 1, 4]
    alone, batch = (_studied(QLearning(), seeds, own_play, stops=(12,), batch=each) for each in (False, True))
    for one, other in zip(alone, batch, strict=True):
        np.testing.assert_allclose(one.state.policy, other.state.policy, rtol=1e-3, atol=1e-4)


def test_on_the_host_a_pure_study_that_was_resumed_ends_with_the_same_bits():
    def engine():
        made = counter_engine("host", small_dqn())
        return made

    first = engine()
    (whole,) = first.advance([first.init(1)], [1], [0], 30)
    second = engine()
    (half,) = second.advance([second.init(1)], [1], [0], 13)
    saved = jax.tree.map(np.asarray, second.saved(half))
    third = engine()
    (resumed,) = third.advance([third.resume(saved, 1, 13)], [1], [13], 30)
    assert equal_bits(whole.state, resumed.state)
    for each in (first, second, third):
        each.close()


@pytest.mark.parametrize("environments", [1, 3])
def test_q_learning_from_a_recording_is_that_of_numpy(environments):
    """Compared with eq. 6.8 in NumPy, along the recorded steps in their order."""
    algorithm, iterations, seed = QLearning(learning_rate=0.3, environments=environments), 400, 7
    engine = Compiled(algorithm, TABLE)
    engine.learn_from(study(WALK))
    (carry,) = engine.advance([engine.init(seed)], [seed], [0], iterations)
    engine.close()
    values, length = np.zeros((4, 2)), len(WALK.at)
    begin = int(first_step(np.uint32(seed), length))
    for i in range(iterations):
        for column in range(environments):
            at = (begin + column * length // environments + i) % length
            state, following = WALK.frames[WALK.at[at]], WALK.frames[WALK.at[at] + 1]
            bootstrap = 0.0 if WALK.terminated[at] else 0.9 * values[following].max()
            action = WALK.action[at]
            values[state, action] += 0.3 * (WALK.reward[at] + bootstrap - values[state, action])
    np.testing.assert_allclose(carry.state.policy, values, rtol=1e-4, atol=1e-5)
    assert np.abs(values).max() > 0.5


@configured
class Forbidden(Far):
    """An environment that must not be stepped."""

    def step(self, key, state, action):
        del key, state, action
        raise AssertionError("the environment was stepped")


@pytest.mark.thorough
def test_a_pure_study_steps_no_compiled_environment():
    for own_play, touched in ((None, False), (0.5, True)):
        engine = Compiled(small_dqn(), TimeLimit(Forbidden(), 5))
        engine.learn_from(study(counted(LENGTHS), own_play))
        if touched:
            with pytest.raises(AssertionError, match="was stepped"):
                engine.advance([engine.init(0)], [0], [0], 20)
        else:
            engine.advance([engine.init(0)], [0], [0], 20)
        engine.close()


def test_a_pure_study_makes_resets_and_steps_no_gymnasium_environment():
    touched = []

    class Counting(FarEnv):
        def reset(self, **words):
            touched.append("reset")
            return super().reset(**words)

        def step(self, action):
            touched.append("step")
            return super().step(action)

    for own_play, steps in ((None, 0), (0.25, 5 * 4)):
        touched.clear()
        engine = Host(small_dqn(), lambda number, seed: make_vector(Counting, "Counting-v0", number, seed))
        engine.learn_from(study(counted(LENGTHS), own_play))
        engine.advance([engine.init(0)], [0], [0], 20)
        assert touched.count("step") == steps
        assert ("reset" in touched) == (steps > 0)
        engine.close()


def test_the_log_counts_only_what_was_played():
    for engine in ("compiled", "host"):
        made = counter_engine(engine, Keeper(), None)
        (carry,) = made.advance([made.init(0)], [0], [0], 30)
        row, _ = made.report(carry, 0, 30)
        assert (row["episodes"], row["return"], row["length"]) == (0, None, None)
        made.close()
        made = counter_engine(engine, Keeper(), 0.5)
        (carry,) = made.advance([made.init(0)], [0], [0], 30)
        row, carry = made.report(carry, 0, 30)
        assert row["episodes"] > 10
        assert float(row["length"]) == float(row["return"]) <= 5  # a reward of 1 per step
        made.close()


def test_another_recording_of_the_same_size_compiles_nothing(compilations):
    engine = Compiled(QLearning(), TABLE)
    engine.learn_from(study(WALK, 0.3))
    engine.advance([engine.init(0)], [0], [0], 5)
    before = compilations()
    other = dataclasses.replace(WALK, reward=WALK.reward + 1)
    engine.learn_from(study(other, 0.7))
    engine.advance([engine.init(0)], [0], [0], 5)
    engine.close()
    assert compilations() == before


@pytest.mark.thorough(after=1)
@SHARES
def test_neither_the_memory_nor_the_recording_is_copied(own_play):
    environment, algorithm = TimeLimit(Far(), 5), small_dqn(memory=123_457, steps_per_update=8)
    carry = Compiled(algorithm, environment).saved_example()
    number, seed = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((), jnp.uint32)
    recorded = counted([76_543])
    program = _advance.lower(algorithm, environment, carry, seed, number, number, study(recorded, own_play)).compile()
    assert new_arrays(program, 123_457) == 0
    assert new_arrays(program, 76_543) == new_arrays(program, 76_544) == 0
    assert len(program.as_text()) < 1_000_000  # it would be longer if it contained the 76,543 numbers
