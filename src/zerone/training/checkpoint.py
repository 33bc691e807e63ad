"""Checkpoints: named arrays in one safetensors file, verified by a checksum.

The file is standard safetensors that any reader opens. Zerone writes the layout itself for three reasons: equal
contents give equal bytes, arrays are written without a copy (a replay memory is gigabytes), and one SHA-256
covers every byte. The metadata comes first and holds exactly three strings:

    zerone   the format, a number; newer formats are refused
    sha256   the digest of the whole file, computed with its own 64 characters set to "0"
    about    a JSON object: algorithm, environment, step, ...

`zerone` and `sha256` stay at the same place in all future formats. Nothing here unpickles or evaluates, and the
sizes in the header are used only after the checksum was verified.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from zerone.base.errors import InputError, RunError
from zerone.base.files import opened, replacing, require_shallow, size_of
from zerone.base.language import translatable, translated
from zerone.base.memory import machine_memory
from zerone.training.upgrade import upgraded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT_VERSION = 4

_CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
}
_START = re.compile(rb'\{"__metadata__":\{"zerone":"([0-9]{1,9})","sha256":"')
_BLANK = b"0" * 64
_CHUNK = 1 << 20


def save(path: str | Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Write `arrays` and the JSON object `about` to `path` atomically; equal contents give equal bytes.

    Raises:
        RunError: the file cannot be written (an old file is unchanged), or an array's dtype does not exist in
            safetensors.
    """
    path = Path(path)
    # Widest dtype first, so that every array begins at a multiple of its item size.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    table: dict[str, Any] = {}
    end = 0
    for name in names:
        code = _CODES.get(arrays[name].dtype.name)
        if code is None or name == "__metadata__":
            raise RunError(
                translated(
                    "{path}: a checkpoint cannot hold the array {name!r} of {dtype}",
                    path=path,
                    name=name,
                    dtype=arrays[name].dtype,
                )
            )
        begin, end = end, end + arrays[name].nbytes
        table[name] = {"dtype": code, "shape": list(arrays[name].shape), "data_offsets": [begin, end]}
    metadata = {
        "zerone": str(FORMAT_VERSION),
        "sha256": _BLANK.decode(),
        "about": json.dumps(about, sort_keys=True, separators=(",", ":")),
    }
    header = json.dumps({"__metadata__": metadata, **table}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    digest = hashlib.sha256()
    with replacing(path) as file:
        for piece in _pieces(header, arrays, names):
            digest.update(piece)
            file.write(piece)
        file.seek(8 + header.index(_BLANK))
        file.write(digest.hexdigest().encode())


def _pieces(header: bytes, arrays: Mapping[str, np.ndarray], names: list[str]) -> Iterator[bytes | memoryview]:
    yield len(header).to_bytes(8, "little") + header
    for name in names:
        array = arrays[name]
        plain = np.asarray(array, array.dtype.newbyteorder("<"), order="C")  # copies only arrays with another layout
        yield plain.reshape(-1).view(np.uint8).data


def load(path: str | Path, prefix: str = "") -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays whose names start with `prefix`, and `about`; the checksum of the whole file is verified first.

    Raises:
        InputError: the file is missing, is no checkpoint, is damaged, or was written by a newer Zerone.
    """
    safe_open: Any = importlib.import_module("safetensors").safe_open
    path = Path(path)
    version = _verify(path)
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["about"])
            arrays = {name: file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118
    except Exception as error:  # a forged file with a valid checksum: refuse it in one line
        raise InputError(
            translated("{path}: not a checkpoint that can be read: {error}", path=path, error=_line(error))
        ) from error
    require_shallow(about, str(path))
    if not isinstance(about, dict):
        raise InputError(translated("{path}: not a checkpoint that can be read: 'about' is no JSON object", path=path))
    return upgraded(arrays, version, about.get("algorithm")), cast("dict[str, Any]", about)


def _verify(path: Path) -> int:
    """Verify the checksum of `path`, reading it in small pieces; returns the format. Raises `InputError` if invalid."""
    with opened(path) as file:
        first = file.read(_CHUNK)
        start = _START.match(first, 8)
        if start is None:
            raise InputError(
                translated("{path}: not a checkpoint of Zerone, or damaged", path=path)
                if first
                else translated("{path}: empty", path=path)
            )
        memory = machine_memory()
        if memory is not None and size_of(file) > memory:
            raise InputError(
                translated(
                    "{path}: {size:,.0f} GB, but there is {memory:,.1f} GB of memory",
                    path=path,
                    size=size_of(file) / 1000000000.0,
                    memory=memory / 1000000000.0,
                )
            )
        place = slice(start.end(), start.end() + len(_BLANK))
        digest = hashlib.sha256(first[: place.start] + _BLANK + first[place.stop :])
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest().encode() != first[place]:
        raise InputError(
            translated("{path}: damaged: cut short or altered, its bytes do not match its checksum", path=path)
        )
    version = int(start[1])
    if version > FORMAT_VERSION:
        raise InputError(
            translated(
                "{path}: written by a newer Zerone (format {version}; this one reads up to {format_version})",
                path=path,
                version=version,
                format_version=FORMAT_VERSION,
            )
        )
    return version


def expect(about: Mapping[str, Any], path: str | Path, **wanted: object) -> None:
    """Check that a checkpoint's `about` has the expected values, e.g. `expect(about, path, algorithm="ppo")`.

    Raises:
        InputError: a value differs; the message names both.
    """
    for name, value in wanted.items():
        found = about.get(name)
        if found == value:
            continue
        if name in ("algorithm", "environment"):
            other = (
                translatable("{path}: checkpoint of {algorithm} on {environment}, not of {value}")
                if name == "algorithm"
                else translatable("{path}: checkpoint of {algorithm} on {environment}, not on {value}")
            )
            made = {each: about.get(each) for each in ("algorithm", "environment")}
            raise InputError(translated(other, path=path, value=value, **made))
        raise InputError(
            translated(
                "{path}: checkpoint with {name} = {found!r}, not {value!r}",
                path=path,
                name=name,
                found=found,
                value=value,
            )
        )


def flatten(tree: object, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a pytree by path, e.g. `policy/layers/0/weight`, each path prefixed with `prefix`.

    Arrays in host memory are not copied. Typed PRNG keys are converted to their key data. Leaves that are not
    arrays or numbers (an activation function) are left out: `restore` takes them from its example.

    Raises:
        ValueError: two leaves have the same path (a dictionary's key contains `/`).
    """
    jax = _jax()
    arrays: dict[str, np.ndarray] = {}
    for name, leaf in _named(tree, prefix)[0]:
        if name in arrays:
            raise ValueError(f"two leaves of the tree are both named {name!r}")
        if _holds_numbers(leaf):
            arrays[name] = np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
    return arrays


def restore(example: object, arrays: dict[str, np.ndarray], *, path: str | Path, what: str, prefix: str = "") -> Any:
    """A tree structured like `example` (arrays, or their shapes from `jax.eval_shape`) with the values of `arrays`.

    Used arrays are removed from `arrays` one by one, so that a large memory is never held twice. Arrays whose names
    do not start with `prefix` are ignored. `what` names the tree in errors, e.g. `dqn on CartPole-v1`. NumPy arrays and
    Python numbers in `example` stay NumPy arrays and numbers; all other leaves become JAX arrays, weakly typed where
    those of `example` are (otherwise a resumed run would compile again).

    Raises:
        InputError: a name is missing or left over, or a shape or dtype differs; `arrays` is unchanged.
    """
    jax = _jax()
    leaves, structure = _named(example, prefix)
    wanted = {name: _shape(leaf) for name, leaf in leaves if _holds_numbers(leaf)}
    found = {name: f"{arrays[name].shape} {arrays[name].dtype}" for name in arrays if name.startswith(prefix)}
    for name in [*wanted, *sorted(found.keys() - wanted.keys())]:
        here, there = wanted.get(name, "not there at all"), found.get(name, "not there at all")
        if here != there:
            raise InputError(
                translated(
                    "{path}: does not fit {what}: array {name!r} is {there} in the checkpoint, {here} here; it "
                    "belongs to another algorithm, network or environment",
                    path=path,
                    what=translated(what),
                    name=name,
                    there=there,
                    here=here,
                )
            )
    return jax.tree_util.tree_unflatten(
        structure, [_as_like(leaf, arrays.pop(name)) if name in wanted else leaf for name, leaf in leaves]
    )


def _jax() -> Any:
    """JAX, imported only when a tree is handled: drawing a run's metrics works without it."""
    return importlib.import_module("jax")


def _named(tree: object, prefix: str) -> tuple[list[tuple[str, Any]], Any]:
    jax = _jax()
    leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
    return [(prefix + jax.tree_util.keystr(path, simple=True, separator="/"), leaf) for path, leaf in leaves], structure


def _holds_numbers(leaf: object) -> bool:
    jax = _jax()
    return isinstance(leaf, (jax.Array, jax.ShapeDtypeStruct, np.ndarray, np.generic, bool, int, float, complex))


def _is_key(leaf: object) -> bool:
    jax = _jax()
    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _shape(leaf: Any) -> str:
    jax = _jax()
    if _is_key(leaf):
        leaf = jax.eval_shape(jax.random.key_data, leaf)
    elif not hasattr(leaf, "dtype"):
        leaf = np.asarray(leaf)
    return f"{leaf.shape} {leaf.dtype}"


def _as_like(leaf: object, array: np.ndarray) -> Any:
    jax = _jax()
    if isinstance(leaf, (bool, int, float)):
        return array.item()
    if isinstance(leaf, (np.ndarray, np.generic)):
        return array
    if _is_key(leaf):
        kinds: list[Any] = []  # a key's shape does not show its PRNG type, but a tracer of that shape does

        def look(key: object) -> None:
            kinds.append(jax.random.key_impl(key))

        jax.eval_shape(look, leaf)
        return jax.random.wrap_key_data(jax.numpy.asarray(array), impl=kinds[0])
    if array.ndim == 0 and getattr(leaf, "weak_type", False):
        return jax.numpy.asarray(array.item())
    return jax.numpy.asarray(array)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
