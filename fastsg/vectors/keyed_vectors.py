"""KeyedVectors: exact queries over words with their vectors, and evaluation.

Names and signatures follow gensim 4.4 so that code written for it runs; the implementation is independent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from . import evaluation
from .neighbours import ExactSearch, Floats, Score, cosine, cosine_score, cosmul_score
from .store import KEY_TYPES, Key, KeyOrVector, VectorStore

logger = logging.getLogger(__name__)

Answers = list[tuple[str, float]]


class Indexer(Protocol):
    """What may answer in place of the exact search."""

    def most_similar(self, vector: Floats, topn: int) -> Answers:
        """The `topn` words closest to a vector of length 1, with their similarities, best first."""


class KeyedVectors(VectorStore):
    """Words and their vectors.

    Parameters
    ----------
    words : sequence of str, length K       Unique; their order is the index, usually by falling frequency.
    matrix : ndarray of shape (K, H)        float32 or float64, H >= 1. Neither copied nor changed: it may be
                                            read-only, memory-mapped or shared with a trainer.
    counts : array-like of int (K,) or None     Occurrences of each word in the corpus.

    Raises
    ------
    TypeError, ValueError                   An argument is not as above; names it.

    Attributes
    ----------
    vectors : ndarray (K, H)            The matrix given.
    index_to_key : list of str          Word of each row.
    key_to_index : dict of str to int   Row of each word.
    counts : ndarray (K,), int64, or None

    Notes
    -----
    Similarities are cosines. A row whose norm is below 1.2e-38 counts as zero: its cosine with anything is 0.
    Those in lists are computed in float64, equal ones ordered by index. A key is a word or, as in gensim, a
    row number. The norms are cached at the first query: after changing `vectors` in place call
    :meth:`fill_norms` with ``force=True``.
    """

    # ---- queries over all words ----

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> Answers | Floats:
        """Words closest to the sum of the positive minus the negative ones (3CosAdd).

        Parameters
        ----------
        positive, negative : key, ndarray (H,), (key or array, weight) pair, or list of those
                                        The default weight is 1, or -1 under negative. The weight of a pair is
                                        taken as it is, so under negative it should be below zero (as in
                                        gensim).
        topn : int or None              How many; None returns all similarities instead.
        clip_start, clip_end : int      Consider only rows in [clip_start, clip_end).
        restrict_vocab : int or None    Consider only the first rows; overrides the clip.
        indexer : object or None        Its ``most_similar(vector, topn)`` replaces the exact search.

        Returns
        -------
        list of (word, cosine), best first, without the words given; or ndarray (rows considered,) of cosines
        for ``topn=None``.

        Raises
        ------
        KeyError                        An unknown word; the message suggests close ones.
        ValueError, TypeError           Nothing to compare with, or an item is not one of the above.

        Notes
        -----
        Cost 2 K H flops. Source: Mikolov, Yih and Zweig 2013.
        """
        items, weights = _weighted_items(positive, negative)
        if topn is not None and topn < 1:
            return []
        query = self.get_mean_vector(items, weights, post_normalize=True, ignore_missing=False)
        if indexer is not None and topn is not None:
            return indexer.most_similar(query, topn)
        rows = slice(0, restrict_vocab) if restrict_vocab is not None else slice(clip_start, clip_end)
        return self._ranked(cosine_score(query), rows, topn, items)

    def most_similar_cosmul(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Answers | Floats:
        """As :meth:`most_similar`, by products of cosines (3CosMul), in which no single word dominates.

        Cosines are moved to [0, 1]; weights are not supported. Source: Levy and Goldberg 2014, equation 4.
        """
        positive, negative = _as_list(positive, "positive"), _as_list(negative, "negative")
        items, _ = _weighted_items(positive, negative)
        if any(isinstance(item, tuple) for item in positive + negative):
            raise TypeError("most_similar_cosmul takes words and vectors without weights")
        if topn is not None and topn < 1:
            return []
        vectors = [self._vector_of(item) for item in items]
        score = cosmul_score(vectors[: len(positive)], vectors[len(positive) :])
        return self._ranked(score, slice(0, restrict_vocab), topn, items)

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Answers | Floats:
        """:meth:`most_similar` to one word."""
        return self.most_similar(positive=[word], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_key = similar_by_word

    def similar_by_vector(
        self, vector: Floats, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Answers | Floats:
        """:meth:`most_similar` to a vector (H,); no word is excluded."""
        return self.most_similar(positive=[np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def distances(self, word_or_vector: KeyOrVector, other_words: Iterable[Key] = ()) -> Floats:
        """Cosine distances (1 - cosine) from a word or vector to `other_words`, by default to all words."""
        others = self._indices(other_words)
        query = self._vector_of(word_or_vector)
        return 1.0 - self._search().cosines(query, others if len(others) else slice(None))

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """All words closer to `key1` than `key2` is, in the order of the index."""
        own = self.get_index(key1)
        closer = self._search().closer(self.vectors[own], self.get_index(key2))
        return [self.index_to_key[i] for i in closer if i != own]

    def rank(self, key1: Key, key2: Key) -> int:
        """Place of `key2` among the words closest to `key1`; the closest one has 1."""
        return len(self.closer_than(key1, key2)) + 1

    def _search(self) -> ExactSearch:
        return ExactSearch(self.vectors, self._inverse_norms())

    def _ranked(
        self, score: Score, rows: slice, topn: int | None, given: list[KeyOrVector]
    ) -> Answers | Floats:
        """The best words by a score, without those given; for ``topn=None`` all scores."""
        search = self._search()
        if topn is None:
            return search.scores(score, rows)
        excluded = [self.get_index(item) for item in given if isinstance(item, KEY_TYPES)]
        return [(self.index_to_key[i], value) for i, value in search.best(score, rows, topn, excluded)]

    # ---- queries over few words ----

    def similarity(self, w1: Key, w2: Key) -> float:
        """Cosine of two words, computed in float64."""
        return cosine(self.get_vector(w1), self.get_vector(w2))

    def distance(self, w1: Key, w2: Key) -> float:
        """1 - :meth:`similarity`."""
        return 1.0 - self.similarity(w1, w2)

    def n_similarity(self, ws1: Iterable[Key], ws2: Iterable[Key]) -> float:
        """Cosine of the means of two sets of known words; ValueError if a set is empty."""
        ws1, ws2 = list(ws1), list(ws2)
        if not ws1 or not ws2:
            raise ValueError("ws1 and ws2 must not be empty")
        mean1, mean2 = (
            self.get_mean_vector(ws, pre_normalize=False, ignore_missing=False) for ws in (ws1, ws2)
        )
        return cosine(mean1, mean2)

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """The word farthest from the mean of all of them; unknown ones are left out and logged."""
        words = list(words)
        known = [word for word in words if word in self]
        if len(known) < len(words):
            unknown = [word for word in words if word not in self]
            logger.warning("doesnt_match: left out unknown words %r", unknown)
        if not known:
            raise ValueError("words: none of them is in the vocabulary")
        units = np.stack([self.get_vector(word, norm=True) for word in known])
        return known[int(np.argmin(units @ units.mean(axis=0)))]

    # ---- evaluation ----

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
        case_insensitive : bool             Compare in upper case; of several spellings the first word counts.
        dummy4unknown : bool                Give pairs with an unknown word similarity 0 instead of leaving
                                            them out.

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
        analogies : path or iterable of str     ``: name`` starts a section; four words in a line.
        restrict_vocab : int                    Only the first words count as known and as answers; report it.
        case_insensitive : bool                 Compare in upper case; of several spellings the first counts.
        dummy4unknown : bool                    Count questions with unknown words as wrong, do not skip them.
        similarity_function : str               "most_similar" (3CosAdd) or "most_similar_cosmul" (3CosMul).

        Returns
        -------
        score : float                           Right answers over questions counted.
        sections : list of dict                 'section', 'correct', 'incorrect'; the last: 'Total accuracy'.
        """
        return evaluation.analogies(
            *self._first_rows(restrict_vocab),
            analogies,
            case_insensitive=case_insensitive,
            dummy4unknown=dummy4unknown,
            similarity_function=similarity_function,
        )

    def _first_rows(self, restrict_vocab: int | None) -> tuple[list[str], Floats, Floats]:
        rows = slice(0, restrict_vocab)
        return self.index_to_key[rows], self.vectors[rows], self._inverse_norms()[rows]


def _weighted_items(positive: Any, negative: Any) -> tuple[list[KeyOrVector], list[float]]:
    """Keys and vectors of a query with their weights."""
    items: list[KeyOrVector] = []
    weights = []
    for argument, given, default in (("positive", positive, 1.0), ("negative", negative, -1.0)):
        for item in _as_list(given, argument):
            key, weight = item if isinstance(item, tuple) and len(item) == 2 else (item, default)
            if not isinstance(key, (*KEY_TYPES, np.ndarray)) or isinstance(weight, str):
                raise TypeError(f"{argument} takes words, vectors or (word, weight) pairs, got {item!r}")
            items.append(key)
            weights.append(float(weight))
    if not items:
        raise ValueError("positive and negative are both empty: nothing to compare with")
    return items, weights


def _as_list(given: Any, argument: str) -> list[Any]:
    """Items of a query argument; one key, vector or (key, weight) pair alone counts as a list of one."""
    if given is None:
        return []
    is_vector = isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind == "f"
    if isinstance(given, (*KEY_TYPES, tuple)) or is_vector:
        return [given]
    try:
        return list(given)
    except TypeError:
        raise TypeError(f"{argument} takes words, vectors or (word, weight) pairs, got {given!r}") from None
