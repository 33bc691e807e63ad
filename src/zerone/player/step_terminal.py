"""Stepping through a training in a terminal, with keys for a step, an update, an episode or a step back."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, TextIO

import jax
import numpy as np

from zerone.base.language import translatable, translated
from zerone.base.wide import cut
from zerone.player.step_text import Place, StepText
from zerone.player.table_text import visible

if TYPE_CHECKING:
    from zerone.engines.stepping import Stepper

PACES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1_000.0, 0.0)
"""The speeds in steps per second, from slow to fast; 0 is full speed."""
SLOWEST_FRAME = 1 / 30
"""The shortest time between two pictures in seconds."""
LONGEST_SEARCH = 100_000
"""The number of moves after which the search for the next change or the end of an episode stops."""
KEYS = (
    translatable("space: play, pause   + -: speed   ←: a step back   a: to the start   q: end"),
    translatable("→: a step   u: to the update   e: to the episode's end   c: to the next change"),
)
NEXT = translatable("Tab: the other training, at the same step")
ARROWS = {"C": "right", "D": "left"}
"""Arrow keys by the last letter of the sequences that terminals send for them, `ESC [ C` or `ESC O C`."""


class Walk:
    """A position in a training, which can be moved forwards and backwards."""

    def __init__(self, stepper: Stepper, text: StepText) -> None:
        self.stepper, self.text = stepper, text
        self.place = Place(None, 0)

    @property
    def at(self) -> int:
        """The number of environment steps done, over all environments."""
        if self.place.iteration is None:
            return 0
        block = self.place.iteration.steps.reward.shape[0]
        return (self.place.iteration.index * block + self.place.step + 1) * self.stepper.algorithm.environments

    def step(self) -> None:
        """Go forward one step of each environment."""
        here = self.place
        if here.iteration is None or here.updated:
            self.place = Place(self.stepper.forward(), 0)
        else:
            self.place = Place(here.iteration, here.step + 1)

    def update(self) -> None:
        """Go forward to the next update: to the end of the current block of steps, or of the next one."""
        if self.place.iteration is None or self.place.updated:
            self.step()
        self.place = self._end()

    def back(self) -> None:
        """Go back one step of each environment."""
        here = self.place
        if here.iteration is None:
            return
        if here.step > 0:
            self.place = Place(here.iteration, here.step - 1)
            return
        self.go_to(here.iteration.index)

    def go_to(self, index: int) -> None:
        """Go to the position after `index` updates."""
        self.stepper.go_to(index)
        found = self.stepper.again()
        self.place = Place(found, 0)
        if found is not None:
            self.place = self._end()

    def begin_at(self, steps: int) -> None:
        """Go to the position after `steps` environment steps, over all environments."""
        blocks, rest = divmod(steps, self.stepper.steps_per_iteration)
        self.go_to(blocks)
        for _ in range(rest // self.stepper.algorithm.environments):
            self.step()

    def episode(self) -> None:
        """Go forward to the end of an episode of the first environment."""
        self._until(self.step, self._episode_ended)

    def change(self) -> None:
        """Go forward to the next update that changes an entry of the table or the parameters of a network."""
        self._until(self.update, self._changed)

    def _end(self) -> Place:
        assert self.place.iteration is not None  # noqa: S101 - callers have made a step before
        return Place(self.place.iteration, self.place.iteration.steps.reward.shape[0] - 1)

    def _until(self, move: Callable[[], None], found: Callable[[], bool]) -> None:
        for _ in range(LONGEST_SEARCH):
            move()
            if found():
                return

    def _episode_ended(self) -> bool:
        iteration = self.place.iteration
        if iteration is None:
            return False
        steps = jax.tree.map(
            lambda leaf: leaf[self.place.step, 0], (iteration.steps.terminated, iteration.steps.truncated)
        )
        return bool(np.any(steps))

    def _changed(self) -> bool:
        iteration = self.place.iteration
        explained = None if iteration is None else self.text.explanation(iteration)
        return explained is None or bool(explained.changes or explained.updates)


def printed(walk: Walk, steps: int, stream: TextIO, legend: bool = True) -> None:
    """Write the next `steps` steps one below the other, with a legend in front."""
    _print_after([walk.step] * steps, walk, stream, legend)


def printed_turning_points(walk: Walk, stream: TextIO, legend: bool = True) -> None:
    """Write the step that ends the episode, and the next update that changes something."""
    _print_after([walk.episode, walk.change], walk, stream, legend)


def _print_after(moves: Sequence[Callable[[], None]], walk: Walk, stream: TextIO, legend: bool) -> None:
    signs = walk.text.legend() if legend else []
    stream.write("\n".join([*signs, "", ""] if signs else []))
    for move in moves:
        move()
        stream.write("\n".join(walk.text.lines(walk.place)) + "\n\n")
        stream.flush()


def with_keys(walk: Walk, stream: TextIO, others: Sequence[Walk] = (), pace: float = PACES[1]) -> None:
    """Show the training, controlled by keys, until `q`, Escape or the end of the input.

    Tab switches to the next of the `others`, at the same step. `pace` is the initial speed, one of `PACES`.
    """
    walks = deque([walk, *others])
    playing, pace, last = False, PACES.index(pace) if pace in PACES else 1, 0.0
    lines = [*map(translated, KEYS), *([translated(NEXT)] if others else [])]
    with keys() as pressed, _alternate_screen(stream):
        while True:
            walk = walks[0]
            moves: dict[str, Callable[[], None]] = {
                "right": walk.step, "n": walk.step, "u": walk.update, "e": walk.episode, "c": walk.change,
                "left": walk.back, "b": walk.back, "a": functools.partial(walk.go_to, 0),
                "\t": functools.partial(_switch_training, walks),
            }  # fmt: skip
            speed = translated("{speed:g} steps/s", speed=PACES[pace]) if PACES[pace] else translated("full speed")
            shown = walk.text.lines(walk.place)
            playing_now = translated("playing, {speed}", speed=speed)
            state = playing_now if playing else translated("paused, {speed}", speed=speed)
            _draw(stream, shown, ["", state, *lines])
            wait = max(0.0, last + (1 / PACES[pace] if PACES[pace] else 0.0) - time.monotonic()) if playing else None
            key = pressed(wait if wait is None else max(wait, 0.0))
            if key in ("q", "\x1b", ""):
                return
            if key in ("+", "-"):
                pace = min(len(PACES) - 1, max(0, pace + (1 if key == "+" else -1)))
            elif key == " ":
                playing = not playing
            elif key is not None and (move := moves.get(key)) is not None:
                playing = False
                # The first step and the first update take time to compile.
                _draw(stream, shown, ["", translated("computing …"), *lines])
                move()
            elif key is None and playing:
                begun = time.monotonic()
                while True:
                    walk.step()
                    last = time.monotonic()
                    slow = PACES[pace] and 1 / PACES[pace] >= SLOWEST_FRAME
                    if slow or last - begun > SLOWEST_FRAME:
                        break
                    if PACES[pace]:
                        time.sleep(max(0.0, 1 / PACES[pace] - (time.monotonic() - last)))


def _switch_training(walks: deque[Walk]) -> None:
    """Switch to the next training, at the position of the current one."""
    at = walks[0].at
    walks.rotate(-1)
    walks[0].begin_at(at)


def _draw(stream: TextIO, lines: list[str], below: list[str]) -> None:
    """Draw lines over the previous picture, with the lines `below` always visible at the end.

    Lines that are too wide or too many for the terminal are cut, which is marked.
    """
    columns, rows = shutil.get_terminal_size()
    room = max(1, rows - 1 - len(below))
    if len(lines) > room:
        more = translated("… and {count} lines more, in a higher window", count=len(lines) - room + 1)
        lines = [*lines[: room - 1], more]
    shown = [line if visible(line) <= columns else cut(line, columns - 1) + "…" for line in (lines + below)[: rows - 1]]
    stream.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in shown) + "\x1b[J")
    stream.flush()


@contextlib.contextmanager
def _alternate_screen(stream: TextIO) -> Generator[None]:
    """Use the terminal's alternate screen without a cursor inside the block, and restore the screen afterwards."""
    stream.write("\x1b[?1049h\x1b[?25l")
    try:
        yield
    finally:
        stream.write("\x1b[?25h\x1b[?1049l")
        stream.flush()


def can_read_keys() -> bool:
    """Whether single keys can be read from standard input: it must be a terminal on a POSIX system."""
    try:
        import termios  # noqa: F401
    except ModuleNotFoundError:
        return False
    return sys.stdin.isatty()


def separated(typed: str) -> list[str]:
    """Split a terminal's input into keys: single characters, `left` and `right`; other sequences are dropped."""
    found = re.findall(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", typed, re.DOTALL)
    named = [ARROWS.get(each[-1], "") if len(each) > 1 else each for each in found]
    return [each for each in named if each] or (["?"] if found else [])


@contextlib.contextmanager
def keys() -> Generator[Callable[[float | None], str | None]]:
    """Read single keys of the terminal inside the block.

    Yields a function that waits for the next key for a number of seconds, or without limit if that is None. It returns
    the key (`left` or `right` for arrows), None if there was none, and "" at the end of the input.
    """
    import termios
    import tty

    source = sys.stdin.fileno()
    before = termios.tcgetattr(source)
    tty.setcbreak(source)

    waiting: list[str] = []

    def pressed(seconds: float | None) -> str | None:
        if not waiting:
            if not select.select([source], [], [], seconds)[0]:
                return None
            waiting.extend(separated(os.read(source, 1024).decode(errors="replace")) or [""])
        return waiting.pop(0)

    try:
        yield pressed
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)
