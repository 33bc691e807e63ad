"""Bad input: exit code 2, one line that says what is wrong and what to do instead, and nothing is created."""

from __future__ import annotations

import json
import shutil

import pytest

CARTPOLE = ("train", "dqn", "CartPole-v1")
A3C = ("train", "a3c", "CartPole-v1", "--engine", "cluster")
LINE = ("train", "q-learning", "zerone/Treasure-v0")

ENDLESS = """
import gymnasium

class Endless(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return 0, {}

    def step(self, action):
        return int(action), 1.0, False, False, {}
"""

REFUSED = [
    # commands and options
    (("trian",), ["trian", "did you mean train?"]),
    (("frobnicate",), ["frobnicate", "evaluate", "watch"]),
    (("--frob",), ["--frob", "--version"]),
    (("train",), ["ALGORITHM", "ENVIRONMENT", "zerone train"]),
    (("train", "dqn"), ["ENVIRONMENT is missing", "zerone environments"]),
    (("train", "dqm", "CartPole-v1"), ["'dqm'", "did you mean 'dqn'?"]),
    (("train", "dqn", "CartPole-v9"), ["'CartPole-v9'", "did you mean 'CartPole-v1'?"]),
    (("train", "dqn", "zerone/Maize-v0"), ["zerone/Maize-v0", "zerone/Maze-v0"]),
    (("train", "dqn", "no_such_module:Thing-v0"), ["no_such_module", "cannot be imported"]),
    ((*CARTPOLE, "more"), ["'more'", "word too many", "zerone train --help"]),
    ((*CARTPOLE, "--hidden", "64", "64"), ["'64'", "several numbers", "--hidden 64,64"]),
    ((*CARTPOLE, "--seed", "1,2"), ["--seed 1,2", "--seeds N"]),
    (("algorithms", "dqm"), ["'dqm'", "did you mean 'dqn'?"]),
    (("environments", "CartPole"), ["'CartPole'", "did you mean 'CartPole-v1'?"]),
    (("evaluate",), ["RUN is missing"]),
    (("plot",), ["RUN is missing"]),
    (("watch",), ["RUN is missing"]),
    # names used by other libraries
    *(((*CARTPOLE, theirs, "1"), [theirs, f"here it is {ours}"]) for theirs, ours in {
        "--gamma": "--discount", "--lr": "--learning-rate", "--alpha": "--learning-rate", "--batch-size": "--batch",
        "--tau": "--target-step", "--n-envs": "--environments", "--buffer-size": "--memory",
        "--learning-starts": "--warmup", "--render": "--watch", "--total-timesteps": "--steps",
        "--replace-target-iter": "--target-period", "--max-ep": "--episodes", "--max-steps": "--steps",
        "--env": "the second word", "--algo": "the first word", "--verbose": "--quiet", "--device": "JAX_PLATFORMS",
        "--tensorboard-log": "--out", "--wandb-project-name": "--track wandb", "--hooks": "--callback",
        "--ent-coef": "--entropy-bonus, which only actor-critic, ppo, a3c, dppo have",
    }.items()),
    ((*CARTPOLE, "--gama", "1"), ["here it is --discount"]),
    ((*CARTPOLE, "--xyzzy", "1"), ["--xyzzy is unknown: zerone train dqn --help lists all"]),
    ((*LINE, "--xyzzy", "1"), ["q-learning has --learning-rate, --discount, --epsilon, --epsilon-end"]),
    ((*LINE, "--exploration", "1"), ["here it is --epsilon"]),
    (("train", "--gamma", "1", "dqn", "CartPole-v1"), ["here it is --discount"]),
    (("sweep", "dqn", "CartPole-v1", "gamma=0.9,1"), ["here it is 'discount'"]),
    (("sweep", "dqn", "CartPole-v1", "discount=0.9,1", "--lr", "1"), ["here it is --learning-rate"]),
    (("evaluate", "run", "--n-eval-episodes", "1"), ["here it is --episodes"]),
    (("watch", "run", "--render"), ["here it is --window"]),
    (("train", "a2c", "CartPole-v1"), ["'a2c'", "here it is actor-critic"]),
    (("train", "double-dqn", "CartPole-v1"), ["here it is dqn --double"]),
    (("train", "duelling", "CartPole-v1"), ["here it is dqn --dueling"]),
    (("train", "td-lambda", "zerone/Maze-v0"), ["here it is sarsa-lambda"]),
    (("train", "tqc", "Pendulum-v1"), ["not here; near is sac or td3"]),
    (("train", "sac", "CartPole-v1"), ["sac cannot take CartPole-v1: it needs Box actions", "these can: dqn,"]),
    (("train", "td3", "Pendulum-v1", "--policy-delay", "3"), ["actor-period"]),
    (("train", "q-learning", "maze"), ["did you mean 'zerone/Maze-v0'?"]),
    (("train", "dqn", "cartpole"), ["did you mean 'CartPole-v1'?"]),
    (("train", "q-learning", "frozen_lake"), ["did you mean 'FrozenLake-v1'?"]),
    (("train", "ppo", "half cheetah"), ["did you mean 'HalfCheetah-v5'?"]),
    (("train", "dqn", "Quux-v7"), ["'Quux-v7' is unknown: zerone environments lists ours"]),
    (("train", "CartPole-v1", "dqn"), ["the algorithm comes first", "zerone train dqn CartPole-v1"]),
    (("train", "maze", "q-learning"), ["zerone train q-learning zerone/Maze-v0"]),
    (("train", "CartPole-v1"), ["ALGORITHM is missing", "zerone train ALGORITHM CartPole-v1"]),
    (("train", "ddpg", "Pendulum-v1", "--option", "g=5"), ["here it is 'gravity'"]),
    (("list",), ["zerone algorithms, or zerone environments"]),
    (("--list",), ["zerone algorithms, or zerone environments"]),
    (("play",), ["zerone watch"]),
    (("help", "trian"), ["did you mean train?"]),
    # numbers of the training
    *(((*CARTPOLE, "--steps", bad), ["--steps", bad, "from 1 to"]) for bad in ("0", "-5", "abc", "1.5", "nan")),
    *(((*CARTPOLE, "--seed", bad), ["--seed", bad, "from 0 to 4294967295"]) for bad in ("-1", "4294967296", "x", "")),
    ((*CARTPOLE, "--seeds", "0"), ["--seeds 0", "from 1"]),
    ((*CARTPOLE, "--seed", "4294967295", "--seeds", "2"), ["4294967296", "from 0 to 4294967295"]),
    ((*CARTPOLE, "--evaluate-every", "-1"), ["--evaluate-every -1", "from 1"]),
    ((*CARTPOLE, "--evaluation-episodes", "0"), ["--evaluation-episodes 0", "from 1"]),
    ((*CARTPOLE, "--save-every", "no"), ["--save-every no", "from 1"]),
    ((*CARTPOLE, "--keep-last", "0"), ["--keep-last 0", "at least 1"]),
    ((*CARTPOLE, "--chunk", "0"), ["--chunk 0", "from 1"]),
    ((*CARTPOLE, "--solved-at", "inf"), ["--solved-at inf", "finite number"]),
    ((*CARTPOLE, "--watch-from", "nan"), ["--watch-from nan", "finite number"]),
    ((*CARTPOLE, "--engine", "hots"), ["--engine hots", "did you mean 'host'?", "compiled"]),
    ((*CARTPOLE, "--engine", "cluster"), ["dqn cannot run on the engine 'cluster'", "a3c, dppo"]),
    ((*CARTPOLE, "--address", "127.0.0.1:6379"), ["--address 127.0.0.1:6379", "without --engine cluster"]),
    ((*CARTPOLE, "--worker-timeout", "5"), ["--worker-timeout 5", "without --engine cluster"]),
    ((*CARTPOLE, "--worker-timeout", "0"), ["--worker-timeout 0", "from 0.1"]),
    ((*A3C, "--workers", "0"), ["--workers 0", "at least 1"]),
    ((*A3C, "--workers", "257"), ["--workers 257", "at most 256"]),
    ((*A3C, "--address", "nowhere"), ["address nowhere", "HOST:PORT"]),
    ((*A3C, "--address", "127.0.0.1:1"), ["address 127.0.0.1:1", "no Ray cluster answers there"]),
    ((*CARTPOLE, "--steps"), ["--steps needs a value", "zerone train --help"]),
    ((*CARTPOLE, "--out", ""), ["--out ''", "a path"]),
    # hyperparameters
    ((*CARTPOLE, "--learning-rate", "nan"), ["--learning-rate nan", "a number above 0"]),
    ((*CARTPOLE, "--learning-rate", "inf"), ["--learning-rate inf", "a number above 0"]),
    ((*CARTPOLE, "--learning-rate", "-0.5"), ["--learning-rate -0.5", "a number above 0"]),
    ((*CARTPOLE, "--learning-rate=fast"), ["--learning-rate fast", "a number above 0"]),
    ((*CARTPOLE, "--discount", "1.2"), ["--discount 1.2", "at least 0 and at most 1"]),
    ((*CARTPOLE, "--batch", "2.5"), ["--batch 2.5", "a whole number at least 1"]),
    ((*CARTPOLE, "--hidden", "64,x"), ["--hidden 64,x", "numbers separated by commas, each at least 1"]),
    ((*CARTPOLE, "--hidden", "64,0"), ["--hidden 64,0", "each at least 1"]),
    ((*CARTPOLE, "--hidden", ""), ["--hidden", "separated by commas"]),
    ((*CARTPOLE, "--loss", "hubber"), ["--loss hubber", "did you mean 'huber'?", "squared"]),
    ((*CARTPOLE, "--n-steps", "0"), ["--n-steps 0", "a whole number at least 1"]),
    ((*CARTPOLE, "--prioritized", "--priority-exponent", "1.5"), ["--priority-exponent 1.5", "at most 1"]),
    ((*CARTPOLE, "--prioritized", "--importance", "-1"), ["--importance -1", "at least 0"]),
    ((*CARTPOLE, "--priority-exponent", "0.5"), ["priority_exponent = 0.5", "0.6 without prioritized"]),
    ((*CARTPOLE, "--importance-steps", "9"), ["importance_steps = 9", "without prioritized"]),
    ((*CARTPOLE, "--epsilon-clock", "update"), ["--epsilon-clock update", "did you mean 'updates'?"]),
    ((*CARTPOLE, "--epsilon-shape", "exponential", "--epsilon-end", "0"), ["epsilon_end = 0", "above 0"]),
    ((*CARTPOLE, "--dueling", "--hidden", "64,1", "--dueling-streams", "separate"), ["hidden = (64, 1)", "at least 2"]),
    ((*CARTPOLE, "--dueling", "--hidden", "64", "--dueling-streams", "separate"), ["hidden = (64,)", "two layers"]),
    ((*CARTPOLE, "--dueling-streams", "separate"), ["dueling_streams = 'separate'", "without dueling"]),
    ((*CARTPOLE, "--prioritized", "--memory", "50"), ["batch = 64", "memory = 50"]),
    ((*CARTPOLE, "--double=3"), ["--double takes no value", "'3'"]),
    ((*CARTPOLE, "--learnin-rate", "1"), ["--learnin-rate", "did you mean --learning-rate?"]),
    ((*CARTPOLE, "--step", "100"), ["--step ", "did you mean --steps?"]),
    ((*CARTPOLE, "--batch"), ["--batch needs a value"]),
    *((("train", "sarsa-lambda", "zerone/Maze-v0", "--trace-decay", bad),
       [f"--trace-decay {bad or repr(bad)} ", "at least 0 and at most 1"]) for bad in ("-0.1", "1.1", "nan", "")),
    *((("train", "dyna-q", "zerone/Maze-v0", "--planning-steps", bad),
       [f"--planning-steps {bad}", "a whole number at least 0"]) for bad in ("-1", "2.5")),
    ((*LINE, "--hidden", "64"), ["q-learning has no --hidden", "dqn", "--discount"]),
    ((*LINE, "--no-double"), ["q-learning has no --no-double", "dqn"]),
    *(
        (("train", name, "CartPole-v1", "--workers", bad), [f"--workers {bad}", "at least 1 and at most 256"])
        for name in ("a3c", "dppo")
        for bad in ("0", "257", "many")
    ),
    (("train", "a3c", "CartPole-v1", "--workers", "3", "--environments", "8"), ["workers = 3", "environments = 8"]),
    ((*CARTPOLE, "--workers", "2"), ["dqn has no --workers", "a3c, dppo"]),
    # environments
    ((*CARTPOLE, "--option", "gravity"), ["--option gravity", "NAME=VALUE"]),
    ((*CARTPOLE, "--option", "gravty=9"), ["gravty", "did you mean 'gravity'?"]),
    ((*CARTPOLE, "--option", "gravity=up"), ["--option gravity=up", "gravity is"]),
    ((*CARTPOLE, "--option", "limit=-1"), ["limit = -1", "at least 0"]),
    ((*CARTPOLE, "--option", "limit=5000000000"), ["limit = 5000000000", "at least 0 and at most 2,000,000,000"]),
    ((*LINE, "--option", "cells=1"), ["cells = 1"]),
    (("train", "q-learning", "CartPole-v1"), ["q-learning cannot take CartPole-v1", "these can: dqn"]),
    (("train", "dqn", "CliffWalkingSlippery-v1", "--engine", "compiled"), ["CliffWalkingSlippery-v1", "--engine host"]),
    # runs that do not exist
    *(((command, "nowhere"), ["nowhere", "no such run folder"]) for command in ("evaluate", "watch", "plot")),
    (("train", "--resume", "nowhere"), ["nowhere", "no such run folder"]),
    (("evaluate", "nowhere", "--episodes", "0"), ["--episodes 0", "from 1"]),
    (("watch", "nowhere", "--text", "--window"), ["--window, --video and --text exclude each other"]),
    (("watch", "nowhere", "--video", "film.avi"), ["--video film.avi", ".mp4, .gif"]),
    (("watch", "nowhere", "--video", "gone/film.mp4"), ["--video gone/film.mp4", "gone does not"]),
    (("watch", "nowhere", "--window"), ["no window can be opened"]),
    (("watch", "nowhere", "--follow", "--checkpoint", "best"), ["--follow and --checkpoint"]),
    (("plot", "nowhere", "--out", "curve.jpg"), ["--out curve.jpg", ".png, .svg, .pdf"]),
    (("plot", "one", "two"), ["--out is missing"]),
    # a window that cannot be shown: refused before the training
    ((*CARTPOLE, "--watch"), ["no window can be opened"]),
    ((*CARTPOLE, "--watch-from", "100"), ["no window can be opened"]),
]  # fmt: skip


@pytest.mark.thorough(after=108)
@pytest.mark.parametrize(
    ("arguments", "words"), REFUSED, ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_is_refused_in_one_line_and_creates_nothing(zerone, here, arguments, words):
    zerone(*arguments).refused(*words)
    assert list(here.iterdir()) == []


def test_settings_from_a_file_and_what_is_typed_beside_them(zerone, here):
    (here / "mine.toml").write_text("learning_rate = 0.5\nepsilon = 0.3\nsteps = 40\n")
    ended = zerone(*LINE, "--settings", "mine.toml", "--epsilon", "0.4", "--out", "run")
    assert ended.code == 0
    assert "settings: mine.toml, in the place of the preset" in ended.out
    config = json.loads((here / "run" / "config.json").read_text())
    settings = config["algorithm"]["settings"]
    assert (settings["learning_rate"], settings["epsilon"], settings["discount"]) == (0.5, 0.4, 0.9)
    assert config["steps"] == 40
    zerone("train", "--resume", "run", "--settings", "mine.toml").refused("mine.toml, with epsilon = 0.3", "has 0.4")
    assert zerone("train", "--resume", "run", "--settings", "mine.toml", "--epsilon", "0.4").code == 0
    zerone(*LINE, "--settings", "gone.toml", "--out", "other").refused("gone.toml: no such file")
    assert not (here / "other").exists()


def test_help_is_a_word_too(zerone):
    assert zerone("help", "train").out.startswith("Usage: zerone train")
    assert zerone("help").out == zerone("--help").out


def test_a_module_says_what_it_registers(zerone, here):
    module = "import gymnasium\nfor n in range(30):\n    gymnasium.register(f'Oven{n}-v0', entry_point='stove:Oven')\n"
    (here / "stove.py").write_text(module)
    zerone("train", "dqn", "stove:Nope-v0").refused(
        "stove registers no 'Nope-v0': it registers Oven0-v0", "and 14 more"
    )
    zerone("train", "dqn", "stove:Oven1-v9").refused("did you mean 'Oven1-v0'?")
    zerone("train", "dqn", "json:Nope-v0").refused("json registers no 'Nope-v0': it registers none")
    import gymnasium

    for n in range(30):
        del gymnasium.registry[f"Oven{n}-v0"]


def test_a_run_that_is_not_named_or_not_quite_is_guessed(zerone, here, treasure):
    shutil.copytree(treasure, here / "runs" / "q-treasure-1")
    zerone("watch").refused("RUN is missing", "for example zerone watch runs/q-treasure-1")
    zerone("evaluate", "q-treasure-1").refused("no such run folder", "did you mean 'runs/q-treasure-1'?")
    zerone("evaluate", "runs/q-treasrue-1").refused("did you mean 'runs/q-treasure-1'?")
    zerone("evaluate", "runs").refused("a folder of runs", "runs/q-treasure-1")
    (here / "models" / "bert").mkdir(parents=True)
    (here / "models" / "bert" / "config.json").write_text('{"layers": 12}')  # not a run
    zerone("evaluate", "models").refused("models: not a run folder (it has no config.json)")
    ended = zerone("evaluate", "elsewhere")
    ended.refused("elsewhere: no such run folder")
    assert "did you mean" not in ended.err  # nothing is near


def test_a_file_that_is_meant_as_an_environment_is_a_module(zerone, here):
    (here / "shop.py").write_text("")
    for typed in ("shop", "shop.py"):
        zerone("train", "dqn", typed).refused(f"'{typed}' is unknown", "shop.py is a module", "shop:Id")


def test_the_help_has_the_values_of_the_preset_of_a_pair(zerone):
    alone, pair = (
        " ".join(zerone("train", *words, "--help").out.split()) for words in (["ppo"], ["ppo", "Pendulum-v1"])
    )
    assert "learning rate α (Adam); a number above 0 [default: 0.0003]" in alone
    assert "with the preset for Pendulum-v1" in pair
    assert "learning rate α (Adam); a number above 0 [default: 0.001]" in pair
    assert "with the preset" not in zerone("train", "ppo", "Pendulum-v1", "--preset", "none", "--help").out


def test_that_episodes_never_end_is_said_while_it_trains(zerone, here, monkeypatch, caplog):
    (here / "endless.py").write_text(ENDLESS)
    monkeypatch.syspath_prepend(str(here))
    ended = zerone("train", "q-learning", "endless:Endless", "--steps", 2500, "--evaluation-limit", 50)
    assert ended.code == 0
    (line,) = [each.getMessage() for each in caplog.records]
    assert "no episode has ended in 2,0" in line
    assert line.endswith("a time limit helps: --wrapper gymnasium.wrappers:TimeLimit,max_episode_steps=N")
    assert "zerone plot" not in ended.out  # there is nothing to draw
    caplog.clear()
    assert zerone("record", "--random", "endless:Endless", "--steps", 60, "--out", "played").code == 0
    ended = zerone(
        "train", "q-learning", "endless:Endless", "--steps", 2500, "--evaluation-limit", 50, "--from", "played"
    )
    assert ended.code == 0
    assert not [each for each in caplog.records if "no episode" in each.getMessage()]  # nothing is played


def test_a_run_is_not_overwritten_unasked(zerone, treasure):
    before = {each: each.read_bytes() for each in treasure.rglob("*") if each.is_file()}
    zerone(*LINE, "--steps", 10, "--out", treasure).refused(str(treasure), "--resume", "--overwrite")
    assert before == {each: each.read_bytes() for each in treasure.rglob("*") if each.is_file()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dqn",), ["ALGORITHM dqn", "q-learning"]),
        (("q-learning", "zerone/Maze-v0"), ["ENVIRONMENT zerone/Maze-v0", "zerone/Treasure-v0"]),
        (("--steps", "500"), ["--steps 500", "400"]),
        (("--seed", "7"), ["--seed"]),
        (("--seeds", "3"), ["--seeds"]),
        (("q-learning", "--learning-rate", "0.5"), ["--learning-rate 0.5", "0.1"]),
        (("--option", "cells=9"), ["--option cells 9", "its default"]),
        (("--engine", "host"), ["--engine host", "compiled"]),
        (("--out", "elsewhere"), ["--out"]),
        (("--overwrite",), ["--overwrite and --resume exclude each other"]),
        (("--keep-last", "9"), ["--keep-last 9"]),
    ],
)
def test_a_run_goes_on_as_it_was_begun_or_not_at_all(zerone, treasure, arguments, words):
    zerone("train", "--resume", treasure, *arguments).refused(*words)


def test_a_run_with_a_damaged_checkpoint_goes_not_on_and_says_nothing_else(zerone, treasure, tmp_path):
    copy = shutil.copytree(treasure, tmp_path / "copy")
    newest = max((copy / "checkpoints").glob("step-*"))
    newest.write_bytes(newest.read_bytes()[:-9])
    zerone("train", "--resume", copy).refused(newest.name, "damaged", "remove it to go on from")


def test_an_output_folder_that_exists_is_refused_though_it_is_empty(zerone, here):
    (here / "empty").mkdir()
    zerone(*LINE, "--steps", 10, "--out", "empty").refused("empty: exists already", "--overwrite")
    assert list((here / "empty").iterdir()) == []
    assert zerone(*LINE, "--steps", 10, "--out", "empty", "--overwrite", "--quiet", "--no-figure").code == 0


def test_what_a_run_does_not_have_is_listed(zerone, treasure):
    zerone("evaluate", treasure, "--checkpoint", 7).refused("no checkpoint of step 7", "best, last")
    zerone("evaluate", treasure, "--checkpoint", "gone.safetensors").refused("gone.safetensors", "best, last")
    zerone("watch", treasure, "--text", "--agent", 5).refused("seed 5 was not trained", "0, 1")
    zerone("plot", treasure, "--out", treasure).refused("must be a file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": []}, "run/config.json: seeds = [] is not allowed: must be a list of at least 1"),
        ({"engine": "hots"}, 'run/config.json: engine = "hots" is not allowed: must be one of compiled, host, cluster'),
        ({"algorithm": "dqn"}, 'run/config.json: algorithm = "dqn" is not allowed: must be an object'),
        ({"algorithm": {"settings": {}}}, "run/config.json: 'algorithm.name' is missing"),
        ({"environment": {"id": "CartPole-v1"}}, "'environment.options' is missing"),
    ],
)
def test_a_configuration_that_somebody_changed_is_refused(zerone, here, treasure, change, words):
    import json
    import shutil

    shutil.copytree(treasure, here / "run")
    config = json.loads((here / "run" / "config.json").read_text())
    (here / "run" / "config.json").write_text(json.dumps({**config, **change}))
    zerone("evaluate", "run").refused(words)


def test_a_fault_of_ours_is_one_line_and_with_debug_a_traceback(zerone, monkeypatch):
    import zerone.cli.lists as lists

    def broken(*_):
        raise KeyError("first line\nsecond line")

    monkeypatch.setattr(lists, "print_blocks", broken)
    ended = zerone("environments")
    assert ended.code == 1
    ended.said_one_line("unexpected KeyError", "--debug")
    assert "Traceback" in zerone("environments", "--debug").err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError(), 1, "out of memory"),
        (OSError(28, "No space left on device", "file"), 1, "file: No space left on device (the disk is full)"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"), 1, "out of memory"),
    ],
)
def test_what_the_machine_refuses_is_said_plainly(zerone, monkeypatch, error, code, words):
    import zerone.cli.lists as lists

    def broken(*_):
        raise error

    monkeypatch.setattr(lists, "print_blocks", broken)
    ended = zerone("environments")
    assert ended.code == code
    ended.said_one_line(words)
