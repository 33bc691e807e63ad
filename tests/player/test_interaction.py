"""Interaction in the window: the goal follows the mouse, keys act, and control can be switched."""

from __future__ import annotations

import numpy as np
import pygame
import pytest
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.environments import catalogue
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.gym.guard import Guard
from zerone.environments.window import Window
from zerone.player import episode, viewer
from zerone.player.interaction import ManualControl
from zerone.player.keymap import keys_for

ARM, MAZE = "zerone/Arm-v0", "zerone/Maze-v0"
UP, DOWN, LEFT, RIGHT = pygame.K_UP, pygame.K_DOWN, pygame.K_LEFT, pygame.K_RIGHT
SPACE, TAB, ESCAPE = pygame.K_SPACE, pygame.K_TAB, pygame.K_ESCAPE


@pytest.mark.parametrize(
    ("identity", "space", "wanted", "idle", "text"),
    [
        (MAZE, spaces.Discrete(4), {UP: 0, DOWN: 1, LEFT: 2, RIGHT: 3, pygame.K_2: 2}, None,
         "arrow keys: up, down, left, right"),
        ("CartPole-v1", spaces.Discrete(2), {LEFT: 0, RIGHT: 1, pygame.K_1: 1}, None, "arrow keys: left, right"),
        ("MountainCar-v0", spaces.Discrete(3), {LEFT: 0, RIGHT: 2}, 1, "arrow keys: left, right (or keys 0 to 2)"),
        ("Pendulum-v1", spaces.Discrete(11), {pygame.K_0: 0, pygame.K_a: 10}, None, "keys 0 to a"),
        ("Some-v0", spaces.Discrete(6, start=2), {pygame.K_0: 2, pygame.K_5: 7}, None, "keys 0 to 5"),
        ("Pendulum-v1", spaces.Box(-2.0, 2.0, (1,)), {LEFT: -2, RIGHT: 2, UP: 2}, 0, "left -2, right 2"),
    ],
)  # fmt: skip
def test_keys_do_what_the_actions_are_called(identity, space, wanted, idle, text):
    keys = keys_for(identity, space)
    assert {key: keys.actions[key] for key in wanted} == wanted
    assert keys.idle == idle
    assert text in keys.text
    assert all(space.contains(action) for action in keys.actions.values())


def test_the_arrows_turn_both_joints_at_once():
    space = catalogue.make(ARM).action_space
    keys = keys_for(ARM, space)
    for down, action in (
        ([UP], (1, 0)), ([DOWN], (-1, 0)), ([LEFT], (0, 1)), ([RIGHT], (0, -1)),
        ([UP, RIGHT], (1, -1)), ([UP, UP], (1, 0)), ([UP, DOWN, LEFT], (0, 1)), ([UP, pygame.K_q], (1, 0)),
    ):  # fmt: skip
        assert keys.chosen(down).tolist() == list(action)
        assert space.contains(keys.chosen(down))
    assert keys.chosen([pygame.K_q]) is None
    assert "up, down: turn the upper arm  left, right: turn the forearm" in keys.text
    assert keys_for("CartPole-v1", spaces.Discrete(2)).chosen([RIGHT, LEFT, RIGHT]) == 1  # the newest key counts
    assert keys_for("Pendulum-v1", spaces.Box(-2.0, 2.0, (1,))).chosen([RIGHT, UP]).tolist() == [2]
    lopsided = keys_for("Some-v0", spaces.Box(np.array([0, -1], np.float32), np.array([4, 3], np.float32)))
    assert lopsided.idle.tolist() == [2, 1]
    assert lopsided.chosen([DOWN, LEFT]).tolist() == [0, 3]


@pytest.mark.parametrize("space", [spaces.Box(-1.0, 1.0, (3,)), spaces.Box(-np.inf, 1.0, (1,)), spaces.Discrete(37)])
def test_actions_for_which_a_person_has_not_enough_hands_are_refused(space):
    with pytest.raises(InputError, match="cannot be played with a keyboard"):
        keys_for("Some-v0", space)


class Stand:
    """A window that gets scripted events, one entry per frame, and records what is shown and done."""

    def __init__(self, monkeypatch, identity, script, **options):
        self.environment = Guard(GymnasiumEnvironment(catalogue.make(identity, **options), "rgb_array"), identity, 0)
        self.environment.metadata["render_fps"] = 1000
        self.hands = ManualControl(self.environment, identity, self.agent)
        self.asked, self.actions, self.paces, self.goals, self.sizes = 0, [], [], [], set()
        self.script = list(script)
        show, step = Window.show, GymnasiumEnvironment.step

        def shown(window, frame):
            if window._screen is None:
                show(window, frame)  # events can only be posted to an existing display
            self.sizes.add(frame.shape)
            entry = self.script.pop(0) if self.script else ESCAPE
            for event in entry if isinstance(entry, list) else [entry]:
                if event is not None:
                    pygame.event.post(event if isinstance(event, pygame.event.EventType) else press(event))
            self.paces.append(window.frames_per_second)
            show(window, frame)

        def stepped(bridge, action):
            self.actions.append(np.asarray(action).tolist())
            found = step(bridge, action)
            if hasattr(self.state(), "goal"):
                self.goals.append(self.state().goal.tolist())
            return found

        monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
        monkeypatch.setattr(Window, "show", shown)
        monkeypatch.setattr(GymnasiumEnvironment, "step", stepped)
        monkeypatch.setattr(viewer, "HOLD_SECONDS", 0.002)

    def state(self):
        state = self.environment.unwrapped._state
        while hasattr(state, "inner"):
            state = state.inner
        return state

    def agent(self, observation):
        """An agent whose actions differ from those of the keys."""
        del observation
        self.asked += 1
        return np.full(2, 0.5, np.float32) if self.environment.action_space.shape else 3

    def play(self, number=None):
        moments = episode.episodes(self.environment, self.hands.act, number=number, seed=0)
        return viewer.in_window(self.environment, moments, "title", hands=self.hands)


def press(key, kind=pygame.KEYDOWN):
    return pygame.event.Event(kind, key=key)


def mouse(column, row):
    return pygame.event.Event(pygame.MOUSEMOTION, pos=(column, row), rel=(0, 0), buttons=(0, 0, 0))


def test_the_goal_follows_the_mouse_while_the_agent_acts(monkeypatch):
    leave = pygame.event.Event(pygame.WINDOWLEAVE)
    script = [None, mouse(120, 150), [mouse(1, 1), mouse(300, 100)], None, mouse(40, 410), leave, mouse(399, 399)]
    stand = Stand(monkeypatch, ARM, script)
    assert stand.play() == 0
    assert stand.goals == [
        [250, 303], [120, 250], [300, 300], [300, 300],
        [300, 300],  # the caption is below the picture
        [300, 300], [399, 1],
    ]  # fmt: skip
    assert stand.asked == len(stand.actions) == 7
    assert len(stand.sizes) == 1


def test_the_goal_stays_under_the_mouse_in_the_next_episode(monkeypatch):
    stand = Stand(monkeypatch, ARM, [mouse(10, 20), *[None] * 9], limit=2)
    stand.play()
    assert set(map(tuple, stand.goals)) == {(10, 380)}
    assert len(stand.goals) > 3


def test_a_person_takes_over_turns_the_joints_and_hands_back(monkeypatch):
    up = pygame.KEYUP
    script = [UP, press(UP, up), SPACE, None, LEFT, UP, press(LEFT, up), press(UP, up), [DOWN, press(DOWN, up)], SPACE]
    stand = Stand(monkeypatch, ARM, [*script, None])
    stand.play()
    agents = [0.5, 0.5]
    assert stand.actions == [
        agents, agents,  # the arrow keys do nothing yet
        [0, 0], [0, 0], [0, 1], [1, 1], [1, 0], [0, 0],
        [-1, 0],  # a key that is pressed and released between two frames counts
        agents, agents,
    ]  # fmt: skip
    assert stand.asked == 4


def test_the_speed_goes_round(monkeypatch):
    stand = Stand(monkeypatch, ARM, [TAB, TAB, TAB, None])
    stand.play()
    assert stand.paces == [1000, 4000, 250, 1000, 1000]
    assert "Tab: speed ×1 " in stand.hands.legend()[-1]


def test_the_legend_says_what_can_be_done(monkeypatch):
    stand = Stand(monkeypatch, ARM, [SPACE])
    assert stand.hands.legend() == [
        "up, down: turn the upper arm  left, right: turn the forearm",
        "mouse: the goal   Space: take over   Tab: speed ×1   Esc: close",
    ]
    stand.play()
    assert "Space: hand back" in stand.hands.legend()[-1]


def test_where_nothing_can_be_done_the_play_waits_for_the_person(monkeypatch):
    stand = Stand(monkeypatch, MAZE, [None, SPACE, None, mouse(30, 30), None, RIGHT, press(RIGHT, pygame.KEYUP), None])
    stand.play()
    assert stand.actions == [3, 3]  # right, first by the agent, then by the person
    assert stand.asked == 1
    assert "mouse" not in stand.hands.legend()[-1]


def test_an_episode_that_the_person_has_ended_does_not_wait(monkeypatch):
    stand = Stand(monkeypatch, MAZE, [SPACE, RIGHT], limit=1)
    assert stand.play(number=1) == 1


def test_an_environment_without_keys_can_still_be_watched(monkeypatch):
    stand = Stand(monkeypatch, ARM, [SPACE, TAB])
    stand.hands.keys = None
    stand.play()
    assert (stand.hands.person, stand.asked) == (False, 2)
    assert len(stand.hands.legend()) == 1


def test_closing_the_window_ends_it(monkeypatch):
    stand = Stand(monkeypatch, ARM, [None, pygame.event.Event(pygame.QUIT)])
    assert stand.play() == 0
    assert len(stand.actions) == 1
    assert not pygame.display.get_init()
