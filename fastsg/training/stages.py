"""How a training on counts walks: which words an epoch trains on, and the order and batches of their rows.

Coarse to fine. The first epoch and the last train on all words. Those between train on the more frequent half among themselves, at a
quarter of the cost: their softmax runs over that half alone, and the rarer words rest. Where the counts come with thinned ones
(word2vec's subsampling), training starts on these, which make better vectors, and ends on the text as it is, whose probabilities the model
is to tell. The last epoch is the exact softmax over the whole vocabulary, for every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import PairCounts, Stage

#: A row that weighs more than so many mean rows comes more than once in an epoch (measured, docs/defaults.md).
HEAVY = 16.0
#: Vocabularies up to this size are trained whole in every epoch: it costs next to nothing.
_SMALL = 16384
#: The more frequent half of larger ones has to hold so much of the pairs, or they are trained whole as well.
_LEAST_SHARE = 0.5
#: Stream of the order of rows; epochs count on from it, see pairs.py for the others.
_ORDER_STREAM = 2**61


def head_words(table: CooccurrenceCounts, head: float | None) -> int:
    """Words that the epochs between the first and the last train on: a share of the vocabulary, by default half of a large one, or all
    words where that half has few of the pairs."""
    K = table.K
    if head is not None:
        return max(min(round(K * head), K), 1)
    if K <= _SMALL:
        return K
    share = min(
        (
            float(counts.leading(K // 2)[1].sum()) / counts.total
            for counts in (table, table.start)
            if counts.total
        ),
        default=1.0,
    )
    return K // 2 if share >= _LEAST_SHARE else K


def any_thinned(done: int, epochs: int) -> bool:
    """Whether the epochs of a training that are still to be done have thinned ones among them."""
    return any(stage_of(index, epochs, 1, 1).thinned for index in range(done, epochs))


def stage_of(index: int, epochs: int, K: int, head: int) -> Stage:
    """Stage of epoch `index` (from 0) out of `epochs`: the first on thinned counts, the last on the text, and so the halves between."""
    thinned_heads = -(-max(epochs - 2, 0) // 2)
    whole = index in (0, epochs - 1)
    return Stage(K if whole else head, index < epochs - 1 and index <= thinned_heads)


class CountSource(NamedTuple):
    """Rows of counts as a source of batches, dealt anew in every epoch.

    Attributes
    ----------
    table : CooccurrenceCounts      Those of the text; its `thinned` counts begin the training, if it has any.
    batch_size : int                Rows in a batch of a whole epoch; one over fewer words has about as many batches.
    seed, num_threads : int
    head : int                      Words of the epochs between the first and the last; 0: all.
    origin : (str, tuple of arrays), optional
                                    Unit and data that the counts follow from, if it is not they that were given.
    """

    table: CooccurrenceCounts
    batch_size: int
    seed: int
    num_threads: int = 1
    head: int = 0
    origin: tuple[str, tuple[NDArray[Any], ...]] | None = None

    def stage(self, index: int, epochs: int) -> Stage:
        """What epoch `index` of a training trains on."""
        stage = stage_of(index, epochs, self.table.K, self.head or self.table.K)
        return (
            stage if self.table.thinned is not None else stage._replace(thinned=self.table.keep is not None)
        )

    def counts(self, stage: Stage | None) -> CooccurrenceCounts:
        """What a stage trains on; without one the text's own counts."""
        return self.table.start if stage is not None and stage.thinned else self.table

    def expected(self, stage: Stage | None = None) -> int:
        """How many rows an epoch has; frequent ones count as often as they come."""
        return int(self._rows(stage).times.sum())

    def epoch(self, epoch: int, stage: Stage | None = None) -> tuple[int, Iterator[tuple[int, PairCounts]]]:
        """(rows of the epoch, its batches); without a stage all rows of the table."""
        rows = self._rows(stage)
        return int(rows.times.sum()), rows.batches(self.seed, epoch, self.num_threads)

    def context_weights(self, stage: Stage) -> NDArray[np.float64] | None:
        """Weight of each context word in an epoch, if it is known beforehand: in symmetric counts that of the same word's row."""
        rows = self._rows(stage)
        return rows.weights if rows.table.symmetric else None

    def _rows(self, stage: Stage | None) -> _Rows:
        table = self.counts(stage)
        K = table.K if stage is None else stage.words
        stops, weights = table.leading(K)
        batch_size = max(-(-self.batch_size * K // table.K), 1)
        return _Rows(table, stops, weights, visits(weights, weights > 0, batch_size), batch_size)


class _Rows(NamedTuple):
    """The rows of an epoch: the first len(weights) of a table, each up to its stop."""

    table: CooccurrenceCounts
    stops: NDArray[np.int64]
    weights: NDArray[np.float64]
    times: NDArray[np.int64]
    batch_size: int

    def batches(self, seed: int, epoch: int, num_threads: int) -> Iterator[tuple[int, PairCounts]]:
        walked, table = 0, self.table
        share = (1 / np.maximum(self.times, 1)).astype(np.float32)
        for ids in deal(self.weights, self.times, self.batch_size, seed, epoch):
            walked += len(ids)
            rows = _core.gather_rows(
                table.row_ptr, self.stops, table.contexts, table.counts, ids, share, num_threads
            )
            yield walked, PairCounts(ids, *rows)


def visits(weights: NDArray[np.float64], wanted: NDArray[np.bool_], batch_size: int) -> NDArray[np.int64]:
    """How often each row comes in an epoch: once for every HEAVY times the mean weight it has, but once a batch at most.

    The rows of the most frequent words hold much of the loss, and one step an epoch would not be enough for them. Each visit brings
    its share of the row's counts, so an epoch's gradients add up to the same.
    """
    rows = int(wanted.sum())
    if not rows:
        return np.zeros(len(weights), np.int64)
    wish = np.ceil(weights / (HEAVY * weights[wanted].mean()))
    batches = -(-rows // batch_size)
    while True:  # more visits may make room for another batch, and that for more visits
        times = np.where(wanted, np.clip(wish, 1, batches), 0).astype(np.int64)
        if (needed := -(-int(times.sum()) // batch_size)) <= batches:
            return times
        batches = needed


def deal(
    weights: NDArray[np.float64], times: NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[NDArray[np.int32]]:
    """Batches of at most `batch_size` rows, as equal in size as can be, in which row m occurs times[m] times, once a batch at most.

    Rows that come more than once go to the batches that have fewest of them yet, in random order; the others are dealt by falling
    weight, so that each batch has frequent and rare ones. Ids rise within a batch.
    """
    order = np.argsort(-weights, kind="stable")
    order, total = order[times[order] > 0].astype(np.int32), int(times.sum())
    batches = -(-total // batch_size)
    if not batches:
        return []
    often, once = order[times[order] > 1], order[times[order] == 1]
    random = _core.random_words(seed, _ORDER_STREAM + epoch, 0, len(often) * batches + total)
    parts, taken = _spread(often, times[often], random[: len(often) * batches].reshape(-1, batches))
    room = total // batches - taken
    room[np.argsort(-taken, kind="stable")[: total % batches]] += 1
    slots = np.repeat(np.arange(batches), room)
    turn = (np.arange(len(slots)) - np.repeat(np.cumsum(room) - room, room)) / np.repeat(
        room, room
    )  # from 0 to 1 in each batch
    slots = slots[np.lexsort((random[-len(slots) :] if len(slots) else random[:0], turn))]
    rest = np.split(
        once[np.argsort(slots, kind="stable")], np.cumsum(np.bincount(slots, minlength=batches))[:-1]
    )
    return [
        np.sort(np.concatenate([np.array(part, np.int32), more]))
        for part, more in zip(parts, rest, strict=True)
    ]


def _spread(
    rows: NDArray[np.int32], times: NDArray[np.int64], noise: NDArray[np.uint32]
) -> tuple[list[list[np.int32]], NDArray[np.int64]]:
    """Each row into as many batches as it comes, those that have fewest yet; what each batch then holds, and how much."""
    taken, parts = np.zeros(noise.shape[1], np.int64), [[] for _ in range(noise.shape[1])]
    for row, often, order in zip(rows, times, noise, strict=True):
        chosen = np.lexsort((order, taken))[:often]
        taken[chosen] += 1
        for batch in chosen:
            parts[batch].append(row)
    return parts, taken
