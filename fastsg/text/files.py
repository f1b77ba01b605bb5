"""Inputs opened for reading: files, standard input, compression by suffix, and errors that name the path."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, Self, TypeAlias, Union

from .. import checks
from ..errors import FormatError
from ..system.compression import DAMAGE, MAGIC, compression_of, decompressed, most_unpacked
from .transcoding import Transcoding

PathLike: TypeAlias = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

STDIN = "-"
_BOM = b"\xef\xbb\xbf"
# First bytes that no text starts with, to refuse a compressed file that is not named as one.
_MAGIC = MAGIC | {".bz2": b"BZh91AY"}  # a text may start with BZh
_HEAD_BYTES = max(map(len, _MAGIC.values()))


class Span(NamedTuple):
    """Bytes of a file: all of them, or of a plain file those from `start` to `stop`."""

    path: str
    start: int = 0
    stop: int | None = None


class InputFile:
    """An input opened for reading: the bytes of its text, decompressed and without a byte order mark.

    Use as a context manager. Errors of the decompressors become OSError, and every OSError names the path.

    Parameters
    ----------
    source : str or Span        A path, ``"-"`` for standard input; or a part of a file.
    transcoding                 Makes the text UTF-8, or lower case; None hands out the bytes as they are.

    Attributes
    ----------
    path : str
    text_start : int    Where the text starts in the decompressed file: behind the byte order mark, if there
                        is one, or where the part does.

    Raises
    ------
    OSError             The file cannot be opened or read, or its compressed data are damaged or truncated.
    ValueError          It is compressed but not named as such, or there is no standard input.
    FormatError         A regular file unpacks to more than 64 MiB and 100 times its size.
    ImportError         It is a ``.zst`` file, and no package here reads those.
    """

    def __init__(self, source: str | Span, transcoding: Transcoding | None = None) -> None:
        self._span = source if isinstance(source, Span) else Span(source)
        self.path, self._transcoding = self._span.path, transcoding
        self.text_start = self._span.start
        self._stack = contextlib.ExitStack()
        self._bytes_read = 0
        self._most: int | None = None
        self._head = b""  # read already, not handed out yet

    def __enter__(self) -> Self:
        with self._named_errors(), contextlib.ExitStack() as stack:
            if self.path == STDIN:
                self._raw = _stdin()
            else:
                self._raw = stack.enter_context(open(self.path, "rb", buffering=0))
            if self._span.start:
                _refuse_compressed(self._raw.read(_HEAD_BYTES), self.path)
                self._raw.seek(self._span.start)
            file = stack.enter_context(decompressed(self._raw, _compression(self.path)))
            self._most = _most_bytes(self._raw, self.path)
            # readinto() of a buffered pipe goes on in C until the room is full; a Ctrl-C would have to wait
            # for that.
            self._readinto = (
                getattr(file, "readinto1", file.readinto) if self.path == STDIN else file.readinto
            )
            if self._span.stop is not None:
                self._readinto = _limited(self._readinto, self._span.stop - self._span.start)
            head = self._first_bytes()
            if self._transcoding:
                self._readinto = self._transcoding.reader(head, self._readinto, self.path).readinto
                head = self._first_bytes()
            self._head = head if self._span.start else head.removeprefix(_BOM)
            self.text_start += len(head) - len(self._head)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fill(self, room: memoryview) -> int:
        """Read until ``room`` is full or the input ends; returns the bytes read."""
        n = min(len(self._head), len(room))
        room[:n], self._head = self._head[:n], self._head[n:]
        with self._named_errors():
            return n + self._read(room[n:])

    def position(self) -> int:
        """Bytes consumed of the file itself, so of the compressed ones if it is compressed."""
        with contextlib.suppress(OSError, ValueError):
            if self.path != STDIN:
                return self._raw.tell() - self._span.start
        return self._bytes_read

    def _read(self, room: memoryview) -> int:
        n = 0
        while n < len(room) and (got := self._readinto(room[n:])):
            n += got
        self._bytes_read += n
        if self._most is not None and self._bytes_read > self._most:
            raise FormatError(
                f"{self.path!r} unpacks to more than {self._most} bytes, far more than text does; if it is "
                "meant to, unpack it first"
            )
        return n

    def _first_bytes(self) -> bytes:
        """Read the first bytes, which are not those of compressed data."""
        room = bytearray(_HEAD_BYTES)
        head = bytes(room[: self._read(memoryview(room))])
        if not self._span.start:
            _refuse_compressed(head, self.path)
        return head

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except EOFError:
            raise OSError(errno.EIO, "the compressed data are truncated", self.path) from None
        except DAMAGE as exc:
            raise OSError(errno.EIO, f"the compressed data are damaged ({exc})", self.path) from exc
        except OSError as exc:
            if exc.filename is not None:
                raise
            # The decompressors raise OSErrors that have nothing but a message.
            reason = exc.strerror or f"the compressed data are damaged ({exc})"
            raise OSError(exc.errno or errno.EIO, reason, self.path) from exc


def _limited(readinto: Callable[[Any], int], size: int) -> Callable[[Any], int]:
    """The first `size` bytes of what a function reads into rooms."""
    left = size

    def read(room: Any) -> int:
        nonlocal left
        got = readinto(memoryview(room)[:left]) if left else 0
        left -= got
        return got

    return read


def _compression(path: str) -> str:
    return "" if path == STDIN else compression_of(path)


def _most_bytes(raw: BinaryIO, path: str) -> int | None:
    """How many bytes a file may hold: a bound for regular ones that are compressed, None for all others."""
    if not _compression(path) or not stat.S_ISREG((info := os.fstat(raw.fileno())).st_mode):
        return None
    return most_unpacked(info.st_size)


def _stdin() -> BinaryIO:
    stdin: Any = sys.stdin  # None in a process without one, and whatever a user put in its place
    if stdin is None:
        raise ValueError("there is no standard input to read from")
    binary: BinaryIO = getattr(stdin, "buffer", stdin)
    return binary


def _refuse_compressed(head: bytes, path: str) -> None:
    for suffix, magic in _MAGIC.items():
        if head.startswith(magic) and not path.lower().endswith(suffix):
            advice = "decompress it first"
            if path != STDIN:
                advice = f"its name must end with {suffix} to be decompressed"
            raise ValueError(f"{path!r} holds {suffix[1:]} data, not text; {advice}")


def input_paths(paths: PathLike | Iterable[PathLike]) -> list[str]:
    """The paths as a list of str; a single path need not be in a list."""
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    try:
        found = [checks.path("paths", path) for path in paths]
    except TypeError:
        raise TypeError(
            f"paths must be a path or an iterable of paths ('-' is standard input), got {paths!r}"
        ) from None
    if not found:
        raise ValueError("paths is empty; at least one file is needed")
    return found


def total_bytes(sources: Sequence[str | Span]) -> int | None:
    """Size of all files for a progress bar; None if one of them has no size (standard input, a FIFO)."""
    sizes = [_size(source) for source in sources]
    return sum(size for size in sizes if size) if all(sizes) else None


def _size(source: str | Span) -> int | None:
    path, start, stop = source if isinstance(source, Span) else Span(source)
    if stop is not None:
        return stop - start
    try:
        return None if path == STDIN else os.stat(path).st_size
    except OSError:
        return None


def shown_paths(paths: list[str]) -> str:
    """The first paths, for messages."""
    return ", ".join(map(repr, paths[:3])) + ", ..." * (len(paths) > 3)
