"""Correlations and their p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = Sequence[float] | NDArray[Any]


class Correlation(NamedTuple):
    """A correlation and its two-sided p-value."""

    statistic: float
    pvalue: float


def average_ranks(values: Numbers) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the mean of theirs; float64 of shape (n,)."""
    values = np.asarray(values, np.float64)
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    ranks: NDArray[np.float64] = (last - (size - 1) / 2)[group]
    return ranks


def pearson(x: Numbers, y: Numbers) -> Correlation:
    """Pearson's correlation and its two-sided p-value.

    Parameters
    ----------
    x, y : array-like of shape (n,), n >= 2

    Returns
    -------
    statistic, pvalue : float       Both NaN if x or y is constant.

    Raises
    ------
    ValueError          Shapes differ, or n < 2.

    Notes
    -----
    Under independence and normality t = r sqrt((n - 2) / (1 - r^2)) has Student's distribution with n - 2
    degrees of freedom, so p = I(1 - r^2; (n - 2) / 2, 1 / 2) with the regularised incomplete beta function I.
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"x and y must be of one shape (n,), n >= 2, got {a.shape} and {b.shape}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Correlation(math.nan, math.nan)
    a, b = a - a.mean(), b - b.mean()
    # Scaling first keeps the squares of tiny and huge values in range.
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    r = float(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1.0, 1.0))
    freedom = len(a) - 2
    p = incomplete_beta((1 - r) * (1 + r), freedom / 2, 0.5) if freedom else 1.0
    return Correlation(r, p)


def spearman(x: Numbers, y: Numbers) -> Correlation:
    """Spearman's rank correlation (ties averaged) and its p-value: :func:`pearson` of the ranks."""
    return pearson(average_ranks(x), average_ranks(y))


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I(x; a, b), 0 <= x <= 1 and a, b > 0; relative error about 1e-12.

    Source: the continued fraction of Abramowitz & Stegun 26.5.8, evaluated from the front by Lentz's method,
    converges fast for x < (a + 1) / (a + b + 2). Elsewhere I(x; a, b) = 1 - I(1 - x; b, a) serves.
    """
    if not (0 <= x <= 1 and a > 0 and b > 0):
        raise ValueError(f"need 0 <= x <= 1, a > 0 and b > 0, got x={x}, a={a}, b={b}")
    if x in (0.0, 1.0):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) / (a * _beta_fraction(x, a, b))


def _beta_fraction(x: float, a: float, b: float) -> float:
    """1 + d1 / (1 + d2 / (1 + ...)) of A&S 26.5.8."""
    tiny = 1e-300  # stands for a denominator that vanishes
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, 10_000):
        m = step // 2
        if step % 2:
            coefficient = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            coefficient = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / (1.0 + coefficient * d or tiny)
        c = 1.0 + coefficient / c or tiny
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value
