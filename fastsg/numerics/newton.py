"""The curvature that damped Newton steps for rows of I divide by; the step is in kernels/newton.inc.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..distributed import Alone, Share
from ..errors import DivergenceError

Floats = NDArray[np.float32]


class Curvature:
    """What the Newton steps for rows of I divide by, axis by axis: the same for all rows but for a factor.

    The Hessian of row m's loss is N_m times the covariance of the rows of O under P(n|m). Under the unigram
    distribution p in place of P(n|m) it is the same for every m: C = sum_n p_n O_n O_n' - mu mu', damped by a
    part of its mean eigenvalue. A Gaussian prior on the rows of I adds its precision, times the unit matrix.
    So a row moves by rate ((N_m + 20) C + prior)^-1 (g_m + prior I_m), no further than half its own length
    and 0.3.

    Parameters
    ----------
    p : ndarray (K,), float64       Unigram distribution of the training pairs' contexts, up to a factor.
    num_threads : int               Does not change the result.
    share : Share, optional         What this process has of the rows of O, if others have the rest.

    Attributes
    ----------
    found : (ndarray (H, H), ndarray (H,)) or None
        What :meth:`axes` gave last. Whoever goes on inside an epoch puts it back.
    """

    #: So many batches share one matrix.
    EVERY = 32
    #: Part of the mean eigenvalue that is added to each, and the least that is.
    DAMPING, _LEAST = 0.05, 1e-4

    def __init__(self, p: NDArray[np.float64], num_threads: int, share: Share | None = None) -> None:
        self._p, self._threads = (p / p.sum()).astype(np.float32), num_threads
        self._share = share or Share(Alone(), len(p))
        self.found: tuple[Floats, Floats] | None = None

    def axes(self, O_kh: Floats, batch: int) -> tuple[Floats, Floats]:
        """The eigenvectors of C, as rows (H, H), and its eigenvalues (H,), for batch number `batch` of an
        epoch; anew in every 32nd, from the first on."""
        if batch % self.EVERY == 0 or self.found is None:
            C = self._covariance(O_kh)
            values, vectors = _core.eigen(C)
            if not np.isfinite(values).all():
                raise DivergenceError("the covariance of the rows of O is not finite")
            values = np.maximum(values, 0) + self.DAMPING * np.trace(C) / len(C) + self._LEAST
            with np.errstate(over="ignore"):  # the step refuses what is not finite
                self.found = np.ascontiguousarray(vectors.T, np.float32), values.astype(np.float32)
        return self.found

    def _covariance(self, O_kh: Floats) -> NDArray[np.float64]:
        """C (H, H): each process adds up its part of the rows."""
        share, given = self._share, (O_kh, self._p, self._threads)
        share.lend_parts(O_kh)
        mean = share.in_order(_core.mean_parts(*given, *share.parts)).astype(np.float32)
        return _core.mirrored(share.in_order(_core.gram_parts(*given, mean, *share.parts)))
