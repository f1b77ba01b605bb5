"""Rows in twelve bits a number, and how many neighbours that changes.

Eight bits a number change more than one of a hundred ten-nearest neighbours (1.4 of them in 50,000 words of
Wikipedia, H = 100), twelve bits one of a thousand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..vectors import KeyedVectors

_MOST = 2047  # of twelve bits with a sign
_SAMPLE, _NEAREST = 500, 10


class Quantised(NamedTuple):
    """A matrix as integers from -2047 to 2047 and a factor for each row.

    Attributes
    ----------
    integers : ndarray (K, H), int16
    scales : ndarray (K,), float32      Row k is scales[k] * integers[k], nearly.
    """

    integers: NDArray[np.int16]
    scales: NDArray[np.float32]

    def packed(self) -> bytes:
        """The upper eight bits of all numbers, a byte each, then the lower four, two in a byte."""
        flat = self.integers.ravel()
        low = np.zeros(len(flat) + len(flat) % 2, np.uint8)
        low[: len(flat)] = flat & 15
        return (flat >> 4).astype(np.int8).tobytes() + (low[::2] | low[1::2] << 4).tobytes()


def quantise(matrix: NDArray[np.float32]) -> Quantised:
    """Each row in steps of a 2047th of its largest entry; a zero row stays zero."""
    largest_k = np.abs(matrix).max(axis=1).astype(np.float64)
    steps_k = np.divide(_MOST, largest_k, out=np.zeros_like(largest_k), where=largest_k > 0)
    integers = np.rint(matrix * steps_k[:, None]).astype(np.int16)
    return Quantised(integers, (largest_k / _MOST).astype(np.float32))


def same_neighbours(vectors: KeyedVectors, quantised: Quantised) -> float:
    """The part of the ten nearest words, of up to 500 words, that stays the same; 1 of a single word."""
    if len(vectors) < 2:
        return 1.0
    rows = np.unique(np.linspace(0, len(vectors) - 1, _SAMPLE).astype(np.int64))
    asked = [vectors.index_to_key[row] for row in rows]
    coarse = KeyedVectors(vectors.index_to_key, quantised.integers.astype(np.float32))
    both = (words.most_similar_batch(asked, topn=_NEAREST) for words in (vectors, coarse))
    shares = [len({w for w, _ in a} & {w for w, _ in b}) / len(a) for a, b in zip(*both)]
    return float(np.mean(shares))
