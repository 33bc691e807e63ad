"""Fonts of figures: a Chinese one, if the machine has one and the language is Chinese."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from zerone.base.language import ENGLISH, in_language, language
from zerone.base.notices import Notices

CHINESE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Microsoft YaHei",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Sans CJK JP", "Hiragino Sans GB", "Heiti SC", "STHeiti", "SimHei",
    "Droid Sans Fallback", "Arial Unicode MS", "Noto Serif CJK SC", "STSong", "SimSun", "AR PL UMing CN",
)  # fmt: skip
"""Font families with Chinese characters, in order of preference."""
LATIN = "DejaVu Sans"
"""The font family that Matplotlib includes."""
_notices = Notices()


@contextmanager
def figure_language() -> Iterator[list[str]]:
    """Yield the font families for the current language, in order of preference.

    If no font has Chinese characters, the language is English inside the block, and a warning says so.
    """
    if language() == ENGLISH:
        yield [LATIN]
        return
    found = _family()
    if found is None:
        _notices("no font with Chinese was found, so figures are in English (Noto Sans CJK is one)")
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)  # Matplotlib would warn if a family lacks a weight
    try:
        with in_language(ENGLISH if found is None else language()):
            yield [LATIN] if found is None else [LATIN, found]
    finally:
        logger.setLevel(before)


@functools.cache
def _family() -> str | None:
    """The first family of `CHINESE` that is installed, also if it is newer than Matplotlib's list; None without one."""
    from matplotlib import font_manager

    known = {each.name for each in font_manager.fontManager.ttflist}
    if not known & set(CHINESE):
        old = {each.fname for each in font_manager.fontManager.ttflist}
        for path in font_manager.findSystemFonts():
            if path not in old:
                try:
                    font_manager.fontManager.addfont(path)
                except (OSError, RuntimeError):  # a file that Matplotlib cannot read
                    continue
        known = {each.name for each in font_manager.fontManager.ttflist}
    return next((each for each in CHINESE if each in known), None)
