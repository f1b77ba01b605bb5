"""word2vec's subsampling: frequent words are dropped at random before windows are cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core, streams


def thin(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    keep: NDArray[np.float64] | None,
    seed: int,
    epoch: int,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Drop tokens before windows are cut, token t kept with probability keep[t]; None keeps all.

    Returns
    -------
    tokens, offsets : the thinned corpus; sentences left empty vanish.
    """
    if keep is None:
        return tokens, offsets
    return _core.thin(tokens, offsets, keep, seed, streams.thinning(epoch))
