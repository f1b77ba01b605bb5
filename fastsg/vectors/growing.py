"""GrowingVectors: words, vectors and attributes that are added or replaced."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import listed, word_index
from ..io.word2vec import load_word2vec
from .attributes import Column, check_value, checked_column, column_for, longer
from .directions import Floats
from .store import Key, VectorStore

logger = logging.getLogger(__name__)


class GrowingVectors(VectorStore):
    """The part of :class:`KeyedVectors` that changes it.

    The arrays that a store was given are never written to: before the first change it takes copies.
    """

    # ---- words and vectors ----

    def add_vector(self, key: str, vector: ArrayLike) -> int:
        """Add a word with its vector (H,); returns its row. ValueError if the word is already there.

        Every call copies the matrix: add many words by one :meth:`add_vectors`.
        """
        if key in self.key_to_index:
            raise ValueError(f"key: the word {key!r} is already there; vectors[{key!r}] = ... replaces it")
        self.add_vectors([key], np.asarray(vector)[None])
        return len(self) - 1

    def add_vectors(
        self,
        keys: str | Sequence[str],
        weights: ArrayLike,
        extras: Mapping[str, ArrayLike] | None = None,
        replace: bool = False,
    ) -> None:
        """Add words with their vectors.

        Parameters
        ----------
        keys : str or sequence of str, length n     None of them twice.
        weights : array-like (n, H), or (H,) for one word
        extras : mapping of str to array-like (n,)  Attributes of these words; words that were there before
                                                    have 0 or "" where the attribute is new.
        replace : bool                              Words that are already there take the new vector and
                                                    attributes; otherwise they keep theirs, and their number
                                                    is logged.

        Raises
        ------
        TypeError, ValueError                       An argument is not as above; nothing has changed.
        """
        words = [keys] if isinstance(keys, str) else listed("keys", keys)
        if not isinstance(extras, Mapping | None):
            raise TypeError(f"extras is a {type(extras).__name__}; it must map names to columns of values")
        word_index(words)
        matrix = self._checked_rows(weights, len(words))
        columns = {name: checked_column(name, values, len(words)) for name, values in (extras or {}).items()}
        old = np.array([self.key_to_index.get(word, -1) for word in words], np.int64)
        is_new = old < 0
        grown = self._with_room(columns, int(is_new.sum()))
        first = len(self)
        self._append([word for word, new in zip(words, is_new) if new], matrix[is_new], grown)
        rows, chosen = np.where(is_new, first + np.cumsum(is_new) - 1, old), is_new | bool(replace)
        for name, column in columns.items():
            self._writable_column(name)[rows[chosen]] = column[chosen]
        if replace and not is_new.all():
            self._writable_matrix()[old[~is_new]] = matrix[~is_new]
        elif not is_new.all():
            logger.info(
                "add_vectors: %d of %d words were there and keep their vectors", (~is_new).sum(), len(old)
            )
        self._inverse_norms_k = None

    def __setitem__(self, keys: str | Sequence[str], weights: ArrayLike) -> None:
        """Add words, or replace the vectors of those that are there."""
        self.add_vectors(keys, weights, replace=True)

    def vectors_for_all(
        self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> Self:
        """The known ones of `keys`, each once, in their order, with copies of their vectors.

        Parameters
        ----------
        keys : iterable of keys     Unknown ones are left out, and their number is logged.
        allow_inference : bool      For gensim's sake: vectors of unknown words are never made up.
        copy_vecattrs : bool        With their attributes as well; otherwise without any, counts included.
        """
        found = [self.get_index(key, -1) for key in dict.fromkeys(listed("keys", keys))]
        rows = list(dict.fromkeys(row for row in found if row >= 0))
        if -1 in found:
            logger.info("vectors_for_all: %d of %d keys are unknown", found.count(-1), len(found))
        return self._part(np.array(rows, np.int64), copy_vecattrs)

    def intersect_word2vec_format(
        self,
        fname: str | os.PathLike[str],
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
    ) -> int:
        """Words that a word2vec file has too take its vectors; no word is added. Returns how many there are.

        Parameters are those of :meth:`load_word2vec_format`; `lockf` is for gensim's sake: no word can be
        locked. Of a model's `wv`, a training that begins afterwards starts from these vectors and moves them.

        Raises
        ------
        FormatError, ValueError     The file is none, or its vectors are not of this size; nothing changed.
        """
        words, matrix = load_word2vec(fname, binary=binary, encoding=encoding, errors=unicode_errors)
        if matrix.shape[1] != self.vector_size:
            raise ValueError(
                f"{os.fsdecode(fname)}: its vectors have {matrix.shape[1]} numbers, these {self.vector_size}"
            )
        common = [(self.key_to_index[word], i) for i, word in enumerate(words) if word in self.key_to_index]
        if common:
            rows, places = np.array(common).T
            self._writable_matrix()[rows] = matrix[places]
            self._inverse_norms_k = None
        logger.info("%s: took the vectors of %d words", os.fsdecode(fname), len(common))
        return len(common)

    def unit_normalize_all(self) -> None:
        """Bring every vector to length 1; zero vectors stay zero."""
        self.vectors = self._own[None] = self.get_normed_vectors()

    def sort_by_descending_frequency(self) -> None:
        """Bring the words into falling order of their counts, equal ones as they are; KeyError without."""
        if self.counts is None:
            raise KeyError("attr 'count': these vectors came without counts")
        order = np.argsort(-self.counts, kind="stable")
        self.index_to_key = [self.index_to_key[i] for i in order.tolist()]
        self.key_to_index = {word: i for i, word in enumerate(self.index_to_key)}
        self.vectors = self._own[None] = self.vectors[order]
        for name, column in self.expandos.items():
            self.expandos[name] = self._own[name] = column[order]

    # ---- attributes ----

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Set an attribute of a word: a number, a bool or a text.

        The first value of an attribute decides on its type, and all other words have 0, False or "" then. A
        TypeError says that a value would not survive in it, as 0.5 among integers.
        """
        index = self.get_index(key)
        if attr not in self.expandos:
            self.expandos[attr] = self._own[attr] = column_for(attr, val, len(self))
        check_value(attr, val, self.expandos[attr])
        self._writable_column(attr)[index] = val

    # ---- helpers ----

    def _checked_rows(self, weights: ArrayLike, n: int) -> Floats:
        """Vectors given for n words, as they will stand in the matrix."""
        matrix = np.asarray(weights)
        if matrix.ndim == 1 and n == 1:
            matrix = matrix[None]
        if matrix.shape != (n, self.vector_size) or matrix.dtype.kind not in "iuf":
            raise ValueError(
                f"weights must be numbers of shape ({n}, {self.vector_size}), one row for each key, "
                f"got {matrix.dtype} of shape {matrix.shape}"
            )
        return matrix.astype(self.vectors.dtype)

    def _with_room(self, columns: Mapping[str, Column], more: int) -> dict[str, Column]:
        """All attributes, new ones included, with `more` values; TypeError if one is of another type."""
        for name, column in columns.items():
            old = self.expandos.get(name, column)
            if not (column.dtype == old.dtype or np.can_cast(column.dtype, old.dtype, "safe")):
                raise TypeError(f"attribute {name!r} holds {old.dtype}, got {column.dtype}")
        empty = {
            name: longer(column[:0], len(self))
            for name, column in columns.items()
            if name not in self.expandos
        }
        return {name: longer(column, more) for name, column in (self.expandos | empty).items()}

    def _append(self, words: list[str], matrix: Floats, columns: dict[str, Column]) -> None:
        """New words at the end. Lists and arrays are made anew: others may hold the old ones."""
        if words:
            first = len(self)
            self.index_to_key = [*self.index_to_key, *words]
            self.key_to_index = self.key_to_index | {word: first + i for i, word in enumerate(words)}
            self.vectors = self._own[None] = np.concatenate([self.vectors, matrix])
        self.expandos = columns
        self._own.update(columns)

    def _writable_matrix(self) -> NDArray[Any]:
        if self._own.get(None) is not self.vectors:
            self.vectors = self._own[None] = self.vectors.copy()
        return self.vectors

    def _writable_column(self, attr: str) -> Column:
        if self._own.get(attr) is not self.expandos[attr]:
            self.expandos[attr] = self._own[attr] = self.expandos[attr].copy()
        return self.expandos[attr]
