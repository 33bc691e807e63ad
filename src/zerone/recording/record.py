"""Record the play of a policy, of random actions or of a user as a dataset in Minari's format."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from zerone.base.claim import Claim, first_free
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.place import absolute, as_seen
from zerone.engines.protocol import LONGEST_EVALUATION
from zerone.environments import catalogue
from zerone.environments.base import NO_MASK
from zerone.environments.endings import ending
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.guard import Guard
from zerone.environments.rewards import described_options
from zerone.environments.spaces import Spaces
from zerone.offline.format import identity, load_h5py
from zerone.offline.writer import DatasetWriter, require_free
from zerone.player.episode import Digits, Moment
from zerone.recording.actors import EPISODE, KEYBOARD, RANDOM, Act, Player, Plays, Policy, opened, who_plays
from zerone.training.entry import entry
from zerone.training.environment_setup import EnvironmentLike
from zerone.training.interrupt import listening
from zerone.training.policy_files import Checkpoint
from zerone.training.run import Run
from zerone.training.validation import MOST_STEPS, require_count, require_seed

DEFAULT_EPISODES = 100


@entry
def record(
    player: str | Path | Run | Act,
    environment: EnvironmentLike | None = None,
    *,
    episodes: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
    epsilon: float | None = None,
    agent: int | None = None,
    checkpoint: Checkpoint = "best",
    options: Mapping[str, Any] = {},
    engine: str = "auto",
    action_mask: Any = NO_MASK,
    step_timeout: float | None = None,
) -> dict[str, Any]:
    """Play episodes and store every step in a dataset for Minari (`minari.load_dataset`) and `zerone.train`.

    Args:
        player: A run (or its folder), whose policy plays greedily in its own environment; "random"; "keyboard", for a
            user in a window; or a function from observations to actions (None stops).
        environment: The environment: an id, an object, or a function that makes one. For a run only if it has no id.
        episodes: The number of episodes (default: 100; at the keyboard, until the window is closed).
        steps: The number of steps, instead of `episodes`; the last episode is `truncated` when they are reached.
        seed: The seed of the episodes and of random actions; the same seed records the same play.
        out: The dataset's folder; by default a new one under `datasets`, named after environment and player.
        overwrite: Whether to replace an earlier dataset in `out`, or use an empty folder.
        epsilon: The share of random actions of a run's policy or a function (default: 0).
        agent: For a run with several seeds: the seed whose policy plays (default: the first).
        checkpoint: For a run: `best`, `last`, a step or a file.
        options: The options of the environment, if it is an id.
        engine: `compiled`, `host` or `auto`, for environments that exist in both forms.
        action_mask: The actions allowed in random play, as in `zerone.train` (default: all). A run has its own.
        step_timeout: The most seconds that the environment may take for a step or a reset (default: no limit).

    Returns:
        The JSON object of `zerone record --json`; its key `dataset` is the folder.

    Raises:
        InputError: an argument is invalid; nothing was created.
        RunError: the environment failed or the dataset cannot be written; nothing was created.
        KeyboardInterrupt: Ctrl-C; if there is at least one step, the steps so far are a dataset.
    """
    del step_timeout  # used by the decorator `entry`
    if episodes is not None and steps is not None:
        raise InputError(translated("episodes and steps exclude each other"))
    for name, value in (("episodes", episodes), ("steps", steps)):
        if value is not None:
            require_count(name, value, MOST_STEPS)
    require_seed(seed)
    load_h5py()
    plays = who_plays(player, environment, epsilon, agent, checkpoint, options, engine, action_mask)
    check = functools.partial(require_free, overwrite=overwrite)
    if out is not None:
        check(absolute(out))
    if episodes is None and steps is None and player != KEYBOARD:
        episodes = DEFAULT_EPISODES
    with contextlib.ExitStack() as open_things, listening() as request, GlobalChance(seed):
        env = open_things.enter_context(contextlib.closing(opened(plays, seed)))
        spaces = Spaces(env.encoding.recorded, env.action_space, env.encoding)
        if player == KEYBOARD:
            from zerone.player.keyboard import Keyboard

            played: Player = open_things.enter_context(
                contextlib.closing(Keyboard(env, plays.name, lambda: request.made))
            )
        else:
            share = 1.0 if player == RANDOM else epsilon or 0.0
            allowed = (lambda: None) if plays.mask_source is None else lambda: env.allowed
            played = Policy(plays.act, spaces.action, share, seed, allowed)
        place = first_free(new_places(plays)) if out is None else Claim.take(out, check)
        claim = open_things.enter_context(place)
        path = claim.path
        writer = open_things.enter_context(DatasetWriter(claim, spaces, overwrite))
        why = ending(plays.name, plays.options)
        returns, lengths = _play(env, played, writer, episodes, steps, seed, lambda: request.made, why)
        if not writer.steps:
            if request.made:
                raise KeyboardInterrupt(translated("interrupted before the first step: nothing was recorded"))
            raise InputError(translated("nothing was played, so nothing was recorded"))
        named = identity(path) if out is not None else path.relative_to(absolute("datasets")).as_posix()
        writer.finish({"dataset_id": named, **_metadata(plays, seed)})
        if request.made:
            raise KeyboardInterrupt(
                translated(
                    "interrupted; what was played until then is in {path}: {steps:,} steps, {episodes:,} episodes",
                    path=as_seen(path), steps=writer.steps, episodes=writer.episodes,
                )
            )  # fmt: skip
    return {
        "dataset": str(as_seen(path)),
        "id": named,
        "environment": plays.name,
        "player": plays.player,
        "seed": seed,
        "episodes": writer.episodes,
        "steps": writer.steps,
        "return_mean": float(np.mean(returns)) if returns else None,
        "return_std": float(np.std(returns)) if returns else None,
        "length_mean": float(np.mean(lengths)) if lengths else None,
    }


def _play(
    env: Guard, player: Player, writer: DatasetWriter, episodes: int | None, steps: int | None, seed: int,
    over: Callable[[], bool], why: Callable[[Any, float, Mapping[str, Any]], str],
) -> tuple[list[float], list[int]]:  # fmt: skip
    """Play until the number of episodes or steps is reached or the player stops.

    Returns:
        The returns and the lengths of the episodes that were played to their end.
    """
    returns: list[float] = []
    lengths: list[int] = []
    enough = False
    for number in itertools.count():
        if enough or over() or number == episodes or (steps is not None and writer.steps >= steps):
            break
        mine = int(np.random.SeedSequence([seed, EPISODE, number]).generate_state(1)[0])
        observation, _ = env.reset(seed=mine)
        seen, done = [_stored_observation(env, observation)], list[np.ndarray]()
        rewards, total, ended, digits = list[float](), 0.0, "", Digits()
        terminated = truncated = False
        player.look(Moment(number + 1, 0, 0.0, observation))
        while not ended and not (steps is not None and writer.steps + len(rewards) >= steps):
            action = None if over() else player.act(observation)
            if action is None:
                enough = True
                break
            done.append(np.array(action))
            observation, reward, terminated, truncated, info = env.step(action)
            seen.append(_stored_observation(env, observation))
            rewards.append(float(reward))
            total += rewards[-1]
            if terminated or truncated:
                ended = (why(observation, rewards[-1], info) or "ended") if terminated else "time is up"
            elif len(rewards) >= LONGEST_EVALUATION:  # some environments never end
                ended = "cut"
            decimals = digits.see(rewards[-1])
            player.look(Moment(number + 1, len(rewards), total, observation, action, rewards[-1], ended, decimals))
        if rewards:
            writer.episode(mine, seen, done, rewards, terminated=terminated, truncated=truncated)
        if ended:
            returns.append(total)
            lengths.append(len(rewards))
    return returns, lengths


def _stored_observation(env: Guard, observation: Any) -> np.ndarray:
    """An observation as it is stored in a dataset: the environment's own if it has no parts, else encoded."""
    return np.array(env.encoded if env.encoding.recorded is env.encoding.space else observation)


def _metadata(plays: Plays, seed: int) -> dict[str, Any]:
    """The metadata of a dataset: Minari's, and Zerone's under the key `zerone`."""
    from importlib.metadata import version

    place = {"id": plays.name, "options": described_options(plays.options)}
    about: dict[str, Any] = {
        "algorithm_name": plays.player,
        "description": f"{plays.player} on {plays.name}, recorded by Zerone",
        "zerone": {"version": version("zerone"), "environment": place, "seed": seed, **plays.facts},
    }
    spec = _spec(plays)
    return about if spec is None else {"env_spec": spec, **about}


def _spec(plays: Plays) -> str | None:
    """The JSON of Gymnasium's spec that makes the environment again; None if there is none."""
    if not isinstance(plays.environment, str):
        return None
    entry, options = catalogue.find(plays.environment), dict(plays.options)
    if entry is None:
        known = gymnasium.registry.get(plays.environment.split(":", 1)[-1])
    elif not options:  # prefer Gymnasium's own environment, so that readers do not need Zerone
        known = gymnasium.registry.get(entry.gymnasium_id or entry.registered_id)
    else:
        known = gymnasium.registry.get(entry.registered_id)
    if known is None:
        return None
    spec = copy.deepcopy(known)
    if "limit" in options and entry is not None:
        spec.max_episode_steps = options.pop("limit") or None
    spec.kwargs.update(options)
    try:
        return spec.to_json()
    except (TypeError, ValueError):
        return None


def new_places(plays: Plays) -> Iterator[Path]:
    """Candidate folders such as `datasets/CartPole-v1/random-v0`, with increasing versions, named as Minari expects."""
    place = Path("datasets", *plays.name.replace(":", "-").split("/"))
    return (place / f"{plays.player}-v{n}" for n in itertools.count())
