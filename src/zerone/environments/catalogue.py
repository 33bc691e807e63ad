"""The compiled environments by id: Zerone's own (listed in `entries`), those of suites, and those of users.

Importing this module does not import JAX, because `registration` needs it at every `import gymnasium` of a program that
uses Zerone. Only `make` imports an environment's class, and `find` the module that an id names.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import joined, translatable, translated
from zerone.base.meanings import option_meant
from zerone.base.modules import place_of, source_of
from zerone.base.scalars import python_numbers
from zerone.base.values import LARGEST_COUNT, short, typed
from zerone.environments import outside, rewards, suites
from zerone.environments.entries import ENTRIES, Entry
from zerone.environments.rewards import TASK_REWARD as TASK_REWARD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zerone.base.pytree import Allowed
    from zerone.environments.base import TimedEnvironment
    from zerone.environments.layout import Legend

SAME_TASK = ("reward", "observe")
"""Options that change neither the returns that are possible in a task nor the reward used in evaluation."""


@dataclasses.dataclass(frozen=True)
class Option:
    """An option of an environment.

    Attributes:
        name: The name of the option.
        default: Its default; for a required option, an example value of its type.
        text: Its meaning and allowed values.
        legend: The legend if the option is a layout, which may be given as the name of a text file.
        required: Whether the option must be given.
    """

    name: str
    default: Any
    text: str
    legend: Legend | None = None
    required: bool = False


def entries() -> list[Entry]:
    """All of Zerone's own environments, in the order in which they are listed to users."""
    return list(ENTRIES)


def ours(id: str) -> Entry | None:  # noqa: A002 (Gymnasium's word)
    """The entry of one of Zerone's own environments; None if there is none.

    A Gymnasium id may be written with or without the namespace `zerone/`.
    """
    return next((entry for entry in ENTRIES if id in (entry.id, entry.registered_id)), None)


def find(id: str) -> Entry | None:  # noqa: A002
    """The entry of an environment of Zerone, of a suite or of a user; None if there is none of this id.

    Raises:
        InputError: the module or suite that the id names cannot be imported, or the object of this name is no
            environment, or the id is from a file that is not trusted.
    """
    entry = ours(id) or suites.find(id)
    if entry is not None or id.startswith("envpool:"):  # EnvPool environments are not compiled
        return entry
    kind = outside.ENVIRONMENTS.find(id)
    return None if kind is None else entry_of(kind, id)


def find_trusted(id: str) -> Entry | None:  # noqa: A002
    """Like `find`, but without importing anything: None also if the environment is not imported yet or is unusable.

    For code that only describes a run folder.
    """
    entry = ours(id)
    if entry is not None or not outside.ENVIRONMENTS.is_imported(id):
        return entry
    try:
        return find(id)
    except InputError:
        return None


def entry_of(kind: type[Any], id: str) -> Entry:  # noqa: A002
    """The entry of a user's environment class, from its docstring and class attributes."""
    text = (inspect.getdoc(kind) or "").partition("\n")[0].rstrip(".")
    return Entry(
        id, text or "an environment from outside", place_of(kind), outside.says(kind, outside.LIMIT) or 0,
        outside.says(kind, outside.LEVEL), "", ", ".join(outside.says(kind, outside.ACTIONS) or ()), kind=kind,
    )  # fmt: skip


def register(id: str, kind: type[Any]) -> None:  # noqa: A002
    """Register an environment written in JAX under an id, for this process and the run folders that it loads.

    Raises:
        InputError: the class does not implement `base.Environment`, or another environment has the id.
    """
    from gymnasium.envs.registration import registry

    taken = ours(id) is not None or suites.find(id) is not None or ":" in id or id in registry
    outside.ENVIRONMENTS.remember(id, kind, taken)


def source_of_id(id: str) -> str | None:  # noqa: A002
    """The `module:Name` of a user's environment class; None for other ids, or if the class cannot be imported."""
    kind = None if ours(id) or suites.find(id) else outside.ENVIRONMENTS.find(id)
    return None if kind is None else source_of(kind)


def look_up(id: str) -> Entry:  # noqa: A002
    """Like `find`, but raises `InputError` with the nearest id if there is no such environment."""
    given: object = id
    if not isinstance(given, str):
        raise InputError(translated("environment {given!r} is not allowed: must be an id, such as 'CartPole-v1'",
                                    given=given))  # fmt: skip
    entry = find(id)
    if entry is None:
        from zerone.environments.names import meant

        near = meant(id, registered=False)
        hint = "" if near is None else translated("did you mean {name!r}?", name=near) + " "
        listed = translated("({where} lists all)", where="zerone environments")
        raise InputError(translated("environment {name!r} is unknown: {meant}", name=id, meant=hint + listed))
    return entry


def action_names(id: str, count: int) -> list[str]:  # noqa: A002
    """The names of an environment's `count` actions, such as `left` and `right`; numbers if they have no names."""
    entry = find(id)
    names = [] if entry is None else [name.strip() for name in entry.action.split(":")[0].split(",")]
    return names if len(names) == count else [str(number) for number in range(count)]


def options(entry: Entry) -> list[Option]:
    """The options that `make` takes for this entry: time limit, reward, actions, and the fields of its class."""
    found = [Option("limit", entry.limit, translated("steps after which an episode is cut; 0: never"))]
    named = ", ".join([TASK_REWARD, *entry.rewards])
    reward = translated("one of {names}, or a function of yours, module:function", names=named)
    found.append(Option("reward", TASK_REWARD, reward))
    if entry.continuous:
        found.append(Option("torques", 0, translated("torques to choose from, at least 2; 0: any torque")))
    if entry.takes is not None:
        found += [Option(name, default, "") for name, default in entry.takes.items()]
    else:
        found += [_option_of(field) for field in dataclasses.fields(_load(entry)) if field.init]
    return [dataclasses.replace(each, default=entry.preset.get(each.name, each.default)) for each in found]


def _option_of(field: dataclasses.Field[Any]) -> Option:
    """The option for a field of an environment's class."""
    allowed, legend = field.metadata.get("allowed"), field.metadata.get("legend")
    kind = field.type if isinstance(field.type, str) else field.type.__name__
    values = _values_of(field.default, allowed)
    text = joined([translated(allowed.text), values]) if allowed else values or f"a {kind}"
    if legend:
        text = translated(
            "{what}: a text file, a row a line ({legend})",
            what=translated(field.metadata["text"]),
            legend=legend.describe(),
        )
    if field.default_factory is not dataclasses.MISSING:
        return Option(field.name, field.default_factory(), text, legend)
    if field.default is dataclasses.MISSING:
        example = {"int": 0, "float": 0.0, "bool": False, "str": ""}.get(kind)
        return Option(field.name, example, joined([text, translated("it must be given")]), legend, required=True)
    return Option(field.name, field.default, text, legend)


def _values_of(default: Any, allowed: Allowed | None) -> str:
    """The values that an option may have, in words; empty if neither its default nor its range says it."""
    if allowed is not None and (allowed.choices or isinstance(default, float)):
        return allowed.describe()
    if isinstance(default, bool):
        return translated("on or off")
    if isinstance(default, str):
        return translated("a text")
    bounds = "" if allowed is None or allowed.describe() == translated("a finite number") else allowed.describe()
    if isinstance(default, int):
        return bounds or translated("a whole number")
    if isinstance(default, float):
        return translated("a finite number")
    return bounds


def resolved(id: str, chosen: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Validate options and replace the name of a layout file by its rows; other values are unchanged.

    Raises:
        InputError: the id or an option is unknown, a value has the wrong type, or a file is not a layout.
    """
    return _resolved_of(look_up(id), chosen)


def _resolved_of(entry: Entry, chosen: Mapping[str, Any]) -> dict[str, Any]:
    known = {option.name: option for option in options(entry)}
    found: dict[str, Any] = {}
    for name, value in chosen.items():
        if name not in known:
            raise InputError(
                translated(
                    "{environment}: option {name!r} is unknown: {meant}",
                    environment=entry.id,
                    name=name,
                    meant=option_meant(name, known),
                )
            )
        found[name] = _resolved(entry, known[name], value)
    return found


def as_judged(id: str, chosen: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The options for evaluating an agent that was trained with `chosen`: with the task's own reward."""
    entry = look_up(id)
    changed = {**chosen, **entry.judged}
    changed.pop("reward", None)
    return {**changed, "reward": TASK_REWARD} if "reward" in entry.preset else changed


def same_task(entry: Entry, chosen: Mapping[str, Any]) -> bool:
    """Whether an environment made with these options is still the task for which its threshold was set.

    That is so if all options have their defaults, except for the training reward (`reward`) and the form of the
    observation (`observe`).
    """
    known = {option.name: option.default for option in options(entry)}
    others = {name: value for name, value in chosen.items() if name not in SAME_TASK}
    return all(name in known and _equal_values(value, known[name]) for name, value in others.items())


def _equal_values(value: Any, default: Any) -> bool:
    """Whether two values of an option are equal, where a list (from JSON) equals a tuple."""
    if isinstance(value, (list, tuple)) or isinstance(default, (list, tuple)):
        return isinstance(value, (list, tuple)) and list(value) == list(default or ())
    return bool(value == default)


def make(id: str, **chosen: Any) -> TimedEnvironment:  # noqa: A002
    """Make an environment by its id, with its time limit.

    Args:
        id: An id of `entries()`, of a suite, or of a user's environment.
        **chosen: Options that differ from their defaults; see `options`. All environments take `limit` and `reward`.

    Raises:
        InputError: the id or an option is unknown, or an option's value is not allowed.
    """
    return make_from(look_up(id), python_numbers(chosen))


def make_from(entry: Entry, chosen: Mapping[str, Any]) -> TimedEnvironment:
    """Like `make`, for an entry."""
    from zerone.environments.wrappers import DiscretizedActions, ShapedReward, TimeLimit

    settings = {**entry.preset, **_resolved_of(entry, chosen)}
    limit, torques = settings.pop("limit", None), settings.pop("torques", 0)
    shape = rewards.shape_of(settings.pop("reward", TASK_REWARD), entry.rewards)
    environment = _load(entry)(**settings) if entry.kind is None else _make_users_environment(entry, settings)
    if limit is None:  # each object of a user's class may have its own limit
        limit = (getattr(environment, outside.LIMIT, None) or 0) if is_class(entry) else entry.limit
    if torques:
        environment = DiscretizedActions(environment, torques)
    if shape is not None:
        environment = ShapedReward(environment, shape)
    return TimeLimit(environment, limit)


def is_class(entry: Entry) -> bool:
    """Whether an environment is a user's class, rather than one of Zerone's or of a suite."""
    return entry.kind is not None and entry.takes is None


def level_of(entry: Entry, chosen: Mapping[str, Any]) -> float | None:
    """The threshold (mean return) at which an environment made with these options is solved; None if it has none."""
    if same_task(entry, chosen):
        return entry.solved_at
    own = is_class(entry) and outside.LEVEL in {field.name for field in dataclasses.fields(entry.kind)}
    if not own and (not is_class(entry) or outside.says(entry.kind, outside.LEVEL) is not None):
        return None  # a class attribute is the threshold of the default options
    made: Any = make_from(entry, {name: value for name, value in chosen.items() if name != "reward"})
    level = getattr(made.environment, outside.LEVEL, None)
    return level if type(level) in (int, float) else None


def _make_users_environment(entry: Entry, settings: dict[str, Any]) -> Any:
    """Make a user's environment. Every exception of its class is raised as an `InputError`."""
    for option in options(entry):
        if option.required and option.name not in settings:
            raise InputError(
                translated(
                    "{id}: option {option!r} is missing ({text})", id=entry.id, option=option.name, text=option.text
                )
            )
    try:
        return entry.kind(**settings)
    except (ZeroneError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            translated(
                "environment {id} cannot be made: {kind}: {reason}",
                id=entry.id,
                kind=type(error).__name__,
                reason=reason,
            )
        ) from error


def cut_off(environment: Any) -> list[str]:
    """Warnings about those layouts of an environment in which no path leads from the start to a goal."""
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
    if entry.kind is not None:
        return entry.kind
    module, name = entry.source.split(":")
    return getattr(importlib.import_module(module), name)


def _resolved(entry: Entry, option: Option, value: Any) -> Any:
    """Validate the type of an option's value, and read a layout file. The classes themselves check the ranges."""
    if option.legend is not None:
        from zerone.environments.layout import read_rows

        return read_rows(value, option.legend, f"{entry.id}: {option.name}")

    def refused(allowed: str) -> InputError:
        where = f"{entry.id}: {option.name}"
        line = translatable("{where} = {value} is not allowed: must be {allowed}")
        return InputError(translated(line, where=where, value=short(value), allowed=allowed))

    if isinstance(option.default, bool) and not isinstance(value, bool):
        raise refused(translated("true or false"))
    whole = isinstance(value, int) and not isinstance(value, bool)
    if type(option.default) is int and not whole:
        raise refused(translated("a whole number"))
    if type(option.default) is float and isinstance(value, (bool, str, bytes, list, tuple, dict, type(None))):
        raise refused(translated("a number"))
    if option.name == "limit" and not 0 <= value <= LARGEST_COUNT:
        low = translated("at least 0")
        raise refused(translated("{allowed} and at most {most:,}", allowed=low, most=LARGEST_COUNT))
    if option.name == "torques" and value != 0 and value < 2:
        raise refused(translated("0 or at least 2"))
    if option.name == "reward":
        rewards.require(value, entry.rewards, refused)
    if isinstance(option.default, tuple):
        return typed(value, option.default, f"{entry.id}: {option.name}")
    return value
