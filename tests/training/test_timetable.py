"""The times of events in a training: at whole updates, never after the end, and independent of the chunk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import small_dqn, small_ppo

from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.training.timetable import describe, make_timetable, read

ALGORITHMS = st.sampled_from([QLearning(), small_dqn(), small_ppo(), QLearning(environments=7)])
EVERY = st.none() | st.integers(1, 3000)
PLANS = st.builds(make_timetable, ALGORITHMS, st.integers(1, 5000), EVERY, EVERY)


def stops(plan, chunk):
    """The steps at which the host acts, from the start to the end."""
    iteration, found = 0, []
    while iteration < plan.total:
        following = plan.next_stop(iteration, chunk)
        assert iteration < following <= plan.total
        assert following - iteration <= chunk
        iteration = following
        found.append(iteration)
    return found


@given(PLANS, st.integers(1, 400))
def test_the_host_looks_whenever_something_is_due_and_ends_at_the_end(plan, chunk):
    found = set(stops(plan, chunk))
    for period in (plan.report_every, plan.evaluate_every, plan.save_every):
        due = {i for i in range(1, plan.total + 1) if plan.due(i, period)}
        assert due == {*range(period, plan.total + 1, period), plan.total}
        assert due <= found


@given(PLANS, st.integers(1, 50), st.integers(1, 400))
def test_the_chunk_changes_nothing_but_how_often_the_host_looks(plan, chunk, other):
    def rows(chunk):
        return [i for i in stops(plan, chunk) if plan.has_row(i)]

    assert rows(chunk) == rows(other)


@given(PLANS)
def test_every_row_begins_where_the_one_before_ended(plan):
    last = 0
    for i in range(1, plan.total + 1):
        if plan.has_row(i):
            assert plan.row_before(i) == last
            last = i
    assert last == plan.total


@given(ALGORITHMS, st.integers(1, 5000))
def test_as_many_steps_are_played_as_asked_and_at_most_one_update_more(algorithm, steps):
    plan = make_timetable(algorithm, steps)
    assert plan.block == algorithm.steps_per_update * algorithm.environments
    assert steps <= plan.total * plan.block < steps + plan.block
    assert describe(plan)["steps"] == plan.total * plan.block


@given(ALGORITHMS, st.integers(1, 5000), EVERY, EVERY)
def test_a_plan_that_was_described_is_read_back(algorithm, steps, evaluate_every, save_every):
    plan = make_timetable(algorithm, steps, evaluate_every, save_every)
    assert read(algorithm, describe(plan)) == plan


@given(st.integers(100, 5_000))
def test_there_are_about_twenty_evaluations_and_a_hundred_rows(steps):
    plan = make_timetable(QLearning(), steps)
    assert 20 <= plan.total / plan.evaluate_every < 24
    assert 60 <= sum(plan.has_row(i) for i in range(1, plan.total + 1)) <= 120
    alone = make_timetable(QLearning(), steps, evaluate_every=steps)
    assert 50 <= sum(alone.has_row(i) for i in range(1, alone.total + 1)) <= 100
    assert plan.save_every == plan.evaluate_every


@pytest.mark.parametrize("name", ["steps", "evaluate_every", "save_every"])
@pytest.mark.parametrize("value", [0, -5, 1.5, True, "9"])
def test_what_is_no_whole_number_of_steps_is_refused(name, value):
    with pytest.raises(InputError, match=rf"^{name} = .* must be a whole number, from 1 to \d+$"):
        make_timetable(QLearning(), **{"steps": 100, name: value})


@pytest.mark.parametrize(
    ("algorithm", "most"),
    [
        (QLearning(), 2**31 - 1),
        (QLearning(environments=64), 2**31 - 64),
        (small_dqn(updates=1, steps_per_update=1, environments=1), 2**31 - 1),
        (small_dqn(updates=10, steps_per_update=5, environments=1), (2**31 - 1) // 10 * 5),
    ],
)
def test_no_counter_of_steps_or_gradient_updates_needs_more_than_32_bits(algorithm, most):
    plan = make_timetable(algorithm, most)
    assert plan.total * plan.block == most
    assert plan.total * getattr(algorithm, "updates", 1) < 2**31
    assert read(algorithm, describe(plan)) == plan
    for steps in (most + 1, 3_000_000_000, 10**30):
        with pytest.raises(
            InputError, match=f"steps = {steps} is not allowed: must be a whole number, from 1 to {most}"
        ):
            make_timetable(algorithm, steps)
        with pytest.raises(InputError, match=r"^steps = .* is not allowed"):
            read(algorithm, describe(plan) | {"steps": steps // plan.block * plan.block + plan.block})


@pytest.mark.parametrize("what", ["evaluate_every", "save_every"])
def test_what_is_due_later_than_any_step_is_refused(what):
    with pytest.raises(InputError, match=what):
        make_timetable(QLearning(), 100, **{what: 2**31})
