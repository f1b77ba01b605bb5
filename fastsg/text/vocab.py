"""Vocab: words and their ids, counts, frequencies; as a file of lines ``word count``."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..errors import FormatError, close_words
from ..io.untrusted import read_whole
from ..system.atomic import atomic_write
from ..system.compression import compressed, compression_of
from ..system.notebook import html_table
from . import subsampling

_BOM = b"\xef\xbb\xbf"
_SHOWN = 10  # words in a notebook


class Vocab:
    """Words, numbered by descending count; equal counts by the bytes of their UTF-8.

    Parameters
    ----------
    words : sequence of str             In the order above, each once, not empty, encodable as UTF-8.
    counts : array_like of shape (K,)   Occurrences, integers >= 0, not all 0.
    raw_types, raw_tokens : int or None Different words and tokens before rare ones were cut; None: none were.

    Attributes
    ----------
    words : list of str
    counts : ndarray of shape (K,), int64
    index : dict                        Word to id.
    raw_types, raw_tokens : int

    Raises
    ------
    ValueError, TypeError               The words or counts are not as described; says which.

    See Also
    --------
    Vocab.from_counts : Takes words in any order and cuts rare ones.
    """

    __slots__ = ("counts", "index", "raw_tokens", "raw_types", "words")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        words: Sequence[str],
        counts: ArrayLike,
        *,
        raw_types: int | None = None,
        raw_tokens: int | None = None,
    ) -> None:
        self.words = list(words)
        self.counts = _checked_counts(counts, len(self.words))
        self.index = _checked_index(self.words)
        _check_order(self.words, self.counts)
        if not self.counts.any():
            raise ValueError("the vocabulary is empty, or all its counts are 0")
        total = int(self.counts.sum())
        self.raw_types = (
            len(self.words) if raw_types is None else checks.integer("raw_types", raw_types, None)
        )
        self.raw_tokens = total if raw_tokens is None else checks.integer("raw_tokens", raw_tokens, None)
        if self.raw_types < len(self.words) or self.raw_tokens < total:
            raise ValueError(
                f"raw_types={raw_types} and raw_tokens={raw_tokens} are below the {len(self.words)} words "
                f"and {total} tokens kept"
            )

    @classmethod
    def from_counts(
        cls,
        words: Sequence[str],
        counts: ArrayLike,
        *,
        min_count: int = 5,
        max_final_vocab: int | None = None,
    ) -> Vocab:
        """Vocabulary of the words counted at least ``min_count`` times.

        Parameters
        ----------
        words : sequence of str             In any order, each once.
        counts : array_like of shape (n,)   Their occurrences.
        min_count : int                     Rarer words are left out; at least 1.
        max_final_vocab : int or None       At most so many words, the first in the order of ids.

        Raises
        ------
        ValueError                          No word is that frequent (says how frequent the commonest is), or
                                            an argument is out of its range.
        """
        words = list(words)
        counts = _checked_counts(counts, len(words))
        _checked_index(words)
        chosen = eligible(counts, min_count, max_final_vocab)
        candidates = [words[i] for i in chosen.tolist()]
        order = ranking(candidates, counts[chosen])[:max_final_vocab]
        return cls(
            [candidates[i] for i in order.tolist()],
            counts[chosen[order]],
            raw_types=len(words),
            raw_tokens=int(counts.sum()),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocab:
        """Read a vocabulary written by :meth:`save`, or by word2vec's ``-save-vocab``.

        A line holds ``word count``, in UTF-8; ``.gz .bz2 .xz .zst`` are unpacked. The lines may stand in any
        order. What was cut before saving is not in the file, so ``raw_types`` and ``raw_tokens`` are those of
        the file.

        Raises
        ------
        FormatError                         A line is not of that form; names the line.
        OSError                             The file cannot be read.
        """
        lines = read_whole(path).removeprefix(_BOM).split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        words, counts = [], np.empty(len(lines), dtype=np.int64)
        for i, line in enumerate(lines):
            try:
                word, counts[i] = _parsed(line)
            except ValueError as exc:
                raise FormatError(f"{os.fspath(path)!r}, line {i + 1}: {exc}") from None
            words.append(word)
        try:
            order = ranking(words, counts)
            return cls([words[i] for i in order.tolist()], counts[order])
        except ValueError as exc:
            raise FormatError(f"{os.fspath(path)!r} is not a vocabulary: {exc}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``word count`` a line, UTF-8, in order of the ids; compressed if the name says so.

        An existing file is replaced as a whole or not at all.

        Raises
        ------
        ValueError                          A word contains a line feed and could not be read back.
        """
        for word in self.words:
            if "\n" in word:
                raise ValueError(f"the word {word!r} contains a line feed; this format has one word a line")
        data = "".join(
            [f"{word} {count}\n" for word, count in zip(self.words, self.counts.tolist())]
        ).encode()
        with atomic_write(path) as raw, compressed(raw, compression_of(path)) as file:
            # load() takes a first U+FEFF for a byte order mark; one that belongs to a word needs another
            # before it.
            file.write(_BOM + data if data.startswith(_BOM) else data)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> int:
        """Id of a word; a KeyError names close ones."""
        try:
            return self.index[word]
        except KeyError:
            close = self.suggest(word) if isinstance(word, str) else []
            hint = f"; close words: {', '.join(map(repr, close))}" if close else ""
            raise KeyError(f"{word!r} is not among the {len(self)} words of the vocabulary{hint}") from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocab):
            return NotImplemented
        return self.words == other.words and np.array_equal(self.counts, other.counts)

    def __repr__(self) -> str:
        return f"<Vocab: {len(self)} words, {int(self.counts.sum())} tokens>"

    def _repr_html_(self) -> str:
        first = slice(0, _SHOWN)
        counts, shares = self.counts[first].tolist(), self.unigram()[first].tolist()
        rows = zip(range(_SHOWN), self.words[first], counts, shares)
        title = f"Vocab: {len(self):,} words, {int(self.counts.sum()):,} tokens"
        return html_table(title, ["id", "word", "count", "share"], rows, len(self) - _SHOWN)

    def unigram(self) -> NDArray[np.float64]:
        """Relative frequency of each word, shape (K,), float64; sums to 1."""
        frequencies: NDArray[np.float64] = self.counts / self.counts.sum()
        return frequencies

    def keep_probabilities(self, sample: float | None) -> NDArray[np.float64]:
        """Probability that subsampling keeps an occurrence of each word.

        min(1, sqrt(sample / f) + sample / f) for a word of frequency f in this vocabulary.

        Parameters
        ----------
        sample : float or None              Frequency above which words are thinned, usually 1e-3 to 1e-5;
                                            0 or None keeps all.

        Returns
        -------
        ndarray of shape (K,), float64      1 for words of count 0.

        Raises
        ------
        ValueError                          ``sample`` is negative, not finite or not a number.
        """
        return subsampling.keep_probabilities(self.unigram(), sample)

    def suggest(self, word: str, n: int = 3) -> list[str]:
        """Words of the vocabulary that look like ``word``, best first, for error messages.

        Other spellings in upper and lower case come first; then frequent words close in letters.
        """
        n = checks.integer("n", n, 0)
        if not isinstance(word, str):
            raise TypeError(f"word is {checks.shown(word)}, a {type(word).__name__}; it must be a str")
        return close_words(word, self.index, n)


def check_vocab(vocab: object) -> None:
    """TypeError for anything but a Vocab or None."""
    if not isinstance(vocab, Vocab | None):
        raise TypeError(
            f"vocab is a {type(vocab).__name__}; it must be None or a Vocab, which Vocab.from_counts "
            "makes of words and their counts"
        )


def eligible(counts: NDArray[np.int64], min_count: int, max_final_vocab: int | None) -> NDArray[np.int64]:
    """Positions of the counts of at least ``min_count`` that may be among the ``max_final_vocab`` largest.

    All that tie for the last place are among them. Works without the words, so that a hundred million rare
    ones need never become Python objects.
    """
    check_cuts(min_count, max_final_vocab)
    largest = int(counts.max()) if len(counts) else 0
    if largest < min_count:
        raise ValueError(
            f"the vocabulary is empty: of {len(counts)} different words the commonest occurs {largest} "
            f"times, fewer than min_count={min_count}"
        )
    chosen = np.flatnonzero(counts >= min_count)
    if max_final_vocab is not None and max_final_vocab < len(chosen):
        kept = counts[chosen]
        last = len(kept) - max_final_vocab
        chosen = chosen[kept >= np.partition(kept, last)[last]]
    return chosen


def ranking(words: Sequence[str], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order of the ids: by descending count, then by the bytes of UTF-8.

    Code points sort as their UTF-8 does, so str is compared, which is faster than bytes.
    """
    by_word = np.array(sorted(range(len(words)), key=words.__getitem__), dtype=np.int64)
    return by_word[np.argsort(-counts[by_word], kind="stable")]


def check_cuts(min_count: int, max_final_vocab: int | None) -> None:
    """Raise ValueError if an argument is out of its range."""
    checks.positive_integer("min_count", min_count)
    if max_final_vocab is not None:
        checks.positive_integer("max_final_vocab", max_final_vocab, also="None and ")


def _parsed(line: bytes) -> tuple[str, int]:
    """Word and count of a line; a ValueError says what is wrong with it."""
    word, _, count = line.rpartition(b" ")
    digits = count.removesuffix(b"\r")
    if not word or not digits.isdigit() or len(digits) > 19 or int(digits) > checks.MOST_INTEGER:
        raise ValueError(f"expected 'word count', got {line[:80]!r}")
    try:
        return word.decode(), int(digits)
    except UnicodeDecodeError:
        raise ValueError(f"the word is not UTF-8: {word[:80]!r}") from None


def _checked_counts(counts: ArrayLike, n_words: int, most_words: int = checks.MAX_WORDS) -> NDArray[np.int64]:
    """A copy of the counts: int64, one for each word, with a sum that int64 holds."""
    array = np.asarray(counts)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.shape != (n_words,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"counts must be {n_words} integers, one a word; got shape {array.shape} of {array.dtype}"
        )
    if n_words > most_words:
        raise ValueError(f"{n_words} words are more than ids can number ({most_words})")
    if n_words and array.min() < 0:
        raise ValueError(f"counts must not be negative; the smallest is {array.min()}")
    if array.sum(dtype=np.float64) >= checks.MOST_INTEGER:
        raise ValueError("the counts add up to more than 64 bits hold")
    return np.array(array, dtype=np.int64)


def _checked_index(words: list[str]) -> dict[str, int]:
    """Ids of the words, which must be str, not empty, encodable and all different."""
    index = checks.word_index(words)
    if "" in index:
        raise ValueError("the empty string cannot be a word")
    try:
        "".join(words).encode()
    except UnicodeEncodeError as exc:
        raise ValueError(f"a word cannot be encoded as UTF-8: {exc}") from None
    return index


def _check_order(words: list[str], counts: NDArray[np.int64]) -> None:
    steps = np.diff(counts)
    wrong = np.flatnonzero(steps > 0).tolist() or [
        i for i in np.flatnonzero(steps == 0).tolist() if words[i] > words[i + 1]
    ]
    if wrong:
        first, second = words[wrong[0]], words[wrong[0] + 1]
        raise ValueError(
            f"words must stand by descending count, equal counts by their UTF-8 bytes; "
            f"{second!r} may not follow {first!r} (Vocab.from_counts sorts)"
        )
