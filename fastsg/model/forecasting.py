"""What a training will take: memory, operations, and time, from a small training of about a second."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.row_order import visits
from ..numerics.objective import block_rows
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training.memory import estimate, estimate_training
from ..training.settings import Settings
from ..training.stages import head_words, stage_of, wanted_head
from .skipgram import SkipGram

#: Operations of a pass of the small training, and tokens of its text.
_PASS, _TOKENS = 2e10, 150_000
_LEAST_WORDS = 64
#: Longer vectors are scaled up from this: their small training would take long itself.
_LONGEST_VECTOR = 128
_STRETCHES = 8
_ALMOST_1 = 1 - 1e-12
_SENTENCE = 20  # words, where there is no text to take them from


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a training will take.

    Attributes
    ----------
    words, tokens : int                 Of the vocabulary, and of the text as far as it is in the vocabulary.
    memory : dict of str to int         Bytes by part, with their total.
    flops : float                       Floating-point operations of all epochs.
    flops_per_second : float            Measured.
    seconds : dict of str to float      Counting, making the start, the epochs, and their total; without
                                        reading and writing files and without held-out losses.
    """

    words: int
    tokens: int
    memory: dict[str, int]
    flops: float
    flops_per_second: float
    seconds: dict[str, float]


def forecast(
    settings: Settings,
    vocab: Vocab,
    *,
    corpus: EncodedCorpus | None = None,
    counts: CooccurrenceCounts | None = None,
    workers: int,
) -> Forecast:
    """Foresee a training with these settings.

    Parameters
    ----------
    settings : Settings
    vocab : Vocab                       Its counts stand for the text where there is neither corpus nor
                                        counts.
    corpus, counts, optional            What is to be trained on.
    workers : int                       Threads.

    Notes
    -----
    A small training (the most frequent words, the first tokens of the text, one epoch) is timed and scaled by
    operations, tokens and entries. Expect the time within a factor of two.
    """
    K, tokens = len(vocab), corpus.n_tokens if corpus else int(vocab.counts.sum())
    memory = _memory(settings, K, corpus, counts, tokens, workers)
    flops = _flops(settings, vocab, corpus, counts, tokens)
    H = min(settings.vector_size, _LONGEST_VECTOR)
    tried = dataclasses.replace(
        settings, vector_size=H, epochs=1, head=None, min_count=1, max_final_vocab=None
    )
    small = _small_corpus(tried, vocab, corpus)
    start = {"init": None} if settings.is_pretrained else {}  # its words are few
    model = SkipGram(small, **(tried.as_dict() | start), workers=workers, progress=False)
    epoch, words = model.history[0], len(small.vocab)
    trained = max(epoch["seconds"] - epoch["count_seconds"], 1e-9)
    speed = _row_flops(words, tried) * epoch["softmax_rows"] / trained
    longer = tokens / small.n_tokens
    seconds = {
        "count": 0.0 if counts else (model.seconds["count"] + epoch["count_seconds"]) * longer,
        "init": _start(model, settings, K, longer, counts),
        "train": flops / speed,
    }
    if settings.solver == "sgd":
        seconds["count"] *= settings.epochs_of(K)
    return Forecast(K, tokens, memory, flops, speed, seconds | {"total": sum(seconds.values())})


def _memory(
    settings: Settings,
    K: int,
    corpus: EncodedCorpus | None,
    counts: CooccurrenceCounts | None,
    tokens: int,
    workers: int,
) -> dict[str, int]:
    if counts is None:
        return estimate_training(settings, K, corpus, workers, tokens)
    rows, size = block_rows(K), min(settings.batch_of(K, 0), K)
    H, tables = settings.vector_size, 1 if counts.thinned is None else 2
    return estimate(
        K, H, size, rows, workers, precision=settings.precision, entries=counts.nnz, tables=tables
    )


# ---- operations ----


def _row_flops(words: int, settings: Settings) -> float:
    return 6.0 * words * settings.vector_size


def _flops(
    settings: Settings,
    vocab: Vocab,
    corpus: EncodedCorpus | None,
    counts: CooccurrenceCounts | None,
    tokens: int,
) -> float:
    """Of all epochs: so many for each softmax row and each word of its vocabulary."""
    K, epochs, keep = len(vocab), settings.epochs_of(len(vocab)), _keep(settings, vocab)
    if settings.solver == "sgd":
        return epochs * _row_flops(K, settings) * _distinct_centers(settings, vocab, corpus, keep, tokens)
    head = head_words(counts, epochs, settings.head) if counts else wanted_head(K, epochs, settings.head)
    total = 0.0
    for stage in (stage_of(epoch, epochs, K, head) for epoch in range(epochs)):
        weights = (vocab.counts * keep if stage.thinned else vocab.counts.astype(float))[: stage.words]
        batch = max(-(-settings.batch_of(K, tokens) * stage.words // K), 1)
        total += float(visits(weights, weights > 0, batch).sum()) * _row_flops(stage.words, settings)
    return total


def _keep(settings: Settings, vocab: Vocab) -> NDArray[np.float64]:
    return vocab.keep_probabilities(settings.threshold(len(vocab)))


def _distinct_centers(
    settings: Settings, vocab: Vocab, corpus: EncodedCorpus | None, keep: NDArray[np.float64], tokens: int
) -> float:
    """Softmax rows of an epoch over the text: the different words of each batch, expected after thinning."""
    unigram = vocab.unigram()
    batch = settings.batch_of(len(vocab), tokens)
    length = int(min(max(batch / float(unigram @ keep), 1), tokens))  # of a batch before thinning
    if corpus is None:
        log_missing = [length * np.log1p(-np.minimum(unigram * keep, _ALMOST_1))]
    else:  # texts keep to their subjects: a stretch of one has fewer words than as many random tokens
        starts = np.linspace(0, tokens - length, _STRETCHES).astype(int)
        found = (np.bincount(corpus.tokens[s : s + length], minlength=len(vocab)) for s in starts)
        log_missing = [occurrences * np.log1p(-np.minimum(keep, _ALMOST_1)) for occurrences in found]
    return float(np.mean([-np.expm1(logs).sum() for logs in log_missing])) * tokens / length


# ---- the small training ----


def _small_corpus(settings: Settings, vocab: Vocab, corpus: EncodedCorpus | None) -> EncodedCorpus:
    """The first tokens of the text, or random ones of the vocabulary, without all but frequent words."""
    words = int(math.sqrt(_PASS / (6 * settings.vector_size)))
    words = min(len(vocab), max(words, _LEAST_WORDS))
    if corpus is None:
        n = int(min(_TOKENS, max(vocab.counts.sum(), _SENTENCE)))
        tokens = np.random.default_rng(0).choice(len(vocab), n, p=vocab.unigram()).astype(np.int32)
        offsets = np.append(np.arange(0, n, _SENTENCE), n)
    else:
        tokens = corpus.tokens[:_TOKENS]
        offsets = np.minimum(corpus.offsets, len(tokens))
    known = tokens < words
    before = np.append(0, np.cumsum(known))
    tokens, offsets = np.ascontiguousarray(tokens[known]), np.unique(before[offsets]).astype(np.int64)
    return EncodedCorpus(tokens, offsets, Vocab(vocab.words[:words], vocab.counts[:words]))


def _start(
    model: SkipGram, settings: Settings, K: int, longer: float, counts: CooccurrenceCounts | None
) -> float:
    """Seconds that the start of K words takes.

    It grows with the words, with the entries of the counts, and as the square of the coordinates.
    """
    assert model.corpus is not None, "it was trained on one"
    more = max(K / len(model.vocab), (counts.start.nnz / model.corpus.n_tokens) if counts else longer**0.5)
    wider = settings.vector_size / model.settings.vector_size
    return model.seconds["init"] * max(more * wider**2, 1.0)
