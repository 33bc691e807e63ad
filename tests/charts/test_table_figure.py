"""Figures of tables: their texts, that these can be read, and that equal tables give equal files."""

from __future__ import annotations

import re

import numpy as np
import pytest

from zerone.base.errors import InputError, RunError
from zerone.charts import table_cells, table_figure
from zerone.charts.table_figure import Picture, arrange
from zerone.environments.cliff import Cliff
from zerone.environments.drawing.geometry import grid_of
from zerone.environments.maze import Maze
from zerone.environments.treasure import Treasure
from zerone.player.tables import Table, Trace

MINUS = "\N{MINUS SIGN}"
SIZES = {"1x6": Treasure(), "4x4": Maze(), "4x12": Cliff(), "20x20": Maze(layout=("S" + "." * 19, *["." * 20] * 18,
                                                                                 "." * 19 + "G"))}  # fmt: skip


def picture(environment=SIZES["4x4"], name="maze", traced=False, learnt=True):
    grid = grid_of(environment)
    shape = grid.states, len(grid.directions)
    values = np.random.default_rng(0).normal(size=shape) if learnt else np.zeros(shape)
    trace = Trace(*shape, 0.8, replacing=True) if traced else None
    if trace is not None:
        for state in (0, 1, 2):
            trace.visit(state, 1)
    return Picture("q-learning on maze", "seed 0", name, Table(values, grid), trace, "replacing, λ 0.9")


def words(tmp_path, pictures) -> str:
    """All texts in the figure."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        table_figure.draw(pictures, tmp_path / "figure.svg")
    return (tmp_path / "figure.svg").read_text()


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_every_kind_and_equal_tables_give_equal_files(tmp_path, size, suffix, start):
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    for path in (one, two):
        table_figure.draw([picture(SIZES[size], traced=True)], path)
    assert one.read_bytes().startswith(start)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(tmp_path.iterdir()) == [one, two]


def test_names_units_and_notes(tmp_path):
    said = words(tmp_path, [picture(traced=True)])
    for each in ("q-learning on maze", "seed 0", "value of the best action, max Q(s, a)", "trace of a greedy episode",
                 "replacing, λ 0.9", "blue frame: the start", "arrow: a greedy action", "footprints"):  # fmt: skip
        assert each in said
    assert "grey with a dot" not in said


def test_a_small_grid_shows_the_value_of_each_action(tmp_path):
    made = picture()
    said = words(tmp_path, [made])
    assert "value of an action, Q(s, a)" in said
    numbers = re.findall(rf">({MINUS}?\d\.\d+|~0)<", said)
    assert len(numbers) >= 13 * 4  # 16 cells, but no actions in three of them
    assert f">{made.table.values[0, 0]:.2f}<".replace("-", MINUS) in said


def test_a_table_of_nothing_says_so(tmp_path):
    said = words(tmp_path, [picture(learnt=False)])
    assert "grey with a dot: no action is known to be better than another" in said
    assert "value of" not in said  # there are no colours to explain


def test_tables_of_one_environment_share_their_colours(tmp_path):
    assert words(tmp_path, [picture(), picture()]).count("value of") == 1
    two = words(tmp_path, [picture(), picture(SIZES["1x6"], "line")])
    assert "Q(s, a), maze" in two
    assert "Q(s, a), line" in two
    scale = table_cells.Scale.of(np.array([-13.0, -1.0]))
    assert scale.colors(np.array([-13.0, -1.0])) == scale.colors(np.array([-99.0, -1.0]))


@pytest.mark.parametrize(("values", "ends"), [
    ([0.5, 1.0, 0.9], (0.5, 1.0)), ([0.1, 1.0], (0.0, 1.0)), ([-13, -1], (-13, 0)), ([-1, 0.5], (-1, 0.5)),
    ([0.7, 0.7], (0.0, 0.7)), ([-2.0], (-2.0, 0.0)), ([0.0], (0.0, 1.0)),
])  # fmt: skip
def test_a_scale_goes_from_the_least_to_the_greatest_or_from_0(values, ends):
    scale = table_cells.Scale.of(np.array(values))
    assert (scale.low, scale.high) == ends


def test_what_is_written_on_a_colour_can_be_read():
    """WCAG 2, success criterion 1.4.3: a contrast of at least 4.5, on every colour of every scale."""

    def luminance(color):
        parts = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for ends in ([-1.0, 1.0], [0.0, 1.0], [-13.0, -1.0]):
        for color in table_cells.Scale.of(np.array(ends)).colors(np.linspace(*ends, 200)):
            light, dark = sorted((luminance(color), luminance(table_cells.ink_on(color))), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_many_grids_are_arranged_so_that_cells_are_large():
    assert arrange([picture()]).cell == 1.5
    assert arrange([picture(), picture()]).across == 2
    cliffs = [picture(SIZES["4x12"], "cliff")] * 2
    assert arrange(cliffs).across == 1
    assert arrange(cliffs).cell > table_cells.WITH_NUMBERS
    assert not arrange([picture(traced=True)]).below  # beside each other
    assert arrange([picture(SIZES["4x12"], "cliff", traced=True)]).below


def test_arrows_point_where_the_action_leads():
    for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        (corners,) = table_cells.arrows([direction])
        tip = corners[3]
        assert np.dot(tip, direction) == pytest.approx(0.23)
        assert np.allclose(np.mean(table_cells.wedges([direction, (0, 1)])[0], 0) @ direction, 0.32, atol=0.08)
    assert len(table_cells.arrows([(1, 0), (0, 1)])) == 2


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(InputError, match=r"must end in .png, .svg, .pdf"):
        table_figure.draw([picture()], tmp_path / "figure.gif")
    with pytest.raises(InputError, match="no table"):
        table_figure.draw([], tmp_path / "figure.png")
    with pytest.raises(RunError, match="cannot be written"):
        table_figure.draw([picture()], tmp_path / "no folder" / "figure.png")
