"""Checkpoints: the model as a file now and then, from which an interrupted training goes on."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import time
from typing import Any

from .. import checks
from ..errors import FormatError
from ..io.model_file import write_model_file
from ..system.atomic import atomic_write, check_writable, identity
from ..system.compression import refuse_compression
from ..training.callbacks import Callback
from .skipgram import SkipGram
from .trained_model import TrainedModel

logger = logging.getLogger(__name__)

_SPAN, _UNITS = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)([smh])"), {"s": 1.0, "m": 60.0, "h": 3600.0}
#: So many times as long as writing a checkpoint took, nothing is written inside an epoch.
_LEAST_WORK = 19


class Checkpoint(Callback):
    """Writes the model file (see :meth:`SkipGram.save`) at the ends of epochs, and now and then inside them.

    The checkpoint before the newest one is kept as `path` + ``".1"``. Whenever the process or the power dies,
    `path` is a whole checkpoint once the first one was written. One that cannot be written, on a full disk,
    is a warning: training goes on, and the next one is tried when it is time.

    Parameters
    ----------
    path : path         Checked now: a training must not find out after hours that it cannot write.
    every : int         Epochs from one checkpoint to the next; the end of the training is always one.
    checkpoint_every : str, float or None
        Time from one checkpoint to the next inside an epoch: "30s", "5m", "1h", or seconds; None writes only
        at the ends of epochs. Where writing takes long it is more, so that no more than a twentieth of the
        time goes into it.

    Attributes
    ----------
    done : int          Epochs of the training that are in the newest checkpoint; 0 before the first was
                        written.
    error : OSError or None
                        Why the last one could not be written, if it could not.

    Examples
    --------
    >>> SkipGram(corpus_file="text", callbacks=[Checkpoint("checkpoint")])  # doctest: +SKIP
    >>> model = load_checkpoint("checkpoint", callbacks=[Checkpoint("checkpoint")])  # doctest: +SKIP
    >>> model.train(corpus_file="text", resume=True)  # doctest: +SKIP
    """

    def __init__(
        self, path: str | os.PathLike[str], every: int = 1, checkpoint_every: str | float | None = "5m"
    ) -> None:
        self.every = checks.positive_integer("every", every)
        self.interval = math.inf if checkpoint_every is None else seconds_of(checkpoint_every)
        refuse_compression(path)
        check_writable(path, "path")
        self.path = os.fsdecode(path)
        self._begin()

    def _begin(self) -> None:
        self.done, self._before = 0, identity(self.path)
        self.error: OSError | None = None
        self._due = time.monotonic() + self.interval

    @property
    def written(self) -> bool:
        """Whether anything of the training is in a checkpoint: the file is another than at its beginning.

        An interrupt may come when the file is in its place and :meth:`write` has not returned.
        """
        return identity(self.path) not in (None, self._before)

    def on_train_begin(self, model: TrainedModel) -> None:
        """The file can be written still; nothing of this training is in it."""
        self._begin()
        if model.rank:  # the first one writes
            self._due = math.inf
        else:
            check_writable(self.path, "path")

    def is_due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._due

    def on_batch_end(self, model: TrainedModel) -> None:
        """Write the model, if it is time."""
        if self.is_due():
            self._try(model)

    def on_epoch_end(self, model: TrainedModel) -> None:
        """Write the model, if it is an epoch's turn."""
        plan = model.plan
        if plan is not None and (plan.done % self.every == 0 or plan.done == plan.epochs):
            self._try(model)

    def on_train_end(self, model: TrainedModel) -> None:
        """Write the model, if a callback has stopped the training inside an epoch."""
        if model.state.begun:
            self._try(model)

    def _try(self, model: TrainedModel) -> None:
        self.write(model)
        if self.error:
            logger.warning("the checkpoint was not written, and training goes on without: %s", self.error)

    def write(self, model: TrainedModel) -> None:
        """Write the model as it stands, if this is rank 0; what the file system refuses becomes
        `error`.
        """
        if model.rank:
            return
        begun = time.monotonic()
        try:
            with atomic_write(self.path) as file:
                write_model_file(file, model._packed())
                file.flush()
                _keep_previous(self.path)  # only now, when the new one has found room
        except OSError as error:
            self.error = error
        else:
            self.done, self.error = model.plan.done if model.plan else 0, None
        now = time.monotonic()
        self._due = now + max(self.interval, _LEAST_WORK * (now - begun))


def seconds_of(span: str | float) -> float:
    """Seconds of a time such as "30s", "5m", "1h" or a number; ValueError, TypeError unless it is above 0."""
    if isinstance(span, str):
        match = _SPAN.fullmatch(span)
        seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    else:
        seconds = checks.real("checkpoint_every", span)
    if not seconds:
        raise ValueError(
            f"checkpoint_every is {span!r}; allowed are times such as '30s', '5m', '1h', or seconds above 0"
        )
    return seconds


def spare_path(path: str | os.PathLike[str]) -> str:
    """Where the checkpoint before the newest one is."""
    return os.fsdecode(path) + ".1"


def _keep_previous(path: str) -> None:
    """Give the file a second name, so that there is no moment without one at `path`."""
    if not os.path.isfile(path):
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(spare_path(path))
    try:
        os.link(path, spare_path(path))
    except OSError:  # a file system without links: for a moment only the spare one is there
        os.replace(path, spare_path(path))


def load_checkpoint(path: str | os.PathLike[str], **options: Any) -> SkipGram:
    """The model of the newest checkpoint that is whole: `path`, else the one before it.

    Parameters
    ----------
    path : path             As given to :class:`Checkpoint`.
    options                 As for :meth:`SkipGram.load`.

    Raises
    ------
    FormatError, OSError    Neither can be read; about `path`.
    """
    try:
        return SkipGram.load(path, **options)
    except (FormatError, OSError) as error:
        try:
            model = SkipGram.load(spare_path(path), **options)
        except (FormatError, OSError):
            raise error from None
        logger.warning("%s; the checkpoint before it is used, %s", error, spare_path(path))
        return model
