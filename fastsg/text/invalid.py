"""What is said of bytes that are no text, and a guess at their encoding."""

from __future__ import annotations

import codecs
import logging
import os

from .files import InputFile

logger = logging.getLogger(__name__)

_LOOKED_AT = 1 << 16  # bytes
_MARKS = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
#: Chinese text has them again and again; what is written in other encodings hardly ever looks like them.
_FREQUENT = "的一是不了在有人，"
_LEAST = 0.01  # of all letters


def warn_of_invalid(n: int, errors: str, source: str, encoding: str, path: str) -> None:
    """Say how many sequences were invalid, and what to give where `path`, the first file, is no UTF-8."""
    verb = "replaced by U+FFFD" if errors == "replace" else "left out"
    shown, advice = encoding, ""
    if encoding == "utf-8":
        guess = guessed_encoding(path)
        found = f"it seems to be {guess}" if guess else "if it is not UTF-8"
        shown, advice = "UTF-8", f"; {found}, give its encoding"
    logger.warning("%d invalid %s sequences were %s in %s%s", n, shown, verb, source, advice)


def guessed_encoding(path: str) -> str | None:
    """What a file that is no UTF-8 seems to be: "utf-16" by its byte order mark, or Chinese in "gb18030", of
    which GB2312 and GBK are parts; None if it is neither.

    What may be read only once, standard input or a FIFO, is not looked at.
    """
    if not os.path.isfile(path):
        return None
    with InputFile(path) as file:
        room = bytearray(_LOOKED_AT)
        data = bytes(room[: file.fill(memoryview(room))])
    if data.startswith(_MARKS) and data[2:4] != b"\0\0":  # which would be UTF-32
        return "utf-16"
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(data)
    except UnicodeDecodeError:
        return None
    letters = sum(letter >= "\u0080" for letter in text)
    return "gb18030" if sum(map(text.count, _FREQUENT)) > _LEAST * letters else None
