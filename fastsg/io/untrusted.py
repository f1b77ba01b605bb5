"""Opening a file that nobody vouches for: regular files, compression by suffix, bounded lines, other formats.

Whatever is wrong with the content is a FormatError that names the file; memory grows only with what was
really read.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import Any, cast

from .. import checks
from ..errors import FormatError
from ..system.compression import DAMAGE, MAGIC, compression_of, decompressed, most_unpacked

_BLOCK_BYTES = 1 << 20
_KINDS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstandard"}
_SHOWN_CHARACTERS = 40
_FOREIGN_FORMATS = {
    b"\xba\x16\x4f\x2f": "fastText's native model, which is read as format='fasttext'",
    b"\x1f\x8b": "gzip data, but its name does not end in .gz",
    b"BZh": "bzip2 data, but its name does not end in .bz2",
    b"\xfd7zXZ": "xz data, but its name does not end in .xz",
    b"(\xb5/\xfd": "zstandard data, but its name does not end in .zst",
    b"PK\x03\x04": "a zip archive (npz?)",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy .npy file",
    b"FiFu": "a finalfusion file",
    b"\xff\xfe": "UTF-16 text; convert it to UTF-8",
    b"\xfe\xff": "UTF-16 text; convert it to UTF-8",
    **{
        bytes([0x80, protocol]): "a pickle; pickles are never opened, but where it comes from, "
        "save_word2vec_format writes vectors that can be read"
        for protocol in range(2, 6)
    },
}


class _Content(io.RawIOBase):
    """The bytes inside a compressed file, at most `allowed` of them; damage is a FormatError.

    Parameters
    ----------
    path : str              For messages.
    unpack : file object    With ``readinto`` for the unpacked bytes.
    kind : str              Of the compression: "gzip".
    """

    def __init__(self, path: str, unpack: Any, kind: str, allowed: int) -> None:
        self._path, self._unpack, self._kind, self._allowed, self._read = path, unpack, kind, allowed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what readers pass
        try:
            count = int(self._unpack.readinto(buffer))
        except DAMAGE as error:
            raise self._damaged(error) from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise self._damaged(error) from None
        self._read += count
        if self._read > self._allowed:
            raise FormatError(
                f"{self._path}: unpacks to more than {self._allowed} bytes; see max_decompressed"
            )
        return count

    def _damaged(self, error: Exception) -> FormatError:
        return FormatError(f"{self._path}: damaged or truncated {self._kind} data ({error})")


class UntrustedFile:
    """A file being read: its bytes, its lines, and how many bytes are left where that is known.

    Parameters
    ----------
    path : str                      For messages.
    file : buffered binary file
    size : int or None              Bytes of the file; None where nobody knows before reading it (compressed).
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

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes; FormatError if the file ends before. `what` they are is for the message."""
        if (left := self.left()) is not None and count > left:
            raise FormatError(f"{self.path}: truncated: {what} needs {count} bytes, {left} are left")
        data = self.read(count)
        if len(data) < count:
            raise FormatError(f"{self.path}: truncated: {what} needs {count} bytes, {len(data)} are left")
        return data

    def read_until(self, end: bytes, longest: int) -> bytes | None:
        """The bytes before the byte `end`, which is read too; None if it is not among the next `longest`."""
        taken = bytearray()
        while len(taken) < longest and (piece := self._file.peek(1)[: longest - len(taken)]):
            at = piece.find(end)
            taken += self._file.read(len(piece) if at < 0 else at + 1)
            if at >= 0:
                return bytes(taken[:-1])
        return None

    def left(self) -> int | None:
        """Bytes behind what was read; None where the file is compressed."""
        return None if self._size is None else self._size - self._file.tell()

    def read_line(self, longest: int) -> bytes:
        """The next line with its end, b"" after the last; FormatError if it exceeds `longest` bytes."""
        line = self._file.readline(longest)
        if len(line) == longest and not line.endswith(b"\n"):
            raise FormatError(f"{self.path}: a line is longer than {longest} bytes, it starts {shown(line)}")
        return line

    def proven_rows(self, rows: int, least_row_bytes: int) -> int:
        """How many rows to take memory for; FormatError if a header promises more than the file can hold.

        The unpacked size of a compressed file is not known: nothing is proven then, and the answer is 0.
        """
        left = self.left()
        if left is None:
            return 0
        needed = rows * least_row_bytes - 1  # the last row may lack its newline
        if needed > left:
            raise FormatError(
                f"{self.path}: truncated, or its header lies: {rows} rows need at least "
                f"{needed} bytes, {left} follow the header"
            )
        return rows


@contextlib.contextmanager
def open_untrusted(
    path: str, max_decompressed: int | None = None, magic: bytes | None = None
) -> Iterator[UntrustedFile]:
    """Open a regular file, or what a compressed one holds.

    Parameters
    ----------
    path : str
    max_decompressed : int or None      As in :func:`~fastsg.io.word2vec.load_word2vec`.
    magic : bytes or None               What the content must start with; None: it is text or word2vec binary.

    Raises
    ------
    FormatError                         The file is empty, or of another format, which is named where it is
                                        known.
    OSError                             It cannot be read, or is not a regular file.
    """
    suffix = compression_of(path)
    with _open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if not suffix:
            source = UntrustedFile(path, file, size)
            _refuse_foreign(path, source.peek(), magic)
            yield source
            return
        kind = _KINDS[suffix]
        if size and not file.peek(8).startswith(MAGIC[suffix]):
            raise FormatError(f"{path}: named {suffix}, but holds no {kind} data")
        most = most_unpacked(size) if max_decompressed is None else max_decompressed
        with decompressed(file, suffix) as unpack:
            content = _Content(path, unpack, kind, most)
            source = UntrustedFile(path, io.BufferedReader(content, _BLOCK_BYTES), None)
            _refuse_foreign(path, source.peek(), magic)
            yield source


def first_bytes(path: str) -> bytes:
    """The first bytes of a file, at most 16, unpacked if it is compressed; no format is refused."""
    with open_untrusted(path, magic=b"") as source:
        return source.peek()


def checked_limits(max_word_bytes: int, max_decompressed: int | None) -> tuple[int, int | None]:
    """The limits as integers; TypeError or ValueError for anything else."""
    most = None if max_decompressed is None else checks.integer("max_decompressed", max_decompressed, 1)
    return checks.integer("max_word_bytes", max_word_bytes, 1, checks.MAX_WORDS), most


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """What is in a regular file, unpacked if it is compressed; errors as of :func:`open_untrusted`."""
    with open_untrusted(checks.path("path", path), magic=b"") as source:
        return b"".join(iter(lambda: source.read(_BLOCK_BYTES), b""))


@contextlib.contextmanager
def open_text(
    path: str | os.PathLike[str], encoding: str = "utf-8", errors: str = "strict"
) -> Iterator[io.TextIOWrapper]:
    """A regular file as lines of text; OSError if it is another, TypeError if `path` is none."""
    with (
        _open_regular(checks.path("path", path)) as file,
        io.TextIOWrapper(file, encoding, errors) as text,
    ):
        yield text


def _open_regular(path: str) -> io.BufferedReader:
    file = open_if_regular(path)
    if file is None:
        raise OSError(errno.EINVAL, "not a regular file", path)
    return file


def open_if_regular(path: str | os.PathLike[str]) -> io.BufferedReader | None:
    """The file, open for reading; None if it is not a regular one. Never waits for a writer of a FIFO."""
    file = cast(
        io.BufferedReader,
        open(checks.path("path", path), "rb", _BLOCK_BYTES, opener=_open_without_waiting),  # noqa: SIM115  # the caller closes it
    )
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_foreign(path: str, start: bytes, magic: bytes | None) -> None:
    if not start:
        raise FormatError(f"{path}: the file is empty")
    if magic is not None and start.startswith(magic):
        return
    what = next((what for first, what in _FOREIGN_FORMATS.items() if start.startswith(first)), None)
    if start[4:9] == b"\0\0\0\0{":
        what = "a safetensors file"
    if what is not None:
        raise FormatError(f"{path}: this is {what}")
    if magic is not None:
        raise FormatError(f"{path}: it does not start with {magic!r}, but with {shown(start)}")


def shown(text: bytes | str) -> str:
    """A word or a line for a message: short, and with everything escaped that a terminal would obey."""
    if isinstance(text, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            text = text.decode("utf-8")
    return repr(text[:_SHOWN_CHARACTERS]) + ("..." if len(text) > _SHOWN_CHARACTERS else "")
