"""The course of a training: where I and O start, the epochs of the plan, the held-out loss after each. Works on a model's parts."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .. import _core
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Stage
from ..model.saving import Source
from ..numerics import objective
from ..numerics.initializers import spectral_start
from ..numerics.optimizer import SCHEDULES, Curvature
from .callbacks import Callback, tell
from .epoch import Batches, progress_bar, train_epoch, uniform_start
from .settings import Settings
from .stages import CountSource

if TYPE_CHECKING:
    from ..model.skipgram import SkipGram

logger = logging.getLogger(__name__)

#: What stays of the random start under the spectral one: a coordinate that is zero in I and O stays zero.
_TRACE = 0.1
_NO_PAIRS = "there are no pairs to train on: every sentence has fewer than two known words within the window"


def start_from(model: SkipGram, counts: CooccurrenceCounts) -> None:
    """Put I and O at the spectral start: the same however often it is done before the first step."""
    begun, (K, H) = time.perf_counter(), model.I.shape
    one = (
        1 if model.settings.output_bias is None and H > 1 else 0
    )  # a coordinate that carries log p(n), where no bias does
    I, O = spectral_start(
        (counts.row_ptr, counts.contexts, counts.counts),
        counts.row_sums,
        counts.column_sums(),
        H - one,
        symmetric=counts.symmetric,
        seed=model.settings.seed,
        num_threads=model.workers,
    )
    np.multiply(uniform_start(K, H, model.settings.seed, model.workers), np.float32(_TRACE), out=model.I)
    model.I[:, : H - one] += I
    model.O[:, : H - one] = O
    if one:
        log_p = _core.logarithms(
            np.maximum(counts.column_sums(), 0.5) / counts.total
        )  # a word that is nowhere a context: half a pair
        scale = math.sqrt(max(float(np.std(log_p)), 1e-3))
        model.I[:, -1], model.O[:, -1] = scale, (log_p - log_p.mean()) / scale
    model.seconds["init"] += time.perf_counter() - begun


def train(model: SkipGram, source: Source, callbacks: Sequence[Callback]) -> None:
    """The epochs of the plan that are still to be done: train, take the held-out loss, tell the callbacks."""
    K, epochs, done = len(model.vocab), model.plan.epochs, model.plan.done
    stages = [source.stage(index, epochs) for index in range(epochs)]
    expected = {
        epoch: source.expected(stages[epoch]) * stages[epoch].words / K for epoch in range(done, epochs)
    }
    for epoch, units in expected.items():
        if not units and stages[epoch].words < K:
            raise ValueError(
                f"head is {model.settings.head}: the {stages[epoch].words} most frequent words have no pairs among themselves; "
                "give a larger share, at most 1"
            )
    workspaces = _workspaces(model, {stage.words for stage in stages[done:]})
    with progress_bar(sum(expected.values()), model._progress, epochs) as bar:
        for epoch, units_expected in expected.items():
            stage = stages[epoch]
            model.state.turn_to(stage.thinned)
            tell(callbacks, "on_epoch_begin", model)
            units, batches = source.epoch(model.state.epoch, stage)
            bar.total += units * stage.words / K - units_expected
            bar.set_description(f"epoch {epoch + 1}/{epochs}")
            rate = _rate(model.settings, model.plan.schedule, epoch, epochs, units)
            record = _epoch(model, batches, workspaces[stage.words], rate, bar, stage, source)
            if not _close_epoch(model, record, workspaces[K], callbacks):
                break


def _workspaces(model: SkipGram, words: set[int]) -> dict[int, _core.Workspace]:
    """One for all words, and one for each smaller number of words, whose scratch is the former's."""
    K, H = model.I.shape
    whole = objective.make_workspace(K, H, model.workers, model.settings.precision)
    return {K: whole} | {
        n: objective.make_workspace(n, H, model.workers, model.settings.precision, whole) for n in words - {K}
    }


def _epoch(
    model: SkipGram,
    batches: Batches,
    workspace: _core.Workspace,
    rate: Callable[[int], float],
    bar: tqdm,
    stage: Stage,
    source: Source,
) -> dict[str, float | int | None]:
    """Train one epoch; returns its record."""
    model.state.whole = False
    bias = model._train_bias if stage.thinned else model.real_bias()
    if not (shares := _shares(model, source, stage)).any():
        raise ValueError(_NO_PAIRS)
    curvature = Curvature(shares, model.workers) if model.settings.optimizer == "newton" else None
    totals = train_epoch(
        model.state,
        bias[: stage.words],
        workspace,
        batches,
        rate,
        bar,
        curvature,
        model.settings.alpha,
        source.context_weights(stage) if isinstance(source, CountSource) else None,
    )
    if not totals.pairs:
        raise ValueError(_NO_PAIRS)
    return totals.record()


def _shares(model: SkipGram, source: Source, stage: Stage) -> NDArray[np.float64]:
    """How often each word of a stage is a context in what it trains on, up to a factor, shape (words,); in a stage of fewer words than
    all, of counts that are not symmetric, pairs with the rarer centers count too."""
    if isinstance(source, CountSource):
        weights = source.context_weights(stage)
        return source.counts(stage).column_sums()[: stage.words] if weights is None else weights
    return (model.vocab.unigram() * (1.0 if model._keep is None else model._keep))[: stage.words]


def _close_epoch(
    model: SkipGram,
    record: dict[str, float | int | None],
    workspace: _core.Workspace,
    callbacks: Sequence[Callback],
) -> bool:
    """Take the held-out loss and close the books of an epoch; False if a callback wants to stop."""
    if model.validation is not None:
        begun = time.perf_counter()
        if model._held_out is None:  # the same windows after every epoch
            model._held_out = CooccurrenceCounts.of_windows(
                model.validation, model._window.held_out(), workers=model.workers
            )
        record["valid_nll"], record["valid_unigram_nll"], record["valid_pairs"] = model._nll(
            model._held_out, workspace
        )
        record["valid_perplexity"] = math.exp(min(record["valid_nll"], 700.0))
        model.seconds["validate"] += time.perf_counter() - begun
    model.history.append(record)
    model.plan.done += 1
    model.state.whole = True
    model._keyed = {}
    logger.info("epoch %d: %s", len(model.history), record)
    return tell(callbacks, "on_epoch_end", model)


def _rate(settings: Settings, schedule: str, epoch: int, epochs: int, units: int) -> Callable[[int], float]:
    """The learning rate as a function of the units walked in this epoch."""
    rate = SCHEDULES[schedule]
    return lambda walked: rate((epoch + walked / max(units, 1)) / epochs, settings.alpha, settings.min_alpha)
