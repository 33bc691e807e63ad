"""The facts about an environment that `zerone environments ID` shows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

from zerone.algorithms import catalogue as algorithms
from zerone.base.notices import Notices
from zerone.environments import catalogue
from zerone.environments.gym import describing
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.views import AUTO
from zerone.player.episode import open_environment
from zerone.training import environment_setup, presets
from zerone.training.environment_setup import environment_name


class OptionFacts(TypedDict):
    """One option of an environment."""

    name: str
    default: Any
    text: str


class ActionFacts(describing.SpaceFacts):
    """The action space, and a description of the actions."""

    kind: str


class EnvironmentFacts(TypedDict):
    """An environment as a JSON object; Zerone's own also have a text and names for observations and actions."""

    name: str
    text: NotRequired[str]
    observation: NotRequired[str]
    action: NotRequired[str]
    limit: int
    solved_at: float | None
    gymnasium_id: str | None
    engine: str
    observations: describing.EncodingFacts
    actions: ActionFacts
    presets: list[str]
    render_modes: list[str]
    options: list[OptionFacts]


def describe(identity: str, options: Mapping[str, Any] = {}, observations: str = AUTO) -> EnvironmentFacts:
    """The environment's spaces, time limit, solved threshold, tuned presets and options.

    Raises:
            InputError: the environment is unknown, cannot be made, or has no observation that Zerone can use.
    """
    with contextlib.closing(opened(identity, options, observations)) as env:
        return facts_of(identity, options, env)


def opened(
    identity: str, options: Mapping[str, Any], observations: str, notices: Notices | None = None,
    around: Around = NOTHING,
) -> Guard:  # fmt: skip
    """The environment as it is used in training, within a `Guard`; with wrappers it is always played by Python."""
    engine = "host" if around else "auto"
    return open_environment(identity, options, engine, None, 0, judged=False, view=observations, notices=notices,
                            around=around)  # fmt: skip


def facts_of(identity: str, options: Mapping[str, Any], env: Guard, around: Around = NOTHING) -> EnvironmentFacts:
    """The facts of an environment that is already open."""
    entry, spec = catalogue.find(identity), env.env.spec
    name = environment_name(identity)
    facts: dict[str, object] = {"name": name}
    if entry is not None:
        limit = options.get("limit", entry.limit)
        asked = [{"name": each.name, "default": each.default, "text": each.text} for each in catalogue.options(entry)]
        facts |= {"text": entry.text, "observation": entry.observation, "action": entry.action}
    else:
        limit = (spec.max_episode_steps if spec else None) or 0
        known = describing.arguments_of(spec) if spec else []
        asked = [{"name": each, "default": default, "text": ""} for each, default in known]
    facts |= {
        "limit": limit,
        "solved_at": environment_setup.solved_at(identity),
        "gymnasium_id": entry.gymnasium_id if entry else spec.id if spec else None,
        "engine": "host" if entry is None or around else "compiled",
        "observations": describing.encoding_facts(env.encoding),
        "actions": {**describing.space_facts(env.action_space), "kind": describing.actions_in_words(env.action_space)},
        "presets": [each.name for each in algorithms.entries() if presets.preset(each.name, name)],
        "render_modes": [str(each) for each in env.metadata.get("render_modes") or []],
        "options": asked,
    }
    return cast("EnvironmentFacts", facts)
