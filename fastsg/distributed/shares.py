"""Which shards of a vocabulary each rank has, and how sums over shards are put together. Plain functions.

The kernels cut a vocabulary into shards, a power of two of them, and add up what belongs to shards by a fixed
binary tree. Ranks have shards in a row. A rank adds up its own as far as whole branches of that tree lie
within them; the tops of these branches are its nodes. Whoever has the nodes of all ranks can finish the same
tree, so that the sum has the same bits for any number of ranks.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray


class Node(NamedTuple):
    """A branch of the tree over the shards: `size` of them, a power of two, from `start` on."""

    start: int
    size: int


class Span(NamedTuple):
    """The rows from `start` to before `stop`."""

    start: int
    stop: int

    def within(self, other: Span) -> Span:
        """What both have in common; perhaps nothing."""
        start = max(self.start, other.start)
        return Span(start, max(min(self.stop, other.stop), start))


def nodes(start: int, stop: int) -> list[Node]:
    """The fewest branches that the shards `start` to `stop` are made of, in order."""
    found = []
    while start < stop:
        size = start & -start or 1 << (stop - 1).bit_length()  # what a branch may have that begins here
        while size > stop - start:
            size //= 2
        found.append(Node(start, size))
        start += size
    return found


def borders(shards: int, ranks: int) -> list[int]:
    """Where the shards of each rank begin, and where the last one's end: `ranks` + 1 numbers.

    No rank has more than the most even shares do; among such shares these have the fewest nodes, since what
    ranks send each other grows with their number.

    ValueError if there are more ranks than shards.
    """
    if ranks > shards:
        raise ValueError(
            f"{ranks} ranks are more than the {shards} shards that the words of an epoch are cut into; "
            f"start at most {shards}"
        )
    most = -(-shards // ranks)

    @functools.cache
    def best(rank: int, start: int) -> tuple[int, list[int]]:
        """(fewest nodes, the borders behind `start`) for this rank and those after it."""
        if rank == ranks - 1:
            return len(nodes(start, shards)), [shards]
        left = ranks - rank - 1
        stops = range(max(start + 1, shards - left * most), min(start + most, shards - left) + 1)
        choices = ((best(rank + 1, stop), stop) for stop in stops)
        return min((len(nodes(start, stop)) + later, [stop, *rest]) for (later, rest), stop in choices)

    return [0, *best(0, 0)[1]]


def tree_sum(places: Sequence[Node], values: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The sum of what all nodes have, by the tree over the shards. Values are overwritten.

    Parameters
    ----------
    places : sequence of Node           In order, together all shards.
    values : sequence of ndarray        What each has; equal shapes.
    """
    waiting: list[tuple[Node, NDArray[Any]]] = []
    for place, value in zip(places, values, strict=True):
        while waiting and waiting[-1][0].size == place.size and waiting[-1][0].start % (2 * place.size) == 0:
            left, sum_so_far = waiting.pop()
            sum_so_far += value
            place, value = Node(left.start, 2 * left.size), sum_so_far
        waiting.append((place, value))
    [(_, total)] = waiting
    return total


def owners(spans: Sequence[Span], rows: int, parts: int) -> list[Span]:
    """Which parts of `rows` rows each rank adds up: those whose middle is its own, so that it lacks few rows.

    Part s has the rows from ``rows * s // parts`` on; the first one is always the first rank's.
    """
    stops = [
        sum((rows * s // parts + rows * (s + 1) // parts) // 2 < span.stop for s in range(parts))
        for span in spans
    ]
    stops[0] = max(stops[0], 1)
    starts = [0, *stops[:-1]]
    return [Span(start, max(start, stop)) for start, stop in zip(starts, stops)]
