"""Networks from outside: a class of Equinox's or Flax's modules, or a function that makes one, named `module:Name`.

    network = Name(key=key, shape=shape, outputs=outputs)     Equinox, or a function: a module for one observation
    network = Name(outputs=outputs)                           Flax: a module for a batch of them

`shape` is that of an observation's features: one row of numbers, or height, width and channels. The network returns
`outputs` numbers.

Nothing is imported here: a name stands for an object given in Python, or for one in a module that is imported already.
So a name in a file runs no code without the user's consent.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.errors import InputError, said
from zerone.base.language import translatable, translated
from zerone.base.modules import import_named, imported_object
from zerone.base.values import short
from zerone.environments.gym.views import Space
from zerone.parts.layers import Features, Memoryless

Array = jax.Array

_given: dict[str, Any] = {}


def given(network: Any) -> str:
    """The name of a network; a class or function given in Python is registered under its name.

    Raises:
        InputError: it is none, or its module cannot be imported.
    """
    if isinstance(network, str):
        if ":" in network and network not in _given:
            import_named(network, "network")
            require_network(imported_object(network, translatable("network")), network)
        return network
    place = getattr(network, "__qualname__", None)
    name = short(network) if place is None else f"{network.__module__}:{place}"
    require_network(network, name)
    _given[name] = network
    return name


def find(name: str) -> Any:
    """The class or function with this name.

    Raises:
        InputError: there is none, or its module is not imported.
    """
    if name in _given:
        return _given[name]
    module = name.partition(":")[0]
    if module not in sys.modules:
        raise InputError(
            translated(
                "network {name!r} would import the module {module!r}: if you trust it, {advice}",
                name=name,
                module=module,
                advice=said(translated("pass --trust"), translated("import {module} first", module=module)),
            )
        )
    found = imported_object(name, "network")
    require_network(found, name)
    return found


def _is_flax(found: Any) -> bool:
    linen: Any = sys.modules.get("flax.linen")  # absent if nobody has imported it
    return linen is not None and isinstance(found, type) and issubclass(found, linen.Module)


def require_network(found: Any, name: str) -> None:
    """Raise `InputError` unless `found` makes networks; the message says which arguments it must take."""
    takes = {"outputs": 1} if _is_flax(found) else {"key": 1, "shape": 1, "outputs": 1}
    kind = inspect.isfunction(found) or _is_flax(found) or (isinstance(found, type) and issubclass(found, eqx.Module))
    if not kind:
        raise InputError(
            translated(
                "{name} is not a valid network: it must be a class of Equinox's or Flax's modules, or a function",
                name=name,
            )
        )
    try:
        inspect.signature(found).bind(**takes)
    except TypeError:
        raise InputError(
            translated("{name} is not a valid network: it must take {listed}", name=name, listed=", ".join(takes))
        ) from None


class Constant:
    """An array that is not learnt, such as one of whole numbers. Its contents are compared, as jit needs it."""

    def __init__(self, array: Any) -> None:
        self.array = array
        numbers = jax.random.key_data(array) if jnp.issubdtype(array.dtype, jax.dtypes.prng_key) else array
        contents = np.asarray(numbers)
        self._contents = str(array.dtype), contents.shape, contents.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._contents == other._contents

    def __hash__(self) -> int:
        return hash(self._contents)


def _taken_apart(inner: Any, name: str) -> tuple[Any, Any]:
    """The parameters of a network, and everything else, in which arrays are `Constant`.

    Raises:
        InputError: an array that is not learnt depends on the key, so each seed would need a program of its own.
    """
    parameters, rest = eqx.partition(inner, eqx.is_inexact_array)
    for each in jax.tree.leaves(rest):
        if isinstance(each, jax.core.Tracer):
            raise InputError(
                translated(
                    "network {name} has an array of {kind} that depends on the key: make it from a seed of its own",
                    name=name,
                    kind=each.dtype,
                )
            )
    return parameters, jax.tree.map(lambda each: Constant(each) if eqx.is_array(each) else each, rest)


class OwnNetwork(Memoryless):
    """A network from outside, applied to our features: `parameters` are its arrays, `rest` is everything else."""

    features: Features = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    parameters: Any
    rest: Any = eqx.field(static=True)
    batched: bool = eqx.field(static=True)

    @staticmethod
    def create(name: str, key: Array, space: Space, outputs: int, further: int = 0) -> OwnNetwork:
        """The network with this name; it also takes `further` numbers beside the features. Consumes `key`.

        Raises:
            InputError: it cannot be made for these observations, or gives something else than `outputs` numbers.
        """
        made, features = find(name), Features.of_space(space)
        if features.picture and further:
            raise InputError(
                translated(
                    "network {name} cannot be a critic of pictures and actions: it sees one row of numbers", name=name
                )
            )
        shape, flax = features.picture or (features.width + further,), _is_flax(made)
        try:
            if flax:
                module = made(outputs=outputs)
                inner: Any = Applied(module.apply, module.init(key, jnp.zeros((1, *shape))))
            else:
                with jax.ensure_compile_time_eval():  # what does not depend on the key is constant
                    inner = made(key=key, shape=shape, outputs=outputs)
            with jax.ensure_compile_time_eval():
                parameters, rest = _taken_apart(inner, name)
            network = OwnNetwork(features, shape, outputs, parameters, rest, flax)
            given_back = jax.eval_shape(network.rows, jax.ShapeDtypeStruct((2, *shape), jnp.float32))
        except InputError:
            raise
        except Exception as error:
            words = " ".join(str(error).split())[:200]
            raise InputError(
                translated(
                    "network {name} does not take observations of shape {shape}: {words}",
                    name=name,
                    shape=shape,
                    words=words,
                )
            ) from error
        if getattr(given_back, "shape", None) != (2, outputs):
            gives = getattr(given_back, "shape", (0, given_back))[1:]
            raise InputError(
                translated(
                    "network {name} gives {gives} for an observation, but must give {shape}",
                    name=name,
                    gives=gives,
                    shape=(outputs,),
                )
            )
        if not jax.tree.leaves(parameters):
            raise InputError(
                translated(
                    "network {name} has nothing to learn: it must have an array of floating-point numbers", name=name
                )
            )
        return network

    @property
    def inner(self) -> Any:
        """The network itself."""
        rest = jax.tree.map(lambda each: each.array if isinstance(each, Constant) else each, self.rest)
        return eqx.combine(self.parameters, rest)

    def rows(self, x: Array) -> Array:
        """Outputs for rows of observations [B, *shape]."""
        inner = self.inner
        outputs: Array = inner(x) if self.batched else jax.vmap(inner)(x)
        return outputs

    def __call__(self, observation: Array, further: Array | None = None) -> Array:
        x = self.features(observation)
        if further is not None:
            x = jnp.concatenate([x, further], -1)
        leading = x.shape[: x.ndim - len(self.shape)]
        return self.rows(x.reshape(-1, *self.shape)).reshape(*leading, self.outputs)


class Applied(eqx.Module):
    """A network of another library: its parameters are the leaves, its `apply(parameters, x)` is static."""

    apply: Callable[[Any, Array], Any] = eqx.field(static=True)
    parameters: Any

    def __call__(self, x: Array) -> Any:
        return self.apply(self.parameters, x)
