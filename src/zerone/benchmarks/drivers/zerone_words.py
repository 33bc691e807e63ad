"""The hyperparameters of the works under Zerone's names. Only this file changes if Zerone's names change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopwatch import Work


def fields(work: Work) -> dict[str, Any]:
    """The fields of Zerone's algorithm for a work; `steps_per_update` is divided by the number of environments."""
    h = work.h
    if work.algorithm == "dqn":
        return {
            "normalize_observations": "off",
            "learning_rate": h["learning_rate"],
            "discount": h["discount"],
            "epsilon_end": h["exploration_end"],
            "epsilon_steps": h["exploration_fraction"] * work.steps,
            "batch": h["batch"],
            "memory": h["memory"],
            "warmup": h["learning_starts"],
            "environments": h["environments"],
            "steps_per_update": h["steps_per_update"] // h["environments"],
            "updates": h.get("updates", 1),  # explicit, because a preset may have more
            "prioritized": h.get("prioritized", False),
            "target_period": max(1, h["target_update"] // h["steps_per_update"]),  # in updates; theirs in steps
            "hidden": tuple(h["hidden"]),
            "max_gradient_norm": 1e6,  # practically no clipping
        }
    if work.algorithm in ("ddpg", "sac"):
        noise = {"noise_start": h["noise"], "noise_end": h["noise"]} if work.algorithm == "ddpg" else {}
        return noise | {
            "normalize_observations": "off",
            "learning_rate": h["learning_rate"],
            "critic_learning_rate": h["learning_rate"],
            "discount": h["discount"],
            "batch": h["batch"],
            "memory": h["memory"],
            "warmup": h["learning_starts"],
            "environments": h["environments"],
            "steps_per_update": h["steps_per_update"] // h["environments"],
            "updates": 1,
            "target_period": 1,
            "target_step": h["target_step"],
            "hidden": tuple(h["hidden"]),
        }
    if work.algorithm == "ppo":
        return {
            "normalize_observations": "off",
            "normalize_rewards": False,
            "learning_rate": h["learning_rate"],
            "learning_rate_end": 0.0,
            "decay_steps": float(work.steps),
            "discount": h["discount"],
            "trace_decay": h["trace"],
            "clip": h["clip"],
            "entropy_bonus": h["entropy"],
            "value_cost": h["value_weight"],
            "max_gradient_norm": h["gradient_norm"],
            "environments": h["environments"],
            "steps_per_update": h["horizon"],
            "epochs": h["epochs"],
            "minibatches": h["minibatches"],
            "hidden": tuple(h["hidden"]),
        }
    table: dict[str, Any] = {
        "learning_rate": h["learning_rate"],
        "discount": h["discount"],
        "epsilon": h["exploration_end"],
    }
    own = {"trace": "trace_decay", "trace_kind": "trace", "visits": "visits", "planning_steps": "planning_steps"}
    if work.algorithm == "monte-carlo":
        table["averaging"] = False
    return table | {name: h[word] for word, name in own.items() if word in h}


def algorithm(work: Work) -> Any:
    """Zerone's algorithm object for the work."""
    import zerone as zo

    return {
        "ddpg": zo.DDPG,
        "dqn": zo.DQN,
        "ppo": zo.PPO,
        "sac": zo.SAC,
        "q-learning": zo.QLearning,
        "sarsa": zo.Sarsa,
        "sarsa-lambda": zo.SarsaLambda,
        "monte-carlo": zo.MonteCarlo,
        "dyna-q": zo.DynaQ,
    }[work.algorithm](**fields(work))


def arguments(work: Work, out: str) -> list[str]:
    """The arguments of `zerone` on the command line."""
    line = ["train", work.algorithm, work.environment, f"--steps={work.steps}", f"--seed={work.seed}", f"--out={out}"]
    for name, value in fields(work).items():
        if isinstance(value, bool):
            line.append(f"--{'' if value else 'no-'}{name}")
            continue
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        line.append(f"--{name.replace('_', '-')}={text}")
    return [*line, "--json"]


def memory_bytes(work: Work) -> int:
    """The bytes of the replay memory's arrays, computed from their shapes; 0 if the algorithm has none."""
    import jax

    from zerone.environments import catalogue
    from zerone.environments.spaces import Spaces

    environment = catalogue.make(work.environment)
    spaces = Spaces(environment.observation_space, environment.action_space)
    state = jax.eval_shape(lambda key: algorithm(work).init(key, spaces), jax.random.key(0))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(getattr(state, "memory", ())))
