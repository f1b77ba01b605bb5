"""What every vector format is read into and written from, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks import all_str, word_index
from ..errors import FormatError
from ..numerics.views import chosen
from ..system.growing_array import GrowingArray
from .untrusted import UntrustedFile, shown

Matrix = NDArray[np.float32]
Counts = NDArray[np.int64]
#: (ids (K, n), cosine distances (K, n)) of the nearest neighbours of each row.
Neighbours = tuple[NDArray[np.integer[Any]], NDArray[np.floating[Any]]]

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


def view_of(path: str, which: str, inputs: Matrix, outputs: Matrix | None, counts: Counts) -> Matrix:
    """A view of a file's matrices, see :func:`fastsg.numerics.views.chosen`; FormatError if it has none."""
    try:
        return chosen(which, inputs, outputs, counts)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
