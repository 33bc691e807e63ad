"""Moments of play, and where they are shown."""

from __future__ import annotations

import io

import gymnasium
import numpy as np
import pytest

from zerone.base.errors import InputError, RunError
from zerone.environments.bridge import GymnasiumEnvironment
from zerone.show import film, play, stage


class Counter(gymnasium.Env):
    """Counts to three, in a picture that is tiny and oddly sized."""

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
    moments = list(play.episodes(environment, always(1), number=2, seed=7))
    assert [(each.episode, each.step, each.total) for each in moments[:5]] == [
        (1, 0, 0.0), (1, 1, 1.0), (1, 2, 2.0), (1, 3, 3.0), (2, 0, 0.0),
    ]  # fmt: skip
    assert environment.seeds == [7, None]  # one stream of chance, as Gymnasium has it
    assert (moments[0].action, moments[1].action, moments[1].reward) == (None, 1, 1.0)
    assert [each.ended for each in moments] == ["", "", "", "ended"] * 2
    assert moments[3].describe() == "episode 1  step 3  return 3  (ended)"


def test_an_episode_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(play, "LONGEST_EVALUATION", 2)
    assert list(play.episodes(Counter(), always(0), number=1, seed=0))[-1].ended == "cut"


@pytest.mark.parametrize("speed", [4.0, 15.0, 24.0, 30.0, 50.0, 60.0])
@pytest.mark.parametrize("pictures", [2, 31, 200])
def test_a_gif_plays_as_long_as_it_should(tmp_path, speed, pictures):
    """Read from the file itself: a control block for each picture has its hundredths of a second."""
    rate = speed / max(1, round(speed / stage.GIF_FRAMES_PER_SECOND))
    with film.Gif(tmp_path / "film.gif", rate) as made:
        for number in range(pictures):
            made.append(np.full((8, 8, 3), number % 256, np.uint8))
    data = (tmp_path / "film.gif").read_bytes()
    blocks = [place for place in range(len(data)) if data[place : place + 3] == b"\x21\xf9\x04"]
    lasts = [int.from_bytes(data[place + 4 : place + 6], "little") for place in blocks]
    assert len(lasts) == pictures
    assert sum(lasts) == pytest.approx(100 * pictures / rate, rel=0.01, abs=0.6)
    assert max(lasts) - min(lasts) <= 1


def test_text_is_the_drawing_or_the_numbers():
    moment = play.Moment(1, 2, 3.0, np.array([0.123456, -1.0]), np.int64(1), -0.5)
    assert play.text_of(Counter(), moment) == "action 1  reward -0.5  observation 0.1235 -1"
    assert play.text_of(Counter(), play.Moment(1, 0, 0.0, np.zeros((84, 84)))) == "observation of shape (84, 84)"
    line = GymnasiumEnvironment("zerone/Treasure-v0", render_mode="ansi")
    line.reset(seed=0)
    assert play.text_of(line, moment) == "o----T"


def test_terminal_redraws_in_place_and_a_file_gets_all(monkeypatch):
    waited: list[float] = []
    monkeypatch.setattr(stage.time, "sleep", waited.append)
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        moments = play.episodes(Counter(), always(1), number=1, seed=0)
        assert stage.in_terminal(Counter(), moments, stream, lambda: "note") == 1
    assert terminal.getvalue().count("\x1b[2F\x1b[J") == 3
    assert waited == [0.01, 0.01, 0.01, stage.HOLD_SECONDS]
    assert "\x1b" not in file.getvalue()
    assert file.getvalue().startswith("episode 1  step 0  return 0  note\nobservation 0\n")


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_film_of_a_tiny_odd_picture(tmp_path, suffix):
    environment = Counter("rgb_array")
    moments = play.episodes(environment, always(1), number=1, seed=0)
    pictures = stage.on_film(environment, moments, tmp_path / f"film{suffix}")
    # A GIF shows every third of 100 moments a second, and the last; the last picture stays.
    assert pictures == (1 + round(0.8 * 100 / 3) if suffix == ".gif" else 3 + 80)
    assert (tmp_path / f"film{suffix}").stat().st_size > 500
    assert [each.name for each in tmp_path.iterdir()] == [f"film{suffix}"]


def test_a_film_is_whole_or_not_there(tmp_path):
    environment = Counter("rgb_array")

    def breaks():
        yield from play.episodes(environment, always(1), number=1, seed=0)
        raise RunError("it broke")

    path = tmp_path / "film.mp4"
    path.write_bytes(b"an earlier one")
    with pytest.raises(RunError, match="it broke"):
        stage.on_film(environment, breaks(), path)
    assert path.read_bytes() == b"an earlier one"
    assert list(tmp_path.iterdir()) == [path]
    moments = play.episodes(environment, always(1), number=1, seed=0)
    with pytest.raises(RunError, match=r"gone"):
        stage.on_film(environment, moments, tmp_path / "gone" / "film.mp4")


def test_caption_is_readable_and_never_cut_off():
    frame = np.zeros((400, 600, 3), np.uint8)
    shown = stage.captioned(frame, "episode 1  step 2  return 3", "Esc: close")
    assert shown.shape == (400 + stage.CAPTION_HEIGHT, 600, 3)
    assert (shown[:400] == frame).all()
    strip = shown[400:]
    assert (strip[:, :300].min(), strip.max()) < (60, 250)
    long = stage.captioned(np.zeros((200, 300, 3), np.uint8), "episode 1000  step 1000  return -1000  (time is up)")
    assert (long[200:, -8:] == stage.PAPER).all()
    assert stage.captioned(np.zeros((50, 60, 3), np.uint8), "").shape == (250 + stage.CAPTION_HEIGHT, 300, 3)
    assert stage.even(np.zeros((3, 5, 3), np.uint8)).shape == (4, 6, 3)


def test_window_shows_closes_and_stops(monkeypatch):
    import pygame

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    environment = Counter("rgb_array")

    def moments(number):
        return play.episodes(environment, always(1), number=number, seed=0)

    assert stage.in_window(environment, moments(1), "title") == 1
    assert not pygame.display.get_init()
    shown: list[int] = []

    def stop() -> bool:
        shown.append(1)
        return len(shown) == 3

    assert stage.in_window(environment, moments(None), "title", str, stop) == 0
    assert len(shown) == 3

    def closing():
        for moment in moments(None):
            if moment.step == 2:
                pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE))
            yield moment

    assert stage.in_window(environment, closing(), "title") == 0


@pytest.mark.parametrize("frame", ["text", np.zeros((4, 4), np.uint8)])
def test_an_environment_without_pictures_is_refused(frame):
    with pytest.raises(InputError, match="gives no picture"):
        play.frame_of(Counter("rgb_array", frame))
