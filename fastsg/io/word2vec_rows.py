"""The rows of word2vec files, text and binary, read from an untrusted :class:`~fastsg.io._source.Source`."""

import codecs
import logging
import re
import warnings

import numpy as np

from ..errors import FormatError
from .untrusted import Source, shown

logger = logging.getLogger(__name__)

FORBIDDEN = re.compile(rb"[ \t\r\n\0]")  # in words, written or read
CHUNK_NUMBERS = 1 << 16
FIRST_LINE_BYTES = 1 << 24  # a first line without header may be a row of unknown width
_HEADER = re.compile(rb"([+-]?[0-9]+)[ \t]+([+-]?[0-9]+)[ \t]*\r?\n?")
_HEADER_BYTES = 128
_NUMBER_BYTES = 64  # average length allowed for a number in text
_BLOCK_BYTES = 1 << 20
_MAX_COUNT = 2**31 - 1  # ids are int32
_TEXT_NUMBER_CHARACTERS = b"0123456789+-.eE \t\r\n"


class Words:
    """The words read so far; says of each whether its row is to be kept."""

    def __init__(self, path: str, encoding: str, errors: str, max_bytes: int) -> None:
        self.path, self.max_bytes, self.kept = path, max_bytes, []
        self._codec = (encoding, errors)
        self._seen: set[str] = set()
        self._repeated: list[str] = []
        self._vanished = 0

    def add(self, raw: bytes, where: str, number: int) -> bool:
        """Take the word of one row; False if the row must be dropped."""
        if not raw or len(raw) > self.max_bytes or FORBIDDEN.search(raw):
            self._refuse(raw, f"{self.path}: {where} {number}")
        word = decoded(raw, *self._codec, f"{self.path}: {where} {number}")
        if not word:
            self._vanished += 1
        elif word in self._seen:
            self._repeated.append(word)
        else:
            self._seen.add(word)
            self.kept.append(word)
            return True
        return False

    def _refuse(self, raw: bytes, place: str) -> None:
        if not raw:
            raise FormatError(f"{place}: the word is empty")
        if len(raw) > self.max_bytes:
            raise FormatError(
                f"{place}: the word is longer than max_word_bytes={self.max_bytes}: {shown(raw)}"
            )
        raise FormatError(
            f"{place}: the word {shown(raw)} holds a control character; damaged, or not this format"
        )

    def warn_of_dropped(self) -> None:
        if self._repeated:
            first, count = shown(self._repeated[0]), len(self._repeated)
            warnings.warn(
                f"{self.path}: {count} repeated word(s), first {first}; kept the first row", stacklevel=3
            )
        if self._vanished:
            message = f"{self.path}: dropped {self._vanished} row(s) whose word decodes to nothing"
            warnings.warn(message, stacklevel=3)


class _Rows:
    """A float32 matrix that grows with what was really read."""

    def __init__(self, width: int, capacity: int) -> None:
        self.width = width
        self._array, self._count = np.empty((capacity, width), np.float32), 0

    def append(self, block: np.ndarray) -> None:
        end = self._count + len(block)
        if end > len(self._array):
            self._array.resize((max(end, 2 * len(self._array)), self.width), refcheck=False)
        self._array[self._count : end] = block
        self._count = end

    def finish(self) -> np.ndarray:
        if self._count < len(self._array):
            self._array.resize((self._count, self.width), refcheck=False)
        return self._array


def decoded(raw: bytes, encoding: str, errors: str, place: str) -> str:
    """A word as text; undecodable bytes are a FormatError that starts with `place`."""
    try:
        return raw.decode(encoding, errors)
    except UnicodeError as error:
        hint = "; errors='replace' or 'ignore' goes on"
        raise FormatError(f"{place}: the word {shown(raw)} is not {encoding}: {error}{hint}") from None


def _header_sizes(source: Source, line: bytes) -> tuple[int, int] | None:
    match = _HEADER.fullmatch(line)
    if not match:
        return None
    if len(line) > _HEADER_BYTES:
        raise FormatError(f"{source.path}: the header is too long: {shown(line)}")
    count, width = int(match[1]), int(match[2])
    if not 0 <= count <= _MAX_COUNT or not 1 <= width <= _MAX_COUNT:
        allowed = f"0 to {_MAX_COUNT} rows of 1 to {_MAX_COUNT} numbers"
        raise FormatError(
            f"{source.path}: the header says {count} rows of {width} numbers, allowed are {allowed}"
        )
    return count, width


def _wanted(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


class _BinaryRows:
    """Cuts a stream into (word, H * 4 bytes), numbering the rows from 1."""

    def __init__(self, source: Source, width: int, max_word_bytes: int) -> None:
        self._source, self._row_bytes = source, 4 * width
        self._reach = max_word_bytes + 2  # the newline of the row before, the word, its space
        self._data, self._at, self._row = b"", 0, 0
        self._ends_rows = False  # a newline was seen between rows

    def next(self) -> tuple[bytes, bytes]:
        self._row += 1
        space = self._data.find(b" ", self._at, self._at + self._reach)
        if space < 0 or space + 1 + self._row_bytes > len(self._data):
            space = self._refill()
        word, end = self._data[self._at : space], space + 1 + self._row_bytes
        self._at, self._ends_rows = end, word.startswith(b"\n")
        return word.removeprefix(b"\n"), self._data[space + 1 : end]

    def finish(self) -> None:
        """Check that nothing follows the last row, and that it is ended like the others."""
        rest = self._data[self._at :] + self._source.read(2)
        if rest == b"" and self._ends_rows:
            raise FormatError(f"{self._source.path}: truncated: the newline after row {self._row} is missing")
        if rest not in (b"", b"\n"):
            raise FormatError(
                f"{self._source.path}: {shown(rest)} follows the {self._row} rows its header promises"
            )

    def _refill(self) -> int:
        self._data = self._data[self._at :] + self._source.read(self._reach + self._row_bytes + _BLOCK_BYTES)
        self._at = 0
        space = self._data.find(b" ", 0, self._reach)
        if space < 0 and len(self._data) >= self._reach:
            raise FormatError(
                f"{self._source.path}: row {self._row}: no space within {self._reach} bytes of {shown(self._data)}; "
                "damaged, or a word longer than max_word_bytes"
            )
        if space < 0 or space + 1 + self._row_bytes > len(self._data):
            raise FormatError(f"{self._source.path}: truncated in row {self._row}")
        return space


def read_binary(source: Source, words: Words, limit: int | None) -> np.ndarray:
    """The matrix (K, H) of a binary file; its words go to `words`."""
    header = source.start()  # only for the message: the line itself is read with a bound
    sizes = _header_sizes(source, source.line(_HEADER_BYTES))
    if sizes is None:
        raise FormatError(f"{source.path}: expected a header 'K H', got {shown(header)}")
    count, width = sizes
    wanted = _wanted(count, limit)
    rows = _Rows(width, source.proven_rows(wanted, 2 + 4 * width))
    reader = _BinaryRows(source, width, words.max_bytes)
    step = max(1, CHUNK_NUMBERS // width)
    for start in range(0, wanted, step):
        kept = []
        for row in range(start + 1, min(start + step, wanted) + 1):
            word, numbers = reader.next()
            if row == 1 and width > 1 and not numbers.translate(None, _TEXT_NUMBER_CHARACTERS):
                raise FormatError(f"{source.path}: the numbers are text; pass binary=False")
            if words.add(word, "row", row):
                kept.append(numbers)
        if kept:
            rows.append(np.frombuffer(b"".join(kept), "<f4").reshape(-1, width))
    if wanted == count:
        reader.finish()
    return rows.finish()


def fields_of(line: bytes) -> list[bytes]:
    """Split at runs of spaces and tabs; a leading separator gives a first, empty field."""
    line = line.rstrip(b" \t\r\n").replace(b"\t", b" ")
    first, _, rest = line.partition(b" ")
    return [first, *filter(None, rest.split(b" "))] if line else []


class _TextLines:
    """The lines of a text file with their numbers; the first may be pushed back."""

    def __init__(self, source: Source) -> None:
        self._source, self._pushed, self.number, self.longest = source, None, 0, FIRST_LINE_BYTES

    def next(self) -> bytes:
        line, self._pushed = self._pushed, None
        if line is None:
            line = self._source.line(self.longest)
        self.number += 1
        return line

    def push_back(self, line: bytes) -> None:
        self._pushed = line
        self.number -= 1

    def rows(self, count: int) -> list[bytes]:
        """Up to `count` lines, fewer at the end of the file; blank lines are allowed only there."""
        lines = []
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


def read_text(source: Source, words: Words, limit: int | None, no_header: bool) -> np.ndarray:
    """The matrix (K, H) of a text file; its words go to `words`."""
    lines = _TextLines(source)
    first = lines.next().removeprefix(codecs.BOM_UTF8)
    sizes = None if no_header else _header_sizes(source, first)
    if sizes is None:
        count, width = None, _headerless_width(source, first, no_header)
        lines.push_back(first)
        wanted, capacity = limit, 1
    else:
        count, width = sizes
        wanted = _wanted(count, limit)
        capacity = source.proven_rows(wanted, 2 + 2 * width)
    lines.longest = words.max_bytes + 2 + _NUMBER_BYTES * width
    rows = _Rows(width, capacity)
    read = _read_text_rows(source, lines, words, rows, wanted)
    if count is not None and read < wanted:
        raise FormatError(f"{source.path}: truncated: {read} rows, its header promises {count}")
    if count is not None and wanted == count:
        lines.refuse_more(f"more than the {count} rows its header promises")
    return rows.finish()


def _headerless_width(source: Source, first: bytes, no_header: bool) -> int:
    """H of a file whose first line is a row; unless told so, the line must look like one beyond doubt."""
    fields = fields_of(first)
    if len(fields) >= (2 if no_header else 3) and _numbers(b" ".join(fields[1:])) is not None:
        if not no_header:
            logger.info(
                "%s has no header: its first line is a row of %d numbers", source.path, len(fields) - 1
            )
        return len(fields) - 1
    expected = "a word and numbers" if no_header else "a header 'K H' (or a word and two or more numbers)"
    hint = "; is the file binary?" if b"\0" in first else ""
    raise FormatError(f"{source.path}: line 1: expected {expected}, got {shown(first)}{hint}")


def _read_text_rows(source: Source, lines: _TextLines, words: Words, rows: _Rows, wanted: int | None) -> int:
    """Append up to `wanted` rows (None: all); returns how many were read, dropped ones included."""
    width = rows.width
    step, read = max(1, CHUNK_NUMBERS // width), 0
    while wanted is None or read < wanted:
        first = lines.number + 1
        chunk = lines.rows(step if wanted is None else min(step, wanted - read))
        if not chunk:
            break
        kept, block = _parsed(source.path, chunk, first, words, width)
        rows.append(block if all(kept) else block[kept])
        read += len(chunk)
    return read


def _parsed(
    path: str, chunk: list[bytes], first: int, words: Words, width: int
) -> tuple[list[bool], np.ndarray]:
    """The rows of a few lines; numbers are parsed all at once, one by one only to find the culprit."""
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
    fields = fields_of(line)[1:]
    if len(fields) != width:
        hint = "; is the file binary?" if b"\0" in line else ""
        raise FormatError(
            f"{path}: line {number}: expected a word and {width} numbers, got {len(fields)} after it{hint}"
        )
    for field in fields:
        if _numbers(field) is None:
            raise FormatError(f"{path}: line {number}: {shown(field)} is not a number")
    return fields


def _numbers(joined: bytes) -> np.ndarray | None:
    """float32 of every field between single spaces, None if one is no number. Overflow gives infinity."""
    if b"_" in joined:  # Python's 1_000 is no number in a file
        return None
    fields = joined.split(b" ")
    try:
        with np.errstate(over="ignore"):
            return np.fromiter(map(float, fields), np.float32, len(fields))
    except ValueError:
        return None
