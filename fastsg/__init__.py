"""fastsg: skip-gram word embeddings by the exact full softmax.

    text -> Vocab, EncodedCorpus -> batches of windows -> kernels (logits, softmax over K, gradients, updates) -> KeyedVectors

Start at :class:`SkipGram`; the mathematics is in docs/model.md.
"""

import os as _os

# libgomp reads its wait policy when it is loaded: spinning threads are a disaster on a busy machine and gain next to
# nothing here, with three parallel regions a batch. Whoever has chosen keeps the choice.
_POLICY = not ({"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & _os.environ.keys())
if _POLICY:
    _os.environ["OMP_WAIT_POLICY"] = "passive"
try:
    from . import _core
finally:
    if _POLICY:
        del _os.environ["OMP_WAIT_POLICY"]

from ._config import show_config
from ._version import __version__
from .callbacks import Callback, EarlyStopping
from .checkpoint import Checkpoint, load_checkpoint
from .corpus import EncodedCorpus
from .errors import DivergenceError, FormatError
from .model import SkipGram, load
from .objective import loss_and_gradient
from .probability import SoftmaxModel
from .vectors import KeyedVectors
from .vocab import Vocab

__all__ = [
    "Callback", "Checkpoint", "DivergenceError", "EarlyStopping", "EncodedCorpus", "FormatError", "KeyedVectors", "SkipGram",
    "SoftmaxModel", "Vocab", "__version__", "load", "load_checkpoint", "loss_and_gradient", "show_config",
]
