"""Opening a vector file that nobody vouches for: regular files only, gzip by suffix, bounded lines, foreign formats.

Everything wrong with the content is a FormatError naming the file; memory grows only with what was really read.
"""

import contextlib
import errno
import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import FormatError

_BLOCK_BYTES = 1 << 20
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_GZIP_RATIO = 100  # honest vectors shrink three- to fivefold
_GZIP_FREE_BYTES = 64 << 20
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


class _Unzipped(io.RawIOBase):
    """The bytes inside a gzip file, at most `allowed` of them; damage is a FormatError."""

    def __init__(self, path: str, file: BinaryIO, allowed: int) -> None:
        self._path, self._allowed, self._read = path, allowed, 0
        self._unzip = gzip.GzipFile(fileobj=file, mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:
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


class Source:
    """A file being read: its bytes, its lines, and how many bytes are left where that is known."""

    def __init__(self, path: str, file: BinaryIO, size: int | None) -> None:
        self.path, self._file, self._size = path, file, size

    def start(self) -> bytes:
        return self._file.peek(16)[:16]

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, in pieces: a lying header must not make one big allocation."""
        pieces = []
        while count > 0 and (piece := self._file.read(min(count, _BLOCK_BYTES))):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def line(self, longest: int) -> bytes:
        line = self._file.readline(longest)
        if len(line) == longest and not line.endswith(b"\n"):
            raise FormatError(f"{self.path}: a line is longer than {longest} bytes, it starts {shown(line)}")
        return line

    def proven_rows(self, rows: int, least_row_bytes: int) -> int:
        """How many rows memory may be taken for; a header that promises more than the file can hold is refused.

        The unpacked size of a gzip file is not known, so nothing is proven and no room is given.
        """
        if self._size is None:
            return 0
        left = self._size - self._file.tell()
        # The last row may lack its newline.
        if rows * least_row_bytes - 1 > left:
            raise FormatError(
                f"{self.path}: truncated, or its header lies: {rows} rows need at least "
                f"{rows * least_row_bytes - 1} bytes, {left} follow the header"
            )
        return rows


@contextlib.contextmanager
def opened(path: str, max_decompressed: int | None) -> Iterator[Source]:
    """Open a regular file, or what a ``.gz`` holds, as a :class:`Source`; `max_decompressed` as in load_word2vec."""
    # O_NONBLOCK: opening a FIFO must not hang before it can be refused.
    with open(path, "rb", _BLOCK_BYTES, opener=lambda p, flags: os.open(p, flags | _NONBLOCK)) as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if path.endswith(".gz"):
            if info.st_size and not file.peek(2).startswith(b"\x1f\x8b"):
                raise FormatError(f"{path}: named .gz, but holds no gzip data")
            allowed = (
                max(_GZIP_FREE_BYTES, _GZIP_RATIO * info.st_size)
                if max_decompressed is None
                else max_decompressed
            )
            source = Source(path, io.BufferedReader(_Unzipped(path, file, allowed), _BLOCK_BYTES), None)
        else:
            source = Source(path, file, info.st_size)
        _refuse_foreign(path, source.start())
        yield source


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
    return repr(text[:40]) + ("..." if len(text) > 40 else "")
