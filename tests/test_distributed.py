"""Ranks that train one model together: the shares they have, what they exchange, and that bits stay the same.

The ranks are threads here; tests/test_mpi.py runs them under mpiexec.
"""

from __future__ import annotations

import os
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest
from teams import ThreadTeam, as_ranks, digest, zipf_text

from fastsg import Callback, CooccurrenceCounts, DivergenceError, EncodedCorpus, SkipGram, _core
from fastsg.distributed import (
    Alone,
    Holders,
    Message,
    Share,
    check_agreement,
    from_first,
    launched_rank,
    mpi,
    share,
    team_of,
)
from fastsg.distributed.shares import Node, Span, borders, nodes, owners, tree_sum
from fastsg.training.callbacks import StopTraining

SETTINGS = {
    "vector_size": 12,
    "min_count": 1,
    "epochs": 3,
    "seed": 5,
    "workers": 1,
    "head": 0.5,
    "progress": False,
}
TEXT = zipf_text()


# ---- shares ----


@pytest.mark.parametrize("shards", [1, 2, 8, 64])
def test_nodes_are_whole_branches_and_cover_every_range(shards):
    for start in range(shards):
        for stop in range(start + 1, shards + 1):
            found = nodes(start, stop)
            assert [k for node in found for k in range(node.start, sum(node))] == list(range(start, stop))
            assert all(node.size & (node.size - 1) == 0 and node.start % node.size == 0 for node in found)
            # two neighbours never are the halves of a branch: there are no fewer nodes
            assert not any(a.size == b.size and a.start % (2 * a.size) == 0 for a, b in pairwise(found))


@pytest.mark.parametrize("shards", [1, 2, 4, 16, 64])
def test_borders_are_even_and_powers_of_two_have_one_node_each(shards):
    for ranks in range(1, shards + 1):
        cuts = borders(shards, ranks)
        sizes = np.diff(cuts)
        assert cuts[0] == 0 and cuts[-1] == shards and len(cuts) == ranks + 1
        assert sizes.min() >= 1 and sizes.max() == -(-shards // ranks)
        if ranks & (ranks - 1) == 0:
            assert all(len(nodes(a, b)) == 1 for a, b in pairwise(cuts))


def test_borders_have_few_nodes():
    """Control: even borders as they come have more."""

    def count(cuts):
        return sum(len(nodes(a, b)) for a, b in pairwise(cuts))

    assert count(borders(64, 3)) == 9 < count([64 * r // 3 for r in range(4)])


def test_more_ranks_than_shards_name_both():
    with pytest.raises(ValueError, match="5 ranks are more than the 4 shards"):
        borders(4, 5)


def test_tree_sum_is_the_kernels_tree_for_any_ranks():
    values = (np.random.default_rng(0).standard_normal((64, 50))).astype("f4")

    def whole(parts):
        parts = [part.copy() for part in parts]
        while len(parts) > 1:
            parts = [a + b for a, b in zip(parts[::2], parts[1::2])]
        return parts[0]

    want, others = whole(values), set()
    for ranks in range(1, 65):
        cuts = borders(64, ranks)
        places = [node for a, b in pairwise(cuts) for node in nodes(a, b)]
        got = tree_sum(places, [whole(values[node.start : sum(node)]) for node in places])
        assert got.tobytes() == want.tobytes()
        others.add(sum(values[a:b].sum(0) for a, b in pairwise(cuts)).tobytes())
    assert len(others) > 1  # control: sums of the ranks' sums differ


@pytest.mark.parametrize("K", [40, 700, 2600, 68_000])
def test_every_part_of_a_sum_has_one_owner_who_lacks_few_rows(K):
    shards, first_rows = _core.shard_count(K), _core.shard_rows(K)
    for ranks in range(1, min(shards, 20) + 1):
        cuts = borders(shards, ranks)
        spans = [Span(int(first_rows[a]), int(first_rows[b])) for a, b in pairwise(cuts)]
        found = owners(spans, K, 32)
        assert [s for span in found for s in range(*span)] == list(range(32)) and len(found[0]) > 0
        for span, part in zip(spans, found):
            if part.start < part.stop and part.stop - part.start < 32 and part.start:
                assert span.start - K * part.start // 32 <= K // 64 + 1
                assert K * part.stop // 32 - span.stop <= K // 64 + 1


def test_shard_rows():
    for K in (1, 95, 96, 97, 500, 70_001):
        rows = _core.shard_rows(K)
        assert len(rows) == _core.shard_count(K) + 1 and rows[0] == 0 and rows[-1] == K
        assert (np.diff(rows) > 0).all() and (rows[:-1] % _core.SLICE == 0).all()


# ---- what ranks exchange ----


def test_sums_in_order_are_those_of_one_process():
    parts = np.random.default_rng(1).standard_normal((32, 5, 5))
    want = _core.in_order(parts).tobytes()

    def work(team):
        mine = Share(team, 2600)
        return mine.in_order(parts[slice(*mine.parts)]).tobytes()

    for ranks in (1, 2, 3, 4, 7):
        assert set(as_ranks(ranks, work)) == {want}
    assert parts.sum(axis=0).tobytes() == want
    assert (parts[:16].sum(axis=0) + parts[16:].sum(axis=0)).tobytes() != want  # control


def test_rows_are_gathered():
    def work(team):
        mine, span = Share(team, 2600), Share(team, 2600).rows[team.rank]
        matrix = np.full((2600, 3), -1, np.float32)
        matrix[slice(*span)] = np.arange(*span, dtype=np.float32)[:, None]
        mine.gather_rows(matrix)
        return (matrix == np.arange(2600)[:, None]).all()

    assert all(as_ranks(3, work))


def test_rank_0s_message_arrives_everywhere_and_so_does_its_error():
    arrays = {"a": np.arange(5.0), "b": np.zeros((2, 3), np.int32)}

    def told(team):
        about, got = from_first(team, lambda: Message({"x": [1, None]}, arrays))
        return about == {"x": [1, None]} and all((got[name] == arrays[name]).all() for name in arrays)

    assert all(as_ranks(3, told))

    def failing(team):
        def make():
            assert not team.rank, "the others make nothing"
            raise FileNotFoundError("no such text")

        try:
            from_first(team, make)
        except OSError as error:
            return f"{type(error).__name__}: {error}"

    assert as_ranks(3, failing) == [
        "FileNotFoundError: no such text",
        *["OSError: rank 0 has failed: FileNotFoundError: no such text"] * 2,
    ]


def test_disagreement_names_rank_argument_and_both_values():
    def work(team):
        with pytest.raises(ValueError, match="rank 2 has seed 7, rank 0 has 5"):
            check_agreement(team, {"window": 3, "seed": 7 if team.rank == 2 else 5})

    as_ranks(3, work)
    check_agreement(Alone(), {"seed": 1})


# ---- trainings ----


@pytest.fixture(scope="module")
def alone():
    """Digests of trainings by one process, made when asked for."""
    found = {}

    def of(**changes):
        key = repr(changes)
        if key not in found:
            found[key] = digest(SkipGram(TEXT, **(SETTINGS | changes)))
        return found[key]

    return of


def trained_by(ranks, **changes):
    """The digests of all ranks; only the first one has the text."""
    return as_ranks(
        ranks,
        lambda team: digest(SkipGram([] if team.rank else TEXT, comm=team, **(SETTINGS | changes))),
    )


SOLVERS = [
    {"validation": TEXT[:40]},
    {"optimizer": "adagrad", "output_bias": None},
    {"solver": "sgd", "head": None, "epochs": 2},
    {"solver": "sgd", "optimizer": "sgd", "head": None, "epochs": 1},
    {"batch_size": 2000, "head": 1, "epochs": 2},  # more rows than a block has
]


@pytest.mark.parametrize("changes", SOLVERS, ids=lambda changes: " ".join(changes))
@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_any_number_of_ranks_gives_the_bits_of_one_process(alone, ranks, changes):
    assert set(trained_by(ranks, **changes)) == {alone(**changes)}


def test_threads_in_ranks_change_nothing(alone):
    assert set(trained_by(2, workers=2)) == {alone()}


@pytest.mark.skipif("bfloat16" not in _core.available_precisions(), reason="this CPU has no bfloat16")
def test_bfloat16(alone):
    assert set(trained_by(3, precision="bfloat16")) == {alone(precision="bfloat16")}


def test_controls_give_other_bits(alone, monkeypatch):
    """Sums in the order of the ranks, and rows of O that are not gathered, or not moved, or not lent."""
    with monkeypatch.context() as patch:
        patch.setattr(share, "tree_sum", lambda places, values: sum(values))
        assert set(trained_by(3)) != {alone()}
    with monkeypatch.context() as patch:
        patch.setattr(Holders, "lend", lambda self, arrays, ranks: None)
        assert alone() not in trained_by(2)
    with monkeypatch.context() as patch:
        patch.setattr(Holders, "move", lambda self, arrays, wanted: None)
        assert alone() not in trained_by(2)
    with monkeypatch.context() as patch:
        patch.setattr(Share, "lend_parts", lambda self, matrix: None)
        assert set(trained_by(3)) != {alone()}


def test_a_rows_bad_shift_is_found_on_all_ranks():
    """Logits far from the last log Z: the true maximum lies in another rank's rows for most centers."""
    rng = np.random.default_rng(2)
    K, H = 2600, 8
    I, O = (rng.standard_normal((K, H)).astype("f4") * size for size in (9, 9))
    ids = np.arange(100, dtype=np.int32)
    batch = ids, np.arange(101), ids + 300, np.ones(100, np.float32)
    none = np.zeros(0, np.float32)

    def work(team):
        mine = None if isinstance(team, Alone) else Share(team, K)
        return _core.Workspace(K, H, 128, 1, "float32", None, mine).loss(I, O, none, *batch)

    want = work(Alone())
    assert as_ranks(3, work) == [want] * 3


def test_more_ranks_than_shards_are_refused_before_anything_moves():
    def work(team):
        model = SkipGram(comm=team, **SETTINGS)
        model.build_vocab([] if team.rank else TEXT)
        before = model.I.copy()
        with pytest.raises(ValueError, match="5 ranks are more than the 4 shards"):
            model.train()
        return (model.I == before).all()

    assert all(as_ranks(5, work))


def test_bytes_moved_by_a_batch_are_those_of_the_formula():
    """4 (U H + 3 U) for two ranks, within a tenth; without what happens every 32 batches or at the end."""
    K, H, U = 2600, 100, 256
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(K, U, replace=False)).astype(np.int32)
    batch = ids, np.arange(U + 1), rng.integers(0, K, U).astype(np.int32), np.ones(U, np.float32)

    def work(team):
        I, O = rng_matrix(K, H, 1), rng_matrix(K, H, 2)
        workspace = _core.Workspace(K, H, 1024, 1, "float32", None, Share(team, K))
        sums = np.ones(K, np.float32), np.ones(K, np.float32)
        for _ in range(2):  # the first one also compares bounds
            before = team.sent
            workspace.step(I, O, np.zeros(0, np.float32), *batch, np.zeros(K, np.float32), 0.01, *sums)
        return team.sent - before

    formula = 4 * (U * H + 3 * U)
    for ranks, factor in ((2, 1.0), (4, 1.5)):
        assert all(0.9 * formula < sent / factor < 1.1 * formula for sent in as_ranks(ranks, work))


def rng_matrix(K, H, seed):
    return np.random.default_rng(seed).standard_normal((K, H)).astype(np.float32) / H


def test_divergence_is_raised_by_all_and_leaves_whole_matrices():
    def work(team):
        model = SkipGram(comm=team, solver="sgd", optimizer="sgd", alpha=1e30, **(SETTINGS | {"head": None}))
        model.build_vocab([] if team.rank else TEXT)
        with pytest.raises(DivergenceError, match="diverged at step"):
            model.train()
        return digest(model), bool(np.isfinite(model.O).all())

    assert len(set(as_ranks(3, work))) == 1


def test_an_interrupt_of_one_rank_stops_all_at_one_batch(alone):
    """With whole matrices, from which each goes on to the same bits."""

    def work(team):
        flags, asked = team.flags, []

        def interrupted():
            asked.append(None)
            return 1.0 if team.rank == 1 and len(asked) == 40 else flags()

        team.flags = interrupted
        model = SkipGram(comm=team, **SETTINGS)
        with pytest.raises(KeyboardInterrupt):
            model.train([] if team.rank else TEXT)
        stopped = digest(model), model.state.step
        return *stopped, digest(model.train([] if team.rank else TEXT, resume=True))

    [(stopped, step, finished)] = set(as_ranks(3, work))
    assert 0 < step < 40 and stopped != finished == alone()


def test_one_process_asks_no_share_while_it_steps(alone, monkeypatch):
    """What runs in Python after O has moved can be interrupted there. Control: ranks do ask."""

    def asked(*arguments):
        raise AssertionError("asked")

    monkeypatch.setattr(Share, "total_rows", asked)
    monkeypatch.setattr(Share, "total", asked)
    assert digest(SkipGram(TEXT, **SETTINGS)) == alone()
    with pytest.raises(AssertionError, match="asked"):
        trained_by(2)


class Stop(Callback):
    """Looks at the whole model after some batch, on every rank, and there stops on one of them."""

    def __init__(self, batch):
        self.batch, self.seen, self.model = batch, 0, None

    def on_batch_end(self, model):
        self.seen += 1
        if self.seen == self.batch:
            self.digest = digest(model)
            if not model.rank:
                raise StopTraining


def test_callbacks_see_whole_matrices_inside_an_epoch_and_one_rank_stops_all(alone):
    def work(team):
        stop = Stop(25)
        model = SkipGram([] if team and team.rank else TEXT, comm=team, callbacks=[stop], **SETTINGS)
        return stop.seen, stop.digest, digest(model)

    [want] = [work(None)]
    assert want[0] == 25 and want[1] == want[2] != alone()
    assert set(as_ranks(3, work)) == {want}


def test_a_checkpoint_of_some_ranks_is_gone_on_with_by_others(alone, tmp_path):
    from fastsg import Checkpoint, load_checkpoint

    path = tmp_path / "checkpoint"

    def begin(team):
        hooks = [Checkpoint(path, checkpoint_every=1e-6), Stop(25)]
        SkipGram([] if team.rank else TEXT, comm=team, callbacks=hooks, **SETTINGS)

    def go_on(team):
        model = load_checkpoint(path, comm=team)
        return digest(model.train([] if team and team.rank else TEXT, resume=True))

    as_ranks(3, begin)
    assert go_on(None) == alone()
    assert set(as_ranks(2, go_on)) == {alone()}


def test_counts_pairs_and_more_text_are_rank_0s(alone):
    corpus = EncodedCorpus.from_iter(TEXT, min_count=1)
    counts = CooccurrenceCounts.for_training(corpus, sample=0.001, seed=5)

    def on_counts(team):
        given = None if team and team.rank else counts
        return digest(SkipGram(comm=team, **SETTINGS).fit_counts(given))

    def in_pieces(team):
        model = SkipGram(comm=team, **SETTINGS)
        for piece in (TEXT[:1000], TEXT[1000:]):
            model.partial_fit([] if team and team.rank else piece)
        return digest(model)

    for work in (on_counts, in_pieces):
        assert set(as_ranks(2, work)) == {work(None)}


def test_settings_that_differ_are_refused():
    def work(team):
        with pytest.raises(ValueError, match="rank 1 has a text False, rank 0 has True"):
            SkipGram(None if team.rank else TEXT, comm=team, **SETTINGS)
        with pytest.raises(ValueError, match="rank 1 has seed 6, rank 0 has 5: all ranks must"):
            SkipGram(comm=team, **(SETTINGS | {"seed": 5 + team.rank}))

    as_ranks(2, work)


def test_all_ranks_ask_for_their_threads():
    """Which they share: one that does not ask would be waited for."""

    class Sharing(ThreadTeam):
        def threads(self, available):
            return int(self.gather(np.array([available]), [1] * self.size).min())

    def work(team):
        sharing = Sharing(team.rank, team.size, team._meeting)
        return SkipGram(comm=sharing, **(SETTINGS | {"workers": 1 if team.rank else None})).workers

    assert as_ranks(2, work)[1] == 1


@pytest.mark.parametrize(
    "told, rank",
    [
        ({}, None),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, 1),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "0"}, 0),
        ({"PMIX_RANK": "3", "SLURM_STEP_NUM_TASKS": "8"}, 3),
        ({"PMIX_RANK": "0"}, 0),
        ({"PMI_RANK": "0", "PMI_SIZE": "1"}, None),  # one process needs no MPI
        ({"SLURM_STEP_NUM_TASKS": "4"}, None),
    ],
)
def test_a_launcher_is_noticed_by_the_environment(monkeypatch, told, rank):
    for name in list(os.environ):
        if name.startswith(("PMI", "OMPI_", "MV2_", "SLURM_")):
            monkeypatch.delenv(name)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert launched_rank() == rank


def test_comm_is_checked():
    with pytest.raises(TypeError, match="comm is a str; it must be a communicator of mpi4py, or None"):
        team_of("world")


def test_an_error_of_one_rank_is_not_waited_for():
    """The harness itself: a rank that fails ends the others' wait."""

    def work(team: ThreadTeam):
        if team.rank:
            raise KeyError("mine")
        team.confer()

    with pytest.raises(KeyError, match="mine"):
        as_ranks(2, work)
    with pytest.raises(threading.BrokenBarrierError):
        as_ranks(1, lambda team: team._meeting.barrier.abort() or team.confer())
    assert Node(0, 2) == (0, 2)


def test_an_error_ends_all_ranks_though_nothing_can_be_printed(monkeypatch):
    """Control: flushing a closed stream raises, and a hook that raises never comes to the end of the job."""
    ended = []

    class Comm:
        def Abort(self, code):
            ended.append(code)

    with open(os.devnull, "w", encoding="utf-8") as closed:
        pass
    with pytest.raises(ValueError):
        closed.flush()
    monkeypatch.setattr(sys, "excepthook", lambda *error: None)
    monkeypatch.setattr(sys, "stdout", closed)
    mpi._end_all_on_error(Comm())
    sys.excepthook(RuntimeError, RuntimeError("mine alone"), None)
    assert ended == [1]
