"""Falling ε and α of tabular algorithms, compared with a schedule in NumPy; without them no steps are counted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import cliff

import zerone as zo
from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.algorithms.tabular import ScheduledTable
from zerone.base.errors import InputError
from zerone.engines.compiled import Compiled
from zerone.engines.stepping import Stepper
from zerone.training.folder import RunFolder
from zerone.training.tables import read_tables

FALLING: dict[str, Any] = {"epsilon": 0.8, "epsilon_end": 0.1, "epsilon_steps": 120.0,
                           "learning_rate": 0.5, "learning_rate_end": 0.2, "decay_steps": 80.0}  # fmt: skip
TABLES = {
    "q-learning": QLearning(**FALLING),
    "sarsa": Sarsa(**FALLING, epsilon_shape="exponential"),
    "sarsa-lambda": SarsaLambda(**FALLING, trace="accumulating", trace_decay=0.5),
    "monte-carlo": MonteCarlo(**FALLING, averaging=False, environments=2),
    "dyna-q": DynaQ(**FALLING, planning_steps=2),
}
ALL = pytest.mark.parametrize("algorithm", TABLES.values(), ids=TABLES)
ITERATIONS = 150


def clock(algorithm: Any, seen: int) -> tuple[float, float]:
    """ε and α after `steps` environment steps."""
    part = min(seen / 120, 1.0)
    epsilon = 0.8 * (0.1 / 0.8) ** part if algorithm.epsilon_shape == "exponential" else 0.8 + (0.1 - 0.8) * part
    return epsilon, 0.5 * (1 + (0.2 - 1) * min(seen / 80, 1.0))


@pytest.fixture(scope="module", params=list(TABLES))
def played(request: pytest.FixtureRequest) -> tuple[Any, list[Any]]:
    algorithm = TABLES[request.param]
    stepper = Stepper(algorithm, cliff(limit=20), 5)
    return algorithm, [stepper.forward() for _ in range(ITERATIONS)]


@pytest.mark.thorough(after=1)
def test_they_fall_with_every_step_of_every_environment(played: tuple[Any, list[Any]]) -> None:
    algorithm, iterations = played
    for index, each in enumerate(iterations):
        epsilon, step_size = clock(algorithm, index * algorithm.environments)
        policy = each.before.state.policy
        assert float(algorithm.exploration_rate(policy)) == pytest.approx(epsilon, rel=1e-5)
        assert float(algorithm.step_size(policy)) == pytest.approx(step_size, rel=1e-5)
        explored = np.asarray(each.noise)[0, ..., 0] < epsilon
        assert np.array_equal(np.asarray(algorithm.explores(policy, each.noise))[0], explored)


@ALL
def test_what_does_not_fall_is_not_counted(algorithm: Any) -> None:
    plain = dataclasses.replace(
        algorithm, epsilon_steps=0.0, epsilon_end=0.05, epsilon_shape="linear", decay_steps=0.0, learning_rate_end=0.1
    )
    engine = Compiled(plain, cliff(limit=20))
    assert not isinstance(engine.policy_example(), ScheduledTable)
    engine.close()


def test_the_clock_goes_on_where_a_training_was_interrupted_and_is_kept_with_the_policy(tmp_path: Path) -> None:
    settings = {"epsilon": 1.0, "epsilon_steps": 400.0, "epsilon_end": 0.0, "decay_steps": 300.0}
    asked: Any = {"settings": settings, "steps": 400, "seeds": 2, "evaluation_episodes": 2, "chunk": 50}

    def interrupt(now: Any, policy: Any) -> None:
        del policy
        if now.steps >= 200:
            raise KeyboardInterrupt

    whole = zo.train("sarsa", "zerone/Maze-v0", out=tmp_path / "whole", **asked)
    with pytest.raises(KeyboardInterrupt):
        zo.train("sarsa", "zerone/Maze-v0", out=tmp_path / "half", figure=False, on_progress=interrupt, **asked)
    half = zo.resume(tmp_path / "half", chunk=50)
    policies = [run.agent(1, "last").policy for run in (whole, half)]
    assert [int(policy.steps) for policy in policies] == [400, 400]
    assert np.array_equal(policies[0].table, policies[1].table)
    (picture,) = read_tables([RunFolder.open(whole.path)], seed=1, which="last")
    assert np.array_equal(picture.table.values, policies[0].table)
    exported = whole.export(tmp_path / "policy.npz", seed=1, checkpoint="last")
    assert exported is not None


def test_bad_input_is_one_line() -> None:
    for settings, line in [
        ({"epsilon_end": 0.2}, "without epsilon_steps"),
        ({"epsilon_shape": "exponential"}, "without epsilon_steps"),
        ({"learning_rate_end": 0.2}, "without decay_steps"),
        ({"epsilon_steps": -1.0}, "must be at least 0"),
        ({"epsilon_steps": 10.0, "epsilon_end": 0.0, "epsilon_shape": "exponential"}, "must be above 0"),
    ]:
        with pytest.raises(InputError, match=line):
            zo.train("q-learning", "zerone/Maze-v0", steps=10, settings=settings)
