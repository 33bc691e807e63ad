"""Stable-Baselines3: DQN, PPO, DDPG and SAC.

Differences from CleanRL's settings that cannot be avoided: its DQN has a Huber loss and always computes the gradient's
norm. During the warm-up of DDPG and SAC, actions are uniform, as in Zerone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from stable_baselines3 import DDPG, DQN, PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stopwatch import Moment, Report, Work, work_from_command_line

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


class Stamp(BaseCallback):
    """Records the time when the warm-up steps are done."""

    def __init__(self, warm_steps: int) -> None:
        super().__init__()
        self.warm_steps = warm_steps
        self.moment: Moment | None = None
        self.steps = 0

    def _on_step(self) -> bool:
        if self.moment is None and self.num_timesteps >= self.warm_steps:
            self.moment, self.steps = Moment.now(), self.num_timesteps
        return True


def dqn_settings(work: Work) -> dict[str, Any]:
    """The work's hyperparameters of DQN under this library's names, which SBX shares."""
    h = work.h
    return {
        "learning_rate": h["learning_rate"],
        "buffer_size": h["memory"],
        "learning_starts": h["learning_starts"],
        "batch_size": h["batch"],
        "gamma": h["discount"],
        "train_freq": h["steps_per_update"],
        "gradient_steps": 1,
        "target_update_interval": h["target_update"],
        "exploration_fraction": h["exploration_fraction"],
        "exploration_initial_eps": 1.0,
        "exploration_final_eps": h["exploration_end"],
        "max_grad_norm": float("inf"),
        "policy_kwargs": {"net_arch": h["hidden"]},
        "seed": work.seed,
        "device": "cpu",
    }


def ppo_settings(work: Work) -> dict[str, Any]:
    """Those of PPO."""
    h = work.h
    return {
        "learning_rate": lambda remaining: remaining * h["learning_rate"],
        "n_steps": h["horizon"],
        "batch_size": h["environments"] * h["horizon"] // h["minibatches"],
        "n_epochs": h["epochs"],
        "gamma": h["discount"],
        "gae_lambda": h["trace"],
        "clip_range": h["clip"],
        "clip_range_vf": h["clip"],
        "ent_coef": h["entropy"],
        "vf_coef": h["value_weight"],
        "max_grad_norm": h["gradient_norm"],
        "policy_kwargs": {"net_arch": {"pi": h["hidden"], "vf": h["hidden"]}},
        "seed": work.seed,
        "device": "cpu",
    }


def sac_settings(work: Work) -> dict[str, Any]:
    """Those of SAC; the temperature is learnt."""
    h = work.h
    return {
        "learning_rate": h["learning_rate"],
        "buffer_size": h["memory"],
        "learning_starts": h["learning_starts"],
        "batch_size": h["batch"],
        "tau": h["target_step"],
        "gamma": h["discount"],
        "train_freq": h["steps_per_update"],
        "gradient_steps": 1,
        "policy_kwargs": {"net_arch": h["hidden"]},
        "seed": work.seed,
        "device": "cpu",
    }


def ddpg_settings(work: Work) -> dict[str, Any]:
    """Those of DDPG, with noise for one action dimension, as Pendulum has."""
    return sac_settings(work) | {"action_noise": NormalActionNoise(np.zeros(1), np.full(1, work.h["noise"]))}


def build(work: Work) -> BaseAlgorithm:
    """The algorithm for the work."""
    if work.algorithm == "ddpg":
        return DDPG("MlpPolicy", make_vec_env(work.environment, n_envs=1), **ddpg_settings(work))
    if work.algorithm == "sac":
        return SAC("MlpPolicy", make_vec_env(work.environment, n_envs=1), **sac_settings(work))
    if work.algorithm == "dqn":
        return DQN("MlpPolicy", make_vec_env(work.environment, n_envs=1), **dqn_settings(work))
    return PPO("MlpPolicy", make_vec_env(work.environment, n_envs=work.h["environments"]), **ppo_settings(work))


def measure(work: Work, report: Report, model: BaseAlgorithm) -> None:
    """Train, and report the time from the end of the warm-up to the end of the training."""
    stamp = Stamp(work.warm_steps)
    model.learn(work.steps, callback=stamp)
    end = Moment.now()
    if stamp.moment is None:
        raise ValueError(f"{work.steps} steps are all warm-up")
    report.steady(model.num_timesteps - stamp.steps, stamp.moment, end)
    episodes = [episode["r"] for episode in model.ep_info_buffer or []]
    if episodes:
        report.reached(sum(episodes) / len(episodes), f"mean of the last {len(episodes)} training episodes")


def main() -> None:
    """Measure Stable-Baselines3 on the work."""
    work, report = work_from_command_line(), Report()
    torch.set_num_threads(1)
    report.imported()
    measure(work, report, build(work))
    report.emit()


if __name__ == "__main__":
    main()
