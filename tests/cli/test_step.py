"""`zerone step`: prints the steps of a training, or steps through it with keys; the numbers are the training's."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from zerone.player import step_terminal
from zerone.player.step_terminal import separated

MAZE = ("step", "q-learning", "zerone/Maze-v0")


def test_steps_are_printed_with_the_update_in_numbers(zerone):
    ended = zerone(*MAZE, "--at", "8", "--steps", "2", "--learning-rate", "0.1")
    assert (ended.code, ended.err) == (0, "")
    assert "q-learning on zerone/Maze-v0, seed 0  step 9  episode " in ended.out
    assert "Q(S, A) ← Q(S, A) + α [R + γ max_a Q(S', a) - Q(S, A)]" in ended.out
    assert "← 0 + 0.1 × [" in ended.out
    assert ended.out.count("S = (") == 2
    assert "\x1b" not in ended.out
    assert zerone(*MAZE, "--at", "8", "--steps", "2", "--learning-rate", "0.1").out == ended.out


@pytest.mark.thorough
def test_a_run_is_its_training_again(zerone, tmp_path):
    train = ("train", "q-learning", "zerone/Maze-v0", "--steps", "300", "--seed", "4", "--no-figure", "--quiet")
    assert zerone(*train, "--out", str(tmp_path / "run")).code == 0
    of_run = zerone("step", str(tmp_path / "run"), "--at", "200", "--steps", "3")
    assert of_run.code == 0
    assert of_run.out == zerone(*MAZE, "--seed", "4", "--at", "200", "--steps", "3").out
    refused = zerone("step", str(tmp_path / "run"), "--seed", "5")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--seed 5 is not allowed" in refused.err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["environment"]["observations"] = "numbers"
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert "observations = 'numbers' is not allowed" in zerone("step", str(tmp_path / "run")).err  # it is not ignored
    assert zerone(*train, "--engine", "host", "--overwrite", "--out", str(tmp_path / "run")).code == 0
    refused = zerone("step", str(tmp_path / "run"), "--steps", "1")  # the training never played what would be shown
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert "was trained by the host engine" in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("step",), "ALGORITHM and ENVIRONMENT, or RUN, are missing"),
        (("step", "q-learning"), "ALGORITHM and ENVIRONMENT, or RUN, are missing"),
        (("step", "q-learning", "CliffWalkingSlippery-v1"), "CliffWalkingSlippery-v1 is not written in JAX"),
        (("step", "q-learning", "zerone/Maze-v0", "--lamda", "1"), "option --lamda is unknown"),
        ((*MAZE, "--at", "-1"), "--at -1 is not allowed"),
        ((*MAZE, "--option", "limit"), "--option limit is not allowed"),
    ],
)
def test_what_cannot_be_stepped_is_one_line(zerone, words, said):
    ended = zerone(*words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


class Screen(io.StringIO):
    """A terminal that records what is written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    @property
    def pictures(self) -> list[str]:
        """All screens that were shown, without those that say it is not ready."""
        shown = self.getvalue().replace("\x1b[K", "").split("\x1b[?25h")[0].split("\x1b[H")[1:]
        return [each for each in shown if "computing …" not in each]


def walked(monkeypatch, *typed: str) -> list[str]:
    from zerone.cli.algorithm_command import ParsedArguments
    from zerone.cli.step import stepped

    waiting = [*typed, "q"]

    @contextlib.contextmanager
    def keys():
        yield lambda seconds: None if seconds is not None and waiting[0] == " " else waiting.pop(0)

    monkeypatch.setattr(step_terminal, "keys", keys)
    screen = Screen()
    step_terminal.with_keys(stepped(ParsedArguments(*MAZE[1:], given=()), 0, ()), screen)
    return screen.pictures


def test_keys_go_forwards_and_back_to_the_same_picture(monkeypatch):
    pictures = walked(monkeypatch, "right", "n", "e", "c", "left", "b", "a", "right")
    assert "step 0" in pictures[0]
    assert "nothing has been learnt yet" in pictures[0]
    assert "episode 1, step 2" in pictures[2]
    assert "terminated" in pictures[3]
    assert "changed:\n  Q(" in pictures[4]
    assert pictures[5] != pictures[4]
    assert pictures[7] == pictures[0]
    assert pictures[8] == pictures[1]
    assert all("q: end" in picture for picture in pictures)


def test_what_a_terminal_sends_is_taken_apart():
    assert separated("\x1b[C\x1b[Dq") == ["right", "left", "q"]
    assert separated("\x1bOC") == ["right"]
    assert separated("\x1b[15~") == ["?"]
    assert separated("\x1b") == ["\x1b"]
    assert separated("+ ") == ["+", " "]


def test_tab_shows_the_other_training_at_the_same_step(monkeypatch):
    from zerone.cli.lesson import _example_trainings
    from zerone.lessons.catalogue import look_up

    waiting = ["u", "u", "\t", "u", "\t", "q"]

    @contextlib.contextmanager
    def keys():
        yield lambda _: waiting.pop(0)

    monkeypatch.setattr(step_terminal, "keys", keys)
    screen = Screen()
    step_terminal.with_keys((walks := _example_trainings(look_up("cliff"), 0))[0], screen, walks[1:])
    heads = [each.split("\n")[0] for each in screen.pictures]
    assert [each.split(" on ")[0] for each in heads] == ["q-learning"] * 3 + ["sarsa"] * 2 + ["q-learning"]
    assert [each.split("step ")[1].split()[0] for each in heads] == ["0", "1", "2", "2", "3", "3"]
    assert all("Tab: the other training" in each for each in screen.pictures)
