"""A session shows the training itself: the same bits whatever the moves, and the same frames on the way back."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from toys import equal_bits

from zerone.algorithms import catalogue as algorithms
from zerone.engines.compiled import Compiled
from zerone.environments import catalogue as environments
from zerone.lab.messages import Move
from zerone.lab.moment import Moments
from zerone.lab.session import Session
from zerone.lab.sessions import Sessions
from zerone.lab.setups import Setup, read_setup
from zerone.lab.training import Training, here, require_quick
from zerone.training.algorithm_setup import make_algorithm
from zerone.training.presets import preset

MAZE = {"algorithm": "q-learning", "environment": "zerone/Maze-v0"}
BLOCKS = Setup("actor-critic", "CartPole-v1", 3, {"steps_per_update": 8, "hidden": [8]})


def never():
    return False


def of_the_engine(training, updates):
    engine = Compiled(training.algorithm, training.environment)
    seed = training.setup.seed
    return engine.advance([engine.init(seed)], [seed], [0], updates)[0]


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("setup", [Setup("q-learning", "zerone/Maze-v0", 3), BLOCKS], ids=["table", "blocks"])
def test_every_way_leads_to_the_bits_of_the_engine(setup):
    training = Training(setup)
    block = training.block
    training.go_to(5 * block)
    assert equal_bits(training.carry, of_the_engine(training, 5))
    training.go_to(2 * block + 1)
    assert training.at == 2 * block + 1
    training.leap(39 * block + 1)
    assert training.at == 40 * block
    forty = of_the_engine(training, 40)
    assert equal_bits(training.carry, forty)
    training.look()
    assert equal_bits(training.carry, forty)
    training.go_to(7)
    training.go_to(0)
    training.to_update()
    assert training.at == block
    training.go_to(40 * block)
    assert equal_bits(training.carry, forty)


def test_a_search_finds_what_single_steps_find():
    slow, quick = (Training(read_setup(MAZE | {"settings": {"epsilon": 0.2}})) for _ in range(2))
    table = np.asarray(slow.carry.state.policy)
    for _ in range(6):
        while np.array_equal(table, np.asarray(slow.carry.state.policy)):
            slow.go_to(slow.at + 1)
        table = np.asarray(slow.carry.state.policy)
        assert quick.to_change(never)
        assert quick.at == slow.at
    for _ in range(6):
        slow.go_to(slow.at + 1)
        while not bool((slow.iteration.steps.terminated | slow.iteration.steps.truncated)[0, 0]):
            slow.go_to(slow.at + 1)
        assert quick.to_episode_end(never)
        assert quick.at == slow.at


def test_an_episode_ends_within_a_block():
    training = Training(BLOCKS)
    ends = []
    for _ in range(4):
        assert training.to_episode_end(never)
        steps = training.iteration.steps
        assert bool((steps.terminated | steps.truncated)[training.step, 0])
        ends.append(here(training).length)
    assert any(training.at % 8 for _ in ends)
    curve = [point for point in training.curve.points if point.episodes]
    assert sum(point.episodes for point in curve) >= len(ends)


def test_what_is_never_found_leaves_us_where_we_are(monkeypatch):
    monkeypatch.setattr("zerone.lab.training.LONGEST_SEARCH", 300)
    training = Training(read_setup(MAZE | {"settings": {"epsilon": 0.0}, "seed": 1}))
    training.go_to(5_000)  # by then it has finished learning
    before = training.carry
    assert not training.to_change(never)
    assert training.at == 5_000
    assert equal_bits(training.carry, before)


def test_points_of_the_curve_are_the_episodes_whichever_the_leaps():
    one, other = (Training(read_setup(MAZE)) for _ in range(2))
    for at in range(1, 301):
        one.go_to(at)
    for at in (7, 100, 50, 101, 299, 300, 20):
        other.go_to(at)

    def sums(training):
        points = training.curve.points
        return [sum(getattr(point, name) for point in points) for name in ("episodes", "total_return", "length")]

    assert sums(one) == sums(other)
    assert sums(one)[0] > 5
    assert sums(one)[2] <= 300
    lengths = [point.length for point in one.curve.points]
    assert all(length == int(length) for length in lengths)


def test_a_moment_is_small_and_the_same_when_one_comes_back():
    training = Training(read_setup(MAZE | {"algorithm": "sarsa-lambda"}))
    moments = Moments(training)
    training.go_to(40)
    seen = json.dumps(moments.now(quick=False), allow_nan=False)
    training.leap(400)
    assert json.dumps(moments.now(quick=True), allow_nan=False)
    training.go_to(40)
    assert json.dumps(moments.now(quick=False), allow_nan=False) == seen
    assert len(seen) < 6_000
    assert json.loads(seen)["trace"]


def test_the_numbers_of_a_frame_are_those_of_the_update(lab):
    with lab.page() as page:
        first = page.begin(MAZE | {"settings": {"learning_rate": 0.5}})["trainings"][0]
        assert (first["at"], first["step"], first["learnt"]) == (0, None, None)
        assert page.about["about"][0]["setup"]["settings"]["learning_rate"] == 0.5
        now = page.go("change")["trainings"][0]
        training = Training(read_setup(MAZE | {"settings": {"learning_rate": 0.5}}))
        training.go_to(now["at"])
        assert np.allclose(now["table"], np.asarray(training.carry.state.policy), rtol=1e-3)
        entry = now["learnt"]["entries"][0]
        state, action = entry["cell"]
        assert float(entry["equation"]["result"]) == pytest.approx(now["table"][state][action], rel=1e-4)
        assert now["learnt"]["lit"] == [[state, action]]
        assert page.go("back")["trainings"][0]["at"] == now["at"] - 1
        assert page.go("step")["trainings"][0] == now
        assert page.go("start")["trainings"][0] == first
        assert page.go("episode")["trainings"][0]["ended"] in ("terminated", "truncated")
        page.say(do="pace", pace=0)
        page.say(do="play")
        while page.hear("frame", playing=True)["trainings"][0]["at"] < 20_000:
            pass
        stopped = page.go("pause")
        assert not stopped["trainings"][0]["quick"]
        with lab.page() as other:  # a reloaded page shows the same
            other.say(do="attach", session=page.about["session"])
            assert other.hear("session", state="ready")["about"] == page.about["about"]
            assert sum(point[1] for point in other.hear("points")["curves"][0]["points"]) > 100
            assert other.hear("frame")["trainings"] == stopped["trainings"]


def test_side_by_side_is_one_clock(lab):
    with lab.page() as page:
        page.begin(MAZE, MAZE | {"algorithm": "sarsa"})
        now = page.go("episode")["trainings"]
        assert now[0]["at"] == now[1]["at"] > 0
        page.say(do="pace", pace=0)
        page.say(do="play")
        for _ in range(5):
            frame = page.hear("frame", playing=True)["trainings"]
            assert frame[0]["at"] == frame[1]["at"]
        now = page.go("pause")["trainings"]
        assert now[0]["at"] == now[1]["at"]


def test_sessions_are_there_again_after_the_server_has_ended(tmp_path):
    kept = Sessions(tmp_path / "runs")
    session = kept.begin([read_setup(MAZE)], lambda: None)
    for _ in range(3):
        session.tell(Move("episode"))
    while session.number < 7:  # one at first, and two of each search
        time.sleep(0.01)
    kept.save()
    kept.close()

    again = Sessions(tmp_path / "runs")
    again.load()
    found = again.find(session.name, lambda: None)
    assert found is not None
    while found.state == "compiling":
        time.sleep(0.01)
    assert (found.state, found.at) == ("ready", session.at)
    assert session.at > 3
    assert json.loads(found.frame)["trainings"] == json.loads(session.frame)["trainings"]
    again.close()
    (tmp_path / "runs" / "lab.json").write_text('{"sessions": [{"name": 3}, 4]}')
    damaged = Sessions(tmp_path / "runs")
    damaged.load()
    assert damaged.find(session.name, lambda: None) is None


@pytest.mark.parametrize("value", ['"\\ud800"', str(10**400), "NaN"])
def test_sessions_of_somebody_else_do_not_prevent_that_ours_are_kept(tmp_path, value):
    setup = json.dumps(MAZE | {"settings": {"epsilon": "VALUE"}}).replace('"VALUE"', value)
    (tmp_path / "lab.json").write_text(f'{{"sessions": [{{"name": "{"a" * 24}", "at": 1, "setups": [{setup}]}}]}}')
    sessions = Sessions(tmp_path)
    sessions.load()
    ours = sessions.begin([read_setup(MAZE)], lambda: None)
    while ours.state == "compiling":
        time.sleep(0.01)
    sessions.save()
    assert ours.name in (tmp_path / "lab.json").read_text()
    assert sessions.find("a" * 24, lambda: None) is None
    sessions.close()


def test_what_has_diverged_is_said(monkeypatch):
    monkeypatch.setattr("zerone.lab.moment._rounded", lambda _: float("nan"))
    woken = threading.Event()
    session = Session("b" * 24, [read_setup(MAZE)], woken.set)
    assert woken.wait(60)
    assert session.state == "failed"
    assert session.text.startswith("it has diverged")


def test_presets_are_within_what_the_page_allows():
    for entry in algorithms.entries():
        for environment in environments.entries():
            if preset(entry.name, environment.id):
                require_quick(make_algorithm(entry.name, environment.id)[0])


def test_a_fault_in_one_session_is_one_line_and_the_others_go_on(monkeypatch):
    def broken(*_):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("zerone.lab.training.Training.go_to", broken)
    woken = threading.Event()
    session = Session("a" * 24, [read_setup(MAZE)], woken.set)
    assert woken.wait(60)
    assert (session.state, session.text) == ("failed", "unexpected RuntimeError: first line")


def test_training_in_this_thread_does_not_count_as_drawing(monkeypatch):
    """JAX may train in the thread that asks; frames would become as rare as if each of them took so long."""
    now = 0.0

    def passes(seconds):
        def happen(*_):
            nonlocal now
            now += seconds

        return happen

    clock = SimpleNamespace(monotonic=lambda: now, thread_time=lambda: now, process_time=lambda: now)
    monkeypatch.setattr("zerone.lab.session.time", clock)
    session = SimpleNamespace(
        at=10_000, _cost=0.002, _busy=1.0, _rate=1_000_000.0, _due=0.0, _trainings=[], _move_all=passes(0.03),
        _show=passes(0.002),
    )  # fmt: skip
    for _ in range(50):
        Session._run_at_full_speed(session, now)
    assert session._cost == pytest.approx(0.002)
