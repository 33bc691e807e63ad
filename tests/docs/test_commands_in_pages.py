"""The commands in the documentation work as printed."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import sys
import time
from pathlib import Path

import click
import gymnasium
import pytest

import zerone as zo
from zerone.cli.algorithm_command import known_options
from zerone.cli.app import run, zerone
from zerone.cli.options import option_names
from zerone.training import resume, train

ROOT = Path(__file__).resolve().parents[2]
PAGES = [str(each.relative_to(ROOT)) for each in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]]
EXAMPLES = ["train_and_act", "corridor", "thermostat", "patience", "windy_walk"]


@pytest.fixture
def corridor_once():
    """Undo the import of `corridor`, which registers its environment, so that the next test can import it again."""
    yield
    sys.modules.pop("corridor", None)
    gymnasium.registry.pop("Corridor-v0", None)


def lines(block):
    """The commands in a block, each with the folder to run it in."""
    for line in block.splitlines():
        command = re.sub(r"\s+#.*", "", line)
        folder, _, rest = command.rpartition(" && ")
        if rest.startswith("zerone "):
            yield shlex.split(rest)[1:], folder.removeprefix("cd ").strip() or "."


@pytest.mark.thorough
@pytest.mark.usefixtures("corridor_once")
def test_the_shell_commands_of_the_first_pages_work(blocks, here, monkeypatch, capsys):
    """Each command is run once, in order, but a training stops before it compiles."""

    def enough(*_, **__):
        raise click.exceptions.Exit(0)

    for begins in (train, resume):
        monkeypatch.setattr(begins, "drive", enough)
    typed: list[list[str]] = []
    for page in ("README", "docs/start", "docs/catalogue", "docs/run-folder", "docs/experiments"):
        found = [arguments for block in blocks(f"{page}.md", "sh") for arguments, _ in lines(block)]
        assert found, page
        typed += [each for each in found if each not in typed]
    assert len(typed) > 30
    for arguments in typed:
        if "--watch" in arguments or arguments[0] == "lab":  # these need a screen: only show their help
            arguments.append("--help")
        if arguments[0] == "experiment" and len(arguments) > 1:  # a short version
            arguments = [*dict.fromkeys([*arguments, "--quick"]), "--seeds", "2"]
        if arguments[0] != "bench":
            assert run(arguments) == 0, (arguments, capsys.readouterr())
    assert (here / "pole.mp4").stat().st_size > 1000
    assert (here / "runs" / "dqn-CartPole-v1-1" / "figure.png").exists()


@pytest.mark.thorough
@pytest.mark.usefixtures("here")
def test_the_page_about_comparing_works(blocks, monkeypatch, capsys):
    """Run everything on the page in order, with short trainings of three seeds."""
    whole = zo.train  # looked up before the replacement, as lazily loaded names are kept

    def short(*what, **asked):
        brief = {"steps": 400, "save_every": 400, "evaluate_every": 400, "evaluation_episodes": 5, "figure": False}
        return whole(*what, **{**asked, **brief, "seeds": 3 if asked["seeds"] == 10 else asked["seeds"]})

    monkeypatch.setattr(train, "train", short)
    for block in blocks("docs/comparing.md", "sh"):
        for arguments, _ in lines(block):
            if arguments[0] == "sweep" and "--out" in arguments and "optuna" not in arguments:
                arguments += ["--points", "2"]
            if "optuna" in arguments:
                pytest.importorskip("optuna")
                arguments[arguments.index("--trials") + 1] = "1"
            assert run(arguments) == 0, (arguments, capsys.readouterr())
    for name in ("comparison.png", "sweep/response.svg", "sweep/best.toml", "sweep/003/result.json", "optuna/000"):
        assert Path(name).exists()
    for block in blocks("docs/comparing.md", "python"):
        exec(compile(block, "comparing.md", "exec"), {})  # noqa: S102 - our own page
    assert Path("comparison.svg").exists()


@pytest.mark.thorough
@pytest.mark.usefixtures("here")
def test_the_python_of_the_page_about_callbacks_runs(blocks, capsys):
    space = {"__name__": "page"}
    for block in blocks("docs/callbacks.md", "python"):
        exec(compile(block, "callbacks.md", "exec"), space)  # noqa: S102 - our own page
    said = capsys.readouterr().out
    assert said.startswith("{'by': 'page:Enough', 'reason': '1 at step ")
    assert "saved" in said
    assert space["run"].metrics["largest"][-1] > 0


def test_the_chinese_page_about_callbacks_has_the_same_code(blocks):
    for language in ("python", "sh"):
        ours, theirs = (blocks(name, language) for name in ("docs/callbacks.md", "docs/callbacks.zh.md"))
        assert [re.sub("#.*", "", each) for each in ours] == [re.sub("#.*", "", each) for each in theirs]


@pytest.mark.usefixtures("here")
def test_what_a_refusal_looks_like(blocks, capsys):
    (block,) = blocks("docs/errors.md", "console")
    command, said = block.splitlines()
    assert run(shlex.split(command.removeprefix("$ zerone "))) == 2
    assert capsys.readouterr().err == said + "\n"


@pytest.mark.parametrize("name", PAGES)
def test_every_command_named_has_these_options(name, page):
    text = page(name)
    spans = re.findall(r"`(?:cd \w+ && )?(zerone [^`]+)`", text) + re.findall(r"^zerone .*$", text, re.MULTILINE)
    for span in spans:
        command, *rest = shlex.split(re.sub(r"\s+#.*", "", span.replace("…", "")))[1:]
        if command.startswith("-"):
            continue
        found = zerone.get_command(click.Context(zerone), command)
        assert found is not None, span
        context = click.Context(found)
        known = {option for each in found.get_params(context) for option in option_names(each)}
        known |= set(known_options()) if command == "train" else set()
        assert {each.partition("=")[0] for each in rest if each.startswith("--")} <= known, span


@pytest.mark.parametrize("name", PAGES)
def test_options_named_alone_exist(name, page):
    known = {"--set-up", "--list", "--no-double", *known_options()}
    for command in ("train", "record", "evaluate", "watch", "plot", "compare", "sweep", "experiment", "lab"):
        found = zerone.get_command(click.Context(zerone), command)
        known |= {option for each in found.get_params(click.Context(found)) for option in option_names(each)}
    for option in re.findall(r"`(--[\w-]+)[^`]*`", page(name)):
        assert option in known, option


@pytest.mark.thorough(after=1)
@pytest.mark.usefixtures("in_a_moment", "here")
@pytest.mark.parametrize("name", ["README.md", "docs/start.md"])
def test_the_python_of_the_first_pages_runs(blocks, name):
    (block,) = blocks(name, "python")
    exec(compile(block, name, "exec"), {})  # noqa: S102 - our own page


def test_the_readme_is_short(page):
    for name in ("README.md", "README.zh.md"):
        assert len(page(name).encode()) <= 8192
    assert "source " not in "".join(re.findall(r"^```sh\n(.*?)^```", page("README.md"), re.DOTALL | re.MULTILINE))


@pytest.mark.thorough(after=1)
@pytest.mark.usefixtures("in_a_moment", "corridor_once")
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name, here, monkeypatch, capsys):
    monkeypatch.chdir(here / "examples")
    runpy.run_path(f"{name}.py", run_name="__main__")
    said = capsys.readouterr().out
    assert "mean return" in said
    assert "nan" not in said


def test_the_environment_that_costs_milliseconds_does(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    environment = gymnasium.make("slow:Slow-v0")
    environment.reset(seed=0)
    began = time.perf_counter()
    for _ in range(5):
        environment.step(environment.action_space.sample())
    assert time.perf_counter() - began >= 5 * 0.005
    gymnasium.registry.pop("Slow-v0")
    sys.modules.pop("slow")


def test_every_example_is_tried():
    assert sorted([*EXAMPLES, "slow", "expected_sarsa", "small_a2c", "t_maze"]) == sorted(
        each.stem for each in (ROOT / "examples").glob("*.py")
    )


def test_the_front_door_has_what_the_readme_names(page):
    names = set(re.findall(r"\bzo\.(\w+)", page("README.md") + page("docs/start.md") + page("docs/howto.md")))
    assert names <= set(zo.__all__)
    assert os.path.exists(ROOT / "LICENSE")  # noqa: PTH110 - named at the end
