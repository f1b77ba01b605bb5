"""One epoch, step after step: walks batches, takes steps, keeps the books. Knows no files, no model class."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..cooccurrence.batches import Batches, PairCounts
from ..errors import DivergenceError
from ..numerics.newton import Curvature
from ..numerics.objective import cross_entropy
from ..system.interrupts import check, free
from .state import TrainingState
from .totals import EpochTotals

if TYPE_CHECKING:
    from tqdm import tqdm


@dataclasses.dataclass
class Stepper:
    """Takes the steps of one epoch, over as many of the first words of the vocabulary as the workspace has.

    Parameters
    ----------
    state : TrainingState
    bias : ndarray (words,) or (0,)         Added to the logits.
    workspace : Workspace
    curvature : Curvature, optional         With it the rows of I move by Newton steps.
    alpha : float                           The rate at which a Newton step is a whole one.
    prior : float                           With a curvature: precision of the Gaussian prior on I.
    row_weights : ndarray (words,), float64, optional
                                            What each row weighs in a batch, where not all of its entries come
                                            with it: others have those of their columns.
    late : int, optional                    Rows from this number on take whole Newton steps at any rate.
    """

    state: TrainingState
    bias: NDArray[np.float32]
    workspace: _core.Workspace
    curvature: Curvature | None = None
    alpha: float = 1.0
    prior: float = 0.0
    row_weights: NDArray[np.float64] | None = None
    late: int | None = None

    def complete_books(self) -> None:
        """Add up the contexts that an epoch's books have so far: each rank has those of its own columns."""
        begun, share = self.state.begun, self.workspace.share
        if share is not None and begun is not None and begun.contexts is not None:
            share.gather_rows(begun.contexts)

    def rest(self) -> None:
        """No step, for a batch without pairs: but ranks hear each other."""
        if self.workspace.share is not None:
            self.workspace.share.team.confer()

    def step(self, counts: PairCounts, rate: float, number: int) -> None:
        """One step, the epoch's step number `number`.

        A DivergenceError leaves the state as it was; an interrupt does too, or it came after the step, which
        the workspace has counted then.
        """
        state, words = self.state, self.workspace.K
        O, sums_I, sums_O = state.O[:words], state.optimizer.sums_I, state.optimizer.sums_O
        sums_O = None if sums_O is None else sums_O[:words]
        try:
            newton = None
            if self.curvature is not None:
                newton = *self.curvature.axes(O, number), self.prior, self._parts(counts.centers, rate)
            weights = None if self.row_weights is None else self.row_weights[counts.centers]
            with free():
                self.workspace.step(
                    state.I, O, self.bias, *counts, state.shift, rate, sums_I, sums_O, newton, weights
                )
        except DivergenceError as error:
            raise DivergenceError(
                f"training diverged at step {state.step + 1} (epoch {state.epoch + 1}, rate {rate:g}): "
                f"{error}. The matrices hold the last finite state; try a smaller alpha"
            ) from None

    def _parts(self, ids: NDArray[np.int32], rate: float) -> NDArray[np.float64]:
        """The parts of their Newton steps that rows take; ids rise."""
        parts = np.full(len(ids), rate / self.alpha)
        if self.late is not None:
            parts[np.searchsorted(ids, self.late) :] = max(rate / self.alpha, 1.0)
        return parts


def train_epoch(
    stepper: Stepper,
    batches: Batches,
    rate: Callable[[int], float],
    bar: tqdm[Any],
    contexts: NDArray[np.float64] | None = None,
    totals: EpochTotals | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> EpochTotals:
    """One walk over the batches, or over those that are left of it. The bar counts units of all words.

    Parameters
    ----------
    rate : function                                     From the units walked so far to the learning rate.
    contexts : ndarray (words,), float64, optional      Weight of each context word in the epoch, if it is
                                                        known.
    totals : EpochTotals, optional                      Books of the epoch so far; they are gone on with.
    go_on : function                                    Asked after every batch; False ends the walk there.

    A DivergenceError names the step; the matrices keep the state before it. However the walk ends,
    ``state.begun`` are its books, unless matrices and books do not go together.
    """
    state, workspace = stepper.state, stepper.workspace
    if totals is None:
        totals = new_books(workspace.K, contexts)
    if stepper.curvature is not None:
        stepper.curvature.found = totals.axes
    begun, scale = time.perf_counter() - totals.seconds, workspace.K / len(state.O)
    bar.update(totals.walked * scale)
    workspace.invalidate_bounds()  # between epochs a callback may have changed the matrices
    state.begun = totals
    while True:
        counting, walked = time.perf_counter(), totals.walked
        if (batch := next(batches, None)) is None:
            break
        totals.count_seconds += time.perf_counter() - counting
        _walk_batch(stepper, totals, *batch, rate)
        bar.update((totals.walked - walked) * scale)
        totals.seconds = time.perf_counter() - begun
        if totals.pairs:
            bar.set_postfix_str(
                f"loss {totals.nll:.3f}, rate {totals.alpha:.3g}, {totals.pairs_per_second:,.0f} pairs/s",
                refresh=False,
            )
        check()
        if not go_on():
            return totals
    stepper.complete_books()
    weights = contexts if totals.contexts is None else totals.contexts
    if totals.pairs and weights is not None:
        totals.unigram_nll = cross_entropy(weights)
    totals.whole = True
    return totals


def new_books(words: int, contexts: NDArray[np.float64] | None) -> EpochTotals:
    """Of an epoch over so many words of which nothing is walked; `contexts` as in :func:`train_epoch`."""
    return EpochTotals(words=words, contexts=np.zeros(words) if contexts is None else None)


def _walk_batch(
    stepper: Stepper, totals: EpochTotals, walked: int, counts: PairCounts, rate: Callable[[int], float]
) -> None:
    """A step on a batch, and its entry in the books: both or neither, even if an interrupt comes between."""
    state, workspace = stepper.state, stepper.workspace
    alpha, taken = totals.alpha, workspace.steps
    state.begun = None  # while matrices and books may differ
    try:
        if len(counts.centers):
            alpha = rate(totals.walked)
            stepper.step(counts, alpha, totals.steps)
        else:
            stepper.rest()
    finally:
        if workspace.steps > taken:
            axes = None if stepper.curvature is None else stepper.curvature.found
            totals.add_step(counts, workspace.step_loss, workspace.weight, alpha, axes)
            state.step += 1
        if workspace.steps > taken or not len(counts.centers):
            totals.batches += 1
            totals.walked = walked
        state.begun = totals
