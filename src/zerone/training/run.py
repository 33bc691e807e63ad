"""A run folder as a person handles it: what was asked, what came of it, and the agents it trained."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.place import absolute, as_seen
from zerone.base.platforms import default_platform
from zerone.base.saved_types import EnvironmentConfig, Result
from zerone.charts.image import Figure
from zerone.engines.protocol import Engine, EvaluationSettings
from zerone.environments.gym.around import Around
from zerone.environments.gym.processes import Processes
from zerone.training import action_masks
from zerone.training.agent import Agent
from zerone.training.algorithm_setup import make_algorithm_from
from zerone.training.engine_setup import make_engine, require_steps_that_can_be_late
from zerone.training.entry import entry
from zerone.training.environment_setup import EnvironmentLike
from zerone.training.evaluation import EVALUATION_EPISODES, Ways
from zerone.training.folder import RunFolder
from zerone.training.judging import EVALUATION_SEED, Evaluated, judge
from zerone.training.metrics_table import read_metrics
from zerone.training.notebook import about_of, as_html, described
from zerone.training.policy_files import load_policies
from zerone.training.q_table import QTable
from zerone.training.schema import naming
from zerone.training.tables import read_tables
from zerone.training.validation import MOST_EPISODES, MOST_STEPS, require_count, require_seed


class Run:
    """A run folder, finished or not: what it was asked, what it measured, and the agents it trained."""

    def __init__(self, folder: RunFolder, engine: Engine | None = None) -> None:
        self._folder, self._engine = folder, engine
        self.path = folder.path
        self.config = folder.config

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return Run(copy.deepcopy(self._folder, memo), self._engine)

    def __repr__(self) -> str:
        return f"Run({str(as_seen(self.path))!r}: {described(self.config, self.result)})"

    def _repr_html_(self) -> str:
        return as_html(self._folder)

    @property
    def seeds(self) -> list[int]:
        """The seeds trained."""
        return list(self.config["seeds"])

    @property
    def result(self) -> Result | None:
        """The object of `train --json`; None while the training has not ended."""
        return self._folder.read_result()

    @property
    def metrics(self) -> dict[str, Any]:
        """The columns of `metrics.csv`, as NumPy arrays."""
        return read_metrics(self.path)

    @entry
    def engine(self) -> Engine:
        """The engine, made again from the configuration if this run was loaded."""
        if self._engine is None:
            self._engine = engine_of(self._folder)
        return self._engine

    @entry
    def agent(self, seed: int | None = None, checkpoint: str = "best") -> Agent:
        """The agent of one seed (the first, unless named): its best policy, the last, or that of a step or file."""
        chosen = self.seeds[0] if seed is None else seed
        if chosen not in self.seeds:
            raise InputError(
                translated(
                    "{path}: seed {chosen} was not trained; there are: {listed}",
                    path=self.path,
                    chosen=chosen,
                    listed=_listed(self.seeds),
                )
            )
        policies = load_policies(self.engine(), self._folder, [chosen], checkpoint)
        return Agent(self.engine(), policies[chosen], chosen, str(self.config["environment"]["id"]))

    @property
    def table(self) -> QTable:
        """Q(s, a) of the first seed's best policy, where its states can be counted: see `Agent.table`."""
        return self.agent().table

    @entry
    def evaluate(
        self, episodes: int = EVALUATION_EPISODES, seed: int = EVALUATION_SEED, checkpoint: str = "best",
        limit: int | None = None, stochastic: bool | None = None, *, step_timeout: float | None = None,
        lookahead: int = 0, lookahead_samples: int | None = None, simulations: int = 0,
        lookahead_model: str = "environment",
    ) -> Evaluated:  # fmt: skip
        """Episodes of every seed's agent, on the real reward; the object of `evaluate --json`.

        An episode that has not ended after `limit` steps is cut, and counted as such. `stochastic` agents act by their
        own chance, as they do while they learn, else greedily. Both are as in the training unless given.
        `step_timeout` is as for `train`.

        With `lookahead` N, actions are chosen among the futures of N steps, foreseen by the environment itself: by
        r + γ max Q over them, each action sampled `lookahead_samples` times where something is left to chance. With
        `simulations` M, by a Monte Carlo tree search. With `lookahead_model="learnt"` by what Dyna-Q has learnt of the
        environment. All of it needs values Q(s, a) (a table, DQN) and an environment written in JAX.
        """
        from zerone.training.foresight import Asked, with_models

        asked = Asked(lookahead, lookahead_samples, simulations, lookahead_model)
        require_count("episodes", episodes, MOST_EPISODES)
        require_seed(seed)
        if limit is not None:
            require_count("limit", limit, MOST_STEPS)
        require_steps_that_can_be_late(self.engine(), step_timeout)
        own = Ways.read(self.config).how
        search = asked.search(self.engine())
        if search is not None and stochastic:
            raise InputError(
                translated("stochastic and a search exclude each other: the best of what is foreseen is taken")
            )
        own_chance = (own.stochastic if stochastic is None else stochastic) and search is None
        how = EvaluationSettings(own.limit if limit is None else limit, own_chance, search)
        policies = load_policies(self.engine(), self._folder, self.seeds, checkpoint)
        if asked.learnt:
            policies = with_models(policies, self.engine(), self._folder, checkpoint)
        about = {"lookahead_model": asked.lookahead_model} if asked.learnt else {}
        return Evaluated(judge(self.engine(), policies, episodes, seed, how) | about)

    @entry
    def export(self, path: str | Path, seed: int | None = None, checkpoint: str = "best") -> dict[str, Any]:
        """Write the greedy policy of one seed (the first, unless named) to a file that needs no Zerone.

        The ending says which kind: `.onnx`, `.npz` (played by NumPy alone), or `.stablehlo` (docs/export.md). Before
        it is written it is checked against the policy itself. What comes back is the object of `export --json`.

        Raises:
            InputError: the policy cannot leave in this form; nothing was written.
            RunError: the file would act otherwise than the policy does, or the disk failed; nothing was written.
        """
        from zerone.export.write import require_place
        from zerone.training.exporting import export_policy

        place = absolute(path)
        require_place(place)
        return export_policy(place, self.engine(), self.agent(seed, checkpoint), self._folder, checkpoint)

    def plot(self, out: str | Path | None = None) -> Figure:
        """Draw the learning curves, by default over the run's own figure; where they are, which a notebook shows."""
        from zerone.charts.curves import draw

        path = self._folder.figure_path if out is None else absolute(out)
        draw([(self.path.name, self.metrics)], path, self.config.get("solved_at"), [about_of(self.config)])
        return Figure(path)

    @entry
    def plot_table(self, out: str | Path | None = None, seed: int | None = None, checkpoint: str = "best") -> Figure:
        """Draw a table's values and greedy arrows over its grid; by default as `table.png` in the run's folder.

        Raises:
            NoTableError: the algorithm learns no table, or the states of its environment are not the cells of a grid.
        """
        from zerone.charts.table_figure import draw

        path = self._folder.table_path if out is None else absolute(out)
        draw(read_tables([self._folder], seed=seed, which=checkpoint, engine=self._engine), path)
        return Figure(path)


@entry
def load(path: str | Path, environment: EnvironmentLike | None = None) -> Run:
    """The run in a folder: its agents, metrics and result. Raises `InputError` if there is none."""
    folder = RunFolder.open(path)
    return Run(folder, None if environment is None else engine_of(folder, environment))


def engine_of(
    folder: RunFolder, environment: EnvironmentLike | None = None, processes: Processes | None = None
) -> Engine:
    """The engine of a run; `processes` play in the place of those with which it was begun.

    Raises:
        InputError: the environment has no id, or its id would import a module that nobody has imported yet:
            a folder from somewhere else must not run code of its choosing; or the configuration asks for what there is
            not, and the line names its file.
    """
    default_platform()  # one that is not there is no fault of the folder
    config = folder.config
    saved = config["environment"]
    if environment is None:
        if not saved["known"]:
            raise _not_found_again(saved)
        environment = saved["id"]
    options = saved["options"] if isinstance(environment, (str, type)) else {}  # an object is made already
    with naming(folder.config_path):
        algorithm = make_algorithm_from(config["algorithm"])
        return make_engine(
            config["engine"], algorithm, environment, options, saved["observations"], Around.read(saved["around"]),
            processes or Processes.read(config["processes"]), action_masks.read(saved["action_mask"]),
        )  # fmt: skip


def _not_found_again(saved: EnvironmentConfig) -> InputError:
    """The error of an environment that its run's configuration cannot make again."""
    reward = str(saved["options"].get("reward", ""))
    if reward.startswith("<"):
        return InputError(
            translated(
                "reward {reward} was given as a function that nobody can find again by name: put it into a module, "
                "or pass the environment as environment=",
                reward=reward,
            )
        )
    return InputError(
        translated(
            "environment {id} was not given by id, nor as what can be made again: pass it as environment=",
            id=saved["id"],
        )
    )


def plain_name(algorithm: str, environment: str) -> str:
    """`dqn-CartPole-v1`: what a run's folder is called, before its number."""
    return f"{algorithm}-{environment}".replace("/", "-").replace(":", "-")


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(str(each) for each in seeds)
