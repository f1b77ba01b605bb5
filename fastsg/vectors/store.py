"""VectorStore: words with their vectors and attributes; access and means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..checks import listed, word_counts, word_index
from ..errors import close_words
from ..system.notebook import html_table
from .attributes import Column, Counts
from .directions import Floats, inverse_norms, unit, unit_row, weighted_mean

#: A word, or as in gensim a row number.
Key = str | int | np.integer[Any]
KEY_TYPES = (str, int, np.integer)
KeyOrVector = Key | Floats

_LONGEST_SHOWN = 64  # letters of an unknown word in its error
_COUNT = "count"
_SHOWN = 10  # words in a notebook


class VectorStore:
    """Words with their vectors and attributes; the part of :class:`KeyedVectors` that compares nothing.

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
        self.expandos: dict[str, Column] = {}
        self.counts = counts
        self._inverse_norms_k: Floats | None = None
        self._measured: Floats | None = None  # the matrix whose norms these are
        # Arrays that may be written to, because they were made here: the matrix (None), attributes by name.
        self._own: dict[str | None, NDArray[Any]] = {}

    def __copy__(self) -> Self:
        """A store of the same arrays. Whichever of the two is changed first takes copies of its own."""
        other = type(self).__new__(type(self))
        self._own = {}
        other.__dict__.update(self.__dict__, expandos=dict(self.expandos), _own={})
        return other

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

    def _repr_html_(self) -> str:
        first = slice(0, _SHOWN)
        columns: dict[str, list[Any]] = {
            "row": list(range(len(self.index_to_key[first]))),
            "word": self.index_to_key[first],
        }
        if self.counts is not None:
            columns["count"] = self.counts[first].tolist()
        columns["length"] = np.linalg.norm(self.vectors[first].astype(np.float64), axis=1).tolist()
        title = f"{type(self).__name__}: {len(self):,} words x {self.vector_size}, {self.vectors.dtype}"
        return html_table(title, [*columns], zip(*columns.values(), strict=True), len(self) - _SHOWN)

    def has_index_for(self, key: Key) -> bool:
        """Whether a key is known; the same as ``key in vectors``."""
        return key in self

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

    # ---- attributes ----

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """Occurrences of each word (K,), or None; the attribute "count"."""
        return self.expandos.get(_COUNT)

    @counts.setter
    def counts(self, counts: Counts | None) -> None:
        if counts is None:
            self.expandos.pop(_COUNT, None)
        else:
            self.expandos[_COUNT] = word_counts(counts, len(self))

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """An attribute of a word, "count" or one that was set; KeyError if there is none of this name."""
        index = self.get_index(key)
        if attr not in self.expandos:
            hint = (
                "these vectors came without counts"
                if attr == _COUNT
                else f"these words have {list(self.expandos)}"
            )
            raise KeyError(f"attr {attr!r}: {hint}")
        value = self.expandos[attr][index]
        return value.item() if isinstance(value, np.generic) else value

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
        index = self.key_to_index.get(key) if isinstance(key, str) else None  # the usual case, without a call
        if index is None:
            index = self.get_index(key)
        if norm:
            return unit_row(self.vectors, index)
        vector: Floats = self.vectors[index]
        vector.setflags(write=False)  # of this view; the matrix stays as it is
        return vector

    def fill_norms(self, force: bool = False) -> None:
        """Compute the norms of the rows, which are cached; `force` does so again, after `vectors` changed."""
        if self._inverse_norms_k is None or self._measured is not self.vectors or force:
            self._inverse_norms_k, self._measured = inverse_norms(self.vectors), self.vectors

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
        TypeError                               A key is neither a word nor a row number nor a vector, or
                                                weights are not numbers.
        """
        items = [keys] if isinstance(keys, KEY_TYPES) else listed("keys", keys)
        if not items:
            raise ValueError("keys: cannot compute the mean of nothing")
        if weights is not None and len(weights) != len(items):
            raise ValueError(f"weights must be one per key ({len(items)}), got {len(weights)}")
        if weights is not None and np.asarray(weights).dtype.kind not in "biuf":
            raise TypeError(f"weights must be numbers, got {weights!r}")
        index, default = self.key_to_index, -1 if ignore_missing else None
        rows = [
            index[item] if isinstance(item, str) and item in index else self._row(item, default)
            for item in items
        ]
        if ignore_missing:
            kept = [i for i, row in enumerate(rows) if not isinstance(row, int) or row >= 0]
            if len(kept) < len(rows):
                rows = [rows[i] for i in kept]
                weights = None if weights is None else [weights[i] for i in kept]
        mean = weighted_mean(rows, self.vectors, None if weights is None else list(weights), pre_normalize)
        return (unit(mean) if post_normalize else mean).astype(self.vectors.dtype)

    def _row(self, item: KeyOrVector, default: int | None) -> int | Floats:
        """The row number of a key, or the vector given; TypeError if `item` is neither."""
        if isinstance(item, np.ndarray):
            return self._vector_of(item)
        if not isinstance(item, KEY_TYPES):
            raise TypeError(f"keys takes a list of words, row numbers and vectors (H,); got {item!r} in it")
        return self.get_index(item, default)

    def _vector_of(self, key_or_vector: KeyOrVector) -> Floats:
        """The vector of a key as it is in the matrix, or the vector given."""
        if not isinstance(key_or_vector, np.ndarray):
            row: Floats = self.vectors[self.get_index(key_or_vector)]
            return row
        if key_or_vector.shape != (self.vector_size,):
            raise ValueError(f"a vector must have shape ({self.vector_size},), got {key_or_vector.shape}")
        is_float = key_or_vector.dtype.kind == "f"
        return key_or_vector if is_float else key_or_vector.astype(self.vectors.dtype)

    def _indices(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        return np.array([self.get_index(key) for key in keys], np.int64)

    def _inverse_norms(self) -> Floats:
        self.fill_norms()
        assert self._inverse_norms_k is not None
        return self._inverse_norms_k

    def _part(self, rows: Any, with_attributes: bool) -> Self:
        """Copies of some rows, in their order, as a store of their own."""
        ids = np.arange(len(self))[rows]
        part = type(self)([self.index_to_key[i] for i in ids.tolist()], self.vectors[ids])
        if with_attributes:
            part.expandos = {attr: column[ids] for attr, column in self.expandos.items()}
        return part


class _UnknownKeyError(KeyError):
    """Looks for close words only when it is shown: most unknown words are caught, not printed."""

    def __init__(self, key: Any, index: Mapping[str, int]) -> None:
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
