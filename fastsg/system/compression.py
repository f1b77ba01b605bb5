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

from ..errors import FormatError

#: First bytes of what each suffix stands for.
MAGIC = {".gz": b"\x1f\x8b\x08", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}
#: What a decompressor raises on damaged data; so does an OSError without the name of a file.
DAMAGE = (EOFError, lzma.LZMAError, zlib.error)
# Compressed bytes handed to zstd at once: it answers with all they hold, at most 32,768 times as many.
_ZST_BYTES = 2048
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


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """What is in a file, unpacked where its name says that it is compressed.

    Raises
    ------
    FormatError     The compressed data are damaged.
    OSError         It cannot be read.
    """
    suffix = compression_of(path)
    try:
        with open(path, "rb") as raw, decompressed(raw, suffix) as file:
            return cast(bytes, file.read())
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"{os.fsdecode(path)}: damaged or no {suffix} data ({error})") from None


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

        return bz2.BZ2File(raw)
    if suffix == ".xz":
        return lzma.LZMAFile(raw)
    if suffix == ".zst":
        return _ZstdReader(raw, *_zstd_decompressor())
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


class _ZstdReader(io.RawIOBase):
    """The packages' own readers end silently where a file is cut off; this one raises EOFError.

    Parameters
    ----------
    raw : binary file       With the compressed bytes.
    new : callable          Makes a decompressor for the next frame.
    error : type            What that raises on damaged data; it becomes an OSError.
    """

    def __init__(self, raw: BinaryIO, new: Callable[[], Any], error: type[Exception]) -> None:
        self._raw, self._new, self._error = raw, new, error
        self._frame: Any = None
        self._left = b""  # compressed bytes behind a frame's end
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
                self._frame = self._new()
            try:
                self._ready = memoryview(self._frame.decompress(data))
            except self._error as error:
                raise OSError(str(error)) from error
            if self._frame.eof:
                self._left, self._frame = self._frame.unused_data, None
        n = min(len(room), len(self._ready))
        room[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n
