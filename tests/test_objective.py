"""The exact softmax objective in Python: pairs to loss and gradient, probabilities, blocks, bad input."""

import math

import numpy as np
import pytest
import reference

from fastsg import DivergenceError, _core, loss_and_gradient
from fastsg.numerics import objective
from fastsg.numerics.objective import cross_entropy

NO_BIAS = np.zeros(0, np.float32)


@pytest.mark.parametrize("bias", [False, True])
def test_loss_and_gradient(problem, bias):
    p = problem(130, 11, 20, bias=bias)
    m, n, w = p.pairs
    loss, gI, gO = loss_and_gradient(
        m.tolist(), n.astype(np.int64), p.I, p.O, weights=w.tolist(), bias=p.bias if bias else None
    )
    want_I, want_O = reference.gradient(p.I, p.O, p.centers, p.N, p.bias)
    assert loss == pytest.approx(reference.loss(p.I, p.O, p.centers, p.N, p.bias), rel=1e-6)
    np.testing.assert_allclose(gI[p.centers], want_I, atol=1e-5 * np.abs(want_I).max())
    np.testing.assert_allclose(gO, want_O, atol=1e-5 * np.abs(want_O).max())
    assert gI.shape == p.I.shape and not np.delete(gI, p.centers, 0).any()


def test_on_a_two_word_vocabulary_by_hand():
    """c = (0, ln 3): P = (1/4, 3/4); one pair (0, 0): loss ln 4, residual (-3/4, 3/4)."""
    I, O = np.float32([[1.0], [0.0]]), np.float32([[0.0], [math.log(3)]])
    loss, gI, gO = loss_and_gradient([0], [0], I, O)
    assert loss == pytest.approx(math.log(4), rel=1e-6)
    np.testing.assert_allclose(gO, [[-0.75], [0.75]], rtol=1e-6)
    np.testing.assert_allclose(gI, [[0.75 * math.log(3)], [0]], rtol=1e-6)


def test_matrices_are_not_moved_and_may_be_read_only(problem):
    p = problem(40, 5, 6)
    before = p.I.tobytes(), p.O.tobytes()
    for x in (p.I, p.O):
        x.setflags(write=False)
    loss_and_gradient(*p.pairs[:2], p.I, p.O)
    assert (p.I.tobytes(), p.O.tobytes()) == before


def test_no_pairs(problem):
    p = problem(40, 5, 6)
    loss, gI, gO = loss_and_gradient([], [], p.I, p.O)
    assert loss == 0 and not gI.any() and not gO.any() and gI.shape == gO.shape == (40, 5)
    assert loss_and_gradient([1], [2], p.I, p.O, weights=[0.0])[0] == 0


@pytest.mark.parametrize(
    "centers, contexts, options, exception, message",
    [
        ([40], [0], {}, ValueError, r"centers\[0\] is 40; ids must lie in \[0, 40\)"),
        ([0, -1], [0, 0], {}, ValueError, r"centers\[1\] is -1"),
        (np.array([2**32]), [0], {}, ValueError, r"centers\[0\] is 4294967296"),  # found here: it became 0
        ([0], [2**40], {}, ValueError, r"contexts\[0\] is 1099511627776"),
        (
            [1.5],
            [0],
            {},
            TypeError,
            "centers must be one-dimensional, of integers; it is 1-dimensional, float64",
        ),
        (["a"], [0], {}, TypeError, "of integers"),
        ([[1]], [0], {}, TypeError, "it is 2-dimensional"),
        ([0, 1], [0], {}, ValueError, "centers, contexts and weights have 2, 1 and 2 values"),
        ([0], [0], {"weights": [1, 2]}, ValueError, "have 1, 1 and 2 values"),
        ([0], [0], {"weights": [-1.0]}, ValueError, r"weights\[0\] is -1.0"),
        ([0], [0], {"bias": np.zeros(39, np.float32)}, ValueError, "bias_k has 39 values; need 0 or 40"),
        ([0], [0], {"num_threads": 0}, ValueError, "workers is 0"),
    ],
)
def test_refuses(problem, centers, contexts, options, exception, message):
    p = problem(40, 5, 6)
    with pytest.raises(exception, match=message):
        loss_and_gradient(centers, contexts, p.I, p.O, **options)


def test_not_finite(problem):
    p = problem(40, 5, 6)
    p.O[7, 2] = np.nan
    with pytest.raises(DivergenceError):
        loss_and_gradient(*p.pairs[:2], p.I, p.O)
    assert issubclass(DivergenceError, FloatingPointError)


# ---- probabilities -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("chunk", [1, 7, 8192])
def test_probabilities(problem, bias, chunk):
    p = problem(61, 7, 12, bias=bias)
    ids = np.int32([3, 3, 60, 0])
    P = objective.probabilities(ids, p.I, p.O, p.bias, chunk)
    assert P.dtype == np.float64
    np.testing.assert_allclose(P.sum(1), 1, rtol=1e-14)
    np.testing.assert_allclose(np.log(P), reference.log_probabilities(p.I[ids], p.O, p.bias), atol=1e-12)


@pytest.mark.parametrize("bias", [False, True])
def test_log_prob_and_log_partition(problem, bias):
    p = problem(300, 9, 12, scale=0.5, bias=bias)
    m, n = np.int32([5, 0, 5, 299, 5]), np.int32([1, 299, 1, 299, 0])
    want = reference.log_probabilities(p.I, p.O, p.bias)
    np.testing.assert_allclose(
        objective.log_prob(m, n, p.I, p.O, p.bias, p.workspace()), want[m, n], atol=2e-6
    )
    log_z = objective.log_partition(m, p.I, p.O, p.bias, p.workspace())
    logits = p.I.astype(np.float64) @ p.O.astype(np.float64).T + (p.bias if bias else 0)
    np.testing.assert_allclose(log_z, (logits - want)[m, 0], atol=2e-6)
    assert len(objective.log_prob(m[:0], n[:0], p.I, p.O, p.bias, p.workspace())) == 0


def test_total_nll_is_the_sum_over_batches(problem):
    p = problem(90, 4, 30)
    m, n, w = p.pairs
    halves = [_core.group_pairs(m[s], n[s], w[s], p.K) for s in (slice(0, 40), slice(40, None), slice(0, 0))]
    assert objective.total_nll(iter(halves), p.I, p.O, p.bias, p.workspace()) == pytest.approx(
        reference.loss(p.I, p.O, p.centers, p.N), rel=1e-6
    )


def test_block_rows():
    """A function of K alone: part of the result's bits."""
    rows = [objective.block_rows(K) for K in (1, 1000, 10**5, 10**6, 10**9)]
    assert rows[0] == 1024 and rows == sorted(rows, reverse=True) and rows[-1] >= _core.PANEL
    assert all(r % _core.PANEL == 0 for r in rows) and rows[3] == 192
    assert 4 * 10**6 * rows[3] <= 2 * objective.SCRATCH_BYTES < 10**9


def test_shards_are_a_power_of_two_and_a_function_of_K():
    shards = [_core.shard_count(K) for K in (1, 120, 121, 480, 481, 10**4, 10**5, 10**7)]
    assert (
        all(s & (s - 1) == 0 for s in shards)
        and shards == sorted(shards)
        and shards[0] == 1
        and shards[-1] == 64
    )


# ---- cross-entropy -----------------------------------------------------------------------------------------


def test_cross_entropy():
    assert cross_entropy(np.array([3.0, 3, 3, 3])) == pytest.approx(math.log(4))
    assert cross_entropy(np.array([5.0, 0, 0])) == pytest.approx(0)
    assert cross_entropy(np.array([1.0, 3.0])) == pytest.approx(
        -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    )
    assert cross_entropy(np.array([1.0, 3.0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2))
    assert cross_entropy(np.array([0.0, 3.0]), np.array([0.0, 1.0])) == pytest.approx(0)  # 0 log 0 = 0
