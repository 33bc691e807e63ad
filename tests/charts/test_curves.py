"""Learning curves show what was measured, in three file formats, and files are written completely or not at all."""

from __future__ import annotations

import time

import numpy as np
import pytest

from zerone.base.errors import InputError, RunError
from zerone.base.intervals import interval
from zerone.charts import curves, measured


def table(seeds: int = 2, ends: tuple[int, ...] = (), **more: float) -> dict[str, np.ndarray]:
    """A long table: up to 20 rows per seed, with an evaluation in every fifth; seed i ends after `ends[i]` rows."""
    rows = [(seed, row) for row in range(1, 21) for seed in range(seeds) if row <= (ends[seed] if ends else 20)]
    seed, row = np.array(rows).T
    made = {"seed": seed, "step": row * 100, "return": row + 10.0 * seed}
    made["evaluation_return"] = np.where(row % 5 == 0, row * 2.0 + seed, np.nan)
    return made | {name: np.full(len(rows), value) for name, value in more.items()}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_draws_every_kind_and_equal_curves_give_equal_files(tmp_path, suffix, start):
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    for path in (one, two):
        curves.draw([("a", table(3, cost=0.5)), ("b", table(1))], path, solved_at=30.0)
    assert one.read_bytes().startswith(start)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(tmp_path.iterdir()) == [one, two]


def words(tmp_path, runs, **more) -> str:
    """All texts in the figure."""
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
    """Whether the legend overlaps neither the tick labels and labels of the axes nor the note."""
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


POLE = curves.About("dqn", "CartPole-v1", bound=100.0)


def drawn(runs, about=(), solved_at=None):
    """The figure after layout, so that positions are final."""
    with curves.styled():
        figure = curves._figure(runs, solved_at, about)
        figure.draw_without_rendering()
    return figure


def test_a_title_says_algorithm_and_environment_and_a_legend_the_algorithm_where_the_folder_does_not():
    assert drawn([("mw2", table(1))], [POLE]).axes[0].get_title(loc="left") == "dqn on CartPole-v1"
    other = curves.About("ppo", "CartPole-v1")
    figure = drawn([("mw2", table(1)), ("ppo-CartPole-v1-1", table(1))], [POLE, other])
    assert figure.axes[0].get_title(loc="left") == "learning curves on CartPole-v1"
    said = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert said == ["mw2, dqn (one seed)", "ppo-CartPole-v1-1 (one seed)"]
    mixed = drawn([("a", table(1)), ("b", table(1))], [POLE, curves.About("dqn", "Pendulum-v1")])
    assert mixed.axes[0].get_title(loc="left") == "learning curves"


def test_shaped_and_true_returns_are_told_apart(tmp_path):
    shaped = curves.About("dqn", "zerone/CartPoleShaped-v0", shaped=True)
    said = words(tmp_path, [("run", table(2))], about=[shaped])
    assert "evaluation, greedy, task's reward" in said
    assert "training, exploring, shaped reward" in said
    both = words(tmp_path, [("run", table(2)), ("other", table(2))], about=[shaped, POLE])
    assert "evaluation, greedy, on the task" in both
    assert "what is learnt from" in both
    assert "shaped reward" not in words(tmp_path, [("run", table(2))], about=[POLE])


def test_a_policy_that_is_judged_with_its_own_chance_is_not_called_greedy(tmp_path):
    played = curves.About("ppo", "X-v0", stochastic=True)
    assert "evaluation, stochastic" in words(tmp_path, [("a", table())], about=[played])
    assert "strong: evaluation, stochastic;" in curves.notes([("a", table()), ("b", table())], [played, played])
    mixed = curves.notes([("a", table()), ("b", table())], [played, curves.About("ppo", "X-v0")])
    assert "strong: evaluation; " in mixed


def lines_in(axes):
    return [float(line.get_ydata()[0]) for line in axes.get_lines() if line.get_linestyle() != "-"]


def test_values_above_what_is_possible_have_a_line_to_be_seen_against():
    assert lines_in(drawn([("run", table(2, q=190.0))], [POLE]).axes[1]) == [100.0]
    assert lines_in(drawn([("run", table(2, q=60.0))], [POLE]).axes[1]) == [100.0]
    assert lines_in(drawn([("run", table(2, q=20.0))], [POLE]).axes[1]) == []  # too far away: no line
    assert lines_in(drawn([("run", table(2, q=190.0))], [curves.About("dqn", "Else-v0")]).axes[1]) == []
    swing = curves.About("ddpg", "Pendulum-v1", bound=0.0)
    assert lines_in(drawn([("run", table(2, q=-90.0))], [swing]).axes[1]) == []
    assert lines_in(drawn([("run", table(2, q=5.0))], [swing]).axes[1]) == [0.0]


def test_the_length_of_episodes_is_drawn_where_returns_say_nothing():
    flat = table(2, length=7.0, evaluation_length=5.0)
    flat["return"] = np.ones_like(flat["return"])
    length = "episode\nlength"
    for measures, panels in (
        (flat, [length]),
        (flat | {"cost": flat["return"]}, [length, "cost"]),
        (table(2, length=7.0, cost=1.0), ["cost"]),
        (table(2, length=7.0), [length]),
    ):
        assert [axes.get_ylabel() for axes in drawn([("run", measures)]).axes[1:]] == panels


def test_what_is_explored_has_a_panel_while_it_changes():
    falling = table(2, cost=1.0)
    falling["epsilon"] = 1.0 / falling["step"]
    assert [axes.get_ylabel() for axes in drawn([("run", falling)]).axes[1:]] == ["cost", "exploration\nrate ε"]
    assert len(drawn([("run", table(2, cost=1.0, noise=0.2))]).axes) == 2


def test_a_wide_interval_does_not_flatten_the_curves():
    rows = table(3)
    rows["evaluation_return"] = rows["evaluation_return"] + 200.0 * rows["seed"]  # three seeds, far from each other
    low, high = drawn([("run", rows)]).axes[0].get_ylim()
    known = rows["evaluation_return"][np.isfinite(rows["evaluation_return"])]
    assert high - low < 1.2 * (known.max() - min(known.min(), rows["return"].min()))
    assert low < known.min()
    assert known.max() < high


def test_the_legend_of_a_comparison_stands_clear_of_the_numbers():
    from types import SimpleNamespace

    from zerone.charts import comparison

    score = SimpleNamespace(name="a", mean=1.0, mean_interval=(0.5, 1.5), iqm=1.0, iqm_interval=(0.5, 1.5))
    duel = SimpleNamespace(better="a", worse="b", probability=0.5, interval=(0.2, 0.8))
    figure = comparison._figure([("a", table(3)), ("b", table(3))], [score, score], [duel], 30.0)
    figure.draw_without_rendering()
    legend = figure.axes[0].get_legend().get_window_extent()
    numbers = [each.get_window_extent() for each in figure.axes[0].get_xticklabels() if each.get_text()]
    assert numbers
    assert not any(legend.overlaps(each) for each in numbers)


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


def straight(columns, name, steps):
    """The expected result of `curve`, from its definition, one seed at a time."""
    seed, step, value = columns["seed"], columns["step"], columns[name]
    known = np.isfinite(value)
    rows = []
    for each in np.unique(seed[known]):
        mine = known & (seed == each)
        order = np.argsort(step[mine], kind="stable")
        rows.append(np.interp(steps, step[mine][order], value[mine][order], left=np.nan))
    return np.stack(rows)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("seeds", "rows"), [(1, 1_000_000), (5, 200_000), (1_000, 1_000)])
def test_a_million_rows_are_a_curve_in_seconds_and_of_as_many_points_as_can_be_seen(seeds, rows):
    random = np.random.default_rng(0)
    columns = {"seed": np.tile(np.arange(seeds), rows), "step": np.repeat(np.arange(rows) * 10, seeds)}
    values = random.random(seeds * rows)
    values[random.random(len(values)) < 0.5] = np.nan
    columns["return"] = values
    begun = time.process_time()
    found = measured.curve(columns, "return")
    found.interval()
    assert time.process_time() - begun < 20
    assert len(found.steps) <= measured.MOST_STEPS
    if seeds < 1_000:
        np.testing.assert_array_equal(found.values, straight(columns, "return", found.steps))


def test_a_curve_of_few_steps_has_them_all():
    random = np.random.default_rng(1)
    order = random.permutation(60)
    columns = {"seed": np.repeat([7, 3, 9], 20)[order], "step": np.tile(np.arange(20), 3)[order]}
    columns["return"] = np.where(random.random(60) < 0.3, np.nan, random.random(60))
    found = measured.curve(columns, "return")
    np.testing.assert_array_equal(found.steps, np.unique(columns["step"][np.isfinite(columns["return"])]))
    np.testing.assert_array_equal(found.values, straight(columns, "return", found.steps))
