"""An encoded corpus and settings, made into rows of counts: in memory, or beyond a limit in files."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._counting import Counter
from ..system.interrupts import check
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.subsampling import thin
from .count_settings import CountSettings
from .entries import Entries
from .window import Window

#: Entries that a part of the rows may need at most while it is counted.
_PART = 2**22


class CountRows(NamedTuple):
    """Rows of counts: row m holds entries row_ptr[m] to row_ptr[m + 1] of contexts and counts."""

    row_ptr: NDArray[np.int64]
    contexts: NDArray[np.int32]
    counts: NDArray[np.float32]


#: No rows yet.
_NOTHING = CountRows(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


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


def count_texts(
    corpus: EncodedCorpus,
    settings: CountSettings,
    keep: NDArray[np.float64] | None,
    *,
    thinned_too: bool,
    memory_limit: int | None,
    folder: str | None,
    workers: int | None,
    exact: bool,
) -> tuple[StoredCounts, StoredCounts | None]:
    """The counts of a corpus; with `thinned_too` those of the corpus as it is, and of thinned copies of it.

    Other parameters: :func:`count_windows`. There are no thinned ones where `keep` drops no word.
    """
    keep = keep if keep is not None and (keep < 1).any() else None

    def counted(window: Window, keep: NDArray[np.float64] | None, sample: float | None) -> StoredCounts:
        made = dataclasses.replace(settings, window=window, sample=sample)
        found = StoredCounts(_NOTHING, made, keep)
        rows, large = count_windows(
            corpus,
            made,
            keep,
            memory_limit=memory_limit,
            folder=folder,
            workers=workers,
            exact=exact and found.unit > 0,
        )
        return found._replace(rows=rows, large=large)

    window, sample = settings.window, settings.sample
    if not thinned_too or keep is None:
        return counted(window.expected(), keep, sample), None
    text = counted(window.expected(), None, 0.0)
    # mapped counts leave all of the memory to the thinned ones, those in memory the rest
    if memory_limit is not None and text.rows.counts.base is None:
        memory_limit = max(memory_limit - 8 * len(text.rows.counts), 0)
    return text, counted(window.expected(), keep, sample)


def count_windows(
    corpus: EncodedCorpus,
    settings: CountSettings,
    keep: NDArray[np.float64] | None,
    *,
    memory_limit: int | None = None,
    folder: str | None = None,
    workers: int | None = None,
    part: int = _PART,
    exact: bool = False,
) -> tuple[CountRows, NDArray[np.int64] | None]:
    """Count the windows of a corpus, all rows, part by part; with `exact` also the large sums.

    Parameters
    ----------
    keep : ndarray (K,), float64, optional      Probability of keeping a token of each word; None keeps all.
    memory_limit, folder                        As in :meth:`CooccurrenceCounts.from_corpus`.
    workers, part                               Neither changes the result.

    ValueError if a sum might not fit 64 bits.
    """
    threads, window = effective_num_threads(workers), settings.window
    pair_weights = np.zeros(0) if keep is None or settings.draws else keep
    counter = Counter(
        _draws(corpus, keep, settings),
        len(corpus.vocab),
        window.left,
        window.right,
        *window.units(),
        pair_weights,
        threads,
        exact,
    )
    _check_sums(counter.most_positions(), corpus.offsets, window)
    ends = np.cumsum(counter.bounds())
    sizes, start = np.zeros(counter.K + 1, np.int64), 0
    entries = Entries(int(ends[-1]), memory_limit, folder)
    while start < counter.K:
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + part, "right")), start + 1)
        sizes[start + 1 : stop + 1] = counter.rows(start, stop)
        entries.add(int(sizes[start + 1 : stop + 1].sum()), counter.take)
        if exact:
            entries.add_large(counter.take_large())
        start = stop
        check()
    contexts, counts, large = entries.joined()
    return CountRows(np.cumsum(sizes), contexts, counts), large if exact else None


def _check_sums(positions: int, offsets: NDArray[np.int64], window: Window) -> None:
    """ValueError if the sums of a word that occurs so often might not fit 64 bits."""
    unit = window.units()
    sides = ((window.left, unit.weight_left), (window.right, unit.weight_right))
    longest = int(np.diff(offsets).max(initial=0))
    most = sum(int(weights.sum()) or (longest if reach < 0 else reach) for reach, weights in sides)
    if positions * most >= 2**63:
        raise ValueError(
            f"a word occurs {positions} times in windows that weigh up to {most} units: a sum might not fit "
            "64 bits; count the text in shards"
        )


def _draws(
    corpus: EncodedCorpus, keep: NDArray[np.float64] | None, settings: CountSettings
) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """The text itself, or thinned copies of it; of a text without empty lines as the epochs of solver "sgd"
    with the same seed have them.
    """
    if keep is None or settings.draws == 0:
        return [(corpus.tokens, corpus.offsets)]
    texts = []
    for number in range(settings.draws):
        texts.append(thin(corpus.tokens, corpus.offsets, keep, settings.seed, number, corpus.numbers))
        check()
    return texts
