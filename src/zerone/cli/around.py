"""The options for wrappers of an environment: `--wrapper`, `--frame-stack`, `--frame-skip`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from zerone.base.language import translated
from zerone.base.saved_types import AroundConfig
from zerone.cli.options import Whole, refuse, see_modules_here
from zerone.cli.settings import guessed

F = TypeVar("F", bound=Callable[..., Any])

MOST_FRAMES = 1_000


def around_options(command: F) -> F:
    """Add the three options."""
    for option in (
        click.option("--frame-stack", type=Whole(1, MOST_FRAMES), metavar="N", help="Its last N observations are seen "
                     "together."),
        click.option("--frame-skip", type=Whole(1, MOST_FRAMES), metavar="N", help="Each action lasts N of its steps."),
        click.option("--wrapper", "wrappers", multiple=True, metavar="MODULE:NAME[,OPTION=VALUE…]", help="Put around a "
                     "Gymnasium environment; the first next to it. Can be repeated."),
    ):  # fmt: skip
        command = option(command)
    return command


def wrappers_of(typed: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Parse wrappers with options, such as `gymnasium.wrappers:ClipReward,min_reward=-1`.

    Raises:
        InputError: a text cannot be parsed.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    for word in typed:
        name, *pairs = word.split(",")
        options: dict[str, Any] = {}
        for pair in pairs:
            option, equals, value = pair.partition("=")
            if not equals or not option.isidentifier():
                raise refuse("--wrapper", word, translated("MODULE:NAME, with options as MODULE:NAME,OPTION=VALUE"))
            options[option] = guessed(value)
        if ":" not in name:
            raise refuse("--wrapper", word, translated("MODULE:NAME, such as gymnasium.wrappers:ClipReward"))
        see_modules_here()
        found.append((name, options))
    return found


def words_of(around: AroundConfig | None) -> list[str]:
    """The inverse: wrappers of a configuration as command-line texts."""
    if around is None:
        return []
    words: list[str] = []
    for each in around["wrappers"]:
        options = [f"{name}={value}" for name, value in each["options"].items()]
        words += ["--wrapper", ",".join([each["name"], *options])]
    words += ["--frame-stack", str(around["frame_stack"])] if around["frame_stack"] > 1 else []
    words += ["--frame-skip", str(around["frame_skip"])] if around["frame_skip"] > 1 else []
    return words
