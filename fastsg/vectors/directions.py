"""Vectors at length 1, their cosines and means, in float64.

A vector whose norm is below 1.2e-38 counts as zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core

Floats = NDArray[np.floating[Any]]
#: A vector of length 1, or 0.
Direction = NDArray[np.float64]

_BLOCK_NUMBERS = 1 << 20
_FLOAT32 = np.dtype(np.float32)
_PLAIN = 0x101  # the flags C_CONTIGUOUS and ALIGNED
#: Shorter vectors count as zero.
TINY = float(np.finfo(np.float32).tiny)


def unit(vector: Floats) -> Floats:
    """The vector at length 1, in its dtype; a zero vector stays zero."""
    double = vector.astype(np.float64)
    norm = math.sqrt(double.dot(double))
    if TINY <= norm < math.inf:
        scaled: Floats = (double / norm).astype(vector.dtype)
        return scaled
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        return (double * 0.0 if norm < TINY else double / norm).astype(vector.dtype)


def direction(vector: Floats) -> Direction:
    """The vector at length 1, in float64."""
    return unit(vector.astype(np.float64)).astype(np.float64, copy=False)


def unit_rows(matrix: Floats) -> NDArray[np.float32]:
    """The rows at length 1, float32 of shape (K, H); a zero row stays zero."""
    return (matrix * inverse_norms(matrix)[:, None]).astype(np.float32)


def inverse_norms(matrix: Floats) -> Floats:
    """1 / norm of each row (K,), in the dtype of the matrix: 0 for a zero row, NaN for a non-finite one."""
    squares_k = np.empty(len(matrix))
    step = max(1, _BLOCK_NUMBERS // matrix.shape[1])  # blocks keep temporaries small
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(matrix), step):
            block = matrix[start : start + step].astype(np.float64, copy=False)
            squares_k[start : start + step] = np.einsum("kh,kh->k", block, block)
    norms_k = np.sqrt(squares_k)
    norms_k[~np.isfinite(norms_k)] = np.nan
    is_nonzero = ~(norms_k < TINY)
    inverse_k: Floats = np.divide(1.0, norms_k, out=np.zeros_like(norms_k), where=is_nonzero)
    return inverse_k.astype(matrix.dtype)


def cosine(x: Floats, y: Floats) -> float:
    """Cosine of two vectors, computed in float64."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    norm_x, norm_y = math.sqrt(x.dot(x)), math.sqrt(y.dot(y))
    if TINY <= norm_x < math.inf and TINY <= norm_y < math.inf:
        return float((x / norm_x).dot(y / norm_y))
    return float(unit(x) @ unit(y))


def is_plain(matrix: Floats) -> bool:
    """Whether kernels can read a matrix where it is."""
    return matrix.dtype == _FLOAT32 and matrix.flags.num & _PLAIN == _PLAIN


def unit_row(matrix: Floats, row: int) -> Floats:
    """A row at length 1; see :func:`unit`."""
    return _core.unit_row(matrix, row) if is_plain(matrix) else unit(matrix[row])


def weighted_mean(
    rows: list[Floats | int], matrix: Floats, weights: list[Any] | None, is_unit: bool
) -> Floats:
    """The sum of w v over the sum of abs(w), in float64; 0 for no rows, or if the weights are all 0.

    Parameters
    ----------
    rows : list of int and ndarray (H,)         Rows of `matrix`, and vectors that are taken as they are.
    matrix : ndarray (K, H)
    weights : list of numbers or None           One for each row; None: all 1.
    is_unit : bool                              Bring rows of the matrix to length 1 first, in its dtype.

    Notes
    -----
    Added up in the order of the rows.
    """
    total = np.zeros(matrix.shape[1])
    numbers = [row for row in rows if isinstance(row, int)]
    if len(numbers) == len(rows) and is_plain(matrix):
        _core.add_rows(matrix, numbers, weights, is_unit, total)
    else:
        for i, row in enumerate(rows):
            if isinstance(row, int):
                vector: Floats = unit_row(matrix, row) if is_unit else matrix[row]
            else:
                vector = row
            total += vector if weights is None else weights[i] * vector.astype(np.float64)
    weight_sum: Any = float(len(rows))
    if weights is not None:
        weight_sum = 0.0
        for weight in weights:
            weight_sum += abs(weight)
    return total / weight_sum if weight_sum else total
