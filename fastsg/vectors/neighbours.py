"""Cosines, and exact search by cosine among the rows of a matrix.

The norms divide the scores, so no normalised copy of the matrix is needed. A row whose norm is below 1.2e-38
counts as zero, and its cosine with anything is 0.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..system.threads import effective_num_threads
from .directions import TINY, Floats, is_plain, unit

Ids = NDArray[np.int64]
#: (vector, rows) -> their cosines (n,); rows are a slice or ids.
Cosines = Callable[[Floats, Any], Floats]
#: (cosines, rows) -> scores (n,). Called twice: with fast cosines of all rows, with exact ones of a few.
Score = Callable[[Cosines, Any], Floats]
#: Rows with their scores, best first.
Found = list[tuple[int, float]]

#: Keeps quotients of 3CosMul finite.
COSMUL_EPSILON = 1e-6
_BLOCK_NUMBERS = 1 << 20
_SLACK = 1e-5  # twice what a cosine in float32 is off by; wide vectors have more: see ExactSearch
_MOST_BY_KERNELS = 2048  # rows asked for; for more, all scores are kept and NumPy sorts them
_SCRATCH_BYTES = 64 << 20
_ALONE = 1 << 23  # products; fewer are not worth a second thread


# ---- scores ----


def cosine_score(query: Floats) -> Score:
    """The cosine with `query`; 3CosAdd if that is a sum and difference of unit vectors."""
    return lambda cosines, rows: cosines(query, rows)


def cosmul_score(positive: Sequence[Floats], negative: Sequence[Floats]) -> Score:
    """3CosMul: the product of the cosines with `positive` over that with `negative`, all moved to [0, 1].

    Source: Levy and Goldberg 2014, equation 4.
    """

    def score(cosines: Cosines, rows: slice | Ids) -> Floats:
        quotient: Floats = _shifted(cosines, positive, rows) / (
            _shifted(cosines, negative, rows) + COSMUL_EPSILON
        )
        return quotient

    return score


def _shifted(cosines: Cosines, vectors: Sequence[Floats], rows: slice | Ids) -> Any:
    """The product of the cosines with some vectors, each moved to [0, 1]; 1 for none."""
    product: Any = 1.0
    for i, vector in enumerate(vectors):
        moved = cosines(vector, rows)
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
        step = max(1, _BLOCK_NUMBERS // self._matrix.shape[1])
        with np.errstate(invalid="ignore"):
            parts = [self._exact(query, ids[start : start + step]) for start in range(0, len(ids), step)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])

    def _exact(self, query: Floats, ids: Ids) -> Floats:
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
        order_by = np.where(np.isnan(scores_k), -np.inf, scores_k)
        needed = min(topn + len(excluded), len(order_by))
        if needed == 0:
            return []
        threshold = np.partition(order_by, -needed)[-needed]
        slack = self._slack * max(1.0, abs(threshold)) if np.isfinite(threshold) else 0.0
        ids = rows.indices(len(self._matrix))[0] + np.flatnonzero(order_by >= threshold - slack)
        return self._ranked(score, ids, topn, excluded)

    def _ranked(self, score: Score, ids: Ids, topn: int, excluded: Sequence[int]) -> Found:
        """The best of rising `ids` by exact scores."""
        for row in excluded:
            ids = ids[ids != row]
        exact = score(self.exact_cosines, ids)
        ranked = (-exact).argsort(kind="stable")[:topn]  # NaN comes last
        return list(zip(ids[ranked].tolist(), exact[ranked].tolist()))

    def nearest(
        self, queries_uh: Floats, rows: slice, topn: int, excluded_u: Sequence[Sequence[int]]
    ) -> list[Found]:
        """What :meth:`best` finds by the cosine with each query (U, H), faster."""
        start, stop, _ = rows.indices(len(self._matrix))
        wanted = topn + max(map(len, excluded_u), default=0)
        if wanted > min(_MOST_BY_KERNELS, (stop - start) // 4) or not self._fits_kernels:
            return [
                self.best(cosine_score(query), rows, topn, excluded)
                for query, excluded in zip(queries_uh, excluded_u)
            ]
        found: list[Found] = []
        step = max(1, _SCRATCH_BYTES // (40 * _threads() * (wanted + 16)))
        for first in range(0, len(queries_uh), step):
            block = queries_uh[first : first + step]
            for i, near in enumerate(self._candidates(block, start, stop, wanted)):
                score, excluded = cosine_score(block[i]), excluded_u[first + i]
                if near is None:
                    found.append(self.best(score, rows, topn, excluded))
                else:
                    found.append(self._ranked(score, near, topn, excluded))
        return found

    def _candidates(self, queries_uh: Floats, start: int, stop: int, wanted: int) -> Iterator[Ids | None]:
        """For each query the rows, rising, that come near the n-th best in float32, or None: too few."""
        matrix, inverse_k = self._matrix, self._inverse_norms
        if stop - start < len(matrix):
            matrix, inverse_k = matrix[start:stop], inverse_k[start:stop]
        units_uh = np.array([unit(query) for query in queries_uh], np.float32)
        threads = 1 if len(units_uh) * matrix.size < _ALONE else _threads()
        ptr, ids, scores = _core.nearest(matrix, inverse_k, units_uh, wanted, self._slack, threads)
        for begin, end in itertools.pairwise(ptr.tolist()):
            if end - begin < wanted:
                yield None
                continue
            part = scores[begin:end]
            bar = np.partition(part, -wanted)[-wanted] - self._slack
            near = ids[begin:end][part >= bar].astype(np.int64)
            near.sort()
            yield near + start if start else near

    def closer(self, query: Floats, bound: int) -> list[int]:
        """Rows closer to `query` than row `bound` is, in ascending order."""
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
