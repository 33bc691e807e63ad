"""The public face: train, load, evaluate."""

from __future__ import annotations

import copy
import importlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from zerone.algorithms.protocol import Algorithm
from zerone.base.claim import Claim
from zerone.base.errors import InputError
from zerone.base.place import absolute, as_seen
from zerone.base.platforms import default_platform
from zerone.charts.image import Figure
from zerone.engines.protocol import LONGEST_EVALUATION, Engine, Judging
from zerone.environments import catalogue as environments
from zerone.environments.gym.views import AUTO, require_view
from zerone.offline import source
from zerone.training import schedule as plans
from zerone.training import setup
from zerone.training.agent import EVALUATION_EPISODES, EVALUATION_SEED, Agent, Evaluated, judge, load_policies
from zerone.training.entry import entry
from zerone.training.evaluation import Evaluator, Ways, shows
from zerone.training.folder import RunFolder, finite, new_folder
from zerone.training.interrupt import listening
from zerone.training.loop import Learner, Training, TrainingStatus
from zerone.training.memory_limit import require_room
from zerone.training.metrics import MetricsWriter
from zerone.training.metrics_table import read_metrics
from zerone.training.notebook import about_of, as_html, described
from zerone.training.progress import showing
from zerone.training.q_table import QTable
from zerone.training.schema import naming
from zerone.training.tables import NoTableError, read_tables
from zerone.training.tensorboard import Meaning
from zerone.training.unknown_arguments import answering
from zerone.training.validation import MOST_EPISODES, MOST_STEPS, chosen_seeds, require_count, require_seed

DEFAULT_STEPS = 100_000

OnGlance = Callable[[TrainingStatus, Callable[[], Any]], None]


def _nothing(now: TrainingStatus, policy: Callable[[], Any]) -> None:
    del now, policy


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
    def result(self) -> dict[str, Any] | None:
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
            raise InputError(f"{self.path}: seed {chosen} was not trained; there are: {_listed(self.seeds)}")
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
    ) -> Evaluated:  # fmt: skip
        """Episodes of every seed's agent, on the real reward; the object of `evaluate --json`.

        An episode that has not ended after `limit` steps is cut, and counted as such. `stochastic` agents act by their
        own chance, as they do while they learn, else greedily. Both are as in the training unless given.
        `step_timeout` is as for `train`.
        """
        require_count("episodes", episodes, MOST_EPISODES)
        require_seed(seed)
        if limit is not None:
            require_count("limit", limit, MOST_STEPS)
        setup.require_steps_that_can_be_late(self.engine(), step_timeout)
        own = Ways.read(self.config).how
        how = Judging(own.limit if limit is None else limit, own.stochastic if stochastic is None else stochastic)
        policies = load_policies(self.engine(), self._folder, self.seeds, checkpoint)
        return Evaluated(judge(self.engine(), policies, episodes, seed, how))

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


@answering
@entry
def train(
    algorithm: str | Algorithm,
    environment: setup.EnvironmentLike,
    *,
    steps: int | None = None,
    seed: int | None = None,
    seeds: int | Sequence[int] | None = None,
    out: str | Path | Claim | None = None,
    overwrite: bool = False,
    engine: str = "auto",
    settings: setup.SettingsLike = setup.UNCHANGED,
    options: Mapping[str, Any] = {},
    observations: str = AUTO,
    dataset: str | Path | None = None,
    own_play: float | None = None,
    evaluate_every: int | None = None,
    evaluation_episodes: int | None = None,
    evaluation_limit: int | None = None,
    stochastic: bool = False,
    save_every: int | None = None,
    keep_last: int = 2,
    stop_when_solved: bool | None = None,
    solved_at: float | None = None,
    chunk: int | None = None,
    figure: bool = True,
    progress: bool | None = None,
    on_progress: OnGlance = _nothing,
    address: str | None = None,
    worker_timeout: float | None = None,
    step_timeout: float | None = None,
) -> Run:
    """Train, and keep everything in a run folder.

    Args:
        algorithm: A name, which takes the preset for this environment, or an algorithm such as `DQN(double=True)`.
        environment: A Gymnasium id (`module:Id` too), one of our environments, or a function that makes a
            Gymnasium environment, a new one at each call. (One environment object is enough only where nothing is
            played to learn from: with a dataset.)
        steps: Environment steps of each seed; by default the preset's, ending earlier once solved.
        seed: The one seed (default 0), from 0 to 2³²-1.
        seeds: How many seeds, counted from `seed`, or which.
        out: The run folder, or a claim of one that is new; by default a new one under `runs`.
        overwrite: Whether an earlier run in `out` may go, or an empty folder be taken.
        engine: `compiled`, `host`, or `auto`: compiled where the environment has a compiled twin. `cluster` is for
            the algorithms that have workers: each plays in a process of its own.
        settings: Hyperparameters that differ from the preset, if `algorithm` is a name; or the name of a TOML file
            that takes the preset's place, such as the `best.toml` of a sweep; or both: `(file, {...})`.
        options: What the environment is made with, if it is an id.
        observations: How its observations are seen: `picture`, `grid` (a picture of symbols), `numbers` or `scaled`;
            `auto` by their shape and bounds (docs/environments.md).
        dataset: The folder of recorded steps (`zerone.record`, or anybody's in Minari's format) to learn from,
            instead of own play; the environment is only for evaluations then. The algorithm must be off-policy.
        own_play: With a dataset: the share of own play among what is learnt from (default: none).
        evaluate_every: Steps between two evaluations. By default they are close together at first, later a twentieth
            of the training apart, and some are left out so that all take at most a fifth of its time.
        evaluation_episodes: Episodes in each evaluation (default: up to 100, as many as that time allows). The best
            policies are judged at the end on so many, or 100.
        evaluation_limit: Steps after which an evaluation's episode is cut that has not ended (default: 10,000; while
            it learns, in an environment without a time limit, also what is 20 times as long as episodes before).
        stochastic: Whether evaluations let the policy act by its own chance, as it does while it learns, instead of
            greedily.
        save_every: Steps between two checkpoints (default: a twentieth of the training).
        keep_last: How many checkpoints are kept beside the best policies.
        stop_when_solved: Whether a seed ends once solved (default: only where `steps` is not given).
        solved_at: Mean return that counts as solved (default: what the environment says).
        chunk: Iterations run between two looks of the host; it changes no result. By default about half a second.
        figure: Whether to draw the learning curve at the end, and of a table over a grid its values and arrows.
        progress: Whether to show how far it is. By default in a notebook and on a terminal, not in a program whose
            standard error goes elsewhere; True writes lines there, too.
        on_progress: Called after each chunk, with what there is to show and a function that gets the policy; and once
            before all, at step 0, when there is no policy yet: what follows is compiled first.
        address: With engine `cluster`: the Ray cluster to join, HOST:PORT; without it one is started here.
        worker_timeout: With engine `cluster`: seconds that a worker may take for a block of steps (default: 60).
        step_timeout: Seconds that a Gymnasium environment may take for a step or a reset (default: no limit). One that
            takes longer ends the training with an error, as far as Python can interrupt it.

    Returns:
        The run.

    Raises:
        InputError: something asked for cannot be done; nothing was created.
        RunError: the environment or the disk failed; the run folder keeps the last checkpoint.
        KeyboardInterrupt: Ctrl-C; a checkpoint was saved.
    """
    chosen = chosen_seeds(seed, seeds)
    require_count("evaluation_episodes", 1 if evaluation_episodes is None else evaluation_episodes, MOST_EPISODES)
    require_count("keep_last", keep_last)
    for name, value in {"evaluation_limit": evaluation_limit, "chunk": chunk}.items():
        if value is not None:
            require_count(name, value, MOST_STEPS)
    require_view(observations)
    made, training = setup.make_algorithm(algorithm, environment, settings)
    tuned = training if steps is None else {}  # of the training itself, for its length alone
    stops = steps is None and tuned.get("stop_when_solved", True)
    plan = plans.make_schedule(
        made,
        tuned.get("steps", DEFAULT_STEPS) if steps is None else steps,
        tuned.get("evaluate_every") if evaluate_every is None else evaluate_every,
        save_every,
        early=evaluate_every is None,
    )
    data = source.open_dataset(dataset, own_play, made, options)
    options = setup.options_of(environment, options)
    driver = setup.make_engine(engine, made, environment, options, observations)
    name = setup.environment_name(environment)
    try:
        require_room(driver, name, len(chosen))
        studied = source.begin(driver, data, name, own_play)
        setup.open_environments(driver, chosen[0])
        setup.start_workers(driver, address, worker_timeout, step_timeout)
    except BaseException:
        driver.close()
        raise
    config = {
        "algorithm": setup.describe_algorithm(made),
        "environment": {
            "id": name,
            "options": options,
            "known": isinstance(environment, str),
            "observations": observations,
        },
        "engine": driver.name,
        "dataset": studied,
        "seeds": chosen,
        **plans.describe(plan),
        "evaluation_episodes": evaluation_episodes or EVALUATION_EPISODES,
        "evaluation": Ways(
            evaluation_episodes or EVALUATION_EPISODES,
            evaluate_every is None,
            evaluation_episodes is None,
            evaluation_limit is None,
            Judging(evaluation_limit or LONGEST_EVALUATION, stochastic),
        ).describe(),
        "keep_last": keep_last,
        "solved_at": setup.solved_at(environment, options) if solved_at is None else solved_at,
        "stop_when_solved": stops if stop_when_solved is None else stop_when_solved,
        "figure": figure,
    }
    place = nullcontext(out) if out is not None else new_folder(plain_name(made.name, name))
    setup.say_other_version(made, environment, driver.name)
    setup.say_cut_off(environment, options)
    try:
        with (
            place as path,
            RunFolder.create(path, config, overwrite=overwrite) as folder,
            showing(progress, on_progress) as both,
        ):
            return _drive(driver, folder, plan, resume=False, chunk=chunk, on_progress=both)
    finally:
        driver.close()


@answering
@entry
def resume(
    path: str | Path, environment: setup.EnvironmentLike | None = None, chunk: int | None = None,
    on_progress: OnGlance = _nothing, dataset: str | Path | None = None, address: str | None = None,
    worker_timeout: float | None = None, progress: bool | None = None, *, step_timeout: float | None = None,
) -> Run:  # fmt: skip
    """Go on with a run from its newest checkpoint; on the compiled engine, to the same bits as if never stopped.

    `environment` is needed only where the run was started with one that has no id; `dataset` only where the one that
    it learns from has been moved. `step_timeout`, and on the cluster engine `address` and `worker_timeout`, are said
    each time.

    Raises:
        InputError: there is no run at `path`, it is being written to, or a checkpoint is damaged or of another run.
        RunError, KeyboardInterrupt: as for `train`.
    """
    if chunk is not None:
        require_count("chunk", chunk, MOST_STEPS)
    with RunFolder.resume(path) as folder:
        driver = engine_of(folder, environment)
        try:
            with naming(folder.config_path):
                require_room(driver, folder.config["environment"]["id"], len(folder.config["seeds"]))
            source.go_on(driver, folder.config, folder.path, dataset)
            setup.open_environments(driver, folder.config["seeds"][0])
            setup.start_workers(driver, address, worker_timeout, step_timeout)
            with naming(folder.config_path):
                plan = plans.read(driver.algorithm, folder.config)
            with showing(progress, on_progress) as both:
                return _drive(driver, folder, plan, resume=True, chunk=chunk, on_progress=both)
        finally:
            driver.close()


@entry
def load(path: str | Path, environment: setup.EnvironmentLike | None = None) -> Run:
    """The run in a folder: its agents, metrics and result. Raises `InputError` if there is none."""
    folder = RunFolder.open(path)
    return Run(folder, None if environment is None else engine_of(folder, environment))


def engine_of(folder: RunFolder, environment: setup.EnvironmentLike | None = None) -> Engine:
    """The engine of a run.

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
            raise InputError(f"environment {saved['id']} was not given by id: pass it as environment=")
        environment = saved["id"]
    with naming(folder.config_path):
        algorithm = setup.make_algorithm_from(config["algorithm"])
        return setup.make_engine(config["engine"], algorithm, environment, saved["options"], saved["observations"])


def _drive(
    driver: Engine, folder: RunFolder, plan: plans.Schedule, *, resume: bool, chunk: int | None, on_progress: OnGlance
) -> Run:
    config = folder.config
    began = time.perf_counter()
    known = config["environment"]["known"] and environments.find(config["environment"]["id"]) is not None
    ways, stops = Ways.read(config), config["stop_when_solved"]
    training = Training(
        driver, folder, plan, config["seeds"],
        evaluator=Evaluator(driver, ways, known, plan.total * plan.block, stops), stop_when_solved=stops,
        keep_last=config["keep_last"], chunk=chunk, on_progress=on_progress,
        about={"algorithm": driver.algorithm.name, "environment": config["environment"]["id"], "engine": driver.name},
    )  # fmt: skip
    with listening() as request:
        if resume:
            training.resume()
        else:
            training.begin()
        if config["figure"]:
            # Importing what draws takes most of a second: beside the first steps, on a core that has nothing to do.
            threading.Thread(target=importlib.import_module, args=("matplotlib.figure",), daemon=True).start()
        since = training.iteration * plan.block if resume else None
        meaning = Meaning.of(folder.path, config, driver.algorithm.metrics)
        with MetricsWriter(
            folder.path, training.columns, seeds=config["seeds"], resume_at=since, meaning=meaning
        ) as writer:
            training.run(writer, request)
    trained = time.perf_counter()
    training.show_judging(ways.episodes)
    policies = {each.seed: each.best_policy for each in training.learners}
    judged = judge(driver, policies, ways.episodes, EVALUATION_SEED, ways.how)
    per_seed = judged.get("seeds", [judged])
    result = {
        "run": str(as_seen(folder.path)),
        "algorithm": driver.algorithm.name,
        "environment": config["environment"]["id"],
        "engine": driver.name,
        "steps": sum(each.iteration for each in training.learners) * plan.block,
        "seconds": time.perf_counter() - began,
        "steps_per_second": training.steady_steps / training.steady_seconds if training.steady_seconds else None,
        "startup_seconds": training.startup_seconds,
        "evaluation_steps": sum(each.account.steps for each in training.learners),
        "evaluation_seconds": training.evaluation_seconds,
        "judgement_seconds": time.perf_counter() - trained,
        "stochastic": ways.how.stochastic,
        "return_mean": judged["return_mean"],
        **driver.facts(),
        "seeds": [
            _seed_result(learner, one, ways, plan.block)
            for learner, one in zip(training.learners, per_seed, strict=True)
        ],
    }
    folder.write_result(finite(result))
    run = Run(folder, driver)
    if config["figure"]:
        run.plot()
        with suppress(NoTableError):
            run.plot_table()
    return run


def _seed_result(learner: Learner, judged: Mapping[str, Any], ways: Ways, block: int) -> dict[str, Any]:
    """What `result.json` says of a seed."""
    at = learner.solved_at_step
    if at is None and shows(judged["returns"], ways.solved_at):
        at = learner.best_step  # where episodes are dear, nothing has shown it before
    return {
        "seed": learner.seed,
        "solved": at is not None,
        "solved_at_step": at,
        "return_mean": judged["return_mean"],
        "return_std": judged["return_std"],
        "returns": judged["returns"],
        "cut": judged["cut"],
        "steps": learner.iteration * block,
        "best_step": learner.best_step,
        "evaluation_steps": learner.account.steps,
    }


def plain_name(algorithm: str, environment: str) -> str:
    """`dqn-CartPole-v1`: what a run's folder is called, before its number."""
    return f"{algorithm}-{environment}".replace("/", "-").replace(":", "-")


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(str(each) for each in seeds)
