"""`explain` of algorithms with networks, compared with `update` over whole trainings and with NumPy."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from toys import (
    graph,
    small_a3c,
    small_actor_critic,
    small_ddpg,
    small_dppo,
    small_dqn,
    small_ppo,
    small_reinforce,
    small_sac,
    small_td3,
)

from zerone.algorithms import (
    actor_critic_explanation,
    dqn_explanation,
    off_policy_actor_explanation,
    ppo_explanation,
    reinforce_explanation,
)
from zerone.algorithms.explanation import Equation, Explanation, GradientUpdate, Sign
from zerone.base.pytree import configured
from zerone.engines.stepping import Iteration, Stepper
from zerone.environments.wrappers import TimeLimit
from zerone.player import update_text
from zerone.player.table_text import visible

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def evaluated(equation: Equation) -> float:
    """The right side of an equation, evaluated by Python after its symbols are replaced."""
    text = "".join(part.number if isinstance(part, Sign) else f"({part.number!r})" for part in equation.right)
    for sign, python in {"×": "*", "[": "(", "]": ")", "²": "**2"}.items():
        text = text.replace(sign, python)
    value: float = eval(text, {"exp": math.exp, "min": min})  # noqa: S307 - our own numbers
    return value


def iterations(algorithm: Any, environment: Any, number: int) -> list[Iteration]:
    stepper = Stepper(algorithm, environment, 3)
    return [stepper.forward() for _ in range(number)]


def explained(algorithm: Any, each: Iteration) -> Explanation:
    found: Explanation = algorithm.explain(each.before.state, each.steps, each.key, each.after.state)
    return found


def close(one: Any, other: Any) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.allclose(mine, its, **CLOSE) for mine, its in pairs)


def measured(each: Iteration, name: str) -> float:
    """The metrics of `update` in an iteration, as the engine has summed them."""
    after, before = (float(carry.tally.metrics[name].total()) for carry in (each.after, each.before))
    return after - before


def as_measured(found: Explanation, each: Iteration, names: tuple[str, ...]) -> bool:
    """Whether the means of explained quantities equal the metrics of `update`."""
    return all(
        np.isclose(np.mean([numbers(update)[name] for update in found.updates]), measured(each, name), **CLOSE)
        for name in names
    )


def numbers(update: GradientUpdate) -> dict[str, float]:
    return {quantity.name: quantity.number for quantity in update.quantities}


def equations_hold(found: Explanation) -> bool:
    return all(
        np.isclose(evaluated(equation), equation.result, **CLOSE)
        for update in found.updates
        for equation in update.equations
    )


def column(update: GradientUpdate, name: str) -> np.ndarray:
    return np.array(update.samples.column(name))


DQNS = [
    small_dqn(hidden=(8,), warmup=8, loss="huber"),
    small_dqn(hidden=(8,), warmup=8, double=True, dueling=True, prioritized=True, n_steps=2, updates=2, environments=2),
    small_dqn(hidden=(8,), warmup=8, distributional="quantile", quantiles=4, dueling=True),
]


def dqn_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    found = explained(twin, each)
    _, times, learner, _ = dqn_explanation._recorded(twin, each.before.state, each.steps, each.key)
    after = each.after.state
    if int(times) == 0:
        return not found.updates and close(each.before.state.policy.network, after.policy.network)
    same = close((learner.network, learner.target, learner.priorities),
                 (after.policy.network, after.target, after.memory.priorities))  # fmt: skip
    return (
        same
        and as_measured(found, each, ("cost", "q"))
        and equations_hold(found)
        and targets_are_right(algorithm, each, found.updates[0])
    )


def targets_are_right(algorithm: Any, each: Iteration, update: GradientUpdate) -> bool:
    """Check the targets of the first gradient update, from its rows and the networks' values of each state."""
    states = jnp.arange(4)
    online, target = (np.asarray(net(states)) for net in (each.before.state.policy.network, each.before.state.target))
    following, over = column(update, "next_state"), column(update, "terminated")
    best = (online if algorithm.double else target)[following].argmax(-1)
    several = algorithm.n_steps > 1
    discount = column(update, "discount") if several else np.where(over, 0.0, np.float32(algorithm.discount))
    wanted = column(update, "return" if several else "reward") + discount * target[following, best]
    value = online[column(update, "state"), column(update, "action")]
    return np.allclose(column(update, "target"), wanted, **CLOSE) and np.allclose(
        column(update, "error"), wanted - value, **CLOSE
    )


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", DQNS, ids=("plain", "all together", "quantiles"))
def test_dqn_is_explained_as_it_learns(algorithm: Any) -> None:
    played = iterations(algorithm, graph(), 60)
    assert all(dqn_is_explained(algorithm, each, algorithm) for each in played)
    learning = [each for each in played if explained(algorithm, each).updates]
    assert len(learning) > 40
    twin = dataclasses.replace(algorithm, learning_rate=0.02)  # explains with another step
    assert not any(dqn_is_explained(algorithm, each, twin) for each in learning)
    others = [dataclasses.replace(each, key=learning[0].key) for each in learning[1:]]  # with other minibatches
    assert not any(dqn_is_explained(algorithm, each, algorithm) for each in others)
    is_shown(explained(algorithm, learning[-1]))
    assert "nothing is learnt yet: learning begins after" in " ".join(explained(algorithm, played[0]).notes)


def is_shown(found: Explanation) -> None:
    """Check that an explanation can be written as JSON and shown in lines of 80 characters."""
    json.dumps(dataclasses.asdict(found), allow_nan=False)
    lines = update_text.updates(found, 80, str, str)
    assert max(map(visible, lines)) <= 80
    assert lines[0].startswith(found.updates[0].title)
    assert all(any(each.left in line for line in lines) for each in found.updates[0].equations)


@pytest.mark.thorough
def test_each_way_down_the_sum_tree_leads_to_what_was_drawn() -> None:
    algorithm = DQNS[1]
    each = iterations(algorithm, graph(), 12)[-1]
    now, _, _, records = dqn_explanation._recorded(algorithm, each.before.state, each.steps, each.key)
    update = explained(algorithm, each).updates[0]
    priorities = np.asarray(now.memory.priorities.slots).reshape(-1)
    assert len(update.descents) == len(update.samples.rows)
    for row, way in enumerate(update.descents):
        assert (
            way.slot == int(records.draw.slots[0][row]) == np.searchsorted(priorities.cumsum(), way.looked_for, "right")
        )
        assert way.priority == priorities[way.slot] == column(update, "priority")[row]
        for level, below in zip(way.nodes, way.nodes[1:], strict=False):
            assert np.isclose(sum(below.sums), level.sums[level.chosen], rtol=1e-5)
        assert np.isclose(sum(way.nodes[0].sums), way.total, rtol=1e-5)


def test_v_and_a_together_are_q() -> None:
    update = explained(DQNS[1], iterations(DQNS[1], graph(), 12)[-1]).updates[0]
    together = column(update, "state_value") + column(update, "advantage_of_action")
    assert np.allclose(together, column(update, "value"), **CLOSE)


@configured
class Slide:
    """A number in [-2, 2] is moved by an action in [-1, 1]; the reward is minus its square; some steps terminate."""

    observation_space: ClassVar[Any] = spaces.Box(-2, 2, (1,), np.float32)
    action_space: ClassVar[Any] = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, key: Any) -> tuple[Any, Any]:
        state = jax.random.uniform(key, (1,), minval=-1.0)
        return state, state

    def step(self, key: Any, state: Any, action: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        state = jnp.clip(state + 0.5 * action, -2, 2)
        return state, state, -jnp.square(state[0]), jax.random.uniform(key) < 0.2, {}


DDPGS = [
    small_ddpg(hidden=(8,), warmup=8),
    small_ddpg(hidden=(8,), warmup=8, prioritized=True, n_steps=2, updates=2, actor_period=2),
]


def ddpg_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    found, before, after = explained(twin, each), each.before.state, each.after.state
    _, times, carry, _ = off_policy_actor_explanation._recorded(twin, before, each.steps, each.key)
    if int(times) == 0:
        return not found.updates and close(before.policy.actor, after.policy.actor)
    update = found.updates[0]
    following = jnp.array(update.samples.column("next_state"))
    target = before.learner.target
    worth = np.asarray(target.critic(following, target.actor(following)))
    several = algorithm.n_steps > 1
    over = column(update, "terminated")
    discount = column(update, "discount") if several else np.where(over, 0.0, np.float32(algorithm.discount))
    wanted = column(update, "return" if several else "reward") + discount * worth
    states = jnp.array(update.samples.column("state"))
    return (
        close(carry[:2], (after.policy.actor, after.learner))
        and as_measured(found, each, ("critic_loss", "q", "actor_q"))
        and equations_hold(found)
        and np.allclose(column(update, "target"), wanted, **CLOSE)
        and np.allclose(column(update, "own_action"), before.policy.actor(states), **CLOSE)
    )


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", DDPGS, ids=("plain", "all together"))
def test_ddpg_is_explained_as_it_learns(algorithm: Any) -> None:
    played = iterations(algorithm, TimeLimit(Slide(), 8), 40)
    assert all(ddpg_is_explained(algorithm, each, algorithm) for each in played)
    learning = [each for each in played if explained(algorithm, each).updates]
    assert len(learning) > 30
    twin = dataclasses.replace(algorithm, critic_learning_rate=0.03)  # explains with another step
    assert not any(ddpg_is_explained(algorithm, each, twin) for each in learning)
    others = [dataclasses.replace(each, key=learning[0].key) for each in learning[1:]]  # with other minibatches
    assert not any(ddpg_is_explained(algorithm, each, algorithm) for each in others)
    is_shown(explained(algorithm, learning[-1]))


OTHERS = [
    small_td3(hidden=(8,), warmup=8, steps_per_update=4),
    small_sac(hidden=(8,), warmup=8, steps_per_update=4),
]


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", OTHERS, ids=lambda each: each.name)
def test_what_is_built_on_the_same_loop_is_explained(algorithm: Any) -> None:
    def right(each: Iteration, twin: Any) -> bool:
        found, after = explained(twin, each), each.after.state
        _, times, carry, _ = off_policy_actor_explanation._recorded(twin, each.before.state, each.steps, each.key)
        if int(times) == 0:
            return not found.updates
        return (
            close(carry[:2], (after.policy.actor, after.learner))
            and as_measured(found, each, ("critic_loss", "q"))
            and equations_hold(found)
        )

    played = iterations(algorithm, TimeLimit(Slide(), 8), 15)
    assert all(right(each, algorithm) for each in played)
    learning = [each for each in played if explained(algorithm, each).updates]
    assert len(learning) > 5
    twin = dataclasses.replace(algorithm, critic_learning_rate=0.03)
    assert not any(right(each, twin) for each in learning)
    is_shown(explained(algorithm, learning[-1]))


@pytest.mark.thorough
def test_what_exploring_adds_is_the_action_less_the_actors_own() -> None:
    algorithm = DDPGS[0]
    stepper = Stepper(algorithm, TimeLimit(Slide(), 8), 3)
    each = [stepper.forward() for _ in range(20)][-1]
    decision = stepper.decision(each, 2)
    assert decision is not None
    added = {quantity.name: quantity.number for quantity in decision.quantities}
    assert np.isclose(decision.numbers[0] + added["added"], float(each.steps.action[2, 0, 0]), **CLOSE)


def returns(steps: Any, next_value: np.ndarray, discount: float) -> np.ndarray:
    """G_t of steps [T, N], from the last to the first."""
    found, later = np.zeros_like(steps.reward), next_value[-1]
    for t in reversed(range(len(found))):
        later = np.where(steps.truncated[t], next_value[t], later)
        later = found[t] = steps.reward[t] + discount * np.where(steps.terminated[t], 0.0, later)
    return found


def policy_terms(policy: Any, steps: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """V(s), V(s') and ln π(a|s) of steps [T, N] in an environment of 4 states."""
    states = jnp.arange(4)
    value, scores = np.asarray(policy.value(states)), np.asarray(policy.actor(states), np.float64)
    log_probability = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    return value[steps.observation], value[steps.next_observation], log_probability[steps.observation, steps.action]


def first_rows(x: np.ndarray) -> np.ndarray:
    return x.swapaxes(0, 1).reshape(-1)[:5]


def advantages_are_right(update: GradientUpdate, policy: Any, steps: Any, discount: float) -> bool:
    value, next_value, log_probability = policy_terms(policy, steps)
    wanted = returns(steps, next_value, discount)
    return (
        np.allclose(column(update, "return"), first_rows(wanted), **CLOSE)
        and np.allclose(column(update, "advantage"), first_rows(wanted - value), **CLOSE)
        and np.allclose(column(update, "surprise"), -first_rows(log_probability), **CLOSE)
        and np.allclose(column(update, "loss"), -first_rows((wanted - value) * log_probability), **CLOSE)
    )


def actor_critic_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    found, before = explained(twin, each), each.before.state
    learner, _ = actor_critic_explanation._recorded(twin, before, each.steps)
    return (
        close(learner.policy, each.after.state.policy)
        and as_measured(found, each, ("policy_loss", "value_loss", "entropy", "value"))
        and equations_hold(found)
        and advantages_are_right(found.updates[0], before.policy, jax.device_get(each.steps), algorithm.discount)
    )


def a3c_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    found, before = explained(twin, each), each.before.state
    learner, _ = actor_critic_explanation._recorded_workers(twin, before, each.steps)
    last = jax.tree.map(lambda x: x[:, -2:], jax.device_get(each.steps))  # the second worker's two environments
    copy = jax.tree.map(lambda x: x[1], before.policy.copies)
    return (
        close(learner.policy, each.after.state.policy.shared)
        and as_measured(found, each, ("policy_loss", "value_loss", "entropy", "value", "staleness"))
        and equations_hold(found)
        and advantages_are_right(found.updates[1], copy, last, algorithm.discount)
        and f"version {int(before.pulled[1]):,}" in found.updates[1].notes[0]
    )


def reinforce_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    found, before = explained(twin, each), each.before.state
    after, over, _, _ = reinforce_explanation._recorded(twin, before, each.steps)
    if not over.any():
        return not found.updates and close(before.policy, each.after.state.policy)
    first, last = int(np.argmax(over)), jax.device_get(each.steps)
    length = int(before.ongoing.length[first]) + 1
    old = jax.device_get(before.ongoing)
    observations, rewards = (
        np.append(kept[: length - 1, first], now[0, first])
        for kept, now in ((old.observation, last.observation), (old.reward, last.reward))
    )
    value = np.asarray(before.policy.value(jnp.arange(4)))
    later = 0.0 if last.terminated[0, first] else value[last.next_observation[0, first]]
    wanted = []
    for reward in rewards[::-1]:
        later = reward + algorithm.discount * later
        wanted.insert(0, later)
    above = np.array(wanted) - value[observations]
    guard = 1e-5 * np.abs(above.mean())
    weight = (above - above.mean()) / (above.std() + guard + 1e-8) if above.std() > guard else above
    weight = weight * algorithm.discount ** np.arange(length)
    update = found.updates[0]
    return (
        close(after, each.after.state.policy)
        and all(np.isclose(numbers(update)[name], measured(each, name), **CLOSE) for name in algorithm.metrics)
        and equations_hold(found)
        and np.allclose(column(update, "return"), wanted[:5], **CLOSE)
        and np.allclose(column(update, "weight"), weight[:5], rtol=1e-3, atol=1e-4)
    )


def ppo_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    found, before = explained(twin, each), each.before.state
    after, _, _ = ppo_explanation._recorded(twin, before, each.steps, each.key)
    names = ("policy_loss", "value_loss", "entropy") + (("kl", "clipped") if before.penalty is None else ())
    first, steps = found.updates[0], jax.device_get(each.steps)
    value, next_value, log_probability = policy_terms(before.policy, steps)
    wanted, later = np.zeros_like(value), 0.0
    for t in reversed(range(len(value))):
        error = steps.reward[t] + algorithm.discount * np.where(steps.terminated[t], 0.0, next_value[t]) - value[t]
        stops = steps.terminated[t] | steps.truncated[t]
        later = wanted[t] = error + algorithm.discount * algorithm.trace_decay * np.where(stops, 0.0, later)
    here = column(first, "number"), column(first, "environment") - 1
    clipped = [np.abs(column(each, "ratio") - 1) > float(algorithm.clip) for each in found.updates]
    return (
        close(after.policy, each.after.state.policy)
        and as_measured(found, each, names)
        and equations_hold(found)
        and np.allclose(column(first, "value_target"), (wanted + value)[here], **CLOSE)
        and np.allclose(column(first, "old_log_probability"), log_probability[here], **CLOSE)
        and np.allclose(column(first, "ratio"), 1.0, **CLOSE)
        and (before.penalty is not None or all(
            np.array_equal(column(update, "clipped"), mine) for update, mine in zip(found.updates, clipped, strict=True)
        ))
    )  # fmt: skip


def ppo_of_workers_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    """Check PPO's explanations: metrics are means over all workers, rows are those of the first worker."""
    found = explained(twin, each)
    after, _, _ = ppo_explanation._recorded(twin, each.before.state, each.steps, each.key)
    return (
        close(after.policy, each.after.state.policy)
        and as_measured(found, each, ("policy_loss", "value_loss", "entropy", "kl", "clipped"))
        and equations_hold(found)
        and all(
            max(column(update, "environment")) <= algorithm.environments // algorithm.workers
            for update in found.updates
        )
    )


POLICIES = [
    (small_actor_critic(), actor_critic_is_explained),
    (small_a3c(environments=4), a3c_is_explained),
    (small_reinforce(normalize=True, discount_steps=True, longest_episode=6), reinforce_is_explained),
    (small_ppo(clip=0.02), ppo_is_explained),
    (small_ppo(objective="kl", normalize_advantages=False), ppo_is_explained),
    (small_dppo(gather="gradients", environments=4, clip=0.02), ppo_of_workers_is_explained),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("algorithm", "is_explained"), POLICIES, ids=lambda each: getattr(each, "name", ""))
def test_policies_are_explained_as_they_learn(algorithm: Any, is_explained: Any) -> None:
    played = iterations(algorithm, graph(), 40)
    assert all(is_explained(algorithm, each, algorithm) for each in played)
    learning = [each for each in played if explained(algorithm, each).updates]
    twin = dataclasses.replace(algorithm, learning_rate=0.02)  # explains with another step
    assert not any(is_explained(algorithm, each, twin) for each in learning)
    is_shown(explained(algorithm, learning[-1]))


@pytest.mark.thorough
def test_other_minibatches_are_not_what_ppo_learnt_from() -> None:
    algorithm = small_ppo(clip=0.02)
    one, other = iterations(algorithm, graph(), 2)
    assert not ppo_is_explained(algorithm, dataclasses.replace(other, key=one.key), algorithm)
