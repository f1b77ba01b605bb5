"""The NumPy baseline is held against a float64 oracle before anything is timed against it."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parent.parent / "bench" / "baseline_numpy.py"


@pytest.fixture(scope="module")
def baseline() -> ModuleType:
    if not SCRIPT.is_file():
        pytest.skip("bench/ is not beside the tests")
    spec = importlib.util.spec_from_file_location("baseline_numpy", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def oracle_step(I, O, pairs, weights, rate):
    """The same step in float64 and in the dumbest way there is."""
    I, O = I.astype(np.float64), O.astype(np.float64)
    dI, dO, loss = np.zeros_like(I), np.zeros_like(O), 0.0
    for (m, n), w in zip(pairs, weights.astype(np.float64), strict=True):
        logits = [sum(a * b for a, b in zip(O[k], I[m], strict=True)) for k in range(len(O))]
        top = max(logits)
        log_z = top + math.log(sum(math.exp(u - top) for u in logits))
        loss += w * (log_z - logits[n])
        for k in range(len(O)):
            residual = w * (math.exp(logits[k] - log_z) - (k == n))
            dO[k] += residual * I[m]
            dI[m] += residual * O[k]
    return loss, I - rate * dI, O - rate * dO


def batch(K: int, H: int, U: int, scale: float, seed: int):
    """Matrices and a batch with a center twice, a context twice in a row and a center without contexts."""
    rng = np.random.default_rng(seed)
    I, O = (scale * rng.standard_normal((K, H)).astype(np.float32) for _ in range(2))
    centers = rng.integers(0, K, U).astype(np.int32)
    centers[-1] = centers[0]
    counts = rng.integers(1, 7, U)
    counts[U // 2] = 0
    row_offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    contexts = rng.integers(0, K, row_offsets[-1]).astype(np.int32)
    contexts[1] = contexts[0]
    weights = rng.choice([0.2, 0.6, 1.0], len(contexts)).astype(np.float32)
    return I, O, centers, row_offsets, contexts, weights


SHAPES = [(13, 5, 4, 0.3), (1, 3, 3, 1.0), (37, 1, 6, 1.0), (50, 8, 9, 3.0), (507, 23, 5, 0.5)]


@pytest.mark.parametrize("K, H, U, scale", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_both_forms_agree_with_the_oracle(
    baseline: ModuleType, K: int, H: int, U: int, scale: float, seed: int
):
    I, O, centers, row_offsets, contexts, weights = batch(K, H, U, scale, seed)
    pairs = np.stack([np.repeat(centers, np.diff(row_offsets)), contexts], axis=1)
    loss, I_want, O_want = oracle_step(I, O, pairs, weights, 0.1)

    I_literal, O_literal, I_grouped, O_grouped = I.copy(), O.copy(), I.copy(), O.copy()
    literal = baseline.literal_step(I_literal, O_literal, pairs, 0.1, weights)
    grouped = baseline.grouped_step(I_grouped, O_grouped, centers, row_offsets, contexts, weights, 0.1)

    assert literal == pytest.approx(loss, rel=2e-6, abs=1e-6)
    assert grouped == pytest.approx(loss, rel=2e-6, abs=1e-6)
    for got in (I_literal, I_grouped):
        np.testing.assert_allclose(got, I_want, rtol=1e-5, atol=3e-6 * scale)
    for got in (O_literal, O_grouped):
        np.testing.assert_allclose(got, O_want, rtol=1e-5, atol=3e-6 * scale)
    if K > 1:  # control: the step is far larger than the tolerance
        assert np.abs(I_want - I).max() > 1e-3 and np.abs(O_want - O).max() > 1e-3


def test_pairs_without_weights_count_one(baseline: ModuleType):
    I, O, centers, row_offsets, contexts, weights = batch(20, 4, 5, 0.5, 2)
    pairs = np.stack([np.repeat(centers, np.diff(row_offsets)), contexts], axis=1)
    plain = baseline.literal_step(I.copy(), O.copy(), pairs, 0.0)
    assert plain == pytest.approx(oracle_step(I, O, pairs, np.ones_like(weights), 0.0)[0], rel=1e-6)


def test_zero_output_matrix_gives_log_k(baseline: ModuleType):
    I, O, centers, row_offsets, contexts, weights = batch(40, 6, 5, 0.5, 3)
    loss = baseline.grouped_step(I, np.zeros_like(O), centers, row_offsets, contexts, weights, 0.1)
    assert loss == pytest.approx(float(weights.sum()) * math.log(40), rel=1e-6)


def test_peaked_logits_do_not_overflow(baseline: ModuleType):
    I, O, centers, row_offsets, contexts, weights = batch(40, 6, 5, 20.0, 4)
    pairs = np.stack([np.repeat(centers, np.diff(row_offsets)), contexts], axis=1)
    want = oracle_step(I, O, pairs, weights, 0.0)[0]
    grouped = baseline.grouped_step(I.copy(), O.copy(), centers, row_offsets, contexts, weights, 0.0)
    assert grouped == pytest.approx(want)
    assert baseline.literal_step(I.copy(), O.copy(), pairs, 0.0, weights) == pytest.approx(want)


def test_buffers_are_reused_and_may_be_larger_than_the_batch(baseline: ModuleType):
    I, O, *rest = batch(33, 7, 6, 0.5, 5)
    buffers = baseline.GroupedBuffers(11, 33, 7)
    for array in vars(buffers).values():
        array.fill(np.nan)  # a value that was read before it was written would show
    I_reused, O_reused = I.copy(), O.copy()
    for _ in range(3):
        assert baseline.grouped_step(I, O, *rest, 0.1) == baseline.grouped_step(
            I_reused, O_reused, *rest, 0.1, buffers=buffers
        )
    assert I.tobytes() == I_reused.tobytes() and O.tobytes() == O_reused.tobytes()
