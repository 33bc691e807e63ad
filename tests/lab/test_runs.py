"""Runs on the page: the list, the answers to requests, and input that is refused or harmless."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
import sys
import time

import jax
import numpy as np
import pytest

import zerone as zo
from zerone.base.claim import Claim
from zerone.base.errors import InputError
from zerone.cli.app import run as command
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.export.player import Policy
from zerone.lab import one_file, trainings
from zerone.lab.answers import Answers
from zerone.lab.film import film
from zerone.lab.run_policies import RunPolicies
from zerone.training import notebook
from zerone.training.folder import RunFolder

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root folder with one run in a subfolder."""
    place = tmp_path_factory.mktemp("runs")
    zo.train(
        "q-learning", "zerone/Maze-v0", steps=2_000, seeds=2, out=place / "deep" / "maze", save_every=500,
        keep_last=10, evaluation_episodes=2, stop_when_solved=False, figure=False, progress=False,
    )  # fmt: skip
    return place


@pytest.fixture(scope="module")
def answers(root):
    return Answers(root)


@pytest.fixture
def copy(root):
    """A copy of the run that the test may damage."""
    place = root / "copy"
    shutil.copytree(root / "deep" / "maze", place)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def line_of(answers, what, **given):
    with pytest.raises(InputError) as refused:
        answers.answer(what, given)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def names(answers):
    return {each["name"] for each in answers.answer("runs", {})["runs"]}


def test_a_run_is_listed_with_its_numbers_and_is_running_while_its_lock_is_held(root, answers):
    (row,) = answers.answer("runs", {})["runs"]
    assert row["name"] == "deep/maze"
    assert (row["algorithm"], row["environment"], row["seeds"]) == ("q-learning", "zerone/Maze-v0", 2)
    assert (row["at"], row["steps"], row["state"]) == (2_000, 2_000, "finished")
    result = json.loads((root / "deep" / "maze" / "result.json").read_text())
    assert row["return"] == result["return_mean"]
    if sys.platform.startswith("linux"):
        with Claim.take(root / "deep" / "maze") as claim:
            assert answers.answer("runs", {})["runs"][0]["state"] == "running"
            claim.release()


def test_symbolic_links_are_not_followed_and_names_with_markup_are_only_names(root, answers, copy, tmp_path):
    (tmp_path / "outside").mkdir()
    shutil.copytree(copy, tmp_path / "outside" / "secret")
    (root / "linked").symlink_to(tmp_path / "outside" / "secret")
    half = root / "half"
    half.mkdir()
    (half / "config.json").symlink_to(copy / "config.json")
    marked = root / EVIL
    shutil.copytree(copy, marked)
    try:
        assert names(answers) == {"deep/maze", "copy", EVIL}
        assert answers.answer("run", {"run": EVIL})["name"] == EVIL
        (copy / "metrics.csv").unlink()
        (copy / "metrics.csv").symlink_to("/etc/passwd")
        assert answers.answer("run", {"run": "copy"})["curves"] == []
        with pytest.raises(InputError, match="nothing outside of its folder is read"):
            answers.file("copy", "csv")
        shutil.rmtree(copy / "checkpoints")
        (copy / "checkpoints").symlink_to(root / "deep" / "maze" / "checkpoints")
        assert answers.answer("run", {"run": "copy"})["checkpoints"] == ["0"]
    finally:
        for each in (root / "linked",):
            each.unlink()
        shutil.rmtree(half)
        shutil.rmtree(marked)


@pytest.mark.parametrize(
    "name", ["../deep/maze", "deep/../deep/maze", "/etc", "deep//maze", "deep/maze/", "./deep/maze", "", ".", "..",
             "deep/maze\x00", "deep", "x" * 5_000, 7, None, ["deep/maze"], "deep/maze/checkpoints"],
)  # fmt: skip
def test_a_name_that_was_not_listed_is_no_run(answers, name):
    assert line_of(answers, "run", run=name)
    assert line_of(answers, "film", run=name, checkpoint="best")
    assert line_of(answers, "resume", run=name)
    with pytest.raises(InputError):
        answers.file(str(name), "csv")


def test_curves_are_those_of_the_table(root, answers):
    found = answers.answer("run", {"run": "deep/maze"})
    rows = list(csv.DictReader((root / "deep" / "maze" / "metrics.csv").read_text().splitlines()))
    curves = {each["name"]: each["seeds"] for each in found["curves"]}
    for name in ("return", "evaluation_return"):
        for place, seed in enumerate(("0", "1")):
            wanted = [[int(row["step"]), float(row[name])] for row in rows if row["seed"] == seed and row[name]]
            assert [step for step, _ in curves[name][place]] == [step for step, _ in wanted]
            np.testing.assert_allclose([y for _, y in curves[name][place]], [y for _, y in wanted], rtol=1e-4)
    again = answers.answer("run", {"run": "deep/maze", "mark": found["mark"]})
    assert again["same"]
    assert "curves" not in again


def test_each_checkpoint_has_its_film_and_its_table(root, answers):
    """The film equals the policy's steps in Gymnasium's interface of the same environment."""
    run = zo.load(root / "deep" / "maze")
    listed = answers.answer("run", {"run": "deep/maze"})["checkpoints"]
    assert listed == ["0", "500", "1000", "1500", "2000", "best"]
    tables = []
    for which in listed:
        film = answers.answer("film", {"run": "deep/maze", "checkpoint": which, "seed": 1})["film"]
        tables.append(film["table"])
        if which == "0":
            assert not np.any(film["table"])
            continue
        agent = run.agent(1, which)
        np.testing.assert_allclose(film["table"], np.asarray(agent.policy), rtol=1e-3, atol=1e-6)
        environment = GymnasiumEnvironment("zerone/Maze-v0")
        seen, total = environment.reset(seed=0)[0], 0.0
        places, ended = [seen], False
        while not ended and len(places) < len(film["frames"]):
            seen, reward, ended, _, _ = environment.step(agent.act(seen))
            places.append(seen)
            total += reward
        assert [each["state"] for each in film["frames"]] == places
        assert film["total"] == total
        assert (film["ended"] == "terminated") == ended
    assert tables[1] != tables[2]


def test_a_run_that_is_deleted_while_it_is_open_is_one_clear_line(answers, copy):
    assert answers.answer("run", {"run": "copy"})["picture"]
    shutil.rmtree(copy)
    assert line_of(answers, "run", run="copy") == "copy: this run is not there: its folder was deleted or moved"
    assert "deleted or moved" in line_of(answers, "film", run="copy", checkpoint="best")


def test_a_damaged_checkpoint_is_one_clear_line_and_the_others_are_shown(answers, copy):
    damaged = copy / "checkpoints" / "step-000001000.safetensors"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    assert "do not match its checksum" in line_of(answers, "film", run="copy", checkpoint="1000")
    assert answers.answer("film", {"run": "copy", "checkpoint": "500"})["film"]["frames"]
    (copy / "checkpoints" / "best.safetensors").write_bytes(b"")
    assert line_of(answers, "film", run="copy", checkpoint="best").endswith("empty")
    config = copy / "config.json"
    config.write_text(config.read_text()[:-20])
    (row,) = [each for each in answers.answer("runs", {})["runs"] if each["name"] == "copy"]
    assert "\n" not in row["wrong"]
    assert line_of(answers, "run", run="copy")


@pytest.mark.thorough
def test_names_that_are_no_text_and_policies_that_have_diverged_trouble_nobody(answers, root, copy):
    odd = root / b"\xff".decode("utf-8", "surrogateescape")
    copy.rename(odd)
    try:
        assert names(answers) == {"deep/maze"}
    finally:
        odd.rename(copy)
    arm = zo.train("ddpg", "zerone/Arm-v0", steps=300, out=root / "arm", settings={"hidden": (4,), "warmup": 50},
                   evaluation_episodes=1, figure=False, progress=False)  # fmt: skip
    policies = RunPolicies(RunFolder.open(arm.path))
    broken = jax.tree.map(lambda leaf: leaf * np.nan, policies.policy(0, "best"))
    with pytest.raises(InputError, match="diverged"):
        film(policies.engine, broken)
    shutil.rmtree(root / "arm")


@pytest.mark.parametrize("where", ["algorithm", "environment", "network", "source", "reward"])
def test_code_of_somebody_else_is_never_imported(answers, copy, tmp_path, monkeypatch, where):
    (tmp_path / "their_code.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = json.loads((copy / "config.json").read_text())
    if where == "source":
        config["algorithm"]["source"] = "their_code:Name"
    elif where == "network":
        config["algorithm"] = {"name": "dqn", "settings": {"network": "their_code:Name"}}
    elif where == "reward":
        config["environment"]["options"] = {"reward": "their_code:reward"}
    else:
        config[where]["name" if where == "algorithm" else "id"] = "their_code:Name"
    (copy / "config.json").write_text(json.dumps(config))
    found = answers.answer("run", {"run": "copy"})  # its curves can still be shown
    assert found["picture"] is None
    assert found["noFilm"]
    assert where not in ("network", "source", "reward") or "this run has code of its own" in found["noFilm"]
    assert found["curves"]
    assert line_of(answers, "film", run="copy", checkpoint="best")
    (copy / "result.json").unlink()
    assert line_of(answers, "resume", run="copy")
    for kind in ("npz", "html"):
        with pytest.raises(InputError):
            answers.file("copy", kind)
    assert "their_code" not in sys.modules


@pytest.mark.parametrize(
    "given",
    [{"steps": 0}, {"steps": 1.5}, {"steps": 10**12}, {"seeds": 0}, {"seeds": 1_000}, {"more": 1},
     {"setup": {"algorithm": "q-learning", "environment": "zerone/Maze-v0", "settings": {"learning_rate": 7}}},
     {"setup": {"algorithm": "q-learning", "environment": "CartPole-v1"}},
     {"setup": {"algorithm": "os:system", "environment": "CartPole-v1"}}],
)  # fmt: skip
def test_what_cannot_be_trained_begins_no_training(answers, root, given):
    setup = {"algorithm": "q-learning", "environment": "zerone/Maze-v0"}
    before = sorted(root.iterdir())
    assert line_of(answers, "train", **({"setup": setup, "steps": 100, "seeds": 1} | given))
    assert answers.trainings.names == []
    assert sorted(root.iterdir()) == before


@pytest.mark.thorough
def test_a_training_survives_its_server_and_leaves_the_bits_of_one_that_was_never_stopped(tmp_path):
    """A training notices that its server was killed because their pipe is closed."""
    setup = {"algorithm": "q-learning", "environment": "zerone/Treasure-v0", "seed": 3}
    first = Answers(tmp_path)
    name = first.answer("train", {"setup": setup, "steps": 1_000_000, "seeds": 1})["run"]
    assert first.answer("runs", {})["runs"][0]["state"] == "running"
    wait_for(lambda: list((tmp_path / name / "checkpoints").glob("step-*")))
    begun = time.monotonic()
    first.trainings.close()
    assert time.monotonic() - begun < 2
    left = first.trainings.names
    assert left == [name]
    assert not (tmp_path / name / "result.json").exists()
    second = Answers(tmp_path)
    second.trainings.go_on([*left, "not there"])
    wait_for(lambda: (tmp_path / name / "result.json").exists())
    wait_for(lambda: second.trainings.names == [])
    assert "has ended" in line_of(second, "resume", run=name)
    alone = zo.train("q-learning", "zerone/Treasure-v0", steps=1_000_000, seed=3, out=tmp_path / "alone",
                     keep_last=trainings.MANY_KEPT, figure=False, progress=False)  # fmt: skip
    assert (alone.path / "metrics.csv").read_bytes() == (tmp_path / name / "metrics.csv").read_bytes()


def wait_for(find, seconds=60):
    until = time.monotonic() + seconds
    while not find():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_policy_that_is_taken_away_acts_as_the_run_does(root, answers, tmp_path):
    name, data = answers.file("deep/maze", "npz")
    assert name == "maze.npz"
    (tmp_path / name).write_bytes(data)
    policy, agent = Policy(tmp_path / name), zo.load(root / "deep" / "maze").agent()
    assert [int(policy(state)) for state in range(16)] == [int(agent.act(state)) for state in range(16)]
    assert answers.file("deep/maze", "csv")[1] == (root / "deep" / "maze" / "metrics.csv").read_bytes()


def test_the_one_file_asks_nobody_for_anything(root):
    page = one_file.page_of(root / "deep" / "maze")
    assert set(re.findall(r"https?://[^\s\"'`$<]+", page)) <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML",
    }  # fmt: skip
    assert not re.search(r"<(?:link|img|iframe)\b|\bsrc=|^import |^export ", page, re.MULTILINE)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    (program,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    (data,) = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data)["checkpoints"] == ["0", "500", "1000", "1500", "2000", "best"]


def test_a_name_cannot_end_the_element_that_it_stands_in(copy, root):
    named = root / "</script><script>alert(1)<!--"
    named.parent.mkdir(parents=True, exist_ok=True)
    copy.rename(named)
    page = one_file.page_of(named)
    assert page.count("<script") == page.count("</script") == 2
    assert "alert(1)<" not in page.replace("\\u003c", "|")
    shutil.rmtree(root / "<")


def test_the_command_writes_it_and_refuses_what_would_be_ignored(root, tmp_path, capsys):
    run, page = str(root / "deep" / "maze"), tmp_path / "run.html"
    assert command(["watch", run, "--html", str(page), "--agent", "1"]) == 0
    assert '"seed":1' in page.read_text()
    page.unlink()
    capsys.readouterr()
    refused = (
        ["--text"],
        ["--video", "x.mp4"],
        ["--episodes", "3"],
        ["--checkpoint", "best"],
        ["--trust"],
        ["--agent", "9"],
    )
    for more in refused:
        assert command(["watch", run, "--html", str(page), *more]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert command(["watch", run, "--html", str(tmp_path / "run.txt")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_a_notebook_shows_its_films(root, monkeypatch):
    run = zo.load(root / "deep" / "maze")
    page = run._repr_html_()
    assert "srcdoc=" in page
    assert "<script" not in page  # it is escaped within the attribute
    assert "&lt;script" in page
    monkeypatch.setattr(notebook, "page_of", None)
    assert "srcdoc=" not in run._repr_html_()
