"""The training loop: start, books of an epoch, rates, divergence, and that it reaches what can be computed by
other means.
"""

import io
import math

import numpy as np
import pytest
import reference

from fastsg import DivergenceError, SkipGram, streams
from fastsg.cooccurrence.window import Window
from fastsg.numerics import objective
from fastsg.numerics.newton import Curvature
from fastsg.system.progress import progress_bar
from fastsg.training.batch_sources import TextSource
from fastsg.training.epoch import Stepper, train_epoch
from fastsg.training.stages import Stage
from fastsg.training.state import TrainingState
from fastsg.training.totals import EpochTotals

NO_BIAS = np.zeros(0, np.float32)
ALL = Stage.of_all_rows(60, True)


def source(rng, K=60, n=900, batch_size=100, window=3):
    tokens = rng.integers(0, K, n).astype(np.int32)
    return TextSource(
        tokens, np.arange(0, n + 1, 30), Window.parse(window, True), None, np.ones(K), batch_size, 1
    )


def run(state, batches, rate=lambda walked: 0.05, K=60, H=7):
    stepper = Stepper(state, NO_BIAS, objective.make_workspace(K, H, 2))
    with progress_bar(1, "", False) as bar:
        return train_epoch(stepper, batches, rate, bar)


# ---- start -------------------------------------------------------------------------------------------------


def test_start():
    """I uniform on [-1/2H, 1/2H), from the seed and nothing else; O is zero."""
    state = TrainingState.start(500, 8, "adagrad", 3)
    assert (
        state.I.dtype == state.O.dtype == np.float32
        and state.I.shape == state.O.shape == (500, 8)
        and not state.O.any()
    )
    assert (
        -1 / 16 <= state.I.min() < -0.99 / 16
        and 0.99 / 16 < state.I.max() < 1 / 16
        and abs(state.I.mean()) < 2e-3
    )
    assert abs(state.I.var() - (1 / 8) ** 2 / 12) < 2e-4
    assert (TrainingState.start(500, 8, "sgd", 3).I == state.I).all() and (
        TrainingState.start(500, 8, "sgd", 4).I != state.I
    ).any()
    assert (TrainingState.start(400, 8, "sgd", 3).I == state.I[:400]).all()
    word = reference.random_word(3, streams.UNIFORM_START, 4000 - 1)
    assert state.I[-1, -1] == np.float32(((word >> 8) * 2.0**-24 - 0.5) / 8)


# ---- an epoch and its books --------------------------------------------------------------------------------


def test_books_of_an_epoch(rng):
    text = source(rng)
    state = TrainingState.start(60, 7, "sgd", 1)
    twin_I, twin_O = state.I.astype(np.float64), state.O.astype(np.float64)
    loss = weight = rows = 0.0
    contexts = np.zeros(60)
    for _, counts in text.batches(0, ALL)[1]:  # the same in float64
        N = reference.dense_counts(counts.row_ptr, counts.contexts, counts.counts, 60)
        loss += reference.loss(twin_I, twin_O, counts.centers, N)
        gI, gO = reference.gradient(twin_I, twin_O, counts.centers, N)
        twin_I[counts.centers] -= 0.05 * gI
        twin_O -= 0.05 * gO
        weight, rows, contexts = weight + N.sum(), rows + len(counts.centers), contexts + N.sum(0)
    totals = run(state, text.batches(0, ALL)[1])
    assert totals.loss == pytest.approx(loss, rel=1e-5) and totals.pairs == pytest.approx(weight, rel=1e-6)
    assert totals.nll == pytest.approx(loss / weight, rel=1e-5) and totals.softmax_rows == rows
    assert totals.unigram_nll == pytest.approx(
        -(contexts / weight * np.log(contexts / weight)).sum(), rel=1e-6
    )
    np.testing.assert_allclose(state.I, twin_I, atol=1e-4 * np.abs(twin_I).max())
    np.testing.assert_allclose(state.O, twin_O, atol=1e-4 * np.abs(twin_O).max())
    assert state.step == totals.steps == totals.batches == 9 and totals.walked == 900
    assert totals.whole and state.begun is totals
    assert totals.seconds > totals.count_seconds > 0


def test_record():
    record = EpochTotals(
        loss=20.0, pairs=10.0, softmax_rows=4, seconds=2.0, unigram_nll=3.0, alpha=0.1
    ).record()
    assert (
        record["nll"] == 2
        and record["perplexity"] == pytest.approx(math.exp(2))
        and record["pairs_per_second"] == 5
    )
    assert (
        record["valid_nll"] is record["valid_perplexity"] is None
        and record["unigram_nll"] == 3
        and record["alpha"] == 0.1
    )
    assert math.isnan(EpochTotals().nll)
    assert math.isfinite(EpochTotals(loss=1e9, pairs=1.0).record()["perplexity"])


def test_rates_are_asked_at_the_start_of_each_batch(rng):
    asked = []
    totals = run(
        TrainingState.start(60, 7, "adagrad", 1),
        source(rng).batches(0, ALL)[1],
        lambda walked: asked.append(walked) or 0.1 / (1 + walked),
    )
    assert asked == list(range(0, 900, 100))
    assert totals.alpha == pytest.approx(0.1 / 801)


def test_batches_without_pairs_are_walked_past():
    tokens = np.int32([0, 1, 2, 3, 4, 5])
    lonely = TextSource(tokens, np.int64([0, 1, 2, 3, 6]), Window.parse(2, False), None, np.ones(6), 1, 1)
    state = TrainingState.start(6, 3, "sgd", 1)
    totals = run(state, lonely.batches(0, ALL)[1], K=6, H=3)
    assert totals.pairs == 6 and state.step == 3
    none = TextSource(tokens, np.arange(7), Window.parse(2, False), None, np.ones(6), 4, 1)
    totals = run(state, none.batches(0, ALL)[1], K=6, H=3)
    assert totals.pairs == 0 and math.isnan(totals.nll) and state.step == 3


def test_linear_rate_over_the_whole_training():
    model = SkipGram(
        [[f"w{i}" for i in range(50)]] * 10,
        vector_size=3,
        min_count=1,
        epochs=4,
        batch_size=100,
        alpha=0.4,
        min_alpha=0.04,
        sample=0,
        progress=False,
        solver="sgd",
    )
    ends = [
        record["alpha"] for record in model.history
    ]  # of each epoch's last batch, 100 of 500 centers before its end
    assert ends == pytest.approx([0.4 - 0.36 * (epoch + 0.8) / 4 for epoch in range(4)])
    rows = SkipGram(
        [[f"w{i}" for i in range(50)]] * 10,
        vector_size=3,
        min_count=1,
        epochs=4,
        batch_size=10,
        alpha=0.4,
        min_alpha=0.04,
        sample=0,
        progress=False,
        solver="counts",
    )
    assert [record["alpha"] for record in rows.history] == pytest.approx(ends)  # 10 of 50 rows before the end
    constant = SkipGram(
        [["a", "b"]] * 10,
        min_count=1,
        vector_size=3,
        epochs=2,
        alpha=0.3,
        lr_schedule="constant",
        sample=0,
        progress=False,
    )
    assert [record["alpha"] for record in constant.history] == [0.3, 0.3]


def test_newton_moves_by_the_rates_part_of_alpha(rng):
    """The rate as it falls, over alpha, is the length of a Newton step; O moves at the rate itself."""
    moved = {}
    for rate, alpha in ((0.05, 0.05), (0.05, 0.1), (0.1, 0.1)):
        state = TrainingState.start(60, 7, "newton", 1)
        state.O[:] = np.random.default_rng(0).standard_normal((60, 7)).astype(np.float32) / 3
        I, O = state.I.copy(), state.O.copy()
        stepper = Stepper(
            state, NO_BIAS, objective.make_workspace(60, 7, 2), Curvature(np.ones(60), 2), alpha
        )
        batches = source(np.random.default_rng(0), batch_size=10_000).batches(0, ALL)[1]
        with progress_bar(1, "", False) as bar:
            train_epoch(stepper, batches, lambda walked, rate=rate: rate, bar)
        moved[rate, alpha] = state.I - I, state.O - O
    np.testing.assert_allclose(moved[0.05, 0.1][0], moved[0.1, 0.1][0] / 2, atol=1e-6)
    np.testing.assert_allclose(moved[0.05, 0.05][0], moved[0.1, 0.1][0], atol=1e-6)
    np.testing.assert_allclose(moved[0.05, 0.1][1], moved[0.1, 0.1][1] / 2, atol=1e-6)
    assert np.abs(moved[0.1, 0.1][0]).max() > 0.05


# ---- divergence --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("seed", range(10))
def test_divergence_names_the_step_and_leaves_the_last_finite_state(rng, optimizer, seed):
    text = source(np.random.default_rng(seed))
    state = TrainingState.start(60, 7, optimizer, seed)
    run(state, text.batches(0, ALL)[1])
    state.epoch = 1  # as whoever closes the books counts it
    seen = []

    def rate(walked):
        seen.append((state.I.tobytes(), state.O.tobytes(), state.step))
        return 1e30 if walked >= 300 else 0.05

    with pytest.raises(
        DivergenceError, match=r"training diverged at step \d+ \(epoch 2, rate 1e\+30\)"
    ) as error:
        run(state, text.batches(1, ALL)[1], rate)
    assert f"step {state.step + 1} " in str(error.value) and "try a smaller alpha" in str(error.value)
    assert (state.I.tobytes(), state.O.tobytes(), state.step) == seen[-1]
    assert np.isfinite(state.I).all() and np.isfinite(state.O).all() and state.epoch == 1
    assert 12 <= state.step <= 14  # at once, or after the first step that is still finite


@pytest.mark.parametrize("optimizer", ["adagrad", "newton"])
@pytest.mark.parametrize("where", ["I", "O"])
@pytest.mark.parametrize("value", [np.nan, 1e38])
def test_planted_values_diverge_at_the_first_step(rng, where, value, optimizer):
    """Also where a callback planted them between two epochs, with the workspace in use."""
    text, state, workspace = (
        source(rng),
        TrainingState.start(60, 7, optimizer, 1),
        objective.make_workspace(60, 7, 2),
    )
    curvature = Curvature(np.ones(60), 2) if optimizer == "newton" else None
    with progress_bar(1, "", False) as bar:
        train_epoch(
            Stepper(state, NO_BIAS, workspace, curvature), text.batches(0, ALL)[1], lambda walked: 0.05, bar
        )
        getattr(state, where)[7, 3] = value
        before = (
            state.I.tobytes(),
            state.O.tobytes(),
            state.optimizer.sums_I.tobytes(),
            state.optimizer.sums_O.tobytes(),
        )
        with pytest.raises(DivergenceError, match="diverged at step 10 "):
            stepper = Stepper(state, NO_BIAS, workspace, curvature)
            train_epoch(stepper, text.batches(1, ALL)[1], lambda walked: 0.05, bar)
    assert (
        state.I.tobytes(),
        state.O.tobytes(),
        state.optimizer.sums_I.tobytes(),
        state.optimizer.sums_O.tobytes(),
    ) == before


# ---- what it must reach ------------------------------------------------------------------------------------


def conditional_entropy(N):
    p = N / N.sum()
    given = N / N.sum(1, keepdims=True)
    return float(-(p[N > 0] * np.log(given[N > 0])).sum())


@pytest.mark.parametrize(
    "solver, optimizer, alpha, output_bias",
    [
        ("sgd", "adagrad", 1.0, None),
        ("sgd", "sgd", 0.02, "unigram"),
        ("sgd", "newton", 0.5, None),
        ("counts", "adagrad", 1.0, "unigram"),
        ("counts", "sgd", 0.02, None),
        ("counts", "newton", 0.5, "unigram"),
    ],
)
def test_four_words_reach_their_conditional_entropy(solver, optimizer, alpha, output_bias):
    """With H >= K the model can hold any table; no loss can fall below the table's own conditional
    entropy.
    """
    N = np.float32([[5, 1, 2, 2], [1, 6, 1, 2], [2, 1, 3, 4], [3, 3, 3, 1]])
    words = np.array(["a", "b", "c", "d"])
    m, n = (x.ravel() for x in np.indices((4, 4)))
    model = SkipGram(
        vector_size=6,
        min_count=1,
        optimizer=optimizer,
        alpha=alpha,
        output_bias=output_bias,
        epochs=1000,
        batch_size=16,
        sample=0,
        lr_schedule="constant",
        progress=False,
        solver=solver,
    )
    model.fit_pairs(words[m], words[n], N.ravel())
    floor = conditional_entropy(N)
    assert -1e-6 <= model.history[-1]["nll"] - floor < 1e-3
    assert min(record["nll"] for record in model.history) >= floor - 1e-6
    order = [model.vocab[word] for word in words]
    np.testing.assert_allclose(
        model.predict_proba(list(words))[:, order], N / N.sum(1, keepdims=True), atol=0.03
    )


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_text_reaches_its_conditional_entropy(solver):
    sentences = [["a", "b"], ["a", "c"], ["b", "c"], ["b", "c"], ["c", "d", "d"], ["d", "a", "b"]] * 5
    model = SkipGram(
        sentences,
        vector_size=5,
        window=1,
        min_count=1,
        alpha=0.5,
        lr_schedule="constant",
        epochs=1000,
        sample=0,
        progress=False,
        solver=solver,
        prior=0,
    )
    ids = [[model.vocab[word] for word in sentence] for sentence in sentences]
    N = np.zeros((4, 4))
    for (m, n), weight in reference.window_pairs(ids, 1, 1).items():
        N[m, n] = weight
    assert 0 <= model.history[-1]["nll"] - conditional_entropy(N) + 1e-6 < 1e-3


def test_one_batch_is_one_full_gradient_step(rng):
    """An epoch in one batch moves by the gradient of the whole text's loss."""
    text = source(rng, batch_size=10_000)
    counts = next(text.batches(0, ALL)[1])[1]
    state = TrainingState.start(60, 7, "sgd", 1)
    state.O[:] = rng.standard_normal((60, 7)).astype(np.float32) / 3
    I, O = state.I.copy(), state.O.copy()
    totals = run(state, text.batches(0, ALL)[1], lambda walked: 0.01)
    loss, gI, gO = objective.make_workspace(60, 7, 1).gradient(I, O, NO_BIAS, *counts)
    assert totals.loss == pytest.approx(loss, rel=1e-9)
    I[counts.centers] -= np.float32(0.01) * gI
    np.testing.assert_allclose(state.I, I, atol=1e-6)
    np.testing.assert_allclose(state.O, O - np.float32(0.01) * gO, atol=1e-6)


# ---- progress ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_progress_bar_shows_loss_rate_and_speed(monkeypatch, solver):
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    SkipGram(
        [["a", "b", "c"]] * 20,
        min_count=1,
        vector_size=3,
        epochs=2,
        batch_size=10,
        sample=0,
        progress=True,
        solver=solver,
    )
    text = shown.getvalue()
    assert "epoch 1/2" in text and "epoch 2/2" in text and "100%" in text
    assert "loss " in text and "rate " in text and "pairs/s" in text


def test_progress_is_silent_without_a_terminal(capsys):
    for progress in (False, None):
        SkipGram([["a", "b", "c"]] * 20, min_count=1, vector_size=3, epochs=1, sample=0, progress=progress)
    assert capsys.readouterr() == ("", "")
    assert progress_bar(5, "", None).disable and not progress_bar(5, "", True).disable
