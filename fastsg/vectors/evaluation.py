"""Judging vectors by word similarity and analogy files.

Everything works on words, a matrix and its inverse norms; :class:`fastsg.vectors.KeyedVectors` calls it.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from ..checks import number_in
from ..errors import FormatError
from ..io.untrusted import open_text
from .directions import Floats
from .neighbours import COSMUL_EPSILON, ExactSearch, Ids
from .statistics import Correlation, pearson, spearman

logger = logging.getLogger(__name__)

_BATCH_NUMBERS = 1 << 23  # scores held at once: 32 MiB of float32
_ANALOGY_METHODS = ("most_similar", "most_similar_cosmul")

LineSource = str | os.PathLike[str] | Iterable[str]
Question = tuple[str, str, str, str]
Section = tuple[str, list[Question]]
Fold = Callable[[str], str]


class WordPairsResult(NamedTuple):
    """How cosines agree with human scores; see :meth:`fastsg.KeyedVectors.evaluate_word_pairs`."""

    pearson: Correlation
    spearman: Correlation
    oov_percent: float


class AnalogySection(TypedDict):
    """The questions of a section, sorted into right and wrong."""

    section: str
    correct: list[Question]
    incorrect: list[Question]


class AnalogiesResult(NamedTuple):
    """The share of right answers; see :meth:`fastsg.KeyedVectors.evaluate_word_analogies`."""

    score: float
    sections: list[AnalogySection]


# ---- word similarity ----


def word_pairs(
    words: Sequence[str],
    vectors_kh: Floats,
    inverse_norms_k: Floats,
    pairs: LineSource,
    *,
    delimiter: str | None = "\t",
    encoding: str = "utf8",
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> WordPairsResult:
    """Correlate cosines with human scores; see :meth:`fastsg.KeyedVectors.evaluate_word_pairs`.

    Parameters
    ----------
    words : sequence of str, length K
    vectors_kh : ndarray (K, H)             Rows need not be normalised.
    inverse_norms_k : ndarray (K,)          1 / norm of each row, 0 for a zero row.

    Returns
    -------
    pearson, spearman : Correlation
    oov_percent : float                     Percentage of pairs with an unknown word.
    """
    fold = _folding(case_insensitive)
    index = _folded_index(words, fold)
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
    return WordPairsResult(
        pearson(scores[used], cosines[used]), spearman(scores[used], cosines[used]), oov_percent
    )


def read_word_pairs(
    pairs: LineSource, delimiter: str | None = "\t", encoding: str = "utf8"
) -> list[tuple[str, str, float]]:
    """(word, word, score) of each line but comments (``#``); lines of another form are counted and logged.

    Parameters
    ----------
    pairs : path or iterable of str     Lines "word<delimiter>word<delimiter>score"; further columns are
                                        ignored.
    delimiter : str or None             None: any white space.
    encoding : str                      Of the file.

    Raises
    ------
    FormatError                         No line is a pair, or the file is not `encoding`; names the file.
    """
    found, skipped = [], 0
    for line in _lines(pairs, encoding):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split(delimiter)]
        score = _finite_number(fields[2]) if len(fields) >= 3 else None
        if score is None:
            skipped += 1
        else:
            found.append((fields[0], fields[1], score))
    if skipped:
        logger.warning("%s: skipped %d line(s) without two words and a score", _name(pairs), skipped)
    if not found:
        sign = "white space" if delimiter is None else repr(delimiter)
        raise FormatError(f"{_name(pairs)}: no line of the form word, word, score separated by {sign}")
    return found


# ---- analogies ----


def analogies(
    words: Sequence[str],
    vectors_kh: Floats,
    inverse_norms_k: Floats,
    questions: LineSource,
    *,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    similarity_function: str = "most_similar",
    _batch_numbers: int = _BATCH_NUMBERS,
) -> AnalogiesResult:
    """Accuracy on "a is to b as c is to ?"; see :meth:`fastsg.KeyedVectors.evaluate_word_analogies`.

    Parameters are those of :func:`word_pairs`; answers come from `words` alone.

    Returns
    -------
    score : float               Right answers over questions asked, 0.0 if none could be asked.
    sections : list of dict     'section', 'correct' and 'incorrect' (lists of 4-tuples); the last one is for
                                all.
    """
    if similarity_function not in _ANALOGY_METHODS:
        raise ValueError(
            f"similarity_function must be one of {_ANALOGY_METHODS}, got {similarity_function!r}"
        )
    fold = _folding(case_insensitive)
    sections = [
        (name, [(fold(a), fold(b), fold(c), fold(d)) for a, b, c, d in section])
        for name, section in read_analogies(questions)
    ]
    index = _folded_index(words, fold)
    ids = np.array([[index.get(word, -1) for word in question] for _, part in sections for question in part])
    known: NDArray[np.bool_] = np.all(ids >= 0, axis=1)
    right = np.zeros(len(ids), bool)
    solver = _AnalogySolver(words, vectors_kh, inverse_norms_k, fold, index)
    right[known] = solver.answers(ids[known, :3], similarity_function, _batch_numbers) == ids[known, 3]
    return _report(sections, right, np.ones_like(known) if dummy4unknown else known)


def read_analogies(analogies: LineSource, encoding: str = "utf8") -> list[Section]:
    """Sections of "a b c d" questions in the format of questions-words.txt (``: name`` starts a section).

    Lines without exactly four words are counted and logged.

    Raises
    ------
    FormatError     There is no question, one stands before the first section, or the file is not `encoding`;
                    names the file.
    """
    sections: list[Section] = []
    skipped = 0
    for line in _lines(analogies, encoding):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        words = line.split()
        if len(words) != 4:
            skipped += bool(words)
            continue
        if not sections:
            raise FormatError(
                f"{_name(analogies)}: a question stands before the first ': section' line: {line!r}"
            )
        a, b, c, d = words
        sections[-1][1].append((a, b, c, d))
    if skipped:
        logger.warning("%s: skipped %d line(s) without four words", _name(analogies), skipped)
    if not any(questions for _, questions in sections):
        raise FormatError(f"{_name(analogies)}: no question of four words")
    return sections


class _AnalogySolver:
    """Answers batches of questions by matrix products.

    Several spellings of a word share one folded form; the first of them, the most frequent one, stands for
    all.
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors_kh: Floats,
        inverse_norms_k: Floats,
        fold: Fold,
        index: dict[str, int],
    ) -> None:
        self._vectors_kh, self._inverse_norms_k = vectors_kh, inverse_norms_k
        self._first_k = np.fromiter((index[fold(word)] for word in words), np.int64, len(words))
        # The other spellings of a word, which as answers are the word itself.
        self._spellings: dict[int, list[int]] = {}
        for i in np.flatnonzero(self._first_k != np.arange(len(words))).tolist():
            self._spellings.setdefault(int(self._first_k[i]), []).append(i)
        self._never = np.flatnonzero(~np.isfinite(inverse_norms_k))

    def answers(self, abc_q3: Ids, method: str, batch_numbers: int) -> Ids:
        """Best word (q,) for every question, never one of a, b, c; -1 if no score is finite."""
        answers = self._additive if method == "most_similar" else self._multiplicative
        step = max(1, batch_numbers // max(1, len(self._first_k)))
        parts = [answers(abc_q3[start : start + step]) for start in range(0, len(abc_q3), step)]
        best: Ids = np.concatenate([np.empty(0, np.int64), *parts])
        return np.where(best >= 0, self._first_k[best], -1)

    def _excluded(self, question: list[int]) -> list[int]:
        """The rows of a question's words, in all spellings."""
        return question + [row for word in question for row in self._spellings.get(word, [])]

    def _unit(self, ids: Ids) -> Floats:
        return self._vectors_kh[ids] * self._inverse_norms_k[ids, None]

    def _cosines(self, queries_qh: Floats) -> Floats:
        scores_qk: Floats = queries_qh @ self._vectors_kh.T
        scores_qk *= self._inverse_norms_k
        return scores_qk

    def _additive(self, abc_q3: Ids) -> Ids:
        """3CosAdd: cos(d, b) - cos(d, a) + cos(d, c) (Mikolov et al. 2013), near ties decided in float64."""
        a, b, c = abc_q3.T
        with np.errstate(invalid="ignore"):
            queries_qh = self._unit(b) - self._unit(a) + self._unit(c)
        excluded = [self._excluded(question) for question in abc_q3.tolist()]
        found = ExactSearch(self._vectors_kh, self._inverse_norms_k).nearest(
            queries_qh, slice(None), 1, excluded
        )
        return np.array([near[0][0] if near and math.isfinite(near[0][1]) else -1 for near in found])

    def _multiplicative(self, abc_q3: Ids) -> Ids:
        """3CosMul: cos(d, b) cos(d, c) / (cos(d, a) + eps), cosines moved to [0, 1] (Levy, Goldberg 2014)."""
        with np.errstate(invalid="ignore", over="ignore"):
            a, b, c = (self._cosines(self._unit(ids)) for ids in abc_q3.T)
            # In place, and without the halves, which do not change the order.
            b += 1
            c += 1
            b *= c
            a += 1 + 2 * COSMUL_EPSILON
            b /= a
        b[:, self._never] = -np.inf
        for scores_k, question in zip(b, abc_q3.tolist()):
            scores_k[self._excluded(question)] = -np.inf
        winner = b.argmax(axis=1)
        valid = np.isfinite(b[np.arange(len(b)), winner])
        return np.where(valid, winner, -1)


def _report(sections: list[Section], right: NDArray[np.bool_], asked: NDArray[np.bool_]) -> AnalogiesResult:
    """The score of all questions, and those of the sections; `right` and `asked` have a flag per question."""
    everything = [question for _, questions in sections for question in questions]
    ends = itertools.accumulate(len(questions) for _, questions in sections)
    parts = [slice(end - len(questions), end) for end, (_, questions) in zip(ends, sections)]
    results = [
        _judged(name, questions, right[part], asked[part]) for part, (name, questions) in zip(parts, sections)
    ]
    total = _judged("Total accuracy", everything, right, asked)
    return AnalogiesResult(_accuracy(total), [*results, total])


def _judged(
    name: str, questions: list[Question], right: NDArray[np.bool_], asked: NDArray[np.bool_]
) -> AnalogySection:
    """The questions of a section that were asked, sorted into right and wrong."""
    answered = [(question, hit) for question, hit, counts in zip(questions, right, asked) if counts]
    correct = [question for question, hit in answered if hit]
    result: AnalogySection = {
        "section": name,
        "correct": correct,
        "incorrect": [question for question, hit in answered if not hit],
    }
    logger.info("%s: %.2f %% (%d of %d)", name, 100 * _accuracy(result), len(correct), len(answered))
    return result


def _accuracy(result: AnalogySection) -> float:
    total = len(result["correct"]) + len(result["incorrect"])
    return len(result["correct"]) / total if total else 0.0


# ---- both ----


def _folded_index(words: Sequence[str], fold: Fold) -> dict[str, int]:
    """Folded word -> its lowest (most frequent) index."""
    index: dict[str, int] = {}
    for i, word in enumerate(words):
        index.setdefault(fold(word), i)
    return index


def _folding(case_insensitive: bool) -> Fold:
    return str.upper if case_insensitive else str


def _name(source: LineSource) -> str:
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else "the given lines"


def _lines(source: LineSource, encoding: str) -> Iterator[str]:
    if not isinstance(source, str | os.PathLike):
        for line in source:
            if not isinstance(line, str):
                raise TypeError(f"{_name(source)} must be str, got {line!r}; or give the path of a file")
            yield line
        return
    with open_text(source, encoding) as file:
        try:
            yield from file
        except UnicodeDecodeError as error:
            raise FormatError(f"{_name(source)}: not {encoding}: {error}") from None


def _finite_number(text: str) -> float | None:
    value = number_in(text.strip())
    return value if value is not None and math.isfinite(value) else None
