"""The check of the presets' levels: on seeds that none was tuned on, for the best and the last policy."""

import json
import shutil
from pathlib import Path

import pytest

from zerone_benchmarks import learning, learning_table

ROOT = Path(__file__).resolve().parents[2]


def row_of(algorithm, environment, *different, **changed):
    return {
        "algorithm": algorithm, "environment": environment, "engine": "compiled", "level": -110.0,
        "settings": dict.fromkeys(different, "kl"), "seeds": 20, "first_seed": 1000, "episodes": 100, "reached": 20,
        "worst": -106.71, "last_reached": 13, "last_worst": -157.0, "median_steps": 120_000.0,
        "evaluation_steps": 1_189_036.0,
    } | changed  # fmt: skip


ROWS = [row_of(*name) for name in learning_table.SHOWN]


def test_the_table_says_level_best_last_and_steps_of_evaluation(tmp_path):
    names = ("docs/speed.md", "docs/speed.zh.md", "README.md", "README.zh.md")
    (tmp_path / "docs").mkdir()
    for name in names:
        shutil.copy(ROOT / name, tmp_path / name)
    learning_table.write(ROWS, tmp_path)
    numbers = "| -110 | 20 / 20, -106.7 | 13 / 20, -157 | 120,000 | 1,189,036 |"
    english, chinese, *readmes = ((tmp_path / name).read_text("utf-8") for name in names)
    for text, word in ((english, ", with"), (chinese, "，加")):
        assert f"| `dqn` `MountainCar-v0` {numbers}" in text
        assert f"| `ppo` `Pendulum-v1`{word} `--objective kl` {numbers}" in text
        assert text.count(numbers) == len(learning_table.SHOWN)
    assert "20 seeds, 1,000 to 1,019, on which none was tuned" in english
    assert "20 个种子（1,000 到 1,019）" in chinese
    # Everything else on the page stays as it is.
    for name, text, marker in (("docs/speed.md", english, "learning"), ("README.md", readmes[0], "learning-extract")):
        old = (ROOT / name).read_text("utf-8")
        assert text.startswith(old[: old.index(f"<!-- {marker} -->")])
        assert text.endswith(old[old.index(f"<!-- /{marker} -->") :])
    for text, words in zip(readmes, ("reach the threshold", "达到阈值"), strict=True):
        assert text.count("| 20 / 20 | -106.7 | 120,000 |") == len(learning_table.EXTRACT)
        assert words in text


def test_a_table_of_a_part_or_of_different_seeds_is_refused():
    with pytest.raises(ValueError, match="not measured: q-learning zerone/Treasure-v0"):
        learning_table.table(ROWS[1:], "en")
    with pytest.raises(ValueError, match="different seeds"):
        learning_table.table([*ROWS[1:], {**ROWS[0], "first_seed": 0}], "en")


def test_every_row_of_the_table_is_promised():
    promised = {(algorithm, environment, *(more[0] if more else ())) for algorithm, environment, engine, _, _, *more
                in learning.PROMISES if engine == "compiled"}  # fmt: skip
    assert set(learning_table.SHOWN) <= promised


@pytest.mark.thorough
def test_seeds_are_others_than_those_of_the_tuning_and_rows_are_kept(tmp_path, capsys, monkeypatch):
    kept = tmp_path / "rows.jsonl"
    words = ["q-learning", "Treasure", "--seeds", "2", "--keep", str(kept)]
    assert learning.main(words) == 0
    assert "2 of 2 seeds reach 1" in (said := capsys.readouterr().out)
    assert "last policy 2 of 2" in said
    (row,) = [json.loads(line) for line in kept.read_text().splitlines()]
    assert (row["first_seed"], row["seeds"], row["last_reached"]) == (1000, 2, 2)
    assert row["evaluation_steps"] > 0
    monkeypatch.setattr(learning, "judge", None)  # it is not measured again
    assert learning.main(words) == 0
    assert capsys.readouterr().out == said
