"""Action masks on the host engine: played actions are allowed, and targets use only allowed ones (as in NumPy)."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from toys import small_dqn

import zerone as zo
from zerone.algorithms.tabular import table_in
from zerone.base.errors import InputError, RunError
from zerone.cluster.worker import Task, host_of
from zerone.cluster.worker_programs import FlatParameters
from zerone.engines.host import Host
from zerone.engines.vector_rollout import Player
from zerone.environments.gym.allowed import MaskError, MaskSource, read_mask
from zerone.environments.gym.checked_vector import CheckedVector
from zerone.environments.gym.process_vector import vector_in
from zerone.environments.gym.processes import Processes
from zerone.environments.gym.vector import make_vector
from zerone.training.environment_check import check

SMALL: dict[str, Any] = {"steps": 96, "evaluation_episodes": 2, "figure": False, "evaluation_limit": 20}
ACTIONS = 4


class Strict(gymnasium.Env):
    """Counts steps, and allows the actions of `allowed_at`; another action is an error.

    Odd episodes are truncated after 5 steps, even ones terminate after 3. After a termination no action is allowed.
    """

    observation_space = gymnasium.spaces.Discrete(8)
    action_space = gymnasium.spaces.Discrete(ACTIONS)

    def __init__(self, broken: str = "", says: bool = True) -> None:
        self._broken, self._says, self._episode = broken, says, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self._episode, self._step, self._place = self._episode + 1, 0, int(self.np_random.integers(8))
        return self._place, self._info(over=False)

    def step(self, action):
        if not allowed_at(self._place)[action]:
            raise AssertionError(f"action {action} is not allowed at {self._place}")
        self._step, self._place = self._step + 1, (self._place + 3 * int(action) + 1) % 8
        terminated, truncated = self._step == 3 and self._episode % 2 == 0, self._step == 5
        return self._place, -1.0 - float(action), terminated, truncated, self._info(over=terminated)

    def _info(self, over):
        if not self._says:
            return {}
        mask = np.array(allowed_at(self._place), np.int8) * (not over)
        if self._broken == "length" and self._step == 2:
            mask = mask[:3]
        if self._broken == "nothing" and self._step == 2:
            mask = np.zeros(ACTIONS)
        if self._broken == "dtype" and self._step == 2:
            mask = np.array(["yes"] * ACTIONS)
        if self._broken == "masked" and self._step == 2:
            mask = np.ma.array(mask, mask=mask == 1)
        if self._broken == "at first":
            mask = mask[:2]
        return {"action_mask": mask}


def allowed_at(place):
    """The mask of a state: two or three of four actions."""
    return [(place + each) % 3 != 0 for each in range(ACTIONS)]


def silent():
    return Strict(says=False)


ALGORITHMS = {
    "q-learning": zo.QLearning(epsilon=0.9),
    "dqn": small_dqn(hidden=(8,), warmup=8, double=True, n_steps=2),
    "ppo": zo.PPO(hidden=(8,), environments=3, steps_per_update=8, minibatches=2, epochs=1),
}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_environment_that_forbids_is_never_disobeyed(name, tmp_path):
    run = zo.train(ALGORITHMS[name], Strict, action_mask="environment", out=tmp_path / "run", **SMALL)
    judged = run.evaluate(episodes=6, stochastic=True)
    assert len(judged["returns"]) == 6
    found = zo.load(run.path, Strict)
    assert all(allowed_at(place)[found.agent().act(place, mask=allowed_at(place))] for place in range(8))
    with pytest.raises(InputError, match="act needs mask="):
        found.agent().act(0)


def test_without_a_mask_it_is_disobeyed(tmp_path):
    """The broken twin: the same training without masks takes a forbidden action, which is an error."""
    with pytest.raises(RunError, match="is not allowed at"):
        zo.train(ALGORITHMS["q-learning"], Strict, out=tmp_path / "run", **SMALL)


def test_a_function_of_what_is_shown_does_as_well(tmp_path):
    run = zo.train(ALGORITHMS["q-learning"], silent, action_mask=allowed_at, out=tmp_path / "run", **SMALL)
    agent = run.agent()
    assert all(allowed_at(place)[agent.act(place)] for place in range(8))
    assert [allowed_at(place)[action] for place, action in enumerate(agent.act(list(range(8))))] == [True] * 8


def _vectors(number):
    def given(number, mode):
        made = gymnasium.vector.SyncVectorEnv([Strict] * number, autoreset_mode=mode)
        return CheckedVector(made, "Strict", 0, mask_source=MaskSource())

    yield "in turn", make_vector(Strict, "Strict", number, 0, mask_source=MaskSource()), None
    processes = Processes(2)
    yield "apart", vector_in(processes, Strict, "Strict", number, 0, mask_source=MaskSource()), processes
    yield "given, same step", given(number, AutoresetMode.SAME_STEP), None
    yield "given, disabled", given(number, AutoresetMode.DISABLED), None
    yield "given, next step", given(number, AutoresetMode.NEXT_STEP), None


def test_every_vector_says_the_masks_of_what_it_shows():
    """Masks of the current observations and of the true last one of each episode equal the environment's own rule."""
    for name, vector, processes in _vectors(3):
        player, random, ended = Player(vector), np.random.default_rng(0), 0
        player.reset([1, 2, 3])
        for _ in range(24):
            assert [list(row) for row in player.mask] == [allowed_at(int(each)) for each in player.observation], name
            action = np.array([random.choice(np.flatnonzero(row)) for row in player.mask])
            happened = player.step(action)
            for i in np.flatnonzero(happened.real):
                after = int(happened.next_observation[i])
                wanted = [True] * ACTIONS if happened.terminated[i] else allowed_at(after)
                assert list(happened.next_mask[i]) == wanted, name
            ended += int((happened.terminated | happened.truncated).sum())
            if name == "given, next step":  # it returns the last observation in a step in which no action is chosen
                over = happened.terminated
                player.mask = np.where(
                    over[:, None], [allowed_at(int(each)) for each in player.observation], player.mask
                )
        assert ended > 6, name
        vector.close()
        if processes is not None:
            processes.close()


def test_targets_count_the_next_states_mask_and_no_other():
    """Q-learning's table equals NumPy's along the same steps, with the maximum over the actions allowed in S'."""
    told: list[Any] = []
    algorithm = zo.QLearning(epsilon=1.0, learning_rate=0.5, discount=0.9)
    engine = Host(algorithm, lambda number, seed: make_vector(Strict, "Strict", number, seed, mask_source=MaskSource()),
                  mask_source=MaskSource())  # fmt: skip
    played = engine.played

    def spy(*arguments):
        steps = played(*arguments)
        told.append(steps)
        return steps

    engine.played = spy  # type: ignore[method-assign]
    carry = engine.advance([engine.init(0)], [0], [0], 60)[0]
    table, wrong = np.zeros((8, ACTIONS)), np.zeros((8, ACTIONS))
    for steps in told:
        s, a, n = (int(np.asarray(each).item()) for each in (steps.observation, steps.action, steps.next_observation))
        r = float(np.asarray(steps.reward).item())
        going = not bool(np.asarray(steps.terminated).item())
        assert allowed_at(s)[a]
        for values, best in ((table, table[n][allowed_at(n)].max()), (wrong, wrong[n].max())):
            values[s, a] += 0.5 * (r + 0.9 * best * going - values[s, a])
    found = np.asarray(table_in(engine.policy(carry)))
    np.testing.assert_allclose(found, table, rtol=1e-5, atol=1e-6)
    assert np.abs(found - wrong).max() > 0.01  # the broken twin uses forbidden actions in its target
    engine.close()


@pytest.mark.parametrize(
    ("asked", "line", "kind"),
    [
        ("length", r"seed 0, step 2: the action mask has the shape \(3,\), not \(4,\)", RunError),
        ("nothing", "seed 0, step 2: the action mask allows nothing", RunError),
        ("dtype", "seed 0, step 2: the action mask is .* not one of true and false", RunError),
        ("masked", "seed 0, step 2: the action mask is masked_array.* not one of true and false", RunError),
        ("at first", r"seed 0, step 0: the action mask has the shape \(2,\)", InputError),
    ],
)
def test_a_mask_that_cannot_be_kept_to_is_one_line_with_environment_and_step(tmp_path, asked, line, kind):
    with pytest.raises(kind, match=line) as error:
        zo.train(
            ALGORITHMS["q-learning"], lambda: Strict(asked), action_mask="environment", out=tmp_path / "run", **SMALL
        )
    assert "\n" not in str(error.value)
    assert kind is RunError or not (tmp_path / "run").exists()


def test_an_environment_that_says_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="step 0: its info has no action_mask"):
        zo.train("q-learning", silent, action_mask="environment", out=tmp_path / "run", **SMALL)
    with pytest.raises(InputError, match="action masks are for Discrete actions"):
        zo.train("ppo", lambda: gymnasium.make("Pendulum-v1"), action_mask="environment", out=tmp_path / "run", **SMALL)
    with pytest.raises(InputError, match="frame_skip = 2 is not allowed with an action mask"):
        zo.train("q-learning", Strict, frame_skip=2, action_mask="environment", out=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_check_takes_only_what_is_allowed_and_says_so():
    found = check(f"{__name__}:Strict")
    assert found.steps == 400  # drawing from all actions would soon be an error
    assert any("only those are taken here" in note for note in found.notes)
    broken = check(f"{__name__}:Strict", {"broken": "nothing"})
    assert any("after step 2 the action mask allows nothing" in note for note in broken.notes)
    assert not any("only those are taken" in note for note in broken.notes)


def test_reading_a_mask():
    assert read_mask([1, 0, True], (3,)).tolist() == [True, False, True]
    for wrong in ([1, 2, 0], [0.5, 1, 0], [[1, 0, 1]], None, [np.nan, 1, 0], [-1, 1, 0]):
        with pytest.raises(MaskError):
            read_mask(wrong, (3,))


def test_a_worker_of_a_cluster_keeps_to_them_as_well():
    """The worker itself, without Ray: it plays allowed actions, and its steps have their masks."""
    algorithm = zo.A3C(hidden=(8,), workers=2, steps_per_update=16)
    task = Task(Strict, "Strict", {}, compiled=False, mask_source=MaskSource())
    worker = task.worker(algorithm, 0)
    host = host_of(algorithm.alone(), task, 0)
    policy = FlatParameters.wrap(host.initial_state(np.uint32(0)).policy)
    steps, _ = worker.steps(0, 0, np.asarray(policy))
    assert np.take_along_axis(steps.mask, steps.action[..., None], -1).all()
    assert [row.tolist() for row in steps.mask[:, 0]] == [allowed_at(int(each)) for each in steps.observation[:, 0]]
    host.close()
