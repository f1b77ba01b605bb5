"""Checkpoints: the model as a file after every epoch, from which an interrupted training goes on."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any

from .. import checks
from ..errors import FormatError
from ..io.model_file import write_model_file
from ..system.atomic import atomic_write, check_writable
from ..system.compression import refuse_compression
from ..training.callbacks import Callback
from .skipgram import SkipGram
from .trained_model import TrainedModel

logger = logging.getLogger(__name__)


class Checkpoint(Callback):
    """Writes the model file (see :meth:`SkipGram.save`) at the ends of epochs.

    The checkpoint before the newest one is kept as `path` + ``".1"``. Whenever the process or the power dies,
    `path` is a whole checkpoint once the first one was written.

    Parameters
    ----------
    path : path         Checked now: a training must not find out after hours that it cannot write.
    every : int         Epochs from one checkpoint to the next; the end of the training is always one.

    Attributes
    ----------
    done : int          Epochs of the training that are in the newest checkpoint; 0 before the first was
                        written.

    Examples
    --------
    >>> SkipGram(corpus_file="text", callbacks=[Checkpoint("checkpoint")])  # doctest: +SKIP
    >>> model = load_checkpoint("checkpoint", callbacks=[Checkpoint("checkpoint")])  # doctest: +SKIP
    >>> model.train(corpus_file="text", resume=True)  # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        self.every = checks.positive_integer("every", every)
        refuse_compression(path)
        check_writable(path, "path")
        self.path = os.fsdecode(path)
        self.done = 0

    def on_train_begin(self, model: TrainedModel) -> None:
        """The file can be written still; nothing of this training is in it."""
        check_writable(self.path, "path")
        self.done = 0

    def on_epoch_end(self, model: TrainedModel) -> None:
        """Write the model, if it is time."""
        plan = model.plan
        if plan is not None and (plan.done % self.every == 0 or plan.done == plan.epochs):
            with atomic_write(self.path) as file:
                write_model_file(file, model._packed())
                file.flush()
                _keep_previous(self.path)  # only now, when the new one has found room
            self.done = plan.done


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
    except (FormatError, FileNotFoundError) as error:
        try:
            model = SkipGram.load(spare_path(path), **options)
        except (FormatError, OSError):
            raise error from None
        logger.warning("%s; the checkpoint before it is used, %s", error, spare_path(path))
        return model
