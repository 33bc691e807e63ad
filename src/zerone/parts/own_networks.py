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

from zerone.base.errors import InputError, said
from zerone.base.language import translatable, translated
from zerone.base.modules import import_named, imported_object
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
    name = f"{getattr(network, '__module__', '')}:{getattr(network, '__qualname__', repr(network))}"
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
                "{name} is no network: it must be a class of Equinox's or Flax's modules, or a function", name=name
            )
        )
    try:
        inspect.signature(found).bind(**takes)
    except TypeError:
        raise InputError(
            translated("{name} is no network: it must take {listed}", name=name, listed=", ".join(takes))
        ) from None


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
                inner = made(key=key, shape=shape, outputs=outputs)
            parameters, rest = eqx.partition(inner, eqx.is_inexact_array)
            network = OwnNetwork(features, shape, outputs, parameters, rest, flax)
            given_back = jax.eval_shape(network.rows, jax.ShapeDtypeStruct((2, *shape), jnp.float32))
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
        return network

    def rows(self, x: Array) -> Array:
        """Outputs for rows of observations [B, *shape]."""
        inner = eqx.combine(self.parameters, self.rest)
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
