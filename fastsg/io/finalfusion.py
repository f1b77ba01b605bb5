"""finalfusion files (.fifu): words and vectors; of theirs those with a plain vocabulary and array are read.

Layout, little-endian: ``FiFu``, version 0, the number of chunks and their kinds; then chunks of a kind
(uint32), a length (uint64) and data. Ours has a vocabulary (uint64 words; each a uint32 length and UTF-8) and
an array (uint64 rows, uint32 columns, uint32 type, zeros up to the next multiple of 4, float32). Where a file
has norms, its rows have length 1; they are multiplied by them, which gives back the vectors before that.
Facts of the format: finalfusion/finalfusion-rust, io.rs.
"""

from __future__ import annotations

import struct
from typing import NoReturn

import numpy as np

from ..checks import MAX_WORDS
from ..errors import FormatError
from ..system.atomic import atomic_write
from .untrusted import UntrustedFile, open_untrusted
from .vector_table import Matrix, Reading, VectorTable, Writing, check_unique, read_floats, utf8_words
from .word2vec_rows import decoded

MAGIC = b"FiFu"
_VOCABULARY, _ARRAY, _METADATA, _NORMS = 1, 2, 5, 6
_KINDS = {
    3: "subwords in buckets",
    4: "a quantised array",
    7: "fastText's subwords",
    8: "explicit subwords",
    9: "floret's subwords",
}
_FLOAT32 = 10
_MOST_CHUNKS = 16
_CHUNK = struct.Struct("<IQ")


def write_finalfusion(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write words and vectors; ValueError if a word cannot be UTF-8."""
    words = utf8_words(vectors.words)
    K, H = vectors.matrix.shape
    vocabulary = struct.pack("<Q", K) + b"".join([struct.pack("<I", len(word)) + word for word in words])
    start = MAGIC + struct.pack("<4I", 0, 2, _VOCABULARY, _ARRAY)
    start += _CHUNK.pack(_VOCABULARY, len(vocabulary)) + vocabulary
    shape = struct.pack("<QII", K, H, _FLOAT32)
    padding = bytes(_padding(len(start) + _CHUNK.size + len(shape)))
    with atomic_write(path) as file:
        file.write(start + _CHUNK.pack(_ARRAY, len(shape) + len(padding) + 4 * K * H) + shape + padding)
        file.write(np.ascontiguousarray(vectors.matrix, "<f4").reshape(-1).view(np.uint8).data)


def read_finalfusion(path: str, reading: Reading) -> VectorTable:
    """Words and vectors; FormatError if the file is damaged or holds more than these."""
    with open_untrusted(path, reading.max_decompressed, MAGIC) as source:
        return _Chunks(source, reading).read()


def _padding(position: int) -> int:
    """Zeros before an array of floats: 1 to 4 of them."""
    return 4 - position % 4


class _Chunks:
    """Reads the chunks of a file one after the other.

    Parameters
    ----------
    source : UntrustedFile      At its start.
    reading : Reading           How words are decoded, and how long they may be.
    """

    def __init__(self, source: UntrustedFile, reading: Reading) -> None:
        self._source, self._reading, self._at = source, reading, 0

    def read(self) -> VectorTable:
        """The words and the vectors."""
        words: list[str] | None = None
        matrix: Matrix | None = None
        for kind in self._kinds():
            found, length = _CHUNK.unpack(self._take(_CHUNK.size, "a chunk"))
            if found != kind:
                self._refuse(f"its header promises a chunk of kind {kind}, found is {found}")
            end = self._at + length
            if kind == _VOCABULARY and words is None:
                words = self._vocabulary()
            elif kind == _ARRAY and matrix is None:
                matrix = self._array()
            elif kind == _NORMS and matrix is not None:
                with np.errstate(over="ignore", invalid="ignore"):
                    matrix = matrix * self._norms(len(matrix))[:, None]
            elif kind == _METADATA:
                self._take(length, "the metadata")
            else:
                self._refuse(f"it has {_KINDS.get(kind, f'a chunk of kind {kind}')}, which is not read")
            if self._at != end:
                self._refuse(f"a chunk of kind {kind} says that it has {length} bytes, which is not so")
        if words is None or matrix is None or len(words) != len(matrix):
            self._refuse("it does not have a vocabulary and an array of the same size")
        check_unique(self._source.path, words)
        return VectorTable(words, matrix, None)

    def _kinds(self) -> tuple[int, ...]:
        self._take(len(MAGIC), "the magic number")
        version, chunks = struct.unpack("<II", self._take(8, "the header"))
        if version != 0 or not 1 <= chunks <= _MOST_CHUNKS:
            self._refuse(
                f"version {version} with {chunks} chunks; allowed are version 0, 1 to {_MOST_CHUNKS}"
            )
        return struct.unpack(f"<{chunks}I", self._take(4 * chunks, "the header"))

    def _vocabulary(self) -> list[str]:
        (count,) = struct.unpack("<Q", self._take(8, "the vocabulary"))
        left = self._source.left()
        if count > MAX_WORDS or (left is not None and 5 * count > left):
            self._refuse(f"truncated, or its header lies: {count} words do not fit into {left} bytes")
        words = []
        for i in range(count):
            (length,) = struct.unpack("<I", self._take(4, f"word {i}"))
            if length > self._reading.max_word_bytes:
                self._refuse(f"word {i} has {length} bytes; max_word_bytes={self._reading.max_word_bytes}")
            raw = self._take(length, f"word {i}")
            place = f"{self._source.path}: word {i}"
            words.append(decoded(raw, self._reading.encoding, self._reading.errors, place))
        return words

    def _array(self) -> Matrix:
        rows, columns, kind = struct.unpack("<QII", self._take(16, "the array"))
        if kind != _FLOAT32 or not 1 <= columns <= MAX_WORDS or rows > MAX_WORDS:
            self._refuse(f"its array is {rows} x {columns} of type {kind}; type {_FLOAT32} (float32) is read")
        return self._floats(rows * columns, "the array").reshape(rows, columns)

    def _norms(self, rows: int) -> Matrix:
        count, kind = struct.unpack("<QI", self._take(12, "the norms"))
        if count != rows or kind != _FLOAT32:
            self._refuse(f"it has {count} norms of type {kind} for {rows} rows")
        return self._floats(count, "the norms")

    def _floats(self, count: int, what: str) -> Matrix:
        self._take(_padding(self._at), what)
        self._at += 4 * count
        return read_floats(self._source, count, what)

    def _take(self, count: int, what: str) -> bytes:
        self._at += count
        return self._source.take(count, what)

    def _refuse(self, problem: str) -> NoReturn:
        raise FormatError(f"{self._source.path}: {problem}")
