"""Writing videos frame by frame: MP4 with ffmpeg, GIF with Pillow (a dependency of matplotlib)."""

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
"""The sizes of a GIF's palette, tried in this order; fewer colours make a smaller file."""
COLOUR_OFF = 12
"""The largest error of a GIF's colours (of 255) before a new palette is made."""


class Mp4:
    """An MP4 video (H.264), which every browser plays. Frames are uint8 [height, width, 3] with even sides.

    ffmpeg is started here rather than by the package imageio-ffmpeg, which forks; a process with JAX's threads must not
    fork.

    Raises:
        InputError: there is no ffmpeg.
        RunError: ffmpeg failed (from `append` and at the end); the message has its output.
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path, self._speed, self._program = path, frames_per_second, ffmpeg()
        self._size: tuple[int, ...] = ()
        self._ffmpeg: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Mp4:
        return self

    def append(self, frame: np.ndarray) -> None:
        """Add a frame, of the same size as the first one."""
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
        # ffmpeg writes a line or two of errors at most, so the pipe cannot fill up.
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
    """The path of ffmpeg: that in `IMAGEIO_FFMPEG_EXE`, else that of the extra `zerone[video]`, else the system's.

    Raises:
        InputError: there is none, or the system's cannot encode H.264.
    """
    if named := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return named
    if (brought := _packaged_ffmpeg()) is not None:
        return brought
    found = shutil.which("ffmpeg")
    if found is None:
        raise InputError(
            translated(
                "a video .mp4 needs ffmpeg, which is not here: {command}; a .gif needs nothing more",
                command=install("video"),
            )
        )
    if not _encodes(found):
        raise InputError(
            translated(
                "a video .mp4 needs H.264, which {found} cannot encode: {command}; a .gif does not",
                found=found,
                command=install("video"),
            )
        )
    return found


def _packaged_ffmpeg() -> str | None:
    """The program in the package imageio-ffmpeg, found without running it; None if it is not installed."""
    try:
        package: Any = importlib.import_module("imageio_ffmpeg")
    except ImportError:
        return None
    own = sorted(Path(package.__file__).parent.glob("binaries/ffmpeg-*"))
    return str(own[0]) if own else None


@functools.cache
def _encodes(program: str) -> bool:
    """Whether an ffmpeg has the H.264 encoder; some systems' versions do not."""
    words = [program, "-hide_banner", "-encoders"]
    listed = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    return "libx264 " in listed.stdout


def _color_error(drawn: Any, frame: np.ndarray) -> float:
    """The error of a frame's colours: the 99.9th percentile of the differences."""
    difference = np.abs(np.asarray(drawn.convert("RGB"), np.int16) - frame).max(-1)
    return float(np.partition(difference, -max(1, difference.size // 1000), None)[-max(1, difference.size // 1000)])


class Gif:
    """A looping GIF. Frames are uint8 [height, width, 3].

    Durations in a GIF are hundredths of a second, so at 30 frames per second, frames last three or four of them. Frames
    share a palette as long as its colours are close enough: then only changed pixels are written.
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path, self._speed = path, frames_per_second
        self._pictures: list[Any] = []
        self._first: np.ndarray | None = None
        self._colours: Any = None

    def __enter__(self) -> Gif:
        return self

    def append(self, frame: np.ndarray) -> None:
        """Add a frame."""
        image: Any = importlib.import_module("PIL.Image")
        whole = image.fromarray(frame)
        drawn = None if self._colours is None else whole.quantize(palette=self._colours, dither=0)
        if drawn is None or _color_error(drawn, frame) > COLOUR_OFF:
            first = frame if self._first is None or self._first.shape != frame.shape else self._first
            both = image.fromarray(np.concatenate([first, frame]))
            for number in COLOURS:
                self._first, self._colours = first, both.quantize(number)
                drawn = whole.quantize(palette=self._colours, dither=0)
                if _color_error(drawn, frame) <= COLOUR_OFF:
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
    """The duration of each frame in hundredths of a second, with each end rounded to the nearest hundredth."""
    ends = [round(100 * (number + 1) / frames_per_second) for number in range(pictures)]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
