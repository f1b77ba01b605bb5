"""The exceptions that are fastsg's own, and words that look like an unknown one, for messages.

Everything else that goes wrong is a standard ValueError, TypeError, KeyError or OSError.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping

_SCANNED = 100_000  # words looked at: the most frequent ones
_COMPARED = 10_000  # words whose letters are compared
_LONGEST = 64  # letters; for longer words nothing is looked up


class DivergenceError(FloatingPointError):
    """Training left the range of finite numbers; the matrices hold their last finite state."""


class FormatError(ValueError):
    """A file is not what its format says it must be."""


def close_words(word: str, index: Mapping[str, int], n: int = 3) -> list[str]:
    """Up to `n` words that look like `word`, best first; `index` starts with the most frequent words.

    Other spellings in upper and lower case come first; then those of the frequent words that are close in
    letters, whatever their case.
    """
    if not 0 < len(word) <= _LONGEST:
        return []
    found = [form for form in (word.lower(), word.capitalize(), word.upper()) if form in index]
    # Comparing letters is slow: only words of similar length that share an end are compared.
    asked = word.lower()
    near: dict[str, str] = {}
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
