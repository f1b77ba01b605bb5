"""The training loop: walks batches, takes steps, keeps the books. Knows no files and no public interface."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .. import _core
from ..cooccurrence.window import START_STREAM, PairCounts, entropy
from ..errors import DivergenceError
from ..numerics.optimizer import Curvature, Optimizer

Batches = Iterator[tuple[int, PairCounts]]


@dataclasses.dataclass
class State:
    """What training changes: I and O (K, H), the optimiser's sums, each center's last log Z, steps and epochs taken.

    ``whole`` says that all of it stands at the end of an epoch whose books are closed: only then can a training be continued.
    ``thinned`` says whether the last epoch was on thinned counts, which Adagrad's sums are about.
    ``best`` is a copy of (I, O) at the best epoch, where early stopping keeps one.
    """

    I: NDArray[np.float32]
    O: NDArray[np.float32]
    optimizer: Optimizer
    shift: NDArray[np.float32]
    step: int = 0
    epoch: int = 0
    whole: bool = True
    thinned: bool | None = None
    best: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    @classmethod
    def start(cls, K: int, H: int, optimizer: str, seed: int, num_threads: int = 1) -> State:
        """I uniform on [-1/2H, 1/2H) as in word2vec, O zero: the first loss is ln K (without a bias)."""
        return cls(
            uniform_start(K, H, seed, num_threads),
            np.zeros((K, H), np.float32),
            Optimizer(optimizer, K),
            np.zeros(K, np.float32),
        )

    def turn_to(self, thinned: bool) -> None:
        """Before an epoch: Adagrad's sums begin anew where its loss is another than the last epoch's."""
        if self.thinned not in (None, thinned):
            self.optimizer.forget()
        self.thinned = thinned


def uniform_start(K: int, H: int, seed: int, num_threads: int = 1) -> NDArray[np.float32]:
    """Uniform on [-1/2H, 1/2H), as I starts in word2vec."""
    uniform = _core.random_uniform(seed, START_STREAM, K * H, num_threads).reshape(K, H)
    uniform /= np.float32(H)
    return uniform


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

    def record(self) -> dict[str, float | int | None]:
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


def train_epoch(
    state: State,
    bias: NDArray[np.float32],
    workspace: _core.Workspace,
    batches: Batches,
    rate: Callable[[int], float],
    bar: tqdm,
    curvature: Curvature | None = None,
    alpha: float = 1.0,
    contexts: NDArray[np.float64] | None = None,
) -> EpochTotals:
    """One walk over the batches, which come as (units walked so far, counts); `rate` maps those units to the learning rate.

    The softmax runs over the words of the workspace, which may be the first ones of the vocabulary only. The bar counts units of all words.

    With a curvature the rows of I move by Newton steps, whose rate is the learning rate's part of `alpha`: from 1 down. `contexts`
    is how much each context word weighs in the epoch, if that is known beforehand.

    A DivergenceError names the step; the matrices keep the state before it.
    """
    totals, begun, walked, number = EpochTotals(words=workspace.K), time.perf_counter(), 0, 0
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
            totals.loss += _step(state, bias, workspace, counts, totals.alpha, curvature, number, alpha)
            number += 1
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
    if totals.pairs:
        totals.unigram_nll = entropy(contexts if found is None else found)
    state.epoch += 1
    return totals


def _step(
    state: State,
    bias: NDArray[np.float32],
    workspace: _core.Workspace,
    counts: PairCounts,
    rate: float,
    curvature: Curvature | None,
    number: int,
    alpha: float,
) -> float:
    O, sums_I, sums_O = state.O[: workspace.K], state.optimizer.sums_I, state.optimizer.sums_O
    sums_O = None if sums_O is None else sums_O[: workspace.K]
    try:
        newton = None if curvature is None else (curvature.inverse(O, number), rate / alpha, curvature.PRIOR)
        loss = workspace.step(state.I, O, bias, *counts, state.shift, rate, sums_I, sums_O, newton)
    except DivergenceError as error:
        raise DivergenceError(
            f"training diverged at step {state.step + 1} (epoch {state.epoch + 1}, rate {rate:g}): {error}. "
            "The matrices hold the last finite state; try a smaller alpha"
        ) from None
    state.step += 1
    return loss


def progress_bar(total: int, progress: bool | None, epochs: int) -> tqdm:
    """Bar over all epochs; quiet when told so, and by default when stderr is no terminal."""
    hidden = not sys.stderr.isatty() if progress is None else not progress
    return tqdm(
        total=total,
        disable=hidden,
        unit=" centers",
        unit_scale=True,
        desc=f"epoch 1/{epochs}",
        dynamic_ncols=True,
        mininterval=0.2,
        smoothing=0.05,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
    )
