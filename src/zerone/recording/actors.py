"""The players of a recording: the policy of a run, random actions, a user at the keyboard, or a function."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import gymnasium
import numpy as np

from zerone.base.errors import InputError, nearest, said
from zerone.base.language import translated
from zerone.environments import catalogue
from zerone.environments.base import NO_MASK
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.guard import Guard, guarded
from zerone.environments.gym.sources import checked, source
from zerone.environments.objects import by_id, made, timed
from zerone.environments.outside import looks_like_one
from zerone.player.episode import Moment, open_environment
from zerone.training.action_masks import mask_source_named, mask_source_of_run
from zerone.training.agent import Agent
from zerone.training.engine_setup import ENGINES
from zerone.training.environment_setup import EnvironmentLike, environment_name
from zerone.training.policy_files import Checkpoint, checkpoint_name
from zerone.training.run import Run, load

RANDOM, KEYBOARD = "random", "keyboard"

RANDOM_ACTIONS, EPISODE = 0, 1
"""The purposes for which a seed gives independent streams of random numbers."""

Act = Callable[[Any], Any]


@runtime_checkable
class Resettable(Protocol):
    """A function from observations to actions with a memory, which is reset for each episode."""

    def __call__(self, observation: Any) -> Any:
        """The action for an observation."""
        ...

    def reset(self) -> None:
        """Clear the memory."""
        ...


class Player(Protocol):
    """A player: it is shown each moment, and chooses actions until it stops."""

    def look(self, moment: Moment) -> None:
        """See a moment: the beginning of an episode, or the result of a step."""
        ...

    def act(self, observation: Any) -> Any:
        """The action for an observation; None to stop."""
        ...


class Policy:
    """A player that uses a function, and takes a random action with probability `epsilon`.

    `allowed` returns the current action mask, bool [actions], or None if all actions are allowed.
    """

    def __init__(
        self, act: Act, space: gymnasium.Space[Any], epsilon: float, seed: int,
        allowed: Callable[[], np.ndarray | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._allowed = allowed
        draw, sample = np.random.SeedSequence([seed, RANDOM_ACTIONS]).spawn(2)
        self._act, self._epsilon, self._random = act, epsilon, np.random.default_rng(draw)
        self._space = copy.deepcopy(space)  # so that no other code uses its random generator
        self._space.seed(int(sample.generate_state(1)[0]))

    def look(self, moment: Moment) -> None:
        if moment.step == 0 and isinstance(self._act, Resettable):
            self._act.reset()

    def act(self, observation: Any) -> Any:
        chance = self._epsilon > 0 and self._random.random() < self._epsilon
        if chance and not isinstance(self._act, Resettable):
            return self._random_action()
        action = self._act(observation)  # called in any case, to update its memory
        return self._random_action() if chance else action

    def _random_action(self) -> Any:
        """A random action among the allowed ones."""
        mask = self._allowed()
        return self._space.sample() if mask is None else self._space.sample(mask.astype(np.int8))


@dataclasses.dataclass(frozen=True)
class Plays:
    """A validated combination of player and environment.

    Attributes:
        name: The name of the environment.
        environment: Its id, or the environment itself.
        options: Its options.
        engine: The engine: `compiled`, `host` or `auto`.
        player: The name of the player.
        act: The function that chooses actions; unused for random actions and the keyboard.
        facts: Further facts for the dataset's metadata.
        around: Gymnasium's wrappers around the environment.
        mask_source: The source of action masks, if the player keeps to them.
    """

    name: str
    environment: EnvironmentLike
    options: Mapping[str, Any]
    engine: str
    player: str
    act: Act
    facts: Mapping[str, Any]
    around: Around = NOTHING
    mask_source: MaskSource | None = None


def who_plays(
    player: Any, environment: Any, epsilon: float | None, agent: int | None, checkpoint: Checkpoint,
    options: Mapping[str, Any], engine: str, action_mask: Any = NO_MASK,
) -> Plays:  # fmt: skip
    """Validate the arguments of `record` that choose the player and the environment.

    Raises:
        InputError: there is no such run, policy or environment, or the arguments contradict each other.
    """
    if epsilon is not None and not (isinstance(epsilon, (int, float)) and 0 <= epsilon <= 1):
        raise InputError(
            translated("epsilon = {epsilon!r} is not allowed: must be a number from 0 to 1", epsilon=epsilon)
        )
    facts: dict[str, Any] = {} if epsilon is None else {"epsilon": epsilon}
    environment = None if environment is None else source(environment)
    if player in (RANDOM, KEYBOARD) or callable(player):
        if agent is not None or checkpoint != "best":
            raise InputError(translated("agent and checkpoint are not allowed here: they are for the policy of a run"))
        return _who_plays_without_a_run(player, environment, facts, options, engine, action_mask)
    if mask_source_named(action_mask) is not None:
        raise InputError(translated("action_mask is not allowed here: a run has its own"))
    if options:
        raise InputError(
            translated("options = {options} are not allowed here: a run has its own", options=dict(options))
        )
    run = player if isinstance(player, Run) else load(player, environment)
    config = run.config
    own, known = config["environment"]["id"], config["environment"]["known"]
    if environment is not None and known and by_id(environment, {})[0] != own:
        raise InputError(
            translated("environment is not allowed here: {path} has its own, {own}", path=run.path, own=own)
        )
    policy = run.agent(agent, checkpoint)
    facts |= {"run": run.path.resolve().name, "agent": policy.seed, "checkpoint": checkpoint_name(checkpoint)}
    outer = Around.read(config["environment"]["around"])
    return Plays(
        own,
        own if known else environment,
        config["environment"]["options"],
        config["engine"],
        config["algorithm"]["name"],
        Greedy(policy),
        facts,
        outer,
        mask_source_of_run(config),
    )


def _who_plays_without_a_run(
    player: Any, environment: Any, facts: dict[str, Any], options: Mapping[str, Any], engine: str, action_mask: Any
) -> Plays:
    """The part of `who_plays` for random actions, the keyboard and functions. Raises `InputError` like it."""
    if environment is None:
        raise InputError(
            translated(
                "environment is missing: where {player} plays",
                player=player if isinstance(player, str) else translated("it"),
            )
        )
    if facts and not callable(player):
        raise InputError(
            translated(
                "epsilon = {epsilon} is not allowed with {player}: it is for the policy of a run",
                epsilon=facts["epsilon"],
                player=player,
            )
        )
    environment, options = made(environment, options)
    if options and not isinstance(environment, str):
        raise InputError(
            translated(
                "options = {options} are not allowed here: make the environment with them", options=dict(options)
            )
        )
    _check_engine(engine, environment)
    if player == KEYBOARD and mask_source_named(action_mask) is not None:
        raise InputError(translated("action_mask is not allowed with {player}: you choose the actions", player=player))
    name = player if isinstance(player, str) else getattr(player, "__name__", type(player).__name__)
    act: Act = player if callable(player) else _never_called
    task = environment_name(environment)
    return Plays(task, environment, options, engine, name, act, facts, mask_source=mask_source_named(action_mask))


class Greedy:
    """An agent's greedy policy; with action masks, limited to the actions that `environment` allows."""

    environment: Guard | None = None

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.reset = agent.reset

    @property
    def mask(self) -> np.ndarray | None:
        """The current action mask; None without one."""
        return None if self.environment is None else self.environment.allowed

    def __call__(self, observation: Any) -> Any:
        return self._agent.act(observation, self.mask)


def _check_engine(engine: str, environment: Any) -> None:
    """Raise `InputError` unless the engine can run the environment."""
    if engine not in ENGINES:
        raise InputError(
            translated("engine {engine!r} is unknown: {hint}", engine=engine, hint=nearest(engine, ENGINES))
        )
    if engine != "auto" and not isinstance(environment, str):
        raise InputError(
            translated("engine = {engine!r} is not allowed here: the environment is made already", engine=engine)
        )
    if engine == "compiled" and catalogue.find(environment) is None:
        host = said("--engine host", "engine='host'")
        raise InputError(
            translated(
                "environment {environment!r} is not compiled here: use {host}", environment=environment, host=host
            )
        )


def _never_called(observation: Any) -> Any:
    raise AssertionError(observation)  # never called: random actions or a user's keys are used


def opened(plays: Plays, seed: int) -> Guard:
    """Make the environment in a `Guard`, with frames for the keyboard player. Raises `InputError` if that fails."""
    found = _opened(plays, seed)
    if plays.mask_source is not None and isinstance(plays.act, Greedy):
        plays.act.environment = found
    return found


def _opened(plays: Plays, seed: int) -> Guard:
    mode = "rgb_array" if plays.player == KEYBOARD else None
    if isinstance(plays.environment, str):
        return open_environment(
            plays.environment, plays.options, plays.engine, mode, seed, judged=False, around=plays.around,
            mask_source=plays.mask_source,
        )  # fmt: skip
    from zerone.environments.gym.bridge import GymnasiumEnvironment

    task: Any = plays.environment
    written_in_jax = looks_like_one(task)
    if written_in_jax:
        made: Any = GymnasiumEnvironment(timed(task, plays.name), mode)
    else:
        made = plays.around.put(checked(task, plays.name), plays.name)()
    return guarded(made, plays.name, seed, mask_source=plays.mask_source)
