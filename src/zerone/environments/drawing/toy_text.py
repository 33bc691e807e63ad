"""Drawings of the cliff, the frozen lake, the taxi and blackjack, in the style of the mazes (see `grid`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zerone.environments import cliff, frozen_lake, taxi
from zerone.environments.drawing.grid import (
    BLACK,
    BLUE,
    CELL,
    GREEN,
    ORANGE,
    SKY,
    VERMILION,
    WALL,
    WHITE,
    YELLOW,
    Board,
    draw_explorer,
    draw_start,
    look,
    rows_text,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zerone.environments.blackjack import Blackjack, BlackjackState
    from zerone.environments.cliff import Cliff, CliffState
    from zerone.environments.drawing.easel import Easel, LetteredEasel
    from zerone.environments.frozen_lake import FrozenLake, FrozenLakeState
    from zerone.environments.taxi import Taxi, TaxiState

ICE, WATER = "#DDEFF9", "#0B3C5D"
CORNER = 0.25  # the offset of a letter to the left and upwards from the middle of its cell


def draw_flag(board: Easel, cell: tuple[int, int]) -> None:
    """Paint the goal: a green flag on yellow."""
    board.square(cell, YELLOW)
    board.shape(cell, [(-0.06, -0.3), (0.0, -0.3), (0.0, 0.36), (-0.06, 0.36)], BLACK)
    board.shape(cell, [(0.0, -0.3), (0.36, -0.13), (0.0, 0.04)], GREEN)


def cliff_frame(environment: Cliff, state: CliffState, action: Any) -> NDArray[np.uint8]:
    """The grid with the cliff in its last row, 96 pixels per cell."""
    board = Board(cliff.WIDTH, cliff.HEIGHT)
    for number in range(cliff.WIDTH * cliff.HEIGHT):
        cell = number % cliff.WIDTH, number // cliff.WIDTH
        if number in cliff.CLIFF:
            draw_abyss(board, cell)
        else:
            board.square(cell, CELL)
    start, goal = ((number % cliff.WIDTH, number // cliff.WIDTH) for number in (cliff.START, cliff.GOAL))
    draw_start(board, start)
    draw_flag(board, goal)
    for cell, letter in ((start, "S"), (goal, "G")):
        board.letter(cell, -CORNER, -CORNER, letter, BLACK)
    row, column = divmod(int(state.cell), cliff.WIDTH)
    draw_explorer(board, (column, row), look(environment.action_names, action))
    return board.frame()


def draw_abyss(board: Easel, cell: tuple[int, int]) -> None:
    """Paint a cell of the cliff: black, under a jagged edge."""
    board.shape(cell, [(-0.5, -0.47), (0.5, -0.47), (0.5, 0.47), (-0.5, 0.47)], BLACK)
    edge = [(-0.5, -0.28), (-0.34, -0.1), (-0.17, -0.26), (0.03, -0.06), (0.21, -0.25), (0.36, -0.14), (0.5, -0.28)]
    board.shape(cell, [(0.5, -0.47), (-0.5, -0.47), *edge], VERMILION)


def cliff_text(environment: Cliff, state: CliffState) -> str:
    """The grid in characters: `S` start, `C` cliff, `G` goal, `o` the agent."""
    del environment
    last = "S" + "C" * len(cliff.CLIFF) + "G"
    return rows_text(("." * cliff.WIDTH,) * (cliff.HEIGHT - 1) + (last,), int(state.cell))


def frozen_lake_frame(environment: FrozenLake, state: FrozenLakeState, action: Any) -> NDArray[np.uint8]:
    """The lake from above, up to 96 pixels per cell."""
    rows = environment.rows
    board = Board(len(rows[0]), len(rows))
    for row, line in enumerate(rows):
        for column, character in enumerate(line):
            _draw_lake(board, (column, row), character)
    row, column = divmod(int(state.cell), len(rows[0]))
    draw_explorer(board, (column, row), look(environment.action_names, action))
    return board.frame()


def _draw_lake(board: Board, cell: tuple[int, int], character: str) -> None:
    if character == frozen_lake.GOAL:
        draw_flag(board, cell)
    elif character == frozen_lake.HOLE:
        draw_hole(board, cell)
    else:
        draw_ice(board, cell)
    if character == frozen_lake.START:
        board.square(cell, SKY, side=0.8, line=0.045)
    if character in (frozen_lake.START, frozen_lake.GOAL):
        board.letter(cell, -CORNER, -CORNER, character, BLACK)


def draw_ice(board: Easel, cell: tuple[int, int]) -> None:
    """Paint ice: pale, with two scratches."""
    board.square(cell, ICE)
    for x, y in ((-0.3, 0.02), (0.08, -0.22)):
        board.shape(cell, [(x, y + 0.2), (x + 0.2, y), (x + 0.23, y + 0.02), (x + 0.03, y + 0.22)], WHITE)


def draw_hole(board: Easel, cell: tuple[int, int]) -> None:
    """Paint a hole: dark water in the ice."""
    draw_ice(board, cell)
    board.disc(cell, 0, 0, 0.38, SKY)
    board.disc(cell, 0, 0, 0.33, WATER)


def frozen_lake_text(environment: FrozenLake, state: FrozenLakeState) -> str:
    """The lake in characters: `S` start, `F` frozen, `H` hole, `G` goal, `o` the agent."""
    return rows_text(environment.rows, int(state.cell))


PLACES = {"R": (VERMILION, WHITE), "G": (GREEN, WHITE), "Y": (YELLOW, BLACK), "B": (BLUE, WHITE)}


def taxi_frame(environment: Taxi, state: TaxiState, action: Any) -> NDArray[np.uint8]:
    """The town from above, 96 pixels per cell: the taxi, the passenger, and a banner at the destination."""
    board = Board(taxi.SIDE, taxi.SIDE)
    draw_town(board)
    draw_ride(board, environment, state, action)
    return board.frame()


def draw_town(board: LetteredEasel) -> None:
    """Draw the cells, the four places and the walls."""
    for number in range(taxi.SIDE**2):
        board.square((number % taxi.SIDE, number // taxi.SIDE), CELL)
    for name, number in zip(taxi.PLACE_NAMES, taxi.PLACES, strict=True):
        place = number % taxi.SIDE, number // taxi.SIDE
        board.square(place, PLACES[name][0])
        board.letter(place, -CORNER, -CORNER, name, PLACES[name][1], size=0.26)
    for row, line in enumerate(taxi.MAP):
        for column in range(taxi.SIDE - 1):
            if line[2 * column + 2] == "|":
                board.shape((column, row), [(0.44, -0.5), (0.56, -0.5), (0.56, 0.5), (0.44, 0.5)], WALL)


def draw_ride(board: Easel, environment: Taxi, state: TaxiState, action: Any) -> None:
    """Draw the taxi, the passenger, and a banner at the destination."""
    cell, passenger, goal = (int(each) for each in taxi.decode(state.number))
    aim = taxi.PLACES[goal] % taxi.SIDE, taxi.PLACES[goal] // taxi.SIDE
    board.shape(aim, [(0.12, -0.38), (0.16, -0.38), (0.16, 0.08), (0.12, 0.08)], BLACK)
    _draw_banner(board, aim)
    here = cell % taxi.SIDE, cell // taxi.SIDE
    _draw_taxi(board, here, look(environment.action_names, action))
    if passenger == taxi.ABOARD:
        _draw_person(board, here, 0, 0.02)
    else:
        waits = taxi.PLACES[passenger] % taxi.SIDE, taxi.PLACES[passenger] // taxi.SIDE
        _draw_person(board, waits, -0.27, 0.22)


def _draw_banner(board: Easel, cell: tuple[int, int]) -> None:
    """Draw a chequered flag."""
    for row in range(3):
        for column in range(4):
            x, y = 0.16 + 0.055 * column, -0.38 + 0.07 * row
            color = BLACK if (row + column) % 2 else WHITE
            board.shape(cell, [(x, y), (x + 0.055, y), (x + 0.055, y + 0.07), (x, y + 0.07)], color)


def _draw_taxi(board: Easel, cell: tuple[int, int], heads: tuple[int, int]) -> None:
    """Draw an orange car from above, with windscreen and headlights in its direction."""
    ahead = heads if heads != (0, 0) else (1, 0)
    aside = (-ahead[1], ahead[0])

    def corners(front: float, back: float, half: float) -> list[tuple[float, float]]:
        ends = ((front, half), (front, -half), (back, -half), (back, half))
        return [(a * ahead[0] + b * aside[0], a * ahead[1] + b * aside[1]) for a, b in ends]

    board.shape(cell, corners(0.39, -0.39, 0.23), WHITE)
    board.shape(cell, corners(0.36, -0.36, 0.2), BLACK)
    board.shape(cell, corners(0.34, -0.34, 0.18), ORANGE)
    board.shape(cell, corners(0.2, 0.1, 0.15), BLACK)
    board.shape(cell, corners(-0.2, -0.27, 0.15), BLACK)
    for half in (-0.12, 0.12):
        x, y = 0.31 * ahead[0] + half * aside[0], 0.31 * ahead[1] + half * aside[1]
        board.disc(cell, x, y, 0.04, WHITE)


def _draw_person(board: Easel, cell: tuple[int, int], x: float, y: float) -> None:
    """Draw head and shoulders, black on white."""
    for grown, color in ((0.035, WHITE), (0.0, BLACK)):
        board.disc(cell, x, y - 0.09, 0.07 + grown, color)
        half, top, bottom = 0.11 + grown, y - 0.01 - grown, y + 0.14 + grown
        board.shape(cell, [(x - half, bottom), (x - half * 0.7, top), (x + half * 0.7, top), (x + half, bottom)], color)


def taxi_text(environment: Taxi, state: TaxiState) -> str:
    """The town in characters, with the taxi as `o` (`@` with the passenger), and a line about the passenger."""
    del environment
    cell, passenger, goal = (int(each) for each in taxi.decode(state.number))
    lines = [list(line) for line in taxi.MAP]
    lines[cell // taxi.SIDE][2 * (cell % taxi.SIDE) + 1] = "@" if passenger == taxi.ABOARD else "o"
    edge = "+" + "-" * (2 * taxi.SIDE - 1) + "+"
    where = "is in the taxi" if passenger == taxi.ABOARD else f"waits at {taxi.PLACE_NAMES[passenger]}"
    said = f"the passenger {where} and wants to go to {taxi.PLACE_NAMES[goal]}"
    return "\n".join([edge, *("".join(line) for line in lines), edge, said])


TABLE, SIDES = 4, 2


def blackjack_frame(environment: Blackjack, state: BlackjackState, action: Any) -> NDArray[np.uint8]:
    """The dealer's cards above, the player's sum below, 96 pixels per cell."""
    del environment, action
    board = Board(TABLE, SIDES)
    draw_cards(board, state)
    return board.frame()


def draw_cards(board: LetteredEasel, state: BlackjackState) -> None:
    """Draw the dealer's open card beside a hidden one, and the player's sum."""
    for row in range(SIDES):
        for column in range(TABLE):
            board.square((column, row), GREEN, side=1.0)
    shown, total = int(state.dealer), int(state.total)
    for cell, text, paper in (((1, 0), "A" if shown == 1 else str(shown), WHITE), ((2, 0), "", BLUE)):
        board.square(cell, paper, side=0.8)
        if text:
            board.letter(cell, 0.0, 0.0, text, BLACK, size=0.5)
    board.letter((1, 1), 0.0, 0.0, str(total), WHITE, size=0.6)
    if bool(state.usable):
        board.letter((2, 1), 0.0, 0.0, "A = 11", WHITE, size=0.25)


def blackjack_text(environment: Blackjack, state: BlackjackState) -> str:
    """One line of text such as `the dealer shows 10, you have 16 (an ace counts 11)`."""
    del environment
    shown = "an ace" if int(state.dealer) == 1 else str(int(state.dealer))
    usable = " (an ace counts 11)" if bool(state.usable) else ""
    return f"the dealer shows {shown}, you have {int(state.total)}{usable}"
