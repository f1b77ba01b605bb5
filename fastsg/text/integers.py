"""An array of integers as sentences, a row each: the word of an integer is its decimal form."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from .encoders import DistinctWords, Encoder


def is_integer_array(sentences: object) -> TypeGuard[NDArray[np.integer[Any]]]:
    """Whether this is an array of sentences of integers, as walks are."""
    return isinstance(sentences, np.ndarray) and sentences.ndim == 2 and sentences.dtype.kind in "iu"


class IntegerEncoder(Encoder):
    """Encodes the rows of an array (sentences, length) of integers."""

    def __init__(self, sentences: NDArray[np.integer[Any]]) -> None:
        super().__init__()
        rows, length = sentences.shape
        self._values, ids, self._counts = _numbered(sentences.ravel())
        self.append(0, ids, np.arange(1, rows + 1, dtype=np.int64) * length)

    def distinct_words(self) -> DistinctWords:
        values = self._values
        return DistinctWords(
            self._counts,
            lambda ids: list(map(str, values[ids].tolist())),
            [np.arange(len(values), dtype=np.int32)],
        )


def _numbered(
    values: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.integer[Any]], NDArray[np.int32], NDArray[np.int64]]:
    """The distinct values, rising; the number of each value among them; how often each occurs."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if not 0 <= low <= high < 2**31 or high > 4 * values.size:
        distinct, ids, counts = np.unique(values, return_inverse=True, return_counts=True)
        return distinct, ids.astype(np.int32), counts.astype(np.int64)
    values = values.astype(np.int64, copy=False)  # NumPy before 2 does not count uint64
    counts = np.bincount(values)  # no sorting where the values are near each other
    present = np.flatnonzero(counts)
    number = np.zeros(len(counts), np.int32)
    number[present] = np.arange(len(present), dtype=np.int32)
    return present, number[values], counts[present]
