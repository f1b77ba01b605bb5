"""The windows of a text counted row by row, and what counts tell of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .._counting import Counter
from ..system.growing_file import give_back
from ..system.interrupts import check
from .count_settings import CountSettings
from .window import Window

#: Entries that a part of the rows may need at most while it is counted.
PART = 2**22

#: Tokens and offsets of a text.
Text = tuple[NDArray[np.int32], NDArray[np.int64]]


class CountRows(NamedTuple):
    """Rows of counts: row m holds entries row_ptr[m] to row_ptr[m + 1] of contexts and counts."""

    row_ptr: NDArray[np.int64]
    contexts: NDArray[np.int32]
    counts: NDArray[np.float32]


class StoredCounts(NamedTuple):
    """Rows of counts, how they were made, what thinned the text they are about, and what makes them exact.

    Counts are sums of whole units divided by those in 1: float32 tells which sum it was up to 2**22, and the
    larger ones are in `large`, in the order of the entries. None: the sums were not kept, or there are none.
    """

    rows: CountRows
    settings: CountSettings | None
    keep: NDArray[np.float64] | None
    large: NDArray[np.int64] | None = None

    @property
    def unit(self) -> int:
        """Units in a count of 1; 0 if these are not sums of units."""
        if self.settings is None or (self.keep is not None and not self.settings.draws):
            return 0
        unit = self.settings.window.units().unit
        return unit if self.keep is None else unit * self.settings.draws


class Taker(Protocol):
    """Takes entries of counts as they come."""

    def add(self, n: int, fill: Callable[[NDArray[np.int32], NDArray[np.float32]], None]) -> None:
        """Take n entries, which `fill` writes."""

    def add_large(self, large: NDArray[np.int64]) -> None:
        """Take the large sums of the entries taken last."""


def count_rows(
    texts: list[Text],
    K: int,
    window: Window,
    taker: Taker,
    keep_k: NDArray[np.float64] | None,
    exact: bool,
    *,
    threads: int,
    part: int,
    advance: Callable[[int], object],
) -> NDArray[np.int64]:
    """Count the windows of draws of a text, all rows, part by part; returns row_ptr.

    Parameters
    ----------
    texts : list                            Cleared once they were copied: nobody else should hold them.
    taker : Taker                           Gets the entries, with `exact` also the large sums.
    keep_k : ndarray (K,), float64, or None Every pair (m, n) is weighted keep_k[m] keep_k[n].
    advance : function                      Is told of tokens whose windows were counted.

    ValueError if a sum might not fit 64 bits.
    """
    counter = Counter(
        texts,
        K,
        window.left,
        window.right,
        *window.units(),
        np.zeros(0) if keep_k is None else keep_k,
        threads,
        exact,
    )
    times, longest = counter.occurrences(), max(int(np.diff(ends).max(initial=0)) for _, ends in texts)
    give_back(*(tokens for tokens, _ in texts))
    texts.clear()
    _check_sums(int(times.max()), longest, window)
    sizes = np.zeros(K + 1, np.int64)
    for start, stop in row_parts(np.cumsum(counter.bounds()), part):
        sizes[start + 1 : stop + 1] = counter.rows(start, stop)
        taker.add(int(sizes[start + 1 : stop + 1].sum()), counter.take)
        if exact:
            taker.add_large(counter.take_large())
        advance(int(times[start:stop].sum()))
        check()
    return np.cumsum(sizes)


def row_parts(ends: NDArray[np.int64], part: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of rows one after the other with at most `part` entries together, or of one row.

    Row m has the entries before ends[m] that the rows before it have not.
    """
    start = done = 0
    while start < len(ends):
        stop = max(int(np.searchsorted(ends, done + part, "right")), start + 1)
        yield start, stop
        start, done = stop, int(ends[stop - 1])


def _check_sums(positions: int, longest: int, window: Window) -> None:
    """ValueError if the sums of a word that occurs so often might not fit 64 bits."""
    unit = window.units()
    sides = ((window.left, unit.weight_left), (window.right, unit.weight_right))
    most = sum(int(weights.sum()) or (longest if reach < 0 else reach) for reach, weights in sides)
    if positions * most >= 2**63:
        raise ValueError(
            f"a word occurs {positions} times in windows that weigh up to {most} units: a sum might not fit "
            "64 bits; count the text in shards"
        )
