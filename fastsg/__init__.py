"""fastsg: skip-gram word embeddings by the exact full softmax.

    text/           files, words, ids: EncodedCorpus, Vocab
    cooccurrence/   windows over a corpus, and how often words share one: CooccurrenceCounts
    training/       epochs and steps; numerics/ has loss, optimiser and start, kernels/ the work in C
    model/          SkipGram, what users hold
    vectors/        words with their vectors: KeyedVectors
    graph/          random walks on graphs, as sentences
    explorer/, plotting/    vectors as a page for the browser; pictures
    io/, system/    file formats; what the machine gives
    cli/, datasets/ the command line; texts to try things on

A text becomes ids, ids become counts of pairs, counts become the matrices I and O, and the rows of I are the
vectors. Start at :class:`SkipGram`; the mathematics is in docs/model.md, the house in CONTRIBUTING.md.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .system.config import show_config  # first: it loads the kernels, and with them OpenMP

# isort: split
from ._version import __version__

if TYPE_CHECKING:
    from .cooccurrence.counts import CooccurrenceCounts
    from .errors import DivergenceError, FormatError
    from .model.checkpoint import Checkpoint, load_checkpoint
    from .model.skipgram import SkipGram, load
    from .model.softmax import SoftmaxModel
    from .model.verifying import verify
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
    "verify",
]

#: The file that each name comes from, as above for type checkers; folders are their own.
_HOMES = {
    "Callback": "training.callbacks",
    "Checkpoint": "model.checkpoint",
    "CooccurrenceCounts": "cooccurrence.counts",
    "DivergenceError": "errors",
    "EarlyStopping": "training.callbacks",
    "EncodedCorpus": "text.corpus",
    "FormatError": "errors",
    "KeyedVectors": "vectors.keyed_vectors",
    "SkipGram": "model.skipgram",
    "SoftmaxModel": "model.softmax",
    "Vocab": "text.vocab",
    "load": "model.skipgram",
    "load_checkpoint": "model.checkpoint",
    "loss_and_gradient": "numerics.objective",
    "verify": "model.verifying",
}
_FOLDERS = (
    "cooccurrence",
    "errors",
    "graph",
    "io",
    "model",
    "numerics",
    "system",
    "text",
    "training",
    "vectors",
)


def __getattr__(name: str) -> Any:
    """A public name, loaded when it is first asked for: the import alone takes little more than NumPy's."""
    if name not in _HOMES and name not in _FOLDERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _FOLDERS:
        return importlib.import_module(f".{name}", __name__)
    value = globals()[name] = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_FOLDERS})
