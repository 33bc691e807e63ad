"""Sums of many numbers in float32 that stay exact, however many they are.

A float32 has 24 bits: a sum that has become 2²⁴ times as large as what is added stands still, and long before that each
addition rounds away a part. What it rounds away is kept here beside it, and goes with the next addition.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import struct

Array = jax.Array


def nothing_of(tree: Any) -> Any:
    """Zeros of the shapes and types of a tree's arrays. On the host: `np.zeros_like` would copy each of JAX's first."""
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), tree)


@struct
class Sum:
    """A sum and what was rounded away of it (float32 of one shape): they stand for `value + rest`.

    Kahan 1965 (doi 10.1145/363707.363723). Its error is at most two roundings of the sum of all sizes, not one for each
    addition (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 4.3).
    """

    value: Array
    rest: Array

    @staticmethod
    def zero(*shape: int) -> Sum:
        """Nothing was added yet."""
        return Sum(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))

    def plus(self, x: Array) -> Sum:
        """The sum with `x` in it."""
        added = self.rest + x
        value = self.value + added
        return Sum(value, added - (value - self.value))

    @staticmethod
    def of(total: np.ndarray[Any, Any]) -> Sum:
        """The sum that is `total` (float64) already. On the host."""
        value = total.astype(np.float32)
        rest: Any = (total - value).astype(np.float32)
        both: Any = value
        return Sum(both, rest)

    def total(self) -> np.ndarray[Any, Any]:
        """The sum in float64. On the host."""
        return np.asarray(self.value, np.float64) + np.asarray(self.rest, np.float64)
