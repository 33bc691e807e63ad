"""Come closer to 21 than the dealer: Gymnasium's `Blackjack-v1`, compiled."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import configured, setting, struct
from zerone.environments.table import uniform

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key

HIGHEST, DEALER_STANDS = 21, 17
MOST = HIGHEST + 10
"""The largest sum of a hand in the observation space; larger sums are clipped to it."""
CARDS = tuple(range(1, 11))
"""Values of cards: 1 is an ace, 10 a ten, a jack, a queen or a king."""
CARD_CHANCES = (1 / 13,) * 9 + (4 / 13,)
BUST, NATURAL = 0, HIGHEST + 1
"""The dealer's results besides 17 to 21: more than 21, or an ace and a ten."""
DEALER_ENDS = (BUST, *range(DEALER_STANDS, HIGHEST + 1), NATURAL)


def with_card(total: int, usable: bool, card: int) -> tuple[int, bool]:
    """The sum of a hand after one more card, and whether one of its aces counts 11."""
    total, usable = (total + 11, True) if card == 1 and total + 11 <= HIGHEST else (total + card, usable)
    return (total - 10, False) if usable and total > HIGHEST else (total, usable)


@functools.cache
def _dealer(total: int, usable: bool) -> dict[int, float]:
    """The probability of each final result of a dealer who has this hand."""
    if total >= DEALER_STANDS:
        return {total if total <= HIGHEST else BUST: 1.0}
    found: dict[int, float] = {}
    for card, chance in zip(CARDS, CARD_CHANCES, strict=True):
        for end, then in _dealer(*with_card(total, usable, card)).items():
            found[end] = found.get(end, 0.0) + chance * then
    return found


@functools.cache
def dealer_chances() -> np.ndarray:
    """The probability of each of `DEALER_ENDS` given the dealer's open card: float64 [11, ends]; row 0 is unused."""
    chances = np.zeros((len(CARDS) + 1, len(DEALER_ENDS)))
    for shown in CARDS:
        for card, chance in zip(CARDS, CARD_CHANCES, strict=True):
            ends = (
                {NATURAL: 1.0} if {shown, card} == {1, 10} else _dealer(*with_card(*with_card(0, False, shown), card))
            )
            for end, then in ends.items():
                chances[shown, DEALER_ENDS.index(end)] += chance * then
    return chances


def _card(drawn: Array) -> Array:
    """The card that a uniform number in [0, 1) selects."""
    return jnp.minimum((drawn * 13).astype(jnp.int32) + 1, 10)


def _with_card(total: Array, usable: Array, card: Array) -> tuple[Array, Array]:
    """`with_card` for JAX arrays."""
    ace = (card == 1) & (total + 11 <= HIGHEST)
    total, usable = total + jnp.where(ace, 11, card), usable | ace
    over = usable & (total > HIGHEST)
    return jnp.minimum(total - 10 * over, MOST), usable & ~over


@struct
class BlackjackState:
    """The player's sum and the dealer's open card (int32), whether an ace counts 11, and whether the hand is a natural.

    The dealer's other cards are hidden from the player, so they are drawn only when the player sticks.
    """

    total: Array
    dealer: Array
    usable: Array
    natural: Array


@configured
class Blackjack:
    """Draw cards, or stop and let the dealer draw up to 17; who is closer to 21 and not above it wins.

    Observation: int32 [3], the player's sum, the card that the dealer shows (1 is an ace), whether an ace counts 11.
    Actions: 0 stick, 1 hit. Reward: 1 for winning, -1 for losing, 0 for a draw or another card. The deck is endless.

    Source: Sutton & Barto 2018, example 5.1, as Gymnasium's `Blackjack-v1` has it.
    """

    sab: bool = setting(True, "whether a natural (an ace and a ten) wins against all but a natural, as in the book")
    natural: bool = setting(False, "whether winning with a natural pays 1.5; not with sab")

    action_names: ClassVar[tuple[str, ...]] = ("stick", "hit")

    @property
    def observation_space(self) -> gymnasium.spaces.MultiDiscrete:
        return gymnasium.spaces.MultiDiscrete([MOST + 1, len(CARDS) + 1, 2])

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.action_names))

    def reset(self, key: Key) -> tuple[Array, BlackjackState]:
        first, second, shown = _card(jax.random.uniform(key, (3,)))
        nothing, none = jnp.int32(0), jnp.bool_(False)
        total, usable = _with_card(*_with_card(nothing, none, first), second)
        state = BlackjackState(total, shown, usable, total == HIGHEST)
        return observed(state), state

    def step(self, key: Key, state: BlackjackState, action: Array) -> tuple[Array, BlackjackState, Array, Array, Info]:
        drawn = uniform(key)
        hits = action == 1
        total, usable = _with_card(state.total, state.usable, _card(drawn))
        bust = total > HIGHEST
        after = BlackjackState(
            jnp.where(hits, total, state.total), state.dealer, jnp.where(hits, usable, state.usable),
            state.natural & ~hits,
        )  # fmt: skip
        bounds = jnp.array(np.cumsum(dealer_chances(), 1)[:, :-1], jnp.float32)
        end = jnp.array(DEALER_ENDS, jnp.int32)[(drawn >= bounds[state.dealer]).sum()]
        reward = jnp.where(hits, -bust.astype(jnp.float32), self.won(state, end))
        return observed(after), after, reward, ~hits | bust, {}

    def won(self, state: BlackjackState, end: Array) -> Array:
        """The reward of sticking if the dealer's result is `end`, one of `DEALER_ENDS`."""
        dealer = jnp.minimum(end, HIGHEST)
        reward = jnp.sign(state.total - dealer).astype(jnp.float32)
        if self.sab:
            reward = jnp.where(state.natural & (end != NATURAL), 1.0, reward)
        elif self.natural:
            reward = jnp.where(state.natural & (reward > 0), 1.5, reward)
        return reward


def observed(state: BlackjackState) -> Array:
    """The observation of a state, int32 [3]."""
    return jnp.stack([state.total, state.dealer, state.usable.astype(jnp.int32)])
