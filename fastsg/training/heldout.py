"""The loss of a text that is not trained on: how well the model tells the contexts of each of its words."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..cooccurrence.batches import CountBatches
from ..cooccurrence.columns import leading_block
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Window
from ..numerics.objective import cross_entropy, total_nll
from ..text.corpus import EncodedCorpus
from .batch_sources import fingerprint

#: Rows of counts handed to the kernels at once: bounds what is copied.
_ROWS = 1 << 14


class HeldOutLoss(NamedTuple):
    """Losses in nats per pair.

    Attributes
    ----------
    nll : float            Mean -log P.
    unigram_nll : float    The same for the vocabulary's unigram distribution, whatever the center.
    pairs : float          Sum of the pairs' weights.
    """

    nll: float
    unigram_nll: float
    pairs: float


@dataclasses.dataclass
class HeldOutText:
    """A text and its windows, which are counted once: they are the same after every epoch."""

    corpus: EncodedCorpus
    window: Window
    counts: CooccurrenceCounts | None = None

    def count(self, workers: int) -> CooccurrenceCounts:
        """The counts of its windows, at the first call made."""
        if self.counts is None:
            self.counts = CooccurrenceCounts.of_windows(self.corpus, self.window.held_out(), workers=workers)
        return self.counts

    def fingerprint(self) -> str:
        """Size and digest of the text."""
        return fingerprint("tokens", self.corpus.tokens, self.corpus.offsets)


def held_out_loss(
    counts: CooccurrenceCounts,
    I: NDArray[np.float32],
    O: NDArray[np.float32],
    bias: NDArray[np.float32],
    workspace: _core.Workspace,
    rows: int = _ROWS,
) -> HeldOutLoss:
    """Loss of a text whose windows are counted: equal centers share a softmax row.

    Parameters
    ----------
    I, O : ndarray (K, H)           Input and output matrix.
    bias : ndarray (K,) or (0,)     The whole constant added to each logit.
    workspace : Workspace           Of K and H.
    rows : int                      Handed to the kernels at once; changes the last bits at most.
    """
    pairs = counts.total
    if pairs == 0:
        raise ValueError("the text has no pair of known words within a window")
    walk = CountBatches(leading_block(counts, counts.K), rows).walk(seed=0, epoch=0)
    batches = (batch for _, batch in walk)
    total = total_nll(batches, I, O, bias, workspace)
    return HeldOutLoss(total / pairs, cross_entropy(counts.column_sums(), counts.vocab.unigram()), pairs)
