"""The commands when nothing goes wrong."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from zerone.cli.settings import guessed

LINE = ("train", "q-learning", "zerone/Treasure-v0", "--evaluation-episodes", 5)


@pytest.mark.figures
def test_train_says_how_it_ended_and_what_to_do_next(zerone, here):
    ended = zerone(*LINE, "--out", "run")
    assert (ended.code, ended.err) == (0, "")
    assert "compiling" in ended.out
    assert "/ 10,000 steps" in ended.out
    assert "mean return 1.00 over 5 episodes" in ended.out
    assert "solved after" in ended.out
    for command in ("zerone watch run", "zerone evaluate run", "zerone plot run"):
        assert command in ended.out
    for name in ("figure.png", "table.png"):
        assert (here / "run" / name).stat().st_size > 10_000
        assert name in ended.out


def test_train_makes_a_new_folder_each_time(zerone, here):
    assert zerone(*LINE, "--steps", 50, "--quiet", "--no-figure").out == "runs/q-learning-zerone-Treasure-v0-1\n"
    assert zerone(*LINE, "--steps", 50, "--quiet", "--no-figure").out == "runs/q-learning-zerone-Treasure-v0-2\n"
    assert not {*(here / "runs" / "q-learning-zerone-Treasure-v0-1").glob("*.png")}


def test_train_json_has_all_keys_and_nothing_beside_it(zerone):
    ended = zerone(*LINE, "--steps", 300, "--seeds", 2, "--seed", 5, "--json", "--no-figure")
    assert ended.err == ""
    wanted = {"run", "algorithm", "environment", "engine", "steps", "seconds", "steps_per_second", "startup_seconds"}
    assert wanted | {"seeds"} <= ended.json.keys()
    assert (ended.json["steps"], ended.json["engine"]) == (600, "compiled")
    assert [each["seed"] for each in ended.json["seeds"]] == [5, 6]
    assert {"seed", "solved", "solved_at_step", "return_mean", "steps"} <= ended.json["seeds"][0].keys()


def test_what_is_typed_overrides_the_preset_and_is_kept(zerone, here):
    ended = zerone(
        "train", "--learning-rate", "0.25", "q-learning", "--environments=3", "zerone/Maze-v0", "--steps", "3e2",
        "--option", "step_reward=-1", "--option", "observe=index", "--evaluation-episodes", 2, "--out", "run",
        "--save-every", 150, "--keep-last", 1, "--solved-at", "-0.5", "--no-figure", "--chunk", 7,
    )  # fmt: skip
    assert ended.code == 0, ended
    config = json.loads((here / "run" / "config.json").read_text())
    assert config["algorithm"]["settings"]["learning_rate"] == 0.25
    assert config["algorithm"]["settings"]["environments"] == 3
    assert config["environment"]["options"] == {"step_reward": -1.0, "observe": "index"}
    assert isinstance(config["environment"]["options"]["step_reward"], float)
    assert (config["steps"], config["save_every"], config["keep_last"]) == (300, 150, 1)
    assert (config["solved_at"], config["stop_when_solved"], config["figure"]) == (-0.5, False, False)
    assert len(list((here / "run" / "checkpoints").glob("step-*"))) == 1


def test_flags_and_lists_of_hyperparameters(zerone, here):
    zerone("train", "dqn", "CartPole-v1", "--double", "--hidden", "8,4", "--steps", 8, "--evaluation-episodes", 1,
           "--out", "run", "--no-figure")  # fmt: skip
    settings = json.loads((here / "run" / "config.json").read_text())["algorithm"]["settings"]
    assert (settings["double"], settings["hidden"]) == (True, [8, 4])


@pytest.mark.thorough
def test_options_of_foreign_environments_are_what_they_look_like(zerone, here):
    zerone("train", "ppo", "CliffWalkingSlippery-v1", "--option", "is_slippery=true", "--steps", 8,
           "--steps-per-update", 8, "--minibatches", 1, "--evaluation-episodes", 1, "--evaluation-limit", 20,
           "--out", "run", "--no-figure")  # fmt: skip
    config = json.loads((here / "run" / "config.json").read_text())
    assert config["engine"] == "host"
    assert config["environment"]["options"] == {"is_slippery": True}
    assert [guessed(each) for each in ("true", "4", "0.5", "4x4", "inf")] == [True, 4, 0.5, "4x4", "inf"]


def test_the_twin_of_one_of_ours_takes_its_options_on_the_host_engine(zerone, here):
    zerone("train", "q-learning", "FrozenLake-v1", "--engine", "host", "--option", "is_slippery=false", "--option",
           "map_name=8x8", "--option", "reward_schedule=2,-1,0", "--steps", 20, "--evaluation-episodes", 1, "--out",
           "run", "--no-figure")  # fmt: skip
    config = json.loads((here / "run" / "config.json").read_text())
    assert config["engine"] == "host"
    assert config["environment"]["options"] == {
        "is_slippery": False, "map_name": "8x8", "reward_schedule": [2.0, -1.0, 0.0]
    }  # fmt: skip


def test_overwrite_replaces_a_run(zerone, here):
    for steps in (50, 70):
        assert zerone(*LINE, "--steps", steps, "--out", "run", "--overwrite", "--no-figure").code == 0
    assert json.loads((here / "run" / "config.json").read_text())["steps"] == 70


def test_resume_of_a_finished_run_takes_what_it_was_begun_with(zerone, treasure, tmp_path):
    import shutil

    copy = shutil.copytree(treasure, tmp_path / "copy")
    before = json.loads((copy / "result.json").read_text())
    ended = zerone(
        "train", "q-learning", "zerone/Treasure-v0", "--steps", 400, "--seeds", 2, "--resume", copy, "--json"
    )
    assert ended.code == 0, ended
    assert ended.json["seeds"] == before["seeds"]
    assert zerone("train", "--resume", copy, "--quiet").out == f"{copy}\n"


def test_evaluate_in_words_and_json(zerone, treasure):
    ended = zerone("evaluate", treasure, "--episodes", 3, "--seed", 1, "--json")
    assert {"run", "episodes", "return_mean", "return_std", "length_mean", "returns", "seeds"} <= ended.json.keys()
    assert [each["seed"] for each in ended.json["seeds"]] == [0, 1]
    assert len(ended.json["seeds"][0]["returns"]) == ended.json["episodes"] == 3
    assert zerone("evaluate", treasure, "--episodes", 3, "--seed", 1, "--json").json == ended.json
    words = zerone("evaluate", treasure, "--episodes", 3, "--checkpoint", "last").out
    assert "mean return" in words
    assert "seed 1" in words


def test_watch_as_text(zerone, treasure):
    ended = zerone("watch", treasure, "--text", "--episodes", 2)
    assert (ended.code, ended.err) == (0, "")
    assert re.search("episode 1  step 0  return 0\no----T( +→ ?[~.0-9]+){5} T\n", ended.out)
    assert "episode 2  step 5  return 1  (treasure found)\n-----o   →" in ended.out
    plain = zerone("watch", treasure, "--text", "--episodes", 2, "--plain").out
    assert "episode 1  step 0  return 0\no----T\n" in plain
    assert "episode 2  step 5  return 1  (treasure found)\n-----o\n" in plain
    assert zerone("watch", treasure, "--episodes", 2).out == ended.out  # without a display it shows text
    assert zerone("watch", treasure, "--text", "--follow").out.startswith(ended.out)  # it has ended: its last agent


def test_watch_on_film(zerone, treasure, here):
    ended = zerone("watch", treasure, "--video", "film.gif")
    assert ended.out == "film.gif: 2.0 s of q-learning on zerone/Treasure-v0\n"
    assert zerone("watch", treasure, "--video", "film.mp4", "--agent", 1).code == 0
    from zerone.player.video import ffmpeg

    reading = [ffmpeg(), "-loglevel", "error", "-i", "film.mp4", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixels = subprocess.run(reading, capture_output=True, check=True).stdout  # noqa: S603
    height, width = 128 + 30, 6 * 96 + 32
    assert len(pixels) == 8 * height * width * 3  # 6 states; the last one is shown three times
    assert sorted(each.name for each in here.iterdir()) == ["film.gif", "film.mp4"]


def test_watch_in_a_window(zerone, treasure, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    ended = zerone("watch", treasure, "--window", "--episodes", 1)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.thorough
def test_watch_an_arm_whose_goal_follows_the_mouse_until_the_window_is_closed(zerone, here, monkeypatch):
    import pygame

    from zerone.environments.gym.bridge import GymnasiumEnvironment
    from zerone.environments.window import Window

    few = ("--environments", 1, "--steps-per-update", 20, "--minibatches", 1, "--epochs", 1, "--evaluation-episodes", 1,
           "--option", "limit=30")  # fmt: skip
    assert (
        zerone("train", "ppo", "zerone/Arm-v0", "--steps", 20, *few, "--no-figure", "--quiet", "--out", "run").code == 0
    )
    show, goals, pictures = Window.show, [], []

    def shown(window, frame):
        show(window, frame)
        pictures.append(frame.shape)
        moved = pygame.event.Event(pygame.MOUSEMOTION, pos=(100 + len(pictures), 50), rel=(1, 0), buttons=(0, 0, 0))
        if not window.closed:
            escape = pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE)
            pygame.event.post(moved if len(pictures) < 12 else escape)

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(Window, "show", shown)
    monkeypatch.setattr(GymnasiumEnvironment, "move_goal", lambda _, *place: goals.append(place))
    ended = zerone("watch", "run", "--window")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert goals == [(101 + i, 350) for i in range(11)]
    goals.clear()
    pictures.clear()
    assert zerone("watch", "run", "--video", "arm.gif").code == 0
    assert (here / "arm.gif").stat().st_size > 1000
    assert "distance" in zerone("watch", "run", "--text", "--episodes", 1).out
    assert goals == []


def test_plot_one_and_several(zerone, treasure, here):
    assert zerone("plot", treasure, "--out", "one.svg").out == "one.svg\none-table.svg\n"
    several = zerone("plot", treasure, treasure, "--out", "two.pdf", "--json").json
    assert several == {"figure": "two.pdf", "table": "two-table.pdf", "runs": [str(treasure)] * 2}
    for name in ("two.pdf", "two-table.pdf"):
        assert (here / name).read_bytes().startswith(b"%PDF")


def test_plot_says_whose_table_it_is(zerone, treasure, here, monkeypatch):
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    assert zerone("plot", treasure, "--out", "best.svg").code == 0
    assert zerone("plot", treasure, "--out", "last.svg", "--agent", 1, "--checkpoint", "last").code == 0
    best, last = ((here / f"{name}-table.svg").read_text() for name in ("best", "last"))
    assert "q-learning on zerone/Treasure-v0" in best
    assert "seed 0 of 2 seeds, best policy, found after" in best
    assert "seed 1 of 2 seeds, policy after 400 steps" in last


@pytest.mark.thorough
def test_plot_of_what_has_no_picture_of_a_table(zerone, here):
    small = ("--steps", 60, "--evaluation-episodes", 1, "--figure")
    taxi = zerone("train", "q-learning", "Taxi-v4", *small, "--steps", 400, "--out", "taxi")
    assert taxi.code == 0
    assert "table.png" not in taxi.out
    shown = zerone("plot", "taxi", "--json")
    assert shown.json == {"figure": "taxi/figure.png", "table": None, "runs": ["taxi"]}
    shown.said_one_line("taxi: no picture of the table: the states of Taxi-v4 are not the cells of a grid")
    zerone("plot", "taxi", "--agent", 0).refused("--agent", "not the cells of a grid")
    said = zerone("watch", "taxi", "--text", "--episodes", 1).out
    assert "\nQ  south " in said
    assert "Q  south" not in zerone("watch", "taxi", "--text", "--episodes", 1, "--plain").out
    assert not (here / "taxi" / "table.png").exists()


def test_plot_of_a_table_that_cannot_be_read_still_has_the_curves(zerone, treasure, tmp_path):
    import shutil

    copy = shutil.copytree(treasure, tmp_path / "copy")
    (copy / "checkpoints" / "best.safetensors").write_bytes(b"torn")
    ended = zerone("plot", copy)
    assert (ended.code, ended.out) == (0, f"{copy}/figure.png\n")
    ended.said_one_line("no table drawn", "best.safetensors")
    zerone("plot", copy, "--checkpoint", "best").refused("best.safetensors")


def test_algorithms_are_listed(zerone):
    from zerone.algorithms import catalogue

    names = [entry.name for entry in catalogue.entries()]
    listed = zerone("algorithms", "--json").json
    assert [each["name"] for each in listed] == names
    assert {"text", "model", "learns", "updates", "policy", "observations", "actions", "paper"} <= listed[0].keys()
    words = zerone("algorithms").out
    assert all(f"\n{name} " in f"\n{words}" for name in names)
    assert "--learning-rate" in zerone("algorithms", names[0]).out


def test_environments_are_listed(zerone):
    from zerone.environments import catalogue

    names = [entry.id for entry in catalogue.entries()]
    listed = zerone("environments", "--json").json
    assert [each["name"] for each in listed] == names
    words = zerone("environments").out
    assert all(f"\n{name} " in f"\n{words}" for name in names)
    assert "step_reward" in zerone("environments", "zerone/Maze-v0").out
    options = zerone("environments", "zerone/Maze-v0", "--json").json["options"]
    assert {"name": "limit", "default": 100}.items() <= options[0].items()


@pytest.mark.parametrize("entry", __import__("zerone.algorithms.catalogue").algorithms.catalogue.entries(),
                         ids=lambda entry: entry.name)  # fmt: skip
def test_every_hyperparameter_has_an_option_of_its_own(zerone, entry):
    import dataclasses

    from zerone.cli.options import option_names
    from zerone.cli.settings import settings_of
    from zerone.cli.train import train

    common = {name for parameter in train.params for name in option_names(parameter)} | {"--help"}
    text = zerone("train", entry.name, "--help").out
    for setting in settings_of(entry.make):
        assert setting.option in text
        assert not {setting.option, setting.negation} & common
        assert setting.allowed is not None, setting.name
        assert setting.allowed.text, setting.name
        if not setting.is_flag:
            assert setting.convert(setting.typed_default()) == setting.default
    assert len(settings_of(entry.make)) == len(dataclasses.fields(entry.make))


def test_help_is_there(zerone):
    assert "zerone train" in zerone().out
    assert zerone("--help").out == zerone().out
    assert "ALGORITHM" in zerone("train", "--help").out
    for command in ("evaluate", "watch", "plot", "algorithms", "environments"):
        assert f"Usage: zerone {command}" in zerone(command, "--help").out
    import zerone as package

    assert zerone("--version").out == f"zerone {package.__version__}\n"
