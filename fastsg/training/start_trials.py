"""What the start from counts costs on this machine: parts of it, tried out and added up."""

from __future__ import annotations

import dataclasses

import numpy as np

from .. import _core
from ..cooccurrence.counts import CooccurrenceCounts
from ..numerics.initializers import sparse_products, spectral_width, transposed
from ..text.vocab import Vocab
from .batch_sources import CountSource
from .calibration import LONGEST_VECTOR, timed
from .loop import start_from_counts
from .settings import Settings
from .state import Training

#: What is tried out at most: multiplications of a Gram matrix, entries times columns of a product with a
#: sparse matrix, and elements of what that is multiplied with.
_MOST_GRAM, _MOST_SPARSE, _MOST_ELEMENTS = 2**28, 2**27, 2**25
_UNIT = 16


def start_seconds(settings: Settings, counts: CooccurrenceCounts, entries: float, workers: int) -> float:
    """What laying out I and O and their start from counts take.

    Parameters
    ----------
    counts : CooccurrenceCounts     Those, or counts like them.
    entries : float                 That they will have.

    Notes
    -----
    Products of dense matrices grow with the words and the square of the vectors' length, products with the
    sparse matrix with its entries and that length. The first are timed on counts with hardly an entry.
    """
    H, K = min(settings.vector_size, LONGEST_VECTOR), counts.K
    tried = dataclasses.replace(settings, vector_size=H)
    longer = max(min(settings.vector_size, K) / H, 1.0)
    words = min(K, max(_MOST_GRAM // spectral_width(K, H) ** 2, 2))
    dense = _of_words(tried, counts, words, workers)
    if words < K:
        less = _of_words(tried, counts, words // 2, workers)
        dense += max(dense - less, 0.0) / (words - words // 2) * (K - words)
    return dense * longer**2 + entries * _of_an_entry(counts, H, workers) * longer


def _of_words(settings: Settings, like: CooccurrenceCounts, words: int, workers: int) -> float:
    """Seconds of a start of so many words, each of which has been seen beside the next."""
    ids = np.arange(words)
    others = np.roll(ids, 1)
    ring = CooccurrenceCounts.from_arrays(
        np.append(ids, others), np.append(others, ids), np.ones(2 * words), _words_of(words)
    )
    ring.settings = like.settings  # which tells whether they are symmetric

    def start() -> None:
        training = Training.start(settings, ring.vocab, None, None, workers, False)
        start_from_counts(training, CountSource(ring, 1, settings.seed, workers))

    return timed(start)[1]


def _words_of(number: int) -> Vocab:
    return Vocab([f"{i:08}" for i in range(number)], np.ones(number, np.int64))


def _of_an_entry(counts: CooccurrenceCounts, H: int, workers: int) -> float:
    """Seconds for each entry: its information, and all products with it. Rows from all over are tried."""
    K, width = counts.K, spectral_width(counts.K, H)
    tried = min(width, max(_MOST_ELEMENTS // K // _UNIT, 1) * _UNIT)
    rows = min(K, max(int(_MOST_SPARSE / tried * K / max(counts.nnz, 1)), 1))
    ids = ((np.arange(rows) + 0.5) * (K / rows)).astype(np.int32)
    row_ptr, contexts, values = counts.rows
    some = _core.gather_rows(row_ptr, row_ptr[1:], contexts, values, ids, np.ones(K, np.float32), workers)
    row_sums = counts.row_sums[ids]
    column_sums = counts.column_sums() * (row_sums.sum() / max(counts.total, 1e-30))
    if not row_sums.any():
        return 0.0
    sparse, seconds = timed(lambda: _core.ppmi(*some, row_sums, column_sums, workers))
    ones = np.ones((K, tried), np.float32)
    product = timed(lambda: _core.sparse_times(*sparse, ones, workers))[1] * width / tried
    if not counts.symmetric:
        seconds += timed(lambda: transposed(sparse))[1]
    return (seconds + sparse_products(counts.symmetric) * product) / len(some[1])
