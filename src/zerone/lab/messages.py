"""What the page may ask for, and nothing else: each message is taken apart here before anybody acts on it.

Names are those of our own lists. So no message imports anything, names a file, or makes something larger than a person
would look at.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from zerone.base.errors import InputError, nearest
from zerone.base.values import short

MOST_SETUPS = 4
LARGEST_SEED = 2**32 - 1
LONGEST_TEXT, LONGEST_SIDE = 100, 24
MOVES = ("step", "update", "episode", "change", "back", "start", "play", "pause")
PACES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
"""Steps in a second; 0 is as fast as it can be."""
KEYS = ("up", "down", "left", "right", *"0123456789")
ARM = "arm"
"""What `take` calls the arm that follows the mouse."""
FARTHEST = 1e6
_SESSION = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclasses.dataclass(frozen=True)
class Setup:
    """One training that is to be looked at."""

    algorithm: str
    environment: str
    seed: int = 0
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    def as_json(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {**dataclasses.asdict(self), "settings": dict(self.settings), "options": dict(self.options)}


@dataclasses.dataclass(frozen=True)
class Begin:
    """Look at one training, or at several side by side."""

    setups: tuple[Setup, ...]


@dataclasses.dataclass(frozen=True)
class Attach:
    """Look at a session that there is already."""

    session: str


@dataclasses.dataclass(frozen=True)
class Move:
    """Go on, back, or stop."""

    kind: str


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast it plays."""

    steps_per_second: float


@dataclasses.dataclass(frozen=True)
class Ask:
    """A question about runs (`answers`), which is answered with its number."""

    number: int
    what: str
    given: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Take:
    """Play an environment oneself, or, with `arm`, give an arm its goals."""

    environment: str
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Hold:
    """The keys that are down, and in environments that wait for one, the key that was pressed."""

    keys: tuple[str, ...]
    pressed: bool = False


@dataclasses.dataclass(frozen=True)
class Point:
    """Where the mouse or a finger points, in the environment's own units; None: nowhere."""

    at: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Teach:
    """Let an agent learn from what was played."""


@dataclasses.dataclass(frozen=True)
class Disturb:
    """Change the environment in which a training learns, from here on."""

    kind: str
    value: Any


@dataclasses.dataclass(frozen=True)
class Leave:
    """Look at no session any more."""


Told = Move | Pace | Hold | Point | Teach | Disturb
"""What is handed on to what is looked at."""
Message = Begin | Attach | Ask | Take | Leave | Told


def read(text: str) -> Message:
    """The message of a text.

    Raises:
        InputError: it is none; the line says what is wrong with it.
    """
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InputError("the message is not JSON") from None
    asked = _object(found, "the message")
    do = asked.pop("do", None)
    if do == "begin":
        return Begin(_setups(_only(asked, "setups")))
    if do == "attach":
        session = _only(asked, "session")
        if not isinstance(session, str) or not _SESSION.fullmatch(session):
            raise InputError("session is not allowed: it is no session's name")
        return Attach(session)
    if do == "pace":
        pace = _only(asked, "pace")
        if type(pace) not in (int, float) or pace not in PACES:
            allowed = ", ".join(f"{each:g}" for each in PACES)
            raise InputError(f"pace = {short(pace)} is not allowed: must be one of {allowed}")
        return Pace(float(pace))
    if isinstance(do, str) and do in MOVES:
        _only(asked)
        return Move(do)
    if do == "ask":
        number, what = asked.pop("number", None), asked.pop("what", None)
        if type(number) is not int or not isinstance(what, str):
            raise InputError("a question must have a number, and what it is about")
        return Ask(number, what, asked)
    if isinstance(do, str) and do in _OTHERS:
        return _OTHERS[do](asked)
    known = ", ".join(["begin", "attach", "pace", "ask", *_OTHERS, *MOVES])
    raise InputError(f"do = {short(do)} is not allowed: must be one of {known}")


def _take(asked: dict[str, Any]) -> Take:
    from zerone.environments.entries import ENTRIES

    seed = asked.pop("seed", 0)
    environment = _named(_only(asked, "environment"), "environment", [ARM, *(entry.id for entry in ENTRIES)])
    return Take(environment, _seed(seed))


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
    if not all(math.isfinite(each) and abs(each) < FARTHEST for each in at):
        raise InputError(f"at = {short(at)} is not allowed: must be within the picture")
    return Point((float(at[0]), float(at[1])))


def _teach(asked: dict[str, Any]) -> Teach:
    _only(asked)
    return Teach()


def _leave(asked: dict[str, Any]) -> Leave:
    _only(asked)
    return Leave()


def _disturb(asked: dict[str, Any]) -> Disturb:
    kind, value = asked.pop("kind", None), _only(asked, "value")
    if kind == "layout":
        if not isinstance(value, list) or not all(isinstance(row, str) for row in value):
            raise InputError("layout is not allowed: must be rows of characters")
        if len(value) > LONGEST_SIDE or any(len(row) > LONGEST_SIDE for row in value):
            raise InputError(f"layout is not allowed on the page: at most {LONGEST_SIDE} by {LONGEST_SIDE} cells")
        return Disturb(kind, tuple(value))
    if kind in ("push", "wind"):
        if type(value) not in (int, float) or not -1 <= value <= 1:
            raise InputError(f"{kind} = {short(value)} is not allowed: must be a number from -1 to 1")
        return Disturb(kind, float(value))
    raise InputError(f"kind = {short(kind)} is not allowed: must be one of layout, push, wind")


def read_setup(given: Any) -> Setup:
    """A set-up as JSON has it: everything in it is one of our own names, or a plain value.

    Raises:
        InputError: it is something else.
    """
    from zerone.algorithms.catalogue import entries as algorithms
    from zerone.environments.entries import ENTRIES

    asked = _object(given, "a set-up")
    unknown = set(asked) - {field.name for field in dataclasses.fields(Setup)}
    if unknown:
        raise InputError(f"a set-up has no {short(min(unknown))}")
    algorithm = _named(asked.get("algorithm"), "algorithm", [entry.name for entry in algorithms()])
    environment = _named(asked.get("environment"), "environment", [entry.id for entry in ENTRIES])
    seed = _seed(asked.get("seed", 0))
    settings, options = (_plain(asked.get(name, {}), name) for name in ("settings", "options"))
    _require_small_layouts(environment, options)
    return Setup(algorithm, environment, seed, settings, options)


def _seed(seed: Any) -> int:
    if type(seed) is not int or not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed = {short(seed)} is not allowed: must be a whole number from 0 to {LARGEST_SEED:,}")
    return seed


_OTHERS: Mapping[str, Callable[[dict[str, Any]], Take | Leave | Told]] = {
    "take": _take, "leave": _leave, "hold": _hold, "point": _point, "teach": _teach, "disturb": _disturb,
}  # fmt: skip


def _setups(given: Any) -> tuple[Setup, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SETUPS:
        raise InputError(f"setups is not allowed: must be a list of 1 to {MOST_SETUPS}")
    return tuple(read_setup(each) for each in given)


def _plain(given: Any, name: str) -> dict[str, Any]:
    """Settings or options: each a number, a switch, a word, or a list of these."""
    found = _object(given, name)
    for key, value in found.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and (len(each) > LONGEST_TEXT or ":" in each or "/" in each or "\\" in each):
                # `module:Name` would be imported, and a path would be read: those are for the command line.
                raise InputError(f"{key} = {short(each)} is not allowed on the page: give it to zerone train")
            if not isinstance(each, (str, bool, int, float)):
                raise InputError(f"{key} = {short(value)} is not allowed: must be a number, a switch or a word")
            if isinstance(each, (int, float)) and not math.isfinite(each):
                raise InputError(f"{key} = {short(value)} is not allowed: must be a finite number")
    return found


def _require_small_layouts(environment: str, options: Mapping[str, Any]) -> None:
    """A layout is rows, not the name of a file; and so few cells that a person sees each."""
    from zerone.environments import catalogue

    drawn = {each.name for each in catalogue.options(catalogue.look_up(environment)) if each.legend is not None}
    for name in drawn & set(options):
        rows = options[name]
        if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
            raise InputError(f"{name} = {short(rows)} is not allowed on the page: must be rows of characters")
        if len(rows) > LONGEST_SIDE or any(len(row) > LONGEST_SIDE for row in rows):
            raise InputError(f"{name} is not allowed on the page: at most {LONGEST_SIDE} by {LONGEST_SIDE} cells")


def _named(given: Any, what: str, allowed: list[str]) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_TEXT:
        raise InputError(f"{what} = {short(given)} is not allowed: must be a name")
    if given not in allowed:
        raise InputError(f"{what} {given!r} is not on the page: {nearest(given, allowed, 'the page lists all')}")
    return given


def _object(given: Any, name: str) -> dict[str, Any]:
    if not isinstance(given, dict) or len(given) > 100:
        raise InputError(f"{name} is not allowed: must be an object")
    return dict(given)


def _only(asked: dict[str, Any], *names: str) -> Any:
    """The value of the one name that there may be; nothing else may be there."""
    if set(asked) != set(names):
        raise InputError(f"the message must have {' and '.join(('do', *names))}, and nothing else")
    return asked[names[0]] if names else None


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
