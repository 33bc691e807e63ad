"""Zerone: reinforcement learning from zero to one.

    import zerone as zo
    run = zo.train("dqn", "CartPole-v1")          # the preset; or zo.train(zo.DQN(double=True), ..., steps=50_000)
    run.plot()
    print(run.evaluate(episodes=100)["return_mean"])
    agent = zo.load(run.path).agent()
    action = agent.act(observation)

What is named here is imported when it is first used, so that `import zerone` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from zerone import callbacks as callbacks
    from zerone.algorithms.a3c import A3C as A3C
    from zerone.algorithms.actor_critic import ActorCritic as ActorCritic
    from zerone.algorithms.ddpg import DDPG as DDPG
    from zerone.algorithms.dppo import DPPO as DPPO
    from zerone.algorithms.dqn import DQN as DQN
    from zerone.algorithms.dyna_q import DynaQ as DynaQ
    from zerone.algorithms.monte_carlo import MonteCarlo as MonteCarlo
    from zerone.algorithms.ppo import PPO as PPO
    from zerone.algorithms.q_learning import QLearning as QLearning
    from zerone.algorithms.reinforce import Reinforce as Reinforce
    from zerone.algorithms.sac import SAC as SAC
    from zerone.algorithms.sarsa import Sarsa as Sarsa
    from zerone.algorithms.sarsa_lambda import SarsaLambda as SarsaLambda
    from zerone.algorithms.td3 import TD3 as TD3
    from zerone.base.chosen_language import set_language as set_language
    from zerone.base.errors import InputError as InputError
    from zerone.base.errors import RunError as RunError
    from zerone.base.errors import ZeroneError as ZeroneError
    from zerone.environments.catalogue import make as make
    from zerone.recording.record import record as record
    from zerone.studies.compare import Comparison as Comparison
    from zerone.studies.compare import compare as compare
    from zerone.studies.search import Range as Range
    from zerone.studies.sweep import resume_sweep as resume_sweep
    from zerone.studies.sweep import sweep as sweep
    from zerone.studies.sweep_result import Sweep as Sweep
    from zerone.training.agent import Agent as Agent
    from zerone.training.events import Callback as Callback
    from zerone.training.listeners import CallbackError as CallbackError
    from zerone.training.register import register as register
    from zerone.training.resume import resume as resume
    from zerone.training.run import Run as Run
    from zerone.training.run import load as load
    from zerone.training.train import train as train

__version__ = "0.1.0"

_PLACES = {
    "A3C": "zerone.algorithms.a3c",
    "ActorCritic": "zerone.algorithms.actor_critic",
    "DDPG": "zerone.algorithms.ddpg",
    "DPPO": "zerone.algorithms.dppo",
    "DQN": "zerone.algorithms.dqn",
    "DynaQ": "zerone.algorithms.dyna_q",
    "MonteCarlo": "zerone.algorithms.monte_carlo",
    "PPO": "zerone.algorithms.ppo",
    "QLearning": "zerone.algorithms.q_learning",
    "Reinforce": "zerone.algorithms.reinforce",
    "SAC": "zerone.algorithms.sac",
    "Sarsa": "zerone.algorithms.sarsa",
    "SarsaLambda": "zerone.algorithms.sarsa_lambda",
    "TD3": "zerone.algorithms.td3",
    "InputError": "zerone.base.errors",
    "RunError": "zerone.base.errors",
    "ZeroneError": "zerone.base.errors",
    "make": "zerone.environments.catalogue",
    "register": "zerone.training.register",
    "set_language": "zerone.base.chosen_language",
    "Agent": "zerone.training.agent",
    "Callback": "zerone.training.events",
    "CallbackError": "zerone.training.listeners",
    "Comparison": "zerone.studies.compare",
    "compare": "zerone.studies.compare",
    "Run": "zerone.training.run",
    "load": "zerone.training.run",
    "record": "zerone.recording.record",
    "resume": "zerone.training.resume",
    "train": "zerone.training.train",
    "Range": "zerone.studies.search",
    "Sweep": "zerone.studies.sweep_result",
    "resume_sweep": "zerone.studies.sweep",
    "sweep": "zerone.studies.sweep",
}

_RUNS = ("Run", "load", "resume", "train")
"""What gives a run to a person, who may look at it in a notebook."""

_MODULES = {"callbacks": "zerone.callbacks"}

__all__ = [*_PLACES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _PLACES:
        value = getattr(importlib.import_module(_PLACES[name]), name)
        if name in _RUNS:
            _let_runs_show_films()
    else:
        raise AttributeError(f"module 'zerone' has no attribute {name!r}")
    globals()[name] = value
    return value


def _let_runs_show_films() -> None:
    """Let a run in a notebook show what the page shows, which lies above it."""
    from zerone.training import notebook

    def page_of(path: Path) -> str:
        from zerone.lab.one_file import page_of

        return page_of(path)

    notebook.page_of = page_of


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES, *_MODULES])
