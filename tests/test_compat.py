"""compat.Word2Vec: gensim's names and signatures over a SkipGram."""

import copy
import inspect
import io
import logging
import pickle
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest

import fastsg
from fastsg import Callback, EarlyStopping, EncodedCorpus, FormatError, SkipGram
from fastsg.compat import CallbackAny2Vec, LineSentence, PathLineSentences, Text8Corpus, Word2Vec


def made(seed, count, words=40):
    draw = random.Random(seed).random
    return [[f"w{int(words * draw() ** 2)}" for _ in range(2 + int(14 * draw()))] for _ in range(count)]


SENTENCES = made(1, 400)
SMALL = {"vector_size": 8, "min_count": 2, "epochs": 3}


@pytest.fixture(scope="module")
def model():
    return Word2Vec(SENTENCES, **SMALL)


# ---- the model is a SkipGram ----


def test_trains_what_skipgram_trains(model):
    plain = SkipGram(SENTENCES, **SMALL)
    assert model.wv.index_to_key == plain.wv.index_to_key
    assert np.array_equal(model.wv.vectors, plain.I) and np.array_equal(model.syn1neg, plain.O)
    assert model.corpus_count == 400 and model.corpus_total_words == sum(map(len, SENTENCES))
    assert (model.vector_size, model.layer1_size, model.min_count, model.epochs) == (8, 8, 2, 3)
    assert (model.sg, model.hs, model.negative, model.window, model.seed) == (1, 0, 0, 5, 1)
    assert model.sample == plain.sample and model.workers == plain.workers
    assert repr(model) == f"Word2Vec<vocab={len(plain.wv)}, vector_size=8, exact softmax>"
    assert model.total_train_time > 0 and model.estimate_memory()["total"] > 0


def test_settings_cannot_be_changed_without_effect(model):
    with pytest.raises(AttributeError):
        model.alpha = 0.01
    with pytest.raises(AttributeError):
        model.window = 3


def test_the_three_steps_are_the_constructor(model):
    steps = Word2Vec(**SMALL)
    assert len(steps.wv) == 0 and steps.wv.vector_size == 8 and steps.sample is None and "w1" not in steps.wv
    steps.build_vocab(SENTENCES, progress_per=1000)
    known, raw = steps.train(SENTENCES, total_examples=steps.corpus_count, epochs=steps.epochs)
    assert np.array_equal(steps.wv.vectors, model.wv.vectors)
    assert raw == 3 * steps.corpus_total_words >= known > 0
    assert steps.train() == (known, raw)  # the corpus that build_vocab read
    steps.epochs = 1
    assert steps.train(iter(SENTENCES), total_words=5)[1] == raw // 3
    assert (
        steps.train(EncodedCorpus.from_iter(SENTENCES, vocab=steps.skipgram.vocab), epochs=1)[0] == known // 3
    )


def test_corpus_file_and_one_shot_generators(model, tmp_path):
    path = tmp_path / "text"
    path.write_text("\n".join(map(" ".join, SENTENCES)))
    by_name = Word2Vec(corpus_file=str(path), **SMALL)
    lazy = Word2Vec((list(sentence) for sentence in SENTENCES), **SMALL)
    lines = Word2Vec(LineSentence(path), **SMALL)
    for other in (by_name, lazy, lines):
        assert np.array_equal(other.wv.vectors, model.wv.vectors) and other.corpus_count == 400
    assert by_name.train(corpus_file=path, epochs=1)[0] == by_name.skipgram.corpus.n_tokens


def test_settings_of_ours():
    ours = Word2Vec(
        SENTENCES, **SMALL, settings={"solver": "sgd", "alpha": 0.1, "validation": SENTENCES[:20]}
    )
    assert ours.skipgram.settings.solver == "sgd" and ours.alpha == 0.1 and ours.min_alpha == 0.01
    assert ours.skipgram.history[-1]["valid_nll"] > 0
    with pytest.raises(TypeError, match="solvr"):
        Word2Vec(settings={"solvr": "sgd"})


def test_seed_none_and_min_count_zero():
    assert Word2Vec(seed=None, min_count=0).seed == 1 and Word2Vec(min_count=0).min_count == 1
    assert Word2Vec([["a", "b"]] * 3, min_count=0, vector_size=2).wv.index_to_key == ["a", "b"]


def test_same_bits_for_any_number_of_threads(model):
    assert np.array_equal(Word2Vec(SENTENCES, workers=3, **SMALL).wv.vectors, model.wv.vectors)


# ---- what has no effect, and what is refused ----


def test_one_warning_names_all_that_has_no_effect(model):
    asked = {"hs": 1, "negative": 5, "ns_exponent": 0.75, "cbow_mean": 1, "alpha": 0.05, "min_alpha": 1e-4}
    asked |= {"max_vocab_size": 1000, "sorted_vocab": 0, "hashfxn": len}
    with pytest.warns(UserWarning, match="without effect") as found:
        other = Word2Vec(SENTENCES, **SMALL, **asked)
    (warning,) = found
    assert all(f"{name}=" in str(warning.message) for name in asked) and warning.filename == __file__
    assert np.array_equal(other.wv.vectors, model.wv.vectors)


def test_no_warning_for_what_asks_for_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = Word2Vec(SENTENCES, **SMALL, sg=1, hs=0, negative=0, sorted_vocab=1, hashfxn=hash,
                        batch_words=4, compute_loss=True, null_word=0, comment="mine")  # fmt: skip
        made.train(epochs=1, queue_factor=2, report_delay=0.5, word_count=0, compute_loss=True)
    assert made.comment == "mine"
    with pytest.warns(UserWarning, match=r"start_alpha=0\.1"):
        made.train(epochs=1, start_alpha=0.1)


@pytest.mark.parametrize(
    "given, error, message",
    [
        ({"sg": 0}, ValueError, r"sg is 0: fastsg trains skip-gram only \(sg=1\), no CBOW"),
        ({"null_word": 1}, ValueError, "null_word is 1; it must be 0"),
        ({"vector_size": 0}, ValueError, "vector_size is 0"),
        ({"min_count": -1}, ValueError, "min_count is -1"),
        ({"size": 100}, TypeError, "size"),
        ({"callbacks": [5]}, TypeError, "callbacks holds 5, which has none of the hooks on_train_begin"),
        ({"callbacks": 5}, TypeError, "callbacks is 5"),
        ({"sentences": "to be"}, TypeError, "sentences is a str"),
        ({"sentences": [{"a": 1}]}, TypeError, "sentence 0 is a dict"),
        ({"sentences": SENTENCES, "corpus_file": "x"}, ValueError, "either corpus_iterable or corpus_file"),
        ({"sentences": SENTENCES, "min_count": 10**6}, ValueError, "fewer than min_count=1000000"),
    ],
)
def test_bad_arguments(given, error, message):
    with pytest.raises(error, match=message):
        Word2Vec(**given)


def test_bad_calls(model, tmp_path):
    model = copy.deepcopy(model)
    empty = Word2Vec(**SMALL)
    with pytest.raises(RuntimeError, match="call build_vocab before train"):
        empty.train(SENTENCES)
    with pytest.raises(ValueError, match="takes either corpus_iterable or corpus_file"):
        empty.build_vocab()
    with pytest.raises(ValueError, match="train takes either"):
        model.train(SENTENCES, "file")
    with pytest.raises(ValueError, match="trim_rule does not go with update=True"):
        model.build_vocab(SENTENCES, update=True, trim_rule=lambda word, count, least: 0)
    with pytest.raises(ValueError, match="frequencies without text cannot be trained on"):
        model.build_vocab_from_freq({"a": 5}, update=True)
    with pytest.raises(ValueError, match="keep_raw_vocab is True"):
        model.build_vocab(SENTENCES, keep_raw_vocab=True)
    with pytest.raises(ValueError, match="epochs"):
        model.train(SENTENCES, epochs=0)
    with pytest.raises(ValueError, match="mmap is 'w'; allowed are None and 'r'"):
        Word2Vec.load(tmp_path / "x", mmap="w")
    empty.build_vocab_from_freq({"a": 5, "b": 4})
    with pytest.raises(ValueError, match="there is no corpus to train on"):
        empty.train()
    with pytest.warns(UserWarning, match="callbacks are for the training in the constructor"):
        Word2Vec(callbacks=[CallbackAny2Vec()])


# ---- vocabularies ----


def test_trim_rule(tmp_path):
    count, rare = min((sum(s.count(f"w{i}") for s in SENTENCES), f"w{i}") for i in range(40))
    answers = {"w1": 1, rare: 2}

    def rule(word, times, min_count):
        assert times > 0 and min_count == count + 1
        return answers.get(word, 0)

    plain = Word2Vec(min_count=count + 1)
    plain.build_vocab(SENTENCES)
    ruled = Word2Vec(min_count=count + 1, trim_rule=rule)
    ruled.build_vocab(iter(SENTENCES))
    expected = set(plain.wv.index_to_key) - {"w1"} | {rare}
    assert set(ruled.wv.index_to_key) == expected and rare not in plain.wv and ruled.corpus_count == 400
    assert ruled.wv.get_vecattr(rare, "count") == count
    path = tmp_path / "text"
    path.write_text("\n".join(map(" ".join, SENTENCES)))
    plain.build_vocab(corpus_file=path, trim_rule=rule)
    assert set(plain.wv.index_to_key) == expected
    with pytest.raises(ValueError, match="trim_rule answered 7 for the word"):
        plain.build_vocab(SENTENCES, trim_rule=lambda word, count, least: 7)
    with pytest.raises(ValueError, match="trim_rule and min_count leave no word"):
        plain.build_vocab(SENTENCES, trim_rule=lambda word, count, least: 1)


def test_vocabulary_from_frequencies(model):
    words, counts = model.skipgram.vocab.words, model.skipgram.vocab.counts.tolist()
    other = Word2Vec(**SMALL)
    other.build_vocab_from_freq(dict(zip(words, counts)) | {"rare": 1}, corpus_count=400)
    assert other.wv.index_to_key == words and other.corpus_count == 400
    other.train(SENTENCES)
    assert np.array_equal(other.wv.vectors, model.wv.vectors)
    fresh = Word2Vec(vector_size=4)
    fresh.reset_from(model)
    assert fresh.wv.index_to_key == words and fresh.corpus_count == 400


# ---- loss and callbacks ----


class Recorder:  # no base class: only some hooks
    def __init__(self):
        self.seen = []

    def on_train_begin(self, model):
        self.seen.append("begin")

    def on_epoch_end(self, model):
        self.seen.append((model, model.get_latest_training_loss(), len(model.wv)))


def test_callbacks_get_the_word2vec_and_the_loss_grows():
    recorder = Recorder()
    model = Word2Vec(SENTENCES, callbacks=[recorder, CallbackAny2Vec()], **SMALL)
    first, *epochs = recorder.seen
    assert first == "begin" and all(owner is model for owner, _, _ in epochs)
    sums = np.cumsum([epoch["nll"] * epoch["pairs"] for epoch in model.skipgram.history])
    assert [loss for _, loss, _ in epochs] == pytest.approx(sums.tolist(), rel=1e-12)
    model.train(epochs=1)  # the callbacks of the constructor are forgotten, the loss starts anew
    last = model.skipgram.history[-1]
    assert len(recorder.seen) == 4 and model.get_latest_training_loss() == last["nll"] * last["pairs"]


def test_callbacks_of_ours_get_the_skipgram():
    seen = []

    class Ours(Callback):
        def on_epoch_end(self, model):
            seen.append(model)

    stopping = EarlyStopping(monitor="valid_nll", patience=1)
    model = Word2Vec(SENTENCES, **SMALL, callbacks=[Ours(), stopping], settings={"validation": SENTENCES[:9]})
    assert seen and all(each is model.skipgram for each in seen)


def test_an_error_in_a_callback_ends_the_training(model):
    class Stop(CallbackAny2Vec):
        def on_epoch_end(self, model):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy.deepcopy(model).train(SENTENCES, callbacks=[Stop()])


def test_gensim_callbacks():
    callbacks = pytest.importorskip("gensim.models.callbacks")

    class Gensims(callbacks.CallbackAny2Vec):
        losses = ()

        def on_epoch_end(self, model):
            self.losses = (*self.losses, model.get_latest_training_loss())

    recorder = Gensims()
    Word2Vec(SENTENCES, callbacks=[recorder], compute_loss=True, **SMALL)
    assert len(recorder.losses) == 3 and list(recorder.losses) == sorted(recorder.losses)


# ---- probabilities: against plain float64 ----


def log_probabilities(model, row):
    """log P(n|m) over the vocabulary for a row in place of I_m."""
    scores = model.O.astype(np.float64) @ row + (model.real_bias() if len(model.real_bias()) else 0)
    return scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())


@pytest.mark.parametrize("count", [1.7, -1, float("nan"), float("inf"), "3"])
def test_frequencies_are_not_cut_off(count):
    model = Word2Vec(min_count=1)
    with pytest.raises(ValueError, match=r"word_freq\['b'\] is .*; it must be a whole number, 0 or more"):
        model.build_vocab_from_freq({"a": 2.0, "b": count})
    model.build_vocab_from_freq({"a": 2.0, "b": np.int64(3)})
    assert model.wv.index_to_key == ["b", "a"]


def test_predict_output_word_names_a_wrong_topn():
    model = Word2Vec([["a", "b", "c"]] * 9, vector_size=2, min_count=1, epochs=1)
    assert len(model.predict_output_word(["a"], topn=None)) == 3 and model.predict_output_word(["a"], 0) == []
    for topn, error in ((-1, ValueError), (2.5, TypeError)):
        with pytest.raises(error, match=f"topn is {topn}"):
            model.predict_output_word(["a"], topn)


@pytest.mark.parametrize("output_bias", [None, "unigram"])
def test_predict_output_word(output_bias, caplog):
    model = Word2Vec(SENTENCES, **SMALL, settings={"output_bias": output_bias})
    ours, words = model.skipgram, model.wv.index_to_key
    for given in (["w1"], ["w1", "w2", "w5"], [0, "w3"]):
        rows = [model.wv.get_index(word) for word in given]
        expected = np.exp(log_probabilities(ours, ours.I[rows].astype(np.float64).mean(axis=0)))
        answer = model.predict_output_word(given, topn=len(words))
        assert sum(p for _, p in answer) == pytest.approx(1, abs=1e-9)
        assert dict(answer) == pytest.approx(dict(zip(words, expected)), rel=1e-5)
        assert [p for _, p in answer] == sorted((p for _, p in answer), reverse=True)
        assert model.predict_output_word(given, topn=3) == answer[:3]
    one = model.predict_output_word(["w1"], 5)
    exact = ours.predict_context("w1", 5)
    assert [word for word, _ in one] == [word for word, _ in exact]
    with caplog.at_level(logging.WARNING, "fastsg"):
        assert (
            model.predict_output_word(["nix", "w1"], 5) == one and model.predict_output_word(["nix"]) is None
        )
    assert "left out unknown words ['nix']" in caplog.text
    with pytest.raises(TypeError, match="context_words_list is the str 'w1'"):
        model.predict_output_word("w1")


def test_score(model):
    ours, window = model.skipgram, 5
    texts = [SENTENCES[0], ["w1", "nix", "w2"], ["w1"], [], ["nix"], SENTENCES[7]]
    expected = []
    for text in texts:
        ids = [ours.vocab.index[word] for word in text if word in ours.vocab.index]
        total = 0.0
        for i, m in enumerate(ids):
            log_P = log_probabilities(ours, ours.I[m].astype(np.float64))
            for j, n in enumerate(ids):
                if 0 < abs(i - j) <= window:
                    total += (window - abs(i - j) + 1) / window * log_P[n]
        expected.append(total)
    assert model.score(iter(texts), total_sentences=2) == pytest.approx(expected, rel=1e-5)
    assert model.score([]).shape == (0,)
    with pytest.raises(TypeError, match="sentence 1 is a str"):
        model.score([["a"], "b c"])


# ---- files ----


def test_what_gensim_keeps_with_a_model_survives(tmp_path):
    model = Word2Vec(SENTENCES, **SMALL)
    model.epochs = 1
    model.train()
    model.save(tmp_path / "m")
    for loaded in (Word2Vec.load(tmp_path / "m"), copy.deepcopy(model)):
        assert (loaded.corpus_count, loaded.corpus_total_words, loaded.epochs) == (
            400,
            sum(map(len, SENTENCES)),
            1,
        )
        assert loaded.get_latest_training_loss() == model.get_latest_training_loss()  # of the last call alone
    loaded.train(SENTENCES, total_examples=loaded.corpus_count, epochs=loaded.epochs)
    with pytest.raises(TypeError, match="epochs is 'many'"):
        loaded.epochs = "many"
    plain = SkipGram(SENTENCES, vector_size=8, min_count=2, epochs=3)  # which knows nothing of gensim
    plain.save(tmp_path / "p")
    loaded = Word2Vec.load(tmp_path / "p")
    assert (loaded.corpus_count, loaded.epochs) == (0, 3)
    assert loaded.corpus_total_words == plain.vocab.raw_tokens


def test_save_and_load(model, tmp_path):
    path = tmp_path / "model"
    model.save(path)
    for loaded in (Word2Vec.load(path), Word2Vec.load(str(path), mmap="r")):
        assert np.array_equal(loaded.wv.vectors, model.wv.vectors) and loaded.epochs == 3
        assert loaded.wv.most_similar("w1") == model.wv.most_similar("w1")
        assert loaded.get_latest_training_loss() == model.get_latest_training_loss()
        assert loaded.corpus_count == 400 and loaded.corpus_total_words == model.corpus_total_words
    again, same = Word2Vec.load(path), copy.deepcopy(model)
    again.train(SENTENCES, epochs=1)
    same.train(SENTENCES, total_examples=same.corpus_count, epochs=1)
    assert np.array_equal(again.wv.vectors, same.wv.vectors)
    assert SkipGram.load(path).wv.index_to_key == model.wv.index_to_key

    class Mine(Word2Vec):
        pass

    assert type(Mine.load(path)) is Mine


def test_pickles_and_copies(model):
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.wv.vectors, model.wv.vectors) and other.corpus_count == 400


def test_files_of_gensim_are_refused(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps({"a": np.zeros(3)}))
    with pytest.raises(FormatError):
        Word2Vec.load(path)


# ---- sentences from files ----


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a b c\n\n d  e\nf\n" * 3, encoding="utf-8")
    return path


def test_line_sentence(text):
    expected = [["a", "b", "c"], ["d", "e"], ["f"]] * 3
    assert list(LineSentence(text)) == list(LineSentence(str(text))) == expected
    lines = LineSentence(text)
    assert list(lines) == list(lines)  # restartable
    assert list(LineSentence(text, limit=2)) == expected[:2] and list(LineSentence(text, limit=0)) == []
    cut = [["a", "b"], ["c"], ["d", "e"], ["f"]] * 3
    assert list(LineSentence(text, max_sentence_length=2)) == cut
    for opened in (io.StringIO(text.read_text()), io.BytesIO(text.read_bytes())):
        lines = LineSentence(opened)
        assert list(lines) == list(lines) == expected
    with pytest.raises(ValueError, match="max_sentence_length is 0"):
        LineSentence(text, max_sentence_length=0)
    with pytest.raises(TypeError, match="limit is"):
        LineSentence(text, limit="2")


def test_text8_and_folders(text, tmp_path):
    assert list(Text8Corpus(text, max_sentence_length=4)) == [list("abcd"), list("efab"), list("cdef"),
                                                              list("abcd"), list("ef")]  # fmt: skip
    (tmp_path / "b.txt").write_text("x y\n")
    (tmp_path / "sub").mkdir()
    assert list(PathLineSentences(tmp_path))[0] == ["x", "y"] and len(list(PathLineSentences(tmp_path))) == 10
    assert list(PathLineSentences(text)) == list(LineSentence(text))
    assert list(PathLineSentences(tmp_path, limit=2)) == [["x", "y"], ["a", "b", "c"]]
    with pytest.raises(ValueError, match="must be a file or a folder"):
        PathLineSentences(tmp_path / "none")


# ---- beside gensim, where it is installed; more in test_gensim.py ----


@pytest.fixture(scope="module")
def gensim_model():
    return pytest.importorskip("gensim.models").Word2Vec


@pytest.mark.parametrize(
    "name",
    [
        "__init__",
        "build_vocab",
        "build_vocab_from_freq",
        "train",
        "score",
        "predict_output_word",
        "reset_from",
    ],
)
def test_signatures_are_those_of_gensim(gensim_model, name):
    theirs = inspect.signature(getattr(gensim_model, name)).parameters
    ours = list(inspect.signature(getattr(Word2Vec, name)).parameters)
    beyond = ("settings", "trained_on")
    assert [each for each in ours if each not in beyond] == [each for each in theirs if each != "kwargs"]


def test_sentences_are_those_of_gensim(text, tmp_path):
    word2vec = pytest.importorskip("gensim.models.word2vec")
    for longest in (2, 4, 10000):
        assert list(LineSentence(text, longest)) == list(word2vec.LineSentence(str(text), longest))
        assert list(Text8Corpus(text, longest)) == list(word2vec.Text8Corpus(str(text), longest))
        assert list(PathLineSentences(tmp_path, longest)) == list(
            word2vec.PathLineSentences(str(tmp_path), longest)
        )
    assert list(LineSentence(text, limit=1)) == list(word2vec.LineSentence(str(text), limit=1))


# ---- the package ----


def test_the_package_does_not_import_its_adapters():
    code = "import sys, fastsg; print([n for n in sys.modules if n in ('fastsg.compat', 'fastsg.sklearn')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    code = "import sys, fastsg.compat; print([n for n in sys.modules if n.startswith(('gensim', 'sklearn'))])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]" and fastsg.__version__


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_a_loaded_model_grows(tmp_path, solver):
    settings = SMALL | {"settings": {"solver": solver}}
    Word2Vec(SENTENCES, **settings).save(tmp_path / "m")
    loaded, more = Word2Vec.load(tmp_path / "m"), [["new", *SENTENCES[0][:2]]] * 6
    trained_on = SENTENCES if solver == "counts" else None
    loaded.build_vocab(more, update=True, trained_on=trained_on)
    assert "new" in loaded.wv and loaded.corpus_count == 6
    tokens, _ = loaded.train(more, total_examples=loaded.corpus_count, epochs=2)
    assert tokens > sum(map(len, SENTENCES)) if trained_on else tokens == 2 * sum(map(len, more))
    with pytest.raises(ValueError, match="trained_on is the text of an earlier training"):
        Word2Vec(trim_rule=lambda word, count, least: 0).build_vocab(SENTENCES, trained_on=SENTENCES)


@pytest.mark.parametrize("load", [Word2Vec.load, SkipGram.load, fastsg.KeyedVectors.load])
def test_files_of_gensim_are_told(tmp_path, load):
    (tmp_path / "m").write_bytes(pickle.dumps(SENTENCES))
    with pytest.raises(FormatError, match=r"it is a pickle, which is never opened; .* save_word2vec_format"):
        load(tmp_path / "m")


def test_a_vocabulary_grows_as_gensim_users_write_it():
    model = Word2Vec(SENTENCES, **SMALL)
    words = len(model.wv)
    more = [["new", "words", *SENTENCES[0][:2]]] * 6
    model.build_vocab(more, update=True)
    tokens, _ = model.train(more, total_examples=len(more), epochs=2)
    assert len(model.wv) == words + 2 and "new" in model.wv
    assert (
        tokens == 2 * model.skipgram.corpus.n_tokens > 2 * sum(map(len, more))
    )  # all text, not the new alone
