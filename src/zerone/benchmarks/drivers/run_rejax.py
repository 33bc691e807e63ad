"""rejax: DQN and PPO, without evaluation during training.

Differences from CleanRL's settings that cannot be avoided: its DQN updates once per step of all environments (so one
update per 10 steps needs 10 environments), it samples the memory without replacement, and its `max_grad_norm` clips
each element.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import rejax
from rejax.evaluate import evaluate
from rejax.networks import DiscreteQNetwork, EpsilonGreedyPolicy
from stopwatch import Moment, Report, Work, work_from_command_line


def nothing(*_: Any) -> tuple[()]:
    """An evaluation callback that does nothing."""
    return ()


def dqn(work: Work) -> rejax.DQN:
    """DQN. The constructor does not take the network's sizes, so the network is replaced afterwards."""
    h = work.h
    algorithm = rejax.DQN.create(
        env=work.environment,
        total_timesteps=work.steps,
        eval_freq=work.steps,
        skip_initial_evaluation=True,
        num_envs=h["steps_per_update"],
        num_epochs=1,
        ddqn=False,
        learning_rate=h["learning_rate"],
        gamma=h["discount"],
        buffer_size=h["memory"],
        fill_buffer=h["learning_starts"],
        batch_size=h["batch"],
        target_update_freq=h["target_update"],
        polyak=0.0,
        eps_end=h["exploration_end"],
        exploration_fraction=h["exploration_fraction"],
    )
    agent = EpsilonGreedyPolicy(DiscreteQNetwork)(
        hidden_layer_sizes=tuple(h["hidden"]), activation=nn.relu, action_dim=algorithm.action_dim
    )
    return algorithm.replace(agent=agent, eval_callback=nothing)


def ppo(work: Work) -> rejax.PPO:
    """PPO."""
    h = work.h
    updates = work.steps // (h["environments"] * h["horizon"]) * h["epochs"] * h["minibatches"]
    return rejax.PPO.create(
        env=work.environment,
        total_timesteps=work.steps,
        eval_freq=work.steps,
        skip_initial_evaluation=True,
        num_envs=h["environments"],
        num_steps=h["horizon"],
        num_epochs=h["epochs"],
        num_minibatches=h["minibatches"],
        learning_rate=optax.linear_schedule(h["learning_rate"], 0.0, updates),
        gamma=h["discount"],
        gae_lambda=h["trace"],
        clip_eps=h["clip"],
        ent_coef=h["entropy"],
        vf_coef=h["value_weight"],
        max_grad_norm=h["gradient_norm"],
        agent_kwargs={"hidden_layer_sizes": tuple(h["hidden"]), "activation": "tanh"},
    ).replace(eval_callback=nothing)


def mean_return(algorithm: Any, state: Any) -> float:
    """The mean return of 100 episodes by rejax's own evaluation."""
    play = evaluate(algorithm.make_act(state), state.rng, algorithm.env, algorithm.env_params, 100)
    return float(play[1].mean())


def main() -> None:
    """Train twice, the second time from the end of the first, and report the second, which needs no warm-up."""
    work, report = work_from_command_line(), Report()
    report.imported()
    algorithm = {"dqn": dqn, "ppo": ppo}[work.algorithm](work)

    def train(state: Any) -> Any:
        return algorithm.train(train_state=state)[0]

    init, each_train = algorithm.init_state, train
    keys = jax.random.split(jax.random.PRNGKey(work.seed), work.seeds)
    if work.seeds == 1:
        keys = keys[0]
    else:
        init, each_train = jax.vmap(init), jax.vmap(train)
    state = jax.jit(init)(keys)
    # Donate the state: otherwise this driver would hold the replay memory from before and after training.
    compiled = jax.jit(each_train, donate_argnums=0).lower(state).compile()
    report.started()
    state = jax.block_until_ready(compiled(state))
    returns = mean_return(algorithm, state if work.seeds == 1 else jax.tree.map(lambda leaf: leaf[0], state))
    steps_before = int(jnp.sum(state.global_step))
    begin = Moment.now()
    state = jax.block_until_ready(compiled(state))
    report.steady(int(jnp.sum(state.global_step)) - steps_before, begin, Moment.now())
    if work.algorithm == "dqn":
        report.memory_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(state.replay_buffer.data))
    report.reached(returns, "100 episodes after the first of two trainings")
    report.emit()


if __name__ == "__main__":
    main()
