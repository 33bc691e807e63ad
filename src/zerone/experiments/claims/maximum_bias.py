"""The maximum of noisy values is biased upwards, and more so the more values there are; the double estimate is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from zerone.base.language import translated
from zerone.experiments.protocol import Experiment, Question, Results, Text, estimate
from zerone.parts.returns import double_value, max_value

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

ACTIONS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64)


def closed_form(actions: Any) -> Any:
    """E[max] of m errors that are uniform in [-1, 1]: (m - 1) / (m + 1). Van Hasselt et al. 2016, appendix."""
    return (actions - 1) / (actions + 1)


def measure(settings: Settings, seed: int) -> Measured:
    """The mean of many estimates of max_a Q(s, a) = 0 for each number of actions, computed by Zerone's own targets."""
    found: dict[str, list[float]] = {"single": [], "double": []}
    for actions in settings["actions"]:
        random = np.random.default_rng([seed, actions])
        one, other = random.uniform(-1, 1, (2, settings["trials"], actions)).astype(np.float32)
        found["single"].append(float(max_value(jnp.asarray(one)).mean()))
        found["double"].append(float(double_value(jnp.asarray(one), jnp.asarray(other)).mean()))
    return found


def off(measure: str, wanted: Any) -> Any:
    """The difference from the expected value, averaged over all numbers of actions."""
    return lambda results: estimate((results("uniform", measure) - wanted).mean(1))


def draw(sheet: Sheet, results: Results) -> None:
    """Draw both estimates against the number of actions."""
    number = np.asarray(ACTIONS)
    sheet.curve(number, results("uniform", "single"), translated("maximum (DQN)"), 0, marked=True)
    sheet.curve(number, results("uniform", "double"), translated("double estimate (Double DQN)"), 1, marked=True)
    smooth = np.geomspace(2, 64, 100)
    sheet.axes[0].plot(smooth, closed_form(smooth), "--", color="#23262B", linewidth=1.3, label="(m - 1) / (m + 1)")
    sheet.axes[0].set_xscale("log", base=2)
    sheet.axes[0].set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
    sheet.label(translated("number of actions m"), translated("bias (largest error = 1)"))


def facts(results: Results) -> dict[str, float]:
    """In how many cases the interval contains the closed form."""
    inside = 0
    for place, actions in enumerate(ACTIONS):
        found = estimate(results("uniform", "single")[:, place])
        inside += found.low <= closed_form(actions) <= found.high
    return {"inside": inside, "cases": len(ACTIONS), "two": results("uniform", "single")[:, 0].mean(),
            "most": results("uniform", "single")[:, -1].mean()}  # fmt: skip


EXPERIMENT = Experiment(
    name="maximum-bias",
    title=Text(
        "The maximum of noisy values is too high; the double estimate is not", "带噪声的最大值偏高，双重估计不偏"
    ),
    claim=Text(
        "Where all actions are worth 0 and the errors of their values are uniform in ±1, the maximum of m values is "
        "(m - 1) / (m + 1) on average, and the double estimate 0.",
        "所有动作的真值都是 0、估计误差在 ±1 内均匀时，m 个值的最大值平均为 (m - 1) / (m + 1)，双重估计平均为 0。",
    ),
    source=Text("Van Hasselt et al. 2016, section 3 and appendix", "Van Hasselt 等 2016，第 3 节与附录"),
    setup=Text(
        "2,000 states with m = 2 to 64 actions, all worth 0, seen through errors that are uniform in ±1. The targets "
        "are those that DQN and Double DQN are trained with here (`returns.max_value`, `returns.double_value`, the "
        "latter with independent errors of its two networks). Measured: their mean.",
        "2,000 个状态，m = 2 到 64 个动作，真值都是 0，带 ±1 内均匀的误差。所用目标正是这里训练 DQN 与 Double DQN 的"
        "（`returns.max_value`、`returns.double_value`，后者两个网络的误差互相独立）。测量：它们的平均值。",
    ),
    environment="none: values with errors",
    arms={"uniform": {"actions": list(ACTIONS), "trials": 2_000}},
    measure=measure,
    questions=(
        Question(
            Text(
                "the maximum's bias minus (m - 1) / (m + 1), mean over m",
                "最大值的偏差减去 (m - 1) / (m + 1)（对 m 平均）",
            ),
            off("single", closed_form(np.asarray(ACTIONS))),
            above=-0.005,
            below=0.005,
        ),
        Question(
            Text("the double estimate's bias, mean over m", "双重估计的偏差（对 m 平均）"),
            off("double", 0.0),
            above=-0.01,
            below=0.01,
        ),
    ),
    draw=draw,
    look=Text(
        "The blue curve lies on the dashed one, the closed form, and grows with the number of actions; the orange"
        " one stays at 0.",
        "蓝线落在虚线（闭式解）上，动作越多越高；橙线一直在 0。",
    ),
    facts=facts,
    teaches=Text(
        "No mistake is needed for DQN's values to be too high: it is enough that the target is the largest of "
        "several noisy values. With 2 actions a third of the largest error is added ({two:.2f}), with 64 nearly all "
        "of it ({most:.2f}). In the double estimate one network selects and another one evaluates. {inside:.0f} of "
        "{cases:.0f} intervals contain the closed form.",
        "DQN 的值偏高，并不需要有什么错误：以几个带噪声的值里最大的一个为目标，就足够了。2 个动作时多出最大误差的三分"
        "之一（{two:.2f}），64 个动作时几乎是全部（{most:.2f}）。双重估计让一个网络挑选，另一个网络评价。{cases:.0f} "
        "个区间中有 {inside:.0f} 个包含闭式解。",
    ),
    minutes=0.1,
    seeds=40,
    quick={"trials": 500},
)
