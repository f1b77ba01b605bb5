"""The rows of O on several ranks: each holds those that it moves, and sees all when somebody there looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..distributed import Holders, Share
from .state import Training


class OutputRows:
    """Who holds which rows of O and of Adagrad's sums for them, and who gets to see all of them.

    At first rank 0 has all rows, and they are what is trained on. So it has in the end, and the ranks that
    keep the model.

    Parameters
    ----------
    training : Training
    listens : bool      Whether this rank has callbacks, which may look at the matrices whenever they are
                        called.
    """

    def __init__(self, training: Training, listens: bool) -> None:
        state, team = training.state, training.team
        sums = state.optimizer.sums_O
        self._arrays = [state.O] if sums is None else [state.O, sums]
        self._holders = Holders(team, len(state.O))
        told = team.gather(np.array([listens, team.keeps_model]), [2] * team.size).reshape(-1, 2)
        self._listeners: NDArray[np.bool_] = told[:, 0]
        self._keepers: NDArray[np.bool_] = told[:, 1]
        self._keepers[0] = True

    def hold(self, share: Share) -> None:
        """Let every rank hold its share of the rows: before steps over it."""
        self._holders.move(self._arrays, share.rows)

    def show(self) -> None:
        """Let the ranks with callbacks have all rows as they are now."""
        self._holders.lend(self._arrays, self._listeners)

    def leave(self, shown: bool) -> None:
        """Let the ranks that keep the model have all rows; `shown`: listeners have them as they are now."""
        wants = self._keepers & ~self._listeners if shown else self._keepers | self._listeners
        self._holders.lend(self._arrays, wants)
