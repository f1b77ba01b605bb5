"""Search in English and Chinese at once, in the browser alone and without a segmenter.

Chinese is indexed by characters and pairs of characters, and a query is cut in the same way: a page is found
if it has all pairs of the query. Names are indexed by their parts too: ``early_stopping`` and
``EarlyStopping`` are found by "early stopping".
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.search.en import SearchEnglish

_WORD = re.compile(r"[㐀-鿿]+|[^\W㐀-鿿]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the language."""
    app.add_search_language(EnglishAndChinese)
    return {"parallel_read_safe": True}


class EnglishAndChinese(SearchEnglish):
    """English words by their stems, Chinese by pairs of characters."""

    lang = "en-zh"
    js_splitter_code = r"""
function splitQuery(query) {
  const terms = [];
  for (const word of query.match(/[㐀-鿿]+|(?:(?![㐀-鿿])[\p{Letter}\p{Number}_])+/gu) ?? []) {
    if (!/[㐀-鿿]/.test(word) || word.length === 1) terms.push(word);
    else for (let i = 1; i < word.length; i++) terms.push(word.slice(i - 1, i + 1));
  }
  return terms;
}
"""

    def split(self, input: str) -> list[str]:
        """What a text is found by."""
        return [term for word in _WORD.findall(input) for term in terms_of(word)]


def terms_of(word: str) -> list[str]:
    """A word and its parts, or the characters and pairs of characters of a run of Chinese ones."""
    if "㐀" <= word[0] <= "鿿":
        return [*word, *(word[i - 1 : i + 1] for i in range(1, len(word)))]
    parts = _PART.findall(word)
    return [word, *parts] if len(parts) > 1 else [word]
