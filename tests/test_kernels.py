"""The kernels against the float64 oracle: accuracy on hard inputs and odd shapes, exp and log, extreme
logits, poisoned scratch.
"""

import math

import numpy as np
import pytest
import reference
from conftest import NO_BIAS, Problem

from fastsg import DivergenceError, _core

SHAPES = {  # K, H, U
    "odd": (507, 123, 5),
    "K=1": (1, 5, 1),
    "H=1": (50, 1, 7),
    "U=1": (50, 9, 1),
    "all 1": (1, 1, 1),
    "two slices": (121, 16, 33),
    "shards": (1000, 20, 70),
    "many shards": (9000, 8, 40),
}


def error(got, want, natural):
    """Largest error relative to the scale of the result; `natural` stands in where everything cancels."""
    return float(
        np.max(np.abs(np.asarray(got, np.float64) - want)) / max(np.max(np.abs(want)), 0.1 * natural)
    )


def assert_accurate(got, p, bias=None):
    """Loss, gI and gO are no worse than float32 NumPy, plus 1e-5."""
    centers = p.centers
    want = (reference.loss(p.I, p.O, centers, p.N, bias), *reference.gradient(p.I, p.O, centers, p.N, bias))
    plain = reference.float32_gradient(p.I, p.O, centers, p.N, bias)
    weight = p.N.sum()
    scales = {"loss": weight, "gI": p.N.sum(1).max() * np.abs(p.O).max(), "gO": weight * np.abs(p.I).max()}
    for name, ours, numpys, exact in zip(scales, got, plain, want, strict=True):
        allowed = error(numpys, exact, scales[name]) + 1e-5
        assert error(ours, exact, scales[name]) <= allowed, (
            f"{name}: {error(ours, exact, scales[name])} > {allowed}"
        )


@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("peak", [None, 20.0, 60.0], ids=["flat", "peaked", "sharp"])
@pytest.mark.parametrize("shape", SHAPES)
def test_accuracy(isa, problem, shape, peak, bias):
    K, H, U = SHAPES[shape]
    p = problem(K, H, U, scale=1 / math.sqrt(H), bias=bias, peak=peak)
    loss, gI, gO = p.workspace().gradient(p.I, p.O, p.bias, *p.batch)
    assert_accurate((loss, gI, gO), p, p.bias)
    assert p.workspace().loss(p.I, p.O, p.bias, *p.batch) == pytest.approx(loss, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("rows", [1, 32, 64, 1000])
def test_accuracy_in_blocks_of_rows(isa, problem, rows):
    p = problem(300, 17, 150, scale=0.3, bias=True, peak=15.0)
    assert_accurate(p.workspace(rows=rows).gradient(p.I, p.O, p.bias, *p.batch), p, p.bias)


@pytest.mark.parametrize(
    "slip", ["no -1 at the target", "one row of O forgotten", "duplicates counted once", "bias left out"]
)
def test_control_accuracy(problem, slip):
    p = problem(60, 7, 9, scale=0.5, bias=True)
    N, bias = p.N.copy(), p.bias
    if slip == "duplicates counted once":
        N = np.minimum(N, 0.25)
    if slip == "bias left out":
        bias = NO_BIAS
    loss, gI, gO = reference.float32_gradient(p.I, p.O, p.centers, N, bias)
    if slip == "no -1 at the target":
        gI = gI + N @ p.O
    if slip == "one row of O forgotten":
        gO[-1] = 0
    with pytest.raises(AssertionError):
        assert_accurate((loss, gI, gO), p, p.bias)


def test_long_tail_is_not_lost(isa):
    """One likely word and very many unlikely ones: added one by one in float32, the tail would vanish beside
    the peak.
    """
    K = 70_000
    I, O = np.zeros((K, 2), np.float32), np.zeros((K, 2), np.float32)
    I[:, 0], O[1:, 0] = 1, -17.5
    exact = math.log1p((K - 1) * math.exp(-17.5))
    one = np.zeros(1, np.int32)
    got = _core.Workspace(K, 2, 32, 2).loss(I, O, NO_BIAS, one, np.array([0, 1]), one, np.ones(1, np.float32))
    assert abs(got - exact) < 1e-5
    chain = np.add.accumulate(np.exp(np.float32([0] + [-17.5] * (K // 64))))[
        -1
    ]  # control: one shard as one chain
    assert abs(math.log(float(chain) + (K - 1 - K // 64) * math.exp(-17.5)) - exact) > 2e-5


# ---- exp and log ----


def ulps(got, c, m):
    exact = np.exp(c.astype(np.float64) - m.astype(np.float64) * math.log(2))
    return float(
        np.max(
            np.abs(got.astype(np.float64) - exact) / np.spacing(exact.astype(np.float32)).astype(np.float64)
        )
    )


def exp_points(rng):
    """Logits and whole shifts (in units of ln 2); e^c 2^-m lies in 2^[-100, 126]."""
    edges = np.float32(
        [
            -69,
            87,
            0,
            -0.0,
            1,
            -1,
            np.log(2) / 2,
            -np.log(2) / 2,
            1e-8,
            -1e-8,
            1e-40,
            86.9999,
            -68.9999,
            0.5,
            2,
            -2,
        ]
    )
    c = np.concatenate(
        [
            np.linspace(-69, 87, 1 << 18, dtype=np.float32),
            rng.uniform(-1, 1, 1 << 16).astype(np.float32),
            edges,
        ]
    )
    m = np.rint(rng.uniform(-60, 60, len(c))).astype(np.float32)
    return np.concatenate([c, (c + m * math.log(2)).astype(np.float32)]), np.concatenate(
        [np.zeros_like(m), m]
    )


def test_exp_within_two_ulp(isa, rng):
    c, m = exp_points(rng)
    bits = c.astype(np.float64) / math.log(2) - m
    inside = (bits > -100) & (bits < 126)  # the shifted logit was rounded
    assert ulps(_core.vector_exp(c, m)[inside], c[inside], m[inside]) <= 2


def test_control_exp(rng):
    c, m = exp_points(rng)
    c, m = c[: len(c) // 2], m[: len(c) // 2]
    n = np.rint(c / np.log(np.float32(2)))
    r = (c - n * np.log(np.float32(2))).astype(np.float32)  # ln 2 in one piece loses the last bits
    assert ulps(np.ldexp(np.exp(r), n.astype(np.int32)), c, m) > 2


def test_exp_outside_its_range(isa):
    below = np.float32([-70, -71, -88, -104, -1e4, -1e30, -3e38, -np.inf])
    above = np.float32([88.4, 89, 1e4, 1e30, 2e38, np.inf, 130, 255])
    got = _core.vector_exp(np.concatenate([below, above]), np.zeros(16, np.float32))
    assert (got[:8] == 0).all() and not np.signbit(got[:8]).any()
    assert (got[8:] >= 2.0**125.5).all() and np.isfinite(got[8:]).all()  # more than any sum that passes


def test_exp_of_huge_logits_and_of_none(isa):
    payload = np.array([0x7FC001FF, 0xFFC000AB], np.uint32).view(np.float32)
    c = np.concatenate(
        [
            np.float32([1e30, 1e30, 2e38, -1e30, np.inf, np.nan, -np.nan, 5e6]),
            payload,
            np.zeros(6, np.float32),
        ]
    )
    m = np.rint(
        np.float32([1e30, 2e38, 1e30, -1e30, np.inf, 0, 0, 5e6] + [0] * 8) * np.float32(1 / math.log(2))
    )
    got = _core.vector_exp(c, m)
    assert got[0] == 1 and got[1] == 0 and got[2] >= 2.0**125.5 and got[3] == 1 and got[7] == 1
    assert np.isnan(got[[4, 5, 6, 8, 9]]).all() and (got[10:] == 1).all()


def test_exp_needs_whole_vectors():
    with pytest.raises(ValueError, match="15 and 15 values; need as many, and a multiple of 16"):
        _core.vector_exp(np.zeros(15, np.float32), np.zeros(15, np.float32))
    with pytest.raises(ValueError, match="c and m have 16 and 32 values"):
        _core.vector_exp(np.zeros(16, np.float32), np.zeros(32, np.float32))


def reaching(problem, reach):
    """A problem whose largest norms multiply to `reach`, whatever it is: a coordinate that is 0 in I holds
    it, so no logit changes.
    """
    p = problem(300, 9, 70, scale=0.5)
    p.I[:, -1] = 0
    p.O[:, -1] = 0
    p.O[::50, -1] = math.sqrt(
        (reach / np.linalg.norm(p.I[p.centers], axis=1).max()) ** 2
        - np.linalg.norm(p.O[::50], axis=1).max() ** 2
    )
    return p


@pytest.mark.parametrize("shift", [0, 8, -8, -30])
def test_short_and_careful_exp_agree(isa, shift):
    """The short form is taken where norms say that no e^c 2^-shift leaves 2^[-100, 120]: just inside and just
    outside of it, the same logits give the same results.
    """
    found = []
    inside = (min(100 - shift, 120 + shift) - 1) / (1.001 * math.log2(math.e))
    for reach in (inside - 0.2, inside - 0.02, inside + 0.02, inside + 0.2, 3 * inside):
        p = reaching(lambda *args, **kwargs: Problem(np.random.default_rng(3), *args, **kwargs), reach)
        I, O = p.copy()
        shifts = np.full(p.K, shift * math.log(2), np.float32)
        loss = p.workspace(128).step(I, O, p.bias, *p.batch, shifts, 0.125)
        assert loss == pytest.approx(reference.loss(p.I, p.O, p.centers, p.N), rel=1e-6)
        found.append((loss, I[:, :-1] - p.I[:, :-1], O - p.O, shifts))
    for other in found[1:]:
        for got, want in zip(other, found[0], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("K, U", [(5000, 900), (4096, 1100)])
def test_E_past_the_caches_is_E(isa, problem, K, U):
    """More than 2^22 values of E are written past the caches: rows come out bit for bit as in small blocks,
    and sums are theirs.
    """
    p = problem(K, 6, U, scale=0.3, pairs=2000, bias=True)
    assert K * len(p.centers) > 1 << 22
    loss, gI, gO = p.workspace(rows=2048).gradient(p.I, p.O, p.bias, *p.batch)
    small = p.workspace(rows=64).gradient(p.I, p.O, p.bias, *p.batch)
    assert gI.tobytes() == small[1].tobytes() and loss == pytest.approx(small[0], rel=1e-9)
    exact = reference.gradient(p.I, p.O, p.centers, p.N, p.bias)[1]
    assert np.abs(gO - exact).max() <= 1e-5 * np.abs(exact).max()
    I, O = p.copy()
    other_I, other_O = p.copy()
    for x, y, rows in ((I, O, 2048), (other_I, other_O, 64)):
        p.workspace(rows=rows).step(x, y, p.bias, *p.batch, np.zeros(K, np.float32), 0.01)
    assert I.tobytes() == other_I.tobytes() and np.abs(O - other_O).max() <= 1e-6


def test_E_past_the_caches_where_it_is_not_needed(isa, problem):
    """Losses keep no E at all, and rows that need the careful exp keep theirs."""
    p = problem(5000, 6, 900, scale=3.0, pairs=2000)
    loss = reference.loss(p.I, p.O, p.centers, p.N)
    assert p.workspace(rows=2048).loss(p.I, p.O, p.bias, *p.batch) == pytest.approx(loss, rel=1e-6)
    assert p.workspace(rows=2048).gradient(p.I, p.O, p.bias, *p.batch)[0] == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("start", [0.0, 3.3, -7.7, 1e3])
def test_shifts_are_whole(isa, problem, start):
    """So that taking them off a logit (in units of ln 2) rounds nothing."""
    p = problem(200, 7, 30, scale=0.6)
    I, O = p.copy()
    workspace = p.workspace()
    workspace.step(I, O, p.bias, *p.batch, np.full(p.K, start, np.float32), 0.1)
    shift = workspace.shift[: len(p.centers)]
    assert (shift == np.rint(shift)).all() and (
        start == 1e3 or (np.abs(shift - start / math.log(2)) <= 0.5).all()
    )


def test_log(isa, rng):
    values = [
        1.0,
        2.0,
        0.5,
        math.sqrt(2),
        math.sqrt(0.5),
        1 + 2**-52,
        1 - 2**-53,
        1e-300,
        1e300,
        *np.exp(rng.uniform(-690, 690, 2000)),
    ]
    for x, y in zip(values, _core.logarithms(values), strict=True):
        assert abs(y - math.log(x)) <= 1e-15 * max(1.0, abs(math.log(x))), x
    for n in range(20):  # whole vectors and what is left of them
        np.testing.assert_array_equal(_core.logarithms(values[:n]), _core.logarithms(values)[:n])


# ---- extreme logits ----


def on_a_grid(problem):
    """A problem whose logits are multiples of 1/64, so that adding 1e4 rounds nothing."""
    p = problem(200, 6, 12)
    p.I, p.O = (np.clip(np.rint(x * 8), -16, 16).astype(np.float32) / 8 for x in (p.I, p.O))
    return p


@pytest.mark.parametrize("shift", [80, -80, 1e4, -1e4])
def test_a_common_shift_changes_nothing(isa, problem, shift):
    p = on_a_grid(problem)
    bias = np.full(p.K, shift, np.float32)
    want, got = (p.workspace().gradient(p.I, p.O, b, *p.batch) for b in (NO_BIAS, bias))
    assert got[0] == pytest.approx(want[0], rel=1e-6)
    assert np.abs(got[1] - want[1]).max() <= 1e-5 and np.abs(got[2] - want[2]).max() <= 1e-5
    assert p.workspace().loss(p.I, p.O, bias, *p.batch) == pytest.approx(want[0], rel=1e-6)


@pytest.mark.parametrize("shift", [1e4, -1e4])
def test_control_shift(problem, shift):
    """No shift at all: what the true maximum is for."""
    p = on_a_grid(problem)
    with np.errstate(all="ignore"):
        e = np.exp(p.I[p.centers] @ p.O.T + np.float32(shift))
        loss = float((p.N * (np.log(e.sum(1, keepdims=True)) - np.log(e))).sum())
    assert loss != pytest.approx(reference.loss(p.I, p.O, p.centers, p.N), rel=1e-6)


@pytest.mark.parametrize("top", [88.0, 1e30])
def test_one_enormous_logit(isa, problem, top):
    p = problem(130, 4, 3)
    bias = np.zeros(p.K, np.float32)
    bias[125] = top
    centers = np.array([3, 7], np.int32)
    likely, unlikely = np.array([125, 125], np.int32), np.array([125, 9], np.int32)
    args = centers, np.array([0, 1, 2])
    ones = np.ones(2, np.float32)
    workspace = p.workspace()
    logits = p.I[centers].astype(np.float64) @ p.O.T.astype(np.float64)
    assert workspace.loss(p.I, p.O, bias, *args, likely, ones) == pytest.approx(0, abs=1e-6)
    want = top + logits[1, 125] - logits[1, 9]
    assert workspace.loss(p.I, p.O, bias, *args, unlikely, ones) == pytest.approx(want, rel=1e-6)
    loss, gI, gO = workspace.gradient(p.I, p.O, bias, *args, unlikely, ones)
    assert loss == pytest.approx(want, rel=1e-6)
    np.testing.assert_allclose(gI, [np.zeros(4), p.O[125] - p.O[9]], atol=1e-5)
    np.testing.assert_allclose(gO[[125, 9]], [p.I[7], -p.I[7]], atol=1e-5)
    assert np.abs(np.delete(gO, [125, 9], 0)).max() < 1e-30


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["I", "O", "bias"])
def test_what_is_not_finite_is_refused(isa, problem, where, value):
    p = problem(250, 5, 40, bias=True)
    if where == "bias":
        p.bias[200] = value
    else:
        getattr(p, where)[p.centers[-1], 2] = value
    if (where, value) == ("bias", -np.inf):  # a word that cannot be: probability 0, as it should be
        p.workspace().loss(
            p.I,
            p.O,
            p.bias,
            p.centers,
            np.zeros(len(p.centers) + 1, np.int64),
            np.zeros(0, np.int32),
            NO_BIAS,
        )
        return
    with pytest.raises(DivergenceError, match="softmax rows of the batch are not finite"):
        p.workspace().loss(p.I, p.O, p.bias, *p.batch)
    with pytest.raises(DivergenceError, match="softmax rows of the batch are not finite"):
        p.workspace().gradient(p.I, p.O, p.bias, *p.batch)


@pytest.mark.parametrize("bits", [0x7FC00001, 0xFFC00001, 0x7F800001, 0x7FC00180, 0xFFC00080, 0x7FFFFFFF])
@pytest.mark.parametrize("H", [5, 40])
@pytest.mark.parametrize("where", ["I", "O", "bias"])
def test_any_nan_is_refused(isa, problem, where, H, bits):
    """Also those that the short form of the exponential would make a number of."""
    p = problem(250, H, 40, bias=True)
    place = p.centers[0] if where == "bias" else (p.centers[0], 2)
    getattr(p, where).view(np.uint32)[place] = bits
    for precision in _core.available_precisions():
        workspace = _core.Workspace(p.K, p.H, 64, 2, precision)
        for compute in (workspace.loss, workspace.gradient):
            with pytest.raises(DivergenceError, match="softmax rows of the batch are not finite"):
                compute(p.I, p.O, p.bias, *p.batch)


@pytest.mark.parametrize("H", [1, 5, 16, 17, 37, 100])
def test_an_enormous_logit_of_any_coordinate(isa, problem, H):
    """Whichever it is, the bound on the norms of O has to know of it: e^311 in the short form is nearly 0."""
    p = problem(70, H, 5)
    for h in range(H):
        I, O = np.zeros_like(p.I), np.zeros_like(p.O)
        I[p.centers, h], O[69, h] = 20, 15.56
        got = p.workspace().gradient(I, O, NO_BIAS, *p.batch)
        assert got[0] == pytest.approx(reference.loss(I, O, p.centers, p.N), rel=1e-6)
        assert np.abs(got[1] - reference.gradient(I, O, p.centers, p.N)[0]).max() < 1e-4


# ---- closed forms ----


@pytest.mark.parametrize("K", [1, 2, 120, 121, 9000])
@pytest.mark.parametrize("zero", ["I", "O"])
def test_zero_gives_ln_K(isa, problem, K, zero):
    p = problem(K, 11, 40)
    getattr(p, zero)[:] = 0
    loss, gI, gO = p.workspace().gradient(p.I, p.O, NO_BIAS, *p.batch)
    assert loss / p.N.sum() == pytest.approx(math.log(K), abs=1e-6)
    assert np.abs(gO if zero == "I" else gI).max() == 0


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("peak", [None, 25.0])
def test_probabilities_sum_to_one(isa, problem, bias, peak):
    """Against logits in float64; large ones are float32 sums themselves, so that NumPy's float32 misses 1 by
    as much.
    """
    p = problem(1003, 31, 50, scale=0.3, bias=bias, peak=peak)
    log_z = np.zeros(len(p.centers))
    p.workspace().loss(p.I, p.O, p.bias, *p.batch, log_z)
    logits = p.I[p.centers].astype(np.float64) @ p.O.astype(np.float64).T + (p.bias if bias else 0.0)
    plain = np.log(
        np.exp((p.I[p.centers] @ p.O.T + (p.bias if bias else 0)).astype(np.float32).astype(np.float64)).sum(
            1
        )
    )
    off, numpys = (np.abs(np.exp(logits - z[:, None]).sum(1) - 1).max() for z in (log_z, plain))
    assert off <= (1e-6 if peak is None else 1e-6 + 2 * numpys)


# ---- memory ----


def bits(*arrays):
    return [np.asarray(a).tobytes() for a in arrays]


def test_rows_outside_the_batch_are_not_read(isa, problem):
    p = problem(400, 9, 20)
    want = bits(*p.workspace().gradient(p.I, p.O, NO_BIAS, *p.batch))
    p.I[np.setdiff1d(np.arange(p.K), p.centers)] = np.nan
    assert bits(*p.workspace().gradient(p.I, p.O, NO_BIAS, *p.batch)) == want


@pytest.mark.parametrize("K", [100, 1000])
def test_used_scratch_changes_nothing(isa, problem, K):
    """A workspace that has seen more rows, more pairs and nothing but NaN gives the bits of a fresh one."""
    large, small = problem(K, 13, 90, peak=30.0), problem(K, 13, 7, bias=True)
    want = bits(*small.workspace().gradient(small.I, small.O, small.bias, *small.batch))
    used = small.workspace(rows=96)
    used.gradient(large.I, large.O, large.bias, *large.batch)
    poison = np.full_like(large.O, np.nan)
    for call in (used.loss, used.gradient):
        with pytest.raises(DivergenceError):
            call(large.I, poison, NO_BIAS, *large.batch)
    assert bits(*used.gradient(small.I, small.O, small.bias, *small.batch)) == want
    assert used.loss(small.I, small.O, small.bias, *small.batch) == small.workspace().loss(
        small.I, small.O, small.bias, *small.batch
    )


def test_control_bits(problem):
    """Poison that is read does show."""
    p = problem(50, 4, 3)
    want = bits(*p.workspace().gradient(p.I, p.O, NO_BIAS, *p.batch))
    p.O[-1, -1] *= np.float32(1.0001)
    assert bits(*p.workspace().gradient(p.I, p.O, NO_BIAS, *p.batch)) != want


def test_empty_batch(isa, problem):
    p = problem(40, 3, 4)
    workspace = p.workspace()
    workspace.gradient(p.I, p.O, NO_BIAS, *p.batch)
    empty = _core.group_pairs(*(np.zeros(0, t) for t in (np.int32, np.int32, np.float32)), p.K)
    loss, gI, gO = workspace.gradient(p.I, p.O, NO_BIAS, *empty)
    assert loss == 0 and gI.shape == (0, 3) and gO.shape == (40, 3) and not gO.any()
    assert workspace.loss(p.I, p.O, NO_BIAS, *empty) == 0


def test_more_than_two_to_the_31_elements():
    """K * H beyond int32: the last row is the one that a short index would miss."""
    K, H = 2**31 // 1024 + 1003, 1024
    try:
        I, O = np.zeros((K, H), np.float32), np.zeros((K, H), np.float32)  # mapped, not yet there
    except MemoryError:
        pytest.skip("17 GB of address space are not to be had")
    assert I.size > 2**31
    I[K - 1], O[K - 1] = 0.5, 15 / 512
    last = np.array([K - 1], np.int32)
    log_z = np.zeros(1)
    loss = _core.Workspace(K, H, 32, 2).loss(
        I, O, NO_BIAS, last, np.array([0, 1]), last, np.ones(1, np.float32), log_z
    )
    assert log_z[0] == pytest.approx(math.log(K - 1 + math.exp(15.0)), rel=1e-7)
    assert loss == pytest.approx(log_z[0] - 15, abs=1e-6)
