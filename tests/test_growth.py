"""More text for a model: words that join, texts by other ids, the loss of pieces beside that of the whole."""

import logging
import threading

import numpy as np
import pytest

import fastsg
from fastsg import Callback, EncodedCorpus, SkipGram, Vocab
from fastsg.text.growth import common_vocab, grown_vocab, joined, recoded
from fastsg.training.growth import first_rate, has_outgrown

SMALL = {"vector_size": 8, "window": 3, "min_count": 3, "progress": False}


def sentences(seed=0, count=400, words=40):
    """Topics of ten words each; the words of a sentence are of one topic."""
    rng = np.random.default_rng(seed)
    topics = rng.integers(0, words // 10, count)
    return [[f"w{10 * topic + int(10 * x**2)}" for x in rng.random(8)] for topic in topics]


# ---- vocabularies and texts --------------------------------------------------------------------------------


def test_common_vocab():
    first, second = Vocab(["a", "b"], [5, 2], raw_types=4, raw_tokens=9), Vocab(["b", "c"], [4, 1])
    both = common_vocab(first, second)
    assert both.words == ["b", "a", "c"] and both.counts.tolist() == [6, 5, 1]
    assert both.raw_tokens == 9 + 5 and both.raw_types >= 4


def test_words_join_once_they_are_frequent_enough():
    known = Vocab(["a", "b"], [5, 2])
    everything = Vocab(["c", "a", "d", "b", "e"], [9, 6, 4, 3, 2])
    assert grown_vocab(known, everything, 3, None).words == ["c", "a", "d", "b"]
    assert grown_vocab(known, everything, 5, None).words == ["c", "a", "b"]  # b stays, rare as it is
    assert grown_vocab(known, everything, 1, 3).words == ["c", "a", "b"]
    assert grown_vocab(known, everything, 1, 1).words == ["a", "b"]
    assert grown_vocab(known, everything, 3, None).counts.tolist() == [9, 6, 4, 3]


def test_recoded_texts_say_the_same():
    corpus = EncodedCorpus.from_iter([["a", "b"], ["c"], ["a", "c", "a"]], min_count=1)
    other = Vocab(["x", "c", "a"], [9, 5, 3])
    again = recoded(corpus, other)
    assert list(again) == [["a"], ["c"], ["a", "c", "a"]] and again.raw_tokens == corpus.raw_tokens
    assert recoded(corpus, Vocab(["z"], [1])) is None
    assert list(recoded(corpus, Vocab(["b", "z"], [2, 1]))) == [["b"]]  # sentences left empty vanish


def test_joined_texts_stand_one_behind_the_other(rng):
    first, second = ([[f"{part}{x}" for x in rng.integers(0, 9, 5)] for _ in range(20)] for part in "ab")
    corpora = [EncodedCorpus.from_iter(part, min_count=1) for part in (first, second + first)]
    both = joined(*corpora)
    assert list(both) == first + second + first and both.raw_tokens == 300
    assert both.vocab == EncodedCorpus.from_iter(first + second + first, min_count=1).vocab


def test_rates():
    settings = SkipGram(alpha=0.1, min_alpha=0.01).settings
    rates = [first_rate(settings, new, 1000) for new in (1, 10, 50, 100, 900)]
    assert rates == pytest.approx([0.01, 0.01, 0.05, 0.1, 0.1])
    assert has_outgrown(125, 100) and not has_outgrown(124, 100) and has_outgrown(5, 0)


# ---- models ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first, piece", [(0, 13), (200, 60)])
def test_pieces_are_nearly_as_good_as_all_at_once(first, piece):
    text, held_out = sentences(), sentences(1)
    once = SkipGram(text, **SMALL)
    model = SkipGram(text[:first], **SMALL) if first else SkipGram(**SMALL)
    for start in range(first, len(text), piece):
        model.partial_fit(text[start : start + piece])
    assert sorted(model.vocab.words) == sorted(once.vocab.words)
    assert model.vocab == once.vocab or first  # rare words of a first training are counted from zero
    assert abs(model.score(held_out) - once.score(held_out)) < 0.05
    assert list(model.corpus) == list(once.corpus)


def test_control_a_model_that_forgets_is_seen():
    """Solver "counts" on the last pieces alone, as it was once done: far from the loss of the whole."""
    text, held_out = sorted(sentences(), key=lambda s: s[0][:2]), sentences(1)
    once, model = SkipGram(text, **SMALL), SkipGram(**SMALL)
    model.build_vocab(text)
    for start in range(0, len(text), 13):
        model.train(text[start : start + 13], epochs=1)
    assert once.score(held_out) - model.score(held_out) > 0.05


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_new_words_join_and_are_told(solver, caplog):
    model = SkipGram(sentences(), solver=solver, validation=sentences(1, 50), **SMALL)
    before = {word: model.I[k].copy() for k, word in enumerate(model.vocab.words)}
    words, epochs = len(model.vocab), len(model.history)
    with caplog.at_level(logging.INFO):
        model.partial_fit([["new", "words", "w1", "w2"]] * 3 + [["once", "w1"]])
    assert "2 new words joined the vocabulary" in caplog.text
    assert "1 words of the new text are left out" in caplog.text and "'once'" in caplog.text
    assert len(model.vocab) == words + 2 == len(model.I) and "once" not in model.vocab
    assert len(model.history) == epochs + 1 and model.history[-1]["valid_nll"] is not None
    after = {word: model.I[model.vocab.index[word]] for word in before}
    lengths = [np.linalg.norm(before[word]) * np.linalg.norm(after[word]) for word in after]
    closeness = [before[word] @ after[word] / length for word, length in zip(after, lengths, strict=True)]
    assert np.median(closeness) > 0.9  # each row went with its word
    assert model.wv.most_similar("new", topn=1) and model.predict_context("new", 1)


def test_a_word_that_was_too_rare_joins_with_its_earlier_text():
    model = SkipGram(**SMALL).partial_fit(sentences() + [["late", "w1", "w2"]] * 2)
    assert "late" not in model.vocab
    model.partial_fit([["late", "w1"]])
    assert model.vocab.counts[model.vocab.index["late"]] == 3
    assert sum(sentence.count("late") for sentence in model.corpus) == 3


def test_any_number_of_threads(tmp_path):
    found = set()
    for workers in (1, 2, 3):
        model = SkipGram(sentences()[:300], workers=workers, **SMALL).partial_fit(sentences()[300:])
        found.add(model.I.tobytes() + model.O.tobytes())
    assert len(found) == 1


def test_a_loaded_model_wants_the_text_it_was_trained_on(tmp_path):
    model = SkipGram(sentences()[:300], **SMALL)
    model.save(tmp_path / "m")
    loaded = SkipGram.load(tmp_path / "m")
    with pytest.raises(ValueError, match=r"what this model was trained on is not known.* as trained_on="):
        loaded.partial_fit(sentences()[300:])
    assert (loaded.I == model.I).all() and not loaded.corpus
    loaded.partial_fit(sentences()[300:], trained_on=sentences()[:300])
    assert (loaded.I == model.partial_fit(sentences()[300:]).I).all()


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_a_loaded_model_grows_by_build_vocab(tmp_path, solver):
    text, more = sentences()[:300], [*sentences()[300:], *[["new", "w1", "w2"]] * 3]
    model = SkipGram(text, solver=solver, **SMALL)
    model.save(tmp_path / "m")
    loaded = SkipGram.load(tmp_path / "m")
    loaded.build_vocab(more, update=True, trained_on=text if solver == "counts" else None)
    assert "new" in loaded.vocab
    assert list(loaded.corpus) == (
        text + more if solver == "counts" else more
    )  # sgd goes on without the text
    if solver == "counts":
        model.build_vocab(more, update=True)
        assert (loaded.train(epochs=2).I == model.train(epochs=2).I).all()
    assert np.isfinite(loaded.train(epochs=1).I).all()


def test_the_text_of_an_earlier_training_needs_one():
    model, text = SkipGram(**SMALL), sentences()
    for call in (
        lambda: model.build_vocab(text, trained_on=text),
        lambda: model.build_vocab(text, update=True, trained_on=text),
        lambda: model.partial_fit(text, trained_on=text),
    ):
        with pytest.raises(ValueError, match="trained_on is the text of an earlier training"):
            call()
        assert not model.is_built


def test_a_training_that_forgets_says_so(tmp_path, caplog):
    model = SkipGram(sentences(), **SMALL)
    model.train(epochs=1)
    model.build_vocab([["new", "w1", "w2"]] * 3, update=True)
    model.train(epochs=1)
    model.partial_fit([["w1", "w2"]] * 3)
    assert "forget" not in caplog.text
    model.save(tmp_path / "m")
    SkipGram.load(tmp_path / "m").train(model.corpus, epochs=1)
    assert "forget" not in caplog.text
    SkipGram.load(tmp_path / "m").train(sentences(1), epochs=1)
    assert caplog.text.count("makes it forget much: partial_fit") == 1
    SkipGram(sentences(), solver="sgd", **SMALL).train(sentences(1), epochs=1)
    assert caplog.text.count("forget") == 1


def test_bad_input():
    model = SkipGram(sentences(), **SMALL)
    before = model.I.copy()
    with pytest.raises(ValueError, match="there is no new text: give sentences or corpus_file"):
        model.partial_fit()
    with pytest.raises(ValueError, match="none of the 2 tokens of the new text is in the vocabulary"):
        model.partial_fit([["un", "known"]])
    with pytest.raises(TypeError, match="sentences is a str"):
        model.partial_fit("w1 w2")
    with pytest.raises(ValueError, match="what this model was trained on is not known"):
        SkipGram(**SMALL).fit_pairs(["a", "b"] * 9, ["b", "a"] * 9).partial_fit([["a", "b"]])
    assert (model.I == before).all()


def test_a_start_set_by_hand_is_used():
    model = SkipGram(epochs=1, **SMALL)
    model.build_vocab(sentences())
    model.I[:] = np.random.default_rng(3).standard_normal(model.I.shape).astype(np.float32)
    start = model.I.copy()
    model.train()
    cosines = (model.I * start).sum(1) / np.linalg.norm(model.I, axis=1) / np.linalg.norm(start, axis=1)
    assert np.median(cosines) > 0.5 and np.median(cosines) < 0.999
    spectral = SkipGram(sentences(), epochs=1, **SMALL)
    assert abs(np.median((spectral.I * start).sum(1))) < 0.5 * np.median((model.I * start).sum(1))


def test_build_vocab_lets_a_model_grow_without_training():
    model, more = SkipGram(sentences(), **SMALL), [["new", "words", "w1"]] * 3
    before, epochs = model.I[model.vocab.index["w1"]].copy(), len(model.history)
    model.build_vocab(more, update=True)
    assert "new" in model.vocab and (model.I[model.vocab.index["w1"]] == before).all()
    assert len(model.history) == epochs and list(model.corpus) == sentences() + more
    model.train(epochs=1)
    model.train(epochs=1)  # the same text again is not more text
    assert list(model.partial_fit([["w1", "w2"]]).corpus) == [*sentences(), *more, ["w1", "w2"]]
    with pytest.raises(ValueError, match=r"build_vocab\(update=True\) takes text, not vocab"):
        model.build_vocab(vocab=model.vocab, update=True)


def test_texts_trained_on_one_after_the_other_are_both_remembered():
    model = SkipGram(sentences()[:200], **SMALL)
    model.train(sentences()[200:], epochs=1)
    model.partial_fit([["w1", "w2"]])
    kept = set(model.vocab.words)
    assert list(model.corpus) == [[w for w in s if w in kept] for s in [*sentences(), ["w1", "w2"]]]


# ---- text that is not taken in -----------------------------------------------------------------------------


def test_what_fails_is_not_taken_in(tmp_path):
    """An error in the middle leaves the model as it was, what it is told of an earlier text included."""
    model = SkipGram(sentences(), **SMALL, epochs=2)
    model.save(tmp_path / "model")
    loaded = fastsg.load(tmp_path / "model")
    for _ in range(2):  # nor has the first call left what lets the second pass
        with pytest.raises(ValueError, match="none of the 1 tokens"):
            loaded.partial_fit([["never"]], trained_on=sentences())
    with pytest.raises(ValueError, match="is not known"):
        loaded.partial_fit(sentences(1))
    before = model.I.tobytes(), len(model.history), model.corpus.n_tokens, model.vocab.words

    class Fails(Callback):
        def on_batch_end(self, model):
            raise ZeroDivisionError

    model._callbacks = (Fails(),)
    with pytest.raises(ZeroDivisionError):
        model.partial_fit([["new", "words"]] * 50)
    assert (model.I.tobytes(), len(model.history), model.corpus.n_tokens, model.vocab.words) == before


def test_build_vocab_that_fails_takes_nothing_in(monkeypatch):
    model = SkipGram(sentences(), **SMALL, epochs=1)
    before = model.corpus.n_tokens, model.vocab.words
    with monkeypatch.context() as patch:
        patch.setattr("fastsg.model.skipgram.revised", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.build_vocab([["new"] * 9], update=True)
    assert (model.corpus.n_tokens, model.vocab.words) == before
    model.build_vocab([["new"] * 9], update=True)
    assert "new" in model.vocab and model.corpus.n_tokens == before[0] + 9


@pytest.mark.parametrize("while_it_trains", [False, True])
def test_a_call_that_fails_undoes_nothing_of_another(while_it_trains):
    """One thread reads while the other takes in more text; then the first one fails, or is refused."""
    reading, read, trains, seen = (threading.Event() for _ in range(4))
    model, errors = SkipGram(sentences(), **SMALL, epochs=2), []

    class Waits(Callback):
        def on_batch_end(self, model):
            trains.set()
            assert seen.wait(30)

    def slow():
        reading.set()
        assert read.wait(30)
        yield ["never"]

    def fails():
        with pytest.raises((ValueError, RuntimeError)) as caught:
            model.partial_fit(slow())
        errors.append(type(caught.value))

    first = threading.Thread(target=fails)
    first.start()
    assert reading.wait(30)
    if while_it_trains:
        model._callbacks = (Waits(),)
    else:
        seen.set()
    second = threading.Thread(target=lambda: model.partial_fit(sentences(1)))
    second.start()
    assert trains.wait(30) if while_it_trains else not second.join(30)
    read.set()
    first.join(30)
    seen.set()
    second.join(30)
    assert errors == [RuntimeError if while_it_trains else ValueError]
    assert model.corpus.n_tokens == 2 * 400 * 8 and len(model.history) > 2
