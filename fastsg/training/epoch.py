"""One epoch, step after step: walks batches, takes steps, keeps the books. Knows no files, no model class."""

from __future__ import annotations

import dataclasses
import math
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
from .history import EpochRecord
from .state import TrainingState

if TYPE_CHECKING:
    from tqdm import tqdm


@dataclasses.dataclass
class EpochTotals:
    """Sums over one epoch."""

    loss: float = 0.0
    pairs: float = 0.0
    softmax_rows: int = 0
    seconds: float = 0.0
    count_seconds: float = 0.0
    unigram_nll: float = math.nan
    alpha: float = 0.0
    words: int = 0

    @property
    def nll(self) -> float:
        """Mean loss per pair, in nats, at the parameters each batch started from."""
        return self.loss / self.pairs if self.pairs else math.nan

    @property
    def pairs_per_second(self) -> float:
        """Speed so far; 0 while the clock has not moved."""
        return self.pairs / self.seconds if self.seconds else 0.0

    def record(self) -> EpochRecord:
        """What ``history`` holds; the validation figures are filled in by whoever has the text."""
        return {
            "nll": self.nll,
            "perplexity": math.exp(min(self.nll, 700.0)),
            "unigram_nll": self.unigram_nll,
            "valid_nll": None,
            "valid_perplexity": None,
            "pairs": self.pairs,
            "softmax_rows": self.softmax_rows,
            "seconds": self.seconds,
            "count_seconds": self.count_seconds,
            "pairs_per_second": self.pairs_per_second,
            "alpha": self.alpha,
            "words": self.words,
        }


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
    """

    state: TrainingState
    bias: NDArray[np.float32]
    workspace: _core.Workspace
    curvature: Curvature | None = None
    alpha: float = 1.0
    prior: float = 0.0
    steps: int = 0

    def step(self, counts: PairCounts, rate: float) -> float:
        """One step; returns the loss at its start. A DivergenceError leaves the state as it was."""
        state, words = self.state, self.workspace.K
        O, sums_I, sums_O = state.O[:words], state.optimizer.sums_I, state.optimizer.sums_O
        sums_O = None if sums_O is None else sums_O[:words]
        try:
            newton = None
            if self.curvature is not None:
                newton = *self.curvature.axes(O, self.steps), self.prior, rate / self.alpha
            loss = self.workspace.step(
                state.I, O, self.bias, *counts, state.shift, rate, sums_I, sums_O, newton
            )
        except DivergenceError as error:
            raise DivergenceError(
                f"training diverged at step {state.step + 1} (epoch {state.epoch + 1}, rate {rate:g}): "
                f"{error}. The matrices hold the last finite state; try a smaller alpha"
            ) from None
        state.step += 1
        self.steps += 1
        return loss


def train_epoch(
    stepper: Stepper,
    batches: Batches,
    rate: Callable[[int], float],
    bar: tqdm[Any],
    contexts: NDArray[np.float64] | None = None,
) -> EpochTotals:
    """One walk over the batches. The bar counts units of all words.

    Parameters
    ----------
    rate : function                                     From the units walked so far to the learning rate.
    contexts : ndarray (words,), float64, optional      Weight of each context word in the epoch, if it is
                                                        known.

    A DivergenceError names the step; the matrices keep the state before it.
    """
    state, workspace = stepper.state, stepper.workspace
    totals, begun, walked = EpochTotals(words=workspace.K), time.perf_counter(), 0
    found = None if contexts is not None else np.zeros(workspace.K)
    workspace.invalidate_bounds()  # between epochs a callback may have changed the matrices
    while True:
        counting = time.perf_counter()
        if (batch := next(batches, None)) is None:
            break
        done, counts = batch
        totals.count_seconds += time.perf_counter() - counting
        if len(counts.centers):
            totals.alpha = rate(walked)
            totals.loss += stepper.step(counts, totals.alpha)
            totals.pairs += workspace.weight
            totals.softmax_rows += len(counts.centers)
            if found is not None:
                found += counts.context_totals(len(found))
        bar.update((done - walked) * workspace.K / len(state.O))
        walked = done
        totals.seconds = time.perf_counter() - begun
        if totals.pairs:
            bar.set_postfix_str(
                f"loss {totals.nll:.3f}, rate {totals.alpha:.3g}, {totals.pairs_per_second:,.0f} pairs/s",
                refresh=False,
            )
    weights = contexts if found is None else found
    if totals.pairs and weights is not None:
        totals.unigram_nll = cross_entropy(weights)
    state.epoch += 1
    return totals
