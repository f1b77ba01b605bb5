"""From what is trained on to the batches of a training: a corpus, counts, or explicit pairs."""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.counts import CooccurrenceCounts
from ..text.corpus import EncodedCorpus
from ..training.settings import Settings
from ..training.sources import BatchSource, CountSource, PairSource, TextSource
from ..training.stages import any_thinned, head_words
from ..training.state import Training
from .inputs import Pairs, known_corpus

logger = logging.getLogger(__name__)


def corpus_source(training: Training, corpus: EncodedCorpus, done: int, epochs: int) -> BatchSource:
    """The corpus as batches for the epochs of a training of `epochs` that are still to be done.

    With solver "counts" its windows are counted here, once for all epochs.
    """
    known_corpus("the corpus", corpus, training.vocab)
    settings, keep = training.settings, training.keep
    if settings.solver == "sgd":
        batch_size = settings.batch_of(len(training.vocab), corpus.n_tokens)
        return TextSource(
            corpus.tokens,
            corpus.offsets,
            training.window,
            keep,
            training.thinned_unigram(),
            batch_size,
            settings.seed,
        )
    begun = time.perf_counter()
    starts = settings.init == "svd" and training.state.step == 0
    thins = keep is not None and (starts or any_thinned(done, epochs))
    counts = CooccurrenceCounts.of_windows(
        corpus,
        training.window,
        keep if thins else None,
        thinned_too=True,
        sample=0.0 if keep is None else settings.threshold(len(training.vocab)),
        draws=settings.draws,
        seed=settings.seed,
        workers=training.workers,
    )
    training.seconds["count"] += time.perf_counter() - begun
    logger.info("%r in %.2f s", counts, training.seconds["count"])
    return counts_source(training, counts, ("tokens", (corpus.tokens, corpus.offsets)))


def counts_source(
    training: Training,
    counts: CooccurrenceCounts,
    origin: tuple[str, tuple[NDArray[Any], ...]] | None = None,
) -> BatchSource:
    """Rows of counts as batches; `origin` is what the counts follow from, where that was given."""
    settings = training.settings
    return CountSource(
        counts,
        settings.batch_of(len(training.vocab), 0),
        settings.seed,
        training.workers,
        head_words(counts, settings.head),
        origin,
    )


def check_counts(counts: object) -> None:
    """TypeError unless they are counts, ValueError if they are empty."""
    if not isinstance(counts, CooccurrenceCounts):
        raise TypeError(
            f"counts is {type(counts).__name__}; it must be CooccurrenceCounts, see its from_arrays and "
            "from_scipy"
        )
    if not counts.nnz:
        raise ValueError("there are no pairs to train on: the counts are empty")


def check_counts_fit(counts: CooccurrenceCounts, training: Training) -> None:
    """ValueError unless the counts are about the words of a training, thinned as these were."""
    if training.vocab.words != counts.vocab.words:
        raise ValueError(
            "the counts have another vocabulary than the model; count with vocab=model.vocab, or take a "
            "model without one"
        )
    keep, theirs = training.keep, counts.start.keep
    same = keep is theirs if keep is None or theirs is None else np.array_equal(keep, theirs)
    if not same:
        raise ValueError(
            "the counts were thinned otherwise than the model's vocabulary: give both the same sample, or "
            "take a model without a vocabulary"
        )


def settings_of_counts(settings: Settings, counts: CooccurrenceCounts) -> Settings:
    """The settings with window and subsampling as the counts were made with, where they know it."""
    recipe, start = counts.recipe, counts.start.recipe
    if recipe is None:
        return settings
    sample = start.sample if start and counts.start.keep is not None else 0.0
    return dataclasses.replace(
        settings,
        window=recipe.window.reach,
        shrink_windows=recipe.window.shrinks,
        sample=settings.sample if sample is None else sample,
        draws=start.draws if start else settings.draws,
    )


def pairs_source(training: Training, pairs: Pairs) -> BatchSource:
    """Explicit pairs as batches: added up with solver "counts", in their order with "sgd"."""
    m, n, w = pairs
    settings, vocab = training.settings, training.vocab
    if settings.solver == "counts":
        return counts_source(training, CooccurrenceCounts.from_arrays(m, n, w, vocab))
    return PairSource(m, n, w, training.thinned_unigram(), settings.batch_of(len(vocab), len(m)))
