"""The training loop: no file depends on the chunk, and a failure keeps the last checkpoint."""

import functools
import os
import signal
import threading

import gymnasium
import jax.numpy as jnp
import numpy as np
import pytest
from toys import CounterEnv, Keeper, table

import zerone as zo
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import RunError
from zerone.engines.compiled import Compiled
from zerone.engines.protocol import Evaluation
from zerone.environments.wrappers import ShapedReward, TimeLimit
from zerone.training import checkpoint
from zerone.training.interrupt import Interrupted, listening


def evaluation(returns):
    """Episodes of one step with these returns."""
    number = len(returns)
    return Evaluation(np.float32(returns), np.ones(number, np.float32), np.zeros(number, bool), number)


TREASURE = "zerone/Treasure-v0"
FAST = {"evaluation_episodes": 3, "figure": False, "seeds": 2, "steps": 997, "evaluate_every": 90, "save_every": 130}


def train(path, **options):
    return zo.train("q-learning", TREASURE, out=path, **{**FAST, **options})


def contents(path):
    """The bytes of a run's log and checkpoints."""
    files = [path / "metrics.csv", *sorted((path / "checkpoints").glob("*.safetensors"))]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_the_chunk_changes_no_byte_of_the_log_and_the_checkpoints(whole, chunk, tmp_path):
    assert contents(train(tmp_path / "run", chunk=chunk).path) == contents(whole.path)


def test_seeds_together_leave_the_rows_of_seeds_alone(whole, tmp_path):
    alone = train(tmp_path / "run", seeds=[1])
    mine = whole.metrics["seed"] == 1
    for name, column in alone.metrics.items():
        np.testing.assert_array_equal(column, whole.metrics[name][mine])


def test_evaluations_and_checkpoints_are_where_the_plan_says(whole):
    evaluated = ~np.isnan(whole.metrics["evaluation_return"]) & (whole.metrics["seed"] == 0)
    assert whole.metrics["step"][evaluated].tolist() == [*range(90, 997, 90), 997]
    kept = [int(each.stem.split("-")[1]) for each in sorted((whole.path / "checkpoints").glob("step-*"))]
    assert kept == [910, 997]


def test_the_log_counts_every_step_of_every_episode(whole):
    for seed in (0, 1):
        mine = whole.metrics["seed"] == seed
        episodes, length = whole.metrics["episodes"][mine], np.nan_to_num(whole.metrics["length"][mine])
        played = (episodes * length).sum()
        assert 997 - 100 < played <= 997 + 1e-3  # all steps except those of the unfinished episode


def test_the_best_policy_is_the_last_of_the_best(whole):
    _, about = checkpoint.load(whole.path / "checkpoints" / "best.safetensors")
    for seed in (0, 1):
        mine = whole.metrics["seed"] == seed
        found, step = whole.metrics["evaluation_return"][mine], whole.metrics["step"][mine]
        best = np.nanmax(found)
        facts = about["learners"][str(seed)]
        assert facts == {"return_mean": best, "step": step[found == best][-1]}


@pytest.mark.parametrize(("stops", "kept"), [(True, (9.0, 180)), (False, (10.0, 90))])
def test_who_ends_because_it_is_solved_keeps_the_policy_that_has_shown_it(stops, kept, monkeypatch, tmp_path):
    """Another evaluation was better by luck: its episodes vary too much to be sure of a mean of 8."""
    found = iter([[20.0, 20.0, 0.0, 0.0], [0.0, 20.0, 0.0, 0.0], *[[9.0] * 4] * 20])
    monkeypatch.setattr(Compiled, "evaluate", lambda *_: evaluation(next(found)))
    run = train(tmp_path / "run", seeds=1, solved_at=8.0, stop_when_solved=stops)
    _, about = checkpoint.load(run.path / "checkpoints" / "best.safetensors")
    assert tuple(about["learners"]["0"].values()) == kept
    assert run.metrics["step"][-1] == (180 if stops else 997)


class Failing(CounterEnv):
    """Crashes at step number `at` over all objects. The observation is constant, so that a table can learn it."""

    steps = 0

    def __init__(self, at):
        super().__init__()
        self.observation_space = gymnasium.spaces.Discrete(1)
        self.at = at

    def _observed(self):
        return 0

    def step(self, action):
        Failing.steps += 1
        if Failing.steps == self.at:
            raise OSError("the simulator is gone")
        return super().step(action)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("at", "kept"), [(1, "step-000000000"), (40, "step-000000024")])
def test_a_failing_environment_ends_in_one_line_that_names_the_checkpoint_that_is_kept(at, kept, tmp_path):
    Failing.steps = 0
    options = {"steps": 96, "save_every": 24, "evaluate_every": 96, "evaluation_episodes": 1, "figure": False}
    with pytest.raises(RunError) as caught:
        zo.train(QLearning(environments=3), functools.partial(Failing, at), out=tmp_path / "run", **options)
    message = str(caught.value)
    assert "seed 0, step" in message
    assert "OSError: the simulator is gone" in message
    assert kept in message
    assert "\n" not in message
    resumed = zo.resume(tmp_path / "run", functools.partial(Failing, 0))
    assert resumed.result["steps"] == 96


FEW = {"steps": 64, "save_every": 8, "evaluate_every": 8, "evaluation_episodes": 2, "figure": False}


def test_learning_that_has_diverged_ends_in_one_line_and_pushes_no_good_policy_out(tmp_path):
    """Q approaches r / (1 - γ), which exceeds float32's maximum of 3.4e38, while the returns of 8 steps do not."""
    huge = table([1, 2, 3, 0], [4e37] * 4, [0] * 4)
    with pytest.raises(RunError, match=r"seed 0, step [0-9]+: the policy has become NaN or infinite") as caught:
        zo.train(QLearning(learning_rate=0.5, discount=0.95), huge, out=tmp_path / "run", **{**FEW, "steps": 800})
    assert "\n" not in str(caught.value)
    kept = sorted((tmp_path / "run" / "checkpoints").glob("*.safetensors"))
    assert str(kept[-1]) in str(caught.value)
    assert {"best.safetensors"} < {each.name for each in kept}
    for each in kept:
        assert all(np.isfinite(array).all() for array in checkpoint.load(each)[0].values())


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("engine", ["compiled", "host"])
def test_a_network_whose_steps_were_too_long_is_no_result(engine, tmp_path):
    options = {"engine": engine, "settings": {"learning_rate": 1e30}, "figure": False, "steps": 1_000}
    with pytest.raises(RunError, match=r"dqn on CartPole-v1, seed 0, step 1000: .* a smaller learning_rate may help"):
        zo.train("dqn", "CartPole-v1", out=tmp_path / "run", **options)


def test_an_evaluation_without_numbers_is_no_result(tmp_path):
    """Learning uses a shaped reward; the real one, which evaluations use, is NaN."""
    timed = table([1, 0], [np.nan, np.nan], [0, 1])
    shaped = TimeLimit(ShapedReward(timed.environment, _nothing), 8)
    with pytest.raises(RunError, match="seed 0, step 8: an evaluation's return is nan"):
        zo.train(QLearning(), shaped, out=tmp_path / "run", **FEW)


def _nothing(*_):
    return jnp.float32(0)


def test_a_request_to_stop_saves_and_the_run_resumes_to_the_same_bytes(whole, tmp_path):
    looks = []

    def on_progress(now, _):
        looks.append(now.steps)
        if len(looks) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        train(tmp_path / "run", chunk=33, on_progress=on_progress)
    saved = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1]
    assert 0 < int(saved.stem.split("-")[1]) < 997
    assert contents(zo.resume(tmp_path / "run").path) == contents(whole.path)


def test_a_second_request_interrupts_at_once():
    before = signal.getsignal(signal.SIGINT)  # it may be ignored: shells start background processes like that
    with listening() as request:
        os.kill(os.getpid(), signal.SIGINT)
        assert request.made
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_may_train_without_signals():
    found = []

    def work():
        with listening() as request:
            found.append(request.made)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


def test_glances_begin_at_zero_and_end_at_the_end(tmp_path):
    looks = []
    train(tmp_path / "run", on_progress=lambda now, _: looks.append((now.steps, now.total, now.seeds)), seeds=[4])
    assert looks[0] == (0, 997, 1)
    assert looks[-1] == (997, 997, 1)
    assert [look[0] for look in looks] == sorted(look[0] for look in looks)


@pytest.mark.parametrize(
    ("returns", "level", "solved"),
    [([10.0] * 4, 10.0, True), ([10.0] * 4, 10.1, False), ([8.0, 12.0] * 8, 9.0, True), ([8.0, 12.0] * 8, 9.1, False)],
)
def test_solved_means_two_standard_errors_above_the_level(returns, level, solved):
    # Deviation 2 over 16 episodes: two standard errors of the mean, which is 10, are 2 · 2 / √16 = 1.
    found = evaluation(returns)
    assert (found.surely_at_least >= level) is solved


def test_gymnasium_environments_train_with_the_same_seed_to_the_same_log(tmp_path):
    def run(name):
        made = zo.train(
            Keeper(), lambda: gymnasium.wrappers.TimeLimit(CounterEnv(), 4), steps=240, out=tmp_path / name,
            evaluation_episodes=2, figure=False,
        )  # fmt: skip
        return (made.path / "metrics.csv").read_bytes()

    assert run("one") == run("two")
