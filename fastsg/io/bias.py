"""The constants added to the logits, as text: a line "word value" for each word of the vocabulary."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..errors import FormatError
from ..system.atomic import atomic_write
from ..system.compression import compressed, compression_of
from .untrusted import read_whole, shown


def save_bias(path: str | os.PathLike[str], words: Sequence[str], bias: NDArray[np.float32]) -> None:
    """Write the constant of each word.

    Parameters
    ----------
    path : str or PathLike                  Replaced as a whole or not at all; compressed by suffix.
    words : sequence of str, length K
    bias : ndarray of shape (K,), float32   b_n - log keep(n), in nats; empty (no bias, no subsampling) is
                                            written as zeros.

    Raises
    ------
    TypeError, ValueError                   `bias` is no array of as many numbers as there are words.
    OSError                                 Writing failed; the old file is untouched.
    """
    words, bias = checks.listed("words", words), np.asarray(bias)
    if bias.shape not in ((0,), (len(words),)) or bias.dtype.kind not in "iuf":
        raise ValueError(
            f"bias must hold {len(words)} numbers, one a word, or none; it is {bias.dtype} of shape "
            f"{bias.shape}"
        )
    values = bias.tolist() if len(bias) else [0.0] * len(words)
    with atomic_write(path) as raw, compressed(raw, compression_of(path)) as file:
        lines = [f"{word} {value:.9g}\n" for word, value in zip(words, values, strict=True)]
        file.write("".join(lines).encode())


def load_bias(path: str | os.PathLike[str], words: Sequence[str]) -> NDArray[np.float32]:
    """Read what :func:`save_bias` wrote; the values (K,), float32, in the order of `words`.

    Raises
    ------
    FormatError                             A line is not a word of `words` and a number, a word has two
                                            lines, or no finite value; names the file.
    OSError                                 The file cannot be read.
    """
    index, line_of = {word: i for i, word in enumerate(words)}, np.zeros(len(words), np.int64)
    values = np.full(len(words), np.nan, np.float32)
    with np.errstate(over="ignore"):  # infinity is refused below
        for number, line in enumerate(io.BytesIO(read_whole(path)), 1):
            word, _, value = line.rstrip(b"\r\n").rpartition(b" ")
            try:
                row, read = index[word.decode()], checks.number_in(value)
            except (KeyError, ValueError):
                read = None
            if read is None:
                raise FormatError(
                    f"{os.fsdecode(path)}, line {number}: need 'word value' with a word of the vectors, "
                    f"got {shown(line)}"
                )
            values[row] = read
            if line_of[row]:
                raise FormatError(
                    f"{os.fsdecode(path)}, line {number}: a second value for the word {shown(words[row])}, "
                    f"which has one on line {line_of[row]}"
                )
            line_of[row] = number
    if missing := int((~np.isfinite(values)).sum()):
        raise FormatError(f"{os.fsdecode(path)} lacks a finite value for {missing} of {len(values)} words")
    return values
