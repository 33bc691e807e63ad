"""Experiments with a closed form or published values agree with them, and each file has all required parts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.environments import catalogue as environments
from zerone.environments.maze import read_map
from zerone.environments.maze_layouts import DYNA, TUTORIAL
from zerone.experiments import catalogue
from zerone.experiments.claims import blind_cliff, caution, eyesight, maximum_bias, planning, random_walk, traces
from zerone.experiments.protocol import Results, estimate
from zerone.experiments.recording import episodes, record
from zerone.experiments.report import page

NAMES = catalogue.names()


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_says_what_it_must(name):
    experiment = catalogue.look_up(name)
    assert experiment.name == name
    assert re.fullmatch(r"[a-z0-9-]+", name)
    assert all(re.fullmatch(r"[\w.-]+", arm) for arm in experiment.arms)
    assert experiment.seeds >= 20
    assert 2 <= experiment.quick_seeds < experiment.seeds
    assert experiment.questions
    for question in experiment.questions:
        assert question.above < question.below
        assert np.isfinite([question.above, question.below]).any()  # some result would refute it
    assert not all(question.added for question in experiment.questions)
    for text in (experiment.title, experiment.claim, experiment.setup, experiment.look, experiment.teaches):
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
        assert not re.search(r"[\u4e00-\u9fff]", text.en)
        assert sorted(re.findall(r"{(\w+)", text.en)) == sorted(re.findall(r"{(\w+)", text.zh))
    source = experiment.source.en
    assert source.startswith("tutorial, chapter on ") or re.search(r"\d{4}, (section|example)", source)
    assert 1 <= len(re.findall(r"[.!?](?= |$)", experiment.look.en)) <= 2


def test_all_together_end_within_an_hour():
    assert sum(experiment.minutes for experiment in catalogue.entries()) <= 50


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"'trace' is unknown: did you mean 'traces'\?"):
        catalogue.look_up("trace")


def test_the_maximum_of_uniform_errors_is_its_closed_form():
    """Van Hasselt et al. 2016: (m - 1) / (m + 1), and 0 for the double estimate; at most one interval may miss it."""
    settings = maximum_bias.EXPERIMENT.arms["uniform"] | {"actions": [2, 8, 64]}
    results = Results({"uniform": [maximum_bias.measure(settings, seed) for seed in range(8)]})
    wanted = {"single": [1 / 3, 7 / 9, 63 / 65], "double": [0, 0, 0]}
    for measure, values in wanted.items():
        for place, value in enumerate(values):
            found = estimate(results("uniform", measure)[:, place])
            assert abs(found.value - value) < 3 * (found.high - found.low) / 3.92 + 1e-9, (measure, place)


def test_one_estimate_for_both_would_be_seen():
    """The broken twin: with equal errors of both networks, the double estimate is as biased as the maximum."""
    values = np.random.default_rng(0).uniform(-1, 1, (20_000, 8))
    alike = np.take_along_axis(values, values.argmax(1)[:, None], 1).mean()
    assert alike == pytest.approx(7 / 9, abs=0.01)


def test_the_blind_cliff_holds_what_all_sequences_lived():
    """Schaul et al. 2016, appendix B.1: 2^(n+1) - 2 steps, one rewarded; values γ^(n-1-s), γ = 1 - 1/n."""
    states, random = 5, np.random.default_rng(0)
    played = []
    for sequence in range(2**states):
        for state in range(states):
            action = (sequence >> state) & 1
            played.append((state, action))
            if action:
                break
    assert len(played) == 2 ** (states + 1) - 2
    walk = blind_cliff.Walk(states, random)
    choose = blind_cliff.greedy(walk, random)
    assert sorted(choose() for _ in played) == sorted(played)  # unseen steps first, each once
    assert played.count((states - 1, 0)) == 1
    assert [each[0] for each in walk.truth] == pytest.approx([0.8**4, 0.8**3, 0.8**2, 0.8, 1])


def test_uniform_replay_draws_as_often_as_it_was_lived():
    random = np.random.default_rng(0)
    choose = blind_cliff.uniform(blind_cliff.Walk(4, random), random)
    drawn = [choose() for _ in range(40_000)]
    for state in range(4):
        for action in (0, 1):
            assert drawn.count((state, action)) / 40_000 == pytest.approx(2 ** (3 - state) / 30, abs=0.01)


def test_the_order_of_replay_is_worth_what_is_published():
    """Their figure 2: uniform needs far more updates than greedy, and greedy than the oracle; values become exact."""
    settings = {"states": [8]}
    updates = {rule: np.median([blind_cliff.measure({**settings, "rule": rule}, seed)["updates"] for seed in range(5)])
               for rule in blind_cliff.RULES}  # fmt: skip
    assert updates["uniform"] > 4 * updates["greedy"]
    assert updates["greedy"] > updates["oracle"] > 50


@pytest.mark.parametrize("n", [1, 3, 40])
def test_n_step_returns_on_the_walk_are_the_books(n):
    """Compared with the algorithm of section 7.1, written again with plain loops for a single step size."""
    random = np.random.default_rng(7)
    walks = [random_walk.walk(random) for _ in range(3)]
    rate, values, errors = 0.3, [0.0] * 21, []
    for states, reward in walks:
        path, last = [*states, 20 if reward > 0 else 0], len(states)
        for learnt in range(-n + 1, last):
            time = learnt + n - 1
            if learnt < 0:
                continue
            gain = reward if learnt + n >= last else values[path[learnt + n]]
            assert time - n + 1 == learnt
            values[path[learnt]] += rate * (gain - values[path[learnt]])
        errors.append(np.sqrt(np.mean((np.array(values[1:20]) - np.arange(-9, 10) / 10) ** 2)))
    assert random_walk.n_step(walks, n, np.array([0.1, rate]))[1] == pytest.approx(np.mean(errors))


def test_traces_that_decay_at_once_are_one_step():
    walks = [random_walk.walk(np.random.default_rng(1)) for _ in range(4)]
    rates = np.array([0.1, 0.5])
    assert random_walk.traces(walks, np.array([0.0, 0.5]), rates)[0] == pytest.approx(
        random_walk.n_step(walks, 1, rates)
    )


def test_the_u_of_the_book():
    """Their figures 7.2 and 12.6: the least error is 0.25 to 0.28, at n = 4 or λ = 0.8, with α = 0.3 to 0.5."""
    found = {arm: np.mean([random_walk.measure(settings, seed)["error"] for seed in range(16)], 0)
             for arm, settings in random_walk.EXPERIMENT.arms.items()}  # fmt: skip
    for arm, place in (("n-step", random_walk.N4), ("traces", random_walk.L08)):
        curve = found[arm][place]
        assert 0.24 < curve.min() < 0.29
        assert 0.25 <= random_walk.RATES[curve.argmin()] <= 0.55
        assert found[arm][0].min() > curve.min() + 0.03
        assert found[arm][-1].min() > curve.min() + 0.1


def test_the_eye_sees_the_closed_form():
    settings = eyesight.EXPERIMENT.settings("discount-0.9", quick=False)
    assert eyesight.measure(settings, 0)["value"] == pytest.approx(0.9 ** np.arange(15), abs=1e-4)


def test_greedy_ways():
    """By hand: a policy that reaches the goal, one that ends in hell, and one that walks in a circle."""
    maze = read_map(TUTORIAL)
    right, down, up = 3, 1, 0
    to_goal, to_hell, circle = np.full((3, 16), up)
    to_goal[[0, 4, 8]], to_goal[[12, 13]], to_goal[14] = down, right, up
    to_hell[:] = right
    to_hell[0] = down
    to_hell[5] = right
    assert traces.greedy_way_leads_to_the_goal(maze, np.stack([to_goal, to_hell, circle])).tolist() == [
        True,
        False,
        False,
    ]


def test_the_length_of_a_way():
    """The shortest path through Dyna's maze has 14 steps; a policy that only goes up never reaches the goal."""
    maze = read_map(DYNA)
    distance = np.where(maze.goal, 0, 1000)
    for _ in range(60):
        distance = np.where(maze.goal, 0, 1 + distance[maze.following].min(1))
    shortest = distance[maze.following].argmin(1)
    assert planning.way_lengths(maze, np.stack([shortest, np.zeros(54, int)])).tolist() == [14, 54]


def keep(state, steps, metrics):
    del state, metrics
    return steps.reward[0, 0], (steps.terminated | steps.truncated)[0, 0]


def test_what_is_recorded_is_what_the_engine_does():
    """Seed 3 gives the same table as in the compiled engine after the same number of steps, whatever the chunks."""
    from zerone.algorithms.q_learning import QLearning
    from zerone.engines.compiled import Compiled

    algorithm, environment = QLearning(), environments.make("zerone/Treasure-v0")
    engine = Compiled(algorithm, environment)
    (carry,) = engine.advance([engine.init(3)], [3], [0], 768)
    state, (reward, done) = record(algorithm, environment, 3, 768, keep)
    again, _ = record(algorithm, environment, 3, 768, keep, chunk=256)
    assert np.array_equal(state.policy, np.asarray(carry.state.policy))
    assert np.array_equal(state.policy, again.policy)
    found = episodes(reward, done)
    assert found.returns.sum() == reward.sum() == len(found.returns)
    assert found.lengths.sum() == found.ends[-1] + 1
    # It ends with the first chunk after which there are enough episodes.
    ended, counted = [], []

    def enough(kept):
        counted.append(len(kept[1]))
        ended.append(kept[1].sum())
        return sum(ended) >= 10

    _, (short, _) = record(algorithm, environment, 3, 768_000, keep, chunk=256, enough=enough)
    assert set(counted) == {256}
    assert len(short) == 256 * len(counted) < 768_000
    assert sum(ended[:-1]) < 10 <= sum(ended)


def test_caution_at_a_glance():
    """Q-learning next to the cliff has a mean return of about -50, Sarsa one of -21 to -30 (Sutton & Barto, 6.6)."""
    found = {arm: [caution.measure(caution.EXPERIMENT.settings(arm, quick=True), seed) for seed in range(3)]
             for arm in caution.EXPERIMENT.arms}  # fmt: skip
    q, sarsa = (np.mean([each["last_return"] for each in found[arm]]) for arm in ("q-learning", "sarsa"))
    assert -75 < q < -35
    assert -45 < sarsa < -18
    assert np.mean([each["distance"] for each in found["sarsa"]]) > 1.5


@pytest.mark.thorough
def test_a_number_of_the_results_page_is_made_again():
    """Run one experiment as the results page says, and find its section there in both languages."""
    from zerone.experiments.report import chinese, english, section
    from zerone.experiments.verdict import judge

    experiment = maximum_bias.EXPERIMENT
    measured = [experiment.measure(experiment.arms["uniform"], seed) for seed in range(experiment.seeds)]
    verdict = judge(experiment, Results({"uniform": measured}))
    docs = Path(__file__).resolve().parents[2] / "docs"
    assert section(verdict, english) in (docs / "results.md").read_text("utf-8")
    assert section(verdict, chinese) in (docs / "results.zh.md").read_text("utf-8")
    assert page([verdict], english).startswith("# Results\n")


def test_the_results_page_has_every_experiment():
    docs = Path(__file__).resolve().parents[2] / "docs"
    for name in NAMES:
        for file in ("results.md", "results.zh.md"):
            assert f"| `{name}` |" in (docs / file).read_text("utf-8"), name
        assert (docs / "pictures" / "results" / f"{name}.png").stat().st_size <= 200_000
