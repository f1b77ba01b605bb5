"""Rows of arrays that ranks hold between them: each is somebody's, and moves when another one needs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from numpy.typing import NDArray

from .shares import Span
from .team import Team

_NOTHING = Span(0, 0)


class Holders:
    """Who holds which of K rows. All arrays of a training that are about rows of O have the same holders.

    Every rank has arrays of all K rows, of which those that it does not hold may be anything: nobody reads
    them, and where nobody has written them they take no memory.

    Parameters
    ----------
    team : Team
    K : int             At first rank 0 holds all of them.
    """

    def __init__(self, team: Team, K: int) -> None:
        self._team, self._K = team, K
        self._held = [[Span(0, K)], *([] for _ in range(1, team.size))]

    def move(self, arrays: Sequence[NDArray[Any]], wanted: Sequence[Span]) -> None:
        """Let each rank hold the rows that it wants, which together are the first ones, each once."""
        self._bring(arrays, wanted)
        words = max(span.stop for span in wanted)
        rest = Span(words, self._K)
        for rank, (held, span) in enumerate(zip(self._held, wanted, strict=True)):
            left = [part for part in (each.within(rest) for each in held) if part.start < part.stop]
            self._held[rank] = [span, *left]

    def lend(self, arrays: Sequence[NDArray[Any]], ranks: Iterable[Any]) -> None:
        """Let the ranks that want them have all rows, as they are now; others go on holding them."""
        everything = Span(0, self._K)
        self._bring(arrays, [everything if wants else _NOTHING for wants in ranks])

    def _bring(self, arrays: Sequence[NDArray[Any]], wanted: Sequence[Span]) -> None:
        """Each rank gets what it wants of the rows that others hold: of each one span after the other."""
        me = self._team.rank
        for spans in zip_longest(*self._held, fillvalue=_NOTHING):
            gives = {rank: spans[me].within(span) for rank, span in enumerate(wanted) if rank != me}
            takes = {rank: span.within(wanted[me]) for rank, span in enumerate(spans) if rank != me}
            for array in arrays:
                self._team.swap(
                    {rank: array[slice(*span)] for rank, span in gives.items() if span.start < span.stop},
                    {rank: array[slice(*span)] for rank, span in takes.items() if span.start < span.stop},
                )
