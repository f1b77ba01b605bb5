"""What a training will take: memory, disk, operations, and time by phase, from a few seconds of trials."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.row_order import deal, visits
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training.calibration import StepTrials, batches_of_text, batching_of_counts
from ..training.foreseen_counts import ForeseenCounts, foresee_counts, known_counts
from ..training.memory import CountSizes, estimate_training, estimate_with_counts, kept_tokens
from ..training.settings import Settings
from ..training.stages import Stage, StageSizes, stage_of
from ..training.start_trials import start_seconds

#: Seconds of steps that are timed, over all stages, and of making the batches of a text.
_SECONDS, _BATCHING_SECONDS = 1.0, 0.3
#: Bytes of the program itself.
_PROGRAM = 46 * 2**20
#: Words whose vectors are written to see what writing takes, and elements of a matrix of them, at most.
_WRITTEN, _WRITTEN_ELEMENTS = 8192, 2**20
_STRETCHES = 8
_ALMOST_1 = 1 - 1e-12
#: Of a text made from a vocabulary: tokens at most, and words of a sentence.
_TOKENS, _SENTENCE = 2**20, 20

Model = TypeVar("Model")


class Written(NamedTuple):
    """What the files of a model take: seconds to write, and bytes."""

    seconds: float = 0.0
    bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a training will take.

    Attributes
    ----------
    words, tokens : int                 Of the vocabulary, and of the text as far as it is in the vocabulary.
    seconds : dict of str to float      read, count, init, train, save, and their total, as a report names
                                        them; without held-out losses and checkpoints.
    flops : float                       Floating-point operations of all epochs.
    flops_per_second : float            Measured.
    passes : float                      Epochs; one over part of the words counts by its share of their pairs.
    bytes : dict of str to int          memory: the largest of a time; disk: of the files.
    memory : dict of str to int         Bytes of memory by part, with their total.
    entries : dict of str to float      Pairs of words in the counts: of the text, and of its thinned copies.
    held : int                          Bytes of memory that are taken already, or mapped: those of the text
                                        or of the counts.
    """

    words: int
    tokens: int
    seconds: dict[str, float]
    flops: float
    flops_per_second: float
    passes: float
    bytes: dict[str, int]
    memory: dict[str, int]
    entries: dict[str, float]
    held: int


class _Epochs(NamedTuple):
    """The epochs of a training: operations, passes, and seconds of steps and of making batches."""

    flops: float
    passes: float
    steps: float
    batching: float


def forecast(
    settings: Settings,
    vocab: Vocab,
    *,
    corpus: EncodedCorpus | None = None,
    counts: CooccurrenceCounts | None = None,
    workers: int,
    read: float = 0.0,
    written: Written = Written(),  # noqa: B008  a named tuple
) -> Forecast:
    """Foresee a training with these settings.

    Parameters
    ----------
    settings : Settings
    vocab : Vocab                       Its counts stand for the text where there is neither corpus nor
                                        counts.
    corpus, counts, optional            What is to be trained on.
    workers : int                       Threads.
    read : float                        Seconds that reading took.
    written : Written                   What writing will take, see :func:`writing`.

    Notes
    -----
    Words and tokens are those of the whole text. A quarter of it is counted, four million tokens at most, and
    smaller parts: entries and time grow on from there. Of the start, products of matrices are timed. Steps
    are timed for about a second, over matrices of random elements: as many words, coordinates and rows of a
    batch as there will be, or if these take long fewer, from which time grows as the operations do.
    """
    K, tokens = len(vocab), corpus.n_tokens if corpus else int(vocab.counts.sum())
    if corpus is not None and np.diff(corpus.offsets).max(initial=0) < 2:
        raise ValueError("there are no pairs to train on: every sentence has fewer than two known words")
    seen, trials = None, StepTrials(settings, K, workers)
    if settings.solver == "sgd":
        epochs = _epochs_on_text(settings, trials, vocab, corpus, tokens)
    else:
        text = counts or corpus or _text_of(vocab)
        seen = (
            foresee_counts(settings, text, tokens, workers)
            if isinstance(text, EncodedCorpus)
            else known_counts(text)
        )
        epochs = _epochs_on_counts(settings, trials, vocab, seen, tokens)
    seconds = {
        "read": read,
        "count": epochs.batching + (seen.seconds if seen else 0.0),
        "init": _start(settings, seen, workers) if seen else 0.0,
        "train": epochs.steps,
        "save": written.seconds,
    }
    if seen is None:
        memory = estimate_training(settings, vocab, corpus, workers, tokens)
    else:
        memory = _memory(settings, vocab, seen, tokens, workers)
    return Forecast(
        K,
        tokens,
        seconds | {"total": sum(seconds.values())},
        epochs.flops,
        epochs.flops / seconds["train"],
        epochs.passes,
        {"memory": _PROGRAM + memory["total"], "disk": written.bytes},
        memory,
        {"text": seen.entries(False), "thinned": seen.entries(True)} if seen else {},
        CountSizes.of(counts).bytes if counts else memory["tokens"] if corpus else 0,
    )


def writing(
    vocab: Vocab, H: int, make: Callable[[Vocab], Model], save: Callable[[Model, str], object]
) -> Written:
    """What writing a model of these words takes: it is tried out on some of them, and on half as many.

    Parameters
    ----------
    H : int             Length of its vectors.
    make : function     A model of a vocabulary.
    save : function     Writes a model into a folder.
    """
    K = len(vocab)
    n = min(K, _WRITTEN, max(_WRITTEN_ELEMENTS // H, 2))
    some = _written(vocab, n, make, save)
    if n == K:
        return some
    half = _written(vocab, n // 2, make, save)
    more = (K - n) / (n - n // 2)  # opening a file, and its header, take the same for any number of words
    return Written(
        some.seconds + more * max(some.seconds - half.seconds, 0.0),
        int(some.bytes + more * (some.bytes - half.bytes)),
    )


def _written(
    vocab: Vocab, n: int, make: Callable[[Vocab], Model], save: Callable[[Model, str], object]
) -> Written:
    """What writing a model of n of the words takes."""
    ids = np.linspace(0, len(vocab) - 1, n).astype(int)
    model = make(Vocab([vocab.words[i] for i in ids.tolist()], vocab.counts[ids]))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        save(model, folder)
        return Written(time.perf_counter() - begun, sum(entry.stat().st_size for entry in _files(folder)))


def _files(folder: str) -> list[os.DirEntry[str]]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            found += _files(entry.path) if entry.is_dir() else [entry]
    return found


# ---- the parts ----


def _memory(
    settings: Settings, vocab: Vocab, seen: ForeseenCounts, tokens: int, workers: int
) -> dict[str, int]:
    """Bytes by part of a training on counts, which are those of a text of so many tokens."""
    sizes = CountSizes(
        seen.entries(False),
        seen.entries(True) if seen.part.thinned else 0.0,
        seen.tokens,
        kept_tokens(settings, vocab, tokens),
        seen.part.start.symmetric,
    )
    return estimate_with_counts(settings, len(vocab), workers, sizes)


def _start(settings: Settings, seen: ForeseenCounts, workers: int) -> float:
    """Seconds that the start takes."""
    if settings.init == "random":
        return 0.0
    return start_seconds(settings, seen.part.start, seen.entries(True), workers)


def _epochs_on_counts(
    settings: Settings, trials: StepTrials, vocab: Vocab, seen: ForeseenCounts, tokens: int
) -> _Epochs:
    """Each row of an epoch has one softmax row over the words of the epoch; frequent ones come more often."""
    K, epochs, keep = len(vocab), settings.epochs_of(len(vocab), tokens), _keep(settings, vocab)
    head, opening, coarse = StageSizes.chosen(
        seen.part, vocab.counts, epochs, settings.head, settings.optimizer
    )
    stages = Counter(stage_of(epoch, epochs, K, head, opening or K, coarse) for epoch in range(epochs))
    size, total = settings.batch_of(K, tokens), _Epochs(0.0, 0.0, 0.0, 0.0)
    for stage, times in stages.items():
        weights = (vocab.counts * keep if stage.thinned else vocab.counts.astype(float))[: stage.rows]
        batch = max(-(-size * stage.words // K), 1)
        one = _epoch_on_counts(settings, trials, stage, weights, batch, seen, _SECONDS / len(stages))
        one = one._replace(passes=stage.words * stage.rows / K**2)
        total = _Epochs(*(a + times * b for a, b in zip(total, one, strict=True)))
    return total


def _epoch_on_counts(
    settings: Settings,
    trials: StepTrials,
    stage: Stage,
    weights: NDArray[np.float64],
    batch: int,
    seen: ForeseenCounts,
    seconds: float,
) -> _Epochs:
    times = visits(weights, weights > 0, batch)
    dealt = len(deal(weights, times, batch, settings.seed, 0))
    rows = int(times.sum())
    counts, growth = seen.of_stage(stage)
    dealing, each = batching_of_counts(settings, counts, stage, batch, trials.workers, seconds / 2)
    entries = seen.walked(stage, times) / rows
    cost = trials.cost(stage.words, min(-(-rows // dealt), stage.words), entries, seconds)
    flops = rows * _row_flops(stage.words, settings)
    return _Epochs(flops, 1.0, cost.seconds(rows, dealt), dealing + rows * each * growth)


def _epochs_on_text(
    settings: Settings, trials: StepTrials, vocab: Vocab, corpus: EncodedCorpus | None, tokens: int
) -> _Epochs:
    """Equal centers of a batch share a softmax row over all words."""
    K, keep, epochs = len(vocab), _keep(settings, vocab), settings.epochs_of(len(vocab), tokens)
    rows = epochs * _distinct_centers(settings, vocab, corpus, keep, tokens)
    made = batches_of_text(settings, corpus or _text_of(vocab), _BATCHING_SECONDS)
    cost = trials.cost(K, made.rows, made.entries, _SECONDS)
    positions = epochs * tokens * float(vocab.unigram() @ keep)
    batches = int(positions / settings.batch_of(K, tokens)) + epochs
    return _Epochs(
        rows * _row_flops(K, settings), epochs, cost.seconds(rows, batches), positions * made.position
    )


def _row_flops(words: int, settings: Settings) -> float:
    return 6.0 * words * settings.vector_size


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


def _text_of(vocab: Vocab) -> EncodedCorpus:
    """Random tokens of a vocabulary."""
    n = int(min(_TOKENS, max(vocab.counts.sum(), _SENTENCE)))
    tokens = np.random.default_rng(0).choice(len(vocab), n, p=vocab.unigram()).astype(np.int32)
    return EncodedCorpus(tokens, np.unique(np.append(np.arange(0, n, _SENTENCE), n)), vocab)
