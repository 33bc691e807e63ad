"""A faulty environment ends the run with one line that says where, and no results are lost."""

from __future__ import annotations

from pathlib import Path

import pytest

SMALL = ("--steps", 40, "--evaluation-episodes", 1, "--out", "run", "--warmup", 1000, "--no-figure")
FAULTS = {
    "raise": "step raised ValueError: it broke in two lines",
    "four": "step returned 4 values",
    "nan": "the reward is nan",
    "infinite": "the reward is inf",
    "no-reward": "the reward is None",
    "shape": "the observation is of shape (3,)",
    "nan-observation": "NaN",
    "no-observation": "the observation is None",
}


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("fault", "words"), FAULTS.items())
def test_names_environment_seed_and_step(zerone, here, fault, words):
    ended = zerone("train", "dqn", "mischief:Mischief-v0", *SMALL, "--seed", 3, "--option", f"fault={fault}", "--json")
    assert (ended.code, ended.out) == (1, ""), ended
    ended.said_one_line(
        "mischief:Mischief-v0", "seed 3", "step 7", words, "the last checkpoint is run/checkpoints/step-"
    )
    assert (here / ended.err.split()[-1]).exists()


def test_one_that_behaves_is_watched_in_numbers(zerone):
    assert zerone("train", "dqn", "mischief:Mischief-v0", *SMALL, "--quiet").code == 0
    ended = zerone("watch", "run", "--text", "--episodes", 1)
    assert "episode 1  step 1  return 1\naction " in ended.out
    assert "reward 1  observation 0 0\n" in ended.out
    zerone("watch", "run", "--video", "film.mp4").refused("gives no pictures", "--text")


@pytest.mark.thorough(after=1)
@pytest.mark.filterwarnings("ignore")  # Gymnasium's warnings, which the program hides
@pytest.mark.parametrize("suffix", ["gif", "mp4"])
@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("raise", 1, "render raised ValueError: no paint"), ("none-at-all", 2, "render returned None"),
        ("size", 1, "its picture is 32 × 33 after 32 × 32"), ("speed", 2, "render_fps = 0"),
    ],
)  # fmt: skip
def test_a_film_that_cannot_be_made_is_one_line_and_no_file(zerone, here, fault, code, words, suffix):
    assert zerone("train", "dqn", "mischief:Filmed-v0", *SMALL, "--quiet", "--option", f"fault={fault}").code == 0
    ended = zerone("watch", "run", "--video", f"film.{suffix}")
    assert (ended.code, ended.out) == (code, "")
    ended.said_one_line("environment mischief:Filmed-v0", words)
    assert [each.name for each in here.iterdir()] == ["run"]


@pytest.mark.filterwarnings("ignore")
def test_a_film_lasts_as_long_as_is_said(zerone):
    assert zerone("train", "dqn", "mischief:Filmed-v0", *SMALL, "--quiet", "--option", "fault=fast").code == 0
    said = zerone("watch", "run", "--video", "film.gif").out
    assert said.startswith("film.gif: 0.9 s of dqn")  # every third of 100 frames per second, and 0.8 s at the end


def test_ctrl_c_before_the_first_update_names_the_checkpoint(zerone):
    ended = zerone("train", "dqn", "mischief:Mischief-v0", *SMALL, "--option", "fault=interrupt", "--quiet")
    assert ended.code == 130
    ended.said_one_line("interrupted", "run/checkpoints/step-", "zerone train --resume run")
