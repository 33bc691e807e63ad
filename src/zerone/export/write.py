"""Export a trained policy: make the file's contents, check them against the policy, and write them."""

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
from zerone.environments.gym.conversion import raised, shown
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
class _FileContents:
    """The contents of a file, a function that runs its policy, its memories, and a function for its scores."""

    data: bytes
    play: Player
    memory: Sequence[Memory]
    scores: Callable[[Inputs], Array | None]


def require_place(path: Path) -> None:
    """Raise `InputError` unless a policy can be written to `path`, in the format of its suffix."""
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
    """Write a policy to a file, after checking that the file acts like the policy.

    Args:
        path: The file; its suffix chooses the format.
        engine: The engine of the policy.
        policy: The policy.
        about: A description that is stored in the file, besides the spaces.
        environment: An environment for the check, if there is one.

    Returns:
        The JSON object of `zerone export`: the file, its description and the result of the check.

    Raises:
        InputError: the policy cannot be exported in this format; nothing was written.
        RunError: the file would act differently from the policy, or cannot be written; nothing was written.
    """
    require_place(path)
    spaces = engine.spaces
    full = {
        "zerone": version("zerone"),
        **about,
        "observation": describe(spaces.encoding.given),
        "takes": describe(spaces.action),
    }
    made = _contents(path.suffix.lower(), engine, policy, full)
    encoding, memory = spaces.encoding, [engine.initial_memory(policy, 1)]

    def act(observation: Any, mask: Any) -> Any:
        allowed = () if mask is None else mask[None]
        actions, memory[0] = engine.act(policy, memory[0], encoding.batch(observation)[0], allowed)
        return actions[0]

    parts, played = observed(encoding, environment, act, count(spaces.action, "action") if spaces.masked else 0)
    found = compare(engine, policy, parts, played, _with_run_errors(made.play, path), made.memory, made.scores)
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


def _with_run_errors(play: Player, path: Path) -> Player:
    """Wrap `play` so that every exception is raised as a `RunError`."""

    def able(inputs: Inputs) -> tuple[Array, Inputs]:
        try:
            return play(inputs)
        except MemoryError:
            raise
        except Exception as error:  # each runtime has its own errors
            raise RunError(
                translated(
                    "{path}: not written, since it cannot be run: it {error}", path=as_seen(path), error=raised(error)
                )
            ) from error

    return able


def _contents(suffix: str, engine: Engine, policy: Any, about: Mapping[str, Any]) -> _FileContents:
    if suffix == ".stablehlo":
        from zerone.export import stablehlo_file

        data = stablehlo_file.to_bytes(engine.algorithm, policy, engine.spaces, about)
        memory = stablehlo_file.remembered(engine.algorithm, policy)
        return _FileContents(data, stablehlo_file.player(data), memory, lambda _: None)
    program = program_of(engine.algorithm, policy, engine.spaces)
    form: Any = onnx_file if suffix == ".onnx" else numpy_file
    data = form.to_bytes(program, about)
    return _FileContents(data, form.player(data), program.memory, lambda inputs: numpy_file.scores(program, inputs))
