"""Removal of wrappers, since the environment inside of them is what is drawn."""

from __future__ import annotations

from typing import Any

from zerone.environments.wrapping import Discretizing, Wrapping


def unwrap(environment: Any, state: Any, action: Any) -> tuple[Any, Any, Any]:
    """The environment inside of all wrappers, with its own state and action.

    A wrapper has the environment inside in `environment`, and a wrapper's state has its state in `inner`.
    """
    while isinstance(environment, Wrapping):
        if isinstance(environment, Discretizing) and action is not None:
            action = environment.continuous(action)
        environment, state = environment.environment, getattr(state, "inner", state)
    return environment, state, action
