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
ROOT = Path(fastsg.__file__).resolve().parents[1]


def covariance(O, p, damping=Curvature.DAMPING, least=1e-4):
    """C of the formula: covariance of the rows of O under p, damped."""
    O, p = O.astype(float), p / p.sum()
    mean = p @ O
    C = (O * p[:, None]).T @ O - np.outer(mean, mean)
    return C + (damping * np.trace(C) / len(C) + least) * np.eye(len(C))


def spd(rng, H, scale=1.0):
    """A positive definite matrix, neither diagonal nor a multiple of one."""
    root = rng.standard_normal((H, H))
    return np.float32(scale * (root @ root.T / H + 0.2 * np.eye(H)))


def newton_rows(I, gradients, weights, inverse, rate, prior):
    """The moved rows, in float64."""
    step = gradients @ inverse.astype(float) / (weights + prior)[:, None]
    length = np.linalg.norm(step, axis=1)
    limit = 0.5 * np.linalg.norm(I, axis=1) + 0.3
    return I - rate * step * np.minimum(1, limit / np.maximum(length, 1e-300))[:, None], length > limit


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
    "scale, rate, longest", [(1.0, 1.0, 0.0), (1.0, 0.3, 0.0), (100.0, 1.0, 0.9), (8.0, 0.5, 0.5)]
)
@pytest.mark.parametrize("K, H, U", [(260, 19, 100), (97, 33, 5), (1, 1, 1), (300, 1, 70)])
def test_newton_step_is_its_float64_twin(isa, problem, rng, K, H, U, scale, rate, longest, rows):
    """Steps within the limit of length and beyond it; rows that are no center stay."""
    p = problem(K, H, U, scale=0.5, bias=True)
    inverse = spd(rng, H, scale)
    loss, I, _, _, _ = take(p, (inverse, rate, PRIOR), rows=rows)
    gI, _ = reference.gradient(p.I, p.O, p.centers, p.N, p.bias)
    want = p.I.astype(float)
    want[p.centers], cut = newton_rows(p.I[p.centers].astype(float), gI, p.N.sum(1), inverse, rate, PRIOR)
    assert loss == pytest.approx(reference.loss(p.I, p.O, p.centers, p.N, p.bias), rel=1e-6, abs=1e-6)
    assert np.abs(I - want).max() <= 2e-5 * max(np.abs(want - p.I).max(), 0.1)
    others = np.setdiff1d(np.arange(K), p.centers)
    assert (I[others] == p.I[others]).all()
    if K == 260:
        assert (cut.mean() > longest) == (longest > 0), cut.mean()


@pytest.mark.parametrize(
    "slip", ["no limit", "no prior", "weight forgotten", "matrix transposed and cut", "rate twice"]
)
def test_control_newton_step(problem, rng, slip):
    p = problem(260, 19, 100, scale=0.5, bias=True)
    inverse = spd(rng, 19, 20.0 if slip == "no limit" else 1.0)
    _, I, _, _, _ = take(p, (inverse, 0.5, PRIOR))
    gI, _ = reference.gradient(p.I, p.O, p.centers, p.N, p.bias)
    rows, n = p.I[p.centers].astype(float), p.N.sum(1)
    if slip == "no limit":
        wrong = rows - 0.5 * gI @ inverse / (n + PRIOR)[:, None]
    else:
        wrong = newton_rows(
            rows,
            gI,
            n * (slip != "weight forgotten"),
            np.triu(inverse) if slip.startswith("matrix") else inverse,
            0.25 if slip == "rate twice" else 0.5,
            PRIOR * (slip != "no prior"),
        )[0]
    assert np.abs(I[p.centers] - wrong).max() > 1e-3


@pytest.mark.parametrize("rows", [32, 1024])
def test_O_moves_as_without_newton(isa, problem, rng, rows):
    p = problem(300, 13, 70, scale=0.4, bias=True)
    sums = [(np.full(p.K, 0.1, np.float32), np.full(p.K, 0.2, np.float32)) for _ in range(2)]
    loss, I, O, moved, shift = take(p, (spd(rng, 13), 1.0, PRIOR), rows=rows, sums=sums[0])
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
        I, O, p.bias, *p.batch, np.zeros(p.K, np.float32), 0.01, None, None, (spd(rng, 7), 1.0, PRIOR)
    )
    _, gO = reference.gradient(p.I, p.O, p.centers, p.N)
    np.testing.assert_allclose(O, p.O - 0.01 * gO, atol=1e-5)


def test_threads_and_blocks_of_rows_change_no_bit(isa, problem, rng):
    p = problem(1500, 17, 400, scale=0.3, bias=True)
    newton = spd(rng, 17, 5.0), 0.7, PRIOR
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
    newton, weights = (spd(rng, H, 5.0), 0.7, PRIOR), rng.random(501)
    try:
        for name in FMA:
            _core.select_isa(name)
            found.add((take(p, newton)[1].tobytes(), Curvature(weights, 2).inverse(p.O, 0).tobytes()))
    finally:
        _core.select_isa(os.environ.get("FASTSG_ISA") or None)
    assert len(found) == 1


# ---- all or nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        lambda A: A.astype(np.float64),
        lambda A: np.ones((8, 8), np.float32),
        lambda A: np.ones((8, 7), np.float32),
        lambda A: A[0].copy(),
        lambda A: A.tolist(),
    ],
    ids=["float64", "larger", "not square", "flat", "list"],
)
def test_a_matrix_that_does_not_fit_moves_nothing(problem, rng, wrong):
    p = problem(60, 7, 20, scale=0.4)
    I, O = p.copy()
    sums, shift, workspace = (
        (np.zeros(p.K, np.float32), np.zeros(p.K, np.float32)),
        np.zeros(p.K, np.float32),
        p.workspace(),
    )
    with pytest.raises((ValueError, TypeError)):
        workspace.step(I, O, p.bias, *p.batch, shift, 0.1, *sums, (wrong(spd(rng, 7)), 1.0, PRIOR))
    assert (
        I.tobytes() == p.I.tobytes()
        and O.tobytes() == p.O.tobytes()
        and not any(x.any() for x in (*sums, shift))
    )
    assert (
        workspace.step(I, O, p.bias, *p.batch, shift, 0.1, *sums, (spd(rng, 7), 1.0, PRIOR)) > 0
    )  # and the next one may


def test_no_matrix_is_an_error_and_no_crash():
    """In a process of its own: found here, None was read as a matrix."""
    code = (
        "import numpy as np; from fastsg import _core; f = lambda *s: np.ones(s, "
        "np.float32)\n_core.Workspace(3, 2, 32, 1).step(f(3, 2), f(3, 2), f(0), np.int32([0]), "
        "np.array([0, 1]), np.int32([1]), f(1), f(3), 0.1, f(3), f(3), (None, 1.0, 20.0))"
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
    [(1.0,), (np.eye(7, dtype=np.float32), 1.0), (np.eye(7, dtype=np.float32), "fast", PRIOR), 5],
    ids=["no rate", "no prior", "rate is a str", "a number"],
)
def test_newton_is_three_values(problem, newton):
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
        take(p, (spd(rng, 6), 1.0, PRIOR))
    assert (p.I.tobytes(), p.O.tobytes()) == before


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
        inverse = spd(rng, 3, 10.0 ** rng.uniform(-30, 5))
        before = p.I.tobytes(), p.O.tobytes()
        try:
            _, I, O, sums, _ = take(p, (inverse, 1.0, PRIOR), rate=10.0 ** rng.uniform(-20, 2))
            assert all(np.isfinite(x).all() for x in (I, O, *sums))
        except DivergenceError:
            refused += 1
        assert (p.I.tobytes(), p.O.tobytes()) == before
    assert 20 < refused < 190


# ---- the matrix --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("K, H", [(1, 1), (50, 1), (507, 23), (3, 10), (2000, 64)])
def test_curvature_is_the_damped_covariance(isa, rng, K, H):
    p, O = rng.random(K) * 100, (rng.standard_normal((K, H)) + rng.standard_normal(H)).astype(np.float32)
    got = [Curvature(p, threads).inverse(O, 0) for threads in (1, 2, 3)]
    assert got[0].dtype == np.float32 and got[0].shape == (H, H) and len({x.tobytes() for x in got}) == 1
    want = np.linalg.inv(covariance(O, p))
    np.testing.assert_allclose(got[0], want, atol=2e-6 * np.abs(want).max() * (1 if K > 1 else 100))
    if K > H > 1:
        wrong = np.linalg.inv(covariance(O, np.ones(K)))  # control: every word alike
        assert np.abs(got[0] - wrong).max() > 1e-3 * np.abs(want).max()


def test_a_common_shift_of_all_rows_changes_nothing(rng):
    """The softmax does not see it either."""
    p, O = rng.random(300), rng.standard_normal((300, 8)).astype(np.float32)
    moved = Curvature(p, 1).inverse(O + np.float32(30), 0)
    np.testing.assert_allclose(moved, Curvature(p, 1).inverse(O, 0), rtol=2e-3, atol=2e-3)


def test_curvature_of_a_zero_matrix():
    """As training starts at random: the steps are long, and limited."""
    np.testing.assert_allclose(
        Curvature(np.ones(9), 1).inverse(np.zeros((9, 4), np.float32), 0), np.eye(4) * 1e4, rtol=1e-6
    )


def test_curvature_is_taken_in_every_sixteenth_batch(rng):
    curvature, first, second = (
        Curvature(np.ones(30), 1),
        *(rng.standard_normal((30, 4)).astype(np.float32) for _ in range(2)),
    )
    fresh = Curvature(np.ones(30), 1).inverse(second, 0)
    begun = curvature.inverse(first, 0)
    assert Curvature.EVERY == 16 and (begun != fresh).any()
    for batch in range(1, 16):
        assert curvature.inverse(second, batch) is begun
    assert (curvature.inverse(second, 16) == fresh).all() and (curvature.inverse(first, 32) == begun).all()
    assert (Curvature(np.ones(30), 1).inverse(second, 3) == fresh).all()  # there is none yet


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
    inverse = np.float32(np.linalg.inv(covariance(p.O, np.ones(K), 0, 0)))
    _, I, _, _, _ = take(p, (inverse, 1.0, 0.0))
    X = p.I.astype(float)
    for _ in range(50):  # to the least loss that the rows of I allow
        gI, _ = reference.gradient(X, p.O, p.centers, N.astype(float))
        X[p.centers] -= gI @ inverse / N.sum(1, dtype=float)[:, None]
    before, after, least = (reference.loss(x, p.O, p.centers, N.astype(float)) for x in (p.I, I, X))
    assert after - least < 0.1 * (before - least)
