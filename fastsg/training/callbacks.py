"""Hooks into training. Each gets the model; all hooks are optional."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..system.interrupts import free, held
from ..text.corpus import EncodedCorpus
from .history import EpochRecord
from .plan import Plan
from .settings import Settings
from .stages import stage_of
from .state import TrainingState

logger = logging.getLogger(__name__)


class ModelInTraining(Protocol):
    """What the callbacks here need of the model, which is a :class:`fastsg.SkipGram`."""

    @property
    def settings(self) -> Settings:
        """What is trained, and how."""

    @property
    def state(self) -> TrainingState:
        """What training changes."""

    @property
    def history(self) -> list[EpochRecord]:
        """A record for each epoch."""

    @property
    def plan(self) -> Plan | None:
        """Epochs planned and done."""

    @property
    def validation(self) -> EncodedCorpus | None:
        """The held-out text."""


class StopTraining(Exception):
    """Raised by a callback to end training after the epoch, or the batch, just finished.

    The model stays as it is, and ``train(resume=True)`` goes on from there.

    The other callbacks are still told of that epoch or batch.
    """


class Callback:
    """Base of all callbacks: hooks that do nothing. `model` is the SkipGram that is being trained."""

    def on_train_begin(self, model: Any) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, model: Any) -> None:
        """Before each epoch."""

    def on_batch_end(self, model: Any) -> None:
        """After each batch of an epoch: a moment at which the model can be saved and later gone on with."""

    def is_due(self) -> bool:
        """Whether :meth:`on_batch_end` has something to do now; by default if there is one.

        Where ranks train together they put O together for it, which costs as much as some batches.
        """
        return getattr(self.on_batch_end, "__func__", None) is not Callback.on_batch_end

    def on_epoch_end(self, model: Any) -> None:
        """After each epoch; ``model.history[-1]`` describes it."""

    def on_train_end(self, model: Any) -> None:
        """After the last epoch, also when training was stopped early."""


def checked_callbacks(callbacks: Sequence[Callback]) -> tuple[Callback, ...]:
    """The callbacks as a tuple; TypeError if they are anything else."""
    if not isinstance(callbacks, Iterable) or not all(isinstance(each, Callback) for each in callbacks):
        raise TypeError(f"callbacks is {callbacks!r}; it must be a list of fastsg.Callback objects")
    return tuple(callbacks)


def notify(callbacks: Iterable[Callback], hook: str, model: ModelInTraining) -> bool:
    """Call a hook of every callback; False if one of them wants to stop."""
    going = True
    for callback in callbacks:
        try:
            with free():
                getattr(callback, hook)(model)
        except StopTraining:
            going = False
    return going


class EarlyStopping(Callback):
    """Stop when a loss has not fallen for some epochs, and go back to the best state.

    Parameters
    ----------
    monitor : {"valid_nll", "nll"}   What must fall. With solver "counts" training losses of different epochs
                                     do not compare.
    patience : int                   So many epochs in a row without a new minimum end the training; at least
                                     1. Those on thinned text, with which solver "counts" begins, do not
                                     count: the text itself, which lowers the loss, is still to come.
    min_delta : float                By how much it must fall, in nats.
    restore_best : bool              Put I and O back to the best epoch at the end; keeps a copy of both.

    Notes
    -----
    A resumed training goes on counting where it was: the losses are in the history, the best state is in the
    checkpoint.
    """

    def __init__(
        self,
        monitor: str = "valid_nll",
        patience: int = 1,
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        if monitor not in ("valid_nll", "nll"):
            raise ValueError(f"monitor is {monitor!r}; allowed are 'valid_nll' and 'nll'")
        self.monitor, self.patience = monitor, checks.positive_integer("patience", patience)
        self.min_delta, self.restore_best = min_delta, restore_best
        self._reset()

    def _reset(self) -> None:
        self.best = math.inf
        self.best_epoch: int | None = None
        self._epochs_since = self._waited = 0
        self._best_state: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def on_train_begin(self, model: ModelInTraining) -> None:
        """Check that the loss exists; count the epochs that an interrupted training has behind it."""
        self._reset()
        self._check_monitor(model)
        done = model.plan.done if model.plan else 0
        for epoch in range(max(len(model.history) - done, 0), len(model.history)):  # files keep the newest
            self._count(model, epoch)
        if done and self.restore_best:
            is_best = model.state.at_epoch_end and not self._epochs_since
            self._best_state = self._copy(model) if is_best else model.state.best
            if self._best_state is None:
                logger.warning(
                    "the best epoch of the interrupted training was not kept: its state cannot be restored"
                )
            model.state.best = self._best_state
        self._stop_if_patience_is_over()

    def _check_monitor(self, model: ModelInTraining) -> None:
        if self.monitor == "nll" and model.settings.solver == "counts":
            raise ValueError(
                "EarlyStopping(monitor='nll') compares epochs, but those of solver 'counts' train on "
                "different words and counts: give the model validation= and monitor 'valid_nll'"
            )
        if self.monitor == "valid_nll" and model.validation is None:
            raise ValueError(
                "EarlyStopping(monitor='valid_nll') needs a validation text: give the model validation="
            )

    def on_epoch_end(self, model: ModelInTraining) -> None:
        """Keep the state if it is the best so far; stop if none has been for too long."""
        self._count(model, len(model.history) - 1)
        if self.restore_best and not self._epochs_since:
            self._best_state = self._copy(model)
        model.state.best = self._best_state  # for checkpoints
        self._stop_if_patience_is_over()

    def on_train_end(self, model: ModelInTraining) -> None:
        """Put the best state back."""
        if self._best_state is not None and self._epochs_since:
            with held():
                model.state.I[:], model.state.O[:] = self._best_state
                model.state.at_epoch_end, model.state.begun = False, None
                model.state.restored_epoch = self.best_epoch
        self._best_state = model.state.best = None

    def _monitored(self, record: EpochRecord) -> float:
        value = record["nll"] if self.monitor == "nll" else record["valid_nll"]
        assert value is not None, "there is a validation text"
        return value

    def _count(self, model: ModelInTraining, epoch: int) -> None:
        value = self._monitored(model.history[epoch])
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, epoch + 1
            self._epochs_since = self._waited = 0
        else:
            self._epochs_since += 1
            self._waited += not _comes_before_the_text(model, epoch)

    def _stop_if_patience_is_over(self) -> None:
        if self._waited >= self.patience:
            raise StopTraining

    @staticmethod
    def _copy(model: ModelInTraining) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.copy(model.state.I), np.copy(model.state.O)


def _comes_before_the_text(model: ModelInTraining, epoch: int) -> bool:
    """Whether an epoch of the history (from 0) was on thinned text, and the text itself was to come."""
    if model.settings.solver != "counts" or model.plan is None or not model.history[epoch].get("thinned"):
        return False
    planned = epoch - len(model.history) + model.plan.done
    return stage_of(planned, model.plan.epochs, 1, 1).thinned
