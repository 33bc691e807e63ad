"""Changes that a user makes during learning take effect at their step, and again after going back."""

from __future__ import annotations

import json
import time

import gymnasium
import jax
import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.lab.messages import Disturb, Move, read
from zerone.lab.sessions import Sessions
from zerone.lab.setups import Setup
from zerone.lab.training import Training

SMALL = {"hidden": [8], "warmup": 20, "memory": 200, "steps_per_update": 10, "updates": 1, "batch": 4}
CART = Setup("dqn", "CartPole-v1", settings=SMALL)
MAZE = Setup("q-learning", "zerone/Maze-v0")


def bare(state):
    while hasattr(state, "inner"):
        state = state.inner
    return state


def cart(training, at):
    """The state of the first cart after so many steps, and the action that led there."""
    training.go_to(at)
    state = bare(jax.device_get(training.iteration.simulation(training.step).state))
    numbers = [float(each[0]) for each in (state.position, state.velocity, state.angle, state.angular_velocity)]
    return numbers, int(training.iteration.steps.action[training.step, 0])


@pytest.fixture(scope="module")
def pushed():
    training = Training(CART)
    before = [cart(training, at) for at in range(1, 41)]
    training.go_to(13)  # within a block of ten steps
    training.change("push", 1.0)
    return training, before


@pytest.mark.thorough
def test_a_push_comes_with_the_next_step_and_is_what_gymnasium_would_make_of_it(pushed):
    training, before = pushed
    after = [cart(training, at) for at in range(1, 41)]
    assert after[:13] == before[:13]
    assert after[13] != before[13]
    theirs = gymnasium.make("CartPole-v1").unwrapped
    theirs.reset()
    x, velocity, angle, rate = after[12][0]
    theirs.state = np.array([x, velocity + 1.0, angle, rate])
    seen = theirs.step(after[13][1])[0]
    np.testing.assert_allclose(after[13][0], seen, rtol=1e-5, atol=1e-6)


@pytest.mark.thorough
def test_going_back_shows_the_same_again_and_another_push_changes_only_what_follows(pushed):
    training, before = pushed
    after = [cart(training, at) for at in range(1, 41)]
    assert [cart(training, at) for at in range(40, 0, -1)][::-1] == after
    training.go_to(15)
    training.change("push", -0.5)  # in the same block
    training.go_to(22)
    training.change("wind", 0.5)
    blown = [cart(training, at) for at in range(1, 41)]
    assert blown[:15] == after[:15]
    assert blown[15] != after[15]
    assert training.wind == 0.5
    assert [cart(training, at) for at in range(40, 0, -1)][::-1] == blown
    training.go_to(30)
    training.change("wind", 0.0)
    calm = [cart(training, at) for at in range(1, 41)]
    assert calm[:30] == blown[:30]
    assert calm[30] != blown[30]
    assert [kind for _, kind, _ in training.changes] == ["push", "push", "wind", "wind"]
    assert cart(training, 5)[0] == before[4][0]
    with pytest.raises(InputError, match="no layout"):
        training.change("layout", ("S.G",))


def test_the_curve_forgets_what_comes_otherwise():
    training = Training(MAZE)
    training.leap(400)
    training.go_to(200)
    training.change("layout", ("S...", "....", ".HG.", "...."))
    assert max((each.step for each in training.curve.points), default=0) <= 200
    training.leap(400)
    assert training.curve.points[-1].step > 200


def test_a_maze_changes_while_it_is_learnt_and_what_is_known_of_it_stays():
    training = Training(MAZE)
    training.go_to(300)
    table = np.asarray(training.carry.state.policy)
    assert table.any()
    here = divmod(int(bare(training.stepper.carry.simulation.state).cell[0]), 4)
    rows = ["S...", "..H.", ".HG.", "...."]
    for wrong in (["S..", "..H", ".HG"], ["S...", "..H.", ".H..", "...."]):
        with pytest.raises(InputError):
            training.change("layout", tuple(wrong))
    if here != (0, 0):
        filled = [list(row) for row in rows]
        filled[here[0]][here[1]] = "#"
        with pytest.raises(InputError, match="explorer is in that cell"):
            training.change("layout", tuple("".join(row) for row in filled))
    assert training.changes == []
    open_door = ("S...", "....", ".HG.", "....")  # the upper hell is now an ordinary cell
    training.change("layout", open_door)
    np.testing.assert_array_equal(np.asarray(training.carry.state.policy), table)
    through = None
    for at in range(301, 4_000):
        training.go_to(at)
        steps = training.iteration.steps
        if int(steps.next_observation[0, 0]) == 6 and through is None:
            through = bool(steps.terminated[0, 0])
            break
    assert through is False  # the agent can walk there, and the episode continues
    training.go_to(300)
    assert training.part == 0
    training.go_to(301)
    assert training.part == 1


def ready(session):
    until = time.monotonic() + 60
    while session.state == "compiling":
        assert time.monotonic() < until
        time.sleep(0.01)
    assert session.state == "ready", session.text


def told(session, message):
    number = session.number
    session.tell(message)
    until = time.monotonic() + 60
    while session.number == number or not session._messages.empty() or json.loads(session.frame)["searching"]:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.05)
    return json.loads(session.frame)


def test_a_session_that_was_disturbed_outlives_its_server(tmp_path):
    sessions = Sessions(tmp_path)
    first = sessions.begin([MAZE], lambda: None)
    ready(first)
    for _ in range(3):
        told(first, Move("step"))
    assert "no wind" in told(first, Disturb("wind", 1.0))["refused"]
    told(first, Disturb("layout", ("S...", "....", ".HG.", "....")))
    for _ in range(5):
        frame = told(first, Move("step"))
    assert frame["trainings"][0]["picture"]["layout"][1] == "...."
    sessions.save()
    sessions.close()
    again = Sessions(tmp_path)
    again.load()
    second = again.find(first.name, lambda: None)
    ready(second)
    assert json.loads(second.frame)["trainings"] == frame["trainings"]
    again.close()


@pytest.mark.parametrize(
    "text",
    ['{"do": "disturb", "kind": "push", "value": 2}', '{"do": "disturb", "kind": "push", "value": true}',
     '{"do": "disturb", "kind": "wind", "value": "<b>"}', '{"do": "disturb", "kind": "code", "value": 1}',
     '{"do": "disturb", "kind": "layout", "value": "/etc/passwd"}', '{"do": "disturb", "kind": "layout"}',
     '{"do": "hold", "keys": ["enter"]}', '{"do": "hold", "keys": "up"}', '{"do": "point", "at": [1, 1e9]}',
     '{"do": "point", "at": [1]}', '{"do": "point", "at": {"x": 1}}', '{"do": "take", "environment": "my_code:Id"}',
     '{"do": "teach", "from": "/etc"}', '{"do": "ask", "number": 1}', '{"do": "ask", "number": "1", "what": "runs"}'],
)  # fmt: skip
def test_what_is_no_message_is_refused(text):
    with pytest.raises(InputError) as refused:
        read(text)
    assert "\n" not in str(refused.value)
