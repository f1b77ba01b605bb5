"""word2vec's subsampling: frequent words are dropped at random before windows are cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core, checks, streams


def keep_probabilities(frequencies: NDArray[np.float64], sample: float | None) -> NDArray[np.float64]:
    """Probability that subsampling keeps an occurrence of each word.

    ``min(1, sqrt(sample / f) + sample / f)`` for relative frequency f: the rule of word2vec's code (its paper
    states another one).

    Parameters
    ----------
    frequencies : ndarray of shape (K,), float64    Relative frequency of each word.
    sample : float or None                          Frequency above which words are thinned, usually 1e-3 to
                                                    1e-5; 0 or None keeps all.

    Returns
    -------
    ndarray of shape (K,), float64                  1 for words of frequency 0.

    Raises
    ------
    ValueError                                      ``sample`` is negative, not finite or not a number.
    """
    threshold = 0.0 if sample is None else _checked_sample(sample)
    if threshold == 0.0:
        return np.ones(len(frequencies))
    ratio = threshold / np.maximum(frequencies, np.finfo(np.float64).tiny)
    return np.minimum(1.0, np.sqrt(ratio) + ratio)


def _checked_sample(sample: object) -> float:
    try:
        return checks.real("sample", sample)
    except (TypeError, ValueError):
        raise ValueError(
            f"sample is {checks.shown(sample)}; allowed are None and finite numbers >= 0"
        ) from None


def thin(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    keep: NDArray[np.float64] | None,
    seed: int,
    epoch: int,
    numbers: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Drop tokens before windows are cut: token t is kept with probability keep[t]; None keeps all.

    Whether a token stays follows from seed, epoch, the number of its sentence in the whole text (None: 0, 1,
    2 ...) and its place in the sentence, so that parts of a text are thinned as the whole is.

    Returns
    -------
    tokens, offsets : the thinned corpus; sentences left empty vanish.
    """
    if keep is None:
        return tokens, offsets
    return _core.thin(tokens, offsets, keep, seed, streams.thinning(epoch), numbers)
