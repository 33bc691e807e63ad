"""Playing with the keyboard: keys have the right actions; the environment waits for a key or goes on."""

import h5py
import pygame
import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.player import keyboard, viewer

MAZE, LINE = "zerone/Maze-v0", "zerone/Treasure-v0"


def episodes_of(path):
    """Observations, actions, rewards and ends of each recorded episode."""
    with h5py.File(path / "data" / "main_data.hdf5") as file:
        names = ("observations", "actions", "rewards", "terminations", "truncations")
        return [[file[f"episode_{i}"][name][()] for name in names] for i in range(len(file))]


UP, DOWN, LEFT, RIGHT = pygame.K_UP, pygame.K_DOWN, pygame.K_LEFT, pygame.K_RIGHT


def press(key, kind=pygame.KEYDOWN):
    pygame.event.post(pygame.event.Event(kind, key=key))


@pytest.fixture
def typist(monkeypatch):
    """Post the entries of a list, one per shown frame: a key, a list of events, or None."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(keyboard, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(keyboard, "frames_per_second", lambda env: viewer.frames_per_second(env) * 20)
    monkeypatch.setattr(keyboard, "FASTEST_IN_TURNS", 10 * 20)

    show = keyboard.Window.show

    def type_(keys):
        waiting = list(keys)

        def shown(window, frame):
            first = window._screen is None
            if first:
                show(window, frame)  # events can only be posted to an existing display
            key = waiting.pop(0) if waiting else pygame.K_ESCAPE
            for each in key if isinstance(key, list) else [key]:
                if isinstance(each, tuple):
                    press(*each)
                elif each is not None:
                    press(each)
            show(window, frame)

        monkeypatch.setattr(keyboard.Window, "show", shown)

    return type_


def test_a_person_walks_a_slow_environment_one_key_at_a_time(typist, tmp_path):
    typist([None, RIGHT, pygame.K_q, LEFT, None, RIGHT, [RIGHT, RIGHT], RIGHT, RIGHT, RIGHT, RIGHT, LEFT])
    found = zo.record("keyboard", LINE, out=tmp_path / "play")
    assert (found["player"], found["episodes"], found["return_mean"]) == ("keyboard", 2, 1.0)
    first, second = episodes_of(tmp_path / "play")
    assert first[1].tolist() == [1, 0, 1, 1, 1, 1, 1]
    assert first[0].tolist() == [0, 1, 0, 1, 2, 3, 4, 5]
    assert first[3][-1]
    assert not first[4].any()
    assert second[1].tolist() == [1, 0]  # escape: the unfinished episode is truncated
    assert second[4].tolist() == [False, True]


def test_a_person_drives_a_fast_environment_that_goes_on_by_itself(typist, tmp_path):
    up = pygame.KEYUP
    typist([None, None, RIGHT, None, (RIGHT, up), None, LEFT, RIGHT, None, (RIGHT, up), None, (LEFT, up), None])
    zo.record("keyboard", "MountainCar-v0", out=tmp_path / "car")
    ((_, actions, *_),) = episodes_of(tmp_path / "car")
    assert actions.tolist() == [2, 2, 1, 1, 0, 2, 2, 0, 0, 1, 1]  # it begins with the first key; 1 is coasting
    typist([None, RIGHT, (RIGHT, up), None, LEFT, (LEFT, up)])
    zo.record("keyboard", "CartPole-v1", out=tmp_path / "pole")
    ((_, actions, *_),) = episodes_of(tmp_path / "pole")
    assert actions.tolist() == [1, 1, 1, 0, 0]  # there is no idle action: the last one is repeated


def test_closing_the_window_at_once_records_nothing(typist, tmp_path):
    typist([])
    with pytest.raises(InputError, match="nothing was played"):
        zo.record("keyboard", MAZE, out=tmp_path / "play")
    assert list(tmp_path.iterdir()) == []


def test_episodes_are_enough_for_a_person_too(typist, tmp_path):
    typist([RIGHT] * 40)
    assert zo.record("keyboard", LINE, episodes=2, out=tmp_path / "play")["steps"] == 10
