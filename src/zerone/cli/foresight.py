"""`--lookahead` and related options of `zerone evaluate` and `zerone watch`: agents that search before acting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from zerone.base.language import translated
from zerone.cli.options import OneOf, Whole

if TYPE_CHECKING:
    from zerone.engines.search import Search
    from zerone.environments.gym.kinds import Env
    from zerone.player.view import View
    from zerone.training.run import Run

F = TypeVar("F", bound=Callable[..., Any])


def search_options(command: F) -> F:
    """Add `--lookahead`, `--lookahead-samples`, `--simulations` and `--lookahead-model`."""
    model = "What foresees: the environment itself, or the model that Dyna-Q has learnt of it. Default: environment."
    command = click.option("--lookahead-model", type=OneOf("environment", "learnt"), default="environment",
                           metavar="environment|learnt", help=model)(command)  # fmt: skip
    text = "Choose by a Monte Carlo tree search of so many simulations instead (UCT). Default: 0, none."
    command = click.option("--simulations", type=Whole(0, 100_000), default=0, metavar="M", help=text)(command)
    text = "With --lookahead: samples of each action where something is left to chance. Default: for "
    text += "4,096 futures, at most 256."
    command = click.option("--lookahead-samples", type=Whole(1, 65_536), metavar="K", help=text)(command)
    text = (
        "Choose each action among all futures of N steps, foreseen with the environment itself: by their rewards and "
        "the learnt values at their ends. Tables and DQN, on environments written in JAX. Default: 0, none."
    )
    return click.option("--lookahead", type=Whole(0, 64), default=0, metavar="N", help=text)(command)


def given_searches(words: Mapping[str, Any]) -> dict[str, bool]:
    """The options above that were given."""
    given = {name: value for name, value in words.items() if value not in (None, 0, "environment")}
    return {f"--{name.replace('_', '-')}": True for name in given}


def planned(
    run: Run, policy: object, agent: int | None, checkpoint: str, words: Mapping[str, Any]
) -> tuple[Search, object] | None:
    """The search that the options select, if any, and the policy that it uses: that of the agent with this seed.

    Raises:
        InputError: the run does not support this search.
    """
    from zerone.training.folder import RunFolder
    from zerone.training.foresight import Asked, with_models

    asked = Asked(**words)
    search = asked.search(run.engine())
    if search is None:
        return None
    if asked.learnt:
        seed = run.seeds[0] if agent is None else agent
        policy = with_models({seed: policy}, run.engine(), RunFolder.open(run.path), checkpoint)[seed]
    return search, policy


def foreseeing(
    run: Run, plan: tuple[Search, object] | None, environment: Env, act: Callable[[Any], object], view: View, seed: int
) -> tuple[Callable[[Any], object], View]:
    """A function that acts by a search, and a view that also shows its tree; both unchanged without a `plan`."""
    if plan is None:
        return act, view
    from gymnasium.spaces import Discrete

    from zerone.algorithms.protocol import Discounting
    from zerone.environments.catalogue import action_names
    from zerone.player.foresight import FuturesView, Planner

    algorithm, actions = run.engine().algorithm, run.engine().spaces.action
    assert isinstance(algorithm, Discounting)  # noqa: S101 - `Asked.search` has looked
    assert isinstance(actions, Discrete)  # noqa: S101 - what has a value is counted
    search, policy = plan
    planner = Planner(search, algorithm, environment, policy, seed)
    names = [*map(translated, action_names(run.config["environment"]["id"], int(actions.n)))]
    return planner, FuturesView(view, planner, float(algorithm.discount), names)
