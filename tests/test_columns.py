"""Columns of counts: what ranks get of them, against dense matrices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fastsg import CooccurrenceCounts, _core
from fastsg.cooccurrence.columns import column_block, columns_of, leading_block
from fastsg.cooccurrence.counting import CountRows

K = 23


@pytest.fixture
def counts(rng) -> CooccurrenceCounts:
    """Of words of which some have no contexts, and some are none."""
    N = rng.integers(0, 5, (K, K)) * (rng.random((K, K)) < 0.4)
    N[[3, 9]], N[:, [0, 7]] = 0, 0
    centers, contexts = np.nonzero(N)
    words = [f"{k:02}" for k in range(K)]
    return CooccurrenceCounts.from_arrays(centers, contexts, N[centers, contexts], words)


def dense(rows: CountRows) -> np.ndarray:
    N = np.zeros((len(rows.row_ptr) - 1, K))
    for m, (start, stop) in enumerate(zip(rows.row_ptr, rows.row_ptr[1:])):
        assert (np.diff(rows.contexts[start:stop]) > 0).all()
        N[m, rows.contexts[start:stop]] = rows.counts[start:stop]
    return N


def dense_block(block) -> np.ndarray:
    N = np.zeros((len(block.weights), K))
    for m in range(len(N)):
        part = slice(block.starts[m], block.stops[m])
        N[m, block.contexts[part]] = block.counts[part]
    return N


@pytest.mark.parametrize(
    "wanted",
    [
        [(K, (0, K))],
        [(K, (5, 11))],
        [(11, (5, 11))],
        [(K, (12, K)), (12, (6, 12))],  # one behind the other
        [(K, (0, 12)), (12, (0, 6))],  # one within the other
        [(K, (4, 9)), (12, (6, 12))],  # overlapping
        [(K, (15, 20)), (12, (2, 5))],  # apart
        [(K, (15, 20)), (12, (2, 5)), (6, (4, 17))],
        [(12, (15, 20)), (12, (2, 5)), (K, (4, 17))],  # of the same rows
        [(K, (8, 8))],
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_columns_wanted_are_there_once_and_no_others(counts, wanted, threads):
    N = dense(counts.rows)
    part = columns_of(counts.rows, wanted, threads)
    want = np.zeros((max(n for n, _ in wanted), K))
    for words, (start, stop) in wanted:
        want[:words, start:stop] = N[:words, start:stop]
    assert (dense(part) == want).all() and len(part.counts) == np.count_nonzero(want)
    assert [array.dtype for array in part] == [np.int64, np.int32, np.float32]
    for words, (start, stop) in wanted:
        whole = leading_block(counts, words)
        for rows in (part, counts.rows):
            block = column_block(rows, (start, stop), whole.weights, threads)
            found = dense_block(block)
            assert (found[:, start:stop] == N[:words, start:stop]).all()
            assert not found[:, :start].any() and not found[:, stop:].any()


def test_leading_block_is_all_that_words_have_among_themselves(counts):
    for words in (1, 8, K):
        block = leading_block(counts, words)
        assert (dense_block(block)[:, :words] == dense(counts.rows)[:words, :words]).all()
        assert (block.weights == dense(counts.rows)[:words, :words].sum(1)).all()
        part = leading_block(counts, words, 1)
        assert (dense_block(part) == dense_block(block)[:1]).all() and part.weights == block.weights[0]


def test_cuts_and_sums_of_rows(counts):
    row_ptr, contexts, values = counts.rows
    N = dense(counts.rows)
    for column in (0, 1, 7, K - 1, K, K + 5):
        cuts = _core.cut_rows(row_ptr, contexts, K, column, 2)
        assert (cuts - row_ptr[:-1] == np.count_nonzero(N[:, :column], axis=1)).all()
    assert (_core.row_sums(row_ptr, values, 2) == N.sum(1)).all()
    assert len(_core.cut_rows(row_ptr, contexts, 0, 3)) == 0
    none = np.zeros(0, np.int32), np.zeros(0, np.float32)
    assert _core.cut_rows(np.zeros(4, np.int64), none[0], 3, 1).tolist() == [0, 0, 0]
    assert _core.row_sums(np.zeros(4, np.int64), none[1]).tolist() == [0, 0, 0]
    for rows in (-1, K + 1):
        with pytest.raises(ValueError, match=rf"rows is {rows}; it must lie in \[0, {K}\]"):
            _core.cut_rows(row_ptr, contexts, rows, 3)
    with pytest.raises(ValueError, match="row_ptr"):
        _core.row_sums(row_ptr, values[1:].copy())


@pytest.mark.parametrize("rows", [*range(1, 10), 16, 17, 200])
def test_a_sum_is_one_chain_whatever_stands_beside_it(rng, rows):
    """Some rows are added up side by side: each as if it were alone, to the last bit."""
    lengths = rng.integers(0, 60, rows) * (rng.random(rows) < 0.8)
    row_ptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = rng.lognormal(0, 8, row_ptr[-1]).astype(np.float32)
    parts = [values[start:stop].astype(float) for start, stop in pairwise(row_ptr)]
    want = np.array([np.add.accumulate(part)[-1] if len(part) else 0.0 for part in parts])
    for threads in (1, 3):
        assert _core.row_sums(row_ptr, values, threads).tobytes() == want.tobytes()
    backwards = np.array([np.add.accumulate(part[::-1])[-1] if len(part) else 0.0 for part in parts])
    assert rows < 16 or backwards.tobytes() != want.tobytes()  # control: the order tells
