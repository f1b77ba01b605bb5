"""An encoded corpus and settings, made into rows of counts: in memory, or beyond a limit in files."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._counting import Counter
from ..system.growing_array import GrowingArray
from ..system.interrupts import check
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.subsampling import thin
from .count_settings import CountSettings
from .window import Window

#: Entries that a part of the rows may need at most while it is counted.
_PART = 2**22
#: Entries that counts are given room for from the start, if there may be so many.
_ROOM = 2**27


class CountRows(NamedTuple):
    """Rows of counts: row m holds entries row_ptr[m] to row_ptr[m + 1] of contexts and counts."""

    row_ptr: NDArray[np.int64]
    contexts: NDArray[np.int32]
    counts: NDArray[np.float32]


class StoredCounts(NamedTuple):
    """Rows of counts, how they were made, and what thinned the text they are about."""

    rows: CountRows
    settings: CountSettings | None
    keep: NDArray[np.float64] | None


def count_texts(
    corpus: EncodedCorpus,
    settings: CountSettings,
    keep: NDArray[np.float64] | None,
    *,
    thinned_too: bool,
    memory_limit: int | None,
    folder: str | None,
    workers: int | None,
) -> tuple[StoredCounts, StoredCounts | None]:
    """The counts of a corpus; with `thinned_too` those of the corpus as it is, and of thinned copies of it.

    Other parameters: :func:`count_windows`. There are none where `keep` drops no word, or every pair.
    """
    keep = keep if keep is not None and (keep < 1).any() else None

    def counted(window: Window, keep: NDArray[np.float64] | None, sample: float | None) -> StoredCounts:
        made = dataclasses.replace(settings, window=window, sample=sample)
        rows = count_windows(corpus, made, keep, memory_limit=memory_limit, folder=folder, workers=workers)
        return StoredCounts(rows, made, keep)

    window, sample = settings.window, settings.sample
    if not thinned_too or keep is None:
        return counted(window.expected(), keep, sample), None
    text = counted(window.expected(), None, 0.0)
    # mapped counts leave all of the memory to the thinned ones, those in memory the rest
    if memory_limit is not None and text.rows.counts.base is None:
        memory_limit = max(memory_limit - 8 * len(text.rows.counts), 0)
    thinned = counted(window.expected(), keep, sample)
    return text, thinned if len(thinned.rows.counts) else None


def count_windows(
    corpus: EncodedCorpus,
    settings: CountSettings,
    keep: NDArray[np.float64] | None,
    *,
    memory_limit: int | None = None,
    folder: str | None = None,
    workers: int | None = None,
    part: int = _PART,
) -> CountRows:
    """Count the windows of a corpus, all rows, part by part.

    Parameters
    ----------
    keep : ndarray (K,), float64, optional      Probability of keeping a token of each word; None keeps all.
    memory_limit, folder                        As in :meth:`CooccurrenceCounts.from_corpus`.
    workers, part                               Neither changes the result.
    """
    threads, window = effective_num_threads(workers), settings.window
    pair_weights = np.zeros(0) if keep is None or settings.draws else keep
    counter = Counter(
        _draws(corpus, keep, settings),
        len(corpus.vocab),
        window.left,
        window.right,
        window.weight_left.astype(np.float64),
        window.weight_right.astype(np.float64),
        pair_weights,
        threads,
    )
    ends = np.cumsum(counter.bounds())
    sizes, entries, start = (
        np.zeros(counter.K + 1, np.int64),
        _Entries(int(ends[-1]), memory_limit, folder),
        0,
    )
    while start < counter.K:
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + part, "right")), start + 1)
        sizes[start + 1 : stop + 1] = counter.rows(start, stop)
        entries.add(int(sizes[start + 1 : stop + 1].sum()), counter.take)
        start = stop
        check()
    return CountRows(np.cumsum(sizes), *entries.joined())


def _draws(
    corpus: EncodedCorpus, keep: NDArray[np.float64] | None, settings: CountSettings
) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """The text itself, or thinned copies of it; the draws are those of the epochs of the same seed."""
    if keep is None or settings.draws == 0:
        return [(corpus.tokens, corpus.offsets)]
    texts = []
    for number in range(settings.draws):
        texts.append(thin(corpus.tokens, corpus.offsets, keep, settings.seed, number))
        check()
    return texts


class _Entries:
    """Entries as they come: in memory up to a limit, then in two files without a name.

    The files vanish with the last map of them.

    Parameters
    ----------
    most : int              No more entries will come. So many get their addresses at once, up to _ROOM.
    limit : int, optional   Bytes in memory.
    folder : str, optional  Of the files.
    """

    _DTYPES = (np.int32, np.float32)

    def __init__(self, most: int, limit: int | None, folder: str | None) -> None:
        self._limit, self._folder, self._n = limit, folder, 0
        room = min(most, _ROOM if limit is None else limit // 8)
        try:
            self._arrays = [GrowingArray(dtype, room) for dtype in self._DTYPES]
        except MemoryError:  # addresses are scarce, which need not mean that memory is
            self._arrays = [GrowingArray(dtype, 0) for dtype in self._DTYPES]
        self._files: list[Any] = []

    def add(self, n: int, fill: Callable[[NDArray[np.int32], NDArray[np.float32]], None]) -> None:
        """Take n entries, which `fill` writes."""
        self._n += n
        if not self._files and self._limit is not None and 8 * self._n > self._limit:
            self._files = [tempfile.TemporaryFile(dir=self._folder) for _ in self._DTYPES]  # noqa: SIM115  they stay
            self._write(*(array.view() for array in self._arrays))
            self._arrays = []
        if self._files:
            parts = np.empty(n, np.int32), np.empty(n, np.float32)
            fill(*parts)
            self._write(*parts)
        else:
            fill(*(array.extend(n) for array in self._arrays))

    def _write(self, *parts: NDArray[Any]) -> None:
        for file, part in zip(self._files, parts, strict=True):
            file.write(part.data.cast("B"))

    def joined(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """All contexts and counts; this object is used up."""
        if not self._files:
            contexts, counts = (array.finish() for array in self._arrays)
        elif self._n:
            for file in self._files:
                file.flush()
            contexts, counts = (
                np.memmap(file, dtype, mode="r", shape=self._n).view(np.ndarray)
                for file, dtype in zip(self._files, self._DTYPES, strict=True)
            )
        else:  # nothing can be mapped
            contexts, counts = (np.empty(0, dtype) for dtype in self._DTYPES)
        return contexts, counts
