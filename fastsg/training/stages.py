"""Which words, and which text, each epoch of a training is about.

Coarse to fine. The first epoch and the last train on all words. Those between train on the head, the more
frequent half of the vocabulary, at a quarter of the cost: their softmax runs over that half alone, and the
rarer words rest. Where the counts come with thinned ones (word2vec's subsampling), training starts on these,
which make better vectors, and ends on the text as it is, whose probabilities the model is to tell. The last
epoch is the exact softmax over the whole vocabulary, for every row.
"""

from __future__ import annotations

from typing import NamedTuple

from ..cooccurrence.counts import CooccurrenceCounts

#: Vocabularies up to the first size are trained whole in every epoch: it costs nothing. Up to the second size
#: there are more epochs by default, and a training of few still trains it whole (measured, docs/defaults.md).
SMALL_VOCABULARY, MEDIUM_VOCABULARY = 1024, 16384
_FEW, _MANY = 5, 10
#: The head of a larger one has to hold so much of the pairs, or it is trained whole as well.
_LEAST_SHARE = 0.5


class Stage(NamedTuple):
    """What one epoch trains on: the `words` most frequent words; the thinned text, or the text as it is."""

    words: int
    thinned: bool


def stage_of(epoch: int, epochs: int, K: int, head: int) -> Stage:
    """Stage of an epoch (from 0) out of `epochs`.

    The first is on thinned counts, the last on the text, and so are the first and second half of those
    between.
    """
    thinned_heads = -(-max(epochs - 2, 0) // 2)
    whole = epoch in (0, epochs - 1)
    return Stage(K if whole else head, epoch < epochs - 1 and epoch <= thinned_heads)


def any_thinned(done: int, epochs: int) -> bool:
    """Whether the epochs of a training that are still to be done have thinned ones among them."""
    return any(stage_of(epoch, epochs, 1, 1).thinned for epoch in range(done, epochs))


def default_epochs(K: int) -> int:
    """Epochs over the counts of K words unless the user says otherwise: 5 of a large vocabulary, else 10."""
    return _FEW if K > MEDIUM_VOCABULARY else _MANY


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
    shares = [
        float(part.leading(wanted)[1].sum()) / part.total for part in (counts, counts.start) if part.total
    ]
    return wanted if min(shares, default=0.0) >= _LEAST_SHARE else K
