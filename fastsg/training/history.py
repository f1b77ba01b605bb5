"""What stands in a history: a record for each epoch."""

from typing import NotRequired, TypedDict


class EpochRecord(TypedDict):
    """What happened in an epoch. Losses are in nats per pair, float64; ``valid_`` is about the held-out text.

    nll, perplexity                     Mean loss, each batch at the parameters it started from; its
                                        exponential.
    unigram_nll                         Loss of the same pairs by word frequencies alone.
    valid_nll, valid_perplexity         After the epoch; None without a held-out text.
    valid_unigram_nll, valid_pairs      Only with a held-out text: its loss by word frequencies alone, and the
                                        sum of its pairs' weights.
    pairs, softmax_rows                 Sum of the pairs' weights; rows of the softmax that were worked out.
    seconds, count_seconds              In all, and within that on counting.
    pairs_per_second                    Speed.
    alpha                               Learning rate in the end.
    words                               Over how many words the softmax ran.
    thinned                             Whether it was on thinned text; files of before do not tell.
    """

    nll: float
    perplexity: float
    unigram_nll: float
    valid_nll: float | None
    valid_perplexity: float | None
    valid_unigram_nll: NotRequired[float]
    valid_pairs: NotRequired[float]
    pairs: float
    softmax_rows: int
    seconds: float
    count_seconds: float
    pairs_per_second: float
    alpha: float
    words: int
    thinned: NotRequired[bool]
