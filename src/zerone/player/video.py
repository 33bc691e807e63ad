"""Films, picture by picture: MP4 through ffmpeg, GIF through Pillow (which comes with matplotlib)."""

from __future__ import annotations

import functools
import importlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.errors import InputError, RunError
from zerone.base.extras import install
from zerone.base.language import translated

if TYPE_CHECKING:
    from types import TracebackType

COLOURS = (32, 64, 128, 256)
"""How many colours a picture of a GIF has: the fewer, the smaller."""
COLOUR_OFF = 12
"""Of 255: how far off the colours of a GIF may be before its pictures get others."""


class Mp4:
    """An MP4 that every browser plays (H.264). Pictures are uint8 [height, width, 3], with even sides.

    ffmpeg is started here, not by the package that may have brought it: that one forks, which a program with JAX's
    threads must not.

    Raises:
        InputError: there is no ffmpeg here.
        RunError: from `append` and at the end: ffmpeg failed; says why.
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path, self._speed, self._program = path, frames_per_second, ffmpeg()
        self._size: tuple[int, ...] = ()
        self._ffmpeg: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Mp4:
        return self

    def append(self, frame: np.ndarray) -> None:
        """The next picture, of the size of the first."""
        if self._ffmpeg is None:
            self._size = frame.shape
            self._ffmpeg = self._start(frame.shape[1], frame.shape[0])
        if frame.shape != self._size:
            raise RunError(
                translated(
                    "{path}: a picture of shape {found} among those of shape {size}",
                    path=self._path,
                    found=frame.shape,
                    size=self._size,
                )
            )
        assert self._ffmpeg.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._ffmpeg.stdin.write(frame.tobytes())
        except BrokenPipeError:
            self._finish()

    def _start(self, width: int, height: int) -> subprocess.Popen[bytes]:
        words = [
            *(self._program, "-loglevel", "error", "-y"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{self._speed:g}", "-i", "-"),
            *("-an", "-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart"),
            str(self._path.absolute()),
        ]
        # What ffmpeg has to say is a line or two, so the pipe cannot fill up.
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603

    def _finish(self) -> None:
        assert self._ffmpeg is not None  # noqa: S101 - only called then
        _, said = self._ffmpeg.communicate()
        if self._ffmpeg.returncode:
            raise RunError(
                translated(
                    "{name}: ffmpeg failed: {said}",
                    name=self._path.name,
                    said=" ".join(said.decode(errors="replace").split()),
                )
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ffmpeg is None:
            return
        if error is None:
            self._finish()
        else:
            self._ffmpeg.kill()
            self._ffmpeg.communicate()


def ffmpeg() -> str:
    """The ffmpeg for films: the one that `IMAGEIO_FFMPEG_EXE` names, that of `zerone[video]`, or the machine's own.

    Raises:
        InputError: there is none, or the machine's cannot encode H.264.
    """
    if named := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return named
    if (brought := _brought()) is not None:
        return brought
    found = shutil.which("ffmpeg")
    if found is None:
        raise InputError(
            translated(
                "a film .mp4 needs ffmpeg, which is not here: {command}; a .gif needs nothing more",
                command=install("video"),
            )
        )
    if not _encodes(found):
        raise InputError(
            translated(
                "a film .mp4 needs H.264, which {found} cannot encode: {command}; a .gif does not",
                found=found,
                command=install("video"),
            )
        )
    return found


def _brought() -> str | None:
    """The program in the package imageio-ffmpeg, found without starting it; None where there is none."""
    try:
        package: Any = importlib.import_module("imageio_ffmpeg")
    except ImportError:
        return None
    own = sorted(Path(package.__file__).parent.glob("binaries/ffmpeg-*"))
    return str(own[0]) if own else None


@functools.cache
def _encodes(program: str) -> bool:
    """Whether an ffmpeg has the encoder: some systems ship it without."""
    words = [program, "-hide_banner", "-encoders"]
    listed = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    return "libx264 " in listed.stdout


def _off(drawn: Any, frame: np.ndarray) -> float:
    """How far the worst colours of a picture are off: the 99.9th percentile of the differences."""
    difference = np.abs(np.asarray(drawn.convert("RGB"), np.int16) - frame).max(-1)
    return float(np.partition(difference, -max(1, difference.size // 1000), None)[-max(1, difference.size // 1000)])


class Gif:
    """A GIF that runs round and round. Pictures are uint8 [height, width, 3].

    Its clock ticks in hundredths of a second, so pictures last three or four of them where they should last 3.33.
    Pictures share their colours for as long as those do: then only what has changed is written.
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path, self._speed = path, frames_per_second
        self._pictures: list[Any] = []
        self._first: np.ndarray | None = None
        self._colours: Any = None

    def __enter__(self) -> Gif:
        return self

    def append(self, frame: np.ndarray) -> None:
        """The next picture."""
        image: Any = importlib.import_module("PIL.Image")
        whole = image.fromarray(frame)
        drawn = None if self._colours is None else whole.quantize(palette=self._colours, dither=0)
        if drawn is None or _off(drawn, frame) > COLOUR_OFF:
            first = frame if self._first is None or self._first.shape != frame.shape else self._first
            both = image.fromarray(np.concatenate([first, frame]))
            for number in COLOURS:
                self._first, self._colours = first, both.quantize(number)
                drawn = whole.quantize(palette=self._colours, dither=0)
                if _off(drawn, frame) <= COLOUR_OFF:
                    break
        self._pictures.append(drawn)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._pictures:
            first, *others = self._pictures
            lengths = [10 * each for each in hundredths(len(self._pictures), self._speed)]
            first.save(self._path, "GIF", save_all=True, append_images=others, duration=lengths, loop=0)


def hundredths(pictures: int, frames_per_second: float) -> list[int]:
    """How many hundredths of a second each picture lasts, so that the end of none is more than half of one off."""
    ends = [round(100 * (number + 1) / frames_per_second) for number in range(pictures)]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
