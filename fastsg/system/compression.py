"""Compression by suffix: .gz, .bz2, .xz and .zst, for texts and vectors, read and written.

Nothing is guessed from the content. Packages are imported when a file of theirs is opened.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast

#: First bytes of what each suffix stands for.
MAGIC = {".gz": b"\x1f\x8b\x08", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}
#: What a decompressor raises on damaged data; so does an OSError without the name of a file.
DAMAGE = (EOFError, lzma.LZMAError, zlib.error)
_RATIO = 100  # honest vectors and texts shrink three- to tenfold
_FREE_BYTES = 64 << 20
# Compressed bytes handed over at once. The package zstandard answers with all they hold, at most 32,768 times
# as many; the others with so many that are unpacked.
_PACKED_BYTES = 2048
_UNPACKED_BYTES = 1 << 18
# Vectors and ids hardly shrink further at higher levels, which take many times as long.
_GZIP_LEVEL, _XZ_PRESET = 1, 1


def compression_of(path: str | os.PathLike[str]) -> str:
    """The suffix of the path that stands for a compression, in lower case; "" without one."""
    suffix = os.path.splitext(os.fsdecode(path))[1].lower()
    return suffix if suffix in MAGIC else ""


def without_compression(path: str | os.PathLike[str]) -> str:
    """The path without such a suffix."""
    path = os.fsdecode(path)
    return path[: len(path) - len(compression_of(path))]


def refuse_compression(path: str | os.PathLike[str], what: str = "path") -> None:
    """ValueError if the path says that a file is compressed which will not be; `what` is for the message."""
    if suffix := compression_of(path):
        raise ValueError(
            f"{what} is {os.fsdecode(path)}, but this file is not compressed by suffix; leave {suffix} out"
        )


def most_unpacked(size: int) -> int:
    """How many bytes a compressed file of `size` bytes may hold, if it is honest."""
    return max(_FREE_BYTES, _RATIO * size)


def decompressed(raw: BinaryIO, suffix: str) -> AbstractContextManager[Any]:
    """A file object with ``readinto`` for the bytes in `raw`; for "" that is `raw` itself, which stays open.

    Raises
    ------
    ImportError     The suffix is ``.zst``, and no package here reads those.
    """
    if suffix == ".gz":
        import gzip

        return gzip.GzipFile(fileobj=raw, mode="rb")
    if suffix == ".bz2":
        import bz2

        return _Frames(raw, bz2.BZ2Decompressor, OSError, padding=1)  # of tapes, as gzip allows it
    if suffix == ".xz":
        return _Frames(raw, lzma.LZMADecompressor, lzma.LZMAError, padding=4)  # its format has it so
    if suffix == ".zst":
        return _Frames(raw, *_zstd_decompressor())
    return contextlib.nullcontext(raw)


@contextlib.contextmanager
def compressed(raw: BinaryIO, suffix: str) -> Iterator[BinaryIO]:
    """A file object whose bytes go to `raw` compressed. The same bytes always give the same file."""
    if suffix == ".gz":
        import gzip

        file: Any = gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0)  # no name and no time in the file
    elif suffix == ".bz2":
        import bz2

        file = bz2.BZ2File(raw, "wb")
    elif suffix == ".xz":
        file = lzma.LZMAFile(raw, "wb", preset=_XZ_PRESET)  # noqa: SIM115  # closed below
    elif suffix == ".zst":
        file = _zstd_writer(raw)
    else:
        yield raw
        return
    with file:
        yield cast(BinaryIO, file)


def _zstd_decompressor() -> tuple[Callable[[], Any], type[Exception]]:
    """(what makes a decompressor of one frame, the exception it raises)."""
    with contextlib.suppress(ImportError):
        module = importlib.import_module("compression.zstd")  # Python 3.14
        return module.ZstdDecompressor, module.ZstdError
    zstandard = _zstandard("reading")
    return lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError


def _zstd_writer(raw: BinaryIO) -> Any:
    with contextlib.suppress(ImportError):
        return importlib.import_module("compression.zstd").ZstdFile(raw, "wb")
    return _zstandard("writing").ZstdCompressor(write_checksum=True).stream_writer(raw, closefd=False)


def _zstandard(doing: str) -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError:
        raise ImportError(
            f"{doing} .zst files needs Python 3.14 or the package zstandard: pip install zstandard"
        ) from None


class _Frames(io.RawIOBase):
    """What is in the frames (streams, members) of a file, one after the other.

    Python's own readers of bzip2 and xz take whatever follows a stream and is no other for the end of the
    file, so that damage drops the rest in silence; those of zstd take a file that is cut off for a whole one.

    Parameters
    ----------
    raw : binary file       With the compressed bytes.
    new : callable          Makes a decompressor for the next frame.
    error : type            What that raises on damaged data; it becomes an OSError.
    padding : int           Zero bytes may follow a frame, as many times so many as there are; 0: none may.
    """

    def __init__(
        self, raw: BinaryIO, new: Callable[[], Any], error: type[Exception], padding: int = 0
    ) -> None:
        self._raw, self._new, self._error, self._padding = raw, new, error, padding
        self._frame = new()
        self._left = b""  # compressed bytes behind a frame's end
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        while not self._ready:
            if self._frame.eof and not self._is_next_frame():
                return 0
            self._ready = memoryview(self._unpacked())
        n = min(len(room), len(self._ready))
        room[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n

    def _unpacked(self) -> bytes:
        """Some more bytes of the frame."""
        is_bounded = hasattr(self._frame, "needs_input")
        data = b""
        if not is_bounded or self._frame.needs_input:
            data, self._left = self._left or self._raw.read(_PACKED_BYTES), b""
            if not data:
                raise EOFError("the file ends within a compressed stream")
        try:
            return cast(bytes, self._frame.decompress(data, *([_UNPACKED_BYTES] * is_bounded)))
        except self._error as error:
            raise OSError(str(error)) from error

    def _is_next_frame(self) -> bool:
        """Whether another frame follows, which is begun then, or the end of the file."""
        data, zeros = self._frame.unused_data or self._raw.read(_PACKED_BYTES), 0
        while self._padding and data.startswith(b"\0"):
            rest = data.lstrip(b"\0")
            zeros += len(data) - len(rest)
            data = rest or self._raw.read(_PACKED_BYTES)
        if zeros and zeros % self._padding:
            raise OSError(f"{zeros} zero bytes follow a stream; allowed are multiples of {self._padding}")
        if data:
            self._left, self._frame = data, self._new()
        return bool(data)
