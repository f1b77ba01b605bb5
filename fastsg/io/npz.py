"""Vectors as a NumPy archive (.npz), without pickle.

Ours holds ``vectors`` (K, H) float32, ``words`` uint8 (UTF-8, end to end), ``word_offsets`` int64 (K + 1,),
and ``counts`` int64 (K,) where they are known; the same vectors always give the same bytes. Read is also what
others save with ``np.savez(file, words=array of str, vectors=matrix)``, the matrix in float16, 32 or 64.

NumPy's own reader takes memory on the word of a header. This one proves every size first.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zlib
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checks import MAX_WORDS
from ..errors import FormatError
from ..system.atomic import atomic_write
from . import safetensors
from .untrusted import open_untrusted, shown
from .vector_table import Reading, VectorTable, Writing, check_unique, utf8_words

if TYPE_CHECKING:
    import zipfile  # slow to import; loaded by the functions that need it

MAGIC = b"PK\x03\x04"
_BLOCK_BYTES = 1 << 20
_RATIO, _FREE_BYTES = 100, 64 << 20
_HEADER_BYTES = 4096
# What zipfile raises on damaged archives, besides its own BadZipFile.
_DAMAGE = (zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)
# As NumPy writes it; anything else, like fields of a record, is no array of ours.
_HEADER = re.compile(
    rb"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \}\s*"
)
_TYPES = re.compile(r"[<|]([iu][1248]|f[248])|<U[0-9]{1,9}")
_OURS = {"vectors", "words", "word_offsets", "counts"}
#: What others call the same things.
_NAMES = {
    "words": ("words", "index_to_key", "vocab", "tokens"),
    "vectors": ("vectors", "embeddings", "matrix"),
}


def write_npz(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write words, vectors and counts; ValueError if a word cannot be UTF-8."""
    import zipfile

    utf8_words(vectors.words)
    offsets, blob = safetensors.pack_words(vectors.words)
    arrays = {"vectors": vectors.matrix.astype("<f4", copy=False), "words": blob, "word_offsets": offsets}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            # Without a ZipInfo of its own a member would carry the time.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def read_npz(path: str, reading: Reading) -> VectorTable:
    """Words, vectors and counts; FormatError if the archive does not hold them, or holds a pickle."""
    import zipfile

    with open_untrusted(path, magic=MAGIC):
        pass  # regular, and a zip archive
    try:
        with zipfile.ZipFile(path) as archive:
            return _table(path, _Archive(path, archive, reading.max_decompressed))
    except FormatError:
        raise
    except (zipfile.BadZipFile, *_DAMAGE) as error:
        raise FormatError(f"{path}: damaged zip archive ({error})") from None
    except OSError as error:
        if error.errno is None or error.filename is None:
            raise FormatError(f"{path}: damaged zip archive ({error})") from None
        raise


class _Archive:
    """The arrays of an archive by name, read when they are asked for.

    Parameters
    ----------
    path : str                      For messages.
    archive : ZipFile
    max_decompressed : int or None  Most bytes that all members may unpack to.
    """

    def __init__(self, path: str, archive: zipfile.ZipFile, max_decompressed: int | None) -> None:
        self.path, self._archive = path, archive
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        packed = os.path.getsize(path)  # what the archive says of itself need not be so
        allowed = max(_FREE_BYTES, _RATIO * packed) if max_decompressed is None else max_decompressed
        if sum(info.file_size for info in archive.infolist()) > allowed:
            raise FormatError(f"{path}: unpacks to more than {allowed} bytes; see max_decompressed")

    def find(self, what: str) -> NDArray[Any]:
        """The array that is called `what`, or as others call it."""
        names = _NAMES.get(what, (what,))
        name = next((name for name in names if name in self._members), None)
        if name is None:
            raise FormatError(
                f"{self.path}: it holds {sorted(self._members)}, but no array {' or '.join(names)}"
            )
        return self._read(name)

    def check_directory(self) -> None:
        """FormatError if damage to its directory, which has no checksum, may hide an array: a comment, as
        NumPy never writes it, swallows the entries behind; a name that is not ours was one of ours.
        """
        if any(info.comment for info in self._members.values()):
            raise FormatError(f"{self.path}: an array has a comment")
        foreign = sorted(self._members.keys() - _OURS)
        if "word_offsets" in self and foreign:
            raise FormatError(f"{self.path}: it holds {shown(foreign[0])} beside word_offsets")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def _read(self, name: str) -> NDArray[Any]:
        from zipfile import ZIP_DEFLATED, ZIP_STORED

        info = self._members[name]
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or info.flag_bits & 1:
            raise FormatError(
                f"{self.path}: {name} is encrypted, or compressed in a way that NumPy never uses"
            )
        with self._archive.open(info) as member:
            dtype, is_fortran, shape, header = self._header(name, member)
            size = math.prod(shape) * dtype.itemsize
            if header + size != info.file_size:
                raise FormatError(
                    f"{self.path}: {name} of shape {shape} needs {header + size} bytes, not {info.file_size}"
                )
            data = bytearray()
            while len(data) < size and (piece := member.read(min(_BLOCK_BYTES, size - len(data)))):
                data += piece
            if len(data) < size or member.read(1):
                raise FormatError(f"{self.path}: {name} does not have the {size} bytes of its shape {shape}")
        array = np.frombuffer(data, dtype)
        return array.reshape(shape, order="F" if is_fortran else "C")

    def _header(self, name: str, member: IO[bytes]) -> tuple[np.dtype[Any], bool, tuple[int, ...], int]:
        """(type, whether columns lie end to end, shape, bytes of the header)."""
        start = member.read(8)
        wide = start[6:7] in (b"\x02", b"\x03")
        length = int.from_bytes(member.read(4 if wide else 2), "little")
        text = member.read(min(length, _HEADER_BYTES))
        match = _HEADER.fullmatch(text) if start.startswith(b"\x93NUMPY") and len(text) == length else None
        if match is None:
            raise FormatError(f"{self.path}: {name} is no array of numbers or text; it starts {shown(start)}")
        descr = match[1].decode("latin-1")
        if "O" in descr:
            raise FormatError(f"{self.path}: {name} is a pickle; pickles are never opened")
        sizes = [part for part in match[3].decode().replace(" ", "").split(",") if part]
        if not _TYPES.fullmatch(descr) or len(sizes) > 2 or any(len(size) > 18 for size in sizes):
            raise FormatError(f"{self.path}: {name} has type {descr!r} and shape ({match[3].decode()})")
        shape = tuple(map(int, sizes))
        return np.dtype(descr), match[2] == b"True", shape, 8 + (4 if wide else 2) + length


def _table(path: str, archive: _Archive) -> VectorTable:
    archive.check_directory()
    matrix = archive.find("vectors")
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not 1 <= matrix.shape[1] <= MAX_WORDS:
        raise FormatError(f"{path}: the vectors are {matrix.dtype} of shape {matrix.shape}")
    words = _words(path, archive, archive.find("words"))
    if len(words) != len(matrix):
        raise FormatError(f"{path}: it has {len(words)} words for {len(matrix)} vectors")
    check_unique(path, words)
    counts = archive.find("counts") if "counts" in archive else None
    if counts is not None and (counts.shape != (len(words),) or counts.dtype.kind not in "iu"):
        raise FormatError(f"{path}: the counts are {counts.dtype} of shape {counts.shape}")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(matrix, np.float32)
    return VectorTable(words, values, None if counts is None else counts.astype(np.int64))


def _words(path: str, archive: _Archive, words: NDArray[Any]) -> list[str]:
    if words.ndim != 1:
        raise FormatError(f"{path}: the words have shape {words.shape}")
    if words.dtype.kind == "U":
        try:
            return [str(word) for word in words.tolist()]
        except ValueError as error:
            raise FormatError(f"{path}: a word holds no Unicode ({error})") from None
    offsets = archive.find("word_offsets")
    if words.dtype != np.uint8 or offsets.dtype != np.dtype("<i8") or offsets.ndim != 1 or not len(offsets):
        raise FormatError(f"{path}: the words are {words.dtype}, and their offsets {offsets.dtype}")
    try:
        return safetensors.unpack_words(offsets, words)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
