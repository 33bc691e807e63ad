"""Names from other libraries are answered with ours, typing errors with the likely name, and others with nothing."""

from __future__ import annotations

import dataclasses

import pytest

from zerone.algorithms import catalogue as algorithms
from zerone.base.errors import closest, in_shell, nearest
from zerone.base.meanings import algorithm_meant, asked, meanings, setting_meant
from zerone.base.synonyms import ALGORITHMS, ASKED, COMMANDS, ENVIRONMENTS, NOT_HERE, NOTES, OPTIONS, SETTINGS
from zerone.environments import catalogue as environments

OWN = {entry.name: [field.name for field in dataclasses.fields(entry.make)] for entry in algorithms.entries()}
EVERY = sorted({name for names in OWN.values() for name in names})

# The arguments of stable-baselines3 2's classes (Raffin et al. 2021) that are hyperparameters.
SB3_DQN = [
    "learning_rate",
    "buffer_size",
    "learning_starts",
    "batch_size",
    "tau",
    "gamma",
    "train_freq",
    "gradient_steps",
    "target_update_interval",
    "exploration_fraction",
    "exploration_initial_eps",
    "exploration_final_eps",
    "max_grad_norm",
]
SB3_PPO = [
    "learning_rate",
    "n_steps",
    "batch_size",
    "n_epochs",
    "gamma",
    "gae_lambda",
    "clip_range",
    "ent_coef",
    "vf_coef",
    "max_grad_norm",
    "target_kl",
]
SB3_A2C = ["learning_rate", "n_steps", "gamma", "ent_coef", "max_grad_norm", "use_rms_prop"]
SB3_DDPG = [
    "learning_rate",
    "buffer_size",
    "learning_starts",
    "batch_size",
    "tau",
    "gamma",
    "train_freq",
    "gradient_steps",
    "action_noise",
]
SB3_SAC = [*SB3_DDPG, "ent_coef", "target_entropy", "target_update_interval"]
SB3_TD3 = [*SB3_DDPG, "policy_delay", "target_policy_noise", "target_noise_clip"]
# Of CleanRL's dqn.py and ppo.py.
CLEANRL_DQN = [
    "learning-rate",
    "num-envs",
    "buffer-size",
    "gamma",
    "tau",
    "target-network-frequency",
    "batch-size",
    "start-e",
    "end-e",
    "exploration-fraction",
    "learning-starts",
    "train-frequency",
]
CLEANRL_PPO = [
    "learning-rate",
    "num-envs",
    "num-steps",
    "anneal-lr",
    "gamma",
    "gae-lambda",
    "num-minibatches",
    "update-epochs",
    "clip-coef",
    "ent-coef",
    "vf-coef",
    "max-grad-norm",
    "target-kl",
]
# Of the tutorial's classes and constants.
TUTORIAL_DQN = [
    "learning_rate",
    "reward_decay",
    "e_greedy",
    "replace_target_iter",
    "memory_size",
    "batch_size",
    "e_greedy_increment",
]
TUTORIAL_TABLE = ["ALPHA", "GAMMA", "EPSILON", "learning_rate", "reward_decay", "e_greedy"]
TUTORIAL_TRACES = [*TUTORIAL_TABLE, "trace_decay", "LAMBDA"]
THEIRS = [
    *(("dqn", name) for name in (*SB3_DQN, *CLEANRL_DQN, *TUTORIAL_DQN)),
    *(("ppo", name) for name in (*SB3_PPO, *CLEANRL_PPO)),
    *(("actor-critic", name) for name in SB3_A2C),
    *(("ddpg", name) for name in SB3_DDPG),
    *(("sac", name) for name in SB3_SAC),
    *(("td3", name) for name in SB3_TD3),
    *(("q-learning", name) for name in TUTORIAL_TABLE),
    *(("sarsa-lambda", name) for name in TUTORIAL_TRACES),
]

MEANT = [
    ("dqn", "gamma", "discount"), ("ppo", "lr", "learning_rate"), ("dqn", "alpha", "learning_rate"),
    ("dqn", "batch-size", "batch"), ("ppo", "batch_size", "minibatches"), ("ddpg", "tau", "target_step"),
    ("sac", "ent-coef", "temperature"), ("sac", "autotune", "learn_temperature"),
    ("td3", "policy_delay", "actor_period"), ("td3", "target_policy_noise", "target_noise"),
    ("td3", "policy-frequency", "actor_period"),
    ("ppo", "n_envs", "environments"), ("a3c", "ent-coef", "entropy_bonus"), ("ppo", "vf_coef", "value_cost"),
    ("ppo", "gae_lambda", "trace_decay"), ("sarsa-lambda", "lambda", "trace_decay"), ("dqn", "buffer_size", "memory"),
    ("ddpg", "learning_starts", "warmup"), ("dqn", "train_freq", "steps_per_update"),
    ("dqn", "target_update_interval", "target_period"), ("dqn", "replace_target_iter", "target_period"),
    ("ppo", "clip_range", "clip"), ("q-learning", "e_greedy", "epsilon"), ("dqn", "e_greedy", "epsilon_end"),
    ("ppo", "n_steps", "steps_per_update"), ("dqn", "γ", "discount"), ("ppo", "N-Epochs", "epochs"),
    ("dqn", "prioritized_replay_alpha", "priority_exponent"), ("ppo", "epsilon", "clip"),
]  # fmt: skip

NOTHING_NEAR = [
    "xyzzy",
    "foo",
    "bar",
    "baz",
    "momentum",
    "nesterov",
    "amp",
    "dropout",
    "jit",
    "seedling",
    "quantum",
    "banana",
    "wandb_mode",
    "max",
    "lr",
    "wd",
    "eps2",
    "checkpoint_dir",
    "compile",
    "humidity",
    "horizonx",
    "kl",
    "alpha_loss",
    "huge",
    "nope",
    "zzz",
    "gaussian",
    "reward_scale",
    "ln",
]


@pytest.mark.parametrize(("algorithm", "theirs"), THEIRS)
def test_every_hyperparameter_of_others_has_an_answer(algorithm, theirs):
    ours = OWN[algorithm]
    assert theirs in ours or meanings(theirs, SETTINGS, ours) or setting_meant(theirs, ours, OWN), (algorithm, theirs)


@pytest.mark.parametrize(("algorithm", "theirs", "ours"), MEANT)
def test_a_word_of_others_is_answered_with_the_setting_of_the_algorithm(algorithm, theirs, ours):
    answer = setting_meant(theirs, OWN[algorithm], OWN)
    assert answer is not None
    assert answer.startswith(f"here it is {ours!r}")


def test_what_an_algorithm_lacks_is_said_to_be_of_others():
    assert (
        setting_meant("buffer_size", OWN["q-learning"], OWN)
        == "here it is 'memory', which only dqn, ddpg, td3, sac have"
    )


def test_the_exploring_share_is_told_from_the_greedy_one():
    answer = setting_meant("e_greedy", OWN["q-learning"], OWN)
    assert answer is not None
    assert "0.1 where" in answer
    assert "0.9" in answer


@pytest.mark.parametrize("word", NOTHING_NEAR)
def test_a_far_off_guess_is_not_made(word):
    options = [name.replace("_", "-") for name in EVERY] + [
        "steps",
        "seed",
        "seeds",
        "resume",
        "quiet",
        "watch",
        "chunk",
    ]
    assert closest(word, options) is None, (word, closest(word, options))
    assert "did you mean" not in nearest(word, options)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lerning-rate", "learning-rate"), ("learning_rate", "learning-rate"), ("learnin-rate", "learning-rate"),
        ("dicsount", "discount"), ("DISCOUNT", "discount"), ("step", "steps"), ("epsilonstart", "epsilon-start"),
        ("minibatch", "minibatches"), ("target", "target-step"), ("hiden", "hidden"), ("wramup", "warmup"),
    ],
)  # fmt: skip
def test_slips_of_the_fingers_are_understood(typed, meant):
    assert closest(typed, [name.replace("_", "-") for name in EVERY] + ["steps", "seeds"]) == meant


def test_the_tables_name_what_there_is():
    assert set(SETTINGS) <= set(EVERY)
    assert set(NOTES) <= set(SETTINGS)
    for name in ALGORITHMS:
        algorithm, *options = name.split(" --")
        assert algorithm in OWN
        for option in options:
            assert option.split()[0].replace("-", "_") in OWN[algorithm]
    for name in ENVIRONMENTS:
        assert environments.find(name) is not None or name.startswith("ALE/") or name == "LunarLander-v3"
    known = {option.name for entry in environments.entries() for option in environments.options(entry)}
    assert set(OPTIONS) <= known


def test_no_name_of_ours_is_taken_for_one_of_others():
    for table, ours in ((ALGORITHMS, OWN), (NOT_HERE, OWN)):
        words = {word for text in (table.values() if table is ALGORITHMS else table) for word in text.split()}
        assert not words & set(ours)
    from zerone.cli.app import COMMANDS as REAL

    assert not {word for text in COMMANDS.values() for word in text.split()} & set(REAL)
    for name, text in SETTINGS.items():  # one algorithm's setting may be a synonym of another's
        assert name not in {word.replace("-", "_") for word in text.split()}


@pytest.mark.parametrize("name", ["double-dqn", "Double_DQN", "ddqn"])
def test_a_variant_is_answered_with_its_option(name):
    assert algorithm_meant(name) == "here it is 'dqn' with settings={'double': True}"
    with in_shell():
        assert algorithm_meant(name) == "here it is dqn --double"


@pytest.mark.parametrize("name", ["tqc", "TRPO", "q-lambda"])
def test_what_is_not_here_is_said_to_be_so_with_what_is_near(name):
    answer = algorithm_meant(name)
    assert answer is not None
    assert "not here; near is " in answer


def test_an_answer_is_an_option_that_the_command_has():
    everything = {each.shell.split()[0] for each in ASKED}
    with in_shell():
        assert asked("--n-eval-episodes", {"--episodes"}, training=False) == "here it is --episodes"
        assert asked("--n-eval-episodes", everything, training=True) == "here it is --evaluation-episodes"
        assert asked("--n-eval-episodes", {"--out"}, training=False) is None
        assert asked("--env", {"--out"}, training=False) is None
    assert asked("total_timesteps", {"steps"}, training=True) == "here it is steps="
