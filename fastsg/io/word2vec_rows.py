"""What rows of word2vec text and binary share: the header, the words, the room for the numbers."""

from __future__ import annotations

import codecs
import contextlib
import re
import warnings
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from ..checks import MAX_WORDS
from ..errors import FormatError
from .untrusted import UntrustedFile, shown

Matrix = NDArray[np.float32]

#: What no word may contain, written or read.
FORBIDDEN = re.compile(rb"[ \t\r\n\0]")
#: Numbers that are read or written at once.
CHUNK_NUMBERS = 1 << 16
#: Bytes that the first line may have; without a header it is a row of unknown width.
FIRST_LINE_BYTES = 1 << 24
_HEADER = re.compile(rb"([+-]?[0-9]+)[ \t]+([+-]?[0-9]+)[ \t]*\r?\n?")
#: Bytes that a header may have.
HEADER_BYTES = 128
#: Bytes that are read at once.
BLOCK_BYTES = 1 << 20


class UniqueWords:
    """The words read so far, each once; decides which rows are kept.

    Parameters
    ----------
    path : str                  Of the file, for messages.
    encoding, errors : str      How words are decoded.
    max_bytes : int             Longest word accepted.

    Attributes
    ----------
    kept : list of str          The words whose rows are kept, in their order.
    """

    def __init__(self, path: str, encoding: str, errors: str, max_bytes: int) -> None:
        self.path, self.max_bytes = path, max_bytes
        self.kept: list[str] = []
        self._codec = (encoding, errors)
        self._is_utf8 = codecs.lookup(encoding).name == "utf-8"
        self._seen: set[str] = set()
        self._repeated: list[str] = []
        self._vanished = 0

    def add(self, raw: bytes, unit: str, number: int) -> bool:
        """Take the word of "row 7" or "line 7" (`unit` and `number`); False if that must be dropped."""
        place = f"{self.path}: {unit} {number}"
        if not raw or len(raw) > self.max_bytes or FORBIDDEN.search(raw):
            self._refuse(raw, place)
        word = decoded(raw, *self._codec, place)
        if not word:
            self._vanished += 1
        elif word in self._seen:
            self._repeated.append(word)
        else:
            self._seen.add(word)
            self.kept.append(word)
            return True
        return False

    def add_block(self, raw: bytes, count: int, unit: str, first: int) -> NDArray[np.bool_] | None:
        """Take `count` words, each with a newline behind it; which are kept, None if all are.

        Rows or lines are numbered from `first` on.
        """
        words = self._decoded_block(raw)
        if len(words) == count:
            new = set(words)
            if len(new) == count and "" not in new and self._seen.isdisjoint(new):
                self._seen |= new
                self.kept += words
                return None
        kept = [self.add(word, unit, first + i) for i, word in enumerate(raw.split(b"\n")[:-1])]
        return np.array(kept, np.bool_)

    def _decoded_block(self, raw: bytes) -> list[str]:
        """The words, where decoding them at once gives the same as one by one; else none."""
        if self._is_utf8:
            with contextlib.suppress(UnicodeError):
                return raw.decode(*self._codec).split("\n")[:-1]
        return []

    def _refuse(self, raw: bytes, place: str) -> NoReturn:
        if not raw:
            raise FormatError(f"{place}: the word is empty")
        if len(raw) > self.max_bytes:
            raise FormatError(
                f"{place}: the word is longer than max_word_bytes={self.max_bytes}: {shown(raw)}"
            )
        raise FormatError(
            f"{place}: the word {shown(raw)} contains a control character; damaged, or not this format"
        )

    def warn_of_dropped(self) -> None:
        """Warn the caller of load_word2vec of the rows that were dropped."""
        if self._repeated:
            first, count = shown(self._repeated[0]), len(self._repeated)
            warnings.warn(
                f"{self.path}: {count} repeated word(s), first {first}; kept the first row", stacklevel=3
            )
        if self._vanished:
            message = f"{self.path}: dropped {self._vanished} row(s) whose word decodes to nothing"
            warnings.warn(message, stacklevel=3)


def decoded(raw: bytes, encoding: str, errors: str, place: str) -> str:
    """A word as text; undecodable bytes are a FormatError that starts with `place`."""
    try:
        return raw.decode(encoding, errors)
    except UnicodeError as error:
        hint = "; errors='replace' or 'ignore' reads on"
        raise FormatError(f"{place}: the word {shown(raw)} is not {encoding}: {error}{hint}") from None


def header_sizes(source: UntrustedFile, line: bytes) -> tuple[int, int] | None:
    """(K, H) of a header, None for a line that is not one; FormatError if no file has these sizes."""
    match = _HEADER.fullmatch(line)
    if not match:
        return None
    if len(line) > HEADER_BYTES:
        raise FormatError(f"{source.path}: the header is too long: {shown(line)}")
    count, width = int(match[1]), int(match[2])
    if not 0 <= count <= MAX_WORDS or not 1 <= width <= MAX_WORDS:
        allowed = f"0 to {MAX_WORDS} rows of 1 to {MAX_WORDS} numbers"
        raise FormatError(
            f"{source.path}: the header says {count} rows of {width} numbers, allowed are {allowed}"
        )
    return count, width


def wanted_rows(count: int, limit: int | None) -> int:
    """How many of `count` rows are read."""
    return count if limit is None else min(count, limit)


def fields_of(line: bytes) -> list[bytes]:
    """Split at runs of spaces and tabs; a leading separator gives a first, empty field."""
    line = line.rstrip(b" \t\r\n").replace(b"\t", b" ")
    first, _, rest = line.partition(b" ")
    return [first, *filter(None, rest.split(b" "))] if line else []


def block_room(width: int) -> Matrix | None:
    """Room for the numbers of a few rows; None where rows are too wide to take memory on a header's word."""
    rows = CHUNK_NUMBERS // width
    return np.empty((rows, width), np.float32) if rows else None
