"""The environments that Zerone has compiled (listed in `entries`), found by id and made with options.

Reading the list imports no JAX: `registration` reads it at every `import gymnasium` of a program that uses
Zerone. Only `make` imports what it makes.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError
from zerone.base.meanings import option_meant
from zerone.base.values import short, typed
from zerone.environments.entries import ENTRIES, Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zerone.environments.base import TimedEnvironment
    from zerone.environments.layout import Legend

TASK_REWARD = "task"
SAME_TASK = ("reward", "observe")
"""Options that change neither what can be reached in a task nor what it is judged by."""


@dataclasses.dataclass(frozen=True)
class Option:
    """Something that can be asked of an environment: its name, its default, and what it means or may be.

    A `legend` says that it is a layout, which can be given as the name of a text file.
    """

    name: str
    default: Any
    text: str
    legend: Legend | None = None


def entries() -> list[Entry]:
    """Every environment, in the order in which a newcomer meets them."""
    return list(ENTRIES)


def find(id: str) -> Entry | None:  # noqa: A002 (Gymnasium's word)
    """The entry of an id, with or without our namespace before a Gymnasium id; None where there is none."""
    return next((entry for entry in ENTRIES if id in (entry.id, entry.registered_id)), None)


def look_up(id: str) -> Entry:  # noqa: A002
    """The entry of an id; an `InputError` that names the nearest one where there is none."""
    entry = find(id)
    if entry is None:
        from zerone.environments.names import meant

        near = meant(id, registered=False)
        hint = "" if near is None else f"did you mean {near!r}? "
        raise InputError(f"environment {id!r} is unknown: {hint}(zerone environments lists all)")
    return entry


def action_names(id: str, count: int) -> list[str]:  # noqa: A002
    """What the `count` actions of an environment are called: `left`, `right`; by number where nobody has named them."""
    entry = find(id)
    names = [] if entry is None else [name.strip() for name in entry.action.split(":")[0].split(",")]
    return names if len(names) == count else [str(number) for number in range(count)]


def options(entry: Entry) -> list[Option]:
    """What `make` takes for this entry: the clock, the rewards, the actions, and the fields of its class."""
    found = [Option("limit", entry.limit, "steps after which an episode is cut; 0: never")]
    if entry.rewards:
        found.append(Option("reward", TASK_REWARD, "one of " + ", ".join([TASK_REWARD, *entry.rewards])))
    if entry.continuous:
        found.append(Option("torques", 0, "torques to choose from, at least 2; 0: any torque"))
    for field in dataclasses.fields(_load(entry)):
        allowed, legend = field.metadata.get("allowed"), field.metadata.get("legend")
        text = f"{allowed.text}; {allowed.describe()}" if allowed else f"a {field.type}"
        if legend:
            text = f"{field.metadata['text']}: a text file, a row a line ({legend.describe()})"
        found.append(Option(field.name, field.default, text, legend))
    return [dataclasses.replace(each, default=entry.preset.get(each.name, each.default)) for each in found]


def resolved(id: str, chosen: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The options `chosen` with what they stand for: rows in the place of a file's name. Others stay as they are.

    Raises:
        InputError: the id or an option is unknown, a value has the wrong type, or a file is no layout.
    """
    entry = look_up(id)
    known = {option.name: option for option in options(entry)}
    found: dict[str, Any] = {}
    for name, value in chosen.items():
        if name not in known:
            raise InputError(f"{entry.id}: option {name!r} is unknown: {option_meant(name, known)}")
        found[name] = _resolved(entry, known[name], value)
    return found


def as_judged(id: str, chosen: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The options of the environment in which an agent is judged that was trained with `chosen`: its own reward."""
    entry = look_up(id)
    changed = {**chosen, **entry.judged}
    changed.pop("reward", None)
    return {**changed, "reward": TASK_REWARD} if "reward" in entry.preset else changed


def same_task(entry: Entry, chosen: Mapping[str, Any]) -> bool:
    """Whether an environment made with these options is still the task for which its level was set.

    So it is if nothing differs from what it is by default but what is learnt from (`reward`) and how a cell is seen
    (`observe`).
    """
    known = {option.name: option.default for option in options(entry)}
    others = {name: value for name, value in chosen.items() if name not in SAME_TASK}
    return all(name in known and _alike(value, known[name]) for name, value in others.items())


def _alike(value: Any, default: Any) -> bool:
    """Whether two values of an option are equal, whichever of JSON's and Python's types they have."""
    if isinstance(value, (list, tuple)) or isinstance(default, (list, tuple)):
        return isinstance(value, (list, tuple)) and list(value) == list(default or ())
    return bool(value == default)


def make(id: str, **chosen: Any) -> TimedEnvironment:  # noqa: A002
    """The environment of an id, with its time limit, made as chosen.

    Args:
        id: one of the ids of `entries()`.
        **chosen: what shall differ from the defaults; see `options`. All of them take `limit`.

    Raises:
        InputError: the id or an option is unknown, or an option's value is not allowed.
    """
    from zerone.environments import shaping
    from zerone.environments.wrappers import DiscretizedActions, ShapedReward, TimeLimit

    entry = look_up(id)
    settings = {**entry.preset, **resolved(id, chosen)}
    limit, torques = settings.pop("limit", entry.limit), settings.pop("torques", 0)
    reward = settings.pop("reward", TASK_REWARD)
    environment = _load(entry)(**settings)
    if torques:
        environment = DiscretizedActions(environment, torques)
    if reward != TASK_REWARD:
        environment = ShapedReward(environment, getattr(shaping, entry.rewards[reward]))
    return TimeLimit(environment, limit)


def cut_off(environment: Any) -> list[str]:
    """What is to be said of layouts in which no way leads to a goal, of one of our environments."""
    from zerone.environments.layout import Origin
    from zerone.environments.wrapping import Wrapping

    while isinstance(environment, Wrapping):
        environment = environment.environment
    fields = dataclasses.fields(environment) if dataclasses.is_dataclass(environment) else ()
    layouts = [(each.name, each.metadata["legend"]) for each in fields if "legend" in each.metadata]
    origin = type(environment).__name__
    found = [legend.cut_off(getattr(environment, name), Origin(f"{origin}: {name}")) for name, legend in layouts]
    return [each for each in found if each]


def _load(entry: Entry) -> Any:
    module, name = entry.source.split(":")
    return getattr(importlib.import_module(module), name)


def _resolved(entry: Entry, option: Option, value: Any) -> Any:
    """What a value stands for; one of a wrong type is refused. The classes themselves check the ranges."""
    if option.legend is not None:
        from zerone.environments.layout import read_rows

        return read_rows(value, option.legend, f"{entry.id}: {option.name}")
    problem = f"{entry.id}: {option.name} = {short(value)} is not allowed: must be "
    if isinstance(option.default, bool) and not isinstance(value, bool):
        raise InputError(problem + "true or false")
    whole = isinstance(value, int) and not isinstance(value, bool)
    if type(option.default) is int and not whole:
        raise InputError(problem + "a whole number")
    if type(option.default) is float and isinstance(value, (bool, str, bytes, list, tuple, dict, type(None))):
        raise InputError(problem + "a number")
    if option.name == "limit" and value < 0:
        raise InputError(problem + "at least 0")
    if option.name == "torques" and value != 0 and value < 2:
        raise InputError(problem + "0 or at least 2")
    if option.name == "reward" and value not in (TASK_REWARD, *entry.rewards):
        raise InputError(problem + option.text)
    if isinstance(option.default, tuple):
        return typed(value, option.default, f"{entry.id}: {option.name}")
    return value
