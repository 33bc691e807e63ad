"""Protocols of wrappers and their states, in a module that does not import JAX."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Wrapping(Protocol):
    """A wrapper of an environment."""

    @property
    def environment(self) -> Any:
        """The environment inside."""
        ...


@runtime_checkable
class WrappedState(Protocol):
    """The state of a wrapper that has a state of its own."""

    @property
    def inner(self) -> Any:
        """The state of the environment inside."""
        ...


@runtime_checkable
class Discretizing(Protocol):
    """A wrapper whose integer actions stand for continuous ones of the environment inside."""

    def continuous(self, action: Any) -> Any:
        """The continuous action for an integer."""
        ...
