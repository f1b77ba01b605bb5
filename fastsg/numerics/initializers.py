"""A start from the counts' spectrum: rank-H factors of their positive pointwise mutual information, by randomised subspace iteration.

A_mn = (p_m p_n)^(1/4) max(0, log((N_mn + 1) / (E_mn + 1))), E_mn = N_m N'_n / N, is nearly U S V'; the rows of I start as those of
U S^(1/2), un-weighted by p_m^(-1/4), the rows of O as those of V S^(1/2), un-weighted by p_n^(-1/4).

Source: Halko, Martinsson and Tropp, "Finding structure with randomness" (2011), algorithm 4.4; the orthonormal bases come from Gram
matrices, and no BLAS takes part, so threads do not change a bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core

_SPARE = 12  # columns beyond H: the last wanted ones converge with them
_UNIT = 16
#: Stream of the random subspace, see pairs.py for the others.
_STREAM = 2**62 + 2**61

Matrix = NDArray[np.float32]
Sparse = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


def spectral_start(
    counts: Sparse,
    row_sums: NDArray[np.float64],
    column_sums: NDArray[np.float64],
    H: int,
    *,
    symmetric: bool,
    seed: int = 1,
    num_threads: int = 1,
    iterations: int = 3,
) -> tuple[Matrix, Matrix]:
    """Start matrices I and O, (K, H), from a matrix of counts.

    Parameters
    ----------
    counts : (row_ptr, contexts, counts)        As in CooccurrenceCounts.
    row_sums, column_sums : ndarray (K,)        Of the counts.
    H : int
    symmetric : bool                            N_mn = N_nm: half the work.
    iterations : int                            Of the subspace; more sharpen the last of the H directions.
    """
    K = len(row_sums)
    if not row_sums.any():
        return np.zeros((K, H), np.float32), np.zeros((K, H), np.float32)
    A = _core.ppmi(*counts, row_sums, column_sums, num_threads)
    B = A if symmetric else transposed(A)
    Q = _orthonormal(
        _core.sparse_times(*A, _random(K, -(-(H + _SPARE) // _UNIT) * _UNIT, seed, num_threads), num_threads),
        num_threads,
    )
    for _ in range(iterations):
        if not symmetric:
            Q = _orthonormal(_core.sparse_times(*B, Q, num_threads), num_threads)
        Q = _orthonormal(_core.sparse_times(*A, Q, num_threads), num_threads)
    W = _core.sparse_times(*B, Q, num_threads)  # A is nearly Q W'
    squares, turn = _core.eigen(_core.gram(W, None, num_threads))
    root = np.sqrt(np.sqrt(np.maximum(squares[:H], 0)))  # of the singular values
    there = root > 1e-6 * max(root[0], 1e-30)  # a direction of no weight would be noise
    left, right = np.where(there, root, 0), np.where(there, 1 / np.where(there, root, 1), 0)
    I = _core.times(Q, np.ascontiguousarray(turn[:, :H] * left, np.float32), num_threads)
    O = _core.times(W, np.ascontiguousarray(turn[:, :H] * right, np.float32), num_threads)
    return I * _unweighted(row_sums), O * _unweighted(column_sums)


def transposed(A: Sparse) -> Sparse:
    """A' of a sparse A with as many rows as columns."""
    row_ptr, columns, values = A
    K = len(row_ptr) - 1
    order = np.argsort(columns, kind="stable")
    rows = np.repeat(np.arange(K, dtype=np.int32), np.diff(row_ptr))
    ptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(columns, minlength=K))])
    return ptr, rows[order], values[order]


def _orthonormal(Y: Matrix, num_threads: int) -> Matrix:
    """An orthonormal basis of the columns; twice, because the first try loses digits where they are nearly dependent."""
    for _ in range(2):
        values, vectors = _core.eigen(_core.gram(Y, None, num_threads))
        there = values > 1e-12 * max(values[0], 1e-300)
        scale = np.where(there, 1 / np.sqrt(np.where(there, values, 1)), 0)
        Y = _core.times(Y, np.ascontiguousarray(vectors * scale, np.float32), num_threads)
    return Y


def _random(K: int, width: int, seed: int, num_threads: int) -> Matrix:
    return _core.random_uniform(seed, _STREAM, K * width, num_threads).reshape(K, width)


def _unweighted(sums: NDArray[np.float64]) -> Matrix:
    """p^(-1/4) as a column; 0 for what never occurs."""
    p = sums / sums.sum()
    return np.where(p > 0, 1 / np.sqrt(np.sqrt(np.maximum(p, 1e-30))), 0).astype(np.float32)[:, None]
