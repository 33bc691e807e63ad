"""REINFORCE's moving reward on MountainCar without a time limit: the numbers that the tutorial prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.language import translated
from zerone.environments import catalogue as environments
from zerone.experiments.protocol import Estimate, Experiment, Question, Results, Text, estimate
from zerone.experiments.recording import episode_lengths
from zerone.experiments.tutorial import REINFORCE_SETTINGS, chapter, reinforce

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

PRINTED = {154: -10667, 387: -2009, 489: -1006, 628: -502}
"""The moving reward that the tutorial prints, by episode."""
KEPT = 0.99


def moving(returns: np.ndarray) -> np.ndarray:
    """The tutorial's moving average: it begins at the first return, and each new return has the weight 1/100."""
    found = [float(returns[0])]
    for each in returns[1:]:
        found.append(KEPT * found[-1] + (1 - KEPT) * float(each))
    return np.array(found)


def lengths(settings: Settings, seed: int) -> np.ndarray:
    """The lengths of the first `episodes` episodes, or of fewer if `budget` steps are over."""
    environment = environments.make("MountainCar-v0", limit=0)
    return episode_lengths(reinforce(settings), environment, seed, settings["episodes"], settings["budget"])


def measure(settings: Settings, seed: int) -> Measured:
    """The moving reward after each episode; constant once the budget of steps is over."""
    steps = lengths(settings, seed)
    found = np.full(settings["episodes"], np.nan)
    found[: len(steps)] = moving(-steps)
    found[len(steps) :] = found[len(steps) - 1]
    return {"moving": found, "steps": int(steps.sum()), "first": int(steps[0]), "episodes": len(steps)}


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the negated moving reward on a logarithmic axis, and the tutorial's numbers."""
    found = -results("reinforce", "moving")
    sheet.curve(np.arange(found.shape[1]), found, translated("mean"), 0)
    for row in found:
        sheet.axes[0].plot(row, color="#0072B2", alpha=0.15, linewidth=0.8)
    sheet.axes[0].plot(list(PRINTED), [-value for value in PRINTED.values()], "D", color="#D55E00", markersize=8,
                       label=translated("the tutorial's"), zorder=5)  # fmt: skip
    sheet.axes[0].set_yscale("log")
    sheet.label(translated("episode"), translated("steps per episode, moving average"))


def compared(episode: int) -> Any:
    """The moving reward after an episode (geometric mean over seeds) relative to the tutorial's."""

    def found(results: Results) -> Estimate:
        logs = np.log(results("reinforce", "moving")[:, episode] / PRINTED[episode])
        middle = estimate(logs)
        return Estimate(*(float(np.exp(each)) for each in (middle.value, middle.low, middle.high)))

    return found


def facts(results: Results) -> dict[str, float]:
    """The means, and the spread over seeds."""
    moving = results("reinforce", "moving")
    last = moving[:, max(PRINTED)]
    return {f"at_{episode}": moving[:, episode].mean() for episode in PRINTED} | {
        "best": last.max(), "worst": last.min(), "first": results("reinforce", "first").mean(),
        "longest_first": results("reinforce", "first").max(), "shortest_first": results("reinforce", "first").min(),
        "all": 100 * (results("reinforce", "episodes") > max(PRINTED)).mean(),
    }  # fmt: skip


EXPERIMENT = Experiment(
    name="moving-reward",
    title=Text(
        "REINFORCE on MountainCar: the numbers that the tutorial prints", "MountainCar 上的 REINFORCE：教程打印的数字"
    ),
    claim=Text(
        "REINFORCE's moving reward on MountainCar without a time limit is about -10667 at episode 154, -2009 at 387, "
        "-1006 at 489 and -502 at 628.",
        "REINFORCE 在没有时间限制的 MountainCar 上，滑动平均回报在第 154 回合约为 -10667，第 387 回合 -2009，第 489 回"
        "合 -1006，第 628 回合 -502。",
    ),
    source=chapter("policy gradients", "策略梯度"),
    setup=Text(
        "REINFORCE with normalised returns, as in the tutorial: 10 hidden units, Adam's step size 0.02, γ = 0.995; "
        "MountainCar deliberately without a time limit. The moving reward begins with the first return and takes in "
        "a hundredth of each later one. Measured: its geometric mean over seeds over what the tutorial prints. "
        "`About` means within a factor of 2. A seed that has played 6 million steps stops, and keeps its last value.",
        "标准化回报的 REINFORCE，照教程：10 个隐藏单元，Adam 步长 0.02，γ = 0.995；MountainCar 特意不设时间限制。滑动"
        "平均从第一个回报开始，此后每个新回报占百分之一。测量：它对种子的几何平均除以教程打印的数。“约为”指相差不超过 "
        "2 倍。玩满六百万步的种子停下，保留最后的值。",
    ),
    environment="MountainCar-v0",
    arms={"reinforce": {**REINFORCE_SETTINGS, "episodes": 640, "budget": 6_000_000}},
    measure=measure,
    questions=tuple(
        Question(
            Text(
                f"the moving reward at episode {episode} over the tutorial's {value}",
                f"第 {episode} 回合的滑动平均回报除以教程的 {value}",
            ),
            compared(episode),
            above=0.5,
            below=2,
        )
        for episode, value in PRINTED.items()
    ),
    draw=draw,
    look=Text(
        "Whether the diamonds lie on the thick line, and how wide the thin lines, one for each seed, spread around it.",
        "看菱形是否落在粗线上，以及每个种子一条的细线在它周围散得多宽。",
    ),
    facts=facts,
    teaches=Text(
        "The printed numbers are typical of this method, not those of a lucky seed: on average over seeds the moving "
        "reward is {at_154:.0f} at episode 154, {at_387:.0f} at 387, {at_489:.0f} at 489 and {at_628:.0f} at 628. "
        "Much of the curve comes from the average itself: it begins with the first episode, which takes "
        "{shortest_first:.0f} steps or {longest_first:.0f}, depending on luck, and loses a hundredth of it in each "
        "further episode. After 628 episodes the best seed is at {best:.0f}, the worst at {worst:.0f}. With "
        "Gymnasium's limit of 200 steps none of this could be learnt: random actions never reach the flag so early.",
        "打印的数字是这个方法的常态，不是走运的种子：对种子平均，滑动平均回报在第 154 回合是 {at_154:.0f}，第 387 回"
        "合 {at_387:.0f}，第 489 回合 {at_489:.0f}，第 628 回合 {at_628:.0f}。曲线有很大一部分是平均本身造成的：它从"
        "第一个回合开始，那个回合可能用 {shortest_first:.0f} 步，也可能用 {longest_first:.0f} 步，全凭运气，此后每回"
        "合只忘掉百分之一。628 个回合之后，最好的种子是 {best:.0f}，最差的是 {worst:.0f}。有了 Gymnasium 的 200 步限"
        "制，这些都学不到：随机动作不会这么快走到旗子。",
    ),
    minutes=3,
    seeds=40,
    version=3,
    quick={"budget": 1_500_000},
)
