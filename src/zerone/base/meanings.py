"""Translate the names that other libraries use into ours, for errors (the tables are in `synonyms`)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping

from zerone.base.errors import closest, nearest, plain, said
from zerone.base.language import translated
from zerone.base.synonyms import ALGORITHMS, ASKED, NOT_HERE, NOTES, OPTIONS, SETTINGS


def meanings(theirs: str, table: Mapping[str, str], ours: Collection[str] | None = None) -> list[str]:
    """Our names for the foreign name `theirs`, in the order of `table`; only those in `ours`, if that is given."""
    typed = plain(theirs)
    return [
        name
        for name, words in table.items()
        if (ours is None or name in ours) and typed in (plain(each) for each in words.split())
    ]


def near_meanings(theirs: str, table: Mapping[str, str], ours: Collection[str]) -> list[str]:
    """Like `meanings`, but tolerates typing errors in `theirs`; names of up to 3 letters are too short to guess."""
    words = [word for name in table if name in ours for word in table[name].split() if len(plain(word)) > 3]
    near = closest(theirs, words) if len(plain(theirs)) > 3 else None
    return [] if near is None else meanings(near, table, ours)


def note(theirs: str, ours: str) -> str:
    """A hint about our setting `ours` for users who know it as `theirs`; the empty string if there is none."""
    return next((text for name, text in NOTES.get(ours, {}).items() if plain(name) == plain(theirs)), "")


def asked(theirs: str, ours: Collection[str], training: bool) -> str | None:
    """The answer to a foreign name that stands for an option or argument of ours rather than a setting; None if none.

    Args:
        theirs: The name that was typed.
        ours: The options of the command, or the arguments of the function.
        training: Whether the command or function trains. Answers that are no option, such as another command, are only
            given there.
    """
    typed = plain(theirs)
    for each in ASKED:
        if typed in map(plain, each.theirs.split()):
            answer = said(each.shell, each.python)
            name, equals, _ = answer.split()[0].partition("=")
            option = name.startswith("--") or (equals and name.islower())
            if name in ours if option else training:
                return _our_name(translated(answer), each.note)
    return None


def _our_name(name: str, note: str = "") -> str:
    found = translated("here it is {name}", name=name)
    return translated("{question} ({listed})", question=found, listed=translated(note)) if note else found


def setting_meant(
    theirs: str,
    ours: Collection[str],
    owners: Mapping[str, Collection[str]] = {},
    spelt: Callable[[str], str] = repr,
) -> str | None:
    """A sentence that names the setting probably meant by the unknown setting `theirs`; None if nothing is near.

    Args:
        theirs: The name that was typed.
        ours: The algorithm's settings.
        owners: The settings of other algorithms, by algorithm: the sentence says if only these have the setting.
        spelt: How to write a setting in the sentence.

    >>> setting_meant("gamma", ["discount", "epsilon"])
    "here it is 'discount'"
    """

    def named(found: list[str]) -> str:
        return _our_name(translated(" or ").join(map(spelt, found[:2])), note(theirs, found[0]))

    found = meanings(theirs, SETTINGS, ours)
    if found:
        return named(found)
    near = closest(theirs, ours)
    if near is not None:
        return translated("did you mean {name}?", name=spelt(near))
    found = near_meanings(theirs, SETTINGS, ours)
    if found:
        return named(found)
    for name in meanings(theirs, SETTINGS):
        having = [owner for owner, names in owners.items() if name in names]
        if having:
            return translated("here it is {name}, which only {owners} have", name=spelt(name), owners=", ".join(having))
    return None


def as_option(setting: str) -> str:
    """A setting as an option of the command line: `--learning-rate`."""
    return "--" + setting.replace("_", "-")


def algorithm_meant(theirs: str) -> str | None:
    """A sentence about an unknown algorithm: our name for it, or a related algorithm; None if there is neither."""
    found = meanings(theirs, ALGORITHMS)
    if found:
        return _our_name(said(found[0], _in_python(found[0])))
    near = [here for name, here in NOT_HERE.items() if plain(name) == plain(theirs)]
    return translated("it is not here; near is {name}", name=near[0]) if near else None


def _in_python(command: str) -> str:
    """The Python form of a command such as `dqn --double`: the algorithm's name and its settings."""
    name, _, options = command.partition(" --")
    words = [option.split() for option in options.split(" --") if option]
    settings = {word[0].replace("-", "_"): ast.literal_eval(word[1]) if word[1:] and word[1][0].isdigit() else
                word[1] if word[1:] else True for word in words}  # fmt: skip
    return f"{name!r} with settings={settings}" if settings else repr(name)


def option_meant(theirs: str, ours: Collection[str]) -> str:
    """The end of an error about an environment's unknown option: the option probably meant, or the allowed ones."""
    found = meanings(theirs, OPTIONS, ours)
    return _our_name(translated(" or ").join(map(repr, found[:2]))) if found else nearest(theirs, ours)
