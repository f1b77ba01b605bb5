"""Cosines, and exact search by cosine among the rows of a matrix.

The norms divide the scores, so no normalised copy of the matrix is needed. A row whose norm is below 1.2e-38
counts as zero, and its cosine with anything is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]
#: (vector, rows) -> their cosines (n,); rows are a slice or ids.
Cosines = Callable[[Floats, Any], Floats]
#: (cosines, rows) -> scores (n,). Called twice: with fast cosines of all rows, with exact ones of a few.
Score = Callable[[Cosines, Any], Floats]

#: Keeps quotients of 3CosMul finite.
COSMUL_EPSILON = 1e-6
_BLOCK_NUMBERS = 1 << 20
_FLOAT32_SLACK = 1e-5  # cosines in float32 are off by less
_TINY = float(np.finfo(np.float32).tiny)


# ---- length 1 ----


def unit(vector: Floats) -> Floats:
    """The vector at length 1, in its dtype; a zero vector stays zero."""
    double = vector.astype(np.float64)
    norm = float(np.linalg.norm(double))
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        scaled: Floats = (double * 0.0 if norm < _TINY else double / norm).astype(vector.dtype)
    return scaled


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
    is_nonzero = ~(norms_k < _TINY)
    inverse_k: Floats = np.divide(1.0, norms_k, out=np.zeros_like(norms_k), where=is_nonzero)
    return inverse_k.astype(matrix.dtype)


def cosine(x: Floats, y: Floats) -> float:
    """Cosine of two vectors, computed in float64."""
    return float(unit(x.astype(np.float64)) @ unit(y.astype(np.float64)))


# ---- scores ----


def cosine_score(query: Floats) -> Score:
    """The cosine with `query`; 3CosAdd if that is a sum and difference of unit vectors."""
    return lambda cosines, rows: cosines(query, rows)


def cosmul_score(positive: Sequence[Floats], negative: Sequence[Floats]) -> Score:
    """3CosMul: the product of the cosines with `positive` over that with `negative`, all moved to [0, 1].

    Source: Levy and Goldberg 2014, equation 4.
    """

    def score(cosines: Cosines, rows: slice | Ids) -> Floats:
        shifted = [(1 + cosines(vector, rows)) / 2 for vector in (*positive, *negative)]
        numerator = np.prod(shifted[: len(positive)], axis=0)
        product: Floats = numerator / (np.prod(shifted[len(positive) :], axis=0) + COSMUL_EPSILON)
        return product

    return score


# ---- search ----


class ExactSearch:
    """Exact search among all rows.

    Parameters
    ----------
    matrix : ndarray (K, H)             float32 or float64; rows need not be normalised.
    inverse_norms : ndarray (K,)        As from :func:`inverse_norms`.
    """

    def __init__(self, matrix: Floats, inverse_norms: Floats) -> None:
        self._matrix, self._inverse_norms = matrix, inverse_norms

    def cosines(self, query: Floats, rows: slice | Ids) -> Floats:
        """Cosines of a vector with some rows, in the precision of the matrix."""
        with np.errstate(invalid="ignore", over="ignore"):  # only vectors loaded with allow_nonfinite can
            scores: Floats = (
                self._matrix[rows] @ unit(query).astype(self._matrix.dtype) * self._inverse_norms[rows]
            )
        return scores

    def exact_cosines(self, query: Floats, ids: Ids) -> Floats:
        """Cosines of a vector with a few rows in float64, equal for equal rows wherever they stand.

        A matrix product in float32 may give equal rows different last bits; these cosines decide ties.
        """
        query = unit(query.astype(np.float64))
        scores = np.empty(len(ids))
        step = max(1, _BLOCK_NUMBERS // self._matrix.shape[1])
        with np.errstate(invalid="ignore"):
            for start in range(0, len(ids), step):
                block = self._matrix[ids[start : start + step]].astype(np.float64)
                norms = np.sqrt(np.einsum("kh,kh->k", block, block))
                norms[norms < _TINY] = np.inf
                scores[start : start + step] = np.einsum("kh,h->k", block, query) / norms
        return scores

    def scores(self, score: Score, rows: slice) -> Floats:
        """The scores of rows, in the precision of the matrix."""
        return score(self.cosines, rows)

    def best(
        self, score: Score, rows: slice, topn: int, excluded: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """(row, score) of the `topn` best among `rows`, without those excluded.

        Candidates are found by scores in the precision of the matrix and ordered by exact ones; equal scores
        come in the order of the rows, NaN comes last.
        """
        scores_k = self.scores(score, rows)
        order_by = np.where(np.isnan(scores_k), -np.inf, scores_k)
        needed = min(topn + len(excluded), len(order_by))
        if needed == 0:
            return []
        threshold = np.partition(order_by, -needed)[-needed]
        slack = _FLOAT32_SLACK * max(1.0, abs(threshold)) if np.isfinite(threshold) else 0.0
        ids = rows.indices(len(self._matrix))[0] + np.flatnonzero(order_by >= threshold - slack)
        ids = ids[~np.isin(ids, excluded)]
        exact = score(self.exact_cosines, ids)
        ranked = np.argsort(np.where(np.isnan(exact), np.inf, -exact), kind="stable")[:topn]
        return list(zip(ids[ranked].tolist(), exact[ranked].tolist()))

    def closer(self, query: Floats, bound: int) -> list[int]:
        """Rows closer to `query` than row `bound` is, in ascending order."""
        scores_k = self.cosines(query, slice(None))
        near = np.flatnonzero(scores_k >= scores_k[bound] - _FLOAT32_SLACK)
        exact = self.exact_cosines(query, near)
        closer: list[int] = near[exact > self.exact_cosines(query, np.array([bound]))].tolist()
        return closer
