"""The replay memory overwrites the oldest items first, draws only filled slots, and is written in place."""

import collections
import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from toys import new_arrays

from zerone.base.errors import InputError
from zerone.parts import sum_tree
from zerone.parts.replay import Memory, Prioritized, Sequences, Uniform, gather
from zerone.parts.sum_tree import WIDTH

ITEM = {"x": jax.ShapeDtypeStruct((2,), jnp.float32), "n": jax.ShapeDtypeStruct((), jnp.int32)}


def items(first, count):
    numbers = np.arange(first, first + count)
    return {"x": np.stack([numbers, -numbers], 1).astype(np.float32), "n": numbers.astype(np.int32)}


INIT = jax.jit(lambda replay: replay.init(ITEM))
ADD = jax.jit(lambda replay, *rest: replay.add(*rest))
READ = jax.jit(gather)
DRAWN = jax.jit(
    lambda replay, memory, key, number: replay.sample(memory, replay.noise(key, (number,)))[0], static_argnums=3
)


@given(st.sampled_from([1, 4, 7]), st.lists(st.sampled_from([1, 3, 4, 7]), max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_ring_holds_what_a_deque_holds(capacity, counts):
    replay, model, written = Uniform(capacity), collections.deque(maxlen=capacity), 0
    memory = INIT(replay)
    for wanted in counts:  # any number up to the capacity, often more than remain before the end of the ring
        count = min(wanted, capacity)
        memory = ADD(replay, memory, items(written, count))
        model.extend(range(written, written + count))
        written += count
    assert int(memory.size) == len(model)
    assert int(memory.cursor) == written % capacity
    held = jax.tree.map(lambda x: np.asarray(x)[: int(memory.size)], READ(memory, np.arange(capacity)))
    assert sorted(held["n"].tolist()) == sorted(model)
    np.testing.assert_array_equal(held["x"], np.stack([held["n"], -held["n"]], 1))


def _slots(replay, memory, number):
    return np.asarray(DRAWN(replay, memory, jax.random.key(0), number))


@pytest.mark.parametrize("filled", [1, 3, 10])
def test_slots_that_were_never_filled_are_never_drawn(filled):
    replay = Uniform(10)
    memory = ADD(replay, INIT(replay), items(5, filled))
    assert set(_slots(replay, memory, 2000)) == set(range(filled))
    if filled < 10:  # the broken twin draws from the whole capacity
        whole = np.random.default_rng(0).integers(replay.capacity, size=2000)
        assert whole.max() >= filled


def test_every_filled_slot_is_as_likely():
    replay = Uniform(16)
    memory = ADD(replay, INIT(replay), items(0, 12))
    counts = np.bincount(_slots(replay, memory, 60_000), minlength=12)
    assert stats.chisquare(counts).pvalue > 1e-6
    skewed = np.floor(12 * np.random.default_rng(0).random(60_000) ** 1.05).astype(int)
    assert stats.chisquare(np.bincount(skewed, minlength=12)).pvalue < 1e-6


def test_reading_keeps_the_shape_of_the_slots():
    replay = Uniform(4)
    held = READ(ADD(replay, INIT(replay), items(0, 4)), np.array([[0, 1, 2], [3, 3, 3]]))
    np.testing.assert_array_equal(held["n"], [[0, 1, 2], [3, 3, 3]])
    assert held["x"].shape == (2, 3, 2)


@pytest.mark.parametrize("rule", [Uniform, Prioritized])
@given(skips=st.lists(st.integers(0, 5), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_skipped_items_leave_no_trace(rule, skips):
    replay, model = rule(7), collections.deque(maxlen=7)
    memory = INIT(replay)
    for turn, skipped in enumerate(skips):
        memory = ADD(replay, memory, items(10 * turn, 5), skipped)
        model.extend(range(10 * turn + skipped, 10 * turn + 5))
    size = int(memory.size)
    assert sorted(np.asarray(memory.data["n"])[:size].tolist()) == sorted(model)
    assert not np.asarray(memory.data["n"])[size:].any()
    if rule is Prioritized:
        tree = memory.priorities
        np.testing.assert_array_equal(np.ravel(tree.slots), np.arange(WIDTH) < size)
        assert float(tree.total) == size


def test_a_memory_without_room_is_refused():
    with pytest.raises(InputError, match="capacity = 0"):
        Uniform(0)


class Copying(Uniform):
    """A broken twin: a branch on the size, so that the whole memory is copied at every step."""

    def add(self, memory: Memory, batch: dict, skipped: int = 0) -> Memory:
        del skipped
        return jax.lax.cond(memory.size < 0, lambda m: m, lambda m: Uniform.add(self, m, batch), memory)


class Selecting(Uniform):
    """A broken twin: selects the old or the new memory slot by slot."""

    def add(self, memory: Memory, batch: dict, skipped: int = 0) -> Memory:
        del skipped
        added = Uniform.add(self, memory, batch)
        return jax.tree.map(lambda new, old: jnp.where(memory.size >= 0, new, old), added, memory)


def _advance(replay):
    """A compiled loop like that of the engine: add some items, draw some, and use them."""

    def advance(memory, count):
        def one(i, carry):
            memory, total = carry
            new = {"x": jnp.full((4, 2), total), "n": jnp.full(4, i)}
            memory = replay.add(memory, new)
            noise = replay.noise(jax.random.fold_in(jax.random.key(0), i), (8,))
            slots, weights = replay.sample(memory, noise, 0.5)
            error = weights * gather(memory, slots)["x"][:, 0]
            memory = dataclasses.replace(memory, priorities=replay.update_priorities(memory.priorities, slots, error))
            return memory, total + error.mean()

        return jax.lax.fori_loop(0, count, one, (memory, jnp.float32(1)))

    return jax.jit(advance, donate_argnums=0)


def _new_memories(kind):
    replay = kind(123_457)
    program = _advance(replay).lower(jax.eval_shape(replay.init, ITEM), jnp.int32(10)).compile()
    # Priorities are stored in groups, so the first axis of a tree's largest array is shorter.
    return new_arrays(program, replay.capacity) + new_arrays(program, -(-replay.capacity // WIDTH))


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("rule", [Uniform, Prioritized])
def test_the_compiled_loop_never_copies_the_memory(rule):
    assert _new_memories(rule) == 0


class ReadingAgain(Prioritized):
    """A broken twin of the tree: reads priorities again after drawing, so that the compiler needs a copy."""

    def sample(self, memory, noise, correction=1.0):
        slots, _ = Prioritized.sample(self, memory, noise, correction)
        tree = memory.priorities
        return slots, (tree.least / sum_tree.priority(tree, slots)) ** correction

    def update_priorities(self, priorities, slots, error):
        del error  # like a TD error, the new priorities do not depend on the weights
        return Prioritized.update_priorities(self, priorities, slots, jnp.sin(slots))


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize("broken", [Copying, Selecting, ReadingAgain])
def test_the_detector_of_a_copied_memory_catches_its_broken_twins(broken):
    assert _new_memories(broken) > 0


def _steps_per_second(replay, steps):
    advance = _advance(replay)
    memory = jax.jit(replay.init)({name: jnp.zeros(x.shape, x.dtype) for name, x in ITEM.items()})
    memory, _ = jax.block_until_ready(advance(memory, 10))
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        memory, _ = jax.block_until_ready(advance(memory, steps))
        best = max(best, steps / (time.perf_counter() - started))
    return best


# A copy of the memory at each step would reduce the speed to 2% every time. A tree of a million is a level deeper, and
# does not fit into the cache if other processes use it, so only one of five turns has to be fast.
@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("rule", "share"), [(Uniform, 0.5), (Prioritized, 0.2)])
def test_a_memory_of_a_million_is_nearly_as_fast_as_one_of_ten_thousand(rule, share):
    turns = ([_steps_per_second(rule(capacity), 2000) for capacity in (10**6, 10**4)] for _ in range(5))
    assert any(large > share * small for large, small in turns)


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize(("written", "capacity"), [(7, 20), (10, 20), (23, 20), (31, 21)])
def test_sequences_are_steps_of_one_environment_one_after_the_other(written, capacity):
    """Rows are blocks of 2 environments. Each item has its environment and the time of writing."""
    length, environments = 4, 2
    replay = Sequences(capacity, length, 0, environments)
    memory = replay.init({"who": jnp.int32(0), "when": jnp.int32(0)})
    add = jax.jit(replay.add)
    for t in range(written):
        memory = add(memory, {"who": jnp.arange(2, dtype=jnp.int32), "when": jnp.full(2, t, jnp.int32)})
    noise = replay.noise(jax.random.key(0), (400 * length,))
    slots, weights = replay.sample(memory, noise)
    assert slots.shape == weights.shape == (length, 400)
    found = jax.device_get(gather(memory, slots))
    assert (found["who"] == found["who"][:1]).all()
    np.testing.assert_array_equal(found["when"], found["when"][:1] + np.arange(length)[:, None])
    kept = min(2 * written, capacity)
    oldest = (2 * written - kept + 1) // 2  # with an odd capacity half of the oldest row is left
    assert set(found["when"][0]) == set(range((2 * written - kept) // 2, written - length + 1)) | {oldest}
    # Broken twin: takes consecutive slots, which belong to alternating environments.
    twin = Sequences(capacity, length, 0, 1).sample(memory, noise)[0]
    assert not (np.diff(gather(memory, twin)["who"], axis=0) == 0).all()
