"""From positions to pair counts: windows against the dumb oracle, thinning, batches, errors."""

import math

import numpy as np
import pytest
import reference

from fastsg import _core
from fastsg.cooccurrence.batches import MAX_BATCH_PAIRS, PairCounts, pair_batches, window_batches
from fastsg.cooccurrence.window import Window
from fastsg.text.subsampling import thin
from fastsg.training.batch_sources import PairSource, TextSource
from fastsg.training.stages import Stage

K = 9
WINDOWS = {  # public argument: (left, right) of the oracle
    "1": (1, (1, 1)), "2": (2, (2, 2)), "5": (5, (5, 5)), "100": (100, (100, 100)),
    "(1, 3)": ((1, 3), (1, 3)), "(4, 2)": ((4, 2), (4, 2)),
    "(0, 2)": ((0, 2), (0, 2)), "(3, 0)": ((3, 0), (3, 0)), "None": (None, (None, None)),
}  # fmt: skip


def text(rng, sentences=40):
    """Sentences of one to twelve ids, as lists and as (tokens, offsets)."""
    lists = [rng.integers(0, K, rng.integers(1, 13)).tolist() for _ in range(sentences)]
    tokens = np.array([t for s in lists for t in s], np.int32)
    return lists, tokens, np.cumsum([0, *map(len, lists)])


def as_dict(batches):
    """{(center, context): weight} summed over batches."""
    found = {}
    for _, counts in batches:
        for u, center in enumerate(counts.centers.tolist()):
            for i in range(counts.row_ptr[u], counts.row_ptr[u + 1]):
                pair = center, int(counts.contexts[i])
                found[pair] = found.get(pair, 0.0) + float(counts.counts[i])
    return found


def assert_well_formed(counts):
    """Rows by rising center, contexts rising in each row, no empty row, no weight of 0."""
    assert isinstance(counts, PairCounts)
    assert (np.diff(counts.centers) > 0).all() and (np.diff(counts.row_ptr) > 0).all()
    assert counts.row_ptr[0] == 0 and counts.row_ptr[-1] == len(counts.contexts) == len(counts.counts)
    for start, stop in zip(counts.row_ptr, counts.row_ptr[1:], strict=False):
        assert (np.diff(counts.contexts[start:stop]) > 0).all()
    assert (counts.counts > 0).all()
    assert [a.dtype for a in counts] == [np.int32, np.int64, np.int32, np.float32]


def falling(reach):
    return None if reach is None else [(reach - d) / reach for d in range(reach)]


def expected_pairs(lists, left, right, shrink):
    weights = (falling(left), falling(right)) if shrink else (None, None)
    return reference.window_pairs(lists, left, right, *weights)


@pytest.mark.parametrize("shrink", [True, False, "expected"])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64, 10_000])
def test_windows(rng, window, shrink, batch_size):
    given, (left, right) = WINDOWS[window]
    lists, tokens, offsets = text(rng)
    batches = list(window_batches(tokens, offsets, Window.parse(given, shrink), K, batch_size))
    for _, counts in batches:
        assert_well_formed(counts)
    assert [done for done, _ in batches] == [
        min(i + batch_size, len(tokens)) for i in range(0, len(tokens), batch_size)
    ]
    got, want = as_dict(batches), expected_pairs(lists, left, right, shrink)
    assert got.keys() == {pair for pair, weight in want.items() if weight}
    assert all(got[pair] == pytest.approx(want[pair], rel=1e-5) for pair in got)


@pytest.mark.parametrize(
    "slip", ["sentence border", "center counts itself", "one word too far", "batch border"]
)
def test_control_windows(rng, slip):
    """The comparison above sees each of these slips."""
    lists, tokens, offsets = text(rng)
    got = as_dict(window_batches(tokens, offsets, Window.parse(2, False), K, 7))
    if slip == "sentence border":
        wrong = reference.window_pairs([tokens.tolist()], 2, 2)
    elif slip == "one word too far":
        wrong = reference.window_pairs(lists, 3, 2)
    elif slip == "batch border":
        wrong = {}
        for start in range(0, len(tokens), 7):
            for pair, n in reference.window_pairs([tokens[start : start + 7].tolist()], 2, 2).items():
                wrong[pair] = wrong.get(pair, 0) + n
    else:
        wrong = reference.window_pairs(lists, 2, 2)
        for t in tokens.tolist():
            wrong[t, t] = wrong.get((t, t), 0) + 1
    assert got == reference.window_pairs(lists, 2, 2) and got != wrong


def test_empty_sentences_are_borders():
    tokens, offsets = np.array([0, 1, 2, 3], np.int32), np.array([0, 0, 2, 2, 2, 4, 4])
    assert as_dict(window_batches(tokens, offsets, Window.parse(3, False), 4, 1)) == {
        (0, 1): 1,
        (1, 0): 1,
        (2, 3): 1,
        (3, 2): 1,
    }


def test_one_word_sentences_give_empty_batches():
    tokens, offsets = np.array([0, 1, 2], np.int32), np.arange(4)
    batches = list(window_batches(tokens, offsets, Window.parse(2, True), 3, 1))
    assert [done for done, _ in batches] == [1, 2, 3]
    assert all(len(c.centers) == 0 and c.row_ptr.tolist() == [0] and c.total == 0 for _, c in batches)


def test_read_only_and_mapped_text(rng, tmp_path):
    lists, tokens, offsets = text(rng)
    tokens.tofile(tmp_path / "t")
    mapped = np.memmap(tmp_path / "t", np.int32, "r")
    offsets.setflags(write=False)
    window = Window.parse(3, False)
    assert as_dict(window_batches(mapped, offsets, window, K, 50)) == reference.window_pairs(lists, 3, 3)


# ---- reach drawn at random ---------------------------------------------------------------------------------


def test_drawn_reach_is_the_reach_of_its_word(rng):
    """Position i reaches 1 + floor(word_i * z / 2^32), from the stream of the epoch, on either side."""
    lists, tokens, offsets = text(rng)
    seed, epoch = 11, 4
    got = as_dict(window_batches(tokens, offsets, Window.parse((4, 2), "random"), K, 13, seed, epoch))
    want, i = {}, 0
    for sentence in lists:
        for at, m in enumerate(sentence):
            word = reference.random_word(seed, 2 * epoch + 1, 4 * i)  # the first word of block i
            left, right = 1 + (word * 4 >> 32), 1 + (word * 2 >> 32)
            for j, n in enumerate(sentence):
                if j != at and -left <= j - at <= right:
                    want[m, n] = want.get((m, n), 0) + 1
            i += 1
    assert got == want


def test_drawn_reach_does_not_depend_on_the_batch_size(rng):
    _, tokens, offsets = text(rng)
    window = Window.parse(5, "random")
    found = [as_dict(window_batches(tokens, offsets, window, K, size, 3, 2)) for size in (1, 4, 17, 1000)]
    assert all(other == found[0] for other in found)


def test_drawn_reach_has_the_expected_weights():
    """Over many draws, distance d is within reach with probability (z - d + 1) / z."""
    n, z = 20_000, 4
    tokens = np.arange(n, dtype=np.int32)
    got = as_dict(window_batches(tokens, np.array([0, n]), Window.parse(z, "random"), n, n, 1, 1))
    share = [np.mean([(i, i + d) in got for i in range(n - z)]) for d in range(1, z + 2)]
    np.testing.assert_allclose(share, [1, 0.75, 0.5, 0.25, 0], atol=0.015)
    np.testing.assert_allclose(Window.parse(z, "random").expected().weight_left, [1, 0.75, 0.5, 0.25])


def test_epochs_and_seeds_draw_anew(rng):
    _, tokens, offsets = text(rng)
    window = Window.parse(5, "random")
    draws = [
        as_dict(window_batches(tokens, offsets, window, K, 100, seed, epoch))
        for seed, epoch in ((1, 0), (1, 1), (2, 0), (1, 0))
    ]
    assert draws[0] == draws[3] != draws[1] and draws[0] != draws[2] != draws[1]


# ---- thinning ----------------------------------------------------------------------------------------------


def test_thin_keeps_a_token_if_its_word_says_so(rng):
    lists, tokens, offsets = text(rng)
    keep = rng.random(K)
    got_tokens, got_offsets = thin(tokens, offsets, keep, 5, 3)
    want = []
    for number, sentence in enumerate(lists):
        words = [reference.random_word(5, 6, (number << 30) + i) for i in range(len(sentence))]
        kept = [t for t, word in zip(sentence, words, strict=True) if word < keep[t] * 2**32]
        want += [kept] if kept else []
    assert got_tokens.tolist() == [t for s in want for t in s]
    assert got_offsets.tolist() == np.cumsum([0, *map(len, want)]).tolist()
    _core.check_corpus(got_tokens, got_offsets, K)


def test_thin_keeps_the_right_share():
    n = 100_000
    tokens = np.tile(np.arange(4, dtype=np.int32), n)
    keep = np.array([0.0, 1.0, 0.5, 0.01])
    kept, _ = thin(tokens, np.array([0, len(tokens)]), keep, 1, 0)
    counts = np.bincount(kept, minlength=4)
    assert counts[0] == 0 and counts[1] == n
    for word in (2, 3):
        assert abs(counts[word] - n * keep[word]) < 5 * math.sqrt(n * keep[word])


def test_thin_all_nothing_and_anew(rng):
    _, tokens, offsets = text(rng)
    assert thin(tokens, offsets, None, 1, 0)[0] is tokens
    same, borders = thin(tokens, offsets, np.ones(K), 1, 0)
    assert (same == tokens).all() and (borders == offsets).all()
    none, borders = thin(tokens, offsets, np.zeros(K), 1, 0)
    assert len(none) == 0 and borders.tolist() == [0]
    half = np.full(K, 0.5)
    a, b, c = (thin(tokens, offsets, half, *of)[0].tolist() for of in ((1, 0), (1, 1), (2, 0)))
    assert a != b != c != a and thin(tokens, offsets, half, 1, 0)[0].tolist() == a


def test_thinning_does_not_depend_on_the_batch_size(rng):
    _, tokens, offsets = text(rng)
    keep = rng.random(K)
    found = []
    for size in (1, 5, 1000):
        total, batches = TextSource(
            tokens, offsets, Window.parse(3, True), keep, np.ones(K), size, 9
        ).batches(2, Stage.of_all_rows(K, True))
        batches = list(batches)
        assert batches[-1][0] == total == len(thin(tokens, offsets, keep, 9, 2)[0])
        found.append(as_dict(batches))
    assert all(other.keys() == found[0].keys() for other in found)
    assert all(other[pair] == pytest.approx(found[0][pair], rel=1e-5) for other in found for pair in other)


# ---- explicit pairs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3, 50, 1000])
def test_explicit_pairs(rng, batch_size):
    m, n = rng.integers(0, K, 200).astype(np.int32), rng.integers(0, K, 200).astype(np.int32)
    w = rng.integers(0, 4, 200).astype(np.float32) / 2  # some weigh nothing
    batches = list(pair_batches(m, n, w, K, batch_size))
    for _, counts in batches:
        assert_well_formed(counts)
    want = {}
    for i in range(200):
        if w[i]:
            want[m[i], n[i]] = want.get((m[i], n[i]), 0) + w[i]
    assert as_dict(batches) == want
    assert sum(counts.total for _, counts in batches) == w.sum()
    total, again = PairSource(m, n, w, np.ones(K), batch_size).batches(3, Stage.of_all_rows(K, True))
    assert total == 200 and as_dict(again) == want


def test_counts_of_a_batch(rng):
    counts = PairCounts(
        *_core.group_pairs(np.int32([2, 0, 2, 2]), np.int32([1, 1, 1, 0]), np.float32([1, 2, 0.5, 4]), 3)
    )
    assert counts.centers.tolist() == [0, 2] and counts.row_ptr.tolist() == [0, 1, 3]
    assert counts.contexts.tolist() == [1, 0, 1] and counts.counts.tolist() == [2, 4, 1.5]
    assert counts.total == 7.5 and counts.context_totals(3).tolist() == [4, 3.5, 0]


@pytest.mark.parametrize("K", [1, 2, 2047, 2048, 2049, 2**22, 2**31 - 1])
def test_ids_of_any_size_are_sorted(rng, K):
    """The radix sort takes as many digits as K needs; every width of them."""
    m, n = (np.sort(rng.integers(0, K, 300)).astype(np.int32)[rng.permutation(300)] for _ in range(2))
    m[0] = n[0] = K - 1
    counts = PairCounts(*_core.group_pairs(m, n, np.ones(300, np.float32), K))
    assert_well_formed(counts)
    want = {}
    for pair in zip(m.tolist(), n.tolist(), strict=True):
        want[pair] = want.get(pair, 0) + 1
    assert as_dict([(0, counts)]) == want


def test_weights_that_cannot_be_scaled_by_vanish():
    counts = _core.group_pairs(np.int32([0, 1]), np.int32([1, 0]), np.float32([1e-21, 1e-19]), 2)
    assert counts[0].tolist() == [1]


# ---- arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "window",
    [
        0,
        -1,
        (0, 0),
        (-1, 2),
        (1,),
        (1, 2, 3),
        2.5,
        "5",
        True,
        (True, 2),
        (1, 2.0),
        [],
        {},
        (None, 2),
        2**20 + 1,
        2**63,
    ],
)
def test_window_refuses(window):
    with pytest.raises(ValueError, match="window is "):
        Window.parse(window, True)


@pytest.mark.parametrize("shrink", ["yes", None, 2, "Random", 0.5])
def test_shrink_windows_refuses(shrink):
    with pytest.raises(
        ValueError,
        match=r"shrink_windows is .*; allowed are True .or 'expected'., False, 'random' and 'harmonic'",
    ):
        Window.parse(5, shrink)


def test_window_takes_numpy_integers_and_lists():
    assert Window.parse(np.int64(3), False)[:2] == (3, 3) and Window.parse([2, np.int32(4)], False)[:2] == (
        2,
        4,
    )
    assert Window.parse(2**20, False).left == 2**20


def test_most_contexts_of_a_position():
    offsets = np.array([0, 3, 13])
    assert Window.parse(2, True).most_contexts(offsets) == 4
    assert (
        Window.parse((50, 2), True).most_contexts(offsets)
        == Window.parse(None, True).most_contexts(offsets)
        == 10
    )


def test_a_batch_that_cannot_fit_is_refused():
    n = 50_000
    tokens = np.zeros(n, np.int32)
    for window in (None, 30_000):
        with pytest.raises(
            ValueError, match="the window takes up to 50000 words of a sentence: a batch of 10000 centers"
        ):
            next(window_batches(tokens, np.array([0, n]), Window.parse(window, False), 1, 10_000))
    assert (
        next(window_batches(tokens, np.array([0, n]), Window.parse(5, False), 1, 10_000))[1].total
        == 10_000 * 10 - 15
    )
    assert MAX_BATCH_PAIRS == 2**26
