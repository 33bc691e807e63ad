"""A moment of a training as JSON for the page: shapes and numbers, in a few hundred bytes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from zerone.algorithms.explanation import number_text
from zerone.algorithms.protocol import Explores, Valued
from zerone.algorithms.sarsa_lambda import State as Traced
from zerone.base.bits import in_32_bits
from zerone.base.compilation import Program, for_seldom
from zerone.engines.stepping import on_host
from zerone.environments.drawing.scene import shapes_of
from zerone.environments.drawing.unwrapping import unwrap
from zerone.environments.maze import Maze
from zerone.environments.spaces import to_environment
from zerone.lab import explained
from zerone.lab.futures import can_look_ahead, futures_of, search_of, tree_search_of
from zerone.lab.picture import picture_of
from zerone.lab.surface import plane_of, surface
from zerone.lab.training import Training, here
from zerone.player.tables import table_of

if TYPE_CHECKING:
    from zerone.engines.search import Search

SECONDS_BETWEEN_SURFACES = 0.25
"""The shortest time between two value surfaces at full speed; one takes as long as several updates."""
FIGURES = 4
"""The significant digits of values in a table; the page shows no more."""


class Moments:
    """Makes the moments of one training."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._plane = plane_of(training.environment, training.algorithm, training.stepper.carry.state.policy)
        self._surface: tuple[Any, dict[str, Any]] | None = None
        self._looked = 0.0
        self._drawn, self._changed = -1, dict[str, Any]()
        self._search: Search | None = None

    def look_ahead(self, steps: int, simulations: int = 0) -> None:
        """Include the futures of a lookahead of `steps`, or of a tree search, in later moments; both 0 include none."""
        if simulations:
            self._search = tree_search_of(self._training, simulations)
        else:
            self._search = search_of(self._training, steps) if steps else None

    def about(self) -> dict[str, Any]:
        """The constant data of the training: its set-up, the still part of the picture, and names."""
        from zerone.training.algorithm_setup import settings_of

        training, plane = self._training, self._plane
        return {
            "setup": training.setup.as_json() | {"settings": settings_of(training.algorithm)},
            "changed": dict(training.setup.settings),
            **picture_of(training.environment, training.actions),
            "block": training.block,
            "environments": training.algorithm.environments,
            "metrics": dict(training.algorithm.metrics),
            "layout": _layout(training),
            "canBePushed": training.can_be_pushed,
            "canLookAhead": can_look_ahead(training),
            "plane": None if plane is None else {"names": plane.names, "low": plane.low, "high": plane.high},
        }  # fmt: skip

    def now(self, quick: bool) -> dict[str, Any]:
        """The current moment; if `quick`, without the numbers that are unreadable at high speed."""
        with in_32_bits():
            return self._now(quick)

    def _now(self, quick: bool) -> dict[str, Any]:
        training = self._training
        place, iteration = here(training), training.iteration
        policy = training.carry.state.policy
        simulation = training.stepper.carry.simulation if iteration is None else iteration.simulation(training.step)
        first = _first(simulation)
        action = None if iteration is None else np.asarray(iteration.steps.action)[training.step, 0]
        found: dict[str, Any] = {
            "at": training.at, "updates": (training.at // training.block), "updated": training.updated,
            "episode": place.episode, "length": place.length, "total": number_text(place.total),
            "epsilon": self._epsilon(policy), "shapes": self._shapes(first.state, action),
            "state": int(first.observation) if training.grid is not None else None,
            "table": self._table(policy), "trace": self._trace(), "ended": self._ended(), "quick": quick,
        }  # fmt: skip
        if training.changes:
            found |= {"part": training.part, "wind": training.wind}
            if training.part != self._drawn:
                self._drawn = training.part
                self._changed = picture_of(training.environment, training.actions) | {"layout": _layout(training)}
            found["picture"] = self._changed
        if self._plane is not None:
            seen = np.asarray(first.observation)
            found |= {"surface": self._surface_of(policy, quick), "place": self._plane.place(seen)}
        if not quick:
            found |= {"step": self._step(), "learnt": self._learnt(), "decision": self._decision(),
                      "bars": self._bars(policy, first)}  # fmt: skip
            if self._search is not None:
                found["futures"] = futures_of(training, self._search, policy, first)
        return found

    def _epsilon(self, policy: Any) -> float | None:
        algorithm = self._training.algorithm
        return round(float(_exploration_rate(algorithm, policy)), 4) if isinstance(algorithm, Explores) else None

    def _shapes(self, state: Any, action: Any) -> list[dict[str, Any]]:
        training = self._training
        if training.scene is None:
            return []
        asked = None if action is None else np.asarray(to_environment(training.spaces.action, action))
        return shapes_of(training.scene, training.environment, state, asked)

    def _table(self, policy: Any) -> list[list[float]] | None:
        table = table_of(policy, self._training.grid)
        return None if table is None else [[_rounded(each) for each in row] for row in table.values.tolist()]

    def _trace(self) -> list[list[Any]] | None:
        """The entries with a trace above 0.01, each [state, action, trace]; None for algorithms without traces."""
        state = self._training.carry.state
        if not isinstance(state, Traced):
            return None
        trace = np.asarray(state.ongoing.trace[0])
        return [[int(s), int(a), _rounded(float(trace[s, a]))] for s, a in np.argwhere(trace > 0.01)]

    def _ended(self) -> str:
        """`terminated` or `truncated` if the last step ended the episode, else empty."""
        training = self._training
        if training.iteration is None:
            return ""
        steps = training.iteration.steps
        if bool(steps.terminated[training.step, 0]):
            return "terminated"
        return "truncated" if bool(steps.truncated[training.step, 0]) else ""

    def _surface_of(self, policy: Any, quick: bool) -> dict[str, Any]:
        """The value surface, computed again only for a new policy, and at full speed only now and then."""
        assert self._plane is not None  # noqa: S101 - checked by the caller
        late = time.monotonic() - self._looked > SECONDS_BETWEEN_SURFACES
        if self._surface is None or (self._surface[0] is not policy and (late or not quick)):
            self._surface = policy, surface(self._plane, self._training.algorithm, policy)
            self._looked = time.monotonic()
        return self._surface[1]

    def _step(self) -> dict[str, Any] | None:
        """The last step: S, A, R, S'."""
        training, iteration = self._training, self._training.iteration
        if iteration is None:
            return None
        steps = jax.tree.map(lambda leaf: np.asarray(leaf)[training.step, 0], iteration.steps)
        return {
            "state": self._state_name(steps.observation),
            "action": self._action_name(steps.action),
            "how": self._how(),
            "reward": number_text(float(steps.reward)),
            "next": self._state_name(steps.next_observation),
        }

    def _how(self) -> str:
        """Whether the action was `explored` or `greedy`, if the algorithm says so."""
        training, iteration = self._training, self._training.iteration
        algorithm = training.algorithm
        if iteration is None or not isinstance(algorithm, Explores):
            return ""
        noise = jax.tree.map(lambda leaf: leaf[training.step], iteration.noise)
        return "explored" if bool(_explores(algorithm, iteration.before.state.policy, noise)[0]) else "greedy"

    def _learnt(self) -> dict[str, Any] | None:
        """The explanation of the update, or its metrics if the algorithm has no explanations."""
        training = self._training
        if not training.updated or training.iteration is None:
            return None
        found = training.stepper.explanation(training.iteration)
        if found is not None:
            return explained.as_json(found, self._names)
        before, after = training.iteration.before.tally.metrics, training.iteration.after.tally.metrics
        measured = {name: float(after[name].total()) - float(before[name].total()) for name in after}
        return {"measured": {name: number_text(value) for name, value in measured.items() if math.isfinite(value)}}

    def _decision(self) -> dict[str, Any] | None:
        """The numbers by which the last action was chosen, if known; None on a grid, whose picture shows them."""
        training = self._training
        if training.grid is not None or training.iteration is None:
            return None
        found = training.stepper.decision(training.iteration, training.step)
        return None if found is None else explained.decision_as_json(found)

    def _bars(self, policy: Any, first: Any) -> dict[str, Any] | None:
        """Q of each action: on a grid in S, before the update; otherwise in the current state."""
        training, iteration = self._training, self._training.iteration
        if not training.actions or not isinstance(training.algorithm, Valued):
            return None
        if training.grid is None:
            seen, memory = first.observation[None], jax.tree.map(lambda leaf: leaf[None], first.memory)
        elif iteration is None:
            return None
        else:
            seen, policy = iteration.steps.observation[training.step][:1], iteration.before.state.policy
            memory = jax.tree.map(lambda leaf: leaf[:1], iteration.simulation(training.step - 1).memory)
        values = np.asarray(_values(training.algorithm, policy, memory, seen))[0]
        return {"kind": "Q(s, a)", "numbers": [_rounded(float(each)) for each in values]}

    @property
    def _names(self) -> explained.Names:
        return explained.Names(self._state_name, self._action_name)

    def _state_name(self, observation: Any) -> str:
        grid, seen = self._training.grid, np.asarray(observation)
        if grid is not None and seen.ndim == 0:
            row, column = divmod(int(seen), grid.columns)
            return f"({row + 1}, {column + 1})"
        return _numbers(seen)

    def _action_name(self, action: Any) -> str:
        actions, taken = self._training.actions, np.asarray(action)
        if actions and taken.ndim == 0:
            return actions[int(taken)]
        return _numbers(taken)


def _layout(training: Training) -> tuple[str, ...] | None:
    """The rows of a maze that the user may change; None for other environments."""
    bare: Any
    bare, _, _ = unwrap(training.environment, None, None)
    return bare.layout if type(bare) is Maze and training.grid is not None else None


def exploration_rate(algorithm: Explores, policy: Any) -> Any:
    """The probability of a random action."""
    return algorithm.exploration_rate(policy)


def explores(algorithm: Explores, policy: Any, noise: Any) -> Any:
    """Whether each action is a random one."""
    return algorithm.explores(policy, noise)


def values(algorithm: Valued, policy: Any, memory: Any, observation: Any) -> Any:
    """Q of each action."""
    return algorithm.values(policy, memory, observation)


_exploration_rate = Program(exploration_rate, for_seldom)
_explores = Program(explores, for_seldom)
_values = Program(values, for_seldom)
"""Each is one program; operation by operation JAX would compile several, before the page first moves."""


def _first(tree: Any) -> Any:
    """The part of a tree that belongs to the first environment, on the host."""
    return jax.tree.map(lambda leaf: leaf[0], on_host(tree))


def _numbers(values: np.ndarray) -> str:
    """Up to eight numbers as text; of more, how many there are."""
    if values.ndim == 0:
        return number_text(float(values))
    if values.size > 8:
        return f"{values.size} numbers"
    return "(" + ", ".join(f"{float(each):.3g}" for each in values.ravel()) + ")"


def _rounded(value: float) -> float:
    return float(f"{value:.{FIGURES}g}") if math.isfinite(value) else 0.0
