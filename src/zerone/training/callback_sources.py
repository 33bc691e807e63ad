"""From what a person names or gives to what listens: callbacks as objects, `module:Name`, and our trackers."""

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
from zerone.training.listeners import Listeners, Named, described
from zerone.training.metrics import MetricsLog
from zerone.training.progress import Calling, OnProgress, ignore, progress_in_python
from zerone.training.tensorboard import TensorBoard

GROUP = "zerone.callbacks"
"""The entry points by which an installed package brings callbacks."""

TRACKERS = {
    "wandb": "zerone.training.trackers.wandb:WandB",
    "mlflow": "zerone.training.trackers.mlflow:MLflow",
    "trackio": "zerone.training.trackers.trackio:Trackio",
    "swanlab": "zerone.training.trackers.swanlab:SwanLab",
}
"""Ours, by name; each is imported when it is asked for."""

_registered: dict[str, type[Callback]] = {}

CallbackLike: TypeAlias = str | Listener


def as_listeners(callbacks: Sequence[CallbackLike], progress: bool | None, on_progress: OnProgress) -> Listeners:
    """All who hear of a training: what writes its log, the person's callbacks, and what shows the progress.

    Raises:
        InputError: a callback is none, or cannot be found; the line says why.
    """
    if isinstance(callbacks, (str, Callback)) or not isinstance(callbacks, Sequence):
        raise InputError(
            translated("callbacks = {callbacks!r} is not allowed: must be a list of callbacks", callbacks=callbacks)
        )
    chosen = [find(each) if isinstance(each, str) else require_callback(each, _name_of(each)) for each in callbacks]
    shown = [Named("progress", progress_in_python(progress))]
    if on_progress is not ignore:
        shown.append(Named(_name_of(on_progress), Calling(on_progress)))
    return Listeners([MetricsLog(), TensorBoard()], [*chosen, *shown])


def names_of(callbacks: Sequence[CallbackLike]) -> list[str]:
    """Those that can be made again by their names, which a run's configuration keeps."""
    return [str(each) for each in callbacks if isinstance(each, str)]


def register(name: str, kind: type[Callback]) -> None:
    """Let a class be found by a name. Registering the same class again, as a notebook does, replaces it.

    Raises:
        InputError: the name is that of another callback, or one that cannot be told from a module's.
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


def find(name: str) -> Named:
    """The callback of a name: registered, one of our trackers, of a module, or of an installed package.

    Raises:
        InputError: there is none, or it cannot be made; or the name stands in a file and nobody trusts its module.
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
            )  # whatever it is, a file may not have it called
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


def require_callback(found: object, name: str) -> Named:
    """`found` as a callback. Raises `InputError` that says what it lacks to be one."""
    if isinstance(found, type):
        raise InputError(
            translated("callback {name} is a class: give an object of it, {kind}()", name=name, kind=found.__name__)
        )
    if not callable(found):
        raise InputError(
            translated(
                "{name} is no callback: it must be an object of a class made from zerone.Callback, or a function "
                "of (event, training)",
                name=name,
            )
        )
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        raise InputError(
            translated(
                "{name} is no callback: it must do its work when it is called, without async or yield", name=name
            )
        )
    _require_signature(found, name, "call")
    if isinstance(found, Callback):
        for function in Callback.functions():
            _require_signature(getattr(found, function), name, function)
        _require_signature(found.measure, name, "measure", ("row", "training"))
        if not isinstance(found.metrics, Mapping) or not all(isinstance(each, str) for each in found.metrics):
            raise InputError(
                translated(
                    "{name} is no callback: its metrics must be a mapping from names to what they mean", name=name
                )
            )
    return Named(name, found)


def _require_signature(
    function: Callable[..., object], name: str, what: str, takes: tuple[str, ...] = ("event", "training")
) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, it does not say
        return
    try:
        signature.bind(*takes)
    except TypeError:
        own = translated("it") if what == "call" else translated("its {what}", what=what)
        raise InputError(
            translated("{name} is no callback: {own} must take ({listed})", name=name, own=own, listed=", ".join(takes))
        ) from None


def _made(found: object, name: str) -> Named:
    """A callback that was named: of a class, an object of it with its defaults."""
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
        raise InputError(translated("{name} is no callback: it must be a class made from zerone.Callback", name=name))
    return require_callback(found, name)


def _name_of(found: object) -> str:
    """What a callback that was given as an object is called."""
    kind = found if isinstance(found, type) or inspect.isroutine(found) else type(found)
    qualified: str = getattr(kind, "__qualname__", repr(kind))
    return f"{getattr(kind, '__module__', '')}:{qualified}"
