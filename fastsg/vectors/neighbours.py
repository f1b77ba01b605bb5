"""Cosines, and exact search by cosine among the rows of a matrix.

The norms divide the scores, so no normalised copy of the matrix is needed. A row whose norm is below 1.2e-38
counts as zero, and its cosine with anything is 0.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..system.threads import effective_num_threads
from .directions import TINY, Direction, Floats, direction, is_plain

Ids = NDArray[np.int64]
#: (direction, rows) -> their cosines (n,); rows are a slice or ids.
Cosines = Callable[[Direction, Any], Floats]
#: (cosines, rows) -> scores (n,). Called twice: with fast cosines of all rows, with exact ones of a few.
Score = Callable[[Cosines, Any], Floats]
#: Rows with their scores, best first.
Found = list[tuple[int, float]]

#: Keeps quotients of 3CosMul finite.
COSMUL_EPSILON = 1e-6
_BLOCK_NUMBERS = 1 << 20
_SLACK = 1e-5  # twice what a cosine in float32 is off by; wide vectors have more: see ExactSearch
_FEW, _SHARE = 32, 64  # for more rows than these, or this part of all, NumPy finds the best of all scores
_SCRATCH_BYTES = 64 << 20
_ALONE = 1 << 23  # products; fewer are not worth a second thread


# ---- scores ----


def cosine_score(query: Floats) -> Score:
    """The cosine with `query`; 3CosAdd if that is a sum and difference of unit vectors."""
    towards = direction(query)
    return lambda cosines, rows: cosines(towards, rows)


def cosmul_score(positive: Sequence[Floats], negative: Sequence[Floats]) -> Score:
    """3CosMul: the product of the cosines with `positive` over that with `negative`, all moved to [0, 1].

    Source: Levy and Goldberg 2014, equation 4.
    """

    above, below = (list(map(direction, part)) for part in (positive, negative))

    def score(cosines: Cosines, rows: slice | Ids) -> Floats:
        quotient: Floats = _shifted(cosines, above, rows)
        quotient /= _shifted(cosines, below, rows) + COSMUL_EPSILON
        return quotient

    return score


def _shifted(cosines: Cosines, directions: Sequence[Direction], rows: slice | Ids) -> Any:
    """The product of the cosines with some vectors, each moved to [0, 1]; 1 for none."""
    product: Any = 1.0
    for i, towards in enumerate(directions):
        moved = cosines(towards, rows)
        moved += 1
        moved /= 2
        product = np.multiply(product, moved, out=moved) if i else moved
    return product


# ---- search ----


class ExactSearch:
    """Exact search among all rows.

    Parameters
    ----------
    matrix : ndarray (K, H)             float32 or float64; rows need not be normalised.
    inverse_norms : ndarray (K,)        As from :func:`inverse_norms`.

    Notes
    -----
    Candidates are found by scores in the precision of the matrix and ordered by scores in float64. A float32
    cosine of H products is off by less than (H + 8) 2^-24, whatever the order of the sum, so candidates are
    all rows that come within twice that of the n-th best: none that belongs to the answer is missed.
    """

    def __init__(self, matrix: Floats, inverse_norms: Floats) -> None:
        self._matrix, self._inverse_norms = matrix, inverse_norms
        self._fits_kernels = is_plain(matrix) and len(matrix) < 2**31
        self._slack = max(_SLACK, 2.0**-23 * (matrix.shape[1] + 8))

    def cosines(self, query: Direction, rows: slice | Ids) -> Floats:
        """Cosines of a direction with some rows, in the precision of the matrix."""
        matrix, inverse_k, vector = self._matrix, self._inverse_norms, query.astype(self._matrix.dtype)
        if not isinstance(rows, slice) or rows != slice(None):
            matrix, inverse_k = matrix[rows], inverse_k[rows]
        if self._fits_kernels:
            return _core.cosines(matrix, inverse_k, vector, self._threads(1))
        with np.errstate(invalid="ignore", over="ignore"):  # only vectors loaded with allow_nonfinite can
            scores: Floats = matrix @ vector * inverse_k
        return scores

    def exact_cosines(self, query: Direction, ids: Ids) -> Floats:
        """Cosines of a direction with a few rows in float64; equal rows have equal ones.

        A matrix product in float32 may give equal rows different last bits; these cosines decide ties.
        """
        if self._fits_kernels:
            return _core.exact_cosines(self._matrix, query, ids)
        step = max(1, _BLOCK_NUMBERS // self._matrix.shape[1])
        with np.errstate(invalid="ignore"):
            parts = [self._exact(query, ids[start : start + step]) for start in range(0, len(ids), step)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])

    def _exact(self, query: Direction, ids: Ids) -> Floats:
        block = self._matrix[ids].astype(np.float64)
        norms = np.sqrt(np.einsum("kh,kh->k", block, block))
        norms[norms < TINY] = np.inf
        cosines: Floats = np.einsum("kh,h->k", block, query) / norms
        return cosines

    def scores(self, score: Score, rows: slice) -> Floats:
        """The scores of rows, in the precision of the matrix."""
        return score(self.cosines, rows)

    def best(self, score: Score, rows: slice, topn: int, excluded: Sequence[int] = ()) -> Found:
        """(row, score) of the `topn` best among `rows`, without those excluded.

        Equal scores come in the order of the rows, NaN comes last.
        """
        scores_k = self.scores(score, rows)
        needed = min(topn + len(excluded), len(scores_k))
        if needed == 0:
            return []
        if math.isnan(scores_k.min()):
            scores_k = np.where(np.isnan(scores_k), -np.inf, scores_k)
        threshold = float(np.partition(scores_k, -needed)[-needed])
        slack = self._slack * max(1.0, abs(threshold)) if math.isfinite(threshold) else 0.0
        ids = np.flatnonzero(scores_k >= threshold - slack) + rows.indices(len(self._matrix))[0]
        return self._ranked(score, ids, topn, excluded)

    def _ranked(self, score: Score, ids: Ids, topn: int, excluded: Sequence[int]) -> Found:
        """The best of rising `ids` by exact scores."""
        exact = score(self.exact_cosines, ids)
        ranked = (-exact).argsort(kind="stable")[: topn + len(excluded)]  # NaN comes last
        near = zip(ids[ranked].tolist(), exact[ranked].tolist())
        return [(row, value) for row, value in near if row not in excluded][:topn]

    def nearest(
        self, queries_uh: Floats, rows: slice, topn: int, excluded_u: Sequence[Sequence[int]]
    ) -> list[Found]:
        """What :meth:`best` finds by the cosine with each query (U, H), faster."""
        start, stop, _ = rows.indices(len(self._matrix))
        wanted = topn + max(map(len, excluded_u), default=0)
        if wanted > max(_FEW, (stop - start) // _SHARE) or not self._fits_kernels:
            return [
                self.best(cosine_score(query), rows, topn, excluded)
                for query, excluded in zip(queries_uh, excluded_u)
            ]
        matrix, inverse_k = self._matrix, self._inverse_norms
        if stop - start < len(matrix):
            matrix, inverse_k = matrix[start:stop], inverse_k[start:stop]
        found: list[Found] = []
        step = max(1, _SCRATCH_BYTES // (40 * self._threads(len(queries_uh)) * (wanted + 16)))
        for first in range(0, len(queries_uh), step):
            block = queries_uh[first : first + step]
            ptr, ids, scores = _core.nearest(
                matrix, inverse_k, block, wanted, self._slack, self._threads(len(block))
            )
            for i, (begin, end) in enumerate(itertools.pairwise(ptr.tolist())):
                query, excluded = direction(block[i]), excluded_u[first + i]
                near = _core.ranked(matrix, query, ids[begin:end], scores[begin:end], wanted, self._slack)
                if near is None:  # too few, or too many of nearly one score
                    found.append(self.best(cosine_score(block[i]), rows, topn, excluded))
                else:
                    left = [(row + start, cosine) for row, cosine in near if row + start not in excluded]
                    found.append(left[:topn])
        return found

    def _threads(self, queries: int) -> int:
        return 1 if queries * self._matrix.size < _ALONE else _threads()

    def closer(self, query: Direction, bound: int) -> list[int]:
        """Rows closer to a direction than row `bound` is, in ascending order."""
        scores_k = self.cosines(query, slice(None))
        is_closer = scores_k > scores_k[bound] + self._slack
        near = np.flatnonzero(np.abs(scores_k - scores_k[bound]) <= self._slack)
        exact = self.exact_cosines(query, near)
        is_closer[near] = exact > self.exact_cosines(query, np.array([bound]))
        closer: list[int] = np.flatnonzero(is_closer).tolist()
        return closer


@functools.cache
def _threads() -> int:
    """Asked once: finding out takes longer than a search among a few thousand rows."""
    return effective_num_threads()
