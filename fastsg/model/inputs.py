"""What users hand in (corpora, counts, pairs), made into arrays and into batches.

Every error names the argument. Sentences and files become corpora in text_reader.py.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core, checks
from ..cooccurrence.counts import CooccurrenceCounts
from ..text.corpus import EncodedCorpus
from ..text.growth import common_vocab, grown_vocab, joined, recoded
from ..text.vocab import Vocab, check_vocab
from ..training.batch_sources import BatchSource, CountSource, PairSource, TextSource
from ..training.growth import grown_training
from ..training.plan import Plan
from ..training.rank_source import shared_source
from ..training.settings import MAX_EPOCHS, Settings
from ..training.stages import StageSizes, any_thinned
from ..training.state import Training
from .sharing import CountsAbout
from .text_reader import TextReader, known_corpus

logger = logging.getLogger(__name__)

Side: TypeAlias = Sequence[str] | ArrayLike


def checked_epochs(epochs: object) -> int | None:
    """The argument; ValueError unless it is None or an integer from 1 to MAX_EPOCHS."""
    if epochs is None:
        return None
    return checks.integer("epochs", checks.positive_integer("epochs", epochs, "None and "), 1, MAX_EPOCHS)


# ---- pairs ----

#: Both sides of pairs, and their weights.
Pairs: TypeAlias = tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]


def checked_pairs(centers: Side, contexts: Side, weights: ArrayLike | None) -> Pairs:
    """Both sides as arrays of words or of ids, and the weights; an error names what is wrong."""
    m, n = _checked_side("centers", centers), _checked_side("contexts", contexts)
    if (m.dtype.kind == "U") != (n.dtype.kind == "U"):
        raise TypeError("centers and contexts must both be words or both be integers")
    w = np.ones(len(m)) if weights is None else checks.floats("weights", weights)
    if not len(m) == len(n) == len(w):
        raise ValueError(
            f"centers, contexts and weights have {len(m)}, {len(n)} and {len(w)} values; they must be equal"
        )
    if not len(m):
        raise ValueError("there are no pairs: centers is empty")
    bad = np.flatnonzero(~((w >= 0) & (w <= _core.MOST_COUNT)))
    if bad.size:
        raise ValueError(f"weights[{bad[0]}] is {w[bad[0]]}; weights must be finite and not negative")
    return m, n, w.astype(np.float32)


def _checked_side(name: str, side: Side) -> NDArray[Any]:
    if isinstance(side, str):
        raise TypeError(f"{name} is a str; give a list of words or ids")
    listed = hasattr(side, "__array__") or isinstance(side, Sequence)
    array = np.asarray(side if listed else list(side))  # type: ignore[arg-type]
    if array.dtype == object and array.ndim == 1 and all(isinstance(word, str) for word in array):
        array = array.astype(str)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iuU"):
        raise TypeError(
            f"{name} must be one-dimensional, of str or of integers; it is {array.ndim}-dimensional, "
            f"{array.dtype}"
        )
    return array


def vocab_of_pairs(pairs: Pairs, min_count: int, max_final_vocab: int | None) -> tuple[Vocab, Pairs]:
    """A vocabulary counted from both sides of pairs, and the pairs as words: 5 becomes "5"."""
    m, n, w = pairs
    words, counts = np.unique(np.concatenate([m, n]).astype(str), return_counts=True)
    vocab = Vocab.from_counts(words.tolist(), counts, min_count=min_count, max_final_vocab=max_final_vocab)
    return vocab, (m.astype(str), n.astype(str), w)


def ids_of_pairs(pairs: Pairs, vocab: Vocab) -> Pairs:
    """The pairs as ids, without those that have a word outside the vocabulary, whose number is logged."""
    m, n, w = _ids("centers", pairs[0], vocab), _ids("contexts", pairs[1], vocab), pairs[2]
    known = (m >= 0) & (n >= 0)
    if not known.all():
        left_out = len(known) - int(known.sum())
        logger.warning(
            "%d of %d pairs have a word outside the vocabulary and are left out", left_out, len(known)
        )
    if not w[known].any():
        raise ValueError(
            "there are no pairs to train on: no pair has two words of the vocabulary and a weight above 0"
        )
    return m[known], n[known], w[known]


def _ids(name: str, words: NDArray[Any], vocab: Vocab) -> NDArray[np.int32]:
    """Ids of one side; -1 for unknown words. Integers are ids already and must lie in range."""
    if words.dtype.kind in "iu":
        return checks.ids(name, words, len(vocab))
    distinct, place = np.unique(words, return_inverse=True)
    return np.array([vocab.index.get(word, -1) for word in distinct.tolist()], np.int32)[place]


# ---- batches ----


def corpus_source(
    training: Training, corpus: EncodedCorpus, epochs: int, plan: Plan | None = None
) -> BatchSource:
    """The corpus as batches for a training of `epochs`, or for what is still to be done of a plan.

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
    starts = settings.init != "random" and training.state.step == 0
    thins = keep is not None and (starts or any_thinned(plan.done if plan else 0, epochs))

    def counted() -> CooccurrenceCounts:
        counts = CooccurrenceCounts.of_windows(
            corpus,
            training.window,
            keep if thins else None,
            thinned_too=True,
            sample=0.0 if keep is None else settings.threshold(len(training.vocab)),
            draws=settings.draws,
            seed=settings.seed,
            workers=training.workers,
            progress=training.progress,
        )
        logger.info("%r in %.2f s", counts, time.perf_counter() - begun)
        return counts

    text: tuple[NDArray[Any], ...] = corpus.tokens, corpus.offsets
    if corpus.numbers is not None:
        text = *text, corpus.numbers
    source = counts_source(training, counted, epochs, plan, ("tokens", text))
    training.seconds["count"] += time.perf_counter() - begun
    return source


def counts_source(
    training: Training,
    make: Callable[[], CooccurrenceCounts],
    epochs: int | None,
    plan: Plan | None = None,
    origin: tuple[str, tuple[NDArray[Any], ...]] | None = None,
) -> BatchSource:
    """Rows of the counts that `make` gives, on rank 0, as batches.

    `epochs` as in train, `plan` the one that is gone on with, `origin` what the counts follow from, if not
    they were given.
    """
    settings = training.settings
    epochs = plan.epochs if plan else epochs or training.default_epochs

    def source() -> CountSource:
        counts = make()
        found = CountSource(
            counts,
            settings.batch_of(len(training.vocab), 0),
            settings.seed,
            training.workers,
            *StageSizes.chosen(counts, training.vocab.counts, epochs, settings.head, settings.optimizer),
            origin,
        )
        return plan.with_planned_sizes(found) if plan else found

    done = plan.done if plan else 0
    return shared_source(training.team, range(done, epochs), training.workers, source)


def checked_counts(counts: object) -> CooccurrenceCounts:
    """The argument; TypeError unless it is counts, ValueError if they are empty."""
    if not isinstance(counts, CooccurrenceCounts):
        raise TypeError(
            f"counts is {type(counts).__name__}; it must be CooccurrenceCounts, see its from_arrays and "
            "from_scipy"
        )
    if not counts.nnz:
        raise ValueError("there are no pairs to train on: the counts are empty")
    if counts.shard is not None:
        raise ValueError(f"the counts are {counts.shard} of a text: merge all of them first (fastsg merge)")
    return counts


def check_counts_fit(counts: CountsAbout, training: Training) -> None:
    """ValueError unless the counts are about the words of a training, thinned as these were."""
    if training.vocab.words != counts.vocab.words:
        raise ValueError(
            "the counts have another vocabulary than the model; count with vocab=model.vocab, or take a "
            "model without one"
        )
    keep, theirs = training.keep, counts.keep
    same = keep is theirs if keep is None or theirs is None else np.array_equal(keep, theirs)
    if not same:
        raise ValueError(
            "the counts were thinned otherwise than the model's vocabulary: give both the same sample, or "
            "take a model without a vocabulary"
        )


def check_foreseeable(
    settings: Settings, *, sentences: object, corpus_file: object, vocab: object, counts: object
) -> None:
    """An error unless at most one text, its vocabulary, or counts alone are given to foresee a training."""
    check_vocab(vocab)
    if counts is None:
        return
    checked_counts(counts)
    others = {"sentences": sentences, "corpus_file": corpus_file, "vocab": vocab}
    for name, value in others.items():
        if value is not None:
            raise ValueError(f"{name} and counts are both given; give one of them")
    if settings.solver != "counts":
        raise ValueError(f"counts need a model with solver='counts'; this one has {settings.solver!r}")


def settings_of_counts(settings: Settings, counts: CountsAbout) -> Settings:
    """The settings with window and subsampling as the counts were made with, where they know it."""
    made, start = counts.settings, counts.start_settings
    if made is None:
        return settings
    sample = start.sample if start and counts.keep is not None else 0.0
    return dataclasses.replace(
        settings,
        window=made.window.reach,
        shrink_windows=made.window.shrinks,
        sample=settings.sample if sample is None else sample,
        draws=start.draws if start else settings.draws,
    )


def pairs_source(
    training: Training, pairs: Pairs, epochs: int | None, plan: Plan | None = None
) -> BatchSource:
    """Explicit pairs as batches: added up with solver "counts", in their order with "sgd"."""
    m, n, w = pairs
    settings, vocab = training.settings, training.vocab
    if settings.solver == "counts":
        return counts_source(training, lambda: CooccurrenceCounts.from_arrays(m, n, w, vocab), epochs, plan)
    return PairSource(m, n, w, training.thinned_unigram(), settings.batch_of(len(vocab), len(m)))


def updated(training: Training, found: EncodedCorpus, reader: TextReader) -> tuple[Training, EncodedCorpus]:
    """A training after more text, over the grown vocabulary, and the new text by its ids.

    Parameters
    ----------
    found : EncodedCorpus       The new text, by a vocabulary of all its words.

    ValueError with solver "counts" if the text so far is not known, and if the new one has no word of the
    vocabulary.
    """
    if training.settings.solver == "counts" and training.text is None:
        raise ValueError(
            "what this model was trained on is not known: it was loaded from a file, or trained on pairs or "
            "counts. Give that text as trained_on=, or use a model with solver='sgd'"
        )
    so_far = None if training.text is None else joined(training.text, found)
    all_words = common_vocab(training.vocab, found.vocab) if so_far is None else so_far.vocab
    vocab = grown_vocab(training.vocab, all_words, reader.min_count, reader.max_final_vocab)
    text = recoded(found, vocab)
    if text is None:
        raise ValueError(f"none of the {found.n_tokens} tokens of the new text is in the vocabulary")
    _tell_new_words(vocab, training.vocab, found.vocab, reader.min_count)
    keep = vocab.keep_probabilities(training.settings.threshold(len(vocab)))
    grown = grown_training(training, vocab, keep if (keep < 1).any() else None)
    grown.text = so_far
    grown.known_text = None if so_far is None else recoded(so_far, vocab)
    return grown, text


def _tell_new_words(vocab: Vocab, known: Vocab, found: Vocab, min_count: int) -> None:
    if new := len(vocab) - len(known):
        logger.info("%d new words joined the vocabulary, which has %d now", new, len(vocab))
    if left_out := [word for word in found.words if word not in vocab]:
        shown = ", ".join(map(repr, left_out[:3])) + ", ..." * (len(left_out) > 3)
        logger.warning(
            "%d words of the new text are left out, having occurred fewer than min_count=%d times so far: %s",
            len(left_out),
            min_count,
            shown,
        )
