"""What acts, as JAX has traced it: StableHLO in the envelope of `jax.export`. Any algorithm can leave so.

    exported = jax.export.deserialize(Path("policy.stablehlo").read_bytes())
    actions = exported.call(observations)           # any number at once; of parts a dictionary by their names
    about = json.loads(exported.fun_name)

Numbers of 64 bits are numbers of 32 there, as in JAX.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from zerone.algorithms.protocol import Algorithm
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import BoxLeaf, Leaf
from zerone.export.numpy_file import Inputs
from zerone.export.observations import columns, input_names
from zerone.parts.spaces import Spaces, from_environment, to_environment

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def to_bytes(algorithm: Algorithm, policy: Any, spaces: Spaces, about: Mapping[str, Any]) -> bytes:
    """The program of `algorithm.act`, from what the environment returns to what it takes."""
    encoding = spaces.encoding

    def act(given: Any) -> jax.Array:
        """Of one observation: so somebody's `act` never sees that the number of them is not known."""
        parts = given if encoding.composite else {"observation": given}
        seen = from_environment(spaces.observation, joined(encoding, parts)[None])
        drawn, _ = algorithm.act(jax.tree.map(jnp.asarray, policy), seen)
        return to_environment(spaces.action, drawn)[0]

    (batch,) = jax_export.symbolic_shape("batch")
    shapes = {
        name: jax.ShapeDtypeStruct((batch, *leaf.space.shape), narrow(leaf.space.dtype))
        for name, leaf in zip(input_names(encoding), encoding.leaves, strict=True)
    }
    given = shapes if encoding.composite else shapes["observation"]
    with _without_places():
        exported = jax_export.export(jax.jit(jax.vmap(act)), platforms=PLATFORMS)(given)
    data: bytearray = dataclasses.replace(exported, fun_name=json.dumps(about, ensure_ascii=False)).serialize()
    return bytes(data)


@contextlib.contextmanager
def _without_places() -> Iterator[None]:
    """Where a program does not say in which files of this machine its lines stand."""
    config: Any = jax.config  # its attributes are made when JAX is imported, so no type knows them
    name = "jax_traceback_in_locations_limit"
    before = getattr(config, name)
    config.update(name, 0)
    try:
        yield
    finally:
        config.update(name, before)


def player(data: bytes) -> Callable[[Inputs], np.ndarray]:
    """What JAX makes of a batch of observations."""
    exported = jax_export.deserialize(bytearray(data))
    call = jax.jit(exported.call)
    (arguments, _) = jax.tree.unflatten(exported.in_tree, exported.in_avals)
    composite = isinstance(arguments[0], dict)

    def play(inputs: Inputs) -> np.ndarray:
        narrowed = {name: array.astype(narrow(array.dtype)) for name, array in inputs.items()}
        return np.asarray(call(narrowed if composite else narrowed["observation"]))

    return play


def narrow(kind: Any) -> Any:
    """A type of at most 32 bits."""
    return jax.dtypes.canonicalize_dtype(kind)


def joined(encoding: Encoding, parts: Mapping[str, jax.Array]) -> jax.Array:
    """One observation as algorithms are given it: `Encoding.join`, in JAX."""
    found = [(leaf, parts[name]) for name, leaf in zip(input_names(encoding), encoding.leaves, strict=True)]
    if not encoding.in_a_row:
        leaf, alone = found[0]
        if isinstance(leaf, BoxLeaf) or leaf.encoded_space() is leaf.space:
            return alone.astype(narrow(encoding.space.dtype))
        return _counted(leaf, alone).reshape(encoding.space.shape or ())
    if encoding.all_counted:
        return jnp.concatenate([_counted(leaf, part) for leaf, part in found]).astype(jnp.int32)
    return jnp.concatenate([_row(leaf, part) for leaf, part in found]).astype(encoding.space.dtype)


def _counted(leaf: Leaf, part: jax.Array) -> jax.Array:
    start = np.zeros(1) if isinstance(leaf, BoxLeaf) else leaf.start.reshape(-1)
    return part.reshape(-1) - start.astype(narrow(part.dtype))


def _row(leaf: Leaf, part: jax.Array) -> jax.Array:
    if isinstance(leaf, BoxLeaf):
        row = part.astype(jnp.float32).reshape(math.prod(part.shape))
        return row if leaf.scale == 1 else row / np.float32(leaf.scale)
    number, value = columns(leaf.values, (leaf.is_bits,) * len(leaf.values), np.zeros(len(leaf.values)))
    return (_counted(leaf, part)[number] == value).astype(jnp.float32)
