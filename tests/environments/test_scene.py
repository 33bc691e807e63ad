"""Scenes: every compiled environment can be drawn on the page, in its own units and in the page's colours."""

from __future__ import annotations

import json
import re
from importlib import resources

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.environments.catalogue import entries, make
from zerone.environments.drawing.scene import NAMES, scene_of, shapes_of

ONE_OF_EACH = {entry.source: entry.id for entry in entries()}
MARGIN = 0.2
"""How much of the box's size a shape may stand out of it: the pole of a cart at the end of its track."""


def points(shape):
    return shape["points"] if "points" in shape else [shape["at"]]


@pytest.mark.parametrize("identity", ONE_OF_EACH.values())
def test_each_environment_has_a_scene(identity):
    environment = make(identity)
    scene = scene_of(environment)
    _, state = environment.reset(jax.random.key(0))
    space = environment.action_space
    action = np.zeros(space.shape or (), space.dtype)
    moving = shapes_of(scene, environment, state, action)
    assert moving
    left, top, right, bottom = scene.box
    width, height = abs(right - left), abs(bottom - top)
    for shape in [*scene.still, *moving, *shapes_of(scene, environment, state, None)]:
        for x, y in points(shape):
            assert left - MARGIN * width <= x <= right + MARGIN * width
            assert min(top, bottom) - MARGIN * height <= y <= max(top, bottom) + MARGIN * height
    assert len(json.dumps(moving, allow_nan=False)) < 3_000


def test_the_page_knows_every_colour():
    palette = (resources.files("zerone.lab") / "page" / "js" / "palette.js").read_text("utf-8")
    known = set(re.findall(r'(?:^|[\s{,"])([a-z-]+)"?: "#', palette))
    assert set(NAMES.values()) <= known
    for identity in ONE_OF_EACH.values():
        environment = make(identity)
        scene = scene_of(environment)
        _, state = environment.reset(jax.random.key(1))
        for shape in [*scene.still, *shapes_of(scene, environment, state, None)]:
            assert shape["color"] in known


def test_what_moves_is_where_the_state_is():
    maze = make("zerone/Maze-v0")
    scene = scene_of(maze)
    _, state = maze.reset(jax.random.key(0))
    _, state, *_ = maze.step(jax.random.key(0), state, jnp.int32(3))  # to the right
    head = shapes_of(scene, maze, state, 3)[0]
    assert (head["kind"], head["at"]) == ("disc", [1.0, 0.0])
    pendulum = make("Pendulum-v1")
    _, state = pendulum.reset(jax.random.key(0))
    rod = shapes_of(scene_of(pendulum), pendulum, state, None)[0]
    angle = float(state.inner.angle if hasattr(state, "inner") else state.angle)
    assert np.allclose(rod["points"][1], [np.sin(angle), np.cos(angle)], atol=1e-3)


def test_a_maze_that_has_changed_shows_its_new_walls():
    maze = make("zerone/BlockingMaze-v0", change_at=1)
    scene = scene_of(maze)
    _, state = maze.reset(jax.random.key(0))
    assert all(shape["kind"] != "square" for shape in shapes_of(scene, maze, state, None))
    _, state, *_ = maze.step(jax.random.key(0), state, jnp.int32(0))
    squares = [shape for shape in shapes_of(scene, maze, state, None) if shape["kind"] == "square"]
    assert {shape["color"] for shape in squares} == {"wall", "floor"}
    assert len(squares) == 2
