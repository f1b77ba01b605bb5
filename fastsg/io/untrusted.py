"""Opening a file that nobody vouches for: regular files only, gzip by suffix, bounded lines, foreign formats.

Whatever is wrong with the content is a FormatError that names the file; memory grows only with what was
really read.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from ..errors import FormatError

_BLOCK_BYTES = 1 << 20
_GZIP_RATIO = 100  # honest vectors shrink three- to fivefold
_GZIP_FREE_BYTES = 64 << 20
_SHOWN_CHARACTERS = 40
_FOREIGN_FORMATS = {
    b"\xba\x16\x4f\x2f": "fastText's native model; export its vectors as .vec text first",
    b"\x1f\x8b": "gzip data, but its name does not end in .gz",
    b"BZh": "bzip2 data; decompress it first",
    b"\xfd7zXZ": "xz data; decompress it first",
    b"(\xb5/\xfd": "zstandard data; decompress it first",
    b"PK\x03\x04": "a zip archive (npz?)",
    b"\x93NUMPY": "a NumPy .npy file",
    b"FiFu": "a finalfusion file",
    b"\xff\xfe": "UTF-16 text; convert it to UTF-8",
    b"\xfe\xff": "UTF-16 text; convert it to UTF-8",
    **{bytes([0x80, protocol]): "a pickle; pickles are never opened" for protocol in range(2, 6)},
}


class _GzipContent(io.RawIOBase):
    """The bytes inside a gzip file, at most `allowed` of them; damage is a FormatError."""

    def __init__(self, path: str, file: BinaryIO, allowed: int) -> None:
        self._path, self._allowed, self._read = path, allowed, 0
        self._unzip = gzip.GzipFile(fileobj=file, mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what readers pass
        try:
            count = self._unzip.readinto(buffer)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FormatError(f"{self._path}: damaged or truncated gzip data ({error})") from None
        self._read += count
        if self._read > self._allowed:
            raise FormatError(
                f"{self._path}: unpacks to more than {self._allowed} bytes; see max_decompressed"
            )
        return count


class UntrustedFile:
    """A file being read: its bytes, its lines, and how many bytes are left where that is known.

    Parameters
    ----------
    path : str                      For messages.
    file : buffered binary file
    size : int or None              Bytes of the file; None where nobody knows before reading it (gzip).
    """

    def __init__(self, path: str, file: io.BufferedReader, size: int | None) -> None:
        self.path, self._file, self._size = path, file, size

    def peek(self) -> bytes:
        """The next few bytes, at most 16, without reading them."""
        return self._file.peek(16)[:16]

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, in pieces: a lying header must not make one big allocation."""
        pieces = []
        while count > 0 and (piece := self._file.read(min(count, _BLOCK_BYTES))):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def read_line(self, longest: int) -> bytes:
        """The next line with its end, b"" after the last; FormatError if it exceeds `longest` bytes."""
        line = self._file.readline(longest)
        if len(line) == longest and not line.endswith(b"\n"):
            raise FormatError(f"{self.path}: a line is longer than {longest} bytes, it starts {shown(line)}")
        return line

    def proven_rows(self, rows: int, least_row_bytes: int) -> int:
        """How many rows to take memory for; FormatError if a header promises more than the file can hold.

        The unpacked size of a gzip file is not known: nothing is proven then, and the answer is 0.
        """
        if self._size is None:
            return 0
        left = self._size - self._file.tell()
        needed = rows * least_row_bytes - 1  # the last row may lack its newline
        if needed > left:
            raise FormatError(
                f"{self.path}: truncated, or its header lies: {rows} rows need at least "
                f"{needed} bytes, {left} follow the header"
            )
        return rows


@contextlib.contextmanager
def open_untrusted(path: str, max_decompressed: int | None = None) -> Iterator[UntrustedFile]:
    """Open a regular file, or what a ``.gz`` holds.

    Parameters
    ----------
    path : str
    max_decompressed : int or None      As in :func:`~fastsg.io.word2vec.load_word2vec`.

    Raises
    ------
    FormatError                         The file is empty, or of a format that is known not to be ours; names
                                        both.
    OSError                             It cannot be read, or is not a regular file.
    """
    file = open_if_regular(path)
    if file is None:
        raise OSError(errno.EINVAL, "not a regular file", path)
    with file:
        size = os.fstat(file.fileno()).st_size
        source = UntrustedFile(path, file, size)
        if path.endswith(".gz"):
            if size and not file.peek(2).startswith(b"\x1f\x8b"):
                raise FormatError(f"{path}: named .gz, but holds no gzip data")
            if max_decompressed is None:
                max_decompressed = max(_GZIP_FREE_BYTES, _GZIP_RATIO * size)
            content = _GzipContent(path, file, max_decompressed)
            source = UntrustedFile(path, io.BufferedReader(content, _BLOCK_BYTES), None)
        _refuse_foreign(path, source.peek())
        yield source


def open_if_regular(path: str | os.PathLike[str]) -> io.BufferedReader | None:
    """The file, open for reading; None if it is not a regular one. Never waits for a writer of a FIFO."""
    file = cast(
        io.BufferedReader,
        open(path, "rb", _BLOCK_BYTES, opener=_open_without_waiting),  # noqa: SIM115  # the caller closes it
    )
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_foreign(path: str, start: bytes) -> None:
    if not start:
        raise FormatError(f"{path}: the file is empty")
    for magic, what in _FOREIGN_FORMATS.items():
        if start.startswith(magic):
            raise FormatError(f"{path}: this is {what}")
    if start[4:9] == b"\0\0\0\0{":
        raise FormatError(f"{path}: this is a safetensors file")


def shown(text: bytes | str) -> str:
    """A word or a line for a message: short, and with everything escaped that a terminal would obey."""
    if isinstance(text, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            text = text.decode("utf-8")
    return repr(text[:_SHOWN_CHARACTERS]) + ("..." if len(text) > _SHOWN_CHARACTERS else "")
