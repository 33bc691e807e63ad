"""Gymnasium's types, of whatever observations and actions: those of a person's environment are known when it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium

Env: TypeAlias = gymnasium.Env[Any, Any]
Wrapper: TypeAlias = gymnasium.Wrapper[Any, Any, Any, Any]
Vector: TypeAlias = gymnasium.vector.VectorEnv[Any, Any, Any]
VectorWrapper: TypeAlias = gymnasium.vector.VectorWrapper[Any, Any, Any]
Maker: TypeAlias = Callable[[], Env]
"""Makes one environment."""
VectorMaker: TypeAlias = Callable[[int], Vector]
"""Makes a vector of so many."""
PartPath: TypeAlias = tuple[str | int, ...]
"""Where a part of an observation is: keys of `Dict`s and places in `Tuple`s, from the outside in."""
Info: TypeAlias = dict[str, Any]
Played: TypeAlias = tuple[Any, Any, Any, Any, Info]
"""What a step gives: observation, reward, terminated, truncated and info; of a vector an array of each."""
Seeds: TypeAlias = int | list[int | None] | None
"""What the episodes of a vector are begun with."""
