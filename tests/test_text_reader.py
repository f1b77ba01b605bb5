"""How a model reads its texts (tokenizer, encoding, lower): the same everywhere, kept in its file, and never
mixed with another way.
"""

import copy
import json

import containers
import numpy as np
import pytest

import fastsg
from fastsg import EncodedCorpus, FormatError, SkipGram
from fastsg.compat import Word2Vec
from fastsg.io import read_model_file, save_model_file
from fastsg.model import build_report

LINES = ["The CAT saw Ärger and ΟΔΟΣ", "the cat SAW ärger And οδος", "a Dog saw the Cat"] * 20
LOWER = [line.lower() for line in LINES]
SMALL = {"vector_size": 8, "min_count": 2, "epochs": 2, "sample": 0, "progress": False}


def lists(lines):
    return [line.split() for line in lines]


@pytest.fixture
def paths(tmp_path):
    """The same text in three files: as it is, in lower case, and in another encoding."""
    for name, text, encoding in (
        ("mixed", LINES, "utf-8"),
        ("low", LOWER, "utf-8"),
        ("utf16", LINES, "utf-16"),
    ):
        (tmp_path / name).write_text("\n".join(text) + "\n", encoding=encoding)
    return {name: tmp_path / name for name in ("mixed", "low", "utf16")}


@pytest.fixture
def plain():
    return SkipGram(lists(LOWER), validation=lists(LOWER[:3]), **SMALL)


def same(model, other):
    return (
        model.vocab.words == other.vocab.words
        and np.array_equal(model.I, other.I)
        and np.array_equal(model.O, other.O)
        and [epoch["valid_nll"] for epoch in model.history] == [epoch["valid_nll"] for epoch in other.history]
    )


def test_lower_is_of_files_and_of_token_lists(paths, plain):
    for text in (
        {"sentences": lists(LINES)},
        {"sentences": iter(lists(LINES))},
        {"corpus_file": paths["mixed"]},
    ):
        assert same(SkipGram(**text, lower=True, validation=lists(LINES[:3]), **SMALL), plain)
    assert "The" in SkipGram(lists(LINES), **SMALL).vocab


def test_another_encoding(paths, plain):
    held_out = paths["utf16"].with_name("valid")
    held_out.write_text("\n".join(LINES[:3]), encoding="utf-16")
    model = SkipGram(corpus_file=paths["utf16"], encoding="utf-16", lower=True, validation=held_out, **SMALL)
    assert same(model, plain)
    with pytest.raises(ValueError, match="encoding is 'klingon', which Python does not know"):
        SkipGram(encoding="klingon")
    with pytest.raises(ValueError, match="lower is 'yes'; allowed are False, True"):
        SkipGram(lower="yes")


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_partial_fit_score_and_perplexity_read_alike(paths, solver):
    model = SkipGram(lower=True, solver=solver, **SMALL).partial_fit(lists(LINES))
    plain = SkipGram(solver=solver, **SMALL).partial_fit(lists(LOWER))
    model.partial_fit(corpus_file=paths["mixed"])
    plain.partial_fit(lists(LOWER))
    assert same(model, plain)
    wanted = plain.score(lists(LOWER))
    texts = [lists(LINES), paths["mixed"], str(paths["mixed"]), [paths["mixed"]], paths["low"], plain.corpus]
    assert [model.score(text) for text in texts[:5]] == [wanted] * 5
    assert model.perplexity(paths["mixed"]) == pytest.approx(np.exp(-wanted), rel=1e-15)
    assert plain.score(lists(LINES)) != wanted
    with pytest.raises(ValueError, match=r"none of the .* tokens in sentences is in the vocabulary"):
        plain.score([["THE", "CAT"]])
    encoded = model.encode(corpus_file=paths["mixed"])
    assert np.array_equal(encoded.tokens, plain.encode(lists(LOWER)).tokens)
    everything = model.encode([["Rare", "cat"]], all_words=True)
    assert sorted(everything.vocab.words) == ["cat", "rare"]
    with pytest.raises(ValueError, match="encode takes either sentences or corpus_file"):
        model.encode()


def test_integers_and_encoded_corpora_are_taken_as_they_are():
    walks = np.arange(40).reshape(8, 5) % 4
    assert SkipGram(walks, lower=True, **SMALL).vocab.words == SkipGram(walks, **SMALL).vocab.words
    corpus = EncodedCorpus.from_iter(lists(LINES), min_count=2)
    assert "The" in SkipGram(corpus, lower=True, **SMALL).vocab


def test_the_file_keeps_it(paths, tmp_path):
    options = {"tokenizer": "char", "encoding": "utf-16", "errors": "ignore", "lower": True}
    model = SkipGram(corpus_file=paths["utf16"], **options, **SMALL)
    model.save(tmp_path / "m")
    for loaded in (fastsg.load(tmp_path / "m"), copy.deepcopy(model)):
        assert loaded.reading == model.reading == options
        assert loaded.score(paths["utf16"]) == model.score(paths["utf16"])
    settings = build_report(loaded)["settings"]
    assert settings | options == settings and json.dumps(settings)


def test_what_is_given_when_loading(paths, tmp_path):
    model = SkipGram(lists(LINES), lower=True, **SMALL)
    model.save(tmp_path / "m")
    other = fastsg.load(tmp_path / "m", encoding="utf-16")  # files may come in another encoding
    assert other.score(paths["utf16"]) == model.score(lists(LINES))
    assert fastsg.load(tmp_path / "m", lower=True).reading["lower"]
    with pytest.raises(
        ValueError, match="lower is False, but the texts of this model were read with lower=True"
    ):
        fastsg.load(tmp_path / "m", lower=False)


def test_a_resumed_training_reads_as_before(paths, tmp_path):
    options = SMALL | {"epochs": 4}
    whole = SkipGram(corpus_file=paths["mixed"], lower=True, **options)

    class Stop(fastsg.Callback):
        def on_epoch_end(self, model):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SkipGram(
            corpus_file=paths["mixed"],
            lower=True,
            callbacks=[fastsg.Checkpoint(tmp_path / "c"), Stop()],
            **options,
        )
    assert same(fastsg.load_checkpoint(tmp_path / "c").train(corpus_file=paths["mixed"], resume=True), whole)
    with pytest.raises(ValueError, match="lower is False"):
        fastsg.load_checkpoint(tmp_path / "c", lower=False)


def changed(path, change):
    content = read_model_file(path)
    change(content.config)
    save_model_file(path, content)


def test_files_of_before_load_and_may_be_told(paths, tmp_path, plain):
    plain.save(tmp_path / "m")
    changed(tmp_path / "m", lambda config: (config.pop("encoding"), config.pop("lower")))
    old = fastsg.load(tmp_path / "m")
    assert old.reading == {"tokenizer": "space", "errors": "replace", "encoding": "utf-8", "lower": False}
    told = fastsg.load(tmp_path / "m", lower=True)  # it may have been, and the file does not say
    assert told.score(paths["mixed"]) == plain.score(paths["low"])


@pytest.mark.parametrize(
    "wrong",
    [{"lower": "yes"}, {"encoding": "klingon"}, {"tokenizer": "magic"}, {"errors": 5}, {"encoding": 7}],
)
def test_a_hostile_record_is_refused(tmp_path, plain, wrong):
    plain.save(tmp_path / "m")
    changed(tmp_path / "m", lambda config: config.update(wrong))
    with pytest.raises(FormatError, match=next(iter(wrong))):
        fastsg.load(tmp_path / "m")


# ---- corpora and counts that others read ----


def test_a_model_of_a_corpus_says_how_that_was_read(paths, tmp_path):
    EncodedCorpus.from_files(paths["mixed"], tokenizer="char", lower=True, min_count=1).save(tmp_path / "e")
    corpus = EncodedCorpus.load(tmp_path / "e")
    assert (corpus.tokenizer, corpus.lower) == ("char", True)
    model = SkipGram(corpus, **SMALL)
    assert model.reading["tokenizer"] == "char" and model.reading["lower"] is True
    model.save(tmp_path / "m")
    loaded = fastsg.load(tmp_path / "m")
    assert loaded.score(paths["mixed"]) == model.score(corpus) == model.score(paths["mixed"])
    assert SkipGram(corpus, tokenizer="char", lower=True, **SMALL).reading == model.reading
    with pytest.raises(
        ValueError, match="tokenizer is 'space', but the corpus was encoded with tokenizer='char'"
    ):
        SkipGram(corpus, tokenizer="space", **SMALL)
    plain = EncodedCorpus.from_files(paths["mixed"], min_count=1)
    with pytest.raises(ValueError, match="lower is True, but the corpus was encoded with lower=False"):
        SkipGram(plain, lower=True, **SMALL)
    rebuilt = SkipGram(corpus, **SMALL)
    rebuilt.build_vocab(plain)  # the next one is followed as freely
    assert rebuilt.reading["tokenizer"] == "space" and rebuilt.reading["lower"] is False
    first = SkipGram(**SMALL).partial_fit(corpus)
    assert first.reading == model.reading


def test_what_nobody_knows_is_not_claimed(paths, tmp_path):
    corpus = EncodedCorpus.from_iter(lists(LINES), min_count=1)
    corpus.save(tmp_path / "e")
    assert EncodedCorpus.load(tmp_path / "e").tokenizer is None
    counts = fastsg.CooccurrenceCounts.for_training(corpus, sample=0)
    for model in (SkipGram(corpus, **SMALL), SkipGram(**SMALL).fit_counts(counts)):
        assert model.reading["tokenizer"] is None
        assert np.isfinite(model.score(paths["mixed"]))  # at white space, the default
        model.save(tmp_path / "m")
        with pytest.raises(ValueError, match="how the model's text was cut into words is not in its file"):
            fastsg.load(tmp_path / "m").score(paths["mixed"])
        told = fastsg.load(tmp_path / "m", tokenizer="space")
        assert told.score(paths["mixed"]) == model.score(paths["mixed"])
        assert told.reading["tokenizer"] == "space"
    assert SkipGram(corpus, tokenizer="char", **SMALL).reading["tokenizer"] == "char"  # the user knows


@pytest.mark.parametrize("wrong", [{"tokenizer": "magic"}, {"lower": "maybe"}])
def test_a_hostile_corpus_is_refused(tmp_path, wrong):
    corpus = EncodedCorpus.from_iter(lists(LINES), min_count=1)
    corpus.tokenizer, corpus.lower = "space", True
    corpus.save(tmp_path / "e")
    data = (tmp_path / "e").read_bytes()

    def lie(header, _):
        assert wrong.keys() <= header["__metadata__"].keys()
        header["__metadata__"] |= wrong

    (tmp_path / "e").write_bytes(containers.resealed(data, lie))
    with pytest.raises(FormatError, match="its text was read with"):
        EncodedCorpus.load(tmp_path / "e")


# ---- gensim's names ----


def test_the_shim_reads_alike(paths, plain):
    options = {name: SMALL[name] for name in ("vector_size", "min_count", "epochs", "sample")}
    settings = {"lower": True, "encoding": "utf-16", "validation": lists(LINES[:3])}
    model = Word2Vec(corpus_file=paths["utf16"], settings=settings, **options)
    assert same(model.skipgram, plain)
    assert model.train(corpus_file=paths["utf16"], epochs=1) == model.train(lists(LINES), epochs=1)
    assert model.score(lists(LINES)) == pytest.approx(model.score(lists(LOWER)))
    assert model.score([["CAT"], ["unknown", "words"]]).tolist() == [0, 0]
    ruled = Word2Vec(corpus_file=paths["utf16"], settings=settings, trim_rule=lambda *a: 0, **options)
    assert set(ruled.wv.index_to_key) == set(plain.vocab.words)
