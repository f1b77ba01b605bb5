"""Rows of counts as a table of words: their sums, and the part of it that the first words make up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, checks
from ..system.growing_file import give_back
from ..system.notebook import html_table
from ..system.threads import effective_num_threads
from ..text.vocab import Vocab
from .count_settings import CountSettings
from .counting import CountRows, row_parts
from .row_checks import ENTRIES_AT_ONCE, check_rows

if TYPE_CHECKING:
    import scipy.sparse

#: Entries that are summed up at once.
_CHUNK = 2**20
#: Words in a notebook, and contexts of each.
_SHOWN = 5


class CountTable:
    """What :class:`.counts.CooccurrenceCounts` is, wherever the counts are from; the names mean the same."""

    def __init__(self, rows: CountRows, vocab: Vocab, keep: NDArray[np.float64] | None) -> None:
        check_rows(rows, len(vocab), keep)
        self.row_ptr, self.contexts, self.counts = rows
        self.vocab: Vocab = vocab
        self.keep: NDArray[np.float64] | None = keep
        self.settings: CountSettings | None = None
        self._leading: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        self._column_sums: NDArray[np.float64] | None = None
        self.row_sums = self.leading(len(vocab))[1]

    @property
    def about(self) -> dict[str, Any]:
        """Window, shrink_windows, sample, draws and seed of counts of a text, as plain values, or nothing."""
        return self.settings.as_dict() if self.settings else {}

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
        words = checks.integer("words", words, 1, self.K)
        if words not in self._leading:
            entries, ends = (self.contexts, self.counts), self.row_ptr[: words + 1]
            stops, weights = np.empty(words, np.int64), np.empty(words)
            for start, stop in row_parts(ends[1:], ENTRIES_AT_ONCE):
                part = ends[start : stop + 1], *entries, words, effective_num_threads()
                stops[start:stop], weights[start:stop] = _core.leading_block(*part)
                give_back(*entries)
            self._leading[words] = stops, weights
        return self._leading[words]

    def __repr__(self) -> str:
        return f"<CooccurrenceCounts: {self.K} words, {self.nnz} entries, {self.total:.0f} pairs>"

    def _repr_html_(self) -> str:
        words, sums = self.vocab.words[:_SHOWN], self.row_sums[:_SHOWN].tolist()
        rows = [[words[m], sums[m], self._heaviest(m)] for m in range(len(words))]
        about = ", ".join(f"{name} {value}" for name, value in self.about.items())
        title = f"CooccurrenceCounts: {self.K:,} words, {self.nnz:,} entries, {self.total:,.0f} pairs"
        title += f" ({about})" if about else ""
        return html_table(title, ["center", "pairs", "commonest contexts"], rows, self.K - _SHOWN)

    def _heaviest(self, m: int) -> str:
        """The contexts that a center has most often, with how often that is."""
        row = slice(self.row_ptr[m], self.row_ptr[m + 1])
        contexts, counts = self.contexts[row], self.counts[row]
        best = np.argsort(-counts, kind="stable")[:_SHOWN].tolist()
        return ", ".join(f"{self.vocab.words[contexts[i]]} {counts[i]:,.1f}" for i in best)

    def to_scipy(self) -> scipy.sparse.csr_array:
        """The same numbers as a SciPy array (needs SciPy); nothing is copied."""
        from scipy.sparse import csr_array

        return csr_array((self.counts, self.contexts, self.row_ptr), shape=(self.K, self.K))
