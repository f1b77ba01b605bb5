"""The books of an epoch: its sums so far, and where it stands, which is what it takes to go on inside it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..cooccurrence.batches import PairCounts
from .history import EpochRecord
from .plan import is_count

#: What a file says of an epoch in numbers, besides arrays.
_COUNTS = ("words", "batches", "steps", "walked", "softmax_rows")
_SUMS = ("pairs", "seconds", "count_seconds", "alpha")

#: Axes (H, H) and eigenvalues (H,) that Newton steps divide by, see numerics/newton.py.
Axes: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclasses.dataclass
class EpochTotals:
    """Sums over one epoch, as far as it is walked.

    ``batches``, ``steps`` and ``walked`` are the batches and units behind it, and how many of the batches had
    pairs; ``contexts`` is the weight of each context word so far, shape (words,), where it is not known
    before the walk; ``axes`` is what the last step divided by. ``whole`` says that all of it is walked.
    """

    loss: float = 0.0
    pairs: float = 0.0
    softmax_rows: int = 0
    seconds: float = 0.0
    count_seconds: float = 0.0
    unigram_nll: float = math.nan
    alpha: float = 0.0
    words: int = 0
    batches: int = 0
    steps: int = 0
    walked: int = 0
    contexts: NDArray[np.float64] | None = None
    axes: Axes | None = None
    whole: bool = False

    @property
    def nll(self) -> float:
        """Mean loss per pair, in nats, at the parameters each batch started from."""
        return self.loss / self.pairs if self.pairs else math.nan

    @property
    def pairs_per_second(self) -> float:
        """Speed so far; 0 while the clock has not moved."""
        return self.pairs / self.seconds if self.seconds else 0.0

    def add_step(self, counts: PairCounts, loss: float, pairs: float, rate: float, axes: Axes | None) -> None:
        """Take in a step on a batch."""
        self.loss += loss
        self.pairs += pairs
        self.softmax_rows += len(counts.centers)
        self.alpha, self.axes = rate, axes
        self.steps += 1
        if self.contexts is not None:
            self.contexts += counts.context_totals(len(self.contexts))

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

    # ---- in a file ----

    def numbers(self) -> dict[str, int | float]:
        """What a file says of an epoch that is not finished, besides the arrays."""
        return {name: getattr(self, name) for name in ("loss", *_COUNTS, *_SUMS)}

    def arrays(self) -> dict[str, NDArray[Any] | None]:
        """The arrays of such an epoch, by their names in a file."""
        vectors, values = self.axes or (None, None)
        return {"contexts": self.contexts, "axes": vectors, "curvature": values}

    @classmethod
    def parse(cls, numbers: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> EpochTotals:
        """From the file, whose other arrays are ignored; ValueError or TypeError if they make no sense."""
        totals = cls(**numbers, contexts=arrays.get("contexts"))
        counts, sums = ([getattr(totals, name) for name in names] for names in (_COUNTS, _SUMS))
        sound = all(map(is_count, counts)) and all(map(_is_sum, sums)) and _is_finite(totals.loss)
        if set(numbers) != {"loss", *_COUNTS, *_SUMS} or not sound:
            raise ValueError(f"the epoch it was saved in has {sorted(numbers.items())}")
        if totals.contexts is not None and totals.contexts.shape != (totals.words,):
            raise ValueError(
                f"contexts has shape {totals.contexts.shape}, but its epoch is over {totals.words} words"
            )
        if "axes" in arrays:
            totals.axes = arrays["axes"], arrays["curvature"]
        return totals


def _is_finite(value: object) -> bool:
    """What a loss must be: rounded sums over a single word may come out below 0."""
    return isinstance(value, float) and math.isfinite(value)


def _is_sum(value: object) -> bool:
    return isinstance(value, float) and 0 <= value < math.inf
