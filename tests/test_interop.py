"""Other libraries read our files of vectors, and we theirs; skipped where a library is absent."""

import os

import numpy as np
import pytest
from commands import python
from conftest import SEED

from fastsg import KeyedVectors
from fastsg.io import load_vectors, save_vectors

WORDS = ["the", "café", "a\u00a0b", "中文", "new_york", *(f"w{i}" for i in range(40))]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def matrix():
    return np.random.default_rng(SEED).standard_normal((len(WORDS), 7)).astype(np.float32)


def same_bits(a, b):
    return a.shape == b.shape and (np.asarray(a, np.float32).view(np.uint32) == b.view(np.uint32)).all()


@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.glove", "v.txt.gz", "v.bin.bz2"])
def test_gensim(name, matrix):
    gensim = pytest.importorskip("gensim")
    options = {"binary": ".bin" in name, "no_header": ".glove" in name}
    save_vectors(name, WORDS, matrix)
    theirs = gensim.models.KeyedVectors.load_word2vec_format(name, **options)
    assert theirs.index_to_key == WORDS and same_bits(theirs.vectors, matrix)
    theirs.save_word2vec_format(name, binary=options["binary"], write_header=not options["no_header"])
    words, values, _ = load_vectors(name)
    assert words == WORDS and same_bits(values, matrix)


def test_gensim_counts_of_fasttext(data):
    """Words, counts and vectors of a native model, as gensim reads them."""
    pytest.importorskip("gensim")
    from gensim.models.fasttext import load_facebook_vectors

    for path in sorted((data / "vectors" / "fasttext_bin").glob("*.bin")):
        if path.name == "toy-model-pretrained.bin":  # with an empty word
            continue
        theirs = load_facebook_vectors(str(path))
        words, values, counts = load_vectors(path)
        assert words == theirs.index_to_key
        assert counts.tolist() == [theirs.get_vecattr(word, "count") for word in words]
        # gensim gives </s> n-grams, fastText does not.
        alike = [i for i, word in enumerate(words) if word != "</s>"]
        assert values[alike] == pytest.approx(theirs.vectors[alike], abs=1e-5)


@pytest.mark.parametrize(
    "options", [{"maxn": 0, "bucket": 0}, {"minn": 2, "maxn": 4, "bucket": 50}, {"loss": "softmax"}]
)
@pytest.mark.filterwarnings("ignore")
def test_fasttext(options, matrix):
    """Vectors of words bit for bit as fastText itself computes them."""
    fasttext = pytest.importorskip("fasttext")
    with open("text", "w", encoding="utf-8") as file:
        file.write("the cat eats naïve fish 中文\nthe dog eats meat\n" * 60)
    model = fasttext.train_unsupervised("text", dim=6, epoch=1, minCount=1, thread=1, verbose=0, **options)
    model.save_model("m.bin")
    words, values, counts = load_vectors("m.bin")
    theirs, frequencies = model.get_words(include_freq=True)
    assert words == theirs and counts.tolist() == list(frequencies)
    assert same_bits(np.array([model.get_word_vector(word) for word in words]), values)
    outputs = load_vectors("m.bin", which="output").matrix
    assert same_bits(model.get_output_matrix(), outputs)


def test_finalfusion(matrix):
    finalfusion = pytest.importorskip("finalfusion")
    save_vectors("v.fifu", WORDS, matrix)
    theirs = finalfusion.load_finalfusion("v.fifu")
    assert theirs.vocab.words == WORDS and same_bits(theirs.storage, matrix)
    theirs.write("w.fifu")
    words, values, _ = load_vectors("w.fifu")
    assert words == WORDS and same_bits(values, matrix)
    save_vectors("v.txt", WORDS, matrix)
    finalfusion.load_text_dims("v.txt").write("w.fifu")  # normalised, with norms
    assert load_vectors("w.fifu").matrix == pytest.approx(matrix, rel=1e-5)


def test_pyarrow_reads_what_is_there(matrix):
    parquet = pytest.importorskip("pyarrow.parquet")
    save_vectors("v.parquet", WORDS, matrix)
    frame = parquet.read_table("v.parquet")
    assert frame["word"].to_pylist() == WORDS and np.array(frame["vector"].to_pylist()).shape == matrix.shape
    assert os.path.getsize("v.parquet") > matrix.nbytes


@pytest.mark.parametrize("name", ["v.vec", "v.vec.gz"])
def test_spacy(name, matrix):
    """A pipeline made by `spacy init vectors`, saved and loaded."""
    spacy = pytest.importorskip("spacy")
    save_vectors(name, WORDS, matrix)
    done = python("-m", "spacy", "init", "vectors", "en", name, "pipeline")
    assert done.returncode == 0, done.stderr
    pipeline = spacy.load("pipeline")
    assert same_bits(np.array([pipeline.vocab.get_vector(word) for word in WORDS]), matrix)
    text = pipeline("The café, w3 nowhere.")
    assert [token.has_vector for token in text] == [False, True, False, True, False, False]
    assert text.vector == pytest.approx((matrix[1] + matrix[WORDS.index("w3")]) / 6, abs=1e-6)
    assert not pipeline("").vector.any() and not pipeline("nowhere").vector.any()


def test_spacy_neighbours(matrix):
    """Its cosines are ours."""
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("xx")
    for word, row in zip(WORDS, matrix):
        pipeline.vocab.set_vector(word, row)
    wv = KeyedVectors(WORDS, matrix)
    for a, b in (("the", "café"), ("中文", "new_york")):
        theirs = pipeline.vocab[a].similarity(pipeline.vocab[b])
        assert theirs == pytest.approx(wv.similarity(a, b), abs=1e-6)
