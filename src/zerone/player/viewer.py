"""Where moments are shown: a window, a film, a terminal."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, TextIO

import numpy as np

from zerone.base.errors import RunError
from zerone.base.files import beside
from zerone.base.language import translatable, translated
from zerone.base.place import absolute
from zerone.base.wide import cut, width
from zerone.player.episode import Env, Moment, frames_per_second, name_of
from zerone.player.letters import font_for, in_the_language_of_pictures
from zerone.player.video import Gif, Mp4, ffmpeg
from zerone.player.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from zerone.player.interaction import Hands

NARROWEST, LOWEST = 300, 100
"""Pixels across and down: smaller pictures are enlarged, by a whole number, so that the caption has room."""
HOLD_SECONDS = 0.8
"""How long the last picture of an episode stays."""
GIF_FRAMES_PER_SECOND = 30
CAPTION_HEIGHT = 30
LARGEST_LETTERS, SMALLEST_LETTERS = 15, 6
INK, PAPER = (35, 38, 43), (240, 241, 243)
KEYS = translatable("Esc: close")
PLAIN = View()


def in_window(
    environment: Env,
    moments: Iterable[Moment],
    title: str,
    note: Callable[[], str] = str,
    stop: Callable[[], bool] = bool,
    view: View = PLAIN,
    hands: Hands | None = None,
    hold: float | None = None,
) -> int:
    """Show moments in a window until they end, it is closed, or `stop` says so; how many episodes ended in it.

    `note` says more for the caption, such as how far a training is; `view` is what is shown of a moment. With `hands` a
    person takes part.

    Raises:
        InputError: there is no display, or the environment gives no picture.
    """
    import pygame

    from zerone.environments.window import Window

    speed = frames_per_second(environment)
    window = Window(title, speed)
    finished = 0
    try:
        for moment in view.follow(moments):
            if not moment.shown:
                finished += bool(moment.ended)
                continue
            frame, pictures = view.frame(environment), max(1, round(_held(hold) * speed)) if moment.ended else 1
            while pictures > 0:
                with in_the_language_of_pictures():
                    said, keys = f"{moment.describe()}  {note()}", "" if hands else translated(KEYS)
                    legend = hands.legend() if hands else ()
                shown = captioned(frame, said, keys)
                for line in legend:
                    shown = captioned(shown, line)
                window.show(shown)
                if window.closed or stop():
                    return finished + bool(moment.ended)
                ready = hands is None or hands.take(window, frame, enlarged(frame))  # else it waits for a key
                pictures -= ready or bool(moment.ended)
            finished += bool(moment.ended)
            pygame.display.set_caption(f"{title}: {moment.describe()}")
    finally:
        window.close()
    return finished


def on_film(
    environment: Env, moments: Iterable[Moment], path: Path, view: View = PLAIN, hold: float | None = None
) -> int:
    """Write moments to a film, all or nothing; how many pictures it has.

    Raises:
        InputError: the environment gives no picture, or there is no ffmpeg for an MP4.
        RunError: the film cannot be written.
    """
    path = absolute(path)
    gif = path.suffix.lower() == ".gif"
    if not gif:
        ffmpeg()  # refused here, before anything is played
    speed, every = speed_on_film(environment, path)
    pictures = 0
    size: tuple[int, ...] = ()
    try:
        with beside(path, path.suffix) as (place, file):
            with Gif(place, speed) if gif else Mp4(place, speed) as film:
                for moment in view.follow(moments):
                    if not moment.shown or (moment.step % every and not moment.ended):
                        continue
                    drawn = view.frame(environment)
                    size = size or drawn.shape
                    if drawn.shape != size:
                        found = f"{_across(drawn.shape)} after {_across(size)} pixels"
                        name = name_of(environment)
                        raise RunError(
                            translated(
                                "environment {name}: its picture is {found}: a film's must be of one size",
                                name=name,
                                found=found,
                            )
                        )
                    with in_the_language_of_pictures():
                        frame = even(captioned(drawn, moment.describe()))
                    for _ in range(max(1, round(_held(hold) * speed)) if moment.ended else 1):
                        film.append(frame)
                        pictures += 1
            file.close()
            place.replace(path)
    except OSError as error:
        raise RunError(
            translated("{path}: cannot be written: {reason}", path=path, reason=error.strerror or error)
        ) from error
    return pictures


def _held(seconds: float | None) -> float:
    """How long the last picture of an episode stays, in seconds; None: as long as usual."""
    return HOLD_SECONDS if seconds is None else seconds


def speed_on_film(environment: Env, path: Path) -> tuple[float, int]:
    """How many pictures a film shows in a second, and every which moment is one of them."""
    speed = frames_per_second(environment)
    every = max(1, round(speed / GIF_FRAMES_PER_SECOND)) if path.suffix.lower() == ".gif" else 1
    return speed / every, every


def _across(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} × {shape[0]}"


def in_terminal(
    environment: Env,
    moments: Iterable[Moment],
    stream: TextIO,
    note: Callable[[], str] = str,
    stop: Callable[[], bool] = bool,
    paced: bool = False,
    view: View = PLAIN,
    hold: float | None = None,
) -> int:
    """Write moments as text: over each other on a terminal, else one after the other.

    On a terminal, or if `paced`, at a natural speed; else as fast as it goes. Returns how many episodes ended.
    """
    live = stream.isatty()
    pause = 1.0 / frames_per_second(environment) if live or paced else 0.0
    legend = view.legend(stream)
    if legend:
        stream.write(legend + "\n\n")
    height = finished = 0
    for moment in view.follow(moments):
        if not moment.shown:
            finished += bool(moment.ended)
            continue
        drawn = view.text(environment, moment, stream)
        said = f"{moment.describe()}  {note()}".rstrip()
        lines = [said, *drawn.split("\n")]
        if live:
            columns = shutil.get_terminal_size().columns
            if width(said) >= columns:  # a line that the terminal breaks would be counted as one
                lines[:1] = [cut(each, columns - 1) for each in (moment.describe(), note())]
            # Up to where the last picture began, then away with all below: nothing flickers, nothing scrolls.
            up = f"\x1b[{height}F" if height else ""
            stream.write(f"{up}\x1b[J" + "\n".join(lines) + "\n")
            height = 0 if moment.ended else len(lines)
        else:
            stream.write("\n".join(lines) + "\n" + ("\n" if moment.ended or len(lines) > 2 else ""))
        stream.flush()
        finished += bool(moment.ended)
        if stop():
            break
        if live or paced:
            time.sleep(max(_held(hold), pause) if moment.ended else pause)
    return finished


def enlarged(frame: np.ndarray) -> int:
    """How many times as large a picture is shown: more than once if it is tiny."""
    height, width = map(int, frame.shape[:2])
    return max(-(-NARROWEST // width), -(-LOWEST // height))


def captioned(frame: np.ndarray, left: str, right: str = "") -> np.ndarray:
    """The picture, enlarged if it is tiny, over a strip that says `left`, and `right` where there is room."""
    import pygame
    import pygame.freetype

    times = enlarged(frame)
    frame = frame.repeat(times, 0).repeat(times, 1)
    width = frame.shape[1]
    if not pygame.freetype.get_init():
        pygame.freetype.init()
    strip = pygame.Surface((width, CAPTION_HEIGHT))
    strip.fill(PAPER)
    font = pygame.freetype.Font(font_for(left + right), LARGEST_LETTERS)
    size = LARGEST_LETTERS
    while font.get_rect(left, size=size).width > width - 16 and size > SMALLEST_LETTERS:
        size -= 1  # until nothing is cut off
    surface, box = font.render(left, INK, size=size)
    strip.blit(surface, (8, (CAPTION_HEIGHT - box.height) // 2))
    if right:
        surface, other = font.render(right, INK)
        if box.width + other.width + 40 < width:
            strip.blit(surface, (width - other.width - 8, (CAPTION_HEIGHT - other.height) // 2))
    words = pygame.surfarray.array3d(strip).transpose(1, 0, 2)
    return np.concatenate([frame, words]).astype(np.uint8)


def even(frame: np.ndarray) -> np.ndarray:
    """The picture with even sides, which films need; a row or a column is repeated."""
    height, width = map(int, frame.shape[:2])
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
