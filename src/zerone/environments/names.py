"""Names of environments: the id that an unknown name probably means, and the ids that a module registers."""

from __future__ import annotations

import re
from collections.abc import Iterable

import gymnasium

from zerone.base.errors import MOST_LISTED, closest, plain
from zerone.base.language import translated
from zerone.base.meanings import meanings
from zerone.base.synonyms import ENVIRONMENTS
from zerone.environments.entries import ENTRIES, Entry

_VERSION = re.compile(r"(NoFrameskip|Deterministic)?(-v(\d+))?$", re.IGNORECASE)


def meant(id: str, registered: bool = True) -> str | None:  # noqa: A002 - Gymnasium's word
    """The id that was probably meant; None if none is near.

    Unless `registered`, only Zerone's own ids are considered, not all that are registered with Gymnasium.
    """
    ours = [entry.id for entry in ENTRIES]
    taken = {entry.registered_id for entry in ENTRIES} | {*ours}
    others = sorted((each for each in gymnasium.registry if "/" not in each and each not in taken), key=_version)
    # Of ids that differ only by version or namespace, the last in this order is kept: Zerone's own, else the newest.
    known = {_short_id(each): each for each in (*(others if registered else ()), *reversed(ours))}
    found = [each for each in meanings(_short_id(id), ENVIRONMENTS) if registered or each in ours]
    if found:
        return found[0]
    near = closest(_short_id(id), known)
    return None if near is None else known[near]


def is_known(id: str) -> bool:  # noqa: A002
    """Whether an environment is registered under exactly this id."""
    return id in gymnasium.registry or any(id in (entry.id, entry.registered_id) for entry in ENTRIES)


def other_version(id: str) -> Entry | None:  # noqa: A002
    """Zerone's entry with the same name and another version, such as `CartPole-v1` for `CartPole-v0`; None if none."""
    if ":" in id or any(id in (entry.id, entry.registered_id) for entry in ENTRIES):
        return None
    return next((entry for entry in ENTRIES if _VERSION.sub("", entry.id) == _VERSION.sub("", id)), None)


def of_module(module: str) -> list[str]:
    """The ids registered with Gymnasium whose environments are defined in a module or its submodules."""
    found: list[str] = []
    for id, spec in gymnasium.registry.items():  # noqa: A001
        point = spec.entry_point
        place = point.split(":")[0] if isinstance(point, str) else getattr(point, "__module__", "")
        if place == module or place.startswith(module + "."):
            found.append(id)
    return sorted(found)


def listed(ids: Iterable[str]) -> str:
    """A list of ids for an error; a long list is cut, with the number of ids that are left out."""
    names = [*ids]
    more = len(names) - MOST_LISTED
    listed = ", ".join(names[:MOST_LISTED])
    return translated("{listed} and {more} more", listed=listed, more=more) if more > 0 else listed


def _short_id(id: str) -> str:  # noqa: A002
    """An id in lower case, without namespace and version."""
    return plain(_VERSION.sub("", id.rsplit("/", 1)[-1]))


def _version(id: str) -> int:  # noqa: A002
    found = _VERSION.search(id)
    return int(found[3]) if found and found[3] else 0
