"""Comparison of runs: every number is checked with SciPy or by hand; incomparable runs are refused."""

from __future__ import annotations

import numpy as np
import pytest
from finished import write_run
from scipy import stats

import zerone as zo
from zerone.base.errors import InputError

GOOD, BAD = [500.0, 480.0, 470.0, 490.0], [100.0, 480.0, 90.0, 120.0, 60.0]
ROWS = [[100, 476], [476, 300], [475, 100], [20, 30]]


@pytest.fixture
def two(tmp_path):
    return write_run(tmp_path / "good", GOOD, ROWS), write_run(tmp_path / "bad", BAD)


def test_every_number(two):
    found = zo.compare(list(two))
    good, bad = found.runs
    assert (good.name, bad.name, found.threshold, good.seeds) == ("good", "bad", 475.0, (0, 1, 2, 3))
    assert good.mean == np.mean(GOOD)
    assert bad.iqm == pytest.approx(stats.trim_mean(BAD, 0.25))
    scipys = stats.ttest_1samp(GOOD, 0).confidence_interval(0.95)
    assert good.mean_interval == pytest.approx(tuple(scipys))
    (pair,) = found.pairs
    assert (pair.better, pair.worse) == ("good", "bad")
    assert pair.probability == pytest.approx(stats.mannwhitneyu(GOOD, BAD).statistic / 20)
    assert pair.interval[0] < pair.probability <= pair.interval[1]
    assert pair.difference == np.mean(GOOD) - np.mean(BAD)
    # The level was first reached after 200, 100 and 100 steps, and never by the fourth seed.
    assert (good.reached.seeds, good.reached.steps_median) == (3, 150)
    assert good.reached.steps_interval is None  # the range of four values contains the median in 87.5% only
    assert bad.reached.steps_interval == (200, np.inf)
    assert good.reached.seconds_median == 2 + 150 * 4 / 50
    assert (bad.reached.seeds, bad.reached.steps_median, bad.reached.seconds_median) == (1, np.inf, np.inf)


def test_the_order_of_the_runs_does_not_matter(two):
    here, there = zo.compare(list(two)), zo.compare(list(reversed(two)))
    assert here.runs[0].mean_interval == there.runs[1].mean_interval
    assert here.pairs[0].probability == pytest.approx(1 - there.pairs[0].probability)


def test_the_luck_of_the_episodes_is_in_a_mean_and_drops_out_of_a_difference(tmp_path):
    """Five optimal policies for the taxi on the same 100 episodes: all get 7.59, while the true mean is 7.93."""
    random = np.random.default_rng(0)
    luck = 7.93 + random.choice([-3.4, -1.4, 0.6, 2.6], 100) + 1.06
    luck += 7.59 - luck.mean()
    best, worse = [luck] * 5, [luck - 1 + random.normal(0, 0.05, 100) for _ in range(5)]
    runs = [write_run(tmp_path / name, np.mean(rows, 1).tolist(), returns=rows)
            for name, rows in (("best", best), ("worse", worse))]  # fmt: skip
    found = zo.compare(runs)
    low, high = found.runs[0].mean_interval
    assert low < 7.2
    assert high > 7.93
    assert found.runs[0].iqm_interval == pytest.approx((low, high), abs=0.02)
    (pair,) = found.pairs
    assert pair.difference == pytest.approx(1, abs=0.02)
    assert 0.9 < pair.difference_interval[0] < 1 < pair.difference_interval[1] < 1.1
    assert not any("older" in note for note in found.notes())
    # Evaluated by another engine on other episodes: their randomness does not cancel.
    other = write_run(tmp_path / "host", np.mean(worse, 1).tolist(), returns=worse, engine="host")
    assert zo.compare([runs[0], other]).pairs[0].difference_interval[0] < 0.5


def test_what_must_be_known_is_said(tmp_path):
    rows = [[100, 476], [476, 300], [475, 100]]
    short = write_run(tmp_path / "short", GOOD[:3], rows)
    long = write_run(tmp_path / "long", GOOD[:3], [[*row, 475] for row in rows])
    found = zo.compare([short, long])
    assert [each.steps for each in found.runs] == [200, 300]
    notes = "; ".join(found.notes())
    assert "different lengths (steps of a seed: short 200, long 300)" in notes
    assert "of 3 seeds the interquartile mean is the mean" in notes
    assert "3 seeds are few" in notes
    assert found.runs[0].iqm == found.runs[0].mean
    same = [write_run(tmp_path / name, [500.0] * 6) for name in ("one", "two")]
    found = zo.compare(same)
    assert found.runs[0].mean_interval is None
    assert "have no interval" in "; ".join(found.notes())
    assert found.pairs[0].probability == 0.5
    found.plot(tmp_path / "none.png")


def test_a_threshold_of_ones_own(two):
    found = zo.compare(list(two), threshold=100)
    assert [run.reached.seeds for run in found.runs] == [3, 3]
    assert found.runs[0].reached.steps_median == 100


def test_without_a_level_there_is_no_time_to_it(tmp_path):
    runs = [write_run(tmp_path / name, GOOD, solved_at=None) for name in "ab"]
    assert [each.reached for each in zo.compare(runs).runs] == [None, None]


def test_a_shaped_reward_is_learnt_from_but_not_judged_by(tmp_path):
    runs = [write_run(tmp_path / "a", GOOD, environment="zerone/Arm-v0"),
            write_run(tmp_path / "b", GOOD, environment="zerone/Arm-v0", options={"reward": "task"})]  # fmt: skip
    assert len(zo.compare(runs).pairs) == 1


def test_the_figure(two, tmp_path):
    found = zo.compare([*two, write_run(tmp_path / "third", BAD)])
    assert len(found.pairs) == 3
    for name in ("a.png", "b.svg"):
        assert found.plot(tmp_path / name) == tmp_path / name
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(InputError, match=r"c\.jpg"):
        found.plot(tmp_path / "c.jpg")


def test_what_cannot_be_compared(two, tmp_path):
    def refused(runs, words, threshold=None):
        with pytest.raises(InputError, match=words):
            zo.compare(runs, threshold)

    good, bad = two
    refused([good], "1 run is too few to compare: name at least two")
    refused([good, good], "good: named twice")
    refused([good, tmp_path / "none"], "none: no such run folder")
    refused([good, write_run(tmp_path / "going", BAD, ended=False)], "going: has no result yet.*zo.resume")
    refused([good, write_run(tmp_path / "one", BAD[:1])], "one: seeds = 1 is not allowed.*at least 3.*zerone plot")
    other = write_run(tmp_path / "other", BAD, environment="MountainCar-v0")
    refused([good, other], "other: is of MountainCar-v0, .*good of CartPole-v1: only runs in one environment")
    refused([good, write_run(tmp_path / "moon", BAD, options={"gravity": 1.6})], "moon: is of CartPole-v1 gravity=1.6")
    easy = write_run(tmp_path / "easy", BAD, solved_at=195.0)
    refused([bad, easy], r"threshold is missing: .*\(195, 475\)")
    assert zo.compare([bad, easy], 100).threshold == 100
