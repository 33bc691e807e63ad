"""`zerone.train`: trains from the user's options, and keeps everything in a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from zerone.algorithms.protocol import Algorithm
from zerone.base.claim import Claim
from zerone.environments.base import NO_MASK
from zerone.environments.gym.around import WrapperLike, around
from zerone.environments.gym.processes import asked_for
from zerone.environments.gym.views import AUTO, require_view
from zerone.environments.objects import by_id
from zerone.environments.rewards import described_options
from zerone.offline import source
from zerone.training import action_masks, environment_setup, presets
from zerone.training.algorithm_setup import UNCHANGED, SettingsLike, describe_algorithm, make_algorithm
from zerone.training.callback_sources import CallbackLike, as_listeners, names_of
from zerone.training.columns import columns
from zerone.training.drive import drive
from zerone.training.engine_setup import check_first_steps, make_engine, open_environments, start_workers
from zerone.training.entry import entry
from zerone.training.environment_setup import (
    EnvironmentLike,
    describe_environment,
    environment_name,
    require_enough,
    say_cut_off,
    say_other_version,
)
from zerone.training.folder import RunFolder, new_folder
from zerone.training.memory_limit import require_room
from zerone.training.progress import OnProgress, ignore
from zerone.training.run import Run, plain_name
from zerone.training.schedule import make_schedule, require_counted
from zerone.training.spreading import spread_over
from zerone.training.unknown_arguments import answering
from zerone.training.validation import MOST_STEPS, require_count


@answering
@entry
def train(
    algorithm: str | Algorithm,
    environment: EnvironmentLike,
    *,
    steps: int | None = None,
    episodes: int | None = None,
    seed: int | None = None,
    seeds: int | Sequence[int] | None = None,
    out: str | Path | Claim | None = None,
    overwrite: bool = False,
    engine: str = "auto",
    settings: SettingsLike = UNCHANGED,
    options: Mapping[str, Any] = {},
    network: object = None,
    preset: str = presets.TUNED,
    observations: str = AUTO,
    wrappers: Sequence[WrapperLike] = (),
    frame_stack: int = 1,
    action_mask: object = NO_MASK,
    frame_skip: int = 1,
    processes: int | None = None,
    replace_lost: bool = False,
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
    on_progress: OnProgress = ignore,
    callbacks: Sequence[CallbackLike] = (),
    spread: int | None = None,
    address: str | None = None,
    worker_timeout: float | None = None,
    step_timeout: float | None = None,
) -> Run:
    """Train, and keep everything in a run folder.

    Args:
        algorithm: A name, which takes the preset for this environment, or an algorithm such as `DQN(double=True)`.
        environment: A Gymnasium id (`module:Id` too), an environment written in JAX (an object, its class, or
            `module:Name`), or a function that makes a Gymnasium environment, a new one at each call. (A single
            Gymnasium environment object is accepted only with a dataset, when nothing is played for learning.) Or a
            Gymnasium vector environment, or a function of `num_envs` that makes one (docs/processes.md).
        steps: Environment steps of each seed; by default the preset's number, ending earlier once solved.
        episodes: Train until this many episodes have ended, instead of `steps`: per seed, over all its
            environments. A seed ends with the first update after that.
        seed: A single seed, from 0 to 2³²-1. Default: 0.
        seeds: The number of seeds, counted from `seed`, or a sequence of seeds.
        out: The run folder, or a `Claim` of a new one; by default a new folder under `runs`.
        overwrite: Whether to replace an earlier run in `out`, or to use an empty folder.
        engine: `compiled`, `host`, or `auto`: compiled if the environment has a compiled version. `cluster` is
            for algorithms with workers: each worker is a process of its own.
        settings: Hyperparameters that override the preset, if `algorithm` is a name; or the name of a TOML file
            that replaces the preset, such as the `best.toml` of a sweep; or both: `(file, {...})`.
        preset: The settings to start from, if `algorithm` is a name: `tuned` (Zerone's), `tutorial` (the tutorial's own
            settings, if it has this pair), or `none`, the algorithm's defaults.
        options: Options for making the environment, if it is an id or a class. Every compiled one has `limit`, and
            `reward`: the name of a shaped reward, or a function (docs/environments.md).
        network: The setting `network`: `mlp`, `convolution`, `gru`, or a network of your own: an Equinox or Flax
            module class, a function that makes a module, or its name `module:Name` (docs/networks.md).
        observations: How observations are encoded: `picture`, `grid` (a picture of symbols), `numbers` or `scaled`;
            `auto` chooses by their shape and bounds (docs/environments.md).
        wrappers: Wrappers of a Gymnasium environment, the innermost first: classes or functions such as
            `gymnasium.wrappers.ClipReward`, or their names `module:Name`, each also as `(wrapper, {option: value})`.
        action_mask: Which actions are allowed at each step: `environment` if it reports them itself (Gymnasium's in
            `info["action_mask"]`), or a function from an observation to an array of booleans (or its name,
            `module:function`). Other actions are never taken or used in targets (docs/environments.md).
        frame_stack: How many of the latest observations the agent gets together (Gymnasium's `FrameStackObservation`).
        frame_skip: How many environment steps each action is repeated; their rewards are summed.
        processes: The number of processes that play Gymnasium environments, at most one for each of the algorithm's
            `environments`. It does not change what is learned (docs/processes.md).
        replace_lost: Whether a process that dies or takes longer than `step_timeout` is replaced, its episodes counted
            as truncated, instead of ending the training with an error.
        dataset: The folder of recorded steps (from `zerone.record`, or any in Minari's format) to learn from;
            the environment is then used for evaluations only. The algorithm must be off-policy.
        own_play: With a dataset: the share of the agent's own steps in the training data (default: none).
        evaluate_every: Steps between two evaluations. By default they are close together at first, later a twentieth
            of the training apart, and some are skipped so that all take at most a fifth of its time.
        evaluation_episodes: Episodes in each evaluation (default: up to 100, as many as that time allows). The
            final evaluation of the best policies has this many, or 100.
        evaluation_limit: Steps after which an unfinished evaluation episode is cut off (default: 10,000; during
            training, in an environment without a time limit, also at 20 times the length of earlier episodes).
        stochastic: Whether the policy explores in evaluations, as in training, instead of acting greedily.
        save_every: Steps between two checkpoints (default: a twentieth of the training).
        keep_last: How many checkpoints are kept besides that of the best policies.
        stop_when_solved: Whether a seed ends once solved (default: only if `steps` is not given).
        solved_at: Mean return that counts as solved (default: the environment's threshold).
        chunk: Iterations per call of the compiled program; no result depends on it. By default about half a second's.
        figure: Whether to draw the learning curve at the end, and the values and arrows of a table over a grid.
        progress: Whether to show the progress. Default: only in a notebook or on a terminal; True prints lines
            elsewhere, too.
        on_progress: Called after each chunk with the progress and a function that returns the policy; and once at
            step 0, before compiling, when there is no policy yet.
        callbacks: Called with the training's events; may stop it (docs/callbacks.md): a `zerone.Callback`, a
            function of (event, training), or a name: `module:Name`, or a tracker, such as `wandb`.
        spread: Train the seeds in this many processes of a Ray cluster, with bit-identical results. A lost process is
            replaced, and its seeds are trained again from their checkpoint.
        address: With engine `cluster` or `spread`: the Ray cluster to join, HOST:PORT. Default: start one here.
        worker_timeout: With these: maximum seconds that a worker may take for a block of steps (default: 60).
        step_timeout: Maximum seconds for a step or reset of a Gymnasium environment (default: no limit). If it takes
            longer, the training ends with an error, as far as Python can interrupt it.

    Returns:
        The run.

    Raises:
        InputError: the arguments are invalid; nothing was created.
        RunError: the environment, the disk or a callback failed; the run folder keeps the last checkpoint.
        KeyboardInterrupt: Ctrl-C; a checkpoint was saved.
    """
    require_count("chunk", 1 if chunk is None else chunk, MOST_STEPS)
    require_view(observations)
    listeners = as_listeners(callbacks, progress, on_progress)
    outer, apart = around(wrappers, frame_stack, frame_skip), asked_for(processes, replace_lost)
    made, usual = make_algorithm(algorithm, environment, settings, network, preset)
    given, (environment, options) = environment, by_id(environment, options)
    data = source.open_dataset(dataset, own_play, made, described_options(options))
    options = environment_setup.options_of(environment, options)
    schedule = make_schedule(
        made, usual, steps=steps, episodes=episodes, seed=seed, seeds=seeds, evaluate_every=evaluate_every,
        evaluation_episodes=evaluation_episodes, evaluation_limit=evaluation_limit, stochastic=stochastic,
        save_every=save_every, keep_last=keep_last, stop_when_solved=stop_when_solved, figure=figure,
        solved_at=environment_setup.level(given, environment, options) if solved_at is None else solved_at,
    )  # fmt: skip
    require_counted(schedule, data is not None, own_play, spread)
    require_enough(given, schedule.seeds)
    listeners.require_columns(columns(made))
    action_masks.require_own_play(action_mask, dataset)
    driver = make_engine(engine, made, environment, options, observations, outer, apart, action_mask)
    name = environment_name(environment)
    try:
        driver = spread_over(driver, spread, name, len(schedule.seeds), apart is not None)
        require_room(driver, name, len(schedule.seeds), schedule.episodes is not None)
        studied = source.begin(driver, data, name, own_play)
        check_first_steps(driver, name)
        open_environments(driver, schedule.seeds[0])
        start_workers(driver, address, worker_timeout, step_timeout)
    except BaseException:
        driver.close()
        raise
    config = {
        "algorithm": describe_algorithm(made),
        "environment": describe_environment(
            environment, options, observations, outer, action_masks.describe(action_mask)
        ),
        "engine": driver.name,
        **({"processes": apart.describe()} if apart is not None else {}),
        "dataset": studied,
        **schedule.describe(),
        "callbacks": names_of(callbacks),
    }
    place = nullcontext(out) if out is not None else new_folder(plain_name(made.name, name))
    say_other_version(made, environment, driver.name)
    say_cut_off(environment, options)
    try:
        with place as path, RunFolder.create(path, config, overwrite=overwrite) as folder:
            return drive(driver, folder, schedule, listeners, resume=False, chunk=chunk)
    finally:
        driver.close()
