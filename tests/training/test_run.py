"""Train, load, evaluate: refusals create nothing, results are reproducible, and N seeds give N results."""

import json
import sys

import gymnasium
import numpy as np
import pytest
from toys import CounterEnv, Keeper, cycle, small_dqn

import zerone as zo
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.environments.shaping import cart_pole
from zerone.training.algorithm_setup import make_algorithm_from
from zerone.training.engine_setup import make_engine

TREASURE = "zerone/Treasure-v0"
FAST = {"evaluation_episodes": 3, "figure": False}


def trained(path, algorithm="q-learning", environment=TREASURE, **options):
    return zo.train(algorithm, environment, out=path, **{**FAST, "steps": 400, **options})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "run", seeds=3, steps=4000)


WRONG = {
    "no steps": ({"steps": 0}, "steps = 0"),
    "half a step": ({"steps": 1.5}, "steps = 1.5"),
    "no seeds": ({"seeds": 0}, "seeds = 0"),
    "an empty list of seeds": ({"seeds": []}, "seeds = []"),
    "a seed twice": ({"seeds": [1, 1]}, "each only once"),
    "a negative seed": ({"seed": -1}, "seed = -1"),
    "a seed too large": ({"seed": 2**32}, "seed = 4294967296"),
    "seeds beyond the largest": ({"seed": 2**32 - 1, "seeds": 2}, "seed = 4294967296"),
    "a wrong seed among good ones": ({"seeds": [1, "2", 3]}, "seed = '2'"),
    "a seed and a list": ({"seed": 1, "seeds": [2]}, "exclude each other"),
    "no evaluation episodes": ({"evaluation_episodes": 0}, "evaluation_episodes = 0"),
    "no checkpoint kept": ({"keep_last": 0}, "keep_last = 0"),
    "no chunk": ({"chunk": 0}, "chunk = 0"),
    "never evaluated": ({"evaluate_every": 0}, "evaluate_every = 0"),
    "never saved": ({"save_every": -1}, "save_every = -1"),
    "an unknown algorithm": ({"algorithm": "q-lerning"}, "did you mean 'q-learning'?"),
    "an unknown environment": ({"environment": "zerone/Tresure-v0"}, "did you mean 'zerone/Treasure-v0'?"),
    "an unknown module": ({"environment": "nowhere_at_all:X-v0"}, "module 'nowhere_at_all' cannot be imported"),
    "an unknown engine": ({"engine": "compild"}, "did you mean 'compiled'?"),
    "an unknown setting": ({"settings": {"epsilom": 0.1}}, "did you mean 'epsilon'?"),
    "a setting out of bounds": ({"settings": {"epsilon": 1.5}}, "at least 0 and at most 1"),
    "a setting of a wrong type": ({"settings": {"epsilon": "much"}}, "must be of type float"),
    "settings beside an algorithm": ({"algorithm": QLearning(), "settings": {"epsilon": 0.5}}, "settings"),
    "an unknown option": ({"options": {"cels": 9}}, "did you mean 'cells'?"),
    "options beside an environment": ({"environment": cycle(), "options": {"cells": 9}}, "options"),
    "options beside a maker": ({"environment": lambda: CounterEnv(), "options": {"cells": 9}}, "options"),
    "spaces that do not fit": ({"environment": "CartPole-v1"}, "these can: dqn, reinforce, actor-critic, ppo"),
    "compiled where it is not": ({"environment": "Taxi-v3", "engine": "compiled"}, "not compiled here"),
    "ours on the host without an id": ({"environment": cycle(), "engine": "host"}, "host"),
    "a maker on the compiled engine": ({"environment": lambda: CounterEnv(), "engine": "compiled"}, "written in JAX"),
    "settings that do not go together": (
        {"algorithm": "dqn", "environment": "CartPole-v1", "settings": {"batch": 9, "memory": 5}}, "at most memory",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_done_is_refused_in_one_line_and_nothing_is_created(kind, tmp_path):
    wrong, text = WRONG[kind]
    asked = {"algorithm": "q-learning", "environment": TREASURE, "steps": 100, **wrong}
    with pytest.raises(InputError) as caught:
        zo.train(asked.pop("algorithm"), asked.pop("environment"), out=tmp_path / "run", **asked)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
        ("raise ValueError('in\\ntwo lines')", "cannot be imported: ValueError: in two lines"),
        ("def (", "cannot be imported: SyntaxError: "),
        ("pass", " registers no 'Pendulum-v7': did you mean 'Pendulum-v1'?"),
    ],
)
def test_a_module_that_cannot_be_imported_or_registers_no_such_id(source, text, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path.name  # one that has not been imported yet
    (tmp_path / f"{module}.py").write_text(source)
    with pytest.raises(InputError, match=f"^environment {module}:Pendulum-v7: ") as caught:
        zo.train("dqn", f"{module}:Pendulum-v7", steps=100, out=tmp_path / "run")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_an_earlier_run_is_not_overwritten_unless_asked(tmp_path):
    first = trained(tmp_path / "run")
    before = (first.path / "metrics.csv").read_bytes()
    with pytest.raises(InputError):
        trained(tmp_path / "run", seed=9)
    assert (first.path / "metrics.csv").read_bytes() == before
    trained(tmp_path / "run", seed=9, overwrite=True)
    assert (first.path / "metrics.csv").read_bytes() != before


def test_n_seeds_give_n_results_and_the_spread_is_over_seeds(run):
    assert run.seeds == [0, 1, 2]
    assert [each["seed"] for each in run.result["seeds"]] == [0, 1, 2]
    assert [each["steps"] for each in run.result["seeds"]] == [4000] * 3
    assert run.result["steps"] == 12_000
    judged = run.evaluate(episodes=7, checkpoint="last")
    means = [each["return_mean"] for each in judged["seeds"]]
    assert judged["returns"] == means
    assert [len(each["returns"]) for each in judged["seeds"]] == [7] * 3
    assert judged["return_mean"] == pytest.approx(np.mean(means))
    assert judged["return_std"] == pytest.approx(np.std(means, ddof=1))
    assert set(run.metrics["seed"]) == {0, 1, 2}


def test_the_configuration_says_all_that_was_asked(run):
    config = json.loads((run.path / "config.json").read_text())
    assert config["algorithm"] == {
        "name": "q-learning",
        "settings": {
            "learning_rate": 0.1, "discount": 0.9, "epsilon": 0.1, "epsilon_end": 0.05, "epsilon_steps": 0.0,
            "epsilon_shape": "linear", "learning_rate_end": 0.1, "decay_steps": 0.0, "environments": 1,
        },
    }  # fmt: skip
    assert (config["environment"]["id"], config["engine"], config["steps"]) == (TREASURE, "compiled", 4000)


def test_the_logged_return_is_what_an_independent_replay_of_the_saved_policy_gets(run):
    # Played again in Gymnasium with its own time limit and statistics, one action at a time.
    for seed in run.seeds:
        for checkpoint in ("best", "last"):
            agent = run.agent(seed, checkpoint)
            env = gymnasium.make(TREASURE)
            observation, _ = env.reset(seed=1)
            total, steps, over = 0.0, 0, False
            while not over:
                observation, reward, terminated, truncated, _ = env.step(int(agent.act(observation)))
                total, steps, over = total + reward, steps + 1, terminated or truncated
            env.close()
            found = agent.evaluate(episodes=2)
            np.testing.assert_array_equal(found.returns, [total, total])
            np.testing.assert_array_equal(found.lengths, [steps, steps])
        rows = run.metrics["seed"] == seed
        assert run.metrics["evaluation_return"][rows][-1] == total
        assert run.metrics["evaluation_length"][rows][-1] == steps


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ["compiled", "host"])
def test_an_evaluation_can_be_had_again(engine, tmp_path):
    first = trained(tmp_path / "run", small_dqn(), "CartPole-v1", engine=engine, steps=48)
    found = first.evaluate(episodes=6, seed=3)
    assert first.evaluate(episodes=6, seed=3) == found
    loaded = zo.load(first.path)
    assert loaded.evaluate(episodes=6, seed=3) == found
    assert loaded.evaluate(episodes=6, seed=4)["returns"] != found["returns"]
    first.engine().close()
    loaded.engine().close()


def test_each_seed_ends_once_it_is_solved(tmp_path):
    stopped = zo.train("q-learning", TREASURE, seeds=4, out=tmp_path / "run", stop_when_solved=True, **FAST)
    for each in stopped.result["seeds"]:
        assert each["solved"]
        assert each["steps"] == each["solved_at_step"] < 10_000
        assert stopped.metrics["step"][stopped.metrics["seed"] == each["seed"]].max() == each["steps"]
    assert stopped.result["steps"] == sum(each["steps"] for each in stopped.result["seeds"])


def test_with_steps_given_a_solved_seed_goes_on_unless_told_otherwise(run, tmp_path):
    assert all(each["solved"] and each["solved_at_step"] < each["steps"] for each in run.result["seeds"])
    unreachable = zo.train("q-learning", TREASURE, out=tmp_path / "run", solved_at=2.0, steps=600, **FAST)
    assert (
        unreachable.result["seeds"][0] | {"solved": False, "solved_at_step": None, "steps": 600}
        == (unreachable.result["seeds"][0])
    )


def test_an_agent_acts_on_one_observation_or_a_batch_and_refuses_others(tmp_path):
    agent = trained(tmp_path / "run", small_dqn(), "CartPole-v1", steps=48).agent()
    one, several = agent.act(np.zeros(4)), agent.act(np.zeros((5, 4)))
    assert (np.shape(one), several.shape) == ((), (5,))
    assert (several == one).all()
    for wrong in (np.zeros(3), np.zeros((2, 2, 4)), 0.0):
        with pytest.raises(InputError, match="observation of shape"):
            agent.act(wrong)


def test_a_checkpoint_or_seed_that_is_not_there_is_refused_and_the_others_are_named(run):
    with pytest.raises(InputError, match=r"seed 9 was not trained; there are: 0, 1, 2"):
        run.agent(9)
    with pytest.raises(InputError, match=r"no checkpoint of step 5; there are: best, last, 3800, 4000"):
        run.agent(0, "5")
    with pytest.raises(InputError, match="does not exist"):
        run.agent(0, "nowhere.safetensors")
    assert run.agent(1, "4000").evaluate(2).returns.tolist() == run.agent(1, "last").evaluate(2).returns.tolist()


@pytest.mark.thorough
def test_a_checkpoint_of_another_algorithm_environment_or_network_is_refused(run, tmp_path):
    maze = trained(tmp_path / "maze", environment="zerone/Maze-v0")
    dqn = trained(tmp_path / "dqn", small_dqn(), engine="host", steps=4)
    wider = trained(tmp_path / "wider", small_dqn(hidden=(8,)), engine="host", steps=4)
    with pytest.raises(InputError, match=rf"checkpoint of q-learning on zerone/Maze-v0, not on {TREASURE}"):
        run.agent(0, str(maze.path / "checkpoints" / "best.safetensors"))
    with pytest.raises(InputError, match=rf"checkpoint of dqn on {TREASURE}, not of q-learning"):
        run.agent(0, str(dqn.path / "checkpoints" / "best.safetensors"))
    with pytest.raises(InputError, match=r"best\.safetensors"):
        dqn.agent(0, str(wider.path / "checkpoints" / "best.safetensors"))


def test_on_the_host_an_agent_is_judged_by_the_real_reward_too():
    engine = make_engine("host", small_dqn(), "zerone/CartPole-v1", {"reward": "shaped"})
    policy = engine.policy(engine.init(0))
    found = engine.evaluate(policy, 0, 0, 5)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 3)
    engine.close()
    np.testing.assert_array_equal(found.returns, found.lengths)
    memory = carry.state.memory.data
    shaped = [cart_pole(None, None, None, None, following) for following in memory.next_observation[:12]]
    np.testing.assert_allclose(memory.reward[:12], shaped, rtol=1e-5)


def test_an_environment_without_an_id_can_be_trained_and_loaded(tmp_path):
    made = trained(tmp_path / "run", Keeper(), lambda: CounterEnv(), steps=48)
    with pytest.raises(InputError, match="<lambda> was not given by id"):
        zo.load(made.path).evaluate()


def test_an_id_from_a_file_imports_nothing(run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    config = json.loads((run.path / "config.json").read_text())
    config["environment"]["id"] = "antigravity:Evil-v0"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="would import the module 'antigravity'"):
        zo.load(folder).evaluate()
    assert "antigravity" not in sys.modules


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("name", "environment", "settings", "former"), [
    ("dqn", "CartPole-v1", {"dueling": True, "hidden": [8], "batch": 8}, {"dueling_streams": "halved"}),
    ("dqn", "CartPole-v1", {"hidden": [8], "batch": 8}, {}),
    ("ddpg", "Pendulum-v1", {"hidden": [8], "batch": 8}, {"warmup_actions": "policy"}),
])  # fmt: skip
def test_a_folder_that_lacks_a_setting_is_loaded_as_it_was_trained(name, environment, settings, former, tmp_path):
    run = trained(tmp_path / "run", name, environment, steps=400, settings={**settings, "memory": 400, **former})
    agent = run.agent()
    config = json.loads((run.path / "config.json").read_text())
    for added in ("dueling_streams", "warmup_actions"):
        config["algorithm"]["settings"].pop(added, None)
    (run.path / "config.json").write_text(json.dumps(config))
    again = zo.load(run.path)
    saved = make_algorithm_from(again.config["algorithm"])
    assert saved == make_algorithm_from(run.config["algorithm"])
    assert {setting: getattr(saved, setting) for setting in former} == former
    seen = run.engine().spaces.observation.sample()
    np.testing.assert_array_equal(again.agent().act(seen), agent.act(seen))


@pytest.mark.thorough
@pytest.mark.figures
def test_a_training_in_which_no_episode_ended_has_no_figure_and_a_result(tmp_path):
    run = zo.train("q-learning", "zerone/Treasure-v0", steps=3, engine="host", out=tmp_path / "r")
    assert run.result["steps"] == 3
    assert not (run.path / "figure.png").exists()
