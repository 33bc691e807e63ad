"""The tree of futures as text: limited in size, the best branch first, and it says what is left out."""

from zerone.engines.search import Future, Outcome
from zerone.player.futures_text import futures_lines

NAMES = "left", "right"


def tree(depth: int, best: int = 1) -> tuple[Future, ...]:
    below = tree(depth - 1) if depth > 1 else ()
    return tuple(Future(a, a - 0.25, a == best, None, (Outcome(0.5, 0.0, 0.75, 1, below),)) for a in (0, 1))


def test_a_line_has_an_action_its_value_and_what_that_is_the_sum_of():
    assert futures_lines(tree(1), NAMES, 0.9) == [
        "  ├ left   -0.25 = 0.5 + 0.9 × 0.75",
        "  └ right* 0.75 = 0.5 + 0.9 × 0.75",
    ]
    ends = (Future(0, -1.0, True, 3, (Outcome(-1.0, 1.0, 0.0, 3),)),)
    assert futures_lines(ends, NAMES, 0.9) == ["  └ left*  -1  3 simulations = -1, the end"]
    rarely = (Future(0, 0.5, True, 4, (Outcome(0.0, 0.25, 0.75, 4),)),)
    assert futures_lines(rarely, NAMES, 0.9, plain=True) == ["  `-left*  0.5  4 simulations = 0 + 0.9 x 0.75 x 0.75"]


def test_what_chance_may_do_stands_below_the_action():
    outcomes = (Outcome(0.0, 0.0, 0.5, 3), Outcome(1.0, 1.0, 0.0, 1))
    assert futures_lines((Future(1, 0.5875, True, None, outcomes),), NAMES, 0.9) == [
        "  └ right* 0.588",
        "    ├ 3 of 4: 0 + 0.9 × 0.5",
        "    └ 1 of 4: 1, the end",
    ]


def test_there_are_at_most_so_many_lines_and_the_best_branch_is_among_them():
    for most in (2, 5, 12, 24, 1000):
        lines = futures_lines(tree(6), NAMES, 0.9, most=most)
        assert len(lines) <= most
        assert ("…" in "".join(lines)) == (most < 126)
    deepest = [line for line in futures_lines(tree(6), NAMES, 0.9, most=12) if "right*" in line]
    assert len(deepest) == 6
