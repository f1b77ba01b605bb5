"""The rows of a word2vec text file. Plain lines are cut by compiled code, the others here."""

from __future__ import annotations

import codecs
import logging

import numpy as np

from .. import _text
from ..checks import number_in
from ..errors import FormatError
from ..system.growing_array import GrowingArray
from .untrusted import UntrustedFile, shown
from .word2vec_rows import (
    BLOCK_BYTES,
    FIRST_LINE_BYTES,
    Matrix,
    UniqueWords,
    block_room,
    fields_of,
    header_sizes,
    wanted_rows,
)

logger = logging.getLogger(__name__)

_NUMBER_BYTES = 64  # average length allowed for a number


class _Lines:
    """The lines of a file, one at a time or as many plain rows as a block has.

    Parameters
    ----------
    source : UntrustedFile
    longest : int       Bytes that a line may have.
    start : bytes       Lines that were read from it already, to be read again.
    number : int        Lines read before those.

    Attributes
    ----------
    number : int        Lines read.
    """

    def __init__(self, source: UntrustedFile, longest: int, start: bytes, number: int) -> None:
        self._source, self._longest = source, longest
        self._data, self._at, self._is_end = start, 0, False
        self.number = number

    def next(self) -> bytes:
        """The next line, b"" at the end of the file."""
        end = self._data.find(b"\n", self._at) + 1
        while not end and not self._is_end:
            self._read_on()
            end = self._data.find(b"\n") + 1
        line = self._data[self._at : end]
        self._at, self.number = end or len(self._data), self.number + 1
        self._refuse_longer(line)
        return line

    def plain_rows(self, most: int, max_word: int, room: Matrix) -> tuple[int, bytes]:
        """(how many, their words) of the next lines that are plain; the numbers go to `room`."""
        rows, self._at, words, code, _ = _text.read_rows(self._data, self._at, False, most, max_word, room)
        if code == _text.ROWS_MORE and not rows and not self._is_end:
            self._read_on()
            rows, self._at, words, _, _ = _text.read_rows(self._data, self._at, False, most, max_word, room)
        self.number += rows
        return rows, words

    def refuse_more(self, problem: str) -> None:
        """Check that only white space is left."""
        number = self.number
        while line := self.next():
            if not line.isspace():
                raise FormatError(f"{self._source.path}: line {number}: {problem}; {shown(line)} follows")

    def _read_on(self) -> None:
        """Read a block; at the end of the file the last line gets the newline that it may lack."""
        left = self._data[self._at :]
        self._refuse_longer(left)
        more = self._source.read(max(BLOCK_BYTES, len(left)))  # long lines: few copies
        self._is_end = not more
        if self._is_end and left and not left.endswith(b"\n"):
            more = b"\n"
        self._data, self._at = left + more, 0

    def _refuse_longer(self, line: bytes) -> None:
        if len(line) > self._longest:
            raise FormatError(
                f"{self._source.path}: a line is longer than {self._longest} bytes, it starts {shown(line)}"
            )


def read_text(source: UntrustedFile, words: UniqueWords, limit: int | None, no_header: bool) -> Matrix:
    """The matrix (K, H) of a text file; its words go to `words`."""
    first = source.read_line(FIRST_LINE_BYTES).removeprefix(codecs.BOM_UTF8)
    sizes = None if no_header else header_sizes(source, first)
    if sizes is None:
        width, wanted, reserved = _headerless_width(source, first, no_header), limit, 1
    else:
        width, wanted = sizes[1], wanted_rows(sizes[0], limit)
        reserved = source.proven_rows(wanted, 2 + 2 * width)
    longest = words.max_bytes + 2 + _NUMBER_BYTES * width
    lines = _Lines(source, longest, *((first, 0) if sizes is None else (b"", 1)))
    numbers = GrowingArray(np.float32, width * reserved)
    read = _read_rows(source, lines, words, numbers, width, wanted)
    if sizes is not None:
        if wanted is not None and read < wanted:
            raise FormatError(f"{source.path}: truncated: {read} rows, its header promises {sizes[0]}")
        if read == sizes[0]:
            lines.refuse_more(f"more than the {read} rows its header promises")
    return numbers.finish().reshape(-1, width)


def _headerless_width(source: UntrustedFile, first: bytes, no_header: bool) -> int:
    """H of a file whose first line is a row; without `no_header` the line must be a row beyond doubt."""
    fields = fields_of(first)
    if len(fields) >= (2 if no_header else 3) and all(number_in(field) is not None for field in fields[1:]):
        if not no_header:
            logger.info(
                "%s has no header: its first line is a row of %d numbers", source.path, len(fields) - 1
            )
        return len(fields) - 1
    expected = "a word and numbers" if no_header else "a header 'K H' (or a word and two or more numbers)"
    raise FormatError(f"{source.path}: line 1: expected {expected}, got {shown(first)}{_binary_hint(first)}")


def _read_rows(
    source: UntrustedFile,
    lines: _Lines,
    words: UniqueWords,
    numbers: GrowingArray,
    width: int,
    wanted: int | None,
) -> int:
    """Append up to `wanted` rows (None: all) to `numbers`; how many were read, dropped ones included."""
    room, read = block_room(width), 0
    while wanted is None or read < wanted:
        rows = 0
        if room is not None:
            most = len(room) if wanted is None else min(len(room), wanted - read)
            rows, block = lines.plain_rows(most, words.max_bytes, room)
            if rows:
                kept = words.add_block(block, rows, "line", lines.number - rows + 1)
                numbers.append((room[:rows] if kept is None else room[:rows][kept]).reshape(-1))
        if not rows:
            line, rows = lines.next(), 1
            if line.isspace():
                lines.refuse_more("a blank line among the rows")
                break
            if not line:
                break
            values = _row(source.path, lines.number, line, width)
            if words.add(fields_of(line)[0], "line", lines.number):
                numbers.append(values)
        read += rows
    return read


def _row(path: str, number: int, line: bytes, width: int) -> Matrix:
    """The numbers (H,) of line `number`; FormatError unless there are `width` of them."""
    fields = fields_of(line)[1:]
    if len(fields) != width:
        raise FormatError(
            f"{path}: line {number}: expected a word and {width} numbers, got {len(fields)} after it"
            + _binary_hint(line)
        )
    values = [number_in(field) for field in fields]
    for field, value in zip(fields, values):
        if value is None:
            raise FormatError(f"{path}: line {number}: {shown(field)} is not a number")
    with np.errstate(over="ignore"):  # overflow gives infinity
        return np.array(values, np.float64).astype(np.float32)


def _binary_hint(line: bytes) -> str:
    return "; is the file binary?" if b"\0" in line else ""
