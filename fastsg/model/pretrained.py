"""Pretrained: vectors that a training starts from, out of a file or out of memory."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..io.formats import load_vectors
from ..training.settings import STARTS
from ..training.state import PretrainedWords, Training

logger = logging.getLogger(__name__)

#: Longer vectors, by their root mean square, are shortened to this: steps have a size of their own (measured,
#: docs/defaults.md).
LONGEST = 2.0
#: What the settings say of vectors that came without a file.
_UNNAMED = "vectors"


class VectorsLike(Protocol):
    """Words with their vectors, as KeyedVectors are, ours or gensim's."""

    index_to_key: list[str]
    vectors: Any


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Words with the vectors that they start from.

    Attributes
    ----------
    name : str                  Stands in the settings: the file, or "vectors".
    words : sequence of str
    matrix : ndarray (n, H)     Floats, row by row the vectors of the words.
    """

    name: str
    words: Sequence[str]
    matrix: NDArray[Any]

    def place(self, training: Training) -> None:
        """Give the words of a training that has just begun their rows of I.

        ValueError if it has none of them, or if their vectors are not finite.
        """
        index, K = training.vocab.index, len(training.vocab)
        found = {index[word]: row for row, word in enumerate(self.words) if word in index}
        if not found:
            raise ValueError(
                f"init: none of the {K} words of the vocabulary is among the {len(self.words)} of {self.name}"
            )
        rows = np.ascontiguousarray(self.matrix[list(found.values())], np.float32)
        if not np.isfinite(rows).all():
            raise ValueError(f"init: a vector of {self.name} is not finite in float32")
        length = math.sqrt(float(np.einsum("kh,kh->", rows, rows, dtype=np.float64)) / len(rows))
        factor = min(LONGEST / length, 1.0) if length else 1.0
        training.state.I[list(found)] = rows if factor == 1 else rows * np.float32(factor)
        training.pretrained = PretrainedWords(len(found), K - len(found), factor)
        logger.info(
            "%d of %d words start from their vectors of %s, times %.3g", len(found), K, self.name, factor
        )


def start_of(
    init: str | os.PathLike[str] | VectorsLike | None, vector_size: object
) -> tuple[str | None, Pretrained | None]:
    """The setting `init`, and the vectors that it names or is, from which the training starts.

    Raises
    ------
    TypeError, ValueError, OSError, FormatError
        It is neither the name of a start nor words with vectors nor a file of such, or the vectors have
        another size than `vector_size`.
    """
    if init is None or (isinstance(init, str) and init in STARTS):
        return init, None
    if isinstance(init, (str, os.PathLike)):
        start = _of_file(os.fsdecode(init))
    elif hasattr(init, "index_to_key") and getattr(getattr(init, "vectors", None), "ndim", 0) == 2:
        start = Pretrained(_UNNAMED, init.index_to_key, np.asarray(init.vectors))
    else:
        raise TypeError(f"init is a {type(init).__name__}; allowed are {_ALLOWED}")
    if start.matrix.shape[1] != vector_size:
        raise ValueError(
            f"init: the vectors of {start.name} have {start.matrix.shape[1]} coordinates, but vector_size is "
            f"{vector_size}; the two must agree"
        )
    return start.name, start


_ALLOWED = f"{', '.join(map(repr, STARTS))}, the path of a file of vectors or of a model, and KeyedVectors"


def _of_file(path: str) -> Pretrained:
    if not os.path.exists(path):
        raise ValueError(f"init is {path!r}, and there is no such file; allowed are {_ALLOWED}")
    words, matrix, _ = load_vectors(path, which="input")
    named_so = path in (*STARTS, _UNNAMED)  # in the settings it must not look like one of those
    return Pretrained(os.path.join(os.curdir, path) if named_so else path, words, matrix)
