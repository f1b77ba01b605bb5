"""Rows of counts of which only some entries are wanted: those of the first words, or of some columns."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .counting import CountRows
from .table import CountTable

#: From one column to before another.
Columns = tuple[int, int]


class Block(NamedTuple):
    """The first rows of counts, and what of each is wanted.

    Attributes
    ----------
    starts, stops : ndarray (rows,), int64      Of row m the entries starts[m] to stops[m] of contexts and
                                                counts.
    contexts, counts                            As in CooccurrenceCounts.
    weights : ndarray (rows,), float64          What each row weighs, others' entries included.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    contexts: NDArray[np.int32]
    counts: NDArray[np.float32]
    weights: NDArray[np.float64]


def leading_block(counts: CountTable, words: int, rows: int | None = None) -> Block:
    """Of the first `rows` of the first `words` rows, by default all, what they have with these words."""
    stops, weights = counts.leading(words)
    return Block(counts.row_ptr, stops[:rows], counts.contexts, counts.counts, weights[:rows])


def column_block(rows: CountRows, columns: Columns, weights: NDArray[np.float64], num_threads: int) -> Block:
    """Of the first rows, as many as there are weights, the entries in some columns."""
    starts, stops = (
        _core.cut_rows(rows.row_ptr, rows.contexts, len(weights), column, num_threads) for column in columns
    )
    return Block(starts, stops, rows.contexts, rows.counts, weights)


def columns_of(rows: CountRows, wanted: Collection[tuple[int, Columns]], num_threads: int) -> CountRows:
    """A copy of the rows with the entries wanted: for each (n, columns) those of the first n rows in the
    columns.

    An entry that is wanted twice comes once. There are as many rows as the largest n.
    """
    words = max(n for n, _ in wanted)
    starts, stops = np.zeros((2, words, len(wanted)), np.int64)
    taken = np.zeros(words, np.int64)  # up to where each row's entries have been taken
    for piece, (n, columns) in enumerate(sorted(wanted, key=lambda item: item[1])):
        first, last = (
            _core.cut_rows(rows.row_ptr, rows.contexts, n, column, num_threads) for column in columns
        )
        starts[:n, piece] = np.maximum(first, taken[:n])
        stops[:n, piece] = taken[:n] = np.maximum(last, starts[:n, piece])
    pieces = np.arange(starts.size, dtype=np.int32)
    row_ptr, contexts, counts = _core.gather_rows(
        starts.reshape(-1),
        stops.reshape(-1),
        rows.contexts,
        rows.counts,
        pieces,
        np.ones(len(pieces), np.float32),
        num_threads,
    )
    return CountRows(row_ptr[:: len(wanted)].copy(), contexts, counts)
