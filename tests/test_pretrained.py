"""A training that starts from vectors: they are used or refused, and never overwritten silently."""

import copy
import json
import logging
import lzma
import os
import pickle

import numpy as np
import pytest
from commands import TEXT, fails, run

import fastsg
from fastsg import (
    Callback,
    Checkpoint,
    CooccurrenceCounts,
    DivergenceError,
    EncodedCorpus,
    FormatError,
    KeyedVectors,
    SkipGram,
)
from fastsg.cli.summary import summary
from fastsg.compat import Word2Vec
from fastsg.io import load_vectors, read_model_file, save_model_file, save_vectors
from fastsg.model import build_report
from fastsg.numerics.fold_in import fill_folded_start

H = 6
SMALL = {"vector_size": H, "min_count": 1, "epochs": 1, "progress": False, "sample": 0}


def sentences(seed=1, n=300, words=40):
    """Two topics, so that words of one are near each other."""
    rng = np.random.default_rng(seed)
    topics = rng.integers(2, size=n)
    return [[f"w{t}_{int(words * x**2)}" for x in rng.random(9)] for t in topics]


WORDS = EncodedCorpus.from_iter(sentences(), min_count=1).vocab.words


@pytest.fixture
def vectors():
    """Of every second word, and of one that is nowhere."""
    matrix = np.random.default_rng(2).standard_normal((len(WORDS[::2]) + 1, H)).astype(np.float32) / 3
    return KeyedVectors([*WORDS[::2], "nowhere"], matrix)


def built(**options):
    model = SkipGram(**(SMALL | options))
    model.build_vocab(sentences())
    return model


def cosines(A, B):
    return (A * B).sum(1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)


# ---- words start where their vectors are ----


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_words_start_with_their_vectors_and_others_as_they_do(vectors, solver, caplog):
    with caplog.at_level(logging.INFO, "fastsg"):
        model = built(init=vectors, solver=solver)
    plain = built(init="random", solver=solver)
    assert model.vocab.words == WORDS and np.array_equal(model.I[::2], vectors[WORDS[::2]])
    assert np.array_equal(model.I[1::2], plain.I[1::2]) and not model.O.any()
    assert model.pretrained == (len(WORDS[::2]), len(WORDS[1::2]), 1.0) and plain.pretrained is None
    assert f"{len(WORDS[::2])} of {len(WORDS)} words start from their vectors of vectors" in caplog.text
    assert model.settings.init == "vectors"


@pytest.mark.parametrize(
    "name", ["v.vec", "v.bin", "v.npz", "v.safetensors", "v.vec.gz", "v.parquet", "folder/"]
)
def test_every_format_is_a_start(vectors, tmp_path, name):
    if name == "v.parquet":
        pytest.importorskip("pyarrow")
    path = os.path.join(tmp_path, name)
    save_vectors(path, vectors.index_to_key, vectors.vectors)
    model = built(init=path)
    assert model.settings.init == path and np.array_equal(model.I, built(init=vectors).I)


def test_a_model_file_gives_its_input_vectors(tmp_path):
    first = SkipGram(sentences(), **SMALL, vectors="sum")
    first.save(tmp_path / "m")
    model = built(init=tmp_path / "m", seed=7)
    assert np.array_equal(model.I, first.I) and model.settings.init == str(tmp_path / "m")
    assert not model.O.any()


def test_gensims_vectors_are_a_start(vectors):
    pytest.importorskip("gensim")
    assert np.array_equal(built(init=vectors.to_gensim()).I, built(init=vectors).I)


def test_long_vectors_are_shortened_by_one_factor(vectors):
    long = KeyedVectors(vectors.index_to_key, vectors.vectors * np.float32(50))
    model = built(init=long)
    assert 0 < model.pretrained.factor < 0.1
    assert model.I[::2] == pytest.approx(long[WORDS[::2]] * model.pretrained.factor, rel=1e-6)
    assert np.sqrt((model.I[::2] ** 2).sum(1).mean()) == pytest.approx(2, rel=1e-5)
    zeros = built(init=KeyedVectors(vectors.index_to_key, vectors.vectors * 0))
    assert not zeros.I[::2].any() and zeros.pretrained.factor == 1
    assert np.isfinite(zeros.train().I).all()


def test_a_file_named_like_a_start_needs_a_dot(vectors, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_vectors("svd", vectors.index_to_key, vectors.vectors)
    assert built(init="svd").pretrained is None
    for given in ("./svd", type(tmp_path)("svd")):
        model = built(init=given)
        assert model.pretrained and model.settings.init == "./svd"


# ---- refusals ----


def test_what_is_refused(vectors, tmp_path):
    save_vectors(tmp_path / "v.vec", vectors.index_to_key, vectors.vectors)
    with pytest.raises(
        ValueError, match=r"v\.vec have 6 coordinates, but vector_size is 5; the two must agree"
    ):
        SkipGram(init=tmp_path / "v.vec", vector_size=5)
    with pytest.raises(
        ValueError, match="init is 'zeros', and there is no such file; allowed are 'svd', 'random'"
    ):
        SkipGram(init="zeros")
    for wrong in (5, ["svd"], b"svd", vectors.vectors, object()):
        with pytest.raises(TypeError, match=r"init is a .*; allowed are 'svd', 'random', the path"):
            SkipGram(init=wrong)
    (tmp_path / "p").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(FormatError, match="pickle"):
        SkipGram(init=tmp_path / "p")
    strangers = KeyedVectors(["nowhere"], np.ones((1, H), np.float32))
    model = SkipGram(init=strangers, **SMALL)
    with pytest.raises(ValueError, match=r"none of the .* words of the vocabulary is among the 1 of vectors"):
        model.build_vocab(sentences())
    assert not model.is_built
    bad = KeyedVectors([*WORDS], np.full((len(WORDS), H), np.nan, np.float32))
    with pytest.raises(ValueError, match="a vector of vectors is not finite"):
        built(init=bad)


def test_vectors_are_used_once(vectors, tmp_path):
    model = built(init=vectors)
    model.save(tmp_path / "m")
    for again in (model, fastsg.load(tmp_path / "m")):
        with pytest.raises(ValueError, match=r"starts from \(vectors\) are used up, or not in its file"):
            again.build_vocab(sentences(2))
        assert np.array_equal(again.I[::2], vectors[WORDS[::2]])  # nothing has changed


# ---- training ----


def test_training_begins_there(vectors):
    """With the largest damping a rate can give: next to nothing moves, so that the start is what is left."""
    model = built(init=vectors, alpha=1e-6, optimizer="sgd")
    start = model.I.copy()
    model.train()
    assert np.allclose(model.I[::2], start[::2], atol=1e-3) and model.O.any()
    assert not np.allclose(model.I[1::2], start[1::2], atol=1e-2)  # folded in


def test_others_are_placed_by_the_counts():
    """Vectors that tell the two topics apart, of half the words: the others land with their topic."""
    known = WORDS[::2]
    matrix = np.random.default_rng(3).normal(0, 0.1, (len(known), H)).astype(np.float32)
    matrix[:, 0] += [1 if word.startswith("w0") else -1 for word in known]
    model = built(init=KeyedVectors(known, matrix), alpha=1e-6, optimizer="sgd").train()
    sides = model.I[1::2, 0] * [1 if word.startswith("w0") else -1 for word in WORDS[1::2]]
    frequent = np.array(model.vocab.counts[1::2]) > 10
    assert frequent.sum() > 10 and (sides[frequent] > 0).mean() > 0.95
    free = built(init="random", alpha=1e-6, optimizer="sgd").train()
    sides = free.I[1::2, 0] * [1 if word.startswith("w0") else -1 for word in WORDS[1::2]]
    assert (sides[frequent] > 0).mean() < 0.9  # a control: the text alone does not turn them so


def test_a_start_from_trained_vectors_saves_epochs():
    held_out = sentences(9, 60)
    options = {"validation": held_out, "min_count": 1, "vector_size": H, "progress": False, "sample": 0}
    taught = SkipGram(sentences(), epochs=8, **options)
    plain = SkipGram(sentences(), epochs=1, init="random", **options)
    for solver in ("counts", "sgd"):
        plain = SkipGram(sentences(), epochs=1, init="random", solver=solver, **options)
        model = SkipGram(sentences(), epochs=1, init=taught.wv, solver=solver, **options)
        assert model.history[0]["valid_nll"] < plain.history[0]["valid_nll"]
        assert np.median(cosines(model.I, taught.I)) > 0.9


def wikitext(data, name):
    with lzma.open(data / "corpora_en" / f"wikitext2.{name}.txt.xz", "rt", encoding="utf-8") as file:
        return [line.split() for line in file.read(4_000_000).splitlines() if line.strip()]


@pytest.mark.parametrize("output_bias", ["unigram", None])
def test_real_text(data, output_bias):
    """After an epoch from vectors of the same text the loss is below that of the default start."""
    text, held_out = wikitext(data, "train"), wikitext(data, "valid")
    options = {"vector_size": 50, "progress": False, "max_final_vocab": 4000, "output_bias": output_bias}
    options |= {"alpha": 0.1}
    options["validation"] = held_out
    taught = SkipGram(text, epochs=3, **options)
    default = SkipGram(text, epochs=1, **options)
    chosen = np.arange(len(taught.vocab)) % 3 != 1
    for rows in (np.ones(len(chosen), bool), chosen):
        known = KeyedVectors([w for w, k in zip(taught.vocab.words, rows) if k], taught.I[rows])
        model = SkipGram(text, epochs=1, init=known, **options)
        assert model.history[0]["valid_nll"] < default.history[0]["valid_nll"] - 0.005
        near = cosines(model.I, taught.I)[rows]
        assert np.median(near) > 0.95 > np.median(cosines(default.I, taught.I))


@pytest.mark.parametrize("frequencies", [True, False])
@pytest.mark.parametrize("symmetric", [True, False])
def test_folding_in_is_least_squares(symmetric, frequencies):
    """By NumPy in float64, the formula written out; the rows given keep their bits."""
    rng = np.random.default_rng(4)
    K = 37
    N = rng.poisson(2.0, (K, K)) * (rng.random((K, K)) < 0.5) * 1.0
    N = N + N.T if symmetric else N
    rows, columns = np.nonzero(N)
    ptr = np.searchsorted(rows, np.arange(K + 1)).astype(np.int64)
    counts = (ptr, columns.astype(np.int32), N[rows, columns].astype(np.float32))
    given = rng.random(K) < 0.6
    I = rng.standard_normal((K, H)).astype(np.float32)
    O, start = np.zeros((K, H), np.float32), I.copy()
    sums = N.sum(1), N.sum(0)
    options = {"symmetric": symmetric, "frequencies": frequencies, "num_threads": 2}
    fill_folded_start(I, O, given, counts, *sums, **options)
    p, q = sums[0] / N.sum(), sums[1] / N.sum()
    E = np.outer(sums[0], sums[1]) / N.sum()
    A = np.outer(p, q) ** 0.25 * np.where(N > 0, np.maximum(0, np.log((N + 1) / (E + 1))), 0)

    def nearest(A, X):
        gram = X.T @ X
        return A @ X @ np.linalg.inv(gram + 0.01 * np.trace(gram) / H * np.eye(H))

    outputs = nearest(A.T, start * given[:, None] * p[:, None] ** 0.25)
    others = nearest(A, outputs) * p[:, None] ** -0.25 + 0.1 * start
    assert np.array_equal(I[given], start[given])
    expected = outputs * q[:, None] ** -0.25
    if frequencies:
        gram = (I.T * p) @ I
        one = np.linalg.inv(gram + 0.01 * np.trace(gram) / H * np.eye(H)) @ (p @ I)
        expected += np.outer(np.log(q) - np.log(q).mean(), one)
    assert np.allclose(O, expected, rtol=1e-3, atol=1e-4)
    assert np.allclose(I[~given], others[~given], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_set_by_hand_that_are_not_finite_are_refused(value):
    model = built()
    model.I[3, 2] = value
    with pytest.raises(DivergenceError, match="rows of I that were set before training are not finite"):
        model.train()
    assert not model.O.any()


@pytest.mark.parametrize("length", [1e-30, 1e15, 3e38])
def test_rows_of_any_length_leave_finite_matrices(length):
    model = built()
    model.I[::2] = np.float32(length)
    fill_folded_start(
        model.I,
        model.O,
        np.arange(len(WORDS)) % 2 == 0,
        *counted(CooccurrenceCounts.from_corpus(model.corpus)),
        symmetric=True,
        frequencies=False,
        num_threads=1,
    )
    assert np.isfinite(model.I).all() and np.isfinite(model.O).all()


def counted(counts):
    return counts.rows, counts.row_sums, counts.column_sums()


def test_the_same_bits_for_any_number_of_threads(vectors):
    models = [SkipGram(sentences(), init=vectors, workers=n, **(SMALL | {"epochs": 3})) for n in (1, 2, 5)]
    assert all(np.array_equal(models[0].I, m.I) and np.array_equal(models[0].O, m.O) for m in models)


def test_pairs_and_counts_start_there_too(vectors):
    corpus = EncodedCorpus.from_iter(sentences(), min_count=1)
    counted = SkipGram(init=vectors, **SMALL).fit_counts(CooccurrenceCounts.for_training(corpus, sample=0))
    read = SkipGram(corpus, init=vectors, **SMALL)
    assert np.array_equal(counted.I, read.I) and counted.pretrained == read.pretrained
    sides = [s[0] for s in sentences()], [s[1] for s in sentences()]
    pairs = SkipGram(init=vectors, **SMALL).fit_pairs(*sides)
    assert pairs.pretrained.found > 10 and np.isfinite(pairs.I).all()


# ---- what is kept ----


class Stop(Callback):
    def on_epoch_end(self, model):
        raise KeyboardInterrupt


@pytest.mark.parametrize("solver", ["counts", "sgd"])
def test_resumed_bit_for_bit_without_the_vectors(vectors, tmp_path, solver):
    path = tmp_path / "v.vec"
    save_vectors(path, vectors.index_to_key, vectors.vectors)
    options = SMALL | {"epochs": 4, "solver": solver, "sample": 0.05}
    whole = SkipGram(sentences(), init=path, **options)
    with pytest.raises(KeyboardInterrupt):
        SkipGram(sentences(), init=path, callbacks=[Checkpoint(tmp_path / "c"), Stop()], **options)
    path.unlink()
    model = fastsg.load_checkpoint(tmp_path / "c").train(sentences(), resume=True)
    assert np.array_equal(model.I, whole.I) and np.array_equal(model.O, whole.O)
    assert model.pretrained == whole.pretrained and model.settings == whole.settings
    assert json.loads(json.dumps(model.settings.as_dict()))["init"] == str(path)
    report = build_report(model)
    assert report["pretrained"] == whole.pretrained._asdict()
    assert f"{whole.pretrained.found} words started from {path}" in summary(report)


def test_a_model_saved_before_its_first_step_starts_there(vectors, tmp_path):
    built(init=vectors).save(tmp_path / "m")
    loaded = fastsg.load(tmp_path / "m").train(sentences())
    assert np.array_equal(loaded.I, built(init=vectors).train().I)
    assert copy.deepcopy(loaded).pretrained == loaded.pretrained


@pytest.mark.parametrize("wrong", [5, {}, {"found": -1, "not_found": 2, "factor": 1.0}, {"found": 1}])
def test_a_hostile_count_is_refused(vectors, tmp_path, wrong):
    built(init=vectors).save(tmp_path / "m")
    content = read_model_file(tmp_path / "m")
    content.training["pretrained"] = wrong
    save_model_file(tmp_path / "m", content)
    with pytest.raises(FormatError, match="its training has pretrained="):
        fastsg.load(tmp_path / "m")


def test_more_text_goes_on_from_there(vectors):
    """And never begins anew, however much it is: the vectors would be lost."""
    model = SkipGram(sentences(), init=vectors, **SMALL)
    steps = model.state.step
    model.partial_fit([*sentences(5, 900), ["new", "new", "w0_1"]])
    assert model.state.step > steps and "new" in model.vocab and model.pretrained.found == len(WORDS[::2])
    plain = SkipGram(sentences(), **SMALL)
    plain.partial_fit(sentences(5, 900))
    assert plain.state.step < model.state.step  # a control: this one began anew


def test_a_model_may_grow_before_it_starts(vectors):
    grown = built(init=vectors, solver="sgd")
    grown.build_vocab([["new", "new", "w0_1"]] * 3, update=True)
    assert "new" in grown.vocab and grown.pretrained.found == len(WORDS[::2])
    assert np.array_equal(grown.I[[grown.vocab.index[word] for word in WORDS[::2]]], vectors[WORDS[::2]])


# ---- by hand, and by gensim's names: the same mechanism ----


def test_rows_set_by_hand_are_the_same_start(vectors):
    model = built()
    model.I[::2] = vectors[WORDS[::2]]
    assert np.array_equal(model.train().I, built(init=vectors).train().I)


def test_outputs_set_by_hand_stay(vectors, caplog):
    model = built(init=vectors, alpha=1e-6, optimizer="sgd")
    model.O[:] = 0.25
    with caplog.at_level(logging.INFO, "fastsg"):
        model.train()
    assert "O was set before training: I and O start as they are" in caplog.text
    assert np.allclose(model.O, 0.25, atol=1e-2)


@pytest.mark.parametrize("binary", [False, True])
def test_gensims_intersection_is_used(vectors, tmp_path, binary):
    path = tmp_path / "v"
    vectors.save_word2vec_format(path, binary=binary)
    model = Word2Vec(vector_size=H, min_count=1, epochs=1, sample=0)
    model.build_vocab(sentences())
    assert model.wv.intersect_word2vec_format(path, binary=binary, lockf=1.0) == len(WORDS[::2])
    model.train(sentences())
    start = built(init=path) if not binary else built(init=vectors)
    assert np.array_equal(model.wv.vectors, start.train().I)


def test_vectors_replaced_later_are_trained_on():
    model = SkipGram(sentences(), **SMALL)
    word = WORDS[3]
    model.wv[word] = np.full(H, 5.0)
    model.train(epochs=1)
    assert model.wv.similarity(word, WORDS[3]) == pytest.approx(1) and model.wv[word].sum() > 15
    model.wv.add_vector("stranger", np.ones(H))
    with pytest.raises(ValueError, match=r"words of model\.wv were added or moved"):
        model.train()


# ---- command line ----


def test_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t").write_text(TEXT)
    small = "--min-count 1 --vector-size 4 --epochs 3 --quiet"
    run(capsys, f"train t -o v.vec {small}")
    run(capsys, f"train t --init v.vec -o a.bin --save-model m --checkpoint c --report r {small}")
    report = json.loads((tmp_path / "r").read_text())
    assert report["settings"]["init"] == "v.vec" and report["pretrained"]["not_found"] == 0
    again = SkipGram(corpus_file="t", init="v.vec", min_count=1, vector_size=4, epochs=3, progress=False)
    assert np.array_equal(fastsg.load("m").I, again.I)
    os.unlink("v.vec")
    run(capsys, "train t --init v.vec -o b.bin --resume c.1 --quiet")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert "was begun with v.vec" in fails(capsys, "train t --init svd -o d.bin --resume c.1 --quiet")
    assert "there is no such file" in fails(capsys, f"train t --init v.vec -o d.bin {small}")
    assert "4 coordinates, but vector_size is 5" in fails(
        capsys, "train t --init a.bin --vector-size 5 -o d.bin --quiet"
    )
    assert "--output and --init name the same file" in fails(capsys, f"train t --init a.bin -o a.bin {small}")
    assert "words x 4 coordinates" in run(capsys, f"train t --init a.bin --dry-run {small}")


@pytest.mark.parametrize("vectors", ["input", "output"])
def test_vectors_replaced_later_are_saved_and_grow(vectors, tmp_path):
    """They were lost without a word: only a training that followed at once took them."""
    model = SkipGram(sentences(), **SMALL, vectors=vectors)
    word = WORDS[3]
    model.wv[word] = np.full(H, 5.0)
    model.export(tmp_path / "exported.npz")
    assert (load_vectors(tmp_path / "exported.npz").matrix[model.vocab.index[word]] == 5).all()
    model.save(tmp_path / "model")
    assert (SkipGram.load(tmp_path / "model").wv[word] == 5).all() and (model.wv[word] == 5).all()
    assert (pickle.loads(pickle.dumps(model)).wv[word] == 5).all()
    model.wv[WORDS[4]] = np.full(H, 6.0)
    model.build_vocab([[word, "newcomer"]] * 9, update=True)
    assert (model.wv[word] == 5).all() and (model.wv[WORDS[4]] == 6).all() and "newcomer" in model.wv


def test_context_vectors_replaced_before_training_are_the_start():
    model = built(alpha=1e-6, optimizer="sgd")
    model.cv[WORDS[3]] = np.full(H, 0.25)
    model.train()
    assert np.allclose(model.cv[WORDS[3]], 0.25, atol=1e-2)


def test_sums_that_were_replaced_are_refused(tmp_path):
    model = built(vectors="sum")
    model.wv[WORDS[3]] = np.full(H, 0.25)
    for action in (model.train, lambda: model.save(tmp_path / "model"), lambda: model.partial_fit([WORDS])):
        with pytest.raises(ValueError, match=r"vectors='sum'.*set rows of model\.I"):
            action()


def test_mapped_vectors_that_were_replaced_are_refused(tmp_path):
    SkipGram(sentences(), **SMALL).save(tmp_path / "model")
    model = SkipGram.load(tmp_path / "model", mmap=True)
    model.wv[WORDS[3]] = np.full(H, 0.25)
    with pytest.raises(ValueError, match="mapped from a file"):
        model.save(tmp_path / "other")
