"""Layouts from files: what is accepted, and what is refused with its position."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.environments import catalogue, drawing
from zerone.environments.maze import Maze

GOOD = ("S..#.", ".#.#G", ".....")


def test_a_maze_of_another_shape_from_a_file(tmp_path):
    """Spaces around rows, blank lines, a byte-order mark and Windows' line ends are ignored."""
    file = tmp_path / "maze.txt"
    file.write_bytes("\ufeff\r\n  S..#.\r\n  .#.#G  \r\n\r\n  .....\r\n\r\n".encode())
    for path in (file, str(file)):
        environment = catalogue.make("zerone/Maze-v0", layout=path)
        assert environment == catalogue.make("zerone/Maze-v0", layout=GOOD)
    assert environment.observation_space.n == 15
    _, state = environment.reset(jax.random.key(0))
    assert drawing.frame(environment, state).shape == (3 * 96 + 32, 5 * 96 + 32, 3)
    assert drawing.text(environment, state) == "o . . # .\n. # . # G\n. . . . ."
    assert catalogue.make("zerone/MazeFeatures-v0", layout=file).environment.layout == GOOD
    assert catalogue.make("zerone/MazePixels-v0", layout=file).observation_space.shape == (12, 20, 3)
    assert catalogue.make("zerone/Maze-v0", layout="S..#.,.#.#G,.....").environment.layout == GOOD
    lake = tmp_path / "lake.txt"
    lake.write_text("SFF\nFHG\n")
    assert catalogue.make("FrozenLake-v1", desc=str(lake)).environment.rows == ("SFF", "FHG")


def test_a_file_goes_before_rows_that_are_spelt_like_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "S.G").write_text("SG")
    assert catalogue.make("zerone/Maze-v0", layout="S.G").environment.layout == ("SG",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("..\n.G\n", "no start (S): must have one"),
        ("S.\n..\n", "no goal (G): must have one"),
        ("S.\n\n.GS\n", "line 3, column 3: line 3 has 3 cells, but line 1 has 2"),
        ("S..\n  .G\n", "line 2, column 5: line 2 has 2 cells, but line 1 has 3"),
        ("S.G\n.S.\n", "line 2, column 2: a second start (S); the first is at line 1, column 1"),
        ("\n S.G\n ..G\n", "line 3, column 4: a second goal (G); the first is at line 2, column 4"),
        ("S.G\n.x.\n", "line 2, column 2: 'x' is not allowed: must be S start, G goal, H hell, # wall, . floor"),
        ("S.G\n. .\n", "line 2, column 2: ' ' is not allowed"),
        ("S.G\n.\x1b[\n", "line 2, column 2: '\\x1b' is not allowed"),
        ("S\u0405G\n", "line 1, column 2"),
        ("", "no cells: must be rows of characters, S start"),
        (" \n\n", "no cells"),
        ("S" + "." * 10_000 + "G", "10,002 cells: must be at most 10,000"),
    ],
)
@pytest.mark.parametrize("name", ["zerone/Maze-v0", "zerone/MazeFeatures-v0", "zerone/MazePixels-v0"])
def test_what_is_no_maze_is_refused_with_file_line_and_column(tmp_path, name, text, says):
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        catalogue.make(name, layout=str(file))
    assert str(caught.value).startswith(f"{name}: layout {file}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone.txt", "no such file"),
        ("", "not a file"),
        ("folder", "not a file"),
        ("picture.png", "not a text (byte 1 is not UTF-8)"),
        ("huge.txt", "larger than 1,000,000 bytes"),
        ("a" * 300, "cannot be read: File name too long"),
        ("nul\0.txt", "nul"),
    ],
)
def test_what_is_no_file_of_text_is_refused(tmp_path, monkeypatch, name, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    (tmp_path / "huge.txt").write_bytes(b"." * 1_000_001)
    with pytest.raises(InputError) as caught:
        catalogue.make("zerone/Maze-v0", layout=name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize(
    ("layout", "size"),
    [(("S..", "..G"), 6), (("SG",), 12), (("S" + "." * 30 + "G",), 12), (("S.G.#H",) + ("......",) * 5, 3)],
)
def test_the_picture_of_a_maze_shows_each_cell_and_the_explorer(layout, size):
    maze = Maze(observe="pixels", layout=layout)
    picture, state = maze.reset(jax.random.key(0))
    height, width = len(layout), len(layout[0])
    assert picture.shape == (height * size, width * size, 3) == maze.observation_space.shape
    assert picture.dtype == np.uint8
    pictures = [np.asarray(picture)]
    for action in (3,):
        picture, state, *_ = maze.step(jax.random.key(0), state, action)
        pictures.append(np.asarray(picture))
    for cell, seen in enumerate(pictures):
        orange = (seen == (213, 94, 0)).all(axis=2)
        rows, columns = np.nonzero(orange)
        assert set(rows // size) == {0}
        assert set(columns // size) == {cell}
        assert 0 < orange.sum() < size * size  # the cell's own colour shows around the explorer
    assert len({tuple(seen[0, 0]) for seen in pictures}) == 1
    corners = {layout[r][c]: tuple(pictures[0][r * size, c * size]) for r in range(height) for c in range(width)}
    assert len(set(corners.values())) == len(corners)
