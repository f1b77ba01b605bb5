"""KeyedVectors: exact queries over words with their vectors, and evaluation.

Names and signatures follow gensim 4.4 so that code written for it runs; the implementation is independent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np

from ..checks import floats, integer, listed
from . import evaluation
from .directions import TINY, Floats, cosine, unit
from .files import StoredVectors
from .growing import GrowingVectors
from .queries import Queries
from .store import Key

logger = logging.getLogger(__name__)


class KeyedVectors(Queries, GrowingVectors, StoredVectors):
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
    vectors : ndarray (K, H)            The matrix given, until words are added or vectors replaced.
    index_to_key : list of str          Word of each row.
    key_to_index : dict of str to int   Row of each word.
    counts : ndarray (K,), int64, or None
    expandos : dict of str to ndarray   Attributes of the words, by name: "count", and those that were set.

    Notes
    -----
    Similarities are cosines. A row whose norm is below 1.2e-38 counts as zero: its cosine with anything is 0.
    Those in lists are computed in float64, equal ones ordered by index. A key is a word or, as in gensim, a
    row number. The norms are cached at the first query: after changing `vectors` in place call
    :meth:`fill_norms` with ``force=True``.
    """

    # ---- queries over few words ----

    def similarity(self, w1: Key, w2: Key) -> float:
        """Cosine of two words, computed in float64."""
        return cosine(self.vectors[self.get_index(w1)], self.vectors[self.get_index(w2)])

    def distance(self, w1: Key, w2: Key) -> float:
        """1 - :meth:`similarity`."""
        return 1.0 - self.similarity(w1, w2)

    def n_similarity(self, ws1: Iterable[Key], ws2: Iterable[Key]) -> float:
        """Cosine of the means of two sets of words; ValueError if a set is empty.

        Unknown words are left out, as in gensim, and their number is logged; a set without a known one has
        cosine 0 with everything.
        """
        means = []
        for name, given in (("ws1", ws1), ("ws2", ws2)):
            words = listed(name, given)
            if not words:
                raise ValueError(f"{name}: ws1 and ws2 must not be empty")
            self._known(words, "n_similarity")
            means.append(self.get_mean_vector(words, pre_normalize=False))
        return cosine(*means)

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """The word farthest from the mean of all of them; unknown ones are left out and logged."""
        known = self._some_known(words, "doesnt_match")
        units = np.stack([self.get_vector(word, norm=True) for word in known])
        return known[int(np.argmin(units @ units.mean(axis=0)))]

    def rank_by_centrality(self, words: Iterable[Key], use_norm: bool = True) -> list[tuple[float, Key]]:
        """(similarity, word) of words by their closeness to the middle of all of them, the closest first.

        Parameters
        ----------
        words : iterable of keys    Unknown ones are left out and logged.
        use_norm : bool             Take the vectors at length 1, so that similarities are cosines; otherwise
                                    they are products of the vectors and the middle at length 1.
        """
        known = self._some_known(words, "rank_by_centrality")
        vectors = self[known].astype(np.float64)
        if use_norm:
            norms = np.sqrt(np.einsum("nh,nh->n", vectors, vectors))
            vectors /= np.maximum(norms, TINY)[:, None]
        products = vectors @ unit(vectors.mean(axis=0))
        return sorted(zip(products.tolist(), known), key=lambda pair: pair[0], reverse=True)

    def most_similar_to_given(self, key1: Key, keys_list: Iterable[Key]) -> Key:
        """The first of those in `keys_list` that are most similar to `key1`; ValueError if there are none."""
        keys = listed("keys_list", keys_list)
        if not keys:
            raise ValueError("keys_list must not be empty")
        nearest: Key = keys[int(np.argmax([self.similarity(key1, key) for key in keys]))]
        return nearest

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """The cosine of two words over the sum of those of the `topn` words most similar to `wa`.

        Above 1 / topn, `wb` is more similar to `wa` than its neighbours are on average. ValueError if there
        are no neighbours. Source: Leeuwenberg, Vela, Dehdari and van Genabith 2016, equation 1.
        """
        near = self.similar_by_word(wa, topn)
        if not near:
            raise ValueError(
                f"topn: there is nothing to compare with, topn is {topn!r} among {len(self)} words"
            )
        total = sum(similarity for _, similarity in near)
        if not total:
            raise ValueError(f"wa: the similarities of {wa!r} to its neighbours add up to 0")
        return self.similarity(wa, wb) / total

    @staticmethod
    def cosine_similarities(vector_1: Floats, vectors_all: Floats) -> Floats:
        """Cosines (n,) of a vector (H,) with the rows of a matrix (n, H); 0 for a zero vector."""
        rows = floats("vectors_all", vectors_all)
        if rows.ndim != 2 or np.shape(vector_1) != rows.shape[1:]:
            raise ValueError(
                "vector_1 and vectors_all must be of shapes (H,) and (n, H), "
                f"got {np.shape(vector_1)} and {rows.shape}"
            )
        return np.array([unit(row) for row in rows]).reshape(rows.shape) @ unit(floats("vector_1", vector_1))

    def _known(self, words: list[Key], asked: str) -> list[Key]:
        known = [word for word in words if word in self]
        if len(known) < len(words):
            logger.warning(
                "%s: left out unknown words %r", asked, [word for word in words if word not in self]
            )
        return known

    def _some_known(self, words: Iterable[Key], asked: str) -> list[Key]:
        known = self._known(listed("words", words), asked)
        if not known:
            raise ValueError("words: none of them is in the vocabulary")
        return known

    # ---- evaluation ----

    def evaluate_word_pairs(
        self,
        pairs: evaluation.LineSource,
        delimiter: str | None = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> evaluation.WordPairsResult:
        """Correlation of cosines with human similarity scores.

        Parameters
        ----------
        pairs : path or iterable of str     Lines "word word score"; ``#`` starts a comment.
        delimiter : str or None             Between the columns; None: any white space.
        encoding : str                      Of the file.
        restrict_vocab : int or None        Only the first words count as known.
        case_insensitive : bool             Compare in upper case; of several spellings the first word counts.
        dummy4unknown : bool                Give pairs with an unknown word similarity 0 instead of leaving
                                            them out.

        Returns
        -------
        pearson, spearman : Correlation     Named tuples of `statistic` and two-sided `pvalue`; NaN if all
                                            cosines are equal.
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
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> evaluation.AnalogiesResult:
        """Accuracy on analogies "a is to b as c is to d" in the format of questions-words.txt.

        Parameters
        ----------
        analogies : path or iterable of str     ``: name`` starts a section; four words in a line.
        restrict_vocab : int or None            Only the first words count as known and as answers; report it.
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
        first = None if restrict_vocab is None else integer("restrict_vocab", restrict_vocab, None)
        rows = slice(0, first)
        return self.index_to_key[rows], self.vectors[rows], self._inverse_norms()[rows]
