"""What the parts of a training cost on this machine: short runs of their own code, at the sizes asked for."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..cooccurrence.batches import Batches, PairCounts
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Window
from ..numerics.initializers import uniform_start
from ..numerics.newton import Curvature
from ..numerics.objective import make_workspace
from ..system.progress import progress_bar
from ..text.corpus import EncodedCorpus
from .batch_sources import CountSource, TextSource
from .epoch import Stepper, train_epoch
from .loop import start_from_counts
from .settings import Settings
from .stages import Stage
from .state import Training, TrainingState
from .totals import EpochTotals

#: A rate at which the matrices hardly move, and how far their random elements reach.
_RATE, _REACH = 1e-6, 0.2
#: Center positions in a batch of a text: more share more rows, at the same speed.
_POSITIONS = 4096
#: Seconds until which work is repeated.
_SHORT = 0.3

Result = TypeVar("Result")


class EpochCost(NamedTuple):
    """Seconds that an epoch takes: for each softmax row, for putting together what its batches hold (for each
    row, or each center position of a text), and for the axes of its Newton steps, each time they are made.
    """

    row: float
    batching: float
    axes: float = 0.0

    def seconds(self, rows: float, batches: int) -> float:
        """Of an epoch, without putting together its batches."""
        return rows * self.row + -(-batches // Curvature.EVERY) * self.axes


def cost_of_rows(
    settings: Settings, words: int, rows: int, entries: float, workers: int, seconds: float
) -> EpochCost:
    """The cost of epochs over counts of so many words.

    Parameters
    ----------
    rows : int          In a batch.
    entries : float     Of a row, on average.
    seconds : float     To spend on it; at least one batch is walked.
    """
    table, ids = _rows_of(rows, words, entries), np.arange(rows, dtype=np.int32)
    whole = np.ones(rows, np.float32)

    def batches() -> Batches:
        for number in itertools.count(1):
            yield number * rows, PairCounts(ids, *_core.gather_rows(*table, ids, whole, workers))

    return _cost(_stepper(settings, words, workers), batches, seconds)


def cost_of_text(settings: Settings, corpus: EncodedCorpus, workers: int, seconds: float) -> EpochCost:
    """The cost of epochs over a text, of which the first batches are walked; settings of solver "sgd"."""
    K = len(corpus.vocab)
    keep = corpus.vocab.keep_probabilities(settings.threshold(K))
    size = min(settings.batch_of(K, corpus.n_tokens), _POSITIONS)
    window = Window.parse(settings.window, settings.shrink_windows)
    unigram = corpus.vocab.unigram() * keep
    source = TextSource(corpus.tokens, corpus.offsets, window, keep, unigram, size, settings.seed)
    return _cost(_stepper(settings, K, workers), lambda: source.batches(0, Stage(K, True))[1], seconds)


def start_seconds(settings: Settings, counts: CooccurrenceCounts, workers: int) -> float:
    """What laying out I and O and their start from counts take."""

    def start() -> None:
        training = Training.start(settings, counts.vocab, counts.keep, None, workers, False)
        start_from_counts(training, CountSource(counts, 1, settings.seed, workers))

    return timed(start)[1]


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What some work gives, and the least seconds that it takes: what is short is done up to three times."""
    seconds: list[float] = []
    while len(seconds) < 3 and sum(seconds) < _SHORT:
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    return result, min(seconds)


def _stepper(settings: Settings, words: int, workers: int) -> Stepper:
    """Steps over matrices of random elements, as large as those of a training."""
    H, seed = settings.vector_size, settings.seed
    state = TrainingState.start(words, H, settings.optimizer, seed, workers)
    state.O[:] = uniform_start(words, H, seed + 1, workers)
    for matrix in (state.I, state.O):
        matrix *= np.float32(2 * H * _REACH)
    workspace = make_workspace(words, H, workers, settings.precision)
    newton = settings.optimizer == "newton"
    curvature = Curvature(np.ones(words), workers) if newton else None
    return Stepper(state, np.zeros(words, np.float32), workspace, curvature, 1.0, settings.prior)


def _cost(stepper: Stepper, batches: Callable[[], Batches], seconds: float) -> EpochCost:
    axes, curvature = 0.0, stepper.curvature
    _epoch(stepper, batches(), 0.0)  # memory is fetched when it is first written
    if curvature is not None:
        axes = timed(lambda: curvature.axes(stepper.state.O, 0))[1]
    totals = _epoch(stepper, batches(), seconds)
    trained = totals.seconds - totals.count_seconds - -(-totals.batches // Curvature.EVERY) * axes
    return EpochCost(
        max(trained, 1e-9) / max(totals.softmax_rows, 1), totals.count_seconds / max(totals.walked, 1), axes
    )


def _epoch(stepper: Stepper, batches: Batches, seconds: float) -> EpochTotals:
    """One over the batches that begin before so many seconds are over, and at least the first."""
    begun = time.perf_counter()

    def some() -> Batches:
        for batch in batches:
            yield batch
            if time.perf_counter() - begun >= seconds:
                return

    with progress_bar(None, " rows", False) as bar:
        return train_epoch(stepper, some(), lambda walked: _RATE, bar, np.ones(stepper.workspace.K))


def _rows_of(
    rows: int, words: int, entries: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Rows of so many contexts each, spread over the words, as gather_rows takes them."""
    n = min(max(round(entries), 1), words)
    shifts = np.random.default_rng(0).random((rows, 1))
    contexts = ((np.arange(n) + shifts) * (words / n)).astype(np.int32).ravel()
    row_ptr = np.arange(rows + 1, dtype=np.int64) * n
    return row_ptr, row_ptr[1:], contexts, np.ones(rows * n, np.float32)
