"""A training, epoch after epoch: where I and O start, the epochs of the plan, the held-out losses."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..distributed import Message, Share, check_agreement, from_first
from ..errors import DivergenceError
from ..numerics.fold_in import fill_folded_start
from ..numerics.initializers import fill_spectral_start
from ..numerics.newton import Curvature
from ..numerics.objective import make_workspace
from ..numerics.optimizer import SCHEDULES
from ..system.digest import sha256
from ..system.interrupts import free, held
from ..system.progress import progress_bar
from .batch_sources import BatchSource
from .calibration import bfloat16_gain
from .epoch import Stepper, new_books, train_epoch
from .heldout import held_out_loss
from .history import EpochRecord
from .output_rows import OutputRows
from .plan import Plan
from .settings import Rates
from .stages import Stage
from .state import Training
from .totals import EpochTotals

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger(__name__)

#: Calls a hook of every callback by its name; False if one of them wants to stop.
Notify = Callable[[str], bool]

_NO_PAIRS = "there are no pairs to train on: every sentence has fewer than two known words within the window"


def run(
    training: Training,
    source: BatchSource,
    notify: Notify,
    *,
    epochs: int | None = None,
    schedule: str | None = None,
    first_rate: float | None = None,
    resume: bool = False,
    is_due: Callable[[], bool] = lambda: True,
    listens: bool = True,
) -> None:
    """Make the plan, or take up the old one; carry it out.

    Parameters
    ----------
    epochs, schedule        Default: those of the settings.
    first_rate : float      Learning rate at the start; default: as the settings say.
    resume : bool           Go on with the training's plan.
    is_due : function       Whether `notify` has something to do at the end of the batch at hand.
    listens : bool          Whether it ever has.
    """
    with held():  # matrices, plan and books change together
        source, rates = _planned(training, source, epochs, schedule, first_rate, resume)
        plan, team = training.begun_plan(), training.team
        _check_ranks(training, source, plan)
        team.wants_model = is_due
        with team.together():
            if training.settings.init != "random" and training.state.step == 0:
                start_from_counts(training, source)
            rows = OutputRows(training, listens)
            rows.show()
            if team.agrees(notify("on_train_begin")):
                _train(training, source, plan, notify, rates, rows)
            rows.leave(shown=True)
        notify("on_train_end")


def _planned(
    training: Training,
    source: BatchSource,
    epochs: int | None,
    schedule: str | None,
    first_rate: float | None,
    resume: bool,
) -> tuple[BatchSource, Rates]:
    """Give the training its plan, the old one or another; (its source, its rates)."""
    settings, state = training.settings, training.state
    if resume:
        plan = training.begun_plan()
        with free():
            plan.check_continues(source, training.held_out, epochs)
            source = plan.with_planned_sizes(source)
            rates = plan.rates or settings.rates(len(training.vocab), source, plan.epochs)
        return source, rates
    epochs, schedule = epochs or training.default_epochs, schedule or settings.lr_schedule
    _warn_of_few_pairs(source.pairs, len(training.vocab), settings.optimizer)
    with free():
        rates = settings.rates(len(training.vocab), source, epochs)
        plan = Plan.start(source, training.held_out, epochs, schedule, rates, first_rate)
    _warn_of_another_text(training, training.plan, plan)
    training.plan = plan
    state.at_epoch_end, state.begun, state.best, state.restored_epoch = True, None, None, None
    return source, rates


def _warn_of_few_pairs(pairs: float | None, K: int, optimizer: str) -> None:
    """Newton steps, their prior and the start are in units of pairs: shares of them teach nothing."""
    if optimizer == "newton" and pairs is not None and 0 < pairs < 2 * K:
        logger.warning(
            "the counts add up to %.3g pairs for %d words, from which little can be learnt; counts and "
            "weights that are shares should be multiplied until they are like numbers of pairs",
            pairs,
            K,
        )


def _check_ranks(training: Training, source: BatchSource, plan: Plan) -> None:
    """ValueError on every rank unless each has something to do, and all train the same from the same."""
    if training.team.size == 1:
        return
    for words in {source.stage(epoch, plan.epochs).words for epoch in range(plan.done, plan.epochs)}:
        Share(training.team, words)
    text = "\n".join(training.vocab.words).encode("utf-8", "surrogatepass")
    state, values = training.state, dataclasses.asdict(plan)
    del values["isa"]  # others may give the same bits
    values |= {"vocabulary": sha256(text), "I": sha256(state.I)}  # O is rank 0's
    check_agreement(training.team, values)


def _warn_of_another_text(training: Training, before: Plan | None, plan: Plan) -> None:
    """A training on more text has no plan yet; one that has trained on something else forgets it."""
    is_other = before is not None and before.done > 0 and before.corpus != plan.corpus
    if is_other and training.settings.solver == "counts":
        logger.warning(
            "the model was trained on something else before, of which this training makes it forget much: "
            "partial_fit, or build_vocab with update=True, takes in more text and trains on all of it"
        )


def start_from_counts(training: Training, source: BatchSource) -> None:
    """The spectral start; where rows of I have been set already, what completes them.

    Unless there are no counts to make it from, or O has been set. Rank 0 makes it for all.
    """
    begun, state, team = time.perf_counter(), training.state, training.team
    made = from_first(team, lambda: Message({"made": _start_made(training, source)}, {}))
    if made.about["made"]:
        team.broadcast(state.I)
        training.seconds["init"] += time.perf_counter() - begun


def _start_made(training: Training, source: BatchSource) -> bool:
    """Make it in I and O; whether there is one."""
    counts, state = source.start_counts(), training.state
    if counts is None:
        return False
    if state.O.any():
        logger.info("O was set before training: I and O start as they are")
        return False
    given = state.given_rows(training.settings.seed, training.workers)
    known = (counts.rows, counts.row_sums, counts.column_sums())
    symmetric, frequencies = counts.symmetric, training.settings.output_bias is None
    if given.any():
        logger.info("%d of %d rows of I were set; the others and O follow", given.sum(), len(given))
        fill_folded_start(
            state.I,
            state.O,
            given,
            *known,
            symmetric=symmetric,
            frequencies=frequencies,
            num_threads=training.workers,
        )
    else:
        fill_spectral_start(
            state.I,
            state.O,
            *known,
            symmetric=symmetric,
            frequency_coordinate=frequencies,
            seed=training.settings.seed,
            num_threads=training.workers,
        )
    return True


def _train(
    training: Training, source: BatchSource, plan: Plan, notify: Notify, rates: Rates, rows: OutputRows
) -> None:
    """The epochs of the plan that are still to be done: train, take the held-out loss, call the hooks."""
    K = len(training.vocab)
    epochs = range(plan.done, plan.epochs)
    stages = Counter(source.stage(epoch, plan.epochs) for epoch in epochs)
    with free():
        expected = {stage: source.units(stage) * stage.words / K for stage in stages}
    for stage in stages:
        if not expected[stage] and stage.words < K:
            raise ValueError(
                f"head is {training.settings.head}: the {stage.words} most frequent words have no pairs "
                "among themselves; give a larger share, at most 1"
            )
    workspaces = _workspaces(training, {stage.words for stage in stages})
    team, state = training.team, training.state
    total = sum(expected[stage] * times for stage, times in stages.items())
    with _bar(total, training.progress, plan.epochs) as bar:
        for epoch in epochs:
            stage = source.stage(epoch, plan.epochs)
            state.begin_stage(stage.thinned)
            notify("on_epoch_begin")
            with free():
                contexts = source.context_weights(stage)
                totals = _books(state.begun, stage, contexts)
                units, batches = source.batches(state.epoch, stage, totals.batches)
                stepper = _stepper(training, source, stage, workspaces[stage.words], rates.alpha)
            bar.total += units * stage.words / K - expected[stage]
            bar.set_description(f"epoch {epoch + 1}/{plan.epochs}")
            rate = _rate(plan.first_rate or rates.alpha, rates.min_alpha, plan, epoch, units)
            state.at_epoch_end = False
            rows.hold(stepper.workspace.share)
            with _left_whole(rows, stepper):
                go_on = partial(_go_on, rows, stepper, notify)
                train_epoch(stepper, batches, rate, bar, contexts, totals, go_on)
            if totals.whole:
                with _left_whole(rows, stepper, ValueError):  # which no callback raises here
                    record = _record(training, stage, totals)
                    _close_epoch(training, plan, record, rows, workspaces[K])
            rows.show()
            if not totals.whole:
                break
            if not team.agrees(notify("on_epoch_end")):
                break
        if plan.done == plan.epochs:
            bar.n = bar.total  # but for rounding it is; a notebook paints a bar red that is not full


def _go_on(rows: OutputRows, stepper: Stepper, notify: Notify) -> bool:
    """After a batch: call the hooks if any rank has one to call; whether to go on."""
    team = stepper.workspace.share.team
    if not team.is_model_wanted:
        return True
    rows.show()
    stepper.complete_books()
    return bool(team.agrees(notify("on_batch_end")))


@contextlib.contextmanager
def _left_whole(rows: OutputRows, stepper: Stepper, *ends: type[Exception]) -> Iterator[None]:
    """A block in which each rank moves its own rows of O. If a training ends in there, the model is whole.

    It ends so for reasons that all ranks meet at the same batch, those of `ends` among them. Where it ends
    for one alone, all end.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, (DivergenceError, KeyboardInterrupt, *ends)):
            rows.leave(shown=False)
            stepper.complete_books()
        raise


def _record(training: Training, stage: Stage, totals: EpochTotals) -> EpochRecord:
    """What the history gets of an epoch, but for the held-out losses; ValueError if it had no pairs."""
    if not totals.pairs:
        raise ValueError(_NO_PAIRS)
    record = totals.record()
    record["thinned"] = stage.thinned and training.keep is not None
    record["centers"] = stage.rows
    return record


def _books(begun: EpochTotals | None, stage: Stage, contexts: NDArray[np.float64] | None) -> EpochTotals:
    """Those of the epoch that a training was interrupted in, or new ones."""
    books = new_books(stage.words, contexts)
    if begun is None:
        return books
    if begun.words != books.words or (begun.contexts is None) != (books.contexts is None):
        raise ValueError(
            f"the training was interrupted in an epoch over {begun.words} words, which is over {stage.words} "
            "now, or has other centers; begin anew without resume"
        )
    return begun


def _bar(total: float, shown: bool | None, epochs: int) -> tqdm[Any]:
    return progress_bar(
        total,
        " centers",
        shown,
        desc=f"epoch 1/{epochs}",
        dynamic_ncols=True,
        mininterval=0.2,
        smoothing=0.05,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
    )


def _workspaces(training: Training, words: set[int]) -> dict[int, _core.Workspace]:
    """One for all words, and one for each smaller number of words, whose scratch is the former's."""
    (K, H), workers, precision = training.state.I.shape, training.workers, training.settings.precision
    if precision == "bfloat16" and (gain := bfloat16_gain()) < 1:
        logger.warning(
            "precision is bfloat16, in which this CPU multiplies at %.1f times the rate of float32: without "
            "it training is faster, and more exact",
            gain,
        )
    shares = {n: Share(training.team, n) for n in sorted(words | {K})}
    whole = make_workspace(K, H, workers, precision, share=shares[K])
    return {K: whole} | {n: make_workspace(n, H, workers, precision, whole, shares[n]) for n in words - {K}}


def _stepper(
    training: Training, source: BatchSource, stage: Stage, workspace: _core.Workspace, alpha: float
) -> Stepper:
    bias = training.bias if stage.thinned else training.real_bias()
    shares = source.context_shares(stage)
    if not shares.any():
        raise ValueError(_NO_PAIRS)
    settings = training.settings
    newton = settings.optimizer == "newton"
    curvature = Curvature(shares, training.workers, workspace.share) if newton else None
    return Stepper(
        training.state,
        bias[: stage.words],
        workspace,
        curvature,
        alpha,
        settings.prior,
        source.row_weights(stage),
        stage.late,
    )


def _rate(first: float, last: float, plan: Plan, epoch: int, units: int) -> Callable[[int], float]:
    """The learning rate as a function of the units walked in this epoch."""
    schedule = SCHEDULES[plan.schedule]
    return lambda walked: schedule((epoch + walked / max(units, 1)) / plan.epochs, first, last)


def _close_epoch(
    training: Training, plan: Plan, record: EpochRecord, rows: OutputRows, workspace: _core.Workspace
) -> None:
    """Take the held-out loss and close the books of an epoch."""
    if training.held_out is not None:
        rows.hold(workspace.share)
        begun, state = time.perf_counter(), training.state
        with free():
            counts = training.held_out.count(training.workers)
            loss = held_out_loss(counts, state.I, state.O, training.real_bias(), workspace)
        record["valid_nll"], record["valid_unigram_nll"], record["valid_pairs"] = loss
        record["valid_perplexity"] = math.exp(min(loss.nll, 700.0))
        training.seconds["validate"] += time.perf_counter() - begun
    training.state.begun = None
    training.history.append(record)
    training.state.epoch += 1
    plan.done += 1
    training.state.at_epoch_end = True
    logger.info("epoch %d: %s", len(training.history), _told(record))


def _told(record: EpochRecord) -> str:
    """What a log says of an epoch; the history has it in full."""
    text = f"loss {record['nll']:.4f} nats per pair, of {'thinned text' if record['thinned'] else 'the text'}"
    if record["valid_nll"] is not None:
        text += f", held-out {record['valid_nll']:.4f}"
    return f"{text}, {record['words']} words, {record['seconds']:.1f} s"
