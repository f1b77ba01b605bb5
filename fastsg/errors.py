"""The exceptions that are fastsg's own (everything else is a standard ValueError, TypeError, KeyError or OSError), and words that look like
an unknown one, for messages."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping

_SCANNED = 100_000  # most frequent words looked at
_COMPARED = 10_000
_LONGEST = 64


class DivergenceError(FloatingPointError):
    """Training left the range of finite numbers; the matrices hold their last finite state."""


class FormatError(ValueError):
    """A file is not what its format says it must be."""


def close_words(word: str, index: Mapping[str, int], n: int = 3) -> list[str]:
    """Up to `n` words that look like `word`, best first; `index` names the commonest words first.

    Other spellings in upper and lower case come first; then, among common ones, words close in letters whatever their case.
    """
    if not 0 < len(word) <= _LONGEST:
        return []
    found = [form for form in (word.lower(), word.capitalize(), word.upper()) if form in index]
    # Comparing letters is slow: only words of similar length that share an end are compared.
    asked, near = word.lower(), {}
    for other in itertools.islice(index, _SCANNED):
        if (
            abs(len(other) - len(word)) <= 2
            and other
            and (other[0].lower() == asked[0] or other[-1].lower() == asked[-1])
        ):
            near.setdefault(other.lower(), other)
            if len(near) == _COMPARED:
                break
    found += [near[form] for form in difflib.get_close_matches(asked, near, n=n + 1, cutoff=0.65)]
    return [other for other in dict.fromkeys(found) if other != word][:n]
