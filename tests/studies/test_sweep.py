"""Sweeps: one compilation for all settings, nothing lost when stopped, and the best one written as a preset."""

from __future__ import annotations

import json
import tomllib

import gymnasium
import numpy as np
import pytest
from toys import CounterEnv, Keeper

import zerone as zo
from zerone.algorithms import catalogue
from zerone.base.errors import InputError, RunError
from zerone.studies import search, sweep_result
from zerone.studies.advice import notes
from zerone.studies.search import Range
from zerone.studies.trial import values_of
from zerone.training.algorithm_setup import settings_of

LINE = ("q-learning", "zerone/Treasure-v0")
SHORT = {"steps": 60, "seeds": 3}
RATES = {"learning_rate": [0.01, 0.5]}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return zo.sweep(*LINE, RATES, out=tmp_path_factory.mktemp("sweeps") / "done", **SHORT)


def files(folder):
    """The contents of all files that do not depend on the time."""
    kept = ("metrics.csv", "config.json", "table.csv", "best.toml", "response.png", "response.svg", ".safetensors")
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.name.endswith(kept)}


def test_points():
    assert Range(1e-4, 1e-2).points(5) == [1e-4, 0.0003162, 1e-3, 0.003162, 1e-2]
    assert Range(0.0, 1.0).points(3) == [0.0, 0.5, 1.0]
    assert len(search.Grid({"a": Range(1.0, 2.0), "b": [1, 2, 3]}, 4).trials) == 12


@pytest.mark.thorough
def test_all_settings_train_in_one_compile(done, tmp_path, compilations):
    """The programs that `done` has compiled work for other numbers, and for more settings."""
    zo.sweep(*LINE, {"learning_rate": Range(0.1, 0.9), "epsilon": [0.2, 0.3]}, points=2, out=tmp_path / "a", **SHORT)
    assert compilations() == 0
    zo.train(
        zo.QLearning(environments=2), LINE[1], steps=60, out=tmp_path / "b", figure=False
    )  # another shape needs a new compilation
    assert compilations() > 0
    assert len(done.trials) == 2


def test_a_trial_is_a_training_by_itself(done, tmp_path):
    alone = zo.train("q-learning", LINE[1], settings={"learning_rate": 0.5}, steps=60, seed=1, out=tmp_path / "alone",
                     figure=False)  # fmt: skip
    table = alone.metrics["evaluation_return"]
    assert done.trials[1].values[1] == table[np.isfinite(table)].mean()
    assert done.trials[1].seeds == (0, 1, 2)
    assert done.confirmed.seeds == (3, 4, 5)


def test_the_best_is_the_highest_mean_and_its_preset_can_be_read(done):
    best = max(done.trials, key=lambda trial: trial.mean)
    assert done.best is best
    assert done.confirmed.settings == best.settings
    text = (done.path / "best.toml").read_text()
    read = tomllib.loads(text)[LINE[1]]
    assert (read.pop("steps"), read.pop("stop_when_solved")) == (60, False)
    made = catalogue.make("q-learning", read)
    assert settings_of(made)["learning_rate"] == best.settings["learning_rate"]
    assert "had no part in the choice" in text


def test_what_is_written_trains_as_the_sweep_did(done, tmp_path):
    """The preset has the sweep's settings, length and schedules, and gives the same bits."""
    again = zo.train(*LINE, settings=done.path / "best.toml", seeds=3, out=tmp_path / "again", figure=False)
    trial = zo.load(done.best.path)
    assert again.config["algorithm"] == trial.config["algorithm"]
    for name in ("steps", "evaluate_every", "stop_when_solved"):
        assert again.config[name] == trial.config[name]
    assert (again.path / "metrics.csv").read_bytes() == (trial.path / "metrics.csv").read_bytes()


def test_what_was_swept_or_fixed_is_written_though_it_is_the_default(tmp_path):
    default = zo.QLearning()
    space = {"epsilon": [default.epsilon, 0.5], "learning_rate": [default.learning_rate, 0.3]}
    found = zo.sweep(*LINE, space, settings={"discount": default.discount}, out=tmp_path / "a", **SHORT)
    table = tomllib.loads(found.preset())[LINE[1]]
    assert {"epsilon", "learning_rate", "discount"} <= set(table)
    assert {name: table[name] for name in space} == dict(found.best.settings)


def trial(mean, **settings):
    return sweep_result.Trial(settings, None, (0,), np.array([mean]))


@pytest.mark.parametrize(
    ("name", "choices", "tried", "value", "word"),
    [
        ("learning_rate", {"low": 1e-4, "high": 1e-2}, [1e-4, 1e-3, 1e-2], 1e-2, "highest"),
        ("learning_rate", {"low": 1e-4, "high": 1e-2}, [1e-4, 1e-3, 1e-2], 1e-4, "lowest"),
        ("learning_rate", {"low": 1e-4, "high": 1e-2}, [1e-4, 1e-3, 1e-2], 1e-3, None),
        ("learning_rate", {"low": 1e-4, "high": 1e-2}, [2e-3, 9.5e-3], 9.5e-3, "highest"),  # as Optuna comes near
        ("learning_rate", [1e-4, 1e-3, 1e-2], [1e-4, 1e-3, 1e-2], 1e-2, "highest"),
        ("learning_rate", [1e-4, 1e-3], [1e-4, 1e-3], 1e-3, None),  # of two values both are edges
        ("discount", {"low": 0.0, "high": 1.0}, [0.0, 0.5, 1.0], 1.0, None),  # the limit of allowed values
        ("discount", {"low": 0.0, "high": 1.0}, [0.0, 0.5, 1.0], 0.0, None),
        ("discount", {"low": 0.9, "high": 0.99}, [0.9, 0.95, 0.99], 0.99, "highest"),
        ("objective", ["clip", "kl", "none"], ["clip", "kl", "none"], "kl", None),
    ],
)
def test_the_best_at_the_edge_of_a_range_is_said_to_be_there(name, choices, tried, value, word):
    trials = [trial(1.0 if each == value else 0.0, **{name: each}) for each in tried]
    best = next(each for each in trials if each.mean == 1.0)
    found = notes("ppo", {name: choices}, trials, best, settings_of(zo.PPO()), 10**9)
    assert [f"at the {word} end" in note for note in found] == ([] if word is None else [True])


def test_a_tie_is_called_one():
    trials = [trial(1.0, epsilon=0.1), trial(0.5, epsilon=0.2), trial(1.0, epsilon=0.3), trial(0.9999, epsilon=0.25)]
    *_, note = notes(
        "q-learning", {"epsilon": [0.1, 0.2, 0.3, 0.25]}, trials, trials[0], settings_of(zo.QLearning()), 100
    )
    assert note.startswith("worth exactly the same: epsilon = 0.3;")


def test_a_schedule_longer_than_a_trial_is_told_of():
    made = zo.PPO(decay_steps=1000.0, learning_rate_end=0.1)
    best = trial(1.0, clip=0.2)
    (note,) = notes("ppo", {"clip": [0.1, 0.2]}, [best, trial(0.0, clip=0.1)], best, settings_of(made), 200)
    assert "decay_steps = 1,000 is longer than the 200 steps of a trial" in note
    assert "20%" in note
    flat = zo.PPO(decay_steps=1000.0, learning_rate_end=1.0)
    assert notes("ppo", {"clip": [0.1, 0.2]}, [best, trial(0.0, clip=0.1)], best, settings_of(flat), 200) == []


def test_a_sweep_is_no_run_and_says_what_to_do(done):
    for call in (zo.load, lambda path: zo.compare([path, path])):
        with pytest.raises(InputError, match=r"not a run folder but a sweep: .*000 \(zo.resume_sweep\(.*reads all"):
            call(done.path)


def test_measures(done):
    metrics = zo.load(done.trials[0].path).metrics
    known = np.isfinite(metrics["evaluation_return"]) & (metrics["seed"] == 2)
    row, steps = metrics["evaluation_return"][known], metrics["step"][known]
    values = {name: values_of(done.trials[0].path, (0, 1, 2), name)[2] for name in sweep_result.MEASURES}
    result = zo.load(done.trials[0].path).result
    mean = (row * np.diff(steps, prepend=0)).sum() / steps[-1]  # weighted: evaluations are closer at first
    assert values == {"mean": pytest.approx(mean), "last": row[-1], "best": result["seeds"][2]["return_mean"]}


def test_who_had_no_time_for_an_evaluation_is_worth_what_the_judgement_found(tmp_path):
    class Long(CounterEnv):
        def step(self, action):
            observation, reward, _, _, info = super().step(action)
            return observation, reward, False, False, info

    run = zo.train(Keeper(), lambda: gymnasium.wrappers.TimeLimit(Long(), 400), steps=300, out=tmp_path / "r",
                   figure=False)  # fmt: skip
    assert np.isnan(run.metrics["evaluation_return"]).all()
    assert {name: values_of(run.path, (0,), name).tolist() for name in sweep_result.MEASURES} == {
        "mean": [400.0], "last": [400.0], "best": [400.0]
    }  # fmt: skip


@pytest.mark.thorough
def test_a_sweep_that_was_stopped_anywhere_ends_the_same(done, tmp_path):
    def stop(number, of, now):
        assert of == 3
        if number == 1 and now.steps >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zo.sweep(*LINE, RATES, out=tmp_path / "a", on_progress=stop, **SHORT)
    assert not (tmp_path / "a" / "table.csv").exists()
    seen = []
    found = zo.resume_sweep(tmp_path / "a", lambda *now: seen.append(now[0]))
    assert 0 not in seen  # the first setting was finished
    assert files(tmp_path / "a") == files(done.path)
    assert found.table() == done.table() == (done.path / "table.csv").read_text()
    assert zo.resume_sweep(tmp_path / "a").facts()["best"]["mean"] == done.best.mean  # again: the results are only read


def test_a_table_row_for_each_seed(done):
    lines = (done.path / "table.csv").read_text().splitlines()
    assert lines[0] == "learning_rate,seed,mean"
    assert len(lines) == 1 + 2 * 3
    assert lines[1].startswith("0.01,0,")


@pytest.mark.thorough
def test_optuna_varies_what_decides_shapes_and_can_be_resumed(tmp_path):
    pytest.importorskip("optuna")
    space = {"environments": [1, 2], "learning_rate": Range(0.1, 0.9)}
    asked = {"driver": "optuna", "trials": 3, "measure": "last", **SHORT}
    found = zo.sweep(*LINE, space, out=tmp_path / "a", **asked)
    assert len(found.trials) == 3
    assert {trial.settings["environments"] for trial in found.trials} <= {1, 2}
    assert all(0.1 <= trial.settings["learning_rate"] <= 0.9 for trial in found.trials)
    assert len({trial.settings["learning_rate"] for trial in found.trials}) == 3

    def stop(number, _, now):
        if number == 1 and now.steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zo.sweep(*LINE, space, out=tmp_path / "b", on_progress=stop, **asked)
    assert zo.resume_sweep(tmp_path / "b").table() == found.table()


def proposed(search, worth) -> list[dict]:
    """The settings that a search proposes when it gets the value of each."""
    found = []
    for settings in search.ask():
        found.append(settings)
        search.tell(worth(settings))
    return found


class Repeating(search.Optuna):
    """The broken twin: accepts all of Optuna's proposals, also repeated ones."""

    def _new_proposal(self):
        return self._study.ask(self._space)


def test_optuna_tries_no_setting_twice_and_ends_when_all_were_tried():
    pytest.importorskip("optuna")
    space = {"environments": [1, 2], "hidden": [(32, 32), (64,), (8,)]}

    def worth(settings):
        return 1.0 if settings["environments"] == 1 else -np.inf

    for trials, number in ((5, 5), (6, 6), (50, 6)):
        made = search.Optuna(space, trials)
        assert made.number == number
        found = proposed(made, worth)
        assert len({str(each) for each in found}) == len(found) == number
        assert found == proposed(search.Optuna(space, trials), worth)  # otherwise a sweep could not be resumed
    again = proposed(Repeating(space, 6), worth)
    assert len({str(each) for each in again}) < len(again) == 6


def test_optuna_tries_whole_numbers_once_each():
    pytest.importorskip("optuna")
    found = proposed(search.Optuna({"environments": Range(1, 4)}, 9), lambda settings: -settings["environments"])
    assert sorted(each["environments"] for each in found) == [1, 2, 3, 4]


def test_refusals_create_nothing(tmp_path, monkeypatch):
    def refused(words, space=RATES, algorithm=LINE[0], **more):
        with pytest.raises(InputError, match=words):
            zo.sweep(algorithm, LINE[1], space, out=tmp_path / "a", **{**SHORT, **more})

    refused("no setting 'learnin_rate': did you mean 'learning_rate'?", {"learnin_rate": [0.1, 0.2]})
    refused("environments is not allowed in one compile.*can be varied: learning_rate, .*driver='optuna'",
            {"environments": [1, 2]})  # fmt: skip
    refused("nothing to vary: name a setting", {})
    refused(r"learning_rate = 0\.5\.\.0\.1 is not allowed: must go up", {"learning_rate": Range(0.5, 0.1)})
    refused(
        r"learning_rate = \[0\.1, 0\.1\] is not allowed: must be a range or distinct", {"learning_rate": [0.1, 0.1]}
    )
    refused("learning_rate = -1.0 is not allowed", {"learning_rate": [0.5, -1.0]})
    refused("clip = 0.1 is not allowed: must be 0.2 without objective=clip", {"clip": [0.1, 0.3]}, "ppo",
            settings={"objective": "kl"})  # fmt: skip
    refused("learning_rate is not allowed twice", settings={"learning_rate": 0.5})
    refused("seeds = 1 is not allowed: must be at least 3", seeds=1)
    refused("points = 1 is not allowed: must be at least 2", points=1)
    refused("measure 'lats' is unknown: did you mean 'last'", measure="lats")
    refused("driver 'optunna' is unknown: did you mean 'optuna'", driver="optunna")
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    refused(r'driver optuna needs Optuna: .*pip install "zerone\[sweep\]"', driver="optuna")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="not the folder of a sweep"):
        zo.resume_sweep(tmp_path)
    (tmp_path / "a").mkdir()
    refused("a: exists already; go on with a sweep with resume, or choose another folder")
    (tmp_path / "a" / "mine.txt").write_text("mine")
    refused("a: exists already")


WILD = ("dqn", "CartPole-v1", {"learning_rate": [1e-3, 1e30]})


@pytest.mark.thorough
def test_a_setting_with_which_learning_diverges_is_worth_nothing_and_ends_no_sweep(tmp_path):
    found = zo.sweep(*WILD, steps=1_000, seeds=3, out=tmp_path / "a")
    good, wild = found.trials
    assert found.best is good
    assert (good.diverged, wild.diverged, wild.mean) == (False, True, -np.inf)
    told = json.loads(json.dumps(found.facts(), allow_nan=False))["trials"]
    assert (told[1]["mean"], told[1]["values"]) == (None, None)
    again = zo.resume_sweep(tmp_path / "a")
    assert [trial.mean for trial in again.trials] == [good.mean, -np.inf]
    with pytest.raises(RunError, match="learning diverged with every one of the 1 settings"):
        zo.sweep(*WILD[:2], {"learning_rate": [1e30]}, steps=1_000, seeds=3, out=tmp_path / "b")


@pytest.mark.thorough
def test_optuna_goes_on_after_a_setting_with_which_learning_diverges(tmp_path):
    found = zo.sweep(*WILD, steps=1_000, seeds=3, driver="optuna", trials=4, out=tmp_path / "a")
    assert {trial.diverged for trial in found.trials} == {False, True}


@pytest.mark.thorough
def test_what_is_not_varied_is_of_the_preset_that_was_asked_for(tmp_path):
    made = {kind: zo.sweep(*LINE, RATES, preset=kind, out=tmp_path / kind, **SHORT).algorithm
            for kind in ("tutorial", "none")}  # fmt: skip
    assert (made["none"].epsilon, made["none"].discount) == (zo.QLearning().epsilon, zo.QLearning().discount)
    assert made["tutorial"].discount == 0.9  # the tutorial's GAMMA
    again = zo.resume_sweep(tmp_path / "tutorial", progress=False)
    assert again.algorithm == made["tutorial"]
    with pytest.raises(InputError, match="preset 'best' is unknown"):
        zo.sweep(*LINE, RATES, preset="best", out=tmp_path / "wrong", **SHORT)
    assert not (tmp_path / "wrong").exists()


def only_right(observation):
    del observation
    return np.array([False, True])


@pytest.mark.thorough
def test_every_trial_keeps_to_the_action_mask(tmp_path):
    found = zo.sweep(*LINE, RATES, action_mask=only_right, out=tmp_path / "masked", **SHORT)
    assert all((trial.values == trial.values.max()).all() for trial in found.trials)  # no policy goes left
    assert zo.load(found.trials[0].path).config["environment"]["action_mask"].endswith(":only_right")
    with pytest.raises(InputError, match="nobody can find again"):
        zo.sweep(*LINE, RATES, action_mask=lambda _: [True, True], out=tmp_path / "wrong", **SHORT)
    assert not (tmp_path / "wrong").exists()
