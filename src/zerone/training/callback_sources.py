"""Finding callbacks: objects, `module:Name` and the trackers that Zerone comes with."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import TypeAlias

from zerone.base.errors import InputError, nearest
from zerone.base.language import translatable, translated
from zerone.base.modules import ForeignId, named_object
from zerone.training.events import Callback, Listener
from zerone.training.listeners import Listeners, NamedCallback, described
from zerone.training.metrics import MetricsLog
from zerone.training.progress import Calling, OnProgress, ignore, progress_in_python
from zerone.training.tensorboard import TensorBoard

GROUP = "zerone.callbacks"
"""The entry-point group in which an installed package can declare callbacks."""

TRACKERS = {
    "wandb": "zerone.training.trackers.wandb:WandB",
    "mlflow": "zerone.training.trackers.mlflow:MLflow",
    "trackio": "zerone.training.trackers.trackio:Trackio",
    "swanlab": "zerone.training.trackers.swanlab:SwanLab",
}
"""The packaged trackers by name; each is imported when first used."""

_registered: dict[str, type[Callback]] = {}

CallbackLike: TypeAlias = str | Listener


def as_listeners(callbacks: Sequence[CallbackLike], progress: bool | None, on_progress: OnProgress) -> Listeners:
    """All listeners of a training: the writers of its log, the user's callbacks, and the progress display.

    Raises:
        InputError: an object is no callback, or a name cannot be found.
    """
    if isinstance(callbacks, (str, Callback)) or not isinstance(callbacks, Sequence):
        raise InputError(
            translated("callbacks = {callbacks!r} is not allowed: must be a list of callbacks", callbacks=callbacks)
        )
    chosen = [find(each) if isinstance(each, str) else require_callback(each, _name_of(each)) for each in callbacks]
    shown = [NamedCallback("progress", progress_in_python(progress))]
    if not callable(on_progress):
        raise InputError(
            translated("on_progress = {on_progress!r} is not allowed: must be a function", on_progress=on_progress)
        )
    if on_progress is not ignore:
        shown.append(NamedCallback(_name_of(on_progress), Calling(on_progress)))
    return Listeners([MetricsLog(), TensorBoard()], [*chosen, *shown])


def names_of(callbacks: Sequence[CallbackLike]) -> list[str]:
    """The names of the callbacks that were given by name; `config.json` keeps them, for `resume`."""
    return [str(each) for each in callbacks if isinstance(each, str)]


def register(name: str, kind: type[Callback]) -> None:
    """Make a class available under a name. Registering the same class again, as a notebook does, replaces it.

    Raises:
        InputError: another callback has the name, or it looks like a module's (`module:Name`).
    """
    before = _registered.get(name)
    another = before is not None and (before.__module__, before.__qualname__) != (kind.__module__, kind.__qualname__)
    if name in TRACKERS or name == "none" or ":" in name or another:
        raise InputError(
            translated(
                "callback {name!r} is there already: give {kind} another name", name=name, kind=kind.__qualname__
            )
        )
    _registered[name] = kind


def find(name: str) -> NamedCallback:
    """The callback of a name: registered, a packaged tracker, `module:Name`, or from an installed package.

    Raises:
        InputError: there is none, or it cannot be made; or the name comes from a file and its module is not trusted.
    """
    if name in _registered:
        return _made(_registered[name], str(name))
    if name in TRACKERS:
        return _made(named_object(TRACKERS[name], translatable("tracker")), str(name))
    if ":" in name:
        module = name.partition(":")[0]
        if isinstance(name, ForeignId) and module.partition(".")[0] in sys.stdlib_module_names:
            raise InputError(
                translated("callback {name} is none", name=name)
            )  # a file must not cause untrusted code to be called
        return _made(named_object(name, translatable("callback")), str(name))
    for point in entry_points(group=GROUP, name=name):
        if isinstance(name, ForeignId) and point.module not in sys.modules:
            named_object(ForeignId(point.value), "callback")
        return _made(point.load(), str(name))
    known = [*_registered, *TRACKERS, *(each.name for each in entry_points(group=GROUP))]
    raise InputError(
        translated(
            "callback {name!r} is unknown: {hint}; one of your own is module:Name", name=name, hint=nearest(name, known)
        )
    )


def require_callback(found: object, name: str) -> NamedCallback:
    """`found` as a named callback. Raises `InputError` that says what it lacks."""
    if isinstance(found, type):
        raise InputError(
            translated("callback {name} is a class: give an object of it, {kind}()", name=name, kind=found.__name__)
        )
    if not callable(found):
        raise InputError(
            translated(
                "{name} is not a valid callback: it must be an object of a class made from zerone.Callback, or a "
                "function of (event, training)",
                name=name,
            )
        )
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        raise InputError(
            translated(
                "{name} is not a valid callback: it must do its work when it is called, without async or yield",
                name=name,
            )
        )
    _require_signature(found, name, "call")
    if isinstance(found, Callback):
        for function in Callback.functions():
            _require_signature(getattr(found, function), name, function)
        _require_signature(found.measure, name, "measure", ("row", "training"))
        named = found.metrics.items() if isinstance(found.metrics, Mapping) else [(None, None)]
        if not all(isinstance(each, str) for pair in named for each in pair):
            raise InputError(
                translated(
                    "{name} is not a valid callback: its metrics must be a mapping from names to what they mean",
                    name=name,
                )
            )
    return NamedCallback(name, found)


def _require_signature(
    function: Callable[..., object], name: str, what: str, takes: tuple[str, ...] = ("event", "training")
) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # functions written in C may have no signature
        return
    try:
        signature.bind(*takes)
    except TypeError:
        own = translated("it") if what == "call" else translated("its {what}", what=what)
        raise InputError(
            translated(
                "{name} is not a valid callback: {own} must take ({listed})",
                name=name,
                own=own,
                listed=", ".join(takes),
            )
        ) from None


def _made(found: object, name: str) -> NamedCallback:
    """The callback object that was found by name; a class is instantiated with its defaults."""
    if isinstance(found, type) and issubclass(found, Callback):
        try:
            found = found()
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                translated("callback {name} cannot be made: {error}", name=name, error=described(error))
            ) from error
    elif isinstance(found, type):
        raise InputError(
            translated("{name} is not a valid callback: it must be a class made from zerone.Callback", name=name)
        )
    return require_callback(found, name)


def _name_of(found: object) -> str:
    """The name of a callback object for errors and results."""
    kind = found if isinstance(found, type) or inspect.isroutine(found) else type(found)
    qualified: str = getattr(kind, "__qualname__", repr(kind))
    return f"{getattr(kind, '__module__', '')}:{qualified}"
