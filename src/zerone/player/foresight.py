"""Playing with a search, and showing the futures that the search has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

import jax
import numpy as np

from zerone.base.bits import in_32_bits
from zerone.base.language import translated
from zerone.engines.search import decide
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.player.futures_text import futures_lines
from zerone.player.table_text import symbols_for
from zerone.player.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zerone.engines.search import Future, Search
    from zerone.environments.gym.kinds import Env
    from zerone.player.episode import Moment


class Planner:
    """A policy for compiled environments that searches from the environment's current state."""

    def __init__(self, search: Search, algorithm: Any, environment: Env, policy: Any, seed: int) -> None:
        """`seed` is the seed of the search's random numbers, not of the environment's."""
        bridge = environment.unwrapped
        assert isinstance(bridge, GymnasiumEnvironment)  # noqa: S101 - only these can be searched
        self._bridge, self._seed, self._decisions = bridge, seed, 0
        with in_32_bits():
            self._here = search, jax.device_put(algorithm), bridge.environment, jax.device_put(policy)
        self._found: tuple[Any, Any, Any] = None, None, None

    def __call__(self, observation: Any) -> Any:
        """The best action by the search."""
        return int(self._decided(observation)[0])

    def futures(self, observation: Any) -> tuple[Future, ...]:
        """The futures of all actions in the current state, from which the action is chosen."""
        return self._here[0].futures(jax.device_get(self._decided(observation)[1]))

    def _decided(self, observation: Any) -> tuple[Any, Any]:
        """The action and the result of the search, computed once per state (each step makes a new state object)."""
        state, space = self._bridge.state, self._bridge.observation_space
        if self._found[0] is not state:
            with in_32_bits():
                key = jax.random.fold_in(jax.random.key(np.uint32(self._seed)), self._decisions)
                seen = np.asarray(observation, jax.dtypes.canonicalize_dtype(space.dtype or np.float32))
                self._found = state, *decide(*self._here, key, state, seen)
            self._decisions += 1
        return self._found[1:]


class FuturesView(View):
    """A view that adds the futures of each moment below the text of another view."""

    def __init__(self, inner: View, planner: Planner, discount: float, names: Sequence[str]) -> None:
        self._inner, self._planner, self._discount, self._names = inner, planner, discount, names

    def legend(self, stream: TextIO) -> str:
        plus = "discount x" if _plain(stream) else "γ ×"
        said = translated("futures: the value of each action = reward + {plus} value of what follows; * the best, "
                          "which is taken", plus=plus)  # fmt: skip
        return "\n".join(each for each in (self._inner.legend(stream), said) if each)

    def follow(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        return self._inner.follow(moments)

    def frame(self, environment: Env) -> np.ndarray:
        return self._inner.frame(environment)

    def text(self, environment: Env, moment: Moment, stream: TextIO) -> str:
        drawn = self._inner.text(environment, moment, stream)
        if moment.ended:
            return drawn
        found = self._planner.futures(moment.observation)
        return "\n".join([drawn, *futures_lines(found, self._names, self._discount, _plain(stream))])


def _plain(stream: TextIO) -> bool:
    """Whether a stream can only write ASCII."""
    return not symbols_for(stream.encoding).ties
