"""Observations with parts: networks treat each part by its kind, pictures with convolutions, up to the export."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from toys import small_dqn, small_ppo

import zerone as zo
from zerone.environments.gym.encoding import Encoding
from zerone.environments.spaces import Spaces
from zerone.parts.convolution import Convolution, PartConvolutions
from zerone.parts.layers import Features
from zerone.parts.normalization import NormalizationSettings, Scales, Statistics

SIGHT = spaces.Box(0, 255, (3, 10, 12), np.uint8)  # channels first
FAR = spaces.Box(-1000, 1000, (2,), np.float64)
PARTS = spaces.Dict(far=FAR, sight=SIGHT, turn=spaces.Discrete(3, start=1), map=spaces.Box(0, 1, (9, 9, 1), np.float32))
FAST: dict[str, Any] = {"steps": 64, "evaluation_episodes": 1, "figure": False}


class Look(gymnasium.Env):
    """One step: is the picture bright on the left or on the right? Only the picture shows it."""

    observation_space, action_space = PARTS, spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):  # noqa: ARG002 - Gymnasium's signature
        super().reset(seed=seed)
        sight = np.zeros((3, 10, 12), np.uint8)
        self._answer = int(self.np_random.integers(2))
        sight[:, :, 6 * self._answer : 6 * self._answer + 6] = self.np_random.integers(100, 256)
        far = self.np_random.normal(size=2) * 300 + 100
        lines = self.np_random.random((9, 9, 1), np.float32)
        return {"far": far, "sight": sight, "turn": 2, "map": lines}, {}

    def step(self, action):
        reward = float(action == self._answer)
        return self.reset()[0], reward, True, False, {}


def observations(number: int) -> list[dict[str, Any]]:
    env = Look()
    return [env.reset(seed=seed)[0] for seed in range(number)]


def convolved(convolution: Convolution, picture: np.ndarray) -> np.ndarray:
    """The convolution by its definition; small pictures are padded so that kernels reach every pixel."""
    x = np.float64(picture)
    for layer, (kernel, stride) in zip(convolution.layers, convolution.sizes, strict=True):
        missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[:2]]
        x = np.pad(x, [*((each // 2, each - each // 2) for each in missing), (0, 0)])
        places = [(side - kernel) // stride + 1 for side in x.shape[:2]]
        made = np.zeros((*places, layer.bias.shape[0]))
        for i, j in np.ndindex(*places):
            patch = x[i * stride : i * stride + kernel, j * stride : j * stride + kernel]
            made[i, j] = np.maximum(patch.reshape(-1) @ np.float64(layer.weight) + np.float64(layer.bias), 0)
        x = made
    return x.reshape(-1)


def test_each_part_is_seen_as_what_it_is():
    encoding = Encoding(PARTS)
    features = Features.of_space(encoding.space)
    assert [part.picture for part in features.pictures] == [(10, 12, 3), (9, 9, 1)]
    seeing = jax.jit(lambda key: PartConvolutions(key, features))(jax.random.key(0))
    rows = np.stack([np.asarray(encoding(each)) for each in observations(3)])
    found = np.asarray(jax.jit(lambda seeing, rows: seeing(features(rows)))(seeing, rows))
    assert found.shape == (3, seeing.outputs)
    for row, shown in zip(found, observations(3), strict=True):
        others = np.concatenate([shown["far"], np.eye(3)[shown["turn"] - 1]])
        pictures = np.moveaxis(shown["sight"], 0, -1) / 255, shown["map"]
        made = [convolved(mine, picture) for mine, picture in zip(seeing.convolutions, pictures, strict=True)]
        np.testing.assert_allclose(row, np.concatenate([others, *made]), rtol=1e-4, atol=1e-4)


def test_numbers_are_normalised_and_pictures_are_left_on_their_scale():
    encoding = Encoding(PARTS)
    rows = jnp.stack([jnp.asarray(encoding(each)) for each in observations(200)])
    scales = Scales.initial(
        NormalizationSettings(normalize_observations="on"), Spaces(encoding.space, spaces.Discrete(2))
    )
    assert scales.observation is not None
    scales = Scales(Statistics.of_rows(rows), None, "on", scales.pictures)
    seen = np.asarray(jax.jit(Scales.normalize_observation)(scales, rows))
    for picture in (slice(2, 362), slice(365, 446)):
        np.testing.assert_array_equal(seen[:, picture], rows[:, picture])
    np.testing.assert_allclose((seen[:, :2].mean(0), seen[:, :2].std(0)), ([0, 0], [1, 1]), atol=1e-4)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("algorithm", [small_dqn(), small_ppo(), small_ppo(network="gru")], ids=["dqn", "ppo", "gru"])
def test_a_run_goes_on_acts_and_leaves_as_it_was(tmp_path, algorithm):
    run = zo.train(algorithm, Look, out=tmp_path / "run", **FAST)
    shown = observations(5)
    agent, again = run.agent(), zo.resume(run.path, Look).agent()
    assert [agent.act(each) for each in shown] == [again.act(each) for each in shown]
    run.export(tmp_path / "policy.npz")  # the export compares it with the agent on 1,000 observations


@pytest.mark.thorough
def test_a_run_from_before_parts_were_seen_sees_one_row(tmp_path):
    """Its network has learnt from flattened pictures; a convolution would not fit its weights."""
    run = zo.train(small_dqn(network="mlp"), Look, out=tmp_path / "run", **FAST)
    values = run.agent().values(observations(1)[0])
    file = run.path / "config.json"
    config = json.loads(file.read_text())
    config["format"] = 1
    config["algorithm"]["settings"]["network"] = "auto"
    file.write_text(json.dumps(config))
    old = zo.load(run.path, Look)
    np.testing.assert_array_equal(old.agent().values(observations(1)[0]), values)
    assert zo.resume(run.path, Look).config["environment"]["observations"] == "row"
    config["format"] = 2
    file.write_text(json.dumps(config))
    with pytest.raises(zo.ZeroneError):  # with separate parts the weights do not fit
        zo.load(run.path, Look).agent()


@pytest.mark.thorough
def test_what_was_seen_only_as_a_picture_is_found_by_learning(tmp_path):
    run = zo.train(
        "dqn",
        Look,
        out=tmp_path / "run",
        steps=1_000,
        settings={"hidden": (32,), "warmup": 200, "epsilon_steps": 700.0, "batch": 32, "discount": 0.0},
        evaluation_episodes=100,
        figure=False,
    )
    assert run.evaluate(episodes=200, seed=5)["return_mean"] > 0.9
