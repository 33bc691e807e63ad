"""Compensated (Kahan) sums of many float32 numbers.

A float32 has 24 significant bits: once a sum is 2²⁴ times as large as the terms, it no longer grows, and long before
that each addition loses a part of the term. Here that lost part is stored beside the sum and added with the next term.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import struct

Array = jax.Array


def nothing_of(tree: Any) -> Any:
    """A tree of NumPy zeros with the shapes and dtypes of a tree's arrays.

    `np.zeros_like` would first copy each JAX array to the host.
    """
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), tree)


@struct
class Sum:
    """A sum in two float32 arrays of one shape; it represents `value + rest`, where `rest` is the rounding error.

    Kahan 1965 (doi 10.1145/363707.363723). Its error is at most two roundings of the sum of absolute values, instead of
    one rounding per addition (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 4.3).
    """

    value: Array
    rest: Array

    @staticmethod
    def zero(*shape: int) -> Sum:
        """An empty sum of the given shape."""
        return Sum(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))

    def plus(self, x: Array) -> Sum:
        """The sum with `x` added."""
        added = self.rest + x
        value = self.value + added
        return Sum(value, added - (value - self.value))

    @staticmethod
    def of(total: np.ndarray) -> Sum:
        """A sum with the value `total` (float64), computed with NumPy on the host."""
        value = total.astype(np.float32)
        rest: Any = (total - value).astype(np.float32)
        both: Any = value
        return Sum(both, rest)

    def total(self) -> np.ndarray:
        """The value in float64, computed with NumPy on the host."""
        return np.asarray(self.value, np.float64) + np.asarray(self.rest, np.float64)
