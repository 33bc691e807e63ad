"""Episodes of an agent in a Gymnasium environment as a stream of moments, for windows, videos and text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.engines.protocol import LONGEST_EVALUATION
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.conversion import shown
from zerone.environments.gym.kinds import Env
from zerone.environments.gym.views import AUTO
from zerone.player.frames import picture_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zerone.base.notices import Notices
    from zerone.environments.gym.guard import Guard

DEFAULT_FRAMES_PER_SECOND = 30
SLOWEST, FASTEST = 0.01, 1000.0
"""The allowed range of an environment's frames per second."""


@dataclasses.dataclass(frozen=True)
class Moment:
    """The state of an episode after `step` steps, with the action and the reward that led to it.

    `episode` counts from 1. `action` and `reward` are None at step 0.
    """

    episode: int
    step: int
    total: float
    """The return so far."""
    observation: Any
    action: Any = None
    reward: float | None = None
    ended: str = ""
    """The reason why the episode ended here, in a few words; empty while it continues."""
    decimals: int = 0
    """The number of decimals with which the return is shown."""
    shown: bool = True
    """Whether to draw the moment; some are skipped if there would be too many pictures."""

    def describe(self) -> str:
        """A line such as `episode 2  step 37  return 37`, with the reason for the end."""
        total = round(self.total, self.decimals) + 0.0  # no -0.0
        words = translated("episode {episode}  step {step}  return {total}", episode=self.episode, step=self.step,
                           total=f"{total:,.{self.decimals}f}")  # fmt: skip
        return translated("{what}  ({how})", what=words, how=translated(self.ended)) if self.ended else words


class Digits:
    """The number of decimals of a return, chosen by its largest reward: more would only flicker."""

    def __init__(self) -> None:
        self._largest = 0.0
        self._broken = False

    def see(self, reward: float) -> int:
        """Add a reward, and return the number of decimals of the return so far."""
        self._largest = max(self._largest, abs(reward))
        self._broken = self._broken or not reward.is_integer()
        if not self._broken:
            return 0
        return 1 if self._largest >= 0.5 else 2 if self._largest >= 0.05 else 3


def no_reason(observation: Any, reward: float, info: Mapping[str, Any]) -> str:
    """The empty reason, for environments in which the reason for an end is unknown."""
    del observation, reward, info
    return ""


def episodes(
    environment: Env, act: Callable[[Any], Any], *, number: int | None, seed: int,
    why: Callable[[Any, float, Mapping[str, Any]], str] = no_reason, begin: Callable[[], None] | None = None,
) -> Iterator[Moment]:  # fmt: skip
    """Play episodes, and yield a moment at their beginning and after each step.

    The generator pauses after each moment, so `environment.render()` then shows it.

    Args:
        environment: The environment.
        act: From an observation to an action.
        number: The number of episodes; None for no limit.
        seed: The seed of the first reset.
        why: From the last observation, reward and info of an episode to the reason why it ended.
        begin: Called at the beginning of each episode.
    """
    episode = 0
    while number is None or episode < number:
        observation, _ = environment.reset(seed=seed) if episode == 0 else environment.reset()
        if begin is not None:
            begin()
        episode += 1
        step, total, ended, digits = 0, 0.0, "", Digits()
        yield Moment(episode, step, total, observation)
        while not ended:
            action = act(observation)
            observation, reward, terminated, truncated, info = environment.step(action)
            step, total = step + 1, total + float(reward)
            if terminated or truncated:
                reason = why(observation, float(reward), info) or translatable("ended")
                ended = reason if terminated else translatable("time is up")
            elif step >= LONGEST_EVALUATION:  # some environments never end
                ended = "cut"
            decimals = digits.see(float(reward))
            yield Moment(episode, step, total, observation, action, float(reward), ended, decimals)


def open_environment(
    identity: str, options: Mapping[str, Any], engine: str, mode: str | None, seed: int, judged: bool = True,
    view: str = AUTO, notices: Notices | None = None, around: Around = NOTHING, mask_source: MaskSource | None = None,
) -> Guard:  # fmt: skip
    """Make an environment by its id, in a `Guard` and ready to be shown in a render mode.

    Args:
        identity: The id.
        options: Its options.
        engine: `host` for Gymnasium's environment even if there is a compiled one.
        mode: Gymnasium's render mode, or None. `ansi` also works without a drawing: numbers are shown then.
        seed: The seed of the environment's spaces.
        judged: Whether to make the environment for evaluation, with the task's own reward.
        view: How observations are interpreted (`views.VIEWS`).
        notices: Receives warnings for the user.
        around: Gymnasium's wrappers to put around it.
        mask_source: The source of action masks; the guard then has them as `allowed`.

    Raises:
        InputError: the environment cannot be made, or cannot be rendered as pictures.
    """
    from zerone.environments import catalogue
    from zerone.environments.gym.guard import guarded

    made: Env
    entry = catalogue.find(identity) if engine != "host" else None
    if entry is not None:
        from zerone.environments import drawing, wrappers
        from zerone.environments.gym.bridge import GymnasiumEnvironment
        from zerone.environments.objects import made_soundly

        kept = {name: value for name, value in options.items() if not judged or name != "reward"}
        task = made_soundly(entry, kept)
        able = mode is None or mode in drawing.render_modes(task)
        if not able and mode != "ansi":
            raise InputError(
                translated("environment {identity!r} gives no pictures: ask for --text", identity=identity)
            )
        inner = wrappers.evaluation_environment(task) if judged else task
        if mask_source is not None:  # a search needs the mask in the state
            inner, mask_source = wrappers.Masked(inner, mask_source.function), MaskSource()
        made = GymnasiumEnvironment(inner, render_mode=mode if able else None)
    else:
        from zerone.environments.gym.makers import maker

        ours = judged and catalogue.find(identity) is not None
        options = catalogue.as_judged(identity, options) if ours else dict(options)
        able = True
        if mode is not None:
            plain = around.put(maker(identity, options), identity)()
            able = can_show(plain, mode)
            plain.close()
        if not able and mode != "ansi":
            raise InputError(
                translated("environment {identity!r} gives no pictures: ask for --text", identity=identity)
            )
        made = around.put(maker(identity, options, mode if able else None), identity)()
    return guarded(made, identity, seed, view, notices, mask_source)


def frames_per_second(environment: Env) -> float:
    """The natural number of steps of this environment per second, from its metadata.

    Raises:
        InputError: the metadata has an invalid value.
    """
    found = (environment.metadata or {}).get("render_fps")
    if found is None:
        return DEFAULT_FRAMES_PER_SECOND
    real = isinstance(found, (int, float, np.integer, np.floating)) and not isinstance(found, bool)
    if not (real and SLOWEST <= found <= FASTEST):
        raise InputError(
            translated(
                "environment {environment}: its metadata has render_fps = {found}: must be a number from "
                "{slowest:g} to {fastest:g}",
                environment=name_of(environment),
                found=shown(found),
                slowest=SLOWEST,
                fastest=FASTEST,
            )
        )
    return float(found)


def can_show(environment: Env, mode: str) -> bool:
    """Whether the environment can be rendered in one of Gymnasium's modes."""
    return mode in (environment.metadata.get("render_modes") or ())


def frame_of(environment: Env) -> np.ndarray:
    """The picture of the current moment, uint8 [height, width, 3].

    Raises:
        InputError: the environment cannot be rendered, or returns something that is no picture.
    """
    try:
        frame = environment.render()
    except gymnasium.error.DependencyNotInstalled as error:
        raise InputError(
            translated("{environment} cannot be drawn: {error}", environment=name_of(environment), error=error)
        ) from error
    try:
        return picture_of(frame)
    except ValueError as error:
        raise InputError(
            translated(
                "environment {environment}: render returned {error}, which is no picture: ask for --text",
                environment=name_of(environment),
                error=error,
            )
        ) from error


def text_of(environment: Env, moment: Moment) -> str:
    """The moment as text: the environment's own drawing, or its numbers."""
    if environment.render_mode == "ansi":
        drawn = environment.render()
        if isinstance(drawn, str):
            return drawn.strip("\n")
    numbers = f"observation {short(moment.observation)}"
    if moment.action is None:
        return numbers
    return f"action {short(moment.action)}  reward {moment.reward:g}  {numbers}"


def short(value: Any) -> str:
    """An observation or an action in one line: numbers with four significant digits; of a large array the shape.

    Containers are written part by part: `place 0.5 -0.5, thing 3`.
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {short(part)}" for name, part in value.items())
    if isinstance(value, (tuple, list)) and not all(isinstance(each, (int, float, np.number)) for each in value):
        return ", ".join(map(short, value))
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return str(value) if isinstance(value, str) else type(value).__name__
    if array.size > 16:
        return f"of shape {array.shape}"
    return " ".join(f"{each:.4g}" for each in array.ravel().tolist())


def name_of(environment: Env) -> str:
    """The name of an environment for messages: its id, or the name of its class."""
    if isinstance(identity := getattr(environment, "identity", None), str):
        return identity
    return environment.spec.id if environment.spec is not None else type(environment.unwrapped).__name__
