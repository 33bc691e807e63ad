"""A trained policy as a file: made, checked against the policy itself, and only then written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zerone.base.errors import InputError, RunError
from zerone.base.files import replacing
from zerone.base.language import translated
from zerone.base.place import as_seen
from zerone.engines.protocol import Engine
from zerone.environments.gym.exchange import raised, shown
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.views import describe
from zerone.environments.spaces import count
from zerone.export import numpy_file, onnx_file
from zerone.export.check import Array, compare, observed
from zerone.export.formats import SUFFIXES
from zerone.export.numpy_file import Inputs, Player
from zerone.export.policies import program_of
from zerone.export.program import Memory


@dataclasses.dataclass(frozen=True)
class _Made:
    """The bytes of a file, what plays them, what it remembers, and what its choices are by."""

    data: bytes
    play: Player
    memory: Sequence[Memory]
    scores: Callable[[Inputs], Array | None]


def require_place(path: Path) -> None:
    """Raise `InputError` unless a policy can be written to `path`, by its ending."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            translated(
                "{path} is not allowed: must be a file that ends in {listed}",
                path=as_seen(path),
                listed=", ".join(SUFFIXES),
            )
        )
    if path.is_dir():
        raise InputError(translated("{path} is not allowed: must be a file, not a folder", path=as_seen(path)))
    if not path.parent.is_dir():
        raise InputError(
            translated(
                "{path} is not allowed: must be in a folder that exists ({parent} does not)",
                path=as_seen(path),
                parent=as_seen(path.parent),
            )
        )
    if path.suffix.lower() == ".onnx":
        onnx_file.require_packages()


def write(
    path: Path, engine: Engine, policy: Any, about: Mapping[str, Any], environment: Guard | None
) -> dict[str, Any]:  # fmt: skip
    """Write a policy; what was written, and what came of the check.

    Args:
        path: Where; its ending says which kind.
        engine: That the policy plays in.
        policy: All that acting needs.
        about: What the file says of it besides its spaces.
        environment: Where it is played for the check, if there is one.

    Raises:
        InputError: it cannot leave in this form; nothing was written.
        RunError: the file would act otherwise than the policy does, or the disk failed; nothing was written.
    """
    require_place(path)
    spaces = engine.spaces
    full = {
        "zerone": version("zerone"),
        **about,
        "observation": describe(spaces.encoding.given),
        "takes": describe(spaces.action),
    }
    made = _made(path.suffix.lower(), engine, policy, full)
    encoding, memory = spaces.encoding, [engine.initial_memory(policy, 1)]

    def act(observation: Any, mask: Any) -> Any:
        allowed = () if mask is None else mask[None]
        actions, memory[0] = engine.act(policy, memory[0], encoding.batch(observation)[0], allowed)
        return actions[0]

    parts, played = observed(encoding, environment, act, count(spaces.action, "action") if spaces.masked else 0)
    found = compare(engine, policy, parts, played, _able(made.play, path), made.memory, made.scores)
    if found.first is not None:
        ours, theirs = found.first
        raise RunError(
            translated(
                "{path}: not written, since it would act otherwise than the policy for {count:,} of "
                "{observations:,} observations: at first {theirs} for {ours}",
                path=as_seen(path),
                count=len(found.wrong),
                observations=found.observations,
                theirs=shown(theirs),
                ours=shown(ours),
            )
        )
    with replacing(path) as file:
        file.write(made.data)
    return {
        "file": str(as_seen(path)),
        "bytes": len(made.data),
        **about,
        "observations": found.observations,
        "played": found.played,
        "largest_difference": found.largest_difference,
        "check": found.in_words,
    }


def _able(play: Player, path: Path) -> Player:
    """The same; that it cannot be run at all is said in a line."""

    def able(inputs: Inputs) -> tuple[Array, Inputs]:
        try:
            return play(inputs)
        except MemoryError:
            raise
        except Exception as error:  # each kind of file has errors of its own
            raise RunError(
                translated(
                    "{path}: not written, since it cannot be run: it {error}", path=as_seen(path), error=raised(error)
                )
            ) from error

    return able


def _made(suffix: str, engine: Engine, policy: Any, about: Mapping[str, Any]) -> _Made:
    if suffix == ".stablehlo":
        from zerone.export import stablehlo_file

        data = stablehlo_file.to_bytes(engine.algorithm, policy, engine.spaces, about)
        memory = stablehlo_file.remembered(engine.algorithm, policy)
        return _Made(data, stablehlo_file.player(data), memory, lambda _: None)
    program = program_of(engine.algorithm, policy, engine.spaces)
    form: Any = onnx_file if suffix == ".onnx" else numpy_file
    data = form.to_bytes(program, about)
    return _Made(data, form.player(data), program.memory, lambda inputs: numpy_file.scores(program, inputs))
