"""SkipGram as its users see it: every way in, the history, held-out loss, errors."""

import bz2
import copy
import gzip
import io
import itertools
import logging
import math
import pickle
import sys

import numpy as np
import pytest
import reference

from fastsg import Callback, EncodedCorpus, KeyedVectors, SkipGram, Vocab, _core

SETTINGS = {
    "vector_size": 6,
    "min_count": 1,
    "window": 2,
    "epochs": 2,
    "batch_size": 40,
    "workers": 2,
    "sample": 0,
    "progress": False,
    "shrink_windows": True,
}
HISTORY = {
    "nll",
    "perplexity",
    "unigram_nll",
    "valid_nll",
    "valid_perplexity",
    "pairs",
    "softmax_rows",
    "seconds",
    "count_seconds",
    "pairs_per_second",
    "alpha",
}


SOLVERS = {
    "counts": {"solver": "counts", "batch_size": 7},
    "sgd": {"solver": "sgd"},
}  # several batches an epoch with either


@pytest.fixture(scope="module", autouse=True, params=SOLVERS)
def solver(request):
    """Every test of this file runs with either solver."""
    before = SETTINGS.copy()
    SETTINGS.update(SOLVERS[request.param])
    yield request.param
    SETTINGS.update(before)
    del SETTINGS["solver"]


def text(seed=0, sentences=40, words=25):
    rng = np.random.default_rng(seed)
    return [
        [f"w{i}" for i in (words * rng.random(rng.integers(2, 12)) ** 2).astype(int)]
        for _ in range(sentences)
    ]


def make(sentences=None, **settings):
    return SkipGram(sentences, **SETTINGS | settings)


def bits(model):
    return (
        model.I.tobytes(),
        model.O.tobytes(),
        [(r["nll"], r["valid_nll"], r["pairs"], r["alpha"]) for r in model.history],
    )


def ids(model, sentences):
    """Known words as ids, sentence by sentence."""
    return [[model.vocab.index[word] for word in sentence if word in model.vocab] for sentence in sentences]


def weights(window, shrink):
    reach = window if isinstance(window, tuple) else (window, window)
    if shrink == "harmonic":
        return *reach, *([1 / d for d in range(1, z + 1)] for z in reach)
    return *reach, *([(z - d) / z for d in range(z)] if shrink else None for z in reach)


def exact_nll(model, sentences, bias, window=2, shrink=True):
    """Held-out loss by the oracle, pair by pair, in float64."""
    pairs = reference.window_pairs(ids(model, sentences), *weights(window, shrink))
    log_p = reference.log_probabilities(model.I, model.O, bias)
    return -sum(w * log_p[pair] for pair, w in pairs.items()) / sum(pairs.values())


# ---- ways in -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def constructed(solver):
    return make(text())


def test_constructor_trains(constructed):
    assert len(constructed.history) == 2 and constructed.I.shape == constructed.O.shape == (
        len(constructed.vocab),
        6,
    )
    assert constructed.I.dtype == constructed.O.dtype == np.float32
    assert constructed.history[1]["nll"] < constructed.history[0]["nll"]


def by_build_and_train():
    model = make()
    model.build_vocab(text())
    assert not model.history and not model.O.any()
    return model.train()


def by_train():
    return make().train(text())


def by_generator():
    return make(sentence for sentence in text())


def by_generators_of_words():
    return make((word for word in sentence) for sentence in text())


def by_encoded_corpus():
    return make(EncodedCorpus.from_iter(text(), min_count=1))


def by_vocabulary():
    model = make()
    model.build_vocab(vocab=EncodedCorpus.from_iter(text(), min_count=1).vocab)
    return model.train(text(), total_examples=40)


WAYS = [by_build_and_train, by_train, by_generator, by_generators_of_words, by_encoded_corpus, by_vocabulary]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_gives_the_same_bits(constructed, way):
    assert bits(way()) == bits(constructed)


def lines(sentences):
    return "".join(" ".join(sentence) + "\n" for sentence in sentences).encode()


@pytest.mark.parametrize("suffix, pack", [(".txt", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_corpus_file(constructed, tmp_path, suffix, pack):
    path = tmp_path / f"corpus{suffix}"
    path.write_bytes(pack(lines(text())))
    assert bits(make(corpus_file=path)) == bits(constructed)
    assert bits(make().train(corpus_file=str(path))) == bits(constructed)


def test_several_files_and_standard_input(constructed, tmp_path, monkeypatch):
    parts = [tmp_path / "a", tmp_path / "b"]
    for path, part in zip(parts, (text()[:13], text()[13:]), strict=True):
        path.write_bytes(lines(part))
    assert bits(make(corpus_file=parts)) == bits(constructed)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines(text()))))
    assert bits(make(corpus_file="-")) == bits(constructed)


def test_tokenizers(tmp_path):
    path = tmp_path / "t"
    path.write_text("ab ba\nabc\n")
    assert sorted(make(corpus_file=path, tokenizer="char").vocab.words) == ["a", "b", "c"]
    assert sorted(make(corpus_file=path, tokenizer=lambda line: line.upper().split() * 2).vocab.words) == [
        "AB",
        "ABC",
        "BA",
    ]


def test_repr_tells_where_a_model_stands(constructed):
    assert (
        "no words" in repr(make())
        and f"{len(constructed.vocab)} words" in repr(constructed)
        and "2 epochs" in repr(constructed)
    )


def test_vectors(constructed):
    assert isinstance(constructed.wv, KeyedVectors) and constructed.wv.index_to_key == constructed.vocab.words
    assert (constructed.wv["w0"] == constructed.I[constructed.vocab["w0"]]).all()
    assert (constructed.cv["w0"] == constructed.O[constructed.vocab["w0"]]).all()
    assert constructed.wv is constructed.wv


def test_vectors_follow_a_further_training():
    model = make(text())
    before = model.wv.most_similar("w0", topn=3)
    norms = model.wv.get_vector("w0", norm=True)
    model.train(epochs=20)
    assert (model.wv["w0"] == model.I[model.vocab["w0"]]).all()
    assert (
        not np.allclose(model.wv.get_vector("w0", norm=True), norms)
        or model.wv.most_similar("w0", topn=3) != before
    )


def test_sg_hs_negative():
    make(sg=1, hs=0, negative=0)
    for wrong in ({"sg": 0}, {"hs": 1}, {"negative": 5}):
        with pytest.raises(
            ValueError,
            match=r"sg=., hs=., negative=.: fastsg trains skip-gram with the exact full softmax only",
        ):
            make(**wrong)


# ---- going on ----------------------------------------------------------------------------------------------


def test_going_on_draws_anew():
    """Solver "sgd": epoch 2 draws the same whether it is of the first training or of a second; not what epoch
    1 drew.
    """
    random = {"sample": 0.05, "shrink_windows": "random", "solver": "sgd"}
    pairs = [record["pairs"] for record in make(text(), **random, epochs=3).history]
    model = make(text(), **random, epochs=1)
    for _ in range(2):
        model.train()
    assert [record["pairs"] for record in model.history] == pairs and len(set(pairs)) == 3
    assert model.state.epoch == 3 and len(model.history) == 3


def test_going_on_takes_other_epochs_text_and_seed():
    model = make(text())
    model.train(epochs=1)
    model.train(text(5) + [["never", "seen"]], epochs=3)
    assert len(model.history) == 6 and "never" not in model.vocab
    assert bits(make(text(), seed=2)) != bits(make(text(), seed=1))


def test_building_anew_starts_over(constructed):
    model = make(text(7))
    model.build_vocab(text())
    assert not model.history and bits(model.train()) == bits(constructed)


def test_partial_fit(constructed):
    """The first text is trained on as any is; a second one adds an epoch."""
    model = make()
    assert model.partial_fit(text()) is model and bits(model) == bits(constructed)
    model.partial_fit(text(1)[:6] + [["unheard"]])
    assert len(model.history) == len(constructed.history) + 1


def test_a_loss_is_of_an_encoded_text(constructed):
    with pytest.raises(TypeError, match="the text is of type list; it must be an EncodedCorpus"):
        constructed.nll(text())
    assert constructed.nll(constructed.encode(text())).pairs > 0


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2"])
def test_train_refuses_epochs(constructed, epochs):
    for call in (
        lambda: make(text()).train(epochs=epochs),
        lambda: make().fit_pairs(["a"], ["b"], epochs=epochs),
    ):
        with pytest.raises(ValueError, match=r"epochs is .*; allowed are None and integers >= 1"):
            call()


# ---- pairs -------------------------------------------------------------------------------------------------


def test_fit_pairs_of_words():
    m, n = ["a", "b", "a", "c", "a"], ["b", "a", "c", "a", "b"]
    model = make().fit_pairs(m, n)
    assert model.vocab.words == ["a", "b", "c"] and model.vocab.counts.tolist() == [5, 3, 2]
    assert model.history[0]["pairs"] == 5 and model.history[0]["softmax_rows"] == 3
    weighted = make().fit_pairs(np.array(["a", "b", "a", "c"]), np.array(["b", "a", "c", "a"]), [2, 1, 1, 1])
    assert weighted.history[0]["pairs"] == 5
    again = make()
    again.build_vocab(vocab=model.vocab)
    again.fit_pairs(["a", "b", "a", "c"], ["b", "a", "c", "a"], [2, 1, 1, 1])
    assert bits(again) == bits(model)


def test_fit_pairs_of_ids():
    by_words = make().fit_pairs(["0", "1", "2", "1"], ["1", "0", "1", "2"])
    assert bits(make().fit_pairs([0, 1, 2, 1], np.array([1, 0, 1, 2], np.uint8))) == bits(by_words)
    model = make(text(), epochs=1)
    model.fit_pairs([0, 1], [1, 0], epochs=3)
    assert len(model.history) == 4 and model.history[-1]["pairs"] == 2


def test_fit_pairs_equals_training_on_the_same_pairs():
    """Windows cut by hand, all in one batch."""
    sentences, settings = text(), {"batch_size": 10_000, "init": "random"}
    trained = make(sentences, shrink_windows=False, **settings)
    pairs = reference.window_pairs(ids(trained, sentences), 2, 2)
    m, n = (np.array(side) for side in zip(*pairs, strict=True))
    model = make(**settings)
    model.build_vocab(sentences)
    assert bits(model.fit_pairs(m, n, list(pairs.values()))) == bits(trained)


def test_fit_pairs_with_many_pairs_and_the_default_batch():
    """Found here: the default batch size could not be told from a NumPy integer."""
    rng = np.random.default_rng(0)
    model = make(batch_size=None).fit_pairs(rng.integers(0, 30, 5000), rng.integers(0, 30, 5000))
    assert model.history[0]["pairs"] == 5000


def test_fit_pairs_leaves_out_unknown_words(caplog):
    model = make(text(), epochs=1)
    with caplog.at_level(logging.WARNING):
        model.fit_pairs(["w0", "nobody", "w1", "w0"], ["w1", "w0", "knows", "w1"])
    assert "2 of 4 pairs have a word outside the vocabulary and are left out" in caplog.text
    assert model.history[-1]["pairs"] == 2
    rare = make(min_count=2).fit_pairs(["a", "b", "a", "once"], ["b", "a", "b", "a"])
    assert rare.vocab.words == ["a", "b"] and rare.history[0]["pairs"] == 3


@pytest.mark.parametrize(
    "args, exception, message",
    [
        (("ab", ["b"]), TypeError, "centers is a str; give a list"),
        ((["a"], "b"), TypeError, "contexts is a str"),
        (([], []), ValueError, "there are no pairs"),
        ((["a", "b"], ["b"]), ValueError, "centers, contexts and weights have 2, 1 and 2 values"),
        ((["a"], ["b"], [1, 2]), ValueError, "have 1, 1 and 2 values"),
        (([0], ["b"]), TypeError, "must both be words or both be integers"),
        (
            ([0.5], [1.0]),
            TypeError,
            "centers must be one-dimensional, of str or of integers; it is 1-dimensional, float64",
        ),
        (([["a"]], [["b"]]), TypeError, "2-dimensional"),
        (
            (["w0", "w1"], ["w1", "w0"], [1.0, -1.0]),
            ValueError,
            r"weights\[1\] is -1.0; weights must be finite and not negative",
        ),
        ((["w0"], ["w1"], [float("nan")]), ValueError, r"weights\[0\] is nan"),
        (([0], [25]), ValueError, r"contexts\[0\] is 25; ids must lie in \[0, 25\)"),
        (([-1], [0]), ValueError, r"centers\[0\] is -1"),
        ((np.array([2**32]), [0]), ValueError, r"centers\[0\] is 4294967296"),  # found here: it became 0
        ((["x"], ["y"]), ValueError, "there are no pairs to train on"),
    ],
)
def test_fit_pairs_refuses(args, exception, message):
    model = make(text(), epochs=1)
    assert len(model.vocab) == 25
    before = model.I.tobytes()
    with pytest.raises(exception, match=message):
        model.fit_pairs(*args)
    assert model.I.tobytes() == before and len(model.history) == 1


def test_fit_pairs_after_subsampled_text_is_refused():
    model = make(text(), sample=0.01)
    with pytest.raises(ValueError, match="built for subsampled text"):
        model.fit_pairs(["w0"], ["w1"])
    assert make(sample=0.01).fit_pairs(["a", "b"], ["b", "a"]).real_bias() is not None


# ---- history -----------------------------------------------------------------------------------------------


def test_history(constructed):
    for record in constructed.history:
        assert set(record) >= HISTORY and record["valid_nll"] is None and record["valid_perplexity"] is None
        assert record["perplexity"] == pytest.approx(math.exp(record["nll"])) and record["seconds"] > 0
    pairs = reference.window_pairs(ids(constructed, text()), *weights(2, True))
    contexts = np.zeros(25)
    for (_, n), weight in pairs.items():
        contexts[n] += weight
    p = contexts / contexts.sum()
    assert constructed.history[0]["pairs"] == pytest.approx(contexts.sum(), rel=1e-6)
    assert constructed.history[0]["unigram_nll"] == pytest.approx(-(p * np.log(p)).sum(), rel=1e-6)
    assert constructed.history[0]["alpha"] > constructed.history[1]["alpha"]


def test_first_loss_is_ln_K():
    """Without a bias, before the first step of a random start: O is zero."""
    model = make(text(), batch_size=10_000, epochs=1, output_bias=None, init="random")
    assert model.history[0]["nll"] == pytest.approx(math.log(len(model.vocab)), abs=1e-6)
    assert model.history[0]["perplexity"] == pytest.approx(len(model.vocab), rel=1e-5)


@pytest.mark.parametrize("sample", [0, 0.02])
def test_first_loss_is_the_unigram_cross_entropy(sample):
    """With the bias: log p(n) of the text that is trained on, thinned or not; one draw of counts is the text
    of the first epoch.
    """
    model = make(text(sentences=300), batch_size=100_000, epochs=2, sample=sample, init="random", draws=1)
    p = model.vocab.unigram() * model.vocab.keep_probabilities(sample)
    kept, borders = _core.thin(
        model.corpus.tokens, model.corpus.offsets, model.vocab.keep_probabilities(sample), 1, 0
    )
    sentences = [kept[a:b].tolist() for a, b in itertools.pairwise(borders)]
    pairs = reference.window_pairs(sentences, *weights(2, True))
    want = -sum(w * math.log(p[n] / p.sum()) for (_, n), w in pairs.items()) / sum(pairs.values())
    assert model.history[0]["nll"] == pytest.approx(want, rel=1e-5)
    assert model.history[0]["pairs"] == pytest.approx(sum(pairs.values()), rel=1e-5)


# ---- validation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_bias", [None, "unigram"])
@pytest.mark.parametrize("sample", [0, 0.02])
@pytest.mark.parametrize("shrink", [True, False, "random", "harmonic"])
def test_validation_is_the_exact_loss_of_the_real_text(output_bias, sample, shrink):
    """Nothing subsampled, expected weights (for 1 / d too), and -log keep(n) added to the logits where the
    training text was thinned.
    """
    held_out = text(9) + [["never", "w0", "w1", "seen"]]
    model = make(text(), validation=held_out, output_bias=output_bias, sample=sample, shrink_windows=shrink)
    keep, p = model.vocab.keep_probabilities(sample), model.vocab.unigram()
    bias = -np.log(keep) + (np.log(p * keep / (p * keep).sum()) if output_bias else 0)
    record = model.history[-1]
    assert record["valid_nll"] == pytest.approx(
        exact_nll(model, held_out, bias, shrink=bool(shrink)), rel=1e-6
    )
    assert record["valid_perplexity"] == pytest.approx(math.exp(record["valid_nll"]))
    pairs = reference.window_pairs(ids(model, held_out), *weights(2, bool(shrink)))
    unigram = -sum(w * math.log(p[n]) for (_, n), w in pairs.items()) / sum(pairs.values())
    assert record["valid_unigram_nll"] == pytest.approx(unigram, rel=1e-6)
    assert record["valid_pairs"] == pytest.approx(sum(pairs.values()), rel=1e-6)
    if sample:  # control: without the correction it is another number
        assert (
            abs(exact_nll(model, held_out, bias + np.log(keep), shrink=bool(shrink)) - record["valid_nll"])
            > 1e-3
        )


def test_validation_in_every_form(tmp_path):
    held_out = text(9)
    path = tmp_path / "valid"
    path.write_bytes(lines(held_out))
    vocab = EncodedCorpus.from_iter(text(), min_count=1).vocab
    forms = [
        held_out,
        (s for s in held_out),
        str(path),
        path,
        [path],
        EncodedCorpus.from_iter(held_out, vocab=vocab),
    ]
    losses = {make(text(), validation=form).history[-1]["valid_nll"] for form in forms}
    assert len(losses) == 1 and None not in losses
    model = make(text(), validation=held_out)
    assert model.score(held_out) == pytest.approx(-model.history[-1]["valid_nll"], rel=1e-9)
    assert model.perplexity(held_out) == pytest.approx(model.history[-1]["valid_perplexity"], rel=1e-9)


def test_validation_changes_nothing_in_the_training(constructed):
    model = make(text(), validation=text(3))
    assert (model.I.tobytes(), model.O.tobytes()) == bits(constructed)[:2]


def test_validation_falls():
    """Where there is something to learn: each word stands beside its neighbours in the alphabet."""
    rng = np.random.default_rng(0)
    sentences = [[f"w{(start + i) % 25}" for i in range(8)] for start in rng.integers(0, 25, 200)]
    losses = [
        record["valid_nll"] for record in make(sentences[:150], validation=sentences[150:], epochs=4).history
    ]
    assert losses == sorted(losses, reverse=True)


def test_validation_with_whole_sentences_as_windows():
    """Found here: 300 words in a sentence were too many for one batch of a million centers."""
    long = [["a", "b", "c", "d"] * 100] * 2
    model = make(long, window=None, validation=[["a", "b", "c", "d"] * 90] * 3, epochs=1)
    assert model.history[0]["valid_pairs"] == 3 * 360 * 359


@pytest.mark.parametrize("validation", [[["w0"], ["w1"]], [["w0", "strange"]]])
def test_validation_without_a_pair_is_refused_before_the_training(validation):
    model = make(validation=validation)
    model.build_vocab(text())
    with pytest.raises(ValueError, match="the validation text has no pair of known words"):
        model.train()
    assert not model.history and not model.O.any()


def test_validation_of_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match="validation is encoded with another vocabulary"):
        make(text(), validation=EncodedCorpus.from_iter(text(9, words=10), min_count=1))


# ---- windows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 3, (0, 2), (3, 1), None])
@pytest.mark.parametrize("shrink", [True, False, "harmonic"])
def test_pairs_of_every_window(window, shrink):
    if window is None and shrink == "harmonic":
        with pytest.raises(
            ValueError,
            match="shrink_windows is 'harmonic', which needs a window with a limit, but window is None",
        ):
            make(window=window, shrink_windows=shrink)
        return
    model = make(text(), window=window, shrink_windows=shrink, epochs=1, batch_size=7)
    reach = (None, None, None, None) if window is None else weights(window, shrink)
    want = reference.window_pairs(ids(model, text()), *reach)
    assert model.history[0]["pairs"] == pytest.approx(sum(want.values()), rel=1e-5)


# ---- bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentences, exception, message",
    [
        ("to be or not", TypeError, "sentences is a str"),
        (["to be", "or not"], TypeError, "str"),
        ([["a", 3.5]], TypeError, "got 3.5 of type float"),
        ([], ValueError, "no tokens"),
        ([[], []], ValueError, "no tokens"),
        (
            [["a"], ["b"]],
            ValueError,
            "there are no pairs to train on: every sentence has fewer than two known words",
        ),
        (5, TypeError, "iterable"),
    ],
)
def test_sentences_that_are_none(sentences, exception, message):
    with pytest.raises(exception, match=message):
        make(sentences)


def test_emptied_vocabulary():
    with pytest.raises(
        ValueError,
        match="the vocabulary is empty: of 3 different words the commonest occurs 2 times, "
        "fewer than min_count=3",
    ):
        make([["a", "b", "c", "a"]], min_count=3)


def test_a_word_that_is_left_alone_in_its_sentences():
    with pytest.raises(ValueError, match="there are no pairs to train on"):
        make([["a", "b"], ["a", "c"], ["a", "d"]], min_count=3)


def test_contradictions(tmp_path):
    with pytest.raises(ValueError, match="sentences and corpus_file are both given"):
        make(text(), corpus_file="x")
    model = make()
    with pytest.raises(ValueError, match="build_vocab needs sentences, corpus_file or vocab"):
        model.build_vocab()
    with pytest.raises(ValueError, match="there is no corpus to train on"):
        model.train()
    with pytest.raises(ValueError, match="both given"):
        model.train(text(), corpus_file="x")
    with pytest.raises(TypeError):
        SkipGram(text(), 100)  # settings by name only


@pytest.mark.parametrize("what", ["wv", "cv", "estimate_memory"])
def test_nothing_to_ask_before_there_is_a_vocabulary(what):
    with pytest.raises(RuntimeError, match="the model has no vocabulary yet"):
        getattr(make(), what)()


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        make(corpus_file=tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        make(corpus_file=tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="no tokens"):
        make(corpus_file=tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        make(text(), validation=tmp_path / "nowhere")


def test_invalid_utf8(tmp_path):
    path = tmp_path / "bad"
    path.write_bytes(b"a b\xff a b\n")
    assert "b\ufffd" in make(corpus_file=path).vocab
    assert "b" in make(corpus_file=path, errors="ignore").vocab
    with pytest.raises(ValueError, match="UTF-8"):
        make(corpus_file=path, errors="strict")


def test_a_word_that_nobody_has_seen(constructed):
    for ask in (
        constructed.predict_context,
        lambda word: constructed.log_prob(["w0"], [word]),
        lambda word: constructed.predict_proba([word]),
    ):
        with pytest.raises(KeyError, match=r"'W0'.*'w0'"):
            ask("W0")


def test_one_word_alone():
    model = make([["a", "a", "a"]] * 3)
    assert model.history[-1]["nll"] == pytest.approx(0, abs=1e-6) and np.isfinite(model.I).all()
    assert model.predict_context("a") == [("a", 1.0)]


def test_vocabulary_of_the_user():
    vocab = Vocab(["w1", "w0"], [7, 3])
    model = make()
    model.build_vocab(vocab=vocab)
    assert model.vocab is vocab and len(model.I) == 2
    model.build_vocab(text(), vocab=vocab)
    assert set(model.corpus.tokens.tolist()) == {0, 1}


def test_another_vocabulary_encodes_the_validation_text_anew():
    first, second = text(seed=1), [sentence[::-1] for sentence in text(seed=2)] + [["new", "words"]] * 9
    model = make(None, validation=second, epochs=1)
    model.build_vocab(first)
    model.train()
    model.build_vocab(second)
    model.train()
    assert model.history[-1]["valid_nll"] == pytest.approx(-model.score(second))


def test_score_refuses_a_text_of_another_vocabulary():
    model = make(text(), epochs=1)
    other = EncodedCorpus.from_iter([["x", "y"], ["y", "x"]], min_count=1)
    with pytest.raises(ValueError, match="the text is encoded with another vocabulary"):
        model.score(other)


def test_pairs_are_never_subsampled_nor_is_text_after_them():
    model = make(None, sample=1e-4, epochs=1)
    model.fit_pairs(["a", "b"] * 20, ["b", "a"] * 20)
    assert model.sample == 0
    model.train([["a", "b"]] * 10)
    assert model.history[-1]["pairs"] == pytest.approx(20)


def test_pairs_without_a_known_word_are_named():
    model = make(text(), sample=0, epochs=1)
    with pytest.raises(ValueError, match="no pair has two words of the vocabulary"):
        model.fit_pairs(["unknown"], ["words"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.predict_context("a"),
        lambda m: m.score([["a", "b"]]),
        lambda m: m.I,
        lambda m: m.sample,
        lambda m: m.log_prob(["a"], ["b"]),
        lambda m: m.wv,
    ],
)
def test_questions_to_a_model_without_vocabulary(ask):
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        ask(SkipGram())


def test_a_vocabulary_that_does_not_fit_leaves_the_model_as_it_was(monkeypatch):
    model = make(text(), epochs=1)
    words, before = list(model.vocab.words), model.I.tobytes()
    monkeypatch.setattr("fastsg.system.memory.available", lambda: 1000)
    with pytest.raises(MemoryError):
        model.build_vocab([["p", "q"]] * 50)
    assert model.vocab.words == words and model.I.tobytes() == before and model.corpus.vocab.words == words


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"errors": "bogus"}, ValueError, "errors is 'bogus'; allowed are 'replace'"),
        ({"tokenizer": "bogus"}, ValueError, "tokenizer is 'bogus'"),
        ({"tokenizer": 5}, TypeError, "tokenizer must be"),
        ({"callbacks": [5]}, TypeError, "callbacks is"),
        ({"callbacks": 5}, TypeError, "callbacks is"),
        ({"optimizer": ["sgd"]}, ValueError, "optimizer is"),
    ],
)
def test_arguments_are_checked_before_anything_is_read(options, error, says):
    with pytest.raises(error, match=says):
        SkipGram(**options)


def test_a_str_of_sentences_points_to_corpus_file():
    with pytest.raises(TypeError, match="corpus_file"):
        SkipGram("the cat")


@pytest.mark.parametrize("validation", [[], [["zz"]]])
def test_messages_about_the_validation_text_name_it(validation):
    with pytest.raises(ValueError, match=r"^validation"):
        make(text(), validation=validation)


def test_vectors_are_fresh_after_an_interrupted_epoch():
    class Stop(Callback):
        def on_epoch_begin(self, model):
            model.wv.most_similar(model.vocab.words[0])
            model.state.I *= 1 + np.arange(len(model.vocab), dtype=np.float32)[:, None] % 3
            raise KeyboardInterrupt

    model = make(text(), epochs=1)
    with pytest.raises(KeyboardInterrupt):
        model.train(callbacks=[Stop()])
    fresh = KeyedVectors(model.vocab.words, model.I)
    assert model.wv.most_similar(model.vocab.words[1]) == fresh.most_similar(model.vocab.words[1])


def test_matrices_put_in_by_a_callback_are_the_ones_that_answer():
    """Probabilities, vectors and files speak of the same I and O, whoever put them there."""
    model = make(text())
    model.state.I, model.state.O = np.zeros_like(model.I), np.zeros_like(model.O)
    p = np.exp(model.real_bias().astype(np.float64))
    np.testing.assert_allclose(model.predict_proba([0])[0], p / p.sum(), rtol=1e-6)
    assert not model.I.any() and model.score(text()) == pytest.approx(
        -model.nll(model.corpus).unigram_nll, rel=0.05
    )


def test_a_model_without_a_vocabulary_says_so_to_hasattr():
    model = SkipGram()
    assert not hasattr(model, "vocab") and getattr(model, "I", None) is None
    with pytest.raises(RuntimeError, match="the model has no vocabulary yet"):
        model.vocab  # noqa: B018  the question is what is tested


def test_a_mapped_model_refuses_training_before_it_reads_anything(tmp_path):
    make(text()).save(tmp_path / "m")
    model = SkipGram.load(tmp_path / "m", mmap=True, validation=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="I and O are mapped from a file, read-only"):
        model.train(text())


@pytest.mark.parametrize(
    "how",
    [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "deep", "pickle"],
)
def test_copies_of_a_model_before_it_has_words(how):
    settings = {"vector_size": 3, "min_count": 1, "seed": 5, "epochs": 2, "lower": True, "workers": 2}
    model, text = SkipGram(**settings), [["a", "B", "c"]] * 9
    made = how(model)
    assert made.settings == model.settings and made.workers == 2 and not made.is_built
    made.build_vocab(text)
    made.train()
    assert not model.is_built and np.array_equal(made.I, SkipGram(text, **settings).I)
