"""One to four trainings on one clock, that are looked at.

A frame is made when the one before has been taken, at most thirty times a second: what is faster nobody sees, and
learning goes on meanwhile. So many sessions as there are cores compute at once; the others wait for their turn.
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
SHORTEST_CHUNK = 1 / 26
"""Seconds of learning at full speed between two frames, at the least: with 25 in a second it looks as if it flowed."""
READABLE = 30.0
"""Steps in a second up to which each is shown with all its numbers."""
SHARE_OF_DRAWING = 0.08
"""How much of the processor's time at full speed may go into looking up and drawing."""
FIRST_STEPS = 20
LEAST_BUSY = 0.1
LONGEST_CHUNK = 0.2
"""Seconds of learning without looking up."""


class Session(Watched):
    """Trainings side by side, and how they are played."""

    def __init__(
        self, name: str, setups: Sequence[Setup], wake: Callable[[], None], at: int = 0,
        changes: Sequence[tuple[int, Disturb]] = (),
    ) -> None:  # fmt: skip
        """Begin at position `at`, after what was changed on the way."""
        super().__init__(name, wake, setups)
        self.pace, self.at = 2.0, at
        self.searching = self.note = ""
        """What is being looked for; what was looked for and not found: `episode` or `change`."""
        self.refused = ""
        """Why what a person wanted to change is as it was."""
        self._changes = changes
        self._trainings: list[Any] = []
        self._moments: list[Any] = []
        # At full speed: seconds of this thread for each time it looks up, how much of a core learns, steps in a second.
        self._cost, self._busy, self._rate = 0.004, 1.0, 1.0
        self.start()

    def kept(self) -> dict[str, Any]:
        """All that is needed to be here again: where one is follows from the set-ups and the position alone."""
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
        else:  # what the first step needs is compiled before anybody waits for it
            self._each(lambda training: training.go_to(training.block))
            for each in self._moments:
                each.now(False)
            self._each(lambda training: training.go_to(0))
        self._show()
        self._ready()

    def _turn(self) -> None:
        """Carry out the request, or play on; then show it, if that is due."""
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
                    each.look_ahead(message.steps)
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
        self._each(lambda training: training.go_to(self.at))

    def _disturb(self, message: Disturb) -> None:
        """Change the environment; a training that plays goes on playing."""
        self.refused, self.note = "", ""
        first = not self._trainings[0].changes
        self.searching = "disturb" if first or message.kind == "layout" else ""  # it is compiled again
        self._show()
        try:
            with computing.turn(first=True):
                self._each(lambda training: training.look())
                for training in self._trainings:
                    training.change(message.kind, message.value)
                    training.go_to(self.at + 1)  # compiled before anybody waits for a step
                    training.go_to(self.at)
        except InputError as error:
            self.refused = str(error)
            self._each(lambda training: training.go_to(self.at))
        self.searching = ""
        if self.playing:
            self._started()

    def _interrupted(self) -> bool:
        """Whether another request has come meanwhile."""
        return self._closed.is_set() or not self._messages.empty()

    def _each(self, move: Callable[[Any], None]) -> None:
        """Do something with each training; the clock is that of the first."""
        for training in self._trainings:
            move(training)
        self.at = self._trainings[0].at

    def _started(self) -> None:
        self._due = self._shown = time.monotonic()
        if self.pace and self.pace <= READABLE:
            self._due += min(0.25, 1 / self.pace)

    def _play(self) -> None:
        """The steps that are due, and then a frame."""
        with computing.turn():
            begun = time.monotonic()
            if 0 < self.pace <= READABLE:
                self._each(lambda training: training.go_to(training.at + 1))
                self._due = max(self._due + 1 / self.pace, begun)
                self._show()
            elif self.pace:
                aim = self.at + max(1, round(self.pace * (begun - self._due + SECONDS_BETWEEN_FRAMES)))
                self._each(lambda training: training.go_to(aim))
                self._due = begun + SECONDS_BETWEEN_FRAMES
                self._show()
            else:
                self._hurry(begun)

    def _hurry(self, begun: float) -> None:
        """Learn at full speed for a while, and look up seldom enough that it costs little."""
        longest = SHORTEST_CHUNK if computing.waited_for else LONGEST_CHUNK
        seconds = min(longest, max(SHORTEST_CHUNK, self._cost / (SHARE_OF_DRAWING * self._busy)))
        own, all_threads = time.thread_time(), time.process_time()
        # At first only little by little: when everything changes, each tenth more of the steps is a point of the curve.
        steps = max(1, min(int(self._rate * seconds), FIRST_STEPS + self.at // 10))
        aim = self.at + steps
        self._each(lambda training: training.leap(aim))
        import jax

        for training in self._trainings:  # one leaf stands for all: they are ready together
            jax.block_until_ready(training.stepper.carry.simulation.episode_length)
        took = time.monotonic() - begun
        # Where others have the cores, less is learnt in the same time, and the same frame would cost a larger share.
        busy = min(1.0, max(LEAST_BUSY, (time.process_time() - all_threads) / max(took, 1e-4)))
        self._busy += 0.2 * (busy - self._busy)
        measured = steps / max(took, 1e-4)
        self._rate = min(max(measured, self._rate / 2), 4 * self._rate)  # short leaps say little
        self._due = time.monotonic()
        self._show()
        self._cost += 0.2 * (time.thread_time() - own - self._cost)

    def _show(self) -> None:
        """Make a frame; at a high speed only if the last one has been taken, as a later one will do."""
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
