"""Share: what one rank has of a vocabulary, and how its sums become those of all ranks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .shares import Span, borders, nodes, owners, tree_sum
from .team import Team

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Share:
    """The rows of O that this rank moves, and its part of every sum over the vocabulary.

    Sums have the bits that one process gives them, for any number of ranks.

    Parameters
    ----------
    team : Team
    K : int                 Words of the vocabulary, or the first words of it that a stage trains.

    Attributes
    ----------
    nodes : list of Node    See shares.py.
    rows : list of Span     The rows of each rank.
    parts : Span            Of the parts that sums over all rows have (``_core.SUM_PARTS``), those of this
                            rank.

    Raises
    ------
    ValueError              There are more ranks than shards; names both.
    """

    def __init__(self, team: Team, K: int) -> None:
        cuts, first_rows = borders(_core.shard_count(K), team.size), _core.shard_rows(K).tolist()
        self.team = team
        self._all_nodes = [nodes(start, stop) for start, stop in pairwise(cuts)]
        self._tree = [node for each in self._all_nodes for node in each]
        self.nodes = self._all_nodes[team.rank]
        self.rows = [Span(first_rows[start], first_rows[stop]) for start, stop in pairwise(cuts)]
        all_parts = owners(self.rows, K, _core.SUM_PARTS)
        self.parts = all_parts[team.rank]
        self._rows_of_parts = [
            Span(K * part.start // _core.SUM_PARTS, K * part.stop // _core.SUM_PARTS) for part in all_parts
        ]
        self._all_rows = [Span(0, K)] * team.size

    # ---- of a batch: called by the workspace ----

    def total(self, sums: Doubles) -> Doubles:
        """The sums over all shards, shape (n,), of those of this rank's nodes (nodes, n).

        With them go the flags of the team: KeyboardInterrupt, on all ranks, if one was interrupted.
        """
        n = sums.shape[1]
        mine = np.append(sums, self.team.flags())
        told = self.team.gather(mine, [len(each) * n + 1 for each in self._all_nodes])
        ends = np.cumsum([len(each) * n + 1 for each in self._all_nodes]) - 1
        self.team.heed(told[ends])
        values = np.delete(told, ends).reshape(-1, n)
        return tree_sum(self._tree, list(values))

    def total_rows(self, gradients: Floats) -> Floats:
        """The sum over all shards, shape (U, H), of those of this rank's nodes (nodes, U, H).

        Each rank adds up some of the rows, and all get all rows.
        """
        team, (_, U, H) = self.team, gradients.shape
        spans = [Span(U * r // team.size, U * (r + 1) // team.size) for r in range(team.size)]
        mine = spans[team.rank]
        pieces = [np.ascontiguousarray(gradients[:, span.start : span.stop]) for span in spans]
        received = [np.empty((len(each), mine.stop - mine.start, H), np.float32) for each in self._all_nodes]
        received[team.rank] = pieces[team.rank]
        others = [r for r in range(team.size) if r != team.rank]
        team.swap({r: pieces[r] for r in others}, {r: received[r] for r in others})
        total = tree_sum(self._tree, [value for values in received for value in values])
        lengths = [(span.stop - span.start) * H for span in spans]
        return team.gather(np.ascontiguousarray(total).reshape(-1), lengths).reshape(U, H)

    def largest(self, values: Doubles) -> Doubles:
        """The largest of each value on any rank; NaN if one has NaN."""
        told = self.team.gather(values, [len(values)] * self.team.size)
        largest: Doubles = told.reshape(-1, len(values)).max(axis=0)
        return largest

    # ---- of all rows ----

    def in_order(self, parts: Doubles) -> Doubles:
        """The sum of the parts of all ranks (the first axis), one after the other, as ``_core.in_order``."""
        team, total = self.team, np.empty(parts.shape[1:])
        if team.rank:
            team.swap({}, {team.rank - 1: total})
            parts = np.concatenate([total[None], parts])
        total = np.ascontiguousarray(_core.in_order(parts))
        last = team.size - 1
        if team.rank < last:
            team.swap({team.rank + 1: total}, {})
            team.swap({}, {last: total})
        else:
            team.swap(dict.fromkeys(range(last), total), {})
        return total

    def lend_parts(self, matrix: Floats) -> None:
        """Make the rows of this rank's parts current: a few beside its own are others'."""
        self._refresh(matrix, self._rows_of_parts)

    def gather_rows(self, array: NDArray[Any]) -> None:
        """Make all rows current, (K, H) or (K,), of which each rank has moved its own."""
        self._refresh(array, self._all_rows)

    def _refresh(self, array: NDArray[Any], wanted: list[Span]) -> None:
        """Get the rows that each rank wants from those whose they are."""
        me, sends, receives = self.team.rank, {}, {}
        for rank, (theirs, they_want) in enumerate(zip(self.rows, wanted)):
            if rank == me:
                continue
            give, take = self.rows[me].within(they_want), theirs.within(wanted[me])
            if give.start < give.stop:
                sends[rank] = array[give.start : give.stop]
            if take.start < take.stop:
                receives[rank] = array[take.start : take.stop]
        self.team.swap(sends, receives)
