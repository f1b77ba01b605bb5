"""The rows of word2vec files, text and binary, read from an :class:`~fastsg.io.untrusted.UntrustedFile`."""

from __future__ import annotations

import codecs
import logging
import re
import warnings
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from ..checks import MAX_WORDS
from ..errors import FormatError
from ..system.growing_array import GrowingArray
from .untrusted import UntrustedFile, shown

logger = logging.getLogger(__name__)

Matrix = NDArray[np.float32]

#: What no word may contain, written or read.
FORBIDDEN = re.compile(rb"[ \t\r\n\0]")
#: Numbers that are read or written at once.
CHUNK_NUMBERS = 1 << 16
#: Bytes that the first line may have; without a header it is a row of unknown width.
FIRST_LINE_BYTES = 1 << 24
_HEADER = re.compile(rb"([+-]?[0-9]+)[ \t]+([+-]?[0-9]+)[ \t]*\r?\n?")
_HEADER_BYTES = 128
_NUMBER_BYTES = 64  # average length allowed for a number in text
_BLOCK_BYTES = 1 << 20
_TEXT_NUMBER_CHARACTERS = b"0123456789+-.eE \t\r\n"


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


def _header_sizes(source: UntrustedFile, line: bytes) -> tuple[int, int] | None:
    """(K, H) of a header, None for a line that is not one; FormatError if no file has these sizes."""
    match = _HEADER.fullmatch(line)
    if not match:
        return None
    if len(line) > _HEADER_BYTES:
        raise FormatError(f"{source.path}: the header is too long: {shown(line)}")
    count, width = int(match[1]), int(match[2])
    if not 0 <= count <= MAX_WORDS or not 1 <= width <= MAX_WORDS:
        allowed = f"0 to {MAX_WORDS} rows of 1 to {MAX_WORDS} numbers"
        raise FormatError(
            f"{source.path}: the header says {count} rows of {width} numbers, allowed are {allowed}"
        )
    return count, width


def _wanted(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


class _BinaryRowReader:
    """Cuts a binary file into its rows, numbered from 1."""

    def __init__(self, source: UntrustedFile, width: int, max_word_bytes: int) -> None:
        self._source, self._row_bytes = source, 4 * width
        self._reach = max_word_bytes + 2  # the newline of the row before, the word, its space
        self._data, self._at, self._row = b"", 0, 0
        self._ends_rows = False  # a newline was seen between rows

    def next(self) -> tuple[bytes, bytes]:
        """(word, numbers) of the next row, as the file has them."""
        self._row += 1
        space = self._data.find(b" ", self._at, self._at + self._reach)
        if space < 0 or space + 1 + self._row_bytes > len(self._data):
            space = self._refill()
        word, end = self._data[self._at : space], space + 1 + self._row_bytes
        self._at, self._ends_rows = end, word.startswith(b"\n")
        return word.removeprefix(b"\n"), self._data[space + 1 : end]

    def finish(self) -> None:
        """Check that nothing follows the last row, and that it ends like the others."""
        rest = self._data[self._at :] + self._source.read(2)
        if rest == b"" and self._ends_rows:
            raise FormatError(f"{self._source.path}: truncated: the newline after row {self._row} is missing")
        if rest not in (b"", b"\n"):
            raise FormatError(
                f"{self._source.path}: {shown(rest)} follows the {self._row} rows its header promises"
            )

    def _refill(self) -> int:
        """Read on until the whole row is there; the place of the space after its word."""
        self._data = self._data[self._at :] + self._source.read(self._reach + self._row_bytes + _BLOCK_BYTES)
        self._at = 0
        space = self._data.find(b" ", 0, self._reach)
        if space < 0 and len(self._data) >= self._reach:
            raise FormatError(
                f"{self._source.path}: row {self._row}: no space within {self._reach} bytes of "
                f"{shown(self._data)}; damaged, or a word longer than max_word_bytes"
            )
        if space < 0 or space + 1 + self._row_bytes > len(self._data):
            raise FormatError(f"{self._source.path}: truncated in row {self._row}")
        return space


def read_binary(source: UntrustedFile, words: UniqueWords, limit: int | None) -> Matrix:
    """The matrix (K, H) of a binary file; its words go to `words`."""
    start = source.peek()  # only for the message: the line itself is read with a bound
    sizes = _header_sizes(source, source.read_line(_HEADER_BYTES))
    if sizes is None:
        raise FormatError(f"{source.path}: expected a header 'K H', got {shown(start)}")
    count, width = sizes
    wanted = _wanted(count, limit)
    numbers = GrowingArray(np.float32, width * source.proven_rows(wanted, 2 + 4 * width))
    reader = _BinaryRowReader(source, width, words.max_bytes)
    step = max(1, CHUNK_NUMBERS // width)
    for first in range(1, wanted + 1, step):
        kept = []
        for row in range(first, min(first + step, wanted + 1)):
            word, raw = reader.next()
            if row == 1 and width > 1 and not raw.translate(None, _TEXT_NUMBER_CHARACTERS):
                raise FormatError(f"{source.path}: the numbers are text; pass binary=False")
            if words.add(word, "row", row):
                kept.append(raw)
        if kept:
            numbers.append(np.frombuffer(b"".join(kept), "<f4"))
    if wanted == count:
        reader.finish()
    return numbers.finish().reshape(-1, width)


def fields_of(line: bytes) -> list[bytes]:
    """Split at runs of spaces and tabs; a leading separator gives a first, empty field."""
    line = line.rstrip(b" \t\r\n").replace(b"\t", b" ")
    first, _, rest = line.partition(b" ")
    return [first, *filter(None, rest.split(b" "))] if line else []


class _TextLineReader:
    """Reads the lines of a text file and counts them; the first one may be pushed back."""

    def __init__(self, source: UntrustedFile) -> None:
        self._source = source
        self._pushed: bytes | None = None
        self.number, self.longest = 0, FIRST_LINE_BYTES

    def next(self) -> bytes:
        """The next line, b"" at the end of the file."""
        line, self._pushed = self._pushed, None
        if line is None:
            line = self._source.read_line(self.longest)
        self.number += 1
        return line

    def push_back(self, line: bytes) -> None:
        """Make `line` the next one again."""
        self._pushed = line
        self.number -= 1

    def rows(self, count: int) -> list[bytes]:
        """Up to `count` lines, fewer at the end of the file; blank lines are allowed only there."""
        lines: list[bytes] = []
        while len(lines) < count and (line := self.next()):
            if line.isspace():
                self.refuse_more("a blank line among the rows")
                break
            lines.append(line)
        return lines

    def refuse_more(self, problem: str) -> None:
        """Check that only white space is left."""
        number = self.number
        while line := self.next():
            if not line.isspace():
                raise FormatError(f"{self._source.path}: line {number}: {problem}; {shown(line)} follows")


def read_text(source: UntrustedFile, words: UniqueWords, limit: int | None, no_header: bool) -> Matrix:
    """The matrix (K, H) of a text file; its words go to `words`."""
    lines = _TextLineReader(source)
    first = lines.next().removeprefix(codecs.BOM_UTF8)
    sizes = None if no_header else _header_sizes(source, first)
    if sizes is None:
        lines.push_back(first)
        width, wanted, reserved = _headerless_width(source, first, no_header), limit, 1
    else:
        width, wanted = sizes[1], _wanted(sizes[0], limit)
        reserved = source.proven_rows(wanted, 2 + 2 * width)
    lines.longest = words.max_bytes + 2 + _NUMBER_BYTES * width
    numbers = GrowingArray(np.float32, width * reserved)
    read = _read_text_rows(source, lines, words, numbers, width, wanted)
    if sizes is not None:
        if wanted is not None and read < wanted:
            raise FormatError(f"{source.path}: truncated: {read} rows, its header promises {sizes[0]}")
        if read == sizes[0]:
            lines.refuse_more(f"more than the {read} rows its header promises")
    return numbers.finish().reshape(-1, width)


def _headerless_width(source: UntrustedFile, first: bytes, no_header: bool) -> int:
    """H of a file whose first line is a row; without `no_header` the line must be a row beyond doubt."""
    fields = fields_of(first)
    if len(fields) >= (2 if no_header else 3) and _numbers(b" ".join(fields[1:])) is not None:
        if not no_header:
            logger.info(
                "%s has no header: its first line is a row of %d numbers", source.path, len(fields) - 1
            )
        return len(fields) - 1
    expected = "a word and numbers" if no_header else "a header 'K H' (or a word and two or more numbers)"
    raise FormatError(f"{source.path}: line 1: expected {expected}, got {shown(first)}{_binary_hint(first)}")


def _read_text_rows(
    source: UntrustedFile,
    lines: _TextLineReader,
    words: UniqueWords,
    numbers: GrowingArray,
    width: int,
    wanted: int | None,
) -> int:
    """Append up to `wanted` rows (None: all) to `numbers`; how many were read, dropped ones included."""
    step, read = max(1, CHUNK_NUMBERS // width), 0
    while wanted is None or read < wanted:
        first = lines.number + 1
        chunk = lines.rows(step if wanted is None else min(step, wanted - read))
        if not chunk:
            break
        kept, block = _parsed(source.path, chunk, first, words, width)
        numbers.append((block if all(kept) else block[kept]).reshape(-1))
        read += len(chunk)
    return read


def _parsed(
    path: str, chunk: list[bytes], first: int, words: UniqueWords, width: int
) -> tuple[list[bool], Matrix]:
    """(whether each row is kept, numbers of all rows) of a few lines, numbered from `first` on.

    All numbers are parsed at once, which is fast; one by one only to find the one at fault.
    """
    kept, numbers = [], []
    for number, line in enumerate(chunk, first):
        word, _, rest = line.rstrip(b" \t\r\n").replace(b"\t", b" ").partition(b" ")
        if rest.count(b" ") != width - 1:
            rest = b" ".join(_row_numbers(path, number, line, width))
        kept.append(words.add(word, "line", number))
        numbers.append(rest)
    values = _numbers(b" ".join(numbers))
    if values is None:
        for number, line in enumerate(chunk, first):
            _row_numbers(path, number, line, width)
        raise FormatError(f"{path}: lines {first} to {first + len(chunk) - 1}: a number is damaged")
    return kept, values.reshape(-1, width)


def _row_numbers(path: str, number: int, line: bytes, width: int) -> list[bytes]:
    """The numbers of a row as text; FormatError unless there are `width` of them."""
    fields = fields_of(line)[1:]
    if len(fields) != width:
        raise FormatError(
            f"{path}: line {number}: expected a word and {width} numbers, got {len(fields)} after it"
            + _binary_hint(line)
        )
    for field in fields:
        if _numbers(field) is None:
            raise FormatError(f"{path}: line {number}: {shown(field)} is not a number")
    return fields


def _binary_hint(line: bytes) -> str:
    return "; is the file binary?" if b"\0" in line else ""


def _numbers(joined: bytes) -> Matrix | None:
    """float32 of every field between single spaces, None if one is not a number. Overflow gives infinity."""
    if b"_" in joined:  # Python reads 1_000, which is not a number in a file
        return None
    fields = joined.split(b" ")
    try:
        with np.errstate(over="ignore"):
            return np.fromiter(map(float, fields), np.float32, len(fields))
    except ValueError:
        return None
