"""Optimisers and learning rates. They know no loss and no words: kernels take a step, here is its state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import DivergenceError

#: The optimisers and the rate each starts from unless the user gives one (measured, docs/defaults.md).
DEFAULT_ALPHA = {"newton": 0.1, "adagrad": 0.2, "sgd": 0.003}


class Optimizer:
    """Running sums of one model.

    ``"sgd"``      x -= rate * g, g the gradient of the batch's summed loss
    ``"adagrad"``  row-wise: a_m += mean_h g_mh^2, x_m -= rate * g_m / sqrt(a_m)
    ``"newton"``   the rows of O as adagrad, those of I by damped Newton steps, see :class:`Curvature`

    Parameters
    ----------
    name : {"newton", "adagrad", "sgd"}
    K : int
        Rows of I and of O.

    Attributes
    ----------
    sums_I, sums_O : ndarray (K,), float32, or None
        Adagrad's sums a for the rows of I and of O.
    """

    def __init__(self, name: str, K: int) -> None:
        self.name = check_optimizer(name)
        self.sums_I: NDArray[np.float32] | None = None
        self.sums_O: NDArray[np.float32] | None = None
        if name != "sgd":
            self.sums_I, self.sums_O = np.zeros(K, np.float32), np.zeros(K, np.float32)

    def reset(self) -> None:
        """Set the sums to zero: what follows is another loss."""
        for sums in (self.sums_I, self.sums_O):
            if sums is not None:
                sums[:] = 0


class Curvature:
    """What a Newton step for a row of I divides by: one matrix for all rows.

    The Hessian of row m's loss is N_m times the covariance of the rows of O under P(n|m). Under the unigram
    distribution p in place of P(n|m) it is the same for every m: C = sum_n p_n O_n O_n' - mu mu', damped by a
    part of its mean eigenvalue. A row moves by rate C^-1 g_m / (N_m + PRIOR), no further than half its own
    length and 0.3.

    Parameters
    ----------
    p : ndarray (K,), float64       Unigram distribution of the training pairs' contexts, up to a factor.
    num_threads : int               Does not change the result.
    """

    #: So many batches share one matrix.
    EVERY = 16
    #: Pairs that a row is taken to have beyond its own.
    PRIOR = 20.0
    #: Part of the mean eigenvalue that is added to the diagonal, and the least that is.
    DAMPING, _LEAST = 0.3, 1e-4

    def __init__(self, p: NDArray[np.float64], num_threads: int) -> None:
        self._p, self._threads = (p / p.sum()).astype(np.float32), num_threads
        self._inverse: NDArray[np.float32] | None = None

    def inverse(self, O_kh: NDArray[np.float32], batch: int) -> NDArray[np.float32]:
        """C^-1 (H, H) for batch number `batch` of an epoch; anew in every sixteenth, from the first on."""
        if batch % self.EVERY == 0 or self._inverse is None:
            mean = _core.mean(O_kh, self._p, self._threads).astype(np.float32)
            C = _core.gram(O_kh, self._p, self._threads, mean)
            C[np.diag_indices_from(C)] += self.DAMPING * np.trace(C) / len(C) + self._LEAST
            try:
                self._inverse = _core.inverse(C).astype(np.float32)
            except ValueError:
                raise DivergenceError("the covariance of the rows of O is not finite and positive") from None
        return self._inverse


def check_optimizer(name: str) -> str:
    """The name itself, or a ValueError that lists what is allowed."""
    if name not in tuple(DEFAULT_ALPHA):
        raise ValueError(f"optimizer is {name!r}; allowed are {', '.join(map(repr, DEFAULT_ALPHA))}")
    return name


def linear_rate(progress: float, alpha: float, min_alpha: float) -> float:
    """Rate at `progress` in [0, 1] of the training: from alpha down to min_alpha."""
    return alpha + (min_alpha - alpha) * min(max(progress, 0.0), 1.0)


def constant_rate(progress: float, alpha: float, min_alpha: float) -> float:
    """Always alpha."""
    return alpha


#: Schedules by name.
SCHEDULES = {"linear": linear_rate, "constant": constant_rate}
