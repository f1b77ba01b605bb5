"""Gradients and steps: the oracle against central differences, the kernels against the oracle, divergence
before any write.
"""

from itertools import pairwise

import numpy as np
import pytest
import reference
from conftest import NO_BIAS

from fastsg import DivergenceError, _core, loss_and_gradient

OPTIMIZERS = ["sgd", "adagrad"]


# ---- the oracle ----


def central_difference(f, x, h=1e-3):
    """Fourth order: (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)) / 12h for every element of x, one at a time."""
    g, flat = np.zeros(x.shape), x.reshape(-1)
    for i in range(x.size):
        at = flat[i]
        values = []
        for step in (-2, -1, 1, 2):
            flat[i] = at + step * h
            values.append(f())
        flat[i] = at
        g.flat[i] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return g


def oracle_case(rng, K=17, H=5):
    I, O = rng.standard_normal((K, H)), rng.standard_normal((K, H))
    centers = rng.choice(K, 6, replace=False)
    N = rng.integers(0, 3, (6, K)) * rng.integers(1, 4, (6, K)) / 2.0  # counts above 1 are duplicate pairs
    return I, O, centers, N, rng.standard_normal(K)


@pytest.mark.parametrize("with_bias", [False, True])
def test_oracle_is_the_derivative_of_its_loss(rng, with_bias):
    I, O, centers, N, bias = oracle_case(rng)
    bias = bias if with_bias else None
    gI, gO = reference.gradient(I, O, centers, N, bias)
    numeric_I = central_difference(lambda: reference.loss(I, O, centers, N, bias), I)
    numeric_O = central_difference(lambda: reference.loss(I, O, centers, N, bias), O)
    full = np.zeros_like(I)
    full[centers] = gI
    assert np.abs(numeric_I - full).max() <= 1e-6 * np.abs(full).max()
    assert np.abs(numeric_O - gO).max() <= 1e-6 * np.abs(gO).max()


@pytest.mark.parametrize("slip", ["no -1 at the target", "target row only", "sign of the paper's first line"])
def test_control_oracle(rng, slip):
    I, O, centers, N, _ = oracle_case(rng)
    P = np.exp(reference.log_probabilities(I[centers], O))
    n = N.sum(1, keepdims=True)
    R = {
        "no -1 at the target": n * P,
        "target row only": np.where(N > 0, n * P - N, 0),
        "sign of the paper's first line": n * P + N,
    }[slip]
    numeric = central_difference(lambda: reference.loss(I, O, centers, N), O)
    assert np.abs(numeric - R.T @ I[centers]).max() > 1e-3 * np.abs(numeric).max()


def test_residuals_sum_to_zero(isa, problem):
    """sum_k dL/du_uk = 0: moving every row of O by the same vector changes nothing, so the rows of gO sum to
    0.
    """
    p = problem(700, 21, 60, scale=0.3, bias=True)
    gO = p.workspace().gradient(p.I, p.O, p.bias, *p.batch)[2].astype(np.float64)
    assert np.abs(gO.sum(0)).max() <= 1e-6 * np.abs(gO).sum(0).max()
    gO[p.batch[2][0]] += 1e-3 * np.abs(gO).max()  # control
    assert np.abs(gO.sum(0)).max() > 1e-6 * np.abs(gO).sum(0).max()


# ---- batches of pairs ----


def pair_by_pair(m, n, w, I, O, bias=None):
    """One softmax for each pair, nothing merged."""
    loss, gI, gO = 0.0, np.zeros(I.shape), np.zeros(O.shape)
    for i in range(len(m)):
        N = np.zeros((1, len(O)))
        N[0, n[i]] = w[i]
        loss += reference.loss(I, O, m[i : i + 1], N, bias)
        a, b = reference.gradient(I, O, m[i : i + 1], N, bias)
        gI[m[i]] += a[0]
        gO += b
    return loss, gI, gO


@pytest.mark.parametrize("bias", [False, True])
def test_grouped_counts_are_the_sum_over_pairs(isa, problem, bias):
    for _ in range(20):
        p = problem(50, 8, 9, bias=bias)
        m, n, w = p.pairs
        got = loss_and_gradient(m, n, p.I, p.O, weights=w, bias=p.bias if bias else None, num_threads=2)
        want = pair_by_pair(m, n, w, p.I, p.O, p.bias)
        assert got[0] == pytest.approx(want[0], rel=1e-6)
        for ours, exact in zip(got[1:], want[1:], strict=True):
            assert np.abs(ours - exact).max() <= 1e-5 * np.abs(exact).max()


def test_the_order_of_pairs_does_not_matter(isa, problem, rng):
    """Weights in quarters add up exactly, so even the bits agree."""
    p = problem(80, 6, 12)
    order = rng.permutation(len(p.pairs[0]))
    a = loss_and_gradient(*p.pairs[:2], p.I, p.O, weights=p.pairs[2])
    b = loss_and_gradient(*(x[order] for x in p.pairs[:2]), p.I, p.O, weights=p.pairs[2][order])
    assert a[0] == b[0] and (a[1] == b[1]).all() and (a[2] == b[2]).all()


# ---- steps ----


def step(p, I, O, rate, optimizer="sgd", sums=None, rows=64, shift=None, threads=2):
    shift = np.zeros(p.K, np.float32) if shift is None else shift
    if optimizer == "adagrad" and sums is None:
        sums = np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)
    return p.workspace(rows, threads).step(I, O, p.bias, *p.batch, shift, rate, *(sums or (None, None)))


@pytest.mark.parametrize("rows", [32, 64, 1024])
@pytest.mark.parametrize("bias", [False, True])
def test_sgd_moves_by_rate_times_gradient(isa, problem, rows, bias):
    p = problem(260, 19, 100, scale=0.5, bias=bias)
    I, O = p.copy()
    loss = step(p, I, O, 0.125, rows=rows)
    gI, gO = reference.gradient(p.I, p.O, p.centers, p.N, p.bias)
    want_I = p.I.astype(np.float64)
    want_I[p.centers] -= 0.125 * gI
    assert loss == pytest.approx(reference.loss(p.I, p.O, p.centers, p.N, p.bias), rel=1e-6)
    assert np.abs(I - want_I).max() <= 1e-5 * np.abs(gI).max()
    assert np.abs(O - (p.O - 0.125 * gO)).max() <= 1e-5 * np.abs(gO).max()
    others = np.setdiff1d(np.arange(p.K), p.centers)
    assert (I[others] == p.I[others]).all()


@pytest.mark.parametrize("rows", [32, 1024])
def test_adagrad_is_its_float64_twin(isa, problem, rows):
    p = problem(150, 13, 70, scale=0.5, bias=True)
    I, O = p.copy()
    sums = np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)
    twin_I, twin_O, sums_I, sums_O = *(x.astype(np.float64) for x in (I, O)), np.zeros(p.K), np.zeros(p.K)
    for rate in (0.3, 0.2, 0.1):
        step(p, I, O, rate, "adagrad", sums, rows)
        gI, gO = reference.gradient(twin_I, twin_O, p.centers, p.N, p.bias)
        twin_I[p.centers], sums_I[p.centers] = reference.adagrad(
            twin_I[p.centers], gI, sums_I[p.centers], rate
        )
        twin_O, sums_O = reference.adagrad(twin_O, gO, sums_O, rate)
    for ours, exact in ((I, twin_I), (O, twin_O), (sums[0], sums_I), (sums[1], sums_O)):
        assert np.abs(ours - exact).max() <= 3e-5 * np.abs(exact).max()
    wrong = reference.adagrad(p.O.astype(np.float64), gO, np.zeros(p.K), 0.1)[0]  # control: sums not kept
    assert np.abs(O - wrong).max() > 3e-5 * np.abs(O).max()


def test_adagrad_leaves_a_row_without_gradient(isa, problem):
    p = problem(40, 4, 5)
    p.O[:] = 0  # gI = 0 exactly
    I, O = p.copy()
    step(p, I, O, 0.1, "adagrad")
    assert I.tobytes() == p.I.tobytes() and np.isfinite(O).all() and O.any()


def test_steps_lower_the_loss(isa, problem):
    p = problem(90, 10, 30, scale=0.1)
    I, O = p.copy()
    losses = [step(p, I, O, 0.003) for _ in range(20)]
    assert all(b < a for a, b in pairwise(losses))


def test_shift_is_the_last_log_Z_and_any_shift_will_do(isa, problem):
    p = problem(300, 11, 40, scale=0.4)
    want = None
    for start in (0.0, 5.0, -5.0, 1e3, -1e30):
        I, O = p.copy()
        shift = np.full(p.K, start, np.float32)
        loss = step(p, I, O, 0.1, shift=shift)
        log_z = reference.log_probabilities(p.I[p.centers], p.O)[:, 0]
        log_z = (p.I[p.centers].astype(np.float64) @ p.O.astype(np.float64).T)[:, 0] - log_z
        np.testing.assert_allclose(shift[p.centers], log_z, rtol=2e-6)
        want = want or (loss, I, O)
        assert loss == pytest.approx(want[0], rel=1e-6)
        np.testing.assert_allclose(I, want[1], atol=1e-5)
        np.testing.assert_allclose(O, want[2], atol=1e-5)


# ---- divergence: a batch happens wholly or not at all ----


def diverges(p, I, O, rate, optimizer, steps=4):
    """Steps until DivergenceError; asserts that the failing one wrote nothing. Returns the steps that were
    taken.
    """
    sums = (np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)) if optimizer == "adagrad" else None
    shift, workspace = np.zeros(p.K, np.float32), p.workspace(rows=32)
    for taken in range(steps):
        before = [x.tobytes() for x in (I, O, *(sums or ()))]
        try:
            workspace.step(I, O, p.bias, *p.batch, shift, rate, *(sums or (None, None)))
        except DivergenceError:
            assert [x.tobytes() for x in (I, O, *(sums or ()))] == before
            return taken
        assert np.isfinite(I[p.centers]).all() and np.isfinite(O).all()
    raise AssertionError(f"no DivergenceError in {steps} steps")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rate", [1e30, 1e20, np.inf, np.nan])
def test_a_rate_that_diverges(isa, problem, optimizer, rate):
    for _ in range(15):
        p = problem(140, 6, 40, scale=0.1)
        assert diverges(p, *p.copy(), rate, optimizer) <= 2


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38, -3e38])
@pytest.mark.parametrize("where", ["I", "O"])
def test_a_planted_value_diverges(isa, problem, rng, optimizer, where, value):
    """Within one step, wherever it stands, also in a row that is no center of the batch."""
    for _ in range(5):
        p = problem(140, 6, 40, scale=0.1)
        I, O = p.copy()
        (I if where == "I" else O)[rng.integers(p.K), rng.integers(p.H)] = value
        assert diverges(p, I, O, 0.1, optimizer) == 0


def test_control_check_after_the_update(problem):
    """A plain step that looks at the result has already destroyed the matrices."""
    p = problem(140, 6, 40, scale=0.1)
    I, O = p.copy()
    with np.errstate(all="ignore"):
        for _ in range(3):
            gI, gO = reference.gradient(I, O, p.centers, p.N)
            I[p.centers] -= (np.float32(1e30) * gI).astype(np.float32)
            O -= (np.float32(1e30) * gO).astype(np.float32)
    assert not (np.isfinite(I).all() and np.isfinite(O).all())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_any_step_is_finite_or_refused(isa, problem, rng, optimizer):
    """Values, rates and weights of any size, mixed: what does not diverge is finite, what does has written
    nothing.
    """
    refused = 0
    for _ in range(150):
        p = problem(10, 3, 6, scale=10.0 ** rng.uniform(-12, 1), bias=bool(rng.integers(2)))
        p.batch = (*p.batch[:3], p.batch[3] * np.float32(10.0 ** rng.choice([0, 0, -15, 15])))
        I, O = p.copy()
        for x in (I, O):
            if rng.integers(2):
                x[rng.integers(10), rng.integers(3)] = 10.0 ** rng.uniform(-44, 38)
        try:
            refused += diverges(p, I, O, 10.0 ** rng.uniform(-20, 32), optimizer, steps=2) < 2
        except AssertionError as error:
            if "no DivergenceError" not in str(error):
                raise
    assert 20 < refused < 150


def test_sums_on_the_way_may_not_overflow(isa):
    """Found here: the result would be finite, but the pass holds sums in units of Z, and they were not."""
    K = 4
    I, O = np.tile(np.float32([0, 1]), (K, 1)), np.tile(np.float32([1e25, 40]), (K, 1))
    batch = _core.group_pairs(np.int32([0, 0]), np.int32([0, 1]), np.ones(2, np.float32), K)
    with pytest.raises(DivergenceError, match="would leave the range of float32"):
        _core.Workspace(K, 2, 32, 1).step(I, O, NO_BIAS, *batch, np.zeros(K, np.float32), 1e-20)
    assert np.isfinite(I).all()


def test_a_large_rate_meets_a_tiny_gradient(isa):
    """Found here: rate / sqrt(a) was infinite where a was tiny, and infinity times 0 is NaN."""
    K = 4
    I, O = np.tile(np.float32([1e-10, 0]), (K, 1)), np.zeros((K, 2), np.float32)
    batch = _core.group_pairs(np.int32([0, 0]), np.int32([0, 1]), np.ones(2, np.float32), K)
    with pytest.raises(DivergenceError, match="rate 1e\\+30 would leave the range"):
        shift, *sums = (np.zeros(K, np.float32) for _ in range(3))
        _core.Workspace(K, 2, 32, 1).step(I, O, NO_BIAS, *batch, shift, 1e30, *sums)
    assert not O.any()


def test_invalid_bounds_make_a_step_look_again(isa, problem):
    p = problem(60, 4, 10, scale=0.1)
    I, O = p.copy()
    workspace, shift = p.workspace(), np.zeros(p.K, np.float32)
    workspace.step(I, O, p.bias, *p.batch, shift, 0.1)
    I[np.setdiff1d(np.arange(p.K), p.centers)[0], 0] = np.nan
    workspace.invalidate_bounds()
    with pytest.raises(DivergenceError, match="up to nan in I"):
        workspace.step(I, O, p.bias, *p.batch, shift, 0.1)


def test_tiny_and_huge_weights(isa, problem):
    """Weights too small to scale by are no pairs; the gradient is linear in the others."""
    p = problem(60, 5, 8)
    m, n, _ = p.pairs
    one = loss_and_gradient(m, n, p.I, p.O)
    for scale in (1e-15, 1e6):
        got = loss_and_gradient(m, n, p.I, p.O, weights=np.full(len(m), scale, np.float32))
        for a, b in zip(got, one, strict=True):
            np.testing.assert_allclose(np.asarray(a, np.float64) / scale, b, rtol=1e-4, atol=1e-5)
    loss, gI, gO = loss_and_gradient(m, n, p.I, p.O, weights=np.full(len(m), 1e-36, np.float32))
    assert loss == 0 and not gI.any() and not gO.any()
