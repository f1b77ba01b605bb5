"""Rows of counts on several ranks: each has the columns of its rows of O; what is about whole rows is told.

A step needs of a row's counts those of the contexts whose rows of O a rank moves, and what the whole row
weighs. Rank 0 has all counts. It sends the others their columns, for all stages that are to come, and numbers
by word: so nobody adds up what is in parts, and the bits are those of one process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ..cooccurrence.batches import Batches, CountBatches
from ..cooccurrence.columns import column_block, columns_of
from ..cooccurrence.counting import CountRows
from ..cooccurrence.counts import CooccurrenceCounts
from ..distributed import Message, Share, Team, from_first, to_each
from .batch_sources import BatchSource, CountSource, Weights
from .stages import Stage

#: What is told of a stage's rows, by word; what is missing is as the first one.
_ARRAYS = ("weights", "row weights", "contexts")


class StageRows(NamedTuple):
    """What a rank has of a stage's rows.

    Attributes
    ----------
    batches : CountBatches      Of this rank's columns.
    row_weights : ndarray       What each row weighs whenever it comes.
    contexts : ndarray          How often each word is a context, up to a factor.
    symmetric : bool            Whether that is the weight which each word has in an epoch.
    """

    batches: CountBatches
    row_weights: Weights
    contexts: Weights
    symmetric: bool


@dataclasses.dataclass(frozen=True, eq=False)
class RankSource:
    """What a rank has of a :class:`CountSource`.

    Attributes
    ----------
    batch_size, head, opening, coarse, pairs, seed, num_threads
                                                    As in CountSource.
    first : int                                     The epoch, within the plan, that `stages` begins with.
    stages : list of Stage                          Of the epochs to come.
    rows : dict of StageRows                        By stage.
    digest : str                                    What the batches follow from.
    source : CountSource or None                    Rank 0's own.
    team : Team                                     The ranks.
    """

    batch_size: int
    head: int
    opening: int
    coarse: int
    pairs: float
    seed: int
    num_threads: int
    first: int
    stages: list[Stage]
    rows: dict[Stage, StageRows]
    digest: str
    source: CountSource | None
    team: Team

    def stage(self, epoch: int, epochs: int) -> Stage:
        """What is told of it."""
        return self.stages[epoch - self.first]

    def heaviest_row(self, epochs: int) -> float:
        """As of the whole counts, which rank 0 walks over."""

        def walked() -> Message:
            assert self.source is not None, "rank 0 has it"
            return Message({"heaviest": self.source.heaviest_row(epochs)}, {})

        return float(from_first(self.team, walked).about["heaviest"])

    def units(self, stage: Stage) -> int:
        """Rows; frequent ones count as often as they come."""
        return self.rows[stage].batches.units

    def batches(self, epoch: int, stage: Stage, first: int = 0) -> tuple[int, Batches]:
        """(rows of the epoch, its batches, with this rank's entries)."""
        rows = self.rows[stage].batches
        return rows.units, rows.walk(self.seed, epoch, self.num_threads, first)

    def row_weights(self, stage: Stage) -> Weights | None:
        """Those of whole rows."""
        return self.rows[stage].row_weights

    def context_weights(self, stage: Stage) -> Weights | None:
        """As of the whole counts."""
        return self.rows[stage].contexts if self.rows[stage].symmetric else None

    def context_shares(self, stage: Stage) -> Weights:
        """As of the whole counts."""
        return self.rows[stage].contexts

    def start_counts(self) -> CooccurrenceCounts | None:
        """On rank 0, which makes the start for all."""
        return None if self.source is None else self.source.start_counts()

    def fingerprint(self) -> str:
        """Size and digest of what the counts follow from."""
        return self.digest

    def with_sizes(self, batch_size: int, head: int, opening: int, coarse: int) -> RankSource:
        """Itself: it was made with the sizes of the plan."""
        return self


def shared_source(
    team: Team, epochs: range, num_threads: int, make: Callable[[], CountSource]
) -> BatchSource:
    """The source that `make` gives on rank 0, on every rank, for these epochs of a plan.

    ValueError, on every rank, if there are more ranks than shards: see :class:`Share`.
    """
    if team.size == 1:
        return make()
    made: list[CountSource] = []

    def message() -> Message:
        made.append(make())
        return _told(made[0], [made[0].stage(epoch, epochs.stop) for epoch in epochs])

    about, arrays = from_first(team, message)
    source, stages = made[0] if made else None, [Stage(*stage) for stage in about.pop("stages")]
    shares = {stage.words: Share(team, stage.words) for stage in stages}
    tables = _tables(team, source, stages, shares, num_threads)
    rows = {}
    for number, (stage, told) in enumerate(zip(dict.fromkeys(stages), about.pop("rows"), strict=True)):
        weights, row_weights, contexts = (
            arrays.get(f"{name} {number}", arrays[f"weights {number}"]) for name in _ARRAYS
        )
        columns = shares[stage.words].rows[team.rank]
        block = column_block(tables[stage.thinned], columns, weights, num_threads)
        batches = CountBatches(block, told["batch_size"])
        rows[stage] = StageRows(batches, row_weights, contexts, told["symmetric"])
    return RankSource(
        **about,
        num_threads=num_threads,
        first=epochs.start,
        stages=stages,
        rows=rows,
        source=source,
        team=team,
    )


def _told(source: CountSource, stages: list[Stage]) -> Message:
    """All of a source but its entries."""
    rows: list[dict[str, int]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for number, stage in enumerate(dict.fromkeys(stages)):
        batches, symmetric = source.rows(stage), source.context_weights(stage) is not None
        rows.append({"batch_size": batches.batch_size, "symmetric": symmetric})
        arrays[f"weights {number}"] = batches.weights
        arrays[f"row weights {number}"] = batches.row_weights(source.num_threads)
        if not symmetric:
            arrays[f"contexts {number}"] = source.context_shares(stage)
    about = {
        "batch_size": source.batch_size,
        "head": source.head,
        "opening": source.opening,
        "coarse": source.coarse,
        "pairs": source.pairs,
        "seed": source.seed,
        "digest": source.fingerprint(),
        "stages": stages,
        "rows": rows,
    }
    return Message(about, arrays)


def _tables(
    team: Team, source: CountSource | None, stages: list[Stage], shares: dict[int, Share], num_threads: int
) -> dict[bool, CountRows]:
    """The thinned counts, the text's, or both, as far as stages need them: on rank 0 all their entries, on
    the others those of the columns of their rows of O.
    """
    kinds = sorted({stage.thinned for stage in stages})

    def whole(thinned: bool) -> CountRows:
        assert source is not None, "rank 0 has it"
        return source.table(thinned).rows

    def columns(rank: int) -> Message:
        arrays: dict[str, NDArray[Any]] = {}
        for thinned in kinds:
            wanted = {
                (stage.rows, shares[stage.words].rows[rank]) for stage in stages if stage.thinned == thinned
            }
            found = columns_of(whole(thinned), wanted, num_threads)
            arrays |= {f"{name} {thinned}": array for name, array in found._asdict().items()}
        return Message({}, arrays)

    mine = to_each(team, columns).arrays
    if not team.rank:
        return {thinned: whole(thinned) for thinned in kinds}
    return {
        thinned: CountRows(*(mine[f"{name} {thinned}"] for name in CountRows._fields)) for thinned in kinds
    }
