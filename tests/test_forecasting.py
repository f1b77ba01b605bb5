"""What a training will take: operations to the per cent, memory as the training's own estimate."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from golden import sentences

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram, Vocab, _core
from fastsg.model import forecast
from fastsg.model.forecasting import writing
from fastsg.numerics import initializers
from fastsg.numerics.objective import block_rows
from fastsg.training import calibration, foreseen_counts, start_trials
from fastsg.training.epoch import train_epoch
from fastsg.training.stages import Stage


@pytest.fixture(scope="module")
def corpus():
    return EncodedCorpus.from_iter(sentences(3, 2000), min_count=1)


def done_flops(model):
    """Operations of the softmax rows that were really worked off."""
    H = model.settings.vector_size
    return sum(6.0 * epoch["softmax_rows"] * epoch["words"] * H for epoch in model.history)


@pytest.mark.parametrize(
    "options, error",
    [
        ({}, 0.02),
        ({"head": 0.5, "epochs": 4}, 0.03),
        ({"sample": 0, "batch_size": 50}, 0.02),
        ({"solver": "sgd", "batch_size": 512}, 0.1),
        ({"solver": "sgd", "sample": 0}, 0.1),
    ],
)
def test_operations(corpus, options, error):
    model = SkipGram(corpus, vector_size=16, **({"epochs": 3} | options))
    seen = forecast(model.settings, corpus.vocab, corpus=corpus, workers=model.workers)
    assert seen.flops == pytest.approx(done_flops(model), rel=error)
    assert (seen.words, seen.tokens) == (len(corpus.vocab), corpus.n_tokens)
    of_counts = {"counts": 0, "pairs": 0, "total": 0} if model.settings.solver == "counts" else {}
    assert {**seen.memory, **of_counts} == {**model.estimate_memory(), **of_counts}
    assert list(seen.seconds) == ["read", "count", "init", "train", "save", "total"]
    assert all(value >= 0 for value in seen.seconds.values()) and seen.flops_per_second > 0
    assert seen.seconds["total"] == pytest.approx(sum(seen.seconds.values()) / 2)
    passes = sum(epoch["words"] * epoch["centers"] / seen.words**2 for epoch in model.history)
    assert seen.passes == pytest.approx(passes)


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_without_a_text(corpus, solver):
    """The vocabulary tells nearly as much."""
    settings = SkipGram(vector_size=16, solver=solver, window=3).settings
    known = forecast(settings, corpus.vocab, corpus=corpus, workers=1)
    guessed = forecast(settings, corpus.vocab, workers=1)
    assert guessed.flops == pytest.approx(known.flops, rel=0.25) and guessed.tokens == known.tokens
    assert guessed.memory["matrices"] == known.memory["matrices"]


def test_counts_need_no_counting(corpus):
    counts = CooccurrenceCounts.for_training(corpus, sample=0.01)
    settings = SkipGram(vector_size=16).settings
    seen = forecast(settings, counts.vocab, counts=counts, workers=1)
    assert foreseen_counts.known_counts(counts).seconds == 0
    assert seen.entries == {"text": counts.nnz, "thinned": counts.start.nnz}
    both = counts.nnz + counts.start.nnz
    start = 8 * counts.start.nnz + 3.5 * seen.memory["matrices"]
    assert 8 * both <= seen.memory["counts"] <= 8 * both + start


def test_the_text_and_the_seed_of_others_are_left_alone(corpus):
    np.random.seed(5)
    before = corpus.tokens.copy(), np.random.get_state()[1].copy()
    forecast(SkipGram(vector_size=8).settings, corpus.vocab, corpus=corpus, workers=1)
    forecast(SkipGram(vector_size=8).settings, corpus.vocab, workers=1)
    assert np.array_equal(corpus.tokens, before[0]) and np.array_equal(np.random.get_state()[1], before[1])


def test_entries_of_a_large_text_follow_from_its_parts(monkeypatch):
    """A text of which a sixteenth and a quarter are counted, against its counts."""
    monkeypatch.setattr(foreseen_counts, "_LEAST", 0)
    ids = np.minimum(np.random.default_rng(0).zipf(1.3, 200_000), 3000)
    text = EncodedCorpus.from_iter(np.array_split(ids, 5000), min_count=1)
    settings = SkipGram(vector_size=8, sample=1e-3).settings
    seen = forecast(settings, text.vocab, corpus=text, workers=1)
    counts = CooccurrenceCounts.for_training(text, sample=1e-3)
    assert seen.entries["text"] == pytest.approx(counts.nnz, rel=0.05)
    assert seen.entries["thinned"] == pytest.approx(counts.start.nnz, rel=0.08)
    part = foreseen_counts.foresee_counts(settings, text, text.n_tokens, 1).part
    assert part.nnz < 0.7 * counts.nnz  # control: it is not the text that was counted


def test_growth_goes_on_as_it_bends():
    gone_on = foreseen_counts._gone_on
    for bend in (0.0, 0.05):
        rises = [1.0 - bend * step for step in range(6)]
        for steps in range(5):
            assert gone_on(rises[0], rises[1], steps) == pytest.approx(sum(rises[2 : 2 + steps]))
    assert gone_on(0.5, 0.6, 2.0) == pytest.approx(1.2)  # a bend upwards is noise
    assert gone_on(1.0, 0.5, 9.0) == gone_on(1.0, 0.5, 0.5) >= 0  # over the top it does not go down
    assert gone_on(1.0, 0.0, 3.0) == 0


def test_parts_of_a_text_are_its_pieces(corpus):
    part = foreseen_counts.part_of_text(corpus, 640)
    assert part.n_tokens == 640 and part.vocab is corpus.vocab
    length, ends = 10, set(part.offsets.tolist())
    assert ends >= set(range(0, 641, length))
    for number, begin in enumerate(np.linspace(0, corpus.n_tokens - length, 64).astype(int).tolist()):
        at = number * length
        assert np.array_equal(part.tokens[at : at + length], corpus.tokens[begin : begin + length])
        for place in range(1, length):
            assert (at + place in ends) == (begin + place in corpus.offsets)
    assert foreseen_counts.part_of_text(corpus, corpus.n_tokens) is corpus


def test_a_model_foresees_what_it_would_take(corpus, tmp_path):
    model = SkipGram(vector_size=16)
    seen = model.estimate(corpus)
    assert not model.is_built and seen.words == len(corpus.vocab)
    model.build_vocab(corpus)
    model.train()
    model.save(tmp_path / "model")
    assert seen.bytes["disk"] == pytest.approx((tmp_path / "model").stat().st_size, rel=0.2)
    assert model.estimate().flops == seen.flops
    vocab = model.estimate(vocab=corpus.vocab)
    assert vocab.seconds["count"] > 0 and vocab.bytes["disk"] == seen.bytes["disk"]
    counts = model.estimate(counts=CooccurrenceCounts.for_training(corpus, sample=model.sample))
    assert counts.entries["text"] == pytest.approx(seen.entries["text"])


def test_what_is_written_is_measured_on_some_words():
    vocab = Vocab([f"w{i:06}" for i in range(20_000)], np.full(20_000, 3))

    def save(words, folder):
        for name in ("a/b", "c"):
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * 10 * words)

    assert writing(vocab, 16, len, save).bytes == pytest.approx(2 * 10 * 20_000, rel=0.01)
    written = []
    writing(vocab, 4000, lambda some: written.append(len(some)), lambda model, folder: None)
    assert written and max(written) * 4000 <= 2**20  # long vectors of few words
    assert writing(Vocab(["a"], [1]), 16, len, save).bytes == 2 * 10


def test_what_cannot_be_trained_is_not_foreseen(corpus):
    """Each error names what is wrong, before anything is tried out."""
    counts = CooccurrenceCounts.for_training(corpus)
    model, sgd = SkipGram(vector_size=4, min_count=1), SkipGram(vector_size=4, solver="sgd")
    for error, says, of, given in (
        (TypeError, "vocab is a str", model, {"vocab": "x"}),
        (TypeError, "counts is str", model, {"counts": "x"}),
        (ValueError, "sentences and counts", model, {"sentences": [["a", "b"]], "counts": counts}),
        (ValueError, "corpus_file and counts", model, {"corpus_file": "t", "counts": counts}),
        (ValueError, "vocab and counts", model, {"vocab": corpus.vocab, "counts": counts}),
        (ValueError, "solver='counts'; this one has 'sgd'", sgd, {"counts": counts}),
        (ValueError, "no pairs", model, {"sentences": [["a"], ["b"]]}),
        (ValueError, "no pairs", sgd, {"sentences": [["a"]] * 9}),
    ):
        with pytest.raises(error, match=says):
            of.estimate(**given)
    model.build_from_counts(counts)
    with pytest.raises(ValueError, match=r"no text .* vocab=model\.vocab"):
        model.estimate()
    assert model.estimate(vocab=model.vocab).words == len(corpus.vocab)  # control


def test_long_vectors_are_not_tried_out(corpus, monkeypatch):
    """Their spectral start takes the cube of their length."""
    tried = []

    def seconds(settings, *rest):
        tried.append(settings.vector_size)
        return 1.0

    monkeypatch.setattr(start_trials, "_of_words", seconds)
    seen = {H: forecast(SkipGram(vector_size=H).settings, corpus.vocab, workers=1) for H in (100, 100_000)}
    assert set(tried) == {100, 320}
    assert seen[100_000].flops == pytest.approx(1000 * seen[100].flops)
    assert seen[100_000].memory["matrices"] == 1000 * seen[100].memory["matrices"]


def test_large_trainings_are_tried_in_small(monkeypatch):
    """300,000 words of 300 coordinates: two stages walk less than a fifth of a batch."""
    K, H, walked = 300_000, 300, []
    rows = block_rows(K)
    trials = calibration.StepTrials(SkipGram(vector_size=H).settings, K, 2)

    def noted(stepper, batches, *rest):
        totals = train_epoch(stepper, batches, *rest)
        walked.append(6.0 * totals.softmax_rows * stepper.workspace.K * stepper.workspace.H)
        return totals

    monkeypatch.setattr(calibration, "train_epoch", noted)
    for words in (K, K // 2):
        cost = trials.cost(words, rows, 50.0, 0.0)
        assert cost.row > 0 and cost.axes > 0
    assert 0 < sum(walked) < 0.2 * 6.0 * rows * K * H


def test_time_grows_with_words_and_rows(monkeypatch):
    """A clock that counts operations: whatever is tried, a batch takes what its own operations do."""
    clock = [0.0]
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def steps(stepper, batches, rate, bar, contexts, books):
        for _, counts in batches:
            seconds = stepper.workspace.K * (0.5 + len(counts.centers)) * 1e-6  # half a row for every batch
            clock[0] += seconds
            books.seconds, books.batches = books.seconds + seconds, books.batches + 1
        return books

    monkeypatch.setattr(calibration, "train_epoch", steps)
    settings = SkipGram(vector_size=16).settings
    for most in (2**24, 2**14):  # all of the words, and a quarter
        monkeypatch.setattr(calibration, "_MOST_ELEMENTS", most)
        trials = calibration.StepTrials(settings, 4096, 1)
        for words in (4096, 2048):
            found = trials.cost(words, 1000, 3.0, 1.0)
            assert found.row == pytest.approx(words * 1000.5e-6 / 1000, rel=1e-3)


def test_dealing_an_epoch_does_not_count_for_every_row(corpus, monkeypatch):
    """However early the walk ends: it did after the first batch, and each row took its share of dealing."""
    counts, clock = CooccurrenceCounts.for_training(corpus), [0.0]
    whole = Stage.of_all_rows(counts.K, False)

    def batches(*given):
        clock[0] += 5.0  # to deal
        for number in range(1, 10):
            clock[0] += 0.01
            yield 10 * number, None

    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(calibration.CountBatches, "walk", batches)
    for seconds in (0.0, 1.0):
        found = calibration.batching_of_counts(SkipGram().settings, counts, whole, 10, 1, seconds)
        assert found == pytest.approx((5.01, 0.001))


def test_the_start_is_its_products(corpus, monkeypatch):
    """Products with the sparse matrix are counted as the start makes them; time grows with its entries."""
    calls = []

    class Counted:
        def __getattr__(self, name):
            calls.append(name)
            return getattr(_core, name)

    counts = CooccurrenceCounts.for_training(corpus)
    for symmetric in (True, False):
        calls.clear()
        with monkeypatch.context() as patched:
            patched.setattr(initializers, "_core", Counted())
            sums = counts.row_sums, counts.column_sums()
            initializers.spectral_start(counts.rows, *sums, 8, symmetric=symmetric)
        assert calls.count("sparse_times") == initializers.sparse_products(symmetric)
    settings = SkipGram(vector_size=16).settings
    monkeypatch.setattr(start_trials, "_of_words", lambda *args: 1.0)
    monkeypatch.setattr(start_trials, "_of_an_entry", lambda *args: 1e-3)
    assert start_trials.start_seconds(settings, counts, 5000, 1) == pytest.approx(6.0)


def test_the_start_of_many_words_follows_from_few(corpus, monkeypatch):
    counts, tried = CooccurrenceCounts.for_training(corpus), []

    def seconds(settings, like, words, workers):
        tried.append(words)
        return 1.0 + 0.1 * words

    monkeypatch.setattr(start_trials, "_of_words", seconds)
    monkeypatch.setattr(start_trials, "_MOST_GRAM", 50 * 32**2)
    found = start_trials.start_seconds(SkipGram(vector_size=16).settings, counts, 0.0, 1)
    assert tried == [50, 25] and counts.K > 50
    assert found == pytest.approx(1.0 + 0.1 * counts.K)
    assert start_trials._of_an_entry(counts, 16, 1) > 0
