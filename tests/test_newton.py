"""Newton steps for the rows of I: the matrix they share and the step itself, against float64; what is wrong
is found before it moves.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference

import fastsg
from fastsg import DivergenceError, _core
from fastsg.numerics.newton import Curvature

FMA = [name for name in _core.available_isas() if name != "generic"]
PRIOR = 20.0
RATE = 0.7
ROOT = Path(fastsg.__file__).resolve().parents[1]


def covariance(O, p, damping=Curvature.DAMPING, least=1e-4):
    """C of the formula: covariance of the rows of O under p, damped."""
    O, p = O.astype(float), p / p.sum()
    mean = p @ O
    C = (O * p[:, None]).T @ O - np.outer(mean, mean)
    return C + (damping * np.trace(C) / len(C) + least) * np.eye(len(C))


def curved(rng, H, scale=1.0):
    """(axes, curvature) of a positive definite matrix, neither diagonal nor a multiple of one."""
    root = rng.standard_normal((H, H))
    values, vectors = np.linalg.eigh(scale * (root @ root.T / H + 0.2 * np.eye(H)))
    return np.ascontiguousarray(vectors.T, np.float32), values.astype(np.float32)


def newton_rows(I, gradients, weights, axes, curvature, prior, rate):
    """The moved rows, in float64: each solves its own system."""
    C = axes.astype(float).T * curvature @ axes
    own = (weights + 20)[:, None, None] * C + prior * np.eye(len(C))
    step = np.linalg.solve(own, (gradients + prior * I)[:, :, None])[:, :, 0]
    length = np.linalg.norm(step, axis=1)
    limit = 0.5 * np.linalg.norm(I, axis=1) + 0.3
    moved = np.minimum(1, limit / np.maximum(length, 1e-300)) * rate
    return I - step * moved[:, None], length > limit


def take(p, newton, rate=0.1, rows=64, threads=2, sums=None):
    """(loss, I, O, sums, shift) after a step on the problem."""
    I, O = p.copy()
    sums = sums or (np.zeros(p.K, np.float32), np.zeros(p.K, np.float32))
    shift = np.zeros(p.K, np.float32)
    return (
        p.workspace(rows, threads).step(I, O, p.bias, *p.batch, shift, rate, *sums, newton),
        I,
        O,
        sums,
        shift,
    )


# ---- the step ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [32, 1024])
@pytest.mark.parametrize(
    "scale, prior, rate, longest",
    [
        (10.0, 0.5, 1.0, 0.0),
        (10.0, 0.0, 0.3, 0.0),
        (0.01, 0.01, 1.0, 0.9),
        (0.1, 0.1, 0.5, 0.5),
        (1.0, 1e6, 1.0, 0.9),
    ],
)
@pytest.mark.parametrize("K, H, U", [(260, 19, 100), (97, 33, 5), (1, 1, 1), (300, 1, 70)])
@pytest.mark.parametrize("own", [False, True], ids=["one rate", "a rate each"])
def test_newton_step_is_its_float64_twin(isa, problem, rng, K, H, U, scale, prior, rate, longest, rows, own):
    """Steps within the limit of length and beyond it; rows that are no center stay."""
    p = problem(K, H, U, scale=0.5, bias=True)
    if own:
        rate = rng.uniform(0, 1, U)
    newton = *curved(rng, H, scale), prior, rate
    loss, I, _, _, _ = take(p, newton, rows=rows)
    gI, _ = reference.gradient(p.I, p.O, p.centers, p.N, p.bias)
    want = p.I.astype(float)
    want[p.centers], cut = newton_rows(p.I[p.centers].astype(float), gI, p.N.sum(1), *newton)
    assert loss == pytest.approx(reference.loss(p.I, p.O, p.centers, p.N, p.bias), rel=1e-6, abs=1e-6)
    assert np.abs(I - want).max() <= 2e-5 * max(np.abs(want - p.I).max(), 0.1)
    others = np.setdiff1d(np.arange(K), p.centers)
    assert (I[others] == p.I[others]).all()
    if K == 260:
        assert (cut.mean() > longest) == (longest > 0), cut.mean()


@pytest.mark.parametrize(
    "slip",
    [
        "no limit",
        "no prior",
        "prior without gradient",
        "weight forgotten",
        "axes mixed up",
        "rate twice",
        "rate of the first row",
        "rate of another row",
    ],
)
def test_control_newton_step(problem, rng, slip):
    p = problem(260, 19, 100, scale=0.5, bias=True)
    axes, curvature = curved(rng, 19, 0.01 if slip == "no limit" else 1.0)
    prior = 0.01 if slip == "no limit" else PRIOR
    rate = rng.uniform(0.2, 1, 100)
    _, I, _, _, _ = take(p, (axes, curvature, prior, rate))
    gI, _ = reference.gradient(p.I, p.O, p.centers, p.N, p.bias)
    rows, n = p.I[p.centers].astype(float), p.N.sum(1)
    if slip == "no limit":
        solved = ((gI + prior * rows) @ axes.T / ((n + 20)[:, None] * curvature + prior)) @ axes
        wrong = rows - rate[:, None] * solved
    else:
        wrong = newton_rows(
            rows,
            gI - prior * rows * (slip == "prior without gradient"),
            n * (slip != "weight forgotten"),
            axes[::-1] if slip.startswith("axes") else axes,
            curvature,
            prior * (slip != "no prior"),
            {
                "rate twice": rate**2,
                "rate of the first row": rate[:1],
                "rate of another row": np.roll(rate, 8),
            }.get(slip, rate),
        )[0]
    assert np.abs(I[p.centers] - wrong).max() > 1e-3


def test_steps_end_at_the_least_loss_with_its_prior(problem):
    """Where gradient and prior of each row cancel: the gradient is that of the stated objective, by finite
    differences too.
    """
    p = problem(60, 5, 40, scale=0.3, bias=True)
    prior, shift = 3.0, np.zeros(60, np.float32)
    sums = np.zeros(60, np.float32), np.full(60, 1e30, np.float32)  # O stays
    I, O = p.copy()
    curvature = Curvature(p.N.sum(0) + 1e-9, 1)
    for _ in range(60):
        p.workspace().step(I, O, p.bias, *p.batch, shift, 0.1, *sums, (*curvature.axes(O, 0), prior, 1.0))

    def objective(x):
        whole = I.astype(float)
        whole[p.centers] = x
        return reference.loss(whole, O, p.centers, p.N, p.bias) + prior / 2 * (x**2).sum()

    rows = I[p.centers].astype(float)
    gI, _ = reference.gradient(I, O, p.centers, p.N, p.bias)
    size = np.abs(gI).max()
    assert size > 0.3 and np.abs(gI + prior * rows).max() < 1e-4 * max(size, 1)
    rng = np.random.default_rng(3)
    for _ in range(5):
        way = rng.standard_normal(rows.shape)
        slope = (objective(rows + 1e-5 * way) - objective(rows - 1e-5 * way)) / 2e-5
        assert abs(slope) < 1e-3 * size and objective(rows + 0.1 * way) > objective(rows)


@pytest.mark.parametrize("rows", [32, 1024])
def test_O_moves_as_without_newton(isa, problem, rng, rows):
    p = problem(300, 13, 70, scale=0.4, bias=True)
    sums = [(np.full(p.K, 0.1, np.float32), np.full(p.K, 0.2, np.float32)) for _ in range(2)]
    loss, I, O, moved, shift = take(p, (*curved(rng, 13), PRIOR, 1.0), rows=rows, sums=sums[0])
    plain_loss, plain_I, plain_O, plain_moved, plain_shift = take(p, None, rows=rows, sums=sums[1])
    assert (
        loss == plain_loss and O.tobytes() == plain_O.tobytes() and shift.tobytes() == plain_shift.tobytes()
    )
    assert moved[1].tobytes() == plain_moved[1].tobytes()
    assert (moved[0] == np.float32(0.1)).all() and (
        plain_moved[0] != moved[0]
    ).any()  # Newton steps keep no sums
    assert (I != plain_I).any()


def test_newton_with_plain_gradient_descent_for_O(problem, rng):
    """Without Adagrad sums the rows of O move by rate times gradient."""
    p = problem(60, 7, 20, scale=0.4)
    I, O = p.copy()
    p.workspace().step(
        I, O, p.bias, *p.batch, np.zeros(p.K, np.float32), 0.01, None, None, (*curved(rng, 7), PRIOR, 1.0)
    )
    _, gO = reference.gradient(p.I, p.O, p.centers, p.N)
    np.testing.assert_allclose(O, p.O - 0.01 * gO, atol=1e-5)


def test_threads_and_blocks_of_rows_change_no_bit(isa, problem, rng):
    p = problem(1500, 17, 400, scale=0.3, bias=True)
    newton = *curved(rng, 17, 0.2), PRIOR, RATE
    results = {
        rows: {
            tuple(x.tobytes() for x in take(p, newton, rows=rows, threads=threads)[1:3])
            for threads in (1, 2, 3, 7)
        }
        for rows in (64, 1024)
    }
    assert all(len(found) == 1 for found in results.values())


@pytest.mark.skipif(len(FMA) < 2, reason="this machine has one instruction set with FMA, or none")
@pytest.mark.parametrize("H", [1, 7, 16, 33, 100])
def test_instruction_sets_with_fma_agree(problem, rng, H):
    p, found = problem(501, H, 37, scale=0.4, bias=True), set()
    newton, weights = (*curved(rng, H, 0.2), PRIOR, RATE), rng.random(501)
    try:
        for name in FMA:
            _core.select_isa(name)
            found.add(
                (take(p, newton)[1].tobytes(), *(x.tobytes() for x in Curvature(weights, 2).axes(p.O, 0)))
            )
    finally:
        _core.select_isa(os.environ.get("FASTSG_ISA") or None)
    assert len(found) == 1


# ---- all or nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        lambda axes, curvature: (axes.astype(np.float64), curvature),
        lambda axes, curvature: (axes, curvature.astype(np.float64)),
        lambda axes, curvature: (np.ones((8, 8), np.float32), curvature),
        lambda axes, curvature: (np.ones((8, 7), np.float32), curvature),
        lambda axes, curvature: (axes, np.ones(8, np.float32)),
        lambda axes, curvature: (axes[0].copy(), curvature),
        lambda axes, curvature: (axes.tolist(), curvature),
    ],
    ids=["float64", "curvature float64", "larger", "not square", "more curvature", "flat", "list"],
)
def test_a_matrix_that_does_not_fit_moves_nothing(problem, rng, wrong):
    p = problem(60, 7, 20, scale=0.4)
    I, O = p.copy()
    sums, shift, workspace = (
        (np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)),
        np.zeros(p.K, np.float32),
        p.workspace(),
    )
    fitting = curved(rng, 7)
    with pytest.raises((ValueError, TypeError)):
        workspace.step(I, O, p.bias, *p.batch, shift, 0.1, *sums, (*wrong(*fitting), PRIOR, 1.0))
    assert (
        I.tobytes() == p.I.tobytes()
        and O.tobytes() == p.O.tobytes()
        and not any(x.any() for x in (*sums, shift))
    )
    # and the next one may
    assert workspace.step(I, O, p.bias, *p.batch, shift, 0.1, *sums, (*fitting, PRIOR, 1.0)) > 0


def test_no_matrix_is_an_error_and_no_crash():
    """In a process of its own: found here, None was read as a matrix."""
    code = (
        "import numpy as np; from fastsg import _core; f = lambda *s: np.ones(s, "
        "np.float32)\n_core.Workspace(3, 2, 32, 1).step(f(3, 2), f(3, 2), f(0), np.int32([0]), "
        "np.array([0, 1]), np.int32([1]), f(1), f(3), 0.1, f(3), f(3), (None, None, 20.0, 1.0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(("TypeError", "ValueError")), (
        done.returncode,
        done.stderr,
    )


@pytest.mark.parametrize(
    "newton",
    [
        (1.0,),
        (np.eye(7, dtype=np.float32), np.ones(7, np.float32), PRIOR),
        (np.eye(7, dtype=np.float32), np.ones(7, np.float32), PRIOR, "fast"),
        *(
            (np.eye(7, dtype=np.float32), np.ones(7, np.float32), PRIOR, rate)
            for rate in (None, np.nan, np.inf, -0.5, np.ones(19), np.ones(1), np.ones((1, 20)), -np.ones(20))
        ),
        5,
    ],
    ids=[
        "one",
        "no rate",
        "str",
        "None",
        "NaN",
        "inf",
        "below 0",
        "few",
        "1-d",
        "2-d",
        "all below 0",
        "a number",
    ],
)
def test_newton_is_four_values(problem, newton):
    p = problem(60, 7, 20, scale=0.4)
    I, O = p.copy()
    shift, *sums = (np.zeros(p.K, np.float32) for _ in range(3))
    with pytest.raises((ValueError, TypeError, IndexError)):
        p.workspace().step(I, O, p.bias, *p.batch, shift, 0.1, *sums, newton)
    assert I.tobytes() == p.I.tobytes() and O.tobytes() == p.O.tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
@pytest.mark.parametrize("where", ["I", "O"])
def test_a_planted_value_diverges(isa, problem, rng, where, value):
    p = problem(140, 6, 40, scale=0.1)
    getattr(p, where)[rng.integers(140), 3] = value
    before = p.I.tobytes(), p.O.tobytes()
    with pytest.raises(DivergenceError):
        take(p, (*curved(rng, 6), PRIOR, 1.0))
    assert (p.I.tobytes(), p.O.tobytes()) == before


def test_no_row_exceeds_the_bounds_that_steps_raise(problem, rng):
    """Steps as long as their limit, from zero rows on: read once, the bounds hold for many steps."""
    p = problem(40, 6, 30, scale=0.5)
    axes, curvature = curved(rng, 6, 1e-6)
    sums, shift = (np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)), np.zeros(p.K, np.float32)
    I, O = np.zeros_like(p.I), p.O.copy()
    workspace, longest = p.workspace(), 0.0
    assert workspace.bounds_I == (np.inf, np.inf)
    for number in range(20):
        workspace.step(I, O, p.bias, *p.batch, shift, 1e-12, *sums, (axes, curvature, 0.0, 0.9))
        lengths = np.linalg.norm(I, axis=1)
        value, length = workspace.bounds_I
        assert np.abs(I).max() <= value <= length and lengths.max() <= length
        if number < 2:  # control: steps were as long as allowed, and a bound that rose by less would not hold
            assert lengths.max() > 0.98 * length
        longest = max(longest, lengths.max())
    assert longest > 5  # far beyond what one reading at the start would say
    workspace.invalidate_bounds()
    workspace.step(I, O, p.bias, *(np.zeros(n, x.dtype) for n, x in zip((0, 1, 0, 0), p.batch)), shift, 1e-12,
                   *sums, (axes, curvature, 0.0, 0.9))  # fmt: skip
    assert workspace.bounds_I == (np.inf, np.inf)  # an empty batch looks at nothing


def test_any_step_is_finite_or_refused(problem, rng):
    """Values, weights and matrices of any size, mixed: what does not diverge is finite, what does has written
    nothing.
    """
    refused = 0
    for _ in range(200):
        p = problem(10, 3, 6, scale=10.0 ** rng.uniform(-12, 1), bias=bool(rng.integers(2)))
        p.batch = (*p.batch[:3], p.batch[3] * np.float32(10.0 ** rng.choice([0, 0, -15, 15, 25, 33])))
        for x in (p.I, p.O):
            if rng.integers(2):
                x[rng.integers(10), rng.integers(3)] = 10.0 ** rng.uniform(-44, 38)
        newton = *curved(rng, 3, 10.0 ** rng.uniform(-5, 30)), rng.choice([0, 1e-30, 1, 1e30]), 1.0
        before = p.I.tobytes(), p.O.tobytes()
        try:
            _, I, O, sums, _ = take(p, newton, rate=10.0 ** rng.uniform(-20, 2))
            assert all(np.isfinite(x).all() for x in (I, O, *sums))
        except DivergenceError:
            refused += 1
        assert (p.I.tobytes(), p.O.tobytes()) == before
    assert 20 < refused < 190


# ---- the matrix --------------------------------------------------------------------------------------------


def matrix(axes, curvature):
    return axes.astype(float).T * curvature @ axes


@pytest.mark.parametrize("K, H", [(1, 1), (50, 1), (507, 23), (3, 10), (2000, 64)])
def test_curvature_is_the_damped_covariance(isa, rng, K, H):
    p, O = rng.random(K) * 100, (rng.standard_normal((K, H)) + rng.standard_normal(H)).astype(np.float32)
    found = [Curvature(p, threads).axes(O, 0) for threads in (1, 2, 3)]
    axes, curvature = found[0]
    assert axes.dtype == curvature.dtype == np.float32 and axes.shape == (H, H) and curvature.shape == (H,)
    assert len({(one.tobytes(), other.tobytes()) for one, other in found}) == 1
    want = covariance(O, p)
    np.testing.assert_allclose(axes @ axes.T, np.eye(H), atol=1e-6)
    np.testing.assert_allclose(matrix(axes, curvature), want, atol=2e-6 * np.abs(want).max())
    if K > H > 1:
        wrong = covariance(O, np.ones(K))  # control: every word alike
        assert np.abs(matrix(axes, curvature) - wrong).max() > 1e-3 * np.abs(want).max()


@pytest.mark.parametrize("H", [1, 3, 8, 12, 31, 33, 64, 97, 100, 128, 131])
def test_the_products_of_columns_for_any_width(isa, rng, H):
    """Tiles of several widths; what lies outside the matrix, or below its diagonal, leaves no trace."""
    for K in (1, 63, 200):
        Y, center = rng.standard_normal((K, H)).astype(np.float32), rng.standard_normal(H).astype(np.float32)
        weights = rng.random(K).astype(np.float32)
        less = Y.astype(float) - center
        want = (less * weights[:, None].astype(float)).T @ less
        found = _core.gram(Y, weights, 2, center)
        np.testing.assert_allclose(found, want, atol=1e-12 * max(np.abs(want).max(), 1))
        assert (found == found.T).all()
        below = np.tril(_core.in_order(_core.gram_parts(Y, weights, 2, center, 0, 32)), -1)
        assert H < 12 or below.any()  # control: there is something to leave out


def test_a_common_shift_of_all_rows_changes_nothing(rng):
    """The softmax does not see it either."""
    p, O = rng.random(300), rng.standard_normal((300, 8)).astype(np.float32)
    moved = matrix(*Curvature(p, 1).axes(O + np.float32(30), 0))
    np.testing.assert_allclose(moved, matrix(*Curvature(p, 1).axes(O, 0)), rtol=2e-3, atol=2e-3)


def test_curvature_of_a_zero_matrix():
    """As training starts at random: the steps are long, and limited."""
    axes, curvature = Curvature(np.ones(9), 1).axes(np.zeros((9, 4), np.float32), 0)
    np.testing.assert_allclose(curvature, 1e-4, rtol=1e-6)
    np.testing.assert_allclose(axes @ axes.T, np.eye(4), atol=1e-7)


def test_a_matrix_that_is_not_finite_is_refused():
    with pytest.raises(DivergenceError, match="the covariance of the rows of O is not finite"):
        Curvature(np.ones(9), 1).axes(np.full((9, 4), np.nan, np.float32), 0)


def test_curvature_is_taken_in_every_32nd_batch(rng):
    curvature, first, second = (
        Curvature(np.ones(30), 1),
        *(rng.standard_normal((30, 4)).astype(np.float32) for _ in range(2)),
    )
    fresh = Curvature(np.ones(30), 1).axes(second, 0)[1]
    begun = curvature.axes(first, 0)[1]
    assert Curvature.EVERY == 32 and (begun != fresh).any()
    for batch in range(1, 32):
        assert curvature.axes(second, batch)[1] is begun
    assert (curvature.axes(second, 32)[1] == fresh).all() and (curvature.axes(first, 64)[1] == begun).all()
    assert (Curvature(np.ones(30), 1).axes(second, 3)[1] == fresh).all()  # there is none yet


def test_newton_lowers_the_loss_of_a_batch_as_a_true_newton_step_does(problem):
    """For a row whose contexts are spread like p the shared matrix is the Hessian: one step takes off most of
    the loss.
    """
    rng = np.random.default_rng(1)
    K, H = 200, 5
    p = problem(K, H, 40, scale=0.3)
    N = np.float32(rng.poisson(20, (40, K)) + 0.0)
    rows, columns = np.nonzero(N)
    p.batch = (
        p.centers,
        np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=40))]),
        columns.astype(np.int32),
        N[rows, columns],
    )
    C = covariance(p.O, np.ones(K), 0, 0)
    values, vectors = np.linalg.eigh(C)
    axes, inverse = np.ascontiguousarray(vectors.T, np.float32), np.linalg.inv(C)
    _, I, _, _, _ = take(p, (axes, values.astype(np.float32), 0.0, 1.0))
    X = p.I.astype(float)
    for _ in range(50):  # to the least loss that the rows of I allow
        gI, _ = reference.gradient(X, p.O, p.centers, N.astype(float))
        X[p.centers] -= gI @ inverse / N.sum(1, dtype=float)[:, None]
    before, after, least = (reference.loss(x, p.O, p.centers, N.astype(float)) for x in (p.I, I, X))
    assert after - least < 0.1 * (before - least)
