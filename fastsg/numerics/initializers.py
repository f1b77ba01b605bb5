"""Where I and O start: uniformly, as in word2vec, or from the counts' positive pointwise mutual information.

A_mn = (p_m p_n)^(1/4) max(0, log((N_mn + 1) / (E_mn + 1))), E_mn = N_m N'_n / N, is nearly U S V'. The rows
of I start as those of U S^(1/2), un-weighted by p_m^(-1/4), the rows of O as those of V S^(1/2), un-weighted
by p_n^(-1/4).

Source: Halko, Martinsson and Tropp, "Finding structure with randomness" (2011), algorithm 4.4. The
orthonormal bases come from Gram matrices, and no BLAS takes part, so threads do not change a bit.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .. import _core, streams
from ..system.interrupts import free

#: What stays of the uniform start of I under the spectral one: a coordinate that is zero in I and O would
#: stay zero.
TRACE = 0.1
_SPARE = 12  # columns beyond H: the last wanted ones converge with them
_UNIT = 16
_ITERATIONS = 3
#: What a word that is nowhere a context counts as, in pairs, where its logarithm is wanted.
_HALF_A_PAIR = 0.5

Matrix = NDArray[np.float32]
Sums = NDArray[np.float64]
#: A sparse matrix by rows: row pointers, columns, values.
Sparse = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


def uniform_start(K: int, H: int, seed: int, num_threads: int = 1) -> Matrix:
    """Uniform on [-1/2H, 1/2H), as I starts in word2vec; shape (K, H)."""
    uniform = _core.random_uniform(seed, streams.UNIFORM_START, K * H, num_threads).reshape(K, H)
    uniform /= np.float32(H)
    return uniform


def fill_spectral_start(
    I: Matrix,
    O: Matrix,
    counts: Sparse,
    row_sums: Sums,
    column_sums: Sums,
    *,
    symmetric: bool,
    frequency_coordinate: bool,
    seed: int,
    num_threads: int,
) -> None:
    """Turn I (K, H), as :func:`uniform_start` made it, and O (K, H), zero, into the spectral start.

    Parameters
    ----------
    counts, row_sums, column_sums, symmetric, seed, num_threads
        As for :func:`spectral_start`.
    frequency_coordinate : bool
        The last coordinate carries log p(n), which a model without an output bias has to learn first.
    """
    H = I.shape[1]
    width = H - 1 if frequency_coordinate and H > 1 else H
    with free():
        left, right = spectral_start(
            counts, row_sums, column_sums, width, symmetric=symmetric, seed=seed, num_threads=num_threads
        )
    I *= np.float32(TRACE)
    I[:, :width] += left
    O[:, :width] = right
    if width < H:
        log_p = centered_log_shares(column_sums, float(row_sums.sum()))
        scale = math.sqrt(max(float(np.std(log_p)), 1e-3))
        I[:, -1], O[:, -1] = scale, log_p / scale


def spectral_start(
    counts: Sparse,
    row_sums: Sums,
    column_sums: Sums,
    H: int,
    *,
    symmetric: bool,
    seed: int = 1,
    num_threads: int = 1,
    iterations: int = _ITERATIONS,
) -> tuple[Matrix, Matrix]:
    """Factors of a matrix of counts, both (K, H): a start for I and for O.

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
    wanted = min(H, K)  # there are no more directions
    start = _random(K, spectral_width(K, H), seed, num_threads)
    Q = _orthonormal(_core.sparse_times(*A, start, num_threads), num_threads)
    for _ in range(iterations):
        if not symmetric:
            Q = _orthonormal(_core.sparse_times(*B, Q, num_threads), num_threads)
        Q = _orthonormal(_core.sparse_times(*A, Q, num_threads), num_threads)
    Q = _orthonormal(Q, num_threads)
    W = _core.sparse_times(*B, Q, num_threads)  # A is nearly Q W'
    squares, rotation = _core.eigen(_core.gram(W, None, num_threads))
    root = np.sqrt(np.sqrt(np.maximum(squares[:wanted], 0)))  # of the singular values
    kept = root > 1e-6 * max(root[0], 1e-30)  # a direction of no weight would be noise
    left, right = np.where(kept, root, 0), np.where(kept, 1 / np.where(kept, root, 1), 0)
    I, O = np.zeros((K, H), np.float32), np.zeros((K, H), np.float32)
    for factor, Y, weight, sums in ((I, Q, left, row_sums), (O, W, right, column_sums)):
        turned = np.ascontiguousarray(rotation[:, :wanted] * weight, np.float32)
        factor[:, :wanted] = _core.times(Y, turned, num_threads) * unweighted(sums)
    return I, O


def spectral_width(K: int, H: int) -> int:
    """Columns that :func:`spectral_start` works on."""
    return -(-(min(H, K) + _SPARE) // _UNIT) * _UNIT


def sparse_products(symmetric: bool) -> int:
    """How often :func:`spectral_start` multiplies with its sparse matrix, which takes most of its time."""
    return 2 + _ITERATIONS * (1 if symmetric else 2)


def centered_log_shares(column_sums: Sums, total: float) -> Sums:
    """log p(n) of contexts, shape (K,), less its mean."""
    log_p = _core.logarithms(np.maximum(column_sums, _HALF_A_PAIR) / total)
    centered: Sums = log_p - log_p.mean()
    return centered


def transposed(A: Sparse) -> Sparse:
    """A' of a sparse A with as many rows as columns."""
    row_ptr, columns, values = A
    K = len(row_ptr) - 1
    order = np.argsort(columns, kind="stable")
    rows = np.repeat(np.arange(K, dtype=np.int32), np.diff(row_ptr))
    ptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(columns, minlength=K))])
    return ptr, rows[order], values[order]


def _orthonormal(Y: Matrix, num_threads: int) -> Matrix:
    """An orthonormal basis of the columns, but for digits that are lost where they are nearly dependent."""
    basis = _core.orthonormal(_core.gram(Y, None, num_threads))
    return _core.times(Y, np.ascontiguousarray(basis, np.float32), num_threads)


def _random(K: int, width: int, seed: int, num_threads: int) -> Matrix:
    return _core.random_uniform(seed, streams.SPECTRAL_START, K * width, num_threads).reshape(K, width)


def unweighted(sums: Sums) -> Matrix:
    """p^(-1/4) as a column; 0 for what never occurs."""
    p = sums / sums.sum()
    return np.where(p > 0, 1 / np.sqrt(np.sqrt(np.maximum(p, 1e-30))), 0).astype(np.float32)[:, None]
