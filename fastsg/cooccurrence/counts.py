"""CooccurrenceCounts: how often each word stands in the windows of each other, as rows of a sparse matrix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..io.safetensors import named
from ..system.interrupts import kept
from ..text.corpus import EncodedCorpus
from ..text.shards import Shard
from ..text.vocab import Vocab
from .count_settings import CountSettings, check_counting
from .counting import CountRows, StoredCounts
from .counts_file import CountsFile, read_counts, write_counts
from .merging import combined
from .pieces import count_texts
from .table import CountTable
from .triples import rows_of_triples, triples_of_matrix
from .window import Reach, Shrink, Window

if TYPE_CHECKING:
    import scipy.sparse


class CooccurrenceCounts(CountTable):
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
    large : ndarray of int64, or None       The exact sums behind the counts that are too large for float32 to
                                            tell them; None: these counts cannot be added.
    shard : Shard or None                   Which part of its text they are of; of a sum of shards, all that
                                            it holds.
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
        super().__init__(CountRows(row_ptr, contexts, counts), vocab, keep)
        if thinned is not None:
            _check_thinned(thinned, vocab, keep)
        self.thinned: CooccurrenceCounts | None = thinned
        self.large: NDArray[np.int64] | None = None
        self.shard: Shard | None = None
        self._empty_thinned: StoredCounts | None = None

    @property
    def start(self) -> CooccurrenceCounts:
        """The counts on which a training begins: the thinned ones, if there are any."""
        return self.thinned or self

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
        progress: bool | None = None,
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
            progress=progress,
            exact=True,
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
        progress: bool | None = None,
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
        memory_limit : int, optional            Bytes that counting may take, beside the corpus, some 300 MiB
                                                and, for each word, 300 bytes and 16 for each thread. Beyond,
                                                the text is counted in pieces, of whole sentences, and entries
                                                are in unnamed files of `folder` and mapped. The result is
                                                the same. Over 2**32 ids, in all draws, are always counted so.
        folder : str, optional                  Default: TMPDIR, or the system's for temporary files.
        workers : int, optional                 Threads; they do not change the result.
        progress : bool, optional               Show bars; None: if standard error is a terminal.
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
            progress=progress,
            exact=True,
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
        progress: bool | None = False,
        exact: bool = False,
    ) -> CooccurrenceCounts:
        """:meth:`from_corpus`, or with `thinned_too` :meth:`for_training`, for a parsed window.

        `keep` holds the probabilities of keeping a token of each word, which `sample` may name. With `exact`
        the counts can be added, for which they keep their large sums.
        """
        check_counting(draws, seed, memory_limit, folder)
        text, thinned = count_texts(
            corpus,
            CountSettings(window, sample, draws, seed),
            keep,
            thinned_too=thinned_too,
            memory_limit=memory_limit,
            folder=folder,
            workers=workers,
            progress=progress,
            exact=exact,
        )
        return cls._made(CountsFile(corpus.vocab, text, thinned, corpus.shard))

    @classmethod
    def _made(cls, content: CountsFile) -> CooccurrenceCounts:
        vocab, stored, thinned, shard = content
        # there is nothing to train on where all tokens were dropped, but others can be added
        has_thinned = thinned is not None and len(thinned.rows.counts) > 0
        beside = cls._made(CountsFile(vocab, thinned)) if thinned and has_thinned else None
        counts = cls(*stored.rows, vocab, keep=stored.keep, thinned=beside)
        counts._empty_thinned = None if has_thinned else thinned
        counts.settings, counts.large, counts.shard = stored.settings, stored.large, shard
        return counts

    def _content(self) -> CountsFile:
        thinned = self.thinned._content().counts if self.thinned else self._empty_thinned
        stored = StoredCounts(self.rows, self.settings, self.keep, self.large)
        return CountsFile(self.vocab, stored, thinned, self.shard)

    # ---- added ----

    def __add__(self, other: CooccurrenceCounts) -> CooccurrenceCounts:
        """Counts of both texts, exactly those of one text with all their sentences.

        They must be of the same words and settings; ValueError says what differs. Their sentences must have
        numbers of their own where thinned counts are to be those of one text. The sum of shards knows which
        it holds, and is the whole text's once it holds all.
        """
        if not isinstance(other, CooccurrenceCounts):
            return NotImplemented
        return self._with(other, taken_off=False)

    def __radd__(self, other: int) -> CooccurrenceCounts:
        """0 + counts, with which ``sum`` begins."""
        if type(other) is int and other == 0:
            return self
        return NotImplemented

    def __sub__(self, other: CooccurrenceCounts) -> CooccurrenceCounts:
        """Counts without those of a part of the text, exactly; ValueError if they hold less than it.

        A shard is taken off from the counts of its whole text, which is not checked, or from a sum that holds
        it; what is left are the other shards.
        """
        if not isinstance(other, CooccurrenceCounts):
            return NotImplemented
        return self._with(other, taken_off=True)

    @classmethod
    def merge(cls, parts: Iterable[CooccurrenceCounts]) -> CooccurrenceCounts:
        """The sum of several counts, as ``a + b + c``; shards must be all those of one text.

        Raises
        ------
        ValueError      There are none, they do not fit, or shards come twice or are missing; says which.
        """
        parts = list(parts)
        if not parts:
            raise ValueError("parts is empty; there are no counts to merge")
        for number, part in enumerate(parts):
            if not isinstance(part, CooccurrenceCounts):
                raise TypeError(f"parts[{number}] is a {type(part).__name__}; it must be CooccurrenceCounts")
        names = [f"parts[{number}]" for number in range(len(parts))]
        contents = [part._content() for part in parts]
        return cls._made(combined(contents, names, taken_off=False, complete=True))

    def _with(self, other: CooccurrenceCounts, *, taken_off: bool) -> CooccurrenceCounts:
        contents, names = [self._content(), other._content()], ("the first counts", "the second counts")
        return self._made(combined(contents, names, taken_off=taken_off, complete=False))

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
        return cls.from_arrays(*triples_of_matrix(matrix, vocab))

    def save(self, path: str | os.PathLike[str], *, progress: bool | None = False) -> None:
        """Write a safetensors file, always the same bytes, whole or not at all; OSError with the path.

        progress: show a bar; None: if standard error is a terminal.
        """
        if not self.nnz and self.shard is None:
            raise ValueError("there are no pairs: a file of no counts could not be trained on")
        write_counts(path, self._content(), progress)

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
            return cls._made(read_counts(path, mmap, verify))


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
