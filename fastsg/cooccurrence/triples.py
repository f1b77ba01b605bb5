"""Explicit triples (center, context, count), made into rows of counts over a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..text.vocab import Vocab
from .counting import CountRows

if TYPE_CHECKING:
    import scipy.sparse


def rows_of_triples(
    centers: ArrayLike, contexts: ArrayLike, counts: ArrayLike, vocab: Vocab | Sequence[str] | None
) -> tuple[CountRows, Vocab]:
    """Equal pairs added up, those of count 0 left out, and their vocabulary.

    Parameters as in :meth:`CooccurrenceCounts.from_arrays`. TypeError or ValueError names what is wrong.
    """
    m, n, w = _ids("centers", centers), _ids("contexts", contexts), _weights(counts)
    if not len(m) == len(n) == len(w):
        raise ValueError(
            f"centers, contexts and counts have {len(m)}, {len(n)} and {len(w)} values; they must be equal"
        )
    K = len(vocab) if vocab is not None else int(max(m.max(), n.max())) + 1
    if not isinstance(vocab, Vocab):
        words = list(map(str, range(K))) if vocab is None else list(vocab)
        _core.check_ids("centers", m, K)
        _core.check_ids("contexts", n, K)
        vocab, place = _vocab_by_weight(words, np.bincount(m, w, minlength=K).astype(np.float64))
        m, n = place[m], place[n]
    rows, ptr, columns, values = _core.group_pairs(m, n, w, K)
    row_ptr = np.zeros(K + 1, np.int64)
    row_ptr[rows + 1] = np.diff(ptr)
    return CountRows(np.cumsum(row_ptr), columns, values), vocab


def triples_of_matrix(
    matrix: scipy.sparse.spmatrix | scipy.sparse.sparray, vocab: Vocab | Sequence[str] | None
) -> tuple[ArrayLike, ArrayLike, ArrayLike, Vocab | Sequence[str]]:
    """Centers, contexts, counts and words of :meth:`CooccurrenceCounts.from_scipy`.

    TypeError or ValueError names what is wrong.
    """
    if not hasattr(matrix, "tocoo"):
        raise TypeError(f"matrix is {type(matrix).__name__}; it must be a sparse matrix of SciPy")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix has shape {matrix.shape}; it must be square, one row and column per word")
    if vocab is not None and len(vocab) != matrix.shape[0]:
        raise ValueError(f"vocab has {len(vocab)} words, matrix {matrix.shape[0]} rows")
    triples = matrix.tocoo()
    if not triples.nnz:
        raise ValueError("matrix has no entry: there are no pairs")
    words = list(map(str, range(matrix.shape[0]))) if vocab is None else vocab
    return triples.row, triples.col, triples.data, words


def _vocab_by_weight(words: list[str], weights: NDArray[np.float64]) -> tuple[Vocab, NDArray[np.int32]]:
    """A vocabulary in which each word counts what its row weighs, at least 1; and the id there of each."""
    counts = np.clip(np.rint(weights), 1, 2**62).astype(np.int64)
    vocab = Vocab.from_counts(words, counts, min_count=1)
    return vocab, np.array([vocab.index[word] for word in words], np.int32)


def _weights(counts: ArrayLike) -> NDArray[np.float32]:
    given = np.asarray(counts)
    if given.ndim != 1 or given.dtype.kind not in "iufb":
        raise TypeError(
            f"counts must be one-dimensional, of real numbers; it is {given.ndim}-dimensional, {given.dtype}"
        )
    w = given.astype(np.float32)
    if len(bad := np.flatnonzero(~((w >= 0) & (w <= _core.MOST_COUNT)))):
        raise ValueError(f"counts[{bad[0]}] is {w[bad[0]]}; counts must be finite and not negative")
    return w


def _ids(name: str, ids: ArrayLike) -> NDArray[np.int32]:
    """The ids as int32. How many words there are may follow from them: only int32 limits them."""
    array = np.asarray(ids)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be one-dimensional, of integers, and not empty; it is {array.ndim}-dimensional, "
            f"{array.dtype}, with {array.size} values"
        )
    if array.min() < 0 or array.max() >= 2**31 - 1:
        raise ValueError(
            f"{name} holds ids from {array.min()} to {array.max()}; they must lie in [0, 2**31 - 1)"
        )
    return np.ascontiguousarray(array, np.int32)
