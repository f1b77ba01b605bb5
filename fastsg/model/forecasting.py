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

from ..cooccurrence.counting import PART
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.row_order import deal, visits
from ..numerics.objective import block_rows
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab
from ..training.calibration import StepTrials, batches_of_text, batching_of_counts
from ..training.foreseen_counts import ForeseenCounts, foresee_counts, known_counts
from ..training.memory import estimate, estimate_training
from ..training.settings import Settings
from ..training.stages import Stage, coarse_words, head_words, opening_rows, stage_of
from ..training.start_trials import start_seconds

#: Seconds of steps that are timed, over all stages, and of making the batches of a text.
_SECONDS, _BATCHING_SECONDS = 1.0, 0.3
#: Bytes of the program itself, of a token in a thinned copy of the text, of a token while windows are counted
#: (marked, and its place), of an entry; and how many times the matrices the start takes besides the counts.
_PROGRAM, _THINNED_BYTES, _COUNTED_BYTES, _ENTRY_BYTES, _START_MATRICES = 46 * 2**20, 4, 8, 8, 2
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
    memory = _memory(settings, K, corpus, seen, tokens, workers)
    kept = max(settings.draws, 1) * float(vocab.counts @ _keep(settings, vocab))
    return Forecast(
        K,
        tokens,
        seconds | {"total": sum(seconds.values())},
        epochs.flops,
        epochs.flops / seconds["train"],
        epochs.passes,
        {"memory": _largest(memory, seen, tokens, kept), "disk": written.bytes},
        memory,
        {"text": seen.entries(False), "thinned": seen.entries(True)} if seen else {},
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
    settings: Settings,
    K: int,
    corpus: EncodedCorpus | None,
    seen: ForeseenCounts | None,
    tokens: int,
    workers: int,
) -> dict[str, int]:
    if seen is None:
        return estimate_training(settings, K, corpus, workers, tokens)
    rows, size = block_rows(K), min(settings.batch_of(K, 0), K)
    tables = 1 if seen.part.thinned is None else 2
    entries = int(seen.entries(False) if tables == 1 else (seen.entries(False) + seen.entries(True)) / 2)
    counted = tokens if seen.seconds else 0
    return estimate(
        K,
        settings.vector_size,
        size,
        rows,
        workers,
        counted,
        settings.precision,
        drawn=counted * max(settings.draws, 1),
        entries=entries,
        tables=tables,
    )


def _largest(parts: dict[str, int], seen: ForeseenCounts | None, tokens: int, kept: float) -> int:
    """The most bytes at a time, of the program too: some parts are never there together.

    `kept` is the number of tokens in all thinned copies.
    """
    if seen is None:
        return _PROGRAM + parts["total"]
    text, thinned = (_ENTRY_BYTES * seen.entries(thinned) for thinned in (False, True))
    start, thinned = (thinned, thinned) if seen.part.thinned else (text, 0.0)
    always = sum(parts[name] for name in ("matrices", "optimizer", "vocabulary", "tokens"))
    starting = start + _START_MATRICES * parts["matrices"]
    most = text + thinned + max(starting, parts["scratch"] + parts["pairs"])
    if seen.seconds:
        rows = _ENTRY_BYTES * min(PART, seen.entries(False))  # those that are counted at a time
        most = max(most, _COUNTED_BYTES * tokens + text + rows)
        if thinned:
            # the copies are there until they are marked, then come the entries
            counting = max(_THINNED_BYTES * kept, thinned + rows)
            most = max(most, text + _COUNTED_BYTES * kept + counting)
    return int(_PROGRAM + always + most)


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
    head = head_words(seen.part, epochs, settings.head)
    opening = opening_rows(seen.part, vocab.counts, head, settings.optimizer) or K
    coarse = coarse_words(seen.part, head)
    stages = Counter(stage_of(epoch, epochs, K, head, opening, coarse) for epoch in range(epochs))
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
