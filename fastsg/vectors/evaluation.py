"""Judging vectors: rank correlation with its p-value, word similarity and analogy files.

Everything works on plain (words, matrix) and needs NumPy alone; :class:`fastsg.vectors.KeyedVectors` calls it.
"""

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import FormatError

logger = logging.getLogger(__name__)

_BATCH_NUMBERS = 1 << 23  # scores held at once: 32 MiB of float32
_COSMUL_EPSILON = 1e-6
_ANALOGY_METHODS = ("most_similar", "most_similar_cosmul")

LineSource = str | os.PathLike[str] | Iterable[str]
Question = tuple[str, str, str, str]


# Statistics -----------------------------------------------------------------------------------------------------------


def average_ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs; float64 of shape (n,)."""
    values = np.asarray(values, np.float64)
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    return (last - (size - 1) / 2)[group]


def pearson(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Pearson's correlation and its two-sided p-value.

    Parameters
    ----------
    x, y : array-like of shape (n,), n >= 2

    Returns
    -------
    r, p : float        Both NaN when x or y is constant.

    Raises
    ------
    ValueError          Shapes differ, or n < 2.

    Notes
    -----
    Under independence and normality t = r sqrt((n - 2) / (1 - r^2)) has Student's distribution with n - 2 degrees of
    freedom, so p = I(1 - r^2; (n - 2) / 2, 1 / 2) with the regularised incomplete beta function I.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise ValueError(f"x and y must be of one shape (n,), n >= 2, got {x.shape} and {y.shape}")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan, math.nan
    x, y = x - x.mean(), y - y.mean()
    # Scaling first keeps the squares of tiny or huge values in range.
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    r = float(np.clip(x @ y / math.sqrt((x @ x) * (y @ y)), -1.0, 1.0))
    freedom = len(x) - 2
    return r, regularised_beta((1 - r) * (1 + r), freedom / 2, 0.5) if freedom else 1.0


def spearman(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Spearman's rank correlation (ties averaged) and its p-value by Student's t; as :func:`pearson` of the ranks."""
    return pearson(average_ranks(x), average_ranks(y))


def regularised_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I(x; a, b), for 0 <= x <= 1 and a, b > 0; relative error about 1e-12.

    Source: the continued fraction of Abramowitz & Stegun 26.5.8, evaluated from the front by Lentz's method; it
    converges fast for x < (a + 1) / (a + b + 2), the other side follows from I(x; a, b) = 1 - I(1 - x; b, a).
    """
    if not (0 <= x <= 1 and a > 0 and b > 0):
        raise ValueError(f"need 0 <= x <= 1, a > 0 and b > 0, got x={x}, a={a}, b={b}")
    if x in (0.0, 1.0):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - regularised_beta(1.0 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) / (a * _beta_fraction(x, a, b))


def _beta_fraction(x: float, a: float, b: float) -> float:
    """1 + d1 / (1 + d2 / (1 + ...)) of A&S 26.5.8."""
    tiny = 1e-300  # stands for a vanishing denominator
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, 10_000):
        m = step // 2
        if step % 2:
            coefficient = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            coefficient = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / (1.0 + coefficient * d or tiny)
        c = 1.0 + coefficient / c or tiny
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


# Word similarity ------------------------------------------------------------------------------------------------------


def read_word_pairs(
    pairs: LineSource, delimiter: str | None = "\t", encoding: str = "utf8"
) -> list[tuple[str, str, float]]:
    """(word, word, score) per line; lines starting with ``#`` are comments, other lines are counted and logged.

    Parameters
    ----------
    pairs : path or iterable of str     Lines "word<delimiter>word<delimiter>score", further columns ignored.
    delimiter : str or None             None: any white space.

    Raises
    ------
    FormatError                         Not one line is a pair, or the file is not `encoding`; names the file.
    """
    found, skipped = [], 0
    for line in _lines(pairs, encoding):
        fields = [field.strip() for field in line.split(delimiter)]
        if not line.strip() or line.startswith("#"):
            continue
        score = _number(fields[2]) if len(fields) >= 3 else None
        if score is None:
            skipped += 1
        else:
            found.append((fields[0], fields[1], score))
    if skipped:
        logger.warning("%s: skipped %d line(s) that are no pair", _name(pairs), skipped)
    if not found:
        raise FormatError(f"{_name(pairs)}: no line of the form word, word, score separated by {delimiter!r}")
    return found


def word_pairs(
    words: Sequence[str],
    vectors_kh: np.ndarray,
    inverse_norms_k: np.ndarray,
    pairs: LineSource,
    *,
    delimiter: str | None = "\t",
    encoding: str = "utf8",
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Correlate cosine similarities with human scores; see :meth:`KeyedVectors.evaluate_word_pairs`.

    Parameters
    ----------
    words : sequence of str, length K
    vectors_kh : ndarray (K, H)             Rows need not be normalised.
    inverse_norms_k : ndarray (K,)          1 / norm of each row, 0 for a zero row.

    Returns
    -------
    pearson, spearman : (float, float)      Correlation and p-value.
    oov_percent : float                     Share of pairs with an unknown word.
    """
    fold = _folding(case_insensitive)
    index = folded_index(words, fold)
    found = read_word_pairs(pairs, delimiter, encoding)
    ids = np.array([(index.get(fold(a), -1), index.get(fold(b), -1)) for a, b, _ in found])
    known = (ids >= 0).all(axis=1)
    used = np.full(len(found), True) if dummy4unknown else known
    if used.sum() < 2:
        raise ValueError(
            f"{_name(pairs)}: the words of {known.sum()} of {len(found)} pairs are known, need 2 or more"
        )
    cosines = np.zeros(len(found))
    left, right = ids[known].T
    products = np.einsum("nh,nh->n", vectors_kh[left], vectors_kh[right], dtype=np.float64)
    cosines[known] = products * inverse_norms_k[left] * inverse_norms_k[right]
    scores = np.array([score for *_, score in found])
    oov_percent = 100.0 * float(np.mean(~known))
    return pearson(scores[used], cosines[used]), spearman(scores[used], cosines[used]), oov_percent


# Analogies ------------------------------------------------------------------------------------------------------------


def read_analogies(analogies: LineSource, encoding: str = "utf8") -> list[tuple[str, list[Question]]]:
    """Sections of "a b c d" questions in the format of questions-words.txt (``: name`` starts a section).

    Lines without exactly four words are counted and logged.

    Raises
    ------
    FormatError     No question at all, one before the first section, or the file is not `encoding`; names the file.
    """
    sections: list[tuple[str, list[Question]]] = []
    skipped = 0
    for line in _lines(analogies, encoding):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        question = tuple(line.split())
        if len(question) == 4 and not sections:
            raise FormatError(
                f"{_name(analogies)}: a question stands before the first ': section' line: {line!r}"
            )
        if len(question) == 4:
            sections[-1][1].append(question)
        elif question:
            skipped += 1
    if skipped:
        logger.warning("%s: skipped %d line(s) without four words", _name(analogies), skipped)
    if not any(questions for _, questions in sections):
        raise FormatError(f"{_name(analogies)}: no question of four words")
    return sections


def analogies(
    words: Sequence[str],
    vectors_kh: np.ndarray,
    inverse_norms_k: np.ndarray,
    questions: LineSource,
    *,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    similarity_function: str = "most_similar",
) -> tuple[float, list[dict[str, Any]]]:
    """Accuracy on "a is to b as c is to ?"; see :meth:`KeyedVectors.evaluate_word_analogies`.

    Parameters are those of :func:`word_pairs`; answers come from `words` alone.

    Returns
    -------
    score : float               Right answers over questions asked, 0.0 if none could be asked.
    sections : list of dict     'section', 'correct' and 'incorrect' (lists of 4-tuples), the last one for all.
    """
    if similarity_function not in _ANALOGY_METHODS:
        raise ValueError(
            f"similarity_function must be one of {_ANALOGY_METHODS}, got {similarity_function!r}"
        )
    fold = _folding(case_insensitive)
    sections = read_analogies(questions)
    folded = [tuple(map(fold, question)) for _, section in sections for question in section]
    index = folded_index(words, fold)
    ids = np.array([[index.get(word, -1) for word in question] for question in folded])
    known = (ids >= 0).all(axis=1)
    right = np.zeros(len(folded), bool)
    table = _Table(words, vectors_kh, inverse_norms_k, fold, index)
    right[known] = table.answers(ids[known, :3], similarity_function) == ids[known, 3]
    return _report(sections, folded, right, known | dummy4unknown)


def _report(
    sections: list[tuple[str, list[Question]]], folded: list[Question], right: np.ndarray, asked: np.ndarray
) -> tuple[float, list[dict[str, Any]]]:
    results, start = [], 0
    for name, questions in [*sections, ("Total accuracy", None)]:
        part = slice(0, start) if questions is None else slice(start, start + len(questions))
        start = part.stop
        judged = list(zip(folded[part], right[part], asked[part], strict=True))
        correct = [question for question, hit, counts in judged if counts and hit]
        incorrect = [question for question, hit, counts in judged if counts and not hit]
        results.append({"section": name, "correct": correct, "incorrect": incorrect})
        total = len(correct) + len(incorrect)
        score = len(correct) / total if total else 0.0
        logger.info("%s: %.2f %% (%d of %d)", name, 100 * score, len(correct), total)
    return score, results


class _Table:
    """The rows analogies are answered from: scores batches of questions by matrix products."""

    def __init__(
        self,
        words: Sequence[str],
        vectors_kh: np.ndarray,
        inverse_norms_k: np.ndarray,
        fold: Callable[[str], str],
        index: dict[str, int],
    ) -> None:
        self._vectors_kh, self._inverse_norms_k = vectors_kh, inverse_norms_k
        self._first_k = np.fromiter((index[fold(word)] for word in words), np.int64, len(words))
        # The other spellings of a word, which as answers are the word itself.
        self._spellings: dict[int, list[int]] = {}
        for i in np.flatnonzero(self._first_k != np.arange(len(words))).tolist():
            self._spellings.setdefault(int(self._first_k[i]), []).append(i)
        self._never = np.flatnonzero(~np.isfinite(inverse_norms_k))

    def answers(self, abc_q3: np.ndarray, method: str) -> np.ndarray:
        """Id of the best word for every question, a, b, c themselves excluded; -1 if no score is finite."""
        best = np.empty(len(abc_q3), np.int64)
        step = max(1, _BATCH_NUMBERS // max(1, len(self._first_k)))
        score = self._additive if method == "most_similar" else self._multiplicative
        for start in range(0, len(abc_q3), step):
            batch = abc_q3[start : start + step]
            with np.errstate(invalid="ignore", over="ignore"):
                scores_qk = score(batch)
            scores_qk[:, self._never] = -np.inf
            scores_qk[np.arange(len(batch))[:, None], batch] = -np.inf
            self._exclude_spellings(scores_qk, batch)
            winner = scores_qk.argmax(axis=1)
            valid = np.isfinite(scores_qk[np.arange(len(batch)), winner])
            best[start : start + step] = np.where(valid, self._first_k[winner], -1)
        return best

    def _exclude_spellings(self, scores_qk: np.ndarray, batch: np.ndarray) -> None:
        if self._spellings:
            for q, question in enumerate(batch.tolist()):
                for word in question:
                    scores_qk[q, self._spellings.get(word, [])] = -np.inf

    def _unit(self, ids: np.ndarray) -> np.ndarray:
        return self._vectors_kh[ids] * self._inverse_norms_k[ids, None]

    def _cosines(self, queries_qh: np.ndarray) -> np.ndarray:
        scores_qk = queries_qh @ self._vectors_kh.T
        scores_qk *= self._inverse_norms_k
        return scores_qk

    def _additive(self, abc_q3: np.ndarray) -> np.ndarray:
        """3CosAdd: cos(d, b) - cos(d, a) + cos(d, c) (Mikolov et al. 2013)."""
        a, b, c = abc_q3.T
        return self._cosines(self._unit(b) - self._unit(a) + self._unit(c))

    def _multiplicative(self, abc_q3: np.ndarray) -> np.ndarray:
        """3CosMul: cos(d, b) cos(d, c) / (cos(d, a) + eps), cosines moved to [0, 1] (Levy & Goldberg 2014)."""
        a, b, c = (self._cosines(self._unit(ids)) for ids in abc_q3.T)
        # In place, and without the halves, which do not change the order.
        b += 1
        c += 1
        b *= c
        a += 1 + 2 * _COSMUL_EPSILON
        b /= a
        return b


# Reading --------------------------------------------------------------------------------------------------------------


def folded_index(words: Sequence[str], fold: Callable[[str], str]) -> dict[str, int]:
    """Folded word -> its lowest (most frequent) index."""
    index: dict[str, int] = {}
    for i, word in enumerate(words):
        index.setdefault(fold(word), i)
    return index


def _folding(case_insensitive: bool) -> Callable[[str], str]:
    return str.upper if case_insensitive else str


def _name(source: LineSource) -> str:
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else "the given lines"


def _lines(source: LineSource, encoding: str) -> Iterator[str]:
    if not isinstance(source, str | os.PathLike):
        yield from source
        return
    with open(source, encoding=encoding) as file:
        try:
            yield from file
        except UnicodeDecodeError as error:
            raise FormatError(f"{_name(source)}: not {encoding}: {error}") from None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
