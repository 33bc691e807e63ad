"""Recording: what a policy, chance or a person does in an environment, as a dataset in Minari's format."""

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
from zerone.environments.endings import ending
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.guard import Guard
from zerone.environments.rewards import options_as_kept
from zerone.environments.spaces import Spaces
from zerone.offline.format import identity, load_h5py
from zerone.offline.writer import DatasetWriter, require_free
from zerone.player.episode import Digits, Moment
from zerone.recording.actors import EPISODE, KEYBOARD, RANDOM, Act, Player, Plays, Policy, opened, who_plays
from zerone.training import setup
from zerone.training.entry import entry
from zerone.training.interrupt import listening
from zerone.training.run import Run
from zerone.training.validation import MOST_STEPS, require_count, require_seed

DEFAULT_EPISODES = 100


@entry
def record(
    player: str | Path | Run | Act,
    environment: setup.EnvironmentLike | None = None,
    *,
    episodes: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
    epsilon: float | None = None,
    agent: int | None = None,
    checkpoint: str = "best",
    options: Mapping[str, Any] = {},
    engine: str = "auto",
    step_timeout: float | None = None,
) -> dict[str, Any]:
    """Play, and store every step in a dataset that Minari (`minari.load_dataset`) and `zerone.train` read.

    Args:
        player: A run (or its folder), whose policy plays greedily in its own environment; "random"; "keyboard", a
            person in a window; or a function from observations to actions (None is: enough).
        environment: Where it plays: an id, one of ours, or a function that makes one. For a run only if it has no id.
        episodes: How many episodes (default: 100; at the keyboard until the window is closed).
        steps: How many steps, instead: the last episode is cut, `truncated`, where they are enough.
        seed: Of the episodes and of all chance in the policy; the same seed records the same play.
        out: The dataset's folder; by default a new one under `datasets`, by environment and player.
        overwrite: Whether an earlier dataset in `out` may go, or an empty folder be taken.
        epsilon: For a run's policy or a function: share of actions that are left to chance (default: 0).
        agent: For a run of several seeds: whose policy (default: the first).
        checkpoint: For a run: `best`, `last`, a step or a file.
        options: What the environment is made with, if it is an id.
        engine: `compiled`, `host` or `auto`: which of its twins is played in, if the environment has two.
        step_timeout: Seconds that the environment may take for a step or a reset (default: no limit).

    Returns:
        The object of `record --json`; `found["dataset"]` is the folder.

    Raises:
        InputError: something asked for cannot be done; nothing was created.
        RunError: the environment or the disk failed; nothing was created.
        KeyboardInterrupt: Ctrl-C; what was played until then is a dataset, if it was a step at least.
    """
    del step_timeout  # it holds already
    if episodes is not None and steps is not None:
        raise InputError(translated("episodes and steps exclude each other"))
    for name, value in (("episodes", episodes), ("steps", steps)):
        if value is not None:
            require_count(name, value, MOST_STEPS)
    require_seed(seed)
    load_h5py()
    plays = who_plays(player, environment, epsilon, agent, checkpoint, options, engine)
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
            played = Policy(plays.act, spaces.action, share, seed)
        place = first_free(new_places(plays)) if out is None else Claim.take(out, check)
        claim = open_things.enter_context(place)
        path = claim.path
        writer = open_things.enter_context(DatasetWriter(claim, spaces, overwrite))
        why = ending(plays.name, plays.options)
        returns, lengths = _play(env, played, writer, episodes, steps, seed, lambda: request.made, why)
        if not writer.steps:
            if request.made:
                raise KeyboardInterrupt("interrupted before the first step: nothing was recorded")
            raise InputError(translated("nothing was played, so nothing was recorded"))
        named = identity(path) if out is not None else path.relative_to(absolute("datasets")).as_posix()
        writer.finish({"dataset_id": named, **_about(plays, seed)})
        if request.made:
            raise KeyboardInterrupt(f"interrupted; what was played until then is in {as_seen(path)}: "
                                    f"{writer.steps:,} steps, {writer.episodes:,} episodes")  # fmt: skip
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
    """Play until it is enough; the returns and lengths of the episodes that were not cut short by that."""
    returns: list[float] = []
    lengths: list[int] = []
    enough = False
    for number in itertools.count():
        if enough or over() or number == episodes or (steps is not None and writer.steps >= steps):
            break
        mine = int(np.random.SeedSequence([seed, EPISODE, number]).generate_state(1)[0])
        observation, _ = env.reset(seed=mine)
        seen, done = [_kept(env, observation)], list[np.ndarray]()
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
            seen.append(_kept(env, observation))
            rewards.append(float(reward))
            total += rewards[-1]
            if terminated or truncated:
                ended = (why(observation, rewards[-1], info) or "ended") if terminated else "time is up"
            elif len(rewards) >= LONGEST_EVALUATION:  # some environments know no end
                ended = "cut"
            decimals = digits.see(rewards[-1])
            player.look(Moment(number + 1, len(rewards), total, observation, action, rewards[-1], ended, decimals))
        if rewards:
            writer.episode(mine, seen, done, rewards, terminated=terminated, truncated=truncated)
        if ended:
            returns.append(total)
            lengths.append(len(rewards))
    return returns, lengths


def _kept(env: Guard, observation: Any) -> np.ndarray:
    """An observation as a dataset keeps it: as it was shown, where it has no parts."""
    return np.array(env.encoded if env.encoding.recorded is env.encoding.space else observation)


def _about(plays: Plays, seed: int) -> dict[str, Any]:
    """Where a dataset is from, in Minari's words and in ours."""
    from importlib.metadata import version

    place = {"id": plays.name, "options": options_as_kept(plays.options)}
    about: dict[str, Any] = {
        "algorithm_name": plays.player,
        "description": f"{plays.player} on {plays.name}, recorded by Zerone",
        "zerone": {"version": version("zerone"), "environment": place, "seed": seed, **plays.facts},
    }
    spec = _spec(plays)
    return about if spec is None else {"env_spec": spec, **about}


def _spec(plays: Plays) -> str | None:
    """How Gymnasium makes the environment again; None where it cannot be said."""
    if not isinstance(plays.environment, str):
        return None
    entry, options = catalogue.find(plays.environment), dict(plays.options)
    if entry is None:
        known = gymnasium.registry.get(plays.environment.split(":", 1)[-1])
    elif not options:  # as it is in Gymnasium itself, if it is there, so that nobody needs Zerone for it
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
    """`datasets/CartPole-v1/random-v0`, counted on; Minari finds it from `datasets` by that name."""
    place = Path("datasets", *plays.name.replace(":", "-").split("/"))
    return (place / f"{plays.player}-v{n}" for n in itertools.count())
