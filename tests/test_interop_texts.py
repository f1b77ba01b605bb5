"""Libraries that make vectors of texts load our folder of static vectors, and take our vectorizer.

What a text with known words must give is plain arithmetic on the matrix. Each test is skipped where its
library is absent.
"""

import json
import os

import numpy as np
import pytest
from conftest import SEED

from fastsg import SkipGram
from fastsg.io import load_vectors, save_vectors

#: With what a tokenizer may be tempted to split, to lower, to compose or to take for a token of its own.
WORDS = [
    "the", "café", "cafe\u0301", "The", "中文", "new_york", "don't", "e-mail", "C++", "U.S.", ",", ".",
    "##ing", "[PAD]", "</s>", "\ufb01", "a\u200bb", *(f"w{i}" for i in range(20)),
]  # fmt: skip
COUNTS = np.arange(len(WORDS), 0, -1)
TOPICS = ["cat dog fish bird horse cow", "red green blue grey pink white", "one two three four five six"]
DOCUMENTS = [" ".join(np.random.default_rng(i).choice(TOPICS[i % 3].split(), 8).tolist()) for i in range(210)]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def matrix():
    """The rows of WORDS, which are also in the folder "folder"."""
    matrix = np.random.default_rng(SEED).standard_normal((len(WORDS), 7)).astype(np.float32)
    save_vectors("folder", WORDS, matrix, "model2vec", counts=COUNTS)
    return matrix


def same_bits(a, b):
    return np.shape(a) == b.shape and (np.asarray(a, np.float32).view(np.uint32) == b.view(np.uint32)).all()


def mean(matrix, text):
    """The mean of the rows of the words known, in float64."""
    return matrix[[WORDS.index(word) for word in text.split() if word in WORDS]].mean(axis=0, dtype=float)


# ---- model2vec ----


def test_model2vec(matrix):
    model2vec = pytest.importorskip("model2vec")
    model = model2vec.StaticModel.from_pretrained("folder", force_download=False)
    assert model.dim == 7 and same_bits(model.encode(WORDS), matrix)
    text = "the café, nowhere 中文 the\tnew_york don't\n C++ ."
    assert model.encode(text) == pytest.approx(mean(matrix, text), abs=1e-6)
    known = [WORDS.index(word) for word in text.split() if word in WORDS]
    assert same_bits(model.encode_as_sequence(text), matrix[known])  # a row for each word known
    assert not model.encode(["nothing known here", "", " \n", "中文字"]).any()
    many = " ".join(["the"] * 600 + ["w1"] * 600)  # more than the 512 words that are its default
    assert model.encode(many) == pytest.approx(mean(matrix, many), abs=1e-4)


def test_model2vec_weighs_by_true_counts(matrix):
    model2vec = pytest.importorskip("model2vec")
    save_vectors("folder", WORDS, matrix, "model2vec", counts=COUNTS, sif=1e-3)
    weights = 1e-3 / (1e-3 + COUNTS / COUNTS.sum())
    model = model2vec.StaticModel.from_pretrained("folder", force_download=False)
    assert model.encode(WORDS) == pytest.approx(matrix * weights[:, None], rel=1e-5, abs=1e-9)
    model.save_pretrained("theirs")
    words, values, _ = load_vectors("theirs")
    assert words == WORDS and values == pytest.approx(model.encode(WORDS))


def test_vectors_of_characters():
    """Where no word has two characters, running text is split into characters."""
    model2vec = pytest.importorskip("model2vec")
    words = [*"春眠不觉晓处闻啼鸟，。a", "\U00020000", "\u0301"]
    matrix = np.random.default_rng(SEED).standard_normal((len(words), 5)).astype(np.float32)
    save_vectors("folder", words, matrix, "model2vec")
    model = model2vec.StaticModel.from_pretrained("folder", force_download=False)
    assert same_bits(model.encode(words), matrix)
    text = "春眠不觉晓，x\u3000\U00020000闻\na\u0301。"
    rows = [words.index(character) for character in text if character in words]
    assert same_bits(model.encode_as_sequence(text), matrix[rows])
    assert load_vectors("folder").words == words


# ---- LangChain ----


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_langchain(matrix):
    pytest.importorskip("langchain_community")
    pytest.importorskip("model2vec")
    from langchain_community.embeddings import Model2vecEmbeddings
    from langchain_core.vectorstores import InMemoryVectorStore

    embeddings = Model2vecEmbeddings("folder")
    assert same_bits(embeddings.embed_documents(WORDS), matrix)
    text = "the café nowhere"
    assert embeddings.embed_query(text) == pytest.approx(mean(matrix, text), abs=1e-6)
    assert embeddings.embed_documents(["", "nowhere"]) == [[0.0] * 7] * 2
    store = InMemoryVectorStore.from_texts(["the café", "中文", "nowhere", ""], embeddings)
    assert [found.page_content for found in store.similarity_search("café the", k=1)] == ["the café"]


# ---- sentence-transformers ----


def test_sentence_transformers(matrix):
    transformers = pytest.importorskip("sentence_transformers")
    model = transformers.SentenceTransformer("folder", device="cpu")
    assert same_bits(model.encode(WORDS), matrix)
    texts = ["the café 中文", "new_york C++ ."]
    found = model.encode(texts)
    assert found == pytest.approx(np.array([mean(matrix, text) for text in texts]), abs=1e-6)
    a, b = (mean(matrix, text) for text in texts)
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert float(model.similarity(found[:1], found[1:])) == pytest.approx(cosine, abs=1e-5)
    # It divides by all words of a text, known or not: shorter, but in the same direction.
    assert model.encode("the nowhere 中文") == pytest.approx(mean(matrix, "the 中文") * 2 / 3, abs=1e-6)
    assert not model.encode(["", "nothing known here"]).any()


def test_what_sentence_transformers_saves_is_read(matrix):
    transformers = pytest.importorskip("sentence_transformers")
    transformers.SentenceTransformer("folder", device="cpu").save_pretrained("theirs")
    words, values, _ = load_vectors("theirs")
    assert words == WORDS and same_bits(values, matrix)


def test_the_name_of_sentence_transformers(matrix):
    """The same without it, from what it is known to write."""
    from safetensors.numpy import load_file, save_file

    rows = load_file("folder/model.safetensors")["embeddings"]
    for dtype in (np.float32, np.float16):
        save_file({"embedding.weight": rows.astype(dtype)}, "folder/model.safetensors")
        assert same_bits(load_vectors("folder").matrix, matrix.astype(dtype).astype(np.float32))
    save_file({"weights": rows}, "folder/model.safetensors")
    with pytest.raises(ValueError, match=r"holds \['weights'\], not \['embeddings'\]"):
        load_vectors("folder")


# ---- BERTopic ----


def backend(kind):
    """What BERTopic takes for its model of embeddings."""
    if kind == "pipeline":
        from sklearn.pipeline import make_pipeline

        from fastsg.sklearn import SkipGramVectorizer

        return make_pipeline(SkipGramVectorizer(vector_size=16, min_count=1))
    wv = SkipGram([document.split() for document in DOCUMENTS], vector_size=16, min_count=1).wv
    save_vectors("folder", wv.index_to_key, wv.vectors, "model2vec")
    if kind == "model2vec":
        return pytest.importorskip("model2vec").StaticModel.from_pretrained("folder", force_download=False)
    return "folder"


@pytest.mark.parametrize("kind", ["pipeline", "model2vec", "folder"])
@pytest.mark.filterwarnings("ignore")
def test_bertopic(kind):
    """Three topics are found, and new documents are told apart."""
    bertopic = pytest.importorskip("bertopic")
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    clusters = KMeans(3, n_init=10, random_state=1)
    model = bertopic.BERTopic(embedding_model=backend(kind), umap_model=PCA(3), hdbscan_model=clusters)
    topics, _ = model.fit_transform(DOCUMENTS)
    groups = [set(topics[start::3]) for start in range(3)]
    assert all(len(group) == 1 for group in groups) and set.union(*groups) == {0, 1, 2}
    new, _ = model.transform(["dog cow nowhere", "pink red", "six"])
    assert [{int(topic)} for topic in new] == groups
    assert {model.find_topics("cat", top_n=1)[0][0]} == groups[0]


# ---- the files themselves ----


def test_the_type_that_every_version_knows(matrix):
    """sentence-transformers 3.4 knows no other name of the class; 6.2, where it has moved, still knows it."""
    with open("folder/modules.json", encoding="utf-8") as file:
        assert [module["type"] for module in json.load(file)] == [
            "sentence_transformers.models.StaticEmbedding"
        ]
    assert not os.path.exists("folder/config_sentence_transformers.json")
