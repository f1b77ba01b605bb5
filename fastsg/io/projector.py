"""Two files of tab-separated text for TensorBoard's Embedding Projector: numbers, and words with counts.

``vectors.tsv`` has a line of H numbers for each word, ``metadata.tsv`` beside it the words: one column
without a header or, where counts are known, the columns ``word`` and ``count`` under a header, as the
projector wants it (tensorflow/docs#473). Of another name ``x.tsv`` the words stand in ``x.metadata.tsv``. A
folder stands for the two files of the first names in it.
"""

from __future__ import annotations

import os
import re

import numpy as np

from .. import _text
from ..checks import number_in
from ..errors import FormatError
from ..system.atomic import atomic_write
from ..system.growing_array import GrowingArray
from .untrusted import UntrustedFile, open_untrusted, shown
from .vector_table import Matrix, Reading, VectorTable, Writing, check_unique, utf8_words
from .word2vec_rows import FIRST_LINE_BYTES, decoded

_FORBIDDEN = re.compile(r"[\t\r\n\0]")
_CHUNK_ROWS = 1024
_NUMBER_BYTES = 64


def file_of(path: str) -> str:
    """The file of numbers that a path means: of a folder, which may end in a separator, the one in it."""
    is_folder = path.endswith(os.sep) or os.path.isdir(path)
    return os.path.join(path, "vectors.tsv") if is_folder else path


def files_of(path: str) -> list[str]:
    """Both files that a path means: of numbers, and of words."""
    return [file_of(path), metadata_path(file_of(path))]


def metadata_path(path: str) -> str:
    """Where the words of a file of vectors stand."""
    folder, name = os.path.split(path)
    if "vectors" in name:
        return os.path.join(folder, "metadata".join(name.rsplit("vectors", 1)))
    return os.path.join(folder, f"{os.path.splitext(name)[0]}.metadata.tsv")


def write_projector(path: str, vectors: VectorTable, writing: Writing) -> None:
    """Write both files, into a new folder if one is named.

    ValueError if a word holds a tab, a line end or NUL.
    """
    for word in vectors.words:
        if _FORBIDDEN.search(word):
            raise ValueError(f"words: {word!r} holds a tab, CR, LF or NUL, which this format cannot have")
    lines = [word + b"\n" for word in utf8_words(vectors.words)]
    if vectors.counts is not None:
        pairs = zip(utf8_words(vectors.words), vectors.counts.tolist(), strict=True)
        lines = [b"word\tcount\n", *(b"%b\t%d\n" % pair for pair in pairs)]
    if path.endswith(os.sep) and not os.path.isdir(path):
        os.mkdir(path)
    path = file_of(path)
    with atomic_write(metadata_path(path)) as file:
        file.writelines(lines)
    with atomic_write(path) as file:
        for start in range(0, len(vectors.words), _CHUNK_ROWS):
            block = np.ascontiguousarray(vectors.matrix[start : start + _CHUNK_ROWS], np.float32)
            text = _text.format_rows([b""] * len(block), block)  # each line starts with a separator
            file.write(text[1:].replace(b"\n ", b"\n").replace(b" ", b"\t"))


def read_projector(path: str, reading: Reading) -> VectorTable:
    """Words, vectors, and counts if there is a column of them; FormatError if the two files do not agree."""
    path = file_of(path)
    with open_untrusted(path, reading.max_decompressed) as source:
        matrix = _read_numbers(source)
    metadata = metadata_path(path)
    if not os.path.exists(metadata):
        raise FormatError(f"{path}: the words should stand beside it in {metadata}, which is not there")
    with open_untrusted(metadata, reading.max_decompressed) as source:
        rows = [line.rstrip(b"\r\n").split(b"\t") for line in _lines(source, FIRST_LINE_BYTES)]
    header = rows.pop(0) if len(rows) == len(matrix) + 1 else []
    if len(rows) != len(matrix):
        raise FormatError(f"{path}: it has {len(matrix)} vectors, {metadata} {len(rows)} lines")
    names = [name.lower() for name in header]
    column = next((names.index(name) for name in (b"word", b"token", b"label") if name in names), 0)
    words = []
    for number, row in enumerate(rows, 1 + bool(header)):
        if len(row) <= column or (header and len(row) != len(header)):
            raise FormatError(f"{metadata}: line {number}: it has {len(row)} columns")
        words.append(decoded(row[column], reading.encoding, reading.errors, f"{metadata}: line {number}"))
    check_unique(metadata, words)
    counts = None
    if b"count" in names:
        at = names.index(b"count")
        counts = np.array([_count(metadata, i, row[at]) for i, row in enumerate(rows, 2)], np.int64)
    return VectorTable(words, matrix, counts)


def _count(path: str, number: int, field: bytes) -> int:
    if not re.fullmatch(rb"[0-9]{1,18}", field):
        raise FormatError(f"{path}: line {number}: {shown(field)} is no count")
    return int(field)


def _lines(source: UntrustedFile, longest: int) -> list[bytes]:
    return list(iter(lambda: source.read_line(longest), b""))


def _read_numbers(source: UntrustedFile) -> Matrix:
    """The matrix (K, H) of a file without words."""
    first = source.read_line(FIRST_LINE_BYTES)
    width = first.count(b"\t") + 1
    numbers, line, number = GrowingArray(np.float32), first, 1
    while line:
        fields = line.rstrip(b"\r\n").split(b"\t")
        if len(fields) != width:
            raise FormatError(f"{source.path}: line {number}: {len(fields)} numbers, line 1 has {width}")
        numbers.append(_numbers(source.path, number, fields))
        line, number = source.read_line(_NUMBER_BYTES * (width + 1)), number + 1
    return numbers.finish().reshape(-1, width)


def _numbers(path: str, number: int, fields: list[bytes]) -> Matrix:
    values = list(map(number_in, fields))
    for field, value in zip(fields, values, strict=True):
        if value is None:
            raise FormatError(f"{path}: line {number}: {shown(field)} is not a number")
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)
