"""The vectors that I and O make, against float64; the same bits on any number of threads."""

import numpy as np
import pytest

from fastsg.numerics import views
from fastsg.numerics.views import VIEWS, WHICH, chosen, needs_outputs


def unit(X):
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)


def whitened(X, weights):
    """Unit rows, centered, times C^-1/16, at unit length."""
    X = unit(X.astype(float))
    X = X - weights @ X
    values, axes = np.linalg.eigh((X * weights[:, None]).T @ X)
    return unit(X @ (axes * np.maximum(values, values.max() * 1e-6) ** -(1 / 16)) @ axes.T)


def reference(which, I, O, counts):
    I, O = I.astype(float), O.astype(float)
    weights = np.sqrt(counts) / np.sqrt(counts).sum()
    return {
        "input": lambda: I,
        "output": lambda: O,
        "sum": lambda: unit(I) + unit(O),
        "centered": lambda: I - weights @ I,
        "whitened": lambda: whitened(I, weights) + whitened(O, weights) / 10,
        "concat": lambda: np.hstack([I, O]),
    }[which]()


def model(rng, K, H, scale=1.0):
    """Rows that share a direction, with axes of very different length; a zero row; words never seen."""
    axes = np.exp(rng.normal(0, 2, H))
    I, O = ((rng.normal(0, 1, (K, H)) * axes + 3).astype(np.float32) * np.float32(scale) for _ in range(2))
    I[K // 2] = 0
    return I, O, np.sort(rng.zipf(1.3, K).astype(np.int64) % 10**6)[::-1] - 1


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize(
    "K, H, scale", [(500, 7, 1), (1000, 48, 1), (30, 48, 1), (99, 16, 1e15), (99, 16, 1e-15)]
)
def test_float64(rng, which, K, H, scale):
    I, O, counts = model(rng, K, H, scale)
    found, want = chosen(which, I, O, counts), reference(which, I, O, counts)
    assert found.dtype == np.float32 and found.shape == want.shape
    np.testing.assert_allclose(found, want, atol=2e-5 * max(np.abs(want).max(), 1e-30))


@pytest.mark.parametrize("which", VIEWS)
def test_any_number_of_threads(rng, which, monkeypatch):
    I, O, counts = model(rng, 1000, 48)
    found = []
    for n in (1, 2, 7):
        monkeypatch.setattr(views, "effective_num_threads", lambda n=n: n)
        found.append(chosen(which, I, O, counts).tobytes())
    assert len(set(found)) == 1


def test_words_never_counted_weigh_alike(rng):
    I, O, _ = model(rng, 200, 8)
    nothing, alike = np.zeros(200, np.int64), np.full(200, 5)
    for which in ("centered", "whitened"):
        assert np.array_equal(chosen(which, I, O, nothing), chosen(which, I, O, alike))


def test_equal_rows_are_told_from_nothing():
    """Rows that are all one: their covariance is 0, and so is the view, without NaN."""
    I = np.ones((5, 3), np.float32)
    assert not np.abs(chosen("whitened", I, I, np.arange(5))).any()


def test_what_is_refused(rng):
    I, O, counts = model(rng, 20, 4)
    for which in WHICH:
        if needs_outputs(which):
            with pytest.raises(ValueError, match=f"it has no output vectors; which='{which}' needs them"):
                chosen(which, I, None, counts)
        else:
            assert len(chosen(which, I, None, counts)) == 20
    O[3, 1] = np.nan
    with pytest.raises(ValueError, match="which='whitened' needs vectors that are finite"):
        chosen("whitened", I, O, counts)
