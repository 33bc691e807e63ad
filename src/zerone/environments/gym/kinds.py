"""Type aliases for Gymnasium's classes, whose observation and action types are known only at run time."""

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
"""Makes a vector of a given number of environments."""
PartPath: TypeAlias = tuple[str | int, ...]
"""The path of a part in an observation: keys of `Dict`s and indices in `Tuple`s, from the outside in."""
Info: TypeAlias = dict[str, Any]
Played: TypeAlias = tuple[Any, Any, Any, Any, Info]
"""The result of a step: observation, reward, terminated, truncated and info; of a vector an array of each."""
Seeds: TypeAlias = int | list[int | None] | None
"""The seeds for a vector's reset."""
