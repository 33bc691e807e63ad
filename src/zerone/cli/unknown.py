"""Errors for unknown commands, options and settings, with suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from zerone.base.errors import MOST_LISTED, InputError, closest
from zerone.base.language import translated
from zerone.base.meanings import as_option, asked, meanings, setting_meant
from zerone.base.synonyms import COMMANDS, SETTINGS

LIST = "zerone --help"


def _unknown_command(name: str, about: str) -> InputError:
    return InputError(translated("command {name} is unknown: {about}", name=name, about=about))


def _unknown_option(option: str, about: str) -> InputError:
    return InputError(translated("option {option} is unknown: {about}", option=option, about=about))


def unknown_command(name: str, known: Iterable[str]) -> InputError:
    """The error for an unknown command."""
    names = [*known]
    meant = meanings(name, COMMANDS)
    if meant:
        return _unknown_command(
            name, translated("here it is {name} ({where} lists all)", name=f"zerone {meant[0]}", where=LIST)
        )
    near = closest(name, names)
    if near is not None:
        return _unknown_command(name, translated("did you mean {name}? ({where} lists all)", name=near, where=LIST))
    return _unknown_command(name, translated("allowed: {names}", names=", ".join(names)))


def unknown_option(option: str, known: Iterable[str], where: str) -> InputError:
    """The error for an unknown option of a command; `where` is the command that lists the options."""
    names = [name for name in known if name.startswith("--")]
    near = closest(option, names)
    meant = asked(option, names, training=False)
    if meant is not None:
        return _unknown_option(option, meant)
    if near is not None:
        return _unknown_option(option, translated("did you mean {name}? ({where} lists all)", name=near, where=where))
    listed = translated("{where} lists all", where=where)
    if len(names) <= MOST_LISTED:
        listed = translated("allowed: {names}", names=", ".join(sorted(names)))
    return _unknown_option(option, listed)


def unknown_setting(
    option: str, words: Sequence[str], owners: Mapping[str, Sequence[str]], common: Iterable[str], command: str
) -> InputError:
    """The error for an option that neither a `command` nor any algorithm has, mentioning the algorithm among `words`.

    `owners` maps algorithms to their settings; `common` are the command's own options.
    """
    options, where = [name for name in common if name.startswith("--")], help_for(words, owners, command)
    named = next((word for word in words if word in owners), None)
    settings = owners[named] if named is not None else sorted({name for names in owners.values() for name in names})
    about = None
    if not meanings(option, SETTINGS, settings):
        about = asked(option, options, training=command == "zerone train")
        # A misspelt option of this algorithm is more likely than another library's name for a setting.
        near = None if about is not None else closest(option, [*map(as_option, settings), *options])
        if near is not None:
            about = translated("did you mean {name}? ({where} lists all)", name=near, where=where)
    about = about or setting_meant(option, settings, owners, as_option)
    if about is None and named is not None and len(settings) <= MOST_LISTED:
        about = translated("{algorithm} has {names} ({where} lists all)", algorithm=named,
                           names=", ".join(map(as_option, settings)), where=where)  # fmt: skip
    return _unknown_option(option, about or translated("{where} lists all", where=where))


def help_for(words: Sequence[str], owners: Iterable[str], command: str) -> str:
    """The help command that lists all options, including those of the algorithm among `words`, if any."""
    named = next((word for word in words if word in {*owners}), "ALGORITHM")
    return f"{command} {named} --help" if command == "zerone train" else f"{command} --help"
