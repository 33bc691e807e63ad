"""Prioritised replay on the blind cliff walk: the choice of the replayed step decides how many updates are needed."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.language import translated
from zerone.base.statistics import median
from zerone.experiments.protocol import Experiment, Question, Results, Text, estimate
from zerone.experiments.runner import stop_if_asked

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

STEP_SIZE, ENOUGH, INITIAL = 0.25, 1e-3, 0.1
BETWEEN_LOOKS = 4096


class Walk:
    """The blind cliff walk: n states in a row, with a table of Q values.

    The right action leads to the next state, and at the last one to a reward of 1; the wrong action ends the episode.
    The memory holds the steps of all 2^n sequences of actions: for each state s, the right and the wrong action
    2^(n-1-s) times each. These are 2^(n+1) - 2 steps in total, of which one is rewarded.
    """

    def __init__(self, states: int, random: np.random.Generator) -> None:
        self.states, self.discount = states, 1 - 1 / states
        self.truth = [[self.discount ** (states - 1 - state), 0.0] for state in range(states)]
        self.values: list[list[float]] = random.normal(0, INITIAL, (states, 2)).tolist()
        self.loss = sum(self.excess(state, action) for state in range(states) for action in (0, 1))

    def excess(self, state: int, action: int) -> float:
        """The squared error of Q(state, action)."""
        return (self.values[state][action] - self.truth[state][action]) ** 2

    def error(self, state: int, action: int) -> float:
        """The TD error of a step; action 0 is the right one, 1 the wrong one."""
        if action:
            return -self.values[state][1]
        last = state == self.states - 1
        target = 1.0 if last else self.discount * max(self.values[state + 1])
        return target - self.values[state][0]

    def learn(self, state: int, action: int) -> None:
        """Apply Q-learning's update for a step."""
        self.loss -= self.excess(state, action)
        self.values[state][action] += STEP_SIZE * self.error(state, action)
        self.loss += self.excess(state, action)

    @property
    def learnt(self) -> bool:
        """Whether the mean squared error is at most `ENOUGH`."""
        return self.loss <= ENOUGH * 2 * self.states


def uniform(walk: Walk, random: np.random.Generator) -> Callable[[], tuple[int, int]]:
    """Choose among all steps of the memory uniformly; each state is half as likely as the one before it."""
    share = 2.0 ** -np.arange(1, walk.states + 1)

    def drawn() -> Iterator[tuple[int, int]]:
        while True:
            states = random.choice(walk.states, BETWEEN_LOOKS, p=share / share.sum())
            yield from zip(states.tolist(), random.integers(0, 2, BETWEEN_LOOKS).tolist(), strict=True)

    return drawn().__next__


def oracle(walk: Walk, random: np.random.Generator) -> Callable[[], tuple[int, int]]:
    """Choose the step that lowers the error against the true values most."""
    del random
    pairs = [(state, action) for state in range(walk.states) for action in (0, 1)]

    def gain(pair: tuple[int, int]) -> float:
        value, truth = walk.values[pair[0]][pair[1]], walk.truth[pair[0]][pair[1]]
        return (value - truth) ** 2 - (value + STEP_SIZE * walk.error(*pair) - truth) ** 2

    return lambda: max(pairs, key=gain)


def greedy(walk: Walk, random: np.random.Generator) -> Callable[[], tuple[int, int]]:
    """Choose the step with the largest TD error at its last replay; steps that were never replayed come first."""
    steps = [(state, action) for state in range(walk.states) for action in (0, 1)
             for _ in range(2 ** (walk.states - 1 - state))]  # fmt: skip
    order = random.permutation(len(steps)).tolist()
    heap: list[tuple[float, int, tuple[int, int]]] = [
        (-math.inf, place, steps[number]) for place, number in enumerate(order)
    ]

    def next_step() -> tuple[int, int]:
        _, place, step = heap[0]
        heapq.heapreplace(heap, (-abs(walk.error(*step)), place, step))
        return step

    return next_step


RULES = {"uniform": uniform, "greedy": greedy, "oracle": oracle}


def measure(settings: Settings, seed: int) -> Measured:
    """The number of updates until the values are learnt, for each number of states."""
    found: list[int] = []
    for states in settings["states"]:
        random = np.random.default_rng([seed, states])
        walk = Walk(states, random)
        choose, updates = RULES[settings["rule"]](walk, random), 0
        while not walk.learnt:
            walk.learn(*choose())
            updates += 1
            if updates % BETWEEN_LOOKS == 0:
                stop_if_asked()
        found.append(updates)
    return {"updates": found}


STATES = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
FROM = STATES.index(8)


def growth(rule: str) -> Any:
    """The factor by which the median number of updates grows per additional state, from 8 to 13 states."""

    def found(results: Results) -> Any:
        updates = results(rule, "updates")
        return estimate(
            updates[:, -1], updates[:, FROM], paired=True,
            statistic=lambda most, some: (median(most) / median(some)) ** (1 / (STATES[-1] - STATES[FROM])),
        )  # fmt: skip

    return found


def share(rule: str) -> Any:
    """The median number of updates relative to uniform replay, for the largest number of states."""

    def found(results: Results) -> Any:
        samples = results(rule, "updates")[:, -1], results("uniform", "updates")[:, -1]
        return estimate(*samples, statistic=lambda left, right: median(left) / median(right))

    return found


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the medians over the size of the memory, with the range over seeds."""
    size = 2.0 ** (np.asarray(STATES) + 1) - 2
    for place, (rule, label) in enumerate(
        (
            ("uniform", translated("uniform")),
            ("greedy", translated("largest TD error first")),
            ("oracle", translated("oracle")),
        )
    ):
        updates = results(rule, "updates")
        sheet.curve(size, updates, label, place, marked=True, statistic=median)
    sheet.axes[0].set_xscale("log")
    sheet.axes[0].set_yscale("log")
    sheet.label(translated("steps in the memory (one of them rewarded)"), translated("updates until learnt (median)"))


def facts(results: Results) -> dict[str, float]:
    """The medians for the largest number of states."""
    found = {rule: float(median(results(rule, "updates")[:, -1])) for rule in RULES}
    return {**found, "states": STATES[-1], "memory": 2 ** (STATES[-1] + 1) - 2}


EXPERIMENT = Experiment(
    name="blind-cliff",
    title=Text("Which step is replayed decides how long learning takes", "回放哪一步，决定要学多久"),
    claim=Text(
        "Where one remembered step in 2^n is rewarded, uniform replay needs a number of updates that is exponential "
        "in n; in the best order few are enough, and the largest TD error first comes nearer to it.",
        "记忆里 2^n 步才有一步得到奖励时，均匀回放所需的更新数随 n 指数增长；顺序最好时只要很少几次，先回放 TD 误差最"
        "大的步则更接近它。",
    ),
    source=Text(
        "Schaul et al. 2016, section 3.1, figure 2 and appendix B.1", "Schaul 等 2016，3.1 节、图 2 与附录 B.1"
    ),
    setup=Text(
        "The blind cliff walk of 2 to 13 states: a memory of the steps of all 2^n sequences of actions, one of which "
        "reaches the reward. Q-learning on a table, step size 1/4, γ = 1 - 1/n, initial values near 0 (standard "
        "deviation 0.1). Compared: uniform replay, the step whose TD error was largest when last seen (unseen ones "
        "first), and an oracle that knows which one helps most. Measured: updates until the mean squared error is "
        "0.001.",
        "2 到 13 个状态的盲悬崖：记忆里是全部 2^n 个动作序列的经历，其中一个走到奖励。表格 Q-learning，步长 1/4，γ = "
        "1 - 1/n，初值接近 0（标准差 0.1）。比较：均匀回放；先回放上次 TD 误差最大的（没见过的最先）；以及知道哪一步"
        "最有用的先知。测量：均方误差降到 0.001 需要多少次更新。",
    ),
    environment="blind cliff walk (in the experiment's file)",
    arms={rule: {"rule": rule, "states": list(STATES)} for rule in RULES},
    measure=measure,
    questions=(
        Question(
            Text("uniform replay's growth with each state more", "均匀回放每多一个状态的增长"),
            growth("uniform"),
            above=1.6,
            unit=Text("times", "倍"),
        ),
        Question(
            Text("the oracle's growth with each state more", "先知每多一个状态的增长"),
            growth("oracle"),
            below=1.4,
            unit=Text("times", "倍"),
        ),
        Question(
            Text(
                "with 13 states, updates by largest TD error over uniform ones",
                "13 个状态时，TD 误差优先的更新数除以均匀的",
            ),
            share("greedy"),
            below=0.5,
        ),
    ),
    draw=draw,
    look=Text(
        "The slopes, on two logarithmic axes: uniform replay grows with the size of the memory, the oracle hardly"
        " at all.",
        "看双对数坐标上的斜率：均匀回放随记忆大小增长，先知几乎不增长。",
    ),
    facts=facts,
    teaches=Text(
        "One success among {memory:.0f} remembered steps: uniform replay needs {uniform:.0f} updates (the median), "
        "since almost every step that it samples teaches nothing. Replaying the largest TD error first needs "
        "{greedy:.0f}. The oracle needs {oracle:.0f}. The order of the replayed steps matters more than their "
        "number; but a TD error that never vanishes, as with a noisy reward, would be replayed forever: hence the "
        "random sampling and the exponent in real prioritised replay.",
        "{memory:.0f} 步记忆里只有一次成功：均匀回放要 {uniform:.0f} 次更新（中位数），因为抽到的步几乎都没有用。先回"
        "放 TD 误差最大的，要 {greedy:.0f} 次；先知只要 {oracle:.0f} 次。回放的顺序比数量更重要；但 TD 误差永远不消失"
        "的步（例如带噪声的奖励）会被没完没了地回放：所以真正的优先回放要有随机性和指数。",
    ),
    minutes=1,
)
