"""Vectors to points in the plane: principal components beside an SVD; t-SNE and UMAP where installed."""

import os

import numpy as np
import pytest

from fastsg.vectors import project, projection, require_projection

slow = pytest.mark.skipif(not os.environ.get("FASTSG_SLOW"), reason="takes minutes: FASTSG_SLOW=1")


def planted(rng, K=300, H=12):
    """Rows of two groups, far apart along one direction."""
    matrix = rng.standard_normal((K, H))
    matrix[: K // 2, 3] += 20
    return matrix.astype(np.float32)


def by_svd(matrix):
    """Principal components of rows at length 1, by another way."""
    rows = matrix.astype(float) / np.linalg.norm(matrix, axis=1, keepdims=True)
    rows -= rows.mean(axis=0)
    U, s, Vt = np.linalg.svd(rows, full_matrices=False)
    signs = [np.sign(v[np.abs(v).argmax()]) for v in Vt[:2]]
    return U[:, :2] * s[:2] * signs, s[:2] ** 2 / (s**2).sum()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_principal_components(rng, monkeypatch, dtype):
    monkeypatch.setattr(projection, "_BLOCK_ROWS", 64)
    matrix = planted(rng).astype(dtype)
    points, method, shares = project(matrix)
    wanted, wanted_shares = by_svd(matrix)
    assert method == "pca" and points.shape == (300, 2)
    assert np.abs(points - wanted).max() < 1e-5 and np.allclose(shares, wanted_shares, atol=1e-6)


def test_control_other_axes_are_seen(rng):
    matrix = planted(rng)
    assert np.abs(project(matrix).points[:, ::-1] - by_svd(matrix)[0]).max() > 0.1


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 5), (5, 1), (3, 2)])
def test_few_words_and_few_coordinates(shape):
    points, _, shares = project(np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape))
    assert points.shape == (shape[0], 2) and np.isfinite(points).all() and 0 <= sum(shares) <= 1 + 1e-9


def test_zero_rows_are_points_too():
    assert not project(np.zeros((4, 3), np.float32)).points.any()


@pytest.mark.parametrize("method, module", [("tsne", "sklearn"), pytest.param("umap", "umap", marks=slow)])
def test_neighbours_stay_together(rng, method, module):
    pytest.importorskip(module)
    matrix = planted(rng, K=60)
    points = project(matrix, method, seed=3).points
    middles = points[:30].mean(axis=0), points[30:].mean(axis=0)
    near = [np.linalg.norm(points - middle, axis=1) for middle in middles]
    assert ((near[0] < near[1]) == (np.arange(60) < 30)).mean() > 0.9
    assert project(matrix[:2], method).method == "pca"


@slow
@pytest.mark.parametrize("method, module", [("tsne", "sklearn"), ("umap", "umap")])
def test_a_seed_is_a_map(rng, method, module):
    pytest.importorskip(module)
    matrix = planted(rng, K=60)
    assert np.array_equal(project(matrix, method, seed=3).points, project(matrix, method, seed=3).points)
    assert project(matrix[:3], method).method == method


def test_a_missing_package_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(projection.importlib, "import_module", missing)
    for method, package in (("tsne", "scikit-learn"), ("umap", "umap-learn")):
        with pytest.raises(ImportError, match=rf"'{method}' needs {package}: pip install"):
            project(np.eye(4, dtype=np.float32), method)
    assert require_projection("pca") is None


@pytest.mark.parametrize(
    "given, error, says",
    [
        ({"matrix": np.zeros((0, 3), np.float32)}, ValueError, r"matrix must be finite .* of shape \(0, 3\)"),
        ({"matrix": np.full((2, 2), np.nan)}, ValueError, "matrix must be finite"),
        ({"matrix": np.eye(3, dtype=int)}, ValueError, "got int64"),
        ({"method": "mds"}, ValueError, "method is 'mds'; allowed are 'pca', 'tsne', 'umap'"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 0.5}, TypeError, "seed is 0.5"),
    ],
)
def test_wrong_arguments(given, error, says):
    with pytest.raises(error, match=says):
        project(**({"matrix": np.eye(3)} | given))
