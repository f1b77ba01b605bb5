"""Co-occurrence counts: against a count pair by pair in float64, thinned or not, in memory or mapped, on
file; rows dealt to batches.
"""

import itertools
import json
import math
import signal
import time

import numpy as np
import pytest
import reference
from containers import resealed, sealed, taken_apart
from hypothesis import given, settings
from hypothesis import strategies as st

from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, SkipGram, Vocab, _core
from fastsg._counting import Counter
from fastsg.cooccurrence import row_order
from fastsg.cooccurrence.batches import CountBatches
from fastsg.cooccurrence.columns import leading_block
from fastsg.cooccurrence.count_settings import CountSettings
from fastsg.cooccurrence.pieces import count_windows
from fastsg.cooccurrence.row_order import HEAVY, deal, visits
from fastsg.cooccurrence.window import Window
from fastsg.text.subsampling import thin

K = 30
WORDS = [f"w{k:02}" for k in range(K)]


def corpus(rng, sentences=60, longest=14):
    """Sentences of 1 to 13 words, Zipf-like; some words never occur."""
    ids = [(K * rng.random(rng.integers(1, longest)) ** 3).astype(int).tolist() for _ in range(sentences)]
    vocab = Vocab(WORDS, np.arange(K, 0, -1) ** 2)  # thins the first words most
    return EncodedCorpus.from_iter([[WORDS[i] for i in s] for s in ids], vocab=vocab), ids


def sides(window, shrink):
    """(left, right, weights, weights) for the oracle."""
    reach = (None, None) if window is None else window if isinstance(window, tuple) else (window, window)
    falling, inverse = lambda z, d: (z - d + 1) / z, lambda z, d: 1 / d
    shape = {True: falling, "random": falling, "harmonic": inverse, None: inverse, False: None}[shrink]
    return *reach, *(
        None if z is None or shape is None else [shape(z, d) for d in range(1, z + 1)] for z in reach
    )


def dense(counts):
    assert (
        counts.row_ptr.dtype == np.int64
        and counts.contexts.dtype == np.int32
        and counts.counts.dtype == np.float32
    )
    return reference.dense_counts(counts.row_ptr, counts.contexts, counts.counts, counts.K)


def table(sentences, window, shrink):
    """N_mn in float64, pair by pair."""
    N = np.zeros((K, K))
    for (m, n), weight in reference.window_pairs(sentences, *sides(window, shrink)).items():
        N[m, n] = weight
    return N


def split(tokens, offsets):
    return [tokens[a:b].tolist() for a, b in itertools.pairwise(offsets)]


def arrays(counts):
    return counts.row_ptr.tobytes(), counts.contexts.tobytes(), counts.counts.tobytes()


# ---- counted from a text -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shrink", [True, False, "harmonic", "random"])
@pytest.mark.parametrize("window", [1, 5, (2, 4), (0, 3), (3, 0), (1, 100), None])
def test_counts_are_those_of_the_pairs(rng, window, shrink):
    if window is None and shrink == "harmonic":
        pytest.skip("refused: there is no largest distance")
    text, ids = corpus(rng)
    counts = CooccurrenceCounts.from_corpus(text, window=window, shrink_windows=shrink, workers=2)
    want = table(ids, window, shrink)
    np.testing.assert_allclose(dense(counts), want, rtol=2e-7)
    assert counts.nnz == np.count_nonzero(want) and counts.K == K and counts.keep is None
    np.testing.assert_allclose(counts.row_sums, want.sum(1), rtol=2e-7)
    np.testing.assert_allclose(counts.column_sums(), want.sum(0), rtol=2e-7)
    assert counts.total == pytest.approx(want.sum(), rel=2e-7)
    assert counts.symmetric == (not isinstance(window, tuple)) and (
        not counts.symmetric or (dense(counts) == dense(counts).T).all()
    )


@pytest.mark.parametrize("window", [1, 3, (0, 2), None])
def test_no_window_leaves_a_sentence(window):
    """One-word sentences have no pair at all, and neither has anything across a border."""
    vocab = Vocab(["a", "b", "c"], [3, 2, 1])
    counts = CooccurrenceCounts.from_corpus(
        EncodedCorpus.from_iter([["a"], ["b"], ["a", "c"], ["b"], ["b"]], vocab=vocab), window=window
    )
    assert list(zip(*np.nonzero(dense(counts)), strict=True)) == (
        [(0, 2)] if window == (0, 2) else [(0, 2), (2, 0)]
    )
    control = CooccurrenceCounts.from_corpus(
        EncodedCorpus.from_iter([["a", "b", "a", "c", "b", "b"]], vocab=vocab), window=window
    )
    assert control.nnz > counts.nnz


def test_what_is_left_out_stays_out_of_the_next_row():
    """One thread's rows share their sums, also where a row's count is too small to be kept."""
    vocab = Vocab(["a", "b", "c"], [3, 2, 1])
    text = EncodedCorpus.from_iter([["a", "c"], ["b", "c"], ["b", "c"]], vocab=vocab)
    keep = np.array([1e-25, 1.0, 1.0])
    counts = CooccurrenceCounts.of_windows(text, Window.parse(1, False), keep, draws=0, workers=1)
    assert dense(counts).tolist() == [[0, 0, 0], [0, 0, 2], [0, 2, 0]]


def test_a_window_settles_the_weights(rng):
    text, _ = corpus(rng)
    parsed = CooccurrenceCounts.of_windows(text, Window.parse((2, 3), "harmonic"))
    counts = CooccurrenceCounts.from_corpus(text, window=(2, 3), shrink_windows="harmonic")
    assert arrays(parsed) == arrays(counts) and parsed.about == counts.about | {"sample": None}


def test_numbers_of_numpy_become_plain(tmp_path):
    """Files and reports take Python's alone."""
    text = EncodedCorpus.from_iter([["a", "b", "c", "a"]] * 20, min_count=1)
    made = {"sample": np.float32(0.1), "draws": np.int64(2), "seed": np.int32(3), "window": np.int16(2)}
    counts = CooccurrenceCounts.for_training(text, **made)
    model = SkipGram(vector_size=2, min_count=1, progress=False).fit_counts(counts)
    for plain in (model.settings.as_dict(), counts.about, counts.thinned.about):
        assert all(type(value) in (int, float, str, bool, list, type(None)) for value in plain.values())
    json.dumps(model.settings.as_dict())


@pytest.mark.parametrize(
    "given, says",
    [
        (True, True),
        (np.True_, True),
        ("random", True),
        ("harmonic", "harmonic"),
        (False, False),
        (np.False_, False),
    ],
)
def test_thinned_counts_weigh_distances_as_those_of_the_text(rng, given, says):
    text, _ = corpus(rng)
    made = {"window": 3, "draws": np.int64(2), "seed": np.int32(4), "sample": np.float32(SAMPLE)}
    counts = CooccurrenceCounts.for_training(text, shrink_windows=given, **made)
    assert counts.about == {"window": [3, 3], "shrink_windows": says, "sample": 0.0, "draws": 2, "seed": 4}
    alone = CooccurrenceCounts.from_corpus(text, shrink_windows=says, **made)
    assert arrays(counts.thinned) == arrays(alone) and counts.thinned.about == alone.about


@pytest.mark.parametrize("given", [0, 1, None, 0.0])
def test_what_shrink_windows_is_not(rng, given):
    with pytest.raises(ValueError, match=f"shrink_windows is {given}; allowed are"):
        CooccurrenceCounts.for_training(corpus(rng)[0], shrink_windows=given)


def test_more_pairs_than_float32_can_count():
    """Sums are taken in double: in float32, 0.025 no longer changes a sum of half a million."""
    n, reach = 600_000, 40
    tokens = np.zeros(n, np.int32)
    tokens[1::2] = 1
    text = EncodedCorpus(tokens, np.array([0, n]), Vocab(["a", "b"], [n // 2, n // 2]))
    counts = dense(CooccurrenceCounts.from_corpus(text, window=(0, reach), shrink_windows=True))
    weights = np.float32(np.arange(reach, 0, -1) / reach).astype(float)
    exact = np.zeros((2, 2))
    for d in range(1, reach + 1):
        for m in (0, 1):  # centers m, m + 2, ... that have a word at distance d behind them
            exact[m, (m + d) % 2] += weights[d - 1] * len(range(m, n - d, 2))
    np.testing.assert_allclose(counts, exact, rtol=1e-7)
    stuck = np.add.accumulate(np.tile(np.float32(weights[1::2]), n // 2))[-1]  # control
    assert abs(stuck / exact[0, 0] - 1) > 1e-5


def test_more_than_2_to_the_24_equal_pairs():
    n, reach = 450_000, 40
    text = EncodedCorpus(np.zeros(n, np.int32), np.array([0, n]), Vocab(["a"], [n]))
    counts = CooccurrenceCounts.from_corpus(text, window=(0, reach), shrink_windows=False)
    exact = n * reach - reach * (reach + 1) // 2
    assert counts.total == pytest.approx(exact, rel=1e-7) and exact > 2**24
    assert np.float32(2**24) + np.float32(1) == 2**24  # control: so far float32 would have counted


# ---- thinned -----------------------------------------------------------------------------------------------

SAMPLE = 0.02


@pytest.mark.parametrize("window, shrink", [(3, True), ((1, 4), "harmonic"), (None, False)])
def test_draws_are_averaged(rng, window, shrink):
    """The texts are those of the first epochs of solver "sgd" with the same seed; windows stretch over what
    was dropped.
    """
    text, _ = corpus(rng)
    keep = text.vocab.keep_probabilities(SAMPLE)
    assert keep.min() < 0.7 < keep.max()
    counts = CooccurrenceCounts.from_corpus(
        text, window=window, shrink_windows=shrink, sample=SAMPLE, draws=2, seed=9
    )
    drawn = [table(split(*thin(text.tokens, text.offsets, keep, 9, draw)), window, shrink) for draw in (0, 1)]
    np.testing.assert_allclose(dense(counts), (drawn[0] + drawn[1]) / 2, rtol=2e-7)
    assert (drawn[0] != drawn[1]).any() and counts.keep.tobytes() == keep.tobytes()
    other = CooccurrenceCounts.from_corpus(
        text, window=window, shrink_windows=shrink, sample=SAMPLE, draws=2, seed=8
    )
    assert arrays(other) != arrays(counts)


@pytest.mark.parametrize("window", [3, (1, 4), None])
def test_no_draw_weighs_the_pairs(rng, window):
    text, ids = corpus(rng)
    keep = text.vocab.keep_probabilities(SAMPLE)
    counts = CooccurrenceCounts.from_corpus(text, window=window, shrink_windows=True, sample=SAMPLE, draws=0)
    np.testing.assert_allclose(dense(counts), table(ids, window, True) * keep[:, None] * keep, rtol=2e-7)
    assert counts.keep.tobytes() == keep.tobytes()


def test_sample_0_keeps_every_token(rng):
    text, _ = corpus(rng)
    assert (
        len({arrays(CooccurrenceCounts.from_corpus(text, sample=0, draws=draws)) for draws in (0, 1, 5)}) == 1
    )


# ---- the same bytes, wherever they are counted -------------------------------------------------------------


@pytest.mark.parametrize("part", [None, 200, 1])
@pytest.mark.parametrize(
    "options",
    [{}, {"sample": SAMPLE}, {"window": None, "draws": 0, "sample": SAMPLE}, {"window": (4, 1)}],
    ids=str,
)
def test_threads_parts_and_memory_change_nothing(rng, tmp_path, options, part):
    text, _ = corpus(rng)
    want = CooccurrenceCounts.from_corpus(text, workers=1, **options)
    keep = text.vocab.keep_probabilities(options["sample"]) if "sample" in options else None
    made = CountSettings(Window.parse(options.get("window", 5), True), None, options.get("draws", 3), 1)
    for workers in (1, 2, 3):
        for limit in (None, 0, 400, 10**9):
            where = {"workers": workers, "memory_limit": limit, "folder": str(tmp_path)}
            if part:
                counts, _ = count_windows(text, made, keep, part=part, **where)
            else:
                counts = CooccurrenceCounts.from_corpus(text, **where, **options)
            assert arrays(counts) == arrays(want)
            assert (
                isinstance(counts.counts.base, np.memmap)
                == (limit in (0, 400))
                == isinstance(counts.contexts.base, np.memmap)
            )
    assert not list(tmp_path.iterdir())  # the files have no names


def test_mapped_counts_work(rng, tmp_path):
    text, ids = corpus(rng)
    counts = CooccurrenceCounts.from_corpus(text, memory_limit=0)
    assert not counts.counts.flags.writeable
    np.testing.assert_allclose(dense(counts), table(ids, 5, True), rtol=2e-7)
    counts.save(tmp_path / "c")
    assert arrays(CooccurrenceCounts.load(tmp_path / "c")) == arrays(counts)
    batch = next(CountBatches(leading_block(counts, K), 7).walk(1, 0))[1]
    times = visits(counts.row_sums, counts.row_sums > 0, 7)
    rows = [
        counts.counts[slice(*counts.row_ptr[m : m + 2])] * np.float32(1 / times[m]) for m in batch.centers
    ]
    assert (batch.counts == np.concatenate(rows)).all()


def test_no_folder_for_the_file(rng, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        CooccurrenceCounts.from_corpus(corpus(rng)[0], memory_limit=0, folder=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "options, exception, message",
    [
        ({"draws": -1}, ValueError, "draws is -1; it must be an integer from 0 to"),
        ({"draws": 1.5}, ValueError, "draws is 1.5"),
        ({"draws": True}, ValueError, "draws is True"),
        ({"draws": None}, ValueError, "draws is None"),
        ({"seed": -1}, ValueError, "seed is -1; it must be an integer from 0 to 18446744073709551615"),
        ({"memory_limit": -1}, ValueError, "memory_limit is -1"),
        ({"memory_limit": "1"}, ValueError, "memory_limit is '1'"),
        ({"window": 0}, ValueError, "window is 0"),
        ({"window": (1, -1)}, ValueError, r"window is \(1, -1\)"),
        ({"shrink_windows": "often"}, ValueError, "shrink_windows is 'often'; allowed are"),
        (
            {"window": None, "shrink_windows": "harmonic"},
            ValueError,
            "shrink_windows is 'harmonic', which needs a window with a limit",
        ),
        ({"sample": -1.0}, ValueError, "sample"),
        ({"workers": 0}, ValueError, "workers"),
    ],
)
def test_from_corpus_refuses(rng, options, exception, message):
    with pytest.raises(exception, match=message):
        CooccurrenceCounts.from_corpus(corpus(rng)[0], **options)


# ---- explicit counts ---------------------------------------------------------------------------------------


def test_from_arrays_adds_up_and_sorts(rng):
    m, n, w = rng.integers(0, K, 400), rng.integers(0, K, 400), rng.integers(0, 5, 400) / 4
    counts = CooccurrenceCounts.from_arrays(m, n, w, Vocab(WORDS, np.arange(K, 0, -1)))
    want = np.zeros((K, K))
    np.add.at(want, (m, n), w)
    assert (
        (dense(counts) == want).all()
        and counts.nnz == np.count_nonzero(want)
        and not counts.symmetric
        and counts.keep is None
    )
    assert counts.vocab.words == WORDS


@pytest.mark.parametrize("words", [None, ["zero", "one", "two", "three", "four"]])
def test_ids_are_renumbered_to_the_order_of_the_words(words):
    """Row 3 weighs most, row 1 nothing, and word 4 is a context alone."""
    triples = [(0, 1, 2.0), (3, 0, 5.0), (2, 4, 3.0), (3, 3, 4.4), (0, 1, 0.5), (2, 2, 0.0)]
    counts = CooccurrenceCounts.from_arrays(*(np.array(x) for x in zip(*triples, strict=True)), words)
    given_words = words or list("01234")
    assert counts.vocab.words[:3] == [given_words[k] for k in (3, 2, 0)] and set(counts.vocab.words) == set(
        given_words
    )
    assert counts.vocab.counts.tolist() == [9, 3, 2, 1, 1]
    want = {(given_words[m], given_words[n]): 0.0 for m, n, w in triples if w}
    for m, n, w in triples:
        if w:
            want[given_words[m], given_words[n]] += w
    N = dense(counts)
    found = {
        (counts.vocab.words[m], counts.vocab.words[n]): N[m, n] for m, n in zip(*np.nonzero(N), strict=True)
    }
    assert found == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize(
    "args, exception, message",
    [
        (
            ([0, 1], [1], [1.0]),
            ValueError,
            "centers, contexts and counts have 2, 1 and 1 values; they must be equal",
        ),
        (([0], [1], [1.0, 2.0]), ValueError, "have 1, 1 and 2 values"),
        (([0], [1], [[1.0]]), (ValueError, TypeError), "counts"),
        (([0], [1], [[1.0]], Vocab(["a", "b"], [2, 1])), (ValueError, TypeError), "counts"),
        (([0], [1], ["x"]), (ValueError, TypeError), "counts|could not convert string"),
        (
            ([0.0], [1], [1.0]),
            TypeError,
            "centers must be one-dimensional, of integers, and not empty; it is 1-dimensional, float64",
        ),
        (([0], ["a"], [1.0]), TypeError, "contexts must be"),
        (([[0]], [1], [1.0]), TypeError, "centers must be .* 2-dimensional"),
        (([], [], []), TypeError, "centers must be .* not empty"),
        (([-1], [0], [1.0]), ValueError, "centers holds ids from -1 to -1; they must lie in"),
        (([0], [2**40], [1.0]), ValueError, "contexts holds ids from 1099511627776"),
        (([5], [0], [1.0], ["a", "b"]), ValueError, r"centers\[0\] is 5; ids must lie in \[0, 2\)"),
        (([0], [2], [1.0], ["a", "b"]), ValueError, r"contexts\[0\] is 2; ids must lie in \[0, 2\)"),
        (
            ([0], [2], [1.0], Vocab(["a", "b"], [2, 1])),
            ValueError,
            r"contexts\[0\] is 2; ids must lie in \[0, 2\)",
        ),
        (([0], [1], [1.0], ["a", "a"]), ValueError, "'a'"),
        *(
            (
                ([0, 1], [1, 0], [1.0, bad], vocab),
                ValueError,
                rf"counts\[1\] is {bad}; .*finite and not negative",
            )
            for bad in (-1.0, np.nan, np.inf)
            for vocab in (None, Vocab(["a", "b"], [2, 1]))
        ),
    ],
    ids=str,
)
def test_from_arrays_refuses(args, exception, message):
    with pytest.raises(exception, match=message):
        CooccurrenceCounts.from_arrays(*args)


def test_from_scipy_and_back(rng):
    sparse = pytest.importorskip("scipy.sparse")
    N = rng.random((K, K)) * (rng.random((K, K)) < 0.2)
    for matrix in (sparse.csr_array(N), sparse.coo_matrix(N), sparse.csc_array(N)):
        counts = CooccurrenceCounts.from_scipy(matrix, Vocab(WORDS, np.arange(K, 0, -1)))
        assert (dense(counts) == np.float32(N)).all()
        assert (counts.to_scipy().toarray() == np.float32(N)).all() and np.shares_memory(
            counts.to_scipy().data, counts.counts
        )
    twice = sparse.coo_array((np.ones(3), ([0, 0, 2], [1, 1, 0])), shape=(4, 4))
    named = CooccurrenceCounts.from_scipy(twice)
    assert named.K == 4 and named.vocab.words == list("0123") and named.counts.tolist() == [2, 1]
    with pytest.raises(ValueError, match=r"matrix has shape \(2, 3\); it must be square"):
        CooccurrenceCounts.from_scipy(sparse.csr_array(np.ones((2, 3))))
    with pytest.raises(ValueError, match="vocab has 2 words, matrix 3 rows"):
        CooccurrenceCounts.from_scipy(sparse.csr_array(np.ones((3, 3))), ["a", "b"])


ROWS = (
    np.array([0, 2, 2, 4]),
    np.array([2, 2, 4]),
    np.int32([0, 2, 0, 1]),
    np.float32([1, 2, 3, 4]),
)  # with stops
GOOD = {
    "row_ptr": np.array([0, 2, 2, 4]),
    "contexts": np.int32([0, 2, 0, 1]),
    "counts": np.float32([1, 2, 3, 4]),
}


def test_rows_may_be_empty_and_fall_at_their_borders():
    counts = CooccurrenceCounts(**GOOD, vocab=Vocab(["a", "b", "c"], [3, 2, 1]), keep=np.array([0.5, 1, 1]))
    assert dense(counts).tolist() == [[1, 0, 2], [0, 0, 0], [3, 4, 0]] and counts.row_sums.tolist() == [
        3,
        0,
        7,
    ]
    assert repr(counts) == "<CooccurrenceCounts: 3 words, 4 entries, 10 pairs>"


@pytest.mark.parametrize(
    "name, value, exception, message",
    [
        (
            "row_ptr",
            np.int32([0, 2, 2, 4]),
            TypeError,
            "row_ptr must be a contiguous, aligned one-dimensional array of int64",
        ),
        ("row_ptr", [0, 2, 2, 4], TypeError, "row_ptr must be .* list"),
        (
            "row_ptr",
            np.array([0, 2, 4]),
            ValueError,
            "row_ptr must rise from 0 to the 4 contexts in 4 values",
        ),
        ("row_ptr", np.array([1, 2, 2, 4]), ValueError, "row_ptr must rise from 0"),
        ("row_ptr", np.array([0, 2, 2, 3]), ValueError, "row_ptr must rise"),
        ("row_ptr", np.array([0, 3, 2, 4]), ValueError, "row_ptr must rise"),
        ("row_ptr", np.array([0, 2**63 - 1, -(2**63), 4]), ValueError, "row_ptr must rise"),
        (
            "contexts",
            np.array([0, 2, 0, 1]),
            TypeError,
            "contexts must be a contiguous, aligned one-dimensional array of int32",
        ),
        ("contexts", np.zeros((4, 2), np.int32)[:, 0], TypeError, "contexts must be a contiguous"),
        (
            "contexts",
            np.int32([0, 3, 0, 1]),
            ValueError,
            r"contexts\[1\] is 3; the vocabulary has ids 0 to 2",
        ),
        ("contexts", np.int32([-1, 2, 0, 1]), ValueError, r"contexts\[0\] is -1"),
        (
            "contexts",
            np.int32([2, 0, 0, 1]),
            ValueError,
            r"contexts\[1\] is 0 after 2; within a row they must be distinct and rise",
        ),
        ("contexts", np.int32([0, 2, 1, 1]), ValueError, r"contexts\[3\] is 1 after 1"),
        (
            "counts",
            np.float64([1, 2, 3, 4]),
            TypeError,
            "counts must be a contiguous, aligned one-dimensional array of float32",
        ),
        (
            "counts",
            np.zeros(17, np.uint8)[1:].view(np.float32),
            TypeError,
            "counts must be a contiguous, aligned",
        ),
        ("counts", np.float32([1, 2, 3]), ValueError, "counts have as many values as contexts"),
        *(
            (
                "counts",
                np.float32([1, bad, 3, 4]),
                ValueError,
                r"counts\[1\] is .*; counts must be finite and at least 1e-20",
            )
            for bad in (0, -1, np.nan, np.inf, 1e-21)
        ),
        *(
            ("keep", bad, ValueError, "keep must be a float64 array of 3 probabilities above 0; it is")
            for bad in (
                np.ones(2),
                [0.5, 1, 1],
                np.ones(3, np.float32),
                *(np.array([0.5, p, 1]) for p in (0, -1, 1.5, np.nan)),
            )
        ),
    ],
    ids=str,
)
def test_arrays_are_checked(name, value, exception, message):
    with pytest.raises(exception, match=message):
        CooccurrenceCounts(**GOOD | {name: value}, vocab=Vocab(["a", "b", "c"], [3, 2, 1]))


# ---- file --------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(rng, tmp_path):
    counts = CooccurrenceCounts.from_corpus(corpus(rng, 12, 6)[0], sample=SAMPLE, window=(2, 3))
    counts.save(tmp_path / "c")
    return counts, tmp_path / "c"


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("sample", [0, SAMPLE])
def test_a_file_gives_the_same_counts(rng, tmp_path, mmap, sample):
    counts = CooccurrenceCounts.from_corpus(corpus(rng)[0], sample=sample)
    counts.save(tmp_path / "c")
    again = CooccurrenceCounts.load(tmp_path / "c", mmap=mmap)
    assert arrays(again) == arrays(counts) and again.row_sums.tobytes() == counts.row_sums.tobytes()
    assert (
        again.vocab == counts.vocab and again.about == counts.about and again.symmetric and counts.symmetric
    )
    assert (
        (again.keep is None and counts.keep is None)
        if not sample
        else again.keep.tobytes() == counts.keep.tobytes()
    )
    assert isinstance(again.counts.base, np.memmap) == mmap
    again.save(tmp_path / "d")
    assert (tmp_path / "d").read_bytes() == (tmp_path / "c").read_bytes()


def test_what_was_cut_from_the_vocabulary_is_known(tmp_path):
    text = EncodedCorpus.from_iter(
        [["a", "b", "a", "b", "rare"]] * 2 + [["once"]], min_count=2, max_final_vocab=2
    )
    CooccurrenceCounts.from_corpus(text).save(tmp_path / "c")
    vocab = CooccurrenceCounts.load(tmp_path / "c").vocab
    assert (vocab.raw_types, vocab.raw_tokens) == (4, 11) == (text.vocab.raw_types, text.vocab.raw_tokens)


def test_a_file_cut_short_is_refused(saved):
    _, path = saved
    good = path.read_bytes()
    for length in [*range(0, len(good), 7), len(good) - 1]:
        path.write_bytes(good[:length])
        with pytest.raises(FormatError, match="c' is no file of counts of fastsg"):
            CooccurrenceCounts.load(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(FormatError, match="c' is no file of counts of fastsg"):
        CooccurrenceCounts.load(path)


def changed(path, name, place, value):
    """The file with an element of an array replaced, and checksums that hide nothing from the parser."""

    def change(header, tensors):
        entry = header[name]
        kind = {"I64": "<i8", "I32": "<i4", "F32": "<f4", "F64": "<f8", "U8": "u1"}[entry["dtype"]]
        array = np.frombuffer(bytearray(tensors[name]), kind)
        array[place] = value
        tensors[name] = array.tobytes()

    path.write_bytes(resealed(path.read_bytes(), change))


@pytest.mark.parametrize(
    "name, place, value",
    [
        ("row_ptr", 0, 1),
        ("row_ptr", 1, 2**40),
        ("row_ptr", -1, 3),
        ("row_ptr", 1, -1),
        ("contexts", 0, K),
        ("contexts", 1, -1),
        ("contexts", 1, 0),
        ("counts", 0, np.nan),
        ("counts", -1, 0),
        ("counts", 1, -1),
        ("counts", 0, np.inf),
        ("keep", 0, 0),
        ("keep", 1, 2),
        ("keep", 0, np.nan),
        ("word_counts", 0, -1),
        ("word_counts", -1, 10**6),
        ("word_offsets", 1, 0),
        ("word_offsets", -1, 2),
        ("words", 0, 0xFF),
    ],
    ids=str,
)
@pytest.mark.parametrize("mmap", [True, False])
def test_damaged_arrays_are_refused(saved, name, place, value, mmap):
    counts, path = saved
    assert counts.row_ptr[1] > 2  # so that the planted contexts stand in one row
    changed(path, name, place, value)
    with pytest.raises(FormatError, match=r"c' is no file of counts of fastsg: (?!its header or)"):
        CooccurrenceCounts.load(path, mmap=mmap)


def test_a_damaged_header_is_refused_or_harmless(saved, rng):
    """Any byte of it changed and sealed anew: a FormatError, or counts that answer."""
    _, path = saved
    good = path.read_bytes()
    header, tensors = taken_apart(good)
    text, body = json.dumps(header), b"".join(tensors.values())
    end, refused = len(text), 0
    for place in range(end):
        mutant = text[:place] + chr(ord(text[place]) ^ 1 << int(rng.integers(7))) + text[place + 1 :]
        try:
            path.write_bytes(sealed(json.loads(mutant), body))
        except (ValueError, KeyError, TypeError):  # so damaged that it cannot be sealed
            refused += 1
            continue
        try:
            counts = CooccurrenceCounts.load(path)
            assert counts.symmetric in (True, False) and counts.total > 0
        except FormatError:
            refused += 1
    assert refused > end / 2


ABOUT = {"window": [2, 3], "shrink_windows": True, "sample": 0.0, "draws": 3, "seed": 1}


@pytest.mark.parametrize(
    "about",
    [
        "5",
        "[",
        "null",
        *map(
            json.dumps,
            (
                {"window": 5},
                ABOUT | {"window": 5},
                ABOUT | {"window": "ab"},
                ABOUT | {"window": {"a": 1}},
                ABOUT | {"window": [[1], [2]]},
                ABOUT | {"window": [0, 0]},
                ABOUT | {"shrink_windows": 0},
                ABOUT | {"shrink_windows": "often"},
                ABOUT | {"sample": -1},
                ABOUT | {"sample": "x"},
                ABOUT | {"sample": float("nan")},
                ABOUT | {"sample": 10**400},
                ABOUT | {"draws": -1},
                ABOUT | {"draws": 2**31 - 1},
                ABOUT | {"seed": 1.5},
                ABOUT | {"more": 1},
            ),
        ),
    ],
)
def test_a_strange_description_is_refused(saved, about):
    _, path = saved
    data = path.read_bytes()
    path.write_bytes(resealed(data, lambda header, _: header["__metadata__"].update(about=about)))
    with pytest.raises(FormatError, match=r"c' is no file of counts of fastsg: (?!its header or)"):
        CooccurrenceCounts.load(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        CooccurrenceCounts.load(tmp_path / "nowhere")
    (tmp_path / "text").write_text("the cat sat on the mat\n" * 10)
    with pytest.raises(FormatError, match="text' is no file of counts of fastsg"):
        CooccurrenceCounts.load(tmp_path / "text")


def test_saving_where_there_is_no_folder(saved, tmp_path):
    with pytest.raises(OSError, match=r"nowhere|no folder"):
        saved[0].save(tmp_path / "nowhere" / "c")


def test_counts_of_nothing(tmp_path):
    """A text without a pair: no entry, and what can be saved can be loaded."""
    text = EncodedCorpus.from_iter([["a"], ["b"], ["a"]], min_count=1)
    counts = CooccurrenceCounts.from_corpus(text, memory_limit=0)
    assert (
        counts.nnz == 0
        and counts.total == 0
        and counts.row_sums.tolist() == [0, 0] == counts.column_sums().tolist()
    )
    assert (
        list(CountBatches(leading_block(counts, counts.K), 5).walk(1, 0)) == []
        and CountBatches(leading_block(counts, counts.K), 5).units == 0
    )
    with pytest.raises(ValueError, match="there are no pairs: a file of no counts could not be trained on"):
        counts.save(tmp_path / "c")
    assert not (tmp_path / "c").exists()


# ---- rows dealt to batches ---------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    K=st.integers(1, 300),
    batch_size=st.integers(1, 310),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 1000),
)
def test_every_row_as_often_as_it_should(K, batch_size, share, seed, epoch):
    random = np.random.default_rng(K)
    weights, wanted = np.floor(random.pareto(1.0, K) * 3) + 1, random.random(K) < share
    times = visits(weights, wanted, batch_size)
    dealt = deal(weights, times, batch_size, seed, epoch)
    assert (np.bincount(np.concatenate([*dealt, np.zeros(0, np.int32)]), minlength=K) == times).all()
    assert len(dealt) == -(-int(times.sum()) // batch_size)
    for batch in dealt:
        assert batch.dtype == np.int32 and 0 < len(batch) <= batch_size and (np.diff(batch) > 0).all()
    sizes = list(map(len, dealt)) or [0]
    assert max(sizes) - min(sizes) <= 1
    again = deal(weights, times, batch_size, seed, epoch)
    assert all((a == b).all() for a, b in zip(dealt, again, strict=True))


def test_visits_follow_the_weights():
    weights = np.float64([1000, 500, 1, 1, 0, 1] + [1] * 94)
    times = visits(weights, weights > 0, 10)
    mean = weights[weights > 0].mean()
    assert times[0] > times[1] > times[2] == 1 and times[4] == 0
    assert times[0] == min(math.ceil(1000 / (HEAVY * mean)), -(-int(times.sum()) // 10))
    assert visits(weights, weights > 0, 1000)[0] == 1  # one batch: once
    assert not visits(weights, np.zeros(100, bool), 10).any()


def test_batches_have_frequent_rows_and_rare_ones(rng):
    weights = rng.permutation(np.arange(1.0, 1001) ** -1)
    dealt = deal(weights, np.ones(1000, np.int64), 100, 5, 0)
    heaviest = set(np.argsort(-weights)[:10].tolist())
    assert all(len(heaviest & set(batch.tolist())) == 1 for batch in dealt)
    by_id = np.array_split(np.arange(1000), 10)  # control
    assert any(len(heaviest & set(batch.tolist())) != 1 for batch in by_id)


def test_epochs_and_seeds_deal_anew():
    weights, wanted = np.arange(50.0), np.ones(50, np.int64)
    first, *others = (
        [batch.tolist() for batch in deal(weights, wanted, 8, *of)] for of in ((1, 0), (1, 1), (2, 0), (1, 0))
    )
    assert others[2] == first and first != others[0] != others[1] != first


def test_batches_are_the_rows(rng, monkeypatch):
    monkeypatch.setattr(row_order, "HEAVY", 0.5)
    counts = CooccurrenceCounts.from_corpus(corpus(rng, 8)[0])
    rows = CountBatches(leading_block(counts, K), 4)
    N, found, seen = dense(counts), np.zeros((K, K)), []
    for walked, batch in rows.walk(3, 2):
        seen += batch.centers.tolist()
        assert walked == len(seen)
        found[batch.centers] += reference.dense_counts(batch.row_ptr, batch.contexts, batch.counts, K)
    np.testing.assert_allclose(found, N, rtol=1e-6)
    assert (
        rows.units == len(seen)
        and sorted(set(seen)) == np.flatnonzero(N.sum(1)).tolist()
        and len(set(seen)) < rows.units
    )


@pytest.mark.parametrize("ids", [[-1], [3], [0, 2**31 - 1]])
def test_rows_that_are_none(ids):
    with pytest.raises(ValueError, match=r"ids\[\d\] is .*; ids must lie in \[0, 3\)"):
        _core.gather_rows(*ROWS, np.int32(ids), np.ones(3, np.float32))
    none = _core.gather_rows(*ROWS, np.int32([]), np.ones(3, np.float32))
    assert [len(part) for part in none] == [1, 0, 0]
    twice = _core.gather_rows(*ROWS, np.int32([2, 1, 2]), np.float32([1, 1, 0.5]))
    assert [part.tolist() for part in twice] == [[0, 2, 2, 4], [0, 1, 0, 1], [1.5, 2, 1.5, 2]]
    with pytest.raises(ValueError, match="have 4, 3 and 2 values; need as many stops as scales, and a start"):
        _core.gather_rows(*ROWS, np.int32([0]), np.ones(2, np.float32))


# ---- the binding -------------------------------------------------------------------------------------------

NONE, UNITS, ONE = np.zeros(0), np.zeros(0, np.int64), np.ones(1, np.int64)
TEXT = np.int32([0, 1, 2, 1]), np.array([0, 2, 4])


@pytest.mark.parametrize(
    "args, message",
    [
        (([], 3, 1, 1, 1, UNITS, UNITS, NONE, 1), "with 0 texts; all must be at least 1"),
        (([TEXT], 0, 1, 1, 1, UNITS, UNITS, NONE, 1), "K and num_threads are 0 and 1"),
        (([TEXT], 3, 1, 1, 1, UNITS, UNITS, NONE, 0), "K and num_threads are 3 and 0"),
        (([TEXT], 3, 1, 1, 1, UNITS, UNITS, np.ones(2), 1), "keep_k has 2 values; need 0 or 3"),
        (
            ([TEXT], 3, 2, 1, 1, ONE, UNITS, NONE, 1),
            "weight_left has 1 values for a reach of 2",
        ),
        (
            ([TEXT], 3, 1, -1, 1, UNITS, ONE, NONE, 1),
            "weight_right has 1 values for a reach of -1",
        ),
        (([TEXT], 2, 1, 1, 1, UNITS, UNITS, NONE, 1), r"tokens\[2\] is 2; ids must lie in \[0, 2\)"),
        (
            ([(np.int32([0, -1]), np.array([0, 2]))], 3, 1, 1, 1, UNITS, UNITS, NONE, 1),
            r"tokens\[1\] is -1; ids must lie in \[0, 3\)",
        ),
        (
            ([(np.int32([0, 1]), np.array([0, 1]))], 3, 1, 1, 1, UNITS, UNITS, NONE, 1),
            "offsets must start at 0 and end at the number of tokens, 2",
        ),
        (
            ([(np.int32([0, 1]), np.array([0, 2, 1, 2]))], 3, 1, 1, 1, UNITS, UNITS, NONE, 1),
            r"offsets\[2\] is 1, below offsets\[1\] = 2",
        ),
        (
            ([(np.int32([]), np.zeros(0, np.int64))], 3, 1, 1, 1, UNITS, UNITS, NONE, 1),
            "offsets must start at 0",
        ),
    ],
)
def test_counter_refuses(args, message):
    with pytest.raises(ValueError, match=message):
        Counter(*args)


@pytest.mark.parametrize("start, stop", [(-1, 2), (0, 4), (2, 1)])
def test_counter_refuses_rows(start, stop):
    counter = Counter([TEXT], 3, 1, 1, 1, UNITS, UNITS, NONE, 2)
    with pytest.raises(ValueError, match=rf"rows are \[{start}, {stop}\); they must lie in \[0, 3\)"):
        counter.rows(start, stop)


@pytest.mark.parametrize("more", [-1, 1])
def test_counter_refuses_arrays_of_another_size(more):
    counter = Counter([TEXT], 3, 1, 1, 1, UNITS, UNITS, NONE, 2)
    n = counter.rows(0, 3).sum()
    with pytest.raises(ValueError, match=f"contexts and counts have {n} and {n + more} places; need {n}"):
        counter.take(np.zeros(n, np.int32), np.zeros(n + more, np.float32))


def test_no_row_exceeds_its_bound(rng):
    text, _ = corpus(rng)
    for left, right in ((1, 1), (5, 0), (-1, -1)):
        counter = Counter([(text.tokens, text.offsets)], K, left, right, 1, UNITS, UNITS, NONE, 2)
        bounds = counter.bounds()
        sizes = counter.rows(0, K)
        assert (sizes <= bounds).all() and sizes.sum() > 0


# ---- what may come -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "counts, exception, message",
    [
        (
            [1j, 2j],
            TypeError,
            "counts must be one-dimensional, of real numbers; it is 1-dimensional, complex128",
        ),
        (["1", "2"], TypeError, "counts must be .*, of real numbers; it is 1-dimensional, <U1"),
        ([[1, 2]], TypeError, "counts must be one-dimensional, of real numbers; it is 2-dimensional"),
        ([1, np.nan], ValueError, r"counts\[1\] is nan"),
        ([-1, 1], ValueError, r"counts\[0\] is -1.0"),
        ([1e39, 1], ValueError, r"counts\[0\] is inf"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_counts_that_are_none(counts, exception, message):
    with pytest.raises(exception, match=message):
        CooccurrenceCounts.from_arrays([0, 1], [1, 0], counts)


def test_huge_counts():
    counts = CooccurrenceCounts.from_arrays([0, 1, 1], [1, 0, 0], np.float64([1, 1e30, 1e30]))
    assert (
        counts.vocab.words == ["1", "0"]
        and counts.vocab.counts.tolist() == [2**62, 1]
        and counts.total == pytest.approx(2e30)
    )


def test_matrices_that_are_none():
    class Sparse:
        ndim, shape, nnz = 2, (3, 3), 0

        def tocoo(self):
            return self

    with pytest.raises(TypeError, match="matrix is ndarray; it must be a sparse matrix of SciPy"):
        CooccurrenceCounts.from_scipy(np.eye(3))
    with pytest.raises(ValueError, match="matrix has no entry: there are no pairs"):
        CooccurrenceCounts.from_scipy(Sparse())
    for call in (SkipGram().fit_counts, SkipGram().build_from_counts):
        with pytest.raises(TypeError, match="counts is ndarray; it must be CooccurrenceCounts"):
            call(np.eye(3))


def test_counts_from_elsewhere_say_nothing_of_themselves():
    counts = CooccurrenceCounts(**GOOD, vocab=Vocab(["a", "b", "c"], [3, 2, 1]))
    assert counts.about == {} and not counts.symmetric and counts.column_sums().tolist() == [4, 4, 2]


def test_a_shared_row_of_tiny_counts():
    """The row comes in parts; its least count must not vanish in them."""
    m, n = np.zeros(40, np.int64), np.arange(40)
    w = np.full(40, 1e6)
    w[1] = 1e-20
    counts = CooccurrenceCounts.from_arrays([*m, *n[1:]], [*n, *m[1:]], [*w, *np.ones(39)])
    model = SkipGram(vector_size=4, batch_size=8, epochs=2, progress=False).fit_counts(counts)
    assert np.isfinite(model.I).all() and model.history[0]["softmax_rows"] > 40


def test_training_on_the_text_after_its_counts(rng):
    """Thinning stays that of the counts, and so do probabilities."""
    text, _ = corpus(rng)
    counts = CooccurrenceCounts.for_training(text, sample=SAMPLE, window=2)
    plain = {"vector_size": 4, "min_count": 1, "progress": False, "epochs": 2}
    after, alike = SkipGram(**plain), SkipGram(sample=SAMPLE, window=2, **plain)
    after.fit_counts(counts).train(text)
    alike.build_vocab(text)
    alike.train()
    alike.train()
    assert (after.I == alike.I).all() and (after.O == alike.O).all() and after.nll(text) == alike.nll(text)
    assert after.sample == SAMPLE and after.settings.window == 2
    assert after.settings.as_dict() == alike.settings.as_dict()


@pytest.mark.parametrize("left", [-1, 0, 8])
def test_the_limit_is_of_both_tables(rng, left, tmp_path):
    """What the text's counts leave decides whether the thinned ones go to a file."""
    text, _ = corpus(rng)
    whole = CooccurrenceCounts.for_training(text, sample=SAMPLE)
    limit = 2 * (8 * (whole.nnz + whole.thinned.nnz) + left)  # half of it is for the text
    counts = CooccurrenceCounts.for_training(text, sample=SAMPLE, memory_limit=limit, folder=str(tmp_path))
    assert counts.counts.base is None and (counts.thinned.counts.base is None) == (left >= 0)
    assert arrays(counts) == arrays(whole) and arrays(counts.thinned) == arrays(whole.thinned)


def test_a_planted_file_does_not_lead_out_of_bounds(saved):
    """Row pointers whose differences wrap round."""
    counts, path = saved
    K = counts.K
    bad = counts.row_ptr.copy()
    bad[1], bad[2] = 2**63 - 1, -(2**63)
    assert K > 3
    path.write_bytes(
        resealed(path.read_bytes(), lambda _, tensors: tensors.update(row_ptr=bad.astype("<i8").tobytes()))
    )
    with pytest.raises(FormatError, match="row_ptr must rise"):
        CooccurrenceCounts.load(path)


def test_a_file_whose_numbers_are_not_aligned_is_read(saved):
    """Its header is one byte longer; what is mapped would not lie on its boundaries."""
    counts, path = saved
    data = path.read_bytes()

    def shifted(header, _):
        length = len(json.dumps(header))
        header["__metadata__"]["more"] = "x" * (next(n for n in range(1, 9) if (length + n + 12) % 8 == 1))

    path.write_bytes(resealed(data, shifted))
    assert int.from_bytes(path.read_bytes()[:8], "little") % 8 == 1
    again = CooccurrenceCounts.load(path, mmap=True)
    assert again.counts.flags.aligned and arrays(again) == arrays(counts)


def test_no_interrupt_is_lost_while_a_text_is_sorted(rng):
    """Most of these were: the end of a pool of threads was the first to meet them, and dropped them."""
    tokens, offsets = rng.integers(0, 1000, 2_000_000).astype(np.int32), np.arange(0, 2_000_001, 20)
    arguments, seen = ([(tokens, offsets)] * 2, 1000, 5, 5, 1, UNITS, UNITS, NONE, 2), []

    def interrupt(number, frame):
        seen.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        begun = time.perf_counter()
        Counter(*arguments)
        seconds, raised = time.perf_counter() - begun, 0
        for part in np.linspace(0.05, 0.9, 20):
            signal.setitimer(signal.ITIMER_REAL, seconds * part)
            try:
                Counter(*arguments)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                raised += 1
        assert raised == len(seen) > 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
