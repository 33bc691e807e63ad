"""Learning from a user: the played steps become a dataset, and an off-policy algorithm trains on it offline."""

from __future__ import annotations

import dataclasses
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.claim import Claim
from zerone.environments import catalogue
from zerone.environments.spaces import Spaces
from zerone.offline.writer import DatasetWriter
from zerone.training.agent import Agent
from zerone.training.train import train

FOLDER, PLAYED, RUN = "learn-from-me", "played", "run"
REPLAYS, LEAST, MOST = 200, 2_000, 20_000
"""For tables: how often each recorded step is replayed, and the least and the most updates."""
NETWORK = {"dqn": 6_000, "ddpg": 4_000}
"""For networks: the steps of the training, which take about ten seconds."""
SMALL: dict[str, dict[str, Any]] = {"dqn": {"hidden": (64, 64)}, "ddpg": {"hidden": (64, 64)}}
EPISODES = 100


@dataclasses.dataclass
class Episode:
    """The recorded steps of an episode."""

    seed: int
    observations: list[Any]
    actions: list[Any]
    rewards: list[float]
    terminated: bool = False
    truncated: bool = False

    @classmethod
    def begun(cls, seed: int, observation: Any) -> Episode:
        """An episode without steps, with its first observation."""
        return cls(seed, [observation], [], [])

    def add(self, actor: Any) -> None:
        """Add the last step of an `Actor`."""
        self.observations.append(actor.observation)
        self.actions.append(actor.action)
        self.rewards.append(actor.reward)
        self.terminated, self.truncated = actor.terminated, actor.over and not actor.terminated

    def copy(self) -> Episode:
        """A copy, to which later steps are not added."""
        return Episode(
            self.seed, list(self.observations), list(self.actions), list(self.rewards), self.terminated, self.truncated
        )


@dataclasses.dataclass(frozen=True)
class Learnt:
    """The result of learning from a user: the agent, its mean return, its run, and the size of the dataset."""

    agent: Agent
    environment: Any
    mean: float
    run: str
    steps: int
    episodes: int

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object, without the agent."""
        return {
            "mean": float(f"{self.mean:.4g}"), "run": self.run, "steps": self.steps, "episodes": self.episodes,
            "of": EPISODES,
        }  # fmt: skip


def learn_from(episodes: list[Episode], environment: str, algorithm: str, seed: int, root: Path) -> Learnt:
    """Train offline on the played episodes; dataset and run are stored below `root`.

    Raises:
        InputError: the dataset cannot be written, or the algorithm cannot learn from it.
    """
    names = (f"{FOLDER}-{n}" for n in itertools.count(1))
    name = next(each for each in names if not os.path.lexists(root / each))
    folder = root / name
    task = catalogue.make(environment)
    steps = sum(len(each.rewards) for each in episodes)
    with Claim.take(folder / PLAYED) as claim, DatasetWriter(claim, spaces_of(task), overwrite=False) as writer:
        for each in episodes:
            writer.episode(
                each.seed, each.observations, each.actions, each.rewards, terminated=each.terminated,
                truncated=each.truncated,
            )  # fmt: skip
        about = {"id": environment, "options": {}}
        writer.finish({
            "dataset_id": f"{name}/{PLAYED}-v0", "algorithm_name": "a person",
            "description": f"a person on {environment}, recorded by zerone lab",
            "zerone": {"environment": about, "seed": seed},
        })  # fmt: skip
    updates = NETWORK.get(algorithm, int(np.clip(REPLAYS * steps, LEAST, MOST)))
    run = train(
        algorithm, environment, dataset=folder / PLAYED, steps=updates, seed=seed, out=folder / RUN,
        settings=SMALL.get(algorithm, {}), evaluation_episodes=EPISODES, stop_when_solved=False, figure=False,
        progress=False,
    )  # fmt: skip
    agent = run.agent()
    mean = float(agent.evaluate(EPISODES).mean)
    return Learnt(agent, task, mean, f"{name}/{RUN}", steps, len(episodes))


def spaces_of(task: Any) -> Spaces:
    """The spaces of an environment, as a dataset stores them."""
    return Spaces(task.observation_space, task.action_space)
