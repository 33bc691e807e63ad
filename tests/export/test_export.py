"""Exported policies act like the agent: of every kind, on all kinds of spaces, and in a process without JAX."""

from __future__ import annotations

import dataclasses
import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
from gymnasium import spaces
from jax import export as jax_export
from toys import (
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

import zerone as zo
from zerone.algorithms.q_learning import QLearning
from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError, RunError
from zerone.base.pytree import configured
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector
from zerone.export import onnx_file, policies, write
from zerone.export.player import Policy
from zerone.export.program import Program
from zerone.parts import own_networks
from zerone.training.agent import Agent

PLAYER = Path(write.__file__).with_name("player.py")
PLACE, TURN = spaces.Box(-1, 1, (2,), np.float32), spaces.Box(np.float32([-2, -1]), np.float32([1, 3]))
HALF_OPEN = spaces.Box(np.array([[0, -np.inf]], np.float32), np.array([[np.inf, 0.5]], np.float32))
PICTURE = spaces.Box(0, 255, (10, 12, 3), np.uint8)
STACK = spaces.Box(0, 255, (2, 10, 12, 1), np.uint8)
FRAME = spaces.Box(0, 1, (1, 36, 40), np.float32)
COUNTS = spaces.MultiDiscrete([[2, 3], [3, 2]], start=[[5, -1], [0, 7]])
PARTS = spaces.Dict(
    place=spaces.Box(-1, 1, (2, 2), np.float64), word=spaces.Text(3), sight=spaces.Box(0, 255, (10, 10, 3), np.uint8),
    hand=spaces.Tuple([spaces.Discrete(3, start=-1), spaces.MultiBinary(2)]),
)  # fmt: skip
CARDS = spaces.Tuple([spaces.Discrete(4, start=4), spaces.Discrete(3), spaces.MultiBinary(2)])
SEPARATE = {"dueling": True, "dueling_streams": "separate", "hidden": (16, 9)}

EACH = {
    "a table": (QLearning(), spaces.Discrete(5, start=3), spaces.Discrete(3, start=-2)),
    "a table of counts": (QLearning(), COUNTS, spaces.Discrete(4)),
    "a table of parts": (QLearning(), CARDS, spaces.Discrete(2)),
    "numbers": (small_dqn(), spaces.Box(-5, 5, (2, 3), np.float64), spaces.Discrete(3, start=4)),
    "dueling": (small_dqn(dueling=True), PLACE, spaces.Discrete(3)),
    "separate streams": (small_dqn(**SEPARATE), PLACE, spaces.Discrete(3)),
    "quantiles": (small_dqn(distributional="quantile", quantiles=5), PLACE, spaces.Discrete(3)),
    "streams of quantiles": (
        small_dqn(distributional="quantile", quantiles=4, **SEPARATE),
        PLACE,
        spaces.Discrete(3),
    ),
    "halved streams, pictures": (small_dqn(**SEPARATE | {"dueling_streams": "halved"}), PICTURE, spaces.Discrete(3)),
    "a large picture, channels first": (small_dqn(), FRAME, spaces.Discrete(2)),
    "stacked pictures": (small_ppo(), STACK, spaces.MultiDiscrete([2, 4], start=[1, 0])),
    "a matrix of counts": (small_ppo(), COUNTS, spaces.MultiBinary((2, 2))),
    "many counts": (small_ppo(), spaces.MultiDiscrete([2] * 40), TURN),
    "parts": (small_ppo(), PARTS, HALF_OPEN),
    "parts with the names of others": (
        small_ppo(),
        spaces.Dict({"action": PLACE, "dense_4": PLACE, "array_0": spaces.Dict({"": PLACE}), "Gather_1": PLACE}),
        spaces.Discrete(2),
    ),
    "parts that are counted": (small_reinforce(), CARDS, spaces.Discrete(2)),
    "a part alone": (small_actor_critic(), spaces.Dict(only=PLACE), spaces.Discrete(2)),
    "bounds": (small_ddpg(), spaces.Discrete(6, start=1), TURN),
    "bounds, drawn": (small_sac(normalize_observations="on"), PLACE, TURN),
    "bounds, a picture": (small_sac(), PICTURE, spaces.Box(-3, 7, (2, 2), np.float32)),
    "delayed": (small_td3(layer_norm=True), PLACE, TURN),
    "whole numbers": (small_ddpg(), spaces.Box(0, 9, (), np.int64), spaces.Box(-3, 200, (2, 1), np.int16)),
    "a scalar": (small_sac(), spaces.Box(-9, 9, (), np.float64), spaces.Box(-1, 2, (), np.float32)),
    "a whole scalar": (small_ppo(), PLACE, spaces.Box(-3, 4, (), np.int64)),
    "booleans": (small_ppo(), spaces.Box(0, 1, (3,), bool), spaces.Box(0, 1, (3,), bool)),
    "layer norm": (small_dqn(layer_norm=True, activation="gelu", hidden=(16, 8)), PLACE, spaces.Discrete(3)),
    "layer norm and streams": (small_dqn(dueling=True, layer_norm=True, activation="elu"), PLACE, spaces.Discrete(3)),
    "another activation": (small_ddpg(activation="silu"), PLACE, TURN),
    "a picture as numbers": (small_ppo(network="mlp"), PICTURE, spaces.Discrete(3)),
    "workers": (small_a3c(), PLACE, spaces.Discrete(2)),
    "normalised": (small_dqn(normalize_observations="on"), PLACE, spaces.Discrete(2)),
    "what is far from 1 normalised": (small_ddpg(normalize_observations="auto"), PLACE, TURN),
    "parts normalised": (small_ppo(normalize_observations="on"), PARTS, spaces.Discrete(2)),
    "a matrix normalised": (small_a3c(normalize_observations="on"), spaces.Box(-5, 5, (2, 3), np.float64), TURN),
    "more workers": (small_dppo(), spaces.MultiBinary(3), spaces.Box(-1, 1, (1,), np.float64)),
}


class World(gymnasium.Env):
    """Observations are samples of the given space."""

    def __init__(self, observation, action):
        self.observation_space, self.action_space = observation, action

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        return self.observation_space.sample(), 0.0, False, False, {}


def agent_in(algorithm, observation, action):
    """An agent with random parameters, so that no two actions are equally good."""
    make = functools.partial(make_vector, lambda: World(observation, action), "World")
    engine, random = Host(algorithm, make, make), np.random.default_rng(0)
    with in_32_bits():
        policy = engine._programs.init(algorithm, np.uint32(0)).policy

    def drawn(leaf):
        wide = 2 if leaf.ndim < 2 else np.sqrt(leaf.shape[0])  # else long sums would have large rounding errors
        moved = random.normal(size=leaf.shape).astype(np.float32) / wide if leaf.dtype == np.float32 else 0
        return np.asarray(leaf) + np.asarray(moved, leaf.dtype)

    return Agent(engine, jax.tree.map(drawn, policy), 0, "World")


@functools.cache
def agent_of(name):
    return agent_in(*EACH[name])


def written(agent, path, environment=None):
    with in_32_bits():
        found = write.write(
            path, agent._engine, agent.policy, {"algorithm": "some", "environment": "World"}, environment
        )
    assert found["observations"] == 1000
    return path


def observations(name, number=40):
    """Random observations, as the environment returns them."""
    space = EACH[name][1]
    space.seed(1)
    return [space.sample() for _ in range(number)]


REMEMBERS = {
    "a memory": (small_ppo(network="gru", hidden=(16, 8), normalize_observations="on"), PLACE, TURN),
    "a memory of values": (small_dqn(network="gru", dueling=True), PLACE, spaces.Discrete(3)),
    "a memory and scales": (small_dqn(network="gru", normalize_observations="on"), PLACE, spaces.Discrete(3)),
    "a memory alone": (small_a3c(network="gru"), COUNTS, spaces.Discrete(4, start=1)),
    "a memory of pictures": (small_actor_critic(network="gru", hidden=(9, 8)), PICTURE, spaces.Discrete(4)),
}


def parts(agent, seen):
    """The observations as named inputs of a file."""
    encoding = agent._engine.spaces.encoding
    read = [encoding.read(each) for each in seen]
    return {
        "action_" if leaf.name == "action" else leaf.name or "observation":
            np.stack([each[place] for each in read]).astype(leaf.space.dtype)
        for place, leaf in enumerate(encoding.leaves)
    }  # fmt: skip


def run_onnx(path, inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["action"], inputs)[0]


def require_same(ours, theirs, space):
    assert theirs.dtype == space.dtype
    assert theirs.shape == ours.shape
    assert all(space.contains(np.asarray(each)) for each in theirs)
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)
    else:
        assert (theirs == ours).all()


@pytest.mark.thorough(after=4)
@pytest.mark.parametrize("name", EACH)
def test_numpy_and_onnx_act_as_the_agent_does(name, tmp_path):
    """Compared with `Agent.act` on observations as the environment returns them: single ones, several, and none."""
    agent, seen, space = agent_of(name), observations(name), EACH[name][2]
    ours = np.stack([agent.act(each) for each in seen])
    policy = Policy(written(agent, tmp_path / "p.npz"))
    require_same(ours, np.stack([policy(each) for each in seen]), space)
    model = str(written(agent, tmp_path / "p.onnx"))
    for number in (len(seen), 1, 0):
        inputs = {each: array[:number] for each, array in parts(agent, seen).items()}
        require_same(ours[:number], policy.play(inputs)[policy.about["action"]], space)
        require_same(ours[:number], run_onnx(model, inputs), space)
    if not agent._engine.spaces.encoding.composite:
        require_same(ours, policy(np.stack(seen)), space)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ["a table of counts", "parts", "stacked pictures", "bounds", "workers"])
def test_stablehlo_acts_as_the_agent_does(name, tmp_path):
    agent, seen, space = agent_of(name), observations(name), EACH[name][2]
    exported = jax_export.deserialize(bytearray(written(agent, tmp_path / "p.stablehlo").read_bytes()))
    narrow = jax.dtypes.canonicalize_dtype
    inputs = {each: array.astype(narrow(array.dtype)) for each, array in parts(agent, seen).items()}
    for number in (len(seen), 1):
        few = {each: array[:number] for each, array in inputs.items()}
        found = np.asarray(exported.call(few if agent._engine.spaces.encoding.composite else few["observation"]))
        assert found.dtype == narrow(space.dtype)
        require_same(np.stack([agent.act(each) for each in seen[:number]]), found.astype(space.dtype), space)


def run_program(path, memory, steps):
    """The list of actions of a file along several steps. Each step has the named inputs of parallel episodes."""
    if path.suffix == ".npz":
        policy, found = Policy(path), []
        for inputs in steps:
            found.append(policy(inputs["observation"]))
        return np.stack(found)
    held, found = {each["name"]: np.zeros((3, *each["shape"]), each["type"]) for each in memory}, []
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for inputs in steps:
            actions, *after = session.run(None, {**inputs, **held})
            found, held = [*found, actions], dict(zip(held, after, strict=True))
        return np.stack(found)
    exported = jax_export.deserialize(bytearray(path.read_bytes()))
    held = {each["name"]: held["memory_0"] for each in json.loads(exported.fun_name)["memory"]}
    for inputs in steps:
        narrowed = inputs["observation"].astype(jax.dtypes.canonicalize_dtype(inputs["observation"].dtype))
        actions, after = exported.call(narrowed, held)
        found, held = [*found, np.asarray(actions)], {name.removeprefix("next_"): each for name, each in after.items()}
    return np.stack(found)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", REMEMBERS)
def test_what_is_remembered_is_an_input_and_an_output_more(name, tmp_path):
    """Three parallel episodes of five steps. A player starts again after its `reset`."""
    agent, space = agent_in(*REMEMBERS[name]), REMEMBERS[name][2]
    REMEMBERS[name][1].seed(0)
    seen = [[REMEMBERS[name][1].sample() for _ in range(3)] for _ in range(5)]
    ours = np.stack([agent.act(np.stack(each)) for each in seen])
    agent.reset()
    assert not np.array_equal(ours[-1], agent.act(np.stack(seen[-1]))) or space != TURN
    files = [written(agent, tmp_path / f"p.{kind}") for kind in ("npz", "onnx", "stablehlo")]
    memory = Policy(files[0]).about["memory"]
    assert [each["name"] for each in memory] == ["memory_0"]
    for file in files:
        found = run_program(file, memory, [parts(agent, each) for each in seen])
        np.testing.assert_allclose(found.astype(ours.dtype), ours, rtol=1e-5, atol=1e-5)
    policy = Policy(files[0])
    for _ in range(2):
        alone = np.stack([policy(each[1]) for each in seen])
        np.testing.assert_allclose(alone, ours[:, 1], rtol=1e-5, atol=1e-5)
        policy.reset()


def test_a_memory_that_stays_as_it_was_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(Program, "leave", lambda *_: None)
    agent = agent_in(*REMEMBERS["a memory"])
    for kind in ("npz", "onnx"):
        with pytest.raises(RunError, match="not written"):
            written(agent, tmp_path / f"p.{kind}")


def test_none_of_it_needs_jax_or_zerone(tmp_path):
    """A copy of the player, and onnxruntime, in a process that can import neither JAX nor Zerone."""
    names = ["parts", "stacked pictures", "a table", "separate streams"]
    for place, name in enumerate(names):
        agent = agent_of(name)
        seen = observations(name)
        for kind in ("npz", "onnx"):
            written(agent, tmp_path / f"{place}.{kind}")
        np.savez(tmp_path / f"seen-{place}.npz", ours=np.stack([agent.act(e) for e in seen]), **parts(agent, seen))
    shutil.copy(PLAYER, tmp_path)
    (tmp_path / "deploy.py").write_text(
        """
import sys
import numpy as np
sys.modules |= dict.fromkeys(("jax", "jaxlib", "zerone", "equinox", "gymnasium"))
from player import Policy
import onnxruntime
for place in range(4):
    seen = dict(np.load(f"seen-{place}.npz"))
    ours = seen.pop("ours")
    policy = Policy(f"{place}.npz")
    model = onnxruntime.InferenceSession(f"{place}.onnx", providers=["CPUExecutionProvider"])
    for theirs in (policy.play(seen)[policy.about["action"]], model.run(None, seen)[0]):
        assert theirs.dtype == ours.dtype and np.allclose(theirs, ours, rtol=1e-5, atol=1e-5)
print("the same")
"""
    )
    isolated = [sys.executable, "-I", "-c", "import sys; sys.path.append('.'); exec(open('deploy.py').read())"]
    ended = subprocess.run(  # noqa: S603 - our own
        isolated, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.stdout.endswith("the same\n"), ended.stderr
    said = subprocess.run(
        [sys.executable, "player.py", "0.npz"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "µs for an action" in said.stdout
    assert "dense" in said.stdout


def test_an_observation_that_does_not_fit_is_refused_by_the_player(tmp_path):
    policy = Policy(written(agent_of("numbers"), tmp_path / "p.npz"))
    assert policy(np.zeros(6)) == policy(np.zeros((2, 3)))  # one observation as a row
    for wrong in ({"a": 1}, "text", np.zeros(5), np.zeros((4, 2)), 1.0):
        with pytest.raises(ValueError, match=r"observation must be float\d+ of shape \(2, 3\)"):
            policy(wrong)
    in_parts = Policy(written(agent_of("parts"), tmp_path / "q.npz"))
    for wrong in ({}, np.zeros(4)):
        with pytest.raises(ValueError, match=r"observation\[.*\] must be"):
            in_parts(wrong)


@pytest.mark.parametrize("kind", ["npz", "onnx"])
def test_what_would_act_otherwise_is_not_written(kind, tmp_path, monkeypatch):
    """The broken twin has another activation: the export is refused, and an existing file stays as it is."""
    agent, path = agent_of("bounds"), tmp_path / f"p.{kind}"
    path.write_bytes(b"before")
    monkeypatch.setattr(policies, "activation_name", lambda _: "tanh")
    with pytest.raises(
        RunError, match=r"not written.*otherwise than the policy for [\d,]+ of 1,000 observations"
    ) as error:
        written(agent, path)
    assert error.value.exit_code == 1
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


FAULTS = {
    "a table": ("place", {"start": np.array([2])}),
    "numbers": ("add", {"number": np.int64(3)}),
    "separate streams": ("part", {"begin": 3, "end": 8}),
    "bounds": ("bound", {"middle": np.float32([0, 1])}),
    "a matrix of counts": ("choose", {"cuts": [1, 4, 6]}),
}
"""What people get wrong: where states and actions begin, the half of a stream, an uneven range, where choices end."""


@pytest.mark.parametrize("name", FAULTS)
def test_small_faults_are_found(name, tmp_path, monkeypatch):
    kind, wrong = FAULTS[name]
    right = write.program_of

    def program(*what):
        made = right(*what)
        for place, each in enumerate(made.operations):
            if each.kind == kind:
                arrays = each.arrays | {n: value for n, value in wrong.items() if n in each.arrays}
                settings = each.settings | {n: value for n, value in wrong.items() if n in each.settings}
                made.operations[place] = dataclasses.replace(each, arrays=arrays, settings=settings)
        return made

    monkeypatch.setattr(write, "program_of", program)
    with pytest.raises(RunError, match="not written"):
        written(agent_of(name), tmp_path / "p.npz")
    assert not list(tmp_path.iterdir())


def test_as_good_a_choice_is_the_same_and_a_worse_one_is_not():
    from zerone.export.check import _is_tie

    scores = np.float32([[1, 1 + 5e-6, 0], [1, 1 + 5e-5, 0], [1000, 1000.005, 0]])
    ours, theirs = np.array([1, 1, 1]), np.array([0, 0, 0])
    assert _is_tie(spaces.Discrete(3), scores, ours, theirs).tolist() == [True, False, True]
    assert _is_tie(spaces.Discrete(3, start=5), scores, ours + 5, theirs + 5).tolist() == [True, False, True]
    pair = np.concatenate([scores, scores[:, ::-1]], -1)
    several = _is_tie(spaces.MultiDiscrete([3, 3]), pair, np.stack([ours, ours], 1), np.stack([theirs, ours], 1))
    assert several.tolist() == [True, False, True]
    rounded = _is_tie(
        spaces.Box(0, 9, (1,), np.int8), np.float32([[2.500001], [2.51]]), np.int8([[2], [2]]), np.int8([[3], [3]])
    )
    assert rounded.tolist() == [True, False]
    far = _is_tie(spaces.Box(0, 9, (1,), np.int8), np.float32([[2.500001]]), np.int8([[2]]), np.int8([[4]]))
    assert far.tolist() == [False]


def test_large_numbers_are_rounded_in_one_order_here_and_in_another_there(tmp_path, monkeypatch):
    """For observations of 10⁴ that alone gives differences above 1e-5; a wrong weight must still be detected."""
    agent = agent_in(small_ppo(), spaces.Box(-1e4, 1e4, (12,), np.float32), TURN)
    written(agent, tmp_path / "p.npz")
    weight = agent.policy.actor.mlp.layers[0].weight.copy()
    weight[0, 0] *= 1.1
    moved = eqx.tree_at(lambda policy: policy.actor.mlp.layers[0].weight, agent.policy, weight)
    made = policies.program_of(agent._engine.algorithm, moved, agent._engine.spaces)
    monkeypatch.setattr(write, "program_of", lambda *_: made)
    with pytest.raises(RunError, match="not written"):
        written(agent, tmp_path / "q.npz")


def test_a_policy_is_played_where_it_is_judged_also_if_that_has_no_id(tmp_path):
    engine = agent_of("parts")._engine
    with in_32_bits():
        found = write.write(tmp_path / "p.npz", engine, agent_of("parts").policy, {}, engine.alone(0))
    assert (found["played"], found["observations"]) == (500, 1000)


@configured
class Contrary(QLearning):
    """Takes the action with the lowest value."""

    name = "contrary"

    def act(self, policy, *rest):
        return super().act(-policy, *rest)


@configured
class Said(Contrary):
    """The same, with a function that says how it acts."""

    name = "said"

    def acting(self, policy, seen):
        return seen.state().look_up(-np.asarray(policy)).argmax()


@dataclasses.dataclass(frozen=True)
class Unknown:
    """A policy of an unknown class."""


def test_an_algorithm_from_elsewhere_says_how_it_acts_or_leaves_as_stablehlo(tmp_path):
    """An algorithm that overrides `act` without an `acting` that fits can only be exported as StableHLO."""
    agent, said = (agent_in(kind(), spaces.Discrete(5), spaces.Discrete(3)) for kind in (Contrary, Said))
    with pytest.raises(RunError, match="not written"):
        written(agent, tmp_path / "p.npz")
    written(agent, tmp_path / "p.stablehlo")
    for kind in ("npz", "onnx", "stablehlo"):
        written(said, tmp_path / f"s.{kind}")
    with pytest.raises(InputError, match=r"how ppo acts .*Unknown.* acting\(policy, seen\).*\.stablehlo"):
        policies.program_of(small_ppo(), Unknown(), agent._engine.spaces)


class Own(eqx.Module):
    """A user-defined network."""

    first: eqx.nn.Linear
    last: eqx.nn.Linear

    def __init__(self, *, key, shape, outputs):
        self.first, self.last = (eqx.nn.Linear(*each, key=key) for each in ((shape[0], 8), (8, outputs)))

    def __call__(self, x):
        return self.last(jnp.sin(self.first(x)))


class Bent(Own):
    """A user-defined network that lists its operations."""

    def __call__(self, x):
        return self.last(jax.nn.relu(self.first(x)))

    def operations(self, x):
        return policies.layers(self.last, policies.layers(self.first, x).activate("relu"))


def multilayer(*, key, shape, outputs):
    return eqx.nn.MLP(shape[0], outputs, 8, 2, activation=jax.nn.silu, final_activation=jnp.tanh, key=key)


def in_turn(*, key, shape, outputs):
    first, last = eqx.nn.Linear(shape[0], 8, use_bias=False, key=key), eqx.nn.Linear(8, outputs, key=key)
    return eqx.nn.Sequential([first, eqx.nn.Lambda(jax.nn.elu), last])


@pytest.mark.thorough
def test_networks_of_equinox_leave_and_one_of_its_own_says_what_it_is(tmp_path):
    for network in (multilayer, in_turn, Bent):
        agent = agent_in(small_dqn(network=own_networks.given(network)), PLACE, spaces.Discrete(3))
        for kind in ("npz", "onnx"):
            written(agent, tmp_path / f"p.{kind}")
    agent = agent_in(small_dqn(network=own_networks.given(Own)), PLACE, spaces.Discrete(3))
    with pytest.raises(InputError, match=r"how dqn .*Own, which needs a function operations\(x\).*\.stablehlo"):
        written(agent, tmp_path / "q.onnx")
    written(agent, tmp_path / "q.stablehlo")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return zo.train("q-learning", "zerone/Treasure-v0", steps=500, seeds=2, out=tmp_path_factory.mktemp("e") / "r",
                    figure=False, evaluation_episodes=5)  # fmt: skip


def test_a_run_exports_the_policy_that_was_asked_for(run, tmp_path):
    found = run.export(tmp_path / "p.npz", seed=1, checkpoint="last")
    assert found["played"] == 500
    assert found["check"] == "1,000 observations: the same actions; 500 of them are of episodes"
    about = Policy(tmp_path / "p.npz").about
    expected = {"algorithm": "q-learning", "environment": "zerone/Treasure-v0", "seed": 1, "checkpoint": "last"}
    assert expected.items() <= about.items()
    assert (about["observation"], about["takes"], about["zerone"]) == ("Discrete(6)", "Discrete(2)", zo.__version__)
    agent = run.agent(1, "last")
    assert [Policy(tmp_path / "p.npz")(state) for state in range(6)] == [agent.act(state) for state in range(6)]
    again = zo.load(run.path).export(tmp_path / "q.npz", 1, "last")
    assert again["check"] == found["check"]
    assert (tmp_path / "p.npz").read_bytes() == (tmp_path / "q.npz").read_bytes()


def test_no_file_knows_of_the_machine(run, tmp_path):
    shutil.copy(run._folder.best_path, tmp_path / "best-of-all.safetensors")
    for kind in ("npz", "onnx", "stablehlo"):
        run.export(tmp_path / f"p.{kind}", checkpoint=str(tmp_path / "best-of-all.safetensors"))
        data = (tmp_path / f"p.{kind}").read_bytes()
        assert str(tmp_path).encode() not in data
        assert str(Path(write.__file__).parents[1]).encode() not in data
    model = onnx.load(tmp_path / "p.onnx")
    about = {each.key: each.value for each in model.metadata_props}
    assert about["checkpoint"] == "a file"
    exported = jax_export.deserialize(bytearray((tmp_path / "p.stablehlo").read_bytes()))
    assert json.loads(exported.fun_name)["environment"] == "zerone/Treasure-v0"


def test_what_cannot_be_is_refused_and_nothing_is_written(run, tmp_path, monkeypatch):
    (tmp_path / "folder.npz").mkdir()
    for name, words in {
        "p.pt": r"must be a file that ends in \.onnx, \.npz, \.stablehlo", "p": "must be a file that ends in",
        "nowhere/p.npz": "folder that exists", "folder.npz": "not a folder",
    }.items():  # fmt: skip
        with pytest.raises(InputError, match=words):
            run.export(tmp_path / name)
    with pytest.raises(InputError, match="seed 7 was not trained"):
        run.export(tmp_path / "p.npz", seed=7)
    for package in ("onnx", "onnxruntime"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(InputError, match=rf'package {package}: .*pip install "zerone\[onnx\]"'):
                run.export(tmp_path / "p.onnx")
            run.export(tmp_path / "q.npz")
            (tmp_path / "q.npz").unlink()
    assert [each.name for each in tmp_path.iterdir()] == ["folder.npz"]


def test_a_model_is_one_that_older_programs_can_read(tmp_path):
    model = onnx.load(written(agent_of("parts"), tmp_path / "p.onnx"))
    assert (model.ir_version, model.opset_import[0].version) == (onnx_file.FORMAT, onnx_file.OPSET)
    assert sorted(each.name for each in model.graph.input) == ["hand[0]", "hand[1]", "place", "sight"]
    assert model.graph.output[0].name == "action"
    assert model.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_a_tabular_algorithm_with_another_policy_is_told_what_it_needs(tmp_path):
    """Two tables ended with an unexpected `TypeError`."""

    @configured
    class Two(QLearning):
        name = "two"

        def init(self, key, spaces):
            state = super().init(key, spaces)
            return dataclasses.replace(state, policy=(state.policy, state.policy))

        def noise(self, policy, key, shape):
            return super().noise(policy[0], key, shape)

        def values(self, policy, memory, observation):
            return super().values(policy[0], memory, observation)

        def act(self, policy, memory, observation, noise=None, mask=()):
            return super().act(policy[0], memory, observation, noise, mask)

        def update(self, state, steps, key):
            one, metrics = super().update(dataclasses.replace(state, policy=state.policy[0]), steps, key)
            return dataclasses.replace(state, policy=(one.policy, state.policy[1])), metrics

        def exploration_rate(self, policy):
            return super().exploration_rate(policy[0])

    run = zo.train(Two(), "zerone/Treasure-v0", steps=200, out=tmp_path / "r", figure=False, evaluation_episodes=2)
    with pytest.raises(InputError, match=r"needs a function acting\(policy, seen\)"):
        run.export(tmp_path / "p.npz")
