"""The robot arm: compared with trigonometry by hand and with an arm in NumPy; limits of its reward."""

from __future__ import annotations

import dataclasses
import math

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.benchmarks.numpy_arm import NumpyArm
from zerone.environments import catalogue, drawing, shaping, wrappers
from zerone.environments.arm import TURN, Arm, ArmState, cos_and_sin, wrap
from zerone.environments.gym import bridge
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.wrappers import TimeLimit

KEY = jax.random.key(0)
STILL = jnp.zeros(2)
ROOT3 = math.sqrt(3)


def pose(upper, fore, goal=(250.0, 303.0), inside=0):
    """A state of the arm, from angles in degrees."""
    angles = jnp.array([math.radians(upper), math.radians(fore)], jnp.float32)
    return ArmState(angles, jnp.array(goal, jnp.float32), jnp.int32(inside))


def guided(observation, terminated):
    """The reward to learn from, after a step."""
    return shaping.arm(None, None, None, terminated, observation)


@pytest.mark.parametrize(
    ("upper", "fore", "elbow", "finger"),
    [
        (0, 0, (300, 200), (400, 200)),
        (90, 0, (200, 300), (300, 300)),
        (180, 270, (100, 200), (100, 100)),
        (30, 120, (200 + 50 * ROOT3, 250), (150 + 50 * ROOT3, 250 + 50 * ROOT3)),
        (60, 240, (250, 200 + 50 * ROOT3), (200, 200)),  # folded: the finger is at the base
        (315, 45, (200 + 100 / math.sqrt(2), 200 - 100 / math.sqrt(2)), (200 + 200 / math.sqrt(2), 200)),
    ],
)
def test_joints_by_hand(upper, fore, elbow, finger):
    for goal in ((250, 303), (0, 0), (123, 321)):
        seen = np.array(Arm().seen_from_goal(pose(upper, fore, goal)))
        np.testing.assert_allclose(seen + goal, [elbow, finger, (200, 200)], atol=1e-4)


def test_observation_reward_and_info_by_hand():
    observation, state, reward, terminated, info = Arm().step(KEY, pose(0, 90), STILL)
    expected = np.array([0, 50, -103, 50, -3, -50, -103]) / np.array([1, *[200] * 6])
    np.testing.assert_allclose(observation, expected, atol=1e-6)
    assert float(info["distance"]) == pytest.approx(math.hypot(50, 3), abs=1e-4)
    assert float(reward) == 0
    assert float(guided(observation, terminated)) == pytest.approx(-math.hypot(50, 3) / 200, abs=1e-6)
    assert (bool(terminated), bool(info["held"]), int(state.inside)) == (False, False, 0)
    seen = Arm().step(KEY, pose(0, 90, (300, 300)), STILL)[0]
    np.testing.assert_allclose(seen, [1, 0, -0.5, 0, 0, -0.5, -0.5], atol=1e-6)


def test_a_step_turns_each_link_by_a_tenth_and_actions_are_clipped_to_the_space():
    space = Arm().action_space
    assert (space.shape, space.dtype, space.low.tolist(), space.high.tolist()) == ((2,), np.float32, [-1, -1], [1, 1])
    state = pose(100, 200)
    for action, turned in (((0.5, -0.25), (0.05, -0.025)), ((1, -1), (0.1, -0.1)), ((7, -90), (0.1, -0.1))):
        after = Arm().step(KEY, state, jnp.array(action, jnp.float32))[1]
        np.testing.assert_allclose(after.angles - state.angles, turned, atol=1e-6)


def test_angles_are_taken_modulo_a_whole_turn():
    after = Arm().step(KEY, pose(359, 1), jnp.array([1.0, -1.0]))[1]
    np.testing.assert_allclose(after.angles, [math.radians(-1) + 0.1, math.radians(361) - 0.1], atol=1e-6)
    angles = np.random.default_rng(0).uniform(-100, 100, 10_000).astype(np.float32)
    angles = np.concatenate([angles, [0, -1e-9, -1e-7, 2 * math.pi, np.nextafter(np.float32(2 * math.pi), 0)]])
    turned = np.asarray(wrap(jnp.asarray(angles, jnp.float32)), np.float64)
    assert (turned >= 0).all()
    assert (turned < np.float32(2 * math.pi)).all()
    np.testing.assert_allclose(np.cos(turned), np.cos(angles), atol=2e-5)
    np.testing.assert_allclose(np.sin(turned), np.sin(angles), atol=2e-5)


def test_what_is_not_a_number_is_seen_and_not_taken_for_0():
    observation, _, _, _, info = Arm().step(KEY, pose(0, 90), jnp.array([jnp.nan, 0.0]))
    assert np.isnan(observation).any()
    assert np.isnan(info["distance"])


def test_cosine_and_sine_are_those_of_numpy():
    for turns, error in ((1, 5e-7), (3, 2e-6)):
        angles = np.linspace(-TURN * (turns - 1), TURN * turns, 100_001).astype(np.float32)
        cos, sin = cos_and_sin(jnp.asarray(angles))
        np.testing.assert_allclose(cos, np.cos(angles.astype(np.float64)), rtol=0, atol=error)
        np.testing.assert_allclose(sin, np.sin(angles.astype(np.float64)), rtol=0, atol=error)


@pytest.mark.parametrize(("away", "inside"), [(14.9, 1), (15.1, 0), (0, 1), (150, 0)])
def test_reward_at_the_edge_of_the_zone(away, inside):
    for goal in ((300 - away, 300), (300, 300 - away), (300 - 0.6 * away, 300 + 0.8 * away)):
        observation, state, reward, terminated, _ = Arm().step(KEY, pose(0, 90, goal), STILL)
        assert float(reward) == 0
        assert float(guided(observation, terminated)) == pytest.approx(inside - away / 200, abs=1e-5)
        assert (float(observation[0]), int(state.inside), bool(terminated)) == (inside, inside, False)


def holds(arm):
    """The consecutive steps in the zone after which the episode ends, and the last two rewards."""
    state, rewards = pose(0, 90, (300, 300)), []
    for _ in range(60):
        observation, state, reward, terminated, info = arm.step(KEY, state, STILL)
        rewards.append(float(guided(observation, terminated)))
        assert bool(info["held"]) == bool(terminated) == bool(reward)
        if terminated:
            break
    return len(rewards), rewards[-2:]


class Early(Arm):
    """A broken twin: ends after 50 steps instead of more than 50."""

    hold = 49


def test_the_goal_is_held_at_the_51st_step_on_end():
    steps, rewards = holds(Arm())
    assert steps == 51
    assert rewards == pytest.approx([1, 11], abs=1e-5)
    assert holds(Early())[0] == 50


class Forgiving(Arm):
    """A broken twin: counts all steps in the zone, not only consecutive ones."""

    def step(self, key, state, action):
        _, after, *rest = super().step(key, state, action)
        count = jnp.maximum(after.inside, state.inside)
        return self.observe(after), dataclasses.replace(after, inside=count), *rest


@pytest.mark.parametrize(("arm", "again"), [(Arm(), 1), (Forgiving(), 51)])
def test_leaving_the_zone_begins_the_count_anew(arm, again):
    state = pose(0, 90, (300, 300), inside=50)
    _, out, _, terminated, _ = arm.step(KEY, arm.move_goal(state, 300, 284), STILL)
    assert not terminated
    _, back, _, terminated, _ = arm.step(KEY, arm.move_goal(out, 300, 300), STILL)
    assert int(back.inside) == again
    assert bool(terminated) == (again > 50)


def test_the_end_of_time_is_no_end_of_the_task():
    environment = catalogue.make("zerone/Arm-v0", reward="task")
    step, state = jax.jit(environment.step), dataclasses.replace(environment.reset(KEY)[1], inner=pose(180, 180))
    for count in range(1, 301):
        _, state, _, terminated, truncated, _ = step(KEY, state, STILL)
        assert (bool(terminated), bool(truncated)) == (False, count == 300)
    short = TimeLimit(Arm(), 51)
    state = dataclasses.replace(short.reset(KEY)[1], inner=pose(0, 90, (300, 300)))
    for count in range(1, 52):
        _, state, _, terminated, truncated, _ = short.step(KEY, state, STILL)
        assert (bool(terminated), bool(truncated)) == (count == 51, count == 51)


def drawn(mode, number=20_000):
    observation, state = jax.vmap(Arm(mode=mode).reset)(jax.random.split(KEY, number))
    assert (np.asarray(state.inside) == 0).all()
    np.testing.assert_allclose(observation, jax.vmap(Arm().observe)(state), atol=1e-6)
    return np.asarray(state.angles), np.asarray(state.goal)


def is_uniform(sample, low, high):
    """Whether the sample's distribution differs no more than happens by chance once in a million times."""
    ranked = (np.sort(sample) - low) / (high - low)
    steps = np.arange(len(ranked) + 1) / len(ranked)
    off = max(np.abs(ranked - steps[:-1]).max(), np.abs(ranked - steps[1:]).max())
    return off < math.sqrt(math.log(2 / 1e-6) / 2 / len(ranked))  # Dvoretzky, Kiefer, Wolfowitz


def test_easy_has_one_goal_and_hard_has_them_all_each_with_any_pose():
    angles, goals = drawn("easy")
    assert (goals == (250, 303)).all()
    assert all(is_uniform(column, 0, 2 * math.pi) for column in angles.T)
    angles, goals = drawn("hard")
    assert all(is_uniform(column, 0, 2 * math.pi) for column in angles.T)
    assert all(is_uniform(column, 100, 300) for column in goals.T)
    together = np.corrcoef(np.concatenate([angles, goals], axis=1).T)
    assert np.abs(together - np.eye(4)).max() < 0.05
    heaped = np.clip(np.random.default_rng(0).random(20_000) * 400, 100, 300)  # the tutorial's: half at the border
    assert not is_uniform(heaped, 100, 300)
    assert catalogue.make("zerone/ArmHard-v0") == catalogue.make("zerone/Arm-v0", mode="hard")
    with pytest.raises(InputError, match="one of easy, hard"):
        catalogue.make("zerone/Arm-v0", mode="harder")


def towards(goal, angles):
    """The action that turns both links the shorter way to a pose that reaches the goal, found by the law of cosines.

    There are two such poses. In float64, for `goal` and `angles` of one arm.
    """
    x, y = np.asarray(goal, np.float64) - 200
    bend, direction = math.acos(min(math.hypot(x, y) / 200, 1)), math.atan2(y, x)
    ways = [np.array([direction + s * bend, direction - s * bend]) - angles for s in (1, -1)]
    ways = [(way + math.pi) % (2 * math.pi) - math.pi for way in ways]
    return np.clip(min(ways, key=lambda way: np.abs(way).max()) / 0.1, -1, 1)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_step_for_step_the_same_as_plain_numpy(mode):
    """In half of the episodes a controller reaches and holds the goal; in the others the actions are random."""
    environment = catalogue.make("zerone/Arm-v0", mode=mode)
    step, rng = jax.jit(environment.step), np.random.default_rng(1)
    ends = []
    for episode in range(20):
        observation, state = environment.reset(jax.random.key(episode))
        twin = NumpyArm(mode)
        twin.reset()
        pose = state.inner.inner
        twin.angles, twin.goal = (np.asarray(each, np.float64) for each in (pose.angles, pose.goal))
        while True:
            action = towards(twin.goal, twin.angles) if episode % 2 else rng.uniform(-1.2, 1.2, 2)
            action = action.astype(np.float32)
            observation, state, reward, terminated, truncated, _ = step(KEY, state, jnp.asarray(action))
            expected, expected_reward, *expected_ends = twin.step(action.astype(np.float64))
            np.testing.assert_allclose(observation, expected, atol=1e-4)
            assert float(reward) == pytest.approx(expected_reward, abs=1e-4)
            assert [bool(terminated), bool(truncated)] == expected_ends
            if terminated or truncated:
                ends.append(("held" if terminated else "cut", episode % 2))
                break
    assert set(ends) == {("cut", 0), ("held", 1)}


@pytest.mark.thorough
def test_every_hard_goal_can_be_reached_and_held_in_good_time():
    """So agents can be expected to do it. Their evaluation return is the fraction of goals that they hold."""
    environment = GymnasiumEnvironment("zerone/ArmHard-v0")
    held, judged, returns = [], [], []
    for seed in range(100):
        environment.reset(seed=seed)
        rewards = []
        for _ in range(90):  # at most 32 steps to turn, 51 to hold
            state = environment._state.inner.inner
            action = towards(state.goal, np.asarray(state.angles, np.float64))
            _, reward, terminated, _, info = environment.step(action)
            rewards.append((reward, info["reward"]))
            if terminated:
                break
        held.append(info["held"])
        total, score = np.sum(rewards, axis=0)
        returns.append(total)
        judged.append(score)
    assert sum(held) == sum(judged) == 100
    assert 45 < np.mean(returns) < 61  # 51 + 10 at the very most


def test_the_reward_that_guides_is_a_bad_judge():
    """Leaving the zone in time gives more shaped reward than holding, but no reward of the evaluation."""
    arm = Arm()
    step, state, total, judged = jax.jit(arm.step), pose(0, 90, (300, 300)), 0.0, 0.0
    for count in range(300):
        aim = (300, 300) if count % 50 else (300, 330)  # moves the goal away for a step, as if the arm had moved
        observation, state, reward, terminated, _ = step(KEY, arm.move_goal(state, *aim), STILL)
        total, judged = total + float(guided(observation, terminated)), judged + float(reward)
    assert (total > 280, judged) == (True, 0)
    entry = catalogue.look_up("zerone/Arm-v0")
    assert (entry.solved_at, entry.threshold) == (0.9, None)  # Gymnasium would compare the shaped reward with it
    assert wrappers.evaluation_environment(catalogue.make("zerone/Arm-v0")) == TimeLimit(Arm(), 300)


def test_the_goal_can_be_moved_through_the_wrappers_and_nothing_is_compiled_anew():
    environment = gymnasium.make("zerone/Arm-v0", render_mode="rgb_array")
    environment.reset(seed=0)
    environment.step(np.zeros(2, np.float32))
    bare, programs = environment.unwrapped, bridge._step._cache_size()
    bare.move_goal(120, 130.5)
    observation, _, _, _, info = environment.step(np.zeros(2, np.float32))
    np.testing.assert_allclose(observation[5:], [80 / 200, 69.5 / 200], atol=1e-6)
    assert info["distance"] == pytest.approx(200 * math.hypot(observation[3], observation[4]), abs=1e-3)
    assert bridge._step._cache_size() == programs
    bare.move_goal(-50, 1e9)  # clipped to the square
    observation = environment.step(np.zeros(2, np.float32))[0]
    np.testing.assert_allclose(observation[5:], [1, -1])
    assert environment.observation_space.contains(observation)
    for place in ((math.nan, 0), (0, math.inf)):
        with pytest.raises(InputError, match="two finite numbers"):
            bare.move_goal(*place)
    maze = GymnasiumEnvironment("zerone/Maze-v0")
    with pytest.raises(gymnasium.error.ResetNeeded):
        maze.move_goal(1, 2)
    maze.reset(seed=0)
    with pytest.raises(InputError, match="Maze has no goal that can be moved"):
        maze.move_goal(1, 2)


@pytest.mark.thorough
def test_observations_stay_in_the_space_wherever_arm_and_goal_are():
    rng = np.random.default_rng(0)
    corners = [(x, y) for x in (0.0, 400.0) for y in (0.0, 400.0)]
    space = Arm().observation_space
    for goal in [*corners, *rng.uniform(0, 400, (50, 2))]:
        for angles in [(0, 0), (90, 90), (180, 180), (270, 270), *rng.uniform(0, 360, (5, 2))]:
            assert space.contains(np.asarray(Arm().observe(pose(*angles, goal))))


def where(frame, color):
    """The mean row and column of the pixels of a colour, e.g. "#D55E00"; None if there are none."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    rows, columns = np.nonzero((frame == wanted).all(axis=2))
    return (rows.mean(), columns.mean()) if len(rows) else None


def test_the_picture_shows_where_everything_is_and_whether_the_finger_is_in_the_zone():
    frame = drawing.frame(Arm(), pose(90, 180, (250, 120)))
    assert frame.shape == (400, 400, 3)
    assert where(frame, "#D55E00") == pytest.approx((150, 200), abs=6)  # the upper arm points up: rows count down
    assert where(frame, "#E69F00") == pytest.approx((100, 150), abs=6)
    assert where(frame, "#CFE6F5") == pytest.approx((280, 250), abs=2)
    assert where(frame, "#BFE5D6") is None
    inside = drawing.frame(Arm(), pose(90, 180, (100, 305), inside=7))
    assert where(inside, "#BFE5D6") == pytest.approx((95, 100), abs=8)
    assert where(inside, "#CFE6F5") is None
    assert drawing.place(Arm(), 250, 280) == (250, 120)
    assert drawing.place(TimeLimit(Arm(), 3), 0, 400) == (0, 0)
    assert drawing.place(catalogue.make("zerone/Maze-v0"), 1, 1) is None


def test_texts():
    text = drawing.text(Arm(), pose(90, 180, (100, 305), inside=7))
    assert (
        text == "finger (100, 300)  goal (100, 305)  distance 5.0 px  held 7 of 51 steps\nupper arm 90°  forearm 180°"
    )
    assert "distance 100.0 px  outside" in drawing.text(Arm(), pose(90, 180, (200, 300)))
