"""KeyedVectors: words with their vectors, exact queries over them, evaluation.

Names and signatures follow gensim 4.4 so that code written for it runs; the implementation is independent.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import FormatError, close_words
from ..io.word2vec import load_counts, load_word2vec, save_word2vec
from . import evaluation

logger = logging.getLogger(__name__)

Key = str | int | np.integer
KeyOrVector = Key | np.ndarray

_COSMUL_EPSILON = 1e-6
_BLOCK_NUMBERS = 1 << 20
_FLOAT32_SLACK = 1e-5  # float32 cosines are off by less
_TINY = float(np.finfo(np.float32).tiny)
_LONGEST_SHOWN = 64  # letters of an unknown word in its error


class KeyedVectors:
    """Words and their vectors.

    Parameters
    ----------
    words : sequence of str, length K           Unique; their order is the index, usually by falling frequency.
    matrix : ndarray of shape (K, H)            float32 or float64, H >= 1. Kept as it is, neither copied nor changed:
                                                it may be read-only, memory-mapped or shared with a trainer.
    counts : array-like of int (K,) or None     Occurrences of each word in the corpus.

    Raises
    ------
    TypeError, ValueError                       An argument is not as above; names it.

    Attributes
    ----------
    vectors : ndarray (K, H)            The matrix given.
    index_to_key : list of str          Word of each row.
    key_to_index : dict of str to int   Row of each word.
    counts : ndarray (K,), int64, or None

    Notes
    -----
    Similarities are cosines. A row whose norm is below 1.2e-38 counts as zero: its cosine with anything is 0. Those in
    lists are computed in float64, equal ones ordered by index. A key is a word or, as in gensim, a row number. The
    norms are cached at the first query: after changing `vectors` in place call :meth:`fill_norms` with ``force=True``.
    """

    def __init__(
        self, words: Sequence[str], matrix: np.ndarray, counts: Sequence[int] | np.ndarray | None = None
    ) -> None:
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or matrix.shape[1] < 1 or matrix.dtype not in (np.float32, np.float64):
            raise ValueError(
                f"matrix must be float32 or float64 of shape (K, H), H >= 1, got {matrix.dtype} of shape {matrix.shape}"
            )
        self.vectors = matrix
        self.index_to_key = list(words)
        self.key_to_index = _checked_index(self.index_to_key, len(matrix))
        self.counts = None if counts is None else _checked_counts(counts, len(matrix))
        self._inverse_norms_k: np.ndarray | None = None

    # Access -----------------------------------------------------------------------------------------------------------

    @property
    def vector_size(self) -> int:
        """H, the length of a vector."""
        return self.vectors.shape[1]

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index_to_key)

    def __contains__(self, key: Key) -> bool:
        return self.get_index(key, -1) >= 0

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> np.ndarray:
        """The vector (H,) of a key, or the matrix (n, H) of a list of n keys. KeyError if one is unknown."""
        if isinstance(key_or_keys, str | int | np.integer):
            return self.get_vector(key_or_keys)
        return self.vectors[self._indices(key_or_keys)]

    def __repr__(self) -> str:
        counts = "" if self.counts is None else ", with counts"
        return f"<KeyedVectors: {len(self)} words x {self.vector_size}, {self.vectors.dtype}{counts}>"

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Row of a key; of an unknown one `default`, or a KeyError that suggests close words."""
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

    def get_vector(self, key: Key, norm: bool = False) -> np.ndarray:
        """Vector (H,) of a key: a read-only view, or with `norm` a copy of length 1 (a zero vector stays zero)."""
        index = self.get_index(key)
        if norm:
            return _unit(self.vectors[index])
        view = self.vectors[index].view()
        view.flags.writeable = False
        return view

    def get_vecattr(self, key: Key, attr: str) -> int:
        """An attribute of a word; the only one is "count". KeyError for another one, or if counts are not known."""
        if attr != "count":
            raise KeyError(f"attr must be 'count', got {attr!r}")
        index = self.get_index(key)
        if self.counts is None:
            raise KeyError("attr 'count': these vectors came without counts")
        return int(self.counts[index])

    def fill_norms(self, force: bool = False) -> None:
        """Compute the cached row norms now; `force` does so again after `vectors` changed."""
        if self._inverse_norms_k is None or force:
            self._inverse_norms_k = _inverse_norms(self.vectors)

    def get_normed_vectors(self) -> np.ndarray:
        """A new matrix (K, H) with rows of length 1; zero rows stay zero."""
        return self.vectors * self._norm_factors()[:, None]

    def get_mean_vector(
        self,
        keys: Key | Iterable[KeyOrVector],
        weights: Sequence[float] | np.ndarray | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> np.ndarray:
        """Weighted mean of vectors: sum of w v over the sum of abs(w).

        Parameters
        ----------
        keys : key, or iterable of keys and ndarrays (H,)
        weights : sequence of float or None             One per key; None: all 1.
        pre_normalize : bool                            Give the vectors of keys length 1 first; arrays are used as is.
        post_normalize : bool                           Give the result length 1.
        ignore_missing : bool                           Leave unknown keys out; else they are a KeyError.

        Returns
        -------
        mean : ndarray (H,), dtype of `vectors`         Zero if no key is known.

        Raises
        ------
        ValueError                                      No keys, or as many weights as keys are not given.
        """
        keys = [keys] if isinstance(keys, str | int | np.integer) else list(keys)
        if not keys:
            raise ValueError("keys: cannot compute the mean of nothing")
        if weights is not None and len(weights) != len(keys):
            raise ValueError(f"weights must be one per key ({len(keys)}), got {len(weights)}")
        weights = np.ones(len(keys)) if weights is None else weights
        total, weight_sum = np.zeros(self.vector_size), 0.0
        for key, weight in zip(keys, weights, strict=True):
            vector = self._mean_part(key, pre_normalize, ignore_missing)
            if vector is not None:
                total += weight * vector.astype(np.float64)
                weight_sum += abs(weight)
        mean = total / weight_sum if weight_sum else total
        return (_unit(mean) if post_normalize else mean).astype(self.vectors.dtype)

    # Queries over all words -------------------------------------------------------------------------------------------

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
    ) -> list[tuple[str, float]] | np.ndarray:
        """Words closest to the sum of the positive minus the negative ones (3CosAdd).

        Parameters
        ----------
        positive, negative : key, ndarray (H,), (key or array, weight) pair, or list of those
                                        The default weight is 1, or -1 under negative; a pair's weight is taken as it
                                        is, so under negative it should be below zero (as in gensim).
        topn : int or None              How many; None returns all similarities instead.
        clip_start, clip_end : int      Consider only rows in [clip_start, clip_end).
        restrict_vocab : int or None    Consider only the first rows; overrides the clip.
        indexer : object or None        Its ``most_similar(vector, topn)`` answers in place of the exact search.

        Returns
        -------
        list of (word, cosine), best first, without the words given; or ndarray (rows considered,) for ``topn=None``.

        Raises
        ------
        KeyError                        An unknown word; the message suggests close ones.
        ValueError, TypeError           Nothing to compare with, or an item is none of the above.

        Notes
        -----
        Cost 2 K H flops. Source: Mikolov, Yih and Zweig 2013.
        """
        items, weights = self._items(positive, negative)
        if topn is not None and topn < 1:
            return []
        query = self.get_mean_vector(items, weights, post_normalize=True, ignore_missing=False)
        if indexer is not None and topn is not None:
            return indexer.most_similar(query, topn)
        rows = slice(0, restrict_vocab) if restrict_vocab is not None else slice(clip_start, clip_end)
        scores_k = self._cosines(query, rows)
        if topn is None:
            return scores_k
        start = rows.indices(len(self))[0]
        return self._best(scores_k, partial(self._exact_cosines, query), topn, self._rows_of(items), start)

    def most_similar_cosmul(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> list[tuple[str, float]] | np.ndarray:
        """As :meth:`most_similar`, by products of cosines (3CosMul), in which no single word dominates.

        Cosines are moved to [0, 1]; weights are not supported. Source: Levy and Goldberg 2014, equation 4.
        """
        positive, negative = _as_list(positive, "positive"), _as_list(negative, "negative")
        items, _ = self._items(positive, negative)
        if any(isinstance(item, tuple) for item in positive + negative):
            raise TypeError("most_similar_cosmul takes words and vectors without weights")
        if topn is not None and topn < 1:
            return []
        rows = slice(0, restrict_vocab)
        vectors = [self._vector_of(item) for item in items]

        def score(
            cosines: Callable[[np.ndarray, Any], np.ndarray], of_rows: slice | np.ndarray
        ) -> np.ndarray:
            shifted = [(1 + cosines(vector, of_rows)) / 2 for vector in vectors]
            numerator = np.prod(shifted[: len(positive)], axis=0)
            return numerator / (np.prod(shifted[len(positive) :], axis=0) + _COSMUL_EPSILON)

        scores_k = score(self._cosines, rows)
        if topn is None:
            return scores_k
        return self._best(scores_k, partial(score, self._exact_cosines), topn, self._rows_of(items))

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> list[tuple[str, float]] | np.ndarray:
        """:meth:`most_similar` to one word."""
        return self.most_similar(positive=[word], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_key = similar_by_word

    def similar_by_vector(
        self, vector: np.ndarray, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> list[tuple[str, float]] | np.ndarray:
        """:meth:`most_similar` to a vector (H,); no word is excluded."""
        return self.most_similar(positive=[np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def distances(self, word_or_vector: KeyOrVector, other_words: Iterable[Key] = ()) -> np.ndarray:
        """Cosine distances (1 - cosine) from a word or vector to `other_words`, in their order, or to all words."""
        others = self._indices(other_words)
        scores_k = self._cosines(self._vector_of(word_or_vector), others if len(others) else slice(None))
        return 1.0 - scores_k

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """All words closer to `key1` than `key2` is, in index order."""
        query, bound = self._vector_of(key1), self.get_index(key2)
        scores_k = self._cosines(query, slice(None))
        near = np.flatnonzero(scores_k >= scores_k[bound] - _FLOAT32_SLACK)
        exact = self._exact_cosines(query, near)
        closer = near[exact > self._exact_cosines(query, np.array([bound]))]
        return [self.index_to_key[i] for i in closer.tolist() if i != self.get_index(key1)]

    def rank(self, key1: Key, key2: Key) -> int:
        """Place of `key2` among the words closest to `key1`; the closest one has 1."""
        return len(self.closer_than(key1, key2)) + 1

    # Queries over few words -------------------------------------------------------------------------------------------

    def similarity(self, w1: Key, w2: Key) -> float:
        """Cosine of two words, computed in float64."""
        return _cosine(self.get_vector(w1), self.get_vector(w2))

    def distance(self, w1: Key, w2: Key) -> float:
        """1 - :meth:`similarity`."""
        return 1.0 - self.similarity(w1, w2)

    def n_similarity(self, ws1: Iterable[Key], ws2: Iterable[Key]) -> float:
        """Cosine of the mean vectors of two sets of words. KeyError if one is unknown, ValueError if a set is empty."""
        ws1, ws2 = list(ws1), list(ws2)
        if not ws1 or not ws2:
            raise ValueError("ws1 and ws2 must not be empty")
        means = (self.get_mean_vector(ws, pre_normalize=False, ignore_missing=False) for ws in (ws1, ws2))
        return _cosine(*means)

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """The word farthest from the mean of all of them; unknown ones are left out and logged."""
        words = list(words)
        known = [word for word in words if word in self]
        if len(known) < len(words):
            logger.warning(
                "doesnt_match: left out unknown words %r", [word for word in words if word not in self]
            )
        if not known:
            raise ValueError("words: none of them is in the vocabulary")
        units = np.stack([self.get_vector(word, norm=True) for word in known])
        return known[int(np.argmin(units @ units.mean(axis=0)))]

    # Evaluation -------------------------------------------------------------------------------------------------------

    def evaluate_word_pairs(
        self,
        pairs: evaluation.LineSource,
        delimiter: str | None = "\t",
        encoding: str = "utf8",
        restrict_vocab: int = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[tuple[float, float], tuple[float, float], float]:
        """Correlation of cosines with human similarity scores.

        Parameters
        ----------
        pairs : path or iterable of str     Lines "word word score"; ``#`` starts a comment.
        delimiter : str or None             Between the columns; None: any white space.
        encoding : str                      Of the file.
        restrict_vocab : int                Only the first words count as known.
        case_insensitive : bool             Compare in upper case; of several spellings the first word is used.
        dummy4unknown : bool                Give pairs with an unknown word similarity 0 instead of leaving them out.

        Returns
        -------
        pearson, spearman : (float, float)  Correlation and two-sided p-value; NaN if all cosines are equal.
        oov_percent : float                 Percentage of pairs with an unknown word.

        Raises
        ------
        FormatError, ValueError             The file holds no pairs; fewer than two of them are known.
        """
        return evaluation.word_pairs(
            *self._first_rows(restrict_vocab),
            pairs,
            delimiter=delimiter,
            encoding=encoding,
            case_insensitive=case_insensitive,
            dummy4unknown=dummy4unknown,
        )

    def evaluate_word_analogies(
        self,
        analogies: evaluation.LineSource,
        restrict_vocab: int = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[dict[str, Any]]]:
        """Accuracy on analogies "a is to b as c is to d" in the format of questions-words.txt.

        Parameters
        ----------
        analogies : path or iterable of str     ``: name`` starts a section; four words per line.
        restrict_vocab : int                    Only the first words count as known and as answers; state it.
        case_insensitive : bool                 Compare in upper case; of several spellings the first word is used.
        dummy4unknown : bool                    Count questions with an unknown word as wrong instead of skipping them.
        similarity_function : str               "most_similar" (3CosAdd) or "most_similar_cosmul" (3CosMul).

        Returns
        -------
        score : float                           Right answers over questions counted.
        sections : list of dict                 'section', 'correct', 'incorrect'; the last is 'Total accuracy'.
        """
        return evaluation.analogies(
            *self._first_rows(restrict_vocab),
            analogies,
            case_insensitive=case_insensitive,
            dummy4unknown=dummy4unknown,
            similarity_function=similarity_function,
        )

    # Files ------------------------------------------------------------------------------------------------------------

    def save_word2vec_format(
        self,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
        write_header: bool = True,
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
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
        limit: int | None = None,
        no_header: bool = False,
        unicode_errors: str = "strict",
        *,
        encoding: str = "utf8",
    ) -> "KeyedVectors":
        """Read word2vec text or binary; see :func:`fastsg.io.word2vec.load_word2vec`.

        `fvocab` names a file of "word count" lines that must know every word (FormatError names a missing one).
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

    # Helpers ----------------------------------------------------------------------------------------------------------

    def _norm_factors(self) -> np.ndarray:
        self.fill_norms()
        return self._inverse_norms_k

    def _first_rows(self, restrict_vocab: int | None) -> tuple[list[str], np.ndarray, np.ndarray]:
        rows = slice(0, restrict_vocab)
        return self.index_to_key[rows], self.vectors[rows], self._norm_factors()[rows]

    def _indices(self, keys: Iterable[Key]) -> np.ndarray:
        return np.array([self.get_index(key) for key in keys], np.int64)

    def _vector_of(self, key_or_vector: KeyOrVector) -> np.ndarray:
        if not isinstance(key_or_vector, np.ndarray):
            return self.vectors[self.get_index(key_or_vector)]
        if key_or_vector.shape != (self.vector_size,):
            raise ValueError(f"a vector must have shape ({self.vector_size},), got {key_or_vector.shape}")
        return key_or_vector

    def _mean_part(self, key: KeyOrVector, pre_normalize: bool, ignore_missing: bool) -> np.ndarray | None:
        if isinstance(key, np.ndarray):
            return self._vector_of(key)
        if ignore_missing and key not in self:
            return None
        return self.get_vector(key, norm=pre_normalize)

    def _items(self, positive: Any, negative: Any) -> tuple[list[KeyOrVector], list[float]]:
        """Keys and vectors of a query with their weights."""
        items, weights = [], []
        for argument, given, default in (("positive", positive, 1.0), ("negative", negative, -1.0)):
            for item in _as_list(given, argument):
                key, weight = item if isinstance(item, tuple) and len(item) == 2 else (item, default)
                if not isinstance(key, str | int | np.integer | np.ndarray) or isinstance(weight, str):
                    raise TypeError(f"{argument} takes words, vectors or (word, weight) pairs, got {item!r}")
                items.append(key)
                weights.append(float(weight))
        if not items:
            raise ValueError("positive and negative are both empty: nothing to compare with")
        return items, weights

    def _rows_of(self, items: list[KeyOrVector]) -> list[int]:
        return [self.get_index(item) for item in items if not isinstance(item, np.ndarray)]

    def _cosines(self, query: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
        """Cosines of a vector with rows; the norms divide the scores, so no normed copy of the matrix is needed."""
        with np.errstate(invalid="ignore", over="ignore"):  # only vectors loaded with allow_nonfinite can
            return self.vectors[rows] @ _unit(query).astype(self.vectors.dtype) * self._norm_factors()[rows]

    def _exact_cosines(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Cosines of a vector with a few rows in float64, equal for equal rows wherever they stand.

        A float32 matrix product may give equal rows different last bits; this decides ties.
        """
        unit = _unit(query.astype(np.float64))
        scores = np.empty(len(ids))
        step = max(1, _BLOCK_NUMBERS // self.vector_size)
        with np.errstate(invalid="ignore"):
            for start in range(0, len(ids), step):
                block = self.vectors[ids[start : start + step]].astype(np.float64)
                norms = np.sqrt(np.einsum("kh,kh->k", block, block))
                norms[norms < _TINY] = np.inf
                scores[start : start + step] = np.einsum("kh,h->k", block, unit) / norms
        return scores

    def _best(
        self,
        scores_k: np.ndarray,
        exact: Callable[[np.ndarray], np.ndarray],
        topn: int,
        exclude: list[int],
        start: int = 0,
    ) -> list[tuple[str, float]]:
        """The topn best of rows start, start + 1, ...: found by their scores, ordered by `exact`; NaN last."""
        order_by = np.where(np.isnan(scores_k), -np.inf, scores_k)
        need = min(topn + len(exclude), len(order_by))
        if need == 0:
            return []
        threshold = np.partition(order_by, -need)[-need]
        slack = _FLOAT32_SLACK * max(1.0, abs(threshold)) if np.isfinite(threshold) else 0.0
        ids = start + np.flatnonzero(order_by >= threshold - slack)
        ids = ids[~np.isin(ids, exclude)]
        scores = exact(ids)
        ranked = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")[:topn]
        return [
            (self.index_to_key[i], float(score)) for i, score in zip(ids[ranked], scores[ranked], strict=True)
        ]


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

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return KeyError, (str(self),)  # without the vocabulary


def _checked_index(words: list[str], rows: int) -> dict[str, int]:
    if len(words) != rows:
        raise ValueError(f"words must have one entry per row of matrix ({rows}), got {len(words)}")
    wrong = next((word for word in words if not isinstance(word, str)), None)
    if wrong is not None:
        raise TypeError(f"words must be str, got {type(wrong).__name__}: {wrong!r}")
    index = dict(zip(words, range(rows), strict=True))
    if len(index) != rows:
        twice = next(word for i, word in enumerate(words) if index[word] != i)
        raise ValueError(f"words must be unique, {twice!r} comes twice")
    return index


def _checked_counts(counts: Sequence[int] | np.ndarray, rows: int) -> np.ndarray:
    array = np.asarray(counts)
    if array.shape != (rows,) or (rows and array.dtype.kind not in "iu") or (array < 0).any():
        raise ValueError(f"counts must be {rows} integers >= 0, got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64, copy=False)


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """The rows at length 1, float32; a zero row stays zero."""
    return (matrix * _inverse_norms(matrix)[:, None]).astype(np.float32)


def _inverse_norms(vectors_kh: np.ndarray) -> np.ndarray:
    """1 / norm of each row (K,): 0 for a zero row, NaN for one that is not finite. Blocks keep temporaries small."""
    squares_k = np.empty(len(vectors_kh))
    step = max(1, _BLOCK_NUMBERS // vectors_kh.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(vectors_kh), step):
            block = vectors_kh[start : start + step].astype(np.float64, copy=False)
            squares_k[start : start + step] = np.einsum("kh,kh->k", block, block)
    norms_k = np.sqrt(squares_k)
    norms_k[~np.isfinite(norms_k)] = np.nan
    nonzero = ~(norms_k < _TINY)
    return np.divide(1.0, norms_k, out=np.zeros_like(norms_k), where=nonzero).astype(vectors_kh.dtype)


def _unit(vector: np.ndarray) -> np.ndarray:
    """The vector with length 1, in its dtype; a zero one stays zero."""
    double = vector.astype(np.float64)
    norm = float(np.linalg.norm(double))
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        return (double * 0.0 if norm < _TINY else double / norm).astype(vector.dtype)


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(_unit(x.astype(np.float64)) @ _unit(y.astype(np.float64)))


def _as_list(given: Any, argument: str) -> list:
    """Items of a query argument: one key, vector or (key, weight) pair alone counts as a list of one."""
    if given is None:
        return []
    if isinstance(given, str | int | np.integer | tuple):
        return [given]
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind == "f":
        return [given]
    try:
        return list(given)
    except TypeError:
        raise TypeError(f"{argument} takes words, vectors or (word, weight) pairs, got {given!r}") from None
