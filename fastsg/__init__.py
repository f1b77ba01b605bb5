"""fastsg: skip-gram word embeddings by the exact full softmax.

    text -> Vocab, EncodedCorpus -> CooccurrenceCounts (or batches of windows) -> kernels (logits, softmax over K, gradients, updates)
         -> KeyedVectors

Start at :class:`SkipGram`; the mathematics is in docs/model.md.
"""

from .system.config import show_config  # first: it loads the kernels, and with them OpenMP

# isort: split
from ._version import __version__
from .cooccurrence.counts import CooccurrenceCounts
from .errors import DivergenceError, FormatError
from .model.checkpoint import Checkpoint, load_checkpoint
from .model.skipgram import SkipGram, load
from .model.softmax import SoftmaxModel
from .numerics.objective import loss_and_gradient
from .text.corpus import EncodedCorpus
from .text.vocab import Vocab
from .training.callbacks import Callback, EarlyStopping
from .vectors.keyed_vectors import KeyedVectors

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
