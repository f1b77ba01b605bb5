"""How rows of counts are dealt to the batches of an epoch: how often each comes, and with which others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core, streams

#: A row that weighs more than so many mean rows comes more than once in an epoch (measured,
#: docs/defaults.md).
HEAVY = 16.0


def visits(weights: NDArray[np.float64], wanted: NDArray[np.bool_], batch_size: int) -> NDArray[np.int64]:
    """How often each row comes in an epoch: once for every HEAVY mean weights it has, once a batch at most.

    The rows of the most frequent words hold much of the loss, and one step an epoch would not be enough for
    them. Each visit brings its share of the row's counts, so an epoch's gradients add up to the same.
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
    """Batches of at most `batch_size` rows, as equal in size as can be, in which row m occurs times[m] times.

    No row occurs twice in a batch. Rows that come more than once go to the batches that have fewest of them
    yet, in random order. The others are dealt by falling weight, like cards, so that each batch has frequent
    and rare ones. Ids rise within a batch.
    """
    by_weight = np.argsort(-weights, kind="stable")
    order = by_weight[times[by_weight] > 0].astype(np.int32)
    total = int(times.sum())
    batches = -(-total // batch_size)
    if not batches:
        return []
    often, once = order[times[order] > 1], order[times[order] == 1]
    random = _core.random_words(seed, streams.row_order(epoch), 0, len(often) * batches + total)
    parts, taken = _spread(often, times[often], random[: len(often) * batches].reshape(-1, batches))
    room = _room(total, taken)
    batch_of = _dealt(room, random)
    rest = np.split(once[np.argsort(batch_of, kind="stable")], np.cumsum(room)[:-1])
    return [
        np.sort(np.concatenate([np.array(part, np.int32), more]))
        for part, more in zip(parts, rest, strict=True)
    ]


def _spread(
    rows: NDArray[np.int32], times: NDArray[np.int64], noise: NDArray[np.uint32]
) -> tuple[list[list[np.int32]], NDArray[np.int64]]:
    """Each row into as many batches as it comes, those that have fewest yet.

    Returns what each batch then holds, and how much.
    """
    taken = np.zeros(noise.shape[1], np.int64)
    parts: list[list[np.int32]] = [[] for _ in range(noise.shape[1])]
    for row, often, order in zip(rows, times, noise, strict=True):
        chosen = np.lexsort((order, taken))[:often]
        taken[chosen] += 1
        for batch in chosen:
            parts[batch].append(row)
    return parts, taken


def _room(total: int, taken: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows each batch still takes, so that all end equal, or one row apart."""
    batches = len(taken)
    room = total // batches - taken
    room[np.argsort(-taken, kind="stable")[: total % batches]] += 1
    return room


def _dealt(room: NDArray[np.int64], random: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The batch of each row that comes once, in order of falling weight.

    Card i of a batch with room for n is dealt in round i / n, so that a batch of any size gets its cards over
    the whole of the deck; within a round the order is random.
    """
    batch_of = np.repeat(np.arange(len(room)), room)
    first = np.repeat(np.cumsum(room) - room, room)
    rounds = (np.arange(len(batch_of)) - first) / np.repeat(room, room)
    noise = random[-len(batch_of) :] if len(batch_of) else random[:0]
    return batch_of[np.lexsort((noise, rounds))]
