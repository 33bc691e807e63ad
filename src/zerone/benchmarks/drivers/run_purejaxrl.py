"""PureJaxRL: DQN and PPO from a checkout, unchanged.

Modules that its files import but this work does not use (wandb, brax, navix) are replaced by empty ones, and names that
newer dependencies have renamed are restored. Its DQN does not distinguish termination from truncation.
"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from stopwatch import Moment, Report, Work, work_from_command_line


def stand_in(name: str, **attributes: Any) -> None:
    """Register an empty module with these attributes under `name`."""
    module = types.ModuleType(name)
    module.__dict__.update(attributes)
    sys.modules[name] = module


def prepare(checkout: str) -> None:
    """Make its files importable."""
    stand_in("wandb")
    stand_in("navix")
    stand_in("brax", envs=None)
    stand_in("brax.envs")
    stand_in("brax.envs.wrappers")
    stand_in("brax.envs.wrappers.training", EpisodeWrapper=None, AutoResetWrapper=None)
    if not hasattr(jax, "tree_map"):
        jax.tree_map = jax.tree.map
    sys.path.insert(0, str(Path(checkout) / "purejaxrl"))


def dqn_config(work: Work) -> dict[str, Any]:
    """The work's hyperparameters of DQN under PureJaxRL's names."""
    h = work.h
    return {
        "NUM_ENVS": h.get("environments", 1),
        "BUFFER_SIZE": h["memory"],
        "BUFFER_BATCH_SIZE": h["batch"],
        "EPSILON_START": 1.0,
        "EPSILON_FINISH": h["exploration_end"],
        "EPSILON_ANNEAL_TIME": h["exploration_fraction"] * work.steps,
        "TARGET_UPDATE_INTERVAL": h["target_update"],
        "LR": h["learning_rate"],
        "LEARNING_STARTS": h["learning_starts"],
        "TRAINING_INTERVAL": h["steps_per_update"],
        "LR_LINEAR_DECAY": False,
        "GAMMA": h["discount"],
        "TAU": 1.0,
        "ENV_NAME": work.environment,
        "WANDB_MODE": "disabled",
    }


def ppo_config(work: Work) -> dict[str, Any]:
    """Those of PPO. `DEBUG`, on by default, prints each episode from inside of the program and halves the speed."""
    h = work.h
    return {
        "LR": h["learning_rate"],
        "NUM_ENVS": h["environments"],
        "NUM_STEPS": h["horizon"],
        "UPDATE_EPOCHS": h["epochs"],
        "NUM_MINIBATCHES": h["minibatches"],
        "GAMMA": h["discount"],
        "GAE_LAMBDA": h["trace"],
        "CLIP_EPS": h["clip"],
        "ENT_COEF": h["entropy"],
        "VF_COEF": h["value_weight"],
        "MAX_GRAD_NORM": h["gradient_norm"],
        "ACTIVATION": "tanh",
        "ENV_NAME": work.environment,
        "ANNEAL_LR": True,
        "DEBUG": h.get("report_episodes", False),
    }


def timed(function: Any, keys: jax.Array) -> tuple[tuple[Moment, Moment], Any]:
    """Call a function: the moments before and after the call, and its result."""
    begin = Moment.now()
    out = jax.block_until_ready(function(keys))
    return (begin, Moment.now()), out


def last_returns(metrics: Any) -> tuple[float, str]:
    """The return over the last tenth of the training, and a description of it."""
    if "returned_episode" not in metrics:  # DQN
        returns = metrics["returns"]
        tail = returns[..., -max(1, returns.shape[-1] // 10) :]
        return float(tail.mean()), "the latest episode's, averaged over the last tenth of the steps"
    done, returns = metrics["returned_episode"], metrics["returned_episode_returns"]
    tail = slice(-max(1, done.shape[-3] // 10), None)
    done, returns = done[..., tail, :, :], returns[..., tail, :, :]
    return float((done * returns).sum() / jnp.maximum(done.sum(), 1)), "mean of the episodes in the last tenth"


def main() -> None:
    """Compile a short and a long training, run each twice, and report the difference of the second runs."""
    work, report = work_from_command_line(), Report()
    if not work.checkout:
        raise ValueError("PureJaxRL is not a package: give the path to a checkout")
    prepare(work.checkout)
    make_train = importlib.import_module(work.algorithm).make_train
    config = {"dqn": dqn_config, "ppo": ppo_config}[work.algorithm](work)
    report.imported()

    keys = jax.random.split(jax.random.PRNGKey(work.seed), work.seeds)
    if work.seeds == 1:
        keys = keys[0]

    def compiled(steps: int) -> Any:
        train = make_train({**config, "TOTAL_TIMESTEPS": steps})
        return jax.jit(train if work.seeds == 1 else jax.vmap(train)).lower(keys).compile()

    training = compiled(work.steps)
    report.started()
    beginning = compiled(work.warm_steps)
    timed(beginning, keys)
    short, _ = timed(beginning, keys)
    timed(training, keys)
    long, out = timed(training, keys)
    report.steady_by_difference((work.steps - work.warm_steps) * work.seeds, long, short)
    report.reached(*last_returns(out["metrics"]))
    report.emit()


if __name__ == "__main__":
    main()
