"""Letters below a picture: pygame's own have no Chinese, so that is written only where a font here has it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from zerone.base.language import ENGLISH, in_language, language

FAMILIES = (
    "notosanscjksc", "notosanssc", "sourcehansanssc", "sourcehansanscn", "pingfangsc", "microsoftyahei",
    "wenquanyimicrohei", "wenquanyizenhei", "notosanscjkjp", "hiraginosansgb", "heitisc", "stheiti", "simhei",
    "droidsansfallback", "arialunicodems", "notoserifcjksc", "stsong", "simsun",
)  # fmt: skip
"""Families that have Chinese, as pygame writes their names, the first ones preferred."""


@contextmanager
def in_the_language_of_pictures() -> Iterator[None]:
    """While it lasts, a language is spoken whose letters pictures have."""
    with in_language(language() if language() == ENGLISH or chinese_font() else ENGLISH):
        yield


def font_for(text: str) -> str | None:
    """The file of a font that has the letters of a text; None: pygame's own has them."""
    return None if text.isascii() else chinese_font()


@functools.cache
def chinese_font() -> str | None:
    """The file of a font with Chinese, if this machine has one."""
    import pygame.font

    found: str | None = pygame.font.match_font(",".join(FAMILIES))
    return found
