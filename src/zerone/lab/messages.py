"""Validation of the page's messages: each one is parsed here before anything acts on it.

Names must be from Zerone's own lists, so a message cannot import code, name a file, or create something very large.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from zerone.base.errors import InputError
from zerone.base.values import can_be_written, is_finite, short
from zerone.lab.setups import Setup, named, object_of, read_setup, require_small, seed_of

MOST_SETUPS = 4
MOVES = ("step", "update", "episode", "change", "back", "start", "play", "pause")
PACES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
"""The allowed speeds in steps per second; 0 is full speed."""
KEYS = ("up", "down", "left", "right", *"0123456789")
ARM = "arm"
"""The environment's name in `take` for the arm that follows the mouse."""
FARTHEST = 1e6
FARTHEST_LOOK = 3
"""The largest depth of a lookahead on the page."""
SIMULATIONS = (16, 64, 256)
"""The allowed numbers of simulations of a tree search on the page."""
_SESSION = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclasses.dataclass(frozen=True)
class Begin:
    """Begin a session with one training, or with several side by side."""

    setups: tuple[Setup, ...]


@dataclasses.dataclass(frozen=True)
class Attach:
    """Watch an existing session."""

    session: str


@dataclasses.dataclass(frozen=True)
class Move:
    """Move a training forwards or backwards, play or pause it: one of `MOVES`."""

    kind: str


@dataclasses.dataclass(frozen=True)
class Pace:
    """Set the speed."""

    steps_per_second: float


@dataclasses.dataclass(frozen=True)
class Ask:
    """A question about runs (`answers`); the answer has the same number."""

    number: int
    what: str
    given: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Take:
    """Play an environment, or, with `arm`, move the goal of an arm."""

    environment: str
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Hold:
    """The keys that are down; `pressed` means that one was pressed, for environments that wait for each key."""

    keys: tuple[str, ...]
    pressed: bool = False


@dataclasses.dataclass(frozen=True)
class Point:
    """The position of the pointer in the environment's coordinates; None if it does not point at the picture."""

    at: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Teach:
    """Train an agent on the steps that the user has played."""


@dataclasses.dataclass(frozen=True)
class Disturb:
    """Change the environment of a training from the current position on."""

    kind: str
    value: Any


@dataclasses.dataclass(frozen=True)
class LookAhead:
    """Show the futures of a lookahead of `steps` steps, or of a tree search with `simulations`; both 0 show none."""

    steps: int
    simulations: int = 0


@dataclasses.dataclass(frozen=True)
class Leave:
    """Stop watching the session."""


Told = Move | Pace | Hold | Point | Teach | Disturb | LookAhead
"""The messages that are passed on to the watched session."""
Message = Begin | Attach | Ask | Take | Leave | Told


def read(text: str) -> Message:
    """Parse a message from its JSON text.

    Raises:
        InputError: the message is invalid.
    """
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InputError("the message is not JSON") from None
    if not can_be_written(found):  # a lone surrogate could be neither sent back nor saved
        raise InputError("the message is not JSON")
    asked = object_of(found, "the message")
    do = asked.pop("do", None)
    if do == "begin":
        return Begin(_setups(_only(asked, "setups")))
    if isinstance(do, str) and do in MOVES:
        _only(asked)
        return Move(do)
    if isinstance(do, str) and do in _OTHERS:
        return _OTHERS[do](asked)
    known = ", ".join(["begin", *_OTHERS, *MOVES])
    raise InputError(f"do = {short(do)} is not allowed: must be one of {known}")


def _attach(asked: dict[str, Any]) -> Attach:
    session = _only(asked, "session")
    if not isinstance(session, str) or not _SESSION.fullmatch(session):
        raise InputError("session is not allowed: it is no session's name")
    return Attach(session)


def _pace(asked: dict[str, Any]) -> Pace:
    pace = _only(asked, "pace")
    if type(pace) not in (int, float) or pace not in PACES:
        allowed = ", ".join(f"{each:g}" for each in PACES)
        raise InputError(f"pace = {short(pace)} is not allowed: must be one of {allowed}")
    return Pace(float(pace))


def _ask(asked: dict[str, Any]) -> Ask:
    number, what = asked.pop("number", None), asked.pop("what", None)
    if type(number) is not int or not isinstance(what, str):
        raise InputError("a question must have a number, and what it is about")
    return Ask(number, what, asked)


def _take(asked: dict[str, Any]) -> Take:
    from zerone.environments.entries import ENTRIES

    seed = asked.pop("seed", 0)
    environment = named(_only(asked, "environment"), "environment", [ARM, *(entry.id for entry in ENTRIES)])
    return Take(environment, seed_of(seed))


def _hold(asked: dict[str, Any]) -> Hold:
    pressed = asked.pop("pressed", False)
    keys = _only(asked, "keys")
    if not isinstance(keys, list) or len(keys) > len(KEYS) or any(each not in KEYS for each in keys):
        raise InputError(f"keys = {short(keys)} is not allowed: must be some of {', '.join(KEYS)}")
    return Hold(tuple(keys), pressed is True)


def _point(asked: dict[str, Any]) -> Point:
    at = _only(asked, "at")
    if at is None:
        return Point(None)
    if not isinstance(at, list) or len(at) != 2 or not all(type(each) in (int, float) for each in at):
        raise InputError(f"at = {short(at)} is not allowed: must be two numbers")
    if not all(is_finite(each) and abs(each) < FARTHEST for each in at):
        raise InputError(f"at = {short(at)} is not allowed: must be within the picture")
    return Point((float(at[0]), float(at[1])))


def _teach(asked: dict[str, Any]) -> Teach:
    _only(asked)
    return Teach()


def _leave(asked: dict[str, Any]) -> Leave:
    _only(asked)
    return Leave()


def read_disturb(asked: dict[str, Any]) -> Disturb:
    """Parse a `Disturb` message from its fields. Raises `InputError` if it is invalid."""
    kind, value = asked.pop("kind", None), _only(asked, "value")
    if kind == "layout":
        require_small(kind, value)
        return Disturb(kind, tuple(value))
    if kind in ("push", "wind"):
        if type(value) not in (int, float) or not -1 <= value <= 1:
            raise InputError(f"{kind} = {short(value)} is not allowed: must be a number from -1 to 1")
        return Disturb(kind, float(value))
    raise InputError(f"kind = {short(kind)} is not allowed: must be one of layout, push, wind")


def _look_ahead(asked: dict[str, Any]) -> LookAhead:
    if "simulations" in asked:
        simulations = _only(asked, "simulations")
        if type(simulations) is not int or simulations not in SIMULATIONS:
            allowed = ", ".join(map(str, SIMULATIONS))
            raise InputError(f"simulations = {short(simulations)} is not allowed: must be one of {allowed}")
        return LookAhead(0, simulations)
    steps = _only(asked, "steps")
    if type(steps) is not int or not 0 <= steps <= FARTHEST_LOOK:
        raise InputError(f"steps = {short(steps)} is not allowed: must be a whole number from 0 to {FARTHEST_LOOK}")
    return LookAhead(steps)


_OTHERS: Mapping[str, Callable[[dict[str, Any]], Message]] = {
    "attach": _attach, "pace": _pace, "ask": _ask, "take": _take, "leave": _leave, "hold": _hold, "point": _point,
    "teach": _teach, "disturb": read_disturb, "look-ahead": _look_ahead,
}  # fmt: skip


def _setups(given: Any) -> tuple[Setup, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SETUPS:
        raise InputError(f"setups is not allowed: must be a list of 1 to {MOST_SETUPS}")
    return tuple(read_setup(each) for each in given)


def _only(asked: dict[str, Any], *names: str) -> Any:
    """The value of the first of `names` (or None); raises `InputError` unless the message has exactly these fields."""
    if set(asked) != set(names):
        raise InputError(f"the message must have {' and '.join(('do', *names))}, and nothing else")
    return asked[names[0]] if names else None


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
