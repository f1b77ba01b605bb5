"""From coarse to fine: which words and which counts an epoch trains on, against the same steps taken by
hand.
"""

import tracemalloc

import numpy as np
import pytest
import reference

from fastsg import Callback, CooccurrenceCounts, EncodedCorpus, FormatError, SkipGram, Vocab, _core
from fastsg.cooccurrence import pieces
from fastsg.cooccurrence.counts_file import SCHEMA
from fastsg.io import safetensors
from fastsg.numerics import objective
from fastsg.numerics.newton import Curvature
from fastsg.numerics.optimizer import DEFAULT_PRIOR, Optimizer
from fastsg.training import stages
from fastsg.training.batch_sources import CountSource
from fastsg.training.stages import Stage, StageSizes, coarse_words, head_words, opening_rows, stage_of

K = 40
PLAIN = {"vector_size": 6, "window": 3, "min_count": 1, "progress": False, "sample": 0.02}


def sentences(n=200):
    rng = np.random.default_rng(0)
    return [[f"w{int(K * x**2)}" for x in rng.random(12)] for _ in range(n)]


def corpus():
    return EncodedCorpus.from_iter(sentences(), min_count=1)


def counted(**options):
    return CooccurrenceCounts.for_training(corpus(), **{"window": 3, "sample": 0.02} | options)


def dense(counts):
    return reference.dense_counts(counts.row_ptr, counts.contexts, counts.counts, counts.K)


# ---- which words, which counts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "epochs, want",
    [
        (1, "T"),
        (2, "cT"),
        (3, "ciT"),
        (4, "cihT"),
        (5, "ciihT"),
        (6, "ciihhT"),
        (7, "ciiihhT"),
    ],
)
def test_stages(epochs, want):
    """c: all words, thinned; i: the head, thinned; h: the head, the text; T: all words, the text."""
    letters = {(9, True): "c", (4, True): "i", (4, False): "h", (9, False): "T"}
    found = [stage_of(index, epochs, 9, 4) for index in range(epochs)]
    assert "".join(letters[stage.words, stage.thinned] for stage in found) == want
    assert all(stage.rows == stage.late == stage.words for stage in found)
    coarser = [stage_of(index, epochs, 9, 4, coarse=3) for index in range(epochs)]
    assert [stage.words for stage in coarser] == [{"i": 3, "h": 4}.get(letter, 9) for letter in want]


@pytest.mark.parametrize(
    "epochs, opening, coarse, rows, late",
    [
        (1, 4, 4, [9], [9]),
        (2, 4, 4, [4, 9], [9, 4]),
        (3, 4, 4, [4, 4, 9], [9, 4, 4]),
        (4, 3, 4, [3, 4, 4, 9], [9, 3, 4, 4]),
        (4, 6, 4, [6, 4, 4, 9], [9, 4, 4, 6]),
        (4, 9, 4, [9, 4, 4, 9], [9, 4, 4, 9]),
        (3, 2, 3, [2, 3, 9], [9, 2, 3]),
        (4, 2, 3, [2, 3, 4, 9], [9, 2, 3, 4]),
        (4, 4, 3, [4, 3, 4, 9], [9, 3, 4, 4]),
        (7, 2, 3, [2, 3, 3, 3, 4, 4, 9], [9, 2, 3, 3, 3, 4, 4]),
    ],
)
def test_rows_of_stages(epochs, opening, coarse, rows, late):
    """Rows are late in the epoch that they first come in, unless it is the first one."""
    found = [stage_of(index, epochs, 9, 4, opening, coarse) for index in range(epochs)]
    assert [stage.rows for stage in found] == rows and [stage.late for stage in found] == late


def diagonal(k):
    """Every word stands beside itself, frequent ones more often."""
    return CooccurrenceCounts(
        np.arange(k + 1),
        np.arange(k, dtype=np.int32),
        np.linspace(2, 1, k, dtype=np.float32),
        Vocab([f"w{i:06}" for i in range(k)], np.ones(k, np.int64)),
    )


def test_head_words():
    assert [head_words(diagonal(k), 5, None) for k in (1, 16384, 16385, 100_000)] == [1, 16384, 8192, 50_000]
    assert [head_words(diagonal(k), 6, None) for k in (1, 1024, 1025, 16385)] == [1, 1024, 512, 8192]
    assert [head_words(diagonal(10), 5, share) for share in (1.0, 0.5, 0.24, 1e-9)] == [10, 5, 2, 1]


def test_opening_rows():
    """Three tenths, or all that occur 40 times, but no more than half; all where every epoch has all."""
    often, counts = np.array([40] * 7 + [39] * 13), diagonal(20)
    assert [opening_rows(counts, often, head, "newton") for head in (20, 19, 1)] == [0, 0, 0]  # few pairs
    N = np.exp(-np.arange(20.0))
    counts = CooccurrenceCounts.from_arrays(np.arange(20), np.arange(20), N[::1] + 1e-3)
    assert [opening_rows(counts, often, head, "newton") for head in (20, 19, 7, 1)] == [0, 7, 7, 7]
    assert [opening_rows(counts, often * times, 10, "newton") for times in (0, 1, 2)] == [6, 7, 10]
    assert opening_rows(counts, often, 10, "adagrad") == 0


def test_a_large_vocabulary(monkeypatch):
    """Its first epoch trains half of the rows however rare they are, its thinned ones less than the head."""
    counts, rare = diagonal(20), np.ones(20, np.int64)
    monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", 20)
    assert [coarse_words(counts, head) for head in (20, 18, 10)] == [20, 18, 10]
    monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", 19)
    assert [coarse_words(counts, head) for head in (20, 18, 10)] == [20, 14, 10]  # ten have few pairs
    steep = CooccurrenceCounts.from_arrays(np.arange(20), np.arange(20), np.exp(-np.arange(20.0)) + 1e-3)
    assert [coarse_words(steep, head) for head in (20, 18, 10, 1)] == [20, 14, 8, 1]
    assert opening_rows(steep, rare, 10, "newton") == 10
    assert StageSizes.chosen(steep, rare, 6, 0.5, "newton") == (10, 10, 8)
    # where the first epoch has all rows, a coarser head would only cost
    assert StageSizes.chosen(steep, rare, 6, 0.5, "adagrad") == (10, 0, 10)
    assert StageSizes.chosen(steep, rare, 6, 1.0, "newton") == (20, 0, 20)


def test_a_few_frequent_words_do_not_make_up_for_their_own_pairs(monkeypatch):
    """The coarser head needs pairs among its words: rows whose contexts are rarer words do not count."""
    monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", 5)
    m, n = np.repeat(np.arange(8), 2), np.repeat(np.arange(8, 12), 4)
    star = CooccurrenceCounts.from_arrays(np.append(m, n), np.append(n, m), np.ones(32), counted_words(12))
    assert star.row_sums[:8].sum() / star.total == 0.5
    assert coarse_words(star, 11) == 11


def counted_words(k):
    return Vocab([f"w{i:02}" for i in range(k)], np.arange(k, 0, -1))


def test_sources_of_older_files_train_the_head():
    source = CountSource(counted(), 8, 1, head=15)
    assert [source.stage(epoch, 5).words for epoch in range(5)] == [K, 15, 15, 15, K]
    assert [source.with_sizes(8, 15, 0, 12).stage(epoch, 5).words for epoch in range(5)] == [K, 12, 12, 15, K]


@pytest.mark.parametrize("items", [600, 550])
def test_frequent_words_that_are_no_centers(rng, items):
    """Found here: items, which come more often, are columns, users are rows; the first epoch had few."""
    users = 2000 - items
    pairs = np.repeat(np.arange(users), 15), rng.integers(users, 2000, users * 15)
    options = {"vector_size": 10, "min_count": 1, "progress": False, "epochs": 6, "head": 0.5}
    model = SkipGram(**options).fit_pairs(*([f"w{i}" for i in side] for side in pairs))
    assert [record["pairs"] for record in (model.history[0], model.history[-1])] == [users * 15] * 2
    assert model.plan.opening == 0 and model.history[0]["centers"] == 2000


def test_a_plan_of_more_words_than_there_are():
    source = CountSource(counted(), 8, 1)
    assert source.with_sizes(8, 7, K, 7).coarse == 7 and source.with_sizes(8, 0, 0, K).coarse == K
    for sizes in ((8, K + 9, 0, 0), (8, 0, 2**47, 0), (8, 0, 0, K + 1), (8, 7, 0, 8)):
        with pytest.raises(
            ValueError,
            match=rf"its plan has head={sizes[1]}, opening={sizes[2]} and coarse={sizes[3]}; there are",
        ):
            source.with_sizes(*sizes)


def test_a_head_of_nothing():
    """So that what is wrong is said, not that the head has none."""
    words = [f"w{i}" for i in range(2000)]
    model = SkipGram(vector_size=2, min_count=1, progress=False)
    model.build_vocab([words])
    with pytest.raises(ValueError, match="there are no pairs to train on"):
        model.train([["w1"], ["w2"]])


def test_a_head_without_pairs(monkeypatch):
    """Centers and contexts of two kinds: the frequent words have no pairs among themselves."""
    counts = CooccurrenceCounts.from_arrays(
        np.repeat(np.arange(10), 8), np.tile(np.arange(10, 18), 10), np.ones(80)
    )
    monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", 5)
    assert head_words(counts, 3, None) == 18 and head_words(counts, 3, 0.9) == 16
    model = SkipGram(vector_size=4, min_count=1, epochs=3, progress=False).fit_counts(counts)
    assert [record["words"] for record in model.history] == [18] * 3
    short = SkipGram(vector_size=4, min_count=1, head=0.1, progress=False)
    with pytest.raises(
        ValueError,
        match=r"head is 0.1: the 2 most frequent words have no pairs among themselves; give a larger share",
    ):
        short.fit_counts(counts)
    assert not short.history and [
        record["words"] for record in short.fit_counts(counts, epochs=2).history
    ] == [18, 18]


def test_without_thinned_counts_there_is_one_distribution():
    """Else the optimizer's sums would be dropped for nothing."""
    for counts, thinned in (
        (counted(sample=0), False),
        (CooccurrenceCounts.from_corpus(corpus(), sample=0.02), True),
    ):
        source = CountSource(counts, 8, 1, head=20)
        assert {source.stage(index, 5).thinned for index in range(5)} == {thinned} and counts.start is counts


def test_sums_begin_anew_in_a_second_training(monkeypatch):
    """It returns from the text to the thinned counts."""
    log, reset = [], Optimizer.reset
    monkeypatch.setattr(Optimizer, "reset", lambda self: (log.append(len(model.history)), reset(self)))
    model = SkipGram(head=0.4, epochs=3, **PLAIN)
    model.build_vocab(sentences())
    model.train()
    model.train()
    assert log == [2, 3, 5]


def test_thinned_copies_are_counted_where_they_are_read(monkeypatch):
    log, thin = [], pieces.thin
    monkeypatch.setattr(pieces, "thin", lambda *args: (log.append(args[4]), thin(*args))[1])
    model = SkipGram(epochs=3, draws=2, **PLAIN)
    model.build_vocab(sentences())
    model.train(epochs=1)  # the spectral start reads them
    assert sorted(log) == [0, 1] and model.state.thinned is False
    model.partial_fit(sentences()[:20])
    assert sorted(log) == [0, 1] and model.state.thinned is False
    model.train()
    assert sorted(log) == [0, 0, 1, 1]


def test_scratch_of_the_head_is_that_of_the_whole():
    """In the order of a training: both are made, then the whole one works, then the smaller one."""
    K, H = 20_000, 8
    batch = (
        np.arange(500, dtype=np.int32),
        np.arange(501),
        np.arange(500, dtype=np.int32),
        np.ones(500, np.float32),
    )
    I, O, none, shift = (
        np.zeros((K, H), np.float32),
        np.zeros((K, H), np.float32),
        np.zeros(0, np.float32),
        np.zeros(K, np.float32),
    )
    grown = {}
    for borrows in (True, False):
        whole = objective.make_workspace(K, H, 2)
        small = objective.make_workspace(K // 2, H, 2, shared=whole if borrows else None)
        whole.step(I, O, none, *batch, shift, 0.1)
        tracemalloc.start()
        small.step(I, O[: K // 2], none, *batch, shift, 0.1)
        grown[borrows] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    E = 4 * 512 * K // 2
    assert grown[True] < E / 4 and grown[False] > E


def test_dropping_may_leave_nothing_to_begin_with():
    model = SkipGram(epochs=3, **PLAIN | {"sample": 1e-9, "draws": 1, "output_bias": None})
    model.build_vocab(sentences())
    model.train()
    assert len(model.history) == 3 and model.nll(model.corpus)[0] < np.log(len(model.vocab))


def test_a_smaller_workspace_borrows_scratch(rng):
    counts = counted()
    k, H = counts.K, 6
    I, O = (rng.standard_normal((k, H)).astype(np.float32) for _ in range(2))
    whole = objective.make_workspace(k, H, 2)
    none, batch = (
        np.zeros(0, np.float32),
        next(CountSource(counts, k, 1).batches(0, Stage.of_all_rows(k, False))[1])[1],
    )
    outcomes = []
    for shared in (None, whole):
        i, o, shift = I.copy(), O.copy(), np.zeros(k, np.float32)
        whole.step(i, o, none, *batch, shift, 0.01)
        small = objective.make_workspace(15, H, 2, shared=shared)
        part = next(CountSource(counts, k, 1, head=15).batches(0, Stage.of_all_rows(15, False))[1])[1]
        small.step(i, o[:15], none, *part, shift, 0.01)
        whole.step(i, o, none, *batch, shift, 0.01)
        outcomes.append((i, o))
    assert all((a == b).all() for a, b in zip(*outcomes, strict=True))


@pytest.mark.parametrize("window", [3, (2, 0)])
def test_an_epoch_over_the_head_is_the_leading_block(window):
    counts = counted(window=window)
    source = CountSource(counts, 8, 1, 2, head=15)
    for stage, table in (
        (Stage.of_all_rows(15, True), counts.thinned),
        (Stage.of_all_rows(15, False), counts),
        (Stage.of_all_rows(counts.K, True), counts.thinned),
        (Stage(counts.K, True, 15, counts.K), counts.thinned),
    ):
        found = np.zeros((counts.K, counts.K))
        units, batches = source.batches(3, stage)
        walked = 0
        for walked, batch in batches:  # noqa: B007  the last one is looked at
            found[batch.centers] += reference.dense_counts(
                batch.row_ptr, batch.contexts, batch.counts, counts.K
            )
        want = np.zeros_like(found)
        want[: stage.rows, : stage.words] = dense(table)[: stage.rows, : stage.words]
        np.testing.assert_allclose(found, want, rtol=1e-6)
        assert walked == units == source.units(stage)
        weights = source.context_weights(stage)
        if window == 3 and stage.rows == stage.words:
            np.testing.assert_allclose(weights, want.sum(0)[: stage.words], rtol=1e-6)
        else:  # a context's weight is not that of its row, or not of the rows that come
            assert weights is None
        shares = dense(table)[: stage.words if window == 3 else None, : stage.words].sum(0)
        np.testing.assert_allclose(source.context_shares(stage), shares, rtol=1e-6)


def test_leading_block(rng):
    counts = counted()
    N = dense(counts)
    for words in (1, 7, counts.K):
        for threads in (1, 3):
            rows = counts.row_ptr[: words + 1], counts.contexts, counts.counts
            stops, weights = _core.leading_block(*rows, words, threads)
            assert (stops - counts.row_ptr[:words] == (N[:words, :words] > 0).sum(1)).all()
            np.testing.assert_allclose(weights, N[:words, :words].sum(1), rtol=1e-12)
    for words in (0, counts.K + 1):
        with pytest.raises(ValueError, match=rf"words is {words}; it must be at (least 1|most {counts.K})"):
            counts.leading(words)
    with pytest.raises(ValueError, match="words is 0, of 1 rows; both must be at least 1"):
        _core.leading_block(np.zeros(2, np.int64), counts.contexts, counts.counts, 0)


# ---- a training --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share, coarse, large", [(0.4, 16, False), (0.8, 25, True)])
def test_a_training_is_its_stages_by_hand(monkeypatch, share, coarse, large):
    """Five epochs: rows, columns, bias, curvature, rates and the renewed sums of every stage, step by step:
    the same bits. As of a large vocabulary, the first epochs over the head are coarser.
    """
    if large:
        monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", K - 1)
    options = PLAIN | {
        "head": share,
        "epochs": 5,
        "batch_size": 9,
        "workers": 2,
        "init": "random",
        "alpha": 0.1,
    }
    model, hand = SkipGram(sentences(), **options), SkipGram(**options)
    hand.build_vocab(sentences())
    counts, I, O = counted(), hand.I, hand.O
    k, head = counts.K, round(share * counts.K)
    sums, shift = Optimizer("newton", k), np.zeros(k, np.float32)
    opening = k // 2  # all that occur 40 times would be more
    source = CountSource(counts, 9, 1, 2, head, opening, coarse)
    plan = [(k, opening, True, k), (coarse, coarse, True, opening), (coarse, coarse, True, coarse)]
    plan += [(head, head, False, max(coarse, opening)), (k, k, False, max(head, opening))]
    for epoch, (words, rows, thinned, late) in enumerate(plan):
        bias = (hand._training.bias if thinned else hand.real_bias())[:words]
        if epoch == 3:
            sums.reset()
        units, batches = source.batches(epoch, Stage(words, thinned, rows, min(late, words)))
        curvature, walked = Curvature((counts.thinned if thinned else counts).leading(words)[1], 2), 0
        workspace = objective.make_workspace(words, 6, 2)
        for number, (done, batch) in enumerate(batches):
            rate = 0.1 + (0.1 / 10 - 0.1) * ((epoch + walked / units) / 5)
            parts = np.array([1.0 if m >= late else rate / 0.1 for m in batch.centers])
            newton = *curvature.axes(O[:words], number), 6 * DEFAULT_PRIOR, parts
            workspace.step(I, O[:words], bias, *batch, shift, rate, sums.sums_I, sums.sums_O[:words], newton)
            walked = done
    assert (model.I == I).all() and (model.O == O).all()
    assert [record["words"] for record in model.history] == [words for words, *_ in plan]
    passes = sum(words * rows for words, rows, *_ in plan) / k**2
    assert hand.estimate().passes == pytest.approx(passes) and model.plan.coarse == coarse


def test_rare_words_rest_while_the_head_is_trained():
    seen = []

    class Look(Callback):
        def on_epoch_end(self, model):
            seen.append((model.I.copy(), model.O.copy()))

    SkipGram(sentences(), head=0.4, epochs=3, callbacks=[Look()], **PLAIN)
    for before, after in zip(seen[0], seen[1], strict=True):
        assert (before[16:] == after[16:]).all() and (before[:16] != after[:16]).any()
    for before, after in zip(seen[1], seen[2], strict=True):
        assert (before[16:] != after[16:]).any(1).all()


def test_the_end_is_about_the_text():
    """Long enough, a model with room for every probability reaches the conditional entropy of the text, not
    of the thinned copies.
    """
    model = SkipGram(
        sentences(60),
        vector_size=K,
        window=1,
        min_count=1,
        sample=0.005,
        epochs=200,
        head=1.0,
        batch_size=10,
        progress=False,
        alpha=0.3,
        prior=0,
    )
    N = dense(CooccurrenceCounts.from_corpus(model.corpus, window=1))
    P = N / N.sum(1, keepdims=True)
    entropy = -(N[N > 0] * np.log(P[N > 0])).sum() / N.sum()
    assert entropy <= model.nll(model.corpus)[0] < entropy + 0.02


# ---- the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mmap", [True, False])
def test_thinned_counts_come_back_from_the_file(tmp_path, mmap):
    counts = counted()
    counts.save(tmp_path / "c")
    again = CooccurrenceCounts.load(tmp_path / "c", mmap=mmap)
    for a, b in ((again, counts), (again.thinned, counts.thinned)):
        assert (
            all((getattr(a, name) == getattr(b, name)).all() for name in ("row_ptr", "contexts", "counts"))
            and a.about == b.about
        )
    assert (
        again.keep is None and (again.thinned.keep == counts.thinned.keep).all() and again.thinned.symmetric
    )
    whole, parts = (SkipGram(epochs=3, **PLAIN).fit_counts(c) for c in (counts, again))
    assert (whole.I == parts.I).all() and (whole.O == parts.O).all()


@pytest.mark.parametrize("lost", ["thinned_row_ptr", "thinned_counts", "keep"])
def test_a_file_with_half_of_the_thinned_counts_is_refused(tmp_path, lost):
    from safetensors.numpy import load_file

    counted().save(tmp_path / "c")
    tensors = load_file(tmp_path / "c")
    metadata = {
        "library_version": "0",
        "about": "{}",
        "thinned_about": "{}",
        "raw_types": "40",
        "raw_tokens": "9999",
    }

    def rewrite(names):
        with open(tmp_path / "d", "wb") as file:
            safetensors.write(file, SCHEMA, metadata, {name: tensors[name] for name in names})

    rewrite(tensors)
    assert CooccurrenceCounts.load(tmp_path / "d").thinned is not None  # the way of writing is sound
    rewrite(tensors.keys() - {lost})
    with pytest.raises(FormatError, match="it has some of the tensors of thinned counts, not all of them"):
        CooccurrenceCounts.load(tmp_path / "d")


def test_what_thinned_counts_may_be():
    counts = counted()
    parts = (counts.row_ptr, counts.contexts, counts.counts, counts.vocab)
    assert CooccurrenceCounts(*parts, thinned=counts.thinned).start is counts.thinned
    other = Vocab([f"x{i}" for i in range(counts.K)], counts.vocab.counts)
    strange = CooccurrenceCounts(*parts[:3], other, keep=counts.thinned.keep)
    for options in (
        {"thinned": counts},
        {"thinned": strange},
        {"thinned": counts.thinned, "keep": counts.thinned.keep},
    ):
        with pytest.raises(
            ValueError, match="thinned must be counts of the same words with keep, beside counts without"
        ):
            CooccurrenceCounts(*parts, **options)
    with pytest.raises(ValueError, match="draws is -1"):
        counted(draws=-1, sample=0)


# ---- what the steps stand on -------------------------------------------------------------------------------


def test_mean_and_centered_gram(isa, rng):
    for rows, H in ((1, 1), (700, 13), (129, 70)):
        Y = (1000 + rng.standard_normal((rows, H))).astype(np.float32)
        w = rng.random(rows).astype(np.float32)
        center = Y.mean(0)
        want = (w[:, None] * (Y.astype(np.float64) - center)).T @ (Y.astype(np.float64) - center)
        for threads in (1, 3):
            np.testing.assert_allclose(_core.mean(Y, w, threads), w.astype(np.float64) @ Y, rtol=1e-12)
            np.testing.assert_allclose(
                _core.gram(Y, w, threads, center), want, rtol=1e-10, atol=1e-10 * np.abs(want).max()
            )
    with pytest.raises(ValueError, match="weights has 2 values; need 129"):
        _core.mean(Y, w[:2], 1)
    with pytest.raises(ValueError, match="center has 3 values; need 70"):
        _core.gram(Y, w, 1, center[:3])


def test_the_optimizer_forgets():
    for name in ("newton", "adagrad", "sgd"):
        sums = Optimizer(name, 3)
        if name != "sgd":
            sums.sums_I += 1
            sums.sums_O += 2
        sums.reset()
        assert name == "sgd" or not (sums.sums_I.any() or sums.sums_O.any())
