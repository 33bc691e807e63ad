"""What an environment is, in words and as JSON: its spaces with their bounds, and how each part of them is seen."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs import registration

from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import BoxLeaf, Leaf
from zerone.environments.gym.views import AS_GOOD_AS_NONE, BoxView, RowBox, Space, describe, sound_bounds, view_of

FEW = 8
"""Bounds of so many numbers are said one by one."""


def bounds_of(space: spaces.Box) -> str:
    """The bounds of a box in words: `each from 0 to 255`, or of a few numbers one by one."""
    pairs = list(zip(*(bound.reshape(-1).tolist() for bound in sound_bounds(space)), strict=True))
    if len(set(pairs)) == 1:
        one = _range(*pairs[0])
        return one if len(pairs) == 1 else f"each {one}"
    if len(pairs) <= FEW:
        return "; ".join(_range(*pair) for pair in pairs)
    return _range(min(low for low, _ in pairs), max(high for _, high in pairs)) + ", each within bounds of its own"


def _range(low: float, high: float) -> str:
    below, above = low > -AS_GOOD_AS_NONE, high < AS_GOOD_AS_NONE
    if below and above:
        return f"from {low:g} to {high:g}"
    if below or above:
        return f"at least {low:g}" if below else f"at most {high:g}"
    return "without bounds"


def leaf_in_words(leaf: Leaf, space: Space | None = None, *, picture: bool = False) -> str:
    """How a part of an observation is seen.

    `space` is what is seen of it, if it is seen alone; else `picture` is whether it is seen as one among other parts.
    """
    if isinstance(leaf, BoxLeaf):
        box = space if isinstance(space, spaces.Box) else leaf.encoded_space()
        if space is None and not picture:  # in a row
            row = BoxView(math.prod(box.shape), leaf.scale)
            return f"{row.describe()} ({leaf.space.dtype}, {bounds_of(leaf.space)})"
        return f"{view_of(box).describe()} ({leaf.space.dtype}, {bounds_of(leaf.space)})"
    if leaf.is_bits:
        return f"{len(leaf.values):,} bits" if len(leaf.values) > 1 else "a bit"
    if isinstance(leaf.space, spaces.Discrete):
        return f"one of {leaf.values[0]:,}"
    values = leaf.values[:FEW]
    more = " …" if len(leaf.values) > FEW else ""
    return f"{len(leaf.values)} counts of {', '.join(f'{each:,}' for each in values)}{more} values"


def together(encoding: Encoding) -> str:
    """What the parts of an observation become in one."""
    space = encoding.space
    if isinstance(space, spaces.MultiDiscrete):
        return f"{math.prod(int(each) for each in space.nvec.reshape(-1)):,} different observations"
    width = math.prod(space.shape or ())
    if isinstance(space, RowBox):
        others = width - sum(each.end - each.begin for each in space.pictures)
        pictures = "a picture" if len(space.pictures) == 1 else f"{len(space.pictures)} pictures"
        return f"{pictures} and a row of {others:,} numbers" if others else pictures
    return f"a row of {width:,} numbers"


def actions_in_words(space: Any) -> str:
    """What an action is: `one of 4`, `2 numbers, each from -1 to 1`."""
    if isinstance(space, spaces.Discrete):
        start = "" if space.start == 0 else f", counted from {space.start}"
        return f"one of {int(space.n):,}{start}"
    if isinstance(space, spaces.MultiDiscrete):
        values = [f"{int(each):,}" for each in space.nvec.reshape(-1)]
        return f"{len(values)} choices at once, of {', '.join(values[:FEW])}{' …' if values[FEW:] else ''} values"
    if isinstance(space, spaces.MultiBinary):
        return f"{math.prod(space.shape):,} switches"
    if isinstance(space, spaces.Box):
        count = math.prod(space.shape)
        what = "a number" if count == 1 else f"{count:,} numbers"
        return f"{what}, {bounds_of(space)}" if count else "nothing"
    return describe(space)


def space_facts(space: Any) -> dict[str, Any]:
    """A space as JSON: its kind, and what it is made of."""
    facts: dict[str, Any] = {"space": type(space).__name__, "text": describe(space)}
    if isinstance(space, spaces.Box):
        low, high = sound_bounds(space)
        facts |= {"dtype": str(space.dtype), "shape": list(space.shape)}
        facts |= {"low": _numbers(low), "high": _numbers(high)}
    elif isinstance(space, spaces.Discrete):
        facts |= {"n": int(space.n), "start": int(space.start)}
    elif isinstance(space, spaces.MultiDiscrete):
        facts |= {"nvec": space.nvec.tolist(), "start": np.asarray(space.start).tolist()}
    elif isinstance(space, spaces.MultiBinary):
        facts["shape"] = list(space.shape)
    elif isinstance(space, spaces.Dict):
        facts["parts"] = {str(name): space_facts(each) for name, each in space.spaces.items()}
    elif isinstance(space, spaces.Tuple):
        facts["parts"] = [space_facts(each) for each in space.spaces]
    return facts


def _numbers(bound: np.ndarray[Any, Any]) -> Any:
    """Bounds as JSON: one number where all are the same; None where there is none."""
    flat = [each if math.isfinite(each) else None for each in bound.reshape(-1).tolist()]
    return flat[0] if len(set(flat)) == 1 else flat


def encoding_facts(encoding: Encoding) -> dict[str, Any]:
    """Observations as JSON: the space that is given, and what is seen of it."""
    alone = encoding.space if len(encoding.leaves) == 1 else None
    return {
        **space_facts(encoding.given),
        "seen": [
            {"name": leaf.name, "as": leaf_in_words(leaf, alone, picture=encoding.sees_picture(leaf))}
            for leaf in encoding.leaves
        ],
        "left_out": [str(each) for each in encoding.left_out],
        "encoded": describe(encoding.space),
        "together": together(encoding) if len(encoding.leaves) > 1 else None,
    }


def arguments_of(spec: registration.EnvSpec) -> list[tuple[str, Any]]:
    """What can be given to an environment when it is made, and what it is otherwise: by its spec, or by default."""
    point = spec.entry_point
    if point is None:
        return []
    try:
        creator: Any = registration.load_env_creator(point) if isinstance(point, str) else point
        parameters: Iterable[inspect.Parameter] = inspect.signature(creator).parameters.values()
    except Exception:  # whatever importing or asking somebody else's class does: then nothing is known
        return sorted(spec.kwargs.items())
    known: dict[str, Any] = {}
    for each in parameters:
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name not in ("self", "render_mode"):
            known[each.name] = None if each.default is each.empty else each.default
    return list((known | spec.kwargs).items())
