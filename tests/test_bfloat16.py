"""The step in bfloat16, where the CPU has it: close to the oracle, the same bits on any number of threads,
refused elsewhere.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import reference

from fastsg import SkipGram, _core
from fastsg.training import calibration

needs_bfloat16 = pytest.mark.skipif(
    "bfloat16" not in _core.available_precisions(), reason="this CPU has neither AMX nor AVX512_BF16"
)
SHAPES = [(507, 123, 5), (1, 1, 1), (3, 1, 2), (96, 32, 64), (97, 33, 65), (9000, 64, 200)]


def relative(value, exact):
    """Largest error, relative to the size of the exact result."""
    return float(np.abs(value - exact).max() / max(np.abs(exact).max(), 1.0))


@pytest.fixture(params=_core.available_bf16() or ["none"])
def half(request):
    """Runs the test once for each bfloat16 kernel set of this machine."""
    if request.param == "none":
        pytest.skip("this CPU has neither AMX nor AVX512_BF16")
    assert _core.select_bf16(request.param) == request.param
    yield request.param
    _core.select_bf16()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [False, True])
def test_gradient_is_that_of_the_oracle_but_for_rounding(half, shape, bias, problem):
    """bfloat16 keeps 8 bits: products of rounded operands are off by some 2^-8, their sums by less."""
    K, H, U = shape
    p = problem(K, H, U, scale=0.3, bias=bias)
    loss, gI, gO = _core.Workspace(K, H, 128, 2, "bfloat16").gradient(p.I, p.O, p.bias, *p.batch)
    exact_I, exact_O = reference.gradient(p.I, p.O, p.batch[0], p.N, p.bias)
    assert relative(gI, exact_I) < 0.01 and relative(gO, exact_O) < 0.01
    assert loss == pytest.approx(reference.loss(p.I, p.O, p.batch[0], p.N, p.bias), rel=2e-3, abs=2e-2)


@needs_bfloat16
def test_control_the_bound_would_catch_a_missing_target(problem):
    p = problem(507, 123, 5, scale=0.3)
    exact_I, _ = reference.gradient(p.I, p.O, p.batch[0], p.N)
    without, _ = reference.gradient(p.I, p.O, p.batch[0], 0.9 * p.N)
    assert relative(without, exact_I) > 0.01


@pytest.mark.parametrize("scale", [0.3, 5.0], ids=["short exp", "careful exp"])
def test_kernel_sets_agree_but_for_rounding(half, scale, problem):
    """Each against the oracle of operands that are rounded already, so that only sums and E are."""
    p = problem(500, 40, 70, scale=scale, bias=True)
    p.I[:], p.O[:] = rounded(p.I), rounded(p.O)
    loss, gI, gO = _core.Workspace(500, 40, 64, 2, "bfloat16").gradient(p.I, p.O, p.bias, *p.batch)
    assert loss == pytest.approx(
        reference.loss(p.I, p.O, p.batch[0], p.N, p.bias), rel=1e-5
    )  # products of rounded operands are exact
    exact_I, exact_O = reference.gradient(p.I, p.O, p.batch[0], p.N, p.bias)
    assert relative(gI, exact_I) < 0.01 and relative(gO, exact_O) < 0.01


@pytest.mark.parametrize("H", [1, 2, 3, 4, 5, 20, 33, 50, 100, 116, 123])
def test_last_columns_are_those_of_a_wider_model(half, H, problem):
    """Columns that are zero change nothing but the order of some sums: the last few columns have ways of
    their own in the kernels. In blocks of one panel and of several, whole and not, one block and more.
    """
    for K, U, rows in ((205, 150, 64), (391, 200, 256), (391, 200, 128), (5, 1, 64)):
        p = problem(K, H, U, scale=0.5, bias=True)
        wider = [np.pad(matrix, ((0, 0), (0, -H % 16 or 16))) for matrix in (p.I, p.O)]
        loss, gI, gO = _core.Workspace(K, H, rows, 2, "bfloat16").gradient(p.I, p.O, p.bias, *p.batch)
        other = _core.Workspace(K, wider[0].shape[1], rows, 2, "bfloat16").gradient(*wider, p.bias, *p.batch)
        assert loss == pytest.approx(other[0], rel=1e-12)
        for ours, wide in zip((gI, gO), other[1:], strict=True):
            assert relative(ours, wide[:, :H].astype(np.float64)) < 2e-6 and not wide[:, H:].any()


@pytest.mark.parametrize("H", [3, 33, 100, 130, 40, 48])
@pytest.mark.parametrize(("rows", "U"), [(64, 150), (256, 130), (128, 128)])
def test_steps_follow_the_gradient(half, H, rows, U, problem):
    """O moves by its gradient, also in a workspace that is used again; the same bits on any threads."""
    p = problem(6200, H, U, scale=0.3, bias=True)
    found = set()
    for threads in (1, 2, 3, 16):
        I, O = p.copy()
        workspace, shift = _core.Workspace(p.K, H, rows, threads, "bfloat16"), np.zeros(p.K, np.float32)
        for _ in range(3):
            before, fresh = O.copy(), _core.Workspace(p.K, H, rows, 1, "bfloat16")
            gO = fresh.gradient(I, O, p.bias, *p.batch)[2]
            workspace.step(I, O, p.bias, *p.batch, shift, 0.1)
            assert relative(before - O, 0.1 * gO.astype(np.float64)) < 1e-3
        found.add((I.tobytes(), O.tobytes()))
    assert len(found) == 1


def rounded(x):
    """To the nearest bfloat16."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def test_E_past_the_caches_is_E(half, problem):
    """More than 2^22 values of E are written past the caches: the loss is the sum of its parts, the gradient
    that of the oracle.
    """
    p = problem(5000, 8, 900, scale=0.2, pairs=2000)
    assert p.K * len(p.centers) > 1 << 22
    loss, gI, gO = _core.Workspace(5000, 8, 1024, 2, "bfloat16").gradient(p.I, p.O, p.bias, *p.batch)
    parts = _core.Workspace(5000, 8, 64, 2, "bfloat16").gradient(p.I, p.O, p.bias, *p.batch)
    assert loss == pytest.approx(parts[0], rel=1e-9) and gI.tobytes() == parts[1].tobytes()
    assert relative(gO, parts[2].astype(np.float64)) < 1e-4


def test_select_bf16_refuses():
    allowed = ", ".join(_core.available_bf16()) or "none"
    for name in ("tpu", "avx2", ""):
        with pytest.raises(
            ValueError, match=f"bfloat16 kernel set is '{name}'; this build and CPU allow {allowed}"
        ):
            _core.select_bf16(name)
    assert _core.select_bf16() == (_core.available_bf16() or [None])[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "sgd", "optimizer": "adagrad"},
        {"solver": "sgd", "optimizer": "sgd"},
        {"solver": "counts", "batch_size": 300},
    ],
    ids=["adagrad", "sgd", "counts"],
)
def test_same_bits_on_any_number_of_threads(half, settings):
    rng = np.random.default_rng(3)
    sentences = [[f"w{i}" for i in rng.zipf(1.3, 30) if i < 3000] for _ in range(300)]
    common = {"vector_size": 20, "min_count": 1, "epochs": 2, "batch_size": 2048, "precision": "bfloat16"}
    models = [SkipGram(sentences, **common | settings, workers=workers) for workers in (1, 2, 3, 7)]
    for other in models[1:]:
        assert other.I.tobytes() == models[0].I.tobytes() and other.O.tobytes() == models[0].O.tobytes()
        assert [epoch["nll"] for epoch in other.history] == [epoch["nll"] for epoch in models[0].history]


def test_loss_is_always_in_float32(half, problem):
    p = problem(500, 40, 50)
    exact = reference.loss(p.I, p.O, p.batch[0], p.N)
    assert _core.Workspace(500, 40, 64, 2, "bfloat16").loss(p.I, p.O, p.bias, *p.batch) == pytest.approx(
        exact, rel=1e-6
    )


def test_logits_out_of_range_take_their_true_maximum(half, problem):
    p = problem(300, 16, 20, scale=4.0)
    p.O[7] = 40.0
    loss, gI, gO = _core.Workspace(300, 16, 64, 2, "bfloat16").gradient(p.I, p.O, p.bias, *p.batch)
    assert np.isfinite(loss) and np.isfinite(gI).all() and np.isfinite(gO).all()


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_training_ends_at_the_same_held_out_loss(half, solver):
    rng = np.random.default_rng(5)
    topics = [[f"t{t}w{i}" for i in range(60)] for t in range(8)]
    sentences = [list(rng.choice(topics[rng.integers(8)], 12)) for _ in range(3000)]
    losses = [
        SkipGram(
            sentences[300:],
            vector_size=30,
            min_count=1,
            epochs=4,
            sample=0,
            validation=sentences[:300],
            progress=False,
            precision=precision,
            solver=solver,
        ).history[-1]["valid_nll"]
        for precision in ("float32", "bfloat16")
    ]
    assert abs(losses[0] - losses[1]) < 0.005


def test_refused_where_the_cpu_lacks_it(monkeypatch):
    monkeypatch.setattr(_core, "available_precisions", lambda: ["float32"])
    with pytest.raises(ValueError, match=r"precision is 'bfloat16'; allowed are 'float32'.*AMX"):
        SkipGram(precision="bfloat16")
    with pytest.raises(ValueError, match="precision is 'float16'"):
        SkipGram(precision="float16")


@needs_bfloat16
@pytest.mark.parametrize("gain, told", [(0.5, True), (2.0, False)])
def test_who_asks_for_what_is_slower_here_is_told(gain, told, monkeypatch, caplog):
    """AVX512_BF16 of Intel's CPUs has half the rate of float32, and virtual machines may hide their AMX."""
    monkeypatch.setattr("fastsg.training.loop.bfloat16_gain", lambda: gain)
    sentences = [["a", "b", "c"]] * 10
    SkipGram(sentences, vector_size=4, min_count=1, epochs=1, progress=False)
    assert not caplog.records
    SkipGram(sentences, vector_size=4, min_count=1, epochs=1, progress=False, precision="bfloat16")
    message = "precision is bfloat16, in which this CPU multiplies at 0.5 times the rate of float32: "
    assert [record.message.startswith(message) for record in caplog.records] == [True] * told


@needs_bfloat16
def test_the_gain_is_that_of_the_best_trials(monkeypatch):
    """A trial that others disturbed is not the CPU's rate."""
    seconds = {"float32": iter([9.0, 1.0, 2.0, 9.0, 9.0]), "bfloat16": iter([4.0, 4.0, 0.5, 9.0, 4.0])}
    clock = [0.0]

    def rounds(n, threads, precision):
        clock[0] += next(seconds[precision])
        return 2 * n

    monkeypatch.setattr(calibration._core, "fma_rounds", rounds)
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    assert calibration.bfloat16_gain() == 2.0
    monkeypatch.undo()
    assert 0.2 < calibration.bfloat16_gain() < 20


@pytest.mark.parametrize("H", [1, 16, 33, 100])
def test_O_is_rounded_to_nearest_ties_to_even(half, H, problem):
    """O that is rounded already gives the same bits; truncation would be within the bounds of the oracle."""
    p = problem(205, H, 70, scale=0.3, bias=True)
    p.O[::3, 0], p.O[1::3, 0] = 1 + 2**-8, 1 + 3 * 2**-8  # halfway between neighbours: down, up
    workspace = _core.Workspace(p.K, H, 64, 2, "bfloat16")
    found, wanted = (workspace.gradient(p.I, O, p.bias, *p.batch) for O in (p.O, rounded(p.O)))
    assert not np.array_equal(p.O, rounded(p.O))
    assert found[0] == wanted[0]
    for ours, others in zip(found[1:], wanted[1:], strict=True):
        assert ours.tobytes() == others.tobytes()
