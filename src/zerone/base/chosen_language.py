"""The language of a process, chosen in Python."""

from __future__ import annotations

from zerone.base.errors import InputError, nearest
from zerone.base.language import LANGUAGES, choose, translated


def set_language(name: str | None) -> None:
    """Choose the language of errors, warnings, progress, figures and descriptions in this process.

    What programs read stays as it is: the keys and values of results, the columns of CSV files, configurations.

    Args:
        name: `en` or `zh`; None: that of the environment variable `ZERONE_LANGUAGE`, else English.

    Raises:
        InputError: there is no such language.
    """
    if name is not None and name not in LANGUAGES:
        raise InputError(
            translated("language {name!r} is not allowed: {hint}", name=name, hint=nearest(str(name), LANGUAGES))
        )
    choose(name)
