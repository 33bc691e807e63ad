"""Slots are given out in order, so no thread waits for ever. Python's semaphore is the broken twin."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

from zerone.lab.turns import Turns


def shares(turn):
    """How often each of five threads gets a slot if all of them ask again and again."""
    counts, ended = [0] * 5, threading.Event()

    def work(number):
        while not ended.is_set():
            with turn():
                counts[number] += 1
                time.sleep(0.002)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for each in threads:
        each.start()
    time.sleep(0.4)
    ended.set()
    for each in threads:
        each.join()
    return counts


def test_everybody_has_a_turn():
    counts = shares(Turns(2).turn)
    assert min(counts) > 0.7 * max(counts) > 5
    semaphore = threading.Semaphore(1)

    @contextmanager
    def unfair():
        with semaphore:
            yield

    unequal = shares(unfair)
    assert min(unequal) < 0.7 * max(unequal)


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
