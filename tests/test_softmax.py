"""What the softmax tells: probabilities of the real text, consistent with each other and with the oracle."""

import math

import numpy as np
import pytest
import reference

from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram, SoftmaxModel, Vocab
from fastsg.numerics.objective import make_workspace
from fastsg.training.heldout import held_out_loss

WORDS = [f"w{i:02}" for i in range(40)]


@pytest.fixture(params=[False, True], ids=["no bias", "bias"])
def model(request, rng):
    I, O = ((rng.standard_normal((40, 7)) / 2).astype(np.float32) for _ in range(2))
    bias = rng.standard_normal(40).astype(np.float32) if request.param else None
    return SoftmaxModel(Vocab(WORDS, np.arange(40, 0, -1)), I, O, bias, window=2, workers=2)


def log_p(model):
    return reference.log_probabilities(model.I, model.O, model.real_bias())


def test_predict_proba(model):
    P = model.predict_proba(["w03", "w39", 3])
    assert P.shape == (3, 40) and P.dtype == np.float64 and (P[0] == P[2]).all()
    np.testing.assert_allclose(P.sum(1), 1, rtol=1e-14)
    np.testing.assert_allclose(P, np.exp(log_p(model)[[3, 39, 3]]), rtol=1e-12)


def test_log_prob_is_consistent_with_predict_proba(model):
    m, n = [0, 5, 5, 39, 7], [0, 5, 6, 0, 39]
    got = model.log_prob([WORDS[i] for i in m], n)
    assert got.dtype == np.float64 and (got < 0).all()
    np.testing.assert_allclose(got, np.log(model.predict_proba(m)[np.arange(5), n]), atol=1e-6)
    np.testing.assert_allclose(got, log_p(model)[m, n], atol=1e-6)
    assert model.log_prob([], []).shape == (0,) and model.predict_proba([]).shape == (0, 40)


@pytest.mark.parametrize("topn", [1, 3, 40, 100])
def test_predict_context(model, topn):
    found = model.predict_context("w11", topn)
    P = np.exp(log_p(model)[11])
    order = np.argsort(-P)[:topn]
    assert [word for word, _ in found] == [WORDS[n] for n in order]
    np.testing.assert_allclose([p for _, p in found], P[order], rtol=1e-12)
    assert len(found) == min(topn, 40) and all(type(p) is float for _, p in found)


def test_predict_context_breaks_ties_by_id():
    still = SoftmaxModel(
        Vocab(WORDS, np.ones(40, int)), np.zeros((40, 2), np.float32), np.zeros((40, 2), np.float32)
    )
    assert still.predict_context(9, 3) == [(word, pytest.approx(1 / 40)) for word in WORDS[:3]]


@pytest.mark.parametrize("shrink", [True, False])
@pytest.mark.parametrize("window", [2, (1, 3), None])
def test_score_and_perplexity(rng, window, shrink):
    I, O = (rng.standard_normal((40, 3)).astype(np.float32) for _ in range(2))
    model = SoftmaxModel(Vocab(WORDS, np.arange(40, 0, -1)), I, O, window=window, shrink_windows=shrink)
    ids = [rng.integers(0, 40, n).tolist() for n in (5, 1, 9, 2)]
    sentences = [[WORDS[i] for i in s] + ["strange"] for s in ids]
    left, right = (None, None) if window is None else (window, window) if isinstance(window, int) else window
    falling = [None if z is None or not shrink else [(z - d) / z for d in range(z)] for z in (left, right)]
    pairs = reference.window_pairs(ids, left, right, *falling)
    want = sum(w * log_p(model)[pair] for pair, w in pairs.items()) / sum(pairs.values())
    assert model.score(sentences) == pytest.approx(want, rel=1e-6)
    assert model.perplexity(iter(sentences)) == pytest.approx(math.exp(-want), rel=1e-5)
    nll, unigram, weight = model.nll(EncodedCorpus.from_iter(sentences, vocab=model.vocab))
    p = np.arange(40, 0, -1) / np.arange(41).sum()
    assert nll == pytest.approx(-want, rel=1e-6) and weight == pytest.approx(sum(pairs.values()), rel=1e-6)
    assert unigram == pytest.approx(
        -sum(w * math.log(p[n]) for (_, n), w in pairs.items()) / weight, rel=1e-6
    )


def test_scoring_in_pieces_is_scoring_as_a_whole(model, rng):
    sentences = [[WORDS[i] for i in rng.integers(0, 40, 30)] for _ in range(20)]
    corpus = EncodedCorpus.from_iter(sentences, vocab=model.vocab)
    counts = CooccurrenceCounts.from_corpus(corpus, window=2)
    workspace = make_workspace(*model.O.shape, 2)
    for rows in (1, 7, 39, 1000):
        loss = held_out_loss(counts, model.I, model.O, model.real_bias(), workspace, rows)
        assert loss.nll == pytest.approx(-model.score(sentences), rel=1e-9)


def test_perfect_and_hopeless_models():
    vocab = Vocab(["a", "b"], [1, 1])
    I, O = np.float32([[1, 0], [0, 1]]), np.float32([[0, 200], [200, 0]])
    assert SoftmaxModel(vocab, I, O, window=1).perplexity([["a", "b", "a"]]) == pytest.approx(1)
    assert SoftmaxModel(vocab, I, -O, window=1).score([["a", "b"]]) == pytest.approx(-200)
    assert SoftmaxModel(vocab, I, O * 0, window=1).perplexity([["a", "b"]]) == pytest.approx(2)


# ---- bad input ---------------------------------------------------------------------------------------------


def test_unknown_words_are_named_and_close_ones_suggested(model):
    for ask in (
        lambda w: model.predict_context(w),
        lambda w: model.predict_proba(["w01", w]),
        lambda w: model.log_prob([w], ["w01"]),
        lambda w: model.log_prob(["w01"], [w]),
    ):
        with pytest.raises(
            KeyError, match="'W03' is not among the 40 words of the vocabulary; close words: 'w03'"
        ):
            ask("W03")
        with pytest.raises(KeyError, match="'xyzzy' is not among the 40 words"):
            ask("xyzzy")


@pytest.mark.parametrize("bad", [-1, 40, 2**31, 2**40])
def test_ids_outside_the_vocabulary(model, bad):
    for ask in (
        model.predict_context,
        lambda i: model.predict_proba([0, i]),
        lambda i: model.log_prob([i], [0]),
        lambda i: model.log_prob([0], [i]),
    ):
        with pytest.raises(ValueError, match=rf"\[[01]\] is {bad}; ids must lie in \[0, 40\)"):
            ask(bad)


def test_malformed_questions(model):
    with pytest.raises(TypeError, match=r"word: \['w01', 'w02'\] is neither a word nor an id"):
        model.predict_context(["w01", "w02"])
    with pytest.raises(TypeError, match=r"centers: 1\.0 is neither a word nor an id"):
        model.predict_proba([1.0])
    with pytest.raises(TypeError, match="centers is the str 'w01'; give a list of words"):
        model.predict_proba("w01")
    with pytest.raises(TypeError, match="contexts is the str 'w01'"):
        model.log_prob(["w01"], "w01")
    with pytest.raises(ValueError, match="centers and contexts have 2 and 1 words; they must be equal"):
        model.log_prob(["w01", "w02"], ["w01"])
    with pytest.raises(TypeError, match="sentences is a str"):
        model.score("w01 w02")
    with pytest.raises(ValueError, match="the text has no pair of known words within a window"):
        model.score([["w01"], ["w02", "strange"]])
    with pytest.raises(ValueError):
        model.score([["strange"]])
    with pytest.raises(ValueError, match="window is 0"):
        SoftmaxModel(model.vocab, model.I, model.O, window=0)


# ---- a trained model ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_bias", [None, "unigram"])
def test_subsampling_is_undone(output_bias):
    """Training thins the contexts, P_thin ~ P keep; what is shown is about the real text, so frequent words
    keep their share.
    """
    rng = np.random.default_rng(1)
    sentences = [
        [WORDS[i] for i in (40 * rng.random(20) ** 4).astype(int)] for _ in range(400)
    ]  # context says nothing here
    model = SkipGram(
        sentences,
        vector_size=4,
        min_count=1,
        sample=0.02,
        epochs=30,
        window=2,
        batch_size=1000,
        output_bias=output_bias,
        progress=False,
    )
    keep = model.vocab.keep_probabilities(0.02)
    assert keep.min() < 0.3
    bias = -np.log(keep) + (
        np.log(model.vocab.unigram() * keep / (model.vocab.unigram() * keep).sum()) if output_bias else 0
    )
    np.testing.assert_allclose(model.real_bias(), bias, atol=1e-6)
    P = model.predict_proba(model.vocab.words)
    np.testing.assert_allclose(P, np.exp(reference.log_probabilities(model.I, model.O, bias)), rtol=1e-5)
    shown = model.vocab.unigram() @ P
    assert 0.5 * np.abs(shown - model.vocab.unigram()).sum() < 0.03
    thinned = P * keep / (P * keep).sum(1, keepdims=True)  # control: what the training saw is far off
    assert 0.5 * np.abs(model.vocab.unigram() @ thinned - model.vocab.unigram()).sum() > 0.15


def test_real_bias_without_subsampling():
    model = SkipGram([["a", "b", "a"]] * 3, vector_size=2, min_count=1, sample=0, progress=False)
    np.testing.assert_allclose(model.real_bias(), np.log([2 / 3, 1 / 3]), rtol=1e-6)
    assert SkipGram(
        [["a", "b"]], vector_size=2, min_count=1, sample=0, output_bias=None, progress=False
    ).real_bias().shape == (0,)
