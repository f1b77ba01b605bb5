"""The mean that I is freed of at the end: no probability depends on where I has its origin.

O_n . I_m + b_n = O_n . (I_m - a) + (b_n + O_n . a) for every a. With a the mean of the rows of I the cosines
of words are told apart better (docs/defaults.md); the constant goes into the bias.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core

Floats = NDArray[np.float32]


def mean_row(I_kh: Floats, counts: NDArray[np.int64], num_threads: int) -> Floats:
    """The mean of the rows (K, H), each weighed by the square root of its word's frequency; shape (H,).

    Between the mean of all words, most of them rare, and that of all tokens, of which most are of few words.
    """
    weights = np.sqrt(counts.astype(np.float64))
    mean: Floats = _core.mean(I_kh, (weights / weights.sum()).astype(np.float32), num_threads).astype(
        np.float32
    )
    return mean


def constants(O_kh: Floats, origin_h: Floats, num_threads: int) -> Floats:
    """O_n . a for every word, shape (K,)."""
    constant: Floats = _core.times(O_kh, np.ascontiguousarray(origin_h[:, None]), num_threads)[:, 0]
    return constant
