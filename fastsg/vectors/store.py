"""VectorStore: words with their vectors and counts; access, means, word2vec files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..checks import word_index
from ..errors import FormatError, close_words
from ..io.word2vec import load_counts, load_word2vec, save_word2vec
from .neighbours import Floats, inverse_norms, unit

#: A word, or as in gensim a row number.
Key = str | int | np.integer[Any]
KEY_TYPES = (str, int, np.integer)
KeyOrVector = Key | Floats
Counts = Sequence[int] | NDArray[np.integer[Any]]
Path = str | os.PathLike[str]

_LONGEST_SHOWN = 64  # letters of an unknown word in its error


class VectorStore:
    """Words with their vectors and counts; the part of :class:`KeyedVectors` that compares nothing.

    Parameters, errors and attributes are those of :class:`KeyedVectors`.
    """

    def __init__(self, words: Sequence[str], matrix: Floats, counts: Counts | None = None) -> None:
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or matrix.shape[1] < 1 or matrix.dtype not in (np.float32, np.float64):
            raise ValueError(
                "matrix must be float32 or float64 of shape (K, H), H >= 1, "
                f"got {matrix.dtype} of shape {matrix.shape}"
            )
        # float64 only where the caller gave that; what a trained model has is float32
        self.vectors: NDArray[np.float32] = matrix
        self.index_to_key = list(words)
        if len(self) != len(matrix):
            raise ValueError(f"words must have one entry per row of matrix ({len(matrix)}), got {len(self)}")
        self.key_to_index = word_index(self.index_to_key)
        self.counts = None if counts is None else _checked_counts(counts, len(matrix))
        self._inverse_norms_k: Floats | None = None

    # ---- words and rows ----

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index_to_key)

    def __contains__(self, key: Key) -> bool:
        return self.get_index(key, -1) >= 0

    def __repr__(self) -> str:
        counts = "" if self.counts is None else ", with counts"
        return (
            f"<{type(self).__name__}: {len(self)} words x {self.vector_size}, {self.vectors.dtype}{counts}>"
        )

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Row of a key; of an unknown one `default`, or without it a KeyError that suggests close words."""
        if isinstance(key, str):
            index = self.key_to_index.get(key)
        else:
            in_range = isinstance(key, int | np.integer) and 0 <= key < len(self)
            index = int(key) if in_range else None
        if index is not None:
            return index
        if default is not None:
            return default
        raise _UnknownKeyError(key, self.key_to_index)

    def get_vecattr(self, key: Key, attr: str) -> int:
        """An attribute of a word. There is only "count": another one, or unknown counts, are a KeyError."""
        if attr != "count":
            raise KeyError(f"attr must be 'count', got {attr!r}")
        index = self.get_index(key)
        if self.counts is None:
            raise KeyError("attr 'count': these vectors came without counts")
        return int(self.counts[index])

    # ---- vectors ----

    @property
    def vector_size(self) -> int:
        """H, the length of a vector."""
        return int(self.vectors.shape[1])

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> Floats:
        """The vector (H,) of a key, or the matrix (n, H) of n keys; KeyError if one is unknown."""
        if isinstance(key_or_keys, KEY_TYPES):
            return self.get_vector(key_or_keys)
        return self.vectors[self._indices(key_or_keys)]

    def get_vector(self, key: Key, norm: bool = False) -> Floats:
        """Vector (H,) of a key: a read-only view, or with `norm` a copy of length 1 (zero stays zero)."""
        vector: Floats = self.vectors[self.get_index(key)]
        if norm:
            return unit(vector)
        view = vector.view()
        view.flags.writeable = False
        return view

    def fill_norms(self, force: bool = False) -> None:
        """Compute the norms of the rows, which are cached; `force` does so again, after `vectors` changed."""
        if self._inverse_norms_k is None or force:
            self._inverse_norms_k = inverse_norms(self.vectors)

    def get_normed_vectors(self) -> Floats:
        """A new matrix (K, H) with rows of length 1; zero rows stay zero."""
        return self.vectors * self._inverse_norms()[:, None]

    def get_mean_vector(
        self,
        keys: Key | Iterable[KeyOrVector],
        weights: Sequence[float] | NDArray[Any] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Floats:
        """Weighted mean of vectors: the sum of w v over the sum of abs(w).

        Parameters
        ----------
        keys : key, or iterable of keys and ndarrays (H,)
        weights : sequence of float or None     One for each key; None: all 1.
        pre_normalize : bool                    Bring the vectors of keys, not arrays, to length 1 first.
        post_normalize : bool                   Bring the result to length 1.
        ignore_missing : bool                   Leave unknown keys out instead of raising KeyError.

        Returns
        -------
        mean : ndarray (H,), dtype of `vectors`     Zero if no key is known.

        Raises
        ------
        KeyError                                A key is unknown.
        ValueError                              No keys, or another number of weights than keys.
        """
        items = [keys] if isinstance(keys, KEY_TYPES) else list(keys)
        if not items:
            raise ValueError("keys: cannot compute the mean of nothing")
        if weights is None:
            weights = np.ones(len(items))
        if len(weights) != len(items):
            raise ValueError(f"weights must be one per key ({len(items)}), got {len(weights)}")
        total, weight_sum = np.zeros(self.vector_size), 0.0
        for key, weight in zip(items, weights):
            vector = self._mean_part(key, pre_normalize, ignore_missing)
            if vector is not None:
                total += weight * vector.astype(np.float64)
                weight_sum += abs(weight)
        mean: Floats = total / weight_sum if weight_sum else total
        return (unit(mean) if post_normalize else mean).astype(self.vectors.dtype)

    def _mean_part(self, key: KeyOrVector, pre_normalize: bool, ignore_missing: bool) -> Floats | None:
        if isinstance(key, np.ndarray):
            return self._vector_of(key)
        if ignore_missing and key not in self:
            return None
        return self.get_vector(key, norm=pre_normalize)

    def _vector_of(self, key_or_vector: KeyOrVector) -> Floats:
        """The vector of a key as it is in the matrix, or the vector given."""
        if not isinstance(key_or_vector, np.ndarray):
            row: Floats = self.vectors[self.get_index(key_or_vector)]
            return row
        if key_or_vector.shape != (self.vector_size,):
            raise ValueError(f"a vector must have shape ({self.vector_size},), got {key_or_vector.shape}")
        return key_or_vector

    def _indices(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        return np.array([self.get_index(key) for key in keys], np.int64)

    def _inverse_norms(self) -> Floats:
        self.fill_norms()
        assert self._inverse_norms_k is not None
        return self._inverse_norms_k

    # ---- files ----

    def save_word2vec_format(
        self, fname: Path, fvocab: Path | None = None, binary: bool = False, write_header: bool = True
    ) -> None:
        """Write word2vec text or binary; see :func:`fastsg.io.word2vec.save_word2vec`."""
        save_word2vec(
            fname,
            self.index_to_key,
            self.vectors,
            counts=self.counts,
            binary=binary,
            write_header=write_header,
            fvocab=fvocab,
        )

    @classmethod
    def load_word2vec_format(
        cls,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        limit: int | None = None,
        no_header: bool = False,
        unicode_errors: str = "strict",
        *,
        encoding: str = "utf8",
    ) -> Self:
        """Read word2vec text or binary; see :func:`fastsg.io.word2vec.load_word2vec`.

        `fvocab` names a file of "word count" lines with every word (FormatError names a missing one).
        """
        words, matrix = load_word2vec(
            fname, binary=binary, limit=limit, no_header=no_header, encoding=encoding, errors=unicode_errors
        )
        if fvocab is None:
            return cls(words, matrix)
        counts = load_counts(fvocab, encoding=encoding, errors=unicode_errors)
        missing = next((word for word in words if word not in counts), None)
        if missing is not None:
            raise FormatError(
                f"{os.fsdecode(fvocab)}: no count for the word {missing!r} of {os.fsdecode(fname)}"
            )
        return cls(words, matrix, [counts[word] for word in words])


class _UnknownKeyError(KeyError):
    """Looks for close words only when it is shown: most unknown words are caught, not printed."""

    def __init__(self, key: Any, index: dict[str, int]) -> None:
        super().__init__(key)
        self._index = index

    def __str__(self) -> str:
        key = self.args[0]
        if not isinstance(key, str):
            return f"{key!r} is neither a word nor a row number below {len(self._index)}"
        close = close_words(key, self._index)
        hint = f"; close words: {', '.join(map(repr, close))}" if close else ""
        return f"the word {key[:_LONGEST_SHOWN]!r} is not in the vocabulary of {len(self._index)} words{hint}"

    def __reduce__(self) -> tuple[type[KeyError], tuple[str]]:
        return KeyError, (str(self),)  # without the vocabulary


def _checked_counts(counts: Counts, K: int) -> NDArray[np.int64]:
    array = np.asarray(counts)
    if array.shape != (K,) or (K and array.dtype.kind not in "iu") or (array < 0).any():
        raise ValueError(f"counts must be {K} integers >= 0, got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64, copy=False)
