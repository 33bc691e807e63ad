"""Descriptions of an environment as text and JSON: its spaces with their bounds, and their encodings."""

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
"""Up to this many numbers, bounds are listed one by one."""


def bounds_of(space: spaces.Box) -> str:
    """The bounds of a box as text: `each from 0 to 255`, or one by one if they are few."""
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
    """How a part of an observation is encoded, as text.

    `space` is its encoded space, if it is the only part; otherwise `picture` says whether it is encoded as an image.
    """
    if isinstance(leaf, BoxLeaf):
        box = space if isinstance(space, spaces.Box) else leaf.encoded_space()
        if space is None and not picture:  # within a vector
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
    """The kind of array into which the parts of an observation are combined, as text."""
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
    """An action space as text: `one of 4`, `2 numbers, each from -1 to 1`."""
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
    """A space as a JSON object; the fields depend on its kind."""

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
"""A part of an observation, and its encoding."""


class EncodingFacts(SpaceFacts):
    """An encoded space as a JSON object."""

    seen: list[SeenFacts]
    left_out: list[str]
    encoded: str
    together: str | None


def space_facts(space: object) -> SpaceFacts:
    """A space as a JSON object: its kind and its properties."""
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
    """Bounds as JSON: a single number if all are equal; null if infinite."""
    flat = [each if math.isfinite(each) else None for each in bound.reshape(-1).tolist()]
    return flat[0] if len(set(flat)) == 1 else flat


def encoding_facts(encoding: Encoding) -> EncodingFacts:
    """The observation space as a JSON object, with its encoding."""
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
    """The arguments of an environment with their defaults, from its spec or its signature."""
    point = spec.entry_point
    if point is None:
        return []
    try:
        creator: Any = registration.load_env_creator(point) if isinstance(point, str) else point
        parameters: Iterable[inspect.Parameter] = inspect.signature(creator).parameters.values()
    except Exception:  # any exception of foreign code: then no arguments are known
        return sorted(spec.kwargs.items())
    known: dict[str, Any] = {}
    for each in parameters:
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name not in ("self", "render_mode"):
            known[each.name] = None if each.default is each.empty else each.default
    return list((known | spec.kwargs).items())
