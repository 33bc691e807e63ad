"""Tables of the names that other libraries and the tutorial use, so that errors can suggest ours.

They are from stable-baselines3 and its zoo, CleanRL, Spinning Up, Gymnasium and the tutorial, as spelled in Python or
on the command line. A name may stand for several of ours: errors suggest those that the chosen algorithm has, in the
order of these tables.
"""

from __future__ import annotations

from typing import NamedTuple

SETTINGS = {
    "learning_rate": "lr alpha α eta step-size lrate adam-lr actor-lr lr-actor lr-a pi-lr policy-lr lr-rate",
    "critic_learning_rate": "critic-lr lr-critic lr-c qf-lr q-lr vf-lr value-lr critic-alpha",
    "baseline_learning_rate": "critic-lr lr-critic lr-c vf-lr value-lr baseline-lr",
    "learning_rate_end": "anneal-lr lr-decay lr-schedule learning-rate-decay",
    "decay_steps": "anneal-steps lr-decay-steps lr-schedule-steps",
    "discount": "gamma γ discount-factor discount-rate reward-decay reward-discount",
    "trace_decay": "gae-lambda lam lambda lambda_ λ td-lambda lmbda trace-lambda lambda-decay",
    "trace": "trace-type traces eligibility eligibility-trace",
    "epsilon": "eps ε e-greedy greedy epsilon-greedy exploration exploration-rate epsilon-start eps-start start-e "
    "exploration-initial-eps initial-epsilon epsilon-max eps-max epsilon-initial",
    "epsilon_start": "exploration-initial-eps eps-start initial-epsilon epsilon-max eps-max start-e epsilon-initial",
    "epsilon_end": "exploration-final-eps eps-end eps-min final-epsilon epsilon-min end-e epsilon-final "
    "epsilon eps ε e-greedy greedy epsilon-greedy exploration-rate",
    "epsilon_steps": "exploration-fraction eps-decay epsilon-decay epsilon-decay-steps eps-steps exploration-steps "
    "e-greedy-increment epsilon-timesteps",
    "batch": "batch-size batchsize minibatch-size mini-batch-size bs",
    "minibatches": "batch-size minibatch-size mini-batch-size n-minibatches num-minibatches nminibatches mini-batches "
    "num-batches",
    "updates": "gradient-steps n-updates num-updates updates-per-step utd-ratio update-to-data-ratio",
    "steps_per_update": "train-freq train-frequency training-frequency update-every update-frequency learn-every "
    "update-global-iter n-steps num-steps rollout-length rollout-steps unroll-length nsteps t-max horizon "
    "steps-per-epoch rollout-fragment-length ep-len",
    "environments": "n-envs num-envs nenvs envs num-actors n-actors num-environments n-environments vec-envs",
    "memory": "buffer-size memory-size memory-capacity replay-size replay-memory replay-buffer-size replay-buffer "
    "buffer capacity replay-capacity replay-memory-size",
    "warmup": "learning-starts start-steps warmup-steps warm-up update-after initial-steps replay-start-size "
    "random-steps learn-start",
    "target_period": "target-update-interval target-network-frequency replace-target-iter target-replace-iter "
    "target-update target-update-freq target-update-frequency target-update-period target-network-update-freq "
    "update-target-every",
    "target_step": "tau τ polyak soft-update soft-tau polyak-tau",
    "n_steps": "n-step multi-step td-steps nstep",
    "double": "double-dqn double-q ddqn use-double",
    "dueling": "duelling dueling-dqn dueling-net use-dueling",
    "prioritized": "per prioritized-replay prioritised prioritised-replay use-per",
    "priority_exponent": "prioritized-replay-alpha per-alpha alpha α priority-alpha",
    "priority_floor": "prioritized-replay-eps per-eps priority-epsilon",
    "importance": "prioritized-replay-beta prioritized-replay-beta0 per-beta beta β",
    "importance_steps": "prioritized-replay-beta-iters beta-steps beta-increment-per-sampling",
    "distributional": "distributional-dqn use-quantiles quantile-regression",
    "quantiles": "n-quantiles num-quantiles n-atoms num-atoms atoms",
    "loss": "loss-function loss-fn criterion",
    "clip": "clip-range clip-coef clip-ratio clip-eps eps-clip epsilon-clip clip-param epsilon eps ε cliprange",
    "kl_target": "target-kl kl-coef-target d-target desired-kl",
    "kl_penalty": "kl-coef kl-coeff beta β kl-beta",
    "value_cost": "vf-coef value-coef value-loss-coef vf-coefficient value-coefficient critic-coef vf-loss-coeff",
    "entropy_bonus": "ent-coef entropy-coef entropy-beta ent-weight entropy-weight entropy-cost entropy-coefficient "
    "ent-coeff entropy-coeff beta β",
    "deviation_start": "log-std-init init-log-std log-std-initial action-std-init std-init init-std initial-std",
    "epochs": "n-epochs update-epochs k-epochs num-epochs num-sgd-iter a-update-steps c-update-steps train-pi-iters "
    "ppo-epochs noptepochs opt-epochs",
    "max_gradient_norm": "max-grad-norm grad-clip gradient-clip clip-grad-norm grad-norm gradient-clipping "
    "max-gradient",
    "hidden": "net-arch hidden-sizes hidden-layers hidden-size hidden-units hidden-dim layers n-hidden "
    "network n-layers fc-units policy-kwargs hid",
    "normalize": "normalize-returns normalise standardize normalize-advantage",
    "baseline": "use-baseline value-baseline critic",
    "exploration": "action-noise noise-type noise use-sde sde gsde",
    "noise_start": "noise-std act-noise exploration-noise sigma σ noise-sigma action-noise-std noise-scale var",
    "noise_steps": "noise-decay noise-decay-steps",
    "noise_pull": "theta ou-theta θ",
    "temperature": "ent-coef entropy-coef init-alpha init-temperature initial-temperature alpha α temp entropy-bonus "
    "init-ent-coef",
    "learn_temperature": "ent-coef autotune auto-entropy auto-alpha automatic-entropy-tuning auto-entropy-tuning "
    "automatic-temperature",
    "target_entropy": "entropy-target target-ent target-entropy-scale",
    "actor_period": "policy-delay policy-frequency policy-freq policy-update-freq actor-update-freq actor-delay "
    "policy-update-frequency",
    "target_noise": "target-policy-noise policy-noise smoothing-noise target-noise-std",
    "target_noise_limit": "target-noise-clip noise-clip",
    "weight_decay": "l2 l2-reg l2-weight critic-weight-decay",
    "workers": "n-workers num-workers nworkers num-processes n-proc",
    "planning_steps": "n-planning planning n-planning-steps model-steps",
    "exploration_bonus": "kappa κ",
    "optimizer": "optimiser use-rms-prop optim",
    "rmsprop_decay": "rms-prop-alpha rmsprop-alpha",
}
"""Our names of algorithm settings, each with its names elsewhere."""

_EXPLORING = "the exploration rate: 0.1 where the tutorial's e_greedy, the greedy rate, is 0.9"
_CUT = "how many minibatches each block of environments x steps-per-update is cut into"

NOTES = {
    "epsilon": {"e-greedy": _EXPLORING, "greedy": _EXPLORING},
    "epsilon_end": {"e-greedy": _EXPLORING, "greedy": _EXPLORING, "epsilon": "it falls to this from epsilon-start"},
    "epsilon_steps": dict.fromkeys(SETTINGS["epsilon_steps"].split(), "how long ε falls, not a share and not a factor"),
    "minibatches": dict.fromkeys(("batch-size", "minibatch-size", "mini-batch-size"), _CUT),
    "target_period": dict.fromkeys(SETTINGS["target_period"].split(), "counted in gradient updates"),
    "target_step": {"polyak": "1 where Spinning Up's polyak is 0"},
    "temperature": {"ent-coef": "at the start; it is learnt, unless learn-temperature is off"},
    "deviation_start": dict.fromkeys(("log-std-init", "init-log-std"), "0.135 where the logarithm is -2"),
    "exploration": dict.fromkeys(("use-sde", "sde", "gsde"), "ornstein-uhlenbeck drifts, as that noise does"),
    "learning_rate_end": {"anneal-lr": "0 lets it fall to nothing over decay-steps"},
}
"""Hints for names elsewhere whose values have another unit or meaning than our setting."""


class Asked(NamedTuple):
    """An option that is no hyperparameter: its names elsewhere, and the answer for the command line and for Python."""

    theirs: str
    shell: str
    python: str
    note: str = ""


_EPISODES = "a training is as long as its environment steps"
_SHOWN = "progress is shown by itself"
_WATCH, _FILM = "zerone watch RUN, a command", "zerone watch RUN --video FILE, a command"
ASKED = (
    Asked("total-timesteps timesteps n-timesteps num-timesteps total-steps max-timesteps nb-steps num-steps frames "
          "num-frames total-frames n-steps-total train-steps max-iterations", "--steps", "steps="),
    Asked("max-episodes n-episodes num-episodes nb-episodes max-ep ep-max max-global-ep train-episodes", "--episodes",
          "episodes="),
    Asked("n-eval-episodes eval-episodes n-episodes num-episodes test-episodes nb-episodes", "--evaluation-episodes",
          "evaluation_episodes="),
    Asked("n-eval-episodes eval-episodes n-episodes num-episodes test-episodes n-timesteps", "--episodes", "episodes="),
    Asked("episodes max-episodes n-episodes num-episodes nb-episodes max-ep ep-max max-global-ep epochs iterations",
          "--steps", "steps=", _EPISODES),
    Asked("max-steps", "--steps", "steps=", "or --option limit=N, the steps of an episode"),
    Asked("max-episode-steps max-ep-len max-ep-steps episode-length horizon time-limit ep-len", "--option limit=N",
          "options={'limit': N}"),
    Asked("n-seeds num-seeds nseeds num-trials n-runs", "--seeds", "seeds="),
    Asked("random-seed rng-seed random-state", "--seed", "seed="),
    Asked("save-path save-dir output output-dir outdir out-dir log-dir logdir log-path log-folder exp-name "
          "experiment-name run-name model-dir o f save", "--out", "out="),
    Asked("tensorboard-log tensorboard tb tb-log-name tensorboard-dir", "--out", "out=",
          "the folder also holds TensorBoard's events: tensorboard --logdir FOLDER"),
    Asked("force exist-ok", "--overwrite", "overwrite="),
    Asked("eval-freq eval-every evaluation-freq evaluation-interval eval-interval test-every", "--evaluate-every",
          "evaluate_every="),
    Asked("save-freq save-interval checkpoint-freq checkpoint-every save-frequency", "--save-every", "save_every="),
    Asked("reward-threshold target-reward stop-reward solved-reward stop-at display-reward-threshold", "--solved-at",
          "solved_at="),
    Asked("load restore continue trained-agent load-path i resume-from", "--resume", "zo.resume(path)"),
    Asked("hyperparams hyperparameters params conf-file config config-file preset hyperparameter-file yaml",
          "--settings", "settings="),
    Asked("env-kwargs env-options env-config env-args environment-options make-kwargs kwargs", "--option", "options="),
    Asked("dataset data offline from-dataset replay-data demonstrations", "--from", "dataset="),
    Asked("render render-mode human visualize visualise show display viewer gui", "--watch", _WATCH),
    Asked("render render-mode human visualize visualise show display gui", "--window", _WATCH),
    Asked("capture-video save-video record-video video gif film movie", _FILM, _FILM),
    Asked("gif film movie save-video capture-video mp4", "--video", _FILM),
    Asked("deterministic", "zerone evaluate RUN, which is greedy by itself", "run.evaluate(), which is greedy"),
    Asked("verbose v log-interval progress progress-bar p print-every", "--quiet", "progress=", _SHOWN),
    Asked("silent no-progress q", "--quiet", "progress="),
    Asked("device cuda gpu cpu no-cuda platform", "JAX_PLATFORMS=cpu (or cuda) before the command",
          "the environment variable JAX_PLATFORMS, cpu or cuda"),
    Asked("plot figure-path no-plot output-graph draw", "--figure", "figure="),
    Asked("env env-id env-name environment game task gym-id environment-name envname env-ids",
          "the second word: zerone train ALGORITHM ENVIRONMENT", "the second argument of zo.train"),
    Asked("algo algorithm agent-name model policy method algo-name",
          "the first word: zerone train ALGORITHM ENVIRONMENT", "the first argument of zo.train"),
    Asked("algo algorithm algorithms list list-algorithms", "zerone algorithms, a command", "zerone algorithms"),
    Asked("env envs list-environments list-envs", "zerone environments, a command", "zerone environments"),
    Asked("track wandb wandb-project-name wandb-project use-wandb weights-and-biases", "--track wandb",
          'callbacks=["wandb"]'),
    Asked("mlflow use-mlflow", "--track mlflow", 'callbacks=["mlflow"]'),
    Asked("trackio use-trackio", "--track trackio", 'callbacks=["trackio"]'),
    Asked("swanlab use-swanlab", "--track swanlab", 'callbacks=["swanlab"]'),
    Asked("tracker trackers logger loggers report-to", "--track", "callbacks="),
    Asked("callback listeners hooks hook on-step", "--callback", "callbacks="),
    Asked("backend vec-env vec-env-type", "--engine", "engine="),
    Asked("n-points grid num num-values", "--points", "points="),
    Asked("n-trials max-trials num-samples", "--trials", "trials="),
    Asked("sampler optimizer-sampler algo-search", "--driver", "driver="),
    Asked("model-path checkpoint-path ckpt exp-id load-best load-checkpoint", "--checkpoint", "checkpoint="),
)  # fmt: skip
"""Options that are no hyperparameters. If several match a name, the first one that the command has is suggested."""

COMMANDS = {
    "train": "run learn fit start training",
    "train --resume RUN": "resume continue",
    "watch": "play enjoy render show view demo visualize replay",
    "evaluate": "test eval score judge",
    "sweep": "tune optimize optimise hyperopt search grid gridsearch optuna",
    "lesson": "lessons chapter chapters course tutorial learn-rl teach",
    "bench": "benchmark speed profile",
    "plot": "graph curve draw figure plots",
    "compare": "diff versus vs",
    "record": "collect dataset save",
    "export": "deploy convert onnx numpy stablehlo publish",
    "experiment": "claim claims verdict",
    "algorithms, or zerone environments": "list ls available info",
    "algorithms": "algos algorithm agents algo models",
    "environments": "envs env environment games gyms",
    "--version": "version",
    "--help": "usage man",
}
"""Our commands, each with the words that people try instead."""

ALGORITHMS = {
    "actor-critic": "a2c ac advantage-actor-critic a2c-sync actorcritic synchronous-actor-critic",
    "dqn": "deep-q-network deep-q-learning deepq q-network nature-dqn vanilla-dqn deep-q dqn-cnn natural-dqn",
    "dqn --double": "double-dqn ddqn double-q double",
    "dqn --dueling": "dueling-dqn duelling-dqn dueling duelling dueling-net",
    "dqn --prioritized": "per prioritized-dqn prioritised-dqn prioritized prioritised prioritized-replay per-dqn "
    "prioritised-replay prioritized-experience-replay",
    "dqn --double --dueling": "d3qn double-dueling dueling-double-dqn dueling-ddqn",
    "dqn --distributional quantile": "qr-dqn qrdqn quantile-dqn distributional-dqn quantile-regression-dqn",
    "dqn --n-steps 3": "n-step-dqn nstep-dqn multi-step-dqn",
    "sarsa-lambda": "td-lambda td(λ) sarsaλ td-λ sarsa-traces tdlambda eligibility-traces",
    "reinforce": "vpg pg policy-gradient policy-gradients vanilla-policy-gradient monte-carlo-policy-gradient mcpg",
    "reinforce --baseline": "reinforce-baseline reinforce-with-baseline vpg-baseline",
    "monte-carlo": "mc monte-carlo-control mc-control first-visit-mc",
    "dyna-q": "dyna dynaq model-based-q",
    "dyna-q --exploration-bonus 0.001": "dyna-q+ dynaq+ dyna-q-plus",
    "q-learning": "q tabular-q q-table qtable tabular-q-learning",
    "ppo": "ppo2 ppo1 ppo-clip proximal-policy-optimization ppo-discrete ppo-continuous",
    "ppo --objective kl": "ppo-kl ppo-penalty ppo-adaptive",
    "a3c": "asynchronous-advantage-actor-critic async-a3c a3c-continuous",
    "dppo": "distributed-ppo parallel-ppo",
    "ddpg": "deep-deterministic-policy-gradient dpg",
    "td3": "twin-delayed-ddpg twin-delayed-deep-deterministic-policy-gradient td-3 twin-ddpg",
    "sac": "soft-actor-critic softactorcritic maximum-entropy-rl",
}
"""Our algorithms and their variants (with the option that selects one), each with its names elsewhere."""

NOT_HERE = {
    "trpo": "ppo --objective kl",
    "acktr": "actor-critic",
    "acer": "actor-critic",
    "impala": "a3c or dppo",
    "rainbow": "dqn --double --dueling --prioritized --n-steps 3 --distributional quantile",
    "c51": "dqn --distributional quantile",
    "iqn": "dqn --distributional quantile",
    "noisy-dqn": "dqn",
    "q-lambda": "sarsa-lambda",
    "q(λ)": "sarsa-lambda",
    "expected-sarsa": "sarsa",
    "double-q-learning": "q-learning, or dqn --double",
    "recurrent-ppo": "ppo",
    "maskable-ppo": "ppo",
    "tqc": "sac or td3",
    "crossq": "sac",
    "redq": "sac --updates 20",
    "her": "ddpg or dqn",
    "value-iteration": "dyna-q",
    "policy-iteration": "dyna-q",
    "mbpo": "dyna-q",
    "random": "zerone record --random ENVIRONMENT",
}
"""Algorithms that Zerone lacks, each with the nearest one that it has."""

ENVIRONMENTS = {
    "zerone/Maze-v0": "gridworld grid-world grid maze-env labyrinth maze2d",
    "zerone/Treasure-v0": "treasure-on-right line 1d-treasure treasure-hunt chain",
    "zerone/Cliff-v0": "cliff-walk cliffworld",
    "FrozenLake-v1": "lake frozen-lake-4x4",
    "FrozenLake8x8-v1": "frozen-lake-8x8",
    "zerone/Arm-v0": "robot-arm robotarm arm-env arm-easy reacher-2d",
    "CartPole-v1": "cart pole cart-pole-v1 inverted-pole",
    "MountainCar-v0": "car mountain",
    "MountainCarContinuous-v0": "mountain-car-continuous continuous-mountain-car mountaincar-continuous",
    "Acrobot-v1": "acrobot double-pendulum-swing-up",
    "LunarLander-v3": "lander lunar",
    "zerone/DynaMaze-v0": "dyna",
    "ALE/Pong-v5": "pong pongnoframeskip pongdeterministic",
    "ALE/Breakout-v5": "breakout breakoutnoframeskip breakoutdeterministic",
}
"""Environments, each with the names that people use and that differ by more than case, hyphens and version."""

OPTIONS = {
    "limit": "max-episode-steps max-steps time-limit episode-length max-ep-len horizon",
    "gravity": "g grav",
    "mass": "m masspole",
    "length": "l",
    "cart_mass": "masscart mass-cart",
    "pole_mass": "masspole mass-pole",
    "half_length": "length pole-length",
    "force": "force-mag power",
    "time_step": "tau dt timestep",
    "desc": "map layout custom-map",
    "layout": "map desc file maze",
    "map_name": "map size",
    "is_slippery": "slippery slip stochastic",
    "success_rate": "slip-probability p",
    "reward": "reward-type shaping shaped",
    "torques": "n-torques n-actions discrete actions",
    "cells": "n-states size length",
    "observe": "obs observation obs-type",
    "mode": "difficulty hard easy",
}
"""Options of our environments, each with the names of Gymnasium's arguments and attributes."""
