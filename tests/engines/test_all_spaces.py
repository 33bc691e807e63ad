"""All Gymnasium spaces and some foreign ones, as observations and actions: training works or is refused in one line."""

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces
from toys import small_dqn, small_ppo, small_sac

from zerone.algorithms import catalogue
from zerone.algorithms.off_policy_actor import OffPolicyActor
from zerone.algorithms.protocol import Steps, initial_memory
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector
from zerone.training.engine_setup import make_engine
from zerone.training.memory_limit import require_room


class Foreign(spaces.Space):
    """A space of another library."""

    def __init__(self, shape=None, dtype=None, value=None):
        super().__init__(shape, dtype)
        self.value = value

    def sample(self, **_):
        return self.value

    def contains(self, _):
        return True


class NeverCopied(Foreign):
    """A space that cannot be copied."""

    def __deepcopy__(self, _):
        raise RuntimeError("there is one of me")


class ForeignBox(spaces.Box):
    """A subclass of `Box` of another library."""


class Broken(spaces.Box):
    """A `Box` whose bounds were changed."""

    def __init__(self, low, high):
        super().__init__(-1, 1, (2,), np.float32)
        self.low, self.high = np.full(2, low, np.float32), np.full(2, high, np.float32)


def box(low, high, shape=(3,), kind=np.float32):
    return spaces.Box(low, high, shape, kind)


def whole(kind):
    return box(np.iinfo(kind).min, np.iinfo(kind).max, kind=kind)


INF, PLACE = np.inf, box(-1, 1, (2,))
SPACES = {
    "numbers": box(-1, 1),
    "a number": box(-1, 1, ()),
    "a matrix": box(-1, 1, (2, 3)),
    "no numbers": box(-1, 1, (0,)),
    "no rows": box(-1, 1, (3, 0)),
    "16 bits": box(-1, 1, kind=np.float16),
    "64 bits": box(-1, 1, kind=np.float64),
    "unbounded": box(-INF, INF),
    "half bounded": spaces.Box(np.array([0, -INF], np.float32), np.array([INF, 1], np.float32)),
    "as large as can be": box(np.finfo(np.float32).min, np.finfo(np.float32).max),
    "larger than can be": box(np.finfo(np.float64).min, np.finfo(np.float64).max, kind=np.float64),
    "booleans": box(0, 1, kind=bool),
    **{str(np.dtype(kind)): whole(kind) for kind in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32)},
    "uint64": whole(np.uint64),
    "int64": whole(np.int64),
    "small int64": box(-5, 5, kind=np.int64),
    "a picture": box(0, 255, (12, 12, 3), np.uint8),
    "a picture in floats": box(0, 1, (3, 12, 12)),
    "stacked pictures": box(0, 255, (2, 12, 12, 3), np.uint8),
    "nothing to choose": box(2, 2, (2,)),
    "upside down": Broken(1, -1),
    "lower is none": Broken(np.nan, 1),
    "upper is none": Broken(-1, np.nan),
    "somebody's box": ForeignBox(-1, 1, (2,)),
    "a count": spaces.Discrete(3),
    "one count": spaces.Discrete(1),
    "from 5": spaces.Discrete(3, start=5),
    "from -2": spaces.Discrete(3, start=-2),
    "from far away": spaces.Discrete(3, start=2**40),
    "10¹² values": spaces.Discrete(10**12),
    "2⁶³ - 1 values": spaces.Discrete(2**63 - 1),
    "a small count": spaces.Discrete(3, dtype=np.uint8),
    "counts": spaces.MultiDiscrete([2, 3]),
    "a matrix of counts": spaces.MultiDiscrete([[2, 3], [3, 2]]),
    "counts from elsewhere": spaces.MultiDiscrete([2, 3], start=[5, -1]),
    "counts from far away": spaces.MultiDiscrete([2, 3], start=[2**40, 0]),
    "counts of many values": spaces.MultiDiscrete([2**40, 3]),
    "no counts": spaces.MultiDiscrete([]),
    "small counts": spaces.MultiDiscrete([2, 100], dtype=np.int8),
    "many counts": spaces.MultiDiscrete([2] * 40),
    "bits": spaces.MultiBinary(3),
    "a matrix of bits": spaces.MultiBinary((2, 2)),
    "many bits": spaces.MultiBinary(40),
    "a text": spaces.Text(4),
    "a graph": spaces.Graph(PLACE, None),
    "a sequence": spaces.Sequence(spaces.Discrete(2)),
    "a stacked sequence": spaces.Sequence(PLACE, stack=True),
    "one of several": spaces.OneOf([spaces.Discrete(2), PLACE]),
    "counts in a tuple": spaces.Tuple([spaces.Discrete(3), spaces.Discrete(2)]),
    "a tuple": spaces.Tuple([spaces.Discrete(3), PLACE]),
    "an empty tuple": spaces.Tuple([]),
    "a dictionary": spaces.Dict(a=PLACE, b=spaces.Discrete(2)),
    "an empty dictionary": spaces.Dict({}),
    "nested": spaces.Dict(a=spaces.Tuple([spaces.Dict(b=spaces.MultiBinary(2)), spaces.Text(3)]), c=PLACE),
    "with what has no place": spaces.Dict(
        a=PLACE, s=spaces.Sequence(PLACE), g=spaces.Graph(PLACE, None), o=spaces.OneOf([spaces.Discrete(2)])
    ),
    "a dictionary of texts": spaces.Dict(a=spaces.Text(3)),
    "somebody's": Foreign(value="x"),
    "somebody's words": Foreign(dtype=str, value="x"),
    "somebody's numbers": Foreign((2,), np.float32, np.zeros(2, np.float32)),
    "somebody's counts": Foreign((2,), np.int64, np.zeros(2, np.int64)),
    "somebody's objects": Foreign((2,), object, [None, None]),
    "somebody's, never copied": NeverCopied((2,), np.float32, np.zeros(2, np.float32)),
    "a mission and a place": spaces.Dict(mission=Foreign(dtype=str, value="go"), place=PLACE),
    "none": None,
    "a word": "Box",
}
DEEP = [small_dqn(), small_ppo(environments=2), small_sac()]


class World(gymnasium.Env):
    """Observations are samples of the given space; an action that is not in the given space is an error."""

    def __init__(self, observation, action):
        self.observation_space, self.action_space, self.steps = observation, action, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        return self._shown(), {}

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        self.steps += 1
        return self._shown(), 1.0, self.steps % 5 == 0, False, {}

    def _shown(self):
        space = self.observation_space
        if isinstance(space, spaces.Box):
            low, high = (np.nan_to_num(np.asarray(bound, np.float64)) for bound in (space.low, space.high))
            return np.minimum(np.maximum(low, -2), np.minimum(high, 2)).astype(space.dtype)
        return space.sample()


def play_and_trace(algorithm, world):
    """The parts of a training that need no compilation: state and memory, some actions, and tracing an update."""
    engine = make_engine("host", algorithm, world)
    assert isinstance(engine, Host)
    try:
        require_room(engine, "World", 1)
        shape = algorithm.steps_per_update, algorithm.environments
        seed, index = np.uint32(0), np.int32(0)
        state = jax.eval_shape(lambda: engine._programs.init(algorithm, seed))
        noise = jax.eval_shape(
            lambda policy: engine._programs.noise(algorithm, policy, seed, index, index, shape), state.policy
        )
        vector = make_vector(world, "World", algorithm.environments, 0)
        observation, _ = vector.reset(seed=[0] * algorithm.environments)
        one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), noise)
        leaves, tree = jax.tree.flatten((algorithm, state.policy))
        memory = jax.eval_shape(lambda policy: initial_memory(algorithm, policy, algorithm.environments), state.policy)
        acted = engine._programs.explore.eval_shape(tree, leaves, memory, None, observation, one, ())
        drawn, sent, _, (extras, before) = acted
        for _ in range(7):
            actions = np.zeros((drawn if sent is None else sent).shape, engine.spaces.action.dtype)
            if isinstance(engine.spaces.action, (spaces.Discrete, spaces.MultiDiscrete)):
                actions = actions + np.asarray(engine.spaces.action.start)
            elif isinstance(engine.spaces.action, spaces.Box):
                actions = np.clip(actions, engine.spaces.action.low, engine.spaces.action.high)
            observation = vector.step(np.asarray(actions, engine.spaces.action.dtype))[0]
        rows = observation, drawn, extras, before
        steps = jax.tree.map(lambda leaf: np.zeros((*shape, *leaf.shape[1:]), leaf.dtype), rows)
        flag, number = np.zeros(shape, bool), np.zeros(shape, np.float32)
        block = Steps(steps[0], steps[1], number, steps[0], flag, flag, *steps[2:])
        leaves, tree = jax.tree.flatten(state)
        engine._programs.update.eval_shape(tree, algorithm, leaves, block, seed, index)
        sample = engine.spaces.encoding.batch(world().reset()[0])
        assert sample[1]
    finally:
        engine.close()


def refused_in_one_line(error):
    assert "\n" not in str(error), error
    assert len(str(error)) < 700, error


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", SPACES)
def test_observations_of_every_space_are_seen_or_refused_by_every_algorithm(name):
    space = SPACES[name]
    for algorithm in [entry.make() for entry in catalogue.entries()]:
        action = PLACE if isinstance(algorithm, OffPolicyActor) else spaces.Discrete(2)
        try:
            make_engine("host", algorithm, lambda action=action: World(space, action)).close()
        except InputError as error:
            refused_in_one_line(error)
    for algorithm in [QLearning(), *DEEP]:
        action = PLACE if isinstance(algorithm, OffPolicyActor) else spaces.Discrete(2)
        try:
            play_and_trace(algorithm, lambda action=action: World(space, action))
        except InputError as error:
            refused_in_one_line(error)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", SPACES)
def test_actions_of_every_space_are_chosen_or_refused_by_every_algorithm(name):
    space = SPACES[name]
    for algorithm in [entry.make() for entry in catalogue.entries()]:
        try:
            make_engine("host", algorithm, lambda: World(PLACE, space)).close()
        except InputError as error:
            refused_in_one_line(error)
    for algorithm in [QLearning(), *DEEP]:
        seen = spaces.Discrete(3) if algorithm.name == "q-learning" else PLACE
        try:
            play_and_trace(algorithm, lambda seen=seen: World(seen, space))
        except InputError as error:
            refused_in_one_line(error)
