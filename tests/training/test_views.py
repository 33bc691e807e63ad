"""How observations are encoded is chosen once, saved with the run, and applied wherever the run is used."""

import json

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from toys import small_dqn

import zerone as zo
from zerone.environments.gym.views import view_of

FAST = {"evaluation_episodes": 2, "figure": False}


class Symbols(gymnasium.Env):
    """Nine symbols stored as bytes, one of which is a bit. Repeating it has a reward of 1."""

    observation_space = spaces.Box(0, 255, (3, 3, 1), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.steps = 0
        return self._shown(), {}

    def step(self, action):
        reward = float(action == self.bit)
        self.steps += 1
        return self._shown(), reward, self.steps == 10, False, {}

    def _shown(self):
        self.bit = int(self.np_random.integers(2))
        shown = np.full((3, 3, 1), 5, np.uint8)
        shown[1, 1] = 1 + self.bit
        return shown


def train(path, **options):
    return zo.train(small_dqn(), Symbols, out=path, **{**FAST, "steps": 400, **options})


def seen_by(run):
    return view_of(run.engine().spaces.observation).describe()


@pytest.mark.thorough
def test_symbols_are_numbers_as_they_are_and_are_learnt(tmp_path):
    run = train(tmp_path / "run", steps=3000)
    assert run.config["environment"]["observations"] == "auto"
    assert run.evaluate(episodes=20)["return_mean"] == 10.0
    assert seen_by(zo.load(run.path, Symbols)) == "9 numbers, as they are"


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("grid", "a picture of 3 × 3 with 1 channel, as it is"),
        ("picture", "a picture of 3 × 3 with 1 channel, scaled by 255"),
        ("scaled", "9 numbers, scaled by 255"),
    ],
)
def test_what_was_asked_for_is_kept_and_used_again(tmp_path, view, words):
    run = train(tmp_path / "run", observations=view)
    assert run.config["environment"]["observations"] == view
    before = run.agent().act(Symbols().reset(seed=1)[0])
    again = zo.load(run.path, Symbols)
    assert seen_by(again) == words
    assert again.agent().act(Symbols().reset(seed=1)[0]) == before
    resumed = zo.resume(run.path, Symbols)
    assert seen_by(resumed) == words


def test_a_run_from_before_there_was_a_choice_sees_as_it_did(tmp_path):
    """Bytes were always divided by 255 then, and its network has learnt from those numbers."""
    run = train(tmp_path / "run", observations="scaled")
    shown = Symbols().reset(seed=1)[0]
    values = run.agent().values(shown)
    file = run.path / "config.json"
    config = json.loads(file.read_text())
    del config["environment"]["observations"]
    file.write_text(json.dumps(config))
    old = zo.load(run.path, Symbols)
    assert seen_by(old) == "9 numbers, scaled by 255"
    np.testing.assert_array_equal(old.agent().values(shown), values)
    assert seen_by(zo.resume(run.path, Symbols)) == "9 numbers, scaled by 255"


@pytest.mark.parametrize(
    ("environment", "view", "words"),
    [
        (Symbols, "pictur", "did you mean 'picture'?"),
        (Symbols, "first", "observations = 'first' is not allowed"),
        ("CartPole-v1", "picture", "Box(4,), which have no height and width"),
        ("CartPole-v1", "scaled", "bounds are not 0 and"),
        ("zerone/Maze-v0", "numbers", "which can be seen in one way only"),
        (lambda: gymnasium.make("Blackjack-v1"), "grid", "parts are seen as auto or numbers"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_created(tmp_path, environment, view, words):
    algorithm = "q-learning" if environment == "zerone/Maze-v0" else "dqn"
    with pytest.raises(zo.InputError) as caught:
        zo.train(algorithm, environment, out=tmp_path / "run", steps=100, observations=view)
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.thorough
def test_ours_can_be_seen_otherwise_too(tmp_path):
    run = zo.train(
        small_dqn(), "zerone/MazePixels-v0", out=tmp_path / "run", observations="numbers", **{**FAST, "steps": 40}
    )
    assert run.config["engine"] == "compiled"
    again = zo.load(run.path)
    assert seen_by(again).endswith(" numbers, as they are")
    assert again.agent().policy.network.convolution is None
    assert zo.resume(run.path).config["environment"]["observations"] == "numbers"
