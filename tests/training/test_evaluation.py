"""Evaluations take no more than their share of a training, begin early, and show whether a task is solved."""

import dataclasses
import time

import gymnasium
import numpy as np
import pytest
from toys import CounterEnv, Keeper

import zerone as zo
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.engines.host_evaluation import widths_for
from zerone.engines.protocol import GREEDY, Evaluation, EvaluationSettings, Stopped
from zerone.environments import catalogue
from zerone.training import checkpoint, environment_setup
from zerone.training.engine_setup import make_engine
from zerone.training.evaluation import (
    ALL_EVALUATIONS,
    OVERRUN,
    SHARE,
    Account,
    EvaluationPlan,
    Evaluator,
    needed,
)

CHOOSING = EvaluationPlan(100, choose_times=True, choose_episodes=True, choose_limit=True)
SMALL = {"figure": False, "keep_last": 1}


class Simulator:
    """An engine with simulated episodes: `draw(random, number, policy)` gives their returns and lengths."""

    name = "host"
    steps_one_by_one = True

    def __init__(self, draw, environments=1, time_limit=None):
        self.algorithm = Keeper(environments=environments)
        self.draw, self.time_limit, self.widths = draw, time_limit, widths_for(environments)
        self.played = []

    def step_cost(self, width):
        return max(width, self.algorithm.environments)

    def evaluate(self, policy, seed, index, episodes, how=GREEDY, first=0):
        returns, lengths = self.draw(np.random.default_rng([seed, index, first]), episodes, policy)
        lengths = np.minimum(lengths, self.time_limit or 10**9)
        cut = lengths > how.limit
        lengths = np.minimum(lengths, how.limit)
        self.played.append((index, first, episodes))
        widest = self.widths[0]
        turn = self.step_cost(min(each for each in self.widths if each >= min(episodes, widest)))
        work = turn * sum(int(lengths[at : at + widest].max()) for at in range(0, episodes, widest))
        return Evaluation(np.float32(returns), np.float32(lengths), cut, work)


def train(engine, ways, total, looks, lengths, solved_at=None):
    """Evaluate as a training would, after each of the `looks` steps; its own episodes have these `lengths`."""
    evaluator = Evaluator(engine, dataclasses.replace(ways, solved_at=solved_at), False, total, False)
    account, found, solved = Account(), [], None
    for place, step in enumerate(looks):
        account.trained_length = lengths[place % len(lengths)]
        seen = evaluator.evaluate(account, place, 0, step, solved is not None, step == total)
        if seen is not None:
            found.append((step, seen))
            if solved is None and evaluator.solves(account, place, 0, step, seen):
                solved = step
    return account, found, solved


def geometric(total):
    steps = 50 * 1.25 ** np.arange(40)
    return [*np.round(steps[steps < total / 5]).astype(int).tolist(), *range(total // 5, total, total // 20), total]


def short(random, number, _):
    return np.ones(number), random.integers(5, 15, number)


def long(_, number, __):
    return np.ones(number), np.full(number, 1000)


def growing(_, number, policy):
    return np.ones(number), np.full(number, 20 * (policy + 1))


def in_circles(_, number, policy):
    """Every third policy reaches the goal; the episodes of the others do not end."""
    return np.ones(number), np.full(number, 10**6 if policy % 3 else 12)


def now_and_then_long(random, number, _):
    return np.ones(number), np.where(random.random(number) < 0.1, 900, 10)


@pytest.mark.parametrize("environments", [1, 8, 64])
@pytest.mark.parametrize("scene", [short, long, growing, in_circles, now_and_then_long])
@pytest.mark.parametrize("limit", [1000, None])
@pytest.mark.parametrize("trained", [[15.0], [200.0], [None], [5.0, 500.0]])
def test_looks_count_as_no_more_than_their_share_of_the_steps(scene, environments, limit, trained):
    total = 200_000
    engine = Simulator(scene, environments, limit)
    account, found, _ = train(engine, CHOOSING, total, geometric(total), trained)
    # An evaluation may take longer than expected, by one round of episodes.
    longest = max((int(each.lengths.max()) for _, each in found), default=0)
    assert account.evaluation_work <= SHARE * total + 1.1 * engine.step_cost(5) * longest
    assert account.evaluation_work == sum(each.work for _, each in found)
    if scene is short and environments == 1 and trained[0] == 15.0:
        assert len(found) >= 20
        assert max(len(each.returns) for _, each in found) == 100
        assert found[-1][0] == total  # the last policy is evaluated


def test_episodes_of_which_hardly_any_fits_are_left_to_the_judgement_at_the_end():
    _, found, _ = train(Simulator(long, time_limit=1000), CHOOSING, 4_000, geometric(4_000), [None])
    assert found == []


def test_a_look_that_takes_too_long_ends_early_and_the_next_wait():
    """In training all episodes end; the greedy policy walks in circles up to the limit."""
    engine = Simulator(in_circles)
    account, found, _ = train(engine, CHOOSING, 100_000, [5_000, 6_000, 60_000, 100_000], [20.0])
    assert [len(each.returns) for _, each in found[:2]] == [100, 1] or len(found[0][1].returns) >= 5
    circles = [each for _, each in found if each.cut.any()]
    assert all(each.lengths.max() == 1_000 for each in circles)  # no time limit: 20 times 20 steps, or 1,000
    assert account.evaluation_work <= SHARE * 100_000 + 1_000 * OVERRUN


def test_a_cap_that_somebody_has_set_is_the_cap():
    engine = Simulator(in_circles)
    asked = dataclasses.replace(CHOOSING, choose_limit=False, how=EvaluationSettings(limit=3_000))
    _, found, _ = train(engine, asked, 10**6, [250_000, 500_000], [20.0])
    assert max(int(each.lengths.max()) for _, each in found) == 3_000


def test_who_asks_for_times_and_episodes_gets_them():
    engine = Simulator(long, time_limit=1000)
    account, found, _ = train(engine, EvaluationPlan(7), 1_000, [250, 500, 1_000], [1000.0])
    assert [len(each.returns) for _, each in found] == [7, 7, 7]
    assert account.steps == 3 * 7 * 1000
    # Only the number is given: evaluations are left out, except the last.
    only = EvaluationPlan(50, choose_times=True)
    _, found, _ = train(engine, only, 100_000, geometric(100_000), [1000.0])
    assert found
    assert {len(each.returns) for _, each in found} == {50}
    # Only the times are given: as many episodes as there is time for, at least five.
    _, found, _ = train(engine, EvaluationPlan(50, choose_episodes=True), 100_000, [100, 50_000, 100_000], [100.0])
    assert [step for step, _ in found] == [100, 50_000, 100_000]
    assert len(found[0][1].returns) <= 5


def level(number, mean, deviation):
    """An evaluation whose returns have exactly this mean and standard deviation."""
    each = np.where(np.arange(number) % 2, 1.0, -1.0) * deviation + mean
    return Evaluation(np.float32(each), np.ones(number, np.float32), np.zeros(number, bool), number)


def test_a_test_is_long_enough_for_a_policy_that_is_as_good_as_it_seems():
    assert needed(level(100, 500, 0), 475) == 100
    assert needed(level(100, 0.744, 0.436), 0.7) == 2_500  # within one standard error of the level: the most episodes
    wide = needed(level(100, 7.9, 2.6), 7)
    # 4.5 standard errors between the level and the mean minus one standard error.
    assert wide == pytest.approx((4.5 * 2.6 / (0.9 - 0.26)) ** 2, abs=2)


def wins(chance):
    def draw(random, number, _):
        return 1.0 * (random.random(number) < chance), np.full(number, 5)

    return draw


def shown(chance, seeds, solved_at=0.7):
    """The fraction of seeds that count as solved after one evaluation of a policy that wins with this probability."""
    count = 0
    for seed in range(seeds):
        engine = Simulator(wins(chance), time_limit=100)
        evaluator = Evaluator(engine, dataclasses.replace(CHOOSING, solved_at=solved_at), False, 10**6, False)
        account = Account(trained_length=5.0)
        found = evaluator.evaluate(account, None, seed, 10**6, False, False)
        assert len(found.returns) == 100
        count += evaluator.solves(account, None, seed, 10**6, found)
    return count / seeds


def test_solved_is_within_reach_of_the_best_and_not_of_what_is_just_below():
    """On FrozenLake the best policy wins 74.4% of its episodes, and the level is 0.7."""
    assert shown(0.744, 300) >= 0.95
    assert shown(0.695, 300) <= 0.02
    assert shown(0.66, 100) == 0


def test_claims_are_tested_on_episodes_that_no_other_was():
    engine = Simulator(wins(0.6), time_limit=100)
    evaluator = Evaluator(engine, dataclasses.replace(CHOOSING, solved_at=0.6), False, 10**7, False)
    account, tests = Account(trained_length=5.0), []
    for step in range(10**6, 2 * 10**6, 10**5):
        engine.played.clear()
        found = evaluator.evaluate(account, None, 0, step, False, False)
        assert {index for index, _, _ in engine.played} == {ALL_EVALUATIONS}  # all evaluations use the same episodes
        engine.played.clear()
        evaluator.solves(account, None, 0, step, found)
        tests += [index for index, _, _ in engine.played]
    assert len(tests) >= 10
    assert len(set(tests)) == len(tests)
    assert min(tests) > ALL_EVALUATIONS


def greedy_table(name, discount=0.9999):
    """The optimal table of an environment whose probabilities Gymnasium has, by value iteration."""
    chances = gymnasium.make(name).unwrapped.P
    states, actions = len(chances), len(chances[0])
    following, reward = np.zeros((states, actions, states)), np.zeros((states, actions))
    for state, action in np.ndindex(states, actions):
        for chance, after, gained, ended in chances[state][action]:
            reward[state, action] += chance * gained
            following[state, action, after] += chance * (not ended)
    value = np.zeros(states)
    for _ in range(3_000):
        value = (reward + discount * following @ value).max(1)
    return np.float32(reward + discount * following @ value)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ["FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4", "CliffWalking-v1"])
def test_the_best_policy_of_each_table_solves_its_environment_at_one_look(name):
    table, engine = greedy_table(name), make_engine("compiled", zo.QLearning(), name)
    evaluator = Evaluator(
        engine, dataclasses.replace(CHOOSING, solved_at=environment_setup.solved_at(name)), True, 10**6, True
    )
    solved = 0
    for seed in range(20):
        account = Account(trained_length=40.0)
        found = evaluator.evaluate(account, table, seed, 10**5, False, False)
        solved += evaluator.solves(account, table, seed, 10**5, found)
    engine.close()
    assert solved >= 19


@pytest.mark.parametrize(("options", "there"), [
    ({}, True), ({"gravity": 10.0}, True), ({"gravity": 10}, True), ({"gravity": 15}, False), ({"limit": 300}, False),
    ({"reward": "tenth"}, True), ({"torques": 5}, False),
])  # fmt: skip
def test_a_level_is_of_the_task_that_it_was_set_for(options, there):
    assert environment_setup.solved_at("Pendulum-v1", options) == (-200 if there else None)


def test_every_option_that_changes_a_task_takes_its_level_away():
    have_one = [entry for entry in catalogue.entries() if environment_setup.solved_at(entry.id) is not None]
    assert {entry.id for entry in catalogue.entries()} - {entry.id for entry in have_one} == {"Blackjack-v1"}
    for entry in have_one:
        for option in catalogue.options(entry):
            changed = not option.default if isinstance(option.default, bool) else 123
            kept = environment_setup.solved_at(entry.id, {option.name: changed}) is not None
            assert kept == (option.name in ("reward", "observe")), (entry.id, option.name)
        assert environment_setup.solved_at(
            entry.id, {option.name: option.default for option in catalogue.options(entry)}
        )
    assert environment_setup.solved_at("Acrobot-v1") == -100
    assert environment_setup.solved_at("Acrobot-v1", {"render_mode": None}) is None


@pytest.mark.thorough
def test_what_is_learnt_early_is_seen_early(tmp_path):
    """The default evaluations find that Q-learning has solved the maze nearly as early as frequent evaluations do."""
    usual = zo.train("q-learning", "zerone/Maze-v0", seeds=3, out=tmp_path / "usual", **SMALL)
    often = zo.train("q-learning", "zerone/Maze-v0", seeds=3, steps=2_000, out=tmp_path / "often",
                     evaluate_every=10, evaluation_episodes=20, **SMALL)  # fmt: skip
    for found, known in zip(usual.result["seeds"], often.result["seeds"], strict=True):
        first = known["solved_at_step"]
        assert first - 10 <= found["solved_at_step"] <= 1.25**2 * first + 50
        assert found["solved_at_step"] < 5_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training with default arguments."""
    return zo.train(
        "q-learning", "zerone/Maze-v0", seeds=2, steps=3_000, out=tmp_path_factory.mktemp("a") / "r", **SMALL
    )


def contents(path):
    files = [path / "metrics.csv", *sorted((path / "checkpoints").glob("*.safetensors"))]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.mark.thorough
@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_the_chunk_changes_no_byte_where_looks_are_chosen(whole, chunk, tmp_path):
    run = zo.train("q-learning", "zerone/Maze-v0", seeds=2, steps=3_000, out=tmp_path / "r", chunk=chunk, **SMALL)
    assert contents(run.path) == contents(whole.path)


def test_each_seed_looks_as_it_would_alone(whole, tmp_path):
    alone = zo.train("q-learning", "zerone/Maze-v0", seed=1, steps=3_000, out=tmp_path / "r", **SMALL)
    mine = whole.metrics["seed"] == 1
    for name, column in alone.metrics.items():
        np.testing.assert_array_equal(column, whole.metrics[name][mine])


def test_a_resumed_training_goes_on_with_its_account(whole, tmp_path):
    def on_progress(now, _):
        if now.steps > 1_700:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zo.train("q-learning", "zerone/Maze-v0", seeds=2, steps=3_000, out=tmp_path / "r", chunk=100,
                 on_progress=on_progress, **SMALL)  # fmt: skip
    assert contents(zo.resume(tmp_path / "r").path) == contents(whole.path)


@pytest.mark.thorough
def test_a_request_to_stop_among_evaluations_takes_all_of_them_back(tmp_path, monkeypatch):
    """Otherwise a seed that was already evaluated would be evaluated, and its time counted, twice."""
    asked = dict(SMALL, seeds=2, steps=400, evaluate_every=100, evaluation_episodes=2)
    algorithm, evaluate, calls = zo.ActorCritic(hidden=(16,), environments=4, steps_per_update=4), Host.evaluate, []

    def counted(*arguments, **words):
        calls.append(1)
        if len(calls) == 6:  # the third evaluation of the second seed
            raise Stopped
        return evaluate(*arguments, **words)

    whole = zo.train(algorithm, CounterEnv, out=tmp_path / "whole", **asked)
    monkeypatch.setattr(Host, "evaluate", counted)
    with pytest.raises(KeyboardInterrupt):
        zo.train(algorithm, CounterEnv, out=tmp_path / "run", **asked)
    (path,) = (tmp_path / "run" / "checkpoints").glob("step-*288.safetensors")
    about = checkpoint.load(path)[1]
    assert not about["looked"]
    assert [facts["account"]["looks"] for facts in about["learners"].values()] == [2, 2]
    resumed = zo.resume(tmp_path / "run", CounterEnv)
    for name in ("evaluation_steps", "best_step", "return_mean"):
        assert [each[name] for each in resumed.result["seeds"]] == [each[name] for each in whole.result["seeds"]]
    np.testing.assert_array_equal(resumed.metrics["evaluation_return"], whole.metrics["evaluation_return"])


class Long(CounterEnv):
    """Episodes of 400 steps."""

    def step(self, action):
        Long.steps += 1
        observation, reward, _, _, info = super().step(action)
        return observation, reward, False, False, info

    steps = 0


@pytest.mark.thorough
def test_in_gymnasium_a_fifth_of_the_steps_are_evaluations(tmp_path, monkeypatch):
    """Twenty evaluations of a hundred episodes would be 800,000 steps for 12,000 of training.

    A step takes 20 ms by the clock of this test, so that nothing else counts, however busy the machine is.
    """
    glances, Long.steps = [], 0
    now = time.perf_counter
    monkeypatch.setattr(time, "perf_counter", lambda: now() + 0.02 * Long.steps)
    run = zo.train(
        Keeper(environments=2), lambda: gymnasium.wrappers.TimeLimit(Long(), 400), steps=12_000, out=tmp_path / "r",
        on_progress=lambda now, _: glances.append(now), **SMALL,
    )  # fmt: skip
    result = run.result
    assert 0 < result["evaluation_steps"] <= 12_000 / 5
    judged = 100 * 400
    assert Long.steps == 12_000 + result["evaluation_steps"] + judged
    assert glances[-1].final_episodes == 100
    assert all(not each.final_episodes for each in glances[:-1])
    training = result["seconds"] - result["final_evaluation_seconds"]
    assert result["evaluation_seconds"] < 0.25 * training  # a fifth, with a margin for this process's own time
    # The speed is in wall-clock time, including evaluations.
    assert result["steps_per_second"] * (training - result["startup_seconds"]) == pytest.approx(12_000, rel=0.2)


@pytest.mark.thorough
def test_a_policy_that_was_never_looked_at_is_the_last(tmp_path):
    run = zo.train(Keeper(), lambda: gymnasium.wrappers.TimeLimit(Long(), 400), steps=300, out=tmp_path / "r", **SMALL)
    assert np.isnan(run.metrics["evaluation_return"]).all()
    assert run.result["evaluation_steps"] == 0
    assert run.result["seeds"][0]["best_step"] == 300
    assert run.result["return_mean"] == 400
    assert (run.path / "checkpoints" / "best.safetensors").exists()


def test_old_folders_are_evaluated_as_they_were_asked_to(whole):
    old = {"evaluation_episodes": 30, "solved_at": 1.0}
    assert EvaluationPlan.read(old) == EvaluationPlan(30, solved_at=1.0)
    assert EvaluationPlan.read(whole.config) == dataclasses.replace(CHOOSING, solved_at=1.0)


def test_evaluation_of_compiled_programs_is_in_proportion_to_learning():
    """The cost of a training step is counted in forward passes of its network."""
    for algorithm, samples in (
        (zo.QLearning(), 0),
        (zo.PPO(epochs=8), 8),
        (zo.DQN(batch=16, updates=1, steps_per_update=1), 16),
    ):
        engine = Compiled(algorithm, zo.make("CartPole-v1")) if samples else Compiled(algorithm, zo.make("Taxi-v4"))
        evaluator = Evaluator(engine, CHOOSING, True, 10**5, False)
        assert evaluator._allowed(10**5) - evaluator._allowed(0) == pytest.approx(
            SHARE * 10**5 * (1 + samples if samples else 2)
        )
        engine.close()
