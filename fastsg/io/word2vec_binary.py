"""The rows of a word2vec binary file. Plain ones are cut by compiled code, the others here."""

from __future__ import annotations

import numpy as np

from .. import _text
from ..errors import FormatError
from ..system.growing_array import GrowingArray
from .untrusted import UntrustedFile, shown
from .word2vec_rows import (
    BLOCK_BYTES,
    HEADER_BYTES,
    Matrix,
    UniqueWords,
    block_room,
    header_sizes,
    wanted_rows,
)

_TEXT_NUMBER_CHARACTERS = b"0123456789+-.eE \t\r\n"


class _RowReader:
    """Cuts a binary file into its rows, numbered from 1.

    Parameters
    ----------
    source : UntrustedFile      Behind its header.
    width : int                 H.
    words : UniqueWords         Takes the words.
    """

    def __init__(self, source: UntrustedFile, width: int, words: UniqueWords) -> None:
        self._source, self._words, self._width = source, words, width
        self._reach = words.max_bytes + 2  # the newline of the row before, the word, its space
        self._data, self._at, self._row = b"", 0, 0
        self._ends_rows = False  # a newline was seen between rows
        self._room = block_room(width)

    def next(self) -> Matrix:
        """The numbers of the next row, (1, H); (0, H) where it must be dropped."""
        space = self._data.find(b" ", self._at, self._at + self._reach)
        if space < 0 or space + 1 + 4 * self._width > len(self._data):
            space = self._refill()
        self._row += 1
        word, end = self._data[self._at : space], space + 1 + 4 * self._width
        raw = self._data[space + 1 : end]
        self._at, self._ends_rows = end, word.startswith(b"\n")
        if self._row == 1 and self._width > 1 and not raw.translate(None, _TEXT_NUMBER_CHARACTERS):
            raise FormatError(f"{self._source.path}: the numbers are text; pass binary=False")
        is_kept = self._words.add(word.removeprefix(b"\n"), "row", self._row)
        return np.frombuffer(raw, "<f4").astype(np.float32, copy=False).reshape(1, -1)[: int(is_kept)]

    def block(self, most: int) -> tuple[int, Matrix]:
        """(rows read, numbers of those kept) of up to `most` rows; none where the next is not plain.

        The numbers must be used before the next call.
        """
        if self._room is None:
            return 0, np.empty((0, self._width), np.float32)
        first, most = self._row + 1, min(most, len(self._room))
        rows, self._at, raw, code, is_led = _text.read_rows(
            self._data, self._at, True, most, self._words.max_bytes, self._room
        )
        if code == _text.ROWS_MORE and not rows:
            self._read_on()
            rows, self._at, raw, code, is_led = _text.read_rows(
                self._data, self._at, True, most, self._words.max_bytes, self._room
            )
        if not rows:
            return 0, self._room[:0]
        self._row, self._ends_rows = self._row + rows, is_led
        kept = self._words.add_block(raw, rows, "row", first)
        values = self._room[:rows] if np.little_endian else self._room[:rows].byteswap()
        return rows, values if kept is None else values[kept]

    def finish(self) -> None:
        """Check that nothing follows the last row, and that it ends like the others."""
        rest = self._data[self._at :] + self._source.read(2)
        if rest == b"" and self._ends_rows:
            raise FormatError(f"{self._source.path}: truncated: the newline after row {self._row} is missing")
        if rest not in (b"", b"\n"):
            raise FormatError(
                f"{self._source.path}: {shown(rest)} follows the {self._row} rows its header promises"
            )

    def _read_on(self) -> None:
        more = self._source.read(self._reach + 4 * self._width + BLOCK_BYTES)
        self._data, self._at = self._data[self._at :] + more, 0

    def _refill(self) -> int:
        """Read on until the whole row is there; the place of the space after its word."""
        self._read_on()
        space = self._data.find(b" ", 0, self._reach)
        if space < 0 and len(self._data) >= self._reach:
            raise FormatError(
                f"{self._source.path}: row {self._row + 1}: no space within {self._reach} bytes of "
                f"{shown(self._data)}; damaged, or a word longer than max_word_bytes"
            )
        if space < 0 or space + 1 + 4 * self._width > len(self._data):
            raise FormatError(f"{self._source.path}: truncated in row {self._row + 1}")
        return space


def read_binary(source: UntrustedFile, words: UniqueWords, limit: int | None) -> Matrix:
    """The matrix (K, H) of a binary file; its words go to `words`."""
    start = source.peek()  # only for the message: the line itself is read with a bound
    sizes = header_sizes(source, source.read_line(HEADER_BYTES))
    if sizes is None:
        raise FormatError(f"{source.path}: expected a header 'K H', got {shown(start)}")
    count, width = sizes
    wanted = wanted_rows(count, limit)
    numbers = GrowingArray(np.float32, width * source.proven_rows(wanted, 2 + 4 * width))
    reader, read = _RowReader(source, width, words), 0
    while read < wanted:
        # The first row shows whether the numbers are text.
        rows, values = reader.block(wanted - read) if read else (0, np.empty(0, np.float32))
        if not rows:
            rows, values = 1, reader.next()
        numbers.append(values.reshape(-1))
        read += rows
    if wanted == count:
        reader.finish()
    return numbers.finish().reshape(-1, width)
