"""The driver uses every hyperparameter of a benchmark: with an unused one, both sides of a ratio would be the same."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from zerone.benchmarks import harness, works
from zerone.benchmarks.drivers import stopwatch

DRIVERS = Path(works.__file__).parent / "drivers"
WORDS = runpy.run_path(str(DRIVERS / "zerone_words.py"))
LEARNING = [
    (bench, contestant)
    for bench in works.BENCHES.values()
    for contestant in bench.contestants
    if contestant.peer == "zerone" and contestant.driver in ("", "shell_zerone")
]
SETTING = harness.Setting(rounds=1, home=Path("nowhere"))


class Read(dict[str, Any]):
    """A dictionary that records which of its keys are read."""

    def __init__(self, *pairs: Any) -> None:
        super().__init__(*pairs)
        self.keys_read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.keys_read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.keys_read.add(key)
        return super().get(key, default)


def unread(bench: works.Bench, contestant: works.Contestant) -> set[str]:
    """The hyperparameters of a contestant that its driver does not read."""
    told = harness.work_of(bench, contestant, SETTING)
    words = Read(told["hyperparameters"])
    WORDS["fields"](stopwatch.Work(**told | {"hyperparameters": words}))
    return set(words) - words.keys_read


@pytest.mark.parametrize(("bench", "contestant"), LEARNING, ids=lambda each: each.name)
def test_every_word_of_a_work_is_read(bench, contestant):
    assert unread(bench, contestant) == set()


def test_a_word_that_nobody_reads_is_found():
    bench = works.BENCHES["prioritized"]
    assert unread(bench, works.Contestant("zerone", "zerone", 1, 0, changed={"prioritised": True})) == {"prioritised"}


def test_prioritised_replay_is_compared_with_uniform_replay():
    for name in ("prioritized", "prioritized-preset"):
        bench = works.BENCHES[name]
        one, other = (stopwatch.Work(**harness.work_of(bench, each, SETTING)) for each in bench.contestants)
        made = [WORDS["algorithm"](work) for work in (one, other)]
        assert [each.prioritized for each in made] == [True, False]
        assert made[0].updates == bench.hyperparameters.get("updates", 1)
        lines = [WORDS["arguments"](work, "out") for work in (one, other)]
        assert "--prioritized" in lines[0]
        assert "--no-prioritized" in lines[1]


def test_minibatches_are_really_drawn_where_only_they_are_measured(capsys, monkeypatch):
    bench = works.BENCHES["prioritized-memory"]
    told = harness.work_of(bench, bench.contestants[0], SETTING) | {"steps": 2, "warm_steps": 1}
    told["hyperparameters"] = told["hyperparameters"] | {"memory": 8, "batch": 4}
    monkeypatch.setattr("sys.argv", ["draw_zerone.py", json.dumps(told)])
    monkeypatch.syspath_prepend(DRIVERS)
    runpy.run_path(str(DRIVERS / "draw_zerone.py"), run_name="__main__")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steady_steps"] == 2
