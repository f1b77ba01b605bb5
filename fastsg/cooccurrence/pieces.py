"""A text counted at once, or in pieces under a limit of memory, whose rows are added up: the same bytes."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._counting import MOST_IDS
from ..system.growing_file import GrowingFile, give_back, is_mapped
from ..system.interrupts import check
from ..system.progress import advancing_bar
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.subsampling import thin
from .adding import Source, add_up
from .count_settings import CountSettings
from .counting import PART, CountRows, StoredCounts, Taker, Text, count_rows
from .entries import Entries, append_filled
from .window import Window

#: Bytes that a piece of a text may take, however low the limit: for a piece and for each word. The rows of
#: smaller ones would be many, and short.
LEAST_PIECE, _PIECE_OF_A_WORD = 2**26, 128
#: Bytes of an id while its windows are counted: where it is from, in the counter, and its position; and of
#: one that is to be thinned.
_ID_BYTES, _UNTHINNED_BYTES = 12, 4

#: Tokens of which it is known how many are kept, in the mean; and chunks that are looked at before those of a
#: file leave the memory.
_CHUNK, _CHUNKS_AT_ONCE = 2**16, 64

#: No rows yet.
_NOTHING = CountRows(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


def count_texts(
    corpus: EncodedCorpus,
    settings: CountSettings,
    keep: NDArray[np.float64] | None,
    *,
    thinned_too: bool,
    memory_limit: int | None = None,
    folder: str | None = None,
    workers: int | None = None,
    progress: bool | None = False,
    exact: bool = False,
) -> tuple[StoredCounts, StoredCounts | None]:
    """The counts of a corpus; with `thinned_too` those of the corpus as it is, and of thinned copies of it.

    Other parameters: :func:`count_windows`. There are no thinned ones where `keep` drops no word.
    """
    keep = keep if keep is not None and (keep < 1).any() else None

    def counted(
        window: Window, keep: NDArray[np.float64] | None, sample: float | None, held: int = 0
    ) -> StoredCounts:
        made = dataclasses.replace(settings, window=window, sample=sample)
        found = StoredCounts(_NOTHING, made, keep)
        exactly = exact and found.unit > 0
        counts = count_windows(
            corpus,
            made,
            keep,
            memory_limit=memory_limit,
            held=held,
            folder=folder,
            workers=workers,
            exact=exactly,
            progress=progress,
        )
        return found._replace(rows=counts[0], large=counts[1])

    window, sample = settings.window, settings.sample
    if not thinned_too or keep is None:
        return counted(window.expected(), keep, sample), None
    text = counted(window.expected(), None, 0.0)
    # mapped counts leave all of the memory to the thinned ones, those in memory the rest
    held = [text.rows.contexts, text.rows.counts, np.empty(0) if text.large is None else text.large]
    return text, counted(
        window.expected(), keep, sample, sum(array.nbytes for array in held if array.base is None)
    )


def count_windows(
    corpus: EncodedCorpus,
    settings: CountSettings,
    keep: NDArray[np.float64] | None,
    *,
    memory_limit: int | None = None,
    held: int = 0,
    folder: str | None = None,
    workers: int | None = None,
    part: int = PART,
    exact: bool = False,
    progress: bool | None = False,
) -> tuple[CountRows, NDArray[np.int64] | None]:
    """Count the windows of a corpus, all rows; with `exact` also the large sums.

    Parameters
    ----------
    keep : ndarray (K,), float64, optional      Probability of keeping a token of each word; None keeps all.
    memory_limit, folder                        As in :meth:`CooccurrenceCounts.from_corpus`: half of it is
                                                for a piece of the text, half for entries.
    held : int                                  Bytes of entries that are in memory already.
    workers, part                               Neither changes the result.
    progress : bool or None                     Show bars; None: if standard error is a terminal.

    ValueError if a sum might not fit 64 bits.
    """
    draws, window = _Draws(corpus, keep, settings), settings.window
    weights = keep if keep is not None and not settings.draws else None
    room = None if memory_limit is None else memory_limit // 2
    borders = draws.borders(room)
    threads = effective_num_threads(workers)

    def counted(start: int, stop: int, taker: Taker, *how: Any) -> NDArray[np.int64]:
        return count_rows(
            draws.of(start, stop), draws.K, window, taker, *how, threads=threads, part=part, advance=advance
        )

    label = "counting" if keep is None else "counting thinned text"
    with advancing_bar(draws.n_tokens, "tokens", progress, desc=label, leave=False) as advance:
        if len(borders) == 2:
            entries = Entries(draws.most_entries(window), room and max(room - held, 0), folder)
            row_ptr = counted(0, len(corpus), entries, weights, exact)
            contexts, counts, large = entries.joined()
            return CountRows(row_ptr, contexts, counts), large if exact else None
        pieces = Pieces(folder)
        for start, stop in itertools.pairwise(borders):
            pieces.end(counted(start, stop, pieces, None, True))
    entries, unit = Entries(0, room, folder), window.units().unit * draws.number
    rows, large = add_up(
        pieces.sources(), draws.K, unit, entries, keep_k=weights, workers=workers, progress=progress
    )
    return rows, large if exact else None


class _Draws:
    """A text, or thinned copies of it; of a text without empty lines as the epochs of solver "sgd" with the
    same seed have them.

    Attributes
    ----------
    K : int             Words.
    number : int        Copies, or 1.
    n_tokens : int      Of all copies, about.
    """

    def __init__(
        self, corpus: EncodedCorpus, keep: NDArray[np.float64] | None, settings: CountSettings
    ) -> None:
        self._corpus, self._seed, self.K = corpus, settings.seed, len(corpus.vocab)
        self._keep = keep if settings.draws else None
        self.number = 1 if self._keep is None else settings.draws
        self._kept = _kept_before(corpus.tokens, self._keep)
        self.n_tokens = int(self._kept[1][-1] * self.number)

    def borders(self, room: int | None) -> list[int]:
        """The first sentence of each piece that takes so many bytes while it is counted, and the end of all.

        A sentence that takes more is a piece of its own.
        """
        most = float("inf") if room is None else max(room, LEAST_PIECE, _PIECE_OF_A_WORD * self.K)
        found, sentences = [0], range(len(self._corpus) + 1)
        while found[-1] < len(self._corpus):
            start, first = found[-1], found[-1] + 1
            stops = [
                bisect.bisect_right(sentences, size(start) + limit, first, key=size) - 1
                for size, limit in (
                    (self._ids, MOST_IDS - self.number),
                    (self._size, most - _ID_BYTES * self.number),
                )
            ]
            found.append(max(min(stops), first))
        return found if len(found) > 1 else [0, 0]

    def _ids(self, sentence: int) -> int:
        """Ids and ends of all copies before a sentence, if no token is dropped; a piece has an end more."""
        return self.number * (int(self._corpus.offsets[sentence]) + sentence)

    def _size(self, sentence: int) -> float:
        """Bytes, in the mean, of what stands before a sentence."""
        tokens = int(self._corpus.offsets[sentence])
        unthinned = 0 if self._keep is None else _UNTHINNED_BYTES * tokens
        return _ID_BYTES * self.number * (float(np.interp(tokens, *self._kept)) + sentence) + unthinned

    def of(self, start: int, stop: int) -> list[Text]:
        """The sentences [start, stop), in every copy.

        ValueError for an id of no word: those of a mapped corpus were never seen, and thin() trusts them, so
        that what it gets must not change any more.
        """
        ends = np.array(self._corpus.offsets[start : stop + 1])
        first, offsets = int(ends[0]), ends - ends[0]
        tokens = self._corpus.tokens[first : ends[-1]]
        give_back(self._corpus.offsets)
        if self._keep is None:
            _core.check_corpus(tokens, offsets, self.K, first)
            return [(tokens, offsets)]
        if is_mapped(tokens):
            tokens = np.array(tokens)
            give_back(self._corpus.tokens)
        _core.check_corpus(tokens, offsets, self.K, first)
        numbers = self._corpus.numbers
        numbers = np.arange(start, stop, dtype=np.int64) if numbers is None else numbers[start:stop]
        texts = []
        for draw in range(self.number):
            texts.append(thin(tokens, offsets, self._keep, self._seed, draw, numbers))
            check()
        return texts

    def most_entries(self, window: Window) -> int:
        """More there cannot be."""
        reach = self.K if window.left < 0 else window.left + window.right
        return min(self._corpus.n_tokens * self.number * reach, self.K**2)


def _kept_before(
    tokens: NDArray[np.int32], keep: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places in a text, and how many tokens before each are kept in the mean.

    By the text itself: a vocabulary from elsewhere says nothing of how often its words occur here.
    """
    if keep is None:
        return np.array([0.0, len(tokens)]), np.array([0.0, len(tokens)])
    places, kept = [*range(0, len(tokens), _CHUNK), len(tokens)], [0.0]
    for number, (start, stop) in enumerate(itertools.pairwise(places)):
        kept.append(float(keep.take(tokens[start:stop], mode="clip").sum()))  # ids are checked later
        if number % _CHUNKS_AT_ONCE == 0:
            give_back(tokens)
    give_back(tokens)
    return np.array(places, np.float64), np.cumsum(kept)


class Pieces:
    """Rows of counts of pieces of a text: one behind the other in four files without a name, however many.

    Parameters
    ----------
    folder : str, optional      Of the files.
    """

    def __init__(self, folder: str | None) -> None:
        dtypes = {"row_ptr": np.int64, "contexts": np.int32, "counts": np.float32, "large": np.int64}
        self._files = {name: GrowingFile(dtype, folder) for name, dtype in dtypes.items()}
        self._ends = [dict.fromkeys(dtypes, 0)]

    def add(self, n: int, fill: Callable[[NDArray[np.int32], NDArray[np.float32]], None]) -> None:
        """Take n entries, which `fill` writes."""
        append_filled((self._files["contexts"], self._files["counts"]), n, fill)

    def add_large(self, large: NDArray[np.int64]) -> None:
        """Take the large sums of the entries taken last."""
        self._files["large"].append(large)

    def end(self, row_ptr: NDArray[np.int64]) -> None:
        """A piece has ended, whose entries were taken since the last one did."""
        self._files["row_ptr"].append(row_ptr)
        self._ends.append({name: file.n for name, file in self._files.items()})

    def sources(self) -> list[Source]:
        """The rows of each piece, to be added up."""
        return [Source(partial(self._read, *ends)) for ends in itertools.pairwise(self._ends)]

    def _read(
        self, begin: dict[str, int], end: dict[str, int], name: str, start: int, stop: int
    ) -> NDArray[Any]:
        start, stop = (min(begin[name] + at, end[name]) for at in (start, stop))
        return self._files[name].read(start, stop)
