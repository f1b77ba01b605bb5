"""What users hand in, made into arrays: sentences, files, encoded corpora, explicit pairs. Every error names the argument."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..numerics import objective
from ..text.tokenizers import line_tokenizer
from ..text.corpus import EncodedCorpus
from ..text.vocab import Vocab

Corpus = EncodedCorpus | Iterable[Sequence[str]]
Paths = str | os.PathLike | Sequence[str | os.PathLike]

_ERRORS = ("replace", "strict", "ignore")


@dataclasses.dataclass
class TextReader:
    """How texts become ids: the choices that every text of a model shares."""

    tokenizer: object
    errors: str
    workers: int
    progress: bool | None
    min_count: int
    max_final_vocab: int | None

    def __post_init__(self) -> None:
        if self.errors not in _ERRORS:
            raise ValueError(f"errors is {self.errors!r}; allowed are {', '.join(map(repr, _ERRORS))}")
        if self.tokenizer not in ("space", "char", None):
            line_tokenizer(self.tokenizer)  # raises if it is none

    def encode(
        self,
        sentences: Corpus | None,
        corpus_file: Paths | None,
        vocab: Vocab | None,
        name: str = "sentences",
    ) -> EncodedCorpus:
        """Encode one of the two; without a vocabulary, count one."""
        options = {
            "vocab": vocab,
            "min_count": self.min_count,
            "max_final_vocab": self.max_final_vocab,
            "progress": self.progress,
        }
        if corpus_file is not None:
            if self.tokenizer is None:
                raise ValueError(
                    "the model was trained with a tokenizer of its own, which its file does not hold: give it again when "
                    "loading, tokenizer=..."
                )
            return EncodedCorpus.from_files(
                corpus_file, tokenizer=self.tokenizer, errors=self.errors, workers=self.workers, **options
            )
        if isinstance(sentences, str):
            raise TypeError(
                f"{name} is a str, and its letters would be taken for sentences: for a file give its path as corpus_file, "
                "for a text a list of lists of words"
            )
        if isinstance(sentences, EncodedCorpus):
            return known_corpus(name, sentences, vocab)
        try:
            return EncodedCorpus.from_iter(sentences, **options)
        except ValueError as error:
            if name == "sentences":
                raise
            raise ValueError(f"{name}: {error}") from None


def known_corpus(name: str, corpus: EncodedCorpus, vocab: Vocab | None) -> EncodedCorpus:
    """The corpus itself; ValueError unless its ids are those of `vocab` (if given) and lie in range."""
    if vocab is not None and corpus.vocab is not vocab and corpus.vocab.words != vocab.words:
        raise ValueError(
            f"{name} is encoded with another vocabulary than the model's: encode it with vocab=model.vocab, or give its "
            "sentences"
        )
    _core.check_corpus(corpus.tokens, corpus.offsets, len(corpus.vocab))
    return corpus


def is_paths(given: object) -> bool:
    """Whether an argument that takes both names files: a path, or a list of paths."""
    if isinstance(given, (str, os.PathLike)):
        return True
    return (
        isinstance(given, (list, tuple))
        and bool(given)
        and all(isinstance(part, (str, os.PathLike)) for part in given)
    )


def kept(given: object) -> object:
    """The argument, readable more than once: a one-shot iterator becomes a list."""
    return list(given) if isinstance(given, Iterator) else given


def checked_pairs(
    centers: Sequence[str] | ArrayLike, contexts: Sequence[str] | ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray[np.float32]]:
    """Both sides as arrays of words or of ids, and the weights; TypeError or ValueError names what is wrong."""
    m, n = _side("centers", centers), _side("contexts", contexts)
    if (m.dtype.kind == "U") != (n.dtype.kind == "U"):
        raise TypeError("centers and contexts must both be words or both be integers")
    w = np.ones(len(m)) if weights is None else np.asarray(weights, np.float64)
    if not len(m) == len(n) == len(w):
        raise ValueError(
            f"centers, contexts and weights have {len(m)}, {len(n)} and {len(w)} values; they must be equal"
        )
    if not len(m):
        raise ValueError("there are no pairs: centers is empty")
    bad = np.flatnonzero(~((w >= 0) & (w <= 3e38)))
    if bad.size:
        raise ValueError(f"weights[{bad[0]}] is {w[bad[0]]}; weights must be finite and not negative")
    return m, n, w.astype(np.float32)


def _side(name: str, side: Sequence[str] | ArrayLike) -> NDArray:
    if isinstance(side, str):
        raise TypeError(f"{name} is a str; give a list of words or ids")
    array = np.asarray(side if hasattr(side, "__array__") or isinstance(side, Sequence) else list(side))
    if array.dtype == object and array.ndim == 1 and all(isinstance(word, str) for word in array):
        array = array.astype(str)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iuU"):
        raise TypeError(
            f"{name} must be one-dimensional, of str or of integers; it is {array.ndim}-dimensional, {array.dtype}"
        )
    return array


def pair_vocab(centers: NDArray, contexts: NDArray, min_count: int, max_final_vocab: int | None) -> Vocab:
    """A vocabulary counted from both sides of pairs; integers become their decimal words."""
    words, counts = np.unique(np.concatenate([centers, contexts]).astype(str), return_counts=True)
    return Vocab.from_counts(words.tolist(), counts, min_count=min_count, max_final_vocab=max_final_vocab)


def pair_ids(name: str, words: NDArray, vocab: Vocab) -> NDArray[np.int32]:
    """Ids of one side of the pairs; -1 for words outside the vocabulary. Integers are ids already and must lie in range."""
    if words.dtype.kind in "iu":
        return objective.as_ids(name, words, len(vocab))
    distinct, place = np.unique(words, return_inverse=True)
    return np.array([vocab.index.get(word, -1) for word in distinct.tolist()], np.int32)[place]
