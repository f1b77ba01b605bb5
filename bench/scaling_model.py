"""What a batch of training costs on several ranks: bytes, seconds of compute, seconds of exchange.

Pure functions of K words, H coordinates and P ranks; U is the rows of a batch. A rank's compute is a sum of
five kinds of work, each with a price that is measured:

    flops       6 U k H of the products over its k of the K words, and k H^2 / 8 for the covariance of O that
                Newton steps need in every 32nd batch
    bytes       4 k H: its rows of O pass through memory, however few rows a batch has
    steps       4 U H^2 flops of Newton steps, which all ranks make alike
    axes        H^3, the eigenvectors in every 32nd batch, likewise
    batch       1

A batch has three exchanges: an all-gather of sums, one of pieces of the gradient by everybody to everybody,
an all-gather of their sums. To each the model charges P - 1 messages one after the other and the bytes that
one rank sends, through a link that sends and receives at once: what the simplest algorithms cost, so that an
MPI with better ones is faster where there are many ranks. Every 32nd batch the sums for the covariance
go from rank to rank and back. After a pass O and its Adagrad sums are gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastsg import _core
from fastsg.distributed.shares import borders, nodes
from fastsg.numerics.newton import Curvature
from fastsg.numerics.objective import block_rows
from fastsg.training.settings import default_batch_rows


class Size(NamedTuple):
    """A training of K words of H coordinates on so many ranks."""

    K: int
    H: int
    ranks: int

    @property
    def U(self) -> int:
        """Rows of a batch, unless the user says otherwise."""
        return default_batch_rows(self.K, block_rows(self.K))

    @property
    def batches(self) -> int:
        """Batches of a pass over all words."""
        return -(-self.K // self.U)

    @property
    def can_run(self) -> bool:
        """Whether the vocabulary has as many shards."""
        return self.ranks <= _core.shard_count(self.K)

    @property
    def most_words(self) -> int:
        """Words of the rank that has the most."""
        rows = _core.shard_rows(self.K)
        return int(max(rows[b] - rows[a] for a, b in pairwise(borders(len(rows) - 1, self.ranks))))


class Exchange(NamedTuple):
    """Messages of one rank, one after the other, and the bytes that it sends."""

    messages: float
    sent: float


class Link(NamedTuple):
    """Seconds before a message arrives, and for each of its bytes."""

    latency: float
    per_byte: float

    def then(self, other: Link) -> Link:
        """One behind the other: latencies add up, and the slower one sets the pace of the bytes."""
        return Link(self.latency + other.latency, max(self.per_byte, other.per_byte))

    def seconds(self, exchanges: Sequence[Exchange]) -> float:
        """What they take, one after the other."""
        return sum(each.messages * self.latency + each.sent * self.per_byte for each in exchanges)


class Rank(NamedTuple):
    """Seconds of a rank for each unit of the five kinds of work."""

    flops: float
    bytes: float
    steps: float
    axes: float
    batch: float

    def with_threads(self, threads: int, efficiency: float = 0.9) -> Rank:
        """The prices where threads share the work, but for the axes and what a batch costs anyway."""
        if threads == 1:
            return self
        n = threads * efficiency
        return Rank(self.flops / n, self.bytes / n, self.steps / n, self.axes, self.batch)

    def seconds(self, size: Size) -> float:
        """Of compute in a batch, on average."""
        return float(np.dot(self, work(size)))


def work(size: Size) -> NDArray[np.float64]:
    """Units of each kind of work that the busiest rank has in a batch, on average."""
    U, H, k = size.U, size.H, size.most_words
    every = Curvature.EVERY
    return np.array([k * H * (6 * U + 2 * H / every), 4 * k * H, 4 * U * H**2, H**3, 1.0])


# ---- what is sent ----------------------------------------------------------------------------------------


def batch_exchanges(size: Size, rank: int) -> list[Exchange]:
    """The three of a batch: exactly the bytes that this rank sends."""
    _, H, P = size
    U, cuts = size.U, borders(_core.shard_count(size.K), P)
    own_nodes, mine = len(nodes(cuts[rank], cuts[rank + 1])), U * (rank + 1) // P - U * rank // P
    sums, pieces, rows = own_nodes * (U + 1) + 1, own_nodes * (U - mine) * H, mine * H
    return [
        Exchange(P - 1, 8.0 * sums * (P - 1)),
        Exchange(P - 1, 4.0 * pieces),
        Exchange(P - 1, 4.0 * rows * (P - 1)),
    ]


def covariance_exchanges(size: Size) -> list[Exchange]:
    """A 32nd of those for a covariance: its mean and itself, each through all ranks and to all."""
    hops = 2 * (size.ranks - 1) / Curvature.EVERY
    return [Exchange(hops, 8.0 * n * hops) for n in (size.H, size.H**2)]


def sent_bytes(size: Size, rank: int) -> float:
    """What a rank sends in a batch, on average: but for some rows of O that it lends before a covariance."""
    last = size.ranks - 1
    sums = 8 * (size.H + size.H**2) * (0 if not last else 1 if rank < last else last)
    return sum(each.sent for each in batch_exchanges(size, rank)) + sums / Curvature.EVERY


def pass_exchanges(size: Size) -> list[Exchange]:
    """After a pass each rank sends its rows of O, and their sums, to all others."""
    others = size.ranks - 1
    return [Exchange(others, 4.0 * size.most_words * n * others) for n in (size.H, 1)]


def average_exchanges(size: Size) -> list[Exchange]:
    """Those of a batch of the rank that sends the most, and its part of a covariance."""
    all_ranks = [batch_exchanges(size, rank) for rank in range(size.ranks)]
    return max(all_ranks, key=lambda each: sum(e.sent for e in each)) + covariance_exchanges(size)


def batch_seconds(size: Size, rank: Rank, link: Link) -> tuple[float, float]:
    """Seconds of compute and of exchange in a batch, on average."""
    return rank.seconds(size), link.seconds(average_exchanges(size))


def pass_seconds(size: Size, rank: Rank, link: Link) -> float:
    """Of a pass over all words."""
    return size.batches * sum(batch_seconds(size, rank, link)) + link.seconds(pass_exchanges(size))


# ---- what it is fitted to --------------------------------------------------------------------------------


def prices(units: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each kind costs, none less than nothing: least squares of relative errors.

    Parameters
    ----------
    units : ndarray (n, kinds)      Of each kind in each measurement.
    seconds : ndarray (n,)          What was measured, above 0.
    """
    scaled = units / seconds[:, None]
    scale = np.abs(scaled).max(axis=0)
    found, kept = np.zeros(units.shape[1]), list(range(units.shape[1]))
    while kept:
        values = np.linalg.lstsq(scaled[:, kept] / scale[kept], np.ones(len(seconds)), rcond=None)[0]
        if values.min() >= 0:
            found[kept] = values / scale[kept]
            break
        kept.pop(int(values.argmin()))
    return found


def fit_rank(sizes: Sequence[Size], seconds: Sequence[float]) -> Rank:
    """The prices of a rank, from seconds of compute in a batch."""
    return Rank(*prices(np.array([work(size) for size in sizes]), np.array(seconds)).tolist())


def fit_link(sizes: Sequence[Size], seconds: Sequence[float]) -> Link:
    """A link, from seconds of exchange in a batch; no size is of one rank."""
    sums = [np.sum(average_exchanges(size), axis=0) for size in sizes]
    return Link(*prices(np.array(sums), np.array(seconds)).tolist())
