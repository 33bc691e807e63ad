"""A person plays, an agent learns from that, and the arm follows the mouse."""

from __future__ import annotations

import io
import json
import time
from collections import deque
from importlib import resources

import numpy as np
import pytest

import zerone as zo
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.lab.arm import FILE, ArmFollows, shipped_policy
from zerone.lab.messages import Hold, Move, Point, Teach
from zerone.lab.play import Play

MAZE = ["S...", "..H.", ".HG.", "...."]
STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def wait_for(find, seconds=60):
    until = time.monotonic() + seconds
    while not find():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def begun(make):
    found = make()
    wait_for(lambda: found.state != "compiling")
    assert found.state == "ready", found.text
    return found


@pytest.fixture(scope="module")
def maze(root):
    play = begun(lambda: Play("maze", "zerone/Maze-v0", 0, root, lambda: None))
    yield play
    play.close()


def frame(play):
    return json.loads(play.frame)


def tell(play, message):
    """Send a command, and wait until it has been carried out."""
    number = play.number
    play.tell(message)
    wait_for(lambda: play.number > number and play._messages.empty())
    return frame(play)


def ways(maze):
    """The number of steps from each cell to paradise, without passing through a hell."""
    (goal,) = [(row, column) for row in range(4) for column in range(4) if maze[row][column] == "G"]
    away, waiting = {goal: 0}, deque([goal])
    while waiting:
        row, column = waiting.popleft()
        for down, right in STEPS.values():
            cell = row + down, column + right
            inside = all(0 <= each < 4 for each in cell)
            if inside and cell not in away and maze[cell[0]][cell[1]] != "H":
                away[cell] = away[row, column] + 1
                waiting.append(cell)
    return away


def fair(away, chance):
    """A fair player: mostly takes a step nearer to paradise, now and then a random one, so it is not perfect."""

    def key(state):
        here = divmod(state, 4)
        near = [
            key for key, (down, right) in STEPS.items()
            if away.get((here[0] + down, here[1] + right), 99) < away.get(here, 99)
        ]  # fmt: skip
        return str(chance.choice(list(STEPS) if chance.random() < 0.3 else near))

    return key


def test_ten_episodes_of_a_fair_player_are_enough_for_q_learning(maze, root):
    key = fair(ways(MAZE), np.random.default_rng(5))
    for episode in range(10):
        now = frame(maze)
        while len(now["returns"]) == episode:
            now = tell(maze, Hold((key(now["mine"]["state"]),), True))
        assert now["mine"]["ended"] in ("goal reached", "in hell")
        now = tell(maze, Hold(("up",), True))  # another episode
        assert (now["mine"]["length"], now["mine"]["episode"]) == (0, episode + 2)
    assert min(now["returns"]) == -1  # the player is fair, not perfect
    assert now["recorded"] < 200
    tell(maze, Teach())
    wait_for(lambda: frame(maze)["teaching"] not in ("", "learning"))
    found = frame(maze)
    assert found["teaching"] == "learnt", found["line"]
    assert (found["learnt"]["episodes"], found["learnt"]["mean"]) == (10, 1.0)
    # Evaluated with Gymnasium's interface: it reaches paradise on a shortest path.
    run, environment = zo.load(root / found["learnt"]["run"]), GymnasiumEnvironment("zerone/Maze-v0")
    seen, steps, ended, reward = environment.reset(seed=0)[0], 0, False, 0.0
    while not ended and steps < 100:
        seen, reward, ended, _, _ = environment.step(run.agent().act(seen))
        steps += 1
    assert reward == 1
    assert steps == ways(MAZE)[0, 0]
    assert run.config["dataset"]["episodes"] == 10
    wait_for(lambda: frame(maze)["beside"] is not None and frame(maze)["beside"]["length"] > 1)  # it plays as well


def test_what_is_left_unfinished_is_recorded_as_cut(root):
    play = begun(lambda: Play("treasure", "zerone/Treasure-v0", 0, root, lambda: None))
    assert frame(play)["mine"]["length"] == 0
    assert not frame(play)["recorded"]
    nothing = tell(play, Teach())
    assert nothing["teaching"] == "failed"
    assert "nothing was played" in nothing["line"]
    tell(play, Hold(("right",), True))
    assert tell(play, Hold(("up",), True))["mine"]["length"] == 1  # a key without effect takes no step
    assert tell(play, Hold(("right",), False))["mine"]["length"] == 1  # nor does a key that is only held
    tell(play, Move("start"))
    (episode,) = play._episodes
    assert (episode.rewards, episode.terminated, episode.truncated) == ([0.0], False, False)
    for _ in range(5):
        now = tell(play, Hold(("right",), True))
    assert now["mine"]["ended"] == "treasure found"
    assert now["returns"] == [1.0]
    wait_for(lambda: play.curves and play.curves[0].points)  # the agent learns meanwhile
    play.close()


def test_a_car_coasts_while_no_key_is_down_and_is_pushed_while_one_is(root):
    play = begun(lambda: Play("car", "MountainCar-v0", 0, root, lambda: None))
    time.sleep(0.2)
    assert frame(play)["mine"]["length"] == 0  # it begins with the first key
    tell(play, Hold(("right",)))
    wait_for(lambda: frame(play)["mine"]["length"] >= 3)
    tell(play, Hold(()))
    here = frame(play)["mine"]["length"]
    wait_for(lambda: frame(play)["mine"]["length"] >= here + 3)
    tell(play, Move("start"))
    actions = [int(each) for each in play._episodes[0].actions]
    assert actions[0] == 2
    assert actions[-1] == 1
    assert sorted(actions, reverse=True) == actions
    play.close()


def test_what_nobody_can_play_is_refused_in_one_line(root):
    play = Play("taxi", "Taxi-v4", 0, root, lambda: None)
    wait_for(lambda: play.state != "compiling")
    assert play.state == "refused"
    assert "zerone record --keyboard" in play.text


def test_the_shipped_policy_is_small_and_holds_goals_that_it_never_saw():
    """Checked with the arm's geometry, written again here."""
    data = (resources.files("zerone.lab") / FILE).read_bytes()
    assert len(data) < 10_000
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    assert sum(arrays[name].size for name in arrays.files if name != "policy") == 1_378 + 10  # and the action's bounds
    policy, chance = shipped_policy(), np.random.default_rng(11)
    assert policy.about["environment"] == "zerone/ArmHard-v0"
    assert policy.about["algorithm"] == "ppo"
    middle, angles = np.array([200.0, 200.0]), chance.uniform(0, 2 * np.pi, (200, 2))
    goals = chance.uniform(100, 300, (200, 2))
    for _ in range(150):
        links = 100 * np.stack([np.cos(angles), np.sin(angles)], 1)  # [arm, x and y, link]
        elbow = middle + links[:, :, 0]
        finger = elbow + links[:, :, 1]
        away = np.linalg.norm(finger - goals, axis=1)
        seen = [(away < 15)[:, None], (elbow - goals) / 200, (finger - goals) / 200, (middle - goals) / 200]
        angles = (angles + 0.1 * np.clip(policy(np.concatenate(seen, 1).astype(np.float32)), -1, 1)) % (2 * np.pi)
    assert (away < 15).mean() >= 0.97


def test_the_goal_follows_and_keys_turn_the_joints():
    arm = begun(lambda: ArmFollows("arm", lambda: None))
    first = frame(arm)["arm"]
    assert not first["pointed"]
    wait_for(lambda: frame(arm)["arm"]["goal"] != first["goal"])  # it moves before the first pointing
    arm.tell(Point((260.0, 250.0)))
    wait_for(lambda: frame(arm)["arm"]["goal"] == [260.0, 250.0])
    wait_for(lambda: frame(arm)["arm"]["held"] > 3)
    arm.tell(Hold(("up",)))
    wait_for(lambda: frame(arm)["arm"]["distance"] > 30)
    assert frame(arm)["arm"]["by"] == "person"
    arm.tell(Hold(()))
    wait_for(lambda: frame(arm)["arm"]["held"] > 3)
    arm.tell(Point((9_999.0, -5.0)))  # clipped to the border of the square
    wait_for(lambda: frame(arm)["arm"]["goal"] == [400.0, 0.0])
    arm.close()
