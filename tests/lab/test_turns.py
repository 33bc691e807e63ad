"""Slots are given out in order, so no thread waits for ever. The broken twin serves the last to ask first."""

from __future__ import annotations

import threading

from zerone.lab.turns import Turns


def order_of(take, threads=4, rounds=5):
    """The threads in the order of their turns; `take` is a turn's context, and each holds it until all others wait."""
    turns, left, order = Turns(1), [rounds] * threads, []
    pause = threading.Event()

    def work(number):
        while left[number]:
            with take(turns):
                left[number] -= 1
                order.append(number)
                while len(turns._waiting) < sum(each > 0 for place, each in enumerate(left) if place != number):
                    pause.wait(0.001)

    with turns.turn():
        running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for number, each in enumerate(running):
            each.start()
            while len(turns._waiting) <= number:
                pause.wait(0.001)
    for each in running:
        each.join()
    return order


def test_everybody_has_a_turn():
    assert order_of(Turns.turn) == [0, 1, 2, 3] * 5
    assert order_of(lambda turns: turns.turn(first=True)) != [0, 1, 2, 3] * 5  # the last to ask goes first


def test_a_click_comes_before_all_that_wait():
    turns, order = Turns(1), []
    begun = threading.Event()

    def work(name, first):
        with turns.turn(first):
            order.append(name)

    with turns.turn():
        threads = [threading.Thread(target=work, args=(name, name == "click")) for name in ("one", "two", "click")]
        for number, each in enumerate(threads):
            each.start()
            while len(turns._waiting) <= number:
                begun.wait(0.001)
    for each in threads:
        each.join()
    assert order == ["click", "one", "two"]
