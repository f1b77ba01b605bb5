"""Whether rows of counts are what they should be: their arrays, and every entry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..system.growing_file import give_back
from ..system.threads import effective_num_threads
from .counting import CountRows, row_parts

#: Entries that are in memory when mapped ones are gone through.
ENTRIES_AT_ONCE = 2**24


def check_rows(rows: CountRows, K: int, keep: NDArray[np.float64] | None) -> None:
    """ValueError or TypeError unless rows of K words are as CooccurrenceCounts has them, and `keep`."""
    row_ptr, contexts, counts = rows
    for name, array, dtype in (
        ("row_ptr", row_ptr, np.int64),
        ("contexts", contexts, np.int32),
        ("counts", counts, np.float32),
    ):
        flat = isinstance(array, np.ndarray) and array.dtype == dtype and array.ndim == 1
        if not flat or not (array.flags.c_contiguous and array.flags.aligned):
            raise TypeError(
                f"{name} must be a contiguous, aligned one-dimensional array of {np.dtype(dtype)}; "
                f"it is {_described(array)}"
            )
    check_ends(row_ptr, K, len(contexts), len(counts))
    check_entries(rows, K)
    check_keep(keep, K)


def check_ends(row_ptr: NDArray[np.int64], rows: int, contexts: int, counts: int) -> None:
    """ValueError unless so many rows begin at 0 and end, one after the other, with so many entries."""
    ends_fit = len(row_ptr) == rows + 1 and row_ptr[0] == 0 and row_ptr[-1] == contexts == counts
    if not ends_fit or (row_ptr[1:] < row_ptr[:-1]).any():  # not their differences, which may wrap round
        raise ValueError(
            f"row_ptr must rise from 0 to the {contexts} contexts in {rows + 1} values, and counts have "
            f"as many values as contexts; they have {len(row_ptr)} and {counts}"
        )


def check_entries(rows: CountRows, K: int) -> None:
    """ValueError unless all contexts are ids of K words that rise within their row, and all counts sound."""
    row_ptr, contexts, counts = rows
    for start, stop in row_parts(row_ptr[1:], ENTRIES_AT_ONCE):
        first, last = row_ptr[start], row_ptr[stop]
        part = row_ptr[start : stop + 1] - first, contexts[first:last], counts[first:last]
        bad = _core.bad_entry(*part, K, effective_num_threads())
        if bad >= 0:
            raise ValueError(_entry_complaint(first + bad, contexts, counts, K))
        give_back(contexts, counts)


def check_keep(keep: NDArray[np.float64] | None, K: int) -> None:
    """ValueError unless these are probabilities of K words, or None."""
    if keep is None:
        return
    probabilities = isinstance(keep, np.ndarray) and keep.dtype == np.float64 and keep.shape == (K,)
    if not probabilities or not ((keep > 0) & (keep <= 1)).all():
        raise ValueError(
            f"keep must be a float64 array of {K} probabilities above 0; it is {_described(keep)}"
        )


def _described(value: object) -> str:
    return f"{type(value).__name__} {getattr(value, 'dtype', '')} {getattr(value, 'shape', '')}"


def _entry_complaint(bad: int, contexts: NDArray[np.int32], counts: NDArray[np.float32], K: int) -> str:
    if not 0 <= contexts[bad] < K:
        return f"contexts[{bad}] is {contexts[bad]}; the vocabulary has ids 0 to {K - 1}"
    if not _core.LEAST_COUNT <= counts[bad] <= _core.MOST_COUNT:
        return f"counts[{bad}] is {counts[bad]}; counts must be finite and at least {_core.LEAST_COUNT:g}"
    found = f"contexts[{bad}] is {contexts[bad]} after {contexts[bad - 1]}"
    return f"{found}; within a row they must be distinct and rise"
