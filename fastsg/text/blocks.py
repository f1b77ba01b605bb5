"""Files, standard input and compressed files, as blocks of bytes that end where a word, character or line ends.

What counts as what, for every tokenizer:

- A line ends at ``\\n``, ``\\r\\n`` or a lone ``\\r`` (Python's universal newlines), and where a file ends.
- White space is that of ``str.split()``: tab, line feed, vertical tab, form feed, carriage return, U+001C to U+001F,
  space, U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000. Of these only the line ends
  above end a line. Zero-width characters (U+200B, U+FEFF) and NUL are no white space.
- A byte order mark (EF BB BF) at the start of a file is left out. Nothing is normalised.
"""

from __future__ import annotations

import contextlib
import errno
import io
import lzma
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Self, Union

from .. import _text

PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Cut = Callable[[bytearray, int], int]

STDIN = "-"
ERRORS = ("replace", "strict", "ignore")
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile("\r\n|\r|\n")
# First bytes no text starts with, to refuse a compressed file that is not named as one.
_MAGIC = {b"\x1f\x8b\x08": ".gz", b"BZh91AY": ".bz2", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_HEAD_BYTES = 8
# A run without a cut may end in bytes of a white-space character that is not there in full.
_PART_OF_SPACE = 2
# Compressed bytes handed to zstd at once: it answers with all they hold, at most 32,768 times as many.
_ZST_BYTES = 2048


@dataclass(slots=True)
class Block:
    """Some bytes of a file, cut where the tokenizer allows; the last block of a file ends with an added line feed.

    ``text[:n]`` are the bytes, behind them a space and padding; they start at ``offset`` in the uncompressed file.
    """

    text: bytearray
    n: int
    path: str
    offset: int


class Source:
    """An input opened for reading: bytes after decompression, and the position before it.

    Use as a context manager. Errors of the decompressors become OSError, and every OSError names the path.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._stack = contextlib.ExitStack()
        self._bytes_read = 0

    def __enter__(self) -> Self:
        with self._named_errors(), contextlib.ExitStack() as stack:
            if self.path == STDIN:
                self._raw: BinaryIO = _stdin()
            else:
                self._raw = stack.enter_context(open(self.path, "rb", buffering=0))
            file: Any = stack.enter_context(_decompressed(self._raw, self.path))
            # readinto() of a buffered pipe goes on in C until the room is full; a Ctrl-C meanwhile may wait for ever.
            self._readinto = (
                getattr(file, "readinto1", file.readinto) if self.path == STDIN else file.readinto
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fill(self, room: memoryview) -> int:
        """Read until ``room`` is full or the input ends; returns the bytes read."""
        n = 0
        with self._named_errors():
            while n < len(room):
                got = self._readinto(room[n:])
                if not got:
                    break
                n += got
        self._bytes_read += n
        return n

    def position(self) -> int:
        """Bytes consumed of the file itself, so of the compressed ones if it is compressed."""
        with contextlib.suppress(OSError, ValueError):
            if self.path != STDIN:
                return self._raw.tell()
        return self._bytes_read

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except EOFError:
            raise OSError(errno.EIO, "the compressed data are truncated", self.path) from None
        except (lzma.LZMAError, zlib.error) as exc:
            raise OSError(errno.EIO, f"the compressed data are damaged ({exc})", self.path) from exc
        except OSError as exc:
            if exc.filename is not None:
                raise
            # The decompressors raise OSErrors that have a message only.
            reason = exc.strerror or f"the compressed data are damaged ({exc})"
            raise OSError(exc.errno or errno.EIO, reason, self.path) from exc


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise ValueError("there is no standard input to read from")
    return getattr(sys.stdin, "buffer", sys.stdin)


def _decompressed(raw: BinaryIO, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
    suffix = os.path.splitext(path)[1].lower() if path != STDIN else ""
    if suffix == ".gz":
        import gzip

        return gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[return-value]
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2File(raw)  # type: ignore[return-value]
    if suffix == ".xz":
        return lzma.LZMAFile(raw)  # type: ignore[return-value]
    if suffix == ".zst":
        return _zstd(raw)
    return contextlib.nullcontext(raw)


def _zstd(raw: BinaryIO) -> contextlib.AbstractContextManager[BinaryIO]:
    try:
        from compression import zstd  # type: ignore[import-not-found]  # Python 3.14
    except ImportError:
        pass
    else:
        return zstd.ZstdFile(raw)
    try:
        import zstandard  # type: ignore[import-not-found]
    except ImportError:
        raise ImportError(
            "reading .zst files needs Python 3.14 or the package zstandard: pip install zstandard"
        ) from None
    return _ZstdReader(raw, zstandard)  # type: ignore[return-value]


class _ZstdReader(io.RawIOBase):
    """zstandard's own stream reader ends silently where a file is cut off; this one raises EOFError."""

    def __init__(self, raw: BinaryIO, zstandard: Any) -> None:
        self._raw, self._zstandard = raw, zstandard
        self._frame: Any = None
        self._left = b""  # compressed, behind a frame's end
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        while not self._ready:
            data = self._left or self._raw.read(_ZST_BYTES)
            self._left = b""
            if not data:
                if self._frame is not None:
                    raise EOFError
                return 0
            if self._frame is None:
                self._frame = self._zstandard.ZstdDecompressor().decompressobj()
            try:
                self._ready = memoryview(self._frame.decompress(data))
            except self._zstandard.ZstdError as exc:
                raise OSError(str(exc)) from exc
            if self._frame.eof:
                self._left, self._frame = self._frame.unused_data, None
        n = min(len(room), len(self._ready))
        room[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n


def input_paths(paths: PathLike | Iterable[PathLike]) -> list[str]:
    """The paths as a list of str; one path may come alone."""
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    try:
        found = [os.fsdecode(path) for path in paths]
    except TypeError:
        raise TypeError(
            f"paths must be a path or an iterable of paths ('-' is standard input), got {paths!r}"
        ) from None
    if not found:
        raise ValueError("paths is empty; at least one file is needed")
    return found


def total_bytes(paths: list[str]) -> int | None:
    """Size of all files for a progress bar; None if some have no size (standard input, a FIFO)."""
    try:
        stats = [os.stat(path) for path in paths if path != STDIN]
    except OSError:
        return None
    sizes = [stat.st_size for stat in stats]
    return sum(sizes) if len(sizes) == len(paths) and all(sizes) else None


def blocks(
    paths: list[str],
    cut: Cut,
    *,
    block_bytes: int,
    max_tail: int | None = None,
    new_buffer: Callable[[int], bytearray] = bytearray,
    advance: Callable[[int], object] = lambda n: None,
) -> Iterator[Block]:
    """Read the files one after another.

    Parameters
    ----------
    cut             Position in ``(0, n]`` of the bytes read where a block may end, 0 if there is none: one of
                    ``_text.last_space``, ``_text.last_char``, :func:`last_line`.
    block_bytes     Bytes read at once; where no cut is found more are read, twice as many each time.
    max_tail        Longest run without a cut that is allowed.
    new_buffer      Called with the size needed (padding included) for each block.
    advance         Called with the bytes consumed since the last call.

    Raises
    ------
    OSError         A file cannot be opened or read, or its compressed data are damaged or truncated; names it.
    ValueError      A run without a cut exceeds ``max_tail``; a compressed file is not named as such.
    """
    for path in paths:
        with Source(path) as source:
            head = bytearray(_HEAD_BYTES)
            tail = bytes(head[: source.fill(memoryview(head))])
            _refuse_compressed(tail, path)
            offset = len(_BOM) if tail.startswith(_BOM) else 0
            tail = tail[offset:]
            done = 0
            at_end = False
            while not at_end:
                wanted = len(tail) + max(block_bytes, len(tail))
                text = new_buffer(wanted + 1 + _text.PAD)
                text[: len(tail)] = tail
                n = len(tail) + source.fill(memoryview(text)[len(tail) : wanted])
                at_end = n < wanted
                if at_end:
                    text[n] = ord("\n")
                stop = n + 1 if at_end else cut(text, n)
                tail = bytes(memoryview(text)[stop:n])
                text[stop] = ord(" ")
                position = source.position()
                advance(position - done)
                done = position
                yield Block(text, stop, path, offset)
                offset += stop
                if max_tail is not None and len(tail) > max_tail + _PART_OF_SPACE:
                    raise long_word_error(path, offset, max_tail)


def _refuse_compressed(head: bytes, path: str) -> None:
    for magic, suffix in _MAGIC.items():
        if head.startswith(magic) and not path.lower().endswith(suffix):
            how = (
                "decompress it first"
                if path == STDIN
                else f"its name must end with {suffix} to be decompressed"
            )
            raise ValueError(f"{path!r} holds {suffix[1:]} data, not text; {how}")


def long_word_error(path: str, offset: int, max_word_bytes: int) -> ValueError:
    return ValueError(
        f"{path!r}: the word at byte offset {offset} is longer than max_word_bytes={max_word_bytes}; "
        f"raise max_word_bytes if this is meant to be a word"
    )


def last_line(text: bytearray, n: int) -> int:
    """Position behind the last line end of ``text[:n]``, 0 if there is none."""
    return max(text.rfind(b"\n", 0, n), text.rfind(b"\r", 0, n)) + 1


def repaired(block: Block, errors: str) -> tuple[str, int]:
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
    for block in stream:
        text, invalid = repaired(block, errors)
        count_invalid(invalid)
        yield from filter(None, _LINE_END.split(text))


def line_tokenizer(tokenizer: Any) -> Callable[[str], Iterable[str]]:
    """A function from a line to its tokens.

    Parameters
    ----------
    tokenizer       A callable str -> list of str; or an object whose ``encode(str)`` gives an object with ``tokens`` or
                    else ``ids`` (as the packages tokenizers and sentencepiece-like wrappers do), or a list of either.
                    Ids become words by ``tokenizer.id_to_token`` where it exists, else by ``str``.

    Raises
    ------
    TypeError       It is neither.
    """
    if isinstance(tokenizer, str):
        raise ValueError(  # noqa: TRY004  a wrong name, not a wrong type
            f"tokenizer is {tokenizer!r}; allowed are 'space', 'char', a callable and an object with encode()"
        )
    encode = getattr(tokenizer, "encode", None)
    if not callable(encode) or isinstance(tokenizer, type):
        if not callable(tokenizer):
            raise TypeError(
                f"tokenizer must be 'space', 'char', a callable or have encode(), got {type(tokenizer).__name__}"
            )
        return tokenizer
    to_word = getattr(tokenizer, "id_to_token", str)

    def tokenize(line: str) -> list[str]:
        encoded = encode(line)
        tokens = getattr(encoded, "tokens", None)
        if tokens is None:
            tokens = getattr(encoded, "ids", encoded)
        return [token if isinstance(token, str) else to_word(token) for token in tokens]

    return tokenize
