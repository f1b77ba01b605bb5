"""What every vector format is read into and written from, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks import all_str, word_index
from ..errors import FormatError
from ..system.growing_array import GrowingArray
from .untrusted import UntrustedFile, shown

Matrix = NDArray[np.float32]
Counts = NDArray[np.int64]
#: (ids (K, n), cosine distances (K, n)) of the nearest neighbours of each row.
Neighbours = tuple[NDArray[np.integer[Any]], NDArray[np.floating[Any]]]

#: What of a model with an input and an output matrix is meant.
WHICH = ("input", "output", "sum", "centered", "concat")
_BLOCK_NUMBERS = 1 << 16


class VectorTable(NamedTuple):
    """Words with their vectors.

    Attributes
    ----------
    words : list of str                     Length K, unique.
    matrix : ndarray (K, H), float32        Row i belongs to word i.
    counts : ndarray (K,), int64, or None   Occurrences of each word, where they are known.
    """

    words: list[str]
    matrix: Matrix
    counts: Counts | None


@dataclass(frozen=True)
class Reading:
    """How a file is read; see :func:`fastsg.io.formats.load_vectors`."""

    which: str | None = None
    limit: int | None = None
    encoding: str = "utf-8"
    errors: str = "strict"
    allow_nonfinite: bool = False
    max_word_bytes: int = 4096
    max_decompressed: int | None = None


@dataclass(frozen=True)
class Writing:
    """What a file holds besides words, vectors and counts; see :func:`fastsg.io.formats.save_vectors`."""

    neighbors: Neighbours | None = None
    sif: float | None = None


def utf8_words(words: Sequence[str]) -> list[bytes]:
    """The words in UTF-8; TypeError or ValueError if one is no str, empty, not encodable or occurs twice."""
    all_str(words)
    word_index(words)
    return [_utf8(word) for word in words]


def _utf8(word: str) -> bytes:
    try:
        raw = word.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"words: {word!r} cannot be encoded as UTF-8 ({error.reason}); word2vec formats can hold it"
        ) from None
    if not raw:
        raise ValueError("words: the empty word cannot be written")
    return raw


def check_unique(path: str, words: Sequence[str]) -> None:
    """FormatError if a word is empty or occurs twice."""
    seen: set[str] = set()
    for word in words if len(set(words)) < len(words) else ():
        if word in seen:
            raise FormatError(f"{path}: the word {shown(word)} occurs twice")
        seen.add(word)
    if "" in words:
        raise FormatError(f"{path}: a word is empty")


def check_finite(matrix: NDArray[Any], owner: Callable[[int], str], exception: type[ValueError]) -> None:
    """Raise naming the first row with a number that is not finite in float32."""
    step = max(1, _BLOCK_NUMBERS // matrix.shape[1])  # blocks keep temporaries small
    for start in range(0, len(matrix), step):
        with np.errstate(over="ignore"):
            finite = np.isfinite(matrix[start : start + step].astype(np.float32, copy=False))
        if not finite.all():
            row = start + int(np.argmin(finite.all(axis=1)))
            raise exception(f"{owner(row)} (row {row + 1}) is not finite in float32")


def read_floats(source: UntrustedFile, count: int, what: str) -> Matrix:
    """The next `count` little-endian float32; memory is taken for what is there, not for what is promised."""
    left = source.left()
    if left is not None and 4 * count > left:
        raise FormatError(f"{source.path}: truncated: {what} needs {4 * count} bytes, {left} are left")
    numbers = GrowingArray(np.float32, 0 if left is None else count)
    while numbers.n < count:
        part = min(count - numbers.n, 1 << 18)
        numbers.append(np.frombuffer(source.take(4 * part, what), "<f4"))
    return numbers.finish()


def chosen(path: str, which: str, inputs: Matrix, outputs: Matrix | None, counts: Counts) -> Matrix:
    """What `which` asks for of the input and output matrix (K, H); (K, 2 H) for "concat".

    "sum" adds both rows of a word at unit length; "centered" takes their mean from the input rows, each
    weighed by the square root of its word's count: between the mean of all words, most of them rare, and that
    of all tokens, of which most are of few words. So do the settings of a model with these names.
    """
    if which == "input":
        return inputs
    if which == "centered":
        return inputs - _mean_row(inputs, np.sqrt(counts))
    if outputs is None:
        raise FormatError(f"{path}: it has no output vectors; which={which!r} needs them")
    if which == "output":
        return outputs
    if which == "concat":
        return np.hstack([inputs, outputs])
    return _unit_rows(inputs) + _unit_rows(outputs)


def _mean_row(matrix: Matrix, weights_k: NDArray[np.float64]) -> Matrix:
    """The weighted mean of the rows (H,), added up in float64; a mean of nothing is 0."""
    total_h, step = np.zeros(matrix.shape[1]), max(1, _BLOCK_NUMBERS // matrix.shape[1])
    for start in range(0, len(matrix), step):
        total_h += (matrix[start : start + step] * weights_k[start : start + step, None]).sum(axis=0)
    mean: Matrix = (total_h / max(weights_k.sum(), 1.0)).astype(np.float32)
    return mean


def _unit_rows(matrix: Matrix) -> Matrix:
    """The rows at length 1, lengths taken in float64; a zero row stays zero."""
    squares_k = np.empty(len(matrix))
    step = max(1, _BLOCK_NUMBERS // matrix.shape[1])
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        for start in range(0, len(matrix), step):
            block = matrix[start : start + step].astype(np.float64)
            squares_k[start : start + step] = np.einsum("kh,kh->k", block, block)
    norms_k = np.sqrt(squares_k)
    is_nonzero = norms_k >= np.finfo(np.float32).tiny
    inverse_k = np.divide(1.0, norms_k, out=np.zeros_like(norms_k), where=is_nonzero)
    unit: Matrix = matrix * inverse_k.astype(np.float32)[:, None]
    return unit
