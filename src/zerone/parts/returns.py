"""Targets, advantages and losses: one equation, one function, one citation. All work with leading batch axes.

`terminated` means that the next state is terminal; a `truncated` episode still bootstraps.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zerone.base.pytree import struct
from zerone.parts.exploration import Mask, allowed_only, mean_of_allowed

Array = jax.Array


def pick(values: Array, action: Array) -> Array:
    """Q(s, a) from Q(s, ·): `values` [..., n], `action` integer [...], result [...].

    It is a sum in which all terms but one are 0: XLA fuses it and its gradient with other operations, but not a look-up
    and its gradient, a scatter. This is faster as long as there are few actions.
    """
    return jnp.where(jax.nn.one_hot(action, values.shape[-1], dtype=bool), values, 0.0).sum(-1)


def pick_row(values: Array, action: Array) -> Array:
    """The row of an action: `values` [..., n, width], `action` integer [...], result [..., width]. As `pick`."""
    chosen = jax.nn.one_hot(action, values.shape[-2], dtype=bool)[..., None]
    return jnp.where(chosen, values, 0.0).sum(-2)


def one_step_target(reward: Array, terminated: Array, discount: Array | float, next_value: Array) -> Array:
    """The target y = r + γ (1 - terminated) V(s').

    Sutton & Barto 2018, section 6.1. Constant for the gradient: this is a semi-gradient method (section 9.3).
    """
    return jax.lax.stop_gradient(reward + discount * jnp.where(terminated, 0.0, next_value))


def n_step_return(
    reward: Array, terminated: Array, truncated: Array, discount: Array | float, n: int
) -> tuple[Array, Array, Array]:
    """G_t = R_{t+1} + γ R_{t+2} + … + γ^{m-1} R_{t+m}, without the bootstrap γ^m V(S_{t+m}).

    Sutton 1988; Sutton & Barto 2018, section 7.1, eq. 7.1. m is `n`, or less where the episode ends earlier
    (terminated or truncated). Inputs are [T+n-1, N]: T steps and the n-1 that follow them.

    Returns:
        G, float32 [T, N]; the discount of V(S_{t+m}), γ^m or 0 if S_{t+m} is terminal; and m, int32 [T, N].
    """
    length = reward.shape[0] - n + 1

    def add(k: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        total, bootstrap, taken, going, power = sums
        here, terminal, cut = (jax.lax.dynamic_slice_in_dim(x, k, length) for x in (reward, terminated, truncated))
        total = total + jnp.where(going, power * here, 0.0)
        power = power * discount
        bootstrap = jnp.where(going, jnp.where(terminal, 0.0, power), bootstrap)
        return total, bootstrap, taken + going, going & ~(terminal | cut), power

    zeros = jnp.zeros((length, *reward.shape[1:]))
    start = zeros, zeros, zeros.astype(jnp.int32), jnp.ones(zeros.shape, bool), jnp.float32(1)
    total, bootstrap, taken, _, _ = jax.lax.fori_loop(0, n, add, start)
    return total, bootstrap, taken


def max_value(target_next: Array) -> Array:
    """max_a Q(s', a; θ⁻). Mnih et al. 2015, Methods, algorithm 1. Input [..., n]."""
    return target_next.max(-1)


def double_value(online_next: Array, target_next: Array) -> Array:
    """Q(s', argmax_a Q(s', a; θ); θ⁻). Van Hasselt et al. 2016 (arXiv 1509.06461), section 3."""
    return pick(target_next, online_next.argmax(-1))


def dueling_values(value: Array, advantage: Array) -> Array:
    """Q(s, a) = V(s) + A(s, a) - mean_a' A(s, a'): `value` [..., 1], `advantage` [..., n], result [..., n].

    Wang et al. 2016 (arXiv 1511.06581), eq. 9.
    """
    return value + advantage - advantage.mean(-1, keepdims=True)


def epsilon_greedy_value(values: Array, epsilon: Array | float, mask: Mask = ()) -> Array:
    """E_{a ~ ε-greedy}[Q(s, a)] = (1 - ε) max_a Q(s, a) + ε mean_a Q(s, a). Input [..., n].

    Sutton & Barto 2018, section 6.6, eq. 6.9 (Expected Sarsa) for an ε-greedy π; how ties are broken makes no
    difference to it. With a mask both are over the actions that are allowed.
    """
    return (1.0 - epsilon) * allowed_only(values, mask).max(-1) + epsilon * mean_of_allowed(values, mask)


def generalized_advantage(
    reward: Array,
    value: Array,
    next_value: Array,
    terminated: Array,
    truncated: Array,
    discount: Array | float,
    trace_decay: Array | float,
) -> Array:
    """Â_t = δ_t + γλ Â_{t+1}, with δ_t = r_t + γ (1 - terminated_t) V(s_{t+1}) - V(s_t); all inputs [T, N].

    Schulman et al. 2016 (arXiv 1506.02438), eq. 16. The sum stops at the end of an episode, terminated or
    truncated; only `terminated` stops the bootstrap. `next_value` is of the true next observation, never of a reset.
    """
    error = reward + discount * jnp.where(terminated, 0.0, next_value) - value
    decay = jnp.where(terminated | truncated, 0.0, discount * trace_decay)

    def backwards(later: Array, here: tuple[Array, Array]) -> tuple[Array, Array]:
        advantage = here[0] + here[1] * later
        return advantage, advantage

    return jax.lax.scan(backwards, jnp.zeros_like(error[0]), (error, decay), reverse=True, unroll=8)[1]


def discounted_return(
    reward: Array,
    next_value: Array,
    terminated: Array,
    truncated: Array,
    discount: Array | float,
    later: Array | None = None,
) -> Array:
    """G_t = R_{t+1} + γ G_{t+1} up to the end of t's episode or of the block; all inputs [T, N].

    Sutton & Barto 2018, eq. 3.8 and 3.9. Where the sum is broken off, because the episode was cut (`truncated`) or
    the block ends, V(S_{t+1}) stands for what would have followed. So over a block of T steps it is the T-step
    return of the first one, the one-step return of the last: the targets of Mnih et al. 2016 (arXiv 1602.01783),
    algorithm S3. Zeros for `next_value` leave the return so far. If the block is followed by another one of which the
    first returns are known, `later` [N] has them.
    """
    after = next_value[-1] if later is None else later

    def backwards(later: Array, here: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        gained, following, over, cut = here
        total = gained + discount * jnp.where(over, 0.0, jnp.where(cut, following, later))
        return total, total

    columns = reward, next_value, terminated, truncated
    return jax.lax.scan(backwards, after, columns, reverse=True, unroll=8)[1]


def huber(error: Array) -> Array:
    """Quadratic up to 1, then linear: the gradient is the error clipped to [-1, 1]. Mnih et al. 2015, Methods."""
    size = jnp.abs(error)
    return jnp.where(size <= 1.0, 0.5 * error**2, size - 0.5)


def clipped_surrogate(ratio: Array, advantage: Array, clip: Array | float) -> Array:
    """min(ρ Â, clip(ρ, 1-ε, 1+ε) Â), to be maximised. Schulman et al. 2017 (arXiv 1707.06347), eq. 7."""
    return jnp.minimum(ratio * advantage, jnp.clip(ratio, 1.0 - clip, 1.0 + clip) * advantage)


def adapted_penalty(
    penalty: Array,
    divergence: Array,
    target: Array | float,
    least: Array | float = 1e-10,
    most: Array | float = 1e10,
) -> Array:
    """β for the next block: halved if d < d_target / 1.5, doubled if d > d_target × 1.5, else as it was.

    Schulman et al. 2017 (arXiv 1707.06347), section 4. It stays within `least` and `most`.
    """
    factor = jnp.where(divergence < target / 1.5, 0.5, jnp.where(divergence > target * 1.5, 2.0, 1.0))
    return jnp.clip(penalty * factor, least, most)


def normalize(x: Array) -> Array:
    """`x` with mean 0 and standard deviation 1; unchanged where all its numbers are equal.

    Equal numbers would become their rounding errors, scaled up to 1.
    """
    mean, deviation = x.mean(), x.std()
    return jnp.where(deviation > 1e-6 * jnp.abs(mean), (x - mean) / (deviation + 1e-8), x)


@struct
class Moments:
    """The count, the mean, and the sum of squared deviations of the numbers in each column, float32 [N]."""

    count: Array
    mean: Array
    squares: Array

    @staticmethod
    def none(columns: int) -> Moments:
        """The moments of no numbers."""
        return Moments(jnp.zeros(columns), jnp.zeros(columns), jnp.zeros(columns))

    def and_of(self, x: Array, inside: Array) -> Moments:
        """The moments with the numbers of `x` [T, N] added that are `inside` (bool [T, N]).

        Chan, Golub & LeVeque 1983 (doi 10.1080/00031305.1983.10483115), eq. 2.1: exact whatever the mean is.
        """
        number = inside.sum(0)
        mean = jnp.where(inside, x, 0.0).sum(0) / jnp.maximum(number, 1)
        squares = jnp.where(inside, jnp.square(x - mean[None]), 0.0).sum(0)
        count, apart = self.count + number, mean - self.mean
        share = number / jnp.maximum(count, 1)
        return Moments(
            count, self.mean + share * apart, self.squares + squares + self.count * share * jnp.square(apart)
        )


def normalize_by(x: Array, moments: Moments) -> Array:
    """Each column of `x` [T, N], minus the mean of its `moments` and divided by their standard deviation.

    A column of equal numbers, such as an episode of one step, is unchanged.
    """
    mean = moments.mean[None]
    deviation = jnp.sqrt(moments.squares / jnp.maximum(moments.count, 1))[None]
    guard = 1e-5 * jnp.abs(mean)
    return jnp.where(deviation > guard, (x - mean) / (deviation + guard + 1e-8), x)


def explained_variance(prediction: Array, target: Array) -> Array:
    """1 - Var(target - prediction) / Var(target): 1 is perfect, 0 no better than a constant."""
    return 1.0 - jnp.var(target - prediction) / (jnp.var(target) + 1e-8)
