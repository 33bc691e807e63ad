"""Drawing: frames, texts and the window."""

from __future__ import annotations

import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pygame
import pytest

from zerone.base.errors import InputError, RunError
from zerone.environments import catalogue, drawing
from zerone.environments.acrobot import Acrobot, AcrobotState
from zerone.environments.cartpole import CartPole, CartPoleState
from zerone.environments.cliff import Cliff, CliffState
from zerone.environments.frozen_lake import FrozenLake, FrozenLakeState
from zerone.environments.maze import Maze, MazeState
from zerone.environments.mountain_car import ContinuousMountainCar, MountainCar, MountainCarState
from zerone.environments.pendulum import Pendulum, PendulumState
from zerone.environments.taxi import Taxi, TaxiState
from zerone.environments.treasure import Treasure, TreasureState
from zerone.environments.window import Window

KEY = jax.random.key(0)


def scalars(*numbers):
    return [jnp.float32(each) for each in numbers]


@pytest.mark.thorough(after=11)
@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.id)
def test_every_environment_is_drawn_through_its_wrappers(entry):
    environment = catalogue.make(entry.id)
    _, state = environment.reset(KEY)
    frame = drawing.frame(environment, state)
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert frame.shape[2] == 3
    assert frame.std() > 1
    assert drawing.text(environment, state).strip()
    assert drawing.render_modes(environment) == ("human", "rgb_array", "ansi")
    assert drawing.frames_per_second(environment) > 0


@pytest.mark.parametrize(
    ("name", "environment", "state", "action"),
    [
        ("CartPole-v1", CartPole(), CartPoleState(*scalars(1.0, 0, 0.15, 0)), 1),
        ("MountainCar-v0", MountainCar(), MountainCarState(*scalars(0.2, 0.01)), 2),
        ("MountainCarContinuous-v0", ContinuousMountainCar(), MountainCarState(*scalars(-0.9, 0)), np.float32([0.5])),
        ("Acrobot-v1", Acrobot(), AcrobotState(*scalars(1.0, -0.5, 0, 0)), 2),
        ("Pendulum-v1", Pendulum(), PendulumState(*scalars(1.0, 0)), np.array([1.5], np.float32)),
    ],
)
def test_a_twin_looks_as_in_gymnasium(name, environment, state, action):
    twin = gymnasium.make(name, render_mode="rgb_array").unwrapped
    twin.reset(seed=0)
    twin.state = np.array(jax.tree.leaves(state), np.float64)
    twin.last_u = None if np.isscalar(action) else action[0]
    np.testing.assert_array_equal(drawing.frame(environment, state, action), twin.render())


def test_the_action_of_a_wrapped_pendulum_is_drawn():
    environment = catalogue.make("Pendulum-v1", torques=11, reward="tenth")
    _, state = environment.reset(KEY)
    frames = [drawing.frame(environment, state, action) for action in (0, 5, 10)]
    assert not np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])


def test_the_explorer_is_where_the_state_says():
    blue = np.array([0, 0x72, 0xB2])
    for cell in (0, 7, 15):
        frame = drawing.frame(Maze(), MazeState(jnp.int32(cell)))
        rows, columns = np.nonzero((frame == blue).all(axis=2))
        assert frame.shape == (416, 416, 3)
        assert abs(rows.mean() - (16 + 96 * (cell // 4 + 0.5))) < 6
        assert abs(columns.mean() - (16 + 96 * (cell % 4 + 0.5))) < 6


def middle(frame, cell, width):
    """The colour at the centre of a cell of 96 pixels."""
    row, column = divmod(cell, width)
    return tuple(frame[16 + 96 * row + 48, 16 + 96 * column + 48])


def share(frame, cell, width, colour):
    """The fraction of a cell that has a colour."""
    row, column = divmod(cell, width)
    part = frame[16 + 96 * row : 16 + 96 * (row + 1), 16 + 96 * column : 16 + 96 * (column + 1)]
    return (part == colour).all(axis=2).mean()


def test_cliff_and_lake_look_as_they_are():
    blue, black, water = (0, 0x72, 0xB2), (0x23, 0x26, 0x2B), (0x0B, 0x3C, 0x5D)
    frame = drawing.frame(Cliff(), CliffState(jnp.int32(13)), 1)
    assert frame.shape == (4 * 96 + 32, 12 * 96 + 32, 3)
    assert [cell for cell in range(48) if share(frame, cell, 12, blue) > 0.1] == [13]
    assert [middle(frame, cell, 12) == black for cell in range(36, 48)] == [False] + [True] * 10 + [False]
    lake = FrozenLake()
    frame = drawing.frame(lake, FrozenLakeState(jnp.int32(4)), 0)
    assert [cell for cell in range(16) if share(frame, cell, 4, blue) > 0.1] == [4]
    holes = [cell for cell in range(16) if share(frame, cell, 4, water) > 0.2]
    assert holes == [cell for cell, character in enumerate("".join(lake.rows)) if character == "H"]
    assert drawing.text(Cliff(), CliffState(jnp.int32(13))).splitlines()[1] == ". o . . . . . . . . . ."
    assert drawing.text(Cliff(), CliffState(jnp.int32(0))).endswith("S C C C C C C C C C C G")
    assert drawing.text(lake, FrozenLakeState(jnp.int32(4))) == "S F F F\no H F H\nF F F H\nH F F G"


def taxi_at(cell, passenger, goal):
    return TaxiState(jnp.int32((cell * 5 + passenger) * 4 + goal), jnp.bool_(False))


def test_the_taxi_shows_who_is_where_and_wants_what():
    orange, black = (0xE6, 0x9F, 0), (0x23, 0x26, 0x2B)
    waiting = drawing.frame(Taxi(), taxi_at(12, 2, 1))
    riding = drawing.frame(Taxi(), taxi_at(12, 4, 1), 3)
    for frame in (waiting, riding):
        assert share(frame, 12, 5, orange) > 0.05
        assert all(share(frame, cell, 5, orange) == 0 for cell in range(25) if cell != 12)
    # The passenger (black) is at Y or in the taxi; the flag is at G.
    assert share(waiting, 20, 5, black) > share(riding, 20, 5, black)
    assert share(riding, 12, 5, black) > share(waiting, 12, 5, black)
    assert share(waiting, 4, 5, black) == share(riding, 4, 5, black) > 0
    assert share(waiting, 0, 5, black) == 0
    assert drawing.text(Taxi(), taxi_at(12, 2, 1)).splitlines() == [
        "+---------+",
        "|R: | : :G|",
        "| : | : : |",
        "| : :o: : |",
        "| | : | : |",
        "|Y| : |B: |",
        "+---------+",
        "the passenger waits at Y and wants to go to G",
    ]
    assert "|@| :" in drawing.text(Taxi(), taxi_at(20, 4, 3))


def test_a_large_maze_still_fits_on_a_screen():
    layout = ("S" + "." * 58 + "G", *("." * 60 for _ in range(9)))
    frame = drawing.frame(Maze(layout=layout), MazeState(jnp.int32(3)))
    assert max(frame.shape) <= 1200


def test_texts():
    assert drawing.text(Treasure(), TreasureState(jnp.int32(1))) == "-o---T"
    assert drawing.text(Maze(), MazeState(jnp.int32(5))) == "S . . .\n. o H .\n. H G .\n. . . ."
    assert "+15" not in drawing.text(CartPole(), CartPoleState(*scalars(0, 0, 0, 0)))
    assert drawing.text(CartPole(), CartPoleState(*scalars(9, 0, -9, 0))).count("o") == 3  # "pole", and both ends
    assert drawing.text(MountainCar(), MountainCarState(*scalars(0.5, 0.02))).endswith("+0.020")
    assert "+90°" in drawing.text(Pendulum(), PendulumState(*scalars(np.pi / 2 - 2 * np.pi, 1)))


def test_what_cannot_be_drawn_says_so():
    class Unknown:
        pass

    assert drawing.render_modes(Unknown()) == ()
    with pytest.raises(InputError, match="Unknown cannot be drawn"):
        drawing.frame(Unknown(), None)


def test_frames_need_no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    pygame.display.quit()
    for entry in catalogue.entries():
        environment = catalogue.make(entry.id)
        drawing.frame(environment, environment.reset(KEY)[1])
    assert not pygame.display.get_init()


def test_a_window_shows_frames_until_it_is_closed(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = Window("A test", frames_per_second=1000)
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[:, :30] = (200, 10, 20)
    window.show(frame)
    assert pygame.display.get_caption()[0] == "A test"
    assert tuple(pygame.display.get_surface().get_at((5, 5)))[:3] == (200, 10, 20)
    window.show(np.zeros((80, 60, 3), np.uint8))
    assert pygame.display.get_surface().get_size() == (60, 80)
    assert not window.closed
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.show(np.zeros((80, 60, 3), np.uint8))
    assert window.closed
    window.show(frame)
    assert not pygame.display.get_init()
    window.close()


def test_a_window_whose_place_was_taken_opens_again(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    first, second = Window("first", 1000), Window("second", 1000)
    first.show(np.zeros((40, 60, 3), np.uint8))
    second.show(np.zeros((40, 60, 3), np.uint8))
    second.close()
    first.show(np.zeros((40, 60, 3), np.uint8))
    assert not first.closed
    first.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there a display may be missing silently")
def test_without_a_display_a_window_says_so(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="neither DISPLAY nor WAYLAND_DISPLAY"):
        Window().show(np.zeros((4, 4, 3), np.uint8))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there a display may be missing silently")
def test_a_display_that_does_not_answer(monkeypatch):
    """SDL then draws offscreen by itself."""
    for name in ("WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":4077")
    pygame.display.quit()
    with pytest.raises(InputError, match="does not answer"):
        Window().show(np.zeros((4, 4, 3), np.uint8))


def test_a_driver_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "no-such-driver")
    pygame.display.quit()
    with pytest.raises(RunError, match="no window could be opened"):
        Window().show(np.zeros((4, 4, 3), np.uint8))
