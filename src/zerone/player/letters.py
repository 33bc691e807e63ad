"""Fonts for captions of pictures: pygame's own has no Chinese, so Chinese is used only if the system has a font."""

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
"""Font families with Chinese characters, named as in pygame, in order of preference."""


@contextmanager
def in_the_language_of_pictures() -> Iterator[None]:
    """Use English inside the block if there is no font for the current language."""
    with in_language(language() if language() == ENGLISH or chinese_font() else ENGLISH):
        yield


def font_for(text: str) -> str | None:
    """The file of a font for a text; None for pygame's own font."""
    return None if text.isascii() else chinese_font()


@functools.cache
def chinese_font() -> str | None:
    """The file of a font with Chinese characters; None if the system has none."""
    import pygame.font

    found: str | None = pygame.font.match_font(",".join(FAMILIES))
    return found
