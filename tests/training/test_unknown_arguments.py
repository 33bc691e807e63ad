"""In Python, unknown arguments are refused with one line that uses Python's names."""

from __future__ import annotations

import re

import pytest

import zerone as zo

LINE = "zerone/Treasure-v0"

ANSWERED = [
    (lambda: zo.train("dqn", "CartPole-v1", lr=1e-3), "settings={'learning_rate': 0.001}"),
    (lambda: zo.train("dqn", "CartPole-v1", learning_rate=1e-3), "settings={'learning_rate': 0.001}"),
    (lambda: zo.train(zo.DQN(), "CartPole-v1", gamma=0.9), "DQN(discount=0.9)"),
    (lambda: zo.train("dqn", "CartPole-v1", total_timesteps=5), "here it is steps="),
    (lambda: zo.train("dqn", "CartPole-v1", device="cuda"), "JAX_PLATFORMS"),
    (lambda: zo.train("dqn", "CartPole-v1", use_wandb=True), 'here it is callbacks=["wandb"]'),
    (lambda: zo.train("dqn", "CartPole-v1", callback=print), "here it is callbacks="),
    (lambda: zo.train("dqn", "CartPole-v1", step=5), "did you mean 'steps'?"),
    (lambda: zo.train("dqn", "CartPole-v1", frobnicate=5), "help(zo.train)"),
    (lambda: zo.train("dqn", "CartPole-v1", settings={"lr": 1}), "here it is 'learning_rate'"),
    (lambda: zo.train("q-learning", LINE, settings={"frob": 1}), "it has 'learning_rate', 'discount'"),
    (lambda: zo.train("double-dqn", "CartPole-v1"), "'dqn' with settings={'double': True}"),
    (lambda: zo.train("CartPole-v1", "dqn"), "zo.train('dqn', 'CartPole-v1')"),
    (lambda: zo.train("maze", "q-learning"), "zo.train('q-learning', 'zerone/Maze-v0')"),
    (lambda: zo.train("q-learning", "maze"), "did you mean 'zerone/Maze-v0'?"),
    (lambda: zo.train("dqn", "cartpole"), "did you mean 'CartPole-v1'?"),
    (lambda: zo.sweep("ppo", "CartPole-v1", {"lr": [1e-3, 1e-2]}), "here it is 'learning_rate'"),
    (lambda: zo.DQN(gamma=0.9), "DQN has no setting 'gamma': here it is 'discount'"),
    (lambda: zo.PPO(clip_range=0.1), "here it is 'clip'"),
    (lambda: zo.QLearning(buffer_size=5), "it has learning_rate, discount, epsilon"),
    (lambda: zo.make("Pendulum-v1", g=9.8), "here it is 'gravity'"),
    (lambda: zo.make("CartPole-v1", masscart=1), "here it is 'cart_mass'"),
]


@pytest.mark.parametrize("number", range(len(ANSWERED)))
def test_a_word_of_others_is_answered_and_nothing_created(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, words = ANSWERED[number]
    with pytest.raises(zo.InputError, match=re.escape(words)) as error:
        call()
    assert "\n" not in str(error.value)
    assert "--" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_known_word_is_taken_as_ever():
    assert zo.DQN(discount=0.5).discount == 0.5
    assert zo.QLearning(0.5).learning_rate == 0.5
