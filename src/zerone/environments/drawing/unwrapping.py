"""The environment itself inside of its wrappers, with its state and action: that is what is drawn."""

from __future__ import annotations

from typing import Any

from zerone.environments.wrapping import Discretizing, Wrapping


def unwrap(environment: Any, state: Any, action: Any) -> tuple[Any, Any, Any]:
    """Take all wrappers off: a wrapper keeps what is inside in `environment`, and its state's in `inner`."""
    while isinstance(environment, Wrapping):
        if isinstance(environment, Discretizing) and action is not None:
            action = environment.continuous(action)
        environment, state = environment.environment, getattr(state, "inner", state)
    return environment, state, action
