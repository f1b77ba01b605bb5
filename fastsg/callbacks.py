"""Hooks into training. Each gets the model; all hooks are optional."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .model import SkipGram


class StopTraining(Exception):
    """Raised by a callback to end training after the epoch just finished; the model stays as it is."""


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


class EarlyStopping(Callback):
    """Stop when a loss has not fallen for some epochs, and go back to the best state.

    Parameters
    ----------
    monitor : {"valid_nll", "nll"}   What must fall.
    patience : int                   Epochs without a new minimum that are borne.
    min_delta : float                By how much it must fall, in nats.
    restore_best : bool              Put I and O back to the best epoch at the end; keeps a copy of both.
    """

    def __init__(self, monitor: str = "valid_nll", patience: int = 1, min_delta: float = 0.0, restore_best: bool = True) -> None:
        if monitor not in ("valid_nll", "nll"):
            raise ValueError(f"monitor is {monitor!r}; allowed are 'valid_nll' and 'nll'")
        if not isinstance(patience, int) or isinstance(patience, bool) or patience < 0:
            raise ValueError(f"patience is {patience!r}; it must be an integer of at least 0")
        self.monitor, self.patience, self.min_delta, self.restore_best = monitor, patience, min_delta, restore_best
        self._reset()

    def _reset(self) -> None:
        self.best, self.best_epoch, self._since, self._state = math.inf, None, 0, None

    def on_train_begin(self, model: SkipGram) -> None:
        self._reset()

    def on_epoch_end(self, model: SkipGram) -> None:
        value = model.history[-1][self.monitor]
        if value is None:
            raise ValueError("EarlyStopping(monitor='valid_nll') needs a validation text")
        if value < self.best - self.min_delta:
            self.best, self.best_epoch, self._since = value, len(model.history), 0
            self._state = (np.copy(model.I), np.copy(model.O)) if self.restore_best else None
            return
        self._since += 1
        if self._since > self.patience:
            raise StopTraining

    def on_train_end(self, model: SkipGram) -> None:
        if self._state is not None and self._since:
            model.I[:], model.O[:] = self._state
        self._state = None
