"""From pair counts to trained matrices.

    settings        what is to be trained; defaults
    stages          which words, and which text, an epoch is about
    batch_sources   the batches of a text, of pairs, of counts
    state           I, O and the optimiser's sums; a training and all its parts
    plan            epochs planned and done, for resuming
    loop            a training, epoch after epoch
    epoch           an epoch, step after step
    totals          its books, from which it can be gone on with
    heldout         the loss of a text that is not trained on
    callbacks       hooks, early stopping
    history         the records of the epochs
    memory          what all that takes
    calibration     what its steps cost on this machine
    start_trials    what its start costs
    foreseen_counts what counts a text will have, from those of a part

:func:`loop.run` takes a Training and a BatchSource. It knows no model class and no files: whoever owns the
model hands in a function that calls its callbacks.
"""

from .callbacks import Callback, EarlyStopping, StopTraining
from .history import TEXTS, EpochRecord, History
from .plan import Plan
from .settings import STARTS, Settings, default_sample

__all__ = [
    "STARTS",
    "TEXTS",
    "Callback",
    "EarlyStopping",
    "EpochRecord",
    "History",
    "Plan",
    "Settings",
    "StopTraining",
    "default_sample",
]
