"""What a training will take: operations to the per cent, memory as the training's own estimate."""

from pathlib import Path

import numpy as np
import pytest
from golden import sentences

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram, Vocab
from fastsg.model import forecast, forecasting
from fastsg.model.forecasting import writing
from fastsg.training import foreseen_counts


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
    assert {**seen.memory, "counts": 0, "total": 0} == {**model.estimate_memory(), "counts": 0, "total": 0}
    assert list(seen.seconds) == ["read", "count", "init", "train", "save", "total"]
    assert all(value >= 0 for value in seen.seconds.values()) and seen.flops_per_second > 0
    assert seen.seconds["total"] == pytest.approx(sum(seen.seconds.values()) / 2)
    assert seen.passes == pytest.approx(sum((epoch["words"] / seen.words) ** 2 for epoch in model.history))


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
    assert 8 * both <= seen.memory["counts"] <= 8 * (both + counts.start.nnz)


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


def test_some_entries_are_alike_on_both_sides(corpus):
    counts = CooccurrenceCounts.for_training(corpus)
    fewer, more = foreseen_counts.known_counts(counts).starts
    for some, every in ((fewer, 16), (more, 4)):
        assert some.nnz == pytest.approx(counts.nnz / every, rel=0.2) and some.symmetric
        dense = some.to_scipy().toarray()
        assert np.array_equal(dense, dense.T)


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

    written = writing(vocab, len, save)
    assert written.bytes == pytest.approx(2 * 10 * 20_000, rel=0.01)


def test_long_vectors_are_not_tried_out(corpus, monkeypatch):
    """Their spectral start takes the cube of their length."""
    tried = []

    def start(settings, *rest):
        tried.append(settings.vector_size)
        return 1.0

    monkeypatch.setattr(forecasting, "start_seconds", start)
    seen = {H: forecast(SkipGram(vector_size=H).settings, corpus.vocab, workers=1) for H in (100, 100_000)}
    assert set(tried) == {100, 320}
    assert seen[100_000].flops == pytest.approx(1000 * seen[100].flops)
    assert seen[100_000].memory["matrices"] == 1000 * seen[100].memory["matrices"]
