"""KeyedVectors that change: words, vectors and attributes added and replaced; what was given stays."""

import copy
import logging

import numpy as np
import pytest

from fastsg.errors import FormatError
from fastsg.vectors import Correlation, KeyedVectors

WORDS = ["the", "of", "king", "queen"]


@pytest.fixture
def matrix(rng):
    return rng.standard_normal((4, 3)).astype(np.float32)


@pytest.fixture
def kv(matrix):
    return KeyedVectors(WORDS, matrix, [40, 30, 20, 10])


def test_add_vector(kv, matrix):
    before = kv.most_similar("king")
    assert kv.add_vector("new", [1, 2, 3]) == 4 and "new" in kv and len(kv) == 5
    assert kv["new"].tolist() == [1, 2, 3] and kv.vectors.dtype == np.float32
    assert kv.get_vecattr("new", "count") == 0 and kv.counts.tolist() == [40, 30, 20, 10, 0]
    assert [pair for pair in kv.most_similar("king") if pair[0] != "new"] == before
    with pytest.raises(ValueError, match="the word 'king' is already there"):
        kv.add_vector("king", [1, 2, 3])


def test_replacing_spares_the_given_matrix(kv, matrix):
    given = matrix.copy()
    kv.most_similar("king")
    kv["king"] = [5, 0, 0]
    assert (matrix == given).all() and kv["king"].tolist() == [5, 0, 0]
    assert kv.similarity("king", "queen") == pytest.approx(given[3, 0] / np.linalg.norm(given[3]), abs=1e-6)
    assert dict(kv.most_similar("queen"))["king"] == pytest.approx(kv.similarity("king", "queen"))
    kv[["king", "new"]] = np.eye(3, dtype=np.float32)[:2]
    assert kv.vectors[[2, 4]].tolist() == [[1, 0, 0], [0, 1, 0]]
    read_only = KeyedVectors(WORDS, given)
    given.flags.writeable = False
    read_only["king"] = [1, 2, 3]
    assert read_only["king"].tolist() == [1, 2, 3]


def test_add_vectors(kv, matrix, caplog):
    caplog.set_level(logging.INFO)
    old = kv["king"].copy()
    kv.add_vectors(["new", "king"], np.ones((2, 3)), extras={"year": [1, 2], "tag": ["A", "B"]})
    assert (kv["king"] == old).all() and kv.get_vecattr("king", "year") == 0
    assert kv.get_vecattr("new", "tag") == "A" and kv.get_vecattr("the", "tag") == ""
    assert "1 of 2 words were there and keep their vectors" in caplog.text
    kv.add_vectors(
        ["king", "newer"], np.zeros((2, 3)), extras={"year": [3, 4], "count": [7, 8]}, replace=True
    )
    assert (kv["king"] == 0).all() and kv.get_vecattr("king", "year") == 3
    assert kv.counts.tolist() == [40, 30, 7, 10, 0, 8] and kv.get_vecattr("newer", "tag") == ""
    assert kv.expandos["year"].tolist() == [0, 0, 3, 0, 1, 4]


@pytest.mark.parametrize(
    "keys, weights, extras, error, message",
    [
        (["a", "a"], np.ones((2, 3)), None, ValueError, "the word 'a' occurs twice"),
        (["a", 2], np.ones((2, 3)), None, TypeError, "words must be str; got 2"),
        (["a"], np.ones((1, 4)), None, ValueError, r"weights must be numbers of shape \(1, 3\)"),
        (["a", "b"], np.ones((1, 3)), None, ValueError, r"of shape \(2, 3\), one row for each key"),
        (["a"], [["x", "y", "z"]], None, ValueError, "weights must be numbers"),
        (["a"], np.ones((1, 3)), {"year": [1, 2]}, TypeError, "attribute 'year' must be 1 numbers or texts"),
        (["a"], np.ones((1, 3)), {"year": [None]}, TypeError, "attribute 'year' must be"),
        (["a"], np.ones((1, 3)), {"count": [-1]}, ValueError, "counts must be 1 integers >= 0"),
        (["a"], np.ones((1, 3)), {"count": [0.5]}, ValueError, "counts must be"),
        (["a"], np.ones((1, 3)), {"old": [0.5]}, TypeError, "attribute 'old' holds int64, got float64"),
    ],
)
def test_add_vectors_refuses(kv, matrix, keys, weights, extras, error, message):
    kv.set_vecattr("king", "old", 7)
    with pytest.raises(error, match=message):
        kv.add_vectors(keys, weights, extras)
    assert kv.index_to_key == WORDS and kv.vectors is matrix and set(kv.expandos) == {"count", "old"}


def test_attributes(kv):
    kv.set_vecattr("king", "weight", 0.5)
    kv.set_vecattr("queen", "weight", 2)
    kv.set_vecattr("king", "noun", True)
    kv.set_vecattr("king", "tag", "NN")
    kv.set_vecattr("of", "count", 33)
    assert kv.expandos["weight"].tolist() == [0, 0, 0.5, 2] and kv.expandos["noun"].dtype == bool
    assert kv.get_vecattr("king", "tag") == "NN" and kv.get_vecattr("the", "tag") == ""
    assert type(kv.get_vecattr("king", "count")) is int and kv.counts.tolist() == [40, 33, 20, 10]
    bare = KeyedVectors(WORDS, kv.vectors)
    bare.set_vecattr("of", "count", 3)
    assert bare.counts.tolist() == [0, 3, 0, 0]
    bare.counts = None
    assert "count" not in bare.expandos
    with pytest.raises(ValueError, match="counts must be 4 integers"):
        bare.counts = [1]


@pytest.mark.parametrize(
    "attr, value, error, message",
    [
        ("count", 0.5, TypeError, "attribute 'count' holds int64, got 0.5"),
        ("count", -1, ValueError, "attribute 'count' must not be negative, got -1"),
        ("year", 1.5, TypeError, "attribute 'year' holds int64, got 1.5"),
        ("year", "x", TypeError, "attribute 'year' takes numbers and texts, got 'x'"),
        ("tag", 5, TypeError, "attribute 'tag' holds texts, got 5"),
        ("thing", [1], TypeError, r"attribute 'thing' takes numbers and texts, got \[1\]"),
        ("thing", 2**80, TypeError, "attribute 'thing' takes numbers"),
        ("", 5, TypeError, "attr is ''; it must be a name"),
    ],
)
def test_attributes_refuse(kv, attr, value, error, message):
    kv.set_vecattr("king", "year", 7)
    kv.set_vecattr("king", "tag", "NN")
    with pytest.raises(error, match=message):
        kv.set_vecattr("queen", attr, value)
    assert set(kv.expandos) == {"count", "year", "tag"}


def test_given_counts_are_not_written_to(matrix):
    counts = np.array([4, 3, 2, 1])
    kv = KeyedVectors(WORDS, matrix, counts)
    kv.set_vecattr("king", "count", 9)
    assert counts.tolist() == [4, 3, 2, 1] and kv.counts.tolist() == [4, 3, 9, 1]


def test_a_copy_goes_its_own_way(kv):
    kv["king"] = [1, 2, 3]
    kv.set_vecattr("king", "year", 7)
    other = copy.copy(kv)
    other["king"] = [3, 2, 1]
    other.set_vecattr("king", "year", 8)
    other.add_vector("new", [1, 1, 1])
    assert kv["king"].tolist() == [1, 2, 3] and kv.get_vecattr("king", "year") == 7 and "new" not in kv
    kv["queen"] = [0, 0, 1]
    kv.set_vecattr("queen", "year", 9)
    assert other["queen"].tolist() != [0, 0, 1] and other.get_vecattr("queen", "year") == 0


def test_another_matrix_has_other_norms(kv):
    kv.most_similar("king")
    kv.vectors = kv.vectors * np.arange(1, 5, dtype=np.float32)[:, None]
    assert np.linalg.norm(kv.get_normed_vectors(), axis=1) == pytest.approx(1, abs=1e-6)


def test_unit_normalize_all(kv, matrix):
    given, before = matrix.copy(), kv.most_similar("king")
    kv.most_similar("king")
    kv.unit_normalize_all()
    assert np.linalg.norm(kv.vectors, axis=1) == pytest.approx(1, abs=1e-6) and (matrix == given).all()
    assert [word for word, _ in kv.most_similar("king")] == [word for word, _ in before]


def test_sort_by_descending_frequency(kv):
    kv.set_vecattr("king", "count", 50)
    kv.set_vecattr("of", "count", 40)
    kv.set_vecattr("queen", "tag", "NN")
    vectors = {word: kv[word].tolist() for word in WORDS}
    kv.most_similar("king")
    kv.sort_by_descending_frequency()
    assert kv.index_to_key == ["king", "the", "of", "queen"] and kv.counts.tolist() == [50, 40, 40, 10]
    assert {word: kv[word].tolist() for word in WORDS} == vectors and kv.get_vecattr("queen", "tag") == "NN"
    assert kv.key_to_index == {word: i for i, word in enumerate(kv.index_to_key)}
    assert np.linalg.norm(kv.get_normed_vectors(), axis=1) == pytest.approx(1, abs=1e-6)
    with pytest.raises(KeyError, match="without counts"):
        KeyedVectors(WORDS, kv.vectors).sort_by_descending_frequency()


def test_vectors_for_all(kv, caplog):
    caplog.set_level(logging.INFO)
    some = kv.vectors_for_all(["queen", "nope", 0, "queen"], copy_vecattrs=True)
    assert some.index_to_key == ["queen", "the"] and some.counts.tolist() == [10, 40]
    assert (some.vectors == kv.vectors[[3, 0]]).all() and not np.shares_memory(some.vectors, kv.vectors)
    assert "1 of 3 keys are unknown" in caplog.text and kv.vectors_for_all(["queen"]).counts is None
    assert len(kv.vectors_for_all([])) == 0 and kv.vectors_for_all([]).vector_size == 3


def test_intersect_word2vec_format(kv, matrix, tmp_path):
    given = matrix.copy()
    other = KeyedVectors(["queen", "zoo", "the"], np.arange(9, dtype=np.float32).reshape(3, 3))
    for binary in (False, True):
        other.save_word2vec_format(tmp_path / "v", binary=binary)
        assert kv.intersect_word2vec_format(tmp_path / "v", binary=binary) == 2
        assert kv["queen"].tolist() == [0, 1, 2] and kv["the"].tolist() == [6, 7, 8] and "zoo" not in kv
        assert (kv["of"] == given[1]).all() and (matrix == given).all()
    KeyedVectors(["king"], np.ones((1, 2), np.float32)).save_word2vec_format(tmp_path / "v")
    with pytest.raises(ValueError, match="its vectors have 2 numbers, these 3"):
        kv.intersect_word2vec_format(tmp_path / "v")
    (tmp_path / "v").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(FormatError, match="pickle"):
        kv.intersect_word2vec_format(tmp_path / "v")


def test_few_words(kv, caplog):
    assert kv.most_similar_to_given("king", ["the", "of", "queen"]) == max(
        ["the", "of", "queen"], key=lambda word: kv.similarity("king", word)
    )
    with pytest.raises(ValueError, match="keys_list must not be empty"):
        kv.most_similar_to_given("king", [])
    total = sum(kv.similarity("king", word) for word in ("the", "of", "queen"))
    assert kv.relative_cosine_similarity("king", "of") == pytest.approx(kv.similarity("king", "of") / total)
    with pytest.raises(ValueError, match="topn is 0 among 4 words"):
        kv.relative_cosine_similarity("king", "of", topn=0)
    units = np.stack([kv.get_vector(word, norm=True) for word in WORDS]).astype(np.float64)
    middle = units.mean(axis=0) / np.linalg.norm(units.mean(axis=0))
    ranked = kv.rank_by_centrality([*WORDS, "nope"])
    assert dict(map(reversed, ranked)) == pytest.approx(dict(zip(WORDS, units @ middle)), abs=1e-6)
    assert [value for value, _ in ranked] == sorted(units @ middle, reverse=True) or len(ranked) == 4
    assert ranked[-1][1] == kv.doesnt_match(WORDS) and "left out unknown words ['nope']" in caplog.text
    assert kv.cosine_similarities(kv["king"], kv.vectors) == pytest.approx(1 - kv.distances("king"), abs=1e-6)
    assert kv.cosine_similarities(np.zeros(3), kv.vectors).tolist() == [0] * 4


def test_evaluation_results_have_names(kv):
    result = kv.evaluate_word_pairs(["king\tqueen\t9", "the\tof\t1", "of\tking\t2"], restrict_vocab=None)
    assert isinstance(result.pearson, Correlation) and result.pearson.statistic == result[0][0]
    assert result.spearman.pvalue == result[1][1] and result.oov_percent == 0
    answers = kv.evaluate_word_analogies([": s", "the of king queen"])
    assert answers.score == answers[0] and answers.sections is answers[1]
