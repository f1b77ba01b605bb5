"""Optimisers and learning rates. They know no loss and no words: kernels take a step, here is its state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: The optimisers and the rate each starts from unless the user gives one (measured, docs/defaults.md). Where
#: there are counts, newton and sgd go by these.
DEFAULT_ALPHA = {"newton": 0.1, "adagrad": 0.2, "sgd": 0.003}
#: With Newton steps on counts the rate goes by the pairs there are for each number of O: so much for a
#: pair, up to the rate above, and so much beyond it.
_ALPHA_PER_PAIR, _LEAST_ALPHA, _MOST_ALPHA = (0.02, 0.01), 0.05, 0.15
#: Precision of the Gaussian prior on the rows of I, for each coordinate that they have, with Newton steps
#: (measured, docs/defaults.md).
DEFAULT_PRIOR = 0.3


class Optimizer:
    """Running sums of one model.

    ``"sgd"``      x -= rate * g, g the gradient of the batch's summed loss
    ``"adagrad"``  row-wise: a_m += mean_h g_mh^2, x_m -= rate * g_m / sqrt(a_m)
    ``"newton"``   the rows of O as adagrad, those of I by damped Newton steps (newton.py)

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


def check_optimizer(name: str) -> str:
    """The name itself, or a ValueError that lists what is allowed."""
    if name not in tuple(DEFAULT_ALPHA):
        raise ValueError(f"optimizer is {name!r}; allowed are {', '.join(map(repr, DEFAULT_ALPHA))}")
    return name


def newton_alpha(pairs: float, K: int, H: int) -> float:
    """The rate that Newton steps on counts of so many pairs start from unless the user gives one.

    0.1 from 5 to 10 pairs for each number of O; less for fewer, of which O would learn what is chance; more
    for more, down to 0.05 and up to 0.15.
    """
    rising, large = (rate * pairs / (K * H) for rate in _ALPHA_PER_PAIR)
    return max(min(rising, DEFAULT_ALPHA["newton"]), min(large, _MOST_ALPHA), _LEAST_ALPHA)


def sgd_alpha(heaviest: float) -> float:
    """The rate that plain gradient descent on counts starts from unless the user gives one.

    A row's gradient grows with what the row weighs in a batch, and the rate that is stable falls by as much:
    where the heaviest row of I or O weighs so many pairs, it is one over them (measured, docs/defaults.md).
    """
    return 1 / heaviest if heaviest else DEFAULT_ALPHA["sgd"]


def linear_rate(progress: float, alpha: float, min_alpha: float) -> float:
    """Rate at `progress` in [0, 1] of the training: from alpha down to min_alpha."""
    return alpha + (min_alpha - alpha) * min(max(progress, 0.0), 1.0)


def constant_rate(progress: float, alpha: float, min_alpha: float) -> float:
    """Always alpha."""
    return alpha


#: Schedules by name.
SCHEDULES = {"linear": linear_rate, "constant": constant_rate}
