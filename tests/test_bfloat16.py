"""The step in bfloat16, where the CPU has it: close to the oracle, the same bits on any number of threads, refused elsewhere."""

import numpy as np
import pytest
import reference

from fastsg import SkipGram, _core

needs_bfloat16 = pytest.mark.skipif("bfloat16" not in _core.available_precisions(), reason="this CPU has no AMX")
SHAPES = [(507, 123, 5), (1, 1, 1), (3, 1, 2), (96, 32, 64), (97, 33, 65), (9000, 64, 200)]


def relative(value, exact):
    """Largest error, relative to the size of the exact result."""
    return float(np.abs(value - exact).max() / max(np.abs(exact).max(), 1.0))


@needs_bfloat16
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [False, True])
def test_gradient_is_that_of_the_oracle_but_for_rounding(shape, bias, problem):
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


@needs_bfloat16
@pytest.mark.parametrize("optimizer", ["adagrad", "sgd"])
def test_same_bits_on_any_number_of_threads(optimizer):
    rng = np.random.default_rng(3)
    sentences = [[f"w{i}" for i in rng.zipf(1.3, 30) if i < 3000] for _ in range(300)]
    models = [SkipGram(sentences, vector_size=20, min_count=1, epochs=2, batch_size=2048, precision="bfloat16", optimizer=optimizer,
                       workers=workers) for workers in (1, 2, 3, 7)]
    for other in models[1:]:
        assert other.I.tobytes() == models[0].I.tobytes() and other.O.tobytes() == models[0].O.tobytes()
        assert [epoch["nll"] for epoch in other.history] == [epoch["nll"] for epoch in models[0].history]


@needs_bfloat16
def test_loss_is_always_in_float32(problem):
    p = problem(500, 40, 50)
    exact = reference.loss(p.I, p.O, p.batch[0], p.N)
    assert _core.Workspace(500, 40, 64, 2, "bfloat16").loss(p.I, p.O, p.bias, *p.batch) == pytest.approx(exact, rel=1e-6)


@needs_bfloat16
def test_logits_out_of_range_take_their_true_maximum(problem):
    p = problem(300, 16, 20, scale=4.0)
    p.O[7] = 40.0
    loss, gI, gO = _core.Workspace(300, 16, 64, 2, "bfloat16").gradient(p.I, p.O, p.bias, *p.batch)
    assert np.isfinite(loss) and np.isfinite(gI).all() and np.isfinite(gO).all()


@needs_bfloat16
def test_training_ends_at_the_same_held_out_loss():
    rng = np.random.default_rng(5)
    topics = [[f"t{t}w{i}" for i in range(60)] for t in range(8)]
    sentences = [list(rng.choice(topics[rng.integers(8)], 12)) for _ in range(3000)]
    losses = [SkipGram(sentences[300:], vector_size=30, min_count=1, epochs=4, sample=0, validation=sentences[:300], progress=False,
                       precision=precision).history[-1]["valid_nll"] for precision in ("float32", "bfloat16")]
    assert abs(losses[0] - losses[1]) < 0.005


def test_refused_where_the_cpu_lacks_it(monkeypatch):
    monkeypatch.setattr(_core, "available_precisions", lambda: ["float32"])
    with pytest.raises(ValueError, match="precision is 'bfloat16'; allowed are 'float32'.*AMX"):
        SkipGram(precision="bfloat16")
    with pytest.raises(ValueError, match="precision is 'float16'"):
        SkipGram(precision="float16")
