"""Fonts of this machine that have the letters of a text."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterable

from .picture import matplotlib

logger = logging.getLogger(__name__)

_OWN = "DejaVu Sans"  # comes with matplotlib
#: Looked at first, since they have most letters.
_LARGE = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "SimHei", "Arial Unicode MS",
)  # fmt: skip
_NO_LETTERS = "Last Resort"  # a font that comes with matplotlib has a box for every letter
_SHOWN = 10
_LONGEST = 40  # letters of a word; longer ones would leave no room for the picture


def families_for(texts: Iterable[str]) -> list[str]:
    """Families of fonts, matplotlib's own first, that together have every letter; some machines lack some.

    The letters that no font has are logged as a warning, with what to do about it.
    """
    needed = {letter for text in texts for letter in text if letter.isprintable() and not letter.isspace()}
    families, missing = [_OWN], needed - _letters(_files()[_OWN])
    if missing:
        _look_for_new_fonts()
        files = _files()
        for family in dict.fromkeys([*(name for name in _LARGE if name in files), *sorted(files)]):
            if missing and (found := missing & _letters(files[family])):
                families.append(family)
                missing -= found
    if missing:
        logger.warning(
            "no font of this machine has %s: install one that does, such as the package fonts-noto-cjk for "
            "Chinese, Japanese and Korean, then try again",
            " ".join(sorted(missing)[:_SHOWN]),
        )
    return families


def drawn(word: str) -> str:
    """A word as pictures show it: without control characters, which SVG forbids, and not too long."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in word)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _files() -> dict[str, str]:
    """A file of each family: upright and neither thin nor bold, where there is such."""
    fonts = matplotlib("matplotlib.font_manager").fontManager.ttflist
    plain = sorted(fonts, key=lambda font: (font.style != "normal", font.weight not in (400, "normal")))
    return {font.name: font.fname for font in reversed(plain) if not font.name.startswith(_NO_LETTERS)}


def _look_for_new_fonts() -> None:
    """Fonts that were installed after matplotlib made its list of them, which it keeps in a file."""
    manager = matplotlib("matplotlib.font_manager")
    listed = {font.fname for font in manager.fontManager.ttflist}
    for path in set(manager.findSystemFonts()) - listed:
        with contextlib.suppress(RuntimeError, OSError, ValueError):  # not every file is a font that it reads
            manager.fontManager.addfont(path)


@functools.cache
def _letters(path: str) -> frozenset[str]:
    """The letters of a font; none where its file cannot be read."""
    try:
        return frozenset(map(chr, matplotlib("matplotlib.ft2font").FT2Font(path).get_charmap()))
    except (RuntimeError, OSError, ValueError):
        return frozenset()
