"""Exact search by the kernels: against the definition, on awkward shapes and rows, on any threads."""

import itertools

import numpy as np
import pytest
from conftest import train_threads

from fastsg import _core
from fastsg.vectors import KeyedVectors, UsearchIndexer, neighbours
from fastsg.vectors.directions import inverse_norms, unit, unit_row, weighted_mean

SHAPES = [
    (1, 1, 1),
    (7, 3, 1),
    (95, 16, 3),
    (96, 17, 4),
    (97, 15, 5),
    (507, 123, 64),
    (900, 32, 65),
    (2000, 8, 130),
]


def found(Y, X, n, threads=2, slack=1e-5):
    ptr, ids, scores = _core.nearest(Y, inverse_norms(Y), X, n, slack, threads)
    return [(ids[a:b], scores[a:b]) for a, b in itertools.pairwise(ptr)]


def float64_scores(Y, X):
    Y, X = Y.astype(np.float64), X.astype(np.float64)
    norms = np.linalg.norm(Y, axis=1)
    return (X @ Y.T) * np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)


@pytest.mark.parametrize("n", [1, 2, 10])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_near_row_is_found(isa, rng, shape, n):
    K, H, U = shape
    Y = rng.standard_normal((K, H)).astype(np.float32)
    X = np.stack([unit(x) for x in rng.standard_normal((U, H)).astype(np.float32)])
    wanted = float64_scores(Y, X)
    for u, (ids, scores) in enumerate(found(Y, X, n)):
        assert len(set(ids.tolist())) == len(ids)
        assert scores == pytest.approx(wanted[u, ids], abs=2e-6)
        best = set(np.argsort(-wanted[u])[:n].tolist())
        assert best <= set(ids.tolist()) if K >= n else len(ids) < n


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cosines(isa, rng, shape):
    K, H, _ = shape
    Y = (rng.standard_normal((K, H)) * 10.0 ** rng.integers(-15, 15, (K, 1))).astype(np.float32)
    Y[0] = 0
    x = unit(rng.standard_normal(H))
    wanted = float64_scores(Y, x[None])[0]
    got = [_core.cosines(Y, inverse_norms(Y), x.astype(np.float32), threads) for threads in train_threads()]
    assert got[0] == pytest.approx(wanted, abs=2e-6) and all((one == got[0]).all() for one in got)
    rows = rng.permutation(K)
    assert _core.exact_cosines(Y, x, rows) == pytest.approx(wanted[rows], abs=1e-15 * H)


def test_ranked():
    """Near ties in float32 are ordered in float64, equal rows by number; far ones are left out."""
    Y = np.array([[1, 0], [1, 1e-4], [0, 1], [1, 0], [1, -1e-4], [np.nan, 0]], np.float32)
    x = np.array([1.0, 0.0])
    ids, scores = np.array([4, 3, 2, 1, 0], np.int32), np.array([1, 1, 0, 1, 1], np.float32)
    one = 1 / np.hypot(1, np.float64(np.float32(1e-4)))
    assert _core.ranked(Y, x, ids, scores, 2, 1e-5) == [(0, 1.0), (3, 1.0), (1, one), (4, one)]
    assert [row for row, _ in _core.ranked(Y, x, ids, scores, 5, 1e-5)] == [0, 3, 1, 4, 2]
    assert _core.ranked(Y, x, ids, scores, 6, 1e-5) is None
    with_nan = _core.ranked(Y, x, np.array([5, 0], np.int32), np.ones(2, np.float32), 1, 1e-5)
    assert with_nan[0] == (0, 1.0) and np.isnan(with_nan[1][1])


def test_too_few_or_too_many_are_not_answered(rng):
    Y = np.ones((5000, 4), np.float32)
    X = np.full((1, 4), 0.5, np.float32)
    assert len(found(Y, X, 3)[0][0]) == 0  # all are equally near
    Y[:] = np.nan
    assert len(found(Y, X, 3)[0][0]) == 0
    assert len(found(Y[:0], X, 3)[0][0]) == 0


@pytest.mark.parametrize("order", ["rising", "falling", "equal", "zero", "few differ"])
def test_hard_orders(rng, order):
    """Rows that come nearer and nearer, and rows of one score."""
    angle = np.linspace(0, 1.5, 3000)
    Y = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    if order == "rising":
        Y = Y[::-1].copy()
    if order in ("equal", "zero"):
        Y[:] = order == "equal"
    if order == "few differ":
        Y[5:-5] = 1
    kv = KeyedVectors([f"w{i}" for i in range(len(Y))], Y)
    query = np.array([1, 0.1], np.float32)
    score = float64_scores(Y, unit(query)[None])[0]
    got = kv.similar_by_vector(query, topn=20)
    assert [value for _, value in got] == pytest.approx(-np.sort(-score)[:20], abs=1e-7)
    slow = kv._search().best(neighbours.cosine_score(unit(query)), slice(None), 20)
    assert [(kv.index_to_key[i], value) for i, value in slow] == got


@pytest.mark.parametrize("K, H, U", [(300, 5, 1), (3000, 100, 3), (3000, 33, 90)])
def test_threads_change_nothing(isa, rng, monkeypatch, K, H, U):
    monkeypatch.setattr(neighbours, "_ALONE", 0)
    kv = KeyedVectors([f"w{i}" for i in range(K)], rng.integers(-2, 3, (K, H)).astype(np.float32))
    answers = []
    for threads in train_threads():
        monkeypatch.setattr(neighbours, "_threads", lambda threads=threads: threads)
        answers.append(kv.most_similar_batch([f"w{i}" for i in range(U)], topn=7))
    assert all(answer == answers[0] for answer in answers)


def test_batch_is_the_single_calls(isa, rng, monkeypatch):
    kv = KeyedVectors([f"w{i}" for i in range(2000)], rng.standard_normal((2000, 20)).astype(np.float32))
    vectors = rng.standard_normal((80, 20)).astype(np.float32)
    for topn in (1, 10, 600, 3000):
        single = [kv.most_similar(vector, topn=topn) for vector in vectors]
        assert kv.most_similar_batch(vectors, topn) == single
        assert kv.most_similar_batch(list(vectors), topn) == single
    mixed = ["w3", vectors[0], 7, np.int64(8)]
    assert kv.most_similar_batch(mixed) == [kv.most_similar(item) for item in mixed]
    limits = {"clip_start": 97, "clip_end": 1200}
    assert kv.most_similar_batch(vectors, **limits) == [kv.most_similar(v, **limits) for v in vectors]
    assert kv.most_similar_batch(mixed, restrict_vocab=300) == [
        kv.most_similar(item, restrict_vocab=300) for item in mixed
    ]
    monkeypatch.setattr(neighbours, "_SCRATCH_BYTES", 1)  # query by query
    assert kv.most_similar_batch(vectors, 10) == [kv.most_similar(vector) for vector in vectors]
    assert kv.most_similar_batch(mixed, topn=0) == [[]] * 4 and kv.most_similar_batch([]) == []


@pytest.mark.parametrize("make", [lambda m: m.astype(np.float64), lambda m: m[:, ::2], np.asfortranarray])
def test_other_matrices(rng, make):
    """What the kernels cannot read where it is, NumPy searches."""
    matrix = make(rng.standard_normal((500, 10)).astype(np.float32))
    words = [f"w{i}" for i in range(500)]
    plain = KeyedVectors(words, np.ascontiguousarray(matrix))
    for got, word in zip(KeyedVectors(words, matrix).most_similar_batch(words[:9]), words):
        expected = plain.most_similar(word)
        assert [other for other, _ in got] == [other for other, _ in expected]
        assert [cosine for _, cosine in got] == pytest.approx([cosine for _, cosine in expected], abs=1e-15)


def test_batch_refuses(rng):
    kv = KeyedVectors(["a", "b"], np.eye(2, dtype=np.float32))
    for wrong in ("a", np.ones(2), np.ones((1, 1, 2))):
        with pytest.raises(TypeError, match="queries must be an array"):
            kv.most_similar_batch(wrong)
    with pytest.raises(TypeError, match="queries takes words, vectors"):
        kv.most_similar_batch([1.5])
    with pytest.raises(TypeError, match=r"topn is 5\.0, a float; it must be an integer"):
        kv.most_similar_batch(["a"], topn=5.0)
    with pytest.raises(TypeError, match="topn is None"):
        kv.most_similar_batch(["a"], topn=None)
    with pytest.raises(KeyError, match="nope"):
        kv.most_similar_batch(["a", "nope"])
    with pytest.raises(ValueError, match=r"a vector must have shape \(2,\), got \(3,\)"):
        kv.most_similar_batch(np.ones((4, 3), np.float32))


@pytest.mark.parametrize("name", ["topn", "clip_start", "clip_end", "restrict_vocab"])
@pytest.mark.parametrize("value", [5.0, "x", True])
def test_errors_name_the_argument(name, value):
    kv = KeyedVectors(["a", "b"], np.eye(2, dtype=np.float32))
    with pytest.raises(TypeError, match=f"{name} is {value!r}, a {type(value).__name__}"):
        kv.most_similar("a", **{name: value})


def test_kernel_refuses(rng):
    Y, X = np.ones((3, 4), np.float32), np.ones((2, 4), np.float32)
    inverse = inverse_norms(Y)
    with pytest.raises(ValueError, match="n, num_threads and K are 0, 1, 3"):
        _core.nearest(Y, inverse, X, 0, 1e-5, 1)
    with pytest.raises(ValueError, match="inverse_k has 2 values, X_uh 4 columns; need 3 and 4"):
        _core.nearest(Y, inverse[:2], X, 1, 1e-5, 1)
    with pytest.raises(ValueError, match="X_uh 3 columns"):
        _core.nearest(Y, inverse, np.ones((2, 3), np.float32), 1, 1e-5, 1)
    with pytest.raises(ValueError, match="inverse_k has 2 values, x_h 4, num_threads is 1; need 3 and 4"):
        _core.cosines(Y, inverse[:2], X[0], 1)
    with pytest.raises(ValueError, match="num_threads is 0"):
        _core.cosines(Y, inverse, X[0], 0)
    with pytest.raises(ValueError, match="row 3 is none of 3"):
        _core.exact_cosines(Y, np.ones(4), np.array([0, 3]))
    with pytest.raises(ValueError, match="unit_h has 3 values; need 4"):
        _core.exact_cosines(Y, np.ones(3), np.array([0]))
    with pytest.raises(ValueError, match="row -1 is none of 3"):
        _core.ranked(Y, np.ones(4), np.array([-1], np.int32), np.ones(1, np.float32), 1, 1e-5)
    with pytest.raises(ValueError, match="scores 2, wanted is 0; need 4 and 1, 1 or more"):
        _core.ranked(Y, np.ones(4), np.array([0], np.int32), np.ones(2, np.float32), 0, 1e-5)
    with pytest.raises(ValueError, match="k is 3; rows are numbered below 3"):
        _core.unit_row(Y, 3)
    with pytest.raises(ValueError, match="row -1 is none of 3"):
        _core.add_rows(Y, [0, -1], None, True, np.zeros(4))
    with pytest.raises(ValueError, match="sum_h has 3 values for 4 columns"):
        _core.add_rows(Y, [0], None, True, np.zeros(3))
    with pytest.raises(ValueError, match="other than 2 weights"):
        _core.add_rows(Y, [0, 1], [1.0], True, np.zeros(4))


@pytest.mark.parametrize("H", [1, 3, 4, 100, 301])
def test_single_rows(rng, H):
    Y = (rng.standard_normal((9, H)) * 10.0 ** rng.integers(-20, 20, (9, 1))).astype(np.float32)
    Y[3], Y[4] = 0, 1e-42
    for k, row in enumerate(Y.astype(np.float64)):
        norm = np.linalg.norm(row)
        wanted = row / norm if norm > 1e-37 else row * 0
        assert unit_row(Y, k) == pytest.approx(wanted, rel=1e-7, abs=0) and unit_row(Y, k).dtype == np.float32
    rows, weights = [2, 0, 3, 2], [0.5, -2, 1, 3]
    for is_unit in (False, True):
        vectors = np.stack([unit_row(Y, k) if is_unit else Y[k] for k in rows]).astype(np.float64)
        wanted = (vectors * np.array(weights)[:, None]).sum(axis=0) / 6.5
        assert weighted_mean(rows, Y, weights, is_unit) == pytest.approx(wanted, rel=1e-12)
        strided = np.repeat(Y, 2, axis=1)[:, ::2]  # not by the kernels
        assert weighted_mean(rows, strided, weights, is_unit) == pytest.approx(wanted, rel=1e-6)


def test_closer_than_needs_few_exact_cosines(rng):
    """Rows far from the bound are decided in float32, those near it in float64."""
    kv = KeyedVectors([f"w{i}" for i in range(500)], rng.standard_normal((500, 9)).astype(np.float32))
    kv.vectors[100:110] = kv.vectors[99]  # ties are not closer
    scores = float64_scores(kv.vectors, unit(kv.vectors[:1].astype(np.float64)[0])[None])[0]
    expected = [f"w{i}" for i in np.flatnonzero(scores > scores[105] + 1e-12) if i]
    assert kv.closer_than("w0", "w105") == expected


def test_usearch(rng):
    pytest.importorskip("usearch")
    kv = KeyedVectors([f"w{i}" for i in range(300)], rng.standard_normal((300, 20)).astype(np.float32))
    index = UsearchIndexer(kv, expansion_search=300)
    got = kv.most_similar("w5", topn=5, indexer=index)
    assert got[0][0] == "w5" and got[0][1] == pytest.approx(1, abs=1e-5)
    exact = dict(kv.most_similar("w5", topn=300))
    assert all(value == pytest.approx(exact[word], abs=1e-5) for word, value in got[1:])
    assert [word for word, _ in got[1:]] == [word for word, _ in kv.most_similar("w5", topn=4)]
    again = UsearchIndexer(kv, expansion_search=300)  # the same graph
    assert again.most_similar(kv["w7"], 300) == index.most_similar(kv["w7"], 300)


def test_what_to_install_is_said(monkeypatch):
    kv = KeyedVectors(["a", "b"], np.eye(2, dtype=np.float32))
    for module in ("usearch.index", "gensim.models"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'fastsg\[ann\]'"):
        UsearchIndexer(kv)
    with pytest.raises(ImportError, match=r"pip install 'fastsg\[interop\]'"):
        kv.to_gensim()
