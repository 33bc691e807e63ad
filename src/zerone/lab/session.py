"""A session of one to four trainings that advance together and are shown on the page.

A new frame is made when the previous one has been sent, at most thirty times a second, while training continues. As
many sessions as there are cores compute at the same time; others wait for their turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from zerone.base.errors import InputError
from zerone.lab.messages import Disturb, LookAhead, Move, Pace
from zerone.lab.setups import Setup
from zerone.lab.watched import SECONDS_ALONE, Watched, computing

SECONDS_BETWEEN_FRAMES = 1 / 30
SHORTEST_CHUNK = 1 / 27
"""The shortest time in seconds between two frames at full speed; 25 frames per second look smooth."""
READABLE = 30.0
"""The speed in steps per second up to which each step is shown with all its numbers."""
SHARE_OF_DRAWING = 0.08
"""The largest share of the CPU time that handling messages and making frames may take at full speed."""
FIRST_STEPS = 20
LEAST_BUSY = 0.1
LONGEST_CHUNK = 0.2
"""The longest time in seconds of training between two frames at full speed."""


class Session(Watched):
    """Trainings side by side, and the state of playing them."""

    def __init__(
        self, name: str, setups: Sequence[Setup], wake: Callable[[], None], at: int = 0,
        changes: Sequence[tuple[int, Disturb]] = (),
    ) -> None:  # fmt: skip
        """Begin at position `at`, with the user's changes before it (each with its position)."""
        super().__init__(name, wake, setups)
        self.pace, self.at = 2.0, at
        self.searching = self.note = ""
        """The running search, and the last unsuccessful one: `episode` or `change`."""
        self.refused = ""
        """The reason why the last change by the user was refused."""
        self._changes = changes
        self._trainings: list[Any] = []
        self._moments: list[Any] = []
        # At full speed: CPU seconds per frame, the share of a core that training gets, and steps per second.
        self._cost, self._busy, self._rate = 0.004, 1.0, 1.0
        self.start()

    def kept(self) -> dict[str, Any]:
        """The data from which the session can be restored: set-ups, position, speed and changes."""
        setups = [setup.as_json() for setup in self.setups]
        changes = self._trainings[0].changes if self._trainings else []
        return {"name": self.name, "setups": setups, "at": self.at, "pace": self.pace, "changes": changes}

    def _make(self) -> None:
        from zerone.lab.moment import Moments
        from zerone.lab.training import Training

        for setup in self.setups:
            self._trainings.append(Training(setup))
        self._moments = [Moments(each) for each in self._trainings]
        self.curves = [each.curve for each in self._trainings]
        self.about = [each.about() for each in self._moments]
        if self.at:
            for at, each in self._changes:
                for training in self._trainings:
                    training.go_to(at)
                    training.change(each.kind, each.value)
            for training in self._trainings:
                training.go_to(self.at)
        else:  # compile the programs of the first step before the user waits for them
            self._move_all(lambda training: training.go_to(training.block))
            for each in self._moments:
                each.now(False)
            self._move_all(lambda training: training.go_to(0))
        self._show()
        self._ready()

    def _turn(self) -> None:
        """Handle a message, or play on; then show the result if a frame is due."""
        message = self._next()
        if self._closed.is_set():
            return
        if isinstance(message, Pace):
            self.pace = message.steps_per_second
            if self.playing:
                self._started()
        elif isinstance(message, Move):
            self.refused = ""
            with computing.turn(first=True):
                self._move(message.kind)
        elif isinstance(message, Disturb):
            self._disturb(message)
        elif isinstance(message, LookAhead):
            with computing.turn(first=True):
                for each in self._moments:
                    each.look_ahead(message.steps, message.simulations)
        elif self.playing:
            if time.monotonic() - self.seen > SECONDS_ALONE:
                self.playing = False
            else:
                self._play()
                return
        self._show()

    def _move(self, kind: str) -> None:
        if kind == "play":
            self.playing = True
            self._started()
            return
        self.playing, self.note = False, ""
        if kind in ("episode", "change"):
            self.searching = kind
            self._show()
        first = self._trainings[0]
        if kind in ("step", "back"):
            self.at = max(0, first.at + (1 if kind == "step" else -1))
        elif kind == "start":
            self.at = 0
        elif kind == "pause":
            first.look()
        elif kind == "update":
            first.to_update()
            self.at = first.at
        else:
            search = first.to_episode_end if kind == "episode" else first.to_change
            self.note = "" if search(self._interrupted) else kind
            self.at, self.searching = first.at, ""
        self._move_all(lambda training: training.go_to(self.at))

    def _disturb(self, message: Disturb) -> None:
        """Change the environment; a playing session continues to play."""
        self.refused, self.note = "", ""
        first = not self._trainings[0].changes
        self.searching = "disturb" if first or message.kind == "layout" else ""  # these compile again, which takes time
        self._show()
        try:
            with computing.turn(first=True):
                self._move_all(lambda training: training.look())
                for training in self._trainings:
                    training.change(message.kind, message.value)
                    training.go_to(self.at + 1)  # compile before the user waits for a step
                    training.go_to(self.at)
        except InputError as error:
            self.refused = str(error)
            self._move_all(lambda training: training.go_to(self.at))
        self.searching = ""
        if self.playing:
            self._started()

    def _interrupted(self) -> bool:
        """Whether another message has arrived in the meantime."""
        return self._closed.is_set() or not self._messages.empty()

    def _move_all(self, move: Callable[[Any], None]) -> None:
        """Apply `move` to each training; the session's position is that of the first one."""
        for training in self._trainings:
            move(training)
        self.at = self._trainings[0].at

    def _started(self) -> None:
        self._due = self._shown = time.monotonic()
        if self.pace and self.pace <= READABLE:
            self._due += min(0.25, 1 / self.pace)

    def _play(self) -> None:
        """Take the steps that are due, and then show a frame."""
        with computing.turn():
            begun = time.monotonic()
            if 0 < self.pace <= READABLE:
                self._move_all(lambda training: training.go_to(training.at + 1))
                self._due = max(self._due + 1 / self.pace, begun)
                self._show()
            elif self.pace:
                aim = self.at + max(1, round(self.pace * (begun - self._due + SECONDS_BETWEEN_FRAMES)))
                self._move_all(lambda training: training.go_to(aim))
                self._due = begun + SECONDS_BETWEEN_FRAMES
                self._show()
            else:
                self._run_at_full_speed(begun)

    def _run_at_full_speed(self, begun: float) -> None:
        """Train at full speed for a short time, chosen so that making frames takes a small share of the time."""
        longest = SHORTEST_CHUNK if computing.waited_for else LONGEST_CHUNK
        seconds = min(longest, max(SHORTEST_CHUNK, self._cost / (SHARE_OF_DRAWING * self._busy)))
        all_threads = time.process_time()
        # At most a tenth more steps at a time, so that the curve has enough points early, when it changes fast.
        steps = max(1, min(int(self._rate * seconds), FIRST_STEPS + self.at // 10))
        aim = self.at + steps
        self._move_all(lambda training: training.leap(aim))
        import jax

        for training in self._trainings:  # all leaves are ready together, so wait for one
            jax.block_until_ready(training.stepper.carry.simulation.episode_length)
        took = time.monotonic() - begun
        # If other processes use the cores, training gets less CPU time, and a frame takes a larger share of it.
        busy = min(1.0, max(LEAST_BUSY, (time.process_time() - all_threads) / max(took, 1e-4)))
        self._busy += 0.2 * (busy - self._busy)
        measured = steps / max(took, 1e-4)
        self._rate = min(max(measured, self._rate / 2), 4 * self._rate)  # short chunks are measured inaccurately
        self._due = time.monotonic()
        own = time.thread_time()  # not before: JAX may train in this thread
        self._show()
        self._cost += 0.2 * (time.thread_time() - own - self._cost)

    def _show(self) -> None:
        """Make a frame; at high speed, only if the previous one has been sent."""
        quick = self.playing and not 0 < self.pace <= READABLE
        if quick and not self._wanted:
            return
        if not quick and not self.playing:
            for training in self._trainings:
                training.look()
        self._tell({
            "pace": self.pace, "searching": self.searching, "missed": self.note, "refused": self.refused,
            "trainings": [each.now(quick) for each in self._moments],
        })  # fmt: skip
