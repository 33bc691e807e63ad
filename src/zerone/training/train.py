"""Train: from what a person asks to a run folder."""

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
from zerone.environments.rewards import options_as_kept
from zerone.offline import source
from zerone.training import action_masks, environment_setup, presets
from zerone.training.algorithm_setup import UNCHANGED, SettingsLike, describe_algorithm, make_algorithm
from zerone.training.callback_sources import CallbackLike, as_listeners, names_of
from zerone.training.columns import columns
from zerone.training.drive import drive
from zerone.training.engine_setup import make_engine, open_environments, start_workers
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
            `module:Name`), or a function that makes a Gymnasium environment, a new one at each call. (One object of
            Gymnasium's is enough only where nothing is played to learn from: with a dataset.) Or a vector of
            Gymnasium's, or a function of `num_envs` that makes vectors (docs/processes.md).
        steps: Environment steps of each seed; by default the preset's, ending earlier once solved.
        episodes: Train until so many episodes have ended, instead of `steps`: of each seed, in all its environments
            together. A seed ends with the first update after that.
        seed: The one seed (default 0), from 0 to 2³²-1.
        seeds: How many seeds, counted from `seed`, or which.
        out: The run folder, or a claim of one that is new; by default a new one under `runs`.
        overwrite: Whether an earlier run in `out` may go, or an empty folder be taken.
        engine: `compiled`, `host`, or `auto`: compiled where the environment has a compiled twin. `cluster` is for
            the algorithms that have workers: each plays in a process of its own.
        settings: Hyperparameters that differ from the preset, if `algorithm` is a name; or the name of a TOML file
            that takes the preset's place, such as the `best.toml` of a sweep; or both: `(file, {...})`.
        preset: What a name begins with: `tuned` (ours), `tutorial` (the tutorial's own settings, where it has the
            pair), or `none`, the algorithm's defaults.
        options: What the environment is made with, if it is an id or a class. Every compiled one takes `limit`, and
            `reward`: the name of a shaped reward, or a function (docs/environments.md).
        network: The setting `network`: `mlp`, `convolution`, `gru`, or a network of your own: a class of Equinox's or
            Flax's modules, a function that makes one, or its name `module:Name` (docs/networks.md).
        observations: How its observations are seen: `picture`, `grid` (a picture of symbols), `numbers` or `scaled`;
            `auto` by their shape and bounds (docs/environments.md).
        wrappers: What is put around a Gymnasium environment, the first next to it: classes or functions such as
            `gymnasium.wrappers.ClipReward`, or their names `module:Name`, each also as `(wrapper, {option: value})`.
        action_mask: Which actions are allowed at each step: `environment` where it says so itself (one of Gymnasium's
            in `info["action_mask"]`), or a function from an observation to a row of booleans (`module:function`, too).
            No other action is ever taken then, nor learnt from (docs/environments.md).
        frame_stack: How many of its last observations an agent sees together (Gymnasium's `FrameStackObservation`).
        frame_skip: How many steps of the environment each action lasts; their rewards are added up.
        processes: In how many processes of their own Gymnasium environments are played, at most one for each of the
            algorithm's `environments`. The same is learnt as without (docs/processes.md).
        replace_lost: Whether a process that dies or takes longer than `step_timeout` is replaced, its episodes counted
            as truncated, instead of ending the training with an error.
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
        callbacks: What hears of the training as it goes on, and may stop it (docs/callbacks.md): a `zerone.Callback`, a
            function of (event, training), or a name: `module:Name`, or one of our trackers, such as `wandb`.
        spread: Train the seeds in so many processes of a Ray cluster; nothing else changes, no bit either. A process
            that is lost is replaced, and its seeds are computed again from their checkpoint.
        address: With engine `cluster` or `spread`: the Ray cluster to join, HOST:PORT; without it one is started here.
        worker_timeout: With these: seconds that a worker may take for a block of steps (default: 60).
        step_timeout: Seconds that a Gymnasium environment may take for a step or a reset (default: no limit). One that
            takes longer ends the training with an error, as far as Python can interrupt it.

    Returns:
        The run.

    Raises:
        InputError: something asked for cannot be done; nothing was created.
        RunError: the environment, the disk or a callback failed; the run folder keeps the last checkpoint.
        KeyboardInterrupt: Ctrl-C; a checkpoint was saved.
    """
    require_count("chunk", 1 if chunk is None else chunk, MOST_STEPS)
    require_view(observations)
    listeners = as_listeners(callbacks, progress, on_progress)
    outer, apart = around(wrappers, frame_stack, frame_skip), asked_for(processes, replace_lost)
    made, usual = make_algorithm(algorithm, environment, settings, network, preset)
    given, (environment, options) = environment, by_id(environment, options)
    data = source.open_dataset(dataset, own_play, made, options_as_kept(options))
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
        open_environments(driver, schedule.seeds[0])
        start_workers(driver, address, worker_timeout, step_timeout)
    except BaseException:
        driver.close()
        raise
    config = {
        "algorithm": describe_algorithm(made),
        "environment": describe_environment(
            environment, options, observations, outer, action_masks.as_kept(action_mask)
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
