"""Co-occurrence counts: how often each word stands in the windows of each other, as a sparse matrix of rows to train on."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core, _safetensors, pairs
from ._atomic import atomic_write
from ._counting import LEAST_COUNT, Counter
from ._safetensors import Container, Field, Schema, named
from ._threads import effective_num_threads
from ._version import __version__
from .errors import FormatError
from .pairs import PairCounts, Window
from .vocab import Vocab

if TYPE_CHECKING:
    import scipy.sparse

    from .corpus import EncodedCorpus

_SCHEMA = Schema("fastsg-counts", "1", (
    Field("word_counts", "I64"), Field("word_offsets", "I64"), Field("row_ptr", "I64"), Field("keep", "F64", optional=True),
    Field("contexts", "I32"), Field("counts", "F32"), Field("words", "U8"),
))
#: Entries that a part of the rows may need at most while it is counted.
_PART = 2**24
#: Entries that are summed up at once.
_CHUNK = 2**20
#: A row that weighs more than so many mean rows comes more than once in an epoch (measured, docs/defaults.md).
HEAVY = 16.0
#: Stream of the order of rows; epochs count on from it, see pairs.py for the others.
_ORDER_STREAM = 2**61


class CooccurrenceCounts:
    """Weighted pair counts N_mn of every center m (a row) and context n.

    Parameters
    ----------
    row_ptr : ndarray (K + 1,), int64       Row m holds entries row_ptr[m] to row_ptr[m + 1].
    contexts : ndarray (E,), int32          Context ids, rising within a row.
    counts : ndarray (E,), float32          Weights, above 0; both may be mapped from a file.
    vocab : Vocab                           What the ids mean.
    keep : ndarray (K,), float64, optional  Probability with which a token of each word was kept when the text was thinned:
                                            probabilities are corrected by it to the real text.
    about : dict, optional                  How they were made, for reports; plain values.

    Raises
    ------
    ValueError, TypeError                   The arrays are not as described; says which.
    """

    def __init__(self, row_ptr: NDArray[np.int64], contexts: NDArray[np.int32], counts: NDArray[np.float32], vocab: Vocab, *,
                 keep: NDArray[np.float64] | None = None, about: dict[str, Any] | None = None) -> None:
        _check(row_ptr, contexts, counts, len(vocab), keep)
        self._set(row_ptr, contexts, counts, vocab, keep, about or {})

    def _set(self, row_ptr: NDArray[np.int64], contexts: NDArray[np.int32], counts: NDArray[np.float32], vocab: Vocab,
             keep: NDArray[np.float64] | None, about: dict[str, Any]) -> CooccurrenceCounts:
        self.row_ptr, self.contexts, self.counts, self.vocab, self.keep, self.about = row_ptr, contexts, counts, vocab, keep, dict(about)
        self.row_sums = _row_sums(row_ptr, counts)
        self._column_sums: NDArray[np.float64] | None = None
        return self

    @property
    def K(self) -> int:
        """Rows and columns: the number of words."""
        return len(self.row_ptr) - 1

    @property
    def nnz(self) -> int:
        """Entries above 0."""
        return len(self.counts)

    @property
    def total(self) -> float:
        """Sum of all counts: the number of pairs, in float64."""
        return float(self.row_sums.sum())

    @property
    def symmetric(self) -> bool:
        """Whether N_mn = N_nm is known from how they were made."""
        window = self.about.get("window")
        return isinstance(window, (list, tuple)) and len(window) == 2 and window[0] == window[1]

    def column_sums(self) -> NDArray[np.float64]:
        """Weight of each context word, shape (K,)."""
        if self._column_sums is None:
            self._column_sums = np.zeros(self.K)
            for start in range(0, self.nnz, _CHUNK):  # bincount takes copies of 16 bytes an entry
                part = slice(start, start + _CHUNK)
                self._column_sums += np.bincount(self.contexts[part], self.counts[part], minlength=self.K)
        return self._column_sums

    def __repr__(self) -> str:
        return f"<CooccurrenceCounts: {self.K} words, {self.nnz} entries, {self.total:.0f} pairs>"

    # ---- made from ----

    @classmethod
    def from_corpus(cls, corpus: EncodedCorpus, *, window: int | tuple[int, int] | Window | None = 5,
                    shrink_windows: bool | str | None = None, sample: float = 0.0, draws: int = 3, seed: int = 1,
                    memory_limit: int | None = None, folder: str | None = None, workers: int | None = None) -> CooccurrenceCounts:
        """Count the windows of a corpus.

        Parameters
        ----------
        corpus : EncodedCorpus
        window : int, (int, int) or None            Reach to either side; None is the whole sentence. No window leaves a sentence.
                                                    Or a Window, which settles `shrink_windows` too.
        shrink_windows : bool or "harmonic"         "harmonic" (default for windows with a limit) weighs distance d by 1 / d, True (or
                                                    "random", whose expectation it is) by (z - d + 1) / z, False by 1.
        sample : float                              word2vec's subsampling threshold; 0 keeps every token.
        draws : int                                 Tokens are dropped at random before windows are cut, as word2vec does it, and the
                                                    counts of so many draws averaged. 0: no token is dropped, the pair (m, n) is
                                                    weighted keep(m) keep(n) instead, the expectation without stretched windows.
        seed : int                                  Of the draws.
        memory_limit : int, optional                Bytes that the entries may take in memory; beyond, they are counted part by part
                                                    into an unnamed file of `folder` and mapped. The result is the same.
        folder : str, optional                      Default: the system's folder for temporary files.
        workers : int, optional                     Threads; they do not change the result.
        """
        if shrink_windows is None:
            shrink_windows = default_shrinking(window)
        reach = window if isinstance(window, Window) else Window.parse(window, shrink_windows)
        reach = reach.expected()
        if not isinstance(draws, (int, np.integer)) or isinstance(draws, bool) or draws < 0:
            raise ValueError(f"draws is {draws!r}; it must be an integer of at least 0")
        threads, K, none = effective_num_threads(workers), len(corpus.vocab), np.zeros(0)
        keep = corpus.vocab.keep_probabilities(sample)
        keep = keep if (keep < 1).any() else None
        counter = Counter(_draws(corpus, keep, draws, seed, threads), K, reach.left, reach.right, reach.weight_left.astype(np.float64),
                          reach.weight_right.astype(np.float64), keep if keep is not None and not draws else none, threads)
        about = {"window": [reach.left, reach.right], "shrink_windows": shrink_windows, "sample": sample, "draws": draws, "seed": seed}
        return cls.__new__(cls)._set(*_count(counter, memory_limit, folder), corpus.vocab, keep, about)

    @classmethod
    def from_arrays(cls, centers: ArrayLike, contexts: ArrayLike, counts: ArrayLike,
                    vocab: Vocab | Sequence[str] | None = None) -> CooccurrenceCounts:
        """Counts of explicit triples (m, n, count); equal pairs are added up, those of count 0 vanish.

        `vocab`: a Vocab, whose ids they are; or a list of words, indexed by the ids; or None for the words ``"0"``, ``"1"``, … up to
        the largest id. Without a Vocab one is made, each word counted as often as its row weighs (at least once), and ids are
        renumbered to its order.
        """
        m, n, w = _ids("centers", centers), _ids("contexts", contexts), np.asarray(counts, np.float32)
        if w.ndim != 1:
            raise ValueError(f"counts is {w.ndim}-dimensional; it must be one-dimensional")
        if len(bad := np.flatnonzero(~((w >= 0) & (w <= 3e38)))):
            raise ValueError(f"counts[{bad[0]}] is {w[bad[0]]}; counts must be finite and not negative")
        if not len(m) == len(n) == len(w):
            raise ValueError(f"centers, contexts and counts have {len(m)}, {len(n)} and {len(w)} values; they must be equal")
        K = len(vocab) if vocab is not None else int(max(m.max(), n.max())) + 1
        if not isinstance(vocab, Vocab):
            words = list(map(str, range(K))) if vocab is None else list(vocab)
            _core.check_ids("centers", m, K)
            weights = np.maximum(np.rint(np.bincount(m, w, minlength=K)), 1).astype(np.int64)
            vocab = Vocab.from_counts(words, weights, min_count=1)
            _core.check_ids("contexts", n, K)
            place = np.array([vocab.index[word] for word in words], np.int32)
            m, n = place[m], place[n]
        rows, ptr, columns, values = _core.group_pairs(m, n, w, K)
        row_ptr = np.zeros(K + 1, np.int64)
        row_ptr[rows + 1] = np.diff(ptr)
        return cls(np.cumsum(row_ptr), columns, values, vocab)

    @classmethod
    def from_scipy(cls, matrix: scipy.sparse.spmatrix | scipy.sparse.sparray,
                   vocab: Vocab | Sequence[str] | None = None) -> CooccurrenceCounts:
        """Counts out of any SciPy sparse matrix (K, K), a row for each center; `vocab` as in :meth:`from_arrays`."""
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"matrix has shape {matrix.shape}; it must be square, a row and a column for each word")
        if vocab is not None and len(vocab) != matrix.shape[0]:
            raise ValueError(f"vocab has {len(vocab)} words, matrix {matrix.shape[0]} rows")
        triples = matrix.tocoo()
        return cls.from_arrays(triples.row, triples.col, triples.data, list(map(str, range(matrix.shape[0]))) if vocab is None else vocab)

    def to_scipy(self) -> scipy.sparse.csr_array:
        """The same numbers as a SciPy array (needs SciPy); nothing is copied."""
        from scipy.sparse import csr_array

        return csr_array((self.counts, self.contexts, self.row_ptr), shape=(self.K, self.K))

    # ---- file ----

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, as a whole or not at all; OSError with the path. The same counts give the same bytes."""
        if not self.nnz:
            raise ValueError("there are no pairs: a file of no counts could not be trained on")
        offsets, blob = _safetensors.pack_words(self.vocab.words)
        arrays = {"word_counts": self.vocab.counts, "word_offsets": offsets, "row_ptr": self.row_ptr, "contexts": self.contexts,
                  "counts": self.counts, "words": blob} | ({} if self.keep is None else {"keep": self.keep})
        metadata = {"library_version": __version__, "about": json.dumps(self.about), "raw_types": str(self.vocab.raw_types),
                    "raw_tokens": str(self.vocab.raw_tokens)}
        with atomic_write(path) as file:
            _safetensors.write(file, _SCHEMA, metadata, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, mmap: bool = True) -> CooccurrenceCounts:
        """Read a file written by :meth:`save`; nothing in it is ever executed.

        mmap: map the entries read-only instead of reading them. Raises FormatError if the file is something else or damaged.
        """
        with named(os.fsdecode(path), "file of counts"), _safetensors.open_regular(path) as file:
            container = Container(file, _SCHEMA)
            words = _safetensors.unpack_words(container.read("word_offsets"), container.read("words"))
            meta = container.metadata
            vocab = Vocab(words, container.read("word_counts"), raw_types=_safetensors.count(meta, "raw_types"),
                          raw_tokens=_safetensors.count(meta, "raw_tokens"))
            about = _safetensors.parse_json(meta.get("about", "{}"))
            if not isinstance(about, dict):
                raise FormatError("its header has no sound description")
            get = container.map if mmap else container.read
            keep = container.read("keep") if "keep" in container.places else None
            return cls(container.read("row_ptr"), get("contexts"), get("counts"), vocab, keep=keep, about=about)


class CountSource(NamedTuple):
    """Rows of counts as a source of batches, dealt anew in every epoch."""

    table: CooccurrenceCounts
    batch_size: int
    seed: int
    num_threads: int = 1

    def expected(self) -> int:
        """How many rows an epoch has; frequent ones count as often as they come."""
        return int(self._visits().sum())

    def epoch(self, epoch: int) -> tuple[int, Iterator[tuple[int, PairCounts]]]:
        """(rows of the epoch, its batches)."""
        return self.expected(), self._batches(epoch)

    def _visits(self) -> NDArray[np.int64]:
        return visits(self.table.row_sums, np.diff(self.table.row_ptr) > 0, self.batch_size)

    def _batches(self, epoch: int) -> Iterator[tuple[int, PairCounts]]:
        walked, counts, times = 0, self.table, self._visits()
        share = (1 / np.maximum(times, 1)).astype(np.float32)
        for ids in deal(counts.row_sums, times, self.batch_size, self.seed, epoch):
            walked += len(ids)
            yield walked, PairCounts(ids, *_core.gather_rows(counts.row_ptr, counts.contexts, counts.counts, ids, share, self.num_threads))


def visits(weights: NDArray[np.float64], wanted: NDArray[np.bool_], batch_size: int) -> NDArray[np.int64]:
    """How often each row comes in an epoch: once for every HEAVY times the mean weight it has, but once a batch at most.

    The rows of the most frequent words hold much of the loss, and one step an epoch would not be enough for them. Each visit brings
    its share of the row's counts, so an epoch's gradients add up to the same.
    """
    rows = int(wanted.sum())
    if not rows:
        return np.zeros(len(weights), np.int64)
    wish = np.ceil(weights / (HEAVY * weights[wanted].mean()))
    batches = -(-rows // batch_size)
    while True:  # more visits may make room for another batch, and that for more visits
        times = np.where(wanted, np.clip(wish, 1, batches), 0).astype(np.int64)
        if (needed := -(-int(times.sum()) // batch_size)) <= batches:
            return times
        batches = needed


def default_shrinking(window: object) -> str | bool:
    """How distances weigh in counts unless the user says otherwise: 1 / d, where there is a farthest one (docs/defaults.md)."""
    return True if window is None else "harmonic"


def deal(weights: NDArray[np.float64], times: NDArray[np.int64], batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int32]]:
    """Batches of at most `batch_size` rows, as equal in size as can be, in which row m occurs times[m] times, once a batch at most.

    Rows that come more than once go to the batches that have fewest of them yet, in random order; the others are dealt by falling
    weight, so that each batch has frequent and rare ones. Ids rise within a batch.
    """
    order = np.argsort(-weights, kind="stable")
    order, total = order[times[order] > 0].astype(np.int32), int(times.sum())
    batches = -(-total // batch_size)
    if not batches:
        return []
    often, once = order[times[order] > 1], order[times[order] == 1]
    random = _core.random_words(seed, _ORDER_STREAM + epoch, 0, len(often) * batches + total)
    taken, parts = np.zeros(batches, np.int64), [[] for _ in range(batches)]
    for row, noise in zip(often, random[:len(often) * batches].reshape(-1, batches), strict=True):
        chosen = np.lexsort((noise, taken))[:times[row]]
        taken[chosen] += 1
        for batch in chosen:
            parts[batch].append(row)
    room = total // batches - taken
    room[np.argsort(-taken, kind="stable")[:total % batches]] += 1
    slots = np.repeat(np.arange(batches), room)
    turn = (np.arange(len(slots)) - np.repeat(np.cumsum(room) - room, room)) / np.repeat(room, room)  # from 0 to 1 in each batch
    slots = slots[np.lexsort((random[-len(slots):] if len(slots) else random[:0], turn))]
    rest = np.split(once[np.argsort(slots, kind="stable")], np.cumsum(np.bincount(slots, minlength=batches))[:-1])
    return [np.sort(np.concatenate([np.array(part, np.int32), more])) for part, more in zip(parts, rest, strict=True)]


def _draws(corpus: EncodedCorpus, keep: NDArray[np.float64] | None, draws: int, seed: int,
           threads: int) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """The text itself, or thinned copies of it; the draws are those of the epochs of the same seed."""
    if keep is None or draws == 0:
        return [(corpus.tokens, corpus.offsets)]
    with ThreadPoolExecutor(min(threads, draws)) as pool:
        return list(pool.map(lambda draw: pairs.thin(corpus.tokens, corpus.offsets, keep, seed, draw), range(draws)))


def _count(counter: Counter, memory_limit: int | None,
           folder: str | None) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """All rows, part by part; beyond the limit into a file without a name."""
    K, ends = counter.K, np.cumsum(counter.bounds())
    sizes, parts, start = np.zeros(K + 1, np.int64), _Parts(memory_limit, folder), 0
    while start < K:
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + _PART, "right")), start + 1)
        room = int(ends[stop - 1] - done)
        contexts, counts = np.empty(room, np.int32), np.empty(room, np.float32)
        sizes[start + 1:stop + 1] = counter.rows(start, stop, contexts, counts)
        entries = int(sizes[start + 1:stop + 1].sum())
        parts.add(contexts[:entries], counts[:entries])
        start = stop
    return np.cumsum(sizes), *parts.joined()


class _Parts:
    """Entries as they come: in memory up to a limit, then in two files without a name, which vanish with the last map of them."""

    def __init__(self, limit: int | None, folder: str | None) -> None:
        self._limit, self._folder = limit, folder
        self._parts: list[tuple[NDArray[np.int32], NDArray[np.float32]]] = []
        self._files: tuple[Any, Any] | None = None
        self._entries = 0

    def add(self, contexts: NDArray[np.int32], counts: NDArray[np.float32]) -> None:
        self._entries += len(contexts)
        self._parts.append((contexts.copy(), counts.copy()))
        if self._limit is not None and 8 * self._entries > self._limit:
            self._files = self._files or (tempfile.TemporaryFile(dir=self._folder), tempfile.TemporaryFile(dir=self._folder))
            for part in self._parts:
                for file, array in zip(self._files, part, strict=True):
                    file.write(memoryview(array).cast("B"))
            self._parts.clear()

    def joined(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        if self._files is None or not self._entries:
            none = [(np.zeros(0, np.int32), np.zeros(0, np.float32))]
            columns, values = zip(*(self._parts or none), strict=True)
            self._parts = []
            return np.concatenate(columns), np.concatenate(values)
        for file in self._files:
            file.flush()
        return tuple(np.memmap(file, dtype, mode="r", shape=self._entries).view(np.ndarray)
                     for file, dtype in zip(self._files, (np.int32, np.float32), strict=True))  # type: ignore[return-value]


def _ids(name: str, ids: ArrayLike) -> NDArray[np.int32]:
    array = np.asarray(ids)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be one-dimensional, of integers, and not empty; it is {array.ndim}-dimensional, {array.dtype}, "
                        f"with {array.size} values")
    if array.min() < 0 or array.max() >= 2**31 - 1:
        raise ValueError(f"{name} holds ids from {array.min()} to {array.max()}; they must lie in [0, 2**31 - 1)")
    return np.ascontiguousarray(array, np.int32)


def _row_sums(row_ptr: NDArray[np.int64], counts: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum of each row, in float64 and in the order of its entries."""
    sums = np.zeros(len(row_ptr) - 1)
    filled = np.flatnonzero(np.diff(row_ptr))
    if len(filled):
        sums[filled] = np.add.reduceat(counts, row_ptr[filled], dtype=np.float64)
    return sums


def _check(row_ptr: NDArray[np.int64], contexts: NDArray[np.int32], counts: NDArray[np.float32], K: int,
           keep: NDArray[np.float64] | None) -> None:
    for name, array, dtype in (("row_ptr", row_ptr, np.int64), ("contexts", contexts, np.int32), ("counts", counts, np.float32)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
            raise TypeError(f"{name} must be a contiguous one-dimensional array of {np.dtype(dtype)}; it is {type(array).__name__} "
                            f"{getattr(array, 'dtype', '')} {getattr(array, 'shape', '')}")
    if len(row_ptr) != K + 1 or row_ptr[0] != 0 or row_ptr[-1] != len(contexts) or len(counts) != len(contexts) or (
            np.diff(row_ptr) < 0).any():
        raise ValueError(f"row_ptr must rise from 0 to the {len(contexts)} contexts in {K + 1} values, and counts have as many values as "
                         f"contexts; they have {len(row_ptr)} and {len(counts)}")
    if len(contexts):
        if contexts.min() < 0 or contexts.max() >= K:
            raise ValueError(f"contexts holds ids from {contexts.min()} to {contexts.max()}; the vocabulary has 0 to {K - 1}")
        falls = np.flatnonzero(np.diff(contexts) <= 0) + 1
        if len(inner := np.setdiff1d(falls, row_ptr, assume_unique=False)):
            raise ValueError(f"contexts[{inner[0]}] is {contexts[inner[0]]} after {contexts[inner[0] - 1]}; within a row they must be "
                             "distinct and rise")
        if not (counts.min() >= LEAST_COUNT and counts.max() <= 3e38):  # a NaN fails
            raise ValueError(f"counts lie between {counts.min()} and {counts.max()}; they must be finite and at least {LEAST_COUNT:g}")
    if keep is not None and (keep.shape != (K,) or not ((keep > 0) & (keep <= 1)).all()):
        raise ValueError(f"keep has shape {keep.shape}; it must hold {K} probabilities above 0")
