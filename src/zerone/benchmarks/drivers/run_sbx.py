"""SBX: DQN and PPO. The JAX updates compile at their first call, during the warm-up.

Difference from CleanRL's settings that cannot be avoided: its DQN has a Huber loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import flax.linen as nn
import torch
from run_stable_baselines3 import dqn_settings, measure, ppo_settings
from sbx import DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stopwatch import Report, Work, work_from_command_line

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


def build(work: Work) -> BaseAlgorithm:
    """The algorithm for the work."""
    if work.algorithm == "dqn":
        settings = dqn_settings(work)
        del settings["max_grad_norm"]  # SBX's DQN does not clip
        settings["policy_kwargs"]["activation_fn"] = nn.relu
        return DQN("MlpPolicy", make_vec_env(work.environment, n_envs=1), **settings)
    settings = ppo_settings(work)
    settings["policy_kwargs"] |= {"activation_fn": nn.tanh, "ortho_init": True}
    return PPO("MlpPolicy", make_vec_env(work.environment, n_envs=work.h["environments"]), **settings)


def main() -> None:
    """Measure SBX on the work."""
    work, report = work_from_command_line(), Report()
    torch.set_num_threads(1)
    report.imported()
    measure(work, report, build(work))
    report.emit()


if __name__ == "__main__":
    main()
