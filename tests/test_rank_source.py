"""Counts on several ranks: each has those of its columns, and the bits are those of one process.

The ranks are threads; see teams.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from teams import as_ranks, digest, zipf_text

from fastsg import Checkpoint, CooccurrenceCounts, EncodedCorpus, SkipGram, load_checkpoint
from fastsg.cooccurrence.batches import CountBatches
from fastsg.distributed import Message, Share, to_each
from fastsg.text.remote import RemoteCorpus
from fastsg.training import rank_source, stages
from fastsg.training.batch_sources import CountSource
from fastsg.training.callbacks import Callback, StopTraining
from fastsg.training.rank_source import RankSource, shared_source

SETTINGS = {"vector_size": 4, "min_count": 1, "epochs": 3, "seed": 5, "workers": 1, "head": 0.5}
SETTINGS |= {"progress": False}
TEXT = zipf_text(sentences=900)
ONE_SIDED = {"window": (3, 1), "sample": 0.003}  # so that N_mn is not N_nm, and frequent rows come often


@pytest.fixture(scope="module")
def counts() -> CooccurrenceCounts:
    corpus = EncodedCorpus.from_iter(TEXT, min_count=1)
    return CooccurrenceCounts.for_training(corpus, window=(3, 1), sample=0.003, seed=5)


@pytest.fixture(scope="module")
def alone() -> str:
    return digest(SkipGram(TEXT, **(SETTINGS | ONE_SIDED)))


def trained_by(ranks, **changes):
    return as_ranks(
        ranks,
        lambda team: digest(
            SkipGram([] if team.rank else TEXT, comm=team, **(SETTINGS | ONE_SIDED | changes))
        ),
    )


def entries(block):
    """(row, context, count) of all that a block holds."""
    return {
        (m, int(block.contexts[i]), float(block.counts[i]))
        for m in range(len(block.weights))
        for i in range(block.starts[m], block.stops[m])
    }


@pytest.mark.parametrize("part", [0, 2, 3], ids=["all rows first", "the head's rows", "fewer rows"])
@pytest.mark.parametrize("ranks", [2, 3])
def test_each_rank_has_the_entries_of_its_columns_and_no_others(counts, ranks, part):
    head, opening = counts.K // 2, counts.K // part if part else 0

    def work(team):
        def make():
            assert not team.rank, "the others count nothing"
            return CountSource(counts, 100, 5, 1, head, opening, head * 4 // 5)

        source = shared_source(team, range(4), 1, make)
        assert isinstance(source, RankSource)
        sizes = {}
        for stage, rows in source.rows.items():
            start, stop = Share(team, stage.words).rows[team.rank]
            found = entries(rows.batches._block)
            assert all(start <= context < stop for _, context, _ in found)
            sizes[stage] = found
        tables = {id(rows.batches._block.counts): rows.batches._block.counts for rows in source.rows.values()}
        return sizes, sum(map(len, tables.values())), source.start_counts() is not None

    whole = CountSource(counts, 100, 5, 1, head, opening, head * 4 // 5)
    found = as_ranks(ranks, work)
    for stage in found[0][0]:
        assert set.union(*(each[0][stage] for each in found)) == entries(whole.rows(stage)._block)
    assert [each[2] for each in found] == [True] + [False] * (ranks - 1)
    everything = counts.nnz + counts.thinned.nnz
    assert found[0][1] == everything
    assert all(0 < each[1] < everything * 0.6 for each in found[1:])


def test_a_rank_is_told_what_follows_from_whole_rows(counts):
    whole = CountSource(counts, 100, 5, 1, counts.K // 2, counts.K // 3, counts.K // 4)
    stages = [whole.stage(epoch, 4) for epoch in range(4)]

    def work(team):
        source = shared_source(team, range(4), 1, lambda: whole)
        assert source.heaviest_row(4) == whole.heaviest_row(4)  # which rank 0 tells
        return source

    for source in as_ranks(2, work):
        assert [source.stage(epoch, 4) for epoch in range(4)] == stages
        assert source.fingerprint() == whole.fingerprint() and source.pairs == whole.pairs
        assert source.with_sizes(7, 7, 7, 7) is source
        for stage in stages:
            batches = whole.batches(1, stage)[1]
            assert source.units(stage) == whole.units(stage)
            assert (source.context_shares(stage) == whole.context_shares(stage)).all()
            assert source.context_weights(stage) is whole.context_weights(stage) is None
            for (walked, mine), (want, all_of_it) in zip(source.batches(1, stage)[1], batches, strict=True):
                assert walked == want and (mine.centers == all_of_it.centers).all()
                sums = [all_of_it.counts[a:b].astype(float).cumsum()[-1]
                        for a, b in zip(all_of_it.row_ptr, all_of_it.row_ptr[1:])]  # fmt: skip
                assert (source.row_weights(stage)[mine.centers] == sums).all()


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_one_sided_windows_give_the_bits_of_one_process(alone, ranks):
    assert set(trained_by(ranks)) == {alone}


def test_the_default_rate_of_plain_sgd_is_that_of_one_process():
    whole = SkipGram(TEXT, **(SETTINGS | ONE_SIDED), optimizer="sgd")
    assert set(trained_by(2, optimizer="sgd")) == {digest(whole)}


def test_ranks_train_a_coarser_head_as_one_process_does(alone, monkeypatch):
    monkeypatch.setattr(stages, "MEDIUM_VOCABULARY", 100)
    coarser = SkipGram(TEXT, **(SETTINGS | ONE_SIDED))
    assert coarser.plan.coarse < coarser.plan.head and digest(coarser) != alone
    assert set(trained_by(2)) == {digest(coarser)}


def test_wrong_columns_are_noticed(alone, monkeypatch):
    """Controls: a column short, another rank's columns, rows of many visits weighed as a whole."""
    right = rank_source.column_block, rank_source.columns_of

    def short(rows, columns, weights, num_threads):
        return right[0](rows, (columns[0] + 1, columns[1]), weights, num_threads)

    def anothers(rows, wanted, num_threads):
        return right[1](rows, {(words, (0, columns[0])) for words, columns in wanted}, num_threads)

    for name, wrong in (("column_block", short), ("columns_of", anothers)):
        with monkeypatch.context() as patch:
            patch.setattr(rank_source, name, wrong)
            assert alone not in trained_by(2)
    with monkeypatch.context() as patch:
        patch.setattr(CountBatches, "row_weights", lambda self, threads: self.weights)
        assert alone not in trained_by(2)


def test_counts_of_no_text_and_pairs(alone):
    rng = np.random.default_rng(4)
    m, n = rng.integers(0, 400, (2, 9000)) * rng.integers(1, 3, (2, 9000))
    counts = CooccurrenceCounts.from_arrays(m, n, np.ones(9000))

    def on_counts(team):
        return digest(SkipGram(comm=team, **SETTINGS).fit_counts(None if team and team.rank else counts))

    def on_pairs(team):
        return digest(SkipGram(comm=team, **SETTINGS).fit_pairs(m, n))

    for work in (on_counts, on_pairs):
        assert set(as_ranks(2, work)) == {work(None)}


class Stop(Callback):
    def __init__(self, batch):
        self.left = batch

    def on_batch_end(self, model):
        self.left -= 1
        if not self.left:
            raise StopTraining


def test_a_training_is_gone_on_with_inside_an_epoch(alone, tmp_path):
    """Its books, of which each rank has its columns, are put together."""
    path = tmp_path / "checkpoint"

    def begin(team):
        hooks = [Checkpoint(path, checkpoint_every=1e-6), Stop(30)]
        SkipGram([] if team.rank else TEXT, comm=team, callbacks=hooks, **(SETTINGS | ONE_SIDED))

    def go_on(team):
        model = load_checkpoint(path, comm=team)
        return digest(model.train([] if team and team.rank else TEXT, resume=True))

    as_ranks(3, begin)
    assert go_on(None) == alone
    assert set(as_ranks(2, go_on)) == {alone}


def test_a_text_that_is_counted_is_the_first_ranks(alone):
    """The others know its words; more text joins it all the same. Solver "sgd" walks it everywhere."""

    def work(team):
        texts = [[] if team and team.rank else part for part in (TEXT[:500], TEXT[500:700], TEXT[700:])]
        model = SkipGram(texts[0], comm=team, **SETTINGS)
        is_remote = isinstance(model.corpus, RemoteCorpus)
        model.train(texts[1])
        model.build_vocab(texts[2], update=True)
        model.train()
        return digest(model), model.corpus.n_tokens, len(model.corpus.vocab), is_remote

    [want] = as_ranks(1, work)
    found = as_ranks(2, work)
    assert [each[:3] for each in found] == [want[:3]] * 2
    assert [each[3] for each in found] == [False, True]

    def by_text(team):
        model = SkipGram(
            [] if team.rank else TEXT[:50], comm=team, **(SETTINGS | {"solver": "sgd", "head": None})
        )
        return len(model.corpus.tokens)

    assert len(set(as_ranks(2, by_text))) == 1


def test_each_gets_its_own_message():
    def told(team):
        about, arrays = to_each(team, lambda rank: Message({"for": rank}, {"a": np.arange(rank)}))
        return about.get("for"), [array.tolist() for array in arrays.values()], team.sent

    found = as_ranks(3, told)
    assert [each[:2] for each in found] == [(None, []), (1, [[0]]), (2, [[0, 1]])]

    def failing(team):
        def make(rank):
            if rank == 2:
                raise MemoryError("no room")
            return Message({}, {})

        with pytest.raises(MemoryError, match="no room"):
            to_each(team, make)
        return True

    assert as_ranks(3, failing) == [True] * 3
