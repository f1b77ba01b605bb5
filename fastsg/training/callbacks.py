"""Hooks into training. Each gets the model; all hooks are optional."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..model.skipgram import SkipGram


logger = logging.getLogger(__name__)


class StopTraining(Exception):
    """Raised by a callback to end training after the epoch just finished; the model stays as it is.

    The other callbacks are still told of that epoch.
    """


class Callback:
    """Base of all callbacks: hooks that do nothing."""

    def on_train_begin(self, model: SkipGram) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, model: SkipGram) -> None:
        """Before each epoch."""

    def on_epoch_end(self, model: SkipGram) -> None:
        """After each epoch; ``model.history[-1]`` describes it."""

    def on_train_end(self, model: SkipGram) -> None:
        """After the last epoch, also when training was stopped early."""


def tell(callbacks: Iterable[Callback], hook: str, model: SkipGram) -> bool:
    """Call a hook of every callback; False if one of them wants to stop."""
    going = True
    for callback in callbacks:
        try:
            getattr(callback, hook)(model)
        except StopTraining:
            going = False
    return going


class EarlyStopping(Callback):
    """Stop when a loss has not fallen for some epochs, and go back to the best state.

    Parameters
    ----------
    monitor : {"valid_nll", "nll"}   What must fall. With solver "counts" training losses of different epochs do not compare.
    patience : int                   So many epochs in a row without a new minimum end the training; at least 1.
    min_delta : float                By how much it must fall, in nats.
    restore_best : bool              Put I and O back to the best epoch at the end; keeps a copy of both.

    Notes
    -----
    A resumed training goes on counting where it was: the losses are in the history, the best state is in the checkpoint.
    """

    def __init__(
        self, monitor: str = "valid_nll", patience: int = 1, min_delta: float = 0.0, restore_best: bool = True
    ) -> None:
        if monitor not in ("valid_nll", "nll"):
            raise ValueError(f"monitor is {monitor!r}; allowed are 'valid_nll' and 'nll'")
        if not isinstance(patience, int) or isinstance(patience, bool) or patience < 1:
            raise ValueError(f"patience is {patience!r}; allowed are integers >= 1")
        self.monitor, self.patience, self.min_delta, self.restore_best = (
            monitor,
            patience,
            min_delta,
            restore_best,
        )
        self._reset()

    def _reset(self) -> None:
        self.best, self.best_epoch, self._since, self._state = math.inf, None, 0, None

    def on_train_begin(self, model: SkipGram) -> None:
        self._reset()
        if self.monitor == "nll" and model.settings.solver == "counts":
            raise ValueError(
                "EarlyStopping(monitor='nll') compares epochs, but those of solver 'counts' train on different words and "
                "counts: give the model validation= and monitor 'valid_nll'"
            )
        if self.monitor == "valid_nll" and model.validation is None:
            raise ValueError(
                "EarlyStopping(monitor='valid_nll') needs a validation text: give the model validation="
            )
        first = len(model.history) - model.plan.done
        for epoch in range(first, len(model.history)):  # of an interrupted training
            self._count(epoch + 1, model.history[epoch][self.monitor])
        if model.plan.done and self.restore_best:
            self._state = model.state.best if self._since else self._copy(model)
            if self._state is None:
                logger.warning(
                    "the best epoch of the interrupted training was not kept: its state cannot be restored"
                )
            model.state.best = self._state
        self._stop_if_patience_is_over()

    def on_epoch_end(self, model: SkipGram) -> None:
        self._count(len(model.history), model.history[-1][self.monitor])
        if self.restore_best and not self._since:
            self._state = self._copy(model)
        model.state.best = self._state  # for checkpoints
        self._stop_if_patience_is_over()

    def on_train_end(self, model: SkipGram) -> None:
        if self._state is not None and self._since:
            model.I[:], model.O[:] = self._state
            model.state.whole, model.restored_epoch = False, self.best_epoch
        self._state = model.state.best = None

    def _count(self, epoch: int, value: float) -> None:
        if value < self.best - self.min_delta:
            self.best, self.best_epoch, self._since = value, epoch, 0
        else:
            self._since += 1

    def _stop_if_patience_is_over(self) -> None:
        if self._since >= self.patience:
            raise StopTraining

    @staticmethod
    def _copy(model: SkipGram) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.copy(model.I), np.copy(model.O)
