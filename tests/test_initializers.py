"""The start from the counts' spectrum: each of its steps, and the whole, against float64 NumPy; the same bits
on any threads.
"""

import os
import signal

import numpy as np
import pytest
from conftest import SEED

from fastsg import _core
from fastsg.numerics.initializers import spectral_start, transposed

FMA = [name for name in _core.available_isas() if name != "generic"]
THREADS = (1, 2, 3, 7)


def sparse(A):
    """A dense matrix as CSR; zeros are no entries."""
    rows, columns = np.nonzero(A)
    ptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(A)))])
    return ptr.astype(np.int64), columns.astype(np.int32), A[rows, columns].astype(np.float32)


def dense(ptr, columns, values, width=None):
    A = np.zeros((len(ptr) - 1, width or len(ptr) - 1))
    A[np.repeat(np.arange(len(ptr) - 1), np.diff(ptr)), columns] = values
    return A


def counted(rng, K, share=0.5, symmetric=True, topics=5):
    """Counts of K words in topics, with frequencies of all sizes."""
    mixture, often = rng.dirichlet(np.full(topics, 0.3), K), rng.pareto(1.2, K) + 0.2
    N = np.float32(
        rng.poisson(40 * often[:, None] * often * (mixture @ mixture.T)) * (rng.random((K, K)) < share)
    )
    return np.float32((N + N.T) / 2) if symmetric else N


def reached_by_all(results):
    """One result for all of them; arrays are compared by their bytes."""
    parts = (result if isinstance(result, tuple) else (result,) for result in results)
    return len({tuple(np.asarray(part).tobytes() for part in result) for result in parts}) == 1


def on_every_fma(compute):
    """Results on every instruction set with FMA."""
    try:
        for name in FMA:
            _core.select_isa(name)
            yield compute()
    finally:
        _core.select_isa(os.environ.get("FASTSG_ISA") or None)


# ---- tall matrices -----------------------------------------------------------------------------------------

SHAPES = [(1, 1), (3, 1), (1, 5), (507, 123), (1000, 17), (31, 33), (257, 16), (64, 8)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("K, H", SHAPES)
def test_gram(isa, rng, K, H, weighted):
    Y = rng.standard_normal((K, H)).astype(np.float32)
    w = rng.random(K).astype(np.float32) if weighted else None
    exact = Y.astype(float).T @ (Y.astype(float) if w is None else w.astype(float)[:, None] * Y)
    got = [_core.gram(Y, w, threads) for threads in THREADS]
    assert got[0].shape == (H, H) and (got[0] == got[0].T).all() and reached_by_all(got)
    np.testing.assert_allclose(got[0], exact, rtol=1e-12, atol=1e-12 * np.abs(exact).max())


@pytest.mark.parametrize("J", [1, 7, 16, 40, 100])
@pytest.mark.parametrize("K, H", SHAPES)
def test_times(isa, rng, K, H, J):
    Y, M = rng.standard_normal((K, H)).astype(np.float32), rng.standard_normal((H, J)).astype(np.float32)
    got = [_core.times(Y, M, threads) for threads in THREADS]
    assert got[0].shape == (K, J) and got[0].dtype == np.float32 and reached_by_all(got)
    np.testing.assert_allclose(got[0], Y.astype(float) @ M.astype(float), atol=1e-6 * H)


@pytest.mark.parametrize("H", [16, 32, 48, 64, 80, 128, 208])
@pytest.mark.parametrize("rows, share", [(1, 1.0), (37, 0.3), (200, 0.02), (50, 0.0)])
def test_sparse_times(isa, rng, rows, share, H):
    A = np.float32(rng.standard_normal((rows, 60)) * (rng.random((rows, 60)) < share))
    X = rng.standard_normal((60, H)).astype(np.float32)
    got = [_core.sparse_times(*sparse(A), X, threads) for threads in THREADS]
    assert got[0].shape == (rows, H) and reached_by_all(got)
    np.testing.assert_allclose(got[0], A.astype(float) @ X.astype(float), atol=3e-5)


@pytest.mark.parametrize("H", [16, 112])
def test_sparse_times_of_many_columns(isa, rng, H):
    """Columns are taken in blocks, rows by threads: in each block a row has some entries, or none."""
    rows, columns, n = 300, 40_000, 24_000
    A = np.zeros((rows, columns), np.float32)
    A[rng.integers(0, rows, n), rng.integers(0, columns, n)] = rng.standard_normal(n)
    A[:, -1] = A[7] = A[7:9, :3] = 0
    A[3, [0, 16_383, 16_384, -1]] = 1
    X = rng.standard_normal((columns, H)).astype(np.float32)
    got = [_core.sparse_times(*sparse(A), X, threads) for threads in THREADS]
    assert reached_by_all(got)
    np.testing.assert_allclose(got[0], A.astype(float) @ X.astype(float), atol=1e-4)


def exact_ppmi(N):
    """The weighted matrix of the formula in fastsg/spectral.py, in float64."""
    N = N.astype(float)
    p, q, total = N.sum(1) / N.sum(), N.sum(0) / N.sum(), N.sum()
    return np.where(N > 0, np.maximum(np.log((N + 1) / (total * p[:, None] * q + 1)), 0), 0) * np.sqrt(
        np.sqrt(p[:, None] * q)
    )


@pytest.mark.parametrize("K", [1, 2, 17, 130, 700])
@pytest.mark.parametrize("symmetric", [True, False])
def test_ppmi(isa, rng, K, symmetric):
    N = counted(rng, K, symmetric=symmetric)
    N[K // 2] *= K < 3  # a word that is never a center
    N[0, 0] += 1
    got = [
        _core.ppmi(*sparse(N), N.sum(1, dtype=float), N.sum(0, dtype=float), threads) for threads in THREADS
    ]
    exact = exact_ppmi(N)
    assert reached_by_all(got) and (got[0][2] > 0).all() and got[0][0][-1] == len(got[0][1]) == len(got[0][2])
    np.testing.assert_allclose(dense(*got[0]), exact, rtol=1e-6, atol=1e-9)
    assert K < 17 or 0 < len(got[0][1]) < np.count_nonzero(N)  # what is rarer than by chance is left out


def test_without_the_shift_of_1_it_would_be_another_matrix(rng):
    """Control: the tolerance above tells them apart."""
    N = counted(rng, 60)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = N.sum(1, dtype=float) / N.sum(dtype=float)
        plain = np.where(
            N > 0, np.maximum(np.log(N / (N.sum(dtype=float) * p[:, None] * p)), 0), 0
        ) * np.sqrt(np.sqrt(p[:, None] * p))
    assert np.abs(plain - exact_ppmi(N)).max() > 1e-3


@pytest.mark.skipif(len(FMA) < 2, reason="this machine has one instruction set with FMA, or none")
@pytest.mark.parametrize("K, H", [(501, 33), (100, 16), (37, 7)])
def test_instruction_sets_with_fma_agree(rng, K, H):
    Y, M = rng.standard_normal((K, H)).astype(np.float32), rng.standard_normal((H, 19)).astype(np.float32)
    w = rng.random(K).astype(np.float32)
    N, X = sparse(counted(rng, K)), rng.standard_normal((K, 80)).astype(np.float32)
    sums = np.asarray(dense(*N).sum(1)), np.asarray(dense(*N).sum(0))
    for compute in (
        lambda: _core.gram(Y, w, 2),
        lambda: _core.gram(Y, None, 2),
        lambda: _core.times(Y, M, 2),
        lambda: _core.sparse_times(*N, X, 2),
        lambda: _core.ppmi(*N, *sums, 2),
        lambda: spectral_start(N, *sums, H, symmetric=True, num_threads=2),
    ):
        assert reached_by_all(on_every_fma(compute))


# ---- small square matrices ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64, 101])
def test_inverse(rng, n):
    root = rng.standard_normal((n, n))
    A = root @ root.T + 0.1 * np.eye(n)
    before = A.copy()
    got = _core.inverse(A)
    np.testing.assert_allclose(got @ A, np.eye(n), atol=1e-9 * np.linalg.cond(A))
    np.testing.assert_allclose(got, np.linalg.inv(A), rtol=1e-7, atol=1e-9 * np.abs(got).max())
    assert (A == before).all()


@pytest.mark.parametrize(
    "A",
    [
        np.zeros((2, 2)),
        -np.eye(3),
        np.array([[1.0, 2], [2, 1]]),
        np.full((2, 2), np.nan),
        np.ones((2, 3)),
        np.ones((3, 2)),
    ],
    ids=str,
)
def test_matrices_without_an_inverse(A):
    with pytest.raises(
        ValueError, match=rf"the matrix of shape \({A.shape[0]}, {A.shape[1]}\) is not positive definite"
    ):
        _core.inverse(A)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64, 113])
def test_eigen(rng, n):
    A = rng.standard_normal((n, n)) * 10.0 ** rng.uniform(-3, 3)
    A += A.T
    values, vectors = _core.eigen(A)
    size = np.abs(values).max()
    np.testing.assert_allclose(values, np.linalg.eigvalsh(A)[::-1], atol=1e-11 * size)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-12 * n)
    np.testing.assert_allclose(A @ vectors, vectors * values, atol=1e-11 * size * n)
    assert (np.diff(values) <= 0).all()


@pytest.mark.parametrize(
    "A",
    [np.zeros((3, 3)), np.eye(4), np.diag([1.0, 3, 2]), np.ones((5, 5))],
    ids=["zero", "one", "diagonal", "rank 1"],
)
def test_eigen_of_degenerate_matrices(A):
    values, vectors = _core.eigen(A)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(A)[::-1], atol=1e-12)
    np.testing.assert_allclose(vectors @ np.diag(values) @ vectors.T, A, atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(A)), atol=1e-12)


def hard_matrices():
    rng = np.random.default_rng(SEED)
    n = 60
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    steps = np.abs(np.arange(n) - n // 2).astype(float)
    yield "pairs of nearly equal values", np.diag(steps) + np.eye(n, k=1) + np.eye(n, k=-1)  # Wilkinson's
    yield "one cluster", turn * (1 + 1e-13 * rng.standard_normal(n)) @ turn.T
    yield "falling by 300 decades", turn * 10.0 ** -np.linspace(0, 300, n) @ turn.T
    yield "rank 2", np.add.outer(np.arange(n), np.arange(n)).astype(float)
    yield "near the largest number", turn * np.linspace(0, 1e307, n) @ turn.T
    yield "near the smallest", turn * np.linspace(0, 1e-290, n) @ turn.T


@pytest.mark.parametrize("A", [pytest.param(A, id=name) for name, A in hard_matrices()])
def test_eigen_of_hard_matrices(A):
    A = A / 2 + A.T / 2
    values, vectors = _core.eigen(A)
    size = np.abs(values).max()
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(A)), atol=1e-13)
    np.testing.assert_allclose(A / size @ vectors, vectors * (values / size), atol=1e-13)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.timeout(20)
def test_eigen_can_be_interrupted(rng):
    """In its first part, which for this matrix takes longer than the test may."""
    A = rng.standard_normal((4000, 4000))

    def alarm(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            _core.eigen(A)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_eigen_of_what_is_no_number_ends(wrong):
    assert np.isnan(_core.eigen(np.diag([1.0, wrong, 2]) + np.ones((3, 3)))[0]).any()


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64, 113])
def test_orthonormal(rng, n):
    Y = rng.standard_normal((3 * n, n)) * 10.0 ** rng.uniform(-2, 2, n)
    basis = Y @ _core.orthonormal(Y.T @ Y)
    np.testing.assert_allclose(basis.T @ basis, np.eye(n), atol=1e-11)
    np.testing.assert_allclose(basis @ (basis.T @ Y), Y, atol=1e-9 * np.abs(Y).max())


def test_columns_that_others_explain_become_zero(rng):
    Y = rng.standard_normal((50, 6))
    Y[:, 2], Y[:, 4] = 0, Y[:, 0] - 3 * Y[:, 1]
    basis = Y @ _core.orthonormal(Y.T @ Y)
    kept = np.array([0, 1, 3, 5])
    assert (basis[:, [2, 4]] == 0).all()
    np.testing.assert_allclose(basis[:, kept].T @ basis[:, kept], np.eye(4), atol=1e-12)
    assert (_core.orthonormal(np.full((3, 3), np.nan)) == 0).all()


# ---- bad input ---------------------------------------------------------------------------------------------


def test_shapes_that_do_not_fit():
    Y, A = np.ones((4, 16), np.float32), sparse(np.ones((3, 4)))
    with pytest.raises(ValueError, match="weights has 3 values; need 4"):
        _core.gram(Y, np.ones(3, np.float32), 1)
    with pytest.raises(ValueError, match="M_hj has 3 rows; need 16"):
        _core.times(Y, np.ones((3, 2), np.float32), 1)
    with pytest.raises(
        ValueError, match="a width of 15 with 12 columns and 12 values; need a multiple of 16"
    ):
        _core.sparse_times(*A, np.ones((4, 15), np.float32), 1)
    with pytest.raises(ValueError, match="12 columns and 11 values"):
        _core.sparse_times(*A[:2], A[2][1:].copy(), Y, 1)
    with pytest.raises(ValueError, match=r"the matrix is \(2, 3\); it must be square"):
        _core.eigen(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"the matrix is \(2, 3\); it must be square"):
        _core.orthonormal(np.ones((2, 3)))
    for call in (
        lambda: _core.gram(Y.astype(float), None, 1),
        lambda: _core.times(Y, np.ones((16, 2)), 1),
        lambda: _core.inverse(Y[:4, :4]),
    ):
        with pytest.raises(ValueError, match=r"Buffer dtype mismatch|not C.contiguous"):
            call()


# ---- the whole start ---------------------------------------------------------------------------------------


def start(N, H, symmetric=None, **options):
    symmetric = (N == N.T).all() if symmetric is None else symmetric
    return spectral_start(
        sparse(N), N.sum(1, dtype=float), N.sum(0, dtype=float), H, symmetric=bool(symmetric), **options
    )


def factors(N, H):
    """Rank-H factors of the weighted matrix by LAPACK: their product, un-weighted, and the singular
    values.
    """
    U, S, V = np.linalg.svd(exact_ppmi(N))
    p, q = N.sum(1, dtype=float) / N.sum(dtype=float), N.sum(0, dtype=float) / N.sum(dtype=float)
    with np.errstate(divide="ignore"):
        unweighted = (np.where(p > 0, p, np.inf) ** -0.25)[:, None] * np.where(q > 0, q, np.inf) ** -0.25
    return (U[:, :H] * S[:H]) @ V[:H] * unweighted, S, p, q


def weighted(X, p):
    return X * p[:, None] ** 0.25


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("K, H, iterations", [(40, 28, 2), (150, 9, 25), (150, 5, 25)])
def test_factors_are_those_of_the_exact_decomposition(isa, rng, K, H, iterations, symmetric):
    """Up to H + 12 = K columns the subspace is the whole space; in larger ones it converges."""
    N = counted(rng, K, 1.0, symmetric)
    want, S, p, q = factors(N, H)
    I, O = start(N, H, iterations=iterations, num_threads=2)
    assert I.shape == O.shape == (K, H) and I.dtype == O.dtype == np.float32
    np.testing.assert_allclose(I.astype(float) @ O.T, want, atol=2e-4 * np.abs(want).max())
    for X, weight in ((I, p), (O, q)):  # each side carries the square root of the singular values
        np.testing.assert_allclose((weighted(X.astype(float), weight) ** 2).sum(0), S[:H], rtol=1e-3)


@pytest.mark.parametrize("symmetric", [True, False])
def test_two_iterations_find_nearly_all_of_it(rng, symmetric):
    """What training starts from: what rank H can hold of the matrix, but for some hundredths of it all."""
    N = counted(rng, 300, 0.3, symmetric, topics=20)
    _, S, p, q = factors(N, 20)
    lost = []
    for iterations in (2, 0):
        I, O = start(N, 20, iterations=iterations)
        left = exact_ppmi(N) - weighted(I.astype(float), p) @ weighted(O.astype(float), q).T
        lost.append((np.linalg.norm(left) ** 2 - (S[20:] ** 2).sum()) / (S**2).sum())
    assert -1e-6 < lost[0] < 0.03 < lost[1]  # without iterations far more is missing


def test_a_symmetric_matrix_may_be_taken_as_any(rng):
    N = counted(rng, 60)
    I, O = start(N, 8, iterations=20)
    J, P = start(N, 8, symmetric=False, iterations=20)
    np.testing.assert_allclose(I @ O.T, J @ P.T, atol=1e-3 * np.abs(I @ O.T).max())


def test_asymmetric_counts_have_two_sides(rng):
    """Control for the transpose: N' has I and O swapped, and N taken as symmetric gives something else."""
    N = counted(rng, 50, symmetric=False)
    I, O = start(N, 6, iterations=30)
    J, P = start(np.ascontiguousarray(N.T), 6, iterations=30)
    scale = np.abs(I @ O.T).max()
    np.testing.assert_allclose(I @ O.T, P @ J.T, atol=2e-3 * scale)
    wrong_I, wrong_O = start(N, 6, symmetric=True, iterations=30)
    assert np.abs(wrong_I @ wrong_O.T - I @ O.T).max() > 0.05 * scale


@pytest.mark.parametrize("K, H", [(1, 1), (1, 8), (3, 10), (10, 40), (17, 17)])
def test_fewer_words_than_coordinates(isa, rng, K, H):
    """The spare coordinates are zero, the others hold the whole matrix."""
    N = counted(rng, K, 1.0)
    N[0, 0] += 1
    I, O = start(N, H, num_threads=3)
    want, _S, _p, _q = factors(N, min(K, H))
    assert I.shape == (K, H) and np.isfinite(I).all() and np.isfinite(O).all()
    np.testing.assert_allclose(I.astype(float) @ O.T, want, atol=2e-4 * max(np.abs(want).max(), 1e-3))
    assert not I[:, K:].any() and not O[:, K:].any()


def test_rows_and_columns_without_counts(rng):
    N = counted(rng, 40)
    N[3] = N[:, 5] = 0
    I, O = start(N, 6, symmetric=False)
    assert np.isfinite(I).all() and np.isfinite(O).all() and not I[3].any() and not O[5].any()
    assert I[5].any() and O[3].any()


def test_no_counts_at_all():
    I, O = start(np.zeros((7, 7), np.float32), 4)
    assert I.shape == O.shape == (7, 4) and not I.any() and not O.any() and I.dtype == np.float32


def test_counts_that_say_nothing():
    """Every pair as often as by chance: nothing is positive, and nothing is divided by it."""
    I, O = start(np.full((12, 12), 3, np.float32), 4)
    assert np.abs(I).max() < 1e-2 and np.isfinite(O).all() and np.abs(O).max() < 1e-2


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("K, H", [(300, 20), (64, 4), (10, 30)])
def test_threads_do_not_change_a_bit(isa, rng, K, H, symmetric):
    N = counted(rng, K, 0.3, symmetric)
    assert reached_by_all(start(N, H, num_threads=threads, symmetric=symmetric) for threads in THREADS)


def test_the_seed_decides(rng):
    N = counted(rng, 200, 0.3)
    first, same, other = (start(N, 10, seed=seed)[0].tobytes() for seed in (1, 1, 2))
    assert first == same != other


def test_transposed(rng):
    for share in (0.0, 0.2, 1.0):
        A = counted(rng, 23, share, symmetric=False)
        ptr, columns, values = transposed(sparse(A))
        assert (dense(ptr, columns, values) == A.T).all()
        assert ptr.dtype == np.int64 and columns.dtype == np.int32 and values.dtype == np.float32
        want = sparse(np.ascontiguousarray(A.T))
        assert all((a == b).all() for a, b in zip((ptr, columns, values), want, strict=True))
