"""Text in the columns of a terminal, where a Chinese character takes two: widths, cells, lines, styles."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable
from typing import TextIO

#: Styles of :func:`styled`.
BOLD, DIM, RED = "1", "2", "31"
_MOST, _LEAST = 80, 40
# Categories of characters that take no column: accents to be put on others, and marks nobody sees.
_NO_COLUMN = ("Mn", "Me", "Cf")


def columns() -> int:
    """How many columns to fill: those of the terminal, or 80 where there is none or a wider one."""
    return max(_LEAST, min(shutil.get_terminal_size().columns, _MOST))


def width(text: str) -> int:
    """The columns that a text takes."""
    return sum(
        0 if unicodedata.category(c) in _NO_COLUMN else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def cell(text: str, size: int) -> str:
    """The text in so many columns, padded; of a longer one the end, which tells files apart."""
    if width(text) > size:
        while text and width(text) >= size:
            text = text[1:]
        text = "…" + text
    return text + " " * (size - width(text))


def lines_of(words: Iterable[str], head: str = "", *, more: str = "") -> list[str]:
    """Words behind a head, in lines as long as :func:`columns` says.

    Further lines are indented as the head is, and a word that is longer has one of its own. `more` ends the
    lines that another one follows.
    """
    lines, indent, most, joint = [head], " " * width(head), columns() - len(more), ""
    for word in words:
        line = lines[-1] + joint + word
        if joint and width(line) > most:
            lines[-1] += more
            lines.append(indent + word)
        else:
            lines[-1] = line
        joint = " "
    return lines


def styled(text: str, style: str, stream: TextIO | None = None) -> str:
    """The text in a style, where `stream`, by default standard output, is a terminal that shows styles.

    No style is the only sign of anything: NO_COLOR and TERM=dumb switch all of them off.
    """
    stream = stream or sys.stdout
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return text if is_plain or not stream.isatty() else f"\x1b[{style}m{text}\x1b[0m"
