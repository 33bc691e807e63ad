"""The public interface of a run folder: its configuration, result, metrics and agents."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zerone.base.compilation import keep_compiled_programs
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
from zerone.training.evaluation import EVALUATION_EPISODES, EvaluationPlan
from zerone.training.folder import RunFolder
from zerone.training.judging import EVALUATION_SEED, Evaluated, judge
from zerone.training.metrics_table import read_metrics
from zerone.training.notebook import about_of, as_html, described
from zerone.training.policy_files import Checkpoint, checkpoint_name, load_policies
from zerone.training.q_table import QTable
from zerone.training.schema import naming
from zerone.training.tables import read_tables
from zerone.training.validation import MOST_EPISODES, MOST_STEPS, require_count, require_seed


class Run:
    """A run folder, finished or not: its configuration, its measurements and its trained agents."""

    def __init__(self, folder: RunFolder, engine: Engine | None = None) -> None:
        self._folder, self._engine = folder, engine
        self.path = folder.path
        self.config = folder.config

    def __fspath__(self) -> str:
        return str(self.path)  # so a run may be given in place of its folder

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
        """The columns of `metrics.csv` as NumPy arrays [rows]: `seed` and `step` int64, the others float64."""
        return read_metrics(self.path)

    @entry
    def engine(self) -> Engine:
        """The run's engine; for a loaded run it is made from the configuration."""
        if self._engine is None:
            self._engine = engine_of(self._folder)
        return self._engine

    @entry
    def agent(self, seed: int | None = None, checkpoint: Checkpoint = "best") -> Agent:
        """The agent of a seed (the first by default): of the best or last checkpoint, or that of a step or file."""
        chosen = self.seeds[0] if seed is None else seed
        if type(chosen) is not int or chosen not in self.seeds:
            raise InputError(
                translated(
                    "{path}: seed {chosen} was not trained; there are: {listed}",
                    path=self.path,
                    chosen=chosen,
                    listed=_listed(self.seeds),
                )
            )
        policies = load_policies(self.engine(), self._folder, [chosen], checkpoint_name(checkpoint))
        return Agent(self.engine(), policies[chosen], chosen, str(self.config["environment"]["id"]))

    @property
    def table(self) -> QTable:
        """Q(s, a) of the first seed's best policy, if the state space is discrete: see `Agent.table`."""
        return self.agent().table

    @entry
    def evaluate(
        self, episodes: int = EVALUATION_EPISODES, seed: int = EVALUATION_SEED, checkpoint: Checkpoint = "best",
        limit: int | None = None, stochastic: bool | None = None, *, step_timeout: float | None = None,
        lookahead: int = 0, lookahead_samples: int | None = None, simulations: int = 0,
        lookahead_model: str = "environment",
    ) -> Evaluated:  # fmt: skip
        """Evaluate every seed's agent with the task's own reward; returns the object of `evaluate --json`.

        Episodes that have not ended after `limit` steps are cut off, and counted as such. `stochastic` agents explore
        as in training, otherwise they act greedily. The defaults of both are those of the training. `step_timeout` is
        as for `train`.

        `lookahead` N chooses each action by r + γ max Q over all futures of N steps, simulated with the environment
        itself; each action is sampled `lookahead_samples` times if transitions are random. `simulations` M uses a Monte
        Carlo tree search instead. `lookahead_model="learnt"` simulates with the model that Dyna-Q learned. All need
        action values Q(s, a) (a table, DQN) and an environment written in JAX.
        """
        from zerone.training.foresight import Asked, with_models

        asked = Asked(lookahead, lookahead_samples, simulations, lookahead_model)
        require_count("episodes", episodes, MOST_EPISODES)
        require_seed(seed)
        if limit is not None:
            require_count("limit", limit, MOST_STEPS)
        require_steps_that_can_be_late(self.engine(), step_timeout)
        own = EvaluationPlan.read(self.config).how
        search = asked.search(self.engine())
        if search is not None and stochastic:
            raise InputError(
                translated("stochastic and a search exclude each other: the best of what is foreseen is taken")
            )
        own_chance = (own.stochastic if stochastic is None else stochastic) and search is None
        how = EvaluationSettings(own.limit if limit is None else limit, own_chance, search)
        which = checkpoint_name(checkpoint)
        policies = load_policies(self.engine(), self._folder, self.seeds, which)
        if asked.learnt:
            policies = with_models(policies, self.engine(), self._folder, which)
        about = {"lookahead_model": asked.lookahead_model} if asked.learnt else {}
        return Evaluated(judge(self.engine(), policies, episodes, seed, how) | about)

    @entry
    def export(self, path: str | Path, seed: int | None = None, checkpoint: Checkpoint = "best") -> dict[str, Any]:
        """Write the greedy policy of one seed (the first by default) to a file that needs no Zerone.

        The suffix chooses the format: `.onnx`, `.npz` (played with NumPy only), or `.stablehlo` (docs/export.md). The
        file's actions are compared with the policy's before it is written. Returns the object of `export --json`.

        Raises:
            InputError: the policy cannot be exported to this format; nothing was written.
            RunError: the file would act differently from the policy, or the disk failed; nothing was written.
        """
        from zerone.export.write import require_place
        from zerone.training.exporting import export_policy

        place = absolute(path)
        require_place(place)
        which = checkpoint_name(checkpoint)
        return export_policy(place, self.engine(), self.agent(seed, which), self._folder, which)

    def plot(self, out: str | Path | None = None) -> Figure:
        """Draw the learning curves, by default to the run's own figure; returns the path, which a notebook displays."""
        from zerone.charts.curves import draw

        path = self._folder.figure_path if out is None else absolute(out)
        draw([(self.path.name, self.metrics)], path, self.config.get("solved_at"), [about_of(self.config)])
        return Figure(path)

    @entry
    def plot_table(
        self, out: str | Path | None = None, seed: int | None = None, checkpoint: Checkpoint = "best"
    ) -> Figure:
        """Draw a table's values and greedy arrows over its grid, by default to `table.png` in the run's folder.

        Raises:
            NoTableError: the algorithm learns no table, or the environment's states are not the cells of a grid.
        """
        from zerone.charts.table_figure import draw

        path = self._folder.table_path if out is None else absolute(out)
        draw(read_tables([self._folder], seed=seed, which=checkpoint_name(checkpoint), engine=self._engine), path)
        return Figure(path)


@entry
def load(path: str | os.PathLike[str], environment: EnvironmentLike | None = None) -> Run:
    """Load the run in a folder: its agents, metrics and result. Raises `InputError` if there is none."""
    folder = RunFolder.open(path)
    return Run(folder, None if environment is None else engine_of(folder, environment))


def engine_of(
    folder: RunFolder, environment: EnvironmentLike | None = None, processes: Processes | None = None
) -> Engine:
    """The engine of a run; `processes` replaces the number of processes that the run was started with.

    Raises:
        InputError: the environment has no id, or its id would import a module that was not imported yet (a folder
            from somewhere else must not run arbitrary code); or the configuration names something that does not
            exist, and the message names the file.
    """
    keep_compiled_programs()
    default_platform()  # a missing platform is not the folder's fault
    config = folder.config
    saved = config["environment"]
    if environment is None:
        if not saved["known"]:
            raise _not_found_again(saved)
        environment = saved["id"]
    options = saved["options"] if isinstance(environment, (str, type)) else {}  # an object has its options
    with naming(folder.config_path):
        algorithm = make_algorithm_from(config["algorithm"])
        return make_engine(
            config["engine"], algorithm, environment, options, saved["observations"], Around.read(saved["around"]),
            processes or Processes.read(config["processes"]), action_masks.read(saved["action_mask"]),
        )  # fmt: skip


def _not_found_again(saved: EnvironmentConfig) -> InputError:
    """The error for an environment that cannot be made from the run's configuration."""
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
    """`dqn-CartPole-v1`: the name of a run's folder, without its number."""
    return f"{algorithm}-{environment}".replace("/", "-").replace(":", "-")


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(str(each) for each in seeds)
