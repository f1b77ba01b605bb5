"""Vectors at length 1, their cosines and means, in float64.

A vector whose norm is below 1.2e-38 counts as zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

_BLOCK_NUMBERS = 1 << 20
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


def weighted_mean(
    rows: Sequence[Floats | int], matrix: Floats, weights: Iterable[Any] | None, is_unit: bool
) -> Floats:
    """The sum of w v over the sum of abs(w), in float64; 0 for no rows, or if the weights are all 0.

    Parameters
    ----------
    rows : sequence of int and ndarray (H,)     Rows of `matrix`, and vectors that are taken as they are.
    matrix : ndarray (K, H)
    weights : iterable of numbers or None       One for each row; None: all 1.
    is_unit : bool                              Bring rows of the matrix to length 1 first.

    Notes
    -----
    Added up in the order of the rows, each as rounded to the dtype of the matrix.
    """
    if not rows:
        return np.zeros(matrix.shape[1])
    numbers = [i for i, row in enumerate(rows) if isinstance(row, int)]
    if len(numbers) == len(rows):
        vectors = matrix[np.array(rows)].astype(np.float64)
    else:
        vectors = np.array([matrix[row] if isinstance(row, int) else row for row in rows], np.float64)
    if is_unit and numbers:
        _scale_to_unit(vectors, numbers, matrix.dtype)
    weight_sum: Any = float(len(rows))
    if weights is not None:
        vectors *= np.array([float(weight) for weight in weights])[:, None]
        weight_sum = 0.0
        for weight in weights:  # one after the other, as the vectors
            weight_sum += abs(weight)
    total: Floats = np.add.accumulate(vectors)[-1] + 0.0  # no -0
    return total / weight_sum if weight_sum else total


def _scale_to_unit(vectors_nh: Floats, places: list[int], dtype: np.dtype[Any]) -> None:
    """Bring some rows to length 1, rounded to `dtype`, as :func:`unit` does."""
    norms = [math.sqrt(row.dot(row)) for row in vectors_nh]
    if len(places) == len(norms) and all(TINY <= norm < math.inf for norm in norms):
        vectors_nh /= np.array(norms)[:, None]
        if dtype != np.float64:
            vectors_nh[:] = vectors_nh.astype(dtype)
        return
    for i in places:
        vectors_nh[i] = unit(vectors_nh[i]).astype(dtype)
