"""Learning curves say what was measured, in files of three kinds, and no half of one."""

from __future__ import annotations

import numpy as np
import pytest

from zerone.base.errors import InputError, RunError
from zerone.base.intervals import interval
from zerone.show import curves, measured


def table(seeds: int = 2, ends: tuple[int, ...] = (), **more: float) -> dict[str, np.ndarray]:
    """A long table: 20 rows a seed, an evaluation every fifth; seed i ends after `ends[i]` rows."""
    rows = [(seed, row) for row in range(1, 21) for seed in range(seeds) if row <= (ends[seed] if ends else 20)]
    seed, row = np.array(rows).T
    made = {"seed": seed, "step": row * 100, "return": row + 10.0 * seed}
    made["evaluation_return"] = np.where(row % 5 == 0, row * 2.0 + seed, np.nan)
    return made | {name: np.full(len(rows), value) for name, value in more.items()}


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_draws_every_kind_and_equal_curves_give_equal_files(tmp_path, suffix, start):
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    for path in (one, two):
        curves.draw([("a", table(3, cost=0.5)), ("b", table(1))], path, solved_at=30.0)
    assert one.read_bytes().startswith(start)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(tmp_path.iterdir()) == [one, two]


def words(tmp_path, runs, **more) -> str:
    """All text of the figure."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        curves.draw(runs, tmp_path / "figure.svg", **more)
    return (tmp_path / "figure.svg").read_text()


def test_names_units_seeds_and_the_interval(tmp_path):
    said = words(tmp_path, [("dqn", table(4, cost=0.5))], solved_at=475.0)
    for each in ("environment steps of each seed", "return per episode", "evaluation, greedy (mean of 4 seeds)", "cost",
                 "training, exploring", "solved: 475", "95% interval of the mean over seeds"):  # fmt: skip
        assert each in said
    assert "keeps its last value" not in said


def test_cost_and_values_have_a_panel_of_their_own_where_they_are_measured(tmp_path):
    for measures, said, panels in (({}, (), 1), ({"cost": 0.5}, ("cost",), 2), ({"cost": 0.5, "q": 30.0},
                                   ("cost", "Q of the", "chosen action"), 3)):  # fmt: skip
        text = words(tmp_path, [("run", table(2, **measures))])
        assert text.count('id="axes_') == panels
        assert [each for each in ("cost", "Q of the", "chosen action") if each in text] == list(said)


def _is_readable(measures):
    """Whether the legend stands clear of the numbers below the axes, of what they are, and of the note."""
    figure = curves._figure([("run", table(3, **measures))], 30.0)
    figure.draw_without_rendering()
    upper, lowest = figure.axes[0], figure.axes[-1]
    steps = [*lowest.get_xticklabels(), lowest.xaxis.label]
    words = [each.get_window_extent() for each in (*steps, *figure.texts) if each.get_text()]
    return not any(upper.get_legend().get_window_extent().overlaps(each) for each in words)


@pytest.mark.parametrize("measures", [{}, {"cost": 0.5}, {"cost": 0.5, "q": 30.0}], ids=["one", "two", "three"])
def test_nothing_is_written_over_anything_else(measures):
    assert _is_readable(measures)


def test_a_legend_at_the_axes_themselves_would_cover_the_steps(monkeypatch):
    monkeypatch.setattr(curves, "UNDER_STEPS", curves.UNDER_AXIS)
    assert not _is_readable({})


def test_several_runs_are_told_apart(tmp_path):
    said = words(tmp_path, [("dqn", table(1)), ("ppo", table(2))])
    assert "dqn (one seed)" in said
    assert "ppo (mean of 2 seeds)" in said
    assert "from one to the other" in said
    assert measured.COLORS[0].lower() in said.lower()
    assert measured.COLORS[1].lower() in said.lower()


def test_a_seed_that_ended_keeps_its_last_value(tmp_path):
    found = measured.curve(table(2, ends=(20, 10)), "evaluation_return")
    assert found is not None
    assert found.ended_early
    np.testing.assert_allclose(found.steps, [500, 1000, 1500, 2000])
    np.testing.assert_allclose(found.values, [[10, 20, 30, 40], [11, 21, 21, 21]])
    np.testing.assert_allclose(found.mean, [10.5, 20.5, 25.5, 30.5])
    assert "keeps its last value" in words(tmp_path, [("dqn", table(2, ends=(20, 10)))])


def test_gaps_are_bridged_and_the_beginning_is_not_invented():
    columns = {"seed": np.array([0, 0, 0, 1, 1, 1]), "step": np.array([1, 2, 3, 1, 2, 3])}
    columns["return"] = np.array([0.0, np.nan, 4.0, np.nan, 6.0, 8.0])
    found = measured.curve(columns, "return")
    assert found is not None
    np.testing.assert_allclose(found.values, [[0, 2, 4], [np.nan, 6, 8]])
    np.testing.assert_allclose(found.mean, [0, 4, 6])


def test_the_interval_is_that_of_a_comparison_and_none_where_seeds_agree():
    values = np.random.default_rng(1).normal(size=(50, 3))
    drawn = measured.Curve(np.arange(3), values, False)
    np.testing.assert_allclose(np.transpose(drawn.interval()), [interval(each) for each in values.T])
    half = 2.01 * values.std(0, ddof=1) / 50**0.5
    np.testing.assert_allclose(drawn.interval()[0], drawn.mean - half, atol=0.02)
    equal = measured.Curve(np.arange(3), np.ones((5, 3)), False)
    assert np.isnan(equal.interval()).all()


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (500, "500"), (2500, "2.5k"), (40_000, "40k"), (3e6, "3M")])
def test_steps_are_written_short(value, text):
    assert curves.thousands(value) == text


def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"curve\.jpg.*\.png, \.svg, \.pdf"):
        curves.draw([("a", table())], tmp_path / "curve.jpg")
    with pytest.raises(InputError, match="no run"):
        curves.draw([], tmp_path / "curve.png")
    empty = {"seed": np.zeros(0, int), "step": np.zeros(0, int), "return": np.zeros(0)}
    with pytest.raises(InputError, match="a: nothing to draw yet"):
        curves.draw([("a", empty)], tmp_path / "curve.png")
    with pytest.raises(RunError, match="cannot be written"):
        curves.draw([("a", table())], tmp_path / "gone" / "curve.png")
    assert list(tmp_path.iterdir()) == []
