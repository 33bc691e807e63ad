"""A policy as StableHLO, traced by JAX and serialised by `jax.export`. This works for every algorithm.

    exported = jax.export.deserialize(Path("policy.stablehlo").read_bytes())
    actions = exported.call(observations)           # a batch; parts of observations are a dictionary by name
    about = json.loads(exported.fun_name)

A recurrent policy takes its memory as a second argument, and returns (actions, next memory): see `about["memory"]`. A
policy with action masks takes the masks (bool [N, actions]) as the last argument. 64-bit types become 32-bit ones, as
usual in JAX.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from zerone.algorithms.protocol import Algorithm, act_masked, initial_memory
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import BoxLeaf, Leaf
from zerone.environments.spaces import Spaces, count, from_environment, to_environment
from zerone.export.numpy_file import Inputs, Player
from zerone.export.observations import columns, input_names, mask_name
from zerone.export.program import AFTER, Memory

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def to_bytes(algorithm: Algorithm, policy: Any, spaces: Spaces, about: Mapping[str, Any]) -> bytes:
    """The contents of the file: `algorithm.act` from the environment's observation to its action."""
    encoding, memory = spaces.encoding, remembered(algorithm, policy)
    tree = jax.tree.structure(initial_memory(algorithm, policy, 1))

    def act(given: Any, *further: Any) -> Any:
        """Act on one observation, so that a user's `act` need not handle a symbolic batch size."""
        parts = given if encoding.composite else {"observation": given}
        seen = from_environment(spaces.observation, joined(encoding, parts)[None])
        held = jax.tree.unflatten(tree, [further[0][each.name][None] for each in memory])
        mask = further[-1][None] if spaces.masked else ()
        drawn, held, _ = act_masked(algorithm, jax.tree.map(jnp.asarray, policy), held, seen, None, mask)
        after = zip(memory, jax.tree.leaves(held), strict=True)
        action = to_environment(spaces.action, drawn)[0]
        return (action, {AFTER + each.name: leaf[0] for each, leaf in after}) if memory else action

    (batch,) = jax_export.symbolic_shape("batch")
    shapes = {
        name: jax.ShapeDtypeStruct((batch, *leaf.shape), narrow(leaf.space.dtype))
        for name, leaf in zip(input_names(encoding), encoding.leaves, strict=True)
    }
    given: list[Any] = [shapes if encoding.composite else shapes["observation"]]
    if memory:
        given.append({each.name: jax.ShapeDtypeStruct((batch, *each.shape), np.dtype(each.type)) for each in memory})
    if spaces.masked:
        given.append(jax.ShapeDtypeStruct((batch, count(spaces.action, "action")), np.dtype(bool)))
    with _without_source_paths():
        exported = jax_export.export(jax.jit(jax.vmap(act)), platforms=PLATFORMS)(*given)
    known: dict[str, Any] = {"memory": [dataclasses.asdict(each) for each in memory]}
    known |= {"mask": mask_name(encoding)} if spaces.masked else {}
    text = json.dumps({**about, **known}, ensure_ascii=False)
    data: bytearray = dataclasses.replace(exported, fun_name=text).serialize()
    return bytes(data)


def remembered(algorithm: Algorithm, policy: Any) -> list[Memory]:
    """The memories of a policy, with their values at the beginning of an episode."""
    found: list[Memory] = []
    for place, leaf in enumerate(jax.tree.leaves(initial_memory(algorithm, policy, 1))):
        begun = np.asarray(leaf[0])
        begins = begun.tolist() if begun.any() else 0
        name = f"memory_{place}"
        found.append(Memory(name, AFTER + name, begun.shape, begun.dtype.name, begins))
    return found


@contextlib.contextmanager
def _without_source_paths() -> Iterator[None]:
    """Leave the paths of source files out of programs traced inside the block."""
    config: Any = jax.config  # JAX creates its attributes at run time, so they have no types
    name = "jax_traceback_in_locations_limit"
    before = getattr(config, name)
    config.update(name, 0)
    try:
        yield
    finally:
        config.update(name, before)


def player(data: bytes) -> Player:
    """A function that runs the file's policy on a batch of observations with JAX."""
    exported = jax_export.deserialize(bytearray(data))
    about = json.loads(exported.fun_name)
    call, memory, mask = jax.jit(exported.call), [each["name"] for each in about["memory"]], about.get("mask")
    (arguments, _) = jax.tree.unflatten(exported.in_tree, exported.in_avals)
    composite = isinstance(arguments[0], dict)

    def play(inputs: Inputs) -> tuple[np.ndarray, Inputs]:
        narrowed = {name: array.astype(narrow(array.dtype)) for name, array in inputs.items()}
        before = {name: narrowed.pop(name) for name in memory}
        further: list[Any] = [before] if before else []
        further += [] if mask is None else [narrowed.pop(mask)]
        found = call(narrowed if composite else narrowed["observation"], *further)
        action, after = found if before else (found, {})
        return np.asarray(action), {name.removeprefix(AFTER): np.asarray(each) for name, each in after.items()}

    return play


def narrow(kind: Any) -> Any:
    """The dtype that JAX uses for a dtype: of at most 32 bits."""
    return jax.dtypes.canonicalize_dtype(kind)


def joined(encoding: Encoding, parts: Mapping[str, jax.Array]) -> jax.Array:
    """Encode one observation for algorithms: `Encoding.join` in JAX."""
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
