"""What is said of a word that nobody knows: what is meant by it, or what there is instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from zerone.base.errors import MOST_LISTED, InputError, closest
from zerone.base.meanings import as_option, asked, meanings, setting_meant
from zerone.base.synonyms import COMMANDS, SETTINGS


def unknown_command(name: str, known: Iterable[str]) -> InputError:
    """The error of a word that is no command."""
    names = [*known]
    meant = meanings(name, COMMANDS)
    if meant:
        return InputError(f"command {name} is unknown: here it is zerone {meant[0]} (zerone --help lists all)")
    near = closest(name, names)
    if near is not None:
        return InputError(f"command {name} is unknown: did you mean {near}? (zerone --help lists all)")
    return InputError(f"command {name} is unknown: allowed: {', '.join(names)}")


def unknown_option(option: str, known: Iterable[str], where: str) -> InputError:
    """The error of an option that is none of a command's; `where` lists them."""
    names = [name for name in known if name.startswith("--")]
    near = closest(option, names)
    meant = asked(option, names, training=False)
    if meant is not None:
        return InputError(f"option {option} is unknown: {meant}")
    if near is not None:
        return InputError(f"option {option} is unknown: did you mean {near}? ({where} lists all)")
    listed = f"allowed: {', '.join(sorted(names))}" if len(names) <= MOST_LISTED else f"{where} lists all"
    return InputError(f"option {option} is unknown: {listed}")


def unknown_setting(
    option: str, words: Sequence[str], owners: Mapping[str, Sequence[str]], common: Iterable[str], command: str
) -> InputError:
    """The error of an option that neither a `command` nor any algorithm has, said of the algorithm among `words`.

    `owners` has the settings of each algorithm; `common` are the command's own options.
    """
    options, where = [name for name in common if name.startswith("--")], help_for(words, owners, command)
    named = next((word for word in words if word in owners), None)
    settings = owners[named] if named is not None else sorted({name for names in owners.values() for name in names})
    about = None
    if not meanings(option, SETTINGS, settings):
        about = asked(option, options, training=command == "zerone train")
        # A slip in the name of an option is nearer than a slip in somebody else's word for a setting.
        near = None if about is not None else closest(option, [*map(as_option, settings), *options])
        if near is not None:
            about = f"did you mean {near}? ({where} lists all)"
    about = about or setting_meant(option, settings, owners, as_option)
    if about is None and named is not None and len(settings) <= MOST_LISTED:
        about = f"{named} has {', '.join(map(as_option, settings))} ({where} lists all)"
    return InputError(f"option {option} is unknown: {about or where + ' lists all'}")


def help_for(words: Sequence[str], owners: Iterable[str], command: str) -> str:
    """The command that lists all that can be set: of the algorithm among some words, where one is named."""
    named = next((word for word in words if word in {*owners}), "ALGORITHM")
    return f"{command} {named} --help" if command == "zerone train" else f"{command} --help"
