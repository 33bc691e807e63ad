"""The cliff, the frozen lake and the taxi, compared with Gymnasium's tables: every outcome of every action."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.environments import catalogue, taxi
from zerone.environments.table import choose, uniform
from zerone.environments.taxi import Taxi, TaxiState

KEY = jax.random.key(0)
SCHEDULE = (2.0, -1.0, -0.25)

# The environments and options to compare. Those that an older Gymnasium lacks are skipped.
ASKED = [
    ("CliffWalking-v1", {}),
    ("CliffWalking-v1", {"is_slippery": True}),
    ("FrozenLake-v1", {}),
    ("FrozenLake-v1", {"is_slippery": False}),
    ("FrozenLake-v1", {"desc": ["SFSFF", "FHFFG", "GFFSH"]}),
    ("FrozenLake-v1", {"success_rate": 0.75, "reward_schedule": SCHEDULE}),
    ("FrozenLake8x8-v1", {}),
    ("FrozenLake8x8-v1", {"is_slippery": False}),
    ("Taxi-v4", {}),
    ("Taxi-v4", {"is_rainy": True}),
    ("Taxi-v4", {"is_rainy": True, "rainy_probability": 0.5}),
]


def name_of(asked):
    return asked if isinstance(asked, str) else "-".join(asked) or "plain"


def twin_of(name, options):
    """Gymnasium's environment. If there is no Taxi-v4, Taxi-v3 is used, which is the same without rain."""
    if name not in gymnasium.registry and name == "Taxi-v4" and not options:
        name = "Taxi-v3"
    try:
        return gymnasium.make(name, **options).unwrapped
    except (gymnasium.error.Error, TypeError):
        pytest.skip(f"this Gymnasium has no {name} with {options}")


def our_table(environment, chances=None):
    """Our table as {(state, action): {(next state, reward, terminated): probability}}."""
    table = environment.table
    found = defaultdict(lambda: defaultdict(float))
    states, actions, ways = table.following.shape
    chances = environment.chances if chances is None else chances
    assert len(chances) == ways
    for state, action, way in np.ndindex(states, actions, ways):
        place = state, action, way
        outcome = int(table.following[place]), float(table.reward[place]), bool(table.terminated[place])
        found[state, action][outcome] += float(chances[way])
    return found


def gymnasiums_table(twin):
    found = defaultdict(lambda: defaultdict(float))
    for state, actions in twin.P.items():
        for action, outcomes in actions.items():
            for probability, following, reward, terminated in outcomes:
                found[state, action][int(following), float(reward), bool(terminated)] += float(probability)
    return found


def differences(ours, theirs):
    """The pairs (state, action) with different outcomes or probabilities."""
    assert ours.keys() == theirs.keys()
    return [
        place
        for place in ours
        if any(abs(ours[place][o] - theirs[place][o]) > 1e-6 for o in {*ours[place], *theirs[place]})
    ]


@pytest.mark.parametrize(("name", "options"), ASKED, ids=name_of)
def test_every_outcome_is_gymnasiums(name, options):
    twin, ours = twin_of(name, options), catalogue.make(name, **options).environment
    assert ours.observation_space == twin.observation_space
    assert ours.action_space == twin.action_space
    table = our_table(ours)
    assert len(table) == ours.observation_space.n * ours.action_space.n
    assert not differences(table, gymnasiums_table(twin))


def test_the_comparison_finds_one_wrong_probability_and_one_wrong_wall():
    theirs = gymnasiums_table(twin_of("FrozenLake-v1", {}))
    lake = catalogue.make("FrozenLake-v1").environment
    # A common mistake: the intended direction with 0.8. Goal and holes have one outcome whatever the probabilities.
    assert len(differences(our_table(lake, (0.1, 0.8, 0.1)), theirs)) > 30
    walled = catalogue.make("Taxi-v4").environment.table
    following = walled.following.copy()
    following[(1 * 20) + 4 * 4 + 0, 2] += 20  # east, through the wall of the first row
    broken = dataclasses.replace(walled, following=following)
    wrong = type("Broken", (), {"table": broken, "chances": (1.0,)})()
    assert len(differences(our_table(wrong), our_table(catalogue.make("Taxi-v4").environment))) == 1


@pytest.mark.thorough(after=8)
@pytest.mark.parametrize(("name", "options"), ASKED, ids=name_of)
def test_first_states_are_gymnasiums(name, options):
    twin, ours = twin_of(name, options), catalogue.make(name, **options)
    seen = np.asarray(jax.jit(jax.vmap(ours.reset))(jax.random.split(KEY, 30_000))[0])
    share = np.bincount(seen, minlength=twin.observation_space.n) / len(seen)
    expected = np.asarray(twin.initial_state_distrib)
    assert np.array_equal(share > 0, expected > 0)
    deviation = np.sqrt(expected * (1 - expected) / len(seen))
    assert np.all(np.abs(share - expected) <= 5 * deviation + 1e-12)


@pytest.mark.thorough(after=5)
@pytest.mark.parametrize(("name", "options"), ASKED, ids=name_of)
def test_steps_take_every_outcome_as_often_as_gymnasium_says(name, options):
    """Tests `step` itself from random states, not only the table that it uses."""
    theirs, ours = gymnasiums_table(twin_of(name, options)), catalogue.make(name, **options).environment
    rng = np.random.default_rng(0)
    number = 400
    states = rng.integers(ours.observation_space.n, size=12)
    actions = rng.integers(ours.action_space.n, size=12)
    _, example = ours.reset(KEY)

    def played(key, state, action):
        numbered = jax.tree.leaves(example)[0]
        begun = jax.tree.map(lambda leaf: state if leaf is numbered else leaf, example)
        return ours.step(key, begun, action)[:1] + ours.step(key, begun, action)[2:4]

    step = jax.jit(jax.vmap(played, in_axes=(0, None, None)))
    for state, action in zip(states.tolist(), actions.tolist(), strict=True):
        found = step(jax.random.split(jax.random.fold_in(KEY, state), number), jnp.int32(state), jnp.int32(action))
        expected = theirs[state, action]
        seen = defaultdict(int)
        for following, reward, terminated in zip(*(np.asarray(each).tolist() for each in found), strict=True):
            seen[following, reward, terminated] += 1
        assert set(seen) <= {outcome for outcome in expected if expected[outcome] > 0}
        for outcome, probability in expected.items():
            deviation = np.sqrt(probability * (1 - probability) * number)
            assert abs(seen[outcome] - probability * number) <= 5 * deviation + 1e-6


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ["FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4"])
def test_episodes_are_cut_when_gymnasiums_are(name):
    """Both stay in the same state: Gymnasium's environment is set to the state that ours has reached."""
    twin = gymnasium.make(name if name in gymnasium.registry else "Taxi-v3")
    ours = catalogue.make(name)
    step = jax.jit(ours.step)
    rng = np.random.default_rng(3)
    cut = 0
    for episode in range(12):
        observation, state = ours.reset(jax.random.fold_in(KEY, episode))
        twin.reset(seed=episode)
        twin.unwrapped.s = int(observation)
        for index in range(ours.limit):
            # Action 0 runs into the border, so that some episodes last until they are truncated.
            action = int(rng.integers(twin.action_space.n)) if episode % 2 else 3
            before = int(observation)
            observation, state, reward, terminated, truncated, _ = step(
                jax.random.fold_in(KEY, 1000 * episode + index), state, jnp.int32(action)
            )
            twin.unwrapped.s = before
            expected, expected_reward, expected_end, expected_cut, _ = twin.step(action)
            if twin.unwrapped.P[before][action][0][0] == 1:
                assert (int(observation), float(reward), bool(terminated)) == (expected, expected_reward, expected_end)
            assert bool(truncated) == expected_cut == (index + 1 == ours.limit)
            if terminated:
                break
        cut += bool(truncated)
    assert cut or name == "FrozenLake-v1"


def test_the_cliff_has_no_limit_as_in_gymnasium_and_one_in_our_own():
    assert gymnasium.spec("CliffWalking-v1").max_episode_steps is None if "CliffWalking-v1" in gymnasium.registry else 1
    endless, limited = catalogue.make("CliffWalking-v1"), catalogue.make("zerone/Cliff-v0")
    assert endless.environment == limited.environment
    for environment, cut in ((endless, False), (limited, True)):
        state = environment.reset(KEY)[1]
        left = jax.lax.fori_loop(0, 499, lambda _, s, e=environment: e.step(KEY, s, jnp.int32(3))[1], state)
        assert bool(environment.step(KEY, left, jnp.int32(3))[4]) is cut


def test_falling_off_the_cliff_goes_on_at_the_start():
    environment = catalogue.make("zerone/Cliff-v0")
    _, state = environment.reset(KEY)
    cell, state, reward, terminated, truncated, _ = environment.step(KEY, state, jnp.int32(1))
    assert (int(cell), float(reward), bool(terminated), bool(truncated)) == (36, -100.0, False, False)
    path, total = [0] + [1] * 11 + [2], 0.0
    for action in path:
        cell, state, reward, terminated, _, _ = environment.step(KEY, state, jnp.int32(action))
        total += float(reward)
    assert (int(cell), total, bool(terminated)) == (47, -13.0, True)


def test_gymnasiums_level_of_taxi_is_above_its_optimum():
    """So ours is lower. Value iteration gives the best policy's mean return over the start states."""
    table = catalogue.make("Taxi-v4").environment.table
    following, reward, terminated = (each[:, :, 0] for each in (table.following, table.reward, table.terminated))
    value = np.zeros(len(following))
    for _ in range(50):
        value = (reward + ~terminated * value[following]).max(axis=1)
    optimum = value[taxi.first_states()].mean()
    assert optimum == pytest.approx(7.93, abs=0.005)
    assert catalogue.look_up("Taxi-v4").solved_at < optimum < 8


def test_a_fickle_passenger_changes_his_mind_once_when_the_taxi_first_moves_with_him():
    environment = Taxi(fickle_passenger=True)
    aboard = (12 * 5 + taxi.ABOARD) * 4 + 1  # in the middle of the map, with destination G
    keys = jax.random.split(KEY, 6000)
    step = jax.jit(jax.vmap(environment.step, in_axes=(0, None, None)))
    armed = TaxiState(jnp.int32(aboard), jnp.bool_(True))
    numbers, after, *_ = step(keys, armed, jnp.int32(0))
    cell, passenger, goal = taxi.decode(np.asarray(numbers))
    assert set(cell) == {17}
    assert set(passenger) == {taxi.ABOARD}
    np.testing.assert_allclose(np.bincount(goal, minlength=4) / len(goal), [1 / 3, 0, 1 / 3, 1 / 3], atol=0.03)
    assert not after.fickle.any()
    for calm, action in ((TaxiState(jnp.int32(aboard), jnp.bool_(False)), 0), (armed, taxi.PICK_UP)):
        numbers, after, *_ = step(keys, calm, jnp.int32(action))
        assert set(taxi.decode(np.asarray(numbers))[2]) == {1}
        assert bool(after.fickle.all()) == bool(calm.fickle)
    waiting = TaxiState(jnp.int32((12 * 5 + 0) * 4 + 1), jnp.bool_(True))
    assert bool(step(keys, waiting, jnp.int32(0))[1].fickle.all())
    share = np.asarray(jax.vmap(environment.reset)(keys)[1].fickle).mean()
    assert share == pytest.approx(0.3, abs=0.03)
    assert not np.asarray(jax.vmap(Taxi().reset)(keys)[1].fickle).any()


NUMBERED = jax.vmap(jax.random.key)(jnp.arange(60_000))
SPLIT = jax.random.split(KEY, 60_000)


def bare_bits(key):
    """A common shortcut: the key's last word without mixing."""
    return (jax.random.key_data(key)[..., -1] >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)


def looks_uniform(draw, keys):
    """Whether numbers are uniform in [0, 1) (χ², 100 bins, 99 degrees of freedom) and successive ones uncorrelated."""
    drawn = np.asarray(jax.vmap(draw)(keys))
    assert drawn.min() >= 0
    assert drawn.max() < 1
    expected = len(drawn) / 100
    squares = ((np.histogram(drawn, 100, (0, 1))[0] - expected) ** 2 / expected).sum()
    together = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    return squares < 170 and abs(together) < 5 / np.sqrt(len(drawn))


@pytest.mark.parametrize("keys", [SPLIT, NUMBERED], ids=["split", "numbered"])
def test_a_keys_own_bits_are_uniform(keys):
    assert looks_uniform(uniform, keys)


def test_the_test_of_uniformity_finds_bits_that_are_not_mixed():
    assert looks_uniform(bare_bits, SPLIT)
    with np.errstate(invalid="ignore"):
        assert not looks_uniform(bare_bits, NUMBERED)


@pytest.mark.parametrize("keys", [SPLIT, NUMBERED], ids=["split", "numbered"])
def test_ways_are_chosen_by_their_chances(keys):
    chances = (0.1, 0.65, 0.25)
    share = np.bincount(np.asarray(jax.vmap(lambda key: choose(key, chances))(keys)), minlength=3) / len(keys)
    np.testing.assert_allclose(share, chances, atol=0.01)
    assert int(choose(KEY, (1.0,))) == 0


def test_chances_are_leaves():
    rates = jnp.array([0.0, 1.0])
    keys = jax.random.split(KEY, 50)

    def cells(rate):
        environment = catalogue.make("FrozenLake-v1", success_rate=rate).environment
        state = dataclasses.replace(environment.reset(KEY)[1], cell=jnp.int32(9))
        return jax.vmap(lambda key: environment.step(key, state, jnp.int32(2))[0])(keys)

    never, always = jax.vmap(cells)(rates)
    assert set(never.tolist()) == {5, 13}
    assert set(always.tolist()) == {10}
