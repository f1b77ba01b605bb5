"""What a training will take: operations to the per cent, memory as the training's own estimate."""

import numpy as np
import pytest
from golden import sentences

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram
from fastsg.model import forecast


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
    assert seen.memory == model.estimate_memory()
    assert all(value >= 0 for value in seen.seconds.values()) and seen.flops_per_second > 0
    assert seen.seconds["total"] == pytest.approx(sum(seen.seconds.values()) / 2)


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
    assert seen.seconds["count"] == 0
    assert 8 * counts.nnz <= seen.memory["counts"] <= 3 * 8 * counts.nnz


def test_the_text_and_the_seed_of_others_are_left_alone(corpus):
    np.random.seed(5)
    before = corpus.tokens.copy(), np.random.get_state()[1].copy()
    forecast(SkipGram(vector_size=8).settings, corpus.vocab, corpus=corpus, workers=1)
    forecast(SkipGram(vector_size=8).settings, corpus.vocab, workers=1)
    assert np.array_equal(corpus.tokens, before[0]) and np.array_equal(np.random.get_state()[1], before[1])


def test_long_vectors_are_not_tried_out(corpus, monkeypatch):
    """Their spectral start takes the cube of their length."""
    tried = []
    monkeypatch.setattr(
        "fastsg.model.forecasting.SkipGram", lambda c, **o: tried.append(o) or SkipGram(c, **o)
    )
    seen = {H: forecast(SkipGram(vector_size=H).settings, corpus.vocab, workers=1) for H in (100, 100_000)}
    assert [options["vector_size"] for options in tried] == [100, 128]
    assert seen[100_000].flops == 1000 * seen[100].flops
    assert seen[100_000].memory["matrices"] == 1000 * seen[100].memory["matrices"]
