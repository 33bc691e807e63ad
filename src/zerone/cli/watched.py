"""The policy that is watched: a saved one, or the current one of a running training; and how it is shown."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from zerone.player.view import View
    from zerone.training.agent import Agent, Exploring
    from zerone.training.run import Run


SECONDS_BETWEEN_LOOKS, SECONDS_TO_WAIT = 1.0, 30.0
LIVE = "live.safetensors"
"""The file with the current policy of a training that is being watched."""


class Shown(Protocol):
    """A source of the policy that is shown, and of its action values for an observation."""

    def values(self, observation: object, /) -> Any: ...
    def policy(self) -> object: ...


def view_of(run: Run, source: Shown, plain: bool) -> View:
    """The view of each moment of an episode: with the table, if there is one and `plain` is false.

    Raises:
        InputError: `plain` is given, but there is no table.
    """
    from gymnasium.spaces import Discrete

    from zerone.algorithms.protocol import Valued
    from zerone.environments.catalogue import action_names
    from zerone.player.tables import Trace, table_of
    from zerone.player.view import TableView, ValueView, View
    from zerone.training.tables import judged_environment

    policy, grid = source.policy(), None
    actions = run.engine().spaces.action
    names = action_names(run.config["environment"]["id"], int(actions.n)) if isinstance(actions, Discrete) else []
    if getattr(policy, "ndim", 0) == 2:  # only tables have two axes; the following imports take a moment
        from zerone.environments.drawing.geometry import grid_of

        grid = grid_of(judged_environment(run.config))
    if grid is None or table_of(policy, grid) is None:
        if isinstance(run.engine().algorithm, Valued):
            return View() if plain else ValueView(source.values, names)
        if plain:
            raise InputError(
                translated(
                    "--plain is not allowed here: {path} has no table over a grid that it would leave out",
                    path=run.path,
                )
            )
        return View()
    trace = Trace.of(run.config["algorithm"]["settings"], grid)
    return View() if plain else TableView(source.policy, grid, trace, names)


class FixedPolicy:
    """An agent with a saved policy."""

    over = False

    def __init__(self, agent: Agent, exploring: Exploring | None) -> None:
        self.act: Callable[..., object] = agent.act if exploring is None else exploring
        self.values, self._policy, self.remembers = agent.values, agent.policy, agent.remembers
        self.begin: Callable[[], None] = agent.reset if exploring is None else exploring.reset

    def policy(self) -> object:
        return self._policy

    def note(self) -> str:
        return ""


class FollowedPolicy:
    """The current agent of a running training: its live policy, else its newest checkpoint."""

    def __init__(self, run: Run, seed: int | None, fed: bool, stochastic: bool) -> None:
        self._run, self._seed, self._fed, self._stochastic = run, seed, fed, stochastic
        self._agent: Agent | None = None
        self._exploring: Exploring | None = None
        self.remembers = False
        self._seen: tuple[object, ...] = ()
        self._looked, self._step = 0.0, 0
        self.over = False
        run.engine()  # report bad input now, not as a policy that is missing
        deadline = time.monotonic() + (SECONDS_TO_WAIT if fed else 0.0)
        while self._agent is None:
            self._look()
            if self._agent is None:
                if time.monotonic() > deadline:
                    raise InputError(
                        translated("{path}: nothing to follow yet: no checkpoint was saved", path=run.path)
                    )
                time.sleep(0.2)

    def begin(self) -> None:
        if self.remembers:
            self._look()
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        self._agent.reset()
        if self._exploring is not None:
            self._exploring.reset()

    def act(self, observation: object, mask: object = None) -> object:
        # Memory belongs to one policy: a policy with memory is replaced only between episodes.
        if not self.remembers and time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self._look()
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        chosen = self._agent.act if self._exploring is None else self._exploring
        return chosen(observation, mask)

    def values(self, observation: object) -> Any:
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        return self._agent.values(observation)

    def policy(self) -> object:
        assert self._agent is not None  # noqa: S101 - the constructor has waited for it
        return self._agent.policy

    def note(self) -> str:
        return translated("after {step:,} steps of training", step=self._step)

    def _look(self) -> None:
        """Load the newest policy, if there is a newer one. If it cannot be read now, it is read the next time."""
        from zerone.training import checkpoint, schema
        from zerone.training.agent import Agent
        from zerone.training.fields import checked
        from zerone.training.folder import RunFolder, step_of

        self._looked = time.monotonic()
        self.over = self._run.result is not None
        live = self._run.path / LIVE
        with contextlib.suppress(ZeroneError, OSError, KeyError):
            # With a live policy, checkpoints are ignored: one may be newer for a moment, but can be gigabytes.
            kept = [] if self._fed else RunFolder(self._run.path, self._run.config).checkpoints()
            kept += [live] if live.exists() else []
            if not kept:
                return
            path = max(kept, key=lambda each: each.stat().st_mtime_ns)
            found = path.stat()
            mark = (path, found.st_mtime_ns, found.st_ino)
            if mark == self._seen:
                return
            if path == live:
                arrays, about = checkpoint.load(path)
                live_step = checked(about, schema.LIVE, path)["step"]
                example = self._run.engine().policy_example()
                policy = checkpoint.restore(example, arrays, path=path, what="live policy", prefix="policy/")
                chosen = self._run.seeds[0] if self._seed is None else self._seed
                self._agent, self._step = Agent(self._run.engine(), policy, chosen), live_step
            else:
                self._agent = self._run.agent(self._seed, str(path))
                self._step = step_of(path)
            self._exploring = self._agent.exploring() if self._stochastic else None
            self.remembers = self._agent.remembers
            self._seen = mark


Watched: TypeAlias = FixedPolicy | FollowedPolicy
