"""How something is put around an environment: what it has of its own, without importing JAX."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Wrapping(Protocol):
    """Something around an environment."""

    @property
    def environment(self) -> Any:
        """The environment inside."""
        ...


@runtime_checkable
class WrappedState(Protocol):
    """The state of a wrapper that has one of its own."""

    @property
    def inner(self) -> Any:
        """The state of the environment inside."""
        ...


@runtime_checkable
class Discretizing(Protocol):
    """A wrapper whose actions are numbers that stand for those of the environment inside."""

    def continuous(self, action: Any) -> Any:
        """The action inside for a number."""
        ...
