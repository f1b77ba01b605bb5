"""Batches of pair counts, as the kernels take them: from windows over a text, pairs, or rows of counts.

A batch's pairs are grouped by center word, equal centers merged, so that each distinct center has one softmax
row. Every random choice is a function of (seed, epoch, position): nothing depends on what ran before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core, streams
from .columns import Block
from .row_order import deal, visits
from .window import Window

#: Most pairs of a batch: keys, weights, spare copies and places take 50 bytes each.
MAX_BATCH_PAIRS = 2**26
#: Rows that are weighed at once.
_WEIGHED = 256


class PairCounts(NamedTuple):
    """Weighted pair counts grouped by distinct center, as the kernels take them.

    Attributes
    ----------
    centers : ndarray (U,), int32       Distinct center ids, rising.
    row_ptr : ndarray (U + 1,), int64   Row u holds entries row_ptr[u] to row_ptr[u + 1].
    contexts : ndarray (E,), int32      Context ids, rising within a row.
    counts : ndarray (E,), float32      Weight of each (center, context), above 0.
    """

    centers: NDArray[np.int32]
    row_ptr: NDArray[np.int64]
    contexts: NDArray[np.int32]
    counts: NDArray[np.float32]

    @property
    def total(self) -> float:
        """Sum of the weights: the number of pairs, in float64."""
        return float(self.counts.sum(dtype=np.float64))

    def context_totals(self, K: int) -> NDArray[np.float64]:
        """Weight of each context word, shape (K,)."""
        return np.bincount(self.contexts, self.counts, minlength=K).astype(np.float64, copy=False)

    def heaviest_row(self, K: int) -> float:
        """The most that a center or a context word weighs."""
        centers = _core.row_sums(self.row_ptr, self.counts)
        return float(max(centers.max(initial=0), self.context_totals(K).max(initial=0)))


#: (units walked so far, the pair counts of a batch). A unit is a center position, a pair or a row.
Batches = Iterator[tuple[int, PairCounts]]


def window_batches(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    window: Window,
    K: int,
    batch_size: int,
    seed: int = 0,
    epoch: int = 0,
    first: int = 0,
) -> Batches:
    """Walk a text, `batch_size` center positions a batch, from batch number `first` on.

    Batches without a pair (one-word sentences) are yielded too, empty, so that progress stays true.
    """
    for start in range(first * batch_size, len(tokens), batch_size):
        stop = min(start + batch_size, len(tokens))
        _check_pairs(offsets, window, start, stop)
        groups = _core.group_windows(
            tokens,
            offsets,
            start,
            stop,
            K,
            window.left,
            window.right,
            window.weight_left,
            window.weight_right,
            window.draw,
            seed,
            streams.reach(epoch),
        )
        yield stop, PairCounts(*groups)


def most_pairs(window: Window, offsets: NDArray[np.int64], centers: int) -> int:
    """Most pairs that a batch of so many centers of this text may have."""
    return min(window.most_contexts(offsets) * centers, MAX_BATCH_PAIRS)


def _check_pairs(offsets: NDArray[np.int64], window: Window, start: int, stop: int) -> None:
    """Refuse a batch whose pairs would not fit in memory: windows of whole sentences are quadratic."""
    first, last = np.searchsorted(offsets, start, "right") - 1, np.searchsorted(offsets, stop, "left")
    reach = window.most_contexts(offsets[first : last + 1])
    if (pairs := reach * (stop - start)) > MAX_BATCH_PAIRS:
        raise ValueError(
            f"the window takes up to {reach} words of a sentence: a batch of {stop - start} centers would "
            f"have up to {pairs:.2e} pairs, the limit is {MAX_BATCH_PAIRS:.2e}; give a smaller window, a "
            "smaller batch_size or shorter sentences"
        )


def pair_batches(
    centers: NDArray[np.int32],
    contexts: NDArray[np.int32],
    weights: NDArray[np.float32],
    K: int,
    batch_size: int,
    first: int = 0,
) -> Batches:
    """Walk explicit pairs, `batch_size` of them a batch, from batch number `first` on."""
    for start in range(first * batch_size, len(centers), batch_size):
        part = slice(start, start + batch_size)
        groups = _core.group_pairs(centers[part], contexts[part], weights[part], K)
        yield min(start + batch_size, len(centers)), PairCounts(*groups)


class CountBatches:
    """Rows of counts as batches.

    Parameters
    ----------
    block : Block               The rows, and what of each is wanted.
    batch_size : int            Rows in a batch.

    Attributes
    ----------
    batch_size : int
    weights : ndarray (rows,), float64      Weight of each row.
    units : int                             Rows to walk; a frequent one counts as often as it comes.
    """

    def __init__(self, block: Block, batch_size: int) -> None:
        self._block, self.batch_size, self.weights = block, batch_size, block.weights
        self._times = visits(self.weights, self.weights > 0, batch_size)
        self._share = (1 / np.maximum(self._times, 1)).astype(np.float32)
        self.units = int(self._times.sum())

    def walk(self, seed: int, epoch: int, num_threads: int = 1, first: int = 0) -> Batches:
        """The batches from number `first` on, dealt anew for each (seed, epoch), the same on any threads."""
        dealt = deal(self.weights, self._times, self.batch_size, seed, epoch)
        walked = sum(map(len, dealt[:first]))
        for ids in dealt[first:]:
            walked += len(ids)
            yield walked, self._rows(ids, num_threads)

    def row_weights(self, num_threads: int = 1) -> NDArray[np.float64]:
        """What each row weighs whenever it comes, shape (words,): the sum of its share of the counts."""
        found, often = self.weights.copy(), np.flatnonzero(self._times > 1).astype(np.int32)
        for start in range(0, len(often), _WEIGHED):
            rows = self._rows(often[start : start + _WEIGHED], num_threads)
            found[rows.centers] = _core.row_sums(rows.row_ptr, rows.counts, num_threads)
        return found

    def _rows(self, ids: NDArray[np.int32], num_threads: int) -> PairCounts:
        rows = _core.gather_rows(*self._block[:4], ids, self._share, num_threads)
        return PairCounts(ids, *rows)
