"""Blackjack compared with Gymnasium's, card by card: all outcomes of all actions in all possible states."""

from __future__ import annotations

import itertools

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.envs.toy_text import blackjack as rules

from zerone.environments import blackjack, catalogue
from zerone.environments.blackjack import DEALER_ENDS, NATURAL, Blackjack, BlackjackState

KEY = jax.random.key(0)
CHANCES = np.array([1] * 9 + [4]) / 13
HANDS = sorted(
    {tuple(sorted(hand)) for n in (2, 3, 4) for hand in itertools.combinations_with_replacement(range(1, 11), n)
     if not rules.is_bust(hand)}
)  # fmt: skip


def states(hands):
    """The player's possible states, each with every card of the dealer."""
    rows = [(rules.sum_hand(h), d, rules.usable_ace(h), rules.is_natural(h)) for h in hands for d in range(1, 11)]
    total, dealer, usable, natural = (np.array(column) for column in zip(*rows, strict=True))
    return BlackjackState(jnp.int32(total), jnp.int32(dealer), jnp.bool_(usable == 1), jnp.bool_(natural))


def test_another_card_does_what_it_does_in_gymnasium():
    twin = gymnasium.make("Blackjack-v1").unwrapped
    twin.reset(seed=0)
    before = states(HANDS)
    for card in range(1, 11):
        total, usable = blackjack._with_card(before.total, before.usable, jnp.int32(card))
        after = np.stack([total, before.dealer, usable], 1)
        expected = []
        for hand in HANDS:
            for dealer in range(1, 11):
                twin.player, twin.dealer = [*hand, card], [dealer, 10]
                expected.append(twin._get_obs())
        assert np.array_equal(after, expected)
        assert all(blackjack.with_card(rules.sum_hand(h), bool(rules.usable_ace(h)), card)
                   == (rules.sum_hand((*h, card)), bool(rules.usable_ace((*h, card)))) for h in HANDS)  # fmt: skip
    cards = np.asarray(blackjack._card((jnp.arange(13_000) + 0.5) / 13_000))
    assert np.bincount(cards, minlength=11).tolist() == [0] + [1_000] * 9 + [4_000]


def test_the_dealer_draws_as_in_gymnasium():
    def ends(hand):
        if rules.sum_hand(hand) >= 17:
            return {NATURAL if rules.is_natural(hand) else rules.score(hand): 1.0}
        found = dict.fromkeys(DEALER_ENDS, 0.0)
        for card, p in zip(range(1, 11), CHANCES, strict=True):
            for end, q in ends((*hand, card)).items():
                found[end] += p * q
        return found

    for shown in range(1, 11):
        expected = dict.fromkeys(DEALER_ENDS, 0.0)
        for card, p in zip(range(1, 11), CHANCES, strict=True):
            for end, q in ends((shown, card)).items():
                expected[end] += p * q
        np.testing.assert_allclose(blackjack.dealer_chances()[shown], list(expected.values()), atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"sab": False}, {"sab": False, "natural": True}, {"natural": True}], ids=str)
def test_who_sticks_is_paid_as_in_gymnasium(options):
    twin = gymnasium.make("Blackjack-v1", **options).unwrapped
    twin.reset(seed=0)
    hands = [hand for hand in HANDS if rules.sum_hand(hand) >= 12]
    dealers = {0: [10, 6, 10], 17: [10, 7], 18: [10, 8], 19: [10, 9], 20: [10, 10], 21: [7, 7, 7], NATURAL: [1, 10]}
    before, ours = states(hands), Blackjack(**options)
    for end, dealer in dealers.items():
        reward = np.asarray(ours.won(before, jnp.int32(end))).reshape(len(hands), 10)[:, 0]
        for hand, found in zip(hands, reward, strict=True):
            twin.player, twin.dealer = list(hand), list(dealer)
            _, expected, terminated, _, _ = twin.step(0)
            assert (float(found), terminated) == (expected, True), (hand, dealer)


def test_steps_draw_their_cards_and_ends_with_these_chances():
    environment = catalogue.make("Blackjack-v1")
    assert environment.limit == 0
    assert gymnasium.spec("Blackjack-v1").max_episode_steps is None
    number = 20_000
    observation, state = jax.vmap(environment.reset)(jax.random.split(KEY, number))
    seen = np.asarray(observation)
    naturals = 2 * CHANCES[0] * CHANCES[9]
    assert abs(np.asarray(state.inner.natural).mean() - naturals) < 4 * np.sqrt(naturals / number)
    assert np.abs(np.bincount(seen[:, 1], minlength=11)[1:] / number - CHANCES).max() < 0.015
    keys = jax.random.split(jax.random.key(1), number)
    step = jax.vmap(environment.step)
    following, _, reward, terminated, truncated, _ = step(keys, state, jnp.ones(number, jnp.int32))
    assert np.array_equal(terminated, np.asarray(following)[:, 0] > 21)
    assert np.array_equal(reward, -np.asarray(terminated, np.float32))
    assert not np.asarray(truncated).any()
    following, _, reward, terminated, _, _ = step(keys, state, jnp.zeros(number, jnp.int32))
    assert np.asarray(terminated).all()
    assert np.array_equal(following, observation)
    for shown, total in ((10, 20), (6, 12), (1, 18)):
        here = (seen[:, 1] == shown) & (seen[:, 0] == total)
        ends = blackjack.dealer_chances()[shown]
        expected = sum(p * rules.cmp(total, min(end, 21)) for end, p in zip(DEALER_ENDS, ends, strict=True))
        assert here.sum() > 20
        assert abs(np.asarray(reward)[here].mean() - expected) < 4 / np.sqrt(here.sum())
