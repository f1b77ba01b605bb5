"""A corpus that another process has."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .corpus import EncodedCorpus
from .vocab import Vocab


class RemoteCorpus(EncodedCorpus):
    """A corpus whose ids another process has. Here are its words, and how often each of them occurs in it.

    `tokens` and `offsets` are empty.

    Parameters
    ----------
    vocab : Vocab
    occurrences : ndarray (K,), int64       How many of its tokens each word is.
    lines, raw_tokens, invalid_bytes_replaced, tokenizer, lower
                                            As in EncodedCorpus.
    """

    def __init__(
        self,
        vocab: Vocab,
        occurrences: NDArray[np.int64],
        lines: int,
        *,
        raw_tokens: int,
        invalid_bytes_replaced: int = 0,
        tokenizer: str | None = None,
        lower: bool | None = None,
    ) -> None:
        tokens, offsets = np.empty(0, np.int32), np.zeros(1, np.int64)
        self._set(tokens, offsets, vocab, None, raw_tokens, invalid_bytes_replaced, tokenizer, lower)
        self.occurrences, self.lines = occurrences, lines

    @property
    def n_tokens(self) -> int:
        """Number of tokens, wherever they are."""
        return int(self.occurrences.sum())

    def __bool__(self) -> bool:
        """It is one, though no sentence of it is here."""
        return True

    def __repr__(self) -> str:
        return f"<RemoteCorpus: {self.n_tokens} tokens, which rank 0 has>"

    def __iter__(self) -> Iterator[list[str]]:
        """Not here: RuntimeError."""
        raise self._elsewhere()

    def part(self, start: int, stop: int) -> EncodedCorpus:
        """Not here: RuntimeError."""
        raise self._elsewhere()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Not here: RuntimeError."""
        raise self._elsewhere()

    def _elsewhere(self) -> RuntimeError:
        return RuntimeError("this rank has the words of the text, not the text itself: that is rank 0's")
