"""Playing episodes, and showing them in a window, a terminal or a file."""

from __future__ import annotations

import io
import os

import gymnasium
import numpy as np
import pytest

from zerone.base.errors import InputError, RunError
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.player import episode, video, viewer


class Counter(gymnasium.Env):
    """Counts to three; its frames are tiny and have an odd size."""

    observation_space = gymnasium.spaces.Discrete(10)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None, frame=None):
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 100}
        self.render_mode, self.count, self.seeds, self.frame = render_mode, 0, [], frame

    def reset(self, *, seed=None, options=None):
        del options
        self.count = 0
        self.seeds.append(seed)
        return 0, {}

    def step(self, action):
        self.count += 1
        return self.count, float(action), self.count == 3, False, {}

    def render(self):
        return np.full((41, 63, 3), 40 * self.count, np.uint8) if self.frame is None else self.frame


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def always(action):
    return lambda _: action


def test_episodes_are_told_moment_by_moment():
    environment = Counter()
    moments = list(episode.episodes(environment, always(1), number=2, seed=7))
    assert [(each.episode, each.step, each.total) for each in moments[:5]] == [
        (1, 0, 0.0), (1, 1, 1.0), (1, 2, 2.0), (1, 3, 3.0), (2, 0, 0.0),
    ]  # fmt: skip
    assert environment.seeds == [7, None]  # seeded once, as usual in Gymnasium
    assert (moments[0].action, moments[1].action, moments[1].reward) == (None, 1, 1.0)
    assert [each.ended for each in moments] == ["", "", "", "ended"] * 2
    assert moments[3].describe() == "episode 1  step 3  return 3  (ended)"


def test_an_episode_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(episode, "LONGEST_EVALUATION", 2)
    assert list(episode.episodes(Counter(), always(0), number=1, seed=0))[-1].ended == "cut"


@pytest.mark.parametrize("speed", [4.0, 15.0, 24.0, 30.0, 50.0, 60.0])
@pytest.mark.parametrize("pictures", [2, 31, 200])
def test_a_gif_plays_as_long_as_it_should(tmp_path, speed, pictures):
    """Read from the file: the control block of each frame has its duration in 1/100 s."""
    rate = speed / max(1, round(speed / viewer.GIF_FRAMES_PER_SECOND))
    with video.Gif(tmp_path / "film.gif", rate) as made:
        for number in range(pictures):
            made.append(np.full((8, 8, 3), 37 * number % 256, np.uint8))
    data = (tmp_path / "film.gif").read_bytes()
    blocks = [place for place in range(len(data)) if data[place : place + 3] == b"\x21\xf9\x04"]
    lasts = [int.from_bytes(data[place + 4 : place + 6], "little") for place in blocks]
    assert len(lasts) == pictures
    assert sum(lasts) == pytest.approx(100 * pictures / rate, rel=0.01, abs=0.6)
    assert max(lasts) - min(lasts) <= 1


def test_a_gif_writes_what_has_changed_and_keeps_its_colours(tmp_path):
    """A moving dot on a drawing with few colours, then other colours: all colours are kept, and the file is small."""
    from PIL import Image

    rows = np.linspace(0, 255, 64).astype(np.uint8)
    drawing = np.stack(np.broadcast_arrays(rows[:, None], rows[None], np.uint8(128)), -1) // 32 * 32
    pictures = [drawing.copy() for _ in range(20)]
    for number, each in enumerate(pictures):
        each[3 * number : 3 * number + 3, 10:13] = (255, 0, 0) if number < 19 else (0, 255, 0)
    noise = np.random.default_rng(0).integers(0, 255, drawing.shape, np.uint8)
    for name, frames in {"still": pictures, "moving": [*pictures, noise]}.items():
        with video.Gif(tmp_path / f"{name}.gif", 10.0) as made:
            for each in frames:
                made.append(each)
    with Image.open(tmp_path / "still.gif") as film:
        for number, each in enumerate(pictures):
            film.seek(number)
            assert np.abs(np.asarray(film.convert("RGB"), np.int16) - each).max() <= video.COLOUR_OFF
    still, moving = ((tmp_path / f"{name}.gif").stat().st_size for name in ("still", "moving"))
    assert still < 20 * 600  # a single whole frame is larger
    assert moving > still + 3000


def test_text_is_the_drawing_or_the_numbers():
    moment = episode.Moment(1, 2, 3.0, np.array([0.123456, -1.0]), np.int64(1), -0.5)
    assert episode.text_of(Counter(), moment) == "action 1  reward -0.5  observation 0.1235 -1"
    assert episode.text_of(Counter(), episode.Moment(1, 0, 0.0, np.zeros((84, 84)))) == "observation of shape (84, 84)"
    line = GymnasiumEnvironment("zerone/Treasure-v0", render_mode="ansi")
    line.reset(seed=0)
    assert episode.text_of(line, moment) == "o----T"


def test_terminal_redraws_in_place_and_a_file_gets_all(monkeypatch):
    waited: list[float] = []
    monkeypatch.setattr(viewer.time, "sleep", waited.append)
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        moments = episode.episodes(Counter(), always(1), number=1, seed=0)
        assert viewer.in_terminal(Counter(), moments, stream, lambda: "note") == 1
    assert terminal.getvalue().count("\x1b[2F\x1b[J") == 3
    assert waited == [0.01, 0.01, 0.01, viewer.HOLD_SECONDS]
    assert "\x1b" not in file.getvalue()
    assert file.getvalue().startswith("episode 1  step 0  return 0  note\nobservation 0\n")


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_film_of_a_tiny_odd_picture(tmp_path, suffix):
    environment = Counter("rgb_array")
    moments = episode.episodes(environment, always(1), number=1, seed=0)
    pictures = viewer.on_film(environment, moments, tmp_path / f"film{suffix}")
    # A GIF has every third of 100 frames per second and the last one, which is shown longer.
    assert pictures == (1 + round(0.8 * 100 / 3) if suffix == ".gif" else 3 + 80)
    assert (tmp_path / f"film{suffix}").stat().st_size > 500
    assert [each.name for each in tmp_path.iterdir()] == [f"film{suffix}"]


def test_a_film_is_whole_or_not_there(tmp_path):
    environment = Counter("rgb_array")

    def breaks():
        yield from episode.episodes(environment, always(1), number=1, seed=0)
        raise RunError("it broke")

    path = tmp_path / "film.mp4"
    path.write_bytes(b"an earlier one")
    with pytest.raises(RunError, match="it broke"):
        viewer.on_film(environment, breaks(), path)
    assert path.read_bytes() == b"an earlier one"
    assert list(tmp_path.iterdir()) == [path]
    moments = episode.episodes(environment, always(1), number=1, seed=0)
    with pytest.raises(RunError, match=r"gone"):
        viewer.on_film(environment, moments, tmp_path / "gone" / "film.mp4")


def test_caption_is_readable_and_never_cut_off():
    frame = np.zeros((400, 600, 3), np.uint8)
    shown = viewer.captioned(frame, "episode 1  step 2  return 3", "Esc: close")
    assert shown.shape == (400 + viewer.CAPTION_HEIGHT, 600, 3)
    assert (shown[:400] == frame).all()
    strip = shown[400:]
    assert (strip[:, :300].min(), strip.max()) < (60, 250)
    long = viewer.captioned(np.zeros((200, 300, 3), np.uint8), "episode 1000  step 1000  return -1000  (time is up)")
    assert (long[200:, -8:] == viewer.PAPER).all()
    assert viewer.captioned(np.zeros((50, 60, 3), np.uint8), "").shape == (250 + viewer.CAPTION_HEIGHT, 300, 3)
    assert viewer.even(np.zeros((3, 5, 3), np.uint8)).shape == (4, 6, 3)


def test_window_shows_closes_and_stops(monkeypatch):
    import pygame

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    environment = Counter("rgb_array")

    def moments(number):
        return episode.episodes(environment, always(1), number=number, seed=0)

    assert viewer.in_window(environment, moments(1), "title") == 1
    assert not pygame.display.get_init()
    shown: list[int] = []

    def stop() -> bool:
        shown.append(1)
        return len(shown) == 3

    assert viewer.in_window(environment, moments(None), "title", str, stop) == 0
    assert len(shown) == 3

    def closing():
        for moment in moments(None):
            if moment.step == 2:
                pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE))
            yield moment

    assert viewer.in_window(environment, closing(), "title") == 0


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOURED = np.stack([GREY, GREY // 2, 255 - GREY], -1)
THREE = np.stack([GREY] * 3, -1)
CLEAR = np.concatenate([COLOURED, np.full((3, 4, 1), 7, np.uint8)], -1)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (COLOURED, COLOURED), (COLOURED / 255, COLOURED), ((COLOURED / 255).astype(np.float32), COLOURED),
        (COLOURED.astype(np.float64), COLOURED), (COLOURED.astype(np.int64), COLOURED), (COLOURED.tolist(), COLOURED),
        (GREY, THREE), (GREY[:, :, None], THREE), (GREY / 255, THREE), (CLEAR, COLOURED), (CLEAR / 255, COLOURED),
        ([COLOURED * 0, COLOURED], COLOURED), ((COLOURED[:2], COLOURED), COLOURED), ([GREY * 0, CLEAR], COLOURED),
        (np.stack([COLOURED * 0, COLOURED]), COLOURED), (GREY > 100, np.where(THREE > 100, 255, 0)),
    ],
)  # fmt: skip
def test_what_environments_return_as_a_picture_is_one(frame, expected):
    found = episode.frame_of(Counter("rgb_array", frame))
    assert (found.dtype, found.flags.c_contiguous) == (np.uint8, True)
    np.testing.assert_array_equal(found, expected)


class Silent(Counter):
    """Its `render` returns the given value."""

    def render(self):
        return self.frame


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ("text", "'text'"), (None, "None"), ([], "no frame"), ({"a": 1}, "{'a': 1}"), (b"12", "b'12'"), (3, "shape ()"),
        (np.zeros((3, 9, 8)), "shape (3, 9, 8)"), (np.zeros((4, 4, 2)), "shape (4, 4, 2)"),
        (np.zeros((0, 4, 3)), "(0, 4, 3)"),
        (np.full((4, 4, 3), np.nan), "NaN"), (np.full((4, 4, 3), -0.5), "numbers from -0.5 to -0.5"),
        (np.full((4, 4, 3), 65535, np.uint16), "numbers from 6.554e+04"), ([None, None], "None"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_named(frame, says):
    with pytest.raises(InputError) as refused:
        episode.frame_of(Silent("rgb_array", frame))
    line = str(refused.value)
    assert line.startswith("environment Silent: render returned ")
    assert line.endswith("which is no picture: ask for --text")
    assert says in line


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_film_of_pictures_that_change_their_size_is_an_error_and_not_there(tmp_path, suffix):
    class Growing(Counter):
        def render(self):
            return np.zeros((40 + self.count, 64, 3), np.uint8)

    environment = Growing("rgb_array")
    moments = episode.episodes(environment, always(1), number=1, seed=0)
    with pytest.raises(RunError, match=r"^environment Growing: its picture is 64 × 4. after 64 × 40 pixels"):
        viewer.on_film(environment, moments, tmp_path / f"film{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("speed", [0, -1, np.nan, np.inf, 1e9, 1e-9, True, "30", [30]])
def test_a_speed_that_is_none_is_refused_before_anything_is_written(tmp_path, speed):
    environment = Counter("rgb_array")
    environment.metadata["render_fps"] = speed
    moments = episode.episodes(environment, always(1), number=1, seed=0)
    for show in (
        lambda: viewer.on_film(environment, moments, tmp_path / "film.gif"),
        lambda: viewer.on_film(environment, moments, tmp_path / "film.mp4"),
        lambda: viewer.in_window(environment, moments, "title"),
    ):
        with pytest.raises(InputError, match=r"^environment Counter: its metadata has render_fps = "):
            show()
    assert list(tmp_path.iterdir()) == []
    assert viewer.in_terminal(environment, moments, io.StringIO()) == 1  # without waiting


@pytest.mark.parametrize("speed", [None, 25, np.int64(25), np.float32(25), 25.0])
def test_a_speed_of_any_type_is_taken_and_none_is_the_usual_one(speed):
    environment = Counter("rgb_array")
    environment.metadata["render_fps"] = speed
    assert episode.frames_per_second(environment) == (episode.DEFAULT_FRAMES_PER_SECOND if speed is None else 25)


def test_where_no_ffmpeg_is_a_film_is_refused_before_anything_is_played(tmp_path, monkeypatch):
    environment = Counter("rgb_array")
    monkeypatch.setattr(video, "_packaged_ffmpeg", lambda: None)
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    moments = episode.episodes(environment, always(1), number=1, seed=0)
    with pytest.raises(InputError, match=r'needs ffmpeg, which is not here: .*"zerone\[video\]"; a .gif needs nothing'):
        viewer.on_film(environment, moments, tmp_path / "film.mp4")
    assert not [*tmp_path.iterdir()]
    assert environment.seeds == []
    assert viewer.on_film(environment, moments, tmp_path / "film.gif") > 0


@pytest.mark.skipif(os.name == "nt", reason="the machine's ffmpeg is a script here")
@pytest.mark.parametrize("encoders", ["libx264 H.264", "mpeg4"])
def test_the_machines_own_ffmpeg_is_taken_if_it_can_encode(tmp_path, monkeypatch, encoders):
    monkeypatch.setattr(video, "_packaged_ffmpeg", lambda: None)
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho ' V....D {encoders}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if "264" in encoders:
        assert video.ffmpeg() == str(program)
    else:
        with pytest.raises(InputError, match=r"H.264, which .*ffmpeg cannot encode"):
            video.ffmpeg()
