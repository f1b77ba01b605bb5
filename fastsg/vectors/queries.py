"""Queries: the words that lie closest to what is asked for, exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, overload

import numpy as np

from .. import checks
from .answers import Answers, Ranking
from .directions import Floats, direction
from .indexer import Indexer
from .neighbours import ExactSearch, Score, cosine_score, cosmul_score
from .store import KEY_TYPES, Key, KeyOrVector, VectorStore

#: What the numbers of answers are.
_COSINE, _SCORE = "cosine", "score"


class Queries(VectorStore):
    """The part of :class:`KeyedVectors` that searches among all words."""

    @overload
    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> Answers: ...
    @overload
    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        *,
        topn: None,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> Floats: ...
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
        if indexer is not None and not callable(getattr(indexer, "most_similar", None)):
            raise TypeError(f"indexer is a {type(indexer).__name__}; it must have most_similar(vector, topn)")
        rows = _rows(clip_start, clip_end, restrict_vocab)
        if _is_nothing(topn):
            return Ranking([], _COSINE)
        query = self.get_mean_vector(items, weights, post_normalize=True, ignore_missing=False)
        if topn is None:
            return self._search().scores(cosine_score(query), rows)
        if indexer is not None:
            return indexer.most_similar(query, topn)
        return self._nearest([query], rows, topn, [items])[0]

    def most_similar_batch(
        self,
        queries: Floats | Iterable[KeyOrVector],
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[Answers]:
        """:meth:`most_similar` to each of many words or vectors: the same answers, many times faster.

        Parameters
        ----------
        queries : ndarray (n, H), or iterable of keys and ndarrays (H,)
        topn, clip_start, clip_end, restrict_vocab      As there; `topn` is not None.

        Returns
        -------
        list of n lists of (word, cosine)               Each without the word that was asked for.

        Notes
        -----
        Cost 2 n K H flops, shared among threads, whose number changes no answer.
        """
        is_flat = isinstance(queries, np.ndarray) and queries.ndim != 2
        if is_flat or isinstance(queries, str) or not isinstance(queries, Iterable):
            raise TypeError(
                f"queries must be an array (n, H), or a list of words and vectors, got {queries!r}"
            )
        if topn is None:
            raise TypeError("topn is None; a batch needs to know how many")
        items = [_checked_item("queries", item) for item in queries]
        rows = _rows(clip_start, clip_end, restrict_vocab)
        if _is_nothing(topn) or not items:
            return [Ranking([], _COSINE) for _ in items]
        units = [self.get_mean_vector([item], post_normalize=True, ignore_missing=False) for item in items]
        return self._nearest(units, rows, topn, [[item] for item in items])

    @overload
    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, topn: int = 10, restrict_vocab: int | None = None
    ) -> Answers: ...
    @overload
    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, *, topn: None, restrict_vocab: int | None = None
    ) -> Floats: ...
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
        rows = _rows(0, None, restrict_vocab)
        if _is_nothing(topn):
            return Ranking([], _SCORE)
        vectors = [self._vector_of(item) for item in items]
        score = cosmul_score(vectors[: len(positive)], vectors[len(positive) :])
        return self._ranked(score, rows, topn, items)

    @overload
    def similar_by_word(self, word: Key, topn: int = 10, restrict_vocab: int | None = None) -> Answers: ...
    @overload
    def similar_by_word(self, word: Key, topn: None, restrict_vocab: int | None = None) -> Floats: ...
    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Answers | Floats:
        """:meth:`most_similar` to one word."""
        return self.most_similar(positive=[word], topn=topn, restrict_vocab=restrict_vocab)

    @overload
    def similar_by_key(self, key: Key, topn: int = 10, restrict_vocab: int | None = None) -> Answers: ...
    @overload
    def similar_by_key(self, key: Key, topn: None, restrict_vocab: int | None = None) -> Floats: ...
    def similar_by_key(
        self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Answers | Floats:
        """The same as :meth:`similar_by_word`."""
        return self.most_similar(positive=[key], topn=topn, restrict_vocab=restrict_vocab)

    @overload
    def similar_by_vector(
        self, vector: Floats, topn: int = 10, restrict_vocab: int | None = None
    ) -> Answers: ...
    @overload
    def similar_by_vector(self, vector: Floats, topn: None, restrict_vocab: int | None = None) -> Floats: ...
    def similar_by_vector(
        self, vector: Floats, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Answers | Floats:
        """:meth:`most_similar` to a vector (H,); no word is excluded."""
        return self.most_similar(positive=[np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def distances(self, word_or_vector: KeyOrVector, other_words: Iterable[Key] = ()) -> Floats:
        """Cosine distances (1 - cosine) from a word or vector to `other_words`, by default to all words."""
        others = self._indices(checks.listed("other_words", other_words))
        query = direction(self._vector_of(word_or_vector))
        return 1.0 - self._search().cosines(query, others if len(others) else slice(None))

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """All words closer to `key1` than `key2` is, in the order of the index."""
        own = self.get_index(key1)
        query = direction(self.vectors[own])
        closer = self._search().closer(query, self.get_index(key2))
        return [self.index_to_key[i] for i in closer if i != own]

    def rank(self, key1: Key, key2: Key) -> int:
        """Place of `key2` among the words closest to `key1`; the closest one has 1."""
        return len(self.closer_than(key1, key2)) + 1

    # ---- helpers ----

    def _search(self) -> ExactSearch:
        return ExactSearch(self.vectors, self._inverse_norms())

    def _nearest(
        self, queries: list[Floats], rows: slice, topn: int, given: list[list[KeyOrVector]]
    ) -> list[Answers]:
        """The words closest to each query, without those that it was given."""
        excluded = [self._keys_among(items) for items in given]
        found = self._search().nearest(np.array(queries), rows, topn, excluded)
        return [Ranking(((self.index_to_key[i], cosine) for i, cosine in part), _COSINE) for part in found]

    def _ranked(
        self, score: Score, rows: slice, topn: int | None, given: list[KeyOrVector]
    ) -> Answers | Floats:
        """The best words by a score, without those given; for ``topn=None`` all scores."""
        search = self._search()
        if topn is None:
            return search.scores(score, rows)
        best = search.best(score, rows, topn, self._keys_among(given))
        return Ranking(((self.index_to_key[i], value) for i, value in best), _SCORE)

    def _keys_among(self, items: list[KeyOrVector]) -> list[int]:
        return [self.get_index(item) for item in items if isinstance(item, KEY_TYPES)]


def _is_nothing(topn: int | None) -> bool:
    """Whether no word is wanted; TypeError unless `topn` is None or an integer."""
    if topn is None or type(topn) is int:
        return topn is not None and topn < 1
    return checks.integer("topn", topn, least=None) < 1


def _rows(clip_start: int, clip_end: int | None, restrict_vocab: int | None) -> slice:
    """The rows that are considered; TypeError names an argument that is no integer."""
    for name, value in (
        ("clip_start", clip_start),
        ("clip_end", clip_end),
        ("restrict_vocab", restrict_vocab),
    ):
        if value is not None and type(value) is not int:
            checks.integer(name, value, least=None)
    return slice(0, restrict_vocab) if restrict_vocab is not None else slice(clip_start, clip_end)


def _weighted_items(positive: Any, negative: Any) -> tuple[list[KeyOrVector], list[float]]:
    """Keys and vectors of a query with their weights."""
    items: list[KeyOrVector] = []
    weights = []
    for argument, given, default in (("positive", positive, 1.0), ("negative", negative, -1.0)):
        for item in _as_list(given, argument):
            key, weight = item if isinstance(item, tuple) and len(item) == 2 else (item, default)
            if isinstance(weight, str):
                raise TypeError(f"{argument} takes words, vectors or (word, weight) pairs, got {item!r}")
            items.append(_checked_item(argument, key, item))
            weights.append(float(weight))
    if not items:
        raise ValueError("positive and negative are both empty: nothing to compare with")
    return items, weights


def _checked_item(argument: str, key: Any, given: Any = None) -> KeyOrVector:
    if not isinstance(key, (*KEY_TYPES, np.ndarray)):
        shown = key if given is None else given
        raise TypeError(f"{argument} takes words, vectors or (word, weight) pairs, got {shown!r}")
    return key


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
