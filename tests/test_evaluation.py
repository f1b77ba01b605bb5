"""Rank correlation, p-values, similarity and analogy files."""

import itertools
import math

import numpy as np
import pytest

from fastsg.errors import FormatError
from fastsg.vectors import evaluation
from fastsg.vectors.statistics import average_ranks, incomplete_beta, pearson, spearman


def test_average_ranks():
    assert average_ranks([10, 20, 20, 5, 20]).tolist() == [2, 4, 4, 1, 4]
    assert average_ranks([]).tolist() == []


@pytest.mark.parametrize(
    ("x", "a", "b", "expected"),
    [
        (0.3, 1, 1, 0.3),  # uniform
        (0.5, 7, 7, 0.5),  # symmetry
        (0.2, 3, 1, 0.008),  # x^a
        (0.2, 1, 3, 0.488),  # 1 - (1 - x)^b
        (0.25, 0.5, 0.5, 1 / 3),  # (2 / pi) asin(sqrt(x))
        (0.5, 2, 3, 0.6875),  # binomial: P(at least 2 of 4)
        (0.0, 2, 3, 0.0),
        (1.0, 2, 3, 1.0),
    ],
)
def test_incomplete_beta_closed_forms(x, a, b, expected):
    assert incomplete_beta(x, a, b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("a", "b"), [(2, 5), (30, 4), (200, 150), (1, 999)])
@pytest.mark.parametrize("x", [0.01, 0.1, 0.4, 0.6, 0.95])
def test_incomplete_beta_is_a_binomial_tail(x, a, b):
    n = a + b - 1
    terms = (math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert incomplete_beta(x, a, b) == pytest.approx(
        math.fsum(terms), rel=1e-9, abs=1e-290
    )  # 0.01^200 underflows here


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.706205), (5, 2.570582), (10, 2.228139), (30, 2.042272), (120, 1.97993)]
)
def test_critical_values_of_student(freedom, t):
    """Tables of Student's distribution: 5 % two-sided."""
    assert incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) == pytest.approx(0.05, rel=1e-5)


@pytest.mark.parametrize("bad", [(-0.1, 1, 1), (1.1, 1, 1), (0.5, 0, 1), (math.nan, 1, 1)])
def test_incomplete_beta_refuses(bad):
    with pytest.raises(ValueError, match="need 0 <= x <= 1"):
        incomplete_beta(*bad)


def test_pearson_known():
    """Anscombe's first quartet: r = 0.81642, t = 4.2415, p = 0.00217."""
    x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    r, p = pearson(x, y)
    assert r == pytest.approx(0.81642, abs=1e-5) and p == pytest.approx(0.00217, abs=5e-6)


def test_spearman_known():
    """IQ and hours of television: rho = -29/165 = -0.17576, p = 0.62719."""
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    rho, p = spearman(iq, hours)
    assert rho == pytest.approx(-29 / 165, abs=1e-12) and p == pytest.approx(0.62719, abs=1e-5)


def test_spearman_with_ties_by_hand():
    """Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: rho = 4.5 / sqrt(4.5 * 5)."""
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4])[0] == pytest.approx(4.5 / math.sqrt(22.5), abs=1e-12)


def test_p_value_against_all_permutations():
    """Student's p approximates the exact permutation p of rho."""
    x, y = np.arange(8), np.array([2, 0, 1, 4, 3, 7, 5, 6])
    rho, p = spearman(x, y)
    orders = np.array(list(itertools.permutations(range(8))))
    all_rho = 1 - 6 * ((orders - x) ** 2).sum(axis=1) / (8 * 63)
    assert p == pytest.approx(np.mean(np.abs(all_rho) >= rho - 1e-9), abs=0.01)


def test_correlation_edges():
    assert pearson([1, 2, 3], [2, 4, 6]) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-7))
    assert pearson([1, 2], [5, 3]) == (pytest.approx(-1.0), 1.0)
    assert pearson([1e-200, 2e-200, 4e-200], [1e200, 2e200, 3e200])[0] == pytest.approx(0.98198, abs=1e-5)
    assert all(math.isnan(v) for v in pearson([1, 1, 1], [1, 2, 3]))
    for x, y in (([1], [1]), ([1, 2], [1, 2, 3]), ([[1, 2]], [[1, 2]])):
        with pytest.raises(ValueError, match="x and y must be of one shape"):
            pearson(x, y)


def test_read_word_pairs(tmp_path, caplog):
    path = tmp_path / "pairs.tsv"
    path.write_text(
        "# comment\nWord 1\tWord 2\tHuman (mean)\nlove\tsex\t6.77\r\n\n"
        "tiger\tcat\t7.35\textra\na b 3\nx\ty\tnan\n"
    )
    assert evaluation.read_word_pairs(path) == [("love", "sex", 6.77), ("tiger", "cat", 7.35)]
    assert "skipped 3 line(s)" in caplog.text
    assert evaluation.read_word_pairs(["a b  3", "c d 4"], None) == [("a", "b", 3.0), ("c", "d", 4.0)]


def test_read_word_pairs_refuses(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("a b\n")
    for delimiter, sign in (("\t", r"'\\t'"), (None, "white space")):
        with pytest.raises(FormatError, match=rf"pairs\.tsv: no line of the form .* separated by {sign}$"):
            evaluation.read_word_pairs(path, delimiter)
    path.write_bytes(b"caf\xe9\tb\t3\n")
    with pytest.raises(FormatError, match=r"pairs\.tsv: not utf8"):
        evaluation.read_word_pairs(path)
    assert evaluation.read_word_pairs(path, encoding="latin-1") == [("café", "b", 3.0)]


def test_read_analogies(tmp_path, caplog):
    lines = [": one", "a b c d", "a b c", "", ": two", "e f g h\r\n"]
    assert evaluation.read_analogies(lines) == [("one", [tuple("abcd")]), ("two", [tuple("efgh")])]
    assert "skipped 1 line(s)" in caplog.text
    with pytest.raises(FormatError, match="before the first"):
        evaluation.read_analogies(["a b c d"])
    with pytest.raises(FormatError, match="no question"):
        evaluation.read_analogies([": empty"])


def slow_analogy(words, vectors, question, method):
    """The definition, one candidate at a time, float64."""
    unit = vectors.astype(np.float64)
    norms = np.linalg.norm(unit, axis=1)
    unit[norms > 0] /= norms[norms > 0, None]
    a, b, c = (words.index(word) for word in question)
    best, best_score = None, -math.inf
    for k in range(len(words)):
        if k in (a, b, c):
            continue
        to_a, to_b, to_c = (float(unit[k] @ unit[i]) for i in (a, b, c))
        if method == "most_similar":
            score = to_b - to_a + to_c
        else:
            score = (1 + to_b) / 2 * (1 + to_c) / 2 / ((1 + to_a) / 2 + 1e-6)
        if score > best_score:
            best, best_score = words[k], score
    return best


@pytest.mark.parametrize("method", ["most_similar", "most_similar_cosmul"])
def test_analogies_equal_the_definition(rng, method):
    words = [f"w{i}" for i in range(40)]
    vectors = rng.standard_normal((40, 6)).astype(np.float32)
    vectors[5] = 0
    inverse = np.zeros(40, np.float32)
    norms = np.linalg.norm(vectors, axis=1)
    inverse[norms > 0] = 1 / norms[norms > 0]
    questions = [tuple(words[i] for i in rng.choice(40, 3, replace=False)) for _ in range(60)]
    answers = [slow_analogy(words, vectors, question, method) for question in questions]
    truth = [answer if i % 3 else "w0" for i, answer in enumerate(answers)]
    lines = [": s", *(" ".join((*question, d)) for question, d in zip(questions, truth, strict=True))]
    several_batches = {"_batch_numbers": 40 * 7}  # the last one short
    score, sections = evaluation.analogies(
        words, vectors, inverse, lines, similarity_function=method, **several_batches
    )
    hits = [a == t for a, t in zip(answers, truth, strict=True)]
    assert score == pytest.approx(np.mean(hits))
    expected = [
        tuple(w.upper() for w in (*q, t)) for q, t, h in zip(questions, truth, hits, strict=True) if h
    ]
    assert sections[0]["correct"] == expected == sections[-1]["correct"]
    assert [s["section"] for s in sections] == ["s", "Total accuracy"]
