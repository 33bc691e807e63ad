"""An exported policy with action masks has the mask as a further input, and acts like the original policy."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import jax
import numpy as np
import pytest

import zerone as zo
from zerone.export.player import Policy

SMALL: dict[str, Any] = {"steps": 64, "evaluation_episodes": 1, "figure": False, "evaluation_limit": 10}
SETTINGS = {"ppo": {"hidden": (8,), "environments": 2, "steps_per_update": 8, "minibatches": 2}, "q-learning": {}}


@pytest.fixture(scope="module", params=SETTINGS)
def run(request, tmp_path_factory):
    engine = {"ppo": "compiled", "q-learning": "host"}[request.param]
    asked = {"settings": SETTINGS[request.param], "engine": engine, "action_mask": "environment", **SMALL}
    return zo.train(request.param, "Taxi-v4", out=tmp_path_factory.mktemp("masked") / "run", **asked)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("suffix", ["npz", "onnx", "stablehlo"])
def test_it_acts_as_the_policy_does_among_what_is_allowed(run, suffix, tmp_path):
    written = run.export(tmp_path / f"policy.{suffix}")
    assert written["observations"] == 1000
    assert "the same action" in written["check"]
    environment, agent = gymnasium.make("Taxi-v4").unwrapped, run.agent()
    states = np.arange(500)
    masks = np.array([environment.action_mask(state) for state in states])
    if suffix == "npz":
        policy = Policy(tmp_path / "policy.npz")
        actions = policy(states, masks)
        assert policy(77, masks[77]) == actions[77]
        with pytest.raises(ValueError, match="needs an action mask"):
            policy(77)
        wrong = {
            "allows nothing": masks[77] * 0,
            "has the shape": masks[77][:5],
            "not one of true and false": [0.5] * 6,
        }
        for line, mask in wrong.items():
            with pytest.raises(ValueError, match=f"^the action mask .*{line}"):
                policy(77, mask)
    elif suffix == "onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(tmp_path / "policy.onnx")
        (actions,) = session.run(["action"], {"observation": states, "action_mask": masks.astype(bool)})
    else:
        exported = jax.export.deserialize(bytearray((tmp_path / "policy.stablehlo").read_bytes()))
        assert json.loads(exported.fun_name)["mask"] == "action_mask"
        actions = np.asarray(exported.call(states.astype(np.int32), masks.astype(bool)))
    assert (masks[states, actions] == 1).all()
    assert np.array_equal(actions, agent.act(states, mask=masks))
