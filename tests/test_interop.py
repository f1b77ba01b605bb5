"""Other libraries read what we write, and we what they write; skipped where a library is absent."""

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED

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


def test_model2vec(matrix):
    model2vec = pytest.importorskip("model2vec")
    counts = np.arange(len(WORDS), 0, -1)
    words = [word for word in WORDS if "\u00a0" not in word]
    matrix, counts = matrix[: len(words)], counts[: len(words)]
    save_vectors("folder", words, matrix, "model2vec", counts=counts)
    model = model2vec.StaticModel.from_pretrained("folder", force_download=False)
    assert same_bits(model.encode(words), matrix)
    text = "the café nowhere 中文 new_york"
    expected = matrix[[words.index(word) for word in text.split() if word in words]].mean(axis=0)
    assert model.encode(text) == pytest.approx(expected, abs=1e-6)
    assert model.encode("nothing known here").tolist() == [0] * 7 and model.encode("").tolist() == [0] * 7
    many = " ".join(["the"] * 600 + ["w1"] * 600)  # more than the 512 words that are its default
    assert model.encode(many) == pytest.approx((matrix[0] + matrix[words.index("w1")]) / 2, abs=1e-5)
    save_vectors("folder", words, matrix, "model2vec", counts=counts, sif=1e-3)
    weights = 1e-3 / (1e-3 + counts / counts.sum())
    weighed = model2vec.StaticModel.from_pretrained("folder", force_download=False)
    assert weighed.encode(words) == pytest.approx(matrix * weights[:, None], rel=1e-5, abs=1e-9)
    weighed.save_pretrained("theirs")
    again, values, _ = load_vectors("theirs")
    assert again == words and values == pytest.approx(weighed.encode(words))


def test_sentence_transformers(matrix):
    transformers = pytest.importorskip("sentence_transformers")
    words = WORDS[:2]
    save_vectors("folder", words, matrix[:2], "model2vec")
    model = transformers.SentenceTransformer("folder", device="cpu")
    assert model.encode(words) == pytest.approx(matrix[:2], abs=1e-6)


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
    """Its own reader of vectors, as `spacy init vectors` calls it."""
    spacy = pytest.importorskip("spacy")
    from spacy.training import initialize

    save_vectors(name, WORDS, matrix)
    pipeline = spacy.blank("xx")
    initialize.convert_vectors(pipeline, Path(name), truncate=0, prune=-1)
    for word, row in zip(WORDS, matrix):
        assert same_bits(pipeline.vocab.get_vector(word), row)
