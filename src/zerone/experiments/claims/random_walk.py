"""n-step returns and traces with λ on the 19-state random walk: an intermediate n and λ are best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.language import translated
from zerone.experiments.protocol import Experiment, Question, Results, Text, estimate

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

STATES = 19
TRUE_VALUES = np.arange(-18, 20, 2) / 20
"""The reward is -1 at the left end and 1 at the right one: Sutton & Barto 2018, example 7.1."""
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
DECAYS = (0.0, 0.4, 0.8, 0.9, 0.95, 0.975, 0.99, 1.0)
RATES = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, *(round(0.05 * each, 2) for each in range(2, 21)))
LARGEST_ERROR = 1.0


def walk(random: np.random.Generator) -> tuple[np.ndarray, float]:
    """One episode that begins in the middle: its states, numbered from 1 to 19, and the reward at its end."""
    states = [(STATES + 1) // 2]
    while 0 < states[-1] <= STATES:
        states.append(states[-1] + (1 if random.random() < 0.5 else -1))
    return np.asarray(states[:-1]), 1.0 if states[-1] else -1.0


def error(values: np.ndarray) -> np.ndarray:
    """The root mean square error over states of tables [..., 19], cut at 1, which bounds it for diverging tables."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.sqrt(((values - TRUE_VALUES) ** 2).mean(-1))
    return np.asarray(np.fmin(found, LARGEST_ERROR))


def n_step(walks: list[tuple[np.ndarray, float]], n: int, rates: np.ndarray) -> np.ndarray:
    """n-step TD for all step sizes at once; the error averaged over the ends of episodes. Section 7.1."""
    values, errors = np.zeros((len(rates), STATES + 2)), []
    for states, reward in walks:
        last = len(states)
        for time in range(last + n - 1):
            learnt = time - n + 1
            if learnt >= 0:  # the episode's only reward, or the value of the state n steps later
                target = reward if time + 1 >= last else values[:, states[time + 1]]
                values[:, states[learnt]] += rates * (target - values[:, states[learnt]])
        errors.append(error(values[:, 1:-1]))
    return np.asarray(np.mean(errors, 0))


def traces(walks: list[tuple[np.ndarray, float]], decays: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """TD(λ) with accumulating traces for all λ and step sizes at once. Section 12.2."""
    values, errors = np.zeros((len(decays), len(rates), STATES + 2)), []
    with np.errstate(over="ignore", invalid="ignore"):
        for states, reward in walks:
            trace = np.zeros((len(decays), 1, STATES + 2))
            for time, state in enumerate(states):
                target = reward if time + 1 == len(states) else values[..., states[time + 1]]
                trace *= decays[:, None, None]
                trace[..., state] += 1
                values += (rates * (target - values[..., state]))[..., None] * trace
            errors.append(error(values[..., 1:-1]))
    return np.asarray(np.mean(errors, 0))


def measure(settings: Settings, seed: int) -> Measured:
    """The error over the first episodes: [n or λ, step sizes]. Both methods use the same walks."""
    random = np.random.default_rng(seed)
    walks = [walk(random) for _ in range(settings["episodes"])]
    rates = np.asarray(settings["rates"])
    if settings["method"] == "traces":
        return {"error": traces(walks, np.asarray(settings["values"]), rates)}
    return {"error": np.stack([n_step(walks, n, rates) for n in settings["values"]])}


def best(errors: np.ndarray) -> np.ndarray:
    """Errors [seeds, values] of the second half of the seeds, at the step size that was best for the first half."""
    half = len(errors) // 2
    chosen = errors[:half].mean(0).argmin(-1)
    return np.stack([errors[half:, place, rate] for place, rate in enumerate(chosen)], 1)


def less(arm: str, end: int, middle: int) -> Any:
    """How much larger the error is at an extreme n or λ than at an intermediate one, each at its best step size."""

    def found(results: Results) -> Any:
        errors = best(results(arm, "error"))
        return estimate(errors[:, end] - errors[:, middle])

    return found


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the errors over step sizes, with a curve for each n and each λ."""
    shown = {"n-step": (STEPS, (1, 2, 4, 16, 64, 512), "n"), "traces": (DECAYS, (0.0, 0.4, 0.8, 0.95, 1.0), "λ")}
    for panel, (arm, (values, some, letter)) in enumerate(shown.items()):
        errors = results(arm, "error")
        for place, value in enumerate(some):
            sheet.curve(RATES, errors[:, values.index(value)], f"{letter} = {value:g}", place, panel)
        sheet.axes[panel].set_ylim(0.2, 0.6)
        sheet.axes[panel].set_title(
            translated("n-step returns") if panel == 0 else translated("traces, TD(λ)"), fontsize=11.5
        )
        errors_of = translated("error of the values\n(RMS, 10 episodes)")
        sheet.label(translated("step size α"), errors_of, panel, loc="center left", bbox_to_anchor=(1.0, 0.5))


def facts(results: Results) -> dict[str, float]:
    """The smallest errors."""
    steps, decays = best(results("n-step", "error")).mean(0), best(results("traces", "error")).mean(0)
    return {
        "n_1": steps[0], "n_4": steps[STEPS.index(4)], "n_512": steps[-1], "best_n": STEPS[int(steps.argmin())],
        "l_0": decays[0], "l_08": decays[DECAYS.index(0.8)], "l_1": decays[-1],
        "best_l": DECAYS[int(decays.argmin())],
    }  # fmt: skip


COMMON = {"episodes": 10, "rates": list(RATES)}
N4, L08 = STEPS.index(4), DECAYS.index(0.8)

EXPERIMENT = Experiment(
    name="random-walk",
    title=Text(
        "Between one step and the whole episode: n and λ on the random walk", "一步与整个回合之间：随机游走上的 n 与 λ"
    ),
    claim=Text(
        "Intermediate n and λ learn values better than either end, one step or the whole episode.",
        "居中的 n 与 λ 比两端（只看一步，或看整个回合）学得更准。",
    ),
    source=Text("Sutton & Barto 2018, example 7.1, figures 7.2 and 12.6", "Sutton & Barto 2018，例 7.1，图 7.2、12.6"),
    setup=Text(
        "n-step TD and TD(λ) with accumulating traces predict the values (-0.9 to 0.9) of a walk over 19 states, "
        "from 0 on. Measured: the root mean square error over states, mean over the first 10 episodes, for 25 step "
        "sizes. For each n and λ the step size is chosen on one half of the seeds, and the error is measured on the "
        "other. The rule names n = 4 and λ = 0.8, the book's best.",
        "n 步 TD 与带累积迹的 TD(λ) 预测 19 个状态的游走的值（-0.9 到 0.9），从 0 开始。测量：对状态的均方根误差，前 "
        "10 个回合的平均，25 种步长。每个 n 与 λ 用一半种子选出最好的步长，用另一半测量误差。标准里的 n = 4 与 λ = "
        "0.8 是书中最好的。",
    ),
    environment="19-state random walk (in the experiment's file)",
    arms={
        "n-step": {"method": "n-step", "values": list(STEPS), **COMMON},
        "traces": {"method": "traces", "values": list(DECAYS), **COMMON},
    },
    measure=measure,
    questions=(
        Question(
            Text("the error at n = 1 minus that at n = 4", "n = 1 的误差减去 n = 4 的"), less("n-step", 0, N4), above=0
        ),
        Question(
            Text("the error at n = 512 minus that at n = 4", "n = 512 的误差减去 n = 4 的"),
            less("n-step", -1, N4),
            above=0,
        ),
        Question(
            Text("the error at λ = 0 minus that at λ = 0.8", "λ = 0 的误差减去 λ = 0.8 的"),
            less("traces", 0, L08),
            above=0,
        ),
        Question(
            Text("the error at λ = 1 minus that at λ = 0.8", "λ = 1 的误差减去 λ = 0.8 的"),
            less("traces", -1, L08),
            above=0,
        ),
    ),
    draw=draw,
    look=Text(
        "The lowest point of each curve: it is lowest for n = 4 and λ = 0.8, and lies at smaller step sizes for "
        "larger n and λ.",
        "看每条曲线的最低点：n = 4 和 λ = 0.8 时最低；n 和 λ 越大，最低点所在的步长越小。",
    ),
    facts=facts,
    panels=2,
    teaches=Text(
        "A one-step target relies on a neighbour's value, which is still wrong; the return of a whole episode has a "
        "large variance. In between both errors are smaller: the error at the best step size is {n_1:.3f} with n = "
        "1, {n_4:.3f} with 4 and {n_512:.3f} with 512; {l_0:.3f} with λ = 0, {l_08:.3f} with 0.8 and {l_1:.3f} with "
        "1. λ mixes all n, so a roughly right λ is enough. The best step size falls as n grows, so the two must be "
        "tuned together.",
        "一步的目标依赖相邻状态的价值，而它还不准；整个回合的回报方差很大。居中则两种误差都小：各自最好的步长下，n = "
        "1 的误差是 {n_1:.3f}，4 是 {n_4:.3f}，512 是 {n_512:.3f}；λ = 0 是 {l_0:.3f}，0.8 是 {l_08:.3f}，1 是 "
        "{l_1:.3f}。λ 把所有的 n 混在一起，所以 λ 大致合适就够了。n 越大，最好的步长越小，所以两者要一起调。",
    ),
    minutes=1,
    seeds=100,
    quick_seeds=10,
)
