"""The benchmark harness with small scripts as contestants: no other library, no network."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from zerone.benchmarks import command, harness, peers, show, spread, works

HONEST = """
import json, sys
work = json.loads(sys.argv[1])
turns = open(__file__ + ".turns", "a+"); turns.write("x"); turns.seek(0); turn = len(turns.read())
print("chatter")
print(json.dumps({"steady_steps": work["steps"], "steady_cpu_seconds": SECONDS * turn, "steady_wall_seconds": 1.0,
                  "return_reached": 7.0, "return_is": "a test's", "peak_megabytes": work["hyperparameters"]["memory"]}))
"""
BENCH = works.Bench(
    "test",
    "a test",
    "dqn",
    "CartPole-v1",
    {"memory": 10},
    (
        works.Contestant("fast", "zerone", 100, 0, driver="fast"),
        works.Contestant("slow", "zerone", 100, 0, driver="slow"),
    ),
    (works.Comparison("fast", "slow", at_least=3), works.Comparison("slow", "fast", at_least=3)),
)


@pytest.fixture
def setting(tmp_path: Path) -> harness.Setting:
    (tmp_path / "fast.py").write_text(HONEST.replace("SECONDS", "1.0"))
    (tmp_path / "slow.py").write_text(HONEST.replace("SECONDS", "4.0"))
    return harness.Setting(rounds=2, home=tmp_path / "peers", drivers=tmp_path)


def printed(result: harness.Result) -> str:
    console = Console(width=120, file=io.StringIO())
    for part in show.parts(result):
        console.print(part, markup=False, soft_wrap=isinstance(part, str))
    return console.file.getvalue()


def with_contestant(contestant: works.Contestant) -> works.Bench:
    return replace(BENCH, contestants=(*BENCH.contestants, contestant))


def test_ratio_is_the_median_of_each_rounds_own_ratio():
    subject, other = {0: 10.0, 1: 30.0, 2: 8.0}, {0: 5.0, 1: 10.0, 2: 1.0}
    assert spread.ratios(subject, other) == spread.Spread(3.0, 2.0, 8.0)


def test_ratio_leaves_out_rounds_that_one_side_missed():
    assert spread.ratios({0: 10.0, 1: 30.0}, {1: 10.0, 2: 1.0}) == spread.Spread(3.0, 3.0, 3.0)
    assert spread.ratios({0: 10.0}, {1: 10.0}) is None
    assert spread.Spread.of([]) is None


def test_contestants_take_turns(setting: harness.Setting):
    told: list[str] = []
    harness.run(BENCH, setting, harness.Turns(harness.turns(BENCH, setting), told.append))
    assert [line.split()[-2] for line in told[::2]] == ["fast", "slow", "fast", "slow"]
    assert [line.split()[0] for line in told[::2]] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert all(line.strip().startswith("took ") for line in told[1::2])


def test_speeds_ratios_and_claims(setting: harness.Setting):
    result = harness.run(BENCH, setting)
    assert result.standings[0].numbers("steps_per_cpu_second") == {0: 100.0, 1: 50.0}
    data = show.as_data(result)
    assert [comparison["ratio"]["median"] for comparison in data["comparisons"]] == [4.0, 0.25]
    assert [comparison["met"] for comparison in data["comparisons"]] == [True, False]
    text = printed(result)
    assert "speed of fast / slow: 4   at least 3: yes" in text
    assert "speed of slow / fast: 0.25   at least 3: NO" in text
    assert "75 (50 – 100)" in text  # noqa: RUF001


def test_memory_cost_is_the_growth_of_the_peak_over_the_payload(setting: harness.Setting):
    large = replace(BENCH.contestants[0], name="large", changed={"memory": 1_000_010})
    small = replace(BENCH.contestants[0], name="small", changed={"memory": 10})
    bench = replace(BENCH, contestants=(large, small), comparisons=(), payload_bytes=500_000)
    costs = list(harness.run(bench, setting).memory_costs())
    assert costs[0].growth == pytest.approx(2.0)
    assert costs[1].growth is None


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise ValueError('no such thing')", "ValueError: no such thing (exit code 1)"),
        ("import sys; print('first\\nthe reason', file=sys.stderr); sys.exit(3)", "the reason (exit code 3)"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("print('hello')", "it ended without a report on its last line"),
        ("print('[1]')", "it ended without a report on its last line"),
        ("import time; time.sleep(60)", "stopped after the time limit of 1 s"),
    ],
)
def test_a_driver_that_fails_gives_one_line_and_is_not_asked_again(setting: harness.Setting, script: str, said: str):
    (setting.drivers / "broken.py").write_text(script)
    bench = replace(BENCH, contestants=(works.Contestant("broken", "zerone", 1, 0, driver="broken"),))
    result = harness.run(bench, replace(setting, time_limit=1))
    assert result.standings[0].failures == {0: said}
    assert f"  broken: failed: {said}\n" in printed(result)
    assert show.as_data(result)["contestants"][0]["trouble"] == f"failed: {said}"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_driver_that_is_killed_names_the_signal(setting: harness.Setting):
    (setting.drivers / "killed.py").write_text("import os; os.kill(os.getpid(), 9)")
    bench = replace(BENCH, contestants=(works.Contestant("killed", "zerone", 1, 0, driver="killed"),))
    assert harness.run(bench, setting).standings[0].failures == {0: "signal SIGKILL"}


def test_a_missing_peer_is_in_no_list_and_the_others_run(setting: harness.Setting):
    result = harness.run(with_contestant(works.Contestant("rejax", "rejax", 1, 0)), setting)
    assert "rejax" not in printed(result)
    assert show.as_data(result)["contestants"][-1]["trouble"] == "not installed (zerone bench --set-up rejax)"
    assert len(result.standings[0].runs) == 2


def test_a_peer_without_its_checkout_is_shown(setting: harness.Setting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(peers, "python_of", lambda _name, _home: Path(sys.executable))
    monkeypatch.setitem(peers.PEERS, "cleanrl", replace(peers.PEERS["cleanrl"], module="json"))
    assert peers.missing("cleanrl", setting.home, {}) == "no checkout given (--cleanrl PATH)"
    assert peers.missing("cleanrl", setting.home, {"cleanrl": setting.home}) is None


def test_peers_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("ZERONE_PEERS", str(tmp_path))
    assert peers.default_home() == tmp_path


def test_a_driver_is_given_the_work_and_its_cores(setting: harness.Setting):
    script = "import os; print(open(0).read() + os.environ['OMP_NUM_THREADS']); import json, sys; print(json.dumps("
    script += "{'cores': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1,"
    script += "'told': json.loads(sys.argv[1])}))"
    (setting.drivers / "curious.py").write_text(script)
    changed = works.Contestant("curious", "zerone", 5, 2, driver="curious", changed={"memory": 3})
    result = harness.run(replace(BENCH, contestants=(changed,)), replace(setting, rounds=1))
    run = result.standings[0].runs[0]
    assert run["cores"] == 1
    assert (run["told"]["steps"], run["told"]["warm_steps"], run["told"]["hyperparameters"]) == (5, 2, {"memory": 3})


def test_every_work_is_whole():
    for bench in works.BENCHES.values():
        names = [contestant.name for contestant in bench.contestants]
        assert len(set(names)) == len(names)
        for comparison in bench.comparisons:
            assert {comparison.subject, comparison.other} <= set(names)
        for contestant in bench.contestants:
            assert contestant.peer == "zerone" or contestant.peer in peers.PEERS
            assert (harness.DRIVERS / contestant.script).is_file()
            assert contestant.warm_steps < contestant.steps
    assert set(works.USUAL) <= set(works.BENCHES)


def test_json_is_one_object_and_progress_goes_elsewhere(setting: harness.Setting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(command.BENCHES, "dqn-cartpole", BENCH)
    monkeypatch.setattr(harness, "DRIVERS", setting.drivers)
    out = setting.drivers / "results.json"
    arguments = ["dqn-cartpole", "--only", "fast", "--rounds", "1", "--json", "--out", str(out)]
    result = CliRunner().invoke(command.main, arguments)
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert json.loads(out.read_text()) == data
    assert [contestant["name"] for contestant in data["works"][0]["contestants"]] == ["fast"]


def test_misspelt_names_are_refused():
    assert CliRunner().invoke(command.main, ["dqn-cartpoel"]).exit_code == 2
    assert CliRunner().invoke(command.main, ["--only", "nobody"]).exit_code == 2
    result = CliRunner().invoke(command.main, ["--set-up", "nobody"])
    assert result.exit_code == 2
    assert "'nobody' is not a peer; there are all, stable-baselines3" in result.output


def test_the_command_is_light_to_import():
    heavy = "import sys, zerone.benchmarks.command; print({'jax', 'numpy', 'rich'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", heavy], check=True, capture_output=True, text=True)  # noqa: S603
    assert ran.stdout.strip() == "set()"
