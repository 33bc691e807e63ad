"""Viewers that show moments in a window, a video or a terminal."""

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
from zerone.environments.gym.kinds import Env
from zerone.player.episode import Moment, frames_per_second, name_of
from zerone.player.letters import font_for, in_the_language_of_pictures
from zerone.player.video import Gif, Mp4, ffmpeg
from zerone.player.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from zerone.player.interaction import ManualControl

NARROWEST, LOWEST = 300, 100
"""The least width and height in pixels; smaller pictures are enlarged by an integer, so that the caption has room."""
HOLD_SECONDS = 0.8
"""How long the last picture of an episode is shown."""
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
    hands: ManualControl | None = None,
    hold: float | None = None,
) -> int:
    """Show moments in a window until they end, the window is closed, or `stop` returns true.

    Args:
        environment: The environment, which draws the current moment.
        moments: The moments.
        title: The title of the window.
        note: A text for the caption, such as the progress of a training.
        stop: Polled after each picture.
        view: How a moment is drawn.
        hands: User control by mouse and keyboard.
        hold: How many seconds the last picture of an episode is shown.

    Returns:
        The number of episodes that ended.

    Raises:
        InputError: there is no display, or the environment cannot be drawn.
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
            frame, pictures = view.frame(environment), max(1, round(_hold_seconds(hold) * speed)) if moment.ended else 1
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
                ready = hands is None or hands.take(window, frame, enlarged(frame))  # not ready: wait for a key
                pictures -= ready or bool(moment.ended)
            finished += bool(moment.ended)
            pygame.display.set_caption(f"{title}: {moment.describe()}")
    finally:
        window.close()
    return finished


def on_film(
    environment: Env, moments: Iterable[Moment], path: Path, view: View = PLAIN, hold: float | None = None
) -> int:
    """Write moments to a video file atomically; return its number of frames.

    Raises:
        InputError: the environment cannot be drawn, or there is no ffmpeg for an MP4.
        RunError: the video cannot be written.
    """
    path = absolute(path)
    gif = path.suffix.lower() == ".gif"
    if not gif:
        ffmpeg()  # raises `InputError` before any step is played
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
                        found = f"{_size_text(drawn.shape)} after {_size_text(size)} pixels"
                        name = name_of(environment)
                        raise RunError(
                            translated(
                                "environment {name}: its picture is {found}: a video's must be of one size",
                                name=name,
                                found=found,
                            )
                        )
                    with in_the_language_of_pictures():
                        frame = even(captioned(drawn, moment.describe()))
                    for _ in range(max(1, round(_hold_seconds(hold) * speed)) if moment.ended else 1):
                        film.append(frame)
                        pictures += 1
            file.close()
            place.replace(path)
    except OSError as error:
        raise RunError(
            translated("{path}: cannot be written: {reason}", path=path, reason=error.strerror or error)
        ) from error
    return pictures


def _hold_seconds(seconds: float | None) -> float:
    """How many seconds the last picture of an episode is shown; the default for None."""
    return HOLD_SECONDS if seconds is None else seconds


def speed_on_film(environment: Env, path: Path) -> tuple[float, int]:
    """The frames per second of a video, and the number of moments per frame."""
    speed = frames_per_second(environment)
    every = max(1, round(speed / GIF_FRAMES_PER_SECOND)) if path.suffix.lower() == ".gif" else 1
    return speed / every, every


def _size_text(shape: tuple[int, ...]) -> str:
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
    """Write moments as text: in place on a terminal, else one after the other.

    The speed is the natural one on a terminal or if `paced`, else as fast as possible. The other arguments are those of
    `in_window`.

    Returns:
        The number of episodes that ended.
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
            if width(said) >= columns:  # the terminal would break it into two lines
                lines[:1] = [cut(each, columns - 1) for each in (moment.describe(), note())]
            # Move up to the first line of the last picture and clear from there, without flicker or scrolling.
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
            time.sleep(max(_hold_seconds(hold), pause) if moment.ended else pause)
    return finished


def enlarged(frame: np.ndarray) -> int:
    """The integer factor by which a small picture is enlarged; 1 for others."""
    height, width = map(int, frame.shape[:2])
    return max(-(-NARROWEST // width), -(-LOWEST // height))


def captioned(frame: np.ndarray, left: str, right: str = "") -> np.ndarray:
    """The picture, enlarged if it is small, above a caption with `left`, and with `right` if there is room."""
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
        size -= 1  # until the text fits
    surface, box = font.render(left, INK, size=size)
    strip.blit(surface, (8, (CAPTION_HEIGHT - box.height) // 2))
    if right:
        surface, other = font.render(right, INK)
        if box.width + other.width + 40 < width:
            strip.blit(surface, (width - other.width - 8, (CAPTION_HEIGHT - other.height) // 2))
    words = pygame.surfarray.array3d(strip).transpose(1, 0, 2)
    return np.concatenate([frame, words]).astype(np.uint8)


def even(frame: np.ndarray) -> np.ndarray:
    """The picture with even sides, as videos require; the last row or column is repeated if needed."""
    height, width = map(int, frame.shape[:2])
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
