"""fastText's native models (.bin), read: words, counts, input and output vectors. Nothing is written.

Layout, little-endian: magic and version; twelve int32 and a double of settings; the dictionary (sizes, then
for each entry its word, a zero byte, int64 count, int8 type; then the pruned n-grams); a byte and the input
matrix (int64 rows and columns, float32), a byte and the output matrix. A byte of 1 means quantised.

The vector of a word is the mean of its own row and of those of its character n-grams, summed in that order in
float32, as fastText's own ``print-word-vectors`` computes it. Facts of the format: facebookresearch/fastText,
args.cc, dictionary.cc, densematrix.cc, fasttext.cc.
"""

from __future__ import annotations

import struct
import warnings
from typing import NamedTuple, NoReturn

import numpy as np

from ..checks import MAX_WORDS
from ..errors import FormatError
from ..numerics.views import needs_outputs
from .untrusted import UntrustedFile, open_untrusted
from .vector_table import Counts, Matrix, Reading, VectorTable, check_unique, read_floats, view_of
from .word2vec_rows import decoded

MAGIC = b"\xba\x16\x4f\x2f"
_VERSIONS = (11, 12)
_SETTINGS = struct.Struct("<12id")
_SIZES = struct.Struct("<iiiqq")
_ENTRY = struct.Struct("<qb")
_SHAPE = struct.Struct("<qq")
_BLOCK_BYTES = 1 << 20
_HIERARCHICAL, _SUPERVISED = 1, 3
_END_OF_SENTENCE = b"</s>"


class _Settings(NamedTuple):
    """The settings of the file, in its order."""

    dim: int
    ws: int
    epoch: int
    min_count: int
    neg: int
    word_ngrams: int
    loss: int
    model: int
    bucket: int
    minn: int
    maxn: int
    lr_update_rate: int
    t: float


def read_fasttext(path: str, reading: Reading) -> VectorTable:
    """Words, vectors and counts of a model; labels are left out.

    Raises
    ------
    FormatError     It is no such model, is damaged, quantised, or has no vectors of the kind wanted.

    Warns
    -----
    UserWarning     A word is empty, or decodes to nothing: the row is dropped.
    """
    with open_untrusted(path, reading.max_decompressed, MAGIC) as source:
        settings = _read_settings(source)
        words, counts, labels = _Dictionary(source, reading).read()
        rows = _read_matrix(source, settings, "input matrix", len(words) + max(settings.bucket, 0))
        inputs = _word_vectors(source, words, rows, settings)
        which = reading.which or "input"
        outputs = None
        if needs_outputs(which):
            outputs = _read_outputs(source, settings, len(words), labels)
    matrix = view_of(path, which, inputs, outputs, counts)
    text = [
        decoded(raw, reading.encoding, reading.errors, f"{path}: entry {i}") for i, raw in enumerate(words)
    ]
    if "" in text:  # files of the tests of other libraries have such
        warnings.warn(f"{path}: dropped {text.count('')} row(s) whose word is empty", stacklevel=3)
        kept = [i for i, word in enumerate(text) if word]
        text, matrix, counts = [text[i] for i in kept], matrix[kept], counts[kept]
    check_unique(path, text)
    return VectorTable(text, matrix, counts)


def _read_settings(source: UntrustedFile) -> _Settings:
    source.take(4, "the magic number")
    (version,) = struct.unpack("<i", source.take(4, "the version"))
    if version not in _VERSIONS:
        raise FormatError(f"{source.path}: fastText's format has version {version}; allowed are {_VERSIONS}")
    settings = _Settings(*_SETTINGS.unpack(source.take(_SETTINGS.size, "the settings")))
    if not 1 <= settings.dim <= MAX_WORDS or settings.bucket < 0 or settings.minn < 0:
        raise FormatError(
            f"{source.path}: no model has dim={settings.dim}, bucket={settings.bucket}, minn={settings.minn}"
        )
    return settings


class _Dictionary:
    """Reads the words with their counts, and how many labels follow them.

    Parameters
    ----------
    source : UntrustedFile      Behind the settings.
    reading : Reading           How long a word may be.
    """

    def __init__(self, source: UntrustedFile, reading: Reading) -> None:
        self._source, self._longest = source, reading.max_word_bytes

    def read(self) -> tuple[list[bytes], Counts, int]:
        """(words, counts, number of labels)."""
        sizes = _SIZES.unpack(self._source.take(_SIZES.size, "the sizes of the dictionary"))
        size, n_words, n_labels, _, pruned = sizes
        if min(size, n_words, n_labels) < 0 or n_words + n_labels != size:
            self._refuse(f"its dictionary of {size} entries has {n_words} words and {n_labels} labels")
        if pruned > 0:
            self._refuse("its n-grams are pruned, as in quantised models, which are not read")
        if (left := self._source.left()) is not None and size * (_ENTRY.size + 2) > left:
            self._refuse(f"truncated: {size} entries do not fit into the {left} bytes that are left")
        words, counts = [], []
        for entry in range(size):
            word, count, kind = self._entry(entry)
            if kind != (entry >= n_words):
                self._refuse(f"entry {entry}: type {kind}; words come first, then labels")
            if count < 0:
                self._refuse(f"entry {entry}: the count is {count}")
            if kind == 0:
                words.append(word)
                counts.append(count)
        return words, np.array(counts, np.int64), n_labels

    def _entry(self, entry: int) -> tuple[bytes, int, int]:
        word = self._source.read_until(b"\0", self._longest + 1)
        if word is None:
            self._refuse(f"entry {entry}: no end of the word within max_word_bytes={self._longest} bytes")
        return word, *_ENTRY.unpack(self._source.take(_ENTRY.size, f"entry {entry}"))

    def _refuse(self, problem: str) -> NoReturn:
        raise FormatError(f"{self._source.path}: {problem}")


def _read_matrix(source: UntrustedFile, settings: _Settings, what: str, most_rows: int) -> Matrix:
    """A matrix of at most `most_rows` rows, (rows, dim)."""
    quantised = source.take(1, what)
    if quantised != b"\0":
        raise FormatError(
            f"{source.path}: its {what} is quantised; quantised models (.ftz) are not read, the model they "
            "were made from is"
        )
    rows, columns = _SHAPE.unpack(source.take(_SHAPE.size, what))
    if columns != settings.dim or not 0 <= rows <= most_rows:
        raise FormatError(
            f"{source.path}: its {what} is {rows} x {columns}; possible is {most_rows} x {settings.dim}"
        )
    return read_floats(source, rows * columns, f"its {what}").reshape(rows, columns)


def _read_outputs(source: UntrustedFile, settings: _Settings, words: int, labels: int) -> Matrix:
    if settings.model == _SUPERVISED or settings.loss == _HIERARCHICAL:
        holds = "labels" if settings.model == _SUPERVISED else "nodes of the hierarchical softmax"
        raise FormatError(f"{source.path}: its output matrix is about {holds}, not words; use which='input'")
    outputs = _read_matrix(source, settings, "output matrix", max(words, labels))
    if len(outputs) != words:
        raise FormatError(f"{source.path}: its output matrix has {len(outputs)} rows for {words} words")
    return outputs


def _word_vectors(source: UntrustedFile, words: list[bytes], rows: Matrix, settings: _Settings) -> Matrix:
    """The vector of each word, (K, dim)."""
    K = len(words)
    if len(rows) < K:
        raise FormatError(f"{source.path}: its input matrix has {len(rows)} rows for {K} words")
    if settings.maxn <= 0:
        return rows[:K].copy() if len(rows) > K else rows
    if settings.bucket == 0 or len(rows) < K + settings.bucket:
        raise FormatError(
            f"{source.path}: n-grams of {settings.minn} to {settings.maxn} characters, but {len(rows)} rows "
            f"for {K} words and {settings.bucket} buckets"
        )
    vectors = np.empty((K, settings.dim), np.float32)
    for i, word in enumerate(words):
        ids = [i]
        if word != _END_OF_SENTENCE:
            ids += [K + h % settings.bucket for h in _ngram_hashes(word, settings.minn, settings.maxn)]
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
            np.add.reduce(rows[ids], axis=0, out=vectors[i])
        vectors[i] *= np.float32(1.0 / len(ids))
    return vectors


def _ngram_hashes(word: bytes, minn: int, maxn: int) -> list[int]:
    """FNV-1a hashes of the n-grams of ``<word>``, by start and length; bytes are taken as signed."""
    marked = b"<" + word + b">"
    starts = [i for i, byte in enumerate(marked) if byte & 0xC0 != 0x80]
    bounds = [*starts, len(marked)]
    hashes = []
    for first, start in enumerate(starts):
        h, at = 2166136261, start
        for n in range(1, min(maxn, len(starts) - first) + 1):
            end = bounds[first + n]
            for byte in marked[at:end]:
                h = ((h ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
            at = end
            if n >= minn and not (n == 1 and (start == 0 or end == len(marked))):
                hashes.append(h)
    return hashes
