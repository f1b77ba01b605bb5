"""Rows of O between ranks: who holds which, who is shown all, and that nobody reads what is not theirs.

The ranks are threads; see teams.py.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from teams import as_ranks, digest, zipf_text

from fastsg import Callback, Checkpoint, DivergenceError, SkipGram, load_checkpoint
from fastsg.distributed import Holders, Share
from fastsg.distributed.shares import Span
from fastsg.training.callbacks import StopTraining

SETTINGS = {"vector_size": 4, "min_count": 1, "epochs": 4, "seed": 5, "workers": 1, "head": 0.5}
SETTINGS |= {"progress": False}
TEXT = zipf_text(sentences=500)


@pytest.fixture(scope="module")
def alone() -> str:
    return digest(SkipGram(TEXT, validation=TEXT[:30], **SETTINGS))


def train(team, **options) -> SkipGram:
    text = [] if team.rank else TEXT
    return SkipGram(text, comm=team, validation=text[:30], **(SETTINGS | options))


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_rows_move_to_those_who_want_them(ranks):
    """Against one array that everybody sees; rows that a rank does not hold are spoilt."""
    K = 60
    rng = np.random.default_rng(ranks)
    plan = []
    for _ in range(8):
        words = K if rng.random() < 0.4 else int(rng.integers(ranks, K + 1))
        cuts = np.sort(rng.choice(np.arange(1, words), ranks - 1, replace=False)).tolist()
        plan.append(([0, *cuts, words], rng.random(ranks) < 0.5))

    def work(team):
        array, sums = np.full((K, 3), np.nan, np.float32), np.full(K, np.nan)
        truth = np.arange(K) * 10.0
        if not team.rank:
            array[:], sums[:] = truth[:, None], truth
        holders, seen = Holders(team, K), []
        for cuts, wants in plan:
            spans = [Span(*pair) for pair in pairwise(cuts)]
            holders.move([array, sums], spans)
            mine = slice(*spans[team.rank])
            assert (array[mine] == truth[mine, None]).all() and (sums[mine] == truth[mine]).all()
            array[mine] += 1
            sums[mine] += 1
            truth[: cuts[-1]] += 1
            holders.lend([array, sums], wants)
            seen.append((array == truth[:, None]).all() and (sums == truth).all())
            held = np.zeros(K, bool)
            for span in holders._held[team.rank]:
                held[slice(*span)] = True
            array[~held], sums[~held] = np.nan, np.nan
        return seen

    seen = np.array(as_ranks(ranks, work))
    assert seen[np.array([wants for _, wants in plan]).T].all()


def test_a_message_has_what_is_missing_and_no_more():
    """Rows that a rank holds and keeps are not sent."""

    def work(team):
        array, holders = np.zeros((100, 2), np.float32), Holders(team, 100)
        sent = []
        for spans in ([(0, 50), (50, 100)], [(0, 50), (50, 100)], [(0, 20), (20, 40)], [(0, 50), (50, 100)]):
            before = team.sent
            holders.move([array], [Span(*span) for span in spans])
            sent.append(team.sent - before)
        return sent

    assert as_ranks(2, work) == [[400, 0, 160, 0], [0, 0, 0, 160]]


class Looks(Callback):
    """Keeps what it sees of O."""

    def __init__(self):
        self.seen = []

    def on_epoch_end(self, model):
        self.seen.append(model.O.tobytes())


def test_nobody_reads_rows_of_others(alone, monkeypatch):
    """They are spoilt wherever rows have moved. Control: who is shown them sees that."""
    move = Holders.move

    def spoiling(self, arrays, wanted):
        move(self, arrays, wanted)
        held = np.zeros(len(arrays[0]), bool)
        for span in self._held[self._team.rank]:
            held[slice(*span)] = True
        for array in arrays:
            array[~held] = np.nan

    monkeypatch.setattr(Holders, "move", spoiling)
    assert {digest(model) for model in as_ranks(3, train)} == {alone}

    def left_alone(team):
        team.keeps_model = False
        return np.isnan(train(team).O).any()

    assert as_ranks(3, left_alone) == [False, True, True]


def test_a_rank_that_does_not_keep_the_model_never_has_all_of_o(alone):
    def work(team):
        team.keeps_model = False
        model = train(team)
        return digest(model), np.flatnonzero(model.O.any(axis=1)), len(model.vocab)

    (first, _, K), (_, written, _) = as_ranks(2, work)
    assert first == alone
    spans = as_ranks(2, lambda team: [Share(team, words).rows[team.rank] for words in (K, K // 2)])[1]
    its_own = np.unique(np.concatenate([np.arange(*span) for span in spans]))
    beside = np.setdiff1d(written, its_own)  # lent for the covariance, a few
    assert len(its_own) < 0.8 * K and len(beside) <= K // 32


def test_ranks_with_callbacks_see_all_of_o_and_others_are_not_called(alone):
    looks = Looks()
    SkipGram(TEXT, validation=TEXT[:30], callbacks=[looks], **SETTINGS)

    def work(team):
        team.keeps_model = False
        mine = Looks()
        train(team, callbacks=[mine] if team.rank == 1 else [])
        return mine.seen

    assert as_ranks(3, work) == [[], looks.seen, []]


class Stop(Callback):
    """Ends a training after so many epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, model):
        if len(model.history) == self.epochs:
            raise StopTraining


def test_a_checkpoint_goes_on_where_one_rank_keeps_the_model(alone, tmp_path):
    """Their O begins as zeros, and they get what they train from rank 0."""
    path = tmp_path / "checkpoint"

    def begin(team):
        team.keeps_model = False
        train(team, callbacks=[Stop(2), *([] if team.rank else [Checkpoint(path)])])

    def go_on(team):
        team.keeps_model = False
        text = [] if team.rank else TEXT
        model = load_checkpoint(path, comm=team, validation=text[:30])
        zeros = not model.O.any()
        return digest(model.train(text, resume=True)), zeros

    as_ranks(2, begin)
    found = as_ranks(3, go_on)
    assert found[0] == (alone, False) and [each[1] for each in found[1:]] == [True, True]


def test_an_epoch_without_pairs_leaves_the_model_whole():
    """Subsampling that drops every pair of a later epoch ends the training on all ranks, after steps."""
    words = [f"w{i:03}" for i in range(2600)]
    text = [list(pair) for pair in zip(words[::2], words[1::2], strict=True)]
    settings = {"vector_size": 4, "min_count": 1, "epochs": 3, "workers": 1, "solver": "sgd", "sample": 1e-8}

    def work(team):
        model = SkipGram(comm=team, progress=False, seed=4, **settings)
        model.build_vocab([] if team and team.rank else text)
        with pytest.raises(ValueError, match="no pairs"):
            model.train()
        return model.O.tobytes(), model.state.step

    alone = work(None)
    assert alone[1] > 0
    assert as_ranks(2, work) == [alone, alone]


def test_a_start_that_diverges_on_rank_0_does_so_on_all():
    def work(team):
        model = SkipGram(comm=team, **SETTINGS)
        model.build_vocab([] if team.rank else TEXT)
        model.I[:5] = np.inf
        with pytest.raises(DivergenceError):
            model.train()

    as_ranks(2, work)


def test_a_text_that_is_elsewhere_is_not_taken_for_an_empty_one():
    def work(team):
        corpus = train(team, epochs=1).corpus
        if team.rank:
            for use in (lambda: list(corpus), lambda: corpus.part(0, 1), lambda: corpus.save("nowhere")):
                with pytest.raises(RuntimeError, match="rank 0"):
                    use()
        return len(corpus), corpus.n_tokens

    (first, tokens), (other, told) = as_ranks(2, work)
    assert (first > 0, other, told) == (True, 0, tokens)
