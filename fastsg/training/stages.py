"""Which words, and which text, each epoch of a training is about.

Coarse to fine. The first epoch trains the rows of the frequent words, at least three tenths of all, against
all words. Those between it and the last train on the head, the more frequent half of the vocabulary, at a
quarter of the cost: their softmax runs over that half alone, and the rarer words rest. Where the counts come
with thinned ones (word2vec's subsampling), training starts on these, which make better vectors, and ends on
the text as it is, whose probabilities the model is to tell. Of a large vocabulary the first half of the
epochs over the head is coarser still: they train four fifths of it. The last epoch is the exact softmax over
the whole vocabulary, for every row. Rows that the first epoch left where they started are late: in the epoch
that they first come in, the second or a later one, they take a whole Newton step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.counts import CooccurrenceCounts

#: Vocabularies up to the first size are trained whole in every epoch: it costs nothing. Up to the second size
#: there are more epochs by default, and a training of few still trains it whole (measured, docs/defaults.md).
SMALL_VOCABULARY, MEDIUM_VOCABULARY = 1024, 16384
_LARGE, _FEW, _MEDIUM = 6, 5, 10
#: Tokens for each number of O from which on a vocabulary of medium size has twice as many.
_MUCH = 1.2
#: The rows of words that occur so often are trained in the first epoch, or those of so many tenths of all.
_FREQUENT, _LEAST_TENTHS = 40, 3
#: The head of a larger one has to hold so much of the pairs, or it is trained whole as well; likewise the
#: rows of the first epoch.
_LEAST_SHARE = 0.5


class Stage(NamedTuple):
    """What one epoch trains on.

    Attributes
    ----------
    words : int         The most frequent words, whose rows of O move.
    thinned : bool      On the thinned text, or the text as it is.
    rows : int          The most frequent of the words, whose rows of I move.
    late : int          Rows from this number on come in this epoch first, and it is not the training's first.
    """

    words: int
    thinned: bool
    rows: int
    late: int

    @classmethod
    def of_all_rows(cls, words: int, thinned: bool) -> Stage:
        """All rows of so many words, none of them late."""
        return cls(words, thinned, words, words)


class StageSizes(NamedTuple):
    """Sizes of the stages of a training.

    Attributes
    ----------
    head : int          Words of the epochs between the first and the last.
    opening : int       Rows of the first epoch; 0: all.
    coarse : int        Words of the first half of the epochs between.
    """

    head: int
    opening: int
    coarse: int

    @classmethod
    def chosen(
        cls,
        counts: CooccurrenceCounts,
        word_counts: NDArray[np.int64],
        epochs: int,
        head: float | None,
        optimizer: str,
    ) -> StageSizes:
        """Those of a training of so many epochs on these counts; `head` and `optimizer` as set."""
        words = head_words(counts, epochs, head)
        opening = opening_rows(counts, word_counts, words, optimizer)
        # a coarser head pays for more rows in the first epoch: where that has all of them, it would only cost
        return cls(words, opening, coarse_words(counts, words) if opening else words)


def stage_of(
    epoch: int, epochs: int, K: int, head: int, opening: int | None = None, coarse: int | None = None
) -> Stage:
    """Stage of an epoch (from 0) out of `epochs`.

    The first is on thinned counts, the last on the text, and so are the first and second half of those
    between, which train `coarse` words, by default the head, and the head. `opening` rows are trained in the
    first, by default all.
    """
    opening, coarse = K if opening is None else opening, head if coarse is None else coarse
    thinned_heads = -(-max(epochs - 2, 0) // 2)
    thinned = epoch < epochs - 1 and epoch <= thinned_heads
    if epoch == 0:
        return Stage(K, thinned, opening if epochs > 1 else K, K)
    words = K if epoch == epochs - 1 else coarse if thinned else head
    before = 0 if epoch == 1 else coarse if epoch - 1 <= thinned_heads else head
    return Stage(words, thinned, words, min(max(opening, before), words))


def any_thinned(done: int, epochs: int) -> bool:
    """Whether the epochs of a training that are still to be done have thinned ones among them."""
    return any(stage_of(epoch, epochs, 1, 1).thinned for epoch in range(done, epochs))


def default_epochs(K: int, tokens: int, H: int) -> int:
    """Epochs over the counts of K words, of so many tokens, unless the user says otherwise.

    6 of a large vocabulary, else 10; or 20 of one of medium size where there is much text for each number of
    O: then the loss goes on falling.
    """
    if K > MEDIUM_VOCABULARY:
        return _LARGE
    return 2 * _MEDIUM if K > SMALL_VOCABULARY and tokens >= _MUCH * K * H else _MEDIUM


def wanted_head(K: int, epochs: int, head: float | None) -> int:
    """Words that the epochs between the first and the last are to train on, see :func:`head_words`."""
    if head is not None:
        return max(min(round(K * head), K), 1)
    return K // 2 if K > (SMALL_VOCABULARY if epochs > _FEW else MEDIUM_VOCABULARY) else K


def head_words(counts: CooccurrenceCounts, epochs: int, head: float | None) -> int:
    """Words that the epochs between the first and the last train on.

    Parameters
    ----------
    epochs : int                Of the training.
    head : float, optional      Share of the vocabulary. Default: half of a large one (of a smaller one, if
                                there are more than 5 epochs), or all words where that half has few of the
                                pairs.
    """
    wanted, K = wanted_head(counts.K, epochs, head), counts.K
    if head is not None or wanted == K:
        return wanted
    return wanted if _have_pairs(counts, lambda part: part.leading(wanted)[1]) else K


def coarse_words(counts: CooccurrenceCounts, head: int) -> int:
    """Words that the first epochs over a head train on.

    Of a large vocabulary four fifths of it, unless these have few of the pairs, or every epoch trains all
    words.
    """
    if counts.K <= MEDIUM_VOCABULARY or head == counts.K:
        return head
    wanted = max(head * 4 // 5, 1)
    return wanted if _have_pairs(counts, lambda part: part.leading(wanted)[1]) else head


def opening_rows(
    counts: CooccurrenceCounts, word_counts: NDArray[np.int64], head: int, optimizer: str
) -> int:
    """Rows that the first epoch trains, 0 for all.

    Where rows take Newton steps those of frequent words, or three tenths of all, at most half: for the others
    one whole step does, later. Of a large vocabulary it is the half. All where these have few of the pairs
    (as where the words that come most are no centers), where every epoch trains all, and with Adagrad, whose
    sums need more steps.
    """
    K = counts.K
    if optimizer != "newton" or head == K:
        return 0
    frequent = K if K > MEDIUM_VOCABULARY else int(np.count_nonzero(word_counts >= _FREQUENT))
    wanted = max(min(max(frequent, -(-K * _LEAST_TENTHS // 10)), K // 2), 1)
    return wanted if _have_pairs(counts, lambda part: part.row_sums[:wanted]) else 0


def _have_pairs(
    counts: CooccurrenceCounts, weights: Callable[[CooccurrenceCounts], NDArray[np.float64]]
) -> bool:
    """Whether the pairs of these weights are enough of all, of the text and of the thinned ones."""
    shares = [float(weights(part).sum()) / part.total for part in (counts, counts.start) if part.total]
    return min(shares, default=0.0) >= _LEAST_SHARE
