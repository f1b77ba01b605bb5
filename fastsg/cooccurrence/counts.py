"""Co-occurrence counts: how often each word stands in the windows of each other, as a sparse matrix."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from .._counting import LEAST_COUNT, Counter
from .._version import __version__
from ..errors import FormatError
from ..io import safetensors as _safetensors
from ..io.safetensors import Container, Field, Schema, named
from ..system.atomic import atomic_write
from ..system.threads import effective_num_threads
from ..text.vocab import Vocab
from . import window as pairs
from .window import Window

if TYPE_CHECKING:
    import scipy.sparse

    from ..text.corpus import EncodedCorpus

_SCHEMA = Schema(
    "fastsg-counts",
    "1",
    (
        Field("word_counts", "I64"),
        Field("word_offsets", "I64"),
        Field("row_ptr", "I64"),
        Field("thinned_row_ptr", "I64", optional=True),
        Field("keep", "F64", optional=True),
        Field("contexts", "I32"),
        Field("counts", "F32"),
        Field("thinned_contexts", "I32", optional=True),
        Field("thinned_counts", "F32", optional=True),
        Field("words", "U8"),
    ),
)
#: Entries that a part of the rows may need at most while it is counted.
_PART = 2**22
#: Entries that counts are given room for from the start, if there may be so many.
_ROOM = 2**27
#: Entries that are summed up at once.
_CHUNK = 2**20


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
    thinned : CooccurrenceCounts, optional  Counts of the same words in thinned text, on which a training begins; see :meth:`for_training`.

    Attributes
    ----------
    about : dict                            Of counts of a text: its window, shrink_windows, sample, draws and seed, as plain values.
                                            Empty for counts from elsewhere.
    row_sums : ndarray (K,), float64        Weight of each center.

    Raises
    ------
    ValueError, TypeError                   The arrays are not as described; says which.
    """

    def __init__(
        self,
        row_ptr: NDArray[np.int64],
        contexts: NDArray[np.int32],
        counts: NDArray[np.float32],
        vocab: Vocab,
        *,
        keep: NDArray[np.float64] | None = None,
        thinned: CooccurrenceCounts | None = None,
    ) -> None:
        _check(row_ptr, contexts, counts, len(vocab), keep)
        if thinned is not None and (
            keep is not None or thinned.keep is None or thinned.vocab.words != vocab.words
        ):
            raise ValueError("thinned must be counts of the same words with keep, beside counts without")
        self._set(row_ptr, contexts, counts, vocab, keep, {})
        self.thinned = thinned

    def _set(
        self,
        row_ptr: NDArray[np.int64],
        contexts: NDArray[np.int32],
        counts: NDArray[np.float32],
        vocab: Vocab,
        keep: NDArray[np.float64] | None,
        about: dict[str, Any],
    ) -> CooccurrenceCounts:
        self.row_ptr, self.contexts, self.counts, self.vocab, self.keep, self.about = (
            row_ptr,
            contexts,
            counts,
            vocab,
            keep,
            about,
        )
        self._leading: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        self.row_sums = self.leading(len(vocab))[1]
        self.thinned: CooccurrenceCounts | None = None
        self._column_sums: NDArray[np.float64] | None = None
        return self

    @property
    def start(self) -> CooccurrenceCounts:
        """The counts on which a training begins: the thinned ones, if there are any."""
        return self if self.thinned is None else self.thinned

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
        """Whether N_mn = N_nm is known from how they were counted."""
        return bool(self.about) and self.about["window"][0] == self.about["window"][1]

    def column_sums(self) -> NDArray[np.float64]:
        """Weight of each context word, shape (K,)."""
        if self._column_sums is None and self.symmetric:
            self._column_sums = self.row_sums
        if self._column_sums is None:
            self._column_sums = np.zeros(self.K)
            for start in range(0, self.nnz, _CHUNK):  # bincount takes copies of 16 bytes an entry
                part = slice(start, start + _CHUNK)
                self._column_sums += np.bincount(self.contexts[part], self.counts[part], minlength=self.K)
        return self._column_sums

    def leading(self, words: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of the rows of the first `words` words: where their contexts among the same words end, and what those weigh, both (words,)."""
        if words not in self._leading:
            self._leading[words] = _core.leading_block(
                self.row_ptr, self.contexts, self.counts, words, effective_num_threads()
            )
        return self._leading[words]

    def __repr__(self) -> str:
        return f"<CooccurrenceCounts: {self.K} words, {self.nnz} entries, {self.total:.0f} pairs>"

    # ---- made from ----

    @classmethod
    def for_training(
        cls,
        corpus: EncodedCorpus,
        *,
        window: int | tuple[int, int] | None = 5,
        shrink_windows: bool | str = True,
        sample: float = 0.0,
        draws: int = 3,
        seed: int = 1,
        memory_limit: int | None = None,
        folder: str | None = None,
        workers: int | None = None,
    ) -> CooccurrenceCounts:
        """What a training on a text needs: the counts of the text as it is, and as their `thinned` those of thinned copies.

        A training begins on the thinned counts and ends on the text's. Where windows weigh distances, thinned ones weigh them 1 / d
        whatever `shrink_windows` is (measured, docs/defaults.md). There are no thinned counts if `sample` drops no word of this text.
        Parameters as in :meth:`from_corpus`; `memory_limit` is of both together.
        """
        made = {
            "draws": draws,
            "seed": seed,
            "memory_limit": memory_limit,
            "folder": folder,
            "workers": workers,
        }
        return cls.of_windows(
            corpus,
            Window.parse(window, shrink_windows),
            corpus.vocab.keep_probabilities(sample),
            sample=sample,
            thinned_too=True,
            **made,
        )

    @classmethod
    def from_corpus(
        cls,
        corpus: EncodedCorpus,
        *,
        window: int | tuple[int, int] | None = 5,
        shrink_windows: bool | str = True,
        sample: float = 0.0,
        draws: int = 3,
        seed: int = 1,
        memory_limit: int | None = None,
        folder: str | None = None,
        workers: int | None = None,
    ) -> CooccurrenceCounts:
        """Count the windows of a corpus.

        Parameters
        ----------
        corpus : EncodedCorpus
        window : int, (int, int) or None            Reach to either side; None is the whole sentence. No window leaves a sentence.
        shrink_windows : bool or "harmonic"         True (or "random", whose expectation it is) weighs distance d by (z - d + 1) / z,
                                                    "harmonic" by 1 / d, False by 1.
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
        made = {
            "draws": draws,
            "seed": seed,
            "memory_limit": memory_limit,
            "folder": folder,
            "workers": workers,
        }
        return cls.of_windows(
            corpus,
            Window.parse(window, shrink_windows),
            corpus.vocab.keep_probabilities(sample),
            sample=sample,
            **made,
        )

    @classmethod
    def of_windows(
        cls,
        corpus: EncodedCorpus,
        window: Window,
        keep: NDArray[np.float64] | None = None,
        *,
        thinned_too: bool = False,
        sample: float | None = None,
        draws: int = 3,
        seed: int = 1,
        memory_limit: int | None = None,
        folder: str | None = None,
        workers: int | None = None,
    ) -> CooccurrenceCounts:
        """:meth:`from_corpus`, or with `thinned_too` :meth:`for_training`, for a parsed window and the probabilities of keeping a token of
        each word, which `sample` may name."""
        _check_made(draws, seed, memory_limit)
        keep = keep if keep is not None and (keep < 1).any() else None
        if not thinned_too or keep is None:
            return cls._counted(
                corpus, window.expected(), keep, sample, draws, seed, memory_limit, folder, workers
            )
        text = cls._counted(corpus, window.expected(), None, 0.0, draws, seed, memory_limit, folder, workers)
        if (
            memory_limit is not None and text.counts.base is None
        ):  # mapped counts leave all of it, those in memory the rest
            memory_limit = max(memory_limit - 8 * text.nnz, 0)
        thinned = cls._counted(
            corpus, window.harmonised(), keep, sample, draws, seed, memory_limit, folder, workers
        )
        text.thinned = thinned if thinned.nnz else None  # dropping may have left no pair to begin with
        return text

    @classmethod
    def _counted(
        cls,
        corpus: EncodedCorpus,
        window: Window,
        keep: NDArray[np.float64] | None,
        sample: float | None,
        draws: int,
        seed: int,
        memory_limit: int | None,
        folder: str | None,
        workers: int | None,
    ) -> CooccurrenceCounts:
        threads, K, none = effective_num_threads(workers), len(corpus.vocab), np.zeros(0)
        counter = Counter(
            _draws(corpus, keep, draws, seed, threads),
            K,
            window.left,
            window.right,
            window.weight_left.astype(np.float64),
            window.weight_right.astype(np.float64),
            keep if keep is not None and not draws else none,
            threads,
        )
        about = {
            "window": [window.left, window.right],
            "shrink_windows": window.shrinks,
            "sample": None if sample is None else float(sample),
            "draws": int(draws),
            "seed": int(seed),
        }
        return cls.__new__(cls)._set(*_count(counter, memory_limit, folder), corpus.vocab, keep, about)

    @classmethod
    def from_arrays(
        cls,
        centers: ArrayLike,
        contexts: ArrayLike,
        counts: ArrayLike,
        vocab: Vocab | Sequence[str] | None = None,
    ) -> CooccurrenceCounts:
        """Counts of explicit triples (m, n, count); equal pairs are added up, those of count 0 vanish.

        `vocab`: a Vocab, whose ids they are; or a list of words, indexed by the ids; or None for the words ``"0"``, ``"1"``, … up to
        the largest id. Without a Vocab one is made, each word counted as often as its row weighs (at least once), and ids are
        renumbered to its order.
        """
        m, n, given = _ids("centers", centers), _ids("contexts", contexts), np.asarray(counts)
        if given.ndim != 1 or given.dtype.kind not in "iufb":
            raise TypeError(
                f"counts must be one-dimensional, of real numbers; it is {given.ndim}-dimensional, {given.dtype}"
            )
        w = given.astype(np.float32)
        if len(bad := np.flatnonzero(~((w >= 0) & (w <= 3e38)))):
            raise ValueError(f"counts[{bad[0]}] is {w[bad[0]]}; counts must be finite and not negative")
        if not len(m) == len(n) == len(w):
            raise ValueError(
                f"centers, contexts and counts have {len(m)}, {len(n)} and {len(w)} values; they must be equal"
            )
        K = len(vocab) if vocab is not None else int(max(m.max(), n.max())) + 1
        if not isinstance(vocab, Vocab):
            words = list(map(str, range(K))) if vocab is None else list(vocab)
            _core.check_ids("centers", m, K)
            weights = np.clip(np.rint(np.bincount(m, w, minlength=K)), 1, 2**62).astype(np.int64)
            vocab = Vocab.from_counts(words, weights, min_count=1)
            _core.check_ids("contexts", n, K)
            place = np.array([vocab.index[word] for word in words], np.int32)
            m, n = place[m], place[n]
        rows, ptr, columns, values = _core.group_pairs(m, n, w, K)
        row_ptr = np.zeros(K + 1, np.int64)
        row_ptr[rows + 1] = np.diff(ptr)
        return cls(np.cumsum(row_ptr), columns, values, vocab)

    @classmethod
    def from_scipy(
        cls, matrix: scipy.sparse.spmatrix | scipy.sparse.sparray, vocab: Vocab | Sequence[str] | None = None
    ) -> CooccurrenceCounts:
        """Counts out of any SciPy sparse matrix (K, K), a row for each center; `vocab` as in :meth:`from_arrays`."""
        if not hasattr(matrix, "tocoo"):
            raise TypeError(f"matrix is {type(matrix).__name__}; it must be a sparse matrix of SciPy")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(
                f"matrix has shape {matrix.shape}; it must be square, a row and a column for each word"
            )
        if vocab is not None and len(vocab) != matrix.shape[0]:
            raise ValueError(f"vocab has {len(vocab)} words, matrix {matrix.shape[0]} rows")
        triples = matrix.tocoo()
        if not triples.nnz:
            raise ValueError("matrix has no entry: there are no pairs")
        return cls.from_arrays(
            triples.row,
            triples.col,
            triples.data,
            list(map(str, range(matrix.shape[0]))) if vocab is None else vocab,
        )

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
        arrays = {
            "word_counts": self.vocab.counts,
            "word_offsets": offsets,
            "row_ptr": self.row_ptr,
            "contexts": self.contexts,
            "counts": self.counts,
            "words": blob,
        } | ({} if self.keep is None else {"keep": self.keep})
        metadata = {
            "library_version": __version__,
            "about": json.dumps(self.about),
            "raw_types": str(self.vocab.raw_types),
            "raw_tokens": str(self.vocab.raw_tokens),
        }
        if thinned := self.thinned:
            arrays |= {
                "keep": thinned.keep,
                "thinned_row_ptr": thinned.row_ptr,
                "thinned_contexts": thinned.contexts,
                "thinned_counts": thinned.counts,
            }
            metadata["thinned_about"] = json.dumps(thinned.about)
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
            vocab = Vocab(
                words,
                container.read("word_counts"),
                raw_types=_safetensors.count(meta, "raw_types"),
                raw_tokens=_safetensors.count(meta, "raw_tokens"),
            )
            get = container.map if mmap else container.read
            keep = container.read("keep") if "keep" in container.places else None
            thinned, parts = None, sum(name.startswith("thinned_") for name in container.places)
            if parts not in (0, 3) or (parts and keep is None):
                raise FormatError("it has some of the tensors of thinned counts, not all of them")
            if parts:
                thinned = cls(
                    container.read("thinned_row_ptr"),
                    get("thinned_contexts"),
                    get("thinned_counts"),
                    vocab,
                    keep=keep,
                )
                thinned.about = _about(meta, "thinned_about")
            found = cls(
                container.read("row_ptr"),
                get("contexts"),
                get("counts"),
                vocab,
                keep=None if thinned else keep,
                thinned=thinned,
            )
            found.about = _about(meta, "about")
            return found


def _check_made(draws: object, seed: object, memory_limit: object) -> None:
    """ValueError unless all three are whole numbers in their range."""
    for name, value, most in (
        ("draws", draws, 2**31),
        ("seed", seed, 2**64),
        ("memory_limit", memory_limit, 2**63),
    ):
        if name == "memory_limit" and value is None:
            continue
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not 0 <= value < most:
            raise ValueError(f"{name} is {value!r}; it must be an integer from 0 to {most - 1}")


def _about(metadata: dict[str, str], name: str) -> dict[str, Any]:
    """How the counts of a file were made; FormatError unless it is what :meth:`CooccurrenceCounts.save` writes."""
    about = _safetensors.parse_json(metadata.get(name, "{}"))
    if about == {}:
        return {}
    try:
        left, right = about["window"]
        shrinks, sample = about["shrink_windows"], about["sample"]
        Window.parse(None if left == right == -1 else (left, right), shrinks)
        _check_made(about["draws"], about["seed"], None)
        if len(about) != 5 or not (
            isinstance(shrinks, (bool, str)) and (sample is None or 0 <= float(sample) < float("inf"))
        ):
            raise ValueError(f"it has {sorted(about)}")
    except (TypeError, ValueError, KeyError, ArithmeticError, MemoryError) as error:
        raise FormatError(f"its header says in a strange way how the counts were made: {error}") from None
    return about


def _draws(
    corpus: EncodedCorpus, keep: NDArray[np.float64] | None, draws: int, seed: int, threads: int
) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """The text itself, or thinned copies of it; the draws are those of the epochs of the same seed."""
    if keep is None or draws == 0:
        return [(corpus.tokens, corpus.offsets)]
    with ThreadPoolExecutor(min(threads, draws)) as pool:
        return list(
            pool.map(lambda draw: pairs.thin(corpus.tokens, corpus.offsets, keep, seed, draw), range(draws))
        )


def _count(
    counter: Counter, memory_limit: int | None, folder: str | None
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """All rows, part by part; beyond the limit into a file without a name."""
    K, bounds = counter.K, counter.bounds()
    ends = np.cumsum(bounds)
    sizes, entries, start = np.zeros(K + 1, np.int64), _Entries(int(ends[-1]), memory_limit, folder), 0
    while start < K:
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + _PART, "right")), start + 1)
        sizes[start + 1 : stop + 1] = counter.rows(start, stop)
        entries.add(int(sizes[start + 1 : stop + 1].sum()), counter.take)
        start = stop
    return np.cumsum(sizes), *entries.joined()


class _Entries:
    """Entries as they come: in memory up to a limit, then in two files without a name, which vanish with the last map of them.

    most : int      No more entries will come. So many get their addresses at once, up to _ROOM: memory not written to costs nothing.
    """

    def __init__(self, most: int, limit: int | None, folder: str | None) -> None:
        self._limit, self._folder, self._n = limit, folder, 0
        room = min(most, _ROOM if limit is None else limit // 8)
        try:
            self._arrays = np.empty(room, np.int32), np.empty(room, np.float32)
        except MemoryError:  # addresses are scarce, which need not mean that memory is
            self._arrays = np.empty(0, np.int32), np.empty(0, np.float32)
        self._files: tuple[Any, Any] | None = None

    def add(self, n: int, fill: Callable[[NDArray[np.int32], NDArray[np.float32]], None]) -> None:
        """Take n entries, which `fill` writes."""
        start, self._n = self._n, self._n + n
        if self._files is None and self._limit is not None and 8 * self._n > self._limit:
            self._files = tempfile.TemporaryFile(dir=self._folder), tempfile.TemporaryFile(dir=self._folder)
            self._write(*(array[:start] for array in self._arrays))
            self._arrays = np.zeros(0, np.int32), np.zeros(0, np.float32)
        if self._files is not None:
            parts = np.empty(n, np.int32), np.empty(n, np.float32)
            fill(*parts)
            return self._write(*parts)
        for array in self._arrays:
            if self._n > len(array):
                array.resize(max(self._n, 3 * len(array) // 2), refcheck=False)  # nobody else holds it
        fill(*(array[start : self._n] for array in self._arrays))

    def _write(self, *parts: NDArray[Any]) -> None:
        for file, part in zip(self._files or (), parts, strict=True):
            file.write(memoryview(part).cast("B"))

    def joined(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        if self._files is None or not self._n:
            for array in self._arrays:
                array.resize(self._n, refcheck=False)
            return self._arrays
        for file in self._files:
            file.flush()
        return tuple(
            np.memmap(file, dtype, mode="r", shape=self._n).view(np.ndarray)
            for file, dtype in zip(self._files, (np.int32, np.float32), strict=True)
        )  # type: ignore[return-value]


def _ids(name: str, ids: ArrayLike) -> NDArray[np.int32]:
    array = np.asarray(ids)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be one-dimensional, of integers, and not empty; it is {array.ndim}-dimensional, {array.dtype}, "
            f"with {array.size} values"
        )
    if array.min() < 0 or array.max() >= 2**31 - 1:
        raise ValueError(
            f"{name} holds ids from {array.min()} to {array.max()}; they must lie in [0, 2**31 - 1)"
        )
    return np.ascontiguousarray(array, np.int32)


def _check(
    row_ptr: NDArray[np.int64],
    contexts: NDArray[np.int32],
    counts: NDArray[np.float32],
    K: int,
    keep: NDArray[np.float64] | None,
) -> None:
    for name, array, dtype in (
        ("row_ptr", row_ptr, np.int64),
        ("contexts", contexts, np.int32),
        ("counts", counts, np.float32),
    ):
        if (
            not isinstance(array, np.ndarray)
            or array.dtype != dtype
            or array.ndim != 1
            or not (array.flags.c_contiguous and array.flags.aligned)
        ):
            raise TypeError(
                f"{name} must be a contiguous, aligned one-dimensional array of {np.dtype(dtype)}; it is {type(array).__name__} "
                f"{getattr(array, 'dtype', '')} {getattr(array, 'shape', '')}"
            )
    if (
        len(row_ptr) != K + 1
        or row_ptr[0] != 0
        or row_ptr[-1] != len(contexts)
        or len(counts) != len(contexts)
        or (row_ptr[1:] < row_ptr[:-1]).any()
    ):  # not their differences, which may wrap round
        raise ValueError(
            f"row_ptr must rise from 0 to the {len(contexts)} contexts in {K + 1} values, and counts have as many values as "
            f"contexts; they have {len(row_ptr)} and {len(counts)}"
        )
    if (bad := _core.bad_entry(row_ptr, contexts, counts, K, effective_num_threads())) >= 0:
        if not 0 <= contexts[bad] < K:
            raise ValueError(f"contexts[{bad}] is {contexts[bad]}; the vocabulary has ids 0 to {K - 1}")
        if not LEAST_COUNT <= counts[bad] <= 3e38:
            raise ValueError(
                f"counts[{bad}] is {counts[bad]}; counts must be finite and at least {LEAST_COUNT:g}"
            )
        raise ValueError(
            f"contexts[{bad}] is {contexts[bad]} after {contexts[bad - 1]}; within a row they must be distinct and rise"
        )
    if keep is not None and (
        not isinstance(keep, np.ndarray)
        or keep.dtype != np.float64
        or keep.shape != (K,)
        or not ((keep > 0) & (keep <= 1)).all()
    ):
        raise ValueError(
            f"keep must be a float64 array of {K} probabilities above 0; it is {type(keep).__name__} "
            f"{getattr(keep, 'dtype', '')} {getattr(keep, 'shape', '')}"
        )
