"""Files as blocks of bytes that end where a word, character or line ends.

What counts as what, for every tokenizer:

- A line ends at ``\\n``, ``\\r\\n`` or a lone ``\\r`` (Python's universal newlines), and where a file ends.
- White space is that of ``str.split()``: tab, line feed, vertical tab, form feed, carriage return, U+001C to
  U+001F, space, U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000. Of these
  only the line ends above end a line. Zero-width characters (U+200B, U+FEFF) and NUL are not white space.
- A byte order mark (EF BB BF) at the start of a file is left out. Nothing is normalised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .. import _text
from ..system.memory import Watch
from .files import InputFile, Span
from .transcoding import Transcoding

Cut: TypeAlias = Callable[[bytearray, int], int]

_LINE_END = re.compile("[\r\n]")
# A run without a cut may end in the first bytes of a white-space character that is not read in full yet.
_PART_OF_SPACE = 2


@dataclass(slots=True)
class Block:
    """Some bytes of a file, cut where the tokenizer allows; the last block ends with an added line feed.

    ``text[:n]`` are the bytes, from ``offset`` of the uncompressed file on; a space and padding follow.
    """

    text: bytearray
    n: int
    path: str
    offset: int


def blocks(
    sources: Sequence[str | Span],
    cut: Cut,
    *,
    block_bytes: int,
    max_tail: int | None = None,
    new_buffer: Callable[[int], bytearray] = bytearray,
    advance: Callable[[int], object] = lambda n: None,
    transcoding: Transcoding | None = None,
) -> Iterator[Block]:
    """Read the files one after another.

    Parameters
    ----------
    sources         Paths, or parts of files.
    cut             Position in ``(0, n]`` of the bytes read where a block may end, 0 if there is no such
                    place: one of ``_text.last_space``, ``_text.last_char``, :func:`last_line`.
    block_bytes     Bytes read at once; where no cut is found more are read, twice as many each time.
    max_tail        Longest run without a cut that is allowed.
    new_buffer      Called with the size needed (padding included) for each block.
    advance         Called with the bytes consumed since the last call.
    transcoding     What is done to the bytes first.

    Raises
    ------
    OSError, ValueError, ImportError    From :class:`.files.InputFile`.
    ValueError                          A run without a cut exceeds ``max_tail``.
    MemoryError                         What the text has become leaves too little memory.
    """
    watch = Watch("reading")
    for source in sources:
        with InputFile(source, transcoding) as file:
            yield from _file_blocks(file, cut, block_bytes, max_tail, new_buffer, advance, watch)


def _file_blocks(
    file: InputFile,
    cut: Cut,
    block_bytes: int,
    max_tail: int | None,
    new_buffer: Callable[[int], bytearray],
    advance: Callable[[int], object],
    watch: Watch,
) -> Iterator[Block]:
    tail, offset, done = b"", file.text_start, 0
    at_end = False
    while not at_end:
        wanted = len(tail) + max(block_bytes, len(tail))
        watch.grown(wanted - len(tail), needed=2 * wanted)  # the buffer, and what is left of it
        text = new_buffer(wanted + 1 + _text.PAD)
        text[: len(tail)] = tail
        n = len(tail) + file.fill(memoryview(text)[len(tail) : wanted])
        at_end = n < wanted
        if at_end:
            text[n] = ord("\n")
        stop = n + 1 if at_end else cut(text, n)
        tail = bytes(memoryview(text)[stop:n])
        text[stop] = ord(" ")
        position = file.position()
        advance(position - done)
        done = position
        yield Block(text, stop, file.path, offset)
        offset += stop
        if max_tail is not None and len(tail) > max_tail + _PART_OF_SPACE:
            raise long_word_error(file.path, offset, max_tail)


def long_word_error(path: str, offset: int, max_word_bytes: int) -> ValueError:
    """The error for a word of more than ``max_word_bytes`` bytes that starts at ``offset``."""
    return ValueError(
        f"{path!r}: the word at byte offset {offset} is longer than max_word_bytes={max_word_bytes}; "
        f"raise max_word_bytes if this is meant to be a word"
    )


def last_line(text: bytearray, n: int) -> int:
    """Position behind the last line end of ``text[:n]``, 0 if there is no line end."""
    return max(text.rfind(b"\n", 0, n), text.rfind(b"\r", 0, n)) + 1


def decoded(block: Block, errors: str) -> tuple[str, int]:
    """Decode UTF-8 as ``bytes.decode(errors=errors)`` does, and count the invalid sequences.

    Blocks begin and end between characters, so neither depends on how a file is cut.
    """
    data = bytes(memoryview(block.text)[: block.n])
    try:
        return data.decode(), 0
    except UnicodeDecodeError as exc:
        if errors == "strict":
            wrong = data[exc.start : exc.end].hex(" ")
            raise ValueError(
                f"{block.path!r}: invalid UTF-8 at byte offset {block.offset + exc.start} (bytes {wrong}); "
                f"errors='replace' and errors='ignore' read on"
            ) from None
    text = data.decode(errors="replace")
    invalid = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    return (text if errors == "replace" else data.decode(errors=errors)), invalid


def lines(stream: Iterable[Block], errors: str, count_invalid: Callable[[int], object]) -> Iterator[str]:
    """The lines of blocks that were cut by :func:`last_line`, without their ends; empty ones are left out."""
    return filter(None, numbered_lines(stream, errors, count_invalid))


def numbered_lines(
    stream: Iterable[Block], errors: str, count_invalid: Callable[[int], object]
) -> Iterator[str]:
    """One for each line end, empty ones too: each of the two in ``\\r\\n`` ends a line, as in encoders.py."""
    for block in stream:
        text, invalid = decoded(block, errors)
        count_invalid(invalid)
        yield from _LINE_END.split(text)[:-1]  # a block ends where a line does
