"""Python's numbers in place of the scalars of NumPy and JAX, which people take from arrays."""

from __future__ import annotations

from typing import Any


def python_numbers(value: Any) -> Any:
    """A value with Python's numbers in place of NumPy's and JAX's scalars, in lists, tuples and dictionaries, too."""
    if type(value) in (list, tuple):
        return type(value)(python_numbers(each) for each in value)
    if type(value) is dict:
        return {name: python_numbers(each) for name, each in value.items()}
    return value if value is None or type(value) in (bool, int, float, str) else _python_number(value)


def _python_number(value: Any) -> Any:
    import jax  # not above: the command line validates counts before it needs JAX, whose import takes a second
    import jax.numpy as jnp
    import numpy as np

    number = isinstance(value, np.generic)
    if isinstance(value, (jax.Array, np.ndarray)) and value.ndim == 0 and not isinstance(value, jax.core.Tracer):
        number = not jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    return value.item() if number else value
