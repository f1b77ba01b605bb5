"""The constants added to the logits as text: 'word value' a line, in the order of the vocabulary."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..system.atomic import atomic_write


def save_bias(path: str | os.PathLike[str], words: Sequence[str], bias: NDArray[np.float32]) -> None:
    """Write b_n - log keep(n) of each word; an empty `bias` (no bias, no subsampling) is written as zeros."""
    values = bias.tolist() if len(bias) else [0.0] * len(words)
    with atomic_write(path) as file:
        file.writelines(f"{word} {value:.9g}\n".encode() for word, value in zip(words, values, strict=True))


def load_bias(path: str | os.PathLike[str], words: Sequence[str]) -> NDArray[np.float32]:
    """Read what save_bias wrote, in the order of `words`; FormatError unless every word has one finite value."""
    index = {word: i for i, word in enumerate(words)}
    values = np.full(len(words), np.nan, np.float32)
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            word, _, value = line.rstrip(b"\r\n").rpartition(b" ")
            try:
                values[index[word.decode()]] = float(value)
            except (KeyError, ValueError):
                raise FormatError(
                    f"{os.fsdecode(path)}, line {number}: need 'word value' with a word of the vectors, "
                    f"got {line[:80]!r}"
                ) from None
    if missing := int((~np.isfinite(values)).sum()):
        raise FormatError(f"{os.fsdecode(path)} lacks a finite value for {missing} of {len(values)} words")
    return values
