"""Frozen dataclasses that are JAX pytrees: numbers are leaves; values that decide shapes and branches are static.

The module has two decorators and two field makers. `@struct` makes a state: every field is a leaf or a subtree, unless
it is made by `static`. `@configured` makes something a user configures (an algorithm, an environment, a part of one)
with fields made by `setting`: those annotated `int`, `str`, `bool` or `tuple` are static, because they decide shapes
and branches. Every other field is a leaf, so that a batch of learning rates trains in one compiled program, and a new
value does not compile it again. A number for which 0 means "off" (`zero_is_off`) is a leaf only if it is not 0.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np

from zerone.base.errors import MOST_LISTED, InputError
from zerone.base.language import translatable, translated
from zerone.base.meanings import setting_meant
from zerone.base.scalars import python_numbers
from zerone.base.values import LARGEST_COUNT

T = TypeVar("T")

SMALLEST_NUMBER, LARGEST_NUMBER = 2.0**-126, (2 - 2.0**-23) * 2.0**127
"""The range for the absolute value of a number that is not 0: outside, float32 rounds to 0 or infinity."""


@dataclasses.dataclass(frozen=True)
class Allowed:
    """The values that a hyperparameter may take.

    `above` and `below` exclude their bound; `at_least` and `at_most` include it. With `named`, a text `module:Name` is
    allowed besides the choices. With `any_text`, every text is. `needs` names a switch, or `option=value`, without
    which the setting has no effect: it must then keep its default. Alternatives are joined by ` or `.
    """

    text: str = ""
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] = ()
    needs: str = ""
    named: bool = False
    any_text: bool = False

    def describe(self) -> str:
        """The range in words, e.g. `above 0 and at most 1`."""
        if self.choices:
            choices = ", ".join(self.choices)
            named = translated("one of {choices} or module:Name", choices=choices)
            return named if self.named else translated("one of {choices}", choices=choices)
        if self.any_text:
            return translated("a text")
        bounds = [
            (translatable("above {bound}"), self.above),
            (translatable("at least {bound}"), self.at_least),
            (translatable("below {bound}"), self.below),
            (translatable("at most {bound}"), self.at_most),
        ]
        words = [translated(words, bound=_bound_text(bound)) for words, bound in bounds if bound is not None]
        return translated(" and ").join(words) or translated("a finite number")

    def size(self, value: Any) -> str:
        """The end of an error about a number that is too small or too large for float32; otherwise empty."""
        if not isinstance(value, float) or not math.isfinite(value) or _fits_in_float32(value):
            return ""
        return translated(", of a size that 32 bits hold")

    def takes_effect(self, settings: Mapping[str, Any]) -> bool:
        """Whether the setting has an effect beside these other settings (see `needs`)."""
        for each in self.needs.split(" or "):
            option, _, wanted = each.partition("=")
            found = settings.get(option)
            if not each or (found == wanted if wanted else bool(found)):
                return True
        return False

    def holds(self, value: Any) -> bool:
        """Whether `value` is allowed. Arrays and tracers (a batch of settings) are not checked."""
        if self.choices:
            return value in self.choices or (self.named and isinstance(value, str) and ":" in value)
        if self.any_text:
            return isinstance(value, str)
        if isinstance(value, tuple):
            return len(value) > 0 and all(not isinstance(each, bool) and self.holds(each) for each in value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return not isinstance(value, (str, bytes, list, dict, set))
        return (
            _fits_in_float32(value)
            and (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )


def _fits_in_float32(value: float) -> bool:
    return value == 0 or SMALLEST_NUMBER <= abs(value) <= LARGEST_NUMBER


def setting(
    default: Any,
    text: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] = (),
    needs: str = "",
    zero_is_off: bool = False,
    named: bool = False,
) -> Any:
    """A field of a `@configured` class with its default, its meaning (`text`) and its allowed values (`Allowed`).

    With `zero_is_off`, a 0 is not a leaf: `is_on` is then known at compile time, and a feature that is off costs
    nothing.
    """
    any_text = isinstance(default, str) and not choices
    allowed = Allowed(text, above, at_least, below, at_most, choices, needs, named, any_text)
    return dataclasses.field(default=default, metadata={"allowed": allowed, "zero_is_off": zero_is_off})


def is_on(value: Any) -> bool:
    """Whether a `zero_is_off` number is not 0. A tracer, whose value is unknown, counts as on."""
    return not (isinstance(value, (int, float)) and value == 0)


def _bound_text(bound: float) -> str:
    """A bound as text: 2,000,000,000 rather than 2e+09."""
    return f"{bound:,.0f}" if float(bound).is_integer() and abs(bound) >= 10_000 else f"{bound:g}"


def static(default: Any = dataclasses.MISSING) -> Any:
    """A field of a `@struct` that is not a leaf but a constant of the compiled program, so it must be hashable."""
    return dataclasses.field(default=default, metadata={"static": True})


def _take_python_values(instance: Any, field: dataclasses.Field[Any]) -> None:
    """Let a field have Python's number in place of NumPy's scalar, and a tuple in place of a list."""
    value = getattr(instance, field.name)
    if isinstance(value, list) and isinstance(field.default, tuple):
        value = tuple(value)
    if isinstance(value, (np.generic, tuple)):  # of JAX's arrays, which may be many settings at once, none is touched
        object.__setattr__(instance, field.name, python_numbers(value))


def _refused(who: str, name: str, value: Any, must: str) -> InputError:
    return InputError(translated("{who}: {name} = {value!r} is not allowed: must be {must}", who=who, name=name,
                                 value=value, must=must))  # fmt: skip


def check(instance: Any, name: str) -> None:
    """Raise `InputError` for the first field of a configured `instance` whose value is not allowed."""
    for field in dataclasses.fields(instance):
        allowed: Allowed | None = field.metadata.get("allowed")
        if allowed is None:
            continue
        value, kind = getattr(instance, field.name), type(field.default)
        if kind is not float and type(value) is not kind and not allowed.choices:
            raise _refused(name, field.name, value, translated("of type {kind}", kind=kind.__name__))
        default: Any = field.default
        if kind is tuple and default and any(type(each) is not type(default[0]) for each in value):
            wanted = f"tuple[{type(default[0]).__name__}, ...]"
            raise _refused(name, field.name, value, translated("of type {kind}", kind=wanted))
        if kind is float and isinstance(value, tuple):
            continue  # JAX rebuilds trees with arbitrary objects as leaves
        if kind is float and isinstance(value, bool):
            raise _refused(name, field.name, value, translated("of type {kind}", kind="float"))
        if not allowed.holds(value):
            raise _refused(name, field.name, value, allowed.describe() + allowed.size(value))
        if kind is int and value > LARGEST_COUNT:
            raise _refused(
                name,
                field.name,
                value,
                translated("{allowed} and at most {most:,}", allowed=allowed.describe(), most=LARGEST_COUNT),
            )
        if isinstance(value, kind) and value != field.default and not allowed.takes_effect(vars(instance)):
            only = translated("{default!r} without {needs}, or it would be ignored", default=field.default,
                              needs=allowed.needs)  # fmt: skip
            raise _refused(name, field.name, value, only)


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, static))
def struct(cls: type[T]) -> type[T]:
    """A frozen dataclass that is a pytree: every field a subtree, except those made by `static()`."""
    return _register(cls, lambda field: not field.metadata.get("static", False))


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def configured(cls: type[T]) -> type[T]:
    """Make a class a frozen, validated dataclass and a pytree; the module's docstring says which fields are leaves.

    A subclass of a configured class may add fields and change defaults: a plain value for an inherited field keeps that
    field's meaning and allowed values. Its own fields come before the inherited ones. Its `__post_init__`, if it has
    one, runs after the fields were validated.
    """
    inherited = {field.name: field for base in reversed(cls.__mro__[1:]) for field in _fields_of(base)}
    named = list(inspect.get_annotations(cls))
    for name in named:
        if name in inherited and name in cls.__dict__ and not isinstance(cls.__dict__[name], dataclasses.Field):
            default = dataclasses.field(default=cls.__dict__[name], metadata=inherited[name].metadata)
            setattr(cls, name, default)
    frozen_words = ("int", "str", "bool", "tuple")

    def is_leaf(field: dataclasses.Field[Any]) -> bool:
        annotation = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
        return not annotation.startswith(frozen_words)

    own = cls.__dict__.get("__post_init__")

    def validate(self: Any) -> None:
        for field in dataclasses.fields(self):
            _take_python_values(self, field)
        check(self, type(self).__name__)
        if own is not None:
            own(self)

    if own is not None or not hasattr(cls, "__post_init__"):
        cls.__post_init__ = validate  # type: ignore[attr-defined]
    return _with_field_suggestions(_own_first(_register(cls, is_leaf), named))


def _fields_of(cls: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()


def _own_first(cls: type[T], own: list[str]) -> type[T]:
    """Put a class's own fields before the inherited ones, so that help lists an algorithm's own settings first."""
    fields: dict[str, Any] = cls.__dataclass_fields__  # type: ignore[attr-defined]
    first = {name: fields[name] for name in own if name in fields}
    cls.__dataclass_fields__ = first | {name: each for name, each in fields.items() if name not in first}  # type: ignore[attr-defined]
    return cls


def _with_field_suggestions(cls: type[T]) -> type[T]:
    """Make the constructor raise `InputError` for an unknown field, with a suggestion of the one that was meant."""
    init = cls.__init__
    names = [field.name for field in dataclasses.fields(cls) if field.init]  # type: ignore[arg-type]

    @functools.wraps(init)
    def answering(self: Any, *values: Any, **words: Any) -> None:
        for word in words:
            if word not in names:
                few = len(names) <= MOST_LISTED
                listed = f"it has {', '.join(names)}" if few else f"help({cls.__name__}) lists what it has"
                meant = setting_meant(word, names) or listed
                raise InputError(
                    translated("{name} has no setting {word!r}: {meant}", name=cls.__name__, word=word, meant=meant)
                )
        init(self, *values, **words)

    cls.__init__ = answering  # type: ignore[method-assign]
    return cls


def _register(cls: type[T], is_leaf: Callable[[dataclasses.Field[Any]], bool]) -> type[T]:
    """Make a class a frozen dataclass and a pytree.

    `jax.tree_util.register_dataclass` is not used: in JAX 0.10 the tree structures of two such classes compare equal if
    their static fields are equal, so if their hashes collide, one algorithm's compiled program is used for the other.
    """
    made = dataclasses.dataclass(frozen=True)(cls)
    fields = dataclasses.fields(made)  # type: ignore[arg-type]
    data = [field.name for field in fields if is_leaf(field)]
    meta = [field.name for field in fields if not is_leaf(field)]
    switches = [field.name for field in fields if field.metadata.get("zero_is_off", False)]
    keys = [jax.tree_util.GetAttrKey(name) for name in data]

    def flatten(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        values = tree.__dict__
        off = {name: None for name in switches if not is_on(values[name])}  # for JAX, None has no leaves
        if off:
            values = {**values, **off}
        return tuple([values[name] for name in data]), tuple([values[name] for name in meta])

    def flatten_with_keys(tree: Any) -> tuple[Any, tuple[Any, ...]]:
        leaves, static = flatten(tree)
        return tuple(zip(keys, leaves, strict=True)), static

    def unflatten(static: tuple[Any, ...], leaves: Iterable[Any]) -> T:
        tree: T = object.__new__(made)  # without validation: JAX may use any object as a leaf
        tree.__dict__.update(zip(data, leaves, strict=True))
        tree.__dict__.update(zip(meta, static, strict=True))
        for name in switches:
            if tree.__dict__[name] is None:
                tree.__dict__[name] = 0.0
        return tree

    jax.tree_util.register_pytree_with_keys(made, flatten_with_keys, unflatten, flatten)
    return made
