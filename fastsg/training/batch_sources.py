"""Where the batches of a training come from: a text, explicit pairs, or rows of counts."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.batches import Batches, CountBatches, pair_batches, window_batches
from ..cooccurrence.columns import leading_block
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Window
from ..system.digest import sha256
from ..text.subsampling import thin
from .stages import Stage, stage_of

Weights = NDArray[np.float64]


class BatchSource(Protocol):
    """Where the batches of a training come from. A unit is a center position, a pair or a row."""

    @property
    def batch_size(self) -> int:
        """Units in a batch over all words."""

    @property
    def head(self) -> int:
        """Words of the epochs between the first and the last; 0 where all epochs are over all words."""

    @property
    def opening(self) -> int:
        """Rows of the first epoch; 0: all."""

    @property
    def coarse(self) -> int:
        """Words of the first ones of the epochs over the head; 0: the head."""

    def stage(self, epoch: int, epochs: int) -> Stage:
        """What an epoch (from 0) of a training of `epochs` is about."""

    @property
    def pairs(self) -> float | None:
        """How many pairs of the text there are, by their weights, where that is known."""

    def heaviest_row(self, epochs: int) -> float | None:
        """The most that a row of I or of O weighs in a batch of a training of so many epochs, where that is
        known.
        """

    def units(self, stage: Stage) -> int:
        """About how many units an epoch has."""

    def batches(self, epoch: int, stage: Stage, first: int = 0) -> tuple[int, Batches]:
        """(units of the epoch, its batches from number `first` on); `epoch` counts on over all trainings of a
        model.
        """

    def row_weights(self, stage: Stage) -> Weights | None:
        """What each row weighs in a batch, shape (words,), where batches do not have all of its entries."""

    def context_weights(self, stage: Stage) -> Weights | None:
        """Weight of each context word in an epoch, shape (words,), where it is known before the walk."""

    def context_shares(self, stage: Stage) -> Weights:
        """How often each word is a context in an epoch, up to a factor, shape (words,)."""

    def start_counts(self) -> CooccurrenceCounts | None:
        """Counts that a spectral start can be made from."""

    def fingerprint(self) -> str:
        """What the batches follow from, see :func:`fingerprint`."""

    def with_sizes(self, batch_size: int, head: int, opening: int, coarse: int) -> Self:
        """The same with the sizes of a plan, which another version may choose otherwise."""


class _AllWords:
    """What texts and pairs have in common: every epoch is over all words, whose frequencies are known."""

    head = opening = coarse = 0
    pairs = None
    unigram: Weights

    def stage(self, epoch: int, epochs: int) -> Stage:
        """All words."""
        return Stage.of_all_rows(len(self.unigram), True)

    def heaviest_row(self, epochs: int) -> float | None:
        """Not known before the walk."""
        return None

    def row_weights(self, stage: Stage) -> Weights | None:
        """What its entries add up to."""
        return None

    def context_weights(self, stage: Stage) -> Weights | None:
        """Not known before the walk."""
        return None

    def context_shares(self, stage: Stage) -> Weights:
        """The unigram distribution."""
        return self.unigram

    def start_counts(self) -> CooccurrenceCounts | None:
        """There are none."""
        return None


@dataclasses.dataclass(frozen=True, eq=False)
class TextSource(_AllWords):
    """A corpus: windows cut after thinning, anew in every epoch.

    Parameters
    ----------
    tokens, offsets                         As in EncodedCorpus.
    window : Window
    keep : ndarray (K,), float64, or None   Probability of keeping a token of each word.
    unigram : ndarray (K,), float64         How often each word occurs in the thinned text, up to a factor.
    batch_size : int                        Center positions in a batch.
    seed : int
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    window: Window
    keep: Weights | None
    unigram: Weights
    batch_size: int
    seed: int

    def units(self, stage: Stage) -> int:
        """Center positions, as many as thinning is expected to leave."""
        if self.keep is None:
            return len(self.tokens)
        return int(np.bincount(self.tokens, minlength=len(self.keep)) @ self.keep)

    def batches(self, epoch: int, stage: Stage, first: int = 0) -> tuple[int, Batches]:
        """(center positions of the epoch, its batches)."""
        tokens, offsets = thin(self.tokens, self.offsets, self.keep, self.seed, epoch)
        K = len(self.unigram)
        batches = window_batches(tokens, offsets, self.window, K, self.batch_size, self.seed, epoch, first)
        return len(tokens), batches

    def fingerprint(self) -> str:
        """Size and digest of the text."""
        return fingerprint("tokens", self.tokens, self.offsets)

    def with_sizes(self, batch_size: int, head: int, opening: int, coarse: int) -> TextSource:
        """The same in batches of another size."""
        return dataclasses.replace(self, batch_size=batch_size)


@dataclasses.dataclass(frozen=True, eq=False)
class PairSource(_AllWords):
    """Explicit pairs, the same in every epoch; `unigram` as in :class:`TextSource`."""

    centers: NDArray[np.int32]
    contexts: NDArray[np.int32]
    weights: NDArray[np.float32]
    unigram: Weights
    batch_size: int

    def units(self, stage: Stage) -> int:
        """Pairs."""
        return len(self.centers)

    def batches(self, epoch: int, stage: Stage, first: int = 0) -> tuple[int, Batches]:
        """(pairs of the epoch, its batches)."""
        return len(self.centers), pair_batches(
            self.centers, self.contexts, self.weights, len(self.unigram), self.batch_size, first
        )

    def fingerprint(self) -> str:
        """Number and digest of the pairs."""
        return fingerprint("pairs", self.centers, self.contexts, self.weights)

    def with_sizes(self, batch_size: int, head: int, opening: int, coarse: int) -> PairSource:
        """The same in batches of another size."""
        return dataclasses.replace(self, batch_size=batch_size)


@dataclasses.dataclass(frozen=True, eq=False)
class CountSource:
    """Rows of counts, dealt anew in every epoch.

    Attributes
    ----------
    counts : CooccurrenceCounts     Those of the text; its `thinned` counts begin the training, if it has any.
    batch_size : int                Rows in a batch of a whole epoch; one over fewer words has about as many
                                    batches.
    seed, num_threads : int
    head : int                      Words of the epochs between the first and the last; 0: all.
    opening : int                   Rows of the first epoch, the most frequent ones; 0: all.
    coarse : int                    Words of the first ones of the epochs over the head; 0: the head.
    origin : (str, tuple of arrays), optional
                                    Unit and data that the counts follow from, if it is not they that were
                                    given.
    """

    counts: CooccurrenceCounts
    batch_size: int
    seed: int
    num_threads: int = 1
    head: int = 0
    opening: int = 0
    coarse: int = 0
    origin: tuple[str, tuple[NDArray[Any], ...]] | None = None
    _of_stage: dict[Stage, CountBatches] = dataclasses.field(default_factory=dict, init=False, repr=False)

    @property
    def pairs(self) -> float:
        """The sum of the counts."""
        return self.counts.total

    def stage(self, epoch: int, epochs: int) -> Stage:
        """Coarse to fine, see stages.py; counts without thinned ones are what they are in every epoch."""
        K = self.counts.K
        stage = stage_of(epoch, epochs, K, head := self.head or K, self.opening or K, self.coarse or head)
        if self.counts.thinned is None:
            return stage._replace(thinned=self.counts.keep is not None)
        return stage

    def heaviest_row(self, epochs: int) -> float:
        """By a walk over an epoch of each stage."""
        stages = {self.stage(epoch, epochs): epoch for epoch in range(epochs)}
        weights = (
            counts.heaviest_row(stage.words)
            for stage, epoch in stages.items()
            for _, counts in self.batches(epoch, stage)[1]
        )
        return max(weights, default=0.0)

    def units(self, stage: Stage) -> int:
        """Rows; frequent ones count as often as they come."""
        return self.rows(stage).units

    def batches(self, epoch: int, stage: Stage, first: int = 0) -> tuple[int, Batches]:
        """(rows of the epoch, its batches)."""
        rows = self.rows(stage)
        return rows.units, rows.walk(self.seed, epoch, self.num_threads, first)

    def row_weights(self, stage: Stage) -> Weights | None:
        """What its entries add up to."""
        return None

    def context_weights(self, stage: Stage) -> Weights | None:
        """In symmetric counts a context weighs what the same word's row does, where all rows come."""
        known = self.table(stage.thinned).symmetric and stage.rows == stage.words
        return self.rows(stage).weights if known else None

    def context_shares(self, stage: Stage) -> Weights:
        """As if all rows of the words came; and over fewer words than all, if the counts are not symmetric,
        all centers.
        """
        table = self.table(stage.thinned)
        return table.leading(stage.words)[1] if table.symmetric else table.column_sums()[: stage.words]

    def start_counts(self) -> CooccurrenceCounts | None:
        """The thinned counts, or the only ones."""
        return self.counts.start

    def fingerprint(self) -> str:
        """Size and digest of what the counts follow from, or of the counts."""
        if self.origin:
            unit, arrays = self.origin
            return fingerprint(unit, *arrays)
        tables = [self.counts] if self.counts.thinned is None else [self.counts, self.counts.thinned]
        return fingerprint("entries", *(array for t in tables for array in (t.counts, t.contexts, t.row_ptr)))

    def with_sizes(self, batch_size: int, head: int, opening: int, coarse: int) -> CountSource:
        """The same with other sizes; ValueError if there are not so many words, or fewer in the head than in
        the coarser one."""
        if max(head, opening) > self.counts.K or coarse > (head or self.counts.K):
            raise ValueError(
                f"its plan has head={head}, opening={opening} and coarse={coarse}; "
                f"there are {self.counts.K} words, and coarse is at most head"
            )
        return dataclasses.replace(self, batch_size=batch_size, head=head, opening=opening, coarse=coarse)

    def table(self, thinned: bool) -> CooccurrenceCounts:
        """The counts that such a stage trains on."""
        return self.counts.start if thinned else self.counts

    def rows(self, stage: Stage) -> CountBatches:
        """The rows of a stage."""
        stage = stage._replace(late=stage.words)  # which makes no difference to the rows
        if stage not in self._of_stage:
            batch_size = max(-(-self.batch_size * stage.words // self.counts.K), 1)
            block = leading_block(self.table(stage.thinned), stage.words, stage.rows)
            self._of_stage[stage] = CountBatches(block, batch_size)
        return self._of_stage[stage]


def fingerprint(unit: str, *arrays: NDArray[Any]) -> str:
    """``"1000 tokens, SHA-256 1f3a…"`` of the ids themselves: half a second for a thousand million bytes."""
    return f"{len(arrays[0])} {unit}, SHA-256 {sha256(*arrays)}"
