"""At the end of a training the rows of I lose their mean, and no probability changes."""

import numpy as np
import pytest

from fastsg import Callback, EarlyStopping, FormatError, KeyedVectors, SkipGram
from fastsg.io.model_file import read_model_file, save_model_file

SMALL = {"vector_size": 6, "min_count": 1, "window": 2, "sample": 0.05, "progress": False}


def sentences(seed=1, n=150):
    rng = np.random.default_rng(seed)
    return [[f"w{i}" for i in rng.zipf(1.4, 12) % 40] for _ in range(n)]


def trained(**options):
    return SkipGram(sentences(), **(SMALL | options))


def weighted_mean(model):
    """In float64."""
    weights = np.sqrt(np.array(model.vocab.counts, float))
    return weights @ model.I.astype(float) / weights.sum()


def float64_probabilities(model, I):
    """From the definition: rows of I as training left them, b_n, and the correction for subsampling."""
    training = model._training
    logits = I.astype(float) @ model.O.astype(float).T + training.bias
    if training.keep is not None:
        logits -= np.log(training.keep)
    P = np.exp(logits - logits.max(1, keepdims=True))
    return P / P.sum(1, keepdims=True)


class Uncentered:
    """Keeps I of the end of the last epoch's steps."""

    def __init__(self, monkeypatch):
        from fastsg.training.state import Training

        center = Training.center

        def noting(training):
            self.I = training.state.I.copy()
            center(training)

        monkeypatch.setattr(Training, "center", noting)


@pytest.mark.parametrize("sample", [0, 0.05])
def test_the_mean_is_gone_and_no_probability_has_changed(monkeypatch, sample):
    before = Uncentered(monkeypatch)
    model = trained(sample=sample, validation=sentences(2))
    assert np.abs(weighted_mean(model)).max() < 1e-6 < np.abs(model.state.origin).max()
    np.testing.assert_allclose(model.I + model.state.origin, before.I, atol=1e-6)
    want = float64_probabilities(model, before.I)
    np.testing.assert_allclose(model.predict_proba(model.vocab.words), want, rtol=2e-5)
    pairs = [("w1", "w2"), ("w7", "w1")]
    found = model.log_prob(*zip(*pairs))
    index = model.vocab.index
    np.testing.assert_allclose(found, [np.log(want[index[m], index[n]]) for m, n in pairs], atol=2e-5)
    assert model.history[-1]["valid_nll"] == pytest.approx(model.nll(model.validation).nll, abs=1e-12)


def test_vectors_are_the_rows_of_I():
    model = trained()
    assert np.shares_memory(model.wv.vectors, model.I) and model.state.origin is not None


@pytest.mark.parametrize(
    "options",
    [
        {"output_bias": None},  # nothing could take it up
        {"init": KeyedVectors(["w1", "w2"], np.eye(2, 6, dtype=np.float32))},  # whose space is theirs
        {"solver": "sgd", "optimizer": "adagrad"},
        {"vector_size": 64},  # more coordinates than words
    ],
)
def test_where_rows_stay(options):
    origin = trained(**options).state.origin
    assert origin is None or not origin.any()


def test_an_interrupted_training_is_not_at_its_end(tmp_path):
    class Stop(Callback):
        def on_epoch_end(self, model):
            if len(model.history) == 2:
                raise KeyboardInterrupt

    model = SkipGram(**SMALL)
    model.build_vocab(sentences())
    with pytest.raises(KeyboardInterrupt):
        model.train(callbacks=[Stop()])
    assert model.state.origin is None
    model.train(resume=True)
    whole = trained()
    assert np.array_equal(model.I, whole.I) and np.array_equal(model.state.origin, whole.state.origin)


def test_files_keep_it(tmp_path):
    model = trained()
    model.save(tmp_path / "m")
    loaded = SkipGram.load(tmp_path / "m")
    assert np.array_equal(loaded.state.origin, model.state.origin)
    assert np.array_equal(loaded.predict_proba(["w1"]), model.predict_proba(["w1"]))
    content = read_model_file(tmp_path / "m")
    for origin, message in (
        (np.zeros(5, np.float32), "origin has shape"),
        (np.full(6, np.nan), "origin holds"),
    ):
        content.arrays["origin"] = origin.astype(np.float32)
        save_model_file(tmp_path / "bad", content)
        with pytest.raises(FormatError, match=message):
            SkipGram.load(tmp_path / "bad")


def test_early_stopping_puts_back_a_centered_state(monkeypatch):
    model = trained(epochs=30, alpha=1.0, validation=sentences(2, 40), callbacks=[EarlyStopping(patience=3)])
    best = model.history[model.restored_epoch - 1]["valid_nll"]
    assert model.restored_epoch < len(model.history) and np.abs(weighted_mean(model)).max() < 1e-6
    assert model.nll(model.validation).nll == pytest.approx(best, abs=1e-5)


def test_a_best_epoch_before_the_last_of_the_plan():
    """The last one centers I; the state put back had not been."""
    model = trained(epochs=30, alpha=1.0, validation=sentences(2, 40), callbacks=[EarlyStopping(patience=99)])
    assert model.restored_epoch < len(model.history) == 30
    best = model.history[model.restored_epoch - 1]["valid_nll"]
    assert model.nll(model.validation).nll == pytest.approx(best, abs=1e-5)


def test_more_training_starts_from_the_same_model(monkeypatch):
    """Rows that go on have their mean again: an epoch's first loss is that of the probabilities before it."""
    before = Uncentered(monkeypatch)
    model = trained()
    end = before.I
    seen: dict[str, np.ndarray] = {}

    class Begin(Callback):
        def on_epoch_begin(self, model):
            seen.setdefault("I", model.I.copy())

    model.train(epochs=1, callbacks=[Begin()])
    np.testing.assert_allclose(seen["I"], end, atol=1e-6)
    assert model.state.origin is not None and np.abs(weighted_mean(model)).max() < 1e-6


def test_a_grown_vocabulary_keeps_its_vectors_until_it_is_trained():
    model = trained()
    words, rows, origin = model.vocab.words, model.I.copy(), model.state.origin
    model.build_vocab([["w1", "new", "w2"]] * 20, update=True)
    assert "new" in model.vocab.words and np.array_equal(model.state.origin, origin)
    assert np.array_equal(model.I[[model.vocab.index[word] for word in words]], rows)
    uncentered = model.state.uncentered()[model.vocab.index["new"]]
    assert np.abs(uncentered).max() < 0.51 / 6  # a row as it starts


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_no_bit(threads):
    assert np.array_equal(trained(workers=threads).I, trained(workers=2).I)
