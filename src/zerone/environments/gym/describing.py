"""What an environment is, in words and as JSON: its spaces with their bounds, and how each part of them is seen."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict

import numpy as np
from gymnasium import spaces
from gymnasium.envs import registration

from zerone.base.language import joined, translatable, translated
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
        return one if len(pairs) == 1 else translated("each {range}", range=one)
    if len(pairs) <= FEW:
        return joined([_range(*pair) for pair in pairs])
    whole = _range(min(low for low, _ in pairs), max(high for _, high in pairs))
    return translated("{range}, each within bounds of its own", range=whole)


def _range(low: float, high: float) -> str:
    below, above = low > -AS_GOOD_AS_NONE, high < AS_GOOD_AS_NONE
    if below and above:
        return translated("from {low:g} to {high:g}", low=low + 0.0, high=high + 0.0)  # not -0
    if below or above:
        one_side = translatable("at least {bound:g}") if below else translatable("at most {bound:g}")
        return translated(one_side, bound=low if below else high)
    return translated("without bounds")


def leaf_in_words(leaf: Leaf, space: Space | None = None, *, picture: bool = False) -> str:
    """How a part of an observation is seen.

    `space` is what is seen of it, if it is seen alone; else `picture` is whether it is seen as one among other parts.
    """
    if isinstance(leaf, BoxLeaf):
        box = space if isinstance(space, spaces.Box) else leaf.encoded_space()
        if space is None and not picture:  # in a row
            row = BoxView(math.prod(box.shape), leaf.scale)
            return _typed(row, leaf.space)
        return _typed(view_of(box), leaf.space)
    if leaf.is_bits:
        return translated("{count:,} bits", count=len(leaf.values)) if len(leaf.values) > 1 else translated("a bit")
    if isinstance(leaf.space, spaces.Discrete):
        return translated("one of {count:,}", count=leaf.values[0])
    values = leaf.values[:FEW]
    more = " …" if len(leaf.values) > FEW else ""
    listed = ", ".join(f"{each:,}" for each in values) + more
    return translated("{count} counts of {sizes} values", count=len(leaf.values), sizes=listed)


def _typed(view: BoxView, space: spaces.Box) -> str:
    return translated("{what} ({type}, {bounds})", what=view.describe(), type=space.dtype, bounds=bounds_of(space))


def together(encoding: Encoding) -> str:
    """What the parts of an observation become in one."""
    space = encoding.space
    if isinstance(space, spaces.MultiDiscrete):
        count = math.prod(int(each) for each in space.nvec.reshape(-1))
        return translated("{count:,} different observations", count=count)
    width = math.prod(space.shape or ())
    if isinstance(space, RowBox):
        others = width - sum(each.end - each.begin for each in space.pictures)
        several = translated("{count} pictures", count=len(space.pictures))
        pictures = several if len(space.pictures) > 1 else translated("a picture")
        return translated("{pictures} and a row of {count:,} numbers", pictures=pictures,
                          count=others) if others else pictures  # fmt: skip
    return translated("a row of {count:,} numbers", count=width)


def actions_in_words(space: object) -> str:
    """What an action is: `one of 4`, `2 numbers, each from -1 to 1`."""
    if isinstance(space, spaces.Discrete):
        start = "" if space.start == 0 else translated(", counted from {start}", start=space.start)
        return translated("one of {count:,}", count=int(space.n)) + start
    if isinstance(space, spaces.MultiDiscrete):
        values = [f"{int(each):,}" for each in space.nvec.reshape(-1)]
        listed = ", ".join(values[:FEW]) + (" …" if values[FEW:] else "")
        return translated("{count} choices at once, of {sizes} values", count=len(values), sizes=listed)
    if isinstance(space, spaces.MultiBinary):
        return translated("{count:,} switches", count=math.prod(space.shape))
    if isinstance(space, spaces.Box):
        count = math.prod(space.shape)
        what = translated("a number") if count == 1 else translated("{count:,} numbers", count=count)
        return translated("{what}, {how}", what=what, how=bounds_of(space)) if count else translated("nothing")
    return describe(space)


class SpaceFacts(TypedDict):
    """A space as JSON; which fields there are depends on its kind."""

    space: str
    text: str
    dtype: NotRequired[str]
    shape: NotRequired[list[int]]
    low: NotRequired[float | list[float | None] | None]
    high: NotRequired[float | list[float | None] | None]
    n: NotRequired[int]
    start: NotRequired[int | list[int]]
    nvec: NotRequired[list[int]]
    parts: NotRequired[dict[str, SpaceFacts] | list[SpaceFacts]]


SeenFacts = TypedDict("SeenFacts", {"name": str, "as": str})
"""A part of an observation, and how it is seen."""


class EncodingFacts(SpaceFacts):
    """What is seen of a space."""

    seen: list[SeenFacts]
    left_out: list[str]
    encoded: str
    together: str | None


def space_facts(space: object) -> SpaceFacts:
    """A space as JSON: its kind, and what it is made of."""
    facts: SpaceFacts = {"space": type(space).__name__, "text": describe(space)}
    if isinstance(space, spaces.Box):
        low, high = sound_bounds(space)
        facts["dtype"], facts["shape"] = str(space.dtype), list(space.shape)
        facts["low"], facts["high"] = _numbers(low), _numbers(high)
    elif isinstance(space, spaces.Discrete):
        facts["n"], facts["start"] = int(space.n), int(space.start)
    elif isinstance(space, spaces.MultiDiscrete):
        facts["nvec"], facts["start"] = space.nvec.tolist(), np.asarray(space.start).tolist()
    elif isinstance(space, spaces.MultiBinary):
        facts["shape"] = list(space.shape)
    elif isinstance(space, spaces.Dict):
        facts["parts"] = {str(name): space_facts(each) for name, each in space.spaces.items()}
    elif isinstance(space, spaces.Tuple):
        facts["parts"] = [space_facts(each) for each in space.spaces]
    return facts


def _numbers(bound: np.ndarray) -> float | list[float | None] | None:
    """Bounds as JSON: one number where all are the same; None where there is none."""
    flat = [each if math.isfinite(each) else None for each in bound.reshape(-1).tolist()]
    return flat[0] if len(set(flat)) == 1 else flat


def encoding_facts(encoding: Encoding) -> EncodingFacts:
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
