"""What of a model with an input and an output matrix is meant: its views, each an exact function of both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..system.threads import effective_num_threads

Matrix = NDArray[np.float32]
Counts = NDArray[np.integer[Any]]

#: Names of the views of a model that are its vectors.
VIEWS = ("input", "output", "sum", "centered", "whitened")
#: Of these and both matrices side by side, what a file is asked for.
WHICH = (*VIEWS, "concat")
#: The whitening multiplies by C^-1/16; to it comes a tenth of the output rows (docs/defaults.md).
_WHITENING, _OUTPUT_SHARE = 1 / 16, np.float32(0.1)
#: Least eigenvalue of C, as a part of the largest.
_LEAST = 1e-6
_BLOCK_NUMBERS = 1 << 16


def needs_outputs(which: str) -> bool:
    """Whether a view is made from the output matrix too."""
    return which not in ("input", "centered")


def chosen(which: str, inputs: Matrix, outputs: Matrix | None, counts: Counts) -> Matrix:
    """What `which` asks for of the input and output matrix (K, H); (K, 2 H) for "concat".

    "sum" adds both rows of a word at unit length. "centered" takes their mean from the input rows, each
    weighed by the square root of its word's count: between the mean of all words, most of them rare, and that
    of all tokens, of which most are of few words. "whitened" takes that mean from input rows of unit length,
    multiplies them by C^(-1/16), C being their covariance with the same weights, brings them to unit length
    again and adds a tenth of what the same makes of the output rows.

    Raises
    ------
    ValueError      The view needs output vectors, and there are none; or "whitened" and a row is not finite.
    """
    if which == "input":
        return inputs
    if which == "centered":
        mean = _core.mean(inputs, _weights(counts), effective_num_threads())
        centered: Matrix = inputs - mean.astype(np.float32)
        return centered
    if outputs is None:
        raise ValueError(f"it has no output vectors; which={which!r} needs them")
    if which == "output":
        return outputs
    if which == "concat":
        return np.hstack([inputs, outputs])
    if which == "whitened":
        weights = _weights(counts)
        both, other = (_whitened(matrix, weights) for matrix in (inputs, outputs))
        other *= _OUTPUT_SHARE
        both += other
        return both
    return _unit_rows(inputs) + _unit_rows(outputs)


def _weights(counts: Counts) -> Matrix:
    """Square roots of the counts (K,), which sum to 1; all alike where nothing was counted."""
    roots = np.sqrt(counts.astype(np.float64)) if counts.any() else np.ones(len(counts))
    weights: Matrix = (roots / roots.sum()).astype(np.float32)
    return weights


def _whitened(matrix: Matrix, weights: Matrix) -> Matrix:
    """Unit rows, centered, times C^(-1/16), at unit length."""
    threads, unit = effective_num_threads(), _unit_rows(matrix)
    mean = _core.mean(unit, weights, threads).astype(np.float32)
    covariance = _core.gram(unit, weights, threads, mean)
    if not np.isfinite(covariance).all():
        raise ValueError("which='whitened' needs vectors that are finite")
    values, axes = _core.eigen(covariance)
    values = np.maximum(values, max(_LEAST * values[0], float(np.finfo(np.float32).tiny)))
    power = (values[0] / values) ** _WHITENING  # up to a factor, which the lengths take away
    unit -= mean  # in place, as what follows: the matrices may be large
    turned = _core.times(unit, np.ascontiguousarray(axes * power, np.float32), threads)
    del unit
    white = _core.times(turned, np.ascontiguousarray(axes.T, np.float32), threads)
    white *= _inverse_norms(white)
    return white


def _unit_rows(matrix: Matrix) -> Matrix:
    """The rows at length 1; a zero row stays zero."""
    unit: Matrix = matrix * _inverse_norms(matrix)
    return unit


def _inverse_norms(matrix: Matrix) -> Matrix:
    """1 / length of each row (K, 1), lengths taken in float64; 0 for a zero row."""
    squares_k = np.empty(len(matrix))
    step = max(1, _BLOCK_NUMBERS // matrix.shape[1])
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        for start in range(0, len(matrix), step):
            block = matrix[start : start + step].astype(np.float64)
            squares_k[start : start + step] = np.einsum("kh,kh->k", block, block)
    norms_k = np.sqrt(squares_k)
    is_nonzero = norms_k >= np.finfo(np.float32).tiny
    inverse_k = np.divide(1.0, norms_k, out=np.zeros_like(norms_k), where=is_nonzero)
    return inverse_k.astype(np.float32)[:, None]
