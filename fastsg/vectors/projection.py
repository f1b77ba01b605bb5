"""Vectors to points in the plane: principal components by NumPy; t-SNE and UMAP by packages for them."""

from __future__ import annotations

import importlib
import logging
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import checks
from .directions import Floats, unit_rows

logger = logging.getLogger(__name__)

#: Ways from H coordinates to two.
PROJECTIONS = ("pca", "tsne", "umap")
_PACKAGES = {
    "tsne": ("sklearn.manifold", "scikit-learn", "'fastsg[sklearn]'"),
    "umap": ("umap", "umap-learn", "umap-learn"),
}
_PERPLEXITY, _NEIGHBOURS = 30.0, 15  # of t-SNE and UMAP: their own defaults, where there are words enough
_START = 1e-4  # standard deviation of t-SNE's start, as its authors advise
_BLOCK_ROWS = 1 << 14


class Projection(NamedTuple):
    """Points in the plane.

    Attributes
    ----------
    points : ndarray (K, 2), float64
    method : str                        One of ``fastsg.vectors.PROJECTIONS``.
    shares : (float, float) or None     Of "pca": what part of the variance each axis shows.
    """

    points: NDArray[np.float64]
    method: str
    shares: tuple[float, float] | None


def project(matrix: Floats, method: str = "pca", seed: int = 1) -> Projection:
    """Points whose distances stand for those of the rows at length 1, and so for their cosines.

    Parameters
    ----------
    matrix : ndarray (K, H)     K >= 1 rows, finite.
    method : str                "pca": the two directions of most variance, exact, in a second; "tsne" and
                                "umap" keep neighbours together, take minutes for 50,000 words, and need
                                scikit-learn and umap-learn.
    seed : int                  Of "tsne" and "umap", which draw at random.

    Raises
    ------
    ValueError                  The matrix is empty or not finite; there is no such method.
    ImportError                 The method needs a package that is not installed.
    """
    checks.choice("method", method, PROJECTIONS)
    seed = checks.integer("seed", seed, 0, 2**32 - 1)
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
        raise ValueError(
            f"matrix must be finite floats of shape (K, H), got {matrix.dtype} of shape {matrix.shape}"
        )
    package = require_projection(method)
    unit_kh = unit_rows(matrix)
    principal = _principal(unit_kh)
    if package is None or len(matrix) < 3:  # one or two points have no neighbourhoods
        return principal
    logger.info("%s of %d words: this may take minutes", method, len(matrix))
    make = _tsne if method == "tsne" else _umap
    return Projection(make(package, unit_kh, principal.points, seed), method, None)


def require_projection(method: str) -> Any:
    """The package of a method, None if it needs none; ImportError that says how to get it."""
    if method not in _PACKAGES:
        return None
    module, title, target = _PACKAGES[method]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(
            f"the projection {method!r} needs {title}: pip install {target}; 'pca' needs nothing"
        ) from None


def _principal(unit_kh: NDArray[np.float32]) -> Projection:
    """The two directions of most variance. The largest entry of each is positive, so that maps compare."""
    K, H = unit_kh.shape
    mean_h = unit_kh.mean(axis=0, dtype=np.float64)
    covariance_hh = np.zeros((H, H))
    for start in range(0, K, _BLOCK_ROWS):
        block = unit_kh[start : start + _BLOCK_ROWS] - mean_h
        covariance_hh += block.T @ block
    values, axes = np.linalg.eigh(covariance_hh)
    axes = axes[:, ::-1][:, :2]
    axes *= np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0))
    points = np.zeros((K, 2))
    points[:, : axes.shape[1]] = unit_kh @ axes - mean_h @ axes
    total = float(values.sum()) or 1.0
    first, second = [*(max(float(value), 0.0) / total for value in values[::-1][:2]), 0.0][:2]
    return Projection(points, "pca", (first, second))


def _tsne(package: Any, unit_kh: Floats, start: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    perplexity = min(_PERPLEXITY, (len(unit_kh) - 1) / 3)
    begin = start / (start[:, 0].std() or 1.0) * _START
    tsne = package.TSNE(2, perplexity=perplexity, init=begin, random_state=seed)
    return np.asarray(tsne.fit_transform(unit_kh), np.float64)


def _umap(package: Any, unit_kh: Floats, start: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    neighbours = min(_NEIGHBOURS, len(unit_kh) - 1)
    umap = package.UMAP(n_neighbors=neighbours, init=start.astype(np.float32), random_state=seed, n_jobs=1)
    return np.asarray(umap.fit_transform(unit_kh), np.float64)
