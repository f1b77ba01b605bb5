"""Counts added and taken off: the same bytes in any order and grouping, and what does not fit is refused."""

import functools
import json
import math
import operator

import numpy as np
import pytest
import reference
from containers import taken_apart

from fastsg import CooccurrenceCounts, EncodedCorpus, FormatError, SkipGram, Vocab
from fastsg._counting import add_rows
from fastsg.cooccurrence import CountsMerger, adding
from fastsg.cooccurrence.adding import Source, add_up
from fastsg.cooccurrence.counting import _check_sums
from fastsg.cooccurrence.entries import Entries
from fastsg.cooccurrence.window import MAX_UNIT, Window
from fastsg.text.shards import Shard

SHARDS = [1, 2, 3, 7, 16]


@pytest.fixture(scope="module")
def text():
    """Sentences of 1 to 40 words, about as frequent as 1 / (k + 1)."""
    rng = np.random.default_rng(7)
    return [[f"w{int(60 ** rng.random()) - 1}" for _ in range(rng.integers(1, 40))] for _ in range(300)]


def saved(counts, path):
    """The bytes of their file."""
    counts.save(path)
    return path.read_bytes()


def dense(counts):
    return reference.dense_counts(counts.row_ptr, counts.contexts, counts.counts, counts.K).astype(np.float32)


def parts_of(corpus, n, rng, **options):
    """Counts of n parts of a corpus, whose borders are drawn."""
    borders = np.sort(rng.choice(np.arange(1, len(corpus)), n - 1, replace=False)).tolist()
    return [
        CooccurrenceCounts.for_training(corpus.part(start, stop), **options)
        for start, stop in zip([0, *borders], [*borders, len(corpus)], strict=True)
    ]


WAYS = [
    {},
    {"window": (2, 7), "draws": 1},
    {"shrink_windows": "harmonic", "window": 22},
    {"shrink_windows": "harmonic", "window": 40},
    {"window": None, "draws": 2},
    {"shrink_windows": False, "sample": 0.0},
    {"window": (0, 1), "sample": 1e-3, "draws": 5},
]


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("n", SHARDS)
def test_any_order_and_grouping_gives_the_bytes_of_the_whole(text, tmp_path, rng, n, options):
    corpus = EncodedCorpus.from_iter(text, min_count=1)
    options = {"sample": 0.01} | options
    want = saved(CooccurrenceCounts.for_training(corpus, **options), tmp_path / "whole")
    parts = parts_of(corpus, n, rng, **options)
    for _ in range(5):
        rng.shuffle(parts)
        assert saved(CooccurrenceCounts.merge(parts), tmp_path / "merged") == want
        tree = list(parts)
        while len(tree) > 1:
            i = int(rng.integers(len(tree) - 1))
            tree[i : i + 2] = [tree[i] + tree[i + 1]]
        assert saved(tree[0], tmp_path / "tree") == want


def test_control_rounded_counts_do_not_add(text, rng):
    """What adding the numbers of the files would give: another last bit, which depends on the order."""
    corpus = EncodedCorpus.from_iter(text, min_count=1)
    whole = CooccurrenceCounts.for_training(corpus, sample=0.01).thinned
    parts = [part.thinned for part in parts_of(corpus, 16, rng, sample=0.01)]
    sums = []
    for order in (parts, parts[::-1]):
        total = np.zeros((whole.K, whole.K), np.float32)
        for part in order:
            total += dense(part)
        sums.append(total)
    assert (sums[0] != sums[1]).any() and (sums[0] != dense(whole)).any()


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_what_was_added_is_taken_off_again(text, tmp_path, rng, options):
    corpus = EncodedCorpus.from_iter(text, min_count=1)
    a, b = parts_of(corpus, 2, rng, **{"sample": 0.01} | options)
    assert saved(a + b - b, tmp_path / "again") == saved(a, tmp_path / "a")
    whole = a + b
    for i in rng.choice(len(corpus), 5, replace=False).tolist():  # a document and its thinned copies
        one = CooccurrenceCounts.for_training(corpus.part(i, i + 1), **{"sample": 0.01} | options)
        assert saved(whole - one + one, tmp_path / "c") == saved(whole, tmp_path / "whole")


def test_without_a_document_is_as_if_it_had_never_been(text, tmp_path):
    corpus = EncodedCorpus.from_iter(text, min_count=1)
    options = {"sample": 0.01}
    counts = CooccurrenceCounts.for_training(corpus, **options)
    taken = counts - CooccurrenceCounts.for_training(corpus.part(9, 10), **options)
    others = [CooccurrenceCounts.for_training(corpus.part(*span), **options) for span in ((0, 9), (10, 300))]
    assert saved(taken, tmp_path / "a") == saved(others[0] + others[1], tmp_path / "b")
    renumbered = EncodedCorpus.from_iter(text[:9] + text[10:], vocab=corpus.vocab)  # control
    other = CooccurrenceCounts.for_training(renumbered, **options)
    assert other.counts.tobytes() == taken.counts.tobytes()
    assert other.thinned.counts.tobytes() != taken.thinned.counts.tobytes()


def test_nothing_is_left_of_all(text):
    counts = CooccurrenceCounts.from_corpus(EncodedCorpus.from_iter(text, min_count=1), window=2)
    assert (counts - counts).nnz == 0


# ---- shards ----


@pytest.fixture
def shards(text, tmp_path):
    """Counts of a file, and of its three shards."""
    path = tmp_path / "text"
    path.write_text("\n".join(" ".join(sentence) for sentence in text) + "\n")
    whole = EncodedCorpus.from_files(path, min_count=1, progress=False)
    options = {"vocab": whole.vocab, "progress": False}
    corpora = [whole, *(EncodedCorpus.from_files(path, shard=(i, 3), **options) for i in (1, 2, 3))]
    return [CooccurrenceCounts.for_training(corpus, sample=0.01) for corpus in corpora]


def test_a_sum_of_shards_knows_which_it_holds(shards, tmp_path):
    whole, *parts = shards
    two = parts[2] + parts[0]
    assert str(two.shard) == "shards 1, 3 of 3" and two.shard.numbers == (1, 3)
    two.save(tmp_path / "two")
    assert CooccurrenceCounts.load(tmp_path / "two").shard == two.shard
    with pytest.raises(ValueError, match="the counts are shards 1, 3 of 3 of a text"):
        SkipGram(vector_size=2).fit_counts(two)
    with pytest.raises(ValueError, match="1 of 3 shards are missing: number 2;"):
        CooccurrenceCounts.merge([two])
    for other in (two, parts[2]):
        with pytest.raises(ValueError, match=r"the second counts hold shards? .*3 of 3, and so do the first"):
            two + other
    want = saved(whole, tmp_path / "whole")
    sums = [
        two + parts[1],
        sum(parts),
        functools.reduce(operator.add, parts),
        CooccurrenceCounts.merge([CooccurrenceCounts.load(tmp_path / "two"), parts[1]]),
    ]
    for counts in sums:
        assert counts.shard is None and saved(counts, tmp_path / "sum") == want
    parts[1].save(tmp_path / "one")
    CountsMerger([tmp_path / "one", tmp_path / "two"]).save(tmp_path / "merged")
    assert (tmp_path / "merged").read_bytes() == want


def test_files_of_words_cut_otherwise_are_not_merged(tmp_path):
    """Their letters, end to end, are the same."""
    for name, words in (("a", ["ab", "c"]), ("b", ["a", "bc"])):
        corpus = EncodedCorpus(np.array([0, 1], np.int32), np.array([0, 2]), Vocab(words, [1, 1]))
        CooccurrenceCounts.from_corpus(corpus).save(tmp_path / name)
    with pytest.raises(ValueError, match="b' has another vocabulary than"):
        CountsMerger([tmp_path / "a", tmp_path / "b"])
    CountsMerger([tmp_path / "a", tmp_path / "a"]).save(tmp_path / "c")  # control


def test_a_file_that_changes_while_it_is_merged_is_refused(tmp_path):
    counted(sample=0.0).save(tmp_path / "a")
    data = (tmp_path / "a").read_bytes()
    contexts = taken_apart(data)[1]["contexts"]
    merger = CountsMerger([tmp_path / "a"])
    merger.save(tmp_path / "b")  # control
    (tmp_path / "a").write_bytes(data.replace(contexts, b"\x77" * len(contexts)))
    with pytest.raises(FormatError, match="a' is no file of counts of fastsg: contexts"):
        merger.save(tmp_path / "b")


def test_shards_are_taken_off(shards, tmp_path):
    whole, *parts = shards
    left = whole - parts[0]
    assert saved(left, tmp_path / "left") == saved(parts[1] + parts[2], tmp_path / "sum")
    assert saved(left - parts[1], tmp_path / "left") == saved(parts[2], tmp_path / "one")
    assert saved(left + parts[0], tmp_path / "all") == saved(whole, tmp_path / "whole")
    with pytest.raises(
        ValueError, match="the second counts hold shard 1 of 3; they are taken off from shards 2, 3 of 3"
    ):
        left - parts[0]
    with pytest.raises(ValueError, match="one is a shard, the other is not"):
        parts[0] - whole
    assert (parts[0] - parts[0]).nnz == 0


@pytest.mark.parametrize(
    "change", [{"others": [1]}, {"others": [4]}, {"others": [3, 2]}, {"others": "2"}, {"of": True}]
)
def test_shards_that_make_no_sense_are_refused(change):
    sound = {"number": 1, "of": 3, "text": "", "reading": ""}
    assert Shard.parse(json.dumps(sound | {"others": [2]})).numbers == (1, 2)
    with pytest.raises(FormatError, match="which shard it is"):
        Shard.parse(json.dumps(sound | change))


# ---- beyond float32 ----


def repeated(times):
    """(a, b) so often, at the distances 1, 3, 5 ..., in one sentence."""
    tokens = np.tile(np.array([0, 1], np.int32), times)
    return EncodedCorpus(tokens, np.array([0, 2 * times]), Vocab(["a", "b"], [times, times]))


def test_sums_that_float32_cannot_tell(tmp_path):
    """The sums of a + b are odd in the last bit; from float32 alone they would be rounded."""
    a, b = (
        CooccurrenceCounts.from_corpus(repeated(n), window=60, shrink_windows=False)
        for n in (500_001, 700_003)
    )
    b.vocab = a.vocab
    for counts in (a, b):
        assert len(counts.large) == counts.nnz == 4  # all four sums are above 2**24
    both = a + b
    assert both.large.tolist() == (a.large + b.large).tolist()
    assert saved(both - b, tmp_path / "again") == saved(a, tmp_path / "a")
    lost = (a.counts.astype(np.int64) + b.counts.astype(np.int64)).tolist()
    assert lost != both.large.tolist()  # control
    loaded = CooccurrenceCounts.load(tmp_path / "again")
    assert loaded.large.tolist() == a.large.tolist()


@pytest.mark.parametrize("limit", [0, 40, 10**6])
def test_files_hold_what_memory_does(limit, tmp_path):
    corpus = repeated(500_001)
    want = CooccurrenceCounts.from_corpus(corpus, window=60, shrink_windows=False)
    got = CooccurrenceCounts.from_corpus(
        corpus, window=60, shrink_windows=False, memory_limit=limit, folder=str(tmp_path)
    )
    assert saved(got, tmp_path / "a") == saved(want, tmp_path / "b")


@pytest.mark.parametrize("part", [1, 7, 100, 10**6])
def test_parts_of_rows_change_nothing(text, rng, part):
    corpus = EncodedCorpus.from_iter(text, min_count=1)
    parts = parts_of(corpus, 5, rng, shrink_windows="harmonic", window=22)
    want = CooccurrenceCounts.merge(parts)
    contents = [counts._content().counts for counts in parts]
    entries = Entries(0, None, None)
    rows, large = add_up([Source.of(one) for one in contents], want.K, contents[0].unit, entries, part)
    assert rows.counts.tobytes() == want.counts.tobytes()
    assert rows.row_ptr.tolist() == want.row_ptr.tolist()
    assert large.tolist() == want.large.tolist() and len(large) > 100


@pytest.mark.parametrize("threads", [2, 3, 7, 100])
def test_threads_share_the_rows(text, rng, threads):
    """Each begins with the large sums of its rows; weights are those of the rows, wherever they begin."""
    corpus = EncodedCorpus.from_iter(text, min_count=1)
    parts = parts_of(corpus, 3, rng, shrink_windows="harmonic", window=40)
    rows = [(*counts.rows, counts.large) for counts in parts]
    K, unit, keep = parts[0].K, MAX_UNIT, rng.random(parts[0].K)
    assert len(rows[0][3]) > 1000
    for weights in ((), (keep, 0)):
        want, used = add_rows(rows, [False] * 3, K, unit, 1, *weights)
        got, told = add_rows(rows, [False] * 3, K, unit, threads, *weights)
        assert [array.tobytes() for array in got] == [array.tobytes() for array in want]
        assert used.tolist() == told.tolist() == [len(counts.large) for counts in parts]
    sums = reference.dense_counts(*add_rows(rows, [False] * 3, K, unit)[0][:3], K)
    np.testing.assert_allclose(
        reference.dense_counts(*want[:3], K), sums * keep[:, None] * keep, rtol=1e-6, atol=0
    )
    lying = (*rows[2][:3], rows[2][3][:-1])
    with pytest.raises(ValueError, match="not the sums of windows"):
        add_rows([*rows[:2], lying], [False] * 3, K, unit, threads)


def test_more_than_64_bits():
    """Sums that do not fit are refused, not wrapped round."""
    ptr, contexts, large = np.array([0, 1]), np.zeros(1, np.int32), np.array([2**62])
    part = (ptr, contexts, np.float32([2**62]), large)
    with pytest.raises(ValueError, match="does not fit 64 bits"):
        add_rows([part, part], [False, False], 1, 1)
    assert add_rows([part], [False], 1, 1)[0][3].tolist() == [2**62]


def test_a_text_of_too_many_units_is_refused():
    window = Window.parse(40, "harmonic")
    _check_sums(2**20, 2000, window)
    with pytest.raises(ValueError, match="might not fit 64 bits; count the text in shards"):
        _check_sums(2**30, 2000, window)


def test_counts_that_are_no_sums_are_refused():
    """A file may say anything of itself."""
    ptr, contexts, none = np.array([0, 1]), np.zeros(1, np.int32), np.zeros(0, np.int64)
    for counts, large in ((0.3, none), (2.0**30, none), (2.0**30, np.array([2**29]))):
        with pytest.raises(ValueError, match="not the sums of windows"):
            add_rows([(ptr, contexts, np.float32([counts]), large)], [False], 1, 5)


# ---- units ----


@pytest.mark.parametrize("window", [1, 5, (2, 7), (0, 3), 1000, (4, 65_536)])
@pytest.mark.parametrize("shrink", [True, "harmonic", False])
def test_units_are_the_weights(window, shrink):
    if shrink == "harmonic" and max(np.ravel(window)) > 1000:
        pytest.skip("rounded, see below")
    parsed = Window.parse(window, shrink)
    unit, *weights = parsed.units()
    for units, floats in zip(weights, (parsed.weight_left, parsed.weight_right), strict=True):
        assert units.dtype == np.int64 and len(units) == len(floats)
        np.testing.assert_allclose(units / unit, floats, rtol=2e-7)
    assert unit <= MAX_UNIT


def test_units_are_exact_where_there_is_a_common_one():
    assert Window.parse(5, "harmonic").units().unit == 60
    assert Window.parse((4, 6), True).units().unit == 12
    assert Window.parse((4, 6), True).units().weight_left.tolist() == [12, 9, 6, 3]
    assert Window.parse(22, "harmonic").units().unit == math.lcm(*range(1, 23))
    assert Window.parse(23, "harmonic").units().unit == MAX_UNIT < math.lcm(*range(1, 24))
    assert Window.parse(None, True).units().unit == 1
    assert Window.parse(2**20, "harmonic").units().weight_left.min() == 2**12


# ---- what does not fit ----


def counted(sentences=(("a", "b", "a", "c"),), **options):
    corpus = EncodedCorpus.from_iter([list(s) for s in sentences] * 9, min_count=1)
    return CooccurrenceCounts.for_training(corpus, **{"window": 2, "sample": 0.02} | options)


@pytest.mark.parametrize(
    "other, message",
    [
        (counted([("a", "b", "c", "d")]), "have another vocabulary than the first"),
        (counted(window=3), r"have counts of window=\[3, 3\], the first have window=\[2, 2\]"),
        (counted(shrink_windows=False), "shrink_windows=False, the first have shrink_windows=True"),
        (counted(seed=2), "have thinned counts of seed=2, the first have seed=1"),
        (counted(draws=2), "draws=2, the first have draws=3"),
        (counted(sample=0.03), "have thinned counts of sample=0.03, the first have sample=0.02"),
        (counted(sample=0.0), "differ in having thinned counts: count with the same sample"),
    ],
)
def test_other_counts_are_refused_by_name(other, message):
    ours = counted()
    for add, name in (
        (lambda: ours + other, "the second counts "),
        (lambda: ours - other, "the second counts "),
        (lambda: CooccurrenceCounts.merge([ours, other]), r"parts\[1\] "),
    ):
        with pytest.raises(ValueError, match=f"{name}.*{message}"):
            add()


@pytest.mark.parametrize("other", [{"seed": 2}, {"draws": 5}], ids=str)
def test_how_tokens_are_dropped_is_of_no_account_where_none_is(other):
    first, second = counted(sample=0.0), counted(sample=0.0, **other)
    assert (first + second).total == first.total + second.total
    with pytest.raises(ValueError, match=f"{next(iter(other))}="):  # control
        counted() + counted(**other)


def test_counts_without_exact_sums_are_refused(tmp_path):
    triples = CooccurrenceCounts.from_arrays([0, 1], [1, 0], [1.0, 2.5])
    with pytest.raises(ValueError, match="the first counts were not counted from a text by fastsg"):
        triples + triples
    weighed = counted(draws=0)
    with pytest.raises(
        ValueError, match=r"the first counts weigh pairs by the probability .* draws of at least 1"
    ):
        weighed + weighed
    window = Window.parse(2, True)
    trained = CooccurrenceCounts.of_windows(EncodedCorpus.from_iter([["a", "b"]], min_count=1), window)
    with pytest.raises(ValueError, match="the first counts were made without their exact sums"):
        trained + trained


def test_more_than_there_is_cannot_be_taken_off():
    few, many = counted([("a", "b", "a", "c")]), counted([("a", "b", "a", "c")] * 2)
    many.vocab = few.vocab
    many.thinned, few.thinned = None, None
    with pytest.raises(ValueError, match="they hold more of a pair of words than what they are subtracted"):
        few - many
    assert (many - few).total == pytest.approx(few.total)


def test_only_counts_are_added():
    counts = counted()
    for add in (lambda: counts + 1, lambda: 1 + counts, lambda: counts - 1, lambda: counts + None):
        with pytest.raises(TypeError, match="unsupported operand type"):
            add()
    with pytest.raises(TypeError, match=r"parts\[1\] is a int; it must be CooccurrenceCounts"):
        CooccurrenceCounts.merge([counts, 1])
    with pytest.raises(ValueError, match="parts is empty"):
        CooccurrenceCounts.merge([])


def test_thinned_counts_without_an_entry_can_be_added(tmp_path):
    """A sentence of which no token is left takes no thinned counts off, and adds none."""
    corpus = EncodedCorpus.from_iter([["a", "a"], ["a", "b", "a", "c"] * 50], min_count=1)
    options = {"sample": 1e-3, "draws": 1}
    first, second = (
        CooccurrenceCounts.for_training(corpus.part(*span), **options) for span in ((0, 1), (1, 2))
    )
    assert first.thinned is None and second.thinned is not None
    whole = saved(CooccurrenceCounts.for_training(corpus, **options), tmp_path / "whole")
    assert saved(first + second, tmp_path / "a") == saved(second + first, tmp_path / "b") == whole
    first.save(tmp_path / "first")
    assert saved(CooccurrenceCounts.load(tmp_path / "first") + second, tmp_path / "c") == whole


def test_memory_of_parts_is_bounded(text, monkeypatch):
    """No more is added at once than was asked for, and a row."""
    corpus, most = EncodedCorpus.from_iter(text, min_count=1), []
    parts = parts_of(corpus, 16, np.random.default_rng(0), sample=0.0)
    add = adding.add_rows

    def watched(rows, *rest):
        most.append(sum(len(part[1]) for part in rows))
        return add(rows, *rest)

    monkeypatch.setattr(adding, "add_rows", watched)
    contents = [counts._content().counts for counts in parts]
    add_up([Source.of(one) for one in contents], parts[0].K, contents[0].unit, Entries(0, None, None), 100)
    assert max(most) <= 100 + 2 * parts[0].K
