"""The sum tree draws in proportion to priorities, never draws empty slots, and has exact minima and maxima."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from zerone.base.errors import InputError
from zerone.parts import sum_tree
from zerone.parts.replay import Prioritized
from zerone.parts.sum_tree import MAX, MIN, SUM, WIDTH, SumTree

CAPACITIES = pytest.mark.parametrize("capacity", [1, 2, 15, 16, 17, 256, 257, 5000])
ITEM = {"n": jax.ShapeDtypeStruct((), jnp.int32)}
# Each is one program per shape; without `jit` there would be dozens.
EMPTY, PRIORITY = jax.jit(sum_tree.empty, static_argnums=0), jax.jit(sum_tree.priority)
CHANGE, FIND = jax.jit(sum_tree.change), jax.jit(sum_tree.find)
INIT, ADD = jax.jit(lambda replay: replay.init(ITEM)), jax.jit(Prioritized.add)


@jax.jit
def learnt(replay, memory, slots, error):
    """The memory after the priorities of `slots` are set from their errors."""
    return dataclasses.replace(memory, priorities=replay.update_priorities(memory.priorities, slots, error))


@functools.partial(jax.jit, static_argnames="number")
def drawn(replay, memory, seed, number, correction):
    """The slots and weights of a minibatch."""
    return replay.sample(memory, replay.noise(jax.random.key(seed), (number,)), correction)


def first(number):
    return np.arange(number, dtype=np.int32)


def filled(capacity, priorities):
    return CHANGE(EMPTY(capacity), first(len(priorities)), np.asarray(priorities, np.float32))


def is_exact(tree):
    """Whether every node equals the sum, minimum and maximum of its children in NumPy."""
    below = np.asarray(tree.slots)
    below = np.stack([below, np.where(below > 0, below, np.inf), below], -1)
    for level in map(np.asarray, tree.levels):
        nodes = level.reshape(-1, 3)[: len(below)]
        held = np.allclose(nodes[:, SUM], below[..., SUM].sum(1, dtype=np.float64), rtol=1e-6)
        held &= np.array_equal(nodes[:, MIN], below[..., MIN].min(1))
        held &= np.array_equal(nodes[:, MAX], below[..., MAX].max(1))
        if not held:
            return False
        below = level
    return len(tree.levels[-1]) == 1


@pytest.mark.thorough(after=5)
@CAPACITIES
def test_every_node_is_the_sum_least_and_largest_of_its_children(capacity):
    random = np.random.default_rng(capacity)
    tree = EMPTY(capacity)
    assert is_exact(tree)
    truth = np.zeros(capacity, np.float32)
    for _ in range(10):
        slots = random.permutation(capacity)[: max(1, capacity // 3)].astype(np.int32)
        truth[slots] = random.random(len(slots), np.float32)
        tree = CHANGE(tree, slots, truth[slots])
        assert is_exact(tree)
        assert float(tree.total) == pytest.approx(truth.sum(dtype=np.float64), rel=1e-6)
        assert float(tree.least) == truth[truth > 0].min()
        assert float(tree.largest) == truth.max()
        np.testing.assert_array_equal(PRIORITY(tree, first(capacity)), truth)


def test_least_and_largest_are_right_at_once_when_they_are_overwritten():
    tree = filled(100, [3.0, 9.0, 1.0, 5.0])
    for slot, value, least, largest in ((1, 2.0, 1.0, 5.0), (2, 4.0, 2.0, 5.0), (3, 2.5, 2.0, 4.0), (0, 0.5, 0.5, 4.0)):
        tree = CHANGE(tree, np.array([slot], np.int32), np.array([value], np.float32))
        assert (float(tree.least), float(tree.largest)) == (least, largest)
    tree = CHANGE(tree, first(4), np.zeros(4, np.float32))
    assert (float(tree.least), float(tree.largest), float(tree.total)) == (np.inf, 0, 0)


@pytest.mark.thorough(after=5)
@CAPACITIES
def test_the_slot_found_is_where_the_running_sum_passes_the_share(capacity):
    priorities = np.random.default_rng(capacity).integers(1, 9, capacity)  # integers, which float32 adds exactly
    tree = filled(capacity, priorities)
    share = (np.arange(997) + 0.5).astype(np.float32) / 997
    slots, found = FIND(tree, share)
    running = np.cumsum(priorities)
    expected = np.searchsorted(running, share * np.float32(running[-1]), side="right")
    # At the border between two slots the result depends on rounding.
    near = np.abs(running[expected, None][:, 0] - share * running[-1]) < 1e-2
    near |= np.abs(running[np.maximum(expected - 1, 0)] - share * running[-1]) < 1e-2
    np.testing.assert_array_equal(np.asarray(slots)[~near], expected[~near])
    np.testing.assert_array_equal(found, priorities[np.asarray(slots)])


def test_draws_are_in_proportion_to_the_priorities():
    capacity, batch, draws = 60, 64, 2000
    priorities = np.random.default_rng(5).random(50) ** 3
    tree = filled(capacity, priorities)
    noise = np.random.default_rng(0).random((draws, batch), np.float32)
    found = np.asarray(jax.jit(jax.vmap(lambda u: sum_tree.find(tree, u)[0]))(noise)).ravel()
    independent = np.random.default_rng(6).choice(50, draws * batch, p=priorities / priorities.sum())
    expected = draws * batch * priorities / priorities.sum()
    for each in (found, independent):
        assert stats.chisquare(np.bincount(each, minlength=50), expected).pvalue > 1e-6
    assert stats.chisquare(np.bincount(found, minlength=50), np.full(50, draws * batch / 50)).pvalue < 1e-6


def test_a_stratified_batch_has_each_slot_as_often_as_expected_up_to_one_draw():
    replay, batch = Prioritized(20), 100
    memory = ADD(replay, INIT(replay), {"n": first(20)})
    wanted = np.random.default_rng(1).random(20).astype(np.float32)
    memory = dataclasses.replace(memory, priorities=CHANGE(memory.priorities, first(20), wanted))
    expected = batch * wanted / wanted.sum()
    for seed in range(5):
        slots, _ = drawn(replay, memory, seed, batch, 1.0)
        assert np.abs(np.bincount(slots, minlength=20) - expected).max() < 2
    loose = np.random.default_rng(0).choice(20, (20, batch), p=wanted / wanted.sum())  # the twin: no strata
    assert max(np.abs(np.bincount(each, minlength=20) - expected).max() for each in loose) > 2


@pytest.mark.parametrize("share", [0.0, 0.5, np.nextafter(np.float32(1), np.float32(0)), 1.0, 2.0])
@pytest.mark.parametrize("filling", [1, 16, 17, 300])
def test_whatever_is_rounded_no_empty_slot_is_found(share, filling):
    tree = filled(4096, np.random.default_rng(0).random(filling) + 1e-3)
    slots, found = FIND(tree, np.full(3, share, np.float32))
    assert (np.asarray(slots) < filling).all()
    assert (np.asarray(found) > 0).all()


def _many_changes(change, rounds, batch=128, capacity=4096, used=2500):
    """Change random used slots for many rounds; then set all priorities to almost 0."""

    def one(i, tree):
        slot_key, size_key = jax.random.split(jax.random.fold_in(jax.random.key(0), i))
        start = jax.random.randint(slot_key, (), 0, used)
        slots = (start + 7 * jnp.arange(batch)) % used  # 7 and 2500 are coprime: no slot occurs twice
        return change(tree, slots.astype(jnp.int32), jax.random.uniform(size_key, (batch,)))

    def run(tree):
        tree = jax.lax.fori_loop(0, rounds, one, tree)
        return change(tree, jnp.arange(used, dtype=jnp.int32), jnp.full(used, 1e-6))

    return jax.jit(run)(EMPTY(capacity))


def _by_adding(tree: SumTree, slots, priorities) -> SumTree:
    """The broken twin: adds the change of a slot to all nodes above it, so rounding errors accumulate."""
    node, place = slots // WIDTH, slots % WIDTH
    change = priorities - tree.slots[node, place]
    levels = []
    for level in tree.levels:
        node, place = node // WIDTH, node % WIDTH
        levels.append(level.at[node, place, SUM].add(change))
    return SumTree(tree.slots.at[slots // WIDTH, slots % WIDTH].set(priorities), tuple(levels))


def _evenly_drawn(tree, used=2500, draws=50_000):
    """How often each used slot is drawn if all used slots have the same priority, and how often empty ones are."""
    slots, _ = FIND(tree, np.random.default_rng(1).random(draws, np.float32))
    counts = np.bincount(slots, minlength=4096)
    return counts[:used], counts[used:].sum()


@pytest.mark.thorough
def test_a_million_changes_and_a_drop_leave_no_drift():
    tree = _many_changes(sum_tree.change, 8000)  # of 128 slots each
    assert is_exact(tree)
    counts, empty = _evenly_drawn(tree)
    assert empty == 0
    assert stats.chisquare(counts).pvalue > 1e-6


def test_the_detector_of_drift_catches_a_tree_that_adds_changes_up():
    tree = _many_changes(_by_adding, 1600)
    # The root's sum exceeds the sum of the slots: draws in the difference would hit empty slots.
    promised, there = float(tree.total), float(np.asarray(tree.slots).sum(dtype=np.float64))
    assert abs(promised - there) > 0.02 * there
    assert not is_exact(tree)
    counts, _ = _evenly_drawn(tree)
    assert stats.chisquare(counts).pvalue < 1e-6


def test_weights_are_the_papers_and_never_above_one():
    replay = Prioritized(40, exponent=0.7, floor=0.05, limit=2.0)
    error = np.random.default_rng(0).normal(size=25).astype(np.float32) * 3
    memory = learnt(replay, ADD(replay, INIT(replay), {"n": first(25)}), first(25), error)
    priority = (np.minimum(np.abs(error), 2.0) + 0.05) ** 0.7
    probability = priority / priority.sum()
    for correction in (0.0, 0.4, 1.0):
        slots, weights = drawn(replay, memory, 1, 64, correction)
        every = (25 * probability) ** -correction
        np.testing.assert_allclose(weights, (every / every.max())[slots], rtol=1e-5)
        assert float(weights.max()) <= 1.0
    with_empty = (40 * np.append(probability, 1e-9)) ** -1.0  # the broken twin's maximum includes empty slots
    assert (every / with_empty.max()).max() < 0.01


def test_what_is_new_enters_with_the_largest_priority_that_is_there_now():
    replay = Prioritized(6, exponent=1.0, floor=0.5, limit=100.0)
    memory = ADD(replay, INIT(replay), {"n": first(4)})
    np.testing.assert_array_equal(np.ravel(memory.priorities.slots)[:6], [1, 1, 1, 1, 0, 0])

    memory = learnt(replay, memory, first(4), np.array([-8.0, 2.0, 0.0, 1.0], np.float32))
    np.testing.assert_array_equal(np.ravel(memory.priorities.slots)[:6], [8.5, 2.5, 0.5, 1.5, 0, 0])
    memory = learnt(
        replay, memory, first(1), np.ones(1, np.float32)
    )  # the largest one is lowered: a maximum that only grows would now be wrong
    memory = ADD(replay, memory, {"n": first(3)})
    np.testing.assert_array_equal(np.ravel(memory.priorities.slots)[:6], [2.5, 2.5, 0.5, 1.5, 2.5, 2.5])
    memory = learnt(replay, memory, first(6), np.full(6, 0.25, np.float32))  # also if all are below the initial 1
    memory = ADD(replay, memory, {"n": first(3)})
    np.testing.assert_array_equal(np.ravel(memory.priorities.slots)[:6], [0.75] * 6)


def test_without_an_exponent_it_is_uniform_replay():
    replay = Prioritized(50, exponent=0.0)
    memory = ADD(replay, INIT(replay), {"n": first(30)})
    memory = learnt(replay, memory, first(30), np.linspace(-5.0, 5.0, 30, dtype=np.float32))
    slots, weights = drawn(replay, memory, 0, 30, 0.4)
    np.testing.assert_array_equal(slots, np.arange(30))  # thirty strata with one slot each
    np.testing.assert_array_equal(weights, 1.0)


@pytest.mark.parametrize(
    "wrong", [{"exponent": 1.5}, {"exponent": -0.1}, {"floor": 0.0}, {"limit": 0.0}, {"capacity": 0}]
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match=f"Prioritized: {next(iter(wrong))} = "):
        Prioritized(**wrong)
