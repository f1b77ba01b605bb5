"""What steps cost on this machine: short runs of their own code, at sizes that take little, scaled up."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..cooccurrence.batches import Batches, CountBatches, PairCounts
from ..cooccurrence.columns import leading_block
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Window
from ..numerics.initializers import uniform_start
from ..numerics.newton import Curvature
from ..numerics.objective import block_rows, make_workspace
from ..system.memory import available
from ..system.progress import progress_bar
from ..text.corpus import EncodedCorpus
from .batch_sources import TextSource
from .epoch import Stepper, train_epoch
from .settings import Settings
from .stages import Stage
from .state import TrainingState
from .totals import EpochTotals

#: A rate at which the matrices hardly move, and how far their random elements reach.
_RATE, _REACH = 1e-6, 0.2
#: Longer vectors, and matrices of more elements than this or than a share of the memory that is free, are not
#: tried out: the time of a step grows with both words and coordinates.
LONGEST_VECTOR, _MOST_ELEMENTS, _SHARE_OF_FREE = 320, 2**24, 64
#: Rows of a small batch.
_FEW_ROWS = 64
#: Seconds until which work is repeated: the first time much is slower, while memory is fetched.
_SHORT = 1.0
#: Rounds of multiply-adds in registers, a tenth of a millisecond, and how often they are tried.
_ROUNDS, _TRIES = 30_000, 5

Result = TypeVar("Result")


def bfloat16_gain() -> float:
    """How many times as many multiply-adds this CPU makes in bfloat16 as in float32, by a trial of 2 ms.

    With AMX it is 4 to 8, with AVX512_BF16 on AMD's CPUs 2, on Intel's half.
    """
    rates = {"float32": 0.0, "bfloat16": 0.0}
    for precision in [*rates] * _TRIES:
        begun = time.perf_counter()
        flops = _core.fma_rounds(_ROUNDS, 1, precision)
        rates[precision] = max(rates[precision], flops / (time.perf_counter() - begun))
    return rates["bfloat16"] / rates["float32"]


class EpochCost(NamedTuple):
    """Seconds that an epoch takes: for each softmax row, and for the axes of its Newton steps, each time they
    are made.
    """

    row: float
    axes: float = 0.0

    def seconds(self, rows: float, batches: int) -> float:
        """Of an epoch, without putting together its batches."""
        return rows * self.row + -(-batches // Curvature.EVERY) * self.axes


class StepTrials:
    """Steps over matrices of random elements: like those of a training, but of no more words than take little
    time, on whose number a row's time depends linearly.

    Parameters
    ----------
    settings : Settings
    K : int                 Words of the training.
    workers : int           Threads.
    """

    def __init__(self, settings: Settings, K: int, workers: int) -> None:
        H = min(settings.vector_size, LONGEST_VECTOR)
        self._longer = settings.vector_size / H
        self._settings, self.workers = dataclasses.replace(settings, vector_size=H), workers
        self._share = min(_elements() / (K * H), 1.0)
        words, seed = self._tried(K), settings.seed
        self._state = TrainingState.start(words, H, settings.optimizer, seed, workers)
        self._state.O[:] = uniform_start(words, H, seed + 1, workers)
        for matrix in (self._state.I, self._state.O):
            matrix *= np.float32(2 * H * _REACH)
        self._workspace = make_workspace(words, H, workers, settings.precision)
        self._steppers: dict[int, tuple[Stepper, float]] = {}

    def _tried(self, words: int) -> int:
        """How many words stand for so many."""
        return max(int(words * self._share), 1)

    def cost(self, words: int, rows: int, entries: float, seconds: float) -> EpochCost:
        """The cost of epochs over so many words.

        Parameters
        ----------
        rows : int          In a batch. Of a large one a part is walked, and a small one: the time is linear.
        entries : float     Of a row, on average.
        seconds : float     To spend on it, unless one small batch takes longer.
        """
        tried, rows = self._tried(words), min(rows, block_rows(words))
        few = min(rows, _FEW_ROWS, tried)
        if tried not in self._steppers:
            self._steppers[tried] = self._stepper(tried)
            self._walked(self._steppers[tried][0], few, entries, 0.0)  # memory is fetched when first written
        stepper, axes = self._steppers[tried]
        less = self._walked(stepper, few, entries, 0.0)
        many = max(min(rows, tried, int(few * seconds / (2 * less))), few)
        if many > few:
            self._walked(stepper, many, entries, 0.0)  # the scratch of more rows is fetched too
        more = self._walked(stepper, many, entries, seconds / 2)
        each = more / many
        if many > few:
            each = min(max(more - less, 0.0) / (many - few), each)
        batch = (more + each * (rows - many)) * words / tried * self._longer
        whole = axes * words / tried * self._longer**2
        return EpochCost(batch / rows, whole)

    def _stepper(self, words: int) -> tuple[Stepper, float]:
        """What takes steps over so many words, and the seconds that making its axes took."""
        settings, whole = self._settings, self._workspace
        workspace = whole
        if words < whole.K:
            workspace = make_workspace(
                words, settings.vector_size, self.workers, settings.precision, shared=whole
            )
        newton, begun = settings.optimizer == "newton", time.perf_counter()
        curvature = Curvature(np.ones(words), self.workers) if newton else None
        if curvature is not None:
            curvature.axes(self._state.O[:words], 0)
        axes = time.perf_counter() - begun
        bias = np.zeros(words, np.float32)
        return Stepper(self._state, bias, workspace, curvature, 1.0, settings.prior), axes

    def _walked(self, stepper: Stepper, rows: int, entries: float, seconds: float) -> float:
        """Seconds of a batch: one is walked, and more until the time is over or axes would be made anew."""
        words, begun = stepper.workspace.K, time.perf_counter()
        table, ids, ones = _rows_of(rows, words, entries)
        counts = PairCounts(ids, *_core.gather_rows(*table, ids, ones, self.workers))

        def batches() -> Batches:
            for number in range(1, Curvature.EVERY):
                yield number * rows, counts
                if time.perf_counter() - begun >= seconds:
                    return

        found = None if stepper.curvature is None else stepper.curvature.found
        books = EpochTotals(words=words, steps=1, axes=found)  # not the first step, which makes the axes
        with progress_bar(None, " rows", False) as bar:
            done = train_epoch(stepper, batches(), lambda walked: _RATE, bar, np.ones(words), books)
        return max((done.seconds - done.count_seconds) / done.batches, 1e-9)


def batching_of_counts(
    settings: Settings, counts: CooccurrenceCounts, stage: Stage, rows: int, workers: int, seconds: float
) -> tuple[float, float]:
    """Seconds until an epoch has its first batch, of so many rows, and for each row of those after it, which
    are put together until so many seconds are over.
    """
    begun = time.perf_counter()
    batches = CountBatches(leading_block(counts, stage.words, stage.rows), rows).walk(
        settings.seed, 0, workers
    )
    first = walked = next(batches, (0, None))[0]
    ready = time.perf_counter()
    for walked, _ in batches:  # noqa: B007  used after the loop
        if time.perf_counter() - ready >= seconds:
            break
    return ready - begun, (time.perf_counter() - ready) / max(walked - first, 1)


class TextBatches(NamedTuple):
    """Batches of a text: seconds for a center position, softmax rows of a batch, entries of a row."""

    position: float
    rows: int
    entries: float


def batches_of_text(settings: Settings, corpus: EncodedCorpus, seconds: float) -> TextBatches:
    """What the first batches of a text are, as many as so many seconds make; of solver "sgd"."""
    K = len(corpus.vocab)
    keep = corpus.vocab.keep_probabilities(settings.threshold(K))
    size = settings.batch_of(K, corpus.n_tokens)
    window = Window.parse(settings.window, settings.shrink_windows)
    unigram = corpus.vocab.unigram() * keep
    source = TextSource(corpus.tokens, corpus.offsets, window, keep, unigram, size, settings.seed)
    batches, begun = source.batches(0, Stage.of_all_rows(K, True))[1], time.perf_counter()
    number = rows = entries = walked = 0
    taken = 0.0
    for number, (walked, counts) in enumerate(batches, 1):  # noqa: B007  used after the loop
        rows, entries = rows + len(counts.centers), entries + len(counts.contexts)
        taken = time.perf_counter() - begun
        if taken >= seconds:
            break
    return TextBatches(taken / max(walked, 1), max(rows // max(number, 1), 1), entries / max(rows, 1))


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What some work gives, and the least seconds that it takes: what is short is done twice."""
    seconds: list[float] = []
    while len(seconds) < 2 and sum(seconds) < _SHORT:
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    return result, min(seconds)


def _elements() -> int:
    """Of a matrix that is tried out, at most."""
    free = available()
    return _MOST_ELEMENTS if free is None else max(min(_MOST_ELEMENTS, free // _SHARE_OF_FREE), 1)


#: Rows of counts as gather_rows takes them, the ids of all of them, and a one for each.
_Rows = tuple[
    tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]],
    NDArray[np.int32],
    NDArray[np.float32],
]


def _rows_of(rows: int, words: int, entries: float) -> _Rows:
    """Rows of so many contexts each, spread over the words."""
    n = min(max(round(entries), 1), words)
    shifts = np.random.default_rng(0).random((rows, 1))
    contexts = ((np.arange(n) + shifts) * (words / n)).astype(np.int32).ravel()
    row_ptr = np.arange(rows + 1, dtype=np.int64) * n
    table = row_ptr, row_ptr[1:], contexts, np.ones(rows * n, np.float32)
    return table, np.arange(rows, dtype=np.int32), np.ones(rows, np.float32)
