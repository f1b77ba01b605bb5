"""CooccurrenceCounts: how often each word stands in the windows of each other, as rows of a sparse matrix."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core, checks
from ..io.safetensors import named
from ..system.interrupts import kept
from ..system.threads import effective_num_threads
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from .count_settings import CountSettings, check_counting
from .counting import CountRows, StoredCounts, count_texts
from .counts_file import read_counts, write_counts
from .triples import rows_of_triples
from .window import Reach, Shrink, Window

if TYPE_CHECKING:
    import scipy.sparse

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
    keep : ndarray (K,), float64, optional  Probability with which a token of each word was kept when the text
                                            was thinned: probabilities are corrected by it to the real text.
    thinned : CooccurrenceCounts, optional  Counts of the same words in thinned text, on which a training
                                            begins; see :meth:`for_training`.

    Attributes
    ----------
    settings : CountSettings or None        How counts of a text were made; None for counts from elsewhere.
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
        if thinned is not None:
            _check_thinned(thinned, vocab, keep)
        self.row_ptr, self.contexts, self.counts = row_ptr, contexts, counts
        self.vocab: Vocab = vocab
        self.keep: NDArray[np.float64] | None = keep
        self.thinned: CooccurrenceCounts | None = thinned
        self.settings: CountSettings | None = None
        self._leading: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        self._column_sums: NDArray[np.float64] | None = None
        self.row_sums = self.leading(len(vocab))[1]

    @property
    def about(self) -> dict[str, Any]:
        """Window, shrink_windows, sample, draws and seed of counts of a text, as plain values, or nothing."""
        return self.settings.as_dict() if self.settings else {}

    @property
    def start(self) -> CooccurrenceCounts:
        """The counts on which a training begins: the thinned ones, if there are any."""
        return self.thinned or self

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
        return self.settings is not None and self.settings.window.left == self.settings.window.right

    @property
    def rows(self) -> CountRows:
        """The three arrays, as the kernels take them."""
        return CountRows(self.row_ptr, self.contexts, self.counts)

    def column_sums(self) -> NDArray[np.float64]:
        """Weight of each context word, shape (K,)."""
        if self.symmetric:
            return self.row_sums
        if self._column_sums is None:
            self._column_sums = np.zeros(self.K)
            for start in range(0, self.nnz, _CHUNK):  # bincount takes copies of 16 bytes an entry
                part = slice(start, start + _CHUNK)
                self._column_sums += np.bincount(self.contexts[part], self.counts[part], minlength=self.K)
        return self._column_sums

    def leading(self, words: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of the first `words` rows: where their contexts among the same words end, and what those weigh.

        Both have the shape (words,).
        """
        words = checks.integer("words", words, 0)
        if words not in self._leading:
            self._leading[words] = _core.leading_block(*self.rows, words, effective_num_threads())
        return self._leading[words]

    def __repr__(self) -> str:
        return f"<CooccurrenceCounts: {self.K} words, {self.nnz} entries, {self.total:.0f} pairs>"

    # ---- made from ----

    @classmethod
    def for_training(
        cls,
        corpus: EncodedCorpus,
        *,
        window: Reach = 5,
        shrink_windows: Shrink = True,
        sample: float = 0.0,
        draws: int = 3,
        seed: int = 1,
        memory_limit: int | None = None,
        folder: str | None = None,
        workers: int | None = None,
    ) -> CooccurrenceCounts:
        """What a training on a text needs: its counts, and as their `thinned` those of thinned copies.

        A training begins on the thinned counts and ends on the text's. There are no thinned counts if
        `sample` drops no word of this text. Parameters as in :meth:`from_corpus`; `memory_limit` is of both
        together.
        """
        return cls.of_windows(
            corpus,
            Window.parse(window, shrink_windows),
            _vocab_of(corpus).keep_probabilities(sample),
            thinned_too=True,
            sample=sample,
            draws=draws,
            seed=seed,
            memory_limit=memory_limit,
            folder=folder,
            workers=workers,
        )

    @classmethod
    def from_corpus(
        cls,
        corpus: EncodedCorpus,
        *,
        window: Reach = 5,
        shrink_windows: Shrink = True,
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
        window : int, (int, int) or None        Reach to either side; None is the whole sentence. No window
                                                leaves a sentence.
        shrink_windows : bool or "harmonic"     True (or "random", whose expectation it is) weighs distance d
                                                by (z - d + 1) / z, "harmonic" by 1 / d, False by 1.
        sample : float                          word2vec's subsampling threshold; 0 keeps every token.
        draws : int                             Tokens are dropped at random before windows are cut, as
                                                word2vec does it, and the counts of so many draws averaged. 0:
                                                no token is dropped, the pair (m, n) is weighted keep(m)
                                                keep(n) instead, the expectation without stretched windows.
        seed : int                              Of the draws.
        memory_limit : int, optional            Bytes that the entries may take in memory; beyond, they are
                                                counted part by part into an unnamed file of `folder` and
                                                mapped. The result is the same.
        folder : str, optional                  Default: the system's folder for temporary files.
        workers : int, optional                 Threads; they do not change the result.
        """
        return cls.of_windows(
            corpus,
            Window.parse(window, shrink_windows),
            _vocab_of(corpus).keep_probabilities(sample),
            sample=sample,
            draws=draws,
            seed=seed,
            memory_limit=memory_limit,
            folder=folder,
            workers=workers,
        )

    @classmethod
    @kept()
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
        """:meth:`from_corpus`, or with `thinned_too` :meth:`for_training`, for a parsed window.

        `keep` holds the probabilities of keeping a token of each word, which `sample` may name.
        """
        check_counting(draws, seed, memory_limit)
        text, thinned = count_texts(
            corpus,
            CountSettings(window, sample, draws, seed),
            keep,
            thinned_too=thinned_too,
            memory_limit=memory_limit,
            folder=folder,
            workers=workers,
        )
        return cls._made(text, corpus.vocab, thinned and cls._made(thinned, corpus.vocab))

    @classmethod
    def _made(
        cls, stored: StoredCounts, vocab: Vocab, thinned: CooccurrenceCounts | None = None
    ) -> CooccurrenceCounts:
        counts = cls(*stored.rows, vocab, keep=stored.keep, thinned=thinned)
        counts.settings = stored.settings
        return counts

    @classmethod
    def from_arrays(
        cls,
        centers: ArrayLike,
        contexts: ArrayLike,
        counts: ArrayLike,
        vocab: Vocab | Sequence[str] | None = None,
    ) -> CooccurrenceCounts:
        """Counts of explicit triples (m, n, count); equal pairs are added up, those of count 0 vanish.

        Parameters
        ----------
        centers, contexts : array-like of int (n,)
        counts : array-like (n,)                    Finite, not negative.
        vocab : Vocab, sequence of str or None      Whose ids they are; or words, indexed by the ids; or None
                                                    for ``"0"``, ``"1"``, … up to the largest id. Without a
                                                    Vocab one is made, each word counted as often as its row
                                                    weighs (at least once); ids are renumbered to its order.

        Raises
        ------
        TypeError, ValueError                       An argument is not as above; names it.
        """
        rows, vocab = rows_of_triples(centers, contexts, counts, vocab)
        return cls(*rows, vocab)

    @classmethod
    def from_scipy(
        cls, matrix: scipy.sparse.spmatrix | scipy.sparse.sparray, vocab: Vocab | Sequence[str] | None = None
    ) -> CooccurrenceCounts:
        """Counts out of a SciPy sparse matrix (K, K), a row for each center; `vocab` as in `from_arrays`."""
        if not hasattr(matrix, "tocoo"):
            raise TypeError(f"matrix is {type(matrix).__name__}; it must be a sparse matrix of SciPy")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(
                f"matrix has shape {matrix.shape}; it must be square, one row and column per word"
            )
        if vocab is not None and len(vocab) != matrix.shape[0]:
            raise ValueError(f"vocab has {len(vocab)} words, matrix {matrix.shape[0]} rows")
        triples = matrix.tocoo()
        if not triples.nnz:
            raise ValueError("matrix has no entry: there are no pairs")
        words = list(map(str, range(matrix.shape[0]))) if vocab is None else vocab
        return cls.from_arrays(triples.row, triples.col, triples.data, words)

    def to_scipy(self) -> scipy.sparse.csr_array:
        """The same numbers as a SciPy array (needs SciPy); nothing is copied."""
        from scipy.sparse import csr_array

        return csr_array((self.counts, self.contexts, self.row_ptr), shape=(self.K, self.K))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, always the same bytes, whole or not at all; OSError with the path."""
        if not self.nnz:
            raise ValueError("there are no pairs: a file of no counts could not be trained on")
        write_counts(path, self.vocab, self._stored(), self.thinned._stored() if self.thinned else None)

    def _stored(self) -> StoredCounts:
        return StoredCounts(self.rows, self.settings, self.keep)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, mmap: bool = False, verify: bool | None = None
    ) -> CooccurrenceCounts:
        """Read a file written by :meth:`save`; nothing in it is ever executed.

        mmap: map the entries instead of reading them; shortening the file then kills the process (SIGBUS).
        verify: compare their checksums; None: unless they are mapped; False: none at all. FormatError if it
        is something else, damaged, or has no checksums to verify; MemoryError if it is too large to read.
        """
        with named(os.fsdecode(path), "file of counts"):
            vocab, found, thinned = read_counts(path, mmap, verify)
            return cls._made(found, vocab, thinned and cls._made(thinned, vocab))


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
        flat = isinstance(array, np.ndarray) and array.dtype == dtype and array.ndim == 1
        if not flat or not (array.flags.c_contiguous and array.flags.aligned):
            raise TypeError(
                f"{name} must be a contiguous, aligned one-dimensional array of {np.dtype(dtype)}; "
                f"it is {_described(array)}"
            )
    ends_fit = len(row_ptr) == K + 1 and row_ptr[0] == 0 and row_ptr[-1] == len(contexts) == len(counts)
    if not ends_fit or (row_ptr[1:] < row_ptr[:-1]).any():  # not their differences, which may wrap round
        raise ValueError(
            f"row_ptr must rise from 0 to the {len(contexts)} contexts in {K + 1} values, and counts have "
            f"as many values as contexts; they have {len(row_ptr)} and {len(counts)}"
        )
    bad = _core.bad_entry(row_ptr, contexts, counts, K, effective_num_threads())
    if bad >= 0:
        raise ValueError(_entry_complaint(bad, contexts, counts, K))
    if keep is None:
        return
    probabilities = isinstance(keep, np.ndarray) and keep.dtype == np.float64 and keep.shape == (K,)
    if not probabilities or not ((keep > 0) & (keep <= 1)).all():
        raise ValueError(
            f"keep must be a float64 array of {K} probabilities above 0; it is {_described(keep)}"
        )


def _vocab_of(corpus: object) -> Vocab:
    """The vocabulary of a corpus; TypeError for anything else."""
    if not isinstance(corpus, EncodedCorpus):
        raise TypeError(
            f"corpus is a {type(corpus).__name__}; it must be an EncodedCorpus, which its "
            "from_iter and from_files make"
        )
    return corpus.vocab


def _check_thinned(thinned: CooccurrenceCounts, vocab: Vocab, keep: object) -> None:
    if not isinstance(thinned, CooccurrenceCounts):
        raise TypeError(f"thinned is a {type(thinned).__name__}; it must be CooccurrenceCounts, or None")
    if keep is not None or thinned.keep is None or thinned.vocab.words != vocab.words:
        raise ValueError("thinned must be counts of the same words with keep, beside counts without")


def _described(value: object) -> str:
    return f"{type(value).__name__} {getattr(value, 'dtype', '')} {getattr(value, 'shape', '')}"


def _entry_complaint(bad: int, contexts: NDArray[np.int32], counts: NDArray[np.float32], K: int) -> str:
    if not 0 <= contexts[bad] < K:
        return f"contexts[{bad}] is {contexts[bad]}; the vocabulary has ids 0 to {K - 1}"
    if not _core.LEAST_COUNT <= counts[bad] <= _core.MOST_COUNT:
        return f"counts[{bad}] is {counts[bad]}; counts must be finite and at least {_core.LEAST_COUNT:g}"
    found = f"contexts[{bad}] is {contexts[bad]} after {contexts[bad - 1]}"
    return f"{found}; within a row they must be distinct and rise"
