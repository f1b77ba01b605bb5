"""KeyedVectors: access, queries against their definition, evaluation against independent numbers."""

import copy
import lzma
import pickle

import numpy as np
import pytest

from fastsg.errors import FormatError
from fastsg.vectors import KeyedVectors, unit_rows

WORDS = ["the", "of", "king", "queen", "man", "woman", "zero", "twin1", "twin2"]


@pytest.fixture
def kv(rng):
    matrix = rng.standard_normal((9, 5)).astype(np.float32)
    matrix[6] = 0
    matrix[8] = matrix[7]
    return KeyedVectors(WORDS, matrix, range(90, 0, -10))


def cosines(kv, query):
    """Float64 definition: (K,), 0 where a norm is 0."""
    matrix, query = kv.vectors.astype(np.float64), np.asarray(query, np.float64)
    norms = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
    return np.divide(matrix @ query, norms, out=np.zeros(len(matrix)), where=norms > 0)


# ---- construction and access ----


def test_access(kv):
    assert len(kv) == 9 and kv.vector_size == 5 and list(kv) == WORDS == kv.index_to_key
    assert "king" in kv and "King" not in kv and 8 in kv and 9 not in kv
    assert kv.key_to_index["king"] == kv.get_index("king") == kv.get_index(2) == 2
    assert kv.get_index("King", default=-1) == -1 and kv.get_index("King", 0) == 0
    assert (kv["king"] == kv.vectors[2]).all() and (kv[["king", "of"]] == kv.vectors[[2, 1]]).all()
    assert kv[[]].shape == (0, 5) and kv["king"].shape == (5,)
    assert kv.get_vecattr("king", "count") == 70
    assert repr(kv) == "<KeyedVectors: 9 words x 5, float32, with counts>"


def test_get_vector(kv):
    view = kv.get_vector("king")
    assert np.shares_memory(view, kv.vectors) and not view.flags.writeable and kv.vectors.flags.writeable
    assert np.linalg.norm(kv.get_vector("king", norm=True)) == pytest.approx(1)
    assert (kv.get_vector("zero", norm=True) == 0).all()


@pytest.mark.parametrize("attr", ["freq", "COUNT"])
def test_get_vecattr_refuses(kv, attr):
    with pytest.raises(KeyError, match=rf"attr '{attr}': these words have \['count'\]"):
        kv.get_vecattr("king", attr)
    with pytest.raises(KeyError, match="without counts"):
        KeyedVectors(kv.index_to_key, kv.vectors).get_vecattr("king", "count")


def test_unknown_word_is_named_with_close_ones(kv):
    with pytest.raises(KeyError, match=r"'quen' is not in the vocabulary of 9 words; close words: 'queen'"):
        kv["quen"]
    for call in (
        kv.most_similar,
        kv.similar_by_word,
        kv.distances,
        kv.get_index,
        lambda w: kv.similarity("the", w),
    ):
        with pytest.raises(KeyError, match="close words: 'woman'"):
            call("womann")
    with pytest.raises(KeyError, match="close words: 'the'"):
        kv["THE"]
    mixed = KeyedVectors(["w1", "NewYork", ""], np.ones((3, 2), np.float32))
    for asked, close in (("W1", "w1"), ("newyork", "NewYork"), ("newyrok", "NewYork")):
        with pytest.raises(KeyError, match=f"close words: '{close}'"):
            mixed[asked]
    with pytest.raises(KeyError, match="neither a word nor a row number below 9"):
        kv[9]
    with pytest.raises(KeyError, match="neither"):
        kv[-1]
    with pytest.raises(KeyError, match="'' is not in"):
        kv[""]


def test_unknown_word_is_cheap_and_small(rng):
    words = [f"w{i:06d}" for i in range(100_000)]
    kv = KeyedVectors(words, np.ones((100_000, 1), np.float32))
    with pytest.raises(KeyError) as caught:
        kv["w12345"]
    assert "close words" in str(caught.value) and caught.value.args == ("w12345",)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is KeyError and "w12345" in str(again) and len(pickle.dumps(caught.value)) < 1000


@pytest.mark.parametrize(
    ("words", "matrix", "counts", "error", "message"),
    [
        (
            ["a"],
            np.ones((2, 2), np.float32),
            None,
            ValueError,
            r"words must have one entry per row of matrix \(2\), got 1",
        ),
        (
            ["a", "a"],
            np.ones((2, 2), np.float32),
            None,
            ValueError,
            "words must be unique; the word 'a' occurs twice",
        ),
        (["a", 2], np.ones((2, 2), np.float32), None, TypeError, "words must be str; got 2 of type int"),
        (["a"], np.ones(2, np.float32), None, ValueError, "matrix must be float32 or float64"),
        (["a"], np.ones((1, 0), np.float32), None, ValueError, "H >= 1"),
        (["a"], np.ones((1, 2), np.int32), None, ValueError, "got int32"),
        (["a"], np.ones((1, 2), np.float32), [1, 2], ValueError, "counts must be 1 integers"),
        (["a"], np.ones((1, 2), np.float32), [-1], ValueError, "counts must be"),
        (["a"], np.ones((1, 2), np.float32), [0.5], ValueError, "counts must be"),
    ],
)
def test_construction_refuses(words, matrix, counts, error, message):
    with pytest.raises(error, match=message):
        KeyedVectors(words, matrix, counts)


def test_matrix_is_neither_copied_nor_changed(tmp_path, rng):
    values = rng.standard_normal((9, 5)).astype(np.float32)
    values.tofile(tmp_path / "raw")
    mapped = np.memmap(tmp_path / "raw", np.float32, "r", shape=(9, 5))
    kv = KeyedVectors(WORDS, mapped)
    assert np.shares_memory(kv.vectors, mapped)
    plain = KeyedVectors(WORDS, values)
    assert kv.most_similar("king") == plain.most_similar("king")
    assert kv.evaluate_word_pairs(["king\tqueen\t9", "man\tthe\t1", "of\twoman\t2"])[2] == 0
    kv.get_normed_vectors()[0] = 7
    assert (
        values == np.fromfile(tmp_path / "raw", np.float32).reshape(9, 5)
    ).all() and plain.vectors is values


def test_copies(kv):
    for other in (copy.copy(kv), copy.deepcopy(kv), pickle.loads(pickle.dumps(kv))):
        assert other.most_similar("king") == kv.most_similar("king")


def test_no_words():
    kv = KeyedVectors([], np.zeros((0, 3), np.float32))
    assert len(kv) == 0 and kv.similar_by_vector(np.ones(3, np.float32)) == [] and kv[[]].shape == (0, 3)


# ---- queries ----


def test_similarities_equal_the_definition(kv):
    for word in WORDS:
        expected = cosines(kv, kv[word])
        assert kv.distances(word) == pytest.approx(1 - expected, abs=1e-6)
        assert [kv.similarity(word, other) for other in WORDS] == pytest.approx(expected, abs=1e-12)
    assert kv.similarity("king", "king") == pytest.approx(1, abs=1e-15)
    assert kv.distance("king", "queen") == 1 - kv.similarity("king", "queen")
    assert kv.distances("king", ["of", "queen"]) == pytest.approx(kv.distances("king")[[1, 3]], abs=1e-6)
    whole = np.arange(kv.vector_size)
    for given in (whole, whole.astype(np.uint8), whole % 2 == 1):  # were cast down to 0 and 1 on the way
        expected = 1 - cosines(kv, given.astype(np.float64))
        assert kv.distances(given) == pytest.approx(expected, abs=1e-6)
    norms = np.linalg.norm(kv.get_normed_vectors(), axis=1)
    assert norms == pytest.approx([1] * 6 + [0] + [1] * 2, abs=1e-6)


def test_most_similar(kv):
    unit = [kv.get_vector(word, norm=True) for word in ("king", "woman", "man")]
    expected = cosines(kv, unit[0] + unit[1] - unit[2])
    got = kv.most_similar(["king", "woman"], ["man"])
    order = [i for i in np.argsort(-expected, kind="stable") if WORDS[i] not in ("king", "woman", "man")]
    assert [word for word, _ in got] == [WORDS[i] for i in order]
    assert [score for _, score in got] == pytest.approx(expected[order], abs=1e-6)
    everything = kv.most_similar(["king", "woman"], ["man"], topn=None)
    assert everything == pytest.approx(expected, abs=1e-6) and everything.shape == (9,)
    assert kv.most_similar(["king", "woman"], "man", topn=2) == got[:2]
    assert kv.most_similar("king", topn=0) == []


def test_most_similar_takes_keys_vectors_and_weights(kv):
    assert (
        kv.most_similar("king")
        == kv.most_similar(["king"])
        == kv.most_similar(2)
        == kv.similar_by_word("king")
    )
    assert kv.most_similar([("king", 1.0)]) == kv.most_similar(("king", 2.5)) == kv.most_similar("king")
    assert kv.most_similar(["king", ("man", -1.0)]) == kv.most_similar("king", "man")
    assert kv.most_similar("king", [("man", -1.0)]) == kv.most_similar("king", "man")
    by_vector = kv.similar_by_vector(kv["king"])
    assert by_vector == kv.most_similar(kv["king"]) == kv.most_similar(kv.vectors[2:3])
    assert by_vector[0][0] == "king" and [w for w, _ in by_vector[1:]] == [
        w for w, _ in kv.most_similar("king")
    ]
    assert kv.similar_by_key("king") == kv.most_similar("king")


def test_most_similar_within_some_rows(kv):
    full = dict(kv.most_similar("king"))
    clipped = kv.most_similar("king", clip_start=1, clip_end=5)
    assert {w for w, _ in clipped} == {"of", "queen", "man"} and all(
        full[w] == pytest.approx(s) for w, s in clipped
    )
    assert {w for w, _ in kv.most_similar("king", restrict_vocab=2)} == {"the", "of"}
    assert kv.most_similar("king", topn=None, clip_start=1, clip_end=5).shape == (4,)
    assert kv.most_similar("king", restrict_vocab=0) == [] and len(kv.most_similar("king", topn=100)) == 8


def test_most_similar_asks_the_indexer(kv):
    class Indexer:
        def most_similar(self, vector, topn):
            return [(round(float(np.linalg.norm(vector)), 5), topn)]

    assert kv.most_similar("king", topn=3, indexer=Indexer()) == [(1.0, 3)]


@pytest.mark.parametrize("method", ["most_similar", "most_similar_cosmul"])
def test_most_similar_refuses(kv, method):
    query = getattr(kv, method)
    with pytest.raises(ValueError, match="positive and negative are both empty"):
        query()
    with pytest.raises(TypeError, match="positive takes words"):
        query([1.5])
    with pytest.raises(TypeError, match="negative takes words"):
        query("king", [("man", "woman")])
    with pytest.raises(ValueError, match=r"a vector must have shape \(5,\), got \(4,\)"):
        query([np.ones(4, np.float32)])


def test_most_similar_cosmul(kv):
    p1, p2, n = ((1 + cosines(kv, kv[word])) / 2 for word in ("king", "woman", "man"))
    expected = p1 * p2 / (n + 1e-6)
    assert kv.most_similar_cosmul(["king", "woman"], "man", topn=None) == pytest.approx(expected, rel=1e-5)
    got = kv.most_similar_cosmul(["king", "woman"], "man", topn=3)
    order = [i for i in np.argsort(-expected, kind="stable") if i not in (2, 4, 5)]
    assert [word for word, _ in got] == [WORDS[i] for i in order[:3]]
    with pytest.raises(TypeError, match="without weights"):
        kv.most_similar_cosmul([("king", 2.0)])


def test_ties_are_ordered_by_index():
    kv = KeyedVectors([f"w{i}" for i in range(50)], np.ones((50, 4), np.float32))
    assert [w for w, _ in kv.most_similar("w3", topn=5)] == ["w0", "w1", "w2", "w4", "w5"]
    for method in (kv.most_similar, kv.most_similar_cosmul):
        assert [w for w, _ in method("w49", topn=49)] == [f"w{i}" for i in range(49)]
    assert kv.doesnt_match(["w9", "w1", "w2"]) == "w9" and kv.rank("w0", "w1") == 1


@pytest.mark.parametrize("width", [1, 3, 100, 301])
def test_equal_rows_are_equal_wherever_they_stand(rng, width):
    """A matrix product gives rows at its edges other last bits."""
    row, query = rng.standard_normal((2, width)).astype(np.float32)
    matrix = rng.standard_normal((203, width)).astype(np.float32)
    twins = [0, 1, 7, 100, 196, 197, 198, 201, 202]
    matrix[twins] = row + 2 * query
    kv = KeyedVectors([f"w{i}" for i in range(203)], matrix)
    scores = dict(kv.similar_by_vector(query, topn=203))
    assert len({scores[f"w{i}"] for i in twins}) == 1
    order = [int(w[1:]) for w, _ in kv.similar_by_vector(query, topn=203)]
    assert [i for i in order if i in twins] == twins
    assert {kv.rank("w5", f"w{i}") for i in twins} == {kv.rank("w5", "w0")}


def test_zero_and_tiny_vectors_never_give_nan(kv):
    assert kv.similarity("zero", "king") == kv.similarity("zero", "zero") == 0
    assert all(score == 0 for _, score in kv.most_similar("zero"))
    assert [word for word, _ in kv.most_similar("zero", topn=2)] == ["the", "of"]
    assert np.isfinite(kv.most_similar_cosmul("king", "zero", topn=None)).all()
    assert np.isfinite(kv.distances("zero")).all() and kv.n_similarity(["zero"], ["king"]) == 0
    assert (kv.get_mean_vector(["zero"], post_normalize=True) == 0).all()
    tiny = KeyedVectors(list("abc"), np.array([[1e-42, 0], [1e-30, 1e-30], [1, 1]], np.float32))
    assert tiny.most_similar("c") == [("b", pytest.approx(1)), ("a", 0.0)]


def test_nonfinite_vectors_do_not_crash():
    kv = KeyedVectors(list("abcd"), np.array([[np.nan, 1], [np.inf, 1], [1, 0], [1, 1]], np.float32))
    assert [word for word, _ in kv.most_similar("c")] == ["d", "a", "b"]
    assert len(kv.most_similar("a")) == 3 and np.isnan(kv.similarity("a", "c"))
    assert kv.evaluate_word_analogies([": s", "c d d c", "a b c d"])[0] == 0


def test_norms_follow_on_demand(kv):
    kv.most_similar("king")
    kv.vectors[3] *= 10
    kv.fill_norms(force=True)
    assert kv.distances("king") == pytest.approx(1 - cosines(kv, kv["king"]), abs=1e-6)


def test_unit_rows(kv):
    rows = unit_rows(kv.vectors.astype(np.float64))
    assert rows.dtype == np.float32 and rows == pytest.approx(kv.get_normed_vectors(), abs=1e-7)
    assert (rows[6] == 0).all()


def test_float64_is_kept():
    rng = np.random.default_rng(0)
    kv = KeyedVectors(WORDS, rng.standard_normal((9, 5)))
    assert kv.distances("king") == pytest.approx(1 - cosines(kv, kv["king"]), abs=1e-14)
    assert kv.get_normed_vectors().dtype == kv.get_mean_vector("king").dtype == np.float64


def test_get_mean_vector(kv):
    king, queen = kv.vectors[2:4]
    raw = kv.get_mean_vector(["king", "queen"], [3, -1], pre_normalize=False)
    assert raw == pytest.approx((3 * king - queen) / 4, abs=1e-6) and raw.dtype == np.float32
    unit = kv.get_mean_vector(["king", "queen", "unknown"], post_normalize=True)
    both = king / np.linalg.norm(king) + queen / np.linalg.norm(queen)
    assert unit == pytest.approx(both / np.linalg.norm(both), abs=1e-6)
    assert kv.get_mean_vector("king", pre_normalize=False) == pytest.approx(king)
    assert kv.get_mean_vector([king, "unknown"]) == pytest.approx(king)
    assert (kv.get_mean_vector(["unknown"]) == 0).all()
    with pytest.raises(KeyError, match="unknown"):
        kv.get_mean_vector(["king", "unknown"], ignore_missing=False)
    with pytest.raises(ValueError, match=r"weights must be one per key \(1\), got 2"):
        kv.get_mean_vector(["king"], [1, 2])
    with pytest.raises(ValueError, match="keys: cannot compute the mean of nothing"):
        kv.get_mean_vector([])


def test_closer_than_and_rank(kv):
    distances = kv.distances("king")
    for word in WORDS[:2] + WORDS[3:]:
        expected = [
            w for i, w in enumerate(WORDS) if distances[i] < distances[WORDS.index(word)] and w != "king"
        ]
        assert kv.closer_than("king", word) == expected and kv.rank("king", word) == len(expected) + 1
    assert kv.rank("king", kv.most_similar("king")[0][0]) == 1


def test_n_similarity(kv):
    expected = cosines(kv, kv[["king", "man"]].mean(axis=0))
    assert kv.n_similarity(["king", "man"], ["queen"]) == pytest.approx(expected[3], abs=1e-6)
    with pytest.raises(ValueError, match="ws1 and ws2 must not be empty"):
        kv.n_similarity([], ["king"])
    assert kv.n_similarity(["king", "nope"], ["queen"]) == kv.n_similarity(["king"], ["queen"])  # as gensim
    assert kv.n_similarity(["nope"], ["queen"]) == 0


def test_doesnt_match(caplog):
    kv = KeyedVectors(list("abcd"), np.array([[1, 0.1], [1, 0], [1, -0.1], [-1, 1]], np.float32))
    assert kv.doesnt_match(list("abcd")) == "d" and kv.doesnt_match(["d", "a", "x", "b"]) == "d"
    assert "left out unknown words ['x']" in caplog.text
    with pytest.raises(ValueError, match="none of them"):
        kv.doesnt_match(["x"])


# ---- evaluation ----


def test_evaluate_word_pairs(kv):
    pairs = ["king\tQueen\t9", "man\twoman\t8", "the\tof\t1", "king\tnope\t5"]
    (r, p), (rho, rho_p), oov = kv.evaluate_word_pairs(pairs)
    sims = [kv.similarity(*pair) for pair in (("king", "queen"), ("man", "woman"), ("the", "of"))]
    assert r == pytest.approx(np.corrcoef([9, 8, 1], sims)[0, 1], abs=1e-6) and oov == 25
    assert 0 <= p <= 1 and 0 <= rho_p <= 1 and abs(rho) <= 1
    (dummy_r, _), _, oov = kv.evaluate_word_pairs(pairs, dummy4unknown=True)
    assert dummy_r == pytest.approx(np.corrcoef([9, 8, 1, 5], [*sims, 0])[0, 1], abs=1e-6) and oov == 25
    assert kv.evaluate_word_pairs(pairs, case_insensitive=False)[2] == 50
    with pytest.raises(ValueError, match="the words of 1 of 4 pairs are known"):
        kv.evaluate_word_pairs(pairs, restrict_vocab=2)


def planted():
    """d = b - a + c holds exactly for the planted words; "Man" is a second spelling right at "man"."""
    words = ["man", "woman", "king", "queen", "Man", "rome", "italy"]
    matrix = np.array(
        [[1, 0, 0.1], [0, 1, 0.1], [1, 0, 2], [0, 1, 2], [1, 0, 0.2], [-1, -1, 1], [-1, -2, 1]], np.float32
    )
    return KeyedVectors(words, matrix)


@pytest.mark.parametrize("method", ["most_similar", "most_similar_cosmul"])
def test_evaluate_word_analogies(method):
    lines = [
        ": people",
        "man woman king queen",
        "man king woman QUEEN",
        "man woman king rome",
        ": places",
        "man nope a b",
    ]
    score, sections = planted().evaluate_word_analogies(lines, similarity_function=method)
    assert score == pytest.approx(2 / 3)
    people, places, total = sections
    assert people["correct"] == [("MAN", "WOMAN", "KING", "QUEEN"), ("MAN", "KING", "WOMAN", "QUEEN")]
    assert people["incorrect"] == [("MAN", "WOMAN", "KING", "ROME")]
    assert (
        places == {"section": "places", "correct": [], "incorrect": []}
        and total["section"] == "Total accuracy"
    )
    assert planted().evaluate_word_analogies(lines, dummy4unknown=True)[0] == pytest.approx(2 / 4)
    assert planted().evaluate_word_analogies(lines, restrict_vocab=2)[0] == 0.0


def test_other_spellings_are_no_answers():
    line = [
        ": s",
        "king man queen woman",
    ]  # without the rule "Man" would come before "woman" for a query near man
    matrix = np.array([[1, 0], [0.5, 1], [1, 0.9], [0, 1], [0.99, 0.1]], np.float32)
    kv = KeyedVectors(["king", "man", "woman", "queen", "KING"], matrix)
    _, sections = kv.evaluate_word_analogies([": s", "man king queen KING"])
    assert sections[0]["incorrect"]  # the answer to a question about king is never king
    assert planted().evaluate_word_analogies(line)[0] in (0.0, 1.0)
    assert planted().evaluate_word_analogies(["".join(line[:1]), "man woman Man woman"])[0] == 0.0


def test_evaluate_word_analogies_refuses(kv):
    with pytest.raises(ValueError, match=r"similarity_function must be one of .*, got 'cosine'"):
        kv.evaluate_word_analogies([": s", "a b c d"], similarity_function="cosine")


def judge_analogies(kv, path):
    """Accuracy by the plain protocol: exact words, 3CosAdd, questions with an unknown word passed over."""
    unit = kv.vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    rights = asked = 0
    for line in path.read_text("utf-8").splitlines():
        ids = [kv.get_index(word.lower(), -1) for word in line.split()]
        if line.startswith(":") or len(ids) != 4 or min(ids) < 0:
            continue
        scores = unit @ (unit[ids[1]] - unit[ids[0]] + unit[ids[2]])
        scores[ids[:3]] = -np.inf
        rights += int(scores.argmax()) == ids[3]
        asked += 1
    return rights, asked


def test_real_evaluation_files(data, rng):
    """A small vocabulary with planted structure, the real files, and the protocol written a second time."""
    with lzma.open(data / "corpora_en" / "enwiki15v.text8fmt.xz") as file:
        tokens = file.read(3_000_000).decode().split()
    words = list(dict.fromkeys(tokens))[:8000]
    path = data / "eval_en" / "questions-words.txt"
    matrix = rng.standard_normal((len(words), 20)).astype(np.float32)
    kv = KeyedVectors(words, matrix)
    sections = [
        line.lower().split() for line in path.read_text("utf-8").splitlines() if not line.startswith(":")
    ]
    shift = rng.standard_normal(20).astype(np.float32) * 2
    for a, b, *_ in sections:  # a and b of one question differ by the shift, often enough; no rows are equal
        if a in kv and b in kv:
            noise = rng.standard_normal(20).astype(np.float32) / 100
            matrix[kv.get_index(b)] = matrix[kv.get_index(a)] + shift + noise
    score, results = kv.evaluate_word_analogies(path)
    rights, asked = judge_analogies(kv, path)
    assert asked > 500 and rights > 20 and score == rights / asked
    assert len(results[-1]["correct"]) == rights and len(results) == 15
    for name in ("EN-WS-353-ALL.txt", "EN-SIMLEX-999.txt"):
        pearson, spearman, oov = kv.evaluate_word_pairs(data / "eval_en" / name)
        assert all(np.isfinite([*pearson, *spearman])) and 0 < oov < 100


# ---- files ----


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_format(kv, tmp_path, binary):
    kv.save_word2vec_format(tmp_path / "v", tmp_path / "vocab", binary=binary)
    other = KeyedVectors.load_word2vec_format(tmp_path / "v", tmp_path / "vocab", binary=binary)
    assert (
        other.index_to_key == WORDS
        and (other.vectors == kv.vectors).all()
        and (other.counts == kv.counts).all()
    )
    assert len(KeyedVectors.load_word2vec_format(tmp_path / "v", binary=binary, limit=3)) == 3
    assert KeyedVectors.load_word2vec_format(tmp_path / "v", binary=binary).counts is None
    (tmp_path / "vocab").write_text("the 3\n")
    with pytest.raises(FormatError, match="no count for the word 'of'"):
        KeyedVectors.load_word2vec_format(tmp_path / "v", tmp_path / "vocab", binary=binary)


def test_word2vec_format_without_header(kv, tmp_path):
    kv.save_word2vec_format(tmp_path / "v", write_header=False)
    assert (KeyedVectors.load_word2vec_format(tmp_path / "v", no_header=True).vectors == kv.vectors).all()
    with pytest.raises(ValueError, match="fvocab needs counts"):
        KeyedVectors(WORDS, kv.vectors).save_word2vec_format(tmp_path / "v", tmp_path / "vocab")


# ---- slips that were answered, or whose error named nothing ----


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda kv: kv.n_similarity("ab", ["a"]), "ws1 is 'ab', a str; it must be a list of words"),
        (lambda kv: kv.n_similarity(["a"], 3), "ws2 is 3, a int"),
        (lambda kv: kv.doesnt_match("a b c"), "words is 'a b c'"),
        (lambda kv: kv.rank_by_centrality("abc"), "words is 'abc'"),
        (lambda kv: kv.most_similar_to_given("a", "bc"), "keys_list is 'bc'"),
        (lambda kv: kv.most_similar_to_given("a", 3), "keys_list is 3"),
        (lambda kv: kv.vectors_for_all("ab"), "keys is 'ab'"),
        (lambda kv: kv.distances("a", "bc"), "other_words is 'bc'"),
        (lambda kv: kv.add_vectors(3, np.ones((1, 2))), "keys is 3"),
        (lambda kv: kv.add_vectors(["z"], np.ones((1, 2)), extras=[1]), "extras is a list"),
        (lambda kv: kv.get_mean_vector(None), "keys is None"),
        (
            lambda kv: kv.get_mean_vector(np.ones(2)),
            r"keys takes a list .*; got (np\.float64\()?1\.0\)? in it",
        ),
        (lambda kv: kv.get_mean_vector(["a", [0.5, 1]]), r"keys takes a list .*; got \[0\.5, 1\] in it"),
        (lambda kv: kv.most_similar_batch(3), "queries must be"),
        (lambda kv: kv.most_similar("a", indexer=3), "indexer is a int"),
        (lambda kv: kv.evaluate_word_pairs(["a\tb\t1"], restrict_vocab=2.0), "restrict_vocab is 2.0"),
        (
            lambda kv: kv.evaluate_word_pairs([("a", "b", 1)]),
            "the given lines must be str, got",
        ),
        (lambda kv: kv.evaluate_word_analogies([b": x"]), "the given lines must be str"),
    ],
)
def test_wrong_arguments_are_named(ask, message):
    kv = KeyedVectors(list("abc"), np.eye(3, 2, dtype=np.float32))
    with pytest.raises(TypeError, match=message):
        ask(kv)


def test_cosine_similarities_names_its_arguments():
    for one, many in ((np.ones(3), np.ones((2, 2))), (np.ones(2), np.ones(2)), (1.0, np.ones((2, 2)))):
        with pytest.raises(ValueError, match="vector_1 and vectors_all must be of shapes"):
            KeyedVectors.cosine_similarities(one, many)
