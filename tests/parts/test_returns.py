"""Targets, advantages and losses, compared with NumPy, closed forms and examples by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from toys import chain, cycle

from zerone.parts import returns

JITTED = pytest.mark.parametrize("jit", [lambda f: f, jax.jit], ids=["eager", "jit"])


@JITTED
def test_pick_takes_the_value_of_each_action(jit):
    values = jnp.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    np.testing.assert_array_equal(jit(returns.pick)(values, jnp.array([[1, 0], [0, 1]])), [[2, 3], [5, 8]])


@JITTED
def test_one_step_target_masks_only_what_terminated(jit):
    reward, next_value = jnp.array([1.0, -2.0, 0.5]), jnp.array([10.0, 20.0, -4.0])
    target = jit(returns.one_step_target)(reward, jnp.array([False, True, False]), 0.5, next_value)
    np.testing.assert_allclose(target, [6.0, -2.0, -1.5])


@JITTED
def test_a_terminal_state_whose_value_is_no_number_does_not_spoil_the_target(jit):
    target = jit(returns.one_step_target)(jnp.ones(1), jnp.ones(1, bool), 0.9, jnp.array([jnp.inf]))
    np.testing.assert_array_equal(target, [1.0])


@JITTED
def test_natural_and_double_targets_on_numbers_worked_by_hand(jit):
    online, target = jnp.array([[1.0, 3.0, 2.0]]), jnp.array([[7.0, 4.0, 5.0]])
    np.testing.assert_array_equal(jit(returns.max_value)(target), [7.0])
    np.testing.assert_array_equal(jit(returns.double_value)(online, target), [4.0])


@pytest.mark.parametrize("actions", [2, 10])
def test_a_maximum_over_m_noisy_values_overestimates_by_the_known_amount_and_double_does_not(actions):
    # Errors uniform in ±1 around 0: (m-1)/(m+1) for the maximum, 0 for the double estimate.
    trials = 40_000
    online, target = jax.random.uniform(jax.random.key(actions), (2, trials, actions), minval=-1.0)
    natural, double = returns.max_value(target), returns.double_value(online, target)
    five_errors = 5 / np.sqrt(trials)  # the deviation is below 1
    assert abs(natural.mean() - (actions - 1) / (actions + 1)) < five_errors
    assert abs(double.mean()) < five_errors
    assert abs(natural.mean()) > five_errors


@JITTED
def test_n_step_returns_on_numbers_worked_by_hand(jit):
    # γ = ½, n = 3. The third step is terminated, the sixth truncated; two more steps follow the last one of the block.
    reward = jnp.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0], [64.0], [128.0]])
    terminated, truncated = (jnp.zeros((8, 1), bool).at[i].set(True) for i in (2, 5))
    program = jit(lambda *x: returns.n_step_return(*x, 0.5, 3))
    total, counts, taken = (np.ravel(x) for x in program(reward, terminated, truncated))
    np.testing.assert_array_equal(total, [1 + 1 + 1, 2 + 2, 4, 8 + 8 + 8, 16 + 16, 32])
    np.testing.assert_array_equal(counts, [0, 0, 0, 1 / 8, 1 / 4, 1 / 2])
    np.testing.assert_array_equal(taken, [3, 2, 1, 3, 2, 1])


def _n_step_by_definition(reward, terminated, truncated, discount, n):
    """By loops over each environment's steps: add rewards until there are n, or the episode is over."""
    told = reward.shape[0] - n + 1, reward.shape[1]
    total, counts, taken = np.zeros(told), np.zeros(told), np.zeros(told, int)
    for t, i in np.ndindex(told):
        k, over = 0, False
        while k < n and not over:
            total[t, i] += discount**k * reward[t + k, i]
            over = terminated[t + k, i] or truncated[t + k, i]
            k += 1
        counts[t, i] = 0.0 if terminated[t + k - 1, i] else discount**k
        taken[t, i] = k
    return total, counts, taken


N_STEP = jax.jit(returns.n_step_return, static_argnums=4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 0.5))
@settings(max_examples=60, deadline=None)
def test_n_step_returns_are_those_of_the_definition(seed, n, discount, ends, cuts):
    random = np.random.default_rng(seed)
    shape = 6 + n - 1, 3
    reward = random.normal(size=shape).astype(np.float32)
    terminated, truncated = random.random(shape) < ends, random.random(shape) < cuts
    found = N_STEP(reward, terminated, truncated, np.float32(discount), n)
    for one, other in zip(found, _n_step_by_definition(reward, terminated, truncated, discount, n), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_one_step_is_the_one_step_target():
    random = np.random.default_rng(0)
    reward, value = random.normal(size=(2, 20, 4)).astype(np.float32)
    terminated, truncated = random.random((2, 20, 4)) < 0.3
    total, counts, _ = N_STEP(reward, terminated, truncated, 0.9, 1)
    np.testing.assert_array_equal(total, reward)
    np.testing.assert_allclose(total + counts * value, returns.one_step_target(reward, terminated, 0.9, value), 1e-6)


@JITTED
def test_dueling_values_are_those_of_equation_nine(jit):
    found = jit(returns.dueling_values)(jnp.array([[10.0], [0.0]]), jnp.array([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]]))
    np.testing.assert_allclose(found, [[8.0, 9.0, 13.0], [0.0, 0.0, 0.0]], atol=1e-6)


def _advantage_by_definition(reward, value, next_value, terminated, truncated, discount, decay):
    """Â_t = Σ_l (γλ)^l δ_{t+l} up to the end of the episode of t, by a double loop."""
    time, number = reward.shape
    result = np.zeros((time, number))
    for n in range(number):
        for t in range(time):
            for k in range(t, time):
                bootstrap = 0.0 if terminated[k, n] else next_value[k, n]
                error = reward[k, n] + discount * bootstrap - value[k, n]
                result[t, n] += (discount * decay) ** (k - t) * error
                if terminated[k, n] or truncated[k, n]:
                    break
    return result


def _rollout(seed, time, number):
    """Random rewards, values and ends. The next value of a step that is no end is the value of the following step."""
    random = np.random.default_rng(seed)
    reward, value, next_value = random.normal(size=(3, time, number)).astype(np.float32)
    terminated, truncated = random.random((2, time, number)) < 0.2
    next_value[:-1] = np.where((terminated | truncated)[:-1], next_value[:-1], value[1:])
    return reward, value, next_value, terminated, truncated


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_generalized_advantage_is_the_sum_of_its_definition(seed, discount, decay):
    rollout = _rollout(seed, 7, 3)
    found = jax.jit(returns.generalized_advantage)(*rollout, discount, decay)
    np.testing.assert_allclose(found, _advantage_by_definition(*rollout, discount, decay), rtol=1e-4, atol=1e-5)


def _discounted_to_the_end(reward, next_value, terminated, truncated, discount):
    """The return of each step up to the end of its episode, plus the last value if it was truncated."""
    result, later = np.zeros_like(reward, dtype=np.float64), next_value[-1].astype(np.float64)
    for t in reversed(range(len(reward))):
        later = np.where(terminated[t], 0.0, np.where(truncated[t], next_value[t], later))
        result[t] = later = reward[t] + discount * later
    return result


def _late_end(reward, value, next_value, terminated, truncated, discount, decay):
    """The broken twin: uses the flags of the step before, so the sum stops one step too late."""
    error = reward + discount * np.where(terminated, 0, next_value) - value
    over = np.concatenate([np.zeros_like(terminated[:1]), (terminated | truncated)[:-1]])
    result, later = np.zeros_like(error), np.zeros_like(error[0])
    for t in reversed(range(len(reward))):
        result[t] = later = error[t] + np.where(over[t], 0, discount * decay) * later
    return result


def _assert_lambda_one_is_return_minus_value(advantage, seed):
    reward, value, next_value, terminated, truncated = _rollout(seed, 20, 4)
    found = advantage(reward, value, next_value, terminated, truncated, 0.9, 1.0)
    expected = _discounted_to_the_end(reward, next_value, terminated, truncated, 0.9) - value
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_with_lambda_one_the_advantage_is_the_discounted_return_minus_the_value(seed):
    _assert_lambda_one_is_return_minus_value(returns.generalized_advantage, seed)
    with pytest.raises(AssertionError):
        _assert_lambda_one_is_return_minus_value(_late_end, seed)


@JITTED
def test_with_lambda_zero_the_advantage_is_the_td_error(jit):
    reward, value, next_value, terminated, truncated = _rollout(1, 20, 4)
    found = jit(returns.generalized_advantage)(reward, value, next_value, terminated, truncated, 0.9, 0.0)
    expected = reward + 0.9 * np.where(terminated, 0, next_value) - value
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_discounted_return_is_the_sum_of_its_definition_and_bootstraps_where_it_is_broken_off(seed):
    reward, _, next_value, terminated, truncated = _rollout(seed, 9, 3)
    found = jax.jit(returns.discounted_return)(reward, next_value, terminated, truncated, 0.9)
    expected = _discounted_by_definition(reward, next_value, terminated, truncated, 0.9)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # Broken twins: truncation as termination, termination as truncation, and the flags of the step before.
    late = [np.concatenate([np.zeros_like(x[:1]), x[:-1]]) for x in (terminated, truncated)]
    nothing = np.zeros_like(truncated)
    for flags in ((terminated | truncated, nothing), (nothing, terminated | truncated), late):
        twin = returns.discounted_return(reward, next_value, *map(jnp.asarray, flags), 0.9)
        assert not np.allclose(twin, expected, rtol=0.01)


def _discounted_by_definition(reward, next_value, terminated, truncated, discount):
    """G_t = Σ_k discount^k R_{t+k+1}, by a double loop; plus the discounted value where the sum was cut off."""
    time, number = reward.shape
    result = np.zeros((time, number))
    for n in range(number):
        for t in range(time):
            for k in range(t, time):
                result[t, n] += discount ** (k - t) * reward[k, n]
                if terminated[k, n]:
                    break
                if truncated[k, n] or k == time - 1:
                    result[t, n] += discount ** (k - t + 1) * next_value[k, n]
                    break
    return result


@JITTED
def test_the_discounted_return_on_numbers_worked_by_hand(jit):
    # Three steps, discount ½, V = 8 after the last: 4 + 2·½ + 6·¼ + 8·⅛, 2 + 6·½ + 8·¼, 6 + 8·½.
    reward, value, no = jnp.array([[4.0], [2.0], [6.0]]), jnp.array([[99.0], [99.0], [8.0]]), jnp.zeros((3, 1), bool)
    found = jit(returns.discounted_return)(reward, value, no, no, 0.5)
    np.testing.assert_array_equal(found[:, 0], [7.5, 7.0, 10.0])


def test_the_return_of_one_step_is_the_one_step_target():
    reward, _, next_value, terminated, truncated = _rollout(4, 1, 50)
    found = returns.discounted_return(reward, next_value, terminated, truncated, 0.9)
    np.testing.assert_allclose(found, returns.one_step_target(reward, terminated, 0.9, next_value), rtol=1e-6)


def test_what_happens_after_an_episodes_end_does_not_reach_back():
    reward, value, next_value, terminated, truncated = (x[:, :1] for x in _rollout(2, 10, 1))
    terminated[:], truncated[:] = False, False
    truncated[4] = True
    before = returns.generalized_advantage(reward, value, next_value, terminated, truncated, 0.99, 0.95)
    reward[5:] += 100
    after = returns.generalized_advantage(reward, value, next_value, terminated, truncated, 0.99, 0.95)
    np.testing.assert_array_equal(before[:5], after[:5])
    assert (np.abs(before[5:] - after[5:]) > 10).all()


def _learned_by_sweeps(environment, target, discount=0.98, sweeps=3000):
    """V by repeated sweeps over 16 real steps; each state takes the mean of its one-step targets."""
    step, reset = jax.jit(environment.step), jax.jit(environment.reset)
    steps, (seen, state) = [], reset(jax.random.key(0))
    for _ in range(16):
        following, state, *rest = step(jax.random.key(0), state, 0)
        reward, terminated, truncated, _ = rest
        steps.append((int(seen), float(reward), int(following), bool(terminated), bool(truncated)))
        seen = following
        if terminated or truncated:
            seen, state = reset(jax.random.key(0))
    here, reward, there, terminated, truncated = (np.array(x) for x in zip(*steps, strict=True))
    share = jnp.array(here[None] == np.arange(here.max() + 1)[:, None], jnp.float32)
    share /= share.sum(1, keepdims=True)

    def sweep(_, values):
        return share @ target(jnp.float32(reward), jnp.array(terminated), jnp.array(truncated), discount, values[there])

    return jax.jit(lambda v: jax.lax.fori_loop(0, sweeps, sweep, v))(jnp.zeros(len(share)))


def _right(reward, terminated, truncated, discount, next_value):
    del truncated
    return returns.one_step_target(reward, terminated, discount, next_value)


def _cut_is_end(reward, terminated, truncated, discount, next_value):
    return returns.one_step_target(reward, terminated | truncated, discount, next_value)


def _unmasked(reward, terminated, truncated, discount, next_value):
    del terminated, truncated
    return reward + discount * next_value


def test_a_time_limit_is_bootstrapped_through():
    # A reward of 1 for ever has the value 1 / (1 - 0.98) = 50, whatever the time limit.
    np.testing.assert_allclose(_learned_by_sweeps(cycle(), _right), 50.0, rtol=1e-3)


def test_the_detector_of_the_time_limit_catches_its_broken_twin():
    # State 3 is truncated every second time: V(0) = (1 + g + g² + g³) / (1 - g⁴/2) for a discount g.
    np.testing.assert_allclose(_learned_by_sweeps(cycle(), _cut_is_end)[0], 7.204, atol=1e-3)


def test_what_comes_after_a_terminal_state_is_worth_nothing():
    np.testing.assert_allclose(_learned_by_sweeps(chain(), _right), [1.98, 1.0], rtol=1e-6)
    assert _learned_by_sweeps(chain(), _unmasked)[0] > 10


def test_the_gradient_of_a_target_is_zero_so_the_td_gradient_is_the_semi_gradient():
    # V(s) = w x(s): ½ (r + g w x' - w x)² has the semi-gradient -(r + g w x' - w x) x; the full one differs.
    x, following, reward, discount, w = 2.0, 3.0, 1.0, 0.9, 0.5

    def loss(w, target):
        y = target(jnp.array([reward]), jnp.array([False]), discount, jnp.array([w * following]))
        return (0.5 * (y - w * x) ** 2).sum()

    def not_held(reward, terminated, discount, next_value):
        return reward + discount * jnp.where(terminated, 0.0, next_value)

    error = reward + discount * w * following - w * x
    assert jax.grad(loss)(w, returns.one_step_target) == pytest.approx(-error * x)
    assert jax.grad(loss)(w, not_held) != pytest.approx(-error * x, rel=0.1)


@JITTED
def test_huber_is_quadratic_inside_linear_outside_and_its_gradient_is_the_clipped_error(jit):
    error = jnp.array([-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 4.0])
    np.testing.assert_allclose(jit(returns.huber)(error), [2.5, 0.5, 0.125, 0, 0.03125, 0.5, 3.5])
    np.testing.assert_allclose(jit(jax.grad(lambda e: returns.huber(e).sum()))(error), np.clip(error, -1, 1))


@JITTED
@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [(1.5, 2.0, 2.4), (0.5, 2.0, 1.0), (1.5, -2.0, -3.0), (0.5, -2.0, -1.6), (1.0, 5.0, 5.0), (1.1, 1.0, 1.1)],
)
def test_the_clipped_surrogate_is_pessimistic(jit, ratio, advantage, expected):
    found = jit(returns.clipped_surrogate)(jnp.float32(ratio), jnp.float32(advantage), 0.2)
    assert found == pytest.approx(expected, rel=1e-6)


@JITTED
def test_normalize_gives_mean_zero_and_deviation_one(jit):
    x = jnp.array([[1.0, 4.0], [9.0, -2.0]])
    np.testing.assert_allclose(jit(returns.normalize)(x), (x - 3.0) / np.std(x), rtol=1e-5)


@JITTED
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e-4, 33333.3])
@pytest.mark.parametrize("number", [1, 2, 7, 1000, 12_345])
def test_numbers_that_are_all_the_same_are_not_normalised(jit, value, number):
    # Without a guard, one number would become 0, and rounding errors of many would be scaled to a size of 1.
    x = np.full(number, value, np.float32)
    np.testing.assert_array_equal(jit(returns.normalize)(x), x)


@JITTED
def test_explained_variance_is_one_for_the_truth_and_zero_for_a_constant(jit):
    target = jnp.array([1.0, 2.0, 3.0, 4.0])
    assert jit(returns.explained_variance)(target, target) == pytest.approx(1)
    assert jit(returns.explained_variance)(jnp.full(4, 9.0), target) == pytest.approx(0, abs=1e-6)
    assert jit(returns.explained_variance)(-target, target) == pytest.approx(-3, rel=1e-5)


def _normalised(x, inside, cuts=()):
    """Each episode normalised by its own mean and deviation, which are collected part by part."""
    moments = returns.Moments.none(x.shape[1])
    for part, where in zip(np.split(x, cuts), np.split(inside, cuts), strict=True):
        moments = moments.and_of(part, where)
    return returns.normalize_by(x, moments)


@JITTED
def test_an_episodes_weights_get_mean_zero_and_deviation_one_whatever_lies_behind_its_end(jit):
    x = np.array([[1.0, 5.0], [4.0, 7.0], [9.0, 1e6], [-2.0, 1e6]], np.float32)
    inside = np.array([[True, True], [True, True], [True, False], [False, False]])
    for cuts in ((), (1,), (2,), (1, 2, 3)):
        found = np.asarray(jit(lambda x, inside, cuts=cuts: _normalised(x, inside, cuts))(x, inside))
        np.testing.assert_allclose(found[:3, 0], stats.zscore([1, 4, 9]), rtol=1e-4)
        np.testing.assert_allclose(found[:2, 1], [-1, 1], rtol=1e-4)


def test_the_moments_of_many_parts_are_those_of_the_whole_though_the_mean_is_large():
    random = np.random.default_rng(0)
    x = (1e3 + random.normal(size=(5_000, 2))).astype(np.float32)
    moments = returns.Moments.none(2)
    for part in np.split(x, 50):
        moments = moments.and_of(part, np.ones(part.shape, bool))
    deviation = np.sqrt(moments.squares / moments.count)
    np.testing.assert_allclose(deviation, np.float64(x).std(0), rtol=1e-3)
    # The broken twin, E[x²] - E[x]², has lost all precision.
    assert not np.allclose((x**2).mean(0, dtype=np.float32) - x.mean(0, dtype=np.float32) ** 2, 1.0, rtol=0.01)


@pytest.mark.thorough(after=1)
@JITTED
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e4])
@pytest.mark.parametrize("length", [1, 3, 10])
def test_weights_that_are_all_the_same_are_left_as_they_are(jit, value, length):
    x, inside = np.full((10, 1), value, np.float32), np.arange(10)[:, None] < length
    np.testing.assert_array_equal(jit(_normalised)(x, inside)[:length], x[:length])
    alone = np.float32([value])
    with np.errstate(invalid="ignore"):  # the broken twin, without a guard
        assert np.isnan((alone - alone.mean()) / alone.std())


@JITTED
def test_the_returns_of_a_part_go_on_from_those_behind_it(jit):
    random = np.random.default_rng(0)
    reward, following = random.normal(size=(2, 9, 3)).astype(np.float32)
    ended, cut = random.random((2, 9, 3)) < 0.2
    whole = jit(returns.discounted_return)(reward, following, ended, cut, 0.9)
    parts = [(x[:4], x[4:]) for x in (reward, following, ended, cut)]
    second = jit(returns.discounted_return)(*[part[1] for part in parts], 0.9)
    first = jit(returns.discounted_return)(*[part[0] for part in parts], 0.9, second[0])
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-6)


@JITTED
@pytest.mark.parametrize(
    ("divergence", "factor"),
    [(0.0, 0.5), (0.0066, 0.5), (0.0067, 1.0), (0.01, 1.0), (0.0149, 1.0), (0.0151, 2.0), (5.0, 2.0)],
)
def test_the_penalty_is_halved_below_and_doubled_above_one_and_a_half_times_the_target(jit, divergence, factor):
    found = jit(returns.adapted_penalty)(jnp.float32(3), jnp.float32(divergence), 0.01)
    assert found == pytest.approx(3 * factor)


def test_a_penalty_can_be_halved_and_doubled_for_ever():
    low, high = jnp.float32(1), jnp.float32(1)
    for _ in range(200):
        low, high = (returns.adapted_penalty(x, d, 0.01) for x, d in ((low, 0.0), (high, 1.0)))
    assert 0 < low < 1e-9
    assert 1e9 < high < np.inf
