"""fastsg: skip-gram word embeddings by the exact full softmax.

    text -> Vocab, EncodedCorpus -> CooccurrenceCounts (or batches of windows) -> kernels (logits, softmax over K, gradients, updates)
         -> KeyedVectors

Start at :class:`SkipGram`; the mathematics is in docs/model.md.
"""

from ._config import show_config  # first: it loads the kernels, and with them OpenMP
from ._version import __version__
from .callbacks import Callback, EarlyStopping
from .checkpoint import Checkpoint, load_checkpoint
from .corpus import EncodedCorpus
from .counts import CooccurrenceCounts
from .errors import DivergenceError, FormatError
from .model import SkipGram, load
from .objective import loss_and_gradient
from .probability import SoftmaxModel
from .vectors import KeyedVectors
from .vocab import Vocab

__all__ = [
    "Callback",
    "Checkpoint",
    "CooccurrenceCounts",
    "DivergenceError",
    "EarlyStopping",
    "EncodedCorpus",
    "FormatError",
    "KeyedVectors",
    "SkipGram",
    "SoftmaxModel",
    "Vocab",
    "__version__",
    "load",
    "load_checkpoint",
    "loss_and_gradient",
    "show_config",
]
