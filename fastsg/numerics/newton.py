"""The curvature that damped Newton steps for rows of I divide by; the step is in kernels/newton.inc.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import DivergenceError


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
