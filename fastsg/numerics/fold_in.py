"""The folded start: where some words have vectors, the counts put O and the other words among these.

A (K, K) is the matrix of the spectral start, see initializers.py, and I_w, O_w are I and O weighted by
p^(1/4), as it is. Given rows of I_w, I_w O_w' is nearest to A, in least squares, with the outputs
O_w = A' I_w (I_w' I_w)^-1. By the same token a row of I_w that is not given is A_m O_w (O_w' O_w)^-1. Both
inverses are damped. Without an output bias O_n gains (log p(n) - mean) v, with I_m v nearly 1 for all m.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import DivergenceError
from ..system.interrupts import free
from .initializers import TRACE, Matrix, Sparse, Sums, centered_log_shares, transposed, unweighted

#: Part of the mean eigenvalue that is added to the diagonal, and the least that is.
_DAMPING, _LEAST = 0.01, 1e-20
_UNIT = 16  # a sparse matrix is multiplied by so many columns at a time


def fill_folded_start(
    I: Matrix,
    O: Matrix,
    given: NDArray[np.bool_],
    counts: Sparse,
    row_sums: Sums,
    column_sums: Sums,
    *,
    symmetric: bool,
    frequencies: bool,
    num_threads: int,
) -> None:
    """Complete a start of which some rows of I are known; those stay as they are.

    Parameters
    ----------
    I, O : ndarray (K, H), float32      Rows of I that are not `given` are as :func:`uniform_start` made them,
                                        O is zero.
    given : ndarray (K,), bool
    counts, row_sums, column_sums, symmetric, num_threads
                                        As for :func:`spectral_start`.
    frequencies : bool                  O carries log p(n) too, which a model without an output bias has to
                                        learn first.

    Raises
    ------
    DivergenceError                     The rows given are not finite; nothing has changed.
    """
    with free():
        A = _core.ppmi(*counts, row_sums, column_sums, num_threads)
        B = A if symmetric else transposed(A)
        center, context = unweighted(row_sums), unweighted(column_sums)
        weights = np.divide(1, center, out=np.zeros_like(center), where=center > 0)
        outputs = _nearest(B, np.where(given[:, None], I * weights, 0), num_threads)
        others = None if given.all() else _nearest(A, outputs, num_threads) * center
    if others is not None:
        I[~given] = others[~given] + np.float32(TRACE) * I[~given]
    O[:] = outputs * context
    if frequencies:
        log_p = centered_log_shares(column_sums, float(row_sums.sum())).astype(np.float32)
        O += log_p[:, None] * _one(I, row_sums, num_threads)


def _one(I: Matrix, row_sums: Sums, num_threads: int) -> Matrix:
    """The v (1, H) for which I_m v is nearest to 1, in least squares over the centers as they occur."""
    p = (row_sums / row_sums.sum()).astype(np.float32)
    mean = _core.mean(I, p, num_threads).astype(np.float32)
    return _core.times(mean[None], _damped_inverse(_core.gram(I, p, num_threads)), num_threads)


def _nearest(A: Sparse, X: Matrix, num_threads: int) -> Matrix:
    """A X (X'X)^-1: the Y for which Y X' is nearest to A."""
    K, H = X.shape
    wide = np.zeros((K, -(-H // _UNIT) * _UNIT), np.float32)
    wide[:, :H] = X
    inverse = _damped_inverse(_core.gram(np.ascontiguousarray(X, np.float32), None, num_threads))
    product = np.ascontiguousarray(_core.sparse_times(*A, wide, num_threads)[:, :H])
    return _core.times(product, inverse, num_threads)


def _damped_inverse(gram: NDArray[np.float64]) -> Matrix:
    gram[np.diag_indices_from(gram)] += _DAMPING * np.trace(gram) / len(gram) + _LEAST
    try:
        return _core.inverse(gram).astype(np.float32)
    except ValueError:
        raise DivergenceError("the rows of I that were set before training are not finite") from None
