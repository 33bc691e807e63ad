"""The language of messages: English, or Chinese from the catalogue in `locale/`.

The code contains the English texts; `translated` looks up the Chinese one when a text is shown. Machine-readable output
(JSON, CSV, configurations, tags) is never translated. A command's language is that of its option, of `ZERONE_LANGUAGE`
or of the locale. In Python it is that of `zo.set_language`, else of `ZERONE_LANGUAGE`, else English: a locale alone
does not change the texts of a program's errors. All threads share it, except inside `in_language`.
"""

from __future__ import annotations

import functools
import logging
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gettext import NullTranslations

LANGUAGES = ("en", "zh")
ENGLISH = LANGUAGES[0]
VARIABLE = "ZERONE_LANGUAGE"
DOMAIN, CATALOGUES = "zerone", Path(__file__).parent.parent / "locale"

_LANGUAGE: ContextVar[str | None] = ContextVar("zerone_language", default=None)
"""The language of this thread; None if it is that of the process."""
_chosen: str | None = None
"""The language of the process; None for that of the environment variable."""


def language() -> str:
    """The current language, one of `LANGUAGES`."""
    return _LANGUAGE.get() or _chosen or _of_variable(os.environ.get(VARIABLE, ""))


def choose(name: str | None) -> None:
    """Set the language of the process; None for that of the environment variable, else English."""
    global _chosen
    _chosen = name


@functools.cache
def _of_variable(name: str) -> str:
    """The language that the environment variable names. Logs a warning and returns English if there is none."""
    if name and name not in LANGUAGES:
        logging.getLogger("zerone").warning("zerone: %s %s is not allowed: must be en or zh", VARIABLE, name)
    return name if name in LANGUAGES else ENGLISH


@contextmanager
def in_language(name: str) -> Iterator[None]:
    """Use the language `name`, one of `LANGUAGES`, inside the block, in this thread."""
    token = _LANGUAGE.set(name)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


@contextmanager
def process_in_language(name: str) -> Iterator[None]:
    """Use the language `name` inside the block, in all threads that have not set another one."""
    global _chosen
    before, _chosen = _chosen, name
    try:
        with in_language(name):
            yield
    finally:
        _chosen = before


def translatable(text: str) -> str:
    """Return the text unchanged; the call marks it for the catalogue. `translated` is applied when it is shown."""
    return text


def translated(text: str, /, **values: Any) -> str:
    """The text in the current language, formatted with `values`. A text without a translation stays English.

    >>> translated("{count:,} steps", count=1500)
    '1,500 steps'
    """
    name = language()
    if name != ENGLISH and text:
        text = _catalogue(name).gettext(text)
    return text.format(**values) if values else text


def joined(texts: list[str]) -> str:
    """Join clauses with the current language's semicolon."""
    return ("; " if language() == ENGLISH else "；").join(texts)


@functools.cache
def _catalogue(name: str) -> NullTranslations:
    import gettext

    return gettext.translation(DOMAIN, CATALOGUES, [name], fallback=True)


def entries(name: str) -> dict[str, str]:
    """All texts of a language's compiled catalogue (`.mo` file), mapped to their translations."""
    data = (CATALOGUES / name / "LC_MESSAGES" / f"{DOMAIN}.mo").read_bytes()
    count, texts, translations = struct.unpack_from("<3I", data, 8)

    def text(table: int, place: int) -> str:
        length, begin = struct.unpack_from("<2I", data, table + 8 * place)
        return data[begin : begin + length].decode()

    return {text(texts, place): text(translations, place) for place in range(count)}


def of_locale(environment: Mapping[str, str]) -> str:
    """The language that the locale's environment variables select, in gettext's order.

    `LANGUAGE` is a list of languages in order of preference; it is ignored if the locale is C or POSIX.
    """
    chosen = next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "C")
    if _language_of_locale(chosen) in ("c", "posix"):
        return ENGLISH
    for each in [*filter(None, environment.get("LANGUAGE", "").split(":")), chosen]:
        if _language_of_locale(each) in LANGUAGES:
            return _language_of_locale(each)
    return ENGLISH


def _language_of_locale(locale: str) -> str:
    """`zh` of `zh_CN.UTF-8`."""
    for mark in ".@_-":
        locale = locale.partition(mark)[0]
    return locale.lower()


def readable(value: float) -> str:
    """A number with four significant digits, and from 1,000 on without an exponent.

    >>> readable(0.12345), readable(23_240.5)
    ('0.1235', '23,240.5')
    """
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
